"""How the learning rate changes from step to step."""

import math
from numbers import Real

from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from helpers.checks import check_choice

# The share of the highest learning rate at a share t of all steps, from 0 to 1.
SHAPES = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1 - t,
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
    "step": lambda t: 0.1 ** ((t >= 0.5) + (t >= 0.75)),  # He et al. 2016, section 4.2: after 32 and 48 of 64 thousand
}
NAMES = (*SHAPES, "one-cycle")


def make_schedule(optimizer, schedule, steps, warmup=0):
    """Return the torch LRScheduler that is to be stepped after each update.

    schedule: "constant"; "linear" or "cosine", from lr to 0; "step", a tenth after one half and again after three
              quarters; "one-cycle", up to lr, then down towards 0 (Smith & Topin 2019); a function from the number of the
              step, 0 for the first, to a factor of lr; or a function from the optimizer to a torch LRScheduler
    steps:    how many there will be
    warmup:   steps in which the rate rises in equal parts to lr before the schedule begins
    raises:   ValueError for an unknown schedule, or a warm-up for one that has its own
    """
    if isinstance(schedule, str):
        check_choice("schedule", schedule, NAMES)
    elif not callable(schedule):
        raise ValueError(f"schedule (={schedule!r:.60}) must be one of {', '.join(NAMES)}, or a function")
    by_step = is_of_step(schedule)
    if warmup and not by_step and schedule not in SHAPES:
        raise ValueError(
            f"warmup (={warmup}) goes with a named schedule or a function of the step: "
            f"{'one-cycle warms up by itself' if schedule == 'one-cycle' else 'build it into your scheduler'}"
        )
    if schedule == "one-cycle":
        return OneCycleLR(optimizer, [group["lr"] for group in optimizer.param_groups], steps)
    if not by_step and callable(schedule):
        made = schedule(optimizer)
        if not isinstance(made, LRScheduler) or isinstance(made, ReduceLROnPlateau):
            raise ValueError(
                f"schedule made a {type(made).__name__}: it must make a torch LRScheduler whose step() needs no "
                "measured value, or return a factor of lr for the number of a step"
            )
        return made

    def factor(step):
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return schedule(step - warmup) if by_step else SHAPES[schedule]((step - warmup) / max(1, steps - warmup))

    return LambdaLR(optimizer, factor)


def is_of_step(schedule):
    """Return whether the schedule is a function from the number of a step to a factor, and not one from an optimizer."""
    try:
        return callable(schedule) and isinstance(schedule(0), Real)
    except Exception:  # whatever a scheduler says of an optimizer that is 0
        return False
