"""The sharing of the tests among workers, tried on names; that the names are those of the real tests, the first test asks pytest."""

import os
import subprocess
import sys
from pathlib import Path

import guards
import nbformat
import pytest
import sharing

ROOT = Path(__file__).parent.parent
CHAPTER = "tests/browser/test_chapters.py::test_chapter[{}]"


@pytest.mark.parametrize("chromium", [True, False])
def test_nbval_runs_every_chapter(chromium):
    """Collect the tests of one chapter, as with a browser and as without."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"CHROMIUM": sys.executable} if chromium else {"CHROMIUM": "", "PATH": ""}
    files = [
        "tests/browser/test_chapters.py",
        "tests/test_solved.py",
        "tests/test_standin.py",
        "notebooks/03_alexnet.ipynb",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    cells = guards.code_cells(nbformat.read(ROOT / files[-1], 4))
    assert len([nodeid for nodeid in found if nodeid.startswith(f"{files[-1]}::")]) == len(cells)
    assert all(f"{start}03_alexnet]" in found for start in sharing.ALONE)


def test_a_file_stays_together_and_a_chapter_alone():
    assert sharing.unit("tests/browser/test_x.py::test_y[1-a::b]") == "tests/browser/test_x.py"
    assert sharing.unit("notebooks/02_b.ipynb::Cell 3") == "notebooks/02_b.ipynb"
    assert sharing.unit("tests/browser/test_chapters.py::test_other") == "tests/browser/test_chapters.py"
    for alone in (CHAPTER.format("02_b"), "tests/test_solved.py::test_solved[02_b]"):
        assert sharing.unit(alone) == alone


def test_what_takes_minutes_is_handed_out_first():
    left = [
        "tests/test_x.py",
        "tests/browser/test_x.py",
        "tests/test_a.py",
        "notebooks/01_a.ipynb",
        "notebooks/02_b.ipynb",
        CHAPTER.format("02_b"),
    ]
    order = []
    while left:
        order.append(sharing.next_of(left))
        left.remove(order[-1])
    assert order == [
        CHAPTER.format("02_b"),
        "notebooks/01_a.ipynb",
        "notebooks/02_b.ipynb",
        "tests/browser/test_x.py",
        "tests/test_x.py",
        "tests/test_a.py",
    ]
