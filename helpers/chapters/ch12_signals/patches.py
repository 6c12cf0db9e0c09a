"""A task in colour: from which of four photographs is this patch?"""

import torch

from helpers import data

NAMES = ("astronaut", "cat", "coffee", "rocket")
SIDE, STRIPE = 192, 24


def patches(count, test=False, seed=0, size=12):
    """Cut square patches out of four photographs: (count, 3, size, size) with values from 0 to 1, and labels (count,).

    test: cut from the other vertical stripes, which no training patch touches
    """
    dice = torch.Generator().manual_seed(seed)
    pictures = [data.photograph(name, SIDE) for name in NAMES]
    images, labels = [], torch.arange(count) % len(NAMES)
    for label in labels.tolist():
        top = int(torch.randint(0, SIDE - size, (1,), generator=dice))
        stripe = 2 * int(torch.randint(0, SIDE // STRIPE // 2, (1,), generator=dice)) + test
        left = STRIPE * stripe + int(torch.randint(0, STRIPE - size + 1, (1,), generator=dice))
        images.append(pictures[label][:, top : top + size, left : left + size])
    return torch.stack(images), labels
