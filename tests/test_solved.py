"""The solved version of each notebook: every exercise replaced by its solution, every check strict.

Of each chapter run the cells of the exercises, those that use what a student wrote, and what these need: seconds instead of a
minute. tests/browser/test_chapters.py solves whole chapters in JupyterLab (make test-all).
"""

import nbformat
import pytest
import slices
from guards import code_cells, grading
from nbclient.exceptions import CellExecutionError
from offline import attempts, environment

from helpers.course.exercises.solve import solve
from helpers.course.notebooks import run
from helpers.course.rooms import NOTEBOOKS

WITH_EXERCISES = [
    path
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    if any(grading(cell).get("solution") for cell in nbformat.read(path, 4).cells)
]


def of_the_exercises(nb):
    """Return the code cells that hold exercises, checks and what is made with a student's answers, and those that they need."""
    code = code_cells(nb)
    cells = [slices.Cell(cell.id, cell.source, *slices.names(cell.source)) for cell in code]
    trains = set(slices.training_cells(cells))
    answers, wanted = set(), set()
    for i, cell in enumerate(cells):
        if "ready" in slices.calls(cell.tree):
            answers |= cell.binds
        if grading(code[i]) or "ready" in slices.calls(cell.tree) or cell.uses & answers and i not in trains:
            wanted |= {i, *slices.needed(cells, i)}
    return [code[i] for i in sorted(wanted)]


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)
def test_solved(path, tmp_path):
    solved = solve(nbformat.read(path, 4))
    checks = [cell for cell in solved.cells if grading(cell).get("grade")]
    assert checks and all("strict=True" in cell.source for cell in checks)
    solved.cells = of_the_exercises(solved)
    assert {cell.id for cell in checks} <= {cell.id for cell in solved.cells}
    run(solved, NOTEBOOKS, env=environment(tmp_path / "attempts"))
    assert attempts(tmp_path / "attempts") == []


def test_a_solution_that_fails_its_check_is_seen(tmp_path):
    solved = solve(nbformat.read(WITH_EXERCISES[-1], 4))
    solved.cells = of_the_exercises(solved)
    spoilt = next(cell for cell in solved.cells if grading(cell).get("solution"))
    spoilt.source = f"def {grading(spoilt).grade_id}(*args, **kwargs):\n    return 1"
    with pytest.raises(CellExecutionError, match=grading(spoilt).grade_id):
        run(solved, NOTEBOOKS, env=environment(tmp_path / "attempts"))
