"""Chapters are found by themselves, old names of modules go on working, and what is made from the chapters is up to date."""

import importlib
import re
import subprocess
import sys

import pytest

from helpers.course import pages
from helpers.course.rooms import CHAPTERS, ROOT, room, rooms
from helpers.course.tolerance import WRITTEN, measured
from helpers.moved import MOVED

FORMERLY = [
    (old, f"helpers.chapters.{each.folder.name}.{new}")
    for each in rooms()
    for old, new in getattr(importlib.import_module(f"helpers.chapters.{each.folder.name}"), "FORMERLY", {}).items()
]


@pytest.mark.parametrize(("old", "new"), [*MOVED.items(), *FORMERLY])
def test_an_old_name_is_the_module_of_today(old, new):
    assert importlib.import_module(old) is importlib.import_module(new)


def test_students_copies_import_what_they_imported():
    code = (
        "from helpers.exercises import check, hint, ready, solution\nfrom helpers.lecture import settle, summary\nfrom"
        " helpers.source import show_source\nfrom helpers.explorers.depth import DepthExplorer, profile\nfrom"
        " helpers.machine import check_machine\nfrom helpers import lecture, source\nprint(DepthExplorer.__module__)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0 and said.stdout.endswith(".explorer\n"), said.stderr


def test_a_name_that_never_was_is_still_not_found():
    with pytest.raises(ModuleNotFoundError, match="helpers.nothing"):
        importlib.import_module("helpers.nothing")


@pytest.mark.parametrize("each", rooms(), ids=lambda each: each.stem)
def test_no_room_knows_another(each):
    for path in each.folder.glob("**/*.py"):
        known = set(re.findall(r"helpers\.chapters\.(ch\w+)", path.read_text(encoding="utf-8")))
        assert known <= {each.folder.name}, path


def test_nothing_but_rooms_and_their_notebooks_lists_chapters():
    """One more chapter is one notebook and one room: no other file may hold a list of them."""
    known = re.compile(r"\bch\d\d_\w+")
    files = subprocess.run(
        ["git", "ls-files", "helpers", "benchmarks", "conftest.py", "noxfile.py", "Makefile", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name in files:
        path = ROOT / name
        if CHAPTERS in path.parents or path.suffix not in (".py", ".toml", "") or not path.exists():
            continue
        assert len(set(known.findall(path.read_text(encoding="utf-8")))) <= 1, name


def test_an_unknown_chapter_is_refused():
    with pytest.raises(ValueError, match=r"chapter \(=99\) must be the number of one, from 0 to"):
        room(99)


@pytest.mark.parametrize("path", pages.pages(), ids=lambda path: path.name)
def test_what_is_made_from_the_chapters_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == pages.pages()[path], "run: make pages"


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match=r"name \(='plans'\) must stand once between"):
        pages.filled("nothing", {"plans": str})


@pytest.mark.parametrize("each", [each for each in rooms() if each.number], ids=lambda each: each.stem)
def test_the_plan_fills_the_class(each):
    short = sum(minutes or 0 for _, _, minutes, _, _ in each.timings)
    long = sum(minutes for _, minutes, _, _, _ in each.timings)
    assert each.timings and short in (0, 50) and 0 < long <= 90, (short, long)


@pytest.mark.parametrize(
    ("value", "within", "unit", "text"),
    [(85.53, 1.5, "%", "85.5 % ± 1.5"), (0.3123, 0.05, "", "0.31 ± 0.05"), (12345.6, 20, "s", "12,346 s ± 20")],
)
def test_a_measured_number_is_written_with_its_tolerance(value, within, unit, text):
    assert measured(value, within, unit) == text and WRITTEN.fullmatch(text)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match=r"value \(=nan\) must be a finite number"):
        measured(float("nan"), 1)
    with pytest.raises(ValueError, match=r"within \(=0\) must be above 0"):
        measured(1, 0)
