"""Call a student's function without being harmed by it: fresh arguments, a time limit, no prints, the random state kept."""

import contextlib
import copy
import random
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


class OutOfTime(BaseException):
    """The time is up. Not an Exception, so that a student's `except Exception` lets it through."""


@dataclass
class Outcome:
    """What one call led to."""

    value: Any = None
    grads: dict | None = None  # name of an argument: gradient, or None where none reached it
    error: BaseException | None = None
    changed: str = ""  # the name of an argument that the call changed


@contextlib.contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the block after so many seconds; without effect off the main thread or without SIGALRM (Windows)."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def expire(*_):
        raise OutOfTime

    started, handler = time.monotonic(), signal.signal(signal.SIGALRM, expire)
    # It rings again every second, for an `except:` may have swallowed the first.
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - started), 1e-3), interval)


@contextlib.contextmanager
def same_dice():
    """Seed all random numbers in the block alike, with gradients on, and leave everything as it was."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=list(devices)), torch.enable_grad():
            # Not torch.manual_seed, which would also seed a GPU that is not in use yet.
            torch.default_generator.manual_seed(0)
            random.seed(0)
            np.random.seed(0)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def call(function, case, grad=False, view=None):
    """Call function(**case) on copies of the arguments and return its Outcome.

    grad: also differentiate the result, weighted unevenly, by every float tensor among the arguments
    view: turns the result into what is compared
    """
    outcome, leaves = Outcome(), {}
    arguments = copy.deepcopy(case)
    if grad:
        leaves = {name: value.requires_grad_() for name, value in arguments.items()
                  if isinstance(value, torch.Tensor) and value.is_floating_point()}
        arguments |= {name: leaf.clone() for name, leaf in leaves.items()}
    try:
        with same_dice():
            outcome.value = function(**arguments)
            if view is not None and outcome.value is not None:
                outcome.value = view(outcome.value)
            if isinstance(outcome.value, torch.Tensor) and outcome.value.requires_grad and leaves:
                weights = torch.linspace(1, 2, outcome.value.numel()).reshape(outcome.value.shape).to(outcome.value)
                found = torch.autograd.grad(outcome.value, list(leaves.values()), weights, allow_unused=True)
                outcome.grads = dict(zip(leaves, found, strict=True))
    except (OutOfTime, KeyboardInterrupt):
        raise
    except BaseException as error:  # also SystemExit: nothing that a student writes may end the notebook
        outcome.error = error
    outcome.changed = next((name for name in case if not _unchanged(case[name], arguments[name])), "")
    return outcome


def _unchanged(before, after):
    if isinstance(before, torch.nn.Module):
        before, after = before.state_dict(), after.state_dict()
    if isinstance(before, torch.Tensor):
        same_nan = (before != before) & (after != after) if before.shape == after.shape else False
        return before.shape == after.shape and bool(((before == after) | same_nan).all())
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_unchanged(before[key], after[key]) for key in before)
    return before == after
