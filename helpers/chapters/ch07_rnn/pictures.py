"""The chapter's own figures."""

import math

import torch

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


def draw_reaches(ax, norms, title, lines=False):
    """Draw the norm of the gradient against the distance in time, on a logarithmic axis; lines: radius to the distance.

    norms: {radius: (steps + 1,)}
    """
    colours = (plots.BLUE, plots.SKY, plots.GREY, plots.ORANGE, plots.RED, plots.PINK, plots.GREEN)
    for (radius, each), colour in zip(norms.items(), colours, strict=False):
        k = torch.arange(len(each))
        if lines:
            ax.plot(k, radius**k, color=colour, linewidth=1.5)
        ax.plot(k[::3], each[::3], "o", color=colour, markersize=6, label=f"{radius}")
    ax.set(yscale="log", xlabel="distance in time steps", title=title, ylim=(1e-16, 1e8))


def draw_runs(ax, runs, name=None, **style):
    """Draw the loss of runs of several seeds, each number a mean of 10 steps."""
    for i, run in enumerate(runs):
        means = torch.tensor(run.losses).unfold(0, 10, 1).mean(1)
        ax.plot(range(5, len(means) + 5), means, label=None if i else name, alpha=0.8, **style)


def draw_guessing(ax, classes=8):
    """Draw the loss of a guess among so many classes."""
    ax.axhline(math.log(classes), color="black", linestyle=":", linewidth=1.5)
    ax.text(42, math.log(classes) + 0.08, "guessing", fontsize=14)


def draw_clipping(axes, exploding, vanishing, near, limit=1.0):
    """Draw what clipping does: losses where gradients explode, their norms before clipping, losses where they vanish.

    exploding, vanishing: {what it is cut to: runs}, math.inf for not at all; near: runs over few blanks
    """
    styles = {math.inf: ("not clipped", plots.RED, "--"), limit: (f"clipped to {limit:g}", plots.BLUE, "-")}
    for ax, runs in ((axes[0], exploding), (axes[2], vanishing)):
        for clip, (name, colour, line) in styles.items():
            draw_runs(ax, runs[clip], name, color=colour, linestyle=line)
        draw_guessing(ax)
        ax.set(xlabel="step", ylim=(0, 3))
    for clip, (_, colour, line) in styles.items():
        for run in exploding[clip]:
            axes[1].plot(run.norms, color=colour, linestyle=line, alpha=0.7, linewidth=1.5)
    axes[1].axhline(limit, color="black", linewidth=2)
    axes[1].text(80, limit * 1.3, "the limit", ha="right", fontsize=14)
    axes[1].set(yscale="log", ylim=(1e-3, 1e3), title="its gradient's norm", xlabel="step")
    draw_runs(axes[2], near, color=plots.GREY)
    axes[2].text(30, 0.95, "2 blanks, clipped", fontsize=14)
    axes[0].legend(loc="upper right", fontsize=12)
    axes[0].set(title="exploding: loss", ylabel="loss (mean of 10 steps)")
    axes[2].set(title="vanishing, 50 blanks: loss")


def draw_contributions(ax, norms):
    """Draw a bar for the norm of each time step's contribution to the gradient, the first on the left."""
    steps = range(1, len(norms) + 1)
    ax.bar(steps, norms, color=plots.BLUE)
    ax.set(xlabel="time step t", ylabel="norm of its contribution", xticks=steps)
