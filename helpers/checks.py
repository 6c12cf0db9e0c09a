"""What arguments must be, said with their names and values: the checks that the whole course shares.

Each raises ValueError with the name, the value, the rule and what to do. Constructors check all that they are given;
functions check what torch would explain badly. torch is loaded only where a tensor is checked, so that whole numbers can
be checked without it.
"""

import math
from numbers import Integral, Real

# ------------------------------------------------------------------------------------------------------ numbers, names


def whole(name, value, low=-math.inf, high=math.inf, why=""):
    """Return value as an int.

    low, high: the smallest and the largest that is allowed
    why:       what to give, or why there is a limit; ends the message
    raises:    ValueError unless value is a whole number from low to high
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= value <= high:
        raise ValueError(
            f"{name} (={value!r}) must be a whole number{_limits(low, high)}: {why or 'give such a number'}"
        )
    return int(value)


def whole_pair(name, value, low=-math.inf, high=math.inf):
    """Return (height, width) as ints; one int stands for both. Raises ValueError as `whole` does."""
    height, width = as_pair(name, value)
    return whole(name, height, low, high), whole(name, width, low, high)


def as_pair(name, value):
    """Return (height, width): one number stands for both. Raises ValueError where there are not two."""
    if not isinstance(value, (tuple, list)):
        return value, value
    if len(value) != 2:
        raise ValueError(f"{name} (={value!r}) must be an int or a pair: give (height, width)")
    return tuple(value)


def check_number(name, value, low=-math.inf, high=math.inf, why=""):
    """Raise ValueError unless value is a finite number from low to high; return it."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high or abs(value) == math.inf:
        limits = _limits(low, high)
        raise ValueError(f"{name} (={value!r}) must be a finite number{limits}{': ' + why if why else ''}")
    return value


def check_positive(name, value, why=""):
    """Raise ValueError unless value is a finite number above 0; return it."""
    if check_number(name, value, why=why) <= 0:
        raise ValueError(f"{name} (={value!r}) must be above 0{': ' + why if why else ''}")
    return value


def check_multiple(name, value, other, divisor):
    """Raise ValueError unless value is a multiple of the divisor, which is called `other`."""
    if value % divisor:
        raise ValueError(f"{name} (={value}) must be a multiple of {other} (={divisor}): change either")


def check_choice(name, value, options):
    """Raise ValueError unless value is one of the options, texts or keys."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} (={value!r}) must be one of {', '.join(map(str, options))}")
    return value


def _limits(low, high):
    """Return " from 0 to 1", " of at least 0", " of at most 1" or nothing."""
    ends = [f"{end:g}" if isinstance(end, float) else str(end) for end in (low, high)]
    if math.isinf(high):
        return "" if math.isinf(low) else f" of at least {ends[0]}"
    return f" of at most {ends[1]}" if math.isinf(low) else f" from {ends[0]} to {ends[1]}"


# ------------------------------------------------------------------------------------------------------------- tensors


def check_tensor(name, value, form="", why="", floats=False, like=None):
    """Raise ValueError unless value is a tensor of numbers.

    form:   the axes that it must have, such as "(N, C, H, W)", "(N, D) or (D,)", "(..., T, D)"; "" for any
    why:    what to do where it has others; ends the message
    floats: whether they must be floating-point numbers
    like:   None, or (name, tensor): another one whose type of number and device it must have
    """
    import torch  # not above: see the first lines

    if not isinstance(value, torch.Tensor):
        raise ValueError(f"{name} (a {type(value).__name__}) must be a torch.Tensor: make one with torch.tensor(...)")
    if floats and not value.is_floating_point():
        raise ValueError(f"{name} ({value.dtype}) must hold floats: convert with .float()")
    if value.dtype == torch.bool:
        raise ValueError(f"{name} (torch.bool) must hold numbers: convert with .float()")
    if form and not any(_has_axes(value, one) for one in form.split(" or ")):
        raise ValueError(f"{name} (shape {tuple(value.shape)}) must be {form}: {why or 'change its axes'}")
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


def _has_axes(value, form):
    """Whether a tensor has as many axes as "(N, C, H, W)" names; or more, where there is a "..."."""
    axes = form.strip("()").rstrip(",").replace(" ", "").split(",")
    return value.dim() >= len(axes) - 1 if "..." in axes else value.dim() == len(axes)


def check_shape(name, value, shape, why):
    """Raise ValueError unless value is a tensor of numbers of this shape."""
    check_tensor(name, value)
    if tuple(value.shape) != tuple(shape):
        raise ValueError(f"{name} (shape {tuple(value.shape)}) must be {tuple(shape)}: {why}")


def check_images(x, first, least=1, most=None):
    """Raise ValueError unless x is what a network takes: images (N, C, H, W).

    first:       its first convolution: x must have its in_channels, and its weight's type of number and device
    least, most: pixels of a side, least also as (height, width); most None: any number
    """
    check_tensor("x", x)
    if x.is_meta and first.weight.is_meta:
        return  # shapes alone, as in a cost table, which names the layer that does not fit
    check_tensor("x", x, "(N, C, H, W)", "one image becomes a batch by x[None]")
    if x.shape[1] != first.in_channels:
        raise ValueError(
            f"x (shape {tuple(x.shape)}) must have {first.in_channels} channels, not {x.shape[1]}: change x, or "
            "in_channels of the network"
        )
    height, width = as_pair("least", least)
    if x.shape[2] < height or x.shape[3] < width or (most is not None and max(x.shape[2:]) > most):
        sides = height if height == width else f"{height}×{width}"
        wanted = f"{sides} pixels a side, or more" if most is None else f"{sides} to {most} pixels a side"
        raise ValueError(f"x (shape {tuple(x.shape)}) must have {wanted}: scale the images")
    check_tensor("x", x, like=("the network", first.weight))


def check_tokens(x, weight, form="(N, T, D)"):
    """Raise ValueError unless x has the axes of `form` and as many numbers in the last as `weight`, (D,) or (..., D)."""
    check_tensor("x", x, like=("the network", weight))
    if not _has_axes(x, form) or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"x (shape {tuple(x.shape)}) must be {form} with {weight.shape[-1]} numbers in the last axis: "
            "change x, or the width of the network"
        )
