"""What one unit sees, measured: the gradient of its output with respect to every input pixel, and how that is drawn."""

import functools
import io
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from helpers import plots
from helpers.course.explorers.ground import data_uri
from helpers.course.explorers.pictures import shipped
from helpers.shapes import check_pool_padding, input_range, output_size


class Measured(NamedTuple):
    """What the gradient of one unit says, along one axis after the other.

    rows, columns: (size,) float64, the gradient along each axis; that of a pixel is their product
    """

    rows: np.ndarray
    columns: np.ndarray

    def region(self):
        """Return ((first, last), (first, last)), rows and columns of the pixels that count; None where none does."""
        found = [np.flatnonzero(axis) for axis in self]
        return None if min(map(len, found)) == 0 else tuple((int(at[0]), int(at[-1])) for at in found)

    def count(self):
        """Return how many pixels count."""
        return int(np.count_nonzero(self.rows)) * int(np.count_nonzero(self.columns))

    def inside(self, rows, columns):
        """Return the share, 0 to 1, of the gradient's energy (its square) within (first, last) rows and columns."""
        share = 1.0
        for axis, (first, last) in zip(self, (rows, columns)):
            total = (axis**2).sum()
            share *= (axis[max(first, 0) : last + 1] ** 2).sum() / total if total else 0.0
        return float(share)


@functools.lru_cache(maxsize=256)
def measure(layers, size, row, column):
    """Return the gradient of unit (row, column) of the last layer with respect to every input pixel: Measured.

    layers: tuple of Window
    size:   pixels, the side of the square input

    A network of one channel with random positive kernels and no activation, differentiated once by torch in double
    precision. Pooling averages: max pooling would pass the gradient to a single pixel. Each kernel is a column times a
    row, so the network is one for the rows times one for the columns, and both are run as a 1-d network of two channels.
    """
    x = torch.zeros(1, 2, size, dtype=torch.float64, requires_grad=True)
    generator, y = torch.Generator().manual_seed(0), x
    for layer in layers:
        K = layer.kernel_size
        weight = 0.5 + torch.rand(2, 1, K, dtype=torch.float64, generator=generator)
        if layer.name == "pool":
            weight = torch.ones(2, 1, K, dtype=torch.float64)
        weight = weight / weight.sum(2, keepdim=True)
        y = F.conv1d(y, weight, stride=layer.stride, padding=layer.padding, dilation=layer.dilation, groups=2)
    (gradient,) = torch.autograd.grad(y[0, 0, row] + y[0, 1, column], x)
    return Measured(*gradient[0].numpy())


def impossible(layers, size):
    """Return (index, why) of the first layer that cannot be, in words for a student; None where all can."""
    for i, layer in enumerate(layers):
        try:
            if layer.name == "pool":
                check_pool_padding(layer.kernel_size, layer.padding)
            size = output_size(size, *layer[:4])
        except ValueError as error:
            return i, f"Layer {i + 1} ({layer.name}): {error}."
    return None


def sizes(layers, size):
    """Return the side of each layer's output."""
    found = []
    for layer in layers:
        size = output_size(size, *layer[:4])
        found.append(size)
    return found


def inner(first, size):
    """Return (first, last) of the middle half of a field: size / 2 pixels, or one more where that would not be in the middle."""
    half = size // 2 + (size - size // 2) % 2
    return first + (size - half) // 2, first + (size - half) // 2 + half - 1


# ---- the pictures

HEAT = matplotlib.colormaps["YlOrRd"]


def heat_palette():
    """Return 256 colours as bytes: 0 is transparent, and what is above it is seen at once."""
    share = np.linspace(0, 1, 256)
    colours = HEAT(0.15 + 0.85 * share)
    colours[:, 3] = 0.42 + 0.48 * share
    colours[0, 3] = 0
    return (colours * 255).round().astype(np.uint8).tobytes()


PALETTE = heat_palette()


def heat_png(measured):
    """Return the gradient as the bytes of a PNG, one pixel a cell, transparent where it is zero; and where it lies: Measured.region()."""
    region = measured.region()
    if region is None:
        return None, None
    rows, columns = (axis[first : last + 1] for axis, (first, last) in zip(measured, region))
    # The root of the gradient's root: the outer parts stay visible.
    strength = np.outer((rows / rows.max()) ** 0.5, (columns / columns.max()) ** 0.5)
    levels = np.where(np.outer(rows > 0, columns > 0), 1 + np.round(254 * strength), 0).astype(np.uint8)
    image, buffer = Image.fromarray(levels, "L"), io.BytesIO()
    image.putpalette(PALETTE, "RGBA")
    image.save(buffer, "png", compress_level=1)
    return buffer.getvalue(), region


GRID = "plain grid"


@functools.lru_cache(maxsize=16)
def picture(shown, size):
    """Return an input picture: (size, size) grey values from 0 to 1, pale, so that colours show on it.

    shown: a Picture; or the name of a shipped photograph, or GRID
    """
    shown = shipped(shown) if isinstance(shown, str) else shown
    if shown.name != GRID:
        try:
            return 0.3 + 0.7 * shown.at(size).mean(0).numpy()
        except (OSError, ValueError):
            pass  # without data/ there is still the grid
    at = np.arange(size) // 8
    return 0.94 - 0.12 * ((at[:, None] + at) % 2)


@functools.lru_cache(maxsize=16)
def picture_uri(shown, size):
    buffer = io.BytesIO()
    Image.fromarray((picture(shown, size) * 255).round().astype(np.uint8), "L").save(buffer, "png")
    return data_uri(buffer.getvalue())


def draw_field(ax, layers, size, row, column, name="cat"):
    """Draw the picture, the gradient of the unit on it, and the frame of the computed field."""
    ax.imshow(picture(name, size), cmap="gray", vmin=0, vmax=1)
    png, region = heat_png(measure(tuple(layers), size, row, column))
    if png:
        (top, bottom), (left, right) = region
        ax.imshow(
            np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")),
            extent=(left - 0.5, right + 0.5, bottom + 0.5, top - 0.5),
            interpolation="nearest",
        )
    (top, bottom), (left, right) = input_range(layers, row), input_range(layers, column)
    ax.add_patch(
        plots.Rectangle(
            (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, edgecolor=plots.BLUE, linewidth=3
        )
    )
    ax.set(
        xlim=(min(left, 0) - 1, max(right, size) + 1),
        ylim=(max(bottom, size) + 1, min(top, 0) - 1),
        xticks=[],
        yticks=[],
        title=f"layer {len(layers)}: {right - left + 1} × {bottom - top + 1} pixels",
    )
    ax.spines[:].set_visible(False)
