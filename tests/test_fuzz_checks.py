"""What students may hand in: check() never raises, and nothing wrong passes.

The right answer of every registered exercise is spoilt in the ways that a result can be spoilt. Then come answers that
misbehave: they raise, never end, change their arguments, or change what everything else uses; what the engine does with these
does not depend on the exercise, so each is tried at a few.
"""

import builtins
import functools
import inspect
import math
import random
import re
import signal
import sys
import time
import types
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nbclient import NotebookClient

from helpers.course.exercises import check, compare, run, solutions
from helpers.course.exercises.engine import EXERCISES, Exercise, diagnose

NAMES = list(EXERCISES)
FILES = solutions.files()
FUNCTIONS = [name for name in NAMES if callable(EXERCISES[name].reference)]
every_exercise = pytest.mark.parametrize("name", NAMES)
every_function = pytest.mark.parametrize("name", FUNCTIONS)
pytestmark = pytest.mark.filterwarnings("ignore")  # an answer may do what it likes


@pytest.fixture
def two_mistakes(monkeypatch):
    """Look for two of the known mistakes only: what is said about them is tested elsewhere, and they take the most time."""
    for exercise in EXERCISES.values():
        monkeypatch.setattr(exercise, "mistakes", exercise.mistakes[:2])


@functools.cache
def right(name):
    """Return the solution of an exercise, as a student would have it."""
    namespace = {"__name__": "__main__"}
    exec(FILES[name].read_text().split("# %%")[0], namespace)
    exec(solutions.source(name), namespace)
    return namespace[name]


def answering(name, change):
    """Return the right answer with its result changed: change(result, number of the call, arguments)."""
    solution = right(name)
    if not callable(EXERCISES[name].reference):
        return change(solution, 1, {})
    calls = []

    def answer(**arguments):
        calls.append(1)
        return change(solution(**arguments), len(calls), arguments)

    answer.__signature__ = inspect.signature(solution)
    return answer


def refused(name, answer, about=""):
    """Assert that an answer is not right, that it is said in words, and that nothing was left behind."""
    state = (
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.is_grad_enabled(),
        sys.stdout,
    )
    verdict = diagnose(name, answer)
    assert verdict.status in ("wrong", "todo") and verdict.message.strip() and len(verdict.message) < 2000, (
        name,
        about,
        verdict,
    )
    verdict.message.encode("utf-8")
    assert torch.equal(torch.get_rng_state(), state[0]) and random.getstate() == state[1]
    assert (
        np.random.get_state()[1].tolist() == state[2] and torch.is_grad_enabled() is state[3] and sys.stdout is state[4]
    )
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    return verdict.message


# Results that lie about themselves


def yes(*_, **__):
    return True


class DispatchedTensor(torch.Tensor):
    """Answers what is asked of it with what it was told, whatever it holds."""

    @staticmethod
    def __new__(cls, told):
        return torch.Tensor._make_wrapper_subclass(cls, told.shape, dtype=told.dtype)

    def __init__(self, told):
        self.told = told

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return next(part.told for part in args if isinstance(part, cls)).clone()


def lying(base):
    return type(
        f"Lying{base.__name__}",
        (base,),
        dict.fromkeys(("__eq__", "__len__", "__bool__", "strip", "item", "__rsub__"), yes)
        | {
            "__ne__": lambda *_: False,
            "__hash__": base.__hash__,
            "__iter__": lambda _: iter(()),
        },
    )


class LyingClass:
    """Says that it is whatever is asked for."""

    __eq__ = __instancecheck__ = __len__ = yes
    __class__ = property(lambda self: torch.Tensor)
    __array__ = lambda self, *_: np.zeros(1)  # noqa: E731

    def __getattr__(self, name):
        return yes


class Evil:
    """Breaks whatever touches it."""

    def _break(self, *_, **__):
        raise SystemExit("broken")

    __eq__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __float__ = __hash__ = __format__ = __deepcopy__ = (
        _break
    )


def other_kinds(value):
    """Yield (what it is, a result of a kind that is never asked for)."""
    endless = []
    endless.append(endless)
    yield from {
        "None": None,
        "its text": str(value),
        "a function": lambda: value,
        "a dict": {"answer": value},
        "a list of it": [value],
        "evil": Evil(),
        "lying": LyingClass(),
        "a network": torch.nn.Linear(2, 2),
        "huge": 10**5000,
        "an expanded tensor": torch.zeros(1).expand(10**12),
        "a meta tensor": torch.zeros(2, device="meta"),
        "an object array": np.array([None]),
        "half a character": "\ud800",
        "a list of itself": endless,
        "a generator": (value for _ in range(3)),
    }.items()


def spoilt_numbers(value):
    yield from {
        "one more": value + 1,
        "one in a hundred more": value * 1.01 + (value == 0),
        "NaN": math.nan,
        "complex": complex(value, 1),
        "a bool": bool(value),
        "a tensor": torch.tensor(value),
        "an array": np.array(value),
        "text": f"{value}",
        "a lying number": lying(type(value))(value + 1),
    }.items()


def spoilt_tensors(value):
    first = (0,) * value.dim()
    out = value.detach().clone()
    if value.is_floating_point():
        out[first] = (
            torch.nan_to_num(out[first], posinf=0.0, neginf=0.0)
            + max(value[value.isfinite()].abs().max().item(), 1e-3) / 100
        )
        yield "all NaN", torch.full_like(value, math.nan)
        yield "complex", value + 0j
    else:
        out[first] = ~out[first] if value.dtype == torch.bool else out[first] + 1
    yield "another in one place", out
    if value.unique().numel() > 1:
        yield "all zero", torch.zeros_like(value)
        yield "backwards", value.flatten().flip(0).reshape(value.shape)
    yield "another axis", value[None]
    yield "empty", value[:0] if value.dim() else value[None][:0]
    yield "a list", value.tolist()
    yield "on meta", value.detach().to("meta")
    yield "lying with its values", DispatchedTensor(value.detach())
    if value.dim() > 1 and value.shape[-1] != value.shape[-2]:
        yield "transposed", value.transpose(-1, -2)


def spoilt(value):
    """Yield (how, result) for many results that are not this one."""
    if isinstance(value, torch.Tensor):
        yield from spoilt_tensors(value)
    elif isinstance(value, (tuple, list)):
        for place, part in enumerate(value):
            for label, wrong in spoilt(part):
                yield f"{label} at {place}", type(value)([*value[:place], wrong, *value[place + 1 :]])
        yield "longer", [*value, value[-1]]
        yield "shorter", value[:-1]
        yield "swapped", value[::-1]
        yield "a lying list", lying(list)([*value, 1])
        yield "a lying tuple", lying(tuple)([1, *value])
        yield "a set of texts", {str(part) for part in value}
        yield "one by one", iter(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            for label, wrong in spoilt(part):
                yield f"{label} at {key}", value | {key: wrong}
        yield "shorter", dict(list(value.items())[:-1])
        yield "one more", value | {"more": 1}
        yield "a list", list(value)
    elif isinstance(value, str):
        yield from {"another": value + "x", "nothing": "", "lying": lying(str)("x" + value)}.items()
    elif isinstance(value, bool):
        yield from {
            "the other": not value,
            "a number": int(value),
            "text": f"{value}",
            "a list": [value],
            "nothing": None,
            "a tensor of the other": torch.tensor(not value),
            "a lying number": lying(int)(not value),
        }.items()
    else:
        yield from spoilt_numbers(value)


def labels(name):
    exercise = EXERCISES[name]
    value = exercise.outcomes(exercise.reference, exercise.cases())[0].value
    return [label for label, _ in spoilt(value)]


def gives_a_network(name):
    """Whether the answer is a network, whose parameters are compared: spoilt ones are among its mistakes."""
    exercise = EXERCISES[name]
    return callable(exercise.reference) and isinstance(exercise.reference(**exercise.cases()[0]), torch.nn.Module)


@pytest.mark.parametrize("name", [name for name in NAMES if not gives_a_network(name)])
@pytest.mark.usefixtures("two_mistakes")
def test_no_spoilt_result_passes(name):
    """Each in every case; those of a function also in the last case alone."""
    last = len(EXERCISES[name].cases())
    assert diagnose(name, answering(name, lambda value, *_: value))
    tried = 0
    for number, label in enumerate(labels(name)):
        differs = []

        def wrong(value, *_):
            found = dict(spoilt(value)).get(label, value)
            differs.append(found is not value)
            return found

        refused(name, answering(name, wrong), label)
        assert any(differs)
        tried += 1
        if last > 1 and number % 5 == 0:
            seen = []

            def only_there(value, call, _):
                found = dict(spoilt(value)).get(label, value) if call == last else value
                seen.append(found is not value)
                return found

            verdict = diagnose(name, answering(name, only_there))
            assert not verdict or not any(seen), (name, label)
    assert tried >= 5


@pytest.mark.parametrize("name", [name for name in NAMES if not gives_a_network(name)])
def test_harmless_differences_pass(name):
    """Another float type, a gradient, a class of one's own around the right numbers, prints, the dice, settings of torch."""

    def classed(value):
        if isinstance(value, torch.Tensor):
            return (
                torch.nn.Parameter(value.detach()) if not value.requires_grad and value.is_floating_point() else value
            )
        if isinstance(value, (tuple, list)):
            return [classed(part) for part in value]
        return {bool: np.bool_, int: np.int64, float: np.float64}.get(type(value), lambda same: same)(value)

    def double(value):
        if isinstance(value, (tuple, list)):
            return type(value)(map(double, value))
        return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def busy(value, *_):
        print("shape", end="")
        print("to the other", file=sys.stderr)
        random.seed(5), np.random.seed(5), torch.manual_seed(5), torch.rand(3), torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64), torch.set_num_threads(2), sys.setrecursionlimit(900)
        warnings.simplefilter("error")
        return value

    settings = torch.get_default_dtype(), torch.get_num_threads(), sys.getrecursionlimit(), list(warnings.filters)
    assert diagnose(name, answering(name, lambda value, *_: double(value)))
    if not EXERCISES[name].grad:
        assert diagnose(name, answering(name, lambda value, *_: classed(value)))
    if name in FUNCTIONS:
        verdict = diagnose(name, answering(name, busy))
        assert verdict, verdict
        assert verdict.note == "(Your prints are hidden while checking.)"
    assert settings == (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        sys.getrecursionlimit(),
        list(warnings.filters),
    )


def test_no_other_kind_of_result_passes():
    few = {FUNCTIONS[0], FUNCTIONS[-1], *(name for name in NAMES if name not in FUNCTIONS)}
    for name in few:
        for number, (label, _) in enumerate(other_kinds(None)):
            refused(name, answering(name, lambda value, *_: list(other_kinds(value))[number][1]), label)


# Answers that are no results


class Unspeakable(BaseException):
    """An exception that cannot even be said."""

    def __str__(self):
        raise SystemExit

    __repr__ = __str__


ERRORS = [
    SystemExit(3),
    KeyboardInterrupt(),
    StopIteration(1),
    MemoryError(),
    Unspeakable(),
    ExceptionGroup("two", [ValueError(), TypeError()]),
    run.OutOfTime(),
    ValueError("\ud800 half a character, \x00, \x1b[31m and <b>"),
    ValueError("long " * 10**5),
    OSError(28, "No space left on device"),
]


def test_no_exception_gets_out(capsys):
    name = next(name for name in FUNCTIONS if len(EXERCISES[name].cases()) > 1)

    def late(error):
        def change(value, call, _):
            if call > 1:
                raise error
            return value

        return change

    for error in ERRORS:
        refused(name, answering(name, late(error)), error.__class__)
    assert check(name, answering(name, late(Unspeakable()))) is None
    assert capsys.readouterr().out.startswith("Not")


def with_signature(name, function):
    function = types.FunctionType(
        function.__code__, function.__globals__, name, function.__defaults__, function.__closure__
    )
    function.__signature__ = inspect.signature(right(name))
    return function


@every_function
def test_changed_arguments_are_seen(name):
    def spoils(value, _, arguments):
        for _key, argument in arguments.items():
            if isinstance(argument, torch.Tensor) and argument.numel():
                with torch.no_grad():
                    argument.view(-1)[0] += 1
                return value
            if isinstance(argument, list):
                argument.append(argument[0] if argument else 0)
                return value
        return value

    cases = EXERCISES[name].cases()
    if not any(
        isinstance(argument, list) or isinstance(argument, torch.Tensor) and argument.numel()
        for case in cases
        for argument in case.values()
    ):
        pytest.skip("it takes numbers only, which cannot be changed")
    assert "changed its argument `" in refused(name, answering(name, spoils))


@every_exercise
def test_one_buffer_for_all_results_is_no_way_out(name):
    """A result is compared as it was when it was returned, not as it is after the last call."""
    if not isinstance(
        EXERCISES[name].outcomes(EXERCISES[name].reference, EXERCISES[name].cases())[0].value, torch.Tensor
    ):
        pytest.skip("not a tensor")
    kept = []

    def later(value, call, _):
        kept.append(value.detach().clone())
        wrong = value.detach() + 1
        kept.append(wrong)
        if call > 1:
            kept[1].copy_(kept[0])  # the first answer becomes right after the fact
        return wrong

    refused(name, answering(name, later))


def test_a_gradient_that_is_cut_off_is_seen_in_every_result():
    graded = [name for name in FUNCTIONS if EXERCISES[name].grad]
    assert len(graded) >= 4

    def cut(value):
        return value.detach() if isinstance(value, torch.Tensor) else type(value)(map(cut, value))

    for name in graded:
        assert "cut off from its gradient" in refused(name, answering(name, lambda value, *_: cut(value)))


# Answers that never end


def swallowing_loop():
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def plain_loop():
    while True:
        pass


def sleeping():
    time.sleep(60)


def in_a_callback():
    sorted(range(10), key=lambda _: plain_loop())


@pytest.mark.parametrize("loop", [plain_loop, swallowing_loop, sleeping, in_a_callback])
def test_endless_answers_end(loop, monkeypatch):
    name = FUNCTIONS[0]
    monkeypatch.setattr(EXERCISES[name], "seconds", 0.05)
    tracer, handler, started = sys.gettrace(), signal.getsignal(signal.SIGALRM), time.monotonic()
    assert "there is no answer after 0.05 seconds" in refused(name, answering(name, lambda *_: loop()))
    assert time.monotonic() - started < 30
    assert sys.gettrace() is tracer and signal.getsignal(signal.SIGALRM) is handler
    monkeypatch.undo()
    assert diagnose(name, right(name))


# Answers that change what everything else uses


def patch_relu():
    F.relu = lambda x: x


def patch_eq():
    torch.Tensor.__eq__ = lambda a, b: torch.tensor(True)


def patch_len():
    builtins.len = lambda _: 1


def patch_method():
    Exercise.difference = lambda *_: None


def patch_reference():
    for exercise in EXERCISES.values():
        exercise.tol = 1e9
        exercise.reference = lambda **_: 0


PATCHES = [patch_relu, patch_eq, patch_len, patch_method, patch_reference]


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("result", ["wrong", "right"])
def test_replaced_functions_are_put_back_and_told(patch, result):
    before = {
        (owner, name): value
        for owner in (torch, torch.Tensor, F, builtins, compare, Exercise, torch.nn.Linear)
        for name, value in vars(owner).items()
    }
    exercises = {name: dict(vars(exercise)) for name, exercise in EXERCISES.items()}
    name = "conv2d_loops"

    def change(value, *_):
        patch()
        return value + (result == "wrong")

    message = refused(name, answering(name, change), patch)
    if patch is patch_len:  # without len() the checker cannot go on
        assert "cannot be compared" in message
    else:
        assert re.search(r"your function replaces `[\w.]+`, which everything else uses too; it was put back", message)
    assert all(vars(owner).get(key) is value for (owner, key), value in before.items())
    assert exercises == {key: dict(vars(exercise)) for key, exercise in EXERCISES.items()}
    assert "len" not in vars(compare) and "shape" not in vars(torch.Tensor)
    assert diagnose(name, right(name)) and not diagnose(name, answering(name, lambda value, *_: value + 1))


# check() itself, called with anything


@pytest.mark.parametrize(
    "arguments",
    [
        (None,),
        (3,),
        ("",),
        ("nobody",),
        ([],),
        ({},),
        (Evil(),),
        (LyingClass(),),
        (torch.zeros(2),),
        (math.nan,),
        ("conv2d_loops",),
        ("\ud800",),
        ("conv2d_loops", Evil()),
        (Evil(), Evil()),
        (10**5000,),
        (print,),
        (Evil,),
        (type("Named", (), {"__name__": property(lambda self: 1 / 0)})(),),
    ],
)
def test_check_takes_anything(arguments, capsys):
    assert check(*arguments) is None
    shown = capsys.readouterr().out
    assert shown.startswith("Not")
    shown.encode("utf-8")


def test_in_a_notebook_every_cell_runs_to_its_end():
    """Also after exit(), which would end the kernel; after a closed stdout; and after words that cannot be written."""
    name, arguments = "weights_saved", "(kernel_size):\n    "
    bodies = [
        "exit()",
        "quit(keep_kernel=True)",
        "get_ipython().ask_exit()",
        "import sys; sys.stdout.close(); return 1",
        "import sys; sys.stdout = sys.stderr = None",
        "raise ValueError(chr(0xd800))",
        "print(chr(0xd800)); return 1",
        "display(3); return 1",
        "%%time\n    return 1",
        "import builtins; builtins.print = None; return 1",
        "from IPython.display import clear_output; clear_output(); return 1",
    ]
    cells = ["from helpers.course.exercises import check"]
    cells += [f"def {name}{arguments}{body}\n\ncheck({name})" for body in bodies if not body.startswith("%")]
    cells += [f"def {name}{arguments}return 1 - 9 * ((kernel_size - 1) // 2) / kernel_size**2\n\ncheck({name})"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(Path(__file__).parent.parent))
    texts = [output["data"]["text/plain"] for cell in notebook.cells for output in cell.outputs]
    assert [text.split(".")[0] for text in texts] == ["Not yet"] * (len(texts) - 1) + ["Right"] and len(texts) == len(
        cells
    ) - 1
    assert sum("your code asks Python to exit" in text for text in texts) == 3
