"""What chapter 15 tells of and does not run: `make experiments NB=15`. Networks and steps are those of the notebook's cells."""

import json
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch15_self_supervised.attention import StemViT, looks_at, on_ink
from helpers.chapters.ch15_self_supervised.judge import (
    by_neighbours,
    features,
    few,
    made,
    nearest_class,
    probe,
)
from helpers.chapters.ch15_self_supervised.masked import MaskedAutoEncoder, masked_loss
from helpers.chapters.ch15_self_supervised.views import move, shapes
from helpers.course.rooms import room
from helpers.files import write_whole
from helpers.training import train

HERE = Path(__file__).parent
SEEDS = range(5)
PARTS = ("dino-net", "dino-step")


@cache
def _notebook():
    """Return the names that these cells of the notebook define: the digits, their views, networks, losses, steps."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    return room(15).run("imports", "hand-code", "data", "net", "train-simclr", "train-supervised", *PARTS)


def _written(values, form="{:.0f}"):
    """Return the mean and, in brackets, the lowest and the highest."""
    values = [float(value) for value in values]
    mean, low, high = (form.format(value) for value in (sum(values) / len(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def _store(name, **arrays):
    """Write arrays beside this file, as one compressed archive."""
    np.savez_compressed(HERE / name, **arrays)


def few_labels():
    """Who tells the test digits best, by the number of labels? It also writes few_labels.json, which a figure shows.

    Test digits right in %, 5 seeds, each with labelled digits of its own: mean (lowest to highest). The supervised networks
    and SimCLR's encoder are equal; 600 steps with views, 200 without; SimCLR is trained once for 20 epochs on all 1,352
    digits and no label.
    """
    known = _notebook()
    x, y, x_test, y_test = (known[name] for name in ("x", "y", "x_test", "y_test"))
    counts, found = (1, 2, 5, 10, 20, 50, 100), {}
    for seed in SEEDS:
        net, fresh = known["simclr"](seed), made(known["encoder"], seed).to(known["device"])
        kinds = {"SimCLR": net, "its features h": net[0], "random features": fresh, "pixels": nn.Flatten()}
        kinds = {name: (features(kind, x), features(kind, x_test)) for name, kind in kinds.items()}
        for each in counts:
            places = few(y, each, seed)
            row = {
                "pixels, nearest class": nearest_class(
                    kinds["pixels"][0][places], y[places], kinds["pixels"][1], y_test
                ),
                "random features, probe": probe(
                    kinds["random features"][0][places], y[places], kinds["random features"][1], y_test
                ),
                "supervised, no views": known["supervised"](places, seed, None, 200, 3e-3),
                "supervised, same views": known["supervised"](places, seed),
                "SimCLR, nearest class of z": nearest_class(
                    kinds["SimCLR"][0][places], y[places], kinds["SimCLR"][1], y_test
                ),
                "SimCLR, probe of h": probe(
                    kinds["its features h"][0][places], y[places], kinds["its features h"][1], y_test
                ),
            }
            for name, score in row.items():
                found.setdefault(name, {}).setdefault(10 * each, []).append(round(score, 1))
    write_whole(HERE / "few_labels.json", (json.dumps(found, indent=1) + "\n").encode("utf-8"))
    return [
        {"": name} | {f"{labels} labels": _written(scores) for labels, scores in row.items()}
        for name, row in found.items()
    ]


def colour_kept_or_changed():
    """What do features know after SimCLR, where the views change the colours, and where they keep them?

    5 seeds, 5,000 shapes of 16×16 pixels without labels, 36 steps of 128 for 10 epochs. k-NN of 5 among the 5,000 for the
    form (10 classes), and for which of red, green and blue is the strongest in the form's colour (3); test shapes right in
    %: mean (lowest to highest). It also writes encoders.npz, the two encoders of seed 0, which the explorer uses.
    """
    known, found, kept = _notebook(), {}, {}
    for seed in SEEDS:
        (x, forms, colours), (x_test, forms_test, colours_test) = shapes(5000, 100 + seed), shapes(2000, 999)
        tasks = {
            "form": (forms, forms_test),
            "strongest colour": (colours.argmax(1), colours_test.argmax(1)),
        }
        kinds = {"pixels": nn.Flatten(), "random encoder": made(lambda: known["encoder"](3), seed).to(known["device"])}
        for name, strength in (("colours changed", 1.0), ("colours kept", 0.0)):
            kinds[name] = known["simclr"](seed, x, strength, 10, temperature=0.2, rate=0.02)[0]
            if seed == 0:
                kept |= {
                    f"{name}: {key}": value.half().numpy()
                    for key, value in kinds[name].state_dict().items()
                    if value.is_floating_point()
                }
        for name, kind in kinds.items():
            bank, asked = features(kind, x), features(kind, x_test)
            for task, (labels, truth) in tasks.items():
                found.setdefault((name, task), []).append(by_neighbours(bank, labels, asked, truth))
    _store("encoders.npz", **kept)
    names = list(dict.fromkeys(name for name, _ in found))
    return [{"": name} | {task: _written(found[name, task]) for task in tasks} for name in names]


def second_task():
    """Do features that were learnt on one kind of picture serve for another: clothes for digits, and digits for clothes?

    Both on 16×16 grey pixels; the encoder frozen, a linear probe on its features, trained on 10, 50 and 100 labels. SimCLR
    for 300 steps, the supervised source with all its labels for 300. 3 seeds; test pictures right in %: mean (lowest to
    highest).
    """
    known, found = _notebook(), {}
    clothes = [data.fashion_mnist(part) for part in (True, False)]
    sets = {
        "digits": tuple(known[name] for name in ("x", "y", "x_test", "y_test")),
        "clothes": tuple(
            each
            for part in clothes
            for each in (F.interpolate(part.images, 16, mode="bilinear", antialias=True) * 2 - 1, part.labels)
        ),
    }
    ways, trained = (("clothes", "digits"), ("digits", "clothes")), {}
    for seed in range(3):
        for name, (x, labels, _, _) in sets.items():
            epochs = round(300 / -(-len(x) // 128))
            trained[f"SimCLR on {name}"] = known["simclr"](seed, x, 0.5, epochs)[0]
            whole = made(lambda: nn.Sequential(known["encoder"](), nn.Linear(64, 10)), seed)
            settings = dict(epochs=epochs, batch_size=128, lr=0.01, schedule="one-cycle", seed=seed, live=False)
            train(whole, (x, labels), augment=known["view"], **settings)
            trained[f"supervised on {name}"] = whole[0]
        for source, target in ways:
            kinds = {"pixels": nn.Flatten(), "random encoder": made(known["encoder"], seed).to(known["device"])}
            wanted = (f"SimCLR on {source}", f"supervised on {source}", f"SimCLR on {target}")
            x, y, x_test, y_test = sets[target]
            for name, kind in (kinds | {name: trained[name] for name in wanted}).items():
                for each in (1, 5, 10):
                    places = few(y, each, seed)
                    h, asked = features(kind, x[places]), features(kind, x_test)
                    score = probe(h, y[places], asked, y_test)
                    found.setdefault((f"{target}: {name}", each), []).append(score)
    names = list(dict.fromkeys(name for name, _ in found))
    return [{"": name} | {f"{10 * each} labels": _written(found[name, each]) for each in (1, 5, 10)} for name in names]


def dino_attention():
    """Does the class token of a small ViT look at the ink, once DINO has trained it, as published maps suggest?

    3 seeds, 14 epochs; 300 test digits: how often a cell of 4×4 pixels with ink gets more attention than one without (0.5: attention does
    not care). k-NN of 5 among all labels, test digits right in %. It also writes attention.npz, which a figure shows.
    """
    known, rows, maps = _notebook(), [], []
    x, y, x_test, y_test = (known[name] for name in ("x", "y", "x_test", "y_test"))
    asked = x_test[:300]
    for seed in range(3):
        model = made(lambda: known["DINO"](StemViT, 48), seed)
        untrained = made(StemViT, seed)
        before = (
            on_ink(looks_at(untrained, asked), asked),
            by_neighbours(features(untrained, x), y, features(untrained, x_test), y_test),
        )
        step = partial(known["dino_step"], sharp=0.02, centre_speed=0.3)
        follow = partial(known["dino_follow"], share=0.02)
        train(model, x, step=step, after_step=follow, epochs=14, lr=2e-3, schedule="one-cycle", seed=seed, live=False)
        net = model.teacher[0]
        seen = looks_at(net, asked)
        maps.append(seen[:6])
        after = on_ink(seen, asked), by_neighbours(features(net, x), y, features(net, x_test), y_test)
        rows.append(
            {
                "seed": seed,
                "ink, untrained": f"{before[0]:.2f}",
                "ink, DINO": f"{after[0]:.2f}",
                "k-NN, untrained": f"{before[1]:.0f}",
                "k-NN, DINO": f"{after[1]:.0f}",
            }
        )
    _store("attention.npz", maps=torch.stack(maps).half().numpy())
    return rows


def masked_digits():
    """What does a masked auto-encoder learn that sees 4 of 16 patches? It also writes masked.npz, which a figure shows.

    2 seeds, 36 epochs. The error on hidden patches over the variance of pixels: 1 where the mean grey is drawn. A linear probe
    on the mean token, 10 and 100 labels, test digits right in %; the same of an untrained one.
    """
    known, rows = _notebook(), []
    x, y, x_test, y_test = (known[name] for name in ("x", "y", "x_test", "y_test"))
    for seed in range(2):
        model = made(MaskedAutoEncoder, seed)

        def probed():
            h, asked = features(model, x), features(model, x_test)
            return [probe(h[p], y[p], asked, y_test) for p in (few(y, each, seed) for each in (1, 10))]

        before = probed()
        settings = dict(epochs=36, batch_size=128, lr=3e-3, schedule="one-cycle", seed=seed, live=False)
        train(model, x, step=lambda model, x: masked_loss(model, move(x)), **settings)
        after = probed()
        with torch.no_grad():
            torch.manual_seed(0)
            drawn, true, order = model.eval().drawn(x_test)
            error = (drawn[:, 4:] - true[:, 4:]).square().mean().item() / x_test.var().item()
            if seed == 0:
                _store("masked.npz", drawn=drawn[:6].half().numpy(), order=order[:6].numpy().astype(np.uint8))
        rows.append({"seed": seed, "error": f"{error:.2f}"})
        rows[-1] |= {
            f"{n} labels, {when}": f"{s:.0f}"
            for when, two in (("untrained", before), ("trained", after))
            for n, s in zip((10, 100), two)
        }
    return rows
