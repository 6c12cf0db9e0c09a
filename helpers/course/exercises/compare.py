"""What differs between a result and the expected one, in words."""

import math
import numbers
import re
import types
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

HELP = {  # (what is expected, what came): how one gets from there to here
    ("number", "tensor"): "take the number out of the tensor with `.item()`",
    ("number", "string"): "write the number without quotes",
    ("tensor", "array"): "`torch.from_numpy` makes a tensor of it",
    (
        "tensor",
        "sequence",
    ): "`torch.stack` makes one tensor of a list of tensors, `torch.tensor` one of a list of numbers",
    ("tensor", "number"): "was `.item()` or a sum over everything too much?",
}


def bare(value, copy=False):
    """Return a value as Python and torch themselves know it: a class made from theirs may say of itself what it likes.

    copy:   also cut tensors off from whatever may change them later; those of more than ten million values are left
    raises: TypeError for a tensor class that computes in its own way (__torch_dispatch__), which nothing can see through
    """
    bases = type.__dict__["__mro__"].__get__(type(value))
    if torch.Tensor in bases:
        if type(value) is not torch.Tensor:
            if any("__torch_dispatch__" in vars(base) for base in bases[: bases.index(torch.Tensor)]):
                raise TypeError(
                    f"{type(value).__name__} is a class with an arithmetic of its own: give a plain torch.Tensor"
                )
            with torch._C.DisableTorchFunctionSubclass():
                value = torch.Tensor.as_subclass(value, torch.Tensor)
        return value.detach().clone() if copy and value.numel() <= 10**7 else value
    if np.ndarray in bases:
        return np.array(value, copy=copy or None, subok=False)
    if np.generic in bases:
        value = np.generic.item(value)
        return float(value) if isinstance(value, np.floating) else value  # a long double is its own item
    if tuple in bases or list in bases:
        base = tuple if tuple in bases else list
        return base(bare(part, copy) for part in base.__iter__(value))
    if dict in bases:
        return {key: bare(part, copy) for key, part in dict.items(value)}
    for base, plainly in (
        (int, int.__int__),
        (float, float.__float__),
        (complex, complex.__complex__),
        (str, str.__str__),
    ):
        if base in bases and type(value) is not bool:
            return plainly(value)
    return value


def kind(value):
    """Return the sort of a value in one word: number, tensor, sequence, string, ..."""
    for sort, word in (
        (bool, "bool"),
        ((int, float, complex, Fraction, Decimal), "number"),
        (torch.Tensor, "tensor"),
        (np.ndarray, "array"),
        ((tuple, list), "sequence"),
        (str, "string"),
        (types.GeneratorType, "generator"),
    ):
        if issubclass(type(value), sort):
            return word
    return "function" if callable(value) else "other"


def named(value):
    """Return what a value is, with its article: a tensor of shape (2, 3), a float, None."""
    if value is None or value is Ellipsis:
        return "None" if value is None else "still `...`"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    names = {
        "str": "string",
        "ndarray": "NumPy array",
        "type": "class",
        "int": "whole number (int)",
        "builtin_function_or_method": "function",
    }
    name = names.get(type(value).__name__, type(value).__name__)
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def plain(text, width=300):
    """Return a message without memory addresses, on one line, and not longer than `width`."""
    text = " ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", str(text)).split())
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a character, \ud800, could not be shown
    return text if len(text) <= width else text[: width - 3] + "..."


def difference(got, want, tol=1e-4, reveal=True, where="the answer"):
    """Return a sentence on the first thing in which `got` differs from `want`, or None where it does not.

    tol:    relative tolerance of floats; whole numbers must be exact
    reveal: whether the sentence may tell the expected value
    """
    return _difference(bare(got), bare(want), tol, reveal, where)


def _difference(got, want, tol, reveal, where):
    if kind(got) != kind(want):
        return _wrong_kind(got, want, where)
    if isinstance(want, torch.Tensor):
        return _tensor_difference(got.detach().cpu(), want.detach().cpu(), tol, reveal, where)
    if isinstance(want, (tuple, list)):
        if len(got) != len(want):
            return f"{where} has {len(got)} element{'s' * (len(got) != 1)}, expected {len(want)}"
        place = "`answer" if where == "the answer" else where.rstrip("`")
        found = (
            _difference(g, w, tol, reveal, f"{place}[{i}]`") for i, (g, w) in enumerate(zip(got, want, strict=True))
        )
        return next(filter(None, found), None)
    if isinstance(want, numbers.Number) and not isinstance(want, bool):
        return _number_difference(got, want, tol, reveal, where)
    if isinstance(want, str):
        same = got.strip().casefold() == want.strip().casefold()
    else:
        same = type(got) is type(want) and bool(want == got)
    return (
        None
        if same
        else f"{where} is {plain(repr(got), 80)}" + (f", expected {want!r}" if reveal else ", which is not right")
    )


def _wrong_kind(got, want, where):
    advice = HELP.get((kind(want), kind(got)), "")
    if kind(got) == "generator":
        advice = "is there a `yield` where a `return` should be?"
    elif kind(got) == "function":
        advice = "is a pair of brackets missing, which would call it?"
    elif isinstance(got, tuple) and len(got) == 1:
        advice = "is there a comma at the end of the line, which makes a tuple of one?"
    expected = "a tensor" if isinstance(want, torch.Tensor) else named(want)
    return f"{where} is {named(got)}, expected {expected}" + (f": {advice}" if advice else "")


def _not_finite(got, want):
    """Return what to say of a NaN or infinity in `got` (tensors) that is not in `want`, or ''."""
    if (got.isnan() & ~want.isnan()).any():
        return (
            "holds NaN, which is not a number: look for 0/0, inf - inf, the root or logarithm of a negative number, or"
            " torch.empty"
        )
    if (got.isinf() & ~want.isinf()).any():
        return "holds an infinite value: look for a division by zero, log(0), or an exp of something large"
    return ""


def _number_difference(got, want, tol, reveal, where):
    if not isinstance(got, numbers.Real) or (
        isinstance(want, numbers.Integral) and not isinstance(got, numbers.Integral)
    ):
        if got == want:
            return f"{where} is {got}: the value is right, but it is a float; use // for whole numbers"
        return f"{where} is {got}, {named(got)}, expected {named(want)}"
    exact = isinstance(want, numbers.Integral)
    if (got == want) if exact else math.isclose(got, want, rel_tol=tol, abs_tol=tol * tol):
        return None
    if not exact and (said := _not_finite(torch.tensor(float(got)), torch.tensor(float(want)))):
        return f"{where} {said}"
    mine, theirs = (got, want) if exact else _apart(got, want)
    return f"{where} is {mine}" + (
        f", expected {theirs}" if reveal else f", which is too {'large' if got > want else 'small'}"
    )


def _tensor_difference(got, want, tol, reveal, where):
    if got.shape != want.shape:
        return f"{where} has shape {tuple(got.shape)}, expected {tuple(want.shape)}"
    sorts = [
        (
            "complex"
            if t.is_complex()
            else "float"
            if t.is_floating_point()
            else "bool"
            if t.dtype == torch.bool
            else "int"
        )
        for t in (got, want)
    ]
    if sorts[0] != sorts[1]:
        return f"{where} has dtype {got.dtype}, expected {want.dtype}"
    if sorts[1] == "float":
        got, want = got.double(), want.double()
        if said := _not_finite(got, want):
            return f"{where} {said}"
        size = want[want.isfinite()].abs().mean().item() if want.isfinite().any() else 0.0
        close = torch.isclose(got, want, rtol=tol, atol=tol * size, equal_nan=True)
    else:
        close = got == want
    if close.all():
        return None
    at = tuple((~close).nonzero()[0].tolist())
    mine, theirs = _apart(got[at].item(), want[at].item())
    values = f"yours is {mine}" + (f", expected {theirs}" if reveal else "")
    place, wrong = f"at {list(at)} " if at else "", int((~close).sum())
    return (
        f"{where} has the right shape, but {place}{values} ({wrong} of {close.numel()} values"
        f" differ{'s' * (wrong == 1)})"
    )


def _apart(got, want):
    """Return both numbers with as many digits as it takes to see that they differ."""
    if not isinstance(want, float):
        return str(got), str(want)
    for digits in (4, 6, 9, 17):
        mine, theirs = f"{got:.{digits}g}", f"{want:.{digits}g}"
        if mine != theirs:
            break
    return mine, theirs
