"""The figures of chapter 10: a picture cut apart, the network and its block drawn to scale, dots for each seed, and what a
trained ViT has learnt."""

import torch
import torch.nn.functional as F
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers import plots
from helpers.chapters.ch10_vit.looks import position_likeness
from helpers.checks import check_shape, check_tensor

COLOURS = {"CNN": plots.BLUE, "ViT": plots.ORANGE}

ALTS = {
    "augmentation": "Four rows of five dots, accuracy with 100 images after 240 steps: the CNN and the ViT, each without and with "
    "augmentation.",
    "distillation": "Four rows of five dots, accuracy with 100 labels: the ViT alone, with a teacher, with a teacher and a token, "
    "and the teacher, a CNN. The students with a teacher come close to it.",
    "one of each": "Three rows of nine dots, one for each choice of the part that is known: pixels lie near "
    "guessing, the untrained network on average some ten points higher; the pre-trained network lies far above both.",
    "sides": "Accuracy against the side of the test images, from 6 to 12 pixels; trained at 8. All peak at 8. At 10 and 12 the ViT "
    "with interpolated positions falls far, the one with positions filled up farther, the CNN least; at 6 all fall far.",
    "kept": "Accuracy against the number of patches kept, from 16 down to 4. Keeping those most looked at, the curve falls slowest; "
    "at random faster, for the ViT and for a CNN with blanked patches; keeping those least looked at, it falls at once.",
}


def show_cut(photo, P=16):
    """Show a picture, (3, H, W), and beside it the same cut into patches of P×P that are drawn a little apart."""
    pieces = F.pad(photo.unfold(1, P, P).unfold(2, P, P), (0, 5, 0, 5), value=1.0)  # (3, rows, columns, P + 5, P + 5)
    _, rows, columns, high, wide = pieces.shape
    apart = pieces.permute(0, 1, 3, 2, 4).reshape(3, rows * high, columns * wide)
    fig, axes = plots.figure(1, 2, width=5.8, height=3.0)
    plots.draw_image(axes[0], photo, f"{photo.shape[1]} × {photo.shape[2]} pixels")
    plots.draw_image(axes[1], apart, f"{rows} × {columns} patches")
    plots.show(
        fig, f"A photograph; beside it the same cut into {rows} by {columns} squares, which are drawn a little apart."
    )


def show_tiny(image, weight):
    """Show a picture cut into four patches, and beside it the token, weight @ patch, of each.

    image:  (4, 4);  weight: (D, 4)
    raises: ValueError for other shapes
    """
    check_tensor("image", image, "(4, 4)", "four patches of 2×2")
    check_shape("image", image, (4, 4), "four patches of 2×2")
    check_tensor("weight", weight, "(D, 4)", "one number for each pixel of a patch")
    check_shape("weight", weight, (len(weight), 4), "one number for each pixel of a patch")
    fig, axes = plots.figure(1, 2, width=9, height=4.2)
    plots.draw_numbers(axes[0], image, "a picture, four patches", signed=False, limit=9)
    axes[0].axhline(1.5, color=plots.BLUE, linewidth=6)
    axes[0].axvline(1.5, color=plots.BLUE, linewidth=6)
    tokens = image.unfold(0, 2, 2).unfold(1, 2, 2).reshape(4, 4) @ weight.T
    plots.draw_numbers(axes[1], tokens, "four tokens, row by row", limit=16)
    plots.show(
        fig,
        "Left, sixteen numbers in four rows of four; two thick lines cut them into four squares of four. Right, a row of two "
        "numbers for each square: 10 and -2, 2 and 0, 10 and 4, 8 and 0.",
    )


def _sheet(ax, x, y, wide, high, colour, words="", first=False, alpha=0.75):
    """Draw tokens side by side as a sheet centred on height y: its width is their number, its height their numbers."""
    ax.add_patch(Rectangle((x, y - high / 2), wide, high, facecolor=colour, edgecolor="black", alpha=alpha))
    if first:  # the class token
        ax.add_patch(Rectangle((x, y - high / 2), 0.07, high, facecolor=plots.PINK, edgecolor="black"))
    if words:
        ax.text(x + wide / 2, y - high / 2 - 0.12, words, ha="center", va="top", fontsize=12)
    return x + wide


def _arrow(ax, x, y, words="", length=0.75, below=False):
    ax.add_patch(
        FancyArrowPatch((x + 0.05, y), (x + length - 0.05, y), arrowstyle="-|>", mutation_scale=16, color="black")
    )
    ax.text(
        x + length / 2, y + (-0.1 if below else 0.08), words, ha="center", va="top" if below else "bottom", fontsize=11
    )
    return x + length


def _box(ax, x, y, wide, high, words, colour):
    ax.add_patch(Rectangle((x, y - high / 2), wide, high, facecolor=colour, edgecolor="black", alpha=0.35))
    ax.text(x + wide / 2, y, words, ha="center", va="center", fontsize=13)
    return x + wide


def show_architecture(photo, T=197, D=768, heads=12, hidden=3072, classes=1000, blocks=12):
    """Show ViT-B/16: above from the picture to the scores, below one block, tokens and their widths drawn to scale."""
    fig, ax = plots.figure(width=14, height=7.6)
    wide, unit = 1.0, 0.9 / 768  # of T tokens; of one number
    y = 5.6
    ax.imshow(plots.to_array(photo), extent=(0, 1.3, y - 0.65, y + 0.65), zorder=2)
    for i in range(15):
        ax.plot([1.3 * i / 14] * 2, [y - 0.65, y + 0.65], color="white", linewidth=0.7, zorder=3)
        ax.plot([0, 1.3], [y - 0.65 + 1.3 * i / 14] * 2, color="white", linewidth=0.7, zorder=3)
    ax.text(0.65, y - 0.77, "3 × 224 × 224", ha="center", va="top", fontsize=12)
    x = _arrow(ax, 1.3, y, "16×16,\nstride 16", 0.95)
    x = _sheet(ax, x, y, wide * 196 / T, D * unit, plots.SKY, f"{T - 1} tokens\nof {D}")
    x = _arrow(ax, x, y, "+ class token\n+ positions", 1.35)
    x = _sheet(ax, x, y, wide, D * unit, plots.SKY, f"{T} × {D}", first=True)
    x = _arrow(ax, x, y, "", 0.5)
    left = x
    for i in range(4):
        x = _box(ax, x + 0.08, y, 0.5, 1.3, {0: "1", 1: "2", 2: "…", 3: f"{blocks}"}[i], plots.GREEN)
    ax.text((left + x) / 2, y - 0.77, f"{blocks} encoder blocks", ha="center", va="top", fontsize=12)
    x = _arrow(ax, x, y, "norm", 0.75)
    x = _sheet(ax, x, y, wide, D * unit, plots.SKY, f"{T} × {D}", first=True)
    x = _arrow(ax, x, y, "class token\nalone", 1.1)
    x = _sheet(ax, x, y, 0.07, D * unit, plots.PINK, f"{D}", alpha=1)
    x = _arrow(ax, x, y, "head", 0.75)
    _sheet(ax, x, y, 0.07, classes * unit, plots.GREY, f"{classes}\nscores")

    y = 2.0
    ax.text(0, 4.15, "one block, its widths to scale:", fontsize=14)
    start = _sheet(ax, 0, y, wide, D * unit, plots.SKY, f"{D}", first=True)
    x = _arrow(ax, start, y, "norm,\nlinear", 0.85)
    x = _sheet(ax, x, y, wide, 3 * D * unit, plots.YELLOW, f"q, k, v: 3·{D}")
    x = _arrow(ax, x, y, "split", 0.6)
    for i in range(heads):
        ax.add_patch(Rectangle((x + 0.1 * i, y - 0.62 + 0.1 * i), 0.55, 0.55, facecolor="white", edgecolor="black"))
    ax.text(x + 0.8, y - 0.78, f"{heads} heads, each\n{T}×{T} weights", ha="center", va="top", fontsize=12)
    x = _arrow(ax, x + 1.72, y, "merge,\nlinear", 0.85)
    plus = x + 0.12
    x = _sheet(ax, x + 0.25, y, wide, D * unit, plots.SKY, f"{D}", first=True)
    again = x
    x = _arrow(ax, x, y, "norm,\nlinear", 0.85)
    x = _sheet(ax, x, y, wide, hidden * unit, plots.YELLOW, f"GELU: {hidden}")
    x = _arrow(ax, x, y, "linear", 0.75)
    end = x + 0.12
    x = _sheet(ax, x + 0.25, y, wide, D * unit, plots.SKY, f"{D}", first=True)
    for begin, stop, high in ((start - 0.5, plus, 3.45), (again - 0.5, end, 3.95)):  # the ways around
        ax.plot([begin, begin, stop, stop], [y + 0.45, high, high, y + 0.2], color=plots.RED, linewidth=3)
        ax.text(stop, y, "+", ha="center", va="center", fontsize=20, color=plots.RED, weight="bold")
    ax.set(xlim=(-0.1, 13.0), ylim=(-0.35, 6.5))
    ax.set_axis_off()
    plots.show(
        fig,
        "Above, ViT-B/16 from left to right: a photograph of 3 by 224 by 224 in a grid, 196 tokens of 768, with the class token 197, "
        "twelve encoder blocks, a norm, the class token alone, the head, 1000 scores. Below, one block drawn to scale: a norm and a "
        "linear layer to three times 768, twelve heads with 197 by 197 weights each, merged back to 768 and added to what came "
        "in; then a norm, 3072 numbers with GELU, 768 again, added to what came in.",
    )


def show_norms():
    """Show where the norm stands: in front of each branch (pre-norm), or after each addition (post-norm); and GELU."""
    fig, axes = plots.figure(1, 3, width=14, height=3.9, width_ratios=(1, 1, 1.25))
    for ax, title, chain in (
        (axes[0], "pre-norm: ViT", ("norm", "attention", "+", "norm", "MLP", "+")),
        (axes[1], "post-norm: Vaswani 2017", ("attention", "+", "norm", "MLP", "+", "norm")),
    ):
        begin = 0
        ax.plot([0, 0], [-0.7, 6.2], color="black", zorder=0)
        for place, name in enumerate(chain):
            if name == "+":
                ax.plot([0, 1.5, 1.5, 0.15], [begin - 0.5, begin - 0.5, place, place], color=plots.RED, linewidth=3)
                ax.text(0, place, "+", ha="center", va="center", fontsize=17, bbox=dict(boxstyle="circle", fc="white"))
                begin = place + (2 if title.startswith("post") else 1)
            else:
                colour = plots.GREEN if name == "norm" else plots.YELLOW
                ax.text(
                    0,
                    place,
                    name,
                    ha="center",
                    va="center",
                    fontsize=14,
                    bbox=dict(boxstyle="round", fc="white", ec="none"),
                )
                ax.text(
                    0,
                    place,
                    name,
                    ha="center",
                    va="center",
                    fontsize=14,
                    bbox=dict(boxstyle="round", fc=colour, alpha=0.45),
                )
        ax.set(xlim=(-1.8, 2), ylim=(-0.8, 6.3), title=title)
        ax.set_axis_off()
    z = torch.linspace(-4, 3, 200)
    axes[2].plot(z, F.relu(z), "--", color=plots.GREY, label="ReLU: max(0, z)")
    axes[2].plot(z, F.gelu(z), color=plots.BLUE, label="GELU: z·Φ(z)")
    axes[2].plot([-1, 1], [-0.1587, 0.8413], "o", color=plots.BLUE)
    axes[2].set(xlabel="z", title="the activation in the MLP", xticks=range(-4, 4))
    axes[2].legend()
    plots.show(
        fig,
        "Two blocks drawn from below upwards. Pre-norm: a norm before attention and before the MLP, and a way around each that "
        "no norm interrupts. Post-norm: a norm after each addition. Right, GELU beside ReLU: smooth, and a little below 0 for "
        "negative numbers.",
    )


def draw_dots(ax, x, runs, name, colour, marker="o", shift=0.0):
    """Draw each seed as a dot and the mean as a line: runs (seeds, len(x)); shift: a factor that parts two sets of dots."""
    x = torch.as_tensor(x, dtype=torch.float32) * (1 + shift)
    runs = torch.as_tensor(runs)
    ax.plot(x, runs.T, marker, color=colour, alpha=0.55, markersize=7, label=[name] + [None] * (len(runs) - 1))
    ax.plot(x, runs.mean(0), "-", color=colour, linewidth=2)


def show_likeness(alike):
    """Show how alike tokens are after each block: alike {name: (seeds, blocks)}."""
    fig, ax = plots.figure(width=9.5, height=3.6)
    for (name, runs), colour, marker in zip(alike.items(), (plots.BLUE, plots.RED), "os"):
        draw_dots(ax, range(1, len(runs[0]) + 1), runs, name, colour, marker)
    ax.set(xlabel="block", ylabel="mean cosine", ylim=(-0.05, 1.05), xticks=range(1, 13))
    ax.legend(loc="center right")
    plots.show(
        fig,
        "Mean cosine of two tokens after each of twelve blocks, a dot for each seed. Without the additions it is at 1 from the "
        "second block on; with them it rises slowly and stays far below.",
    )


def show_costs(sides, priced, D=768):
    """Show what a ViT costs by the size of the image, {patch: [(tokens, cost) by side]}, and a block's two terms by T."""
    fig, axes = plots.figure(1, 2, width=13, height=4.4)
    for (P, found), colour, marker in zip(priced.items(), (plots.GREY, plots.BLUE, plots.ORANGE), "s^o"):
        axes[0].plot(
            sides, [total.macs / 1e9 for _, total in found], marker + "-", color=colour, label=f"patches of {P}"
        )
    T = torch.logspace(2, 5, 40)
    axes[1].plot(T, 2 * T * T * D / 1e9, color=plots.RED, label="2·T²·D")
    axes[1].plot(T, 12 * T * D**2 / 1e9, color=plots.BLUE, label="12·T·D²")
    axes[1].axvline(6 * D, color="black", linestyle=":", label="T = 6·D")
    axes[0].set(xscale="log", yscale="log", xlabel="side of the image in pixels", title="ViT-B, multiply-adds in G")
    axes[0].set_xticks(sides, sides)
    axes[0].minorticks_off()
    axes[1].set(xscale="log", yscale="log", xlabel="tokens T", title="one block, D = 768, in G")
    for ax in axes:
        ax.legend()
    plots.show(
        fig,
        "Left: multiply-adds of ViT-B against the side of the image, for patches of 32, 16 and 8 pixels, on logarithmic axes: "
        "three rising lines, steeper towards the right. Right: the two terms of a block against the number of tokens; the "
        "steeper one, with T squared, crosses the other at six times D.",
    )


def show_race(sizes, curve):
    """Show accuracy and error by the number of training images: curve {name: (seeds, sizes)}, in percent."""
    fig, axes = plots.figure(1, 2, width=13, height=4.6)
    for (name, runs), marker, shift in zip(curve.items(), "os", (-0.04, 0.04)):
        draw_dots(axes[0], sizes, runs, name, COLOURS[name], marker, shift)
        draw_dots(axes[1], sizes, 100 - runs, name, COLOURS[name], marker, shift)
    for ax in axes:
        ax.set(xscale="log", xlabel="training images")
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
    axes[0].set(title="test images right, %")
    axes[1].set(title="test images wrong, %, logarithmic", yscale="log", ylim=(0.4, 30))
    axes[1].set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    axes[1].minorticks_off()
    axes[0].legend(loc="lower right")
    plots.show(
        fig,
        "Accuracy, and on a logarithmic axis the error, against the number of training images; five dots for each network. The "
        "mean of the CNN is better at every size; the errors of both still fall where the images end.",
    )


def show_scores(scores, of, xlabel="test images right, %", each="seed"):
    """Show a line of dots for each name, the first on top, and a bar at the mean: scores {name: one number for each seed}.

    of:   what is shown, of ALTS;  each: what a dot stands for
    """
    fig, ax = plots.figure(width=10, height=1.0 + 0.5 * len(scores))
    for place, (name, found) in enumerate(scores.items()):
        found = torch.as_tensor(found)
        colour = COLOURS.get(name.split(",")[0], plots.GREY)
        ax.plot(found, [place] * len(found), "o", color=colour, markersize=9, alpha=0.7)
        ax.plot([found.mean()] * 2, [place - 0.3, place + 0.3], color="black", linewidth=3)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.invert_yaxis()
    ax.set_xlabel(f"{xlabel}; a dot for each {each}, a bar at the mean")
    ax.grid(axis="y", color="#DDDDDD")
    plots.show(fig, ALTS[of])


def show_by(x, scores, xlabel, of, title="test images right, %"):
    """Show accuracy by something, a dot for each seed: scores {name: (seeds, len(x))}; of: of ALTS."""
    fig, ax = plots.figure(width=10, height=4.2)
    others = iter(((plots.ORANGE, "s"), (plots.GREY, "v"), (plots.PINK, "^")))
    for name, runs in scores.items():
        draw_dots(ax, x, runs, name, *((plots.BLUE, "o") if name.startswith("CNN") else next(others)))
    ax.set(xticks=list(x), xlabel=xlabel, title=title, ylim=(0, 103))
    if x[0] > x[-1]:
        ax.invert_xaxis()
    free = dict(loc="lower left") if x[0] > x[-1] else dict(loc="center", bbox_to_anchor=(0.78, 0.3))
    ax.legend(**free, fontsize=12)
    plots.show(fig, ALTS[of])


def show_distances(looks, spread, even):
    """Show how far heads look and at how many patches: looks, spread {kind: (seeds, blocks, heads)}; even: by equal weights."""
    fig, axes = plots.figure(1, 2, width=13, height=4.4)
    where = torch.arange(1, 3)[:, None] + 0.05 * torch.arange(4)  # (blocks, heads), side by side
    for ax, values, title in zip(
        axes, (looks, spread), ("mean attention distance, pixels", "patches looked at, of 16")
    ):
        for kind, shift, colour, marker in (("untrained", -0.28, plots.GREY, "s"), ("trained", 0.1, plots.ORANGE, "o")):
            runs = values[kind].flatten(1)
            label = [f"heads, {kind}"] + [None] * (len(runs) - 1)
            ax.plot(where.flatten() + shift, runs.T, marker, color=colour, markersize=8, alpha=0.7, label=label)
        ax.set(xticks=(1, 2), xlim=(0.6, 2.4), xlabel="layer", title=title)
    axes[0].axhline(even, color="black", linestyle=":", label="equal weights everywhere")
    axes[0].plot([1, 2], [2**0.5, 2 * 2**0.5], "^", color=plots.BLUE, markersize=11, label="3×3 convolutions: at most")
    axes[1].axhline(16, color="black", linestyle=":")
    axes[0].set_ylim(0, 7)
    axes[1].set_ylim(0, 17)
    axes[0].legend(loc="upper center", ncols=2, fontsize=11)
    plots.show(
        fig,
        "Each head of five ViTs in layer 1 and layer 2, untrained and trained. Left, mean distance: all lie near the dotted line "
        "of equal weights, far above what one and two convolutions reach at most. Right, patches looked at: the trained heads "
        "lie lower than the untrained.",
    )


def show_learnt(before, after):
    """Show the patch filters of a ViT with 16 patches of 2×2, and how alike its positions are, before and after training."""
    fig = plots.figure(1, 1, width=13, height=3.2)[0]
    fig.clear()
    left, right = fig.subfigures(1, 2, width_ratios=(1.9, 1))
    limit = float(after.conv_proj.weight.detach().abs().max())
    axes = left.subplots(2, 12)
    for row, net, name in ((axes[0], before, "before"), (axes[1], after, "after")):
        for ax, one in zip(row, net.conv_proj.weight.detach().cpu()[:, 0]):
            plots.draw_image(ax, one, signed=True, limit=limit)
        row[0].set_ylabel(name, fontsize=14)
    left.suptitle("the first 12 of 32 patch filters, 2×2", fontsize=15)
    for ax, net, name in zip(right.subplots(1, 2), (before, after), ("before", "after")):
        plots.draw_image(ax, position_likeness(net), name, signed=True, limit=1)
    right.suptitle("16×16 positions: cosine", fontsize=15)
    plots.show(
        fig,
        "Left, twelve filters of 2 by 2 pixels before training, and below each the same after it: hardly changed. Right, the "
        "cosine of each of 16 positions with each: 1 on the diagonal, small and without order elsewhere, before as after.",
    )


def show_jiggled(images, change):
    """Show two digits of the set, each followed by five changed copies; change: maps (images, dice) to images."""
    rows = [torch.cat([images[[i]], change(images[[i] * 5], torch.Generator().manual_seed(i))]) for i in (5, 13)]
    alt = "Two handwritten digits, each followed by five slightly turned, scaled and moved copies."
    plots.show_images(torch.cat(rows), cols=6, side=1.4, alt=alt)


def show_mixed(images, mixed):
    """Show five digits, and below each the same with its patches in another order."""
    alt = "Five handwritten digits, and below each the same with its 16 squares in another order: no digit can be made out."
    plots.show_images(torch.cat([images, mixed]), cols=len(images), side=1.4, alt=alt)
