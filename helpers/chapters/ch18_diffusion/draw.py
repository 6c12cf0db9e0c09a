"""The figures of chapter 18: points and arrows in the plane, sheets of pictures, the U-net."""

import torch
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers import plots
from helpers.chapters.ch18_diffusion.points import MEANS
from helpers.checks import check_tensor, whole

SIDE = 2.4  # how far the plane is shown


def plane(ax, title=""):
    """Make axes a square of the plane, without ticks."""
    ax.set(xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE), xticks=[], yticks=[], title=title, aspect="equal")
    ax.spines[:].set(visible=True, color="#BBBBBB")


def draw_points(ax, x, title="", colour=plots.BLUE, size=4):
    """Draw points (N, 2), and a cross at each of the eight means."""
    check_tensor("x", x, "(N, D)", "two numbers for each point")
    whole("size", size, 1)
    x = x.detach().cpu()
    ax.plot(x[:, 0], x[:, 1], ".", color=colour, markersize=size, alpha=0.5, markeredgewidth=0)
    ax.plot(MEANS[:, 0], MEANS[:, 1], "+", color="black", markersize=11, markeredgewidth=2)
    plane(ax, title)


def grid(n=13, side=SIDE * 0.92):
    """Return the places (n · n, 2) where arrows begin."""
    whole("n", n, 2)
    line = torch.linspace(-side, side, n)
    return torch.cartesian_prod(line, line)


def draw_arrows(ax, places, arrows, colour, label=None, scale=7.0, width=0.006):
    """Draw arrows (N, 2) at places (N, 2); scale: how long an arrow must be to reach over the unit of the plane."""
    p, a = places.cpu(), arrows.detach().cpu()
    ax.quiver(p[:, 0], p[:, 1], a[:, 0], a[:, 1], color=colour, angles="xy", scale_units="xy", scale=scale, width=width, label=label)  # fmt: skip


def sheet(pictures, columns, gap=1, ground=0.5):
    """Return pictures (N, 1, H, W) side by side, in so many columns, as one (H', W')."""
    pictures = pictures.detach().cpu()
    (n, _, h, w), rows = pictures.shape, -(-len(pictures) // columns)
    found = torch.full((rows * (h + gap) + gap, columns * (w + gap) + gap), ground)
    for i in range(n):
        top, left = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        found[top : top + h, left : left + w] = pictures[i, 0]
    return found


def draw_sheet(ax, pictures, columns, title=""):
    """Draw pictures (N, 1, H, W) from 0 to 1 in so many columns."""
    ax.imshow(sheet(pictures, columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)


def block(ax, x, low, width, height, text, colour, size=13):
    ax.add_patch(Rectangle((x, low), width, height, facecolor=colour, alpha=0.35))
    ax.add_patch(Rectangle((x, low), width, height, fill=False, linewidth=1.4))
    ax.text(x + width / 2, low + height + 0.09, text, ha="center", va="bottom", fontsize=size)


def arrow(ax, start, end, **how):
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, linewidth=1.7, color="black", **how))


def draw_unet(ax):
    """Draw the U-net: blocks as tall as the picture, as wide as their channels; the arrow on top is what is kept and added."""
    channels, width, side = 1, 24, 8
    wide = lambda c: 0.22 + c / 40  # noqa: E731
    high, low = 1.9, 0.95
    parts = [(0.5, channels, high, 0.9, "noisy x", plots.GREY), (1.9, width, high, 0.9, "block", plots.BLUE),
             (4.2, 2 * width, low, 0.0, "block", plots.ORANGE), (7.2, width, high, 0.9, "block", plots.BLUE),
             (9.4, channels, high, 0.9, "v", plots.GREY)]  # fmt: skip
    for x, c, height, bottom, name, colour in parts:
        block(ax, x, bottom, wide(c), height, name, colour)
        s = side if height == high else side // 2
        ax.text(x + wide(c) / 2, bottom - 0.08, f"{c} × {s} × {s}", ha="center", va="top", fontsize=12)
    arrow(ax, (0.5 + wide(channels), 1.85), (1.88, 1.85))
    arrow(ax, (1.9 + wide(width), 1.25), (4.18, 0.6))
    arrow(ax, (4.2 + wide(2 * width), 0.6), (7.18, 1.25))
    arrow(ax, (7.2 + wide(width), 1.85), (9.38, 1.85))
    arrow(ax, (1.9 + wide(width), 2.45), (7.18, 2.45))
    ax.text(5, 2.55, "kept, and added", ha="center", fontsize=13)
    ax.text(3.05, 1.35, "halve", fontsize=12, ha="left")
    ax.text(5.95, 1.35, "double", fontsize=12, ha="right")
    ax.text(4.95, 3.4, "time t and label scale and shift the channels of every block", ha="center", fontsize=13)
    ax.set(xlim=(0.2, 10.2), ylim=(-0.4, 3.7))
    ax.set_axis_off()


def draw_fields(axes, times, fields):
    """Draw, for each time, the exact arrows broad and grey and the learnt ones on them; fields: (places, exact, learnt) for each."""
    for ax, t, (places, exact, learnt) in zip(axes, times, fields, strict=True):
        draw_arrows(ax, places, -exact, plots.GREY, "exact", width=0.011)
        draw_arrows(ax, places, -learnt, plots.ORANGE, "learnt")
        draw_points(ax, places[:0], f"t = {t + 1}")
    axes[0].legend(loc="upper left", frameon=True, fontsize=12)


def draw_far(ax, counts, far, floor):
    """Draw the distance against the number of steps, a line for each name of far {name: distances}, and the floor, dotted."""
    for (name, each), style in zip(far.items(), ("o-", "s-", "x--")):
        ax.loglog(counts, each, style, label=name)
    ax.axhline(floor, color=plots.GREY, linestyle=":", label="two true sets")
    ax.set(xlabel="steps of DDIM", ylabel="distance to true points", xticks=counts, xticklabels=counts)
    ax.minorticks_off()
    ax.legend(loc="upper right")


def draw_marks(axes, found, floor):
    """Draw, against the number of steps, the marks of found {steps: marks}: right, distance with its floor, spread."""
    counts = list(found)
    titles = {
        "right": "taken for what was asked, %",
        "distance": "Fréchet distance",
        "spread": "spread, of true digits' 1",
    }
    for ax, (key, title) in zip(axes, titles.items(), strict=True):
        ax.semilogx(counts, [found[n][key] * (100 if key == "right" else 1) for n in counts], "o-")
        ax.set(title=title, xlabel="steps of DDIM", xticks=counts, xticklabels=counts)
        ax.set_ylim((85, 101) if key == "right" else (0, None))
        ax.minorticks_off()
    axes[1].axhline(floor, color=plots.GREY, linestyle=":")
    axes[1].text(counts[0], floor + 2, "500 true digits", fontsize=12, color=plots.GREY)
