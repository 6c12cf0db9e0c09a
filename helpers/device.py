"""Where the code runs: which processor, how many threads, which seed. The one place that decides."""

import random
import sys
from contextlib import contextmanager

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from helpers.checks import whole


def pick_device(wanted=None):
    """Return the torch.device to compute on: an accelerator that works, else the CPU.

    wanted:  None to choose, or a name such as "cpu", "cuda", "mps"
    returns: torch.device
    raises:  ValueError where the wanted device does not exist here

    An accelerator counts only if a small product on it succeeds, so a broken driver falls back to the CPU.
    """
    if wanted is not None:
        if isinstance(wanted, bool) or not isinstance(wanted, (str, int, torch.device)):
            raise ValueError(
                f'device (={wanted!r}) must be a name, such as "cpu" or "cuda"; use pick_device() to choose'
            )
        try:
            torch.ones(1, device=wanted).item()
            return torch.device(wanted)
        except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
            raise ValueError(
                f"device (={wanted!r}) cannot compute here: {error}; use pick_device() to choose"
            ) from None
    return try_accelerator()[0] or torch.device("cpu")


broken = ""  # why the accelerator that start() found does not work
hidden = {}  # of torch, while an optimizer steps: (module, name) → the function


def hide_broken(optimizer, args, kwargs):
    """Let an optimizer step on the CPU where the accelerator is broken, called by torch before each step.

    Even on the CPU, torch's optimizers ask at each step whether the stream of an "available" accelerator is being recorded,
    and a broken one answers by raising. So it is not available to them, and to nobody else.
    """
    if broken and not hidden:
        for module, name, function in (
            (torch.accelerator, "is_available", lambda: False),
            (torch.cuda, "is_available", lambda: False),
            (torch.accelerator, "current_accelerator", lambda check_available=False: None),
        ):
            hidden[module, name] = getattr(module, name)
            setattr(module, name, function)


def show_again(optimizer, args, kwargs):
    """Undo hide_broken, called by torch after each step; one that raised leaves it to the next."""
    while hidden:
        (module, name), function = hidden.popitem()
        setattr(module, name, function)


def try_accelerator():
    """Return (torch.device, "") for an accelerator that works, (None, why not) for a broken one, (None, "") for none."""
    if broken:
        return None, broken
    try:
        if not torch.accelerator.is_available():
            return None, ""
        found = torch.accelerator.current_accelerator()
        (torch.ones(2, 2, device=found) @ torch.ones(2, 2, device=found)).sum().item()
        return torch.device(found.type), ""
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return None, str(error).strip().partition("\n")[0] or type(error).__name__


@contextmanager
def preserve_rng():
    """Return a context at whose end torch's random states are as before, so that seeds set within change nothing outside.

    A GPU that is not in use is not asked for its state: it would be started for that, and a broken one would raise.
    """
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    apple = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        with torch.random.fork_rng(devices=list(gpus)):
            yield
    finally:
        if apple is not None:
            torch.mps.set_rng_state(apple)


own_dice = preserve_rng  # its former name


def start(seed=0, threads=1):
    """Make the chapter repeatable: fix every seed, use few threads, return the device.

    seed:    int, for Python, NumPy and torch
    threads: int, CPU threads that torch may use
    returns: torch.device; that an accelerator is there and does not work is said on stderr

    One thread, because this course's networks are small: on a quiet machine a second saves less than half of the time,
    and where anything else computes, a browser or a neighbour on a hub, the two wait for each other, and a step can take
    several times as long (docs/measured.md, Threads).
    """
    seed = whole("seed", seed, 0, 2**32 - 1, "NumPy takes no other")
    threads = whole("threads", threads, 1)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    global broken
    device, problem = try_accelerator()
    if problem and not broken:
        broken = problem
        register_optimizer_step_pre_hook(hide_broken)
        register_optimizer_step_post_hook(show_again)
    if problem:
        print(
            f"The accelerator of this machine does not work ({problem}), so the CPU computes. It is enough for this"
            " course; look at the driver and at which torch is installed if you want the accelerator.",
            file=sys.stderr,
        )
    return device or torch.device("cpu")
