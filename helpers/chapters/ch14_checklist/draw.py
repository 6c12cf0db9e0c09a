"""The figures of chapter 14: dots for each seed, a grid of scores, ill and cured curves side by side."""

from helpers import plots

ILL_AND_CURED = (plots.RED, plots.GREEN, plots.BLUE)


def draw_dots(ax, scores, highlight=()):
    """Draw a line of dots for each name, the first on top: scores {name: [a number for each seed]}."""
    for place, (name, each) in enumerate(scores.items()):
        colour = plots.BLUE if name in highlight else plots.ORANGE
        ax.plot(each, [place] * len(each), "o", color=colour, markersize=9, alpha=0.8)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.invert_yaxis()
    ax.grid(axis="y", color="#DDDDDD")


def draw_grid(ax, means, rows, columns, title):
    """Draw mean scores as a table with its two axes: means (rows, columns), learning rates by weight decays."""
    ax.imshow(means, cmap="Blues", vmin=55, vmax=95)
    for row, numbers in enumerate(means.tolist()):
        for column, number in enumerate(numbers):
            ax.text(column, row, f"{number:.1f}", ha="center", va="center", fontsize=19)
    ax.set_xticks(range(len(columns)), [f"{each:g}" for each in columns])
    ax.set_yticks(range(len(rows)), [f"{each:g}" for each in rows])
    ax.set(xlabel="weight decay", ylabel="learning rate", title=title)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def draw_losses_of(ax, group, title):
    """Draw the loss of the first seed of each: group {name: [(losses, scores) of each seed]}."""
    for (name, runs), colour in zip(group.items(), ILL_AND_CURED):
        plots.draw_losses(ax, runs[0][0], name, colour)
    ax.set(title=title, ylim=(0, 2.9))
    ax.legend(fontsize=12)


def draw_scores_of(ax, group, title):
    """Draw the scores of the first seed of each, training solid and test dotted, by the share of the training done."""
    for (name, runs), colour in zip(group.items(), ILL_AND_CURED):
        training, tested = zip(*runs[0][1])
        done = [(i + 1) / len(training) for i in range(len(training))]
        ax.plot(done, training, color=colour, label=name)
        ax.plot(done, tested, ":", color=colour)
    ax.set(title=title, xlabel="share of the training", ylabel="% right", ylim=(20, 103), xlim=(0, 1))
    ax.legend(fontsize=12, loc="lower right")
