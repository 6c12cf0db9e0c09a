"""The exercises of chapter 19: Dice and IoU, windows, flood fill, the next click, a minimum in the wrong place."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "dice_of",
    reference=lambda iou: 2 * iou / (1 + iou),
    cases=lambda: [dict(iou=value) for value in (0.5, 0.25, 0.8, 1.0, 0.0, 1 / 3)],
    mistakes=[
        (lambda iou: iou, "that says that they are **equal**: Dice counts the overlap twice, above and below."),
        (lambda iou: iou / (2 - iou), "that is the **way back**, from Dice to IoU."),
        (
            lambda iou: 2 * iou,
            "twice the overlap, but also divided by **both areas**: the union is only their sum less the overlap.",
        ),
        (lambda iou: 2 * iou / (2 + iou), "the two areas add up to union **+** overlap: with union 1 that is 1 + iou."),
        (lambda iou: (1 + iou) / 2, "it must be **0** where nothing overlaps."),
    ],
    hints=[
        "Let the union be 1. Then the overlap is iou. What is the sum of the two areas?",
        "The overlap is counted twice in that sum: 1 + iou. Dice is twice the overlap over it.",
    ],
)


def _pairs(pad=True, up=True, tokens=False):
    def pairs(grid, window):
        if window is None:
            return grid**2 if tokens else grid**4
        if not pad:
            return round((grid / window) ** 2 * window**4)
        count = (-(-grid // window) if up else grid // window) ** 2
        return count * (window**2 if tokens else window**4)

    return pairs


Exercise(
    "pairs",
    reference=_pairs(),
    cases=lambda: [dict(grid=g, window=w) for g, w in ((64, None), (64, 14), (28, 14), (10, 4), (9, None))],
    mistakes=[
        (_pairs(pad=False), "a window that hangs over the edge is **filled up**, and its zeros are computed too."),
        (_pairs(up=False), "the last tokens of a row need a window too: round **up**."),
        (_pairs(tokens=True), "that is the number of **tokens**: each meets all of its window, itself too."),
        (lambda grid, window: grid**4, "that is without windows: tokens meet only those of **their own** window."),
        (
            lambda grid, window: grid**4 if window is None else window**4,
            "that is **one** window: how many are there?",
        ),
    ],
    hints=[
        "How many tokens has a grid of side g, and how many does each of them meet, itself too?",
        "A grid of side g has g² tokens, and g² · g² pairs. With windows: how many stand side by side? Round up. Squared, that is their number.",
        "Each window has window² tokens, so window⁴ pairs.",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _fill(near=((0, 1), (1, 0), (0, -1), (-1, 0)), chain=False, once=False, connected=True, swap=False, each=True):
    def fill(image, x, y, limit):
        image = image.detach().cpu()
        H, W = image.shape[1:]
        x, y = (y, x) if swap else (x, y)
        x, y = min(x, W - 1), min(y, H - 1)
        start = image[:, y, x]

        def alike(r, c, colour):
            apart = (image[:, r, c] - colour).abs()
            return bool(apart.amax() <= limit) if each else bool(apart.sum() <= limit)

        grown = torch.zeros(H, W, dtype=torch.bool)
        if not connected:
            return (image - start[:, None, None]).abs().amax(0) <= limit
        grown[y, x] = True
        waiting = [(y, x)]
        while waiting:
            r, c = waiting.pop(0)
            for dr, dc in near:
                a, b = r + dr, c + dc
                if 0 <= a < H and 0 <= b < W and not grown[a, b] and alike(a, b, image[:, r, c] if chain else start):
                    grown[a, b] = True
                    if not once:
                        waiting.append((a, b))
        return grown

    return fill


def _rooms():
    dice = torch.Generator().manual_seed(0)
    picture = torch.zeros(3, 7, 9)
    picture[:, 1:5, 1:4], picture[:, 4:6, 3:8], picture[:, 0:2, 6:9] = 0.5, 0.5, 0.5
    picture[:, 6, 8] = 0.5
    picture[0, 2, 2] = 0.62
    yield dict(image=picture, x=1, y=2, limit=0.15)
    slope = torch.linspace(0, 1, 8).expand(3, 5, 8).clone()
    yield dict(image=slope, x=2, y=1, limit=0.2)
    mixed = (torch.rand(3, 6, 5, generator=dice) * 0.5).round(decimals=2)
    yield dict(image=mixed, x=4, y=1, limit=0.29)
    corner = torch.ones(3, 4, 6)
    corner[:, 0, 0], corner[:, 1, 1], corner[:, 2, 2] = 0.3, 0.3, 0.3
    yield dict(image=corner, x=1, y=1, limit=0.1)


_EIGHT = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))

Exercise(
    "fill",
    reference=_fill(),
    cases=lambda: list(_rooms()),
    mistakes=[
        (_fill(connected=False), "all pixels of that colour, **wherever** they lie: it must grow from the click."),
        (_fill(chain=True), "compared with the **neighbour**: on a slope it runs on and on. Compare with the click."),
        (_fill(once=True), "only the **neighbours of the click**: those that join have neighbours too."),
        (_fill(near=_EIGHT), "it passes through **corners**: here only the four neighbours that share an edge count."),
        (_fill(swap=True), "**x and y** are exchanged: the pixel is image[:, y, x]."),
        (_fill(each=False), "the differences of the three colours are **added**: each of them may be `limit`."),
    ],
    hints=[
        "Keep a list of pixels whose neighbours are still to be looked at; it begins with the click.",
        "Take one out; for each of its four neighbours inside the picture, not yet filled, and like the click: fill it and put it in.",
        "Like the click: (image[:, r, c] - image[:, y, x]).abs().max() <= limit",
    ],
    seconds=20,
)


def _click(own=True, kind=True, depth=True, swap=False, union=False, missed_only=False, edge=True):
    def click(guess, truth):
        wrong = (guess + truth) > 0 if union else truth > guess if missed_only else guess != truth
        H, W = wrong.shape
        best, found = -1, (0, 0)
        for r in range(H):
            for c in range(W):
                if not wrong[r, c]:
                    continue
                deep = 0
                if depth:
                    near = [abs(r - a) + abs(c - b) for a in range(H) for b in range(W) if not wrong[a, b]]
                    if edge:
                        near += [r + 1, c + 1, H - r, W - c]
                    deep = min(near) if near else H + W
                if deep > best:
                    best, found = deep, (r, c)
        r, c = found
        said = bool(truth[r, c]) if own else not bool(truth[r, c])
        x, y = (r, c) if swap else (c, r)
        return (x, y, int(said) if kind else 1)

    return click


def _guesses():
    truth = torch.zeros(8, 9, dtype=torch.int64)
    truth[1:7, 1:6] = 1
    guess = torch.zeros_like(truth)
    guess[1:7, 1:3] = 1
    yield dict(guess=guess, truth=truth)
    too_much = truth.clone()
    too_much[2:8, 5:9] = 1
    yield dict(guess=too_much, truth=truth)
    both = truth.clone()
    both[0:3, 6:9], both[5:7, 1:3] = 1, 0
    yield dict(guess=both, truth=truth)
    rim = torch.zeros(5, 6, dtype=torch.int64)
    rim[:, :3] = 1
    yield dict(guess=torch.zeros_like(rim), truth=rim)


Exercise(
    "next_click",
    reference=_click(),
    cases=lambda: list(_guesses()),
    mistakes=[
        (
            _click(own=False),
            "the kind is **turned round**: what was missed needs a click on it, 1; what is too much, 0.",
        ),
        (_click(kind=False), "always **1**: where the guess is too large, the click must say 0, beside it."),
        (_click(depth=False), "that is the **first** wrong pixel in reading order, not the one deepest in the error."),
        (_click(swap=True), "**x and y** are exchanged: x is the column."),
        (_click(union=True), "the click lies where either mask is: look for where they **differ**."),
        (_click(missed_only=True), "only what was **missed** is looked at: what is too much is an error as well."),
        (_click(edge=False), "outside of the picture **counts as right**: a pixel at the rim is not deep."),
    ],
    hints=[
        "wrong = guess != truth. For each wrong pixel: how far is the nearest pixel that is not wrong?",
        "Distance in steps: |Δrow| + |Δcolumn|. Outside the picture nothing is wrong: row r is r + 1 steps from above it, H - r from below.",
        "Keep the first pixel with the largest distance; return (column, row, int(truth[row, column])).",
    ],
    seconds=20,
)


# --------------------------------------------------------------------------------------------------------------- debug


def _best(where="mask", axis=1, reduce="min", mean=True):
    def best(masks, target):
        wanted = target[:, None].to(masks).expand_as(masks)
        loss = F.binary_cross_entropy_with_logits(masks, wanted, reduction="none")
        if where == "pixel":
            return loss.min(1).values.mean()
        loss = loss.mean((2, 3))
        if where == "batch":
            return loss.mean(0).min()
        if reduce == "mean":
            return loss.mean()
        found = getattr(loss, reduce)(axis).values
        return found.mean() if mean else found.sum()

    return best


def _answers():
    for seed, (M, K, H, W) in enumerate(((4, 3, 5, 6), (2, 3, 4, 3), (5, 2, 3, 7))):
        dice = torch.Generator().manual_seed(seed)
        target = torch.rand(M, H, W, generator=dice) > 0.4
        yield dict(masks=2 * torch.randn(M, K, H, W, generator=dice), target=target)


Exercise(
    "best_of_three",
    reference=_best(),
    cases=lambda: list(_answers()),
    grad=True,
    mistakes=[
        (
            _best(where="pixel"),
            "that is the broken one: each **pixel** takes the mask that suits it, and no mask need be right.",
        ),
        (_best(where="batch"), "one mask for **all examples**: each example has its own best."),
        (_best(axis=0), "the minimum runs over the **examples**: it belongs to the masks, axis 1."),
        (_best(reduce="max"), "that is the **worst** of the three."),
        (_best(reduce="mean"), "the **mean** over the masks: then all three are pulled to the same blur."),
        (_best(mean=False), "that is the **sum** over the examples: take their mean."),
    ],
    hints=[
        "In which order: pixels, masks, examples? Which of the three gets the minimum?",
        "First the mean over the pixels: (M, K). Then the minimum over K. Then the mean over M.",
    ],
)
