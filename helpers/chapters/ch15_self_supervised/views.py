"""The pictures of chapter 15, and the views that are made of them: turned, zoomed, shifted, recoloured at random."""

import torch
import torch.nn.functional as F

from helpers import data
from helpers.checks import check_number, check_tensor, whole
from helpers.data.procedural import draw_shapes


def digits(train=True):
    """Return the shipped digits on 16×16 pixels.

    returns: images (N, 1, 16, 16) from −1 to 1, labels (N,)
    """
    found = data.digits(train)
    return F.interpolate(found.images, 16, mode="bilinear", align_corners=False) * 2 - 1, found.labels


def shapes(n, seed=0):
    """Return n of the course's forms, larger than those of helpers.data.shapes: at 16 pixels a side those are too small.

    returns: images (n, 3, 16, 16) from −1 to 1; labels (n,), which of the ten forms; colours (n, 3) of the form, 0 to 1

    Place, size and the two colours say nothing about the form.
    """
    whole("n", n, 1, why="give the number of images to draw")
    dice = torch.Generator().manual_seed(whole("seed", seed, 0, 2**63 - 1, "it chooses the pictures"))

    def draw(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=dice)

    labels, radius = torch.randperm(n, generator=dice) % 10, draw(0.65, 0.85)
    x, y = (draw(-1, 1) * (0.95 - radius) for _ in "xy")
    inside = draw_shapes(labels, x, y, radius, draw(-0.3, 0.3), 16)[:, None]
    front, back = draw(0, 1, 3, 1, 1), draw(0, 1, 3, 1, 1)
    back = torch.where((front - back).abs().amax(1, keepdim=True) < 0.35, (front + 0.5) % 1, back)
    images = torch.where(inside, front, back) + 0.05 * torch.randn(n, 3, 16, 16, generator=dice)
    return images.clamp(0, 1) * 2 - 1, labels, front.flatten(1)


def move(x, turn=0.25, shift=0.15, zoom=0.18):
    """Turn, zoom and shift each picture of a batch at random; what comes in from outside repeats the border.

    x:       (N, C, H, W)
    turn:    the largest angle, in radians
    shift:   the largest way, as a share of half a side
    zoom:    the largest change of size, as a share
    returns: (N, C, H, W)
    """
    check_tensor("x", x, "(N, C, H, W)", "a batch of pictures", floats=True)
    for name, value in (("turn", turn), ("shift", shift), ("zoom", zoom)):
        check_number(name, value, 0, 4, "0 leaves the pictures as they are")
    angle, right, down, size = (2 * torch.rand(4, len(x), device=x.device) - 1).unbind()
    cos, sin = ((turn * angle).cos(), (turn * angle).sin())
    scale = 1 / (1 + zoom * size)
    rows = [
        torch.stack(row, 1)
        for row in ((cos * scale, -sin * scale, shift * right), (sin * scale, cos * scale, shift * down))
    ]
    grid = F.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def recolour(x, strength=1.0):
    """Change the brightness and contrast of each channel at random; of colour pictures also the order and sign of the channels.

    x:        (N, C, H, W), C 1 or 3, from −1 to 1
    strength: from 0, nothing, to 1
    returns:  (N, C, H, W)
    """
    check_tensor("x", x, "(N, C, H, W)", "a batch of pictures", floats=True)
    check_number("strength", strength, 0, 1, "0 leaves the colours as they are")
    n, channels = x.shape[:2]
    gain = 1 + strength * (0.7 * torch.rand(n, channels, 1, 1, device=x.device) - 0.5)
    offset = 0.3 * strength * torch.randn(n, channels, 1, 1, device=x.device)
    changed = x
    if channels == 3:
        order = torch.rand(n, 3, device=x.device).argsort(1)[:, :, None, None].expand_as(x)
        sign = torch.where(torch.rand(n, 3, 1, 1, device=x.device) < 0.5, -1.0, 1.0)
        chosen = torch.rand(n, 1, 1, 1, device=x.device) < strength
        changed = torch.where(chosen, sign * x.gather(1, order), x)
    return gain * changed + offset


def noise(x, strength=0.1):
    """Add normal noise to each pixel: (N, C, H, W) → (N, C, H, W)."""
    check_tensor("x", x, "(N, C, H, W)", "a batch of pictures", floats=True)
    return x + check_number("strength", strength, 0, 1, "0 adds nothing") * torch.randn_like(x)
