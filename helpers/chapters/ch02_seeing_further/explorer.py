"""The receptive-field explorer: add, remove and edit layers, and see how much of the image one unit sees.

Computed by helpers.shapes, and beside it measured: which input pixels does the unit's gradient reach, and how strongly?
"""

import functools

import numpy as np
import torch

from helpers import plots
from helpers.chapters.ch02_seeing_further.field import (
    GRID,
    draw_field,
    heat_png,
    impossible,
    inner,
    measure,
    picture_uri,
    sizes,
)
from helpers.checks import whole
from helpers.course.explorers.ground import data_uri, problem
from helpers.course.explorers.panel import Panel, button, slider
from helpers.course.explorers.pictures import Gallery
from helpers.course.explorers.widgets import page, placed, style
from helpers.shapes import Window, receptive_field

KINDS = ("conv", "pool")
LIMITS = {"kernel_size": (1, 11), "stride": (1, 4), "padding": (0, 5), "dilation": (1, 3)}
SIZES = (32, 227)
MOST = 10
OWN = "own layers"


def conv(kernel_size, stride=1, padding=0, dilation=1):
    return Window(kernel_size, stride, padding, dilation, "conv")


def pool(kernel_size, stride=1, padding=0, dilation=1):
    return Window(kernel_size, stride, padding, dilation, "pool")


# name: (layers, side of the input). AlexNet is that of 2012, whose arithmetic needs 227 pixels.
PRESETS = {
    "three 3×3": ((conv(3, 1, 1),) * 3, 32),
    "conv + pool ×3": ((conv(3, 1, 1), pool(2, 2)) * 3, 64),
    "AlexNet to conv5": ((conv(11, 4), pool(3, 2), conv(5, 1, 2), pool(3, 2), *(conv(3, 1, 1),) * 3), 227),
    "dilated": (tuple(conv(3, 1, d, d) for d in (1, 2, 3)), 32),
}


# ---- the explorer


def as_layers(layers):
    """Return a tuple of Window, each "conv" or "pool" by its name; ValueError that names what cannot be edited here."""
    found = []
    for i, layer in enumerate(layers):
        layer = Window(*layer) if isinstance(layer, tuple) else layer
        if not isinstance(layer, Window):
            raise ValueError(f"layers[{i}] (={layer!r}) must be a Window(kernel_size, stride, padding, dilation, name)")
        for name, limits in LIMITS.items():
            whole(f"layers[{i}].{name}", getattr(layer, name), *limits)
        found.append(layer._replace(name="pool" if "pool" in layer.name else "conv"))
    if not 1 <= len(found) <= MOST:
        raise ValueError(f"layers (={len(found)} of them) must be 1 to {MOST}, to fit on one screen")
    return tuple(found)


class ReceptiveFieldExplorer(Panel):
    """Show what one unit sees of the image, for layers that can be added, removed and edited. The last line of a cell displays it.

    layers:  the name of a preset (PRESETS) or a sequence of 1 to 10 Window; a name with "pool" in it makes a pooling layer
    picture: "plain grid", a shipped photograph or one's own, whatever data.photograph takes
    size:    pixels, the side of the square input, 32 to 227; None for what suits the layers
    depth:   which layer's unit, 1 for the first; None for the last
    unit:    (row, column) of the unit; None for the middle one
    raises:  ValueError that names the argument

    The attributes layers, size, depth and unit follow what is done in the browser; layers, size and depth can be set.
    fields() returns what helpers.shapes computes, gradient() what torch measures.
    """

    _css = style(__file__)

    def __init__(self, layers="conv + pool ×3", picture="cat", size=None, depth=None, unit=None):
        super().__init__()
        self._good, self._last, self._photo = None, 1, ""
        if isinstance(layers, str):
            if layers not in PRESETS:
                raise ValueError(f"layers (={layers!r}) must be one of {', '.join(PRESETS)}, or a sequence of Window")
            self._preset, (self._layers, own) = layers, PRESETS[layers]
        else:
            self._preset, self._layers, own = OWN, as_layers(layers), 96
        self.gallery = Gallery(picture, (GRID,))
        self._size = whole("size", own if size is None else size, *SIZES)
        count = len(self._layers)
        self._depth = whole("depth", count if depth is None else depth, 1, count)
        self._middle()
        if unit is not None:
            self._row, self._column = (whole(f"unit[{i}]", at, 0, (self._side() or 1) - 1) for i, at in enumerate(unit))
            self._stay()
        self.refresh()

    # What Python reads and sets

    @property
    def layers(self):
        """The layers now: a tuple of Window."""
        return self._layers

    @layers.setter
    def layers(self, layers):
        self._layers, self._preset = as_layers(layers), OWN
        self._depth = len(self._layers)
        self._middle()
        self.refresh()

    @property
    def size(self):
        """Pixels, the side of the input."""
        return self._size

    @size.setter
    def size(self, size):
        self._size = whole("size", size, *SIZES)
        self.refresh()

    @property
    def depth(self):
        """Which layer the unit belongs to, 1 for the first."""
        return self._depth

    @depth.setter
    def depth(self, depth):
        self._depth = whole("depth", depth, 1, len(self._layers))
        self.refresh()

    @property
    def unit(self):
        """(row, column) of the unit that is looked at."""
        return self._row, self._column

    def fields(self):
        """Return list of Field(name, size, jump, start), one per layer.

        raises: ValueError where a layer cannot be
        """
        wrong = impossible(self._layers, self._size)
        if wrong:
            raise ValueError(wrong[1])
        return receptive_field(self._layers)

    def gradient(self):
        """Return the gradient of the unit with respect to the input: (size, size), float64."""
        self.fields()
        rows, columns = measure(self._layers[: self._depth], self._size, self._row, self._column)
        return torch.tensor(np.outer(rows, columns))

    # What the browser asks

    def hear(self, name, value):
        if name == "preset":
            if value in PRESETS:
                self._preset, (self._layers, self._size) = value, PRESETS[value]
                self._depth = len(self._layers)
                self._middle()
        elif name == "size":
            self._size = value
        elif name == "depth":
            self._depth = min(value, len(self._layers))
        elif name in ("row", "column"):
            setattr(self, f"_{name}", value)
            self._stay()
        elif name in ("x", "y"):
            self._point(name, value)
        elif name == "do":
            self._do(*value.split())
        else:
            i, what = name.split(".")
            if int(i) < len(self._layers):
                layers = list(self._layers)
                layers[int(i)] = layers[int(i)]._replace(**{"name" if what == "kind" else what: value})
                self._layers, self._preset = tuple(layers), OWN

    def _do(self, what, index=-1):
        if what == "add" and len(self._layers) < MOST:
            at_last = self._depth == len(self._layers)
            self._layers, self._preset = (*self._layers, conv(3, 1, 1)), OWN
            self._depth += at_last
        elif what == "remove" and 1 < len(self._layers) > int(index):
            i = int(index)
            self._layers, self._preset = self._layers[:i] + self._layers[i + 1 :], OWN
            self._depth = min(self._depth - (i < self._depth - 1), len(self._layers))
        elif what == "centre":
            self._middle()

    # The unit stays in the middle until it is moved, and then at its place in the picture, whatever the layers become.

    def _sides(self):
        wrong = impossible(self._layers, self._size)
        return sizes(self._layers[: wrong[0]] if wrong else self._layers, self._size)

    def _middle(self):
        self._share, self._row, self._column = (0.5, 0.5), 0, 0
        self._place()

    def _stay(self):
        """Remember where in its map the unit is."""
        side = self._side()
        if side is not None:
            self._share = tuple((at + 0.5) / side for at in (self._row, self._column))

    def _side(self):
        sides = self._sides()
        return sides[self._depth - 1] if self._depth <= len(sides) else None

    def _place(self):
        side = self._side()
        if side is not None:
            self._row, self._column = (min(side - 1, int(share * side)) for share in self._share)

    def _point(self, name, share):
        """Move the unit to the one whose field has its middle nearest to where the picture was pointed at."""
        side = self._side()
        if side is None:
            return
        field = receptive_field(self._layers[: self._depth])[-1]
        margin = self._margin(field, side)
        pixel = share * (self._size + 2 * margin) - margin
        at = round((pixel - field.start - field.size / 2) / field.jump)
        setattr(self, "_column" if name == "x" else "_row", max(0, min(side - 1, at)))
        self._stay()

    def _margin(self, field, side):
        """Return how many pixels of padding the picture shows around the input: enough for the middle unit's field, up to
        the input's size, and a quarter of the input for those at the border. Not the unit's own, or the picture would jump.
        """

        def beyond(at):
            first = field.start + at * field.jump
            return max(0, -first, first + field.size - self._size)

        most = max(beyond(0), beyond(side - 1))
        return min(most, self._size, max(self._size // 4, beyond(side // 2) + self._size // 24))

    # What is shown

    def refresh(self):
        layers, size = self._layers, self._size
        wrong = impossible(layers, size)
        count = len(layers) if wrong is None else wrong[0]
        self._place()
        parts = {
            "problem": problem(wrong[1] if wrong else ""),
            "add": button("do", "add", "+ layer", "add a layer", "add", len(layers) == MOST),
        }
        fields, sides = receptive_field(layers[:count]), sizes(layers[:count], size)
        for i in range(len(layers)):
            known = i < count
            parts[f"{i}.out"] = str(sides[i]) if known else "–"
            parts[f"{i}.jump"] = str(fields[i].jump) if known else "–"
            parts[f"{i}.field"] = f"<b>{fields[i].size}</b>" if known else "–"
        if wrong is None:
            self._good = self._pictures(fields[self._depth - 1], sides[self._depth - 1])
            self._last = sides[self._depth - 1]
            self._photo = (
                f'<img alt="" src="{picture_uri(self.gallery.now, size)}" style="inset:0;width:100%;height:100%">'
            )
        self.fixed = {"frame": FRAME, "table": table(len(layers)), "photo": self._photo} | self.pictures()
        self.parts = {**parts, "slides": slides(len(layers), self._last), **(self._good or {})}
        self.wrong = [f"{wrong[0]}.{name}" for name in LIMITS] if wrong else []
        values = {
            "preset": self._preset,
            "picture": self.gallery.now.name,
            "size": size,
            "depth": self._depth,
            "row": self._row,
            "column": self._column,
        }
        for i, layer in enumerate(layers):
            values |= {f"{i}.kind": layer.name, **{f"{i}.{name}": getattr(layer, name) for name in LIMITS}}
        self.values = values

    def _pictures(self, field, side):
        """Return the parts that show the unit: picture, heat map, frame, words, sliders."""
        size, depth = self._size, self._depth
        measured = measure(self._layers[:depth], size, self._row, self._column)
        spans = [
            (field.start + at * field.jump, field.start + at * field.jump + field.size - 1)
            for at in (self._row, self._column)
        ]
        margin = self._margin(field, side)
        view = size + 2 * margin

        def place(top, left, height, width):
            return placed(top + margin, left + margin, height, width, view)

        png, region = heat_png(measured)
        heat = ""
        if png:
            (top, bottom), (left, right) = region
            heat = f'<img alt="" src="{data_uri(png)}" style="{place(top, left, bottom - top + 1, right - left + 1)}">'
        frame = f'<div class="frame" style="{place(spans[0][0], spans[1][0], field.size, field.size)}"></div>'
        shown, words = self._words(field, spans, measured, region)
        return {
            "place": f'<div style="position:absolute;{place(0, 0, size, size)}" data-part="photo"></div>',
            "heat": f'<div role="img" aria-label="{shown}">{heat}{frame}</div>',
            "words": words,
        }

    def _words(self, field, spans, measured, region):
        """Return what is to be seen, as the picture's alternative text and as HTML."""
        size = self._size
        seen = [(max(0, first), min(size - 1, last)) for first, last in spans]
        high, wide = (last - first + 1 for first, last in seen)
        cut = (high, wide) != (field.size, field.size)
        first = (
            f"One unit of layer {self._depth} sees <b>{field.size} × {field.size}</b> pixels; "
            f"its neighbour looks {field.jump} further."
        )
        inside = f"{high} × {wide} of them inside the image" if cut else "these pixels"
        count = measured.count()
        if high < 1 or wide < 1 or region is None:
            second = "<b>Measured: no gradient at all</b>, for all that this unit sees is padding."
        elif region == tuple(seen) and count == high * wide:
            second = f"<b>Measured equals computed</b>: the gradient is non-zero on exactly {inside}."
        elif region == tuple(seen):
            second = (
                f"<b>Measured: the same outline</b>, but non-zero on {count:,} of {high * wide:,} pixels only: "
                "stride or dilation skips the others."
            )
        else:
            (top, bottom), (left, right) = region
            second = (
                f"<b>Measured: less</b>, {bottom - top + 1} × {right - left + 1} pixels, where {high} × {wide} were"
                " computed: to the others the way leads through padding between the layers, or stride or dilation"
                " skips them."
            )
        third = ""
        if region is not None and field.size > 2:
            middle = [inner(first_, field.size) for first_, _ in spans]
            half = middle[0][1] - middle[0][0] + 1
            third = (
                f"The inner {half} × {half} ({100 * half**2 / field.size**2:.0f} % of the area)"
                f" {'carry' if half > 1 else 'carries'} <b>{100 * measured.inside(*middle):.0f} %</b> of the gradient's"
                " energy."
            )
        alt = (
            f"the input, {size} by {size}, with the field of unit ({self._row}, {self._column}) framed and its gradient"
            " as a heat map"
        )
        return alt, f"<p>{first}</p><p>{second}</p><p>{third}</p>"

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        names = ", ".join(f"{layer.name} {layer.kernel_size}×{layer.kernel_size}" for layer in self._layers)
        head = f"Receptive-field explorer. Input {self._size} × {self._size}; layers: {names}. "
        wrong = impossible(self._layers, self._size)
        if wrong:
            return head + wrong[1]
        field = self.fields()[self._depth - 1]
        return (
            head + f"One unit of layer {self._depth} sees {field.size} × {field.size} pixels; "
            f"its neighbour's view lies {field.jump} further. {self.gallery.said}"
        )

    def still(self):
        """Return a figure of the layers' fields and of the unit's field on the picture."""
        fig, (left, right) = plots.figure(1, 2, width=11, height=4.6, width_ratios=[1.25, 1])
        wrong = impossible(self._layers, self._size)
        count = len(self._layers) if wrong is None else wrong[0]
        fields = receptive_field(self._layers[:count])
        names = [
            f"{i + 1}  {layer.name} {layer.kernel_size}×{layer.kernel_size}"
            + (f" /{layer.stride}" if layer.stride > 1 else "")
            for i, layer in enumerate(self._layers[:count])
        ]
        if fields:
            plots.draw_bars(
                left,
                names,
                [field.size for field in fields],
                title="receptive field, in pixels",
                colours=[plots.BLUE if i + 1 == self._depth else plots.SKY for i in range(count)],
            )
        else:
            left.set_axis_off()
        if wrong:
            right.set_axis_off()
            right.text(0.5, 0.5, "no output with\nthese settings", ha="center", va="center", transform=right.transAxes)
            return fig
        draw_field(right, self._layers[: self._depth], self._size, self._row, self._column, self.gallery.now)
        return fig


@functools.cache
def table(count):
    """Return the HTML of the layers' controls and of the places for what is computed."""
    return page(__file__, "table", count=count, kinds=KINDS, limits=LIMITS)


def slides(count, side):
    """Return the HTML of the sliders below the picture."""
    found = (
        ("depth", "layer whose unit is shown", 1, count),
        ("row", "row of the unit", 0, side - 1),
        ("column", "column of the unit", 0, side - 1),
    )
    return "".join(
        f'<span>{name}</span>{slider(name, label, low, high)}<output data-show="{name}"></output>'
        for name, label, low, high in found
    )


FRAME = page(__file__, networks=(*PRESETS, OWN), sizes=SIZES)
