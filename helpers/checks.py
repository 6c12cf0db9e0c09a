"""What arguments must be, said with their names and values: the checks that layers, models and data share.

Each raises ValueError with the name, the value, the rule and what to do. Whole numbers: helpers.shapes.whole.
"""

import math
from numbers import Real

import torch


def check_tensor(name, value, floats=False, like=None):
    """Raise ValueError unless value is a tensor of numbers.

    floats: whether they must be floating-point numbers
    like:   None, or (name, tensor): another one whose type of number and device it must have
    """
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"{name} (a {type(value).__name__}) must be a torch.Tensor: make one with torch.tensor(...)")
    if floats and not value.is_floating_point():
        raise ValueError(f"{name} ({value.dtype}) must hold floats: convert with .float()")
    if value.dtype == torch.bool:
        raise ValueError(f"{name} (torch.bool) must hold numbers: convert with .float()")
    if like is None:
        return
    other, tensor = like
    if value.dtype != tensor.dtype and not torch.is_autocast_enabled(tensor.device.type):
        raise ValueError(
            f"{name} ({value.dtype}) and {other} ({tensor.dtype}) must hold one type of number: convert with .to()"
        )
    if value.device != tensor.device:
        raise ValueError(
            f"{name} (on {value.device}) and {other} (on {tensor.device}) must be on one device: move with .to()"
        )


def check_images(x, first, least=1, most=None):
    """Raise ValueError unless x is what a network takes: images (N, C, H, W).

    first:       its first convolution: x must have its in_channels, and its weight's type of number and device
    least, most: pixels of a side, least also as (height, width); None: any number
    """
    channels = first.in_channels
    check_tensor("x", x)
    if x.is_meta and first.weight.is_meta:
        return  # shapes alone, as in a cost table, which names the layer that does not fit
    if x.dim() != 4:
        raise ValueError(f"x (shape {tuple(x.shape)}) must be (N, C, H, W): one image becomes a batch by x[None]")
    if x.shape[1] != channels:
        raise ValueError(
            f"x (shape {tuple(x.shape)}) must have {channels} channels, not {x.shape[1]}: change x, or "
            "in_channels of the network"
        )
    high, wide = least if isinstance(least, tuple) else (least, least)
    least = f"{high}×{wide}" if high != wide else high
    sides = f"{least} pixels a side" if most is None else f"{least} to {most} pixels a side"
    if x.shape[2] < high or x.shape[3] < wide or (most is not None and max(x.shape[2:]) > most):
        raise ValueError(f"x (shape {tuple(x.shape)}) must have {sides}{'' if most else ', or more'}: scale the images")
    check_tensor("x", x, like=("the network", first.weight))


def check_tokens(x, weight, form="(N, T, D)"):
    """Raise ValueError unless x has the axes of `form` and as many numbers in the last as `weight`, (D,) or (..., D)."""
    check_tensor("x", x, like=("the network", weight))
    if x.dim() != form.count(",") + 1 or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"x (shape {tuple(x.shape)}) must be {form} with {weight.shape[-1]} numbers in the last axis: "
            "change x, or the width of the network"
        )


def check_number(name, value, low=-math.inf, high=math.inf, why=""):
    """Raise ValueError unless value is a finite number from low to high; return it."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high or math.isinf(value):
        limits = (
            f" from {low:g} to {high:g}"
            if math.isfinite(low) and math.isfinite(high)
            else f" of at least {low:g}"
            if math.isfinite(low)
            else f" of at most {high:g}"
            if math.isfinite(high)
            else ""
        )
        raise ValueError(f"{name} (={value!r}) must be a finite number{limits}{': ' + why if why else ''}")
    return value


def check_choice(name, value, options):
    """Raise ValueError unless value is one of the options, texts or keys."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} (={value!r}) is unknown: use one of {', '.join(map(str, options))}")
    return value
