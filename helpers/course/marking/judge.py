"""From what came back of an answer to its mark: the share of the cases that are right, and the tutor's sentence."""

import functools
import inspect
from dataclasses import asdict, dataclass

from helpers.course.exercises.compare import named
from helpers.course.exercises.engine import EXERCISES, Heard, Verdict, judge
from helpers.course.exercises.reading import signature_problem
from helpers.course.marking import sandbox


@dataclass
class Mark:
    """What an answer is worth, from 0 to 1, and why."""

    status: str  # right, partly, wrong, todo, missing
    share: float  # of the cases that are right
    sentence: str  # the tutor's
    cases: int = 1
    mistake: int | None = None  # which of the known mistakes it is

    def kept(self):
        """Return it as what JSON can hold."""
        return asdict(self)


@functools.cache
def bench(name):
    """Return (exercise, cases, the reference's outcomes, a list of the known mistakes' outcomes), computed once.

    raises: KeyError where there is no such exercise
    """
    exercise = EXERCISES[name]
    cases = exercise.cases()
    want = exercise.outcomes(exercise.reference, cases)
    return exercise, cases, want, [exercise.outcomes(wrong, cases) for wrong, _ in exercise.mistakes]


def mark(box, name, before, source, by_case=True):
    """Return the Mark of one answer.

    box:     a sandbox.Box that was entered
    name:    of the exercise
    before:  what its cell needs from other cells, as texts
    source:  its cell
    by_case: whether some right cases out of all count; else an answer is right or worth nothing
    raises:  KeyError where there is no such exercise, RuntimeError where no process can be started
    """
    exercise, cases, want, others = bench(name)
    told = box.answer(exercise, cases, before, source)
    with sandbox.AT_ONCE:
        return weighed(exercise, cases, want, others, told, by_case)


def weighed(exercise, cases, want, others, told, by_case=True):
    """Return the Mark for what was Told. Never raises, whatever was told."""
    try:
        return _weighed(exercise, cases, want, others, told, by_case)
    except Exception as error:  # a value may be of a kind that breaks what touches it
        return Mark("wrong", 0.0, f"the answer cannot be compared ({type(error).__name__}).", len(cases))


def _weighed(exercise, cases, want, others, told, by_case):
    if (early := _without_a_call(exercise, told)) is not None:
        return Mark(early.status, 0.0, early.message, len(cases))
    got = told.got + [_silent(exercise, told)] * (len(cases) - len(told.got))
    heard = Heard(
        got,
        idle=bool(told.facts.get("idle")),
        printed=told.printed,
        said=lambda error: getattr(error, "said", "your code raises an exception."),
        read=lambda: [str(name)[:60] for name in told.facts.get("read") or []],
        note=told.problem,
    )
    verdict, problems = judge(exercise, cases, heard, want, others)
    if verdict.status == "todo":
        return Mark("todo", 0.0, "not filled in yet.", len(cases))
    share = sum(not problem for problem in problems) / len(cases)
    sentences = [sentence for _, sentence in exercise.mistakes]
    which = sentences.index(verdict.message) if verdict.message in sentences else None
    if verdict.status == "wrong" and not (by_case and share):
        share = 0.0
    status = "partly" if verdict.status == "wrong" and share else verdict.status
    return Mark(status, share, f"{verdict.message} {verdict.note}".strip(), len(cases), which)


def _silent(exercise, told):
    """Return the Outcome of a case of which nothing came back."""
    from helpers.course.exercises.run import Outcome

    error = RuntimeError("no answer")
    if told.ended == "late":
        error.said = f"there is no answer after {exercise.seconds:g} seconds: does a loop never end, or do too much?"
    else:
        error.said = "your code ended Python, or took more memory than there is: use `return` to leave a function."
    return Outcome(error=error)


def _without_a_call(exercise, told):
    """Return a Verdict where what was loaded is no answer that can be called, or None."""
    facts, function = told.facts, callable(exercise.reference)
    if not facts:
        return Verdict("wrong", _silent(exercise, told).error.said)
    if facts.get("missing") and told.problem:
        return Verdict("wrong", told.problem)
    if facts.get("missing") or facts.get("blank"):
        return Verdict("todo", "not filled in yet.")
    if not function:
        return None
    if not facts.get("callable"):
        return Verdict("wrong", f"`{exercise.name}` must be a function.")
    if facts.get("borrowed"):
        return Verdict("wrong", "this is a function of the course's own: write yours.")
    if isinstance(facts.get("parameters"), list) and (problem := _signature(exercise, facts["parameters"])):
        return Verdict("wrong", problem)
    return None


class _Shown:
    """A default of which only the repr is known."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def _signature(exercise, told):
    """Return what is wrong with the parameters that were told: [name, kind, repr of the default or None]."""

    def answer():
        raise NotImplementedError("only its signature is looked at")

    kinds = list(inspect._ParameterKind)
    try:
        answer.__signature__ = inspect.Signature(
            [
                inspect.Parameter(
                    str(name), kinds[kind], default=inspect.Parameter.empty if default is None else _Shown(default)
                )
                for name, kind, default in told
            ]
        )
    except (ValueError, TypeError, IndexError):
        return f"the parameters of `{exercise.name}` cannot be read: they are {named(told)}."
    return signature_problem(exercise, answer)
