"""How the tests are shared among workers: a file stays on one, since its tests may share what is slow to make; long ones go first."""

# JupyterLab runs and compares each chapter: a minute each, and nothing in common.
IN_BROWSER = "tests/browser/test_chapters.py::test_chapter["
SOLVED = "tests/test_solved.py::test_solved["
LONGEST_FIRST = (IN_BROWSER, SOLVED, "notebooks/", "tests/browser/")


def unit(nodeid):
    """Return what of the work a test belongs to: the tests of one unit stay on one worker."""
    return nodeid if nodeid.startswith((IN_BROWSER, SOLVED)) else nodeid.split("::", 1)[0]


def next_of(units):
    """Return the unit to hand out next. What takes minutes comes first, so that no worker has it left when the others are done."""
    return min(
        units,
        key=lambda name: next(
            (i for i, start in enumerate(LONGEST_FIRST) if name.startswith(start)), len(LONGEST_FIRST)
        ),
    )


def run_twice(nodeids):
    """Return those of the tests that run a cell of a chapter which another of them runs, and compares, in JupyterLab."""
    there = {nodeid.removeprefix(IN_BROWSER).removesuffix("]") for nodeid in nodeids if nodeid.startswith(IN_BROWSER)}
    return {nodeid for nodeid in nodeids if nodeid.startswith(tuple(f"notebooks/{stem}.ipynb::" for stem in there))}
