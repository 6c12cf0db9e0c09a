"""Fields: from a point in space (and a direction) to density and colour; and how they are trained from pictures."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.chapters.ch20_nerf.rendering import render
from helpers.chapters.ch20_nerf.scene import HALF
from helpers.checks import check_choice, whole
from helpers.training import train


def waves(x, n):
    """Return x, and the sines and cosines of π/2 · x · 1, 2, 4, … 2^(n-1): (..., D) → (..., D + 2nD)."""
    angle = (x[..., None] * 2.0 ** torch.arange(n, device=x.device) * math.pi / 2).flatten(-2)
    return torch.cat([x, angle.sin(), angle.cos()], -1)


def corners(grid, points):
    """Return what a grid (1, C, R, R, R) over the cube holds at points (..., 3), trilinear between its corners: (..., C)."""
    at = points.reshape(1, 1, 1, -1, 3) / HALF
    read = F.grid_sample(grid, at, align_corners=True, padding_mode="border")
    return read.view(grid.shape[1], -1).T.view(*points.shape[:-1], grid.shape[1])


def split(out, lift=-1.0):
    """Return density (...), which is never negative, and colour (..., 3) from four numbers (..., 4)."""
    return 10 * F.softplus(out[..., 0] + lift), out[..., 1:].sigmoid()


class Mlp(nn.Module):
    """A network of three hidden layers on a point's waves, as the notebook has it."""

    def __init__(self, n_waves=5, width=64):
        super().__init__()
        self.n_waves = n_waves
        layers = []
        for before in (3 + 6 * n_waves, width, width):
            layers += [nn.Linear(before, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 4))

    def forward(self, points, directions=None):
        return split(self.layers(waves(points, self.n_waves)))


class Grid(nn.Module):
    """No network: density and colour at the corners of a grid, trilinear between (Plenoxels, without their angles)."""

    def __init__(self, size=32):
        super().__init__()
        self.cells = nn.Parameter(torch.zeros(1, 4, size, size, size))

    def forward(self, points, directions=None):
        return split(corners(self.cells, points), lift=-3.0)

    def roughness(self):
        """Return the mean squared difference of neighbours: what it costs not to be smooth."""
        return sum((self.cells.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4))


class Levels(nn.Module):
    """Grids, coarse to fine, and a very small network on what they hold (Instant-NGP, without its hash tables).

    sizes:    corners of a side of each grid
    features: numbers at each corner
    width:    hidden units
    by_view:  whether the colour, not the density, is also told the direction of the ray
    raises:   ValueError for what is no such number
    """

    def __init__(self, sizes=(8, 16, 32), features=4, width=32, by_view=False):
        super().__init__()
        if not isinstance(sizes, (tuple, list)) or not sizes:
            raise ValueError(f"sizes (={sizes!r:.60}) must be the corners of a side of each grid, such as (8, 16, 32)")
        for side in sizes:
            whole("sizes", side, 2, 256, "each counts the corners of a side")
        whole("features", features, 1, 64, "it counts the numbers at each corner")
        whole("width", width, 1, 4096, "it counts the hidden units")
        self.grids = nn.ParameterList(
            nn.Parameter(torch.empty(1, features, s, s, s).uniform_(-0.1, 0.1)) for s in sizes
        )
        self.body = nn.Sequential(nn.Linear(features * len(sizes), width), nn.ReLU())
        self.by_view = by_view
        self.density = nn.Linear(width, 1)
        told = width + 15 if by_view else width
        self.colour = (
            nn.Sequential(nn.Linear(told, width), nn.ReLU(), nn.Linear(width, 3)) if by_view else nn.Linear(told, 3)
        )

    def forward(self, points, directions=None):
        x = self.body(torch.cat([corners(grid, points) for grid in self.grids], -1))
        told = torch.cat([x, waves(directions, 2)], -1) if self.by_view else x
        return split(torch.cat([self.density(x), self.colour(told)], -1))


def rays_of(shots, rays):
    """Return a function from a torch.Generator to a batch: origins, directions and colours (rays, 3) of pixels of all views."""
    flat = [each.flatten(0, 1) for each in shots[:3]]

    def draw(generator):
        picked = torch.randint(len(flat[0]), (rays,), generator=generator)
        return tuple(each[picked] for each in flat)

    return draw


def photometric(n=32, fine=0, smooth=0.0, endless=False):
    """Return a step: the mean squared difference between the rendered colours of a batch of rays and those in the pictures."""

    def step(field, batch):
        origins, directions, colours = batch
        loss = F.mse_loss(render(field, origins, directions, n, fine, True, endless).colour, colours)
        return (loss + smooth * field.roughness() if smooth else loss), {"mse": loss.item()}

    return step


# The settings of each field: chosen by hand on the first seed, each field its own learning rate.
SETTINGS = {
    "coordinates": (lambda: Mlp(0), dict(steps=400, rays=256, n=24, lr=1e-2)),
    "waves": (lambda: Mlp(5), dict(steps=400, rays=256, n=24, lr=1e-2)),
    "grid": (Grid, dict(steps=250, rays=512, n=32, lr=0.2, smooth=3e-3)),
    "both": (Levels, dict(steps=250, rays=512, n=24, lr=2e-2)),
}


def fit(kind, shots, seed=0, steps=None, make=None, **changed):
    """Return a field of that kind, trained on Shots, in eval mode, and the training.

    kind:    of SETTINGS: "coordinates", "waves", "grid", "both"
    steps:   None for its own number
    make:    None, or a function that makes another field, to be trained with this kind's settings
    changed: of rays, lr, n, fine, smooth, endless
    """
    made, settings = SETTINGS[check_choice("kind", kind, SETTINGS)]
    settings = settings | changed | ({} if steps is None else {"steps": whole("steps", steps, 1)})
    rays, lr, steps = (settings.pop(name) for name in ("rays", "lr", "steps"))
    torch.manual_seed(seed)
    field = (make or made)()
    optimizer = torch.optim.Adam(field.parameters(), lr, fused=True)
    run = train(
        field,
        rays_of(shots, rays),
        step=photometric(**settings),
        steps=steps,
        optimizer=optimizer,
        schedule="one-cycle",
        seed=seed,
        live=False,
    )
    return field.eval(), run


class Pixels(nn.Module):
    """No scene at all: from a pixel's position (N, 2) and its camera's viewing direction (N, 3) to a colour (N, 3)."""

    def __init__(self, n_waves=5, direction_waves=1, width=64):
        super().__init__()
        self.n_waves = (n_waves, direction_waves)
        layers = []
        for before in (2 + 4 * n_waves + 3 + 6 * direction_waves, width, width):
            layers += [nn.Linear(before, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 3))

    def forward(self, pixels, directions):
        told = [waves(each, n) for each, n in zip((pixels, directions), self.n_waves, strict=True)]
        return self.layers(torch.cat(told, -1)).sigmoid()


def by_pixel(shots):
    """Return what Pixels learns from: positions from -1 to 1 (N, 2), viewing directions (N, 3), colours (N, 3)."""
    views, pixels, _ = shots.colours.shape
    side = math.isqrt(pixels)
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    positions = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).flatten(0, 1)
    directions = -F.normalize(shots.origins, dim=-1)
    return positions.repeat(views, 1), directions.flatten(0, 1), shots.colours.flatten(0, 1)


def fit_pixels(shots, seed=0, steps=400, **made):
    """Return Pixels, trained on Shots, in eval mode: as many evaluations of the network a step as "waves" has."""
    table = by_pixel(shots)
    torch.manual_seed(seed)
    net = Pixels(**made)

    def draw(generator):
        picked = torch.randint(len(table[0]), (256 * 24,), generator=generator)
        return tuple(each[picked] for each in table)

    def step(net, batch):
        return F.mse_loss(net(*batch[:2]), batch[2])

    optimizer = torch.optim.Adam(net.parameters(), 1e-2, fused=True)
    train(net, draw, step=step, steps=steps, optimizer=optimizer, schedule="one-cycle", seed=seed, live=False)
    return net.eval()


# ---- a field that is kept, for the opening figure and for the explorer

KEPT = Path(__file__).with_name("field.npz")


def store(field, path=KEPT):
    """Write the weights of a Levels, its grids in 8 bits, the rest in half precision."""
    arrays = {}
    for name, value in field.state_dict().items():
        value = value.detach().cpu()
        if name.startswith("grids"):
            step = value.abs().max() / 127
            arrays[name], arrays[f"{name} step"] = (value / step).round().to(torch.int8).numpy(), step.numpy()
        else:
            arrays[name] = value.half().numpy()
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


@cache
def stored():
    """Return the field that store() wrote: "both", trained on 30 views with seed 0 by the experiment stored_field."""
    with np.load(KEPT) as file:
        saved = {name: torch.from_numpy(file[name]).float() for name in file}
    field = Levels()
    field.load_state_dict(
        {name: value * saved.get(f"{name} step", 1) for name, value in saved.items() if " " not in name}
    )
    return field.eval().requires_grad_(False)
