"""The patch explorer: cut a photograph into patches, and see how many tokens that makes and what a ViT then costs.

Whole numbers only, by the rules of helpers.costs and the sizes of helpers.models.vit: the same numbers, without building
the network.
"""

import functools
from typing import NamedTuple

import numpy as np

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers import widgets
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.course.explorers.panel import Panel, slider
from helpers.course.explorers.pictures import Gallery
from helpers.course.explorers.widgets import (
    Chart,
    in_bytes,
    jpeg_uri,
    on_slider,
    page,
    ratio,
    shares,
    snap,
    style,
)


class Size(NamedTuple):
    """The size of a ViT: blocks, heads of each, and D, the numbers per token. Its MLPs are 4 D wide."""

    layers: int
    heads: int
    width: int


# Dosovitskiy et al. 2021, table 1, for B, L and H; Touvron et al. 2021, table 1, for Ti and S.
MODELS = {
    "ViT-Ti": Size(12, 3, 192),
    "ViT-S": Size(12, 6, 384),
    "ViT-B": Size(12, 12, 768),
    "ViT-L": Size(24, 16, 1024),
    "ViT-H": Size(32, 16, 1280),
}
LIMITS = {"patch_size": (4, 64, 2), "size": (112, 512, 16)}  # lowest, highest, step; pixels
AS_CUT, SHUFFLED = ORDERS = ("as cut", "shuffled")
CHANNELS, CLASSES = 3, 1000
PUBLISHED = {"macs": 17.56e9, "params": 86.6e6}  # of ViT-B/16 at 224: torchvision's page of vit_b_16

PARTS = {
    "patches": "patches",
    "projections": "Q, K, V, output",
    "attention": "QKᵀ and AV",
    "mlp": "MLP",
    "rest": "head and rest",
}
COLOURS = dict(zip(PARTS, (plots.GREY, plots.BLUE, plots.ORANGE, plots.GREEN, plots.PINK)))
FORMULAS = {
    "patches": "(T−1)·3P²·D",
    "projections": "L·4·T·D²",
    "attention": "L·2·T²·D",
    "mlp": "L·8·T·D²",
    "rest": "1000·D",
}
COLUMNS = {"macs": "MACs", "params": "parameters"}


class Cost(NamedTuple):
    """What a part of the network costs, for one image."""

    macs: int
    params: int


def tokens(patch_size, size):
    """Return T: one token for each whole patch of an image of size × size pixels, and the class token."""
    return (size // patch_size) ** 2 + 1


def costs(model, patch_size, size):
    """Return dict from part (PARTS) to Cost, for an image of size × size pixels.

    model: one of MODELS. Pixels beyond the last whole patch are left out.
    """
    (L, _, D), T, inputs = MODELS[model], tokens(patch_size, size), CHANNELS * patch_size**2
    return {
        "patches": Cost((T - 1) * inputs * D, inputs * D + D),
        "projections": Cost(L * 4 * T * D * D, L * (4 * D * D + 4 * D)),
        "attention": Cost(L * 2 * T * T * D, 0),
        "mlp": Cost(L * 8 * T * D * D, L * (8 * D * D + 5 * D)),
        "rest": Cost(CLASSES * D, CLASSES * (D + 1) + D + T * D + (4 * L + 2) * D),
    }


def total(parts):
    """Return the Cost of all parts together."""
    return widgets.total(parts.values())


def weights_memory(model, patch_size, size):
    """Return the bytes of all attention weights of one image: blocks · heads · T² · 4."""
    L, heads, _ = MODELS[model]
    return L * heads * tokens(patch_size, size) ** 2 * 4


def fitting(patch_size, size):
    """Return the two patch sizes nearest to patch_size that divide size, the smaller first."""
    low, high, step = LIMITS["patch_size"]
    fit = [p for p in range(low, high + 1, step) if size % p == 0]
    return sorted(sorted(fit, key=lambda p: abs(p - patch_size))[:2])


def shuffling(count):
    """Return an order of count patches, (count,) int64: always the same for the same count."""
    return np.random.default_rng(0).permutation(count)


def shuffled(image, patch_size):
    """Return the image with its whole patches in the order of shuffling(): (H, W, C), as the image; what is left over stays.

    image: (H, W, C), H = W
    """
    grid, C = len(image) // patch_size, image.shape[2]
    inside = image[: grid * patch_size, : grid * patch_size]
    cut = (
        inside.reshape(grid, patch_size, grid, patch_size, C)
        .swapaxes(1, 2)
        .reshape(grid * grid, patch_size, patch_size, C)
    )
    mixed = cut[shuffling(grid * grid)].reshape(grid, grid, patch_size, patch_size, C).swapaxes(1, 2)
    found = image.copy()
    found[: grid * patch_size, : grid * patch_size] = mixed.reshape(inside.shape)
    return found


@functools.lru_cache(maxsize=32)
def pixels(picture, size):
    """Return a Picture, (size, size, 3) uint8."""
    return (picture.at(size).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


@functools.lru_cache(maxsize=32)
def picture_uri(picture, size, patch_size):
    """Return the Picture as an address; patch_size: None for as it is, else its patches are shuffled."""
    image = pixels(picture, size)
    return jpeg_uri(image if patch_size is None else shuffled(image, patch_size), 85)


# ---- how numbers are written


def short(value):
    """Write a whole number with four digits that count: 999, 86.57 M, 17.56 G, 3.287 T."""
    for unit, name in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.4g}{name}"
    return str(value)


# ---- the explorer


class PatchExplorer(Panel):
    """Show a photograph cut into patches, the tokens that makes, and what a ViT then costs. The last line of a cell displays it.

    model:      "ViT-Ti", "ViT-S", "ViT-B", "ViT-L" or "ViT-H"
    patch_size: pixels, the side of a patch, 4 to 64 in steps of 2
    size:       pixels, the side of the image, 112 to 512 in steps of 16
    picture:    a shipped photograph or one's own, whatever data.photograph takes
    order:      "as cut" or "shuffled", of the patches
    token:      which one is shown large: 0 for the class token, 1 for the first patch, …; None for one in the middle
    raises:     ValueError that names the argument

    They follow what is done in the browser. costs() returns the numbers, a dict from part to Cost; tokens() returns T. Where
    patches do not fill the image, ViT would refuse it: then the numbers are those of the whole patches, and a note says so.
    """

    _css = style(__file__)

    def __init__(self, model="ViT-B", patch_size=16, size=224, picture="astronaut", order=AS_CUT, token=None):
        super().__init__()
        self.model, self.gallery = check_choice("model", model, MODELS), Gallery(picture)
        self.order = check_choice("order", order, ORDERS)
        self.patch_size = on_slider("patch_size", patch_size, *LIMITS["patch_size"])
        self.size = on_slider("size", size, *LIMITS["size"])
        self._place = (0.45, 0.2)  # of the token shown, across and down, 0 to 1; None for the class token
        if token is not None:
            self.hear("token", whole("token", token, 0, self.tokens() - 1))
        self.refresh()

    def costs(self):
        """Return what is shown: dict from part to Cost."""
        return costs(self.model, self.patch_size, self.size)

    def tokens(self):
        """Return T, patches and class token."""
        return tokens(self.patch_size, self.size)

    @property
    def cell(self):
        """Row and column, from 0, of the token that is shown large; None for the class token."""
        grid = self.size // self.patch_size
        return self._place and tuple(
            min(int(at * self.size / self.patch_size), grid - 1) for at in reversed(self._place)
        )

    @property
    def token(self):
        """The place in the sequence of the token that is shown large: 0 for the class token."""
        return 0 if self.cell is None else 1 + self.cell[0] * (self.size // self.patch_size) + self.cell[1]

    @property
    def picture(self):
        """The name of the photograph."""
        return self.gallery.now.name

    # What the browser asks

    def hear(self, name, value):
        options = {"model": MODELS, "order": ORDERS}.get(name, ())
        if name in LIMITS:
            setattr(self, name, snap(value, *LIMITS[name]))
        elif value in options:
            setattr(self, name, value)
        elif name == "x":
            self._place = (value, (self._place or (0.5, 0.5))[1])
        elif name == "y":
            self._place = ((self._place or (0.5, 0.5))[0], value)
        elif name == "token":
            row, column = divmod(min(value, self.tokens() - 1) - 1, self.size // self.patch_size)
            self._place = tuple((at + 0.5) * self.patch_size / self.size for at in (column, row)) if value else None

    # What is shown

    def refresh(self):
        P, size, (L, heads, D) = self.patch_size, self.size, MODELS[self.model]
        grid, rest, T = size // P, size % P, self.tokens()
        parts, now = self.costs(), total(self.costs())
        uri = picture_uri(self.gallery.now, size, P if self.order == SHUFFLED else None)
        self.fixed = {"frame": FRAME, "photo": f'<img alt="" src="{uri}">'} | self.pictures()
        found = {
            "model-words": f"{L} blocks, {heads} heads, D = {D:,}",
            "grid": overlay(size, P, self.cell),
            "tokens": slider("token", "token that is shown large, 0 for the class token", 0, T - 1),
            "patch": self._patch(),
            "chain": f"{size} / {P} = {grid}{f', rest {rest}' if rest else ''} → {grid} · {grid} + 1 = <b>{T:,} tokens</b>",
            "chart": chart(self.model, P, size),
            "weights": f"{L}·{heads}·{T:,}²·4 bytes = <b>{in_bytes(weights_memory(self.model, P, size))}</b>",
            "words": self._words(rest),
        }
        for column in COLUMNS:
            whole_sum = getattr(now, column)
            found[f"total.{column}"] = (
                f'<span class="roomy">{whole_sum:,}</span><span class="tight">{short(whole_sum)}</span>'
            )
            found[f"against.{column}"] = (
                f'{ratio(whole_sum / PUBLISHED[column], small=2)} ×<span class="roomy"> {short(PUBLISHED[column])}</span>'
            )
        self.parts = found | shares(parts, COLUMNS, lambda column, value: short(value), COLOURS, percents=("macs",))
        self.values = {
            "model": self.model,
            "patch_size": P,
            "size": size,
            "picture": self.picture,
            "order": self.order,
            "token": self.token,
        }

    def _from(self):
        """Return row and column that the patch shown large was cut from."""
        (row, column), grid = self.cell, self.size // self.patch_size
        return (
            divmod(int(shuffling(grid * grid)[row * grid + column]), grid) if self.order == SHUFFLED else (row, column)
        )

    def _patch(self):
        """Return the HTML of the patch that is shown large, and of what it is."""
        P, D = self.patch_size, MODELS[self.model].width
        if self.cell is None:
            return (
                '<div class="patch-class" role="img" aria-label="no pixels">?</div>'
                f"<div><b>class token</b><br>{D:,} numbers,<br>no pixels: learnt</div>"
            )
        row, column = self._from()
        image = pixels(self.gallery.now, self.size)[row * P : (row + 1) * P, column * P : (column + 1) * P]
        large = html_image(pixel_png(image / 255), f"the patch of row {row}, column {column}, enlarged", 72, 72)
        return f"{large}<div>row {row}, column {column}<br>{CHANNELS} · {P} · {P} = {CHANNELS * P * P:,}<br>linear → D = {D:,}</div>"

    def _words(self, rest):
        """Return what there is to say: what is cut off, or what the order does, or how much attention weighs."""
        P, size, T, D = self.patch_size, self.size, self.tokens(), MODELS[self.model].width
        if rest:
            return (
                f'<p class="patch-cut"><b>{P} does not divide {size}</b>: ViT refuses such an image. The numbers are for {size - rest} × {size - rest} '
                f"pixels; the last {rest} each way, striped, are lost. Patches of {' or '.join(map(str, fitting(P, size)))} fit.</p>"
            )
        if self.order == SHUFFLED:
            return (
                "<p><b>Shuffled</b>: without positions each patch would keep its output, in another place, and the image its label. The positions alone "
                "tell the two orders apart.</p>"
            )
        return f"<p>In each block, QKᵀ and AV cost T / 6D of what the linear layers cost: {T:,} / {6 * D:,} = <b>{T / (6 * D):.3g}</b>.</p>"

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        P, size, (L, heads, D), T, now = (
            self.patch_size,
            self.size,
            MODELS[self.model],
            self.tokens(),
            total(self.costs()),
        )
        rest = f", {size % P} left over" if size % P else ""
        return (
            f"Patch explorer. A photograph ({self.picture}) of {size} × {size} pixels, cut into patches of {P} × {P}{rest}"
            f"{', shuffled' if self.order == SHUFFLED else ''}: {T:,} tokens with the class token. {self.model}, {L} blocks, {heads} heads, D = {D}: "
            f"{now.macs:,} multiply-adds, {now.params:,} parameters, {in_bytes(weights_memory(self.model, P, size))} of attention weights. {self.gallery.said}"
        )

    def still(self):
        """Return a figure: the photograph with its grid, bars of the multiply-adds by part, and multiply-adds against tokens."""
        P, size, T, parts = self.patch_size, self.size, self.tokens(), self.costs()
        fig, (left, middle, right) = plots.figure(1, 3, width=14, height=4.2, width_ratios=[1, 1.15, 1.15])
        image, grid = pixels(self.gallery.now, size), size // P
        plots.draw_image(
            left,
            (image if self.order == AS_CUT else shuffled(image, P)).transpose(2, 0, 1) / 255,
            f"{size} / {P} → {T:,} tokens",
        )
        for i in range(grid + 1):
            left.plot([i * P - 0.5] * 2, [-0.5, grid * P - 0.5], color="white", linewidth=0.7 if grid < 40 else 0.2)
            left.plot([-0.5, grid * P - 0.5], [i * P - 0.5] * 2, color="white", linewidth=0.7 if grid < 40 else 0.2)
        left.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
        plots.draw_bars(
            middle,
            list(PARTS.values()),
            [100 * cost.macs / total(parts).macs for cost in parts.values()],
            fmt="{:.1f} %",
            title=f"{self.model}: {short(total(parts).macs)} MACs",
            colours=list(COLOURS.values()),
        )
        middle.set(xticks=[])
        lines = curves(self.model, P)
        right.loglog(lines["tokens"], lines["total"], color="black", label="all")
        right.loglog(lines["tokens"], lines["attention"], color=plots.ORANGE, label=PARTS["attention"])
        right.plot([T], [total(parts).macs], "o", color=plots.BLUE, markersize=11, label="this network")
        right.plot(
            [tokens(16, 224)],
            [PUBLISHED["macs"]],
            "D",
            color=plots.RED,
            markerfacecolor="none",
            markeredgewidth=2.5,
            markersize=13,
            label="ViT-B/16, published",
        )
        right.set(xlabel="tokens", xlim=AXES[0], ylim=AXES[1], title="multiply-adds")
        right.legend(fontsize=11, loc="upper left")
        return fig


# ---- pieces of HTML


def overlay(size, patch_size, cell):
    """Return the HTML over the picture: the lines of the grid, the frame of one patch, and stripes where no patch fits."""
    grid = size // patch_size
    edge, share_of = grid * patch_size, 100 / size
    path = "".join(f"M{i * patch_size} 0V{edge}M0 {i * patch_size}H{edge}" for i in range(grid + 1))
    out = [
        f'<svg viewBox="0 0 {size} {size}" aria-hidden="true"><path class="{"fine" if patch_size / size < 0.03 else "grid-line"}" d="{path}"/></svg>'
    ]
    if edge < size:
        out.append(
            f'<i class="left-over" style="left:{edge * share_of:.3f}%;top:0;right:0;bottom:0"></i>'
            f'<i class="left-over" style="left:0;top:{edge * share_of:.3f}%;width:{edge * share_of:.3f}%;bottom:0"></i>'
        )
    if cell:
        row, column = (at * patch_size * share_of for at in cell)
        side = patch_size * share_of
        out.append(
            f'<div class="frame" style="top:{row:.3f}%;left:{column:.3f}%;width:{side:.3f}%;height:{side:.3f}%"></div>'
        )
    words = f"the photograph, {size} by {size} pixels, under a grid of {grid} by {grid} patches"
    words += f"; {size - edge} pixels are left over" if edge < size else ""
    return f'<div role="img" aria-label="{words}">{"".join(out)}</div>'


AXES = (2, 2e4), (1e7, 1e14)  # of the chart: tokens, multiply-adds


def curves(model, patch_size):
    """Return what the chart draws: dict of lists, "tokens", and for images of 1, 2, … 141 patches a side "total" and "attention"."""
    sides = sorted({round(2 ** (i / 4)) for i in range(29)} | {141})
    each = [costs(model, patch_size, side * patch_size) for side in sides]
    return {
        "tokens": [side * side + 1 for side in sides],
        "total": [total(parts).macs for parts in each],
        "attention": [parts["attention"].macs for parts in each],
    }


def chart(model, patch_size, size):
    """Return the chart as SVG: multiply-adds against tokens, both logarithmic, for this model and patch and images of any size."""
    lines, T, now = curves(model, patch_size), tokens(patch_size, size), total(costs(model, patch_size, size)).macs
    drawn = Chart(384, 156, *AXES, left=58, right=8, top=4, bottom=40, log="xy")
    drawn.rows((1e8, 1e10, 1e12, 1e14), short)
    drawn.columns((10, 100, 1000, 10000), "{:,}".format, drop=18, lines=True)
    drawn.name("tokens T", rise=3)
    # Within its own borders, for the orange line begins below the axis.
    wide, high = drawn.width - drawn.left, drawn.bottom - drawn.top
    box = f'x="{drawn.left}" y="{drawn.top}" width="{wide}" height="{high}" viewBox="{drawn.left} {drawn.top} {wide} {high}"'
    drawn.add(f'<svg {box} style="overflow:hidden">')
    for name in ("attention", "total"):
        drawn.line(lines["tokens"], lines[name], f"line {name}")
    x, y = drawn.across(tokens(16, 224)), drawn.up(PUBLISHED["macs"])
    drawn.add("</svg>", f'<path class="published" d="M{x:.1f} {y - 10:.1f}l10 10l-10 10l-10 -10z"/>')
    drawn.dot(T, now, "here", 6)
    return drawn.svg(
        f"multiply-adds against tokens, both axes logarithmic: {short(now)} at {T:,} tokens; {short(lines['total'][0])} at 2, "
        f"{short(lines['total'][-1])} at {lines['tokens'][-1]:,}; ViT-B/16, published, {short(PUBLISHED['macs'])} at 197",
        scaled=True,
    )


FRAME = page(
    __file__,
    limits=LIMITS,
    models=MODELS,
    orders=ORDERS,
    columns=COLUMNS,
    parts=PARTS,
    colours=COLOURS,
    formulas=FORMULAS,
)
