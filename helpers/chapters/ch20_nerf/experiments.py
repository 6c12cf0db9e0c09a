"""What was tried for chapter 20, or takes longer than a chapter may: `make experiments NB=20`."""

import time
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch20_nerf.fields import SETTINGS, Levels, by_pixel, fit, fit_pixels, store, stored, waves
from helpers.chapters.ch20_nerf.rendering import judged, pictures, psnr
from helpers.chapters.ch20_nerf.scene import shots
from helpers.training import train

HELD_OUT = 77  # the seed of the cameras that no field is trained on


@cache
def _held(gloss=0.0):
    return shots(6, HELD_OUT, gloss=gloss)


def _row(found):
    return {
        "held out, dB": f"{found['psnr']:.2f}",
        "depth": f"{found['depth']:.3f}",
        "outline, %": f"{100 * found['outline']:.1f}",
    }


def stored_field():
    """How good is the field that the opening figure and the explorer show: "both", 30 views, seed 0, 500 steps?

    held out: six pictures from cameras of their own, as trained, and as it is stored, its grids in 8 bits. depth: median
    error where something stands, in units of the scene, whose cube is 2.1 wide. outline: share of pixels that are opaque
    where nothing stands, or not where something does. Writes field.npz.
    """
    field, _ = fit("both", shots(30, 0), 0, steps=500)
    store(field)
    stored.cache_clear()
    return [{"": name} | _row(judged(each, _held())) for name, each in (("as trained", field), ("stored", stored()))]


def fields_seed_by_seed():
    """How good are the four fields, seed by seed, each with 30 pictures and the notebook's settings?

    Each seed has cameras of its own; all are judged by the same six pictures that none was trained on. training: PSNR
    over the last 50 steps. depth and outline as in stored_field. CPU-seconds of the training.
    """
    rows = []
    for kind in SETTINGS:
        for seed in range(5):
            begun = time.process_time()
            field, run = fit(kind, shots(30, seed), seed)
            row = {"field": kind, "seed": seed, "CPU-seconds": f"{time.process_time() - begun:.1f}"}
            row["training, dB"] = f"{_training(run):.2f}"
            rows.append(row | _row(judged(field, _held())))
    return rows


def _training(run):
    return psnr(torch.tensor([sum(run.losses[-50:]) / 50]).sqrt(), torch.zeros(1))


def quality_against_seconds():
    """How good are the four fields after how many CPU-seconds of training? Seed 0, 30 pictures; each step count is a training of its own."""
    rows = []
    for kind in SETTINGS:
        for steps in (50, 100, 200, 400):
            begun = time.process_time()
            field, _ = fit(kind, shots(30, 0), 0, steps=steps)
            seconds = time.process_time() - begun
            rows.append({"field": kind, "steps": steps, "CPU-seconds": f"{seconds:.1f}"} | _row(judged(field, _held())))
    return rows


def views():
    """How good does the field "both" become with how many pictures? Three seeds, each with cameras of its own, equal training.

    training: PSNR over the last 50 steps, on the pictures given. held out: six other pictures.
    """
    rows = []
    for n in (2, 4, 8, 16, 30, 60):
        for seed in range(3):
            field, run = fit("both", shots(n, seed), seed)
            row = {"views": n, "seed": seed, "training, dB": f"{_training(run):.1f}"}
            rows.append(row | _row(judged(field, _held())))
    return rows


def samples():
    """How many samples does a ray need? The field "both", two seeds, trained and rendered with as many; 8 + 8: 8 even ones, 8 finer."""
    rows = []
    for n, fine in ((8, 0), (8, 8), (16, 0), (24, 0)):
        for seed in range(2):
            begun = time.process_time()
            field, _ = fit("both", shots(30, seed), seed, n=n, fine=fine)
            row = {
                "samples": f"{n} + {fine}" if fine else n,
                "seed": seed,
                "CPU-seconds": f"{time.process_time() - begun:.1f}",
            }
            rows.append(row | _row(judged(field, _held(), n, fine)))
    return rows


def last_step():
    """What does an endless last step do? Five seeds of the grid and three of both, with and without it, trained and rendered alike."""
    rows = []
    for kind, seeds in (("grid", 5), ("both", 3)):
        for endless in (False, True):
            for seed in range(seeds):
                field, _ = fit(kind, shots(30, seed), seed, endless=endless)
                row = {"field": kind, "last step": "endless" if endless else "to the end of the cube", "seed": seed}
                rows.append(row | _row(judged(field, _held(), endless=endless)))
    return rows


def direction():
    """Does a field need the direction of the ray? A dull and a glossy scene, "both" with and without it, three seeds.

    highlights: PSNR on the pixels that the gloss made brighter by more than 0.1.
    """
    rows = []
    for gloss in (0.0, 0.6):
        held = _held(gloss)
        bright = (_held(0.6).colours - _held(0.0).colours).amax(-1) > 0.1
        for by_view in (False, True):
            for seed in range(3):
                field, _ = fit(
                    "both", shots(30, seed, gloss=gloss), seed, make=lambda by_view=by_view: Levels(by_view=by_view)
                )
                colours = pictures(field, held)[0]
                row = {
                    "scene": "glossy" if gloss else "dull",
                    "told the direction": "yes" if by_view else "no",
                    "seed": seed,
                }
                row["highlights, dB"] = f"{psnr(colours[bright], held.colours[bright]):.2f}"
                rows.append(row | _row(judged(field, held)))
    return rows


def pixel_positions():
    """What if the network is given the pixel's position instead of a point in space? Three seeds, 30 pictures each.

    Pixel position and viewing direction to colour, with as many steps, evaluations a step, layers and hidden units as the
    field "waves". waves: on the position, and on the direction. training: PSNR on the 30 pictures. held out: six others.
    """
    rows, held = [], _held()
    for on_direction in (0, 1, 2, 4):
        for seed in range(3):
            given = shots(30, seed)
            net = fit_pixels(given, seed, direction_waves=on_direction)
            row = {"waves": f"5, {on_direction}", "seed": seed}
            for name, each in (("training", given), ("held out", held)):
                *told, colours = by_pixel(each)
                with torch.no_grad():
                    row[f"{name}, dB"] = f"{psnr(net(*told), colours):.2f}"
            rows.append(row)
    return rows


def photograph():
    """How many waves does a picture from coordinates need? The cat at 64 × 64, half of its pixels learnt, three seeds.

    The pixels are learnt as the black squares of a chessboard; PSNR on these, and on the white squares.
    """
    picture = data.photograph("cat", 64)
    axis = (torch.arange(64) + 0.5) / 32 - 1
    places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).flatten(0, 1)
    colours, learnt = picture.flatten(1).T, (torch.arange(64)[:, None] + torch.arange(64)).flatten() % 2 == 0
    rows = []
    for n in (0, 2, 4, 5, 6, 8, 10):
        for seed in range(3):
            torch.manual_seed(seed)
            net = nn.Sequential(nn.Linear(2 + 4 * n, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3))
            inputs = waves(places, n)

            def step(net, batch):
                return F.mse_loss(net(batch[0]).sigmoid(), batch[1])

            settings = dict(epochs=250, batch_size=2048, lr=3e-3, schedule="one-cycle", seed=seed, live=False)
            train(net.cpu(), (inputs[learnt], colours[learnt]), step=step, **settings)
            with torch.no_grad():
                out = net.cpu()(inputs).sigmoid()
            row = {"waves": n, "seed": seed, "learnt pixels, dB": f"{psnr(out[learnt], colours[learnt]):.1f}"}
            rows.append(row | {"the others, dB": f"{psnr(out[~learnt], colours[~learnt]):.1f}"})
    return rows


def paint_by_direction():
    """Can colour alone follow a highlight? The notebook's networks on the true points of the glossy surface, three seeds.

    all, spots: PSNR where something stands, and where the lamp is mirrored, on six held-out views.
    """
    held, dull = _held(0.6), _held(0.0)
    hit = held.distances.isfinite()
    spots = ((held.colours - dull.colours).amax(-1) > 0.1)[hit]

    def surface(given, told):
        there = given.distances.isfinite()
        points = given.origins[there] + given.distances[there][:, None] * given.directions[there]
        return torch.cat([waves(points, 5), told * waves(given.directions[there], 2)], -1), given.colours[there]

    rows = []
    for told in (0, 1):
        for seed in range(3):
            torch.manual_seed(seed)
            sides, layers = (48, 64, 64), []
            for side in sides:
                layers += [nn.Linear(side, 64), nn.ReLU()]
            net = nn.Sequential(*layers, nn.Linear(64, 3), nn.Sigmoid())
            settings = dict(epochs=10, batch_size=1024, lr=1e-2, schedule="one-cycle", seed=seed, live=False)
            train(net, surface(shots(30, seed, gloss=0.6), told), step=_squared, **settings)
            inputs, colours = surface(held, told)
            with torch.no_grad():
                out = net.cpu()(inputs)
            row = {"told the direction": "yes" if told else "no", "seed": seed, "all, dB": f"{psnr(out, colours):.2f}"}
            rows.append(row | {"spots, dB": f"{psnr(out[spots], colours[spots]):.2f}"})
    return rows


def _squared(net, batch):
    return F.mse_loss(net(batch[0]), batch[1])
