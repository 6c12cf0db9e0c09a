"""The figures of the course: one style, large enough for the back of a hall, in colours that everyone can tell apart.

draw_x(ax, ...) draws on axes it is given; show_x(...) makes the figure and shows it. show(fig, alt) publishes a figure
as a PNG whose alternative text is also its text form, so that a reader who cannot see it, and a test, get the words.
"""

import base64
import io
from collections.abc import Iterable

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from PIL import Image

from helpers.checks import check_positive, whole
from helpers.output import publish

# Of Okabe & Ito 2008, Color Universal Design, and a grey; those used first are told apart by every kind of colour vision.
BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#777777",
)
COLOURS = (BLUE, ORANGE, SKY, RED, GREY, PINK, GREEN)  # in this order, for the first five keep furthest apart
SIGNED = LinearSegmentedColormap.from_list("signed", ["#003C63", BLUE, "#FFFFFF", ORANGE, "#8A4B00"])

matplotlib.rcParams.update(
    {
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.dpi": 100,
        "figure.figsize": (9, 4),
        "font.size": 15,
        "axes.titlesize": 16,
        "axes.labelsize": 15,
        "xtick.labelsize": 13,
        "ytick.labelsize": 13,
        "legend.fontsize": 13,
        "legend.frameon": False,
        "lines.linewidth": 2.5,
        "image.cmap": "gray",
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def figure(rows=1, cols=1, width=10.0, height=None, **grid):
    """Return (fig, axes) off-screen, in the course's style; axes as Figure.subplots gives them.

    width, height: inches; height follows from the number of rows where it is None
    """
    whole("rows", rows, 1)
    whole("cols", cols, 1)
    check_positive("width", width, "it is in inches")
    if height is not None:
        check_positive("height", height, "it is in inches")
    fig = Figure(figsize=(width, height or 0.8 + 3.2 * rows), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.subplots(rows, cols, **grid)


def png(fig):
    """Return the figure as the bytes of a PNG of at most 256 colours: a chapter with 20 figures stays below 500 kB."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=80)
    few_colours(Image.open(drawn).convert("RGB")).save(small, format="png", optimize=True)
    return small.getvalue()


def few_colours(picture):
    """Return an RGB picture in at most 256 colours, each pixel's chosen for itself where that will do.

    Another machine draws some pixels one level brighter. A palette that is fitted to the whole picture would change with
    them everywhere; levels that are rounded, to 64 a channel or else 32, change in few places or in none. Only a colour
    photograph has more colours than that.
    """
    pixels = np.asarray(picture, dtype=np.int64)
    for top, most in ((63, 128), (31, 256)):  # greys need the finer levels, and heat maps would come near 256 with them
        levels = ((pixels * top + 127) // 255 * 255 + top // 2) // top
        colours, places = np.unique(levels @ (1 << 16, 1 << 8, 1), return_inverse=True)
        if len(colours) <= most:
            found = Image.fromarray(places.reshape(pixels.shape[:2]).astype(np.uint8))
            found.putpalette(
                np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8).tobytes()
            )
            return found
    return picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)


def uri(fig):
    """Return the figure as an address that an HTML image can carry in itself."""
    return "data:image/png;base64," + base64.b64encode(png(fig)).decode()


def bundle(fig, alt):
    """Return (data, metadata) of a display: the PNG, and the words `alt` both beside it and as its text form."""
    if not (isinstance(alt, str) and alt.strip()):
        raise ValueError(f"alt (={alt!r}) must say in words what the figure shows, for readers who cannot see it")
    alt = " ".join(alt.split())
    return (
        {"image/png": base64.b64encode(png(fig)).decode(), "text/plain": alt},
        {"image/png": {"alt": alt, "needs_background": "light"}},
    )


def show(fig, alt):
    """Show a figure in the notebook, with its alternative text.

    alt:    a sentence that says what is to be seen; without measured numbers, since it is compared on every machine
    raises: ValueError for an empty alt
    """
    publish(*bundle(fig, alt))


def to_array(image):
    """Return a picture as matplotlib wants it: (C, H, W), (1, H, W) or (H, W) → (H, W, C) or (H, W), on the CPU."""
    array = image.detach().cpu().numpy() if torch.is_tensor(image) else np.asarray(image)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"image (a {type(image).__name__} of {array.dtype}) must hold real numbers")
    if array.size == 0:
        raise ValueError(f"image (shape {tuple(array.shape)}) must not be empty")
    if not np.isfinite(array).all():
        raise ValueError(
            "image must hold finite numbers, and holds nan or inf: a colour for these would be a lie. "
            "x.nan_to_num() replaces them"
        )
    if array.ndim == 2:
        return array
    if array.ndim == 3 and array.shape[0] in (1, 3):
        return array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    raise ValueError(f"image (shape {tuple(array.shape)}) must be (H, W), (1, H, W) or (3, H, W)")


def draw_image(ax, image, title="", signed=False, limit=None):
    """Draw one picture without ticks.

    image:  (H, W), (1, H, W) or (3, H, W); colour pictures hold values from 0 to 1
    signed: blue below zero, white at zero, orange above; `limit` is the value of the full colour
    """
    array = to_array(image)
    if array.ndim == 3:
        ax.imshow(array.clip(0, 1))
    elif signed:
        limit = limit or float(np.abs(array).max()) or 1.0
        ax.imshow(array, cmap=SIGNED, vmin=-limit, vmax=limit)
    else:
        ax.imshow(array, cmap="gray", vmin=min(0.0, float(array.min())), vmax=limit or max(float(array.max()), 1e-9))
    ax.set_title(title)
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(True)
        side.set_color("#BBBBBB")


def show_images(images, titles=None, alt="", cols=None, signed=False, limit=None, side=1.9):
    """Show pictures in a grid, each with its title.

    images: sequence of (H, W), (1, H, W) or (3, H, W)
    side:   inches of one picture
    """
    if isinstance(images, (str, bytes, dict)) or not isinstance(images, Iterable):
        raise ValueError(f"images (={images!r:.60}) must be a list of pictures")
    images = list(images)
    if titles is not None:
        check_listed("titles", titles)
        titles = list(titles)
    if not images:
        raise ValueError("images (=[]) must hold at least one picture")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles ({len(titles)} of them) must be as many as images ({len(images)}): one for each")
    cols = min(len(images), 6) if cols is None else whole("cols", cols, 1)
    rows = -(-len(images) // cols)
    fig, axes = figure(
        rows, cols, width=side * cols + 0.3, height=(side + (0.5 if titles is not None else 0.05)) * rows, squeeze=False
    )
    for i, ax in enumerate(axes.flat):
        if i < len(images):
            draw_image(ax, images[i], titles[i] if titles is not None else "", signed, limit)
        else:
            ax.set_axis_off()
    show(fig, alt)


def draw_numbers(ax, array, title="", mark=(), fmt="{:g}", signed=True, limit=None):
    """Draw a small matrix as coloured cells with their numbers written in.

    array: (H, W)
    mark:  (row, column) cells to frame
    """
    array = to_array(array)
    if array.ndim != 2:
        raise ValueError(f"array (shape {array.shape}) must be (H, W): choose one channel")
    limit = limit or float(np.abs(array).max()) or 1.0
    ax.imshow(array, cmap=SIGNED if signed else "Greys", vmin=-limit if signed else 0, vmax=limit, alpha=0.6)
    rows, cols = array.shape
    for row in range(rows):
        for col in range(cols):
            ax.text(
                col,
                row,
                fmt.format(array[row, col]),
                ha="center",
                va="center",
                fontsize=19 if cols <= 5 else 15 if cols <= 8 else 11,
            )
    for row, col in mark:
        ax.add_patch(Rectangle((col - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=4))
    ax.set(xticks=np.arange(cols + 1) - 0.5, yticks=np.arange(rows + 1) - 0.5, title=title)
    ax.grid(color="#999999", linewidth=0.8)
    ax.tick_params(length=0, labelbottom=False, labelleft=False)
    ax.spines[:].set(visible=True, color="#999999")


def draw_regions(ax, regions, title="", numbers=None, image=None, alpha=0.45):
    """Draw a map cut into regions: each in a colour of its own, with a line around it.

    regions: (rows, columns) whole numbers from 0; cells with one number are one region (the colours repeat after nine)
    numbers: None, or (rows, columns) to be written into the cells
    image:   None, or a picture to be spread under the map
    """
    regions = to_array(regions)
    if regions.dtype.kind not in "iu" or regions.ndim != 2 or regions.min() < 0:
        raise ValueError(
            f"regions (shape {regions.shape}, {regions.dtype}) must be (rows, columns) of whole numbers from 0"
        )
    rows, cols = regions.shape
    palette = np.array([to_rgb(colour) for colour in (*COLOURS, YELLOW, "#FFFFFF")])
    edges = (-0.5, cols - 0.5, rows - 0.5, -0.5)
    if image is not None:
        ax.imshow(to_array(image).clip(0, 1), extent=edges)
    ax.imshow(palette[regions % len(palette)], extent=edges, alpha=alpha)
    if numbers is not None:
        for (row, col), number in np.ndenumerate(to_array(numbers)):
            ax.text(col, row, f"{number:g}", ha="center", va="center", fontsize=19 if cols <= 5 else 13)
    below = [
        [(col - 0.5, row + 0.5), (col + 0.5, row + 0.5)]
        for row, col in zip(*np.nonzero(regions[1:] != regions[:-1]), strict=True)
    ]
    beside = [
        [(col + 0.5, row - 0.5), (col + 0.5, row + 0.5)]
        for row, col in zip(*np.nonzero(regions[:, 1:] != regions[:, :-1]), strict=True)
    ]
    ax.add_collection(LineCollection(below + beside, colors="black", linewidths=3))
    ax.set(xticks=[], yticks=[], title=title, xlim=edges[:2], ylim=edges[2:])
    ax.spines[:].set(visible=True, color="black", linewidth=2)


def draw_bars(ax, names, values, fmt="{:g}", title="", xlabel="", colours=BLUE, spread=None):
    """Draw horizontal bars, the first on top, each with its value written at its end.

    spread: None, or (lowest, highest) per bar, drawn as a line: several seeds of one measurement
    """
    values = finite("values", values)
    check_listed("names", names)
    if not values or len(names) != len(values):
        raise ValueError(f"names ({len(names)} of them) must be as many as values ({len(values)}), and at least one")
    if spread is not None:
        check_listed("spread", spread)
        spread = [tuple(finite("spread", pair)) for pair in spread]
        if len(spread) != len(values) or any(len(pair) != 2 for pair in spread):
            raise ValueError(
                f"spread ({len(spread)} of them) must be (lowest, highest) for each of the {len(values)} values"
            )
    places = range(len(values))
    ax.barh(places, values, color=colours, height=0.65)
    ends = list(values)
    if spread is not None:
        for place, (low, high) in zip(places, spread, strict=True):
            ax.plot([low, high], [place, place], color="black", linewidth=3, solid_capstyle="butt")
            ends[place] = max(high, values[place])
    top = max(ends) or 1.0
    for place, value, end in zip(places, values, ends, strict=True):
        ax.text(end + 0.015 * top, place, fmt.format(value), va="center", fontsize=14)
    ax.set(yticks=places, yticklabels=names, title=title, xlabel=xlabel, xlim=(0, 1.22 * top))
    ax.invert_yaxis()


def show_bars(names, values, alt, fmt="{:g}", title="", xlabel="", colours=BLUE, spread=None):
    """Show one set of horizontal bars; the arguments are draw_bars'."""
    check_listed("names", names)
    fig, ax = figure(height=1.1 + 0.5 * len(names))
    draw_bars(ax, names, values, fmt, title, xlabel, colours, spread)
    show(fig, alt)


def draw_seeds(ax, x, runs, label=None, colour=BLUE, marker="o"):
    """Draw one measurement repeated with several seeds: the mean as a line, lowest to highest as a band.

    x:    the places along the axis
    runs: (seeds, len(x)) numbers, a row for each seed
    """
    runs = as_floats("runs", runs)
    if runs.ndim != 2 or runs.size == 0 or runs.shape[1] != len(x):
        raise ValueError(
            f"runs (shape {runs.shape}) must be (seeds, {len(x)}): a row for each seed, a number for each x"
        )
    ax.plot(x, runs.mean(0), color=colour, marker=marker, label=label)
    ax.fill_between(x, runs.min(0), runs.max(0), color=colour, alpha=0.2, linewidth=0)


def draw_dots(ax, groups, xlabel=""):
    """Draw one measurement of several groups, a row each, a dot for each seed, on an axis that reaches as far as the dots.

    groups: {name: (values, colour)}, the first on top
    """
    if not isinstance(groups, dict) or not groups:
        raise ValueError(f"groups (={groups!r:.60}) must be {{name: (values, colour)}}, at least one")
    for row, (values, colour) in enumerate(groups.values()):
        values = finite("values", values)
        ax.axhline(row, color="#DDDDDD", linewidth=1, zorder=0)
        ax.plot(values, [row] * len(values), "o", color=colour, markersize=11, alpha=0.8)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=xlabel, ylim=(len(groups) - 0.5, -0.5))


def check_listed(name, value):
    """Raise ValueError unless value holds things in an order: a list, a tuple, an array, the keys of a dict."""
    if isinstance(value, (str, bytes, set)) or not (isinstance(value, Iterable) and hasattr(value, "__len__")):
        raise ValueError(f"{name} (={value!r:.60}) must be a list")


def as_floats(name, values):
    """Return values as an array of floats; a nan or inf among them is drawn as a gap. Raises ValueError for no numbers."""
    try:
        if isinstance(values, (str, bytes, set, dict)):
            raise ValueError
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} (={values!r:.60}) must be numbers, in rows of equal length") from None


def finite(name, values):
    """Return values as a list of floats. Raises ValueError unless each is a finite number."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
    elif isinstance(values, Iterable) and not isinstance(values, (str, bytes, set, dict, np.ndarray)):
        values = [float(value) if isinstance(value, torch.Tensor) else value for value in values]
    found = as_floats(name, values)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError(
            f"{name} (={found.tolist()!r:.60}) must be finite numbers in one row: nan and inf have no length"
        )
    return found.tolist()


def draw_losses(ax, losses, label=None, colour=BLUE):
    """Draw the loss of every step, pale, and over it the mean of the steps around (a fiftieth of the run)."""
    losses = as_floats("losses", losses)
    if losses.ndim != 1 or losses.size == 0:
        raise ValueError(f"losses (shape {losses.shape}) must be one number for each step, and at least one")
    width = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    ax.plot(np.arange(1, len(losses) + 1), losses, color=colour, alpha=0.25, linewidth=1)
    ax.plot(np.arange(len(smooth)) + 1 + (width - 1) / 2, smooth, color=colour, label=label)
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None))


def draw_accuracies(ax, rows):
    """Draw the accuracies of a Training's rows by epoch, in percent."""
    for kind, colour, marker, words in (("train", SKY, "o", "while training"), ("test", RED, "s", "test images")):
        known = [(row["epoch"], 100 * row[kind]) for row in rows if kind in row]
        if known:
            ax.plot(*zip(*known, strict=True), color=colour, marker=marker, label=words)
    ax.set(xlabel="epoch", ylabel="accuracy in %", xticks=[row["epoch"] for row in rows][:: max(1, len(rows) // 8)])
    if rows:
        ax.legend(loc="lower right")


def draw_recorded(ax, rows):
    """Draw what a Training recorded beside the loss, by epoch: one line for each name."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in ("epoch", "loss")))
    for name in names or ["loss"]:
        known = [(row["epoch"], row[name]) for row in rows if name in row]
        ax.plot(*zip(*known, strict=True), marker="o", label=name)
    ax.set(xlabel="epoch", xticks=[row["epoch"] for row in rows][:: max(1, len(rows) // 8)])
    ax.legend()


def draw_shapes(ax, shapes, names, colour=BLUE):
    """Draw the outputs of a network's layers to scale, from left to right, as boxes: the face is one map, the depth the channels.

    shapes: (C, H, W), drawn H high, W wide, C / 4 deep; or (D,), a list of values: a thin bar, D / 32 high
    names:  one for each shape, written below it with the shape
    """
    check_listed("shapes", shapes)
    check_listed("names", names)
    if not shapes or len(shapes) != len(names):
        raise ValueError(f"names ({len(names)} of them) must be as many as shapes ({len(shapes)}), and at least one")
    for shape in shapes:
        if not isinstance(shape, (tuple, list)) or len(shape) not in (1, 3):
            raise ValueError(f"shapes hold {shape!r}: each must be (C, H, W) or (D,)")
        for side in shape:
            whole("shapes", side, 1)
    left = 0
    tallest = max(shape[1] + shape[0] / 8 if len(shape) == 3 else shape[0] / 32 for shape in shapes)
    for shape, name in zip(shapes, names, strict=True):
        maps = len(shape) == 3
        wide, high, deep = (shape[2], shape[1], shape[0] / 4) if maps else (8, shape[0] / 32, 0)
        room = max(wide + deep, 70)
        x, y = left + (room - wide - deep) / 2, (tallest - high - deep / 2) / 2
        top = [
            (x, y + high),
            (x + deep, y + high + deep / 2),
            (x + wide + deep, y + high + deep / 2),
            (x + wide, y + high),
        ]
        side = [
            (x + wide, y),
            (x + wide, y + high),
            (x + wide + deep, y + high + deep / 2),
            (x + wide + deep, y + deep / 2),
        ]
        for corners, shade in (
            (top, 0.45),
            (side, 0.65),
            ([(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)], 0.9),
        ):
            ax.add_patch(Polygon(corners, facecolor=colour if maps else ORANGE, edgecolor="black", alpha=shade))
        words = f"{name}\n{shape[0]} maps\n{high}×{wide}" if maps else f"{name}\n{shape[0]}\nvalues"
        ax.text(left + room / 2, -8, words, ha="center", va="top", fontsize=12)
        left += room + 16
    ax.set(xlim=(-10, left), ylim=(-75, tallest), aspect="equal")
    ax.set_axis_off()
