"""A scene whose pictures are exact: two chequered spheres and a box on a white ground, and cameras that look at them."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from helpers.checks import check_number, whole

HALF = 1.05  # half the side of the cube that holds the scene
FAR_AWAY = 4.0  # the camera's distance from the middle
OPENING = 28.0  # degrees that a picture is wide
SPHERES = (
    ((-0.45, -0.15, 0.35), 0.45, (0.90, 0.25, 0.20)),  # centre, radius, paint
    ((0.50, 0.35, -0.15), 0.30, (0.20, 0.45, 0.90)),
)
BOX = ((0.15, -0.35, -0.30), (0.42, 0.25, 0.42), (0.95, 0.80, 0.25))  # centre, half its sides, paint
LIGHT = F.normalize(torch.tensor([0.5, 1.0, 0.8]), dim=0)


class Shots(NamedTuple):
    """Pictures and the rays that they were taken by: (views, pixels, 3) each; distances (views, pixels), inf for the ground."""

    origins: torch.Tensor
    directions: torch.Tensor
    colours: torch.Tensor
    distances: torch.Tensor

    def pictures(self):
        """Return the pictures, (views, 3, S, S)."""
        side = math.isqrt(self.colours.shape[1])
        return self.colours.transpose(1, 2).unflatten(2, (side, side))


def camera(turn, height, size):
    """Return the rays of a picture: where they start and where they go, each (size·size, 3), row by row.

    turn:   degrees around the scene; 0 looks from +z, 90 from +x
    height: degrees above the ground's plane, -80 to 80
    size:   pixels of a side
    raises: ValueError for what is no such number
    """
    check_number("turn", turn, -1e6, 1e6, "it is in degrees")
    check_number("height", height, -80, 80, "it is in degrees; straight from above, no side is up")
    whole("size", size, 1, 1024, "it counts the pixels of a side")
    a, e = math.radians(turn), math.radians(height)
    back = torch.tensor([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    right = F.normalize(torch.linalg.cross(torch.tensor([0.0, 1, 0]), back), dim=0)
    up = torch.linalg.cross(back, right)
    s = ((torch.arange(size) + 0.5) / size * 2 - 1) * math.tan(math.radians(OPENING) / 2)
    v, u = torch.meshgrid(-s, s, indexing="ij")
    directions = F.normalize(u[..., None] * right + v[..., None] * up - back, dim=-1).flatten(0, 1)
    return (FAR_AWAY * back).expand_as(directions).contiguous(), directions


def seen(origins, directions, gloss=0.0):
    """Return what each ray sees: colours (N, 3), and distances (N,), inf where it meets nothing but the white ground.

    origins, directions: (N, 3), the directions of length 1
    gloss:               0 for dull paint, which has the same colour from every side; above it, a lamp is mirrored (Phong)
    """
    colours, distances = torch.ones(len(origins), 3), torch.full((len(origins),), torch.inf)

    def paint(hit, t, normals, base):
        points = origins[hit] + t[:, None] * directions[hit]
        colours[hit], distances[hit] = shade(points, normals(points), directions[hit], base, gloss), t

    for centre, radius, base in SPHERES:
        centre = torch.tensor(centre)
        m = origins - centre
        b, c = (m * directions).sum(-1), (m * m).sum(-1) - radius**2
        t = torch.where(b * b > c, -b - (b * b - c).clamp(min=0).sqrt(), torch.inf)
        hit = (t > 0) & (t < distances)
        paint(hit, t[hit], lambda p, c=centre, r=radius: (p - c) / r, base)
    centre, half, base = map(torch.tensor, BOX)
    low, high = ((centre + sign * half - origins) / directions for sign in (-1, 1))
    t, axis = torch.minimum(low, high).max(-1)  # the last of three slabs to be entered
    hit = (t < torch.maximum(low, high).amin(-1)) & (t > 0) & (t < distances)
    paint(hit, t[hit], lambda _: -F.one_hot(axis[hit], 3) * directions[hit].sign(), base)
    return colours.clamp(0, 1), distances


def shade(points, normals, directions, base, gloss):
    """Return colours (N, 3): Lambert's law on a chequered paint, and `gloss` times the lamp as a mirror shows it."""
    facing = normals @ LIGHT
    checks = 0.7 + 0.3 * ((points * 3.3).floor().sum(-1) % 2 == 0)
    dull = torch.as_tensor(base) * ((0.35 + 0.65 * facing.clamp(min=0)) * checks)[:, None]
    mirrored = directions - 2 * (directions * normals).sum(-1, keepdim=True) * normals
    return dull + gloss * ((mirrored @ LIGHT).clamp(min=0) ** 12 * (facing > 0))[:, None]


def shots(n, seed, size=48, gloss=0.0):
    """Return n pictures from cameras spread over the upper half, as Shots.

    n:      how many
    seed:   turns and raises all cameras together
    size:   pixels of a side
    gloss:  0 for dull paint; above it, spheres and box mirror the lamp
    raises: ValueError for what is no such number
    """
    whole("n", n, 1, 1000, "it counts the pictures")
    whole("seed", seed, 0, 2**32 - 1, "it decides where the cameras stand")
    check_number("gloss", gloss, 0, 1, "0 is dull")
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.rand(2, generator=generator).tolist()
    places = [((222.49 * i + 360 * first) % 360, 5 + 50 * ((0.7549 * i + second) % 1)) for i in range(n)]
    return taken(places, size, gloss)


def taken(places, size=48, gloss=0.0):
    """Return pictures from cameras at these (turn, height), in degrees, as Shots."""
    rays = [camera(turn, height, size) for turn, height in places]
    origins, directions = (torch.stack(each) for each in zip(*rays, strict=True))
    colours, distances = seen(origins.flatten(0, 1), directions.flatten(0, 1), gloss)
    return Shots(origins, directions, colours.view_as(origins), distances.view(origins.shape[:2]))
