"""What was tried for chapter 12, or takes longer than a chapter may: `make experiments NB=12`.

Each chooses its rate on images that are neither trained on nor counted at the end.
"""

import torch
from torch import nn

from helpers.course.rooms import room


def _notebook(*more):
    """Return the names that the notebook's first cells define, its starts, networks and loop, and more cells."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    return room(12).run("imports", "start-short", "tools-net", "tools-fit", *more)


def _written(values):
    """Return the mean and, in brackets, the lowest and the highest."""
    values = list(values)
    return f"{sum(values) / len(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _chosen(score, rates):
    """Return what five seeds score at the rate that is best on held-out images, and at which: score(rate, seed) → (held out, test)."""
    runs = {rate: [score(rate, seed) for seed in range(5)] for rate in rates}
    best = max(runs, key=lambda rate: sum(held for held, _ in runs[rate]))
    return {"best rate": f"{best:g}", "test, %": _written(test for _, test in runs[best])}


def _digits(known):
    """Return (fit on, held out, test) of the digits, as (x, y) each."""
    x, y = known["x"], known["y"]
    return (x[:1088], y[:1088]), (x[1088:], y[1088:]), (known["x_test"], known["y_test"])


def starts_and_rates():
    """20 layers, each start at its own best rate of five: test digits right in %.

    8 epochs, SGD with momentum; 1,088 digits to train, 264 to choose the rate; 5 seeds: mean (lowest to highest).
    """
    known = _notebook()
    train, held, test = _digits(known)
    cases = {name: (nn.ReLU, each) for name, each in known["STARTS"].items()}
    cases = {f"ReLU, {name}": each for name, each in cases.items()} | {"tanh, √(1/D)": (nn.Tanh, known["xavier"])}

    def score(kind, deviation, rate, seed):
        net = known["mlp"](64, *[100] * 20, 10, activation=kind, deviation=deviation, seed=seed)
        known["fit"](net, *train, rate, 8, seed)
        return known["right"](net, *held), known["right"](net, *test)

    return [
        {"start": name}
        | _chosen(lambda rate, seed, each=each: score(*each, rate, seed), (0.001, 0.003, 0.01, 0.03, 0.1))
        for name, each in cases.items()
    ]


def how_deep_from_he():
    """He's start and ReLU, at the best of three rates, by depth: test digits right in %.

    8 epochs, SGD with momentum; 1,088 digits to train, 264 to choose the rate; 5 seeds: mean (lowest to highest).
    """
    known = _notebook()
    train, held, test = _digits(known)

    def score(depth, rate, seed):
        net = known["fit"](known["mlp"](64, *[100] * depth, 10, seed=seed), *train, rate, 8, seed)
        return known["right"](net, *held), known["right"](net, *test)

    return [
        {"hidden layers": depth} | _chosen(lambda rate, seed, d=depth: score(d, rate, seed), (0.001, 0.003, 0.01))
        for depth in (10, 20, 50)
    ]


def residual_branch_and_rates():
    """30 residual blocks without BN, each start of the branch's last layer at its own best rate of five.

    Test digits right in %, 5 epochs; 5 seeds: mean (lowest to highest).
    """
    known = _notebook("res-run")
    train, held, test = _digits(known)

    def score(scale, rate, seed):
        torch.manual_seed(seed)
        blocks = [known["Block"](64, scale) for _ in range(30)]
        net = nn.Sequential(nn.Flatten(), *blocks, known["initialize"](nn.Linear(64, 10), known["he"]))
        known["fit"](net.to(known["device"]), *train, rate, 5, seed)
        return known["right"](net, *held), known["right"](net, *test)

    cases = (("He", 1.0), ("He / √30", 30**-0.5), ("0", 0.0))
    return [
        {"W₂": name}
        | _chosen(lambda rate, seed, scale=scale: score(scale, rate, seed), (0.0003, 0.001, 0.003, 0.01, 0.03))
        for name, scale in cases
    ]


def _clothes():
    """Return the notebook's names and (fit on, held out, test) of the clothes, standardised."""
    known = _notebook("act-figure", "first-data")
    held = known["data"].fashion_mnist().split(8000)[1].subset(1000)
    pixels = known["F"].avg_pool2d(held.images, 2).flatten(1).to(known["device"])
    known["raw_held"], known["labels_held"] = pixels, held.labels.to(known["device"])
    held = ((pixels - known["raw"].mean()) / known["raw"].std(), known["labels_held"])
    return known, (known["pixels"], known["labels"]), held, (known["pixels_test"], known["labels_test"])


def activations_at_their_best_rates():
    """Each activation function at its own best rate of three, in ten hidden layers of 64: test images right in %.

    2,000 clothes of 14×14 pixels, 6 epochs, the rate falls to 0; 5 seeds: mean (lowest to highest).
    """
    known, train, held, test = _clothes()
    small = ("sigmoid", "tanh")

    def score(name, norm, rate, seed):
        deviation = known["xavier" if name in small else "he"]
        kind = known["ACTIVATIONS"][name]
        net = known["mlp"](196, *[64] * 10, 10, activation=kind, deviation=deviation, norm=norm, seed=seed)
        known["fit"](net, *train, rate, 6, seed, falling=True)
        return known["right"](net, *held), known["right"](net, *test)

    def joined(name, norm):
        found = _chosen(lambda rate, seed: score(name, norm, rate, seed), (0.006, 0.02, 0.06))
        return f"{found['test, %']} at {found['best rate']}"

    return [
        {"activation": name, "without BN": joined(name, False), "with BN": joined(name, True)}
        for name in known["ACTIVATIONS"]
    ]


def activations_in_a_convolutional_network():
    """Each activation function in four 3×3 convolutions with BN, at its own better rate of two: test images right in %.

    12, 12, 24, 24 channels, 2,000 clothes of 14×14 pixels, 5 epochs, the rate falls to 0; 5 seeds: mean (lowest to highest).
    """
    known, *sets = _clothes()
    train, held, test = ((x.view(-1, 1, 14, 14), y) for x, y in sets)

    def score(name, rate, seed):
        torch.manual_seed(seed)
        layers, inputs = [], 1
        for channels, stride in ((12, 2), (12, 1), (24, 2), (24, 1)):
            layers += [
                nn.Conv2d(inputs, channels, 3, stride, 1),
                nn.BatchNorm2d(channels),
                known["ACTIVATIONS"][name](),
            ]
            inputs = channels
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10))
        net = known["initialize"](net, known["xavier" if name in ("sigmoid", "tanh") else "he"]).to(known["device"])
        known["fit"](net, *train, rate, 5, seed, falling=True)
        return known["right"](net, *held), known["right"](net, *test)

    return [
        {"activation": name} | _chosen(lambda rate, seed, name=name: score(name, rate, seed), (0.1, 0.3))
        for name in known["ACTIVATIONS"]
    ]


def sigmoid_with_a_wider_start():
    """Sigmoid from the start of deviation 1/√D and from 4/√D, at its own best rate: test images right in %.

    Hidden layers of 64, 2,000 clothes of 14×14 pixels, 6 epochs, the rate falls to 0; 5 seeds: mean (lowest to highest).
    """
    known, train, held, test = _clothes()

    def score(depth, factor, rate, seed):
        net = known["mlp"](
            196, *[64] * depth, 10, activation=nn.Sigmoid, deviation=lambda d: factor / d**0.5, seed=seed
        )
        known["fit"](net, *train, rate, 6, seed, falling=True)
        return known["right"](net, *held), known["right"](net, *test)

    return [
        {"hidden layers": depth, "deviation": f"{factor}/√D"}
        | _chosen(lambda rate, seed, d=depth, f=factor: score(d, f, rate, seed), (0.02, 0.06, 0.2))
        for depth in (2, 4, 8)
        for factor in (1, 4)
    ]


def forms_of_the_input():
    """Each way to prepare the input, at the best of four rates, from 0.03 to 1 of its edge: test images right in %.

    196-64-64-10, 2,000 clothes of 14×14 pixels, 5 epochs, SGD with momentum; 5 seeds: mean (lowest to highest).
    """
    known, (_, labels), (_, labels_held), (_, labels_test) = _clothes()
    known = room(12).run("net-edge", **(known | room(12).run("edge-run", **known)))
    train, held, test = (known[name] for name in ("raw", "raw_held", "raw_test"))
    mean, deviation = train.mean(), train.std()

    def loud(x):
        x = (x - mean) / deviation
        x[:, 100] *= 30
        return x

    forms = {
        "0…255": lambda x: 255 * x,
        "0…1": lambda x: x.clone(),
        "minus the mean": lambda x: x - mean,
        "minus the mean image": lambda x: x - train.mean(0),
        "standardised": lambda x: (x - mean) / deviation,
        "each pixel standardised": lambda x: (x - train.mean(0)) / (train.std(0) + 0.01),
        "standardised, one pixel × 30": loud,
    }

    def score(form, rate, seed):
        net = known["mlp"](196, 64, 64, 10, seed=seed)
        known["fit"](net, form(train), labels, rate, 5, seed)
        return known["right"](net, form(held), labels_held), known["right"](net, form(test), labels_test)

    rows = []
    for name, form in forms.items():
        edge = 3.8 / known["top_curvature"](known["mlp"](196, 64, 64, 10), form(train)[:500], labels[:500])
        rates = [edge * share for share in (0.03, 0.1, 0.3, 1.0)]
        rates = [float(f"{rate:.2g}") for rate in rates]
        rows.append({"input": name} | _chosen(lambda rate, seed, form=form: score(form, rate, seed), rates))
    return rows
