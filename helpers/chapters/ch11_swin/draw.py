"""Figures of chapter 11 that would be long to read in it, and the clock behind one of them."""

import time

import torch
import torch.nn.functional as F
from torch import nn

from helpers import plots
from helpers.checks import check_tensor
from helpers.layers.attention import MultiHeadAttention
from helpers.models.swin import WindowAttention


def draw_view(ax, image, seen, place, title):
    """Draw a picture in which only the patches that are seen keep their colour; the one that asks is framed.

    image: (3, S, S);  seen: (P, P) bool, P a divisor of S;  place: (row, column) of the patch that asks
    """
    side = image.shape[-1] // len(seen)
    shown = seen.float().repeat_interleave(side, 0).repeat_interleave(side, 1)
    plots.draw_image(ax, image * shown + (0.2 * image + 0.8) * (1 - shown), title)
    left, top = place[1] * side - 0.5, place[0] * side - 0.5
    for colour, width in (("black", 5), (plots.ORANGE, 3)):
        ax.plot(
            [left, left + side, left + side, left, left],
            [top, top, top + side, top + side, top],
            color=colour,
            linewidth=width,
        )


def draw_grid(ax, image, side, title):
    """Draw a picture (3, S, S) under the grid of its side × side tokens."""
    plots.draw_image(ax, image, title)
    width = 0.5 if side > 30 else 1.2
    for k in range(1, side):
        at = k * image.shape[-1] / side - 0.5
        ax.axhline(at, color="white", linewidth=width)
        ax.axvline(at, color="white", linewidth=width)


def slid(image, at, apart, steps=80):
    """Slide nine points, by the gradient, to where the picture is more like their middle.

    image: (3, S, S);  at: (row, column) of the middle;  apart: pixels between neighbours
    returns: (9, 2) places before, (9, 2) after
    """
    middle = torch.tensor(at)
    begin = middle + apart * torch.tensor([[a, b] for a in (-1.0, 0, 1) for b in (-1.0, 0, 1)])
    smooth, half = F.avg_pool2d(image[None], 9, 1, 4), (image.shape[-1] - 1) / 2

    def colours(points):
        return F.grid_sample(smooth, (points.flip(1) / half - 1)[None, None], align_corners=True)[0, :, 0].T

    offset = torch.zeros(9, 2, requires_grad=True)
    descent = torch.optim.Adam([offset], 0.5)
    for _ in range(steps):
        descent.zero_grad()
        unlike = (colours(begin + offset) - colours(middle[None])).square().sum()
        (unlike + 2e-4 * offset.square().sum()).backward()
        descent.step()
    return begin, begin + offset.detach()


def draw_sliding(image, at, apart):
    """Show nine points on a picture (3, S, S), fixed and then slid; see slid."""
    begin, end = slid(image, at, apart)
    fig, axes = plots.figure(1, 2, width=11, height=5.2)
    for ax, points, title in ((axes[0], begin, "a convolution: fixed places"), (axes[1], end, "moved places")):
        plots.draw_image(ax, image, title)
        for was, now in zip(begin, points):
            if (now - was).norm() > 2:
                ax.annotate(
                    "",
                    (now[1].item(), now[0].item()),
                    (was[1].item(), was[0].item()),
                    arrowprops=dict(color="white", width=2, headwidth=11, headlength=11, shrink=0.08),
                )
        ax.plot(points[:, 1], points[:, 0], "o", color=plots.SKY, markersize=12, markeredgecolor="black")
        ax.plot(at[1], at[0], "s", color=plots.RED, markersize=10, markeredgecolor="black")
    plots.show(
        fig,
        "A cup of coffee with nine points, the middle one under a red square. Left a regular grid; right most points "
        "have moved onto the white rim of the cup, on which the red square lies; arrows show from where.",
    )


def show_shift(before, after, shift, numbers=None, image=None):
    """Show a map cut into windows, cut into shifted ones, and rolled so that equal windows fit again.

    before, after: (P, P) regions without and with the shift;  shift: in cells
    numbers: None, or (P, P), written into the cells;  image: None, or a picture (3, S, S), S a multiple of P
    """
    P, back = len(before), (-shift, -shift)
    fig, axes = plots.figure(1, 3, width=12, height=4.7)
    look = {} if image is None else {"alpha": 0.3}
    rolled = None if image is None else image.roll([step * image.shape[-1] // P for step in back], (1, 2))
    ahead = None if numbers is None else numbers.roll(back, (0, 1))
    for ax, regions, title, written, picture in zip(
        axes,
        (before, after, after.roll(back, (0, 1))),
        ("a block: 4 windows", "next block: 9 regions", "rolled: 4 windows again"),
        (numbers, numbers, ahead),
        (image, image, rolled),
    ):
        plots.draw_regions(ax, regions, title, written, picture, **look)
    for middle in (axes[2].axhline, axes[2].axvline):
        middle(P / 2 - 0.5, color=plots.RED, linewidth=6)
    plots.show(
        fig,
        "Three maps. First four square regions. Then nine: a square in the middle, four pieces at the sides, four at the "
        "corners. Then the rolled map: a red cross cuts it into four windows; the first is one region, two hold two "
        "each, the last four.",
    )


def show_stages():
    """Show the maps of Swin-T's four stages, and those of a ViT, as boxes to scale."""
    fig, axes = plots.figure(2, 1, width=12, height=7.2)
    swin = [(96 * 2**k, 56 // 2**k, 56 // 2**k) for k in range(4)]
    plots.draw_shapes(axes[0], swin, [f"stage {k}, {d} blocks" for k, d in zip((1, 2, 3, 4), (2, 2, 6, 2))])
    plots.draw_shapes(axes[1], [(768, 14, 14)] * 4, [f"after block {k}" for k in (3, 6, 9, 12)], colour=plots.GREEN)
    for ax, name in zip(axes, ("Swin-T at 224 pixels: patch merging between the stages", "ViT-B/16: one map")):
        ax.set_title(name, loc="left")
    plots.show(
        fig,
        "Maps as boxes to scale. Swin-T: 56 by 56 with 96 channels, 28 with 192, 14 with 384, 7 with 768. ViT-B/16: four "
        "times the same box, 14 by 14 with 768.",
    )


def show_grids(image):
    """Show a picture (3, S, S) under the grid of a ViT's tokens, and under those of Swin's four stages."""
    check_tensor("image", image, "(3, S, S)")
    fig, axes = plots.figure(1, 5, width=14, height=3.5)
    for ax, side, title in zip(axes, (14, 56, 28, 14, 7), ("ViT-B/16", *(f"Swin, stage {k}" for k in (1, 2, 3, 4)))):
        draw_grid(ax, image, side, f"{title}\n{side}×{side} tokens")
    plots.show(
        fig,
        "A picture five times under a grid of its tokens: 14 by 14 for ViT; then 56, 28, 14 and 7 for Swin's stages.",
    )


def show_nested(fields, place):
    """Show on which tokens one token depends after 1, 2, 3, 4 blocks, as nested squares.

    fields: {shift: [(P, P) bool after each block]}, without the shift the same after each;  place: (row, column)
    """
    fig, axes = plots.figure(1, 2, width=11, height=5.2)
    for ax, (shift, row) in zip(axes, fields.items()):
        plots.draw_regions(ax, sum(seen.int() for seen in row), "shifted" if shift else "not shifted")
        for depth, seen in enumerate(row if shift else row[-1:], 1):
            top, left = seen.nonzero().min(0).values.tolist()
            words = f"{depth}: {seen.sum()}" if shift else f"1 to 4: {seen.sum()}"
            ax.text(left - 0.2, top + (0.8 if shift else -0.9), words, fontsize=13, weight="bold")
        ax.plot(place[1], place[0], "s", color="black", markersize=8)
    plots.show(
        fig,
        "Nested squares of tokens on a map, around one token. Shifted: 16 after one block, then 64, 144 and 256. Not "
        "shifted: the same 16 after one to four blocks.",
    )


def show_reach(shares):
    """Show how much of the width a token depends on after each block: mean and range over the tokens.

    shares: {(pixels, shifted): [(tokens,) shares from 0 to 1, after each block]}
    """
    fig, axes = plots.figure(1, 2, width=13, height=4.6, sharey=True)
    for ax, pixels in zip(axes, dict.fromkeys(pixels for pixels, _ in shares)):
        for shift, colour, marker, label in (
            (True, plots.BLUE, "o", "shifted"),
            (False, plots.ORANGE, "s", "not shifted"),
        ):
            share = [100 * part for part in shares[pixels, shift]]
            blocks = range(1, len(share) + 1)
            ax.plot(blocks, [part.mean() for part in share], marker, color=colour, linestyle="-", label=label)
            low, high = [part.min() for part in share], [part.max() for part in share]
            ax.fill_between(blocks, low, high, color=colour, alpha=0.2, linewidth=0)
        for merging in (2.5, 4.5, 10.5):
            ax.axvline(merging, color=plots.GREY, linestyle=":", linewidth=1.5)
        ax.set(title=f"an image {pixels} pixels wide", xlabel="block", xticks=blocks, ylim=(0, 105))
    axes[0].set_ylabel("% of the width seen")
    axes[0].legend(loc="lower right")
    plots.show(
        fig,
        "How much of the width of an image a token of Swin-T can depend on, after each of its 12 blocks: mean and range "
        "over the tokens; dotted lines where patches are merged. At 224 pixels all is seen from block 7 on with the shift, "
        "and without it only in the last stage. At 1344 pixels no token sees all, and without the shift it is a sixth.",
    )


def show_growth(both, counted):
    """Show multiply-adds and attention weights of one block by tokens along a side.

    both:    function (side, C) → multiply-adds of (windows, all with all)
    counted: {side: (windows, all with all)}, by cost tables, drawn as points
    """
    fig, axes = plots.figure(1, 2, width=13.5, height=4.8)
    sides, line = list(counted), [2 ** (k / 8) for k in range(22, 64)]
    weights = lambda side: (3 * side**2 * 49 * 4, 3 * side**4 * 4)  # noqa: E731
    for ax, unit, of in ((axes[0], 1e9, lambda side: both(side, 96)), (axes[1], 2**20, weights)):
        for which, colour, label in ((1, plots.RED, "all with all"), (0, plots.BLUE, "windows of 7×7")):
            ax.plot(line, [of(side)[which] / unit for side in line], color=colour, label=label)
        ax.set(xscale="log", yscale="log", xlabel="tokens along a side", xticks=sides, xticklabels=sides)
        ax.minorticks_off()
    for which, colour, marker in ((0, plots.BLUE, "o"), (1, plots.RED, "s")):
        axes[0].plot(sides, [counted[side][which] / 1e9 for side in sides], marker, color=colour)
    axes[0].set_title("billion multiply-adds (points: cost tables)")
    axes[1].set_title("MiB of attention weights, 3 heads")
    axes[0].legend(loc="upper left")
    plots.show(
        fig,
        "Two plots against the tokens along a side, from 7 to 224, on logarithmic axes: multiply-adds, and memory of the "
        "attention weights. Both curves start together at 7; windows grow with the square of the side, all with all with "
        "its fourth power. Points from cost tables lie on the curves.",
    )


def show_work(work, pixels):
    """Show billion multiply-adds by the side of the image: {name: [a number for each of `pixels`]}."""
    fig, ax = plots.figure(width=11, height=4.4)
    for (name, row), colour, marker in zip(work.items(), (plots.RED, plots.BLUE, plots.GREEN), "so^"):
        ax.plot(pixels, row, marker + "-", color=colour, label=f"{name}: {row[0]:.1f} → {row[-1]:.1f}")
    ax.set(xlabel="pixels along a side", ylabel="billion multiply-adds", xticks=pixels, ylim=(0, None))
    ax.legend(loc="upper left")
    plots.show(
        fig,
        f"Multiply-adds of {', '.join(work)} against the side of the image. At 224 pixels they lie close together; at "
        "1344 ViT needs nearly three times as much as Swin.",
    )


def seconds(run, turns=3):
    """Return the least seconds of several turns; run() returns a tensor."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        run().sum().item()  # .item() waits for an accelerator
        times.append(time.perf_counter() - began)
    return min(times)


def show_times(both, device, sides=(14, 28, 42, 56), C=96, heads=3):
    """Time all-with-all attention against windows on this machine, and show how many times longer it takes.

    both: function (side, C) → multiply-adds of (windows, all with all)
    """
    windowed, plain = WindowAttention(C, heads, 7).to(device), MultiHeadAttention(C, heads).to(device)
    fused = nn.MultiheadAttention(C, heads, batch_first=True).eval().to(device)
    written, unwritten = [], []
    for side in sides:
        tokens = torch.randn(1, side, side, C, device=device)
        line = tokens.flatten(1, 2)
        with torch.inference_mode():
            least = seconds(lambda: windowed(tokens))
            written.append(seconds(lambda: plain(line)) / least)
            unwritten.append(seconds(lambda: fused(line, line, line, need_weights=False)[0]) / least)
    fig, ax = plots.figure(width=11, height=4.6)
    ratio = [both(side, C)[1] / both(side, C)[0] for side in sides]
    ax.plot(sides, ratio, ":", color="black", label="multiply-adds")
    ax.plot(sides, written, "s-", color=plots.RED, label="time, table written")
    ax.plot(sides, unwritten, "^-", color=plots.GREEN, label="time, fused")
    ax.axhline(1, color=plots.GREY, linewidth=1)
    ticks = [0.3, 1, 3, 10, 30]
    ax.set(xlabel="tokens along a side", ylabel="all with all, as a\nmultiple of windows", xticks=sides)
    ax.set(yscale="log", yticks=ticks, yticklabels=ticks)
    ax.minorticks_off()
    ax.legend(loc="upper left")
    plots.show(
        fig,
        "How many times slower all-with-all attention ran here than windows, against the tokens along a side, with the "
        "table of weights and with torch's fused kernel, beside the ratio of multiply-adds as a dotted line.",
    )


def show_judged(right):
    """Show accuracies in %, a point a seed: {shift: (seeds, 2), for pairs in one window and in two}."""
    fig, ax = plots.figure(width=11, height=3.2)
    names = []
    for shift, colour in ((1, plots.BLUE), (0, plots.ORANGE)):
        for scores, where in zip(right[shift].T, ("one window", "two")):
            row = len(names) + torch.linspace(-0.12, 0.12, len(scores))
            ax.plot(scores, row, "o", color=colour, markersize=11)
            names.append(f"{'shifted' if shift else 'not shifted'}, in {where}")
    ax.axvline(75, color="black", linestyle=":", linewidth=2)
    ax.text(74.3, -0.35, "the best of a sum", ha="right", fontsize=13)
    ax.set(yticks=range(4), yticklabels=names, ylim=(3.5, -0.6), xlim=(40, 102))
    ax.set_xlabel(f"% right, a point for each of {len(scores)} seeds")
    plots.show(
        fig,
        "Accuracy as points. With shifted windows pairs are judged well whether they lie in one window or in two. Without "
        "the shift pairs in one window are judged well, pairs in two near 50 %, below the 75 % that a sum could reach.",
    )


def show_examples(maps, alike, near):
    """Show maps (n, 4, 4) of two coloured tokens among grey ones (number 3), the windows drawn over them."""
    ink = torch.tensor([[0.0, 0.45, 0.7], [0.9, 0.62, 0.0], [0.0, 0.62, 0.45], [0.93, 0.93, 0.93]])
    fig, axes = plots.figure(1, len(maps), width=13, height=3.2)
    for ax, example, same, one in zip(axes, maps, alike, near):
        title = f"{'same' if same else 'other'}, {'1 window' if one else '2 windows'}"
        plots.draw_image(ax, ink[example].permute(2, 0, 1), title)
        for middle in (ax.axhline, ax.axvline):
            middle(1.5, color="black", linewidth=2)
    plots.show(
        fig,
        "Maps of 4 by 4 grey cells with two coloured ones; black lines show the four windows. Above each: whether the "
        "colours are the same, and whether both lie in one window.",
    )
