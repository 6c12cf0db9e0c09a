"""Forty spots of the five photographs, cut out again and again: turned, nearer or farther, brighter or darker, noisy."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.models import prepared

SIDE, SPOTS = 96, 40


def view(photo, row, column, generator):
    """Return one cut around a place, turned up to 30°, at 0.7 to 1.4 times the size, moved, its light changed: (3, 96, 96)."""
    height, width = photo.shape[1:]
    angle, size, down, right, contrast, light = (
        low + (high - low) * share
        for (low, high), share in zip(
            ((-0.5, 0.5), (28, 56), (-8, 8), (-8, 8), (0.6, 1.3), (-0.15, 0.15)),
            torch.rand(6, generator=generator).tolist(),
        )
    )
    line = torch.linspace(-1, 1, SIDE)
    y, x = torch.meshgrid(line, line, indexing="ij")
    across = column + right + size * (math.cos(angle) * x - math.sin(angle) * y)
    along = row + down + size * (math.sin(angle) * x + math.cos(angle) * y)
    grid = torch.stack([2 * across / (width - 1) - 1, 2 * along / (height - 1) - 1], dim=-1)[None]
    cut = F.grid_sample(photo[None], grid, padding_mode="reflection", align_corners=True)[0]
    cut = (cut - 0.5) * contrast + 0.5 + light
    return (cut + 0.05 * torch.randn(cut.shape, generator=generator)).clamp(0, 1)


def cuts(each, seed):
    """Return (images, labels): `each` cuts of forty spots, eight in each photograph; the spot is the label.

    images: (40·each, 3, 96, 96); labels: (40·each,) int64
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = [], []
    for name in data.photographs():
        photo = data.photograph(name)
        height, width = photo.shape[1:]
        for spot in range(8):
            row, column = height * (1 + spot // 4) / 3, width * (1 + spot % 4) / 5
            images += [view(photo, row, column, generator) for _ in range(each)]
            labels += [len(labels) // each] * each
    return torch.stack(images), torch.tensor(labels)


@torch.no_grad()
def features(net, images):
    """Return what each part of net.features gives, averaged over the places: a list of (N, C)."""
    if len(images) > 20:  # part by part, which takes less memory
        return [torch.cat(both) for both in zip(features(net, images[:20]), features(net, images[20:]))]
    found, x = [], prepared(images)
    for part in net.features:
        x = part(x)
        found.append(x.mean((2, 3)))
    return found


def pixels(pictures):
    """Return pictures at a sixth of their side, as lists of values: (N, 768)."""
    return F.avg_pool2d(pictures, 6).flatten(1)


def probe(known, labels, new):
    """Return the labels that a linear layer gives: fitted to the known features by ridge regression, in closed form.

    known: (N, D), labels: (N,), new: (M, D); returns (M,)
    """
    middle, spread = known.mean(0), known.std(0) + 1e-3
    known, new = (known - middle) / spread, (new - middle) / spread
    target = F.one_hot(labels).float()
    inner = known @ known.T + 0.01 * known.shape[1] * torch.eye(len(known))
    return (new @ known.T @ torch.linalg.solve(inner, target - target.mean(0))).argmax(1)


def small_cnn(in_channels, classes):
    """Return three convolutions with BN, a mean and a linear layer."""
    layers = []
    for a, b, stride in ((in_channels, 32, 2), (32, 64, 1), (64, 96, 1)):
        layers += [nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, classes))
