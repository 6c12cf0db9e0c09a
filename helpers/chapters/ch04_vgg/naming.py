"""Can a feature map be named? Nine plain pictures of a photograph, and which of them a map resembles most."""

import torch
import torch.nn.functional as F

NAMES = ("brightness", "red", "green", "blue", "vertical", "horizontal", "|vertical|", "|horizontal|", "edge")


def plain_pictures(photographs, side):
    """Return brightness, red, green and blue (less brightness), edges of each direction with and without sign, edge strength.

    photographs: (N, 3, H, W); returns (N, 9, side, side), in the order of NAMES
    """
    grey = photographs.mean(1, keepdim=True)
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    vertical, horizontal = (F.conv2d(grey, kernel[None, None], padding=1) for kernel in (sobel, sobel.T))
    strength = (vertical**2 + horizontal**2).sqrt()
    found = (grey, photographs - grey, vertical, horizontal, vertical.abs(), horizontal.abs(), strength)
    return F.adaptive_avg_pool2d(torch.cat(found, 1), side)


def best_names(maps, photographs):
    """Return, for each map, the largest correlation with one of the nine plain pictures, without its sign, and which it is.

    maps: (N, C, h, w) of the photographs (N, 3, H, W); over all places of all photographs. Returns (C,) and (C,), an index into NAMES
    """
    mine, plain = (
        x.transpose(0, 1).flatten(1) - x.transpose(0, 1).flatten(1).mean(1, keepdim=True)
        for x in (maps, plain_pictures(photographs, maps.shape[-1]))
    )
    sizes = mine.norm(dim=1)[:, None] * plain.norm(dim=1)
    return tuple((mine @ plain.T / sizes.clamp(min=1e-9)).abs().max(1))
