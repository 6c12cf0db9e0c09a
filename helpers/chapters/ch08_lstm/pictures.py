"""The chapter's figures: one step of an LSTM and one of a GRU, and what was measured."""

from matplotlib.patches import Circle

from helpers import plots


def _arrow(ax, *points, colour="black", width=2):
    for a, b in zip(points, points[1:]):
        style = {"arrowstyle": "-|>" if b == points[-1] else "-", "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", b, a, arrowprops={**style, "color": colour, "linewidth": width})


def _node(ax, x, y, text, colour="white"):
    ax.add_patch(Circle((x, y), 0.36, facecolor=colour, edgecolor="black", zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=17, zorder=4)


def show_factors(factors, places, steps=60):
    """Show what is left of a value that is multiplied by the same factor at each step; places: where each curve is named."""
    fig, ax = plots.figure(width=12, height=4.4)
    for factor, at, colour in zip(factors, places, (plots.RED, plots.ORANGE, plots.SKY, plots.BLUE), strict=True):
        ax.plot(range(steps + 1), [factor**step for step in range(steps + 1)], color=colour)
        ax.text(at + 0.8, factor**at + 0.015, f"× {factor} a step")
    ax.set(xlabel="step", ylabel="what is left", xlim=(0, steps), ylim=(-0.02, 1.02))
    plots.show(
        fig,
        "What is left of a value that is multiplied by the same number at every step: by 0.5 nothing to be seen after ten "
        "steps, by 0.9 nothing after fifty, by 0.95 a little after sixty, by 0.99 more than half.",
    )


def draw_lstm(ax):
    """Draw an LSTM's step: the cell's line on top, thick; below it what the gates do."""
    _arrow(ax, (0.2, 5), (12.4, 5), colour=plots.BLUE, width=7)
    _arrow(ax, (0.2, 0.7), (9, 0.7), (9, 1.62))
    for x in (3, 5, 7):
        _arrow(ax, (x, 0.7), (x, 1.62))
    for x, name in ((3, "f"), (5, "i"), (7, "g"), (9, "o")):
        _node(ax, x, 2, name, plots.SKY if name == "g" else plots.ORANGE)
    _arrow(ax, (3, 2.36), (3, 4.62))
    _arrow(ax, (5, 2.36), (5.72, 3.32))
    _arrow(ax, (7, 2.36), (6.28, 3.32))
    _arrow(ax, (6, 3.9), (6, 4.62))
    _arrow(ax, (10.5, 5), (10.5, 4.1))
    _arrow(ax, (10.5, 3.5), (10.5, 2.4))
    _arrow(ax, (9.36, 2), (10.12, 2))
    _arrow(ax, (10.5, 1.64), (10.5, 0.7), (12.4, 0.7), colour=plots.RED, width=3)
    for x, y, text in ((3, 5, "×"), (6, 5, "+"), (6, 3.55, "×"), (10.5, 2, "×")):
        _node(ax, x, y, text)
    ax.text(10.5, 3.8, "tanh", ha="center", va="center", fontsize=16)
    _words(ax, "LSTM", (0.1, 5.45, "$c_{t-1}$"), (11.8, 5.45, "$c_t$"), (0.1, 1, "$h_{t-1}, x_t$"), (11.8, 1, "$h_t$"))


def draw_gru(ax):
    """Draw a GRU's step: h itself is the line on top; z and 1 − z mix it with the candidate n, which sees r times h."""
    _arrow(ax, (0.2, 5), (12.4, 5), colour=plots.BLUE, width=7)
    _arrow(ax, (0.2, 0.7), (9, 0.7), (9, 1.62))
    for x, name in ((2.5, "r"), (6, "z"), (9, "n")):
        _arrow(ax, (x, 0.7), (x, 1.62))
        _node(ax, x, 2, name, plots.SKY if name == "n" else plots.ORANGE)
    _arrow(ax, (4.2, 5), (4.2, 2.36))  # h goes down to be weakened by r
    _arrow(ax, (2.86, 2), (3.84, 2))
    _arrow(ax, (4.2, 1.64), (4.2, 1.15), (8.3, 1.15), (8.72, 1.7))
    _arrow(ax, (6, 2.36), (6, 4.62))
    _arrow(ax, (9, 2.36), (9, 3.24))
    _arrow(ax, (6.36, 2.2), (8.66, 3.5))
    _arrow(ax, (9, 3.96), (9, 4.62))
    for x, y, text in ((4.2, 2, "×"), (6, 5, "×"), (9, 3.6, "×"), (9, 5, "+")):
        _node(ax, x, y, text)
    ax.text(7.1, 3.2, "1 − z", ha="center", fontsize=15)
    _words(ax, "GRU", (0.1, 5.45, "$h_{t-1}$"), (11.8, 5.45, "$h_t$"), (0.1, 1, "$x_t, h_{t-1}$"))


def _words(ax, title, *words):
    for x, y, text in words:
        ax.text(x, y, text, fontsize=20)
    ax.set(xlim=(0, 13), ylim=(0.3, 6.1), aspect="equal", title=title)
    ax.set_axis_off()


def show_reach(kinds, reach, cut_reach):
    """Show the gradient that arrives, from 1 on, by kind: {kind: (seeds, steps)}, for LSTMs also along the cell alone."""
    fig, (left, right) = plots.figure(1, 2, width=13, height=5.4, sharey=True)
    for kind, colour in kinds.items():
        ax, steps = right if kind in cut_reach else left, range(len(reach[kind][0]))
        plots.draw_seeds(ax, steps, reach[kind], kind, colour, marker=None)
        if kind in cut_reach:
            ax.plot(steps, [sum(each) / len(each) for each in zip(*cut_reach[kind])], "--", color=colour)
    for ax, title in ((left, "RNN and GRU"), (right, "LSTM (dashed: the cell's line alone)")):
        ax.axhline(1, color="black", linewidth=1)
        ax.set(title=title, xlabel="steps back", yscale="log", ylim=(1e-15, 1e4))
        ax.legend(fontsize=13, loc="lower left")
    left.set_ylabel("gradient that arrives")
    plots.show(
        fig,
        "Gradient that arrives against the steps back, on a logarithmic axis, for new layers. Left: the plain RNN and the "
        "GRU fall along nearly straight lines; the RNN's identity start and the GRU's bias 3 stay above a twentieth. Right: torch's "
        "LSTM falls too; with forget bias 3 or either chrono start it stays near 1. Full lines lie on the dashed cell alone or above.",
    )


def show_recall(kinds, distances, runs, most):
    """Show in how many steps each seed has learnt: runs[kind, distance] lists the losses of each; `most` steps: not learnt."""
    fig, ax = plots.figure(width=12, height=5.8)
    for row, kind in enumerate(kinds):
        for column, distance in enumerate(distances):
            if (kind, distance) not in runs:
                continue
            took = [str(len(losses)) if len(losses) < most else "–" for losses in runs[kind, distance]]
            share = 1 - took.count("–") / len(took)
            colour = plots.RED if share == 0 else plots.YELLOW if share < 1 else plots.GREEN
            ax.add_patch(
                plots.Rectangle((column - 0.47, row - 0.44), 0.94, 0.88, color=colour, alpha=0.35, linewidth=0)
            )
            ax.text(column, row, ",  ".join(took), ha="center", va="center", fontsize=16)
    ax.set(
        xlim=(-0.5, len(distances) - 0.5), ylim=(len(kinds) - 0.5, -0.5), xlabel="blanks between symbol and question"
    )
    ax.set(xticks=range(len(distances)), xticklabels=distances, yticks=range(len(kinds)), yticklabels=list(kinds))
    ax.set_title(f"steps until learnt, one number for each seed (–: not within {most})", fontsize=15)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    plots.show(
        fig,
        f"A table of {len(kinds)} networks by three distances: the steps after which each of three seeds has learnt the task. "
        "torch's LSTM learns 10 blanks and not 20; with forget bias 3 or the chrono start it learns 40 in every seed. White: "
        "not tried.",
    )


def show_adding(kinds, sums, width=25):
    """Show the running median of each seed's losses: {kind: losses of each seed}."""
    fig, ax = plots.figure(width=11, height=4.6)
    for kind, each in sums.items():
        for seed, losses in enumerate(each):
            smooth = [sorted(losses[t : t + width])[width // 2] for t in range(len(losses) - width + 1)]
            steps = range(width // 2, width // 2 + len(smooth))
            ax.plot(steps, smooth, color=kinds[kind], label=None if seed else kind, linewidth=2)
    ax.axhline(1 / 6, color="black", linestyle=":", linewidth=2)
    ax.text(398, 0.2, "dotted: always 1", ha="right", fontsize=14)
    ax.set(xlabel="step", ylabel="mean squared error", ylim=(0, 0.25))
    ax.set_title(f"running median of {width} steps, three seeds each", fontsize=15)
    ax.legend(fontsize=14, loc="lower right")
    plots.show(
        fig,
        "Mean squared error against the step, three seeds each, on the adding problem. torch's LSTM stays at one sixth for a "
        "while and then falls to about zero, the GRU falls sooner, the RNN stays around one sixth.",
    )


def show_fading(fading, kept_share):
    """Show what is left of the first cell, fading (steps, units), and of each seed's units before and after training."""
    fig, (left, right) = plots.figure(1, 2, width=13, height=4.8, width_ratios=[1.15, 1])
    picture = left.imshow(fading.T, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    left.set(title="what is left of the first cell, seed 0", xlabel="step", ylabel="unit, best memory on top")
    fig.colorbar(picture, ax=left)
    for seed, share in kept_share.items():
        for when, colour in (("before", plots.GREY), ("after", plots.BLUE)):
            values = share[when].sort(descending=True).values
            right.plot(range(1, len(values) + 1), values, color=colour, label=None if seed else f"{when} training")
    right.set(title="product of f over 40 steps", xlabel="units, sorted", ylim=(0, 1))
    right.legend()
    plots.show(
        fig,
        "Left: what is left of the first cell, by unit and step, after training: the upper rows stay dark to the end, the "
        "lowest are pale after a few steps. Right: the product of f over 40 steps for the 64 units, sorted, three seeds: "
        "training lifts it; the best units keep most, and some next to nothing.",
    )


def show_far(far, named, apart, trained=40):
    """Show how many symbols are named at each distance, and how far apart memories are: {name: (seeds, distances)}."""
    fig, (left, right) = plots.figure(1, 2, width=13, height=5)
    places = range(len(far))
    plots.draw_seeds(left, places, named, colour=plots.BLUE)
    left.axhline(1, color="black", linestyle=":", linewidth=2)
    left.text(len(far) - 1, 1.25, "guessing", ha="right", fontsize=14)
    left.text(far.index(trained) + 0.1, 0.25, "trained here", fontsize=14)
    left.set(title="symbols named, of 8", ylim=(0, 8.6))
    for (name, each), colour in zip(apart.items(), (plots.GREEN, plots.RED, plots.BLUE), strict=True):
        for seed, values in enumerate(each):
            shown = [max(value, 1e-6) for value in values]
            right.plot(places, shown, "o-", color=colour, label=None if seed else name, markersize=5, linewidth=2)
    right.set(title="distance between two symbols' memories", yscale="log")
    right.legend(fontsize=13)
    for ax in (left, right):
        ax.axvline(far.index(trained), color=plots.ORANGE, linewidth=2, zorder=0)
        ax.set(xticks=places, xticklabels=far, xlabel="blanks")
    plots.show(
        fig,
        "Networks trained at 40 blanks, asked at 5 to 1280, three seeds. Left: symbols named, of 8: all at 40, fewer at 5. "
        "Right, on a logarithmic axis, a line for each seed: the distance of the closest pair of cells, of the closest pair "
        "of shown states, and of the cells of the pair whose shown states come closest in the end.",
    )
