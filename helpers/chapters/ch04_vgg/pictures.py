"""Figures of chapter 04 whose code is not its subject, and the search for the nearest kernel that two small ones make."""

import torch

from helpers import plots
from helpers.chapters.ch04_vgg.naming import NAMES

PLACE = torch.zeros(9, 25, 9, dtype=torch.float64)  # number i of the first × j of the second → where
for i in range(9):
    for j in range(9):
        PLACE[i, (i // 3 + j // 3) * 5 + i % 3 + j % 3, j] = 1


def best_fit(kernel, starts=30, rounds=200):
    """Return the nearest 5×5 kernel found that two 3×3 make, and its distance as a share of the wanted one's norm.

    From many starts, in turns: the best second for this first, the best first for this second."""
    goal = kernel.double().flatten().expand(starts, 25)[..., None]
    first = torch.randn(starts, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for _ in range(rounds):
        second = torch.linalg.lstsq(torch.einsum("si,ikj->skj", first, PLACE), goal).solution[..., 0]
        first = torch.linalg.lstsq(torch.einsum("sj,ikj->ski", second, PLACE), goal).solution[..., 0]
        norm = first.norm(dim=1, keepdim=True)
        first, second = first / norm, second * norm
    made = torch.einsum("si,ikj,sj->sk", first, PLACE, second)
    distance = (made - goal[..., 0]).norm(dim=1) / goal[0].norm()
    return made[distance.argmin()].reshape(5, 5), distance.min().item()


def draw_work(ax, table, title):
    """Draw the multiply-adds of a network's convolutions and fully connected layers as bars, with the blocks of VGG-16 between lines."""
    work = [row.macs / 1e9 for row in table.only("Conv2d", "Linear").rows]
    many = len(work) - 3
    ax.bar(range(1, len(work) + 1), work, color=[plots.BLUE] * many + [plots.ORANGE] * 3)
    ax.set(title=title, xlabel="layer with weights", xticks=range(1, len(work) + 1), ylim=(0, 1.16 * max(work)))
    if many == 13:
        for number, (begin, end) in enumerate(((0.5, 2.5), (2.5, 4.5), (4.5, 7.5), (7.5, 10.5), (10.5, 13.5)), 1):
            ax.text((begin + end) / 2, 1.06 * max(work), f"block {number}", ha="center", fontsize=13)
            ax.axvline(end, color=plots.GREY, linewidth=1, linestyle=":")
    else:
        ax.set_ylabel("10⁹ multiply-adds")


def draw_named(axes, found, depths):
    """Draw, for each depth, the map that is named best: found[depth] is (maps (C, h, w), best correlations (C,), names (C,))."""
    for ax, depth in zip(axes, depths):
        maps, match, which = found[depth]
        i = match.argmax().item()
        plots.draw_image(ax, maps[i] - maps[i].min(), f"part {depth}\n{NAMES[which[i]]}: {match[i]:.2f}")
