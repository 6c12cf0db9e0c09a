"""docs/instructors.md is followed word for word, with the real nbgrader: hand out, collect, mark, and give back. Skipped without it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.course.exercises import solutions

pytest.importorskip("nbgrader", reason="nbgrader is a teacher's extra")
ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/instructors.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("**With nbgrader**")[2].partition("\n### ")[0]
COMMANDS = [line.strip() for line in SECTION.splitlines() if line.startswith("    ")]
CHAPTER = "01_convolution"
PROGRAM = """#!/bin/sh
exec "{python}" {arguments} "$@"
"""


@pytest.fixture
def bash(tmp_path):
    """Return a function that runs a line in bash, as the page says it, in a course with a .venv; folders and names last."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name, arguments in {
        "python": "",
        "pip": "-c pass",  # what it would install is there
        "nbgrader": "-c 'from nbgrader.apps.nbgraderapp import main; main()'",
        "alembic": "-c 'from alembic.config import main; main()'",  # which nbgrader starts
        "image-models-course": "-m helpers.course.command",
    }.items():
        (programs / name).write_text(PROGRAM.format(python=sys.executable, arguments=arguments))
        (programs / name).chmod(0o755)
    (programs / "activate").write_text(f'export PATH="{programs}:$PATH"\n')
    state = tmp_path / "state"
    state.write_text("")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    environment |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter")}

    def run(line, where=None):
        # what a line leaves behind, its folder and its PATH, is there for the next
        keep = f"""{{ echo "cd '$PWD'"; echo "export PATH='$PATH'"; }} > '{state}'"""
        script = f"cd '{where}'\n{line}\n" if where else f"{line}\n{keep}\n"
        script = f". '{state}'\n{script}"
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run


def answered(notebook, **sources):
    """Return a released notebook with its solutions, or what is said instead of one."""
    nb = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in nb["cells"]:
        graded = cell["metadata"].get("nbgrader") or {}
        if graded.get("solution"):
            cell["source"] = sources.get(graded["grade_id"], solutions.source(graded["grade_id"]))
    return nb


@pytest.mark.skipif(os.name != "posix", reason="the page's lines are bash's")
def test_the_page_is_followed_word_for_word(bash, tmp_path):
    assert [line.split()[0] for line in COMMANDS] == [".venv/bin/pip", "source", "python", "cd", *["nbgrader"], "image-models-course", *["nbgrader"] * 2]  # fmt: skip
    for line in COMMANDS[:5]:
        bash(line)
    course, student = tmp_path / "class", tmp_path / "student"
    released = course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    assert "### BEGIN" not in released.read_text(encoding="utf-8") and solutions.STUB in released.read_text()
    # on a hub: one hands in a notebook saved under another name as well
    exchange = f"c.Exchange.root = {str(tmp_path / 'hub')!r}\nc.Exchange.cache = {str(tmp_path / 'cache')!r}\n"
    (tmp_path / "hub").mkdir(mode=0o777)
    (tmp_path / "hub").chmod(0o777)
    with open(course / "nbgrader_config.py", "a") as config:
        config.write(exchange)
    student.mkdir()
    (student / "nbgrader_config.py").write_text(f"c = get_config()\n{exchange}")
    bash("nbgrader release_assignment 01_convolution", course)
    bash("nbgrader fetch_assignment 01_convolution --course image-models", student)
    (student / CHAPTER / f"{CHAPTER}.ipynb").write_text(json.dumps(answered(released)))
    bash("nbgrader submit 01_convolution --course image-models", student)
    bash("nbgrader collect 01_convolution", course)
    (me,) = [path.name for path in (course / "submitted").iterdir()]
    # by hand: the others
    bias = "def conv_parameters(in_channels, out_channels, kernel_size):\n    return in_channels * out_channels * kernel_size**2"
    right = answered(released)
    cut = {
        **right,
        "cells": [c for c in right["cells"] if not str(c["metadata"].get("nbgrader", "")).count("'grade': True")],
    }
    for name, nb in {"empty": json.loads(released.read_text()), "wrong": answered(released, conv_parameters=bias), "cut": cut, "late": right, "김민수": right}.items():  # fmt: skip
        folder = course / "submitted" / name / CHAPTER
        folder.mkdir(parents=True)
        (folder / f"{CHAPTER}.ipynb").write_text(json.dumps(nb), encoding="utf-8")
        (folder / "timestamp.txt").write_text(f"2026-1{'2-02' if name == 'late' else '1-02'} 12:00:00.000000 UTC\n")
    (course / "submitted" / me / CHAPTER / "timestamp.txt").write_text("2026-12-20 12:00:00.000000 UTC\n")
    (course / "extensions.csv").write_text(f"student,due\n{me},2026-12-30T12:00\n")
    said = bash(COMMANDS[5])
    assert "6 notebooks are marked" in said
    bash(COMMANDS[6])
    with open(course / "grades.csv", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {me: 15.0, "empty": 0.0, "wrong": 14.0, "cut": 15.0, "late": 13.5, "김민수": 15.0}
    # who did not hand in on the hub has no secret there, and gets the page by hand
    for name in set(scores) - {me}:
        (course / "marks/feedback" / name).rename(tmp_path / name)
    bash(COMMANDS[7])
    bash("nbgrader fetch_feedback 01_convolution --course image-models", student)
    (page,) = (student / CHAPTER / "feedback").rglob("*.html")
    assert "15 of 15 points" in page.read_text(encoding="utf-8")
