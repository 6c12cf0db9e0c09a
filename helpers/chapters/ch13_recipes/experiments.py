"""What is too long for chapter 13: the explorer's table, the best peak of each schedule, early stopping on many seeds."""

from itertools import product

import numpy as np
import torch

from helpers.chapters.ch13_recipes.explorer import GRID, TABLE
from helpers.chapters.ch13_recipes.side_by_side import SCHEDULES, clothes, train_many, wrong_labels
from helpers.course.rooms import room

SEEDS, EPOCHS = 5, 15


def budget_table():
    """How good can each schedule be at its best recipe, by the share of wrong labels? Writes the explorer's table as well.

    1,000 images, 15 epochs, validation score in % at the end, mean of 5 seeds.
    """
    x, y, (images, right) = clothes(1000)
    held_out = images[:1000], right[:1000]
    plan = [dict(zip(GRID, values), seed=seed) for values in product(*GRID.values()) for seed in range(SEEDS)]
    found = []
    for start in range(0, len(plan), 150):
        part = plan[start : start + 150]
        labels = torch.stack([wrong_labels(y, run["wrong"] / 100, run["seed"]) for run in part])
        found.append(train_many((196, 64, 10), x, labels, held_out, EPOCHS, part))
        print(f"{start + len(part):,} of {len(plan):,} runs", end="\r")
    scores = torch.cat(found, 1).permute(1, 0, 2).reshape(*map(len, GRID.values()), SEEDS, EPOCHS, 2)
    np.savez_compressed(TABLE, scores=(scores * 10).round().numpy().astype(np.uint16))
    best = scores[..., -1, 0].mean(-1)
    return [
        {"schedule": name}
        | {f"{wrong} % wrong": f"{best[i, ..., w].max():.1f}" for w, wrong in enumerate(GRID["wrong"])}
        for i, name in enumerate(GRID["schedule"])
    ]


def peaks():
    """Which peak rate is best for each schedule?

    5,000 images, 8 epochs, validation score in %, mean and deviation of seeds 10 to 14.
    """
    x, y, held_out = clothes(5000)
    rates = (0.003, 0.01, 0.03, 0.1, 0.2)
    runs = [dict(schedule=n, peak=p, seed=s) for n in SCHEDULES for p in rates for s in range(10, 15)]
    found = train_many((196, 64, 64, 10), x, y.expand(len(runs), -1), held_out, 8, runs)
    ends = found[-1, :, 0].view(len(SCHEDULES), len(rates), 5)
    return [
        {"schedule": name} | {f"peak {rate:g}": f"{v.mean():.1f} ± {v.std():.1f}" for rate, v in zip(rates, row)}
        for name, row in zip(SCHEDULES, ends)
    ]


def early_stopping():
    """What does early stopping change, over more seeds than the chapter has time for?

    The chapter's own cells; 1,000 images, 30 epochs, test score in %, mean and deviation of seeds 100 to 139.
    """
    names = room(13).run("imports", "data", "net", "fit", "watch")
    rows = []
    for share in (0.0, 0.4):
        watched = [names["watch"](share, seed) for seed in range(100, 140)]
        stopped = torch.tensor([right[names["stop_at"](losses)] for losses, right in watched])
        end = torch.tensor([right[-1] for _, right in watched])
        gain = stopped - end
        row = {"wrong labels": f"{100 * share:.0f} %"}
        row |= {
            name: f"{v.mean():.1f} ± {v.std():.1f}" for name, v in (("stopped", stopped), ("end", end), ("gain", gain))
        }
        rows.append(row | {"lowest and highest gain": f"{gain.min():+.1f}, {gain.max():+.1f}"})
    return rows
