"""What an exercise is, and what is said to an answer.

An exercise is a trusted reference, some cases whose dimensions all differ, and a table of misconceptions: wrong answers that
are to be expected, each with the sentence that a tutor would say. diagnose() compares an answer with the reference. Where they
differ, the misconception that gives the same results in every case speaks; where none does, the first difference is told.
"""

import html
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from helpers.course.exercises import run, solutions
from helpers.course.exercises.compare import bare, difference, named, plain
from helpers.course.exercises.reading import blank, idle, notebook_values, said_of, signature_problem
from helpers.output import in_notebook, publish

EXERCISES = {}
MISSING = object()
WORDS = {"right": "Right.", "todo": "Not filled in yet.", "wrong": "Not yet."}
COLOURS = {"right": "#009E73", "todo": "#777777", "wrong": "#D55E00", "hint": "#0072B2"}


@dataclass(eq=False)
class Exercise:
    """An exercise; making one registers it under its name.

    reference: the right function, or the right value
    cases:     returns the calls to compare, each a dictionary of arguments
    mistakes:  (wrong function or value, what to say), each wrong in its own way
    hints:     from the first step to nearly everything
    grad:      whether gradients by the float tensors among the arguments are compared too
    tol:       relative tolerance of floats
    view:      turns a function's result into what is compared, for example a network into its output
    seconds:   time that all cases together may take
    """

    name: str
    reference: Any
    cases: Callable[[], list[dict]] = lambda: [{}]
    mistakes: Sequence[tuple[Any, str]] = ()
    hints: Sequence[str] = ()
    grad: bool = False
    tol: float = 1e-4
    view: Callable | None = None
    seconds: float = 10

    def __post_init__(self):
        if self.name in EXERCISES:
            raise ValueError(f"name (={self.name!r}) is taken by another exercise: choose another")
        EXERCISES[self.name] = self

    def outcomes(self, answer, cases):
        if not callable(self.reference):
            return [run.Outcome(answer)]
        return [run.call(answer, case, self.grad, self.view) for case in cases]

    def difference(self, got, want):
        """Return a sentence on how one outcome differs from another, or None; two that raise count as alike."""
        if got.error or want.error:
            return None if got.error and want.error else "one of the two raises"
        reveal = callable(self.reference)
        found = difference(got.value, want.value, self.tol, reveal)
        if found or want.grads is None:
            return found
        if got.grads is None:
            return (
                "the values are right, but the answer is cut off from its gradient: `.detach()`, `.data`, `.item()`, "
                "`torch.tensor(...)` and `torch.no_grad()` all cut it"
            )
        for name, grad in want.grads.items():
            if grad is not None and got.grads[name] is None:
                return f"the values are right, but no gradient reaches `{name}`: somewhere it is cut off"
            if grad is not None and (
                found := difference(got.grads[name], grad, self.tol, reveal, f"the gradient by `{name}`")
            ):
                return found
        return None


@dataclass(frozen=True)
class Verdict:
    status: str  # right, todo, wrong
    message: str
    note: str = ""

    def __bool__(self):
        return self.status == "right"


def diagnose(name, answer):
    """Return the Verdict on an answer to the exercise of that name. Never raises, whatever the answer does."""
    try:
        exercise = EXERCISES[name]
    except (KeyError, TypeError):
        return Verdict("wrong", _unknown(name))
    try:
        return _diagnose(exercise, answer)
    except run.OutOfTime:
        return Verdict(
            "wrong", f"there is no answer after {exercise.seconds:g} seconds: does a loop never end, or do too much?"
        )
    except KeyboardInterrupt:
        return Verdict("wrong", "stopped before the check was through.")
    except BaseException as error:  # an answer may be of a type that breaks whatever touches it
        return Verdict("wrong", f"the answer cannot be compared ({type(error).__name__}).")


def _diagnose(exercise, answer):
    from IPython.utils.capture import capture_output

    function, todo = callable(exercise.reference), Verdict("todo", f"`hint({_written(exercise)})` has a first step.")
    if blank(answer):
        return todo
    if function:
        if not callable(answer):
            return Verdict("wrong", f"`{exercise.name}` must be a function, and is {named(answer)}.")
        if answer is exercise.reference:
            return Verdict(
                "wrong", "this is the course's own function, from `ready(...)`: run the cell that defines yours again."
            )
        if problem := signature_problem(exercise, answer):
            return Verdict("wrong", problem)
    cases = exercise.cases()
    with capture_output() as output, run.kept(EXERCISES.values()) as replaced, run.time_limit(exercise.seconds):
        got = exercise.outcomes(answer, cases)
    heard = Heard(
        got,
        idle=function and idle(answer),
        printed=bool(output.stdout),
        said=lambda error: said_of(error, answer),
        read=lambda: notebook_values(answer, set(inspect.signature(exercise.reference).parameters)),
        note="(Your prints are hidden while checking.)" if output.stdout or output.outputs else "",
    )
    if replaced and not unfilled(exercise, heard):
        return Verdict(
            "wrong",
            f"your function replaces `{replaced[0]}`, which everything else uses too; it was put back: choose "
            "another name for what you make.",
            heard.note,
        )
    with capture_output():
        want = exercise.outcomes(exercise.reference, cases)
        others = (exercise.outcomes(wrong, cases) for wrong, _ in exercise.mistakes)
        return judge(exercise, cases, heard, want, others)[0]


@dataclass
class Heard:
    """What is known of an answer that was called with every case, here or in another process."""

    got: list  # an Outcome for each case
    idle: bool = False  # whether it does nothing, as a stub
    printed: bool = False
    said: Callable = str  # a sentence on an error that it raised
    read: Callable = list  # the names that it reads from the notebook and should perhaps not
    note: str = ""


def unfilled(exercise, heard):
    """Return whether what was heard is what a stub gives."""
    if not callable(exercise.reference):
        return all(blank(outcome.value) for outcome in heard.got)
    if not all(isinstance(o.error, NotImplementedError) or (not o.error and blank(o.value)) for o in heard.got):
        return False
    # A function that works and then returns nothing has forgotten its return; one that does nothing is the stub.
    return heard.idle or any(o.error or o.value is not None for o in heard.got)


def judge(exercise, cases, heard, want, others):
    """Return the Verdict on an answer that was called elsewhere, and a list with what is wrong in each case, "" for nothing.

    heard:  Heard, with an Outcome of the answer for each case
    want:   the outcomes of the reference
    others: for each of the known mistakes its outcomes; looked at only where the answer is wrong
    """
    function = callable(exercise.reference)
    if unfilled(exercise, heard):
        return Verdict("todo", f"`hint({_written(exercise)})` has a first step."), ["not filled in"] * len(cases)
    problems = [_problem(exercise, heard, g, w) for g, w in zip(heard.got, want, strict=True)]
    if not any(problems):
        agrees = f"gives what it should in all {len(cases)} cases" if function else "is right"
        return Verdict("right", f"`{exercise.name}` {agrees}.", heard.note), problems
    for (_, sentence), other in zip(exercise.mistakes, others):
        if _alike(exercise, heard.got, other):
            return Verdict("wrong", sentence, heard.note), problems
    case, problem = next((case, problem) for case, problem in zip(cases, problems, strict=True) if problem)
    if function and (read := heard.read()):
        problem += (
            f" Your function also reads {', '.join(f'`{n}`' for n in read)} from the notebook: is that meant to be an"
            " argument?"
        )
    given = ", ".join(
        f"{k} {tuple(v.shape)}" if isinstance(v, torch.Tensor) else f"{k}={plain(repr(v), 60)}" for k, v in case.items()
    )
    return Verdict("wrong", f"with {given}: {problem}" if given else problem, heard.note), problems


def _alike(exercise, got, other):
    """Whether a mistake explains an answer: alike in every case, and in at least one of them with a result."""
    if all(o.error for o in other):
        return False
    try:
        return not any(exercise.difference(g, o) for g, o in zip(got, other, strict=True))
    except Exception:
        return False


def _problem(exercise, heard, got, want):
    """Return what is wrong in one case as a sentence, or ''."""
    spoilt = (
        got.changed and type(got.error) is RuntimeError and "an inplace operation" in str(got.error)
    )  # found by autograd
    if got.error and not want.error and not spoilt:
        return heard.said(got.error)
    if got.value is None and not got.error:
        advice = (
            "it prints its result, and has to hand it back with `return`"
            if heard.printed
            else "is a `return` missing, or on one path only?"
        )
        return f"your function returns None: {advice}" + "." * (advice[-1] != "?")
    if got.changed:
        return (
            f"your function changed its argument `{got.changed}` in place: work on a copy; of a tensor,"
            f" `{got.changed}.clone()`."
        )
    found = exercise.difference(got, want)
    return found + "." * (found[-1] not in ".?") if found else ""


def _name(x):
    try:
        name = x if isinstance(x, str) else x.__name__
    except Exception:
        return None
    return bare(name) if isinstance(name, str) else None


def _written(exercise):
    return exercise.name if callable(exercise.reference) else f'"{exercise.name}"'


def _unknown(name):
    known = ", ".join(sorted(EXERCISES))
    if not isinstance(name, str):
        return f'name the exercise that this is the answer to: `check("name", answer)`. The exercises are {known}.'
    return f"there is no exercise `{plain(name, 60)}`. The exercises are {known}."


def _find(x):
    if _name(x) not in EXERCISES:
        raise ValueError(_unknown(_name(x)))
    return EXERCISES[_name(x)]


def _formatted(text):
    """Return (plain, HTML) of words with `code` and **bold** in them; what stands in `code` is left as it is, such as x**2."""
    parts = re.split(r"(`[^`]+`)", text.replace("\0", ""))  # \0 marks below where code goes back in
    plain_text = "".join(part if part.startswith("`") else part.replace("**", "") for part in parts)
    held = "".join(f"\0{i}\0" if part.startswith("`") else html.escape(part) for i, part in enumerate(parts))
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", held)
    return plain_text, re.sub(
        "\0(\\d+)\0", lambda found: f"<code>{html.escape(parts[int(found[1])][1:-1])}</code>", bold
    )


def _show(colour, word, text):
    """Display a line of words with `code` and **bold** in it; the text form, which nbval compares, has neither bold nor colour."""
    words, marked = _formatted(f" {text[:1].upper()}{text[1:]}")
    publish(
        {
            "text/plain": word + words,
            "text/html": (
                f'<div style="border-left:6px solid {colour};padding:.3em 1em;margin:.3em'
                f' 0"><b>{word}</b>{marked}</div>'
            ),
        }
    )


def check(name, answer=MISSING, *, strict=False):
    """Say whether an answer is right, and what is wrong with it: check(conv2d_loops), or check("conv1_macs", conv1_macs).

    Never raises, so that a notebook with open exercises runs to its end.
    strict: raise AssertionError where the answer is not right, for grading
    """
    if answer is MISSING and type(name) is str and name in EXERCISES:
        verdict = Verdict("wrong", f'the answer itself is missing: `check("{name}", {name})`.')
    else:
        verdict = diagnose(_name(name), name if answer is MISSING else answer)
    if verdict and in_notebook():
        from helpers.course import progress

        progress.record(_name(name))
    if strict and not verdict:
        raise AssertionError(f"{WORDS[verdict.status]} {verdict.message}")
    _show(COLOURS[verdict.status], WORDS[verdict.status], f"{verdict.message} {verdict.note}".strip())


def ready(name, answer=MISSING):
    """Return the answer if it is right, else the reference, so that later cells always run.

    raises: ValueError where there is no such exercise
    """
    exercise, answer = _find(name), name if answer is MISSING else answer
    return answer if diagnose(exercise.name, answer) else exercise.reference


def hint(name, n=1):
    """Show the n-th hint, from 1.

    raises: ValueError where there is no such exercise
    """
    exercise = _find(name)
    count = len(exercise.hints)
    if isinstance(n, int) and 1 <= n <= count:
        more = f" (`hint({_written(exercise)}, {n + 1})` says more.)" if n < count else ""
        _show(COLOURS["hint"], f"Hint {n} of {count}.", exercise.hints[n - 1] + more)
    else:
        word = "No more hints." if isinstance(n, int) and n > count else "No such hint."
        _show(
            COLOURS["hint"],
            word,
            f"There are {count}, from 1; after them `solution({_written(exercise)})` shows the code.",
        )


def solution(name):
    """Show the solution.

    raises: ValueError where there is no such exercise
    """
    code = solutions.source(_find(name).name)
    publish({"text/plain": code, "text/markdown": f"```python\n{code}\n```"})
