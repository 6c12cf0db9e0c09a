"""What the chapter tries on convolutional networks, and the series of its test of the same rule at every step."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data


def bag_of_patches():
    """Sees 7×7 patches side by side, then takes the mean over all places."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 7, stride=7),
        nn.ReLU(),
        nn.Conv2d(64, 64, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def overlapping():
    """Windows on windows: each unit sees 15 pixels; then the mean over all places, too."""
    convs = [
        layer
        for inputs, outputs in ((1, 16), (16, 32), (32, 32))
        for layer in (nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU())
    ]
    return nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def pairs(n, distance, seed, height=4, width=32):
    """n noisy images, a bright and a dark pixel in one row; label 0: the bright one is on the left."""
    dice = torch.Generator().manual_seed(seed)
    labels = torch.randperm(n, generator=dice) % 2
    row, left = (torch.randint(side, (n,), generator=dice) for side in (height, width))
    images, each = 0.1 * torch.randn(n, 1, height, width, generator=dice), torch.arange(n)
    images[each, 0, row, left] += 1.0 - 2 * labels
    images[each, 0, row, (left + distance) % width] -= 1.0 - 2 * labels
    return data.ImageSet(images, labels, ("bright left", "dark left"))


def ring_net(dilations):
    """Four convolutions of width 3 on a ring, then the largest value of each channel over all places."""
    convs = [
        layer
        for i, d in enumerate(dilations)
        for layer in (
            nn.Conv2d(12 if i else 1, 12, (1, 3), padding=(0, d), dilation=(1, d), padding_mode="circular"),
            nn.ReLU(),
        )
    ]
    return nn.Sequential(*convs, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 2))


def block(inputs, outputs):
    """Return a 3×3 convolution with normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class SmallUNet(nn.Module):
    """Shrinks the image to see far, enlarges the result, and joins it with the fine maps: (N, 3, H, W) → (N, H, W)."""

    def __init__(self):
        super().__init__()
        C = 16
        self.fine = block(3, C)
        self.deep = nn.Sequential(
            nn.MaxPool2d(2), block(C, 2 * C), nn.MaxPool2d(2), block(2 * C, 2 * C), nn.Upsample(scale_factor=4)
        )
        self.join = nn.Sequential(block(3 * C, C), nn.Conv2d(C, 1, 1))

    def forward(self, x):
        fine = self.fine(x)
        return self.join(torch.cat([fine, self.deep(fine)], 1))[:, 0]


def one_pixel_net():
    """For comparison: windows of 1×1 only."""
    return nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.Flatten(1, 2))


def scenes(n, seed, noise=0.15):
    """Noisy shapes, 16×16, and which pixels are the shape's: those not as the clean image's corner."""
    clean = data.shapes(n, seed, noise=0, size=16).images
    return data.shapes(n, seed, noise, size=16).images, (clean != clean[:, :, :1, :1]).any(1).float()


def pair_series(n, length, places, dice):
    """Series of four symbols, one-hot (n, length, 4); half of them hold an "ab", at one of the places. With the answers (n,)."""
    x = torch.randint(4, (n, length), generator=dice)
    for t in range(length - 1):  # no pair by accident
        accident = (x[:, t] == 0) & (x[:, t + 1] == 1)
        x[accident, t + 1] = torch.randint(2, 4, (int(accident.sum()),), generator=dice)
    y = torch.rand(n, generator=dice) < 0.5
    start = torch.randint(*places, (n,), generator=dice)[y]
    rows = y.nonzero()[:, 0]
    x[rows, start], x[rows, start + 1] = 0, 1
    return F.one_hot(x, 4).float(), y.float()
