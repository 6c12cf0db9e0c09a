"""The window explorer: drag Swin's windows and their shift over a photograph; see who looks at whom, and what it costs.

Whole numbers only, by the rules of helpers.models.swin and helpers.costs: see windows.py.
"""

import functools
import math

import matplotlib
import numpy as np

from helpers import plots
from helpers.chapters.ch11_swin.windows import blocks_to_all, costs, padded, reach, span, taken
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import data_uri, pixel_png
from helpers.course.explorers.panel import Panel, slider
from helpers.course.explorers.pictures import Gallery
from helpers.course.explorers.widgets import Chart, in_bytes, jpeg_uri, page, placed, raised, ratio, style

WINDOWS, BLOCKS, SIDES, PATCH = (2, 16), (1, 6), (4, 64, 2), 4  # a side is in patches, a patch in pixels
IMAGE, ROLLED = "in the image", "after the roll"
VIEWS = (IMAGE, ROLLED)
MOST = 4096  # of channels


# ---- the picture


@functools.lru_cache(maxsize=32)
def photo_uri(picture, side):
    """Return a Picture, so many patches of PATCH pixels wide, as an address that an HTML image can carry."""
    return jpeg_uri((picture.at(PATCH * side) * 255).round().byte().permute(1, 2, 0).numpy(), 92)


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
    picture:     a shipped photograph or one's own, whatever data.photograph takes
    raises:      ValueError that names the argument

    The attributes follow what is done in the browser. looks_at() and heard() return what is shown as maps, costs() the numbers.
    """

    _css = style(__file__)

    def __init__(
        self, window_size=4, shift=None, blocks=2, side=16, query=None, view=IMAGE, channels=96, heads=3, picture="cat"
    ):
        super().__init__()
        self.window_size = whole("window_size", window_size, *WINDOWS)
        self.shift = window_size // 2 if shift is None else whole("shift", shift, 0, window_size - 1)
        self.blocks, self.side = whole("blocks", blocks, *BLOCKS), whole("side", side, *SIDES[:2])
        if side % 2:
            raise ValueError(f"side (={side}) must be even: use {side - 1} or {side + 1}")
        self.channels, self.heads = whole("channels", channels, 1, MOST), whole("heads", heads, 1, MOST)
        if channels % heads:
            raise ValueError(f"channels (={channels}) must be a multiple of heads (={heads}): change either")
        if query is not None and not (isinstance(query, (tuple, list)) and len(query) == 2):
            raise ValueError(f"query (={query!r}) must be (row, column)")
        self.view, self.gallery = check_choice("view", view, VIEWS), Gallery(picture)
        self._share = [0.4, 0.4]
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
            **self.pictures(),
            "photo": f'<img alt="" src="{photo_uri(self.gallery.now, side)}"{"" if side > 40 else SHARP}>',
        }
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        self.parts = {
            "windows-title": (
                f"block {self.blocks}: {'shifted by ' + str(self._moved) if self._moved else 'not shifted'}"
            ),
            "heard-title": f"heard from after {self.blocks} block{'s' if self.blocks > 1 else ''}",
            "windows": self._windows(across),
            "heard": self._heard(across),
            "steps": self._steps(),
            "words": self._words(across),
            "now": f"C = {C}, {heads}, h = w = {side}",
            "mine": written(f"4·{across**2:,}·{C}² + 2·{M}²·{across**2:,}·{C}", mine),
            "other": written(f"4·{side**2:,}·{C}² + 2·{side**2:,}²·{C}", other),
            "ratio": (
                f"Global: MACs <b>×{ratio(other.macs / mine.macs)}</b>, weights"
                f" <b>×{ratio(other.weights / mine.weights)}</b>"
            ),
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
            "picture": self.gallery.now.name,
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
            f'<div data-part="photo" style="{placed(y, x, self.side, self.side, across)}"></div>'
            for y in {-offset, across * bool(offset) - offset}
            for x in {-offset, across * bool(offset) - offset}
        )
        clear = (
            f"inset({100 * top / across:.3f}% {100 - 100 * (right + 1) / across:.3f}%"
            f" {100 - 100 * (bottom + 1) / across:.3f}% {100 * left / across:.3f}%)"
        )
        kept_apart = across - moved if rolled and moved else None
        query = [(at - offset) % across for at in self.query]
        seen = int(self.looks_at().sum())
        words = (
            f"The windows of block {self.blocks} {self.view}. The patch in row {self.query[0]}, column {self.query[1]}"
            f" may look at {seen} of {self.side**2} patches."
        )
        return (
            f'<div role="img" aria-label="{words}" class="win-map"><div class="win-grey">{photos}</div>'
            f'<img alt="" class="win-tint" src="{data_uri(pixel_png(colours))}">'
            f'<div class="win-clear" style="clip-path:{clear}">{photos}</div>{ruled(across, lines, kept_apart)}'
            '<i class="win-frame"'
            f' style="{placed(spans[0][0], spans[1][0], bottom - top + 1, right - left + 1, across)}"></i>{mark(query, across)}</div>'
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
            f"After {self.blocks} block{'s' if self.blocks > 1 else ''} the patch in row {self.query[0]}, column"
            f" {self.query[1]} has heard from {int(self.heard().sum())} of {self.side**2} patches."
        )
        return (
            f'<div role="img" aria-label="{words}" class="win-map"><div class="win-grey"><div data-part="photo"'
            f' style="{placed(0, 0, self.side, self.side, across)}"></div></div><img alt="" class="win-tint"'
            f' src="{data_uri(pixel_png(colours))}">{ruled(across, lines)}{mark(self.query, across)}</div>'
        )

    def _steps(self):
        """Return the HTML of the rows that count the patches heard from after 1 to 6 blocks, with this shift and without any."""
        most, rows = BLOCKS[1], []
        heads = "".join(
            f'<div role="columnheader" class="n{" now" if i < self.blocks else ""}"><i'
            f' style="background:{STEPS[i]}"></i>{i + 1}</div>'
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
                f"Rolled by {moved}, {pieces:,} regions fill {(across // M) ** 2:,} windows; the mask keeps apart what"
                " only the roll joined."
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
            f"Window explorer. {self.side} × {self.side} patches, windows of {self.window_size} × {self.window_size},"
            f" every second block shifted by {self.shift}; block {self.blocks}. The patch in row {self.query[0]},"
            f" column {self.query[1]} looks at {int(self.looks_at().sum())} patches and has heard from"
            f" {int(self.heard().sum())} of {self.side**2}. One block's attention: {mine.macs:,} multiply-adds in"
            f" windows, {other.macs:,} globally. {self.gallery.said}"
        )

    def still(self):
        """Return a figure: the windows, the patches heard from, and the two costs by the map's side."""
        from matplotlib.patches import Rectangle

        fig, axes = plots.figure(1, 3, width=13, height=4.3, width_ratios=[1, 1, 1.15])
        side, moved, (row, column) = self.side, self._moved, self.query
        grey = self.gallery.now.at(PATCH * side).mean(0).numpy()
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


def written(sum_of_two, cost):
    """Return the HTML of a cost: the sum with its numbers, what it makes, and the memory of the weights."""
    return f"<div>{sum_of_two}</div><div>= <b>{cost.macs:,}</b>; weights {in_bytes(cost.weights, short=True)}</div>"


def mark(query, across):
    """Return the HTML of the patch that asks."""
    return f'<i class="win-query" style="{placed(*query, 1, 1, across)}"></i>'


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
    return (
        f'<svg class="win-lines{" thin" if len(lines) > 15 else ""}" aria-hidden="true" viewBox="0 0 {across} {across}"'
        f' preserveAspectRatio="none">{fine}<path class="edge" d="{both(lines)}"/>{mask}</svg>'
    )


# ---- the chart

TICKS = (4, 8, 16, 32, 64)


def chart(side, window_size, channels):
    """Return the SVG of the MACs of both attentions against the map's side, on logarithmic axes."""
    sides = range(SIDES[0], SIDES[1] + 1, SIDES[2])
    low = math.floor(math.log10(costs(SIDES[0], None, channels).macs))
    high = math.ceil(math.log10(costs(SIDES[1], None, channels).macs))
    drawn = Chart(296, 168, SIDES[:2], (10**low, 10**high), left=44, top=8, bottom=44, log="xy")

    def said(value):
        power = round(math.log10(value))
        return "" if (high - power) % 2 else f"10{raised(power)}"

    drawn.rows([10**power for power in range(low, high + 1)], said, drop=6, gap=6)
    drawn.columns(TICKS, drop=19)
    drawn.name("MACs, by patches along a side", rise=5)
    drawn.mark(side)
    for name, each in (("global", None), ("windows", window_size)):
        drawn.line(sides, [costs(at, each, channels).macs for at in sides], f"line {name}")
        drawn.dot(side, costs(side, each, channels).macs, f"dot {name}", 6)
    return drawn.svg(
        "Multiply-adds against the patches along a side, both logarithmic: global attention, and windows of"
        f" {window_size}."
    )


# ---- the frame


def moving(window_size):
    """Return the HTML of the shift's slider, whose end is the window's."""
    return (
        f"<label>shift {slider('shift', 'shift of every second block, in patches', 0, window_size - 1)} <b"
        ' data-show="shift"></b></label>'
    )


def asking(side):
    """Return the HTML of the sliders that choose the query."""
    return "".join(
        f"<label>{name} {slider(name, f'{name} of the patch that asks', 0, side - 1)} <b"
        f' data-show="{name}"></b></label>'
        for name in ("row", "column")
    )


FRAME = page(
    __file__,
    windows=WINDOWS,
    blocks=BLOCKS,
    sides=SIDES,
    views=VIEWS,
    kinds={name: (colour, matplotlib.colors.to_hex(pale(colour))) for name, colour in KINDS.items()},
)
