"""The figures of chapter 20: views, cameras from above, one ray with its samples, curves against views."""

import math

import torch
from matplotlib.patches import Circle, Rectangle

from helpers import plots
from helpers.chapters.ch20_nerf.scene import BOX, FAR_AWAY, HALF, SPHERES
from helpers.diagrams import arrow, box

NEAR, FAR = 2.6, 5.4  # distances from the camera that are drawn


def square(colours):
    """Return a picture (3, S, S) from its pixels (S·S, 3)."""
    side = math.isqrt(len(colours))
    return colours.T.reshape(3, side, side)


def near(distances, opacities):
    """Return a picture (S, S) of distances: white is near, black far, and black where nothing stands."""
    side = math.isqrt(len(distances))
    shade = ((FAR - distances.nan_to_num(posinf=FAR)) / (FAR - NEAR)).clamp(0, 1)
    return (shade * (opacities > 0.5)).reshape(side, side)


def draw_views(axes, pictures, titles):
    """Draw pictures (3, S, S) or (S, S), a title above each."""
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        plots.draw_image(ax, picture, title, limit=1.0)


def draw_plan(ax, places, labels=None):
    """Draw the scene from above and the cameras (turn, height) around it: the nearer to the middle, the higher."""
    for centre, radius, paint in SPHERES:
        ax.add_patch(Circle((centre[0], centre[2]), radius, facecolor=paint, edgecolor="black"))
    centre, half, paint = BOX
    corner = (centre[0] - half[0], centre[2] - half[2])
    ax.add_patch(Rectangle(corner, 2 * half[0], 2 * half[2], facecolor=paint, edgecolor="black", zorder=0))
    ax.add_patch(Rectangle((-HALF, -HALF), 2 * HALF, 2 * HALF, fill=False, edgecolor=plots.GREY, linestyle="--"))
    for i, (turn, height) in enumerate(places):
        out = FAR_AWAY * math.cos(math.radians(height))
        x, z = out * math.sin(math.radians(turn)), out * math.cos(math.radians(turn))
        ax.plot([x], [z], "o", color=plots.BLUE, markersize=9)
        ax.plot([x, 0.85 * x], [z, 0.85 * z], color=plots.BLUE, linewidth=1.5)
        if labels:
            ax.text(1.1 * x, 1.1 * z, labels[i], ha="center", va="center", fontsize=13)
    ax.set(xlim=(-4.6, 4.6), ylim=(4.6, -4.6), aspect="equal", xticks=[], yticks=[], xlabel="from above")


def draw_samples(ax, t, heights, ylabel, colours=plots.BLUE, top=None):
    """Draw a bar at each distance t (n,) of a ray."""
    heights = heights.tolist()
    ax.vlines(t.tolist(), 0, heights, colors=colours, linewidth=5)
    ax.set(xlim=(NEAR, FAR), ylim=(0, top or 1.1 * max(heights)), ylabel=ylabel)


def draw_ray(axes, density, t, weights, colours):
    """Draw three charts of one ray: density, what light is left, and the weights in the samples' colours; (n,), (n, 3)."""
    draw_samples(axes[0], t, density, "density σ")
    left = 1 - torch.cat([torch.zeros(1), weights.cumsum(0)[:-1]])
    axes[1].step(t.tolist(), left.tolist(), where="post", color=plots.ORANGE)
    axes[1].set(xlim=(NEAR, FAR), ylim=(0, 1.08), ylabel="light left T")
    draw_samples(axes[2], t, weights, "weight w", [tuple(c) for c in colours.clamp(0, 1).tolist()])
    axes[2].set(xlabel="distance from the camera")


def draw_pipeline(ax):
    """Draw how a pixel gets its colour: its ray through the cube, points on it, the field, the weighted sum, the loss."""
    ax.plot([0.35], [1.5], "o", color="black", markersize=13)
    ax.text(0.35, 1.0, "camera", ha="center", va="top", fontsize=14)
    ax.plot([1.2, 1.2], [0.8, 2.6], color=plots.GREY, linewidth=5)
    ax.text(1.2, 0.68, "pixels", ha="center", va="top", fontsize=14)
    ax.add_patch(Rectangle((2.2, 0.5), 2.6, 2.6, fill=False, edgecolor=plots.GREY, linestyle="--"))
    ax.text(3.5, 0.4, "the cube of the scene", ha="center", va="top", fontsize=14)
    ax.add_patch(Circle((3.9, 2.0), 0.55, facecolor=plots.RED, alpha=0.45))
    ax.plot([0.35, 5.1], [1.5, 2.02], color="black", linewidth=1.5)
    places = [2.35 + 0.3 * i for i in range(9)]
    heights = [1.5 + (x - 0.35) * 0.52 / 4.75 for x in places]
    ax.plot(places, heights, "o", color=plots.BLUE, markersize=9)
    ax.text(3.3, 2.75, "one ray, n points", ha="center", fontsize=14)
    arrow(ax, (5.2, 1.9), (5.95, 1.9))
    box(ax, 7.0, 1.9, 2.0, 1.2, "field\npoint → σ, colour", plots.BLUE, 15)
    arrow(ax, (8.05, 1.9), (8.8, 1.9))
    box(ax, 10.0, 1.9, 2.3, 1.2, "Σ w · colour\nw from all σ", plots.GREEN, 15)
    arrow(ax, (11.2, 1.9), (11.95, 1.9))
    box(ax, 13.0, 1.9, 2.0, 1.2, "colour\nof the pixel", plots.GREY, 15)
    arrow(ax, (13.0, 1.25), (13.0, 0.8))
    ax.text(13.0, 0.72, "squared difference\nto the photograph", ha="center", va="top", fontsize=14)
    ax.set(xlim=(0, 14.2), ylim=(-0.1, 3.3))
    ax.set_axis_off()
