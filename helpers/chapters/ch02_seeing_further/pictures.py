"""Figures of chapter 02 whose code is not its subject."""

import torch.nn.functional as F

from helpers import plots
from helpers.shapes import Window, input_range, output_size, receptive_field

SHARES = {0.5: plots.BLUE, 0.95: plots.RED}


def spotlight(image, stack):
    """Return the image, dark but for what the middle unit after the stack sees.

    image: (3, side, side); stack: list of Window
    """
    side = image.shape[-1]
    for window in stack:
        side = output_size(side, window.kernel_size, window.stride, window.padding)
    first, last = input_range(stack, side // 2)
    seen = slice(max(first, 0), last + 1)
    lit = image * 0.25
    lit[:, seen, seen] = image[:, seen, seen]
    return lit


def draw_views(ax, strides, unit, side=13):
    """Draw rows of dots, the input at the bottom, each in the middle of what it sees; lines from one unit of the last layer down.

    strides: of three layers of 3-wide windows
    """
    stack, seen = [Window(3, stride) for stride in strides], {unit}
    sides = [side] + [side := output_size(side, 3, stride) for stride in strides]
    place = [[sum(input_range(stack[:depth], i)) / 2 for i in range(sides[depth])] for depth in range(4)]
    for depth in (3, 2, 1, 0):
        ax.plot(place[depth], [depth] * sides[depth], "o", color="#CCCCCC", markersize=11)
        ax.plot([place[depth][i] for i in seen], [depth] * len(seen), "o", color=plots.BLUE, markersize=13)
        below = [(i, i * strides[depth - 1] + k) for i in seen for k in range(3)] if depth else []
        for i, j in below:
            ends = (place[depth][i], place[depth - 1][j])
            ax.plot(ends, (depth, depth - 1), color=plots.SKY, linewidth=1.5, zorder=0)
        seen = {j for _, j in below}
    ax.set(title=f"strides {strides}", yticks=range(4), xticks=[])
    ax.set_yticklabels(["input", "layer 1", "layer 2", "layer 3"])


def smooth(energy):
    """Return energy (H, W) averaged over 7×7 pixels: single pixels of a gradient are noise."""
    return F.avg_pool2d(F.pad(energy[None, None], (3, 3, 3, 3), mode="replicate"), 7, 1)[0, 0]


def smallest_region(energy, share):
    """Return (level, side): the smallest set of pixels that holds this share of the energy are those above the level.

    energy: (H, W), not negative
    side:   of the square with as many pixels
    """
    values = energy.flatten().sort(descending=True).values
    count = int((values.cumsum(0) < share * values.sum()).sum()) + 1
    return values[count - 1].item(), count**0.5


def draw_energy(ax, picture, energy, title=""):
    """Draw a picture, pale, and on it the borders of the smallest regions with 50 % and 95 % of the energy.

    picture: (3, H, W) from 0 to 1; energy: (H, W), see smooth
    """
    plots.draw_image(ax, 0.45 + 0.55 * picture, title)
    for share, colour in SHARES.items():
        ax.contour(energy.numpy(), [smallest_region(energy, share)[0]], colors=[colour], linewidths=2)


def draw_shifts(ax, plain, blurred, title):
    """Draw a probability against the shift in pixels, of the network as it is and with the blur."""
    ax.plot(range(len(plain)), plain, "o-", color=plots.ORANGE, markersize=5, label="as it is")
    ax.plot(range(len(blurred)), blurred, "s-", color=plots.BLUE, markersize=5, label="blur before each stride")
    ax.set(title=title, xlabel="moved by … pixels", ylim=(0, 1), xticks=range(0, len(plain), 8))


def draw_spots(axes, energies, counted):
    """Draw squares of energy, and beside them their profiles: dots where measured, lines where counted.

    energies: {depth: (2·depth + 1, 2·depth + 1)}; counted: {depth: (2·depth + 1,)}
    """
    for ax, (depth, energy) in zip(axes, energies.items(), strict=False):
        plots.draw_image(ax, energy / energy.max(), f"{depth} layers: {2 * depth + 1} px")
    last = axes[len(energies)]
    for colour, (depth, energy) in zip((plots.BLUE, plots.ORANGE, plots.GREEN), energies.items(), strict=True):
        place = [i / depth - 1 for i in range(2 * depth + 1)]
        last.plot(place, energy.sum(0) * depth, "o", color=colour, markersize=5)
        last.plot(place, counted[depth] * depth, color=colour, label=f"{depth} layers")
    last.set(title="dots: measured, lines: paths", xlabel="place in the field", yticks=[])
    last.legend(loc="upper right", handlelength=1)


def draw_growth(ax, stacks, goal):
    """Draw the field against the number of 3×3 convolutions, and a dashed line at the goal.

    stacks: {name: list of Window}; goal: pixels
    """
    for (name, stack), colour in zip(stacks.items(), (plots.BLUE, plots.ORANGE, plots.GREEN), strict=False):
        pairs = zip(receptive_field(stack), stack, strict=True)
        sizes = [field.size for field, window in pairs if window.kernel_size == 3]
        ax.plot(range(1, len(sizes) + 1), sizes, "o-", color=colour, label=name, markersize=5)
    ax.axhline(goal, color=plots.GREY, linestyle="--", linewidth=1.5)
    ax.text(59, goal + 5, f"{goal}: the whole image", ha="right", fontsize=13)
    ax.set(xlabel="number of 3×3 convolutions", ylabel="receptive field, pixels", ylim=(0, 300))
    ax.legend(loc="center right")


def draw_stays(axes, stays):
    """Draw the share of unchanged predictions against the shift, one panel for each end.

    stays: {(way to shrink, end): (seeds, 5) from 0 to 1}
    """
    style = {"max": (plots.BLUE, "o"), "stride": (plots.RED, "s"), "blurred stride": (plots.GREEN, "^")}
    for ax, end in zip(axes, ("mean", "places"), strict=True):
        for shrink, (colour, marker) in style.items():
            if (shrink, end) in stays:
                plots.draw_seeds(ax, range(5), 100 * stays[shrink, end], shrink, colour, marker)
        ax.set(title=f"end: {end}", xlabel="shift, pixels", xticks=range(5), ylim=(0, 104))
    axes[0].set_ylabel("same prediction, %")
    axes[0].legend(loc="lower left")
