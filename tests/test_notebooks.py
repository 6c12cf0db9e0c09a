"""The notebooks as they are stored. That they still compute what is stored, nbval tests."""

import guards
import nbformat
import pytest

from helpers.course.rooms import NOTEBOOKS as FOLDER
from helpers.course.rooms import rooms

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STORED = {path.stem: nbformat.read(path, 4) for path in NOTEBOOKS}


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


@pytest.mark.parametrize("room", [room for room in rooms() if room.number], ids=lambda room: room.stem)
def test_exercises(room):
    problems = guards.exercises(STORED[room.stem], least=1 if room.draft else 3)
    assert not problems, "\n".join(problems)


def test_every_notebook_has_a_room_and_every_room_a_notebook():
    assert [room.stem for room in rooms()] == [path.stem for path in NOTEBOOKS]
    numbers = [room.number for room in rooms()]
    assert numbers == sorted(set(numbers)) and numbers[0] == 0


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.stem)
def test_every_claim_of_the_room_is_settled_once(room):
    claims = room.load("claims")
    problems = guards.ledger(STORED[room.stem], [each.id for each in claims.CLAIMS] if claims else [])
    assert not problems, "\n".join(problems)
