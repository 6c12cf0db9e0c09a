"""Write the chapters with their solutions filled in, or as the source of an nbgrader course.

python -m helpers.course.exercises.solve OUT [NOTEBOOK ...]             OUT/<chapter>.ipynb, solved, with strict checks
python -m helpers.course.exercises.solve --nbgrader OUT [NOTEBOOK ...]  OUT/source/<chapter>/<chapter>.ipynb and OUT/nbgrader_config.py

Without notebooks named, all of notebooks/. Cells keep their ids; outputs are left out.
"""

import argparse
import re
from pathlib import Path

import nbformat

from helpers.course.exercises import solutions
from helpers.course.notebooks import find

COURSE = "image-models"
CONFIG = f"""c = get_config()
c.CourseDirectory.course_id = {COURSE!r}
c.CourseDirectory.feedback_directory = "marks/feedback"
c.ClearSolutions.code_stub = {{"python": {solutions.STUB!r}}}
"""
# A submission may have put another function in the place of check.
FRESH = "from helpers.course.exercises import check"


def graded(cell, what):
    """Return whether nbgrader's metadata mark a cell as a "solution" or as a test to "grade"."""
    return bool(cell.metadata.get("nbgrader", {}).get(what))


def solve(notebook, nbgrader=False):
    """Return the notebook, changed in place: solutions filled in, checks strict (hidden ones for nbgrader), outputs left out.

    raises: ValueError for a solution cell without a solution, or a cell to grade without a check
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if graded(cell, "solution"):
            name = cell.metadata.nbgrader.grade_id
            cell.source = solutions.marked(name) if nbgrader else solutions.source(name)
        elif graded(cell, "grade"):
            strict, found = re.subn(r"^(check\(.*)\)$", r"\1, strict=True)", cell.source, flags=re.MULTILINE)
            if not found:
                raise ValueError(
                    f"cell (={cell.metadata.nbgrader.grade_id!r}) is graded, so it must have a line check(...)"
                )
            cell.source = (
                f"{cell.source}\n### BEGIN HIDDEN TESTS\n{FRESH}\n{strict}\n### END HIDDEN TESTS"
                if nbgrader
                else strict
            )
    return notebook


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m helpers.course.exercises.solve", description=__doc__.splitlines()[0]
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("notebooks", type=Path, nargs="*", help="default: all of notebooks/")
    parser.add_argument("--nbgrader", action="store_true", help="an nbgrader course instead of solved copies")
    options = parser.parse_args(arguments)
    for path in options.notebooks or find():
        notebook = solve(nbformat.read(path, as_version=4), options.nbgrader)
        target = options.out / "source" / path.stem / path.name if options.nbgrader else options.out / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    if options.nbgrader:
        (options.out / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")


if __name__ == "__main__":
    main()
