"""The chapter's diagrams: encoder–decoder, heads split and merged, the encoder block."""

import torch
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers import plots


def _box(ax, x, y, wide, high, text, colour, size=14):
    """Draw a box around its centre, with words in it."""
    shape = FancyBboxPatch(
        (x - wide / 2, y - high / 2),
        wide,
        high,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=colour,
        edgecolor="black",
        linewidth=1.5,
        zorder=3,
    )
    ax.add_patch(shape)
    ax.text(x, y, text, ha="center", va="center", fontsize=size, zorder=4)


def _arrow(ax, *points, colour="black", width=1.8):
    """Draw a line through the points, with a head at the last."""
    for a, b in zip(points, points[1:]):
        style = {"arrowstyle": "-|>" if b == points[-1] else "-", "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", b, a, arrowprops={**style, "color": colour, "linewidth": width}, zorder=2)


def show_bottleneck():
    """Show an encoder–decoder that hands over one vector, and one whose decoder looks back at every step."""
    fig, axes = plots.figure(1, 2, width=13, height=4.1)
    source, target = ["the", "cat", "is", "asleep"], ["le", "chat", "dort"]
    for ax, looks in zip(axes, (False, True)):
        for i, word in enumerate(source):
            _box(ax, i, 1, 0.7, 0.7, f"$h_{i + 1}$", "#CFE8F7", 17)
            ax.text(i, 0, word, ha="center", va="center", fontsize=15)
            _arrow(ax, (i, 0.25), (i, 0.63))
            if i:
                _arrow(ax, (i - 0.64, 1), (i - 0.36, 1))
        for j, word in enumerate(target):
            _box(ax, 5 + j, 1, 0.7, 0.7, f"$s_{j + 1}$", "#FBE0B0", 17)
            ax.text(5 + j, 2.15 if not looks else 0, word, ha="center", va="center", fontsize=15)
            _arrow(ax, *(((5 + j, 1.37), (5 + j, 1.9)) if not looks else ((5 + j, 0.63), (5 + j, 0.25))))
            if j:
                _arrow(ax, (4 + j + 0.36, 1), (5 + j - 0.36, 1))
        if looks:
            ax.set_title("attention (2014): every step looks back, and weighs")
            for i, weight in enumerate((0.05, 0.85, 0.04, 0.06)):
                ax.plot([i, 3.5], [1.37, 2.7], color=plots.RED, linewidth=1 + 7 * weight, alpha=0.75, zorder=1)
                ax.text(i - 0.06, 1.46, f"{weight:.2f}", ha="right", fontsize=13, color="#8A3A00")
            _box(ax, 3.5, 2.9, 2.3, 0.6, "weighted mean", "white", 14)
            _arrow(ax, (4.65, 2.9), (6, 2.9), (6, 1.37), colour=plots.RED, width=3)
            ax.text(6.12, 2.2, "for “chat”", fontsize=14, color="#8A3A00")
            _arrow(ax, (3.36, 1), (4.64, 1), width=1)
        else:
            ax.set_title("encoder–decoder: one vector for the whole sentence")
            _arrow(ax, (3.36, 1), (4.64, 1), colour=plots.RED, width=5)
            ax.text(3.95, 1.5, "all that is\nhanded over", ha="center", fontsize=13, color="#8A3A00")
        ax.set(xlim=(-0.6, 7.7), ylim=(-0.3, 3.3), aspect="equal")
        ax.set_axis_off()
    plots.show(
        fig,
        "Two encoder–decoders. Left: four states in a row, and one thick arrow from the last of them to the "
        "decoder. Right: the decoder's second step gets a weighted mean of all four states, with most weight on "
        "the second.",
    )


def show_heads():
    """Show how 12 numbers a token are split into 3 heads of 4, attend on their own, and are merged again, to scale."""
    fig, ax = plots.figure(1, 1, width=15, height=4.4)
    colours = (plots.SKY, plots.ORANGE, plots.GREEN)

    def token_rows(x, y, numbers, colour, first=0):
        for t in range(5):
            for i in range(numbers):
                shade = colour if isinstance(colour, str) else colour[(first + i) // 4]
                ax.add_patch(
                    Rectangle((x + 0.2 * i, y - 0.2 * t), 0.2, 0.2, facecolor=shade, edgecolor="white", linewidth=0.8)
                )

    token_rows(0, 2.4, 12, "#BBBBBB")
    ax.text(1.2, 2.85, "5 tokens × 12", ha="center", fontsize=15)
    ax.text(1.2, 1.05, "x", ha="center", fontsize=18, style="italic")
    for name, y in (("Q", 4.0), ("K", 2.4), ("V", 0.8)):
        _arrow(ax, (2.5, 2.1), (3.12, y - 0.3))
        token_rows(3.6, y, 12, colours)
        ax.text(3.45, y - 0.3, name, ha="right", va="center", fontsize=17, style="italic")
        ax.text(
            4.8, y + 0.27, "5 × 12" if name != "Q" else "5 × 12: three heads side by side", ha="center", fontsize=13
        )
    for head, (y, colour) in enumerate(zip((4.0, 2.4, 0.8), colours)):
        for source in (4.0, 2.4, 0.8):
            ax.plot([6.05, 6.95], [source - 0.3, y - 0.3], color=colour, linewidth=1.6, alpha=0.8)
        for part in range(3):
            token_rows(7.05 + 0.9 * part, y, 4, colour)
        ax.text(8.35, y + 0.27, f"head {head + 1}: Q, K, V, 5 × 4 each", ha="center", fontsize=13)
        _arrow(ax, (9.75, y - 0.3), (10.2, y - 0.3))
        grey = torch.rand(5, 5, generator=torch.Generator().manual_seed(head)).mul(4).softmax(1)
        for t in range(5):
            for s in range(5):
                ax.add_patch(
                    Rectangle(
                        (10.3 + 0.2 * s, y - 0.2 * t),
                        0.2,
                        0.2,
                        facecolor=colour,
                        alpha=min(1, 0.08 + grey[t, s].item() * 1.6),
                    )
                )
        ax.text(10.8, y + 0.27, "5 × 5", ha="center", fontsize=13)
        ax.text(11.38, y - 0.3, "· V", va="center", fontsize=14)
        _arrow(ax, (11.75, y - 0.3), (12.35, 2.4 - 0.3 + (1 - head) * 0.25))
    token_rows(12.45, 2.4, 12, colours)
    ax.text(13.65, 2.85, "merged: 5 × 12", ha="center", fontsize=15)
    _arrow(ax, (14.95, 2.1), (15.4, 2.1))
    token_rows(15.5, 2.4, 12, "#BBBBBB")
    ax.text(16.7, 2.85, "output: 5 × 12", ha="center", fontsize=15)
    ax.text(15.15, 1.05, "$W_O$", ha="center", fontsize=17)
    ax.text(1.9, 3.75, "$W_Q, W_K, W_V$", ha="center", fontsize=17)
    ax.set(xlim=(-0.1, 18), ylim=(-0.3, 4.6), aspect="equal")
    ax.set_axis_off()
    plots.show(
        fig,
        "Five tokens of 12 numbers become Q, K and V of 12 numbers each, coloured in three parts of four. Each "
        "part goes to a head of its own, which makes 5 by 5 weights; the three answers are merged to 12 numbers "
        "and mixed.",
    )


def show_blocks():
    """Show the encoder block as it was in 2017, norm after the addition, and as it is today, norm before the layer."""
    fig, axes = plots.figure(1, 2, width=11, height=5.4)
    for ax, pre in zip(axes, (False, True)):
        ax.set_title("pre-norm: today" if pre else "post-norm: Vaswani et al. 2017")
        ax.plot([2, 2], [-0.1, 8.0], color=plots.BLUE, linewidth=7 if pre else 3, zorder=1)
        _arrow(ax, (2, 7.8), (2, 8.3), colour=plots.BLUE, width=4)
        ax.text(2.25, -0.15, "x, T × D", fontsize=15, va="bottom")
        for base, name, colour in (
            (0.7, "multi-head attention\nmixes the tokens", "#FBE0B0"),
            (4.3, "MLP\neach token alone", "#CFE8F7"),
        ):
            if pre:
                _arrow(ax, (2, base), (4.6, base), (4.6, base + 0.35))
                _box(ax, 4.6, base + 0.65, 2.6, 0.6, "layer norm", "#E5E5E5")
                _arrow(ax, (4.6, base + 0.95), (4.6, base + 1.3))
                _box(ax, 4.6, base + 1.8, 3.4, 1.0, name, colour)
                _arrow(ax, (4.6, base + 2.3), (4.6, base + 2.75), (2.3, base + 2.75))
                ax.text(
                    2,
                    base + 2.75,
                    "+",
                    ha="center",
                    va="center",
                    fontsize=20,
                    zorder=5,
                    bbox={"boxstyle": "circle,pad=0.1", "facecolor": "white"},
                )
            else:
                _arrow(ax, (2, base), (4.6, base), (4.6, base + 0.4))
                _box(ax, 4.6, base + 0.9, 3.4, 1.0, name, colour)
                _arrow(ax, (4.6, base + 1.4), (4.6, base + 1.85), (2.3, base + 1.85))
                ax.text(
                    2,
                    base + 1.85,
                    "+",
                    ha="center",
                    va="center",
                    fontsize=20,
                    zorder=5,
                    bbox={"boxstyle": "circle,pad=0.1", "facecolor": "white"},
                )
                _box(ax, 2, base + 2.65, 2.6, 0.6, "layer norm", "#E5E5E5")
        ax.set(xlim=(0, 7), ylim=(-0.3, 8.5))
        ax.set_axis_off()
    axes[1].text(
        1.4, 4.0, "nothing stands\non the way", rotation=90, ha="center", va="center", fontsize=14, color=plots.BLUE
    )
    plots.show(
        fig,
        "Two encoder blocks as diagrams. Left, post-norm: attention is added to the way through and a layer norm "
        "follows on the way, then the same with the MLP. Right, pre-norm: the layer norms stand on the branches, "
        "and nothing on the way.",
    )
