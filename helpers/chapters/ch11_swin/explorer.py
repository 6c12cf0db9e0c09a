"""The window explorer: drag Swin's windows and their shift over a photograph; see who looks at whom, and what it costs.

Whole numbers only, by the rules of helpers.models.swin and helpers.costs. Windows are rectangles, so what holds for a
map of patches holds along each of its two axes, and an axis is all that is computed.
"""

import functools
import html
import io
import math
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image

from helpers import data, plots
from helpers.costs import BYTES
from helpers.course.explorers.ground import data_uri, pixel_png
from helpers.course.explorers.panel import LATE, Panel, choice, slider, whole

WINDOWS, BLOCKS, SIDES, PATCH = (2, 16), (1, 6), (4, 64, 2), 4  # a side is in patches, a patch in pixels
IMAGE, ROLLED = "in the image", "after the roll"
VIEWS = (IMAGE, ROLLED)
MOST = 4096  # of channels


class Cost(NamedTuple):
    """What the attention of one block costs for one image, its MLP left out.

    projections: MACs of queries, keys, values and of the layer after them; products: MACs of QKᵀ and AV
    weights:     bytes of the softmax's weights, all heads
    """

    projections: int
    products: int
    weights: int

    @property
    def macs(self):
        return self.projections + self.products


# ---- one axis


def padded(side, window_size):
    """Return how many patches lie along an axis once zeros fill its last window."""
    return -(-side // window_size) * window_size


def taken(side, window_size, shift):
    """Return the shift that Swin takes: none where one window covers the axis."""
    return 0 if side <= window_size else shift


def span(at, side, window_size, shift):
    """Return (first, last) of the patches along an axis that patch `at` may look at: its window, shifted, within the map."""
    shift = taken(side, window_size, shift)
    first = (at - shift) // window_size * window_size + shift
    return max(0, first), min(side, first + window_size) - 1


def reach(at, side, window_size, shift, blocks):
    """Return (first, last) of the patches along an axis from which patch `at` has heard after that many blocks.

    The first, third, fifth block does not shift. What the last block looks at has looked around in the block before.
    """
    first = last = at
    for block in reversed(range(blocks)):
        moved = shift if block % 2 else 0
        first, last = span(first, side, window_size, moved)[0], span(last, side, window_size, moved)[1]
    return first, last


def blocks_to_all(at, side, window_size, shift):
    """Return after how many blocks patch `at` has heard from the whole axis; None where it never does."""
    if window_size < side and shift == 0:
        return None
    blocks = 1
    while reach(at, side, window_size, shift, blocks) != (0, side - 1):
        blocks += 1
    return blocks


# ---- the cost


def costs(side, window_size, channels, heads=1):
    """Return the Cost of window attention on side × side patches; window_size None: of global attention.

    Source: Liu et al. 2021 (Swin), equations 1 and 2: 4hwC² + 2M²hwC and 4hwC² + 2(hw)²C.
    """
    tokens = (side if window_size is None else padded(side, window_size)) ** 2
    looked_at = tokens if window_size is None else window_size**2
    return Cost(4 * tokens * channels**2, 2 * looked_at * tokens * channels, BYTES * heads * tokens * looked_at)


# ---- the picture


@functools.lru_cache(maxsize=32)
def photo_uri(name, side):
    """Return the photograph, so many patches of PATCH pixels wide, as an address that an HTML image can carry."""
    pixels = (data.photograph(name, PATCH * side) * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", quality=92, subsampling=0)
    return data_uri(buffer.getvalue()).replace("image/png", "image/jpeg", 1)


def pale(colour):
    """Return a colour mixed with white: (3,) from 0 to 1."""
    return 0.42 * np.array(matplotlib.colors.to_rgb(colour)) + 0.58


# What the roll did to a window: nothing; it joins the image's top and bottom; its left and right; all four corners.
KINDS = {"whole": plots.BLUE, "top + bottom": plots.ORANGE, "left + right": plots.GREEN, "corners": plots.PINK}
STEPS = [
    matplotlib.colors.to_hex(matplotlib.colormaps["viridis"](share)) for share in (0.0, 0.22, 0.42, 0.6, 0.78, 0.97)
]


def tints(side, window_size, shift):
    """Return the colours of the windows after the roll: (P, P, 3), P = padded(side, window_size); neighbours differ."""
    shift, count = taken(side, window_size, shift), padded(side, window_size) // window_size
    strong = [np.array(matplotlib.colors.to_rgb(colour)) for colour in KINDS.values()]
    colours = np.empty((count, count, 3))
    for i in range(count):
        for j in range(count):
            kind = (i == count - 1) + 2 * (j == count - 1) if shift else 0
            colours[i, j] = strong[kind] if (i + j) % 2 == 0 or kind == 3 else pale(strong[kind])
    return colours.repeat(window_size, 0).repeat(window_size, 1)


class WindowExplorer(Panel):
    """Show Swin's windows on a photograph: who looks at whom, how far a patch hears, what it costs. The last line of a cell.

    window_size: patches along a window, 2 to 16
    shift:       patches by which every second block's windows lie lower and further right, from 0 to window_size - 1; None for half a window
    blocks:      how many are stacked, 1 to 6; the last one's windows are shown
    side:        patches along the map, even, 4 to 64; a patch has 4 × 4 pixels
    query:       (row, column) of the patch that asks; None for one left of and above the middle
    view:        "in the image", or "after the roll", as the windows are cut
    channels:    C, and heads: into which they are divided; for the costs. Those of Swin-T's first stage
    picture:     the name of a shipped photograph
    raises:      ValueError that names the argument

    The attributes follow what is done in the browser. looks_at() and heard() return what is shown as maps, costs() the numbers.
    """

    def __init__(
        self, window_size=4, shift=None, blocks=2, side=16, query=None, view=IMAGE, channels=96, heads=3, picture="cat"
    ):
        super().__init__()
        self.window_size = whole("window_size", window_size, *WINDOWS)
        self.shift = window_size // 2 if shift is None else whole("shift", shift, 0, window_size - 1)
        self.blocks, self.side = whole("blocks", blocks, *BLOCKS), whole("side", side, *SIDES[:2])
        if side % 2:
            raise ValueError(f"side (={side}) must be even: use {side - 1} or {side + 1}")
        if not isinstance(view, str) or view not in VIEWS:
            raise ValueError(f"view (={view!r}) must be one of {', '.join(VIEWS)}")
        self.channels, self.heads = whole("channels", channels, 1, MOST), whole("heads", heads, 1, MOST)
        if channels % heads:
            raise ValueError(f"channels (={channels}) must be a multiple of heads (={heads}): change either")
        if not isinstance(picture, str) or picture not in data.photographs():
            raise ValueError(f"picture (={picture!r}) must be one of {', '.join(data.photographs())}")
        if query is not None and not (isinstance(query, (tuple, list)) and len(query) == 2):
            raise ValueError(f"query (={query!r}) must be (row, column)")
        self.view, self.picture, self._share = view, picture, [0.4, 0.4]
        for axis, at in enumerate(query or ()):
            self._point(axis, whole(f"query[{axis}]", at, 0, side - 1))
        self.refresh()

    # What Python reads

    @property
    def query(self):
        """(row, column) of the patch that asks. It keeps its place in the picture where the map gets finer."""
        return tuple(min(self.side - 1, int(share * self.side)) for share in self._share)

    def costs(self):
        """Return (Cost of window attention, Cost of global attention)."""
        return tuple(
            costs(self.side, window_size, self.channels, self.heads) for window_size in (self.window_size, None)
        )

    def looks_at(self):
        """Return the patches that the query may look at in the last block: (side, side) bool."""
        return self._box(span(at, self.side, self.window_size, self._moved) for at in self.query)

    def heard(self, blocks=None):
        """Return the patches from which the query has heard after so many blocks, None for all: (side, side) bool."""
        return self._box(self._reached(self.blocks if blocks is None else blocks))

    def _box(self, spans):
        rows, columns = ((first <= np.arange(self.side)) & (np.arange(self.side) <= last) for first, last in spans)
        return np.outer(rows, columns)

    def _reached(self, blocks, shift=None):
        return [
            reach(at, self.side, self.window_size, self.shift if shift is None else shift, blocks) for at in self.query
        ]

    @property
    def _moved(self):
        """The shift of the last block."""
        return taken(self.side, self.window_size, self.shift if self.blocks % 2 == 0 else 0)

    # What the browser asks

    def hear(self, name, value):
        if name == "window_size":
            half = self.shift == self.window_size // 2  # half a window stays half a window
            self.window_size = value
            self.shift = value // 2 if half else min(self.shift, value - 1)
        elif name == "shift":
            self.shift = min(value, self.window_size - 1)  # the window may have shrunk meanwhile
        elif name == "blocks":
            self.blocks = value
        elif name == "side":
            self.side = value
        elif name in ("row", "column"):
            self._point(("row", "column").index(name), min(value, self.side - 1))
        elif name == "view" and value in VIEWS:
            self.view = value
        elif name in ("x", "y", "u", "v"):
            across = padded(self.side, self.window_size)
            at = min(across - 1, int(value * across))
            if name in "xy" and self.view == ROLLED:
                at = (at + self._moved) % across
            self._point(0 if name in "yv" else 1, min(at, self.side - 1))

    def _point(self, axis, at):
        self._share[axis] = (at + 0.5) / self.side

    # What is shown

    def refresh(self):
        mine, other = self.costs()
        M, C, side = self.window_size, self.channels, self.side
        across = padded(side, M)
        self.fixed = {
            "frame": FRAME,
            "moving": moving(M),
            "asking": asking(side),
            "photo": f'<img alt="" src="{photo_uri(self.picture, side)}"{"" if side > 40 else SHARP}>',
        }
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        self.parts = {
            "windows-title": f"block {self.blocks}: {'shifted by ' + str(self._moved) if self._moved else 'not shifted'}",
            "heard-title": f"heard from after {self.blocks} block{'s' if self.blocks > 1 else ''}",
            "windows": self._windows(across),
            "heard": self._heard(across),
            "steps": self._steps(),
            "words": self._words(across),
            "now": f"C = {C}, {heads}, h = w = {side}",
            "mine": written(f"4·{across**2:,}·{C}² + 2·{M}²·{across**2:,}·{C}", mine),
            "other": written(f"4·{side**2:,}·{C}² + 2·{side**2:,}²·{C}", other),
            "ratio": f"Global: MACs <b>×{times(other.macs, mine.macs)}</b>, weights <b>×{times(other.weights, mine.weights)}</b>",
            "chart": chart(side, M, C),
        }
        row, column = self.query
        self.values = {
            "window_size": M,
            "shift": self.shift,
            "blocks": self.blocks,
            "side": side,
            "row": row,
            "column": column,
            "view": self.view,
        }

    def _windows(self, across):
        """Return the HTML of the windows of the last block."""
        moved, rolled = self._moved, self.view == ROLLED
        offset = moved if rolled else 0  # what stands at the left of the picture
        colours = tints(self.side, self.window_size, moved)
        if not rolled:
            colours = np.roll(colours, (moved, moved), (0, 1))
        first = 0 if rolled or not moved else moved - self.window_size
        lines = [line for line in range(first, across + 1, self.window_size) if 0 < line < across]
        (top, bottom), (left, right) = spans = [
            [(end - offset) % across for end in span(at, self.side, self.window_size, moved)] for at in self.query
        ]
        photos = "".join(
            f'<div data-part="photo" style="{box(y, x, self.side, self.side, across)}"></div>'
            for y in {-offset, across * bool(offset) - offset}
            for x in {-offset, across * bool(offset) - offset}
        )
        clear = f"inset({100 * top / across:.3f}% {100 - 100 * (right + 1) / across:.3f}% {100 - 100 * (bottom + 1) / across:.3f}% {100 * left / across:.3f}%)"
        kept_apart = across - moved if rolled and moved else None
        query = [(at - offset) % across for at in self.query]
        seen = int(self.looks_at().sum())
        words = (
            f"The windows of block {self.blocks} {self.view}. The patch in row {self.query[0]}, column {self.query[1]} may look at {seen} "
            f"of {self.side**2} patches."
        )
        return (
            f'<div role="img" aria-label="{words}" class="win-map"><div class="win-grey">{photos}</div>'
            f'<img alt="" class="win-tint" src="{data_uri(pixel_png(colours))}">'
            f'<div class="win-clear" style="clip-path:{clear}">{photos}</div>{ruled(across, lines, kept_apart)}'
            f'<i class="win-frame" style="{box(spans[0][0], spans[1][0], bottom - top + 1, right - left + 1, across)}"></i>{mark(query, across)}</div>'
        )

    def _heard(self, across):
        """Return the HTML of the patches from which the query has heard."""
        colours, veil = np.ones((across, across, 3)), np.ones((across, across), bool)
        for blocks in range(self.blocks, 0, -1):
            (top, bottom), (left, right) = self._reached(blocks)
            colours[top : bottom + 1, left : right + 1] = matplotlib.colors.to_rgb(STEPS[blocks - 1])
            veil[top : bottom + 1, left : right + 1] = False
        lines = range(self.window_size, across, self.window_size)
        words = (
            f"After {self.blocks} block{'s' if self.blocks > 1 else ''} the patch in row {self.query[0]}, column {self.query[1]} has heard from {int(self.heard().sum())} "
            f"of {self.side**2} patches."
        )
        return (
            f'<div role="img" aria-label="{words}" class="win-map"><div class="win-grey"><div data-part="photo" style="'
            f'{box(0, 0, self.side, self.side, across)}"></div></div><img alt="" class="win-tint" src="{data_uri(pixel_png(colours))}">'
            f"{ruled(across, lines)}{mark(self.query, across)}</div>"
        )

    def _steps(self):
        """Return the HTML of the rows that count the patches heard from after 1 to 6 blocks, with this shift and without any."""
        most, rows = BLOCKS[1], []
        heads = "".join(
            f'<div role="columnheader" class="n{" now" if i < self.blocks else ""}"><i style="background:{STEPS[i]}"></i>{i + 1}</div>'
            for i in range(most)
        )
        for label, shift in ((f"shift {self.shift}", self.shift), ("no shift", 0)):
            counts = [
                math.prod(last - first + 1 for first, last in self._reached(blocks, shift))
                for blocks in range(1, most + 1)
            ]
            cells = "".join(
                f'<div role="cell" class="n{" on" if i + 1 == self.blocks else ""}">{count:,}</div>'
                for i, count in enumerate(counts)
            )
            rows.append(f'<div role="row"><div role="rowheader" class="name">{label}</div>{cells}</div>')
        return f'<div role="row"><div role="columnheader" class="head">after blocks</div>{heads}</div>{"".join(rows)}'

    def _words(self, across):
        M, side, moved = self.window_size, self.side, self._moved
        said = []
        if side <= M:
            said.append(
                "One window covers the map: nothing is shifted"
                + (", and this is global attention." if across == side else ".")
            )
        elif moved:
            pieces = len({span(at, side, M, moved) for at in range(side)}) ** 2
            said.append(
                f"Rolled by {moved}, {pieces:,} regions fill {(across // M) ** 2:,} windows; the mask keeps apart what only the roll joined."
            )
        elif self.shift:
            said.append(f"Block {self.blocks} does not shift its windows; every second block does.")
        needed = [blocks_to_all(at, side, M, self.shift) for at in self.query]
        if None in needed:
            said.append("Without a shift the patch never hears from outside its window.")
        elif side > M:
            said.append(f"The patch hears from the whole map after {max(needed)} blocks.")
        if across > side:
            said.append(f"Zeros (hatched) make it {across} × {across}, and cost as patches do.")
        return " ".join(said)

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        mine, other = self.costs()
        return (
            f"Window explorer. {self.side} × {self.side} patches, windows of {self.window_size} × {self.window_size}, every second block shifted by "
            f"{self.shift}; block {self.blocks}. The patch in row {self.query[0]}, column {self.query[1]} looks at {int(self.looks_at().sum())} patches and has "
            f"heard from {int(self.heard().sum())} of {self.side**2}. One block's attention: {mine.macs:,} multiply-adds in windows, {other.macs:,} globally."
        )

    def still(self):
        """Return a figure: the windows, the patches heard from, and the two costs by the map's side."""
        from matplotlib.patches import Rectangle

        fig, axes = plots.figure(1, 3, width=13, height=4.3, width_ratios=[1, 1, 1.15])
        side, moved, (row, column) = self.side, self._moved, self.query
        grey = data.photograph(self.picture, PATCH * side).mean(0).numpy()
        grey = np.repeat(grey[..., None], 3, axis=2)
        tint = np.roll(tints(side, self.window_size, moved), (moved, moved), (0, 1))[:side, :side]
        steps = np.ones((side, side, 3))
        for blocks in range(self.blocks, 0, -1):
            steps[self.heard(blocks)] = matplotlib.colors.to_rgb(STEPS[blocks - 1])
        for ax, colours, part, title in (
            (axes[0], tint, 0.5, f"windows of block {self.blocks}"),
            (axes[1], steps, 0.65, f"heard after {self.blocks}: {int(self.heard().sum()):,} of {side**2:,}"),
        ):
            ax.imshow(
                (1 - part) * grey + part * colours.repeat(PATCH, 0).repeat(PATCH, 1),
                extent=(0, side, side, 0),
                interpolation="nearest",
            )
            ax.set(xticks=[], yticks=[], title=title)
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=plots.RED, edgecolor="white", linewidth=1.5))
        for start in range(moved or self.window_size, side, self.window_size):
            for draw in (axes[0].axhline, axes[0].axvline):
                draw(start, color="white", linewidth=1.5)
        (top, bottom), (left, right) = (span(at, side, self.window_size, moved) for at in self.query)
        axes[0].add_patch(
            Rectangle((left, top), right - left + 1, bottom - top + 1, fill=False, edgecolor="black", linewidth=4)
        )
        sides = range(SIDES[0], SIDES[1] + 1, SIDES[2])
        for window_size, colour, label in (
            (None, plots.ORANGE, "global"),
            (self.window_size, plots.BLUE, f"windows of {self.window_size}"),
        ):
            axes[2].plot(
                sides, [costs(each, window_size, self.channels).macs for each in sides], color=colour, label=label
            )
            axes[2].plot(side, costs(side, window_size, self.channels).macs, "o", color=colour, markersize=10)
        axes[2].set_xscale("log", base=2)
        axes[2].set(yscale="log", xticks=TICKS, xticklabels=TICKS, xlabel="patches along a side", title="multiply-adds")
        axes[2].legend()
        return fig


SHARP = ' class="sharp"'


def times(many, few):
    """Write how often one number holds the other, in one to three digits, which is all that there is room for."""
    ratio = many / few
    for least, digits in ((99.5, ",.0f"), (9.95, ".1f"), (0.0995, ".2f")):
        if ratio >= least:
            return f"{ratio:{digits}}"
    return f"{ratio:.1g}"


def written(sum_of_two, cost):
    """Return the HTML of a cost: the sum with its numbers, what it makes, and the memory of the weights."""
    return f"<div>{sum_of_two}</div><div>= <b>{cost.macs:,}</b>; weights {memory(cost.weights)}</div>"


def memory(size):
    """Write bytes in KiB, MiB or GiB."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 2**power:
            return f"{size / 2**power:,.{0 if size >= 100 * 2**power else 1}f} {unit}"
    return f"{size} bytes"


def box(top, left, height, width, across):
    """Return where something lies on a map `across` patches wide, as CSS."""
    return "".join(
        f"{name}:{100 * value / across:.3f}%;"
        for name, value in (("top", top), ("left", left), ("height", height), ("width", width))
    )


def mark(query, across):
    """Return the HTML of the patch that asks."""
    return f'<i class="win-query" style="{box(*query, 1, 1, across)}"></i>'


def ruled(across, lines, kept_apart=None):
    """Return the SVG of the windows' borders, of the patches where they are few, and of what the mask keeps apart."""

    def both(places):
        return "".join(f"M0 {at}H{across}M{at} 0V{across}" for at in places)

    fine = f'<path class="fine" d="{both(range(1, across))}"/>' if across <= 32 else ""
    mask = (
        f'<path class="mask under" d="{both([kept_apart])}"/><path class="mask" d="{both([kept_apart])}"/>'
        if kept_apart
        else ""
    )
    return f'<svg class="win-lines{" thin" if len(lines) > 15 else ""}" aria-hidden="true" viewBox="0 0 {across} {across}" preserveAspectRatio="none">{fine}<path class="edge" d="{both(lines)}"/>{mask}</svg>'


# ---- the chart

WIDE, HIGH, LEFT, BOTTOM, RIGHT = 296, 168, 44, 44, 12
TICKS = (4, 8, 16, 32, 64)


def chart(side, window_size, channels):
    """Return the SVG of the MACs of both attentions against the map's side, on logarithmic axes."""
    sides = range(SIDES[0], SIDES[1] + 1, SIDES[2])
    low = math.floor(math.log10(costs(SIDES[0], None, channels).macs))
    high = math.ceil(math.log10(costs(SIDES[1], None, channels).macs))

    def x(patches):
        return LEFT + math.log(patches / SIDES[0], SIDES[1] / SIDES[0]) * (WIDE - LEFT - RIGHT)

    def y(macs):
        return 8 + (high - math.log10(macs)) / (high - low) * (HIGH - BOTTOM - 8)

    words = f"Multiply-adds against the patches along a side, both logarithmic: global attention, and windows of {window_size}."
    out = [f'<svg viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" role="img" aria-label="{words}">']
    for power in range(low, high + 1):
        out.append(f'<path class="grid" d="M{LEFT} {y(10**power):.1f}H{WIDE - RIGHT}"/>')
        if (high - power) % 2 == 0:
            out.append(f'<text x="{LEFT - 6}" y="{y(10**power) + 6:.1f}" text-anchor="end">10{raised(power)}</text>')
    out += [f'<text x="{x(at):.1f}" y="{HIGH - BOTTOM + 19}" text-anchor="middle">{at}</text>' for at in TICKS]
    out.append(
        f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{HIGH - 5}" text-anchor="middle">MACs, by patches along a side</text>'
        f'<path class="here" d="M{x(side):.1f} 8V{HIGH - BOTTOM}"/>'
    )
    for name, each in (("global", None), ("windows", window_size)):
        points = [(x(at), y(costs(at, each, channels).macs)) for at in sides]
        out.append(
            f'<path class="line {name}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}"/>'
            f'<circle class="dot {name}" cx="{x(side):.1f}" cy="{y(costs(side, each, channels).macs):.1f}" r="6"/>'
        )
    return "".join(out) + "</svg>"


def raised(power):
    return str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


# ---- the frame

CSS = """
.win-body { display: grid; grid-template-columns: minmax(0, 270px) minmax(0, 270px) minmax(312px, 1fr); gap: 0 16px; align-items: start; }
.win-title { font-weight: 700; white-space: nowrap; }
.panel-top.win-top { gap: 4px 18px; margin-bottom: 4px; }
.win-top > span { display: flex; flex-wrap: wrap; gap: 4px 18px; }
.win-top input[type="range"] { width: 88px; }
.win-top b { min-width: 2.2ch; }
.win-stage { position: relative; width: 100%; aspect-ratio: 1; overflow: hidden; cursor: crosshair; touch-action: none;
  background: repeating-linear-gradient(45deg, #777 0 2px, #fff 2px 8px); box-shadow: 0 0 0 1px var(--line); }
.win-stage > div, .win-map, .win-map > * { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; user-select: none; }
.win-map [data-part] { position: absolute; }
.win-map [data-part] img { display: block; width: 100%; height: 100%; max-width: none !important; }
.win-map .sharp, .win-tint { image-rendering: pixelated; }
.win-grey { filter: grayscale(1); }
.win-map > .win-tint { opacity: .5; max-width: none !important; }
.win-heard .win-tint { opacity: .66; }
.panel svg.win-lines { display: block; max-width: none; height: 100%; }
.win-lines path { vector-effect: non-scaling-stroke; }
.panel .win-lines .edge { stroke: #fff; stroke-width: 2.5; }
.panel .win-lines.thin .edge { stroke-width: 1; }
.panel .win-lines .fine { stroke: #fff; stroke-width: 1; stroke-opacity: .3; }
.panel .win-lines .mask { stroke: #fff; stroke-width: 2; stroke-dasharray: 6 6; }
.panel .win-lines .mask.under { stroke: #000; stroke-dasharray: none; }
.win-map > :is(.win-frame, .win-query) { inset: auto; }
.win-frame { border: 3px solid #000; outline: 2px solid #fff; }
.win-query { background: #d55e00; box-shadow: 0 0 0 2px #fff, 0 0 0 3px #000; min-width: 7px; min-height: 7px; }
.win-key { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 6px; margin-top: 4px; }
.win-key span { display: flex; align-items: center; gap: 5px; white-space: nowrap; }
.win-key i { width: 16px; height: 14px; flex: none; }
.win-below { grid-column: 1 / span 2; }
.win-side { grid-column: 3; grid-row: 1 / span 2; }
.win-cost { line-height: 1.4; width: 312px; }
.win-cost > div { margin-top: 3px; }
.win-cost .name { font-weight: 700; padding-left: 8px; border-left: 6px solid #0072b2; white-space: nowrap; }
.win-cost .name.two { border-color: #e69f00; }
.win-cost [data-part="mine"], .win-cost [data-part="other"] { padding-left: 12px; margin: 0; }
.win-chart svg { margin-top: 6px; }
.panel .win-chart .line { stroke-width: 3; }
.panel .win-chart .line.global { stroke: #e69f00; }
.panel .win-chart .line.windows { stroke: #0072b2; }
.win-chart .dot { stroke: #fff; stroke-width: 1.5; }
.win-chart .dot.global { fill: #e69f00; }
.win-chart .dot.windows { fill: #0072b2; }
.panel .win-chart .here { stroke: currentColor; stroke-opacity: .6; stroke-dasharray: 4 4; }
.win-steps { grid-template-columns: auto repeat(6, minmax(48px, 1fr)); gap: 0 6px; margin-top: 4px; }
.win-steps [role="row"] { display: contents; }
.panel .win-steps .head { padding: 0; }
.win-steps .n i { display: inline-block; width: 16px; height: 12px; margin-right: 6px; opacity: .25; }
.win-steps .now i { opacity: 1; }
.win-steps .name { font-weight: 400; }
.win-steps .on { font-weight: 700; }
.win-words { margin-top: 4px; min-height: 2.9em; }
@container (max-width: 760px) { .win-body { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .win-side { grid-column: 1 / span 2; grid-row: auto; display: flex; flex-wrap: wrap; gap: 6px 12px; margin-top: 8px; } }
@container (max-width: 460px) { .win-body { grid-template-columns: minmax(0, 1fr); gap: 10px; } .win-side, .win-below { grid-column: 1; }
  .win-steps { grid-template-columns: auto repeat(6, auto); gap: 0 4px; } .win-steps .n i { display: none; }
  .panel .win-steps .head { white-space: normal; } }
"""
WindowExplorer._css = Panel._css + CSS


def moving(window_size):
    """Return the HTML of the shift's slider, whose end is the window's."""
    return f'<label>shift {slider("shift", "shift of every second block, in patches", 0, window_size - 1)} <b data-show="shift"></b></label>'


def asking(side):
    """Return the HTML of the sliders that choose the query."""
    return "".join(
        f'<label>{name} {slider(name, f"{name} of the patch that asks", 0, side - 1)} <b data-show="{name}"></b></label>'
        for name in ("row", "column")
    )


KEY = "".join(
    f'<span><i style="background:linear-gradient(90deg,{colour} 50%,{matplotlib.colors.to_hex(pale(colour))} 50%)"></i>{html.escape(name)}</span>'
    for name, colour in KINDS.items()
)
FRAME = f"""{LATE}
<div class="panel-top win-top">
  <label>window M {slider("window_size", "patches along a window", *WINDOWS)} <b data-show="window_size"></b></label>
  <span data-part="moving"></span>
  <label>blocks {slider("blocks", "number of blocks", *BLOCKS)} <b data-show="blocks"></b></label>
  <label>map {slider("side", "patches along a side of the map", *SIDES)} <b data-show="side"></b></label>
  <span data-part="asking"></span>
  <label>windows {choice("view", "windows shown in the image or after the roll", VIEWS)}</label>
</div>
<div class="win-body">
  <div>
    <div class="win-title" data-part="windows-title"></div>
    <div class="win-stage" data-at="x y"><div data-part="windows"></div></div>
  </div>
  <div>
    <div class="win-title" data-part="heard-title"></div>
    <div class="win-stage win-heard" data-at="u v"><div data-part="heard"></div></div>
  </div>
  <div class="win-below">
    <div class="win-key">{KEY}<span><i style="background:#d55e00"></i>asks</span></div>
    <div class="panel-table win-steps" role="table" aria-label="patches heard from, by number of blocks" data-part="steps"></div>
  </div>
  <div class="win-side">
    <div class="win-cost">
      <div data-part="now"></div>
      <div class="name">windows: 4hwC² + 2M²hwC</div><div data-part="mine"></div>
      <div class="name two">global: 4hwC² + 2(hw)²C</div><div data-part="other"></div>
      <div data-part="ratio"></div>
    </div>
    <div class="win-chart" data-part="chart"></div>
  </div>
</div>
<div class="win-words" data-part="words" role="status"></div>
"""
