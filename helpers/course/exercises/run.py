"""Call a student's function without being harmed by it: fresh arguments, a time limit, no prints, everything put back.

What is put back: random states, torch's defaults, warnings, and the functions of Python, NumPy, torch and this course, which
the reference and the comparison use too.
"""

import builtins
import contextlib
import copy
import functools
import math
import random
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.course.exercises.compare import bare


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

    def again(frame, event, arg):
        if event == "line":
            raise OutOfTime
        return again

    def expire(signum, frame):
        # An `except:` around an endless loop, itself in a loop, swallows this one. So the next line of each function that runs
        # now raises another, which is out of that `except:`.
        inside = []
        while frame is not None and frame.f_code is not call.__code__:
            inside.append(frame)
            frame = frame.f_back
        if frame is not None:
            for waiting in inside:
                waiting.f_trace = again
            sys.settrace(lambda *_: None)
        raise OutOfTime

    started, handler, tracer = time.monotonic(), signal.signal(signal.SIGALRM, expire), sys.gettrace()
    # It rings again every second, for what is nested more deeply may have swallowed both.
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        sys.settrace(tracer)
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


@functools.cache
def owners():
    """Return the modules and classes whose functions everything uses."""
    modules = [
        builtins,
        math,
        random,
        np,
        np.linalg,
        np.random,
        torch,
        nn.functional,
        torch.linalg,
        torch.random,
        torch.special,
        torch.autograd,
    ]
    kinds = [torch.Tensor, *(kind for kind in vars(nn).values() if isinstance(kind, type))]
    return [*modules, nn, *kinds]


@contextlib.contextmanager
def kept(exercises=()):
    """Put back in the end what a student's function may have changed for everybody; yield a list that then names it.

    In the list are functions and classes that were replaced, of Python, NumPy, torch and this course, and whatever was changed
    in the exercises themselves.
    Settings of torch and the filters of warnings are put back without a word.
    """
    ours = [module for name, module in list(sys.modules.items()) if name.startswith("helpers") and module is not None]
    ours += [
        kind
        for module in ours
        if module.__name__.startswith("helpers.course.exercises")
        for kind in list(vars(module).values())
        if isinstance(kind, type) and kind.__module__ == module.__name__
    ]
    before = [(owner, vars(owner).copy()) for owner in [*owners(), *ours, *exercises]]
    dtype, device, threads, depth = (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        sys.getrecursionlimit(),
    )
    replaced = []
    try:
        with warnings.catch_warnings(), no_exit():
            yield replaced
    finally:
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if sys.getrecursionlimit() != depth:
            sys.setrecursionlimit(depth)
        for owner, names in before:
            if names == vars(owner):
                continue
            name = getattr(owner, "__name__", "exercise")
            replaced += [f"{name}.{what}" for what in put_back(owner, names, everything=name == "exercise")]


def put_back(owner, names, everything=False):
    """Give a module, a class or an object its functions back; return the names of those that had been replaced.

    names:      what it had before
    everything: also what is no function
    """
    now, missing, is_class = vars(owner), object(), isinstance(owner, type)

    def acts(value):
        return callable(value) or everything or is_class and hasattr(type(value), "__get__")

    changed = [name for name, value in names.items() if now.get(name, missing) is not value and acts(value)]
    for name in changed:
        setattr(owner, name, names[name])
    # What is new does no harm, unless it hides what a class inherits, or what a module takes from Python.
    hidden = owner.__mro__[1:] if is_class else [builtins]
    new = [name for name in now.keys() - names.keys() if acts(now[name]) and any(name in vars(base) for base in hidden)]
    for name in new:
        delattr(owner, name)
    return changed + new


@contextlib.contextmanager
def no_exit():
    """IPython's exit() and quit() end the kernel, and the notebook with it; in the block they raise SystemExit, as Python's do."""
    from IPython import get_ipython

    def leave(*_, **__):
        raise SystemExit

    shell = get_ipython()
    if shell is None:
        yield
        return
    shell.ask_exit = leave
    try:
        yield
    finally:
        del shell.ask_exit


def call(function, case, grad=False, view=None):
    """Call function(**case) on copies of the arguments and return its Outcome.

    grad: also differentiate the result, weighted unevenly, by every float tensor among the arguments
    view: turns the result into what is compared
    """
    outcome, leaves = Outcome(), {}
    arguments = copy.deepcopy(case)
    if grad:
        leaves = {
            name: value.requires_grad_()
            for name, value in arguments.items()
            if isinstance(value, torch.Tensor) and value.is_floating_point()
        }
        arguments |= {name: leaf.clone() for name, leaf in leaves.items()}
    try:
        with same_dice():
            outcome.value = function(**arguments)
            if view is not None and outcome.value is not None:
                outcome.value = view(outcome.value)
            outcome.value = bare(outcome.value)
            if leaves and (parts := [part for part in tensors(outcome.value) if part.requires_grad]):
                weights = [torch.linspace(1, 2, part.numel()).reshape(part.shape).to(part) for part in parts]
                found = torch.autograd.grad(parts, list(leaves.values()), weights, allow_unused=True)
                outcome.grads = dict(zip(leaves, found, strict=True))
            outcome.value = bare(outcome.value, copy=True)
    except (OutOfTime, KeyboardInterrupt):
        raise
    except BaseException as error:  # also SystemExit: nothing that a student writes may end the notebook
        outcome.error = error
    outcome.changed = next((name for name in case if not _unchanged(case[name], arguments[name])), "")
    return outcome


def tensors(value):
    """Return the tensors of a result: itself, or those of a tuple or list."""
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in tensors(part)]
    return [value] if isinstance(value, torch.Tensor) else []


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
