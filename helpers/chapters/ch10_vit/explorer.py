"""The patch explorer: cut a photograph into patches, and see how many tokens that makes and what a ViT then costs.

Whole numbers only, by the rules of helpers.costs and the sizes of helpers.models.vit: the same numbers, without building
the network.
"""

import base64
import functools
import html
import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers import plots
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.course.explorers.panel import LATE, Panel, choice, slider, whole
from helpers.data import photograph, photographs


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
    return Cost(*(sum(column) for column in zip(*parts.values())))


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
    """Return a photograph, (size, size, 3) uint8."""
    return (photograph(picture, size).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


@functools.lru_cache(maxsize=32)
def picture_uri(picture, size, patch_size):
    """Return the photograph as an address; patch_size: None for as it is, else its patches are shuffled."""
    image, buffer = pixels(picture, size), io.BytesIO()
    image = image if patch_size is None else shuffled(image, patch_size)
    Image.fromarray(image).save(buffer, "jpeg", quality=85, subsampling=0)  # a PNG would be ten times as large
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


# ---- how numbers are written


def short(value):
    """Write a whole number with four digits that count: 999, 86.57 M, 17.56 G, 3.287 T."""
    for unit, name in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.4g}{name}"
    return str(value)


def in_bytes(value):
    """Write bytes in the unit that leaves from 1 to 1024 of them: 21.3 MiB."""
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value >= 1024**power:
            return f"{value / 1024**power:,.1f} {name}"
    return f"{value} bytes"


def times(ratio):
    """Write how much more it is: 0.00075 ×, 1.00 ×, 16.2 ×, 1,830 ×."""
    return (
        f"{ratio:.2g} ×"
        if ratio < 0.1
        else f"{ratio:,.2f} ×"
        if ratio < 10
        else f"{ratio:,.1f} ×"
        if ratio < 100
        else f"{ratio:,.0f} ×"
    )


def snap(name, value):
    """Return the nearest value that the slider of this name can show."""
    low, high, step = LIMITS[name]
    return max(low, min(high, low + (int(value) - low + step // 2) // step * step))


# ---- the explorer


class PatchExplorer(Panel):
    """Show a photograph cut into patches, the tokens that makes, and what a ViT then costs. The last line of a cell displays it.

    model:      "ViT-Ti", "ViT-S", "ViT-B", "ViT-L" or "ViT-H"
    patch_size: pixels, the side of a patch, 4 to 64 in steps of 2
    size:       pixels, the side of the image, 112 to 512 in steps of 16
    picture:    the name of a shipped photograph
    order:      "as cut" or "shuffled", of the patches
    token:      which one is shown large: 0 for the class token, 1 for the first patch, …; None for one in the middle
    raises:     ValueError that names the argument

    They follow what is done in the browser. costs() returns the numbers, a dict from part to Cost; tokens() returns T. Where
    patches do not fill the image, ViT would refuse it: then the numbers are those of the whole patches, and a note says so.
    """

    def __init__(self, model="ViT-B", patch_size=16, size=224, picture="astronaut", order=AS_CUT, token=None):
        super().__init__()
        for name, value, options in (
            ("model", model, MODELS),
            ("picture", picture, photographs()),
            ("order", order, ORDERS),
        ):
            if not isinstance(value, str) or value not in options:
                raise ValueError(f"{name} (={value!r}) must be one of {', '.join(options)}")
        for name, value in (("patch_size", patch_size), ("size", size)):
            low, high, step = LIMITS[name]
            whole(name, value, low, high)
            if (value - low) % step:
                raise ValueError(
                    f"{name} (={value}) must be {low} to {high} in steps of {step}: use {snap(name, value)}"
                )
        self.model, self.patch_size, self.size, self.picture, self.order = model, patch_size, size, picture, order
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

    # What the browser asks

    def hear(self, name, value):
        if name in LIMITS:
            setattr(self, name, snap(name, value))
        elif (
            name == "model"
            and value in MODELS
            or name == "picture"
            and value in photographs()
            or name == "order"
            and value in ORDERS
        ):
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
        uri = picture_uri(self.picture, size, P if self.order == SHUFFLED else None)
        self.fixed = {"frame": FRAME, "photo": f'<img alt="" src="{uri}">'}
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
            for part, cost in parts.items():
                found[f"{part}.{column}"] = share(getattr(cost, column), whole_sum, COLOURS[part], column == "macs")
            found[f"total.{column}"] = (
                f'<span class="roomy">{whole_sum:,}</span><span class="tight">{short(whole_sum)}</span>'
            )
            found[f"against.{column}"] = (
                f'{times(whole_sum / PUBLISHED[column])}<span class="roomy"> {short(PUBLISHED[column])}</span>'
            )
        self.parts = found
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
        image = pixels(self.picture, self.size)[row * P : (row + 1) * P, column * P : (column + 1) * P]
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
            f"{now.macs:,} multiply-adds, {now.params:,} parameters, {in_bytes(weights_memory(self.model, P, size))} of attention weights."
        )

    def still(self):
        """Return a figure: the photograph with its grid, bars of the multiply-adds by part, and multiply-adds against tokens."""
        P, size, T, parts = self.patch_size, self.size, self.tokens(), self.costs()
        fig, (left, middle, right) = plots.figure(1, 3, width=14, height=4.2, width_ratios=[1, 1.15, 1.15])
        image, grid = pixels(self.picture, size), size // P
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


def share(value, whole_sum, colour, percents):
    """Return the HTML of one number with a bar for its share of the whole, also in percent where `percents`."""
    if not value:
        return "<span></span><span>0</span>"
    part = value / whole_sum
    percent = "" if not percents else "< 0.1 %" if part < 0.0005 else f"{100 * part:.1f} %"
    return (
        f'<i style="width:{100 * part:.2f}%;background:{colour}"></i><span>{percent}</span><span>{short(value)}</span>'
    )


AXES = (2, 2e4), (1e7, 1e14)  # of the chart: tokens, multiply-adds
WIDE, HIGH, LEFT, BOTTOM, TOP = 384, 156, 58, 40, 4


def curves(model, patch_size):
    """Return what the chart draws: dict of lists, "tokens", and for images of 1, 2, … 141 patches a side "total" and "attention"."""
    sides = sorted({round(2 ** (i / 4)) for i in range(29)} | {141})
    each = [costs(model, patch_size, side * patch_size) for side in sides]
    return {
        "tokens": [side * side + 1 for side in sides],
        "total": [total(parts).macs for parts in each],
        "attention": [parts["attention"].macs for parts in each],
    }


def across(tokens):
    return LEFT + (WIDE - LEFT - 8) * math.log(tokens / AXES[0][0]) / math.log(AXES[0][1] / AXES[0][0])


def up(macs):
    low, high = AXES[1]
    return TOP + (HIGH - BOTTOM - TOP) * math.log(high / macs) / math.log(high / low)


def chart(model, patch_size, size):
    """Return the chart as SVG: multiply-adds against tokens, both logarithmic, for this model and patch and images of any size."""
    lines, T, now = curves(model, patch_size), tokens(patch_size, size), total(costs(model, patch_size, size)).macs
    out = []
    for value, name in ((1e8, "100 M"), (1e10, "10 G"), (1e12, "1 T"), (1e14, "100 T")):
        out.append(
            f'<path class="grid" d="M{LEFT} {up(value):.1f}H{WIDE - 8}"/><text x="{LEFT - 8}" y="{up(value) + 5:.1f}" text-anchor="end">{name}</text>'
        )
    for value in (10, 100, 1000, 10000):
        out.append(
            f'<path class="grid" d="M{across(value):.1f} {TOP}V{HIGH - BOTTOM}"/>'
            f'<text x="{across(value):.1f}" y="{HIGH - BOTTOM + 18}" text-anchor="middle">{value:,}</text>'
        )
    out.append(f'<text x="{(LEFT + WIDE) / 2:.0f}" y="{HIGH - 3}" text-anchor="middle">tokens T</text>')
    # Within its own borders, for the orange line begins below the axis.
    box = f'x="{LEFT}" y="{TOP}" width="{WIDE - LEFT}" height="{HIGH - BOTTOM - TOP}" viewBox="{LEFT} {TOP} {WIDE - LEFT} {HIGH - BOTTOM - TOP}"'
    out.append(f'<svg {box} style="overflow:hidden">')
    for name in ("attention", "total"):
        points = "L".join(f"{across(t):.1f} {up(macs):.1f}" for t, macs in zip(lines["tokens"], lines[name]))
        out.append(f'<path class="line {name}" d="M{points}"/>')
    out.append("</svg>")
    x, y = across(tokens(16, 224)), up(PUBLISHED["macs"])
    out.append(
        f'<path class="published" d="M{x:.1f} {y - 10:.1f}l10 10l-10 10l-10 -10z"/><circle class="here" cx="{across(T):.1f}" cy="{up(now):.1f}" r="6"/>'
    )
    words = (
        f"multiply-adds against tokens, both axes logarithmic: {short(now)} at {T:,} tokens; {short(lines['total'][0])} at 2, "
        f"{short(lines['total'][-1])} at {lines['tokens'][-1]:,}; ViT-B/16, published, {short(PUBLISHED['macs'])} at 197"
    )
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{html.escape(words)}">{"".join(out)}</svg>'


CSS = """
.panel-top.patch-top { gap: 6px 18px; }
.patch-top input[type="range"] { width: 104px; }
.patch-body { display: grid; grid-template-columns: 234px minmax(0, 1fr); gap: 0 18px; align-items: start; }
.patch-left .field-stage img { width: 100%; height: 100%; image-rendering: auto; }
.patch-left .field-stage svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.patch-left .field-stage path { stroke: #fff; stroke-width: 1; vector-effect: non-scaling-stroke; stroke-opacity: .8; }
.patch-left .field-stage path.fine { stroke-opacity: .22; }
.patch-left .left-over { position: absolute; pointer-events: none; background: repeating-linear-gradient(45deg, #d55e00 0 3px, #fff 3px 8px); opacity: .85; }
.patch-left > label, .patch-selects { display: flex; align-items: center; gap: 8px; margin-top: 6px; }
.patch-left > label [data-part] { flex: 1; min-width: 0; display: flex; }
.patch-left > label input { width: 100%; }
.patch-selects select { flex: 1 1 0; }
.patch-token { display: flex; gap: 12px; align-items: center; margin-top: 8px; min-height: 72px; line-height: 1.4; white-space: nowrap; }
.patch-token img, .patch-class { flex: none; border: 2px solid #0072b2; }
.patch-class { width: 72px; height: 72px; display: grid; place-items: center; font-size: 34px; font-weight: 700; }
.patch-chain { margin: 0 0 4px; font-size: 18px; }
.patch-grid { grid-template-columns: auto auto minmax(0, 1.46fr) minmax(0, 1fr); gap: 0 10px; }
.patch-grid .tight { display: none; }
.patch-grid .head { padding: 0; }
.patch-grid .formula { white-space: nowrap; }
.patch-grid .total { font-weight: 700; border-top: 1px solid var(--line); white-space: nowrap; }
.patch-grid .two { grid-column: span 2; white-space: nowrap; }
.patch-below { display: flex; gap: 6px 16px; align-items: flex-start; margin-top: 8px; }
.patch-below > [data-part] { flex: 0 1 384px; min-width: 0; }
.panel .patch-below > [data-part] > svg { width: 100%; }
.patch-below .line { stroke-width: 3; }
.patch-below .attention { stroke: #e69f00; }
.patch-below .total { stroke: currentColor; }
.patch-below .published { stroke: #d55e00; stroke-width: 3; }
.patch-below .here { fill: #0072b2; stroke: #fff; stroke-width: 2; }
.patch-key span { display: flex; align-items: center; gap: 8px; white-space: nowrap; line-height: 1.3; margin-top: 4px; }
.patch-key svg { flex: none; }
.patch-words { min-height: 50px; }
.patch-words p { margin: 4px 0 0; }
.patch-words .patch-cut { padding-left: 10px; border-left: 5px solid #d55e00; }
@container (max-width: 760px) {
  .patch-body { grid-template-columns: minmax(0, 1fr); }
  .patch-left { max-width: 330px; margin-bottom: 8px; }
}
@container (max-width: 520px) {
  .patch-top label:last-child { flex-wrap: wrap; }
  .patch-below { flex-wrap: wrap; }
  .patch-grid { grid-template-columns: 144px minmax(0, 1.1fr) minmax(max-content, 1fr); }
  .patch-grid :is(.formula, .roomy) { display: none; }
  .patch-grid .tight { display: inline; }
  .patch-grid .two { grid-column: 1 / -1; }
  .patch-grid .two:is(.total, .against) { grid-column: 1; white-space: normal; }
}
"""
PatchExplorer._css = Panel._css + CSS


def table():
    """Return the HTML of the table by part, with places for the numbers."""
    heads = "".join(f'<div role="columnheader" class="head n">{title}</div>' for title in COLUMNS.values())
    out = [
        f'<div role="row"><div role="columnheader" class="head">part</div><div role="columnheader" class="head formula">its MACs</div>{heads}</div>'
    ]
    for part, title in PARTS.items():
        cells = "".join(
            f'<div role="cell" class="mobile-share" data-part="{part}.{column}"></div>' for column in COLUMNS
        )
        out.append(
            f'<div role="row"><div role="rowheader" class="mobile-kind"><i style="background:{COLOURS[part]}"></i>{title}</div>'
            f'<div role="cell" class="formula">{FORMULAS[part]}</div>{cells}</div>'
        )
    for name, title in (("total", "total"), ("against", "of ViT-B/16, published")):
        cells = "".join(f'<div role="cell" class="n {name}" data-part="{name}.{column}"></div>' for column in COLUMNS)
        out.append(f'<div role="row"><div role="rowheader" class="two {name}">{title}</div>{cells}</div>')
    out.append(
        '<div role="row"><div role="rowheader" class="two">attention weights, T × T</div><div role="cell" class="n two" data-part="weights"></div></div>'
    )
    return "".join(out)


KEY = """<span><svg width="20" height="12"><path class="line total" d="M0 6H20"/></svg>all MACs</span>
<span><svg width="20" height="12"><path class="line attention" d="M0 6H20"/></svg>QKᵀ and AV</span>
<span><svg width="20" height="14"><circle class="here" cx="10" cy="7" r="6"/></svg>this network</span>
<span><svg width="20" height="20"><path class="published" d="M10 2l8 8l-8 8l-8 -8z"/></svg>ViT-B/16 at 224,<br>published</span>"""

FRAME = f"""{LATE}
<div class="panel-top patch-top">
  <label>patch {slider("patch_size", "side of a patch in pixels", *LIMITS["patch_size"])} <b data-show="patch_size"></b></label>
  <label>image {slider("size", "side of the image in pixels", *LIMITS["size"])} <b data-show="size"></b></label>
  <label>model {choice("model", "model", MODELS)} <span data-part="model-words"></span></label>
</div>
<div class="patch-body">
  <div class="patch-left">
    <div class="field-stage" data-at="x y"><div data-part="photo"></div><div data-part="grid"></div></div>
    <div class="patch-selects">{choice("picture", "photograph", photographs())}{choice("order", "order of the patches", ORDERS)}</div>
    <label>token <span data-part="tokens"></span> <b data-show="token"></b></label>
    <div class="patch-token" data-part="patch"></div>
  </div>
  <div>
    <div class="patch-chain" data-part="chain" role="status"></div>
    <div class="panel-table patch-grid" role="table" aria-label="cost by part of the network">{table()}</div>
    <div class="patch-below"><div data-part="chart"></div><div class="patch-key">{KEY}</div></div>
  </div>
</div>
<div class="patch-words" data-part="words" role="status"></div>
"""
