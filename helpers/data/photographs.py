"""Photographs, shipped or one's own, and a text."""

import io

import torch.nn.functional as F

from helpers.checks import check_choice, whole
from helpers.data.files import read
from helpers.data.pictures import from_file, own_picture

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


def photograph(picture, size=None):
    """Return a photograph: a shipped one, or one's own.

    picture: one of photographs(): "astronaut", "camera" (grey, given as three equal channels), "cat", "coffee", "rocket";
             the name of a file in my_pictures/; the path of a file, or its bytes (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF);
             a PIL image; an array (H, W), (H, W, 3) or (H, W, 4); a tensor (H, W) or (C, H, W). Whole numbers count to 255
             (uint16: 65535), others to 1
    size:    None for the file's own size, or the side of a square: the shorter side is resized to it, smoothed where it
             shrinks, and the middle is cut out
    returns: (3, H, W) or (3, size, size) float32, from 0 to 1; turned as its EXIF says, on white where it is transparent.
             Of a large file, reduced as it is decoded: no side above 2048
    raises:  ValueError for an unknown name, a damaged file or what is no picture, FileNotFoundError for a missing one
    """
    if size is not None:
        whole("size", size, 1, 4096, "give the side of the square in pixels")
    if isinstance(picture, str) and picture in PHOTOGRAPHS:
        image = from_file(io.BytesIO(read("photographs/" + PHOTOGRAPHS[picture])))
    else:
        image = own_picture(picture)
    if size is None:
        return image
    height, width = image.shape[1:]
    if max(height, width) > 8 * min(height, width):  # a strip would become as much longer as it becomes wider
        image = middle(image, min(height, 8 * width), min(width, 8 * height))
        height, width = image.shape[1:]
    height, width = (round(side * size / min(height, width)) for side in (height, width))
    image = F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
    return middle(image, size, size)


def middle(image, height, width):
    """Return the middle of a picture, (3, height, width)."""
    top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
    return image[:, top : top + height, left : left + width].contiguous()


def text(name="alice"):
    """Return a shipped public-domain text, str: "alice" is Alice's Adventures in Wonderland, Lewis Carroll, 1865.

    148,476 characters, all of them ASCII, lines of at most 72.
    raises: ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one
    """
    return read(TEXTS[check_choice("name", name, TEXTS)]).decode("ascii")
