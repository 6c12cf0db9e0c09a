"""Figures of chapter 06 whose code is not its subject."""

import torch.nn.functional as F

from helpers import plots

KINDS = (plots.BLUE, plots.ORANGE, plots.GREY, plots.GREEN)


def draw_weights(ax, outputs, inputs, K, title):
    """Draw a little square for each weight, in the colour of the input channel that it multiplies."""
    gap = 4 if K > 1 else 2
    for c in range(inputs):
        places = [(gap * c + v, gap * o + u) for o in range(outputs) for u in range(K) for v in range(K)]
        ax.scatter(*zip(*places), marker="s", s=70, color=plots.COLOURS[c])
    ax.set(title=title, xlim=(-1, gap * inputs - 1 + (K == 1)), ylim=(24, -1), aspect="equal")
    ax.set_axis_off()


def draw_by_hand(axes, maps):
    """Draw small maps with their numbers, the upper left one framed in those of 2×2.

    maps: {name: (C, H, W)}
    """
    panels = [(f"{name} {c}", panel) for name, each in maps.items() for c, panel in enumerate(each)]
    for ax, (title, panel) in zip(axes, panels):
        plots.draw_numbers(ax, panel, title, limit=9, mark=[(0, 0)] if len(panel) == 2 else [])


def draw_edges(axes, grey, kernels):
    """Draw a grey picture, and what kernels for vertical and for horizontal edges make of it.

    grey: (H, W); kernels: {name: (2, 9)}
    """
    plots.draw_image(axes[0], grey, "input")
    maps = {name: F.conv2d(grey[None, None], rows.reshape(2, 1, 3, 3))[0] for name, rows in kernels.items()}
    panels = [(f"{name}: {way}", map) for name in maps for way, map in zip(("vertical", "horizontal"), maps[name])]
    for ax, (title, panel) in zip(axes[1:], panels):
        plots.draw_image(ax, panel, title, signed=True, limit=1.2)


def draw_lacking(ax, runs):
    """Draw how much of the squared norm is lost with 1, 2, … kernels a channel, in percent: (seeds, kernels)."""
    numbers = range(1, len(runs[0]) + 1)
    plots.draw_seeds(ax, numbers, runs)
    ax.set(xlabel="kernels for each input channel", ylabel="% of the squared norm lost", ylim=(-2, 100), xticks=numbers)


def draw_savings(ax, widths, saved):
    """Draw by what factor the pair saves: points counted, lines from the formula, dotted lines K².

    saved: {K: factors, one for each width}
    """
    line = [2 ** (k / 10) for k in range(10, 101)]
    for (K, factors), colour, marker in zip(saved.items(), (plots.BLUE, plots.ORANGE, plots.GREEN), "os^"):
        ax.plot(line, [1 / (1 / C + 1 / K**2) for C in line], color=colour)
        ax.plot(widths, factors, marker, color=colour, markersize=9, label=f"{K}×{K}")
        ax.axhline(K * K, color=colour, linestyle=":", linewidth=1.5)
    ticks = [1, 2, 4, 9, 25, 49]
    ax.set(xscale="log", yscale="log", xlabel="channels out", ylabel="times fewer MACs")
    ax.set(xticks=widths, xticklabels=widths, yticks=ticks, yticklabels=ticks)
    ax.minorticks_off()
    ax.legend(loc="lower right")


def draw_kinds(axes, macs, params, paper):
    """Draw the shares of each kind of layer, beside the paper's numbers.

    macs, params: {kind: count}; paper: {kind: (percent, percent)}
    """
    for ax, part, i, title in ((axes[0], macs, 0, "multiply-adds, %"), (axes[1], params, 1, "parameters, %")):
        shares = [100 * count / sum(part.values()) for count in part.values()]
        plots.draw_bars(ax, list(part), shares, fmt="{:.2f}", title=title, colours=KINDS)
        for place, name in enumerate(part):
            ax.text(164, place, f"paper: {paper[name][i]:.2f}", va="center", ha="right", fontsize=14)
        ax.set(xlim=(0, 165), xticks=[0, 25, 50, 75, 100])
    axes[1].set(yticks=[])


def draw_roofline(ax, lines, ratios):
    """Draw how many times faster the pair is, against k, with an arrowhead at the ratio of multiply-adds.

    lines:  {name: (speeds, factors)}; ratios: {name: ratio}
    """
    for (name, line), colour in zip(lines.items(), (plots.ORANGE, plots.SKY, plots.GREEN, "black")):
        ax.plot(*line, color=colour, label=name)
        ax.plot([0.93], [ratios[name]], ">", color=colour, markersize=10)
    ax.axhline(1, color=plots.GREY, linewidth=1, linestyle=":")
    ticks = [1, 2, 5, 10, 20, 50, 100]
    ax.set(xscale="log", xlabel="k: multiply-adds in the time of moving one value", ylabel="times faster")
    ax.set(xlim=(0.85, 100), ylim=(0, 9.5), yticks=[0, 1, 2, 4, 6, 8], xticks=ticks, xticklabels=ticks)
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def draw_training(axes, groups):
    """Draw test accuracies, mean and range of seeds, against thousand MACs and against seconds.

    groups: {label: (thousands of MACs, seconds, (seeds, networks) accuracies)}
    """
    looks = zip((plots.BLUE, plots.GREEN, plots.ORANGE), "o^s")
    for (label, (work, seconds, scores)), (colour, marker) in zip(groups.items(), looks):
        plots.draw_seeds(axes[0], work, scores, label, colour, marker)
        plots.draw_seeds(axes[1], seconds, scores, label, colour, marker)
    ticks = [20, 50, 100, 200, 500, 1000, 3000]
    axes[0].set(ylabel="test accuracy in %", xscale="log", xlabel="thousand MACs", xticks=ticks, xticklabels=ticks)
    axes[0].minorticks_off()
    axes[0].legend(loc="lower right")
    axes[1].set(xlabel="CPU seconds of one training, here", xlim=(0, None))


def draw_spirals(axes, spiral, returned):
    """Draw the spiral, and what came back of it, lost points in red.

    returned: {n: ((points, 2), lost or not for each point)}
    """
    axes[0].plot(*spiral.T, color="black")
    axes[0].set(title="the spiral")
    for ax, (n, (back, gone)) in zip(axes[1:], returned.items()):
        ax.scatter(*back[~gone].T, s=8, color=plots.BLUE)
        ax.scatter(*back[gone].T, s=8, color=plots.RED)
        ax.set(title=f"n = {n}")
    for ax in axes:
        ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        ax.spines[:].set(visible=True, color="#BBBBBB")


def draw_rates(ax, sides, rates, macs):
    """Draw images a second against the side of the image, and what the multiply-adds of the largest would let one expect.

    rates: {name: images a second, one for each side}; macs: one for each side
    """
    for (name, line), colour, marker in zip(rates.items(), (plots.ORANGE, plots.BLUE), "os"):
        ax.plot(sides, line, marker + "-", color=colour, label=name)
    first = next(iter(rates.values()))
    expected = [first[-1] * macs[-1] / each for each in macs]
    ax.plot(sides, expected, ":", color=plots.GREY, label="as the multiply-adds say, from the largest")
    ax.set(xlabel="side of the image, pixels", ylabel="images a second", xticks=sides, ylim=(0, None))
    ax.legend()
