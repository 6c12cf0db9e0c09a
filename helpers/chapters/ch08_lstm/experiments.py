"""What was tried for chapter 08, or takes longer than a chapter may: `make experiments NB=08`."""

import torch

from helpers.course.rooms import room


def _seeds(values, form="{:.2f}"):
    """Write the mean and, in brackets, each value from the lowest to the highest."""
    values = sorted(values)
    return f"{form.format(sum(values) / len(values))} ({', '.join(map(form.format, values))})"


def _race(kind, rates, steps=650, seeds=5):
    """The row of one kind of network: its rates on seed 10, then other seeds at the best of them."""
    torch.set_num_threads(1)
    known = room(8).run("imports", "alice-data", "alice-model", "alice-fit", "alice-bits")

    def bits(rate, seed):
        return known["bits"](known["fit"](kind, rate, steps, seed=seed))

    tried = {rate: bits(rate, seed=10) for rate in rates}
    best = min(tried, key=tried.get)
    parameters = sum(weight.numel() for weight in known["Reader"](kind).parameters())
    return {
        "network": kind,
        "units": f"2 × {known['UNITS'][kind]}",
        "parameters": f"{parameters:,}",
        "bits on seed 10, by rate": "; ".join(f"{rate:g}: {value:.2f}" for rate, value in tried.items()),
        "best rate": f"{best:g}",
        "bits per character": _seeds([bits(best, seed) for seed in range(seeds)]),
    }


def alice():
    """Who reads *Alice* best, with as many parameters each and each at its own best learning rate?

    Two layers, AdamW, one-cycle, 650 steps of 32 × 32 letters: five times through the book. The rate is the best of several, each
    double the one before, on a seed of its own, 10, and on the same text as the result. Then five other seeds. Bits per character
    on the last tenth of the book: the mean, and each seed.
    """
    return [
        _race("RNN", (0.003, 0.006, 0.012, 0.024)),
        _race("GRU", (0.003, 0.006, 0.012, 0.024)),
        _race("LSTM", (0.012, 0.024, 0.048, 0.096)),
    ]


def alice_read_longer():
    """Does the order of the three change when they read *Alice* twice as long?

    As in alice.md, but 1,300 steps, ten times through the book. The rate is the best of those five passes or half of it, on seed
    10; then three other seeds.
    """
    rates = {"RNN": (0.003, 0.006), "GRU": (0.006, 0.012), "LSTM": (0.024, 0.048)}
    return [_race(kind, each, steps=1300, seeds=3) for kind, each in rates.items()]


def recall_rates():
    """How far does each network recall at other learning rates than the chapter's 0.003?

    As in the chapter: at most 300 steps; how many of 3 seeds learn 10, 20 and 40 blanks. –: not tried, as no seed learnt the
    distance before.
    """
    torch.set_num_threads(1)
    known = room(8).run("imports", "path-run", "starts", "reach", "recall-code", "recall-runs")
    rows = []
    for kind in known["KINDS"]:
        row = {"network": kind}
        for rate in (0.001, 0.003, 0.01):
            runs = known["recall_runs"](kind, rate)
            learnt = [
                sum(len(losses) < known["MOST"] for _, losses in runs[kind, blanks]) if (kind, blanks) in runs else "–"
                for blanks in known["DISTANCES"]
            ]
            row[f"rate {rate:g}"] = ", ".join(map(str, learnt))
        rows.append(row)
    return rows


def adding_rates():
    """Which learning rate suits each network on the adding problem?

    As in the chapter: 400 steps at most, 3 seeds; how many of them learnt it, and the mean error of the last 20 steps, by rate.
    Always answering 1 has an error of 0.167.
    """
    torch.set_num_threads(1)
    known = room(8).run("imports", "path-run", "starts", "reach", "recall-code", "recall-runs", "adding-code")
    rows = []
    for kind in known["RATES"]:
        row = {"network": kind}
        for rate in (0.0005, 0.001, 0.0025, 0.005, 0.01):
            each = [known["adding_run"](kind, seed, rate) for seed in range(3)]
            learnt, error = (
                sum(len(losses) < 400 for losses in each),
                sum(sum(losses[-20:]) / 20 for losses in each) / 3,
            )
            row[f"rate {rate:g}"] = f"{learnt} of 3 ({error:.2f})"
        rows.append(row)
    return rows
