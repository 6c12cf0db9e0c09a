"""The figures of chapter 16: the two towers, dots for each seed, a table of pairs with the held-out ones framed."""

from matplotlib.patches import Polygon, Rectangle

from helpers import plots


def draw_dots(ax, scores, highlight=()):
    """Draw a line of dots for each name, the first on top: scores {name: [a number for each seed]}."""
    for place, (name, each) in enumerate(scores.items()):
        colour = plots.BLUE if name in highlight else plots.ORANGE
        ax.plot(each, [place] * len(each), "o", color=colour, markersize=10, alpha=0.75)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.4, -0.6)
    ax.grid(axis="y", color="#DDDDDD")


def draw_pairs(ax, shares, allowed):
    """Draw the share named rightly, (8, 6) from 0 to 1, for each colour and form; those not `allowed` are framed."""
    from helpers.data import COLOURS, FORMS

    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1.9, aspect="auto")
    for row, values in enumerate(shares.tolist()):
        for column, value in enumerate(values):
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=15)
            if not allowed[row, column]:
                ax.add_patch(
                    Rectangle(
                        (column - 0.47, row - 0.45), 0.94, 0.9, fill=False, edgecolor=plots.RED, linewidth=3.5, zorder=3
                    )
                )
    ax.set_xticks(range(len(FORMS)), FORMS)
    ax.set_yticks(range(len(COLOURS)), COLOURS)
    ax.set_title("named rightly, %; framed: never seen together")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def draw_towers(ax, images, texts):
    """Draw pictures and texts, the tower of each, their vectors, and the square of scores with its diagonal."""
    n = len(images)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    for i, (image, text) in enumerate(zip(images, texts, strict=True)):
        ax.imshow(
            plots.to_array(image).clip(0, 1), extent=(0.2 + 1.6 * i, 1.65 + 1.6 * i, 7.0, 8.55), aspect="auto", zorder=2
        )
        ax.text(0.2, 3.6 - 1.0 * i, text, fontsize=12.5, va="center", bbox=dict(facecolor="#EEEEEE", edgecolor="none"))
    for y, name, colour in ((7.8, "picture tower\nconvolutions", plots.BLUE), (2.1, "text tower\nwords", plots.ORANGE)):
        ax.add_patch(
            Polygon([(7.9, y - 1.5), (7.9, y + 1.5), (11.8, y + 0.8), (11.8, y - 0.8)], color=colour, alpha=0.35)
        )
        ax.text(9.8, y, name, ha="center", va="center", fontsize=14)
        ax.annotate("", (7.8, y), (7.1, y), arrowprops=dict(arrowstyle="->"))
    ax.set(xlim=(0, 24), ylim=(0, 9.9))
    left, top, side = 16.2, 5.9, 1.25
    for i in range(n):
        ax.add_patch(
            Rectangle((12.6, 8.6 - 0.45 * i - 0.4), 1.8, 0.33, color=plots.BLUE, alpha=0.35 + 0.15 * i, linewidth=0)
        )
        ax.add_patch(
            Rectangle((12.6, 2.9 - 0.45 * i - 0.4), 1.8, 0.33, color=plots.ORANGE, alpha=0.35 + 0.15 * i, linewidth=0)
        )
        for j in range(n):
            true = i == j
            ax.add_patch(
                Rectangle(
                    (left + side * j * 1.3, top - side * i),
                    side * 1.24,
                    side * 0.94,
                    facecolor=plots.GREEN if true else "#E4E4E4",
                    alpha=0.75 if true else 1,
                    linewidth=0,
                )
            )
            ax.text(
                left + side * j * 1.3 + side * 0.62,
                top - side * i + side * 0.47,
                f"$s\\,p_{i + 1}·t_{j + 1}$",
                ha="center",
                va="center",
                fontsize=12,
            )
    ax.annotate("", (15.9, 6.2), (14.6, 7.4), arrowprops=dict(arrowstyle="->"))
    ax.annotate("", (15.9, 2.9), (14.6, 2.1), arrowprops=dict(arrowstyle="->"))
    ax.text(13.5, 8.95, "64 numbers each", ha="center", fontsize=12, va="bottom")
    ax.text(19.4, 7.55, "scores: cross-entropy of the\nrows and of the columns", ha="center", fontsize=13, va="bottom")
    ax.text(19.4, 1.75, "green: the true pairs", ha="center", fontsize=13, va="top")
