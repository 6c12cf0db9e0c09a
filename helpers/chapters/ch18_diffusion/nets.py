"""The networks of the chapter: one for points in the plane, and a small U-net for pictures."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import check_multiple, whole


class PointNet(nn.Module):
    """Points (N, dims) at times t (N,) from 0 to 1 → (N, dims): coordinates and time, with sines and cosines of both, in an MLP."""

    def __init__(self, dims=2, width=128, layers=3, waves=3, time_waves=8):
        for name, value in dict(dims=dims, width=width, layers=layers, waves=waves, time_waves=time_waves).items():
            whole(name, value, 1)
        super().__init__()
        self.register_buffer("rates", torch.exp(torch.linspace(0, math.log(200), time_waves)))
        self.register_buffer("space", 2.0 ** torch.arange(waves))
        sizes = [dims * (1 + 2 * waves) + 2 * time_waves + 1] + [width] * layers
        inner = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*inner, nn.Linear(width, dims))

    def forward(self, x, t, labels=None):
        place, time = (x[..., None] * self.space).flatten(1), t[:, None] * self.rates
        return self.layers(torch.cat([x, place.sin(), place.cos(), t[:, None], time.sin(), time.cos()], 1))


class Told(nn.Module):
    """Times t (N,) from 0 to 1 and labels (N,) → one vector (N, width); label 10 says "none"."""

    def __init__(self, width, waves=16):
        super().__init__()
        self.register_buffer("rates", torch.exp(torch.linspace(0, math.log(1000), waves)))
        self.time = nn.Sequential(nn.Linear(2 * waves, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(11, width)

    def forward(self, t, labels):
        angle = t[:, None] * self.rates
        return F.silu(self.time(torch.cat([angle.sin(), angle.cos()], 1)) + self.label(labels))


class Block(nn.Module):
    """Two convolutions around which x is added; time and label scale and shift the normalised channels."""

    def __init__(self, width, told):
        super().__init__()
        self.norm, self.told = nn.GroupNorm(4, width), nn.Linear(told, 2 * width)
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)

    def forward(self, x, told):
        scale, shift = self.told(told)[..., None, None].chunk(2, 1)
        return x + self.two(F.silu(self.one(F.silu(self.norm(x) * (1 + scale) + shift))))


class UNet(nn.Module):
    """Pictures (N, channels, S, S) at times t (N,) with labels (N,) → the same shape: down to half the side and up again."""

    def __init__(self, channels=1, width=24, told=64):
        for name, value in dict(channels=channels, width=width, told=told).items():
            whole(name, value, 1)
        check_multiple("width", width, "the groups of its normalisation", 4)
        super().__init__()
        self.told = Told(told)
        self.first, self.last = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, channels, 3, padding=1)
        self.down, self.middle, self.up = Block(width, told), Block(2 * width, told), Block(width, told)
        self.shrink, self.grow = nn.Conv2d(width, 2 * width, 2, 2), nn.ConvTranspose2d(2 * width, width, 2, 2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x, t, labels):
        told = self.told(t, labels)
        kept = self.down(self.first(x), told)
        deep = self.middle(self.shrink(kept), told)
        return self.last(self.up(self.grow(deep) + kept, told))
