"""The figures of chapter 19: clicks on pictures, masks, the network, dots for each seed."""

from helpers import plots
from helpers.diagrams import arrow, box


def draw_clicks(ax, clicks):
    """Mark clicks (x, y, kind) on a picture: a green + on it, a red − beside it."""
    for x, y, kind in clicks:
        ax.plot(
            x,
            y,
            "o",
            markersize=15,
            color=plots.GREEN if kind else plots.RED,
            markeredgecolor="white",
            markeredgewidth=1.5,
        )
        ax.plot(x, y, marker="+" if kind else "_", markersize=9, color="white", markeredgewidth=2.2)


def draw_row(axes, image, clicks, masks, titles):
    """Draw a picture with its clicks, then each mask (K, S, S), from 0, black, to 1, white."""
    plots.draw_image(axes[0], image, titles[0])
    draw_clicks(axes[0], clicks)
    for ax, mask, title in zip(axes[1:], masks, titles[1:], strict=True):
        plots.draw_image(ax, mask, title, limit=1.0)


def draw_network(ax):
    """Draw the network: the encoder above, run once; prompts and the two-way block below, run for each prompt; the masks."""
    box(ax, 1.1, 3.3, 1.9, 0.9, "picture\n3 × 32 × 32", plots.GREY, 13)
    box(ax, 4.0, 3.3, 2.6, 0.9, "encoder:\n12 convolutions", plots.ORANGE, 13)
    box(ax, 8.2, 3.3, 4.0, 0.9, "maps: 48 × 8 × 8,\n24 × 16 × 16, 24 × 32 × 32", plots.ORANGE, 13)
    box(ax, 1.1, 0.9, 1.9, 1.0, "clicks, boxes\nP points", plots.GREY, 13)
    box(ax, 4.0, 0.9, 2.6, 1.0, "place + kind\n+ what lies there", plots.BLUE, 13)
    box(ax, 8.2, 0.9, 4.0, 1.5, "two-way block\ntokens ↔ tokens\ntokens → cells, cells → tokens", plots.GREEN, 13)
    box(ax, 12.6, 0.9, 2.5, 1.0, "4 masks,\n4 qualities", plots.GREY, 13)
    box(ax, 12.6, 3.3, 2.5, 0.9, "products, for\neach pixel", plots.BLUE, 13)
    box(ax, 4.0, -0.5, 2.6, 0.8, "5 tokens of its own", plots.BLUE, 13)
    for start, end in (
        ((2.05, 3.3), (2.7, 3.3)),
        ((5.3, 3.3), (6.2, 3.3)),
        ((2.05, 0.9), (2.7, 0.9)),
        ((5.3, 0.9), (6.2, 0.9)),
        ((5.3, -0.4), (6.2, 0.4)),
        ((8.2, 2.85), (8.2, 1.65)),
        ((10.2, 3.3), (11.35, 3.3)),
        ((10.2, 1.2), (11.5, 2.85)),
        ((12.6, 2.85), (12.6, 1.4)),
    ):
        arrow(ax, start, end)
    ax.text(0.15, 4.0, "once for each picture", fontsize=13, style="italic")
    ax.text(0.15, 1.75, "for each prompt", fontsize=13, style="italic")
    ax.set(xlim=(0, 14), ylim=(-1.0, 4.35))
    ax.set_axis_off()
