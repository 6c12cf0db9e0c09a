"""Figures of chapter 03 whose code is not its subject."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from helpers import data, plots

FAMILIES = {
    "AlexNet": (("alexnet",), plots.RED, "*"),
    "VGG": (("vgg",), plots.ORANGE, "s"),
    "with shortcuts": (("resnet", "resnext", "wide_resnet", "densenet", "convnext", "regnet"), plots.BLUE, "o"),
    "light or efficient": (("mobilenet", "mnasnet", "shufflenet", "squeezenet", "efficientnet"), plots.GREEN, "^"),
    "Inception": (("googlenet", "inception"), plots.SKY, "v"),
    "Transformer": (("vit", "swin", "maxvit"), plots.PINK, "D"),
}


def draw_winners(ax, winners):
    """Draw a bar for each winner: (year, name, top-5 error in percent, layers or None)."""
    for year, name, error, depth in winners:
        ax.bar(year, error, color=plots.BLUE if year >= 2012 else plots.GREY)
        layers = f"{depth} layers" if depth else "no network" if year < 2012 else "several nets"
        ax.text(year, max(error, 5.1) + 0.6, f"{error:g} %\n{name}\n{layers}", ha="center", fontsize=13)
    ax.axhline(5.1, color=plots.RED, linestyle="--")
    ax.text(2017.5, 5.6, "one trained\nperson: 5.1 %", color=plots.RED, fontsize=13)
    ax.set(ylabel="top-5 error in %", xticks=range(2010, 2018), xlim=(2009.4, 2018.7), ylim=(0, 37))


def draw_temperatures(ax, logits):
    """Draw the five highest probabilities of (1000,) logits at three temperatures."""
    five = logits.topk(5).indices
    for T, colour, marker in ((0.5, plots.RED, "^"), (1, plots.BLUE, "o"), (2, plots.ORANGE, "s")):
        ax.plot(range(1, 6), (logits / T).softmax(0)[five], marker=marker, color=colour, label=f"T = {T}")
    ax.set(title="the cat's first five", xticks=range(1, 6), ylim=(0, 0.6))
    ax.legend()


def draw_steps(axes, runs, steps, colours):
    """Draw the losses of each network's first seed, and the steps that those took which got below 1 in every seed."""
    left, right = axes
    for name, each in runs.items():
        plots.draw_losses(left, each[0], name, colours[name])
    left.axhline(1, color="black", linewidth=1, linestyle=":")
    left.legend(fontsize=12, loc="lower left", ncols=2)
    moving = [name for name in steps if None not in steps[name]]
    plots.draw_dots(right, {name: (steps[name], colours[name]) for name in moving}, "steps until the loss is below 1")


def no_class():
    """Return {name: picture (3, 224, 224)} of things that are in none of ImageNet's classes."""
    page = Image.new("L", (224, 224), 255)
    ImageDraw.Draw(page).multiline_text((6, 4), data.text()[1500:3000], fill=0)
    page = torch.from_numpy(np.array(page)).float()[None] / 255
    at = torch.arange(224.0) - 111.5
    rings = torch.sin((at[:, None] ** 2 + at**2).sqrt() / 3) / 2 + 0.5
    noise = torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))
    grey = torch.full((1, 224, 224), 0.5)
    return {"noise": noise} | {
        name: picture.expand(3, 224, 224) for name, picture in (("grey", grey), ("text", page), ("rings", rings[None]))
    }


def draw_top1(ax, points, marked):
    """Draw top-1 accuracy against MACs on a logarithmic axis: a mark for each set of weights, its family by colour and form.

    points: [(name, 10⁹ MACs, percent)]; those of one name are joined
    marked: {name: (words, (dx, dy))}, named in the figure, the words so many points away; the first with a ring
    """
    for family, (starts, colour, form) in FAMILIES.items():
        mine = [point for point in points if point[0].startswith(starts)]
        size = 260 if form == "*" else 55
        ax.scatter(
            [p[1] for p in mine], [p[2] for p in mine], s=size, color=colour, marker=form, label=family, zorder=3
        )
        for name in {point[0] for point in mine}:
            line = sorted((p[1], p[2]) for p in mine if p[0] == name)
            ax.plot(*zip(*line), color=colour, linewidth=1, zorder=2)
    best = {name: max((p for p in points if p[0] == name), key=lambda p: p[2]) for name in marked}
    for name, (words, apart) in marked.items():
        line = dict(arrowstyle="-", color=plots.GREY, linewidth=1)
        ax.annotate(words, best[name][1:], xytext=apart, textcoords="offset points", fontsize=13, arrowprops=line)
    first = next(iter(marked))
    ax.plot(*best[first][1:], "o", markersize=16, markerfacecolor="none", markeredgecolor="black", markeredgewidth=2)
    ax.set(xscale="log", xlabel="10⁹ MACs for one image", ylabel="top-1 accuracy in %, published")
    ax.legend(loc="lower right", fontsize=12)
