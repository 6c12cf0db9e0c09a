"""The exercises of chapter 20: fog, useful waves, half of the light, finer samples, a weighted sum with three bugs."""

import math

import torch

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "fog",
    reference=lambda density, length, n: math.exp(-density * length),
    cases=lambda: [
        dict(density=density, length=length, n=n)
        for density, length, n in ((0.5, 2.0, 4), (3.0, 0.7, 1), (1.2, 1.5, 30), (0.05, 8.0, 7))
    ],
    mistakes=[
        (
            lambda density, length, n: 1 - math.exp(-density * length),
            "that is the share that is **stopped**: what comes through is the rest.",
        ),
        (
            lambda density, length, n: max(0.0, 1 - density * length / n) ** n,
            "each step lets **exp(−σ · step)** through, not 1 − σ · step, which is its first two terms.",
        ),
        (
            lambda density, length, n: math.exp(-density * length / n),
            "that is **one** step: there are n of them, one behind the other.",
        ),
        (
            lambda density, length, n: math.exp(-density * length * n),
            "each step is length / n long: n steps are **not** n times the length.",
        ),
        (
            lambda density, length, n: n * math.exp(-density * length / n),
            "shares that follow each other are **multiplied**, not added.",
        ),
    ],
    hints=[
        "One step of length / n lets exp(−σ · length / n) through.",
        "n such shares multiplied: the exponents add up.",
    ],
)


def _waves(pixels=2, strict=False, last=False):
    def count(size):
        k = 0
        while 4 / 2**k > pixels * 2 / size if strict else 4 / 2**k >= pixels * 2 / size:
            k += 1
        return k - last

    return count


Exercise(
    "useful_waves",
    reference=_waves(),
    cases=lambda: [dict(size=size) for size in (64, 48, 100, 7, 256)],
    mistakes=[
        (
            _waves(pixels=1),
            "one **too many**: two pixels make the shortest period, and a pixel is 2 / size wide, not 1 / size.",
        ),
        (
            _waves(last=True),
            "one **too few**: k begins at 0, and that wave's period is 4, twice the picture.",
        ),
        (_waves(strict=True), "**at least** two pixels: a period of exactly two counts."),
        (lambda size: math.log2(size), "how many is a **whole** number, and wave 0 is one of them."),
    ],
    hints=[
        "By how much must x grow until wave k repeats? And how wide is a pixel, if the picture goes from −1 to 1?",
        "The period of wave k is 4 / 2^k; a pixel is 2 / size wide. Count k = 0, 1, 2, … as long as 4 / 2^k is at least 4 / size.",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _half(limit=0.5, missing=math.inf, mean=False, largest=False, last=False, share=False):
    def half(t, weights):
        if mean:
            return (t * weights).sum(1) / weights.sum(1)
        if largest:
            return t.gather(1, weights.argmax(1, keepdim=True))[:, 0]
        sums = weights.cumsum(1)
        if share:
            sums = sums / sums[:, -1:]
        found = torch.where(sums >= limit, t, missing).amin(1)
        return torch.where(sums[:, -1] >= limit, found, t[:, -1]) if last else found

    return half


def _rays():
    for seed, (N, n) in enumerate(((3, 5), (4, 7), (2, 9))):
        dice = torch.Generator().manual_seed(seed)
        weights = torch.rand(N, n, generator=dice)
        weights = 0.9 * weights / weights.sum(1, keepdim=True)
        weights[-1] *= 0.4  # a ray that passes
        yield dict(t=2 + torch.rand(N, n, generator=dice).cumsum(1), weights=weights)


Exercise(
    "half_distance",
    reference=_half(),
    cases=lambda: list(_rays()),
    mistakes=[
        (_half(mean=True), "that is the **mean** distance, as the page has it."),
        (_half(largest=True), "that is the sample with the **largest** weight: half of the light may be gone before."),
        (
            _half(missing=0.0),
            "samples before the half count as distance **0**, and the minimum takes them: put **inf** there.",
        ),
        (
            _half(last=True),
            "a ray of which less than half is stopped has no such distance: **inf**, not its last sample.",
        ),
        (_half(share=True), "half of **all** light, not of what is stopped: do not divide by the sum of the weights."),
    ],
    hints=[
        "weights.cumsum(1) is what has been stopped so far.",
        "torch.where(sums >= 0.5, t, inf), and the smallest of each ray.",
    ],
)


def _finer(step=False, middle=False, below=False, weights_only=False):
    def place(edges, weights, u):
        sums = torch.cat([torch.zeros(1), weights.cumsum(0)])
        if weights_only:
            return edges[0] + u * (edges[-1] - edges[0])
        part = torch.searchsorted(sums, u).clamp(1, len(weights))
        share = (u - sums[part - 1]) / (sums[part] - sums[part - 1])
        if step:
            share = torch.zeros_like(share)
        if middle:
            share = torch.full_like(share, 0.5)
        if below:
            share = 1 - share
        return edges[part - 1] + share * (edges[part] - edges[part - 1])

    return place


def _histograms():
    for seed, (n, m) in enumerate(((3, 5), (6, 4), (9, 8))):
        dice = torch.Generator().manual_seed(seed)
        weights = torch.rand(n, generator=dice) + 0.05
        edges = 2 + torch.cat([torch.zeros(1), (0.1 + torch.rand(n, generator=dice)).cumsum(0)])
        yield dict(edges=edges, weights=weights / weights.sum(), u=0.02 + 0.96 * torch.rand(m, generator=dice))


Exercise(
    "place_finer",
    reference=_finer(),
    cases=lambda: list(_histograms()),
    mistakes=[
        (_finer(weights_only=True), "that spreads them **evenly**: the weights are not used."),
        (
            _finer(step=True),
            "all stand at the **first edge** of their part: go as far into it as u does between its sums.",
        ),
        (
            _finer(middle=True),
            "all stand in the **middle** of their part: go as far into it as u does between its sums.",
        ),
        (_finer(below=True), "counted from the **far** edge of the part: share 0 is the near one."),
    ],
    hints=[
        "The sums at the edges: 0, w₁, w₁ + w₂, …, 1: n + 1 numbers, as many as edges.",
        "torch.searchsorted(sums, u) is the number of the edge above; the part lies between it and the one before.",
        "share = (u − sums[below]) / (sums[above] − sums[below]); the distance is edges[below] + share · (the part's length).",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _composite(through=True, shift=True, ground=True, black=False, first_zero=False):
    def composite(density, colour, step):
        alpha = 1 - torch.exp(-density * step)
        left = torch.cumprod(1 - alpha if through else alpha, 1)
        if shift:
            start = torch.zeros_like(left[:, :1]) if first_zero else torch.ones_like(left[:, :1])
            left = torch.cat([start, left[:, :-1]], 1)
        w = alpha * left
        total = (w[..., None] * colour).sum(1)
        return total + (1 - w.sum(1, keepdim=True)) if ground else total

    return composite


def _samples():
    for seed, (N, n) in enumerate(((2, 4), (3, 5), (5, 3))):
        dice = torch.Generator().manual_seed(seed)
        density, colour = 2 * torch.rand(N, n, generator=dice), torch.rand(N, n, 3, generator=dice)
        yield dict(density=density, colour=colour, step=0.1 + 0.5 * torch.rand(N, n, generator=dice))


Exercise(
    "composite",
    reference=_composite(),
    cases=lambda: list(_samples()),
    grad=True,
    mistakes=[
        (
            _composite(through=False, shift=False, ground=False),
            "that is the broken one: **all three** bugs are still there.",
        ),
        (
            _composite(through=False, shift=False),
            "T is what the samples **let through**, 1 − α, multiplied; not what they stop.",
        ),
        (_composite(through=False), "T is a product of **1 − α**, what each lets through, not of α."),
        (_composite(shift=False), "each sample stands in **its own** way: T before it, not after it."),
        (_composite(ground=False), "the **white ground** is missing: what light is left, 1 − Σw, comes from there."),
        (_composite(first_zero=True), "before the first sample **all** the light is there: T begins with 1."),
    ],
    hints=[
        "What should the first of two walls do with the light of the second? And what does cumprod(alpha) say?",
        "T = 1, (1 − α₁), (1 − α₁)(1 − α₂), …: the product of what those before let through.",
        "Add 1 − Σw for the white ground.",
    ],
)
