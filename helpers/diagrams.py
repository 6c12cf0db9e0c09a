"""Boxes and arrows, from which chapters draw their networks."""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch


def box(ax, x, y, width, height, text, colour, size=14):
    """Draw a box with rounded corners, its middle at (x, y), and words in it."""
    corner = (x - width / 2, y - height / 2)
    for style in (dict(facecolor=colour, alpha=0.3), dict(fill=False, linewidth=1.5)):
        ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.12", **style))
    ax.text(x, y, text, ha="center", va="center", fontsize=size)


def arrow(ax, start, end, text="", above=0.16):
    """Draw an arrow from one point to another, with a word beside its middle."""
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=18, linewidth=1.8, color="black"))
    if text:
        ax.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above, text, ha="center", va="bottom", fontsize=12)
