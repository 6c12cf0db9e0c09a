"""The claims of the rooms, claim(), settle() and summary()."""

import numpy as np
import pytest
import torch

from helpers.course.claims import LEDGER, WORDS, claim, claims, settle, summary
from helpers.course.rooms import room, rooms


def test_every_row_of_the_ledger_is_settled_by_one_chapter():
    listed = [each.id for one in rooms() if (found := one.load("claims")) for each in found.CLAIMS]
    rows = {f"{letter}{i}" for letter, count in LEDGER.items() for i in range(1, count + 1)}
    assert len(rows) == 145 and len(listed) == len(set(listed))
    assert {id for id in listed if id[0] != "X"} == rows  # X: a claim of the course's own


def test_every_verdict_is_a_word_and_says_its_condition():
    for each in claims().values():
        assert each.verdict in WORDS and (each.verdict == "holds" or each.care), each.id


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (dict(holds=True), "holds."),
        (dict(holds=np.False_, under=torch.tensor(True)), "holds under a condition."),
        (dict(holds=False), "is wrong."),
        (dict(holds=False, under=False), "is wrong."),
    ],
)
def test_the_verdict_follows_from_the_evidence(evidence, word, capsys):
    claim("C3", "the last layer has 1000 outputs.", **evidence)
    out = capsys.readouterr().out
    assert out.startswith(f"C3 {word}") and "Here: the last layer has 1000 outputs." in out
    assert ("The chapter found that it is wrong" in out) == (word != "is wrong.")  # and the notebook goes on


def test_settle_shows_claim_verdict_and_finding(capsys):
    settle("C3", 1000 != 1024, "the last layer has 1000 outputs.")
    out = capsys.readouterr().out
    assert "C3 is wrong." in out and "1×1024" in out and "the last layer has 1000 outputs." in out


@pytest.mark.parametrize("evidence", [False, np.False_, torch.tensor(False)])
def test_without_its_evidence_a_claim_is_not_settled_and_the_notebook_goes_on(evidence, capsys):
    settle("A5", evidence, "nothing came out")
    assert "A5 is not settled by this." in capsys.readouterr().out


def test_what_cannot_be_a_claim_or_evidence_is_refused():
    with pytest.raises(ValueError, match=r"id \(='Z9'\) must be that of a claim, from A1 to"):
        settle("Z9", True, "x")
    with pytest.raises(ValueError, match=r"holds \(=1\) must be True or False, computed"):
        claim("A1", "x", holds=1)
    with pytest.raises(ValueError, match=r"finding \(=''\) must say in a sentence"):
        claim("A1", "", holds=True)


def test_summary_lists_the_chapter_and_only_it(capsys):
    summary(2)
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.strip().splitlines()] == [c.id for c in room(2).load("claims").CLAIMS]
    summary("B")  # as notebooks of the first edition wrote it
    assert capsys.readouterr().out == out
    with pytest.raises(ValueError, match=r"chapter \(='Z'\) must be"):
        summary("Z")
    with pytest.raises(ValueError, match=r"chapter \(=99\) must be the number of one"):
        summary(99)
