"""The figures of chapter 17: pictures with their captions, what each word looked at, dots for each seed, the networks."""

from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from helpers import plots
from helpers.diagrams import arrow, box

GRID = 3  # cells of the eye, each way
OUTLINE = (withStroke(linewidth=2.5, foreground="black"),)  # of white numbers, which may stand on white


def wrapped(caption):
    """Return a caption with a line for each object."""
    return caption.replace(" , ", " ,\n")


def draw_captions(axes, images, captions, truths=None):
    """Draw pictures (N, 3, S, S) with their captions below; lines that are not among the truth's stand out in colour."""
    side = images.shape[-1]
    for i, (ax, image, caption) in enumerate(zip(axes, images, captions, strict=True)):
        plots.draw_image(ax, image)
        true = wrapped(truths[i]).split("\n") if truths else None
        for row, line in enumerate(wrapped(caption or "(nothing)").split("\n")):
            wrong = true is not None and line.strip(" ,.") not in [each.strip(" ,.") for each in true]
            place = (side / 2 - 0.5, side * (1.03 + 0.12 * row))
            ax.text(*place, line, ha="center", va="top", fontsize=13, color=plots.RED if wrong else "black")
        ax.set_ylim(side * 1.4, -0.5)  # room for three lines
        ax.spines[:].set_visible(False)


def draw_looked(ax, image, looked, title="", limit=1.0):
    """Draw a picture (3, S, S), dark but for the cells looked at; looked: (9,) weights, of which `limit` is the brightest."""
    plots.draw_image(ax, image, title)
    side = image.shape[-1] / GRID
    for cell, weight in enumerate(looked.tolist()):
        row, column = divmod(cell, GRID)
        corner = (column * side - 0.5, row * side - 0.5)
        ax.add_patch(Rectangle(corner, side, side, facecolor="black", alpha=0.85 * (1 - min(1, weight / limit))))
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor="white", linewidth=0.6))
        middle = (corner[0] + side / 2, corner[1] + side / 2)
        ax.text(
            *middle, f"{100 * weight:.0f}", ha="center", va="center", fontsize=13, color="white", path_effects=OUTLINE
        )


def draw_dots(ax, scores, colours=None):
    """Draw a line of dots for each name, the first on top: scores {name: [a number for each seed]}."""
    for place, (name, each) in enumerate(scores.items()):
        colour = (colours or {}).get(name, plots.BLUE)
        ax.plot(each, [place] * len(each), "o", color=colour, markersize=11, alpha=0.75)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.grid(axis="y", color="#DDDDDD")


def draw_captioner(ax):
    """Draw the captioner: the eye's nine cells to the left, the words to the right, cross-attention between them."""
    box(ax, 1.1, 3, 1.9, 0.9, "picture\n3 × 24 × 24", plots.GREY)
    box(ax, 3.7, 3, 1.9, 0.9, "3 convolutions,\naveraged", plots.ORANGE)
    box(ax, 6.3, 3, 1.9, 0.9, "9 cells\n9 × 64", plots.ORANGE)
    box(ax, 1.1, 0.9, 1.9, 0.9, "words so far\nT", plots.GREY)
    box(ax, 3.7, 0.9, 1.9, 0.9, "embedding,\nposition", plots.BLUE)
    box(ax, 6.3, 0.9, 1.9, 0.9, "self-attention,\nback only", plots.BLUE)
    box(ax, 8.9, 0.9, 1.9, 0.9, "cross-attention\nT × 9", plots.GREEN)
    box(ax, 11.3, 0.9, 1.5, 0.9, "MLP", plots.BLUE)
    box(ax, 13.6, 0.9, 1.7, 0.9, "next word\nT × 41", plots.GREY)
    for y, xs in (
        (3, (2.05, 2.75, 4.65, 5.35)),
        (0.9, (2.05, 2.75, 4.65, 5.35, 7.25, 7.95, 9.85, 10.55, 12.05, 12.75)),
    ):
        for start, end in zip(xs[::2], xs[1::2], strict=True):
            arrow(ax, (start, y), (end, y))
    arrow(ax, (7.25, 2.9), (8.9, 1.37))
    ax.text(8.35, 2.35, "keys and values", fontsize=13, ha="left", va="center")
    ax.text(7.6, 1.12, "queries", fontsize=11, ha="center", va="bottom")
    ax.set(xlim=(0, 14.6), ylim=(0.2, 3.7))
    ax.set_axis_off()


def draw_joint(ax, counts):
    """Draw eye, joint and language model, frozen grey, trained green, and below a strip as wide as their weights.

    counts: {"eye": …, "joint": …, "language model": …}
    """
    box(ax, 1.1, 3.2, 1.7, 0.9, "picture", plots.GREY)
    box(ax, 3.8, 3.2, 2.3, 0.9, "eye, frozen\n9 × 64", plots.SKY)
    box(ax, 6.9, 3.2, 2.3, 0.9, "one linear layer\n18 × 64", plots.GREEN)
    box(ax, 11.3, 3.2, 3.3, 0.9, "language model, frozen\n18 + T", plots.SKY)
    box(ax, 6.9, 1.75, 3.4, 0.8, "what form is red ?", plots.GREY)
    for start, end in ((1.95, 2.65), (4.95, 5.75), (8.05, 9.65)):
        arrow(ax, (start, 3.2), (end, 3.2))
    arrow(ax, (8.6, 1.85), (9.75, 2.72))
    arrow(ax, (12.95, 3.2), (13.5, 3.2))
    ax.text(13.6, 3.2, "disk", fontsize=15, va="center")
    total, left = sum(counts.values()), 0.3
    for name, number in counts.items():
        width = 13.4 * number / total
        colour = plots.GREEN if name == "joint" else plots.SKY
        ax.add_patch(Rectangle((left, 0.45), width, 0.5, facecolor=colour, alpha=1 if name == "joint" else 0.45))
        ax.text(left + width / 2, 0.36, f"{name}\n{number:,}", ha="center", va="top", fontsize=12)
        left += width
    ax.text(0.3, 1.02, "weights, to scale", fontsize=12, va="bottom")
    ax.set(xlim=(0, 14.8), ylim=(-0.4, 3.8))
    ax.set_axis_off()
