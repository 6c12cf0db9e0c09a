"""Every chapter in JupyterLab, as a reader meets it: opened with its stored outputs, then run from the first cell to the last.

What runs is the solved chapter, its checks strict, so that a wrong solution fails here; the chapter as it is handed out
runs when pytest compares its outputs.
"""

import re
from pathlib import Path

import nbformat
import pytest

from helpers.exercises.solve import solve

CHAPTERS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
# What the outputs of all code cells are, in order: the id of the cell, and the kinds of content it shows.
SHOWN = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type === 'code')
    .flatMap(c => c.outputs.toJSON().map(o => ({cell: c.id, source: c.sharedModel.source, kinds: Object.keys(o.data ?? {})})))"""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_solved_chapter_opens_and_runs(notebook, path):
    stored, solved = nbformat.read(path, 4), solve(nbformat.read(path, 4))
    for cell, as_stored in zip(solved.cells, stored.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = as_stored.outputs, as_stored.execution_count
    nbformat.write(solved, notebook.lab.root / path.name)
    notebook.open(path.name)
    broken = notebook.page.get_by_text("Error displaying widget")
    assert broken.count() == 0, "an explorer that has not run yet must show its still picture"
    notebook.run_all(timeout=600_000)
    assert notebook.errors() == []

    shown = notebook.page.evaluate(SHOWN)
    assert any("image/png" in output["kinds"] for output in shown)
    explorers = [output for output in shown if re.search(r"^\w+Explorer\(.*\)$", output["source"].rstrip().splitlines()[-1])]
    assert bool(explorers) == (path.stem != "00_start_here")
    cells = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model.id)")
    for output in explorers:
        assert "application/vnd.jupyter.widget-view+json" in output["kinds"]
        notebook.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", cells.index(output["cell"]))
        live = notebook.view(".jupyter-widgets, .convex, .attex, .gates, .panel", 0)
        assert live.bounding_box()["height"] > 200
    assert broken.count() == 0


def test_no_question_and_no_news_at_the_first_start(notebook):
    notebook.write("1 + 1").open().run_all()
    notebook.page.wait_for_timeout(3000)  # JupyterLab asks two seconds after its start
    assert notebook.page.locator(".Toastify__toast, .jp-Dialog").count() == 0
