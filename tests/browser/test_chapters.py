"""Every chapter in JupyterLab, as a student meets it: opened with its stored outputs, run from the first cell to the last,
then its exercises solved and run.

That it computes what is stored, nbval tests; so `make test` opens every chapter here and runs the first one only, and
`make test-all` runs them all. The first run is of the chapter as it is handed out, compared by nbval's rules. The second, in
the same kernel, is of all that follows the first exercise, with solutions and strict checks.
"""

import re
from pathlib import Path

import nbformat
import pytest
from stored_outputs import differences
from test_nbval import SMALL

from browser import explorers
from browser.conftest import assert_clean, leave, shared
from helpers.course.exercises.solve import solve

CHAPTERS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
# All code cells in order, as they stand in JupyterLab now.
SHOWN = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type === 'code')
    .map(c => ({id: c.id, source: c.sharedModel.source, count: c.executionCount, outputs: c.outputs.toJSON()}))"""
# Put other sources into cells, {id: source}, and select the first of them.
FILL = """sources => { const notebook = window.jupyterapp.shell.currentWidget.content, cells = [...notebook.model.cells];
    for (const cell of cells) if (cell.id in sources) cell.sharedModel.setSource(sources[cell.id]);
    notebook.activeCellIndex = cells.findIndex(c => c.id in sources); }"""


def outputs(cells):
    return {cell["id"]: cell["outputs"] for cell in cells}


def broken(notebook):
    """Return what stands in the place of a broken explorer."""
    return notebook.page.get_by_text("Error displaying widget")


@pytest.fixture(scope="module")
def reader(browser, lab):
    """A Notebook for all chapters, one after the other."""
    with shared(browser, lab) as made:
        yield made.write("1 + 1").open()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_opens(reader, request, path):
    request.node.browser_page = reader.page
    (reader.lab.root / path.name).write_bytes(path.read_bytes())
    notebook = reader.turn_to(path.name)
    assert broken(notebook).count() == 0, "an explorer that has not run yet must show its still picture"
    cells = nbformat.read(path, 4).cells
    assert len(notebook.page.evaluate(SHOWN)) == sum(cell.cell_type == "code" for cell in cells)
    assert cells[0].source.splitlines()[0].strip("# ") in notebook.page.locator("h1").first.inner_text()
    assert_clean(notebook.page)


@pytest.mark.parametrize(
    "path",
    [CHAPTERS[0], *(pytest.param(path, marks=pytest.mark.long) for path in CHAPTERS[1:])],
    ids=lambda path: path.stem,
)
def test_chapter(notebook, request, path):
    (notebook.lab.root / path.name).write_bytes(path.read_bytes())
    notebook.open(path.name).run_all(timeout=600_000)
    assert notebook.errors() == []

    shown = notebook.page.evaluate(SHOWN)
    ran = [cell["count"] for cell in shown if cell["source"].strip()]
    assert ran == list(range(1, len(ran) + 1)), "every cell runs once, in order"
    found = differences(request.session, path, outputs(shown))
    assert not found, "\n".join(f"cell {id}: {said}" for id, said in found.items())
    kinds = {cell["id"]: [kind for output in cell["outputs"] for kind in output.get("data", {})] for cell in shown}
    assert any("image/png" in found for found in kinds.values())
    stored = nbformat.read(path, 4)
    shows = re.compile(r"^\w+Explorer\(.*\)\Z", re.MULTILINE)
    there = [
        i for i, cell in enumerate(stored.cells) if cell.cell_type == "code" and shows.search(cell.source.rstrip())
    ]
    assert there
    for i in there:
        assert "application/vnd.jupyter.widget-view+json" in kinds[stored.cells[i].id]
        assert explorers.look(notebook, i).bounding_box()["height"] > 200
    assert broken(notebook).count() == 0

    solved = solve(nbformat.read(path, 4))
    sources = {
        new.id: new.source for new, old in zip(solved.cells, stored.cells, strict=True) if new.source != old.source
    }
    checks = [id for id, source in sources.items() if "strict=True" in source]
    assert len(checks) >= (1 if path.stem == "00_start_here" else 3)
    notebook.page.evaluate(FILL, sources)
    notebook.run_all(command="notebook:run-all-below")
    assert notebook.errors() == []
    again = {cell["id"]: cell for cell in notebook.page.evaluate(SHOWN)}
    assert all(again[id]["source"] == source and again[id]["count"] > len(ran) for id, source in sources.items())


@pytest.mark.long  # as is what it is tried for
def test_what_differs_is_seen(notebook, request):
    """The small notebooks on which nbval is tried, run here: the same cells are the same, the same cells differ."""
    for kind in ("same", "changed"):
        made = nbformat.v4.new_notebook(
            cells=[nbformat.from_dict({**cell, "id": re.sub(r"\W", "-", name)}) for name, cell in SMALL[kind].items()],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = notebook.lab.root / f"small-{kind}.ipynb"
        nbformat.write(made, path)
        stored = path.with_name(f"small-{kind}-stored.ipynb")
        nbformat.write(made, stored)
        notebook.open(path.name).run_all()
        found = differences(request.session, stored, outputs(notebook.page.evaluate(SHOWN)))
        assert sorted(found) == (sorted(cell.id for cell in made.cells) if kind == "changed" else [])
        if kind == "changed":
            assert "\n-rows 34943\n+rows 34944" in found["number"]
        leave(notebook)


def test_a_solution_that_fails_is_seen(notebook):
    notebook.write("def one():\n    ...", "1 + 1").open().run_all()
    first, last = notebook.page.evaluate(SHOWN)
    notebook.page.evaluate(FILL, {first["id"]: "def one():\n    return 2", last["id"]: "assert one() == 1"})
    notebook.run_all(command="notebook:run-all-below")
    assert len(notebook.errors()) == 1


def test_no_question_and_no_news_at_the_first_start(notebook):
    notebook.write("1 + 1").open().run_all()
    notebook.page.wait_for_timeout(3000)  # JupyterLab asks two seconds after its start
    assert notebook.page.locator(".Toastify__toast, .jp-Dialog").count() == 0
