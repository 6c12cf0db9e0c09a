"""What can be read off a student's function: its parameters, where it stopped, whether it is still the stub."""

import dis
import inspect
import linecache
import numbers
import sys
import traceback
import types

import torch

from helpers.course.exercises.compare import plain

IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


def blank(value):
    """Whether a value is what a stub leaves behind."""
    if isinstance(value, (tuple, list)):
        return bool(value) and all(map(blank, value))
    return value is None or value is Ellipsis or value is NotImplemented


def idle(function):
    """Whether a function does nothing at all, as a stub, whose body is `...`."""
    return hasattr(function, "__code__") and all(step.opname in IDLE for step in dis.get_instructions(function))


def signature_problem(exercise, answer):
    """Return what is wrong with the parameters of an answer, or ''. Arguments are passed by name, so names matter."""
    try:
        wanted, given = inspect.signature(exercise.reference).parameters, inspect.signature(answer).parameters
    except (TypeError, ValueError):
        return ""
    if any(p.kind is p.VAR_KEYWORD for p in given.values()):
        return ""
    by_name = {n: p for n, p in given.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    missing = [n for n in wanted if n not in by_name]
    unknown = [
        n for n, p in given.items() if n not in wanted and p.default is p.empty and p.kind is not p.VAR_POSITIONAL
    ]
    changed = [
        n
        for n, p in wanted.items()
        if n in by_name and repr(by_name[n].default) != repr(p.default) and p.default is not p.empty
    ]
    said = [
        f"{word} {', '.join(f'`{n}`' for n in names)}"
        for word, names in (("missing:", missing), ("not known:", unknown), ("default changed:", changed))
        if names
    ]
    if not said:
        return ""
    line = ", ".join(n if p.default is p.empty else f"{n}={p.default!r}" for n, p in wanted.items())
    return f"the parameters must stay as they were, `def {exercise.name}({line}):`; {'; '.join(said)}."


def said_of(error, answer):
    """Return a sentence on an exception: where in the student's own code, and what."""
    # All cells of a notebook share their globals, so these frames are the student's and not those of a library.
    own_globals = getattr(answer, "__globals__", None) or vars(
        sys.modules.get(getattr(answer, "__module__", None), traceback)
    )
    own = [(f.f_code.co_filename, n) for f, n in traceback.walk_tb(error.__traceback__) if f.f_globals is own_globals]
    where = ""
    if own:
        where = f" in line {own[-1][1]}"
        if code := linecache.getline(*own[-1]).strip():
            where += f", `{plain(code, 100)}`"
    if isinstance(error, RecursionError):
        return f"your function calls itself without end{where}."
    if isinstance(error, SystemExit):
        return f"your code asks Python to exit{where}: use `return` to leave a function."
    try:
        message = plain(str(error).split("\n\n")[0])
    except Exception:
        message = ""
    return (
        f"your code raises **{type(error).__name__}**{where}"
        + (f": {message}" if message else "")
        + "." * (message[-1:] != ".")
    )


def notebook_values(function, parameters):
    """Return the names of numbers and tensors outside that a function reads, where a parameter was probably meant."""
    found, codes = set(), [function.__code__] if isinstance(function, types.FunctionType) else []
    for code in codes:  # grows by the functions and comprehensions inside
        codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        found |= {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    outside = getattr(function, "__globals__", {})
    return sorted(n for n in found - parameters if isinstance(outside.get(n), (torch.Tensor, numbers.Number)))
