"""What was tried for chapter 14, or takes longer than a chapter may: `make experiments NB=14`."""

import json

import torch

from helpers.chapters.ch14_checklist import zoo
from helpers.chapters.ch14_checklist.side_by_side import rank_correlation, train_many
from helpers.course.rooms import room
from helpers.files import write_whole


def _notebook(*more):
    """Return the names that the notebook's first cells define, its data, its networks, its loop, and more cells."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    return room(14).run("imports", "tools-data", "tools-net", "tools-fit", *more)


def _written(values, form="{:.1f}"):
    """Return the mean and, in brackets, the lowest and the highest."""
    values = [float(value) for value in values]
    mean, low, high = (form.format(value) for value in (sum(values) / len(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def symptoms_of_the_zoo():
    """What does each test show of each bug? It also writes symptoms.json, which the explorer shows.

    5 seeds: a word, and in how many of the five runs it was found where not in all.
    """
    torch.set_num_threads(1)
    found = {name: [zoo.examine(name, seed) for seed in range(zoo.SEEDS)] for name in zoo.PROGRAMS}
    short = {
        name: [run | {"losses": [float(f"{loss:.3g}") for loss in run["losses"]]} for run in runs]
        for name, runs in found.items()
    }
    text = json.dumps(short, ensure_ascii=False, separators=(",", ":")).replace('],"', '],\n"') + "\n"
    write_whole(zoo.HERE / "symptoms.json", text.encode("utf-8"))
    zoo.symptoms.cache_clear()

    def cell(name, test):
        words = [run[test][0] for run in found[name]]
        counts = {word: words.count(word) for word in dict.fromkeys(words)}
        return ", ".join(word if count == zoo.SEEDS else f"{word} ({count})" for word, count in counts.items())

    return [{"program": name} | {test: cell(name, test) for test in zoo.TESTS} for name in zoo.PROGRAMS]


def one_ingredient_in_or_out():
    """What does each ingredient of a recipe do, put alone into the so-so one, or taken alone out of the good one?

    Test images right in %, after 30 epochs; 5 seeds: mean (lowest to highest).
    """
    known = _notebook("recipes")
    so_so, good, cooked = known["so_so"], known["good"], known["cooked"]
    rows = [
        {
            "ingredient": "none",
            "so-so with it": _written(cooked(so_so, s) for s in range(5)),
            "good without it": _written(cooked(good, s) for s in range(5)),
        }
    ]
    for key in good:
        rows.append(
            {
                "ingredient": {"gain": "He's start", "factor": "cosine", "activation": "ReLU"}.get(key, key),
                "so-so with it": _written(cooked(so_so | {key: good[key]}, s) for s in range(5)),
                "good without it": _written(cooked(good | {key: so_so[key]}, s) for s in range(5)),
            }
        )
    return rows


def first_epoch_and_last():
    """What does the score after one epoch, or three, say about the last; and what does successive halving lose?

    Ten times 60 random settings of rate, decay, momentum and start; 2,000 images, 64 hidden units, 20 epochs.
    Mean (lowest to highest) of the ten.
    """
    known = _notebook()
    data, validation = (known["x"], known["y"]), known["validation"]
    found = {}
    for repetition in range(100, 110):
        dice = torch.Generator().manual_seed(repetition)

        def between(low, high):
            return low * (high / low) ** torch.rand(60, generator=dice)

        rates, decays, gains = between(0.001, 1), between(1e-5, 0.03), between(0.1, 3)
        momenta = torch.tensor([0.0, 0.5, 0.9])[torch.randint(3, (60,), generator=dice)]
        seeds = range(60 * repetition, 60 * repetition + 60)
        scores = train_many(data, validation, rates, seeds, 20, (64,), decays, momenta, gains)[1]
        last, upper = scores[-1], scores[-1].topk(30).indices
        row = {}
        for epoch in (1, 3):
            row[f"rank correlation of epoch {epoch} with 20"] = rank_correlation(scores[epoch - 1], last)
            row[f"the same among the better half, epoch {epoch}"] = rank_correlation(
                scores[epoch - 1, upper], last[upper]
            )
        poor = scores[0] < 30
        row["settings below 30 % after one epoch"] = float(poor.sum())
        row["of these above the median at the end"] = float((last[poor] > last.median()).sum())
        row["the winner's place of 60 after one epoch"] = float((scores[0] > scores[0, last.argmax()]).sum() + 1)
        row["points lost by taking the first after one epoch"] = last.max() - last[scores[0].argmax()]
        for name, cuts in (("1, 3, 9", ((1, 20), (3, 7), (9, 2))), ("3, 9", ((3, 20), (9, 7)))):
            alive, spent, before = torch.arange(60), 0, 0
            for epoch, keep in cuts:
                spent, before = spent + len(alive) * (epoch - before), epoch
                alive = alive[scores[epoch - 1, alive].topk(keep).indices]
            spent += len(alive) * (20 - before)
            row[f"points lost by halving at {name}: {spent} epochs"] = last.max() - last[alive].max()
            count = spent // 20
            drawn = last[torch.rand(2000, 60, generator=dice).topk(count).indices].amax(1)
            row[f"by {count} settings at random, trained fully"] = last.max() - drawn.mean()
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return [{"": name, "ten times": _written(values, "{:.2f}")} for name, values in found.items()]


def still_rising():
    """A curve that still rises: to train on, or to raise the rate?

    Images right in %, 2,000 training images; 5 seeds: mean (lowest to highest).
    """
    known = _notebook()
    rows = []
    for rate, epochs in ((0.0003, 12), (0.0003, 48), (0.01, 12)):
        found = []
        for seed in range(5):
            net = known["mlp"](196, 64, 64, 10, seed=seed)
            found.append(known["fit"](net, known["x"], known["y"], rate, epochs, seed, test=known["test"])[1][-1])
        training, test = zip(*found)
        rows.append({"rate": rate, "epochs": epochs, "training": _written(training), "test": _written(test)})
    return rows
