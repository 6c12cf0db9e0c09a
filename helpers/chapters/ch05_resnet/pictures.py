"""The figures of chapter 05 whose code is not its subject."""

from helpers import plots


def draw_block(ax, title, steps, way_around=None):
    """Draw a column of boxes from x at the bottom; the way around joins in just before the box of this name."""
    ax.text(0, -0.75, "x", ha="center", va="center", fontsize=17)
    for height, step in enumerate(steps):
        colour = "#F6CDB2" if "ReLU" in step else "#B2E2D5" if step == "+" else "#CFE8F8"
        box = dict(boxstyle="round,pad=0.35", facecolor=colour, edgecolor="black")
        ax.text(0, height, step, ha="center", va="center", fontsize=15, bbox=box)
    ax.plot([0, 0], [-0.5, len(steps) - 0.3], color="black", linewidth=1.5, zorder=0)
    if way_around:
        join = steps.index(way_around)
        ax.plot([0, 1.25, 1.25, 0], [-0.5, -0.5, join, join], color=plots.BLUE, linewidth=3, zorder=0)
    ax.set(xlim=(-1.4, 1.6), ylim=(-1.1, 7.2), title=title)
    ax.set_axis_off()


def draw_switched_off(ax, untouched, one_off, shortcut):
    """Draw what is left of each picture's probability when single blocks are switched off, a dot for each picture.

    untouched: (pictures,) with no block off
    one_off:   (blocks, pictures), a row for each block
    shortcut:  for each block, whether it has one
    """
    kinds = {None: ("no block off", "o", plots.GREY)}
    kinds |= {True: ("block with shortcut", "s", plots.BLUE), False: ("block without", "^", plots.RED)}
    for kind, (words, marker, colour) in kinds.items():
        places = [place for place, has in enumerate([None, *shortcut]) if has is kind]
        rows = [untouched if place == 0 else one_off[place - 1] for place in places]
        x = [place for place, row in zip(places, rows) for _ in row]
        ax.plot(x, [value for row in rows for value in row], marker, color=colour, markersize=7, label=words)
    ax.set(
        xticks=range(len(shortcut) + 1),
        xticklabels=["none", *range(1, len(shortcut) + 1)],
        xlabel="block switched off",
        title="probability of the first answer",
        ylim=(-0.03, 1),
    )
    ax.tick_params(axis="x", labelsize=12)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, handletextpad=0.1)


def draw_orders(axes, growth, errors):
    """Draw what the place of the ReLU does: how values grow along the blocks, and the training errors, a dot for each seed.

    growth: {"after": (seeds, blocks), "before": the same}, where "after" has the ReLU after the addition
    errors: {"after": (seeds,), "before": the same}, in percent
    """
    for x, (name, colour, marker) in enumerate((("after", plots.BLUE, "o"), ("before", plots.ORANGE, "s"))):
        plots.draw_seeds(axes[0], range(len(growth[name][0])), growth[name], f"ReLU {name} the sum", colour, marker)
        axes[1].plot([x] * len(errors[name]), errors[name], "o", color=colour, markersize=11)
    axes[0].set(title="RMS of the values each block receives", xlabel="blocks before it", ylim=(0, None))
    axes[0].legend()
    axes[1].set(title="20 layers: training error, %", xticks=(0, 1), xticklabels=("after", "before"))
    axes[1].set(xlim=(-0.5, 1.5), ylim=(0, None))
