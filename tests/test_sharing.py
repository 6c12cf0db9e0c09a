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


def test_the_shares_together_hold_every_test_once_and_of_each_function_its_part():
    tests = ["a.py::one", *(f"a.py::many[{i}]" for i in range(7)), *(f"b.py::many[{i}]" for i in range(2))]
    shares = [sharing.share(tests, f"{which}/3") for which in (1, 2, 3)]
    assert [len(each) for each in shares] == [4, 3, 3] and set().union(*shares) == set(tests)
    assert all(sum(test.startswith("a.py::many") for test in each) in (2, 3) for each in shares)
    assert sharing.share(tests, "1/1") == set(tests)
    for wrong in ("0/3", "4/3", "3", "a/b", "1/2/3", ""):
        with pytest.raises(ValueError, match=r"share \(=.*\) must be K/N"):
            sharing.share(tests, wrong)


def test_only_long_tests_are_shared_out():
    def collected(*more):
        asked = [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/test_standin.py",
        ]
        done = subprocess.run([*asked, *more], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return {line for line in done.stdout.splitlines() if "::" in line}

    whole, some = collected(), collected("--share=2/3")
    chapters = sorted(nodeid for nodeid in whole if "::test_chapter[" in nodeid)
    assert whole - some == {*chapters} - {*chapters[1::3]} and len(some) > 3


def test_what_takes_minutes_is_handed_out_first():
    left = [
        "tests/test_x.py",
        "tests/browser/test_x.py",
        "tests/test_a.py",
        "notebooks/01_a.ipynb",
        "notebooks/02_b.ipynb",
        CHAPTER.format("02_b"),
        "tests/test_new_chapter.py",
    ]
    order = []
    while left:
        order.append(sharing.next_of(left))
        left.remove(order[-1])
    assert order == [
        "tests/test_new_chapter.py",
        CHAPTER.format("02_b"),
        "notebooks/01_a.ipynb",
        "notebooks/02_b.ipynb",
        "tests/browser/test_x.py",
        "tests/test_x.py",
        "tests/test_a.py",
    ]
