"""The exercises of chapter 13: a weight at rest, AdamW, dropout, a schedule, and patience."""

import math

import torch

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "weight_at_rest",
    reference=lambda rate, decay, steps: (1 - rate * decay) ** steps,
    cases=lambda: [
        dict(rate=0.1, decay=0.5, steps=3),
        dict(rate=0.01, decay=2.0, steps=40),
        dict(rate=0.2, decay=0.1, steps=7),
    ],
    mistakes=[
        (lambda rate, decay, steps: 1.0, "AdamW shrinks a weight **even without a gradient**: that is its decay."),
        (
            lambda rate, decay, steps: 1 - rate * decay * steps,
            "each step takes a share of what is **left**, not of the first value: multiply, do not subtract.",
        ),
        (
            lambda rate, decay, steps: (1 - decay) ** steps,
            "the **rate** is missing: a step takes rate · decay of the weight.",
        ),
        (lambda rate, decay, steps: 1 - rate * decay, "that is after **one** step."),
        (
            lambda rate, decay, steps: 1 - rate * steps,
            "that moves by the **rate** at each step, as Adam with L2 does at first: AdamW takes off the share rate · decay of "
            "what is left.",
        ),
    ],
    hints=["What does one step without gradient do?", "w ← w − rate · decay · w, and this `steps` times."],
)

# --------------------------------------------------------------------------------------------------------------- build


def _adamw(w, g, m, v, step, rate, decay, l2=False, unbiased=True, root=True, scaled=True):
    g = g + decay * w if l2 else g
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    m_hat, v_hat = (m / (1 - 0.9**step), v / (1 - 0.999**step)) if unbiased else (m, v)
    move = m_hat / ((v_hat.sqrt() if root else v_hat) + 1e-8)
    shrink = 0 if l2 else (rate * decay if scaled else decay)
    return w * (1 - shrink) - rate * move, m, v


def _adamw_cases():
    dice = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randn(n, generator=dice)  # noqa: E731
    return [
        dict(w=draw(n), g=draw(n), m=draw(n) / 3, v=draw(n) ** 2, step=step, rate=rate, decay=decay)
        for n, step, rate, decay in ((3, 1, 0.1, 0.5), (4, 5, 0.02, 0.9), (2, 20, 0.3, 0.2))
    ]


Exercise(
    "adamw_step",
    reference=lambda w, g, m, v, step, rate, decay: _adamw(w, g, m, v, step, rate, decay),
    cases=_adamw_cases,
    mistakes=[
        (
            lambda **k: _adamw(**k, l2=True),
            "the decay went **into the gradient**: that is Adam with L2. Take it off the weight.",
        ),
        (
            lambda **k: _adamw(**k, unbiased=False),
            "m and v began at 0 and are **too small** at first: divide by 1 − 0.9ᵗ and 1 − 0.999ᵗ.",
        ),
        (lambda **k: _adamw(**k, root=False), "the **square root** of v is missing: v holds squares."),
        (lambda **k: _adamw(**k, scaled=False), "the decay is multiplied by the **rate**: rate · decay · w."),
        (
            lambda **k: _adamw(**{**k, "decay": 0.0}),
            "there is **no decay** in it: that is plain Adam.",
        ),
    ],
    hints=[
        "Two running means first: of g with 0.9, of g² with 0.999.",
        "Divide them by 1 − 0.9**step and 1 − 0.999**step, but return the undivided ones.",
        "w · (1 − rate · decay) − rate · m̂ / (√v̂ + 1e-8).",
    ],
)

Exercise(
    "dropout_by_hand",
    reference=lambda x, keep, p, training: x * keep / (1 - p) if training else x,
    cases=lambda: [
        dict(x=torch.tensor([1.0, -2.0, 3.0, 4.0]), keep=torch.tensor([1.0, 0.0, 1.0, 0.0]), p=0.4, training=True),
        dict(x=torch.tensor([5.0, 2.0, -1.0]), keep=torch.tensor([0.0, 1.0, 1.0]), p=0.2, training=True),
        dict(x=torch.tensor([2.0, 7.0]), keep=torch.tensor([0.0, 1.0]), p=0.3, training=False),
    ],
    mistakes=[
        (
            lambda x, keep, p, training: x * keep if training else x,
            "the values that are left must **grow**, or the mean falls: divide by 1 − p.",
        ),
        (
            lambda x, keep, p, training: x * keep / (1 - p),
            "in **eval mode** nothing is dropped and nothing scaled.",
        ),
        (
            lambda x, keep, p, training: x * keep / p if training else x,
            "p is the probability to be **dropped**: a share 1 − p is left.",
        ),
        (
            lambda x, keep, p, training: x * (1 - keep) / (1 - p) if training else x,
            "`keep` is 1 where a value **stays**.",
        ),
        (
            lambda x, keep, p, training: x * keep if training else x * (1 - p),
            "that scales at **test time**, as the first paper did: torch scales while training.",
        ),
    ],
    hints=["In eval mode return x.", "While training, x · keep, and what is left divided by the share that is left."],
)


def _cosine(step, steps, warmup, whole=False, late=0, half=True, up=True):
    if step < warmup:
        return (step + 1 - late) / warmup if up else 1.0
    t = step / steps if whole else (step - warmup) / (steps - warmup)
    return (1 + math.cos(math.pi * t)) / 2 if half else math.cos(math.pi * t / 2)


Exercise(
    "warmup_cosine",
    reference=lambda step, steps, warmup: _cosine(step, steps, warmup),
    cases=lambda: (
        [dict(step=s, steps=50, warmup=10) for s in (0, 3, 9, 10, 23, 49)] + [dict(step=6, steps=9, warmup=2)]
    ),
    mistakes=[
        (lambda **k: _cosine(**k, late=1), "the **first step** would have rate 0 and be wasted: begin at 1 / warmup."),
        (
            lambda **k: _cosine(**k, whole=True),
            "the cosine begins **after** the warm-up, at 1: count its share of the steps that are left.",
        ),
        (lambda **k: _cosine(**k, up=False), "there is **no warm-up** in it."),
        (lambda **k: _cosine(**k, half=False), "that is a **quarter** of a wave: half a wave is level at both ends."),
    ],
    hints=[
        "Two cases: step < warmup, and the rest.",
        "(step + 1) / warmup; then t = (step − warmup) / (steps − warmup), and (1 + cos πt) / 2.",
    ],
)

# --------------------------------------------------------------------------------------------------------------- debug


def _patience(losses, patience, reset=True, answer="best", last=False):
    best, where, waited = math.inf, 0, 0
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, where = loss, epoch
            waited = 0 if reset else waited
        else:
            waited += 1
            best = loss if last else best
            if waited == patience:
                return where if answer == "best" else epoch
    return where if answer == "best" else len(losses) - 1


Exercise(
    "stop_mended",
    reference=lambda losses, patience: _patience(losses, patience),
    cases=lambda: [
        dict(losses=[5.0, 4.0, 4.5, 3.0, 3.5, 2.0, 2.5, 1.5, 1.6, 1.7, 1.8, 1.0], patience=3),
        dict(losses=[3.0, 2.0, 4.0, 3.5, 3.0, 2.5], patience=2),
        dict(losses=[3.0, 1.0, 4.0, 2.0, 3.0, 2.5], patience=4),
        dict(losses=[4.0, 3.0, 2.5, 2.6, 2.7], patience=5),
    ],
    mistakes=[
        (
            lambda **k: _patience(**k, reset=False),
            "the count of epochs without progress is never set back to **0**: `patience` bad epochs in all end it.",
        ),
        (
            lambda **k: _patience(**k, answer="last"),
            "that is the epoch where training **ended**: the best weights are older; remember their epoch.",
        ),
        (
            lambda **k: _patience(**k, last=True),
            "each loss is compared with the **one before**: it must be below the best so far.",
        ),
        (
            lambda losses, patience: _patience(losses, patience, answer="last") - patience,
            "counting back by `patience` works only where the **stop came**: remember the epoch of the best loss.",
        ),
        (lambda **k: _patience(**k, reset=False, answer="last"), "two bugs, and **both** are still there."),
        (
            lambda losses, patience: min(range(len(losses)), key=lambda i: losses[i]),
            "that looks at **all** epochs, also at those after the stop, which were never trained.",
        ),
    ],
    hints=["Follow 5, 4, 4.5, 3, 3.5, 2 with patience 2 by hand.", "What should happen to `waited` after progress?"],
)
