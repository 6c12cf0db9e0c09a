"""What several rooms' explorers write and draw: settings that are checked, numbers in few characters, shares, charts in SVG.

A room's page is explorer.html, a jinja2 template, and its style explorer.css: page() and style() read them.
"""

import html
import io
import math
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from helpers.checks import whole
from helpers.course.explorers import panel
from helpers.course.explorers.ground import data_uri

# ---- the page of a room


def page(file, name="explorer", **words):
    """Return the HTML of the template NAME.html beside a file: what an explorer's frame holds.

    file:  the room's module, __file__
    words: what the template names, beside number, slider, choice, button, header and late
    """
    return template(Path(file).parent, name).render(words)


@cache
def template(folder, name):
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    for each in (panel.number, panel.slider, panel.choice, panel.button, panel.header):
        environment.globals[each.__name__] = lambda *given, each=each, **more: Markup(each(*given, **more))
    environment.globals["late"] = Markup(panel.LATE)
    return environment.get_template(f"{name}.html")


def style(file):
    """Return the panel's CSS, and after it that of explorer.css beside a file."""
    return panel.Panel._css + Path(file).with_name("explorer.css").read_text(encoding="utf-8")


# ---- settings


def snap(value, low, high, step):
    """Return the nearest value that a slider can show."""
    return max(low, min(high, low + (int(value) - low + step // 2) // step * step))


def on_slider(name, value, low, high, step):
    """Return value; ValueError unless a slider from low to high in these steps can show it."""
    if (whole(name, value, low, high) - low) % step:
        nearest = snap(value, low, high, step)
        raise ValueError(f"{name} (={value}) must be {low} to {high} in steps of {step}: use {nearest}")
    return value


# ---- numbers in few characters


def raised(power):
    """Write a whole number as an exponent: ⁻⁷."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def scientific(value, digits=0, times=" × "):
    """Write a positive number with so many decimals and a power of ten: 4 × 10⁻¹⁹."""
    mantissa, power = f"{value:.{digits}e}".split("e")
    return f"{mantissa}{times}10{raised(int(power))}"


def ratio(value, small=1):
    """Write how many times as large something is, in two to three digits, a small ratio in `small`: 0.004, 1.50, 21.9, 1,830."""
    for least, form in ((99.5, ",.0f"), (9.95, ".1f"), (0.0995, ".2f")):
        if value >= least:
            return f"{value:{form}}"
    return f"{value:.{small}g}"


def in_bytes(value, short=False):
    """Write bytes in the unit that leaves from 1 to 1024 of them: 21.3 MiB; where it is to be short, 192 MiB."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if value >= 2**power:
            return f"{value / 2**power:,.{0 if short and value >= 100 * 2**power else 1}f} {unit}"
    return f"{value} bytes"


# ---- costs: several NamedTuples of numbers, such as MACs and parameters, one for each part of a network


def total(costs):
    """Return the sum of costs, of the type that they have."""
    costs = list(costs)
    return type(costs[0])(*map(sum, zip(*costs, strict=True)))


def shares(costs, columns, write, colours=None, percents=(), tiny=0.001):
    """Return the cells of a table of costs as parts of a panel: "name.column", with its share of the column's sum as a bar.

    costs:    dict from name to a NamedTuple; columns: those of its fields that are shown
    write:    write(column, value) returns a number as text
    colours:  dict from name to the colour of its bars; None: the style says it
    percents: the columns whose shares are also written, in percent
    tiny:     the share that is the least to be written with its number
    """
    found = {}
    for column in columns:
        whole_sum = sum(getattr(cost, column) for cost in costs.values())
        for name, cost in costs.items():
            value = getattr(cost, column)
            part = value / whole_sum if whole_sum else 0
            fill = f";background:{colours[name]}" if colours else ""
            bar = f'<i style="width:{100 * part:.2f}%{fill}"></i>' if value else ""
            said = percent(part, tiny) if column in percents and value else ""
            written = write(column, value) if value else "0"
            found[f"{name}.{column}"] = f"{bar}<span>{said}</span><span>{written}</span>"
    return found


def percent(part, tiny=0.001):
    """Write a share in percent, with as many decimals as `tiny` has: 94.9 %, and below it < 0.1 %."""
    decimals = max(0, round(-math.log10(100 * tiny)))
    return f"< {100 * tiny:.{decimals}f} %" if part < tiny / 2 else f"{100 * part:.{decimals}f} %"


def bar(css, share, text):
    """Return the HTML of a bar whose length is a share of its place, with its number on it."""
    return f'<div class="{css}"><i style="width:{100 * share:.2f}%"></i><span>{text}</span></div>'


# ---- a chart


class Chart:
    """A chart in SVG, one axis or both logarithmic. across(x) and up(y) say where a number lies; svg() returns it.

    width, height:            its units, which are pixels where it is shown unscaled
    x, y:                     (first, last) of each axis
    left, right, top, bottom: the margins
    log:                      which axes are logarithmic: "x", "y" or "xy"
    """

    def __init__(self, width, height, x, y, left=52, right=12, top=10, bottom=46, log="y"):
        self.width, self.height, self.x, self.y, self.log = width, height, x, y, log
        self.left, self.right, self.top, self.bottom, self.out = left, width - right, top, height - bottom, []

    def across(self, value):
        return self.left + share(value, *self.x, "x" in self.log) * (self.right - self.left)

    def up(self, value):
        return self.bottom - share(value, *self.y, "y" in self.log) * (self.bottom - self.top)

    def add(self, *pieces):
        """Add pieces of SVG."""
        self.out += pieces
        return self

    def text(self, x, y, text, anchor="middle"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(str(text))}</text>')

    def rows(self, values, write, css="grid", drop=5, gap=8):
        """Draw a line across for each value, and write beside it what write(value) returns, if anything."""
        for value in values:
            at, said = self.up(value), write(value)
            self.out.append(f'<path class="{css}" d="M{self.left} {at:.1f}H{self.right}"/>')
            if said:
                self.text(self.left - gap, at + drop, said, "end")

    def columns(self, values, write=str, drop=20, lines=False):
        """Write below the axis what write(value) returns; lines: with a line upwards for each."""
        for value in values:
            at = self.across(value)
            if lines:
                self.out.append(f'<path class="grid" d="M{at:.1f} {self.top}V{self.bottom}"/>')
            self.text(at, self.bottom + drop, write(value))

    def name(self, text, rise=6):
        """Write what runs along the horizontal axis."""
        self.text((self.left + self.right) / 2, self.height - rise, text)

    def mark(self, value):
        """Draw an upright line at a value."""
        self.out.append(f'<path class="here" d="M{self.across(value):.1f} {self.top}V{self.bottom}"/>')

    def line(self, xs, ys, css):
        """Draw a line through points."""
        points = "L".join(f"{self.across(x):.1f} {self.up(y):.1f}" for x, y in zip(xs, ys, strict=True))
        self.out.append(f'<path class="{css}" d="M{points}"/>')

    def dot(self, x, y, css, radius):
        self.out.append(f'<circle class="{css}" cx="{self.across(x):.1f}" cy="{self.up(y):.1f}" r="{radius}"/>')

    def svg(self, words, scaled=False):
        """Return it, with what it shows in words. scaled: as wide as its place, not as its units."""
        size = "" if scaled else f' width="{self.width}" height="{self.height}"'
        box = f'viewBox="0 0 {self.width} {self.height}"{size} role="img" aria-label="{html.escape(words)}"'
        return f"<svg {box}>{''.join(self.out)}</svg>"


def share(value, first, last, log):
    """Return how far a value lies from first, 0, to last, 1."""
    return math.log(value / first) / math.log(last / first) if log else (value - first) / (last - first)


def placed(top, left, height, width, across):
    """Return where something lies on a square that is `across` wide, as CSS."""
    sides = (("top", top), ("left", left), ("height", height), ("width", width))
    return "".join(f"{name}:{100 * value / across:.4f}%;" for name, value in sides)


def jpeg_uri(pixels, quality):
    """Return an image, (H, W, 3) uint8, as an address that an HTML image can carry: a tenth of what a PNG would take."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", quality=quality, subsampling=0)
    return data_uri(buffer.getvalue()).replace("image/png", "image/jpeg", 1)
