"""Colour shapes that are drawn by rule, so that the truth is known."""

import torch

from helpers.checks import check_number, whole
from helpers.data.image_set import ImageSet

SHAPES = ("disk", "ring", "square", "frame", "triangle", "plus", "cross", "diamond", "bars", "crescent")


def shapes(n, seed=0, noise=0.15, size=32):
    """Return drawn colour shapes, ten classes of equal size, each at a random place, size, tilt and in two colours.

    n:       images; the classes differ by at most one
    seed:    int, decides everything
    noise:   standard deviation of the normal noise on every value; afterwards all are cut to 0 ... 1
    size:    side in pixels
    returns: ImageSet, images (n, 3, size, size)

    Place, size and colour say nothing about the class: only the form does.
    """
    whole("n", n, 1, why="give the number of images to draw")
    whole("size", size, 8, why="in fewer pixels the shapes cannot be told apart")
    whole("seed", seed, 0, 2**63 - 1, "it chooses the pictures")
    check_number("noise", noise, 0, 1, "values are from 0 to 1 themselves")
    generator = torch.Generator().manual_seed(seed)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    labels = torch.randperm(n, generator=generator) % 10
    radius = uniform(0.35, 0.6)
    x, y = uniform(-1, 1) * (0.9 - radius), uniform(-1, 1) * (0.9 - radius)
    inside = draw_shapes(labels, x, y, radius, tilt=uniform(-0.3, 0.3), size=size)[:, None]
    front, back = uniform(0, 1, 3, 1, 1), uniform(0, 1, 3, 1, 1)
    alike = (front - back).abs().amax(1, keepdim=True) < 0.35
    back = torch.where(alike, (front + 0.5) % 1, back)
    images = torch.where(inside, front, back) + noise * torch.randn(n, 3, size, size, generator=generator)
    return ImageSet(images.clamp(0, 1), labels, SHAPES, "Shapes", f"drawn with seed {seed} and noise {noise:g}")


def draw_shapes(labels, x, y, radius, tilt, size):
    """Return which pixels lie inside each shape.

    labels:  (N,) places in SHAPES
    x, y:    (N,) centre, from -1 (left, top) to 1 (right, bottom)
    radius:  (N,) half the shape's extent, in the same unit
    tilt:    (N,) radians, clockwise
    returns: (N, size, size) bool
    """
    centres = (torch.arange(size) + 0.5) / size * 2 - 1
    inside = torch.empty(len(labels), size, size, dtype=torch.bool)
    for label, name in enumerate(SHAPES):
        mine = (labels == label).nonzero().flatten()
        px, py, r, angle = (value[mine, None, None] for value in (x, y, radius, tilt))
        across, down = (centres - px) / r, (centres[:, None] - py) / r
        inside[mine] = in_shape(
            name, across * angle.cos() + down * angle.sin(), down * angle.cos() - across * angle.sin()
        )
    return inside


def in_shape(name, u, v):
    """Return where (u, v) lies inside the shape around (0, 0): u to the right and v down, in units of its radius."""
    around, square, diamond = (u**2 + v**2).sqrt(), torch.maximum(u.abs(), v.abs()), u.abs() + v.abs()
    match name:
        case "disk":
            return around < 1
        case "ring":
            return (around < 1) & (around > 0.55)
        case "square":
            return square < 0.85
        case "frame":
            return (square < 0.9) & (square > 0.5)
        case "triangle":
            return (v < 0.7) & (v > 2 * u.abs() - 1)
        case "plus":
            return (torch.minimum(u.abs(), v.abs()) < 0.28) & (square < 1)
        case "cross":
            return in_shape("plus", (u + v) / 2**0.5, (u - v) / 2**0.5)
        case "diamond":
            return diamond < 1.05
        case "bars":
            return ((u.abs() - 0.5).abs() < 0.25) & (v.abs() < 0.9)
        case "crescent":
            return (around < 1) & ((u - 0.45) ** 2 + v**2 > 0.6)
