"""A figure of chapter 01 whose code is not its subject."""

from helpers import plots


def draw_filters(groups, alt):
    """Show groups of filters side by side, in four rows each; grey is a weight of 0.

    groups: {title: (C_out, 1 or 3, K, K)}
    """
    wide = [-(-len(filters) // 4) for filters in groups.values()]
    gaps = [part for columns in wide for part in ([1] * columns, [0.5])][:-1]
    fig, axes = plots.figure(4, sum(map(len, gaps)), width=13.5, height=4, width_ratios=sum(gaps, []))
    for ax in axes.flat:
        ax.set_axis_off()
    left = 0
    for (title, filters), columns in zip(groups.items(), wide):
        for i, weights in enumerate(filters):
            ax = axes[i // columns, left + i % columns]
            ax.set_axis_on()
            plots.draw_image(ax, 0.5 + weights.expand(3, -1, -1) / (2 * weights.abs().max().clamp(min=1e-3)))
        axes[0, left].set_title(title, loc="left")
        left += columns + 1
    plots.show(fig, alt)
