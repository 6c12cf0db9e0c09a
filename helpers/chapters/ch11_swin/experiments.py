"""What takes longer than chapter 11 may: `make experiments NB=11`. Task, network and training are the notebook's own cells."""

import torch

from helpers.course.rooms import room


def shift_seed_by_seed():
    """Does the shift join what lies in two windows, whatever the seed?

    Accuracy in percent on 2,000 maps, for pairs in one window and in two, after 190 steps.
    """
    torch.set_num_threads(1)
    known = room(11).run("imports", "task-figure", "task-net", "task-train")
    rows = []
    for seed in range(8):
        row = {"seed": seed}
        for shift, name in ((1, "shifted"), (0, "not shifted")):
            near, far = known["judged"](shift, seed)
            row |= {f"{name}, one window": f"{near:.1f}", f"{name}, two": f"{far:.1f}"}
        rows.append(row)
    return rows
