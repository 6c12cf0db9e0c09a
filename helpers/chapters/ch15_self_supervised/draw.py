"""The figures of chapter 15."""

import json
from html import escape
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.patches import FancyBboxPatch

from helpers import plots
from helpers.chapters.ch15_self_supervised.attention import StemViT, looks_at
from helpers.chapters.ch15_self_supervised.judge import features, made, neighbours
from helpers.output import publish

HERE = Path(__file__).parent
KINDS = {  # of the contest, with their colours
    "pixels, nearest class": plots.GREY,
    "random encoder, probe": plots.PINK,
    "supervised, no views": plots.SKY,
    "supervised, same views": plots.BLUE,
    "SimCLR, nearest class": plots.RED,
}


def draw_grid(axes, rows, names=None):
    """Draw rows of pictures, from −1 to 1, each row with its name at the left."""
    for line, pictures in zip(axes, rows):
        for ax, picture in zip(line, pictures):
            plots.draw_image(ax, (picture / 2 + 0.5).clamp(0, 1), limit=1)
    for line, name in zip(axes, names or ()):
        line[0].set_ylabel(name)


def show_table(rows):
    """Show rows, dictionaries with the same keys, as a table; what is in their first column heads the row."""
    heads = list(rows[0])
    plain = "\n".join(" | ".join(str(row[head]) for head in heads) for row in [dict(zip(heads, heads)), *rows])
    cells = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{"right" if i else "left"}">{escape(str(row[h]))}</td>' for i, h in enumerate(heads)
        )
        + "</tr>"
        for row in rows
    )
    head = "".join(f'<th style="text-align:{"right" if i else "left"}">{escape(h)}</th>' for i, h in enumerate(heads))
    publish({"text/plain": plain, "text/html": f"<table><tr>{head}</tr>{cells}</table>"})


def draw_neighbours(axes, x, asked, judges, k=6):
    """Draw in the first axes of each row a picture, and after it its k nearest among x as a judge finds them.

    x: (N, 3, 16, 16);  asked: a place in x;  judges: {name: network}
    """
    for line, (name, net) in zip(axes, judges.items()):
        z = features(net, x)
        near = neighbours(z, z[asked : asked + 1], k, but_first=True)[0].tolist()
        for ax, place in zip(line, [asked, *near]):
            plots.draw_image(ax, (x[place] / 2 + 0.5).clamp(0, 1))
        line[0].set_ylabel(name)
        for side in line[0].spines.values():
            side.set(color=plots.RED, linewidth=4)


def draw_few_labels(ax, scores):
    """Draw the stored table of few_labels as bands of five seeds, and over it the dots of this run.

    scores: {labels: [{kind: percent} of each seed]}
    """
    names = {
        "pixels, nearest class": "pixels, nearest class",
        "random features, probe": "random encoder, probe",
        "supervised, no views": "supervised, no views",
        "supervised, same views": "supervised, same views",
        "SimCLR, nearest class of z": "SimCLR, nearest class",
    }
    for stored, name in names.items():
        counts, runs = zip(*((int(n), found) for n, found in few_labels()[stored].items()))
        plots.draw_seeds(ax, counts, np.array(runs).T, name, KINDS[name], marker=None)
        for count, rows in scores.items():
            ax.plot([count] * len(rows), [row[name] for row in rows], "o", color=KINDS[name], markersize=7)
    ax.set(xscale="log", xlabel="labels in all", ylabel="test digits right, %", ylim=(35, 101))
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.legend(loc="lower right")


def few_labels():
    """Return the stored scores of the experiment few_labels: {kind: {labels, as text: [percent of each seed]}}."""
    return json.loads((HERE / "few_labels.json").read_text(encoding="utf-8"))


def draw_collapse(axes, runs):
    """Draw for each of BYOL's variants the spread and the loss by epoch, a line for each seed: {name: [Training]}."""
    for (name, group), colour in zip(runs.items(), (plots.BLUE, plots.RED, plots.ORANGE)):
        for ax, what in zip(axes, ("spread", "loss")):
            for i, run in enumerate(group):
                epochs = [row["epoch"] for row in run.rows]
                ax.plot(epochs, [row[what] for row in run.rows], color=colour, label=None if i else name, linewidth=2)
    axes[0].set(title="spread of the projections", xlabel="epoch", ylim=(0, 1.05))
    axes[1].set(title="loss", xlabel="epoch", ylim=(0, None))
    axes[1].legend(loc="upper right")


def draw_entropies(ax, runs):
    """Draw the way of each run through the two entropies, a dot at its end: {name: [Training]}, rows with H_each, H_mean."""
    ax.fill_between([0, 1], [0, 1], 0, color="#EEEEEE")
    for (name, group), colour in zip(runs.items(), (plots.BLUE, plots.RED, plots.ORANGE)):
        for i, run in enumerate(group):
            points = [(row["H_each"], row["H_mean"]) for row in run.rows]
            ax.plot(*zip(*points), color=colour, linewidth=1.5, alpha=0.7)
            ax.plot(*points[-1], "o", color=colour, markersize=11, label=None if i else name)
    ax.text(0.7, 0.3, "impossible", color="#555555", ha="center")
    ax.annotate("one answer for all", (0.01, 0.0), (0.18, 0.08), arrowprops=dict(arrowstyle="->"), va="center")
    ax.annotate(
        "all 64 kinds alike", (0.99, 0.98), (0.8, 0.62), arrowprops=dict(arrowstyle="->"), va="center", ha="center"
    )
    ax.set(
        xlabel="H_each: entropy of a single answer, over log K",
        ylabel="H_mean: entropy of\nthe mean answer",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.05),
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))


def draw_attention(axes, x):
    """Draw digits (N, 1, 16, 16), and below them where a class token looks: for two seeds, untrained and as stored."""
    with np.load(HERE / "attention.npz") as stored:
        trained = torch.from_numpy(stored["maps"].astype(np.float32))
    draw_grid(axes[:1], [x[: len(axes[0])]], ("digit",))
    for seed in (0, 1):
        untrained = looks_at(made(StemViT, seed), x[: len(axes[0])])
        for name, maps, line in (
            ("untrained", untrained, axes[1 + 2 * seed]),
            ("DINO", trained[seed], axes[2 + 2 * seed]),
        ):
            for ax, seen in zip(line, maps):
                ax.imshow(seen, cmap="Oranges", vmin=0, vmax=float(seen.max()))
                ax.set(xticks=[], yticks=[])
            line[0].set_ylabel(f"{name},\nseed {seed}")


def draw_masked(axes, x):
    """Draw digits, what the masked auto-encoder saw of them, and what it drew, as stored: x (N, 1, 16, 16)."""
    with np.load(HERE / "masked.npz") as stored:
        drawn, order = (
            torch.from_numpy(stored[name].astype(kind)) for name, kind in (("drawn", np.float32), ("order", np.int64))
        )
    n = len(axes[0])
    true = F.unfold(x[:n].cpu(), 4, stride=4).transpose(1, 2)
    place = order[:n].argsort(1)[..., None].expand(-1, -1, 16)
    hidden = place >= 4
    rows = (true, true.masked_fill(hidden, 0.0), torch.where(hidden, drawn[:n].gather(1, place), true))
    pictures = [F.fold(row.transpose(1, 2), 16, 4, stride=4) for row in rows]
    draw_grid(axes, pictures, ("digit", "seen", "drawn"))


def draw_methods(axes):
    """Draw SimCLR, BYOL and DINO side by side: two views, what computes on each, what is compared."""
    draw_method(axes[0], "SimCLR", ("encoder", "head"), ("encoder", "head"), "alike, and unlike the others", same=True)
    draw_method(
        axes[1], "BYOL", ("encoder", "head", "predictor"), ("encoder", "head"), "alike", names=("online", "target")
    )
    draw_method(
        axes[2],
        "DINO",
        ("encoder", "head", "softmax, 0.1"),
        ("encoder", "head", "− centre", "softmax, 0.04"),
        "same answer",
        names=("student", "teacher"),
    )


def draw_method(ax, title, left, right, compared, same=False, names=("", "")):
    """Draw one of them, from the two views at the bottom to what is compared on top; a cross stops the gradient."""
    for x, boxes, view, name in ((0.22, left, "view a", names[0]), (0.78, right, "view b", names[1])):
        ax.text(x, 0.02, view, ha="center", va="center")
        bottom = 0.1
        for box in boxes:
            colour = plots.SKY if same or x < 0.5 else "#DDDDDD"
            round_box = "round,pad=0.0,rounding_size=0.02"
            ax.add_patch(
                FancyBboxPatch((x - 0.16, bottom), 0.32, 0.105, round_box, facecolor=colour, edgecolor="black")
            )
            ax.text(x, bottom + 0.05, box, ha="center", va="center", fontsize=13, linespacing=0.9)
            ax.annotate("", (x, bottom), (x, bottom - 0.055), arrowprops=dict(arrowstyle="->"))
            bottom += 0.165
        ax.plot([x, x], [bottom - 0.06, 0.87], color="black", linewidth=1.5)
        if not same and x > 0.5:
            ax.text(x, 0.835, "✕", ha="center", va="center", fontsize=19, color=plots.RED, fontweight="bold")
        ax.text(x, 0.765, name, ha="center", va="center", fontsize=14, style="italic", backgroundcolor="white")
    arrow = dict(arrowstyle="<->") if same else dict(arrowstyle="->", linestyle="dashed", linewidth=2)
    ax.annotate("", (0.63, 0.15), (0.37, 0.15), arrowprops=arrow)
    ax.text(0.5, 0.17, "the same" if same else "follows", ha="center", va="bottom", fontsize=13)
    ax.text(0.5, 0.93, compared, ha="center", va="center", fontsize=14, linespacing=0.95)
    ax.set(xlim=(0, 1), ylim=(0, 1), title=title)
    ax.set_axis_off()
