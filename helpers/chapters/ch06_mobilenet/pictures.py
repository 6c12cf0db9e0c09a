"""Figures of chapter 06 whose code is not its subject."""

import torch.nn.functional as F

from helpers import plots


def draw_weights(ax, outputs, inputs, K, title):
    """Draw a little square for each weight, in the colour of the input channel that it multiplies."""
    gap = 4 if K > 1 else 2
    for c in range(inputs):
        places = [(gap * c + v, gap * o + u) for o in range(outputs) for u in range(K) for v in range(K)]
        ax.scatter(*zip(*places), marker="s", s=70, color=plots.COLOURS[c])
    ax.set(title=title, xlim=(-1, gap * inputs - 1 + (K == 1)), ylim=(24, -1), aspect="equal")
    ax.set_axis_off()


def show_weights():
    """Show the weights of a full, a depthwise and a pointwise convolution, from 4 to 6 channels."""
    fig, axes = plots.figure(1, 3, width=13, height=5.2, width_ratios=(16, 16, 8))
    draw_weights(axes[0], 6, 4, 3, "full: 6·4·9 = 216 weights")
    draw_weights(axes[1], 1, 4, 3, "depthwise: 4·9 = 36")
    draw_weights(axes[2], 6, 4, 1, "pointwise: 6·4 = 24")
    plots.show(
        fig,
        "The weights of three layers as small squares, a column for each input channel. A full convolution from 4 to 6 "
        "channels has a kernel of 3 by 3 for each pair of channels, 24 in all. A depthwise one has a single row of 4 such "
        "kernels. A pointwise one has 6 rows of 4 single weights.",
    )


def show_by_hand(maps):
    """Show small maps with their numbers, the upper left one framed in those of 2×2.

    maps: {name: (C, H, W)}
    """
    fig, axes = plots.figure(1, sum(map(len, maps.values())), width=14, height=2.9)
    panels = [(f"{name} {c}", panel) for name, each in maps.items() for c, panel in enumerate(each)]
    for ax, (title, panel) in zip(axes, panels):
        plots.draw_numbers(ax, panel, title, limit=9, mark=[(0, 0)] if len(panel) == 2 else [])
    plots.show(
        fig,
        "Seven small matrices of numbers from left to right: the two input channels, the two maps after the depthwise "
        "convolution, and the three outputs after the pointwise one. The upper left numbers 2 and 3 become 5, 1 and 9.",
    )


def show_edges(grey, kernels):
    """Show a grey picture, and what kernels for vertical and for horizontal edges make of it.

    grey: (H, W); kernels: {name: (2, 3, 3)}
    """
    fig, axes = plots.figure(1, 1 + 2 * len(kernels), width=13, height=3.05)
    plots.draw_image(axes[0], grey, "input")
    maps = {name: F.conv2d(grey[None, None], both[:, None])[0] for name, both in kernels.items()}
    panels = [(f"{name}: {way}", map) for name in maps for way, map in zip(("vertical", "horizontal"), maps[name])]
    for ax, (title, panel) in zip(axes[1:], panels):
        plots.draw_image(ax, panel, title, signed=True, limit=1.2)
    plots.show(
        fig,
        "A cat in grey, and four maps of its edges. The full convolution makes two maps, of vertical and of horizontal edges. "
        "The depthwise and pointwise pair makes the vertical one, and an empty map.",
    )


def show_savings(widths, saved):
    """Show by what factor the pair saves: points counted, lines from the formula, dotted lines K².

    saved: {K: factors, one for each width}
    """
    fig, ax = plots.figure(width=11, height=4.8)
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
    plots.show(
        fig,
        "By what factor the pair saves multiply-adds, against the number of channels out, for kernels of 3, 5 and 7. Points "
        "from cost tables lie on the lines of the formula. Each line rises and stays below its dotted limit: 9, 25 and 49.",
    )


def show_roofline(blocks, faster):
    """Show how many times faster the pair is, against k, with an arrowhead at the ratio of multiply-adds.

    blocks: {name: (cost table of the full one, of the pair)}; faster: (full, pair, k) to a number
    """
    fig, ax = plots.figure(width=11.5, height=4.9)
    speeds = [10 ** (k / 20) for k in range(0, 41)]
    looks = zip((plots.ORANGE, plots.SKY, plots.GREEN, "black"), ("--", "-.", ":", "-"))
    for (name, (full, pair)), (colour, dashes) in zip(blocks.items(), looks):
        ax.plot(speeds, [faster(full, pair, k) for k in speeds], dashes, color=colour, label=name)
        ax.plot([0.93], [full.total.macs / pair.total.macs], ">", color=colour, markersize=10)
    ax.axhline(1, color=plots.GREY, linewidth=1)
    ticks = [1, 2, 5, 10, 20, 50, 100]
    ax.set(xscale="log", xlabel="k: multiply-adds in the time of moving one value", ylabel="times faster")
    ax.set(xlim=(0.85, 100), ylim=(0, 9.5), yticks=[0, 1, 2, 4, 6, 8], xticks=ticks, xticklabels=ticks)
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    plots.show(
        fig,
        "How many times faster the separable block is than the full one on an imagined processor, against its multiply-adds "
        "per moved value. At 1 the four lines start a little below the ratios of multiply-adds, marked by arrowheads; at 100 "
        "they have fallen to between 4 and less than 1.",
    )


def show_training(groups):
    """Show test accuracies against thousand MACs, a mark for each seed and a line through the means.

    groups: {label: {multiply-adds: accuracies of the seeds}}
    """
    fig, ax = plots.figure(width=10.5, height=5)
    looks = zip((plots.BLUE, plots.ORANGE, plots.GREEN), "os^")
    for (label, nets), (colour, marker) in zip(groups.items(), looks):
        work = [macs / 1000 for macs in nets]
        ax.plot(work, [sum(each) / len(each) for each in nets.values()], color=colour, linewidth=2)
        for macs, each in zip(work, nets.values()):
            places = [macs] * len(each)
            ax.plot(
                places, each, marker, color=colour, markersize=10, alpha=0.75, label=label if macs == work[0] else None
            )
    ticks = [50, 100, 200, 500, 1000, 2000, 4000]
    ax.set(ylabel="test accuracy in %", xscale="log", xlabel="thousand MACs", xticks=ticks, xticklabels=ticks)
    ax.minorticks_off()
    ax.legend(loc="lower right")
    plots.show(
        fig,
        "Test accuracy of the small networks against their multiply-adds, a mark for each of three seeds. The separable and "
        "the full network lie within each other's seeds at equal work; the separable one on 14 pixels is above both.",
    )


def show_spirals(spiral, returned):
    """Show the spiral, and what came back of it, lost points in red.

    returned: {n: ((points, 2), lost or not for each point)}
    """
    fig, axes = plots.figure(1, 1 + len(returned), width=14.5, height=3.2)
    axes[0].plot(*spiral.T, color="black")
    axes[0].set(title="the spiral")
    for ax, (n, (back, gone)) in zip(axes[1:], returned.items()):
        ax.scatter(*back[~gone].T, s=8, color=plots.BLUE)
        ax.scatter(*back[gone].T, s=22, marker="x", color=plots.RED)
        ax.set(title=f"n = {n}")
    for ax in axes:
        ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        ax.spines[:].set(visible=True, color="#BBBBBB")
    plots.show(
        fig,
        "A spiral in the plane, and what is left of it after random directions, ReLU and the pseudo-inverse, for 2, 3, 5, 15 "
        "and 30 numbers. With 2 and 3 large parts are folded onto lines, marked by red crosses as lost; with 15 and 30 the "
        "spiral is whole again, a little bent.",
    )


def draw_widths(ax, title, maps, steps):
    """Draw a residual block from the bottom up, each map as a bar as wide as its channels, beside them its shortcut.

    maps: channels of each map; steps: words for what stands between two maps, one fewer
    """
    for place, channels in enumerate(maps):
        ax.barh(place, channels, height=0.36, left=-channels / 2, color=plots.SKY, edgecolor="black")
        narrow = channels < 40
        ax.text(channels / 2 + 6 if narrow else 0, place, str(channels), ha="left" if narrow else "center", va="center")
    for place, words in enumerate(steps):
        arrow = dict(arrowstyle="-|>", linewidth=1.8)
        ax.annotate("", (0, place + 0.8), (0, place + 0.2), arrowprops=arrow)
        ax.text(9, place + 0.5, words, va="center", fontsize=14)
    top, way = len(maps) - 1, -148
    ends = [-channels / 2 for channels in (maps[0], maps[-1])]
    ax.plot([ends[0], way, way, ends[1]], [0, 0, top, top], color=plots.BLUE, linewidth=3, zorder=0)
    ax.text(way - 5, top / 2, "shortcut", ha="right", va="center", rotation=90, fontsize=14, color=plots.BLUE)
    ax.set(xlim=(-170, 190), ylim=(-0.4, top + 0.4), title=title)
    ax.set_axis_off()


def show_blocks():
    """Show ResNet's bottleneck and V2's inverted residual, both to the scale of their channels."""
    fig, axes = plots.figure(1, 2, width=13, height=5)
    draw_widths(axes[0], "ResNet: wide, narrow, wide", [256, 64, 64, 256], ["1×1, ReLU", "3×3 full, ReLU", "1×1"])
    steps = ["1×1, ReLU6", "3×3 depthwise, ReLU6", "1×1, no ReLU"]
    draw_widths(axes[1], "V2: narrow, wide, narrow", [24, 144, 144, 24], steps)
    plots.show(
        fig,
        "Two blocks, their maps as bars as wide as their channels. ResNet's bottleneck goes from 256 channels through 64 and 64 "
        "to 256, its shortcut joins the wide ends. The inverted residual goes from 24 through 144 and 144 to 24 without a ReLU "
        "at the end, its shortcut joins the narrow ends.",
    )
