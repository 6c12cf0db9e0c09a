"""`make test-twice`, tried on small notebooks: what the second run makes different is found, and nothing else is."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import twice
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_setup import clone  # noqa: F401  a fixture

from helpers.course.notebooks import find

ROOT = Path(__file__).parent.parent
COUNTS = "n = globals().get('n', 0) + 1\nprint('run', n)"
# The command, for the notebooks of another folder.
COMMAND = """
import sys
from pathlib import Path
from helpers.course import notebooks
notebooks.find = lambda chosen=(): sorted(Path(sys.argv[1]).glob("*.ipynb"))
import twice
sys.exit(twice.main([]))
"""


def write(path, **cells):
    """Write a notebook of cells, each an id and (source, what it printed when it was stored)."""
    made = [
        new_code_cell(
            source, id=id, execution_count=1, outputs=[new_output("stream", name="stdout", text=words)] if words else []
        )
        for id, (source, words) in cells.items()
    ]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A title"), *made]), path)
    return path


@pytest.fixture
def found(tmp_path, request):
    """Return a function from the cells of a notebook to what is wrong with it, the first line of each."""
    return lambda **cells: [
        text.splitlines()[0] for text in twice.wrong(request.session, write(tmp_path / "small.ipynb", **cells))
    ]


def test_the_command_says_what_differs_in_which_run(tmp_path):
    write(
        tmp_path / "01_equal.ipynb",
        seeded=("import random\nprint(random.Random(0).random())", "0.8444218515250481\n"),
        quiet=("x = 1", ""),
    )
    write(tmp_path / "02_counts.ipynb", counts=(COUNTS, "run 1\n"), equal=("print('equal')", "equal\n"))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "test_twice[01_equal] PASSED" in done.stdout and "test_twice[02_counts] FAILED" in done.stdout
    assert "\nrun 2, cell counts: " in done.stdout and "\n-run 1\n+run 2\n" in done.stdout
    assert not [words for words in ("run 1, cell", "cell equal", "warning") if words in done.stdout]


def test_errors_and_attempts_of_the_second_run_are_found(found):
    # 192.0.2.1 is reserved for examples (RFC 5737)
    asks = """import contextlib, socket
with contextlib.suppress(OSError):
    if globals().get("n"):
        socket.socket().connect_ex(("192.0.2.1", 80))"""
    assert found(
        asks=(asks, ""), counts=(COUNTS, "run 1\n"), makes=("open('made', 'x').close()", ""), later=("print(1)", "1\n")
    ) == [
        "tried to reach the network: socket.connect 192.0.2.1",
        "run 2, cell counts: stdout differs (floats may, by 0.001):",
        "run 2, cell makes: the run ended here",
    ]


def test_an_error_of_the_first_run_ends_it(found):
    said = found(first=("print(1)", "2\n"), empty=("", ""), raises=("1 / 0", ""), last=("print(3)", "4\n"))
    assert [text.split(":")[0] for text in said] == ["run 1, cell first", "run 1, cell raises"]


def test_a_kernel_that_ends_is_found(found):
    ends = (
        "import os, time\nif n == 2:\n    time.sleep(0.2)  # until it is written down that this cell began\n   "
        " os._exit(1)"
    )
    assert found(sets=("n = globals().get('n', 0) + 1", ""), ends=(ends, ""), last=("3;", "")) == [
        "run 2, cell ends: the run ended here"
    ]


def test_every_notebook_is_run_and_make_passes_the_chosen_on(clone, monkeypatch):  # noqa: F811
    (mark,) = twice.test_twice.pytestmark
    assert mark.args == ("path", find())
    assert clone("test-twice", "NB=03 05", pythons={"python3": 0})[1] == [
        "-m pip install -e .[test]",
        "tests/twice.py 03 05",
    ]
    asked = []
    monkeypatch.setattr(twice.pytest, "main", asked.extend)
    twice.main(["03"])
    assert [word.split("::")[1] for word in asked if "twice.py::" in word] == ["test_twice[03_alexnet]"]
