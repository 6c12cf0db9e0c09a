"""The checker is checked: every solution passes, every stub is told that it is one, every known mistake gets its own sentence.

The first half goes through all registered exercises and the notebooks that hold them; the second tries the machinery on small
exercises that exist only here, with the answers that students give.
"""

import functools
import inspect
import itertools
import json
import random
import signal
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

from helpers.course.exercises import check, hint, ready, run, solution, solutions, solve
from helpers.course.exercises.compare import difference
from helpers.course.exercises.engine import EXERCISES, Exercise, _formatted, diagnose
from helpers.course.rooms import rooms

NAMES = list(EXERCISES)
FILES = solutions.files()
NOTEBOOKS = {
    path: nbformat.read(path, 4) for path in sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
}
STUB_CELLS = [
    (path, cell) for path, notebook in NOTEBOOKS.items() for cell in notebook.cells if solve.graded(cell, "solution")
]
every_exercise = pytest.mark.parametrize("name", NAMES)
every_mistake = pytest.mark.parametrize(
    "name, i", [(name, i) for name in NAMES for i in range(len(EXERCISES[name].mistakes))]
)


def defined(name, code):
    """Run a solution or a stub after the imports of its file, as in a notebook, and return what it defines."""
    namespace = {"__name__": "__main__"}
    exec(FILES[name].read_text().split("# %%")[0], namespace)
    exec(code, namespace)
    return namespace[name]


# All registered exercises


def test_every_exercise_has_its_solution():
    assert NAMES and sorted(NAMES) == sorted(FILES)


def test_every_chapter_is_found():
    here = {room.folder / "solutions.py" for room in rooms() if (room.folder / "exercises.py").exists()}
    assert here and here == set(FILES.values())


@every_exercise
def test_solution_passes(name):
    assert diagnose(name, defined(name, solutions.source(name)))


@every_exercise
def test_solution_takes_the_arguments_of_the_reference(name):
    if not callable(EXERCISES[name].reference):
        pytest.skip("a value, not a function")
    assert inspect.signature(defined(name, solutions.source(name))) == inspect.signature(EXERCISES[name].reference)


@every_exercise
def test_stub_is_told_that_it_is_one(name):
    assert solutions.STUB in solutions.stub(name)
    assert diagnose(name, defined(name, solutions.stub(name))).status == "todo"


@every_exercise
def test_reference_raises_nothing_and_cases_are_the_same_each_time(name):
    exercise = EXERCISES[name]
    first, second = (exercise.outcomes(exercise.reference, exercise.cases()) for _ in range(2))
    assert first and not any(outcome.error or outcome.changed for outcome in first)
    assert not any(exercise.difference(a, b) for a, b in zip(first, second, strict=True))


@every_exercise
def test_exercise_is_complete(name):
    exercise = EXERCISES[name]
    sentences = [sentence for _, sentence in exercise.mistakes]
    assert len(sentences) >= 3 and len(set(sentences)) == len(sentences)
    assert exercise.hints and all(hint.strip() for hint in exercise.hints)
    assert all(sentence[-1] in ".?" for sentence in sentences)


@every_mistake
def test_mistake_gets_its_sentence(name, i):
    wrong, sentence = EXERCISES[name].mistakes[i]
    verdict = diagnose(name, wrong)
    assert (verdict.status, verdict.message) == ("wrong", sentence)


@every_exercise
def test_no_two_mistakes_are_alike(name):
    exercise, cases = EXERCISES[name], EXERCISES[name].cases()
    results = [exercise.outcomes(wrong, cases) for wrong, _ in exercise.mistakes]
    for a, b in itertools.combinations(results, 2):
        assert any(exercise.difference(one, other) for one, other in zip(a, b, strict=True))


@every_exercise
def test_exercise_stands_in_one_notebook_of_its_chapter(name):
    number = FILES[name].parent.name[2:4]
    if not any(path.stem.startswith(number) for path in NOTEBOOKS):
        pytest.skip(f"there is no notebook of chapter {number} yet")
    assert [path.stem[:2] for path, cell in STUB_CELLS if cell.metadata.nbgrader.grade_id == name] == [number]


@pytest.mark.parametrize(
    "path, cell", STUB_CELLS, ids=lambda part: part.get("id") if isinstance(part, dict) else part.stem
)
def test_stub_in_the_notebook_is_the_solution_without_its_region(path, cell):
    assert cell.source == solutions.stub(cell.metadata.nbgrader.grade_id)


def test_stub_word_for_word():
    assert (
        solutions.stub("conv_parameters") == "def conv_parameters(in_channels, out_channels, kernel_size):\n"
        '    """The number of parameters of a convolution layer with bias and K×K kernels."""\n'
        "    pass  # your code here"
    )


def test_stubs_are_what_nbgrader_releases():
    preprocessors = pytest.importorskip("nbgrader.preprocessors", reason="nbgrader is a teacher's extra")
    from traitlets.config import Config

    strip = preprocessors.ClearSolutions(config=Config({"ClearSolutions": {"code_stub": {"python": solutions.STUB}}}))
    graded = {"schema_version": 3, "solution": True, "grade": False, "locked": False, "task": False}
    for name in NAMES:
        metadata = {"nbgrader": {**graded, "grade_id": name}}
        cell = nbformat.v4.new_code_cell(solutions.marked(name), metadata=metadata)
        assert strip.preprocess_cell(cell, {"language": "python"}, 0)[0].source == solutions.stub(name)


# What students write, on exercises that exist only here

scale = 3  # a value in the notebook, which a student's function may read by mistake


def row_means(x, weight, power=1):
    return (x * weight).mean(dim=1) ** power


def reference(x, weight, power=1):
    return row_means(x, weight, power)


def row_cases():
    dice = torch.Generator().manual_seed(1)
    return [
        {
            "x": torch.randn(rows, columns, generator=dice),
            "weight": torch.rand(columns, generator=dice) + 0.5,
            **options,
        }
        for rows, columns, options in ((4, 3, {}), (2, 5, {"power": 2}))
    ]


@pytest.fixture
def invent():
    """Register an exercise for one test."""
    made = []

    def make(reference, name="invented", **options):
        made.append(name)
        return Exercise(name, reference, **options)

    yield make
    for name in made:
        del EXERCISES[name]


@pytest.fixture
def rows(invent):
    return invent(
        reference,
        cases=row_cases,
        seconds=60,
        hints=["Multiply.", "Then take the mean."],
        mistakes=[
            (lambda x, weight, power=1: x.mean(dim=1) ** power, "the weight is not used."),
            (lambda x, weight, power=1: (x * weight).sum(dim=1) ** power, "this is the sum."),
        ],
    )


def said(function):
    verdict = diagnose("invented", function)
    assert verdict.status == "wrong"
    return verdict.message


def test_right(rows):
    verdict = diagnose("invented", row_means)
    assert verdict and verdict.message == "`invented` gives what it should in all 2 cases."


def test_the_reference_is_no_answer(rows):
    assert said(ready("invented", None)).startswith("this is the course's own function")


def test_known_mistake(rows):
    assert said(lambda x, weight, power=1: (x * weight).sum(dim=1) ** power) == "this is the sum."


def test_shape_and_case(rows):
    assert (
        said(lambda x, weight, power=1: row_means(x, weight, power)[:, None])
        == "with x (4, 3), weight (3,): the answer has shape (4, 1), expected (4,)."
    )


def test_first_different_value(rows):
    def off_in_one_place(x, weight, power=1):
        out = row_means(x, weight, power)
        return torch.where(torch.arange(len(out)) == 1, 7.0, out) if power == 2 else out

    want = row_means(**row_cases()[1])[1].item()
    assert (
        said(off_in_one_place)
        == "with x (2, 5), weight (5,), power=2: the answer has the right shape, but at [1] yours is 7, "
        f"expected {want:.4g} (1 of 2 values differs)."
    )


@pytest.mark.parametrize(
    "wrong, expected",
    [
        (
            lambda x, weight, power=1: row_means(x, weight, power).tolist(),
            "a list, expected a tensor: `torch.stack` makes",
        ),
        (
            lambda x, weight, power=1: row_means(x, weight, power).numpy(),
            "a NumPy array, expected a tensor: `torch.from_numpy`",
        ),
        (
            lambda x, weight, power=1: (row_means(x, weight, power),),
            "a tuple, expected a tensor: is there a comma at the end",
        ),
        (lambda x, weight, power=1: row_means, "a function, expected a tensor: is a pair of brackets missing"),
        (lambda x, weight, power=1: (value for value in x), "a generator, expected a tensor: is there a `yield`"),
        (lambda x, weight, power=1: 3.5, "a float, expected a tensor"),
        (lambda x, weight, power=1: row_means(x, weight, power) > 0, "has dtype torch.bool, expected torch.float32"),
        (lambda x, weight, power=1: row_means(x, weight, power).int(), "has dtype torch.int32, expected torch.float32"),
        (lambda x, weight, power=1: row_means(x, weight, power) / 0 * 0, "holds NaN"),
        (lambda x, weight, power=1: row_means(x, weight, power) / 0, "holds an infinite value"),
    ],
)
def test_wrong_kind_of_result(rows, wrong, expected):
    message = said(wrong)
    assert message.startswith("with x (4, 3), weight (3,): the answer") and expected in message


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_float_precision_does_not_matter(rows, dtype):
    assert diagnose("invented", lambda x, weight, power=1: row_means(x.to(dtype), weight.to(dtype), power))


def test_exception_with_the_line(rows):
    def crashes(x, weight, power=1):
        rows = len(x)
        return x[rows]

    message = said(crashes)
    line = crashes.__code__.co_firstlineno + 2
    assert f"your code raises **IndexError** in line {line}, `return x[rows]`: index 4 is out of bounds" in message


def test_exception_inside_a_library_names_the_students_line(rows):
    def crashes(x, weight, power=1):
        return F.pad(x, "left")

    assert '`return F.pad(x, "left")`' in said(crashes)


def test_exception_has_no_address(rows):
    def crashes(x, weight, power=1):
        raise TypeError(f"bad {object()}")

    assert said(crashes).endswith(": bad <object object>.")


def test_exit(rows):
    def leaves(x, weight, power=1):
        raise SystemExit

    assert "your code asks Python to exit in line" in said(leaves)


def test_interrupt(rows):
    def interrupted(x, weight, power=1):
        raise KeyboardInterrupt

    assert said(interrupted) == "stopped before the check was through."


def test_endless_recursion(rows):
    def forever(x, weight, power=1):
        return forever(x, weight, power) + 1

    assert "your function calls itself without end in line" in said(forever)


@pytest.mark.parametrize("swallow", [Exception, BaseException])
def test_endless_loop(rows, swallow):
    def forever(x, weight, power=1):
        for _ in range(2):
            try:
                while True:
                    pass
            except swallow:
                pass
        while True:
            pass

    rows.seconds = 0.1
    before, started = signal.getsignal(signal.SIGALRM), time.monotonic()
    assert said(forever) == "there is no answer after 0.1 seconds: does a loop never end, or do too much?"
    assert time.monotonic() - started < 60
    assert signal.getsignal(signal.SIGALRM) is before and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_another_timer_goes_on(rows):
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    signal.setitimer(signal.ITIMER_REAL, 30)
    try:
        assert diagnose("invented", row_means)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30 and not rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_off_the_main_thread(rows):
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(diagnose("invented", row_means)))
    thread.start()
    thread.join()
    assert verdicts[0]


def test_changed_argument(rows):
    def in_place(x, weight, power=1):
        x *= weight
        return x.mean(dim=1) ** power

    assert said(in_place).endswith(
        "your function changed its argument `x` in place: work on a copy; of a tensor, `x.clone()`."
    )


def test_changed_list(invent):
    invent(lambda sizes: sum(sizes), cases=lambda: [{"sizes": [3, 5]}])
    assert "changed its argument `sizes`" in said(lambda sizes: sizes.pop() + sizes.pop())
    assert diagnose("invented", lambda sizes: sizes[0] + sizes[1])


def test_missing_return(rows):
    def nothing(x, weight, power=1):
        out = (x * weight).mean(dim=1) ** power  # noqa: F841

    def on_one_path(x, weight, power=1):
        if power == 1:
            return row_means(x, weight, power)

    def prints(x, weight, power=1):
        print((x * weight).mean(dim=1) ** power)

    assert (
        said(nothing)
        == "with x (4, 3), weight (3,): your function returns None: is a `return` missing, or on one path only?"
    )
    assert said(on_one_path).startswith("with x (2, 5), weight (5,), power=2: your function returns None")
    assert said(prints).endswith(
        "your function returns None: it prints its result, and has to hand it back with `return`."
    )


def test_stubs(rows):
    def dots(x, weight, power=1):
        """What to do."""
        pass  # your code here

    def raises(x, weight, power=1):
        raise NotImplementedError

    def half_way(x, weight, power=1):
        out = ...
        return out

    for stub in (dots, raises, half_way, None, ..., NotImplemented):
        assert diagnose("invented", stub).status == "todo"


def test_prints_are_hidden(rows, capsys):
    def chatty(x, weight, power=1):
        print("here", x.shape)
        return row_means(x, weight, power)

    check("invented", chatty)
    shown = capsys.readouterr().out
    assert shown == "Right. `invented` gives what it should in all 2 cases. (Your prints are hidden while checking.)\n"


@pytest.mark.parametrize(
    "wrong, expected",
    [
        (lambda x, w, power=1: x, "missing: `weight`; not known: `w`."),
        (lambda x: x, "missing: `weight`, `power`."),
        (lambda x, weight, power=2: x, "default changed: `power`."),
        (lambda x, weight, power: x, "default changed: `power`."),
        (lambda x, weight, bias, power=1: x, "not known: `bias`."),
        (lambda x, weight, /, power=1: x, "missing: `weight`"),
    ],
)
def test_parameters(rows, wrong, expected):
    message = said(wrong)
    if expected == "missing: `weight`":
        assert "missing: `x`, `weight`" in message
    else:
        assert message == f"the parameters must stay as they were, `def invented(x, weight, power=1):`; {expected}"


def test_parameters_may_be_taken_together(rows):
    assert diagnose("invented", lambda **options: row_means(**options))
    assert diagnose("invented", lambda x, weight, power=1, extra=None: row_means(x, weight, power))
    assert diagnose("invented", functools.partial(row_means))


def test_reads_the_notebook(rows):
    verdict = said(lambda x, weight, power=1: torch.stack([row.mean() * scale for row in x]))
    assert verdict.endswith("Your function also reads `scale` from the notebook: is that meant to be an argument?")
    assert "NameError" in said(lambda x, weight, power=1: undefined_in_the_notebook)  # noqa: F821


def test_not_a_function(rows):
    assert said(3.5) == "`invented` must be a function, and is a float."
    assert said(row_means(**row_cases()[0])) == "`invented` must be a function, and is a tensor of shape (4,)."


def test_arguments_are_fresh_and_dice_are_kept(rows):
    seen = []

    def rolls(x, weight, power=1):
        seen.append((torch.rand(1).item(), random.random(), np.random.rand(), id(x)))
        torch.set_grad_enabled(False)
        return row_means(x, weight, power)

    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    assert diagnose("invented", rolls) and diagnose("invented", rolls)
    assert (
        len({numbers[:3] for numbers in seen}) == 1
    )  # the same in every call, so an answer that uses dropout is repeatable
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all() and torch.is_grad_enabled()


def test_random_answers_can_be_compared(invent):
    invent(lambda x: F.dropout(x, 0.5), cases=lambda: [{"x": torch.ones(50)}])
    assert diagnose("invented", lambda x: torch.nn.Dropout(0.5)(x))
    assert not diagnose("invented", lambda x: F.dropout(x, 0.6))


def test_gradient(invent):
    invent(reference, cases=row_cases, grad=True)
    assert diagnose("invented", row_means)
    assert "cut off from its gradient" in said(lambda x, weight, power=1: row_means(x, weight, power).detach())
    assert "no gradient reaches `weight`" in said(lambda x, weight, power=1: row_means(x, weight.data, power))
    twice = said(lambda x, weight, power=1: row_means(x, weight + (weight - weight.detach()), power))
    assert "the gradient by `weight` has the right shape, but at [0] yours is" in twice
    assert "changed its argument `x`" in said(lambda x, weight, power=1: row_means(x.mul_(1.5), weight, power))


def test_view(invent):
    def seen(network):
        return [tuple(parameter.shape) for parameter in network.parameters()]

    invent(lambda width: torch.nn.Linear(width, 3), cases=lambda: [{"width": 5}, {"width": 2}], view=seen)
    assert diagnose("invented", lambda width: torch.nn.Sequential(torch.nn.Linear(width, 3), torch.nn.ReLU()))
    assert "the answer has 1 element, expected 2" in said(lambda width: torch.nn.Linear(width, 3, bias=False))
    assert "AttributeError" in said(lambda width: torch.zeros(3, width))


def test_mistake_that_raises_in_some_cases(invent):
    def swapped(x, weight, power=1):
        if len(weight) == 5:
            raise IndexError
        return (x * weight).mean(dim=1) + 1

    def also_swapped(x, weight, power=1):
        return (x * torch.cat([weight, weight])[:3]).mean(dim=1) + 1  # too short for five columns

    invent(reference, cases=row_cases, mistakes=[(swapped, "swapped.")])
    assert said(also_swapped) == "swapped."


# Values


@pytest.mark.parametrize(
    "value, wrong, expected",
    [
        (28, 28.0, "the answer is 28.0: the value is right, but it is a float; use // for whole numbers."),
        (28, 29, "the answer is 29, which is too large."),
        (28, 27.5, "the answer is 27.5, a float, expected a whole number (int)."),
        (1, True, "the answer is a bool, expected a whole number (int)."),
        (28, "28", "the answer is a string, expected a whole number (int): write the number without quotes."),
        (
            28,
            torch.tensor(28),
            (
                "the answer is a tensor of shape (), expected a whole number (int): take the number out of the tensor "
                "with `.item()`."
            ),
        ),
        (
            28,
            (28,),
            (
                "the answer is a tuple, expected a whole number (int): is there a comma at the end of the line, which"
                " makes a tuple of one?"
            ),
        ),
        (28, [28, 3], "the answer is a list, expected a whole number (int)."),
        (
            28,
            len,
            (
                "the answer is a function, expected a whole number (int): is a pair of brackets missing, which would"
                " call it?"
            ),
        ),
        (28, object(), "the answer is an object, expected a whole number (int)."),
        (2**70, 2**70 + 1, f"the answer is {2**70 + 1}, which is too large."),
        (0.25, 0.2501, "the answer is 0.2501, which is too large."),
        (0.25, 25, "the answer is 25, which is too large."),
        (0.25, float("nan"), "the answer holds NaN"),
        (0.25, float("inf"), "the answer holds an infinite value"),
        ((1, 28, 28), (1, 28), "the answer has 2 elements, expected 3."),
        ((1, 28, 28), (1, 28, 27), "`answer[2]` is 27, which is too small."),
        ((1, 28, 28), (1, 28.0, 28), "`answer[1]` is 28.0: the value is right, but it is a float"),
        ((1, 28, 28), "1, 28, 28", "the answer is a string, expected a tuple."),
        ("padding", "stride", "the answer is 'stride', which is not right."),
        (True, 1, "the answer is a whole number (int), expected a bool."),
        (True, False, "the answer is False, which is not right."),
        (
            torch.tensor([1.0, 2.0]),
            torch.tensor([1.0, 3.0]),
            "the answer has the right shape, but at [1] yours is 3 (1 of 2 values differs).",
        ),
        (torch.tensor([1, 2]), torch.tensor([1.0, 2.0]), "the answer has dtype torch.float32, expected torch.int64."),
        (
            torch.tensor(2.0),
            torch.tensor(5.0),
            "the answer has the right shape, but yours is 5 (1 of 1 values differs).",
        ),
    ],
)
def test_wrong_value(invent, value, wrong, expected):
    invent(value)
    assert said(wrong).startswith(expected)


@pytest.mark.parametrize(
    "value, right",
    [
        (28, 28),
        (28, np.int64(28)),
        (0.25, 0.25),
        (0.25, 0.2500001),
        (2.0, 2),
        (0.25, np.float32(0.25)),
        ((1, 28), (1, 28)),
        ((1, 28), torch.Size([1, 28])),
        ((1, 28), [1, 28]),
        ("padding", " Padding "),
        (True, True),
        (torch.ones(2), torch.ones(2).double()),
        (torch.tensor([float("-inf"), 1.0]), torch.tensor([float("-inf"), 1.0])),
        (torch.ones(2), torch.ones(2, requires_grad=True)),
    ],
)
def test_right_value(invent, value, right):
    invent(value)
    verdict = diagnose("invented", right)
    assert verdict and verdict.message == "`invented` is right."


def test_value_mistake_and_stub(invent):
    invent(105_415_200, mistakes=[(210_830_400, "these are FLOPs.")])
    assert said(210_830_400) == "these are FLOPs."
    for stub in (None, ..., (None, None), [...]):
        assert diagnose("invented", stub).status == "todo"


def test_a_value_does_not_give_the_answer_away(invent):
    invent(34_944)
    for wrong in (34_943, 34_944.5, "34,944 ", (1,), torch.tensor(3), None, -1):
        assert "34944" not in diagnose("invented", wrong).message.replace("34944.5", "")


# Nothing raises, nothing wrong passes


class Hostile:
    """Breaks whatever touches it."""

    def _break(self, *_, **__):
        raise SystemExit("broken")

    __call__ = __eq__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __float__ = __hash__ = __format__ = _break


ANSWERS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.complex_numbers(),
        st.text(),
        st.binary(),
        st.dates(),
        st.fractions(),
        st.decimals(),
        st.builds(Hostile),
        st.builds(object),
        st.just(Hostile),
        st.just(print),
        st.just(...),
        st.sampled_from(
            [
                torch.float32,
                torch.zeros(0),
                torch.zeros(2, device="meta"),
                torch.eye(2).to_sparse(),
                np.zeros(3),
                torch.nn.Linear(2, 2),
                torch.tensor(1j),
                torch.tensor([float("nan")]),
                range(3),
            ]
        ),
        st.builds(lambda: 10**5000),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=5,
)


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=150)
@given(answer=ANSWERS)
def test_no_stray_answer_raises_or_passes(answer):
    def returned(**_):
        return answer

    for i, value in enumerate((123_457, 0.123457, (7, 123_457), "a word nobody finds", torch.full((3, 2), 0.123457))):
        for trusted, given_answer in ((value, answer), ((lambda value=value: value), returned)):
            exercise = Exercise(f"fuzz{i}", trusted, mistakes=[(value, "the same."), (Hostile(), "broken.")][1:])
            try:
                verdict = diagnose(exercise.name, given_answer)
                assert not verdict and verdict.message
                check(exercise.name, given_answer)
                assert ready(exercise.name, given_answer) is trusted
            finally:
                del EXERCISES[exercise.name]
    check(answer)
    check("fuzz", answer)


@settings(deadline=None, max_examples=100)
@given(value=st.integers(-(10**12), 10**12), off=st.integers(1, 10**6), sign=st.sampled_from([-1, 1]))
def test_whole_numbers_are_exact(value, off, sign):
    assert difference(value, value) is None and difference(value + sign * off, value)


@settings(deadline=None, max_examples=100)
@given(
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3),
    seed=st.integers(0, 999),
    size=st.floats(1e-6, 1e6),
    data=st.data(),
)
def test_one_wrong_element_is_found(shape, seed, size, data):
    want = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * size
    at = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    got = want.clone()
    got[at] += 0.01 * max(want.abs().max().item(), 1e-9)
    assert difference(want.float(), want) is None
    assert (f"at {list(at)} yours" if shape else "yours") in difference(got, want)


# What is shown


def test_check_shows_one_line_and_returns_nothing(rows, capsys):
    assert check("invented", lambda x, weight, power=1: x.mean(dim=1) ** power) is None
    assert capsys.readouterr().out == "Not yet. The weight is not used.\n"
    check("invented", None)
    assert capsys.readouterr().out == "Not filled in yet. `hint(invented)` has a first step.\n"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("invented",), 'Not yet. The answer itself is missing: `check("invented", invented)`.'),
        ((34,), 'Not yet. Name the exercise that this is the answer to: `check("name", answer)`. The exercises are '),
        ((None,), "Not yet. Name the exercise"),
        (("nobody", 3), "Not yet. There is no exercise `nobody`. The exercises are "),
        ((lambda x: x,), "Not yet. There is no exercise `<lambda>`. The exercises are "),
    ],
)
def test_check_called_wrongly(rows, capsys, arguments, expected):
    check(*arguments)
    shown = capsys.readouterr().out
    assert shown.startswith(expected)
    assert "The exercises are" not in shown or "invented" in shown


def test_strict_raises(rows):
    with pytest.raises(AssertionError, match="^Not yet. this is the sum"):
        check("invented", lambda x, weight, power=1: (x * weight).sum(dim=1) ** power, strict=True)
    with pytest.raises(AssertionError, match="^Not filled in yet"):
        check("invented", None, strict=True)
    check("invented", row_means, strict=True)


def test_bundle_in_a_notebook(rows, monkeypatch):
    shown = []
    monkeypatch.setitem(check.__globals__, "publish", shown.append)

    def crashes(x, weight, power=1):
        raise ValueError("1 < 2 & **so** on")

    check("invented", crashes)
    plain = shown[0]["text/plain"]
    assert plain.startswith("Not yet. With x (4, 3)") and plain.endswith(
        '`raise ValueError("1 < 2 & **so** on")`: 1 < 2 & so on.'
    )
    assert "1 &lt; 2 &amp; <b>so</b> on" in shown[0]["text/html"] and "<code>raise ValueError(" in shown[0]["text/html"]


def test_ready(rows, invent):
    def mine(x, weight, power=1):
        return row_means(x, weight, power)

    mine.__name__ = "invented"
    assert ready(mine) is mine and ready("invented", mine) is mine
    broken = lambda x, weight, power=1: None  # noqa: E731
    assert ready("invented", broken) is reference
    invent(7, name="seven")
    assert ready("seven", 7) == ready("seven", 8) == ready("seven", None) == 7


def test_hints(rows, capsys):
    for n, expected in (
        (1, "Hint 1 of 2. Multiply. (`hint(invented, 2)` says more.)\n"),
        (2, "Hint 2 of 2. Then take the mean.\n"),
        (3, "No more hints. There are 2, from 1; after them `solution(invented)` shows the code.\n"),
        (0, "No such hint. There are 2, from 1; after them `solution(invented)` shows the code.\n"),
    ):
        hint("invented", n)
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize("call", [hint, solution, ready])
def test_unknown_names(rows, call):
    with pytest.raises(ValueError, match="there is no exercise `nobody`. The exercises are .*invented"):
        call("nobody")
    with pytest.raises(ValueError, match="name the exercise"):
        call(3)


@every_exercise
def test_solution_is_shown_without_marks(name, capsys):
    solution(name)
    assert capsys.readouterr().out == solutions.source(name) + "\n"
    assert "SOLUTION" not in solutions.source(name) and solutions.STUB not in solutions.source(name)


def test_nothing_but_solution_shows_it(capsys):
    for name in NAMES:
        body = [line.strip() for line in solutions.source(name).splitlines() if line not in solutions.stub(name)]
        check(name, None)
        for n in range(len(EXERCISES[name].hints) + 2):
            hint(name, n)
        shown = capsys.readouterr().out
        assert not any(line in shown for line in body if len(line) > 30)


def test_name_taken(rows):
    with pytest.raises(ValueError, match="name .='invented'. is taken"):
        Exercise("invented", 3)


# The solved and the nbgrader form


def chapter(tmp_path):
    def cell(kind, source, name, **metadata):
        return nbformat.v4.new_code_cell(
            source,
            id=f"{kind}-{name.replace('_', '-')}",
            execution_count=1,
            metadata={
                "nbgrader": {
                    "schema_version": 3,
                    "solution": kind == "x",
                    "grade": kind == "t",
                    "locked": kind == "t",
                    "task": False,
                    "grade_id": name if kind == "x" else f"test_{name}",
                    **metadata,
                }
            },
        )

    cells = [
        nbformat.v4.new_code_cell(
            "import torch\nfrom helpers.course.exercises import check, hint, ready, solution", id="imports"
        )
    ]
    for name in (name for name in NAMES if FILES[name].parent.name.startswith("ch01")):
        call = f"check({name})" if callable(EXERCISES[name].reference) else f'check("{name}", {name})'
        cells += [cell("x", solutions.stub(name), name), cell("t", call, name, points=1)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = tmp_path / "01_invented.ipynb"
    nbformat.write(notebook, path)
    return path, notebook


def test_solve(tmp_path):
    path, student = chapter(tmp_path)
    solve.main([str(tmp_path / "solved"), str(path)])
    solved = nbformat.read(tmp_path / "solved" / path.name, 4)
    nbformat.validate(solved)
    assert [cell.id for cell in solved.cells] == [cell.id for cell in student.cells]
    assert all(cell.execution_count is None and not cell.outputs for cell in solved.cells)
    assert solved.cells[1].source == solutions.source("conv2d_loops")
    assert solved.cells[2].source == "check(conv2d_loops, strict=True)"


def test_student_notebook_runs_to_its_end(tmp_path):
    _, student = chapter(tmp_path)
    student.cells.append(
        nbformat.v4.new_code_cell(
            "def weights_saved(kernel_size):\n    print('hm')\n    half = kernel_size / 2\n    return int(half) +"
            " missing\n\ncheck(weights_saved)"
        )
    )
    NotebookClient(student, timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in student.cells for output in cell.outputs]
    assert [output for output in outputs if output["output_type"] != "display_data"] == []
    texts = [output["data"]["text/plain"] for output in outputs]
    assert all(text.startswith("Not filled in yet.") for text in texts[:-1]) and len(texts) > 4
    assert (
        texts[-1] == "Not yet. With kernel_size=5: your code raises NameError in line 4, `return int(half) + missing`: "
        "name 'missing' is not defined. (Your prints are hidden while checking.)"
    )
    assert "<b>NameError</b>" in outputs[-1]["data"]["text/html"]


def test_nbgrader_source(tmp_path):
    path, _ = chapter(tmp_path)
    solve.main(["--nbgrader", str(tmp_path / "course"), str(path)])
    source = nbformat.read(tmp_path / "course" / "source" / "01_invented" / path.name, 4)
    assert source.cells[1].source == solutions.marked("conv2d_loops")
    assert (
        source.cells[2].source == "check(conv2d_loops)\n### BEGIN HIDDEN TESTS\n"
        "from helpers.course.exercises import check\ncheck(conv2d_loops, strict=True)\n### END HIDDEN TESTS"
    )
    assert json.dumps(solutions.STUB)[1:-1] in (tmp_path / "course" / "nbgrader_config.py").read_text()


def test_solve_refuses_what_it_cannot_solve(tmp_path):
    _, notebook = chapter(tmp_path)
    notebook.cells[2].source = "assert conv2d_loops"
    with pytest.raises(ValueError, match="cell .='test_conv2d_loops'. is graded, so it must have a line check"):
        solve.solve(notebook)
    notebook.cells[1].metadata.nbgrader.grade_id = "nobody"
    with pytest.raises(ValueError, match="name .='nobody'. has no solution"):
        solve.solve(notebook)


def test_time_limit_leaves_other_exceptions_alone():
    with pytest.raises(ZeroDivisionError), run.time_limit(5):
        raise ZeroDivisionError
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    "text, plain, marked",
    [
        (
            "use `x**2 + y**2`, **not** `x < y`",
            "use `x**2 + y**2`, not `x < y`",
            "use <code>x**2 + y**2</code>, <b>not</b> <code>x &lt; y</code>",
        ),
        ("**the `weight`** counts", "the `weight` counts", "<b>the <code>weight</code></b> counts"),
        ("5 \x007\0 < 6", "5 7 < 6", "5 7 &lt; 6"),
    ],
)
def test_bold_is_taken_out_of_words_and_not_of_code(text, plain, marked):
    assert _formatted(text) == (plain, marked)
