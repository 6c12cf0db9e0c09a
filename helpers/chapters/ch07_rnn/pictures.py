"""The chapter's own figures."""

from helpers import plots


def draw_unrolled(ax, inputs, outputs, title="", mark=None):
    """A recurrent network in time: inputs below, states in the middle, outputs (or None) above."""
    for t, (read, said) in enumerate(zip(inputs, outputs)):
        state = f"h{'₁₂₃₄₅₆'[t]}"
        below = plots.ORANGE if read == mark else "#DDDDDD"
        for y, text, colour in ((0, read, below), (1, state, plots.SKY), (2, said, plots.YELLOW)):
            if text is None:
                continue
            ax.text(
                t,
                y,
                text,
                ha="center",
                va="center",
                fontsize=19,
                bbox=dict(boxstyle="round,pad=0.45", facecolor=colour, edgecolor="black"),
            )
            if y:
                ax.annotate("", (t, y - 0.28), (t, y - 0.72), arrowprops=dict(arrowstyle="->"))
        if t:
            ax.annotate("", (t - 0.25, 1), (t - 0.75, 1), arrowprops=dict(arrowstyle="->", linewidth=2.5))
    ax.set(xlim=(-0.5, len(inputs) - 0.5), ylim=(-0.45, 2.45), title=title)
    ax.set_axis_off()
