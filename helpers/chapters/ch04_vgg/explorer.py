"""The stack explorer: n windows of 3×3 against one of K×K: what they see, what they cost, and how they look.

Whole numbers only, by the rules of helpers.shapes and helpers.costs.
"""

import html
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from helpers import plots
from helpers.checks import whole
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.widgets import bar, page, style
from helpers.shapes import Window, receptive_field

LAYERS, CHANNELS, SIZES = (1, 5), (1, 512), (8, 224)
KERNELS = (3, 5, 7, 9, 11)
GRID = 11  # pixels of the picture's side: the field of five 3×3 windows


class Cost(NamedTuple):
    """What a stack costs for one image. field: pixels; weights: of one kernel, all layers; memory: bytes of all outputs."""

    field: int
    params: int
    macs: int
    memory: int
    activations: int


def cost(layers, kernel_size, channels, size):
    """Return the Cost of `layers` convolutions, channels to channels, stride 1, same padding, with bias, on size × size."""
    values = channels * size * size
    return Cost(
        receptive_field([Window(kernel_size)] * layers)[-1].size,
        layers * channels * (channels * kernel_size**2 + 1),
        layers * values * channels * kernel_size**2,
        4 * layers * values,
        layers,
    )


def paths(layers, kernel_size):
    """Return how many ways lead from each pixel of the field to the unit: (field, field) float64, whole numbers.

    This is the one kernel that the stack would make if all its weights were 1 and nothing stood between the layers.
    """
    kernel = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    for _ in range(layers):
        kernel = F.conv2d(
            kernel, torch.ones(1, 1, kernel_size, kernel_size, dtype=torch.float64), padding=kernel_size - 1
        )
    return kernel[0, 0].numpy()


# title, how a value is written, and what it counts
ROWS = {
    "params": ("parameters", "{:,}"),
    "macs": ("multiply-adds", "{:,}"),
    "memory": ("memory, KiB", "{:,.1f}"),
    "activations": ("ReLUs", "{}"),
}


def written(row, value):
    """Write one value of a row; memory in KiB."""
    return ROWS[row][1].format(value / 1024 if row == "memory" else value)


class VggStackExplorer(Panel):
    """Show a stack of 3×3 convolutions beside one of K×K: field, parameters, multiply-adds, memory. The last line of a cell.

    layers:      how many 3×3 convolutions, 1 to 5
    kernel_size: the side of the one large window: 3, 5, 7, 9 or 11
    channels:    in and out of every layer, 1 to 512
    size:        pixels, the side of the square maps, 8 to 224
    raises:      ValueError that names the argument

    The attributes follow what is done in the browser; stack() and single() return the numbers: Cost.
    """

    _css = style(__file__)

    def __init__(self, layers=2, kernel_size=5, channels=64, size=56):
        super().__init__()
        if isinstance(kernel_size, bool) or not isinstance(kernel_size, int) or kernel_size not in KERNELS:
            raise ValueError(f"kernel_size (={kernel_size!r}) must be one of {', '.join(map(str, KERNELS))}")
        self.layers, self.kernel_size = whole("layers", layers, *LAYERS), kernel_size
        self.channels, self.size = whole("channels", channels, *CHANNELS), whole("size", size, *SIZES)
        self.refresh()

    def stack(self):
        """Return the Cost of the 3×3 convolutions."""
        return cost(self.layers, 3, self.channels, self.size)

    def single(self):
        """Return the Cost of the one large convolution."""
        return cost(1, self.kernel_size, self.channels, self.size)

    def hear(self, name, value):
        if name == "kernel_size":
            self.kernel_size = int(value.split("×")[0])
        elif name == "do":
            self.kernel_size = self.stack().field
        else:
            setattr(self, name, value)

    def refresh(self):
        stack, single = self.stack(), self.single()
        self.fixed = {"frame": FRAME}
        parts = {
            "match": button(
                "do",
                "match",
                "see the same",
                "give the large window the field of the stack",
                "match",
                stack.field == single.field,
            ),
            "left": window(self.layers, 3, "#0072b2"),
            "right": window(1, self.kernel_size, "#e69f00"),
            "left-title": f"{self.layers} of 3×3 {'see' if self.layers > 1 else 'sees'} {stack.field}×{stack.field}",
            "right-title": f"one {self.kernel_size}×{self.kernel_size} sees {single.field}×{single.field}",
            "words": self._words(stack, single),
        }
        for row in ROWS:
            ours, theirs = getattr(stack, row), getattr(single, row)
            parts[row] = "".join(
                bar(f"stack-bar {which}", value / max(ours, theirs), written(row, value))
                for which, value in (("one", ours), ("two", theirs))
            )
            parts[f"{row}-ratio"] = f"×{ours / theirs:.2f}"
        self.parts = parts
        self.values = {
            "layers": self.layers,
            "kernel_size": f"{self.kernel_size}×{self.kernel_size}",
            "channels": self.channels,
            "size": self.size,
        }

    def _words(self, stack, single):
        if stack.field != single.field:
            more = "stack" if stack.field > single.field else "large window"
            return (
                f"The two do not see the same: {stack.field} pixels a side against {single.field}, so the {more} has"
                " the larger field. To compare their costs, let them see the same."
            )
        if self.layers == 1:
            return "One window of 3×3 on both sides: the same layer."
        C = self.channels
        return (
            f"Both see {stack.field}×{stack.field} pixels. Weights: {9 * self.layers} C² against {self.kernel_size**2}"
            f" C², with C = {C}: {9 * self.layers * C * C:,} and {self.kernel_size**2 * C * C:,}. The stack has"
            f" {self.layers} outputs to keep, the large window one. Left, a stronger colour means more ways from a"
            " pixel to the unit" + (", and a number counts them." if stack.field <= 7 else ".")
        )

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        stack, single = self.stack(), self.single()
        return (
            f"Stack explorer. {self.layers} of 3×3 against one of {self.kernel_size}×{self.kernel_size},"
            f" {self.channels} channels, maps of {self.size} × {self.size}: fields {stack.field} and {single.field},"
            f" {stack.params:,} and {single.params:,} parameters, {stack.macs:,} and {single.macs:,} multiply-adds,"
            f" {written('memory', stack.memory)} and {written('memory', single.memory)} KiB of outputs."
        )

    def still(self):
        """Return a figure: the two fields, and bars of the costs."""
        stack, single = self.stack(), self.single()
        fig, axes = plots.figure(1, 3, width=13, height=3.6, gridspec_kw={"width_ratios": (1, 1, 1.7)})
        for ax, layers, kernel_size, words in (
            (axes[0], self.layers, 3, f"{self.layers} of 3×3"),
            (axes[1], 1, self.kernel_size, f"one of {self.kernel_size}×{self.kernel_size}"),
        ):
            field = paths(layers, kernel_size)
            edge = (GRID - len(field)) // 2
            plots.draw_image(ax, np.pad(field / field.max(), edge), f"{words}: sees {len(field)}")
        names, costs = list(ROWS), (stack, single)
        for i, (colour, label, numbers) in enumerate(
            ((plots.BLUE, "stack", stack), (plots.ORANGE, "large window", single))
        ):
            share = [getattr(numbers, row) / max(getattr(c, row) for c in costs) for row in names]
            axes[2].barh(
                [at + 0.36 * i - 0.18 for at in range(len(names))], share, height=0.34, color=colour, label=label
            )
            for at, (row, wide) in enumerate(zip(names, share, strict=True)):
                axes[2].text(
                    wide + 0.02, at + 0.36 * i - 0.18, written(row, getattr(numbers, row)), va="center", fontsize=12
                )
        axes[2].set(yticks=range(len(names)), yticklabels=[ROWS[row][0] for row in names], xticks=[], xlim=(0, 1.6))
        axes[2].invert_yaxis()
        axes[2].legend(fontsize=12, ncols=2, loc="lower center", bbox_to_anchor=(0.4, 1))
        return fig


def window(layers, kernel_size, colour):
    """Return an SVG of the field: cells shaded by how many ways lead from them to the unit, and one frame for each layer."""
    field, side = paths(layers, kernel_size), 24
    edge, middle = (GRID - len(field)) // 2, GRID * side / 2
    cells = []
    for row in range(GRID):
        for column in range(GRID):
            at = row - edge, column - edge
            seen = 0 <= min(at) and max(at) < len(field)
            share = field[at] / field.max() if seen else 0
            fill = f'fill="{colour}" fill-opacity="{0.15 + 0.6 * share:.2f}"' if seen else 'fill="none"'
            cells.append(
                f'<rect x="{column * side}" y="{row * side}" width="{side}" height="{side}" {fill} stroke="#8886"/>'
            )
            if seen and len(field) <= 7:
                cells.append(f'<text x="{(column + 0.5) * side}" y="{(row + 0.5) * side + 6}">{field[at]:.0f}</text>')
    for depth in range(1, layers + 1):
        half = (1 + depth * (kernel_size - 1)) * side / 2
        cells.append(
            f'<rect class="frame" x="{middle - half}" y="{middle - half}" width="{2 * half}" height="{2 * half}"'
            f' fill="none" stroke="{colour}" stroke-width="3"/>'
        )
    words = html.escape(
        f"{len(field)} by {len(field)} of {GRID} by {GRID} pixels are seen through {layers} window(s) of {kernel_size}"
        f" by {kernel_size}"
    )
    return (
        f'<svg role="img" aria-label="{words}" viewBox="-2 -2 {GRID * side + 4}'
        f' {GRID * side + 4}">{"".join(cells)}</svg>'
    )


FRAME = page(__file__, layers=LAYERS, kernels=[f"{k}×{k}" for k in KERNELS], channels=CHANNELS, sizes=SIZES, rows=ROWS)
