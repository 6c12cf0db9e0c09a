"""Watch on which device networks are trained, so that none stays on the CPU in silence where there is a GPU.

Where a batch and a network are on different devices, torch raises by itself. What it does not see is a chapter that moves
neither. So every network must have been moved to a device (by Module.to or Tensor.to) before an optimizer changes it: that can
be seen without a GPU. With one, COURSE_EXPECT_DEVICE=cuda demands that it is there.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections import Counter

SMALL = 100  # numbers: an optimizer tried by hand on a few of them may do so anywhere


class Watch:
    """`steps` counts the optimizers' steps by device. expected: None, or the type of the only device that may train."""

    def __init__(self, expected=None, log=None):
        self.expected, self.log, self.steps, self.undo = expected, log, Counter(), []

    def start(self):
        import torch
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        def wrap(kind, tensors_of):
            move = kind.to

            def to(self, *args, **kwargs):
                moved = move(self, *args, **kwargs)
                if "device" in kwargs or any(isinstance(arg, (str, torch.device, torch.Tensor)) for arg in args):
                    for tensor in tensors_of(moved):
                        tensor.was_moved = True
                return moved

            kind.to = to
            self.undo.append(lambda: setattr(kind, "to", move))

        wrap(torch.nn.Module, lambda module: module.parameters())
        wrap(torch.Tensor, lambda tensor: [tensor])
        self.undo.append(register_optimizer_step_pre_hook(self.look).remove)
        return self

    def stop(self):
        for undo in self.undo:
            undo()

    def look(self, optimizer, args, kwargs):
        """Look, before each step of any optimizer, at the parameters that it will change: those with a gradient."""
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        types = {p.device.type for p in parameters}
        if sum(p.numel() for p in parameters) <= SMALL:
            return
        if still := [tuple(p.shape) for p in parameters if not getattr(p, "was_moved", False)]:
            raise AssertionError(
                "what is trained here was never moved to the device, so it would stay on the CPU beside a GPU:"
                f" parameters of the shapes {still[:5]}: use .to(device), or Training"
            )
        if self.expected and types != {self.expected}:
            raise AssertionError(f"what is trained here is on {sorted(types)} and not on {self.expected}")
        for kind in types:
            self.steps[kind] += 1
            if self.log and self.steps[kind] == 1:
                with open(self.log, "a") as log:
                    log.write(f"{kind}\n")


class AfterImport(importlib.abc.MetaPathFinder):
    """Call a function once a module has been imported, whoever imports it."""

    def __init__(self, name, then):
        self.name, self.then = name, then

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        execute, then = spec.loader.exec_module, self.then

        def exec_module(module):
            execute(module)
            then()

        spec.loader.exec_module = exec_module
        return spec


def watch():
    """Watch from the moment that the course's own choice of a device is imported; COURSE_STAND_IN asks for a second one."""

    def start():
        Watch(os.environ.get("COURSE_EXPECT_DEVICE"), os.environ.get("COURSE_DEVICE_LOG")).start()
        if os.environ.get("COURSE_STAND_IN"):
            from standin import StandIn

            StandIn().start()

    sys.meta_path.insert(0, AfterImport("helpers.device", start))
