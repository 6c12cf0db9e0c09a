"""The chapter's figures. Its diagrams are in diagrams.py."""

import math

import torch
from matplotlib.patches import Rectangle

from helpers import plots
from helpers.chapters.ch09_attention.tasks import COLOURS, WORDS
from helpers.output import publish


def draw_asking(ax, image, place, side, title=""):
    """Draw a picture with a frame around the patch that asks, (row, column)."""
    plots.draw_image(ax, image, title)
    top, left = place[0] * side - 0.5, place[1] * side - 0.5
    for colour, width in (("black", 5), (plots.SKY, 2.5)):
        ax.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=colour, linewidth=width))


def draw_weights(ax, weights, place, title="", most=None):
    """Draw the weights (rows, columns) of one patch; `most` is the weight of the full colour. Returns the picture."""
    drawn = ax.imshow(weights, cmap="Oranges", vmin=0, vmax=most)
    ax.add_patch(Rectangle((place[1] - 0.5, place[0] - 0.5), 1, 1, fill=False, edgecolor=plots.BLUE, linewidth=2.5))
    ax.spines[:].set_visible(True)
    ax.set(xticks=[], yticks=[], title=title)
    return drawn


def draw_dots(ax, rows, chance=None, xlabel=""):
    """Draw one row of dots for each name, a dot for each seed; `chance`, a number or one a row, as a dashed line.

    rows: {name: values}, the first on top
    """
    for place, values in enumerate(rows.values()):
        colour = plots.COLOURS[place % len(plots.COLOURS)]
        ax.plot(values, [place] * len(values), "o", color=colour, markersize=11, alpha=0.75, markeredgecolor="black")
        if chance is not None:
            at = chance[place] if isinstance(chance, (list, tuple)) else chance
            ax.plot([at, at], [place - 0.4, place + 0.4], "--", color="black", linewidth=2)
    ax.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    ax.grid(axis="y", color="#DDDDDD")


def show_saturation(sizes, bare, scaled):
    """Show spread of the scores, largest weight and its gradient against the width, without and with √d.

    bare, scaled: (spread, largest weight, gradient) for each of the sizes
    """
    fig, axes = plots.figure(1, 3, width=14, height=4.3)
    titles = ["spread of the scores", "largest weight w of 16, median", "gradient w(1 − w), median"]
    for part, (ax, title) in enumerate(zip(axes, titles)):
        ax.plot(sizes, [row[part] for row in bare], "o-", color=plots.RED, label="q · k")
        ax.plot(sizes, [row[part] for row in scaled], "s-", color=plots.BLUE, label="q · k / √d")
        ax.set(xscale="log", xticks=sizes, title=title, xlabel="d")
        ax.set_xticklabels(sizes)
        ax.minorticks_off()
    axes[0].plot(sizes, [d**0.5 for d in sizes], ":", color="black", label="√d")
    axes[0].set(yscale="log")
    axes[1].set(ylim=(0, 1.05))
    axes[2].set(yscale="log")
    axes[0].legend()
    plots.show(
        fig,
        "Three charts against the width d from 4 to 1024. Without the division the spread of the scores grows as "
        "the root of d, the largest weight goes to 1, and the gradient w(1 − w) falls by orders of magnitude; "
        "with it all three stay level.",
    )


def show_maps(weights, line):
    """Show the weights of every head, (heads, T, T) for each block, over the letters of a line."""
    fig, axes = plots.figure(len(weights), len(weights[0]), width=9.5, height=5.2)
    for block, (row, heads) in enumerate(zip(axes, weights)):
        for head, (ax, each) in enumerate(zip(row, heads)):
            ax.imshow(each, cmap="Oranges", vmin=0, vmax=0.8)
            ax.set(title=f"block {block + 1}, head {head + 1}", xticks=range(len(line)), yticks=range(len(line)))
            ax.set_xticklabels(line.replace(" ", "␣"), fontsize=11)
            ax.set_yticklabels(line.replace(" ", "␣"), fontsize=9)
            ax.tick_params(length=0)
    axes[0][0].set(ylabel="the letter that asks")
    axes[-1][0].set(xlabel="the letter that is looked at", ylabel="the letter that asks")
    plots.show(
        fig,
        "Eight triangles of weights, four heads in each of two blocks, over the letters of a line: the weight "
        "lies below the diagonal and much of it near it, on the letter itself and the few before.",
    )


def show_questions(pictures, asked, answers, looked):
    """Show four pictures of six digits, with word and answer, and below each the weights of its digits."""
    fig, axes = plots.figure(2, 4, width=13.5, height=5.4)
    for i in range(4):
        picture = pictures[i].reshape(2, 3, 3, 8, 8).permute(2, 0, 3, 1, 4).reshape(3, 16, 24)
        plots.draw_image(axes[0, i], picture, f"“{WORDS[asked[i, 0]]}” → {COLOURS[answers[i]]}")
        plots.draw_numbers(axes[1, i], looked[i].detach().reshape(2, 3), fmt="{:.2f}", signed=False, limit=1.3)
    plots.show(
        fig,
        "Four pictures of six coloured digits, each with a word and the colour that was answered; below, the "
        "weights of the six digits: most of it lies on the digit that was asked for.",
    )


def show_dilution(far, looks, gaps):
    """Show the weight of the symbol against the number of blanks: thick the mean, thin each symbol; dashed a fixed gap.

    looks: {(seed, blanks): (8,) weights}
    """
    fig, ax = plots.figure(width=12, height=4.4)
    for seed in sorted({seed for seed, _ in looks}):
        each = torch.stack([looks[seed, blanks] for blanks in far])
        colour = plots.COLOURS[seed]
        ax.plot(far, each, color=colour, linewidth=0.8, alpha=0.6)
        ax.plot(far, each.mean(1), "o-", color=colour, linewidth=3.5, label=f"seed {seed}")
    for gap, style in zip(gaps, (":", "--")):
        ax.plot(far, [1 / (1 + n * math.exp(-gap)) for n in far], style, color="black", label=f"a gap g = {gap}")
    ax.set(xscale="log", xticks=far, xlabel="blanks (trained: 20)", ylabel="weight on the symbol", ylim=(-0.02, 1.05))
    ax.set_xticklabels(far)
    ax.minorticks_off()
    ax.legend(fontsize=13, loc="center left", bbox_to_anchor=(1, 0.5))
    plots.show(
        fig,
        "Weight of the symbol against the number of blanks, up to 4000, for five networks, thick the mean over "
        "the eight symbols, thin each symbol; and the formula's curves for gaps of 5 and 8, which fall to near "
        "zero and below one half.",
    )


def show_patch(image, place, weights):
    """Show a picture with the patch that asks, (row, column), and its weights over 14×14 patches."""
    fig, axes = plots.figure(1, 2, width=5.4, height=2.5)
    draw_asking(axes[0], image, place, 12, "one patch asks")
    fig.colorbar(draw_weights(axes[1], weights.reshape(14, 14), place, "and weights all 196"))
    plots.show(
        fig,
        "Left: a cat, with a frame around one patch. Right: 14 by 14 weights of that patch; patches of the same colour "
        "have large weights wherever they lie, others nearly none.",
    )


def show_four_heads(image, place, maps, most=0.04):
    """Show a picture and the weights of one of its patches in four heads, on one scale up to `most`."""
    fig, axes = plots.figure(1, 5, width=10.5, height=2.3)
    draw_asking(axes[0], image, place, 12, "who asks")
    for ax, (name, by_head) in zip(axes[1:], maps.items()):
        drawn = draw_weights(ax, by_head[place[0] * 14 + place[1]].reshape(14, 14), place, name, most)
    fig.colorbar(drawn, ax=axes, label="weight", extend="max", shrink=0.8)
    plots.show(
        fig,
        "The cat with a framed patch, and the weights of that patch in four heads, on one scale: colour finds dark "
        "patches all over, texture a scattering, place only the neighbours, opposite brightness the bright patches.",
    )


def show_moved(found):
    """Show the weight of the moved patch against its distance; {name of the head: (distances, weights)}."""
    fig, ax = plots.figure(width=11, height=3.8)
    for (name, (distance, weight)), colour, mark in zip(found.items(), (plots.ORANGE, plots.BLUE), "os"):
        ax.plot(distance, weight, mark, color=colour, label=f"head: {name}")
    ax.set(xlabel="distance in patches", ylabel="weight of the moved patch", ylim=(0, None))
    ax.legend()
    plots.show(
        fig,
        "Weight of one patch against its distance from the patch that asks, as it is moved about the picture: a level "
        "line with the colour head; with colour and place it falls to nearly zero.",
    )


def show_own(own):
    """Show how much weight stays in the own photograph, in %: {head: a value for each pair}."""
    fig, ax = plots.figure(width=11, height=3.3)
    draw_dots(ax, own, chance=50, xlabel="weight on the own photograph in %, a dot for each pair (dashed: chance)")
    plots.show(
        fig,
        "Four rows of six dots, one for each pair of photographs. The colour head lies above one half for all pairs, "
        "place at one half, opposite brightness on both sides of it.",
    )


def show_found(rows):
    """Show how often the right one is found, in %: {who asks, which networks: a value for each network}."""
    fig, ax = plots.figure(width=11, height=4.2)
    chance = [100 / 6 if name.startswith("a word") else 10 for name in rows]
    draw_dots(ax, rows, chance, "the right one is found, in %, a dot for each of 5 networks (dashed: chance)")
    plots.show(
        fig,
        "Six rows of five dots. Trained networks lie near 100 % when a word asks, and high when a digit asks; untrained "
        "networks and words of another network lie around chance.",
    )


# ------------------------------------------------------------------------------------------ tables


def _table(tables, alt):
    """Publish tables side by side, as HTML; alt is the text form, and what is compared.

    tables: {title: {row: {column: (words, colour)}}}
    """
    cell = "padding:.35em .8em;text-align:center;border:1px solid #999;color:black;background:"
    made = []
    for title, rows in tables.items():
        columns = list(next(iter(rows.values())))
        head = "".join(f"<th style='text-align:center'>{name}</th>" for name in ("", *columns))
        body = "".join(
            f"<tr><th style='text-align:right'>{name}</th>"
            + "".join(f'<td style="{cell}{colour}">{words}</td>' for words, colour in cells.values())
            + "</tr>"
            for name, cells in rows.items()
        )
        made.append(f"<table style='font-size:16px'><caption><b>{title}</b></caption><tr>{head}</tr>{body}</table>")
    boxes = "".join(f"<div>{each}</div>" for each in made)
    publish(
        {
            "text/plain": " ".join(alt.split()),
            "text/html": f"<div style='display:flex;flex-wrap:wrap;gap:1.5em'>{boxes}</div>",
        }
    )


def _shade(share):
    """Return blue, as pale as the share is small; 0 is white."""
    red, green, blue = (round(255 - max(0.0, min(1.0, share)) * (255 - top)) for top in (106, 176, 222))
    return f"rgb({red},{green},{blue})"


def show_masks(free, masked):
    """Show the weights of six tokens over six, without and with a causal mask."""
    _table(
        {
            title: {
                f"query {t}": {f"key {i}": (f"{w:.2f}", _shade(w)) for i, w in enumerate(row)}
                for t, row in enumerate(weights.tolist())
            }
            for title, weights in (("every token sees all", free), ("causal: the past and itself", masked))
        },
        "Two tables of weights, six queries by six keys. Left every cell has a weight; right all cells above the "
        "diagonal are 0: the first token can only look at itself.",
    )


def show_places(accuracies, tasks, encodings, knowing_nothing=(26, 22, 22)):
    """Show three tables of accuracies, encodings by tasks: white where counting symbols does as well, blue where solved.

    accuracies: {(task, encoding): [(at the trained length, counted on, stretched) for each seed]}
    """

    def cell(task, kind, test):
        if (task, kind) not in accuracies:
            return "–", "white"
        found = [seed[test] for seed in accuracies[task, kind]]
        mean, low = sum(found) / len(found), knowing_nothing[test]
        return f"<b>{mean:.0f}</b> ({min(found):.0f} to {max(found):.0f})", _shade((mean - low) / (100 - low))

    titles = ("length 17, as trained", "length 33, counted on", "length 33, stretched")
    _table(
        {
            f"{title}, %": {kind: {task: cell(task, kind, test) for task in tasks} for kind in encodings}
            for test, title in enumerate(titles)
        },
        "Three tables of accuracies, encodings by tasks. At the trained length learnable and sinusoidal solve all tasks, "
        "relative only two before, distance half of it, none nothing. Counted on to 33: place 3 stays solved for "
        "learnable and sinusoidal, two before is best for relative, the middle is lost. Stretched: the middle is solved "
        "by the learnable one, in part by the sinusoidal one, and all else is lost.",
    )


def show_race(steps, networks, tasks):
    """Show the race as a table: in how many of the seeds who learnt what, and the steps of each.

    steps: {(network, task): steps for each seed, None where it has not learnt}
    """

    def cell(found):
        took = sorted(n for n in found if n)
        colour = "#BFE6D7" if len(took) == len(found) else "#F6CDB5" if not took else "#F9E7BE"
        return f"<b>{len(took)} of {len(found)}</b>" + (f": {', '.join(map(str, took))}" if took else ""), colour

    _table(
        {"learnt, and the steps of each seed": {n: {t: cell(steps[n, t]) for t in tasks} for n in networks}},
        "A table of seven networks by three tasks, in how many seeds each was learnt and in how many steps. Both "
        "attentions, the wide CNN and the chrono LSTM recall over 20 and 40 blanks; the CNN of field 9 does not. "
        "Attention with places learns order in every seed, attention without places in none.",
    )
