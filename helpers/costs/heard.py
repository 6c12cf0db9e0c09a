"""How the recorder hears of module calls and of torch.autocast, while it listens."""

import threading
from contextlib import contextmanager
from functools import partial

import torch
from torch.nn.modules.module import register_module_module_registration_hook
from torch.utils._pytree import tree_leaves, tree_map

from helpers.costs.rules import LOWERED, RAISED, WIDENED

LOCK, ACTIVE, BEFORE = threading.Lock(), {}, {}
SWITCHES = "__enter__", "__exit__"


@contextmanager
def tells(recorder):
    """Within, the calls of the recorder's modules go to it, and it hears of torch.autocast, which it cannot ask for while
    torch asks it for an operator.

    torch calls a module by its `_compiled_call_impl`, where it has one (module.compile() sets it): for this pass it is the
    recorder's. A layer that is registered within the pass gets it then. Neither nn.Module nor any forward is changed.
    """
    thread = threading.get_ident()
    with LOCK:
        if not ACTIVE:
            for name in SWITCHES:
                BEFORE[name] = getattr(torch.autocast, name)
                setattr(torch.autocast, name, switched(name))
        outer, ACTIVE[thread] = ACTIVE.get(thread), recorder
    for module in recorder.names:
        module.__dict__["_compiled_call_impl"] = partial(recorder.called, module)  # on_meta puts it back

    def registered(_, name, new):
        for module in new.modules() if new is not None and threading.get_ident() == thread else ():
            if module not in recorder.names and module not in recorder.later:
                recorder.later.add(module)
                module.__dict__["_compiled_call_impl"] = partial(recorder.called, module)

    listening = register_module_module_registration_hook(registered)
    try:
        yield
    finally:
        listening.remove()
        for module in recorder.later:
            module.__dict__.pop("_compiled_call_impl", None)
        with LOCK:
            ACTIVE[thread] = outer
            if outer is None:
                del ACTIVE[thread]
            if not ACTIVE:
                for name in SWITCHES:
                    setattr(torch.autocast, name, BEFORE[name])


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
