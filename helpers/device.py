"""Where the code runs: which processor, how many threads, which seed. The one place that decides."""

import random

import numpy as np
import torch


def pick_device(wanted=None):
    """Return the torch.device to compute on: an accelerator that works, else the CPU.

    wanted:  None to choose, or a name such as "cpu", "cuda", "mps"
    returns: torch.device
    raises:  ValueError where the wanted device does not exist here

    An accelerator counts only if a small product on it succeeds, so a broken driver falls back to the CPU.
    """
    if wanted is not None:
        try:
            torch.ones(1, device=wanted).item()
            return torch.device(wanted)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ValueError(f"device (={wanted!r}) cannot compute here: {error}; use pick_device() to choose") from None
    if torch.accelerator.is_available():
        found = torch.accelerator.current_accelerator()
        try:
            (torch.ones(2, 2, device=found) @ torch.ones(2, 2, device=found)).sum().item()
            return torch.device(found.type)
        except (RuntimeError, AssertionError, NotImplementedError):
            pass
    return torch.device("cpu")


def start(seed=0, threads=1):
    """Make the chapter repeatable: fix every seed, use few threads, return the device.

    seed:    int, for Python, NumPy and torch
    threads: int, CPU threads that torch may use
    returns: torch.device

    One thread, because this course's networks are tiny: handing their small sums out to two threads costs more than
    the sums, many times over when anything else runs on the machine.
    """
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads (={threads!r}) must be a whole number of at least 1")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return pick_device()
