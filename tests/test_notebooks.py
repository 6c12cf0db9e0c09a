"""The notebooks as they are stored. That they still compute what is stored, nbval tests."""

from pathlib import Path

import guards
import nbformat
import pytest

from helpers.lecture import CHAPTERS, CLAIMS

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STORED = {path.stem: nbformat.read(path, 4) for path in NOTEBOOKS}
LEARNING = [stem for stem in STORED if not stem.startswith("00")]


def test_there_are_notebooks():
    assert NOTEBOOKS, f"no notebooks in {FOLDER}"


@pytest.mark.parametrize("guard", guards.EVERY_NOTEBOOK, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("stem", STORED)
def test_notebook(stem, guard):
    problems = guard(STORED[stem])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_format_and_size(path):
    nbformat.validate(nbformat.read(path, nbformat.NO_CONVERT))
    assert path.stat().st_size < 500_000, f"{path.name} has {path.stat().st_size:,} bytes; the limit is 500,000"


@pytest.mark.parametrize("stem", LEARNING)
def test_exercises(stem):
    problems = guards.exercises(STORED[stem])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("stem", LEARNING)
def test_every_claim_is_settled_once(stem):
    assert stem in CHAPTERS, f"helpers.lecture.CHAPTERS does not say which claims {stem} settles"
    letters = CHAPTERS[stem]
    problems = guards.ledger(STORED[stem], [id for id in CLAIMS if id.rstrip("0123456789") in letters])
    assert not problems, "\n".join(problems)


def test_every_claim_has_a_chapter():
    assert {id[0] for id in CLAIMS} == set("".join(CHAPTERS.values()))
    assert sorted(CHAPTERS) == sorted(LEARNING), "helpers.lecture.CHAPTERS and notebooks/ differ"
