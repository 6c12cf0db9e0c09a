"""Digits, changed: turned and moved, cut apart and put together in another order, scaled, named by a teacher."""

import math

import torch
import torch.nn.functional as F

from helpers.data import ImageSet


def jiggled(images, dice):
    """Turn each image by up to 15°, scale it by up to 15 %, move it by up to half a pixel, at random.

    images:  (N, C, H, W), of 8×8 pixels;  dice: a torch.Generator
    returns: (N, C, H, W)
    """
    a, b, x, y = 2 * torch.rand(4, len(images), generator=dice) - 1  # from -1 to 1
    turn, zoom = a * math.pi / 12, 1 + 0.15 * b
    rows = [
        torch.stack(row, 1)
        for row in ((zoom * turn.cos(), -zoom * turn.sin(), x / 8), (zoom * turn.sin(), zoom * turn.cos(), y / 8))
    ]
    grid = F.affine_grid(torch.stack(rows, 1), images.shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def mixed(images, order):
    """Cut (N, 1, 8, 8) into 16 patches of 2×2, and put these together again in another order, (16,)."""
    tiles = images.unfold(2, 2, 2).unfold(3, 2, 2).flatten(2, 3)[:, :, order]  # (N, 1, 16, 2, 2)
    return tiles.unflatten(2, (4, 4)).transpose(3, 4).reshape(images.shape)


def all_mixed(some, order):
    """Return an ImageSet with every image mixed in the same order."""
    return ImageSet(mixed(some.images, order), some.labels, some.classes)


def scaled(some, side):
    """Return an ImageSet with every image scaled to side × side pixels, smoothed where it shrinks."""
    images = F.interpolate(some.images, side, mode="bilinear", antialias=True).clamp(0, 1)
    return ImageSet(images, some.labels, some.classes)


def with_pool(few, all_of_them):
    """Return images and labels: `few`, repeated to be half of all, and the other images with the label -100, "unknown".

    few, all_of_them: ImageSets, the first a part of the second
    """
    other = all_of_them.images[~(all_of_them.images[:, None] == few.images).all(dim=(2, 3, 4)).any(1)]
    times = len(other) // len(few)
    unknown = torch.full((len(other),), -100)
    return torch.cat([few.images.repeat(times, 1, 1, 1), other]), torch.cat([few.labels.repeat(times), unknown])


def blanked(some, order, k):
    """Return an ImageSet in which all but the first k patches of each image's order, (N, 16), are black."""
    keep = torch.zeros(len(some), 16).scatter(1, order[:, :k], 1.0).view(-1, 1, 4, 4)
    return ImageSet(some.images * F.interpolate(keep, 8), some.labels, some.classes)
