"""How the recorder hears of module calls and of torch.autocast: their methods tell it, in its own thread, while it listens."""

import threading
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map

from helpers.costs.rules import LOWERED, RAISED, WIDENED

LOCK, ACTIVE, BEFORE = threading.Lock(), {}, {}
TELLING = (nn.Module, "__call__"), (torch.autocast, "__enter__"), (torch.autocast, "__exit__")


@contextmanager
def tells(recorder):
    """Within, each call of a module in this thread goes to the recorder, and it hears of torch.autocast, which it cannot
    ask for while torch asks it for an operator. Nothing of the modules themselves is changed, their forward neither."""
    thread = threading.get_ident()
    with LOCK:
        if not ACTIVE:
            for kind, name in TELLING:
                BEFORE[name] = getattr(kind, name)
                setattr(kind, name, call if kind is nn.Module else switched(name))
        outer, ACTIVE[thread] = ACTIVE.get(thread), recorder
    try:
        yield
    finally:
        with LOCK:
            ACTIVE[thread] = outer
            if outer is None:
                del ACTIVE[thread]
            if not ACTIVE:
                for kind, name in TELLING:
                    setattr(kind, name, BEFORE[name])


def call(module, *args, **kwargs):
    recorder = ACTIVE.get(threading.get_ident())
    if recorder is None:
        return BEFORE["__call__"](module, *args, **kwargs)
    return recorder.called(BEFORE["__call__"], module, args, kwargs)


def switched(name):
    def told(context, *args):
        out = BEFORE[name](context, *args)
        if recorder := ACTIVE.get(threading.get_ident()):
            recorder.autocast = autocast_on(recorder.devices)
        return out

    return told


def autocast_on(devices):
    """Return for which of the devices autocast is on, and with which type; None for none."""
    on = [device for device in RAISED if device in devices and torch.is_autocast_enabled(device)]
    return (on[0], torch.get_autocast_dtype(on[0])) if on else None


def under_autocast(name, args, device, lower):
    """Return an operator's inputs as torch.autocast makes them, which does nothing on meta."""
    floats = [x for x in tree_leaves(args) if isinstance(x, torch.Tensor) and x.is_floating_point()]
    if name in LOWERED:
        to = lower
    elif name in RAISED[device]:
        to = torch.float32
    elif name in WIDENED and floats:
        to = max((x.dtype for x in floats), key=lambda dtype: dtype.itemsize)
    else:
        return args

    def cast(x):
        if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dtype in (to, torch.float64):
            return x
        return torch.empty_like(x, dtype=to, requires_grad=False)

    return tree_map(cast, args)
