"""The solved version of each notebook: every exercise replaced by its solution, every check strict, run to the end.

Where there is a browser, tests/browser/test_chapters.py solves each chapter in JupyterLab, and once is enough: it takes minutes.
"""

from pathlib import Path

import nbformat
import pytest
from browser import CHROMIUM
from guards import grading
from offline import attempts, environment

from helpers.course.notebooks import run

FOLDER = Path(__file__).parent.parent / "notebooks"
WITH_EXERCISES = [
    path
    for path in sorted(FOLDER.glob("*.ipynb"))
    if any(grading(cell).get("solution") for cell in nbformat.read(path, 4).cells)
]


@pytest.mark.skipif(CHROMIUM is not None, reason="tests/browser/test_chapters.py solves the chapters in the browser")
@pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)
def test_solved(path, tmp_path):
    from helpers.course.exercises.solve import solve

    solved = solve(nbformat.read(path, 4))
    checks = [cell for cell in solved.cells if grading(cell).get("grade")]
    assert checks and all("strict=True" in cell.source for cell in checks)
    run(solved, FOLDER, env=environment(tmp_path / "attempts"))
    assert attempts(tmp_path / "attempts") == []
