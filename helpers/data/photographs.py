"""Photographs, and a text."""

import io

import torch
import torch.nn.functional as F

from helpers.checks import check_choice, whole
from helpers.data.files import read

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "cat": "cat.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}


TEXTS = {"alice": "alice.txt"}


def photographs():
    """Return the names of the shipped photographs, a tuple."""
    return tuple(PHOTOGRAPHS)


def photograph(name, size=None):
    """Return one shipped photograph.

    name:    one of photographs(): "astronaut", "camera" (grey, given as three equal channels), "cat", "coffee", "rocket"
    size:    None for the file's own size, or the side of a square: the shorter side is resized to it, smoothed where it
             shrinks, and the middle is cut out
    returns: (3, H, W) or (3, size, size) float32, from 0 to 1
    raises:  ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one
    """
    data = read("photographs/" + PHOTOGRAPHS[check_choice("name", name, PHOTOGRAPHS)])
    if size is not None:
        whole("size", size, 1, 4096, "give the side of the square in pixels")
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data)) as file:
        image = torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1).contiguous().float() / 255
    if size is None:
        return image
    height, width = image.shape[1:]
    height, width = (round(side * size / min(height, width)) for side in (height, width))
    image = F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
    top, left = (height - size) // 2, (width - size) // 2
    return image[:, top : top + size, left : left + size].contiguous()


def text(name="alice"):
    """Return a shipped public-domain text, str: "alice" is Alice's Adventures in Wonderland, Lewis Carroll, 1865.

    148,476 characters, all of them ASCII, lines of at most 72.
    raises: ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one
    """
    return read(TEXTS[check_choice("name", name, TEXTS)]).decode("ascii")
