"""The MobileNet cost explorer: turn width, image and kernel, change the block, and see what it costs and where.

Integers only, by the rules of helpers.costs and the plans of helpers.models.mobilenet: the same numbers, without
building the network.
"""

from typing import NamedTuple

from helpers import plots
from helpers.checks import check_choice
from helpers.course.explorers import widgets
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.widgets import on_slider, page, shares, snap, style
from helpers.models.mobilenet import to_multiple_of_8
from helpers.shapes import output_size

FULL, V1, V2 = "full convolution", "V1 depthwise separable", "V2 inverted residual"
BLOCKS = (V1, V2, FULL)
LIMITS = {"width": (25, 150, 5), "size": (96, 320, 32), "kernel_size": (3, 11, 2)}  # lowest, highest, step
START = {"width": 100, "size": 224, "kernel_size": 3}
CLASSES = 1000

KINDS = {
    "full": "full convolution",
    "depthwise": "depthwise",
    "pointwise": "pointwise 1×1",
    "fc": "fully connected",
    "norm": "batch norm",
}
COLOURS = dict(zip(KINDS, (plots.GREY, plots.ORANGE, plots.BLUE, plots.GREEN, plots.PINK)))
COLUMNS = {"macs": "MACs", "params": "parameters", "memory": "memory"}

V1_PLAN = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
V2_PLAN = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class Layer(NamedTuple):
    """A convolution without bias, followed by batch normalisation; or, as "fc", the layer at the end."""

    kind: str
    in_channels: int
    out_channels: int
    kernel_size: int = 1
    stride: int = 1


class Cost(NamedTuple):
    """What the layers of one kind cost together, for one image. memory: bytes, output values × 4."""

    macs: int
    params: int
    memory: int


def plan(block, width, kernel_size):
    """Return list of Layer: the network of this block.

    width: percent of the paper's channels
    """
    part, layers = width / 100, []
    if block == V2:
        channels = to_multiple_of_8(32 * part)
        layers.append(Layer("full", 3, channels, 3, 2))
        for expand_ratio, out, blocks, stride in V2_PLAN:
            out = to_multiple_of_8(out * part)
            for i in range(blocks):
                hidden = channels * expand_ratio
                if expand_ratio > 1:
                    layers.append(Layer("pointwise", channels, hidden))
                layers.append(Layer("depthwise", hidden, hidden, kernel_size, 1 if i else stride))
                layers.append(Layer("pointwise", hidden, out))
                channels = out
        last = to_multiple_of_8(1280 * max(1.0, part))
        return [*layers, Layer("pointwise", channels, last), Layer("fc", last, CLASSES)]
    channels = max(1, round(32 * part))
    layers.append(Layer("full", 3, channels, 3, 2))
    for out, stride in V1_PLAN:
        out = max(1, round(out * part))
        if block == FULL:
            layers.append(Layer("full", channels, out, kernel_size, stride))
        else:
            layers += [Layer("depthwise", channels, channels, kernel_size, stride), Layer("pointwise", channels, out)]
        channels = out
    return [*layers, Layer("fc", channels, CLASSES)]


def costs(block, width=100, size=224, kernel_size=3):
    """Return dict from kind (KINDS) to Cost.

    width:       percent of the paper's channels
    size:        side of the image in pixels
    kernel_size: of the blocks, odd; the first convolution stays 3×3

    Memory counts the outputs of convolutions and of the fully connected layer.
    """
    found, side = {kind: [0, 0, 0] for kind in KINDS}, size
    for kind, C, F, K, stride in plan(block, width, kernel_size):
        if kind == "fc":
            macs, params, values = C * F, C * F + F, F
        else:
            side = output_size(side, K, stride, K // 2)
            params = F * K * K * (1 if kind == "depthwise" else C)
            macs, values = params * side * side, F * side * side
            found["norm"][1] += 2 * F
        for i, number in enumerate((macs, params, 4 * values)):
            found[kind][i] += number
    return {kind: Cost(*numbers) for kind, numbers in found.items()}


def total(kinds):
    """Return the Cost of all kinds together."""
    return widgets.total(kinds.values())


def short(column, value):
    """Write MACs and parameters in millions, memory in MiB."""
    return f"{value / 2**20:,.1f} MiB" if column == "memory" else f"{value / 1e6:,.1f} M"


def written(column, value):
    """Write memory in KiB, the others as they are."""
    return f"{value / 1024:,.1f}" if column == "memory" else f"{value:,}"


def against(now, then):
    """Write how the network compares with the one of full convolutions: 8.6× less, 1.6× more."""
    if now == then:
        return "the same"
    return f"{then / now:.1f}× less" if now < then else f"{now / then:.1f}× more"


class MobileExplorer(Panel):
    """Show what a MobileNet costs, against V1's channels in full convolutions. The last line of a cell displays it.

    block:       one of BLOCKS
    width:       percent of the paper's channels, 25 to 150 in steps of 5
    size:        pixels, the side of the square image, 96 to 320 in steps of 32
    kernel_size: of the blocks: 3, 5, 7, 9 or 11
    raises:      ValueError that names the argument

    They follow what is done in the browser; costs() returns the numbers, a dict from kind to Cost.
    """

    _css = style(__file__)

    def __init__(self, block=V1, width=100, size=224, kernel_size=3):
        super().__init__()
        self.block = check_choice("block", block, BLOCKS)
        for name, value in (("width", width), ("size", size), ("kernel_size", kernel_size)):
            setattr(self, name, on_slider(name, value, *LIMITS[name]))
        self.refresh()

    def costs(self):
        """Return what is shown: dict from kind to Cost."""
        return costs(self.block, self.width, self.size, self.kernel_size)

    # What the browser asks

    def hear(self, name, value):
        if name == "block" and value in BLOCKS:
            self.block = value
        elif name in LIMITS:
            setattr(self, name, snap(value, *LIMITS[name]))
        elif name == "do":
            self.width, self.size, self.kernel_size = START.values()

    # What is shown

    def refresh(self):
        settings = {name: getattr(self, name) for name in LIMITS}
        mine, other, start = self.costs(), costs(FULL, **settings), total(costs(self.block, **START))
        now, then = total(mine), total(other)
        self.fixed = {"frame": FRAME}
        parts = {
            "reset": button("do", "reset", "reset", "set width, image and kernel back", "reset", settings == START)
        }
        for column in COLUMNS:
            longest = max(getattr(now, column), getattr(then, column))
            for name, kinds in (("mine", mine), ("other", other)):
                parts[f"{name}.{column}"] = stacked(column, kinds, longest)
            parts[f"against.{column}"] = against(getattr(now, column), getattr(then, column))
            parts[f"start.{column}"] = f"×{getattr(now, column) / getattr(start, column):.2f}"
            parts[f"total.{column}"] = written(column, getattr(now, column))
        self.parts = parts | shares(mine, COLUMNS, written, COLOURS, percents=COLUMNS) | {"heard": self.alt}
        self.values = {"block": self.block, **settings}

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        now, then = total(self.costs()), total(costs(FULL, self.width, self.size, self.kernel_size))
        return (
            f"MobileNet cost explorer. {self.block}, width {self.width} %, image {self.size} × {self.size}, kernel"
            f" {self.kernel_size} × {self.kernel_size}: {now.macs:,} multiply-adds, {now.params:,} parameters,"
            f" {short('memory', now.memory)} of outputs. V1's channels in full convolutions: {then.macs:,},"
            f" {then.params:,} and {short('memory', then.memory)}."
        )

    def still(self):
        """Return a figure of three pairs of bars: this network and the one of full convolutions, stacked by kind."""
        pair = {"this network": self.costs(), "full convolutions": costs(FULL, self.width, self.size, self.kernel_size)}
        fig, axes = plots.figure(1, 3, width=13, height=3.2)
        for ax, (column, title) in zip(axes, COLUMNS.items()):
            unit = 2**20 if column == "memory" else 1e6
            for place, kinds in enumerate(pair.values()):
                left = 0.0
                for kind, cost in kinds.items():
                    amount = getattr(cost, column) / unit
                    ax.barh(
                        place, amount, left=left, color=COLOURS[kind], label=None if place else KINDS[kind], height=0.6
                    )
                    left += amount
                ax.text(left, place, f" {short(column, getattr(total(kinds), column))}", va="center", fontsize=13)
            most = max(getattr(total(kinds), column) for kinds in pair.values()) / unit
            ax.set(title=title, yticks=[0, 1], yticklabels=pair, xticks=[], xlim=(0, 1.45 * most))
            ax.invert_yaxis()
        for ax in axes[1:]:
            ax.set(yticks=[])
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(KINDS))
        return fig


def stacked(column, kinds, longest):
    """Return the HTML of one bar, a piece for each kind, and its sum in words."""
    whole_sum = getattr(total(kinds), column)
    pieces = "".join(
        f'<i style="width:{100 * getattr(cost, column) / whole_sum:.2f}%;background:{COLOURS[kind]}"></i>'
        for kind, cost in kinds.items()
        if getattr(cost, column)
    )
    return (
        '<div class="mobile-bar"'
        f' style="--part:{whole_sum / longest:.4f}">{pieces}</div><span>{short(column, whole_sum)}</span>'
    )


FRAME = page(__file__, blocks=BLOCKS, limits=LIMITS, columns=COLUMNS, kinds=KINDS, colours=COLOURS)
