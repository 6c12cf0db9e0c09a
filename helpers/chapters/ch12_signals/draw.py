"""The figures of chapter 12: dots for each seed, a signal through the layers, functions and their slopes."""

import torch

from helpers import plots


def draw_dots(ax, scores):
    """Draw a line of dots for each name, the first on top: scores {name: [a number for each seed]}."""
    for place, each in enumerate(scores.values()):
        ax.plot(each, [place] * len(each), "o", color=plots.BLUE, markersize=9, alpha=0.7)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.grid(axis="y", color="#DDDDDD")


def draw_layers(ax, lines, title, low=1e-12, high=1e3):
    """Draw a number for each layer on a logarithmic axis: lines {name: [a number for each layer]}; below `low` at the edge."""
    for (name, each), marker in zip(lines.items(), "osv^Dx"):
        each = torch.tensor(each).clamp(low, high).tolist()
        ax.plot(range(1, len(each) + 1), each, marker=marker, markevery=(1, 8), markersize=7, label=name)
    ax.set(yscale="log", ylim=(low / 2, high), xlabel="layer", title=title)


def draw_function(ax, function, name):
    """Draw an activation function and, dashed, its slope."""
    z = torch.linspace(-5, 5, 501, requires_grad=True)
    value = function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    ax.plot(z.detach(), value.detach(), color=plots.BLUE, label="value")
    ax.plot(z.detach(), slope, "--", color=plots.ORANGE, label="slope")
    ax.axhline(0, color=plots.GREY, linewidth=0.8)
    ax.set(title=name, ylim=(-1.3, 2.2), xticks=(-4, 0, 4))
