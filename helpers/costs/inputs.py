"""The inputs: what a shape, a tensor, a list or a dictionary of them stands for, as people call their models."""

import inspect
from collections.abc import Mapping
from numbers import Integral

import torch
from torch import nn

from helpers.costs.rules import META

DEFAULT = (1, 3, 224, 224)


class Inputs:
    """The positional and named inputs of one call, on meta.

    known: the tensors that were given with numbers, each beside its twin on meta
    said:  what the reader of the table must know
    """

    def __init__(self, model, value, named):
        self.floats = next((p.dtype for p in model.parameters() if p.dtype.is_floating_point), None)
        self.known, self.said, self.default, self.as_one = [], (), value is DEFAULT and not named, False
        self.value = value
        args, named = self.arranged(model, value, dict(named))
        try:
            self.args, self.named = [self.made(part) for part in args], {k: self.made(v) for k, v in named.items()}
        except (RuntimeError, OverflowError):
            raise ValueError(
                f"input_shape (={value!r:.80}) holds more numbers than can be counted: use a smaller one"
            ) from None

    def made(self, part):
        """Return what stands for a part of the inputs: shapes and tensors go to meta, other values stay what they are."""
        if isinstance(part, torch.Tensor):
            if part.layout != torch.strided or part.is_quantized:
                what, dense = ("quantised", "dequantize") if part.is_quantized else ("sparse or nested", "to_dense")
                raise ValueError(
                    f"input_shape is a {what} tensor, which has no plain shape to count with: give x.{dense}()"
                )
            twin = torch.empty_like(part, device=META, requires_grad=False)
            if not part.is_meta:
                self.known.append((twin, part))
            return twin
        if is_shape(part):
            return torch.empty([int(n) for n in part], dtype=self.floats, device=META)
        if isinstance(part, Mapping):
            return {name: self.made(value) for name, value in part.items()}
        if type(part) in (list, tuple):
            return type(part)(self.made(value) for value in part)
        return refuse_arrays(part)

    def arranged(self, model, value, named):
        """Return which inputs are positional and which are named: the way that the model's forward takes them."""
        kind = type(model).__name__
        if value is DEFAULT and named:
            ways = [([], named)]
        elif is_shape(value) or isinstance(value, torch.Tensor):
            ways = [([value], named)]
        elif isinstance(value, Mapping):
            ways = [([], {**value, **named}), ([value], named)]
        elif isinstance(value, (list, tuple)) and any(map(holds_tensors, value)):
            ways = [([*value], named)]
            if all(has_sides(part, 3) for part in value):  # images of a detector
                ways.insert(0 if first_name(model) == "images" else 1, ([[*value]], named))
                ways = ways if first_name(model) == "images" else ways[:1]
            if len(value) == 2 and all(isinstance(part, torch.Tensor) for part in value):
                ways.append(([value[0]], named))
        else:
            refuse_arrays(value)
            raise ValueError(must_be(value))
        try:
            takes = inspect.signature(model.forward)
        except (ValueError, TypeError):  # a traced model has none; torch will check
            return ways[0]
        for args, more in ways:
            try:
                takes.bind(*args, **more)
            except TypeError as error:
                reason = str(error)
            else:
                self.as_one = isinstance(value, Mapping) and bool(args)
                if len(args) < len(ways[0][0]) and not isinstance(args[0], list):
                    self.said = (
                        "Of the pair that was given, as a loader's batch (x, y), the model took the first only.",
                    )
                return args, more
        if any(isinstance(part, str) for part in ways[0][0]):
            raise ValueError(must_be(value))
        count = len(ways[0][0]) + len(ways[0][1])
        if not more and count > 1 and all(has_sides(part, 3) for part in ways[0][0]):
            advice = "give one batch of all images: torch.stack(images), or its shape"
        else:
            names = [p.name for p in takes.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            each = ", ".join(f"{name}=…" for name in names)
            advice = "give a list with a shape for each input" + (
                f", or name them: cost_table(model, {each})" if each else ""
            )
        raise ValueError(f"model ({kind}) does not take {count} input(s): {reason}; {advice}")


def is_shape(value):
    return (
        isinstance(value, (tuple, list))
        and len(value) > 0
        and all(isinstance(n, Integral) and not isinstance(n, bool) and n > 0 for n in value)
    )


def has_sides(part, count):
    return len(part.shape if isinstance(part, torch.Tensor) else part if is_shape(part) else ()) == count


def holds_tensors(part):
    """Return whether there is a tensor or a shape in a part of the inputs."""
    if isinstance(part, Mapping):
        part = [*part.values()]
    elif isinstance(part, torch.Tensor) or is_shape(part) or type(part).__module__ == "numpy":
        return True
    return isinstance(part, (list, tuple)) and any(map(holds_tensors, part))


def first_name(model):
    try:
        return next(iter(inspect.signature(model.forward).parameters), "")
    except (ValueError, TypeError):
        return ""


def must_be(value):
    return (
        f"input_shape (={value!r:.80}) must be whole numbers of at least 1, such as (1, 3, 224, 224), "
        "a tensor, or a list or dictionary of these with one for each input"
    )


def refuse_arrays(value):
    if type(value).__module__ == "numpy" and hasattr(value, "shape") and value.shape:
        raise ValueError(
            f"input_shape is a numpy array of shape {tuple(value.shape)}: give its shape, array.shape, or the tensor "
            "torch.from_numpy(array)"
        )
    if isinstance(value, torch.utils.data.DataLoader):
        raise ValueError("input_shape is a DataLoader: give one batch of it, next(iter(loader))")
    return value


def check_model(model):
    """Raise ValueError where a model is none, or cannot be called."""
    if not isinstance(model, nn.Module):
        got = (
            f"the class {model.__name__} itself: make one, {model.__name__}(…)"
            if isinstance(model, type)
            else (f"{type(model).__name__}")
        )
        if isinstance(model, Mapping):
            got += ", weights without layers: load them into a model, model.load_state_dict(…)"
        raise ValueError(
            f"model (={' '.join(repr(model).split()):.60}) must be an nn.Module, such as nn.Conv2d(3, 8, 3): got {got}"
        )
    if getattr(type(model), "forward", None) is nn.Module.forward and "forward" not in vars(model):
        advice = (
            "nn.Sequential(*model) has one" if isinstance(model, nn.ModuleList) else "write one, or count a part of it"
        )
        raise ValueError(f"model ({type(model).__name__}) has no forward, so there is nothing to run: {advice}")
