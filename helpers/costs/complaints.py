"""What is said where a network does not take an input: which layer, what it got, what it expects, what to change."""

import torch
from torch import nn

from helpers.costs.rules import META


class OnMeta(BaseException):
    """Something fails here alone, where tensors have no numbers: no `except` of the model's own may catch it."""

    def __init__(self, operator, needs_values):
        self.place = None  # name, module, inputs of the call in which it failed
        self.name, self.needs_values = str(operator).removesuffix(".default"), needs_values
        super().__init__(self.name)


def show(shape):
    return str(tuple(shape))


def hint(model, inputs):
    """Return a hint where an image was given without its batch, with its channels last, or not given at all."""
    if inputs.default:
        return f"; no input_shape was given, so {show(inputs.value)} was tried"
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or len(inputs.args) != 1 or not isinstance(inputs.args[0], torch.Tensor):
        return ""
    given, C = tuple(inputs.args[0].shape), first.in_channels
    if len(given) == 2:
        better, wrong = (1, C, *given), "no batch size and no channels"
    elif len(given) == 3 and given[-1] == C != given[0]:
        better, wrong = (1, C, *given[:2]), "no batch size, and its channels last"
    elif len(given) == 3:
        better, wrong = (1, *given), "no batch size"
    elif len(given) == 4 and given[-1] == C != given[1]:
        better, wrong = (given[0], C, *given[1:3]), "its channels last"
    else:
        return ""
    return f"; input_shape (={show(given)}) has {wrong}, did you mean {show(better)}?" if better[1] == C else ""


def complaint(name, module, inputs, error, model):
    """Say which layer does not take its input, what it got, what its weight expects, and what to change."""
    layer, got = f"{name} ({type(module).__name__})", " and ".join(show(t.shape) for t in inputs) or "nothing"
    x = inputs[0] if inputs else torch.empty(0, device=META)
    weight = getattr(module, "weight", None)
    has = (
        f" (its weight is {show(weight.shape)})"
        if isinstance(weight, torch.Tensor) and not nn.parameter.is_lazy(weight)
        else ""
    )
    reason = str(error).strip().partition("\n")[0]
    if "unallocated storage" in reason or "meta device type tensor to numpy" in reason:
        error = OnMeta("tolist()" if "tolist" in reason else "numpy()", True)
    if isinstance(error, OnMeta):
        part = next((p for p in ("backbone", "encoder", "features") if hasattr(model, p)), None)
        advice = f": count a part of the model, such as model.{part}" if part else ": count its parts one by one"
        if not error.needs_values:
            return f"{layer} calls {error.name}, which torch cannot run on shapes alone{advice}"
        return f"{layer} needs the values of its input {got} ({error.name}), but a cost table has shapes alone{advice}"
    if "quantized::" in reason:
        return f"{layer} is quantised, and torch cannot run it on shapes alone: count the float model that it was made from"
    dtype = next((p.dtype for p in module.parameters(recurse=False)), x.dtype)
    if x.dtype != dtype and "type" in reason and not isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return f"{layer} has weights of {dtype}, got input {got} of {x.dtype}: give x.to({dtype}), or the shape alone"
    if has and hasattr(module, "in_channels") and hasattr(module, "kernel_size"):
        sides = weight.dim() - 2
        if x.dim() not in (sides + 1, sides + 2):
            return f"{layer} expects an input of {sides + 2} dimensions{has}, got input {got}: change input_shape"
        if x.shape[-sides - 1] != module.in_channels:
            return (
                f"{layer} expects {module.in_channels} input channels{has}, got input {got}: "
                "change input_shape or in_channels"
            )
        return f"{layer} cannot slide over input {got}{has}: {reason}; use a larger image or more padding"
    if has and hasattr(module, "in_features") and x.dim() and x.shape[-1] != weight.shape[-1]:
        return (
            f"{layer} expects {module.in_features} input features{has}, got input {got}: "
            "change input_shape or in_features"
        )
    if isinstance(getattr(module, "num_features", None), int) and x.dim() > 1 and x.shape[1] != module.num_features:
        return (
            f"{layer} expects {module.num_features} channels{has}, got input {got}: change input_shape or num_features"
        )
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and inputs and x.is_floating_point():
        return (
            f"{layer} expects whole numbers, which choose rows of its weight {show(weight.shape)}, got a float "
            f"input {got}: pass a tensor of them, such as torch.zeros({got}, dtype=torch.long)"
        )
    return f"{layer} cannot take input {got}{has}: {reason}; change input_shape or the layer"
