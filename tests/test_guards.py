"""The guards of the notebooks go red: each is shown a sound notebook, and the same one with one thing broken."""

import guards
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ALT = "One blue square"


def picture():
    return new_output(
        "display_data", {"image/png": "iVBORw0KGgo=", "text/plain": ALT}, metadata={"image/png": {"alt": ALT}}
    )


def exercise(name):
    common = {"schema_version": 3, "task": False}
    stub = {**common, "grade_id": name, "solution": True, "grade": False, "locked": False}
    graded = {**common, "grade_id": f"test_{name}", "solution": False, "grade": True, "locked": True, "points": 1}
    return [
        new_code_cell(f"def {name}(x):\n    ...", id=f"x-{name}", metadata={"nbgrader": stub}),
        new_code_cell(f"check({name})", id=f"t-{name}", metadata={"nbgrader": graded}),
    ]


def sound():
    """A notebook that every guard accepts: 0 title, 1 figure, 2 claim, then three exercises."""
    cells = [
        new_markdown_cell("# A title", id="title", metadata={"slideshow": {"slide_type": "slide"}}),
        new_code_cell("show(square)", id="figure", outputs=[picture()]),
        new_code_cell(
            'settle("A1", 1 < 2, "one")\nsettle("A2", 1 < 2, "two")',
            id="claims",
            outputs=[new_output("display_data", {"text/plain": f"A{n} holds"}) for n in (1, 2)],
        ),
        *exercise("first"),
        *exercise("second"),
        *exercise("third"),
    ]
    for number, cell in enumerate(cells[1:], start=1):
        cell.execution_count = number
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def ledger(nb):
    return guards.ledger(nb, ["A1", "A2"])


ALL = (*guards.EVERY_NOTEBOOK, guards.exercises, ledger)


@pytest.mark.parametrize("guard", ALL, ids=lambda guard: guard.__name__)
def test_a_sound_notebook_passes(guard):
    assert guard(sound()) == []


def put(**fields):
    """Return a change of one cell's fields."""

    def change(cell):
        for field, value in fields.items():
            cell[field] = value

    return change


def add_output(output):
    return lambda cell: cell.outputs.append(output)


def data(mime, value):
    return lambda cell: cell.outputs[0].data.update({mime: value})


BREAKS = [
    # guard, what it must say, which cell is broken, how
    (guards.ids, "stands on 2 cells", 2, put(id="figure")),
    (guards.runs, "never run", 1, put(execution_count=None)),
    (guards.runs, "top to bottom", 1, put(execution_count=7)),
    (
        guards.runs,
        "stores the error ValueError",
        1,
        add_output(new_output("error", ename="ValueError", evalue="", traceback=[])),
    ),
    (guards.outputs, "without alternative text", 1, lambda cell: cell.outputs[0].metadata.clear()),
    (guards.outputs, "not its alternative text", 1, data("text/plain", "<Figure>")),
    (guards.outputs, "without text/plain", 1, add_output(new_output("display_data", {"text/html": "<b>x</b>"}))),
    (guards.outputs, "widget view", 1, data(guards.WIDGET, {"model_id": "1"})),
    (guards.outputs, "SVG", 1, data("image/svg+xml", "<svg/>")),
    (
        guards.outputs,
        "loads from the network",
        1,
        data("text/html", '<script src="https://example.org/x.js"></script>'),
    ),
    (guards.outputs, "image in HTML", 1, data("text/html", '<img src="data:image/png;base64,AAAA">')),
    (guards.portable, "path of one machine", 1, data("text/html", "in /home/kim/course")),
    (guards.portable, "address of an object", 1, data("text/plain", "<object at 0x7f3a1c2b4d50>")),
    (guards.portable, "host of a package registry", 0, put(source="# From " + "pypi" + ".org")),
    (guards.portable, "a shell command", 1, put(source="!ls")),
    (guards.portable, "an installation", 1, put(source="%pip install torch")),
    (guards.portable, "an installation", 1, put(source="!pip install torch")),
    (guards.portable, "a download", 1, put(source="MNIST(root, download=True)")),
    (guards.comparison, "does not say why", 1, put(metadata={"tags": ["nbval-ignore-output"]})),
    (guards.comparison, "does not say why", 1, put(source="# NBVAL_IGNORE_OUTPUT\n1")),
    (guards.comparison, "but it is", 1, put(source="# not compared: it is a timing\n1")),
    (guards.comparison, "every cell runs", 1, put(source="# NBVAL_SKIP\n1")),
    (guards.comparison, "none may raise", 1, put(metadata={"tags": ["raises-exception"]})),
    (guards.layout, "first cell is not the title", 0, put(source="Some words")),
    (guards.layout, "2 titles", 0, put(source="# One\n\n# Two")),
    (guards.layout, "20 lines or more", slice(1, 4), put(source="x = 1\n" * 20)),
    (guards.layout, "median code cell", slice(1, None), put(source="x = 1\n" * 6)),
    (guards.layout, "without alternative text", 0, put(source="# A title\n\n![](square.png)")),
    (guards.layout, "from the network", 0, put(source="# A title\n\n![square](https://example.org/square.png)")),
    (guards.slides, "without a slide_type", 0, put(metadata={})),
    (guards.slides, "slide_type '-'", 1, put(metadata={"slideshow": {"slide_type": "-"}})),
    (guards.exercises, "2 exercises", 3, put(metadata={})),
    (guards.exercises, "not followed by its locked check", 4, put(metadata={})),
    (guards.exercises, "not followed by its locked check", 4, put(source="print(first(1))")),
    (ledger, "A2 is never settled", 2, put(source='settle("A1", True, "")')),
    (ledger, "A1 is settled 2 times", 1, put(source='settle("A1", True, "")')),
    (ledger, "B1 is settled here", 1, put(source='settle("B1", True, "")')),
    (ledger, "does not show the id", 2, put(outputs=[new_output("display_data", {"text/plain": "A1 and A21"})])),
]


@pytest.mark.parametrize(
    "guard, says, cells, change", BREAKS, ids=[f"{guard.__name__}-{says}" for guard, says, *_ in BREAKS]
)
def test_a_broken_notebook_fails(guard, says, cells, change):
    nb = sound()
    for cell in nb.cells[cells] if isinstance(cells, slice) else [nb.cells[cells]]:
        change(cell)
    assert any(says in problem for problem in guard(nb)), guard(nb)


@pytest.mark.parametrize(
    "says, metadata",
    [
        ("not python3", {"kernelspec": {"name": "julia"}}),
        ("more than the language's name", {"language_info": {"name": "python", "version": "3.11.7"}}),
        ("state of widgets", {"widgets": {}}),
    ],
)
def test_wrong_metadata_fail(says, metadata):
    nb = sound()
    nb.metadata.update(metadata)
    assert any(says in problem for problem in guards.kernel(nb))


def test_a_reason_excuses_a_cell_from_comparison():
    nb = sound()
    nb.cells[1].update(
        metadata={"tags": ["nbval-ignore-output"]}, source="# not compared: it measures this machine\ntime()"
    )
    assert guards.comparison(nb) == []
