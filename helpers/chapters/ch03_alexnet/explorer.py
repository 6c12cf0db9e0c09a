"""The cost explorer: edit a layer or the input, and see where memory, parameters and multiply-adds go.

Integers only, by the rules of helpers.costs: the same numbers, without building the network.
"""

import functools
from typing import NamedTuple

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import problem
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.widgets import page, ratio, shares, style
from helpers.shapes import check_pool_padding, output_size


class Layer(NamedTuple):
    """One layer that can be edited. kind: "conv", "pool", "adaptive" (pooling to kernel_size x kernel_size) or "linear"."""

    name: str
    kind: str
    filters: int = 0
    kernel_size: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1


class Cost(NamedTuple):
    """What one layer costs for one image. out_shape: (C, H, W), or (D,); memory: bytes, output values × 4."""

    name: str
    out_shape: tuple
    memory: int
    params: int
    macs: int


def conv(name, filters, kernel_size, stride=1, padding=0, groups=1):
    return Layer(name, "conv", filters, kernel_size, stride, padding, groups)


def pool(name, kernel_size=3, stride=2):
    return Layer(name, "pool", 0, kernel_size, stride)


def linear(name, filters):
    return Layer(name, "linear", filters)


def alexnet(groups):
    return (
        conv("conv1", 96, 11, 4),
        pool("pool1"),
        conv("conv2", 256, 5, 1, 2, groups),
        pool("pool2"),
        conv("conv3", 384, 3, 1, 1),
        conv("conv4", 384, 3, 1, 1, groups),
        conv("conv5", 256, 3, 1, 1, groups),
        pool("pool5"),
        linear("fc6", 4096),
        linear("fc7", 4096),
        linear("fc8", 1000),
    )


# name: (channels and side of the input, layers). Each as helpers.models.alexnet builds it.
PRESETS = {
    "AlexNet 2012": ((3, 227), alexnet(2)),
    "AlexNet one tower": ((3, 227), alexnet(1)),
    "AlexNet torchvision": (
        (3, 224),
        (
            conv("conv1", 64, 11, 4, 2),
            pool("pool1"),
            conv("conv2", 192, 5, 1, 2),
            pool("pool2"),
            conv("conv3", 384, 3, 1, 1),
            conv("conv4", 256, 3, 1, 1),
            conv("conv5", 256, 3, 1, 1),
            pool("pool5"),
            Layer("avgpool", "adaptive", 0, 6),
            linear("fc6", 4096),
            linear("fc7", 4096),
            linear("fc8", 1000),
        ),
    ),
    "LeNet-like": (
        (1, 32),
        (
            conv("conv1", 6, 5),
            pool("pool1", 2),
            conv("conv2", 16, 5),
            pool("pool2", 2),
            linear("fc3", 120),
            linear("fc4", 84),
            linear("fc5", 10),
        ),
    ),
    "one layer": ((3, 227), (conv("conv1", 96, 11, 4),)),
}
LIMITS = {"filters": (1, 9999), "kernel_size": (1, 15), "stride": (1, 8), "padding": (0, 7), "groups": (1, 512)}
CHANNELS, SIZES = (1, 512), (16, 512)
EDITABLE = {
    "conv": tuple(LIMITS),
    "pool": ("kernel_size", "stride", "padding"),
    "adaptive": ("kernel_size",),
    "linear": ("filters",),
}
COLUMNS = {"memory": "memory", "params": "parameters", "macs": "MACs"}


class Impossible(ValueError):
    """Settings that no network can have. index, field: the layer, and the name of what to change first."""

    def __init__(self, index, name, field, why):
        super().__init__(f"{name}: {why}.")
        self.index, self.field = index, field


def costs(layers, channels, size):
    """Return list of Cost, one per layer, for an image of (channels, size, size).

    raises: Impossible, a ValueError that names the layer
    """
    found, shape = [], (channels, size, size)
    for i, layer in enumerate(layers):
        field = "kernel_size"
        try:
            if layer.kind == "linear":
                inputs = 1
                for side in shape:
                    inputs *= side
                shape, params, macs = (layer.filters,), layer.filters * (inputs + 1), layer.filters * inputs
            elif layer.kind == "adaptive":
                shape, params, macs = (shape[0], layer.kernel_size, layer.kernel_size), 0, 0
            else:
                C, F, K, G = shape[0], layer.filters, layer.kernel_size, layer.groups
                if layer.kind == "pool":
                    F, field = C, "padding"
                    check_pool_padding(K, layer.padding)
                    field = "kernel_size"
                elif C % G or F % G:
                    field = "groups"
                    raise ValueError(
                        f"groups (={G}) must divide both the {C} input channels and the {F} filters: {divisors(C, F)}"
                    )
                side = output_size(shape[1], K, layer.stride, layer.padding)
                shape, params, macs = (F, side, side), 0, 0
                if layer.kind == "conv":
                    params = F * (C // G) * K * K + F
                    macs = side * side * F * (C // G) * K * K
        except ValueError as error:
            raise Impossible(i, layer.name, field, error) from None
        values = 1
        for side in shape:
            values *= side
        found.append(Cost(layer.name, shape, 4 * values, params, macs))
    return found


def divisors(channels, filters):
    """Say which numbers of groups would do, the first few."""
    fit = [g for g in range(1, min(channels, filters) + 1) if channels % g == filters % g == 0]
    if fit == [1]:
        return "use 1"
    return (
        f"use {', '.join(map(str, fit[:5]))}, …"
        if len(fit) > 6
        else f"use {', '.join(map(str, fit[:-1]))} or {fit[-1]}"
    )


def total(rows):
    """Return (memory, params, macs), the sums over the rows."""
    return tuple(sum(getattr(row, column) for row in rows) for column in COLUMNS)


def as_text(column, value):
    """Write memory in KiB, the others as they are; from a million millions on, which no column would hold, as 4.718 T."""
    if column == "memory":
        return f"{value / 1024:,.1f}"
    return f"{value:,}" if value < 1e12 else f"{value / 1e12:.4g} T"


def change(now, before):
    """Write how much larger or smaller a total has become: ×1, ×0.51, ×12.0."""
    return "×1" if now == before else f"×{ratio(now / before if before else 1.0, small=3)}"


class CostExplorer(Panel):
    """Show what each layer costs, for layers and an input that can be edited. The last line of a cell displays it.

    network: the name of a preset (PRESETS), which the totals are compared with
    size:    pixels, the side of the square input, 16 to 512; None for the preset's
    raises:  ValueError that names the argument

    layers, channels and size follow what is done in the browser, and edit("conv1", filters=48) does it from Python;
    rows() returns the numbers: list of Cost.
    """

    _css = style(__file__)

    def __init__(self, network="AlexNet 2012", size=None):
        super().__init__()
        self._start(check_choice("network", network, PRESETS))
        if size is not None:
            self.size = whole("size", size, *SIZES)
        self.refresh()

    def _start(self, network):
        self.network, ((self.channels, self.size), self.layers) = network, PRESETS[network]
        self._good = None

    def edit(self, name, **settings):
        """Change settings of the layer of this name: filters, kernel_size, stride, padding, groups.

        raises: ValueError for another layer, setting or value
        """
        index = next((i for i, layer in enumerate(self.layers) if layer.name == name), None)
        if index is None:
            raise ValueError(f"name (={name!r}) must be one of {', '.join(layer.name for layer in self.layers)}")
        for setting, value in settings.items():
            if setting not in EDITABLE[self.layers[index].kind]:
                raise ValueError(f"{name} has no {setting}: choose from {', '.join(EDITABLE[self.layers[index].kind])}")
            whole(f"{name}.{setting}", value, *LIMITS[setting])
        for setting, value in settings.items():
            self.hear(f"{index}.{setting}", value)
        self.refresh()

    def rows(self):
        """Return list of Cost, one per layer. raises: ValueError that names the layer that cannot be"""
        return costs(self.layers, self.channels, self.size)

    # What the browser asks

    def hear(self, name, value):
        if name == "network" and value in PRESETS:
            self._start(value)
        elif name == "do":
            self._start(self.network)
        elif name in ("channels", "size"):
            setattr(self, name, value)
        elif "." in name:
            i, setting = name.split(".")
            if int(i) < len(self.layers) and setting in EDITABLE[self.layers[int(i)].kind]:
                self.layers = tuple(
                    layer._replace(**{setting: value}) if at == int(i) else layer
                    for at, layer in enumerate(self.layers)
                )

    # What is shown

    def refresh(self):
        (channels, size), layers = PRESETS[self.network]
        same = (channels, size, layers) == (self.channels, self.size, self.layers)
        self.fixed = {"frame": FRAME, "table": table(self.layers)}
        parts = {
            "problem": "",
            "reset": button("do", "reset", "reset", f"set everything back to {self.network}", "reset", same),
        }
        self.wrong, before = [], costs(layers, channels, size)
        self._good = self._good or numbers(before, before, self.network)
        try:
            self._good = numbers(self.rows(), before, self.network)
        except Impossible as error:
            parts["problem"] = problem(str(error))
            self.wrong = [f"{error.index}.{error.field}"]
        self.parts = {**parts, **self._good, "heard": self.alt}
        self.values = {
            "network": self.network,
            "channels": self.channels,
            "size": self.size,
            **{
                f"{i}.{name}": getattr(layer, name)
                for i, layer in enumerate(self.layers)
                for name in EDITABLE[layer.kind]
            },
        }

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        head = (
            f"Cost explorer. {self.network}, input {self.channels} × {self.size} × {self.size}, {len(self.layers)}"
            " layers. "
        )
        try:
            memory, params, macs = total(self.rows())
        except Impossible as error:
            return head + str(error)
        return (
            head
            + f"In all {as_text('memory', memory)} KiB of outputs, {params:,} parameters and {macs:,} multiply-adds."
        )

    def still(self):
        """Return a figure of three bar charts: each layer's part of the memory, the parameters and the multiply-adds."""
        try:
            rows = self.rows()
        except Impossible:
            channels_size, layers = PRESETS[self.network]
            rows = costs(layers, *channels_size)
        fig, axes = plots.figure(1, 3, width=12, height=1.2 + 0.34 * len(rows))
        for ax, (column, title), colour, whole_sum in zip(
            axes, COLUMNS.items(), (plots.BLUE, plots.ORANGE, plots.GREEN), total(rows)
        ):
            plots.draw_bars(
                ax,
                [row.name for row in rows],
                [100 * getattr(row, column) / whole_sum if whole_sum else 0 for row in rows],
                fmt="{:.0f} %",
                title=f"{title}: {as_text(column, whole_sum)}{' KiB' if column == 'memory' else ''}",
                colours=colour,
            )
            ax.set(xticks=[])
        for ax in axes[1:]:
            ax.set(yticks=[])
        return fig


def numbers(rows, before, network):
    """Return the parts that show the numbers and the bars."""
    costs = {str(i): row for i, row in enumerate(rows)}
    parts = shares(costs, COLUMNS, as_text, percents=COLUMNS, tiny=0.01)
    parts |= {f"{i}.out": "×".join(map(str, row.out_shape)) for i, row in enumerate(rows)}
    for column, now, then in zip(COLUMNS, total(rows), total(before)):
        parts[f"total.{column}"] = as_text(column, now)
        parts[f"change.{column}"] = f"<b>{change(now, then)}</b>"
    parts["change"] = f"against {network}"
    return parts


def named(layer, setting):
    """Return what a setting of a layer is called."""
    return {"adaptive": "output size", "linear": "units"}.get(layer.kind, setting.replace("_", " "))


@functools.cache
def table(layers):
    """Return the HTML of the layers' controls and of the places for the numbers."""
    return page(__file__, "table", layers=layers, limits=LIMITS, editable=EDITABLE, named=named, columns=COLUMNS)


FRAME = page(__file__, presets=PRESETS, channels=CHANNELS, sizes=SIZES)
