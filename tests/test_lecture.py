"""The ledger and settle()."""

import numpy as np
import pytest
import torch

from helpers.lecture import CHAPTERS, CLAIMS, WORDS, settle, summary


def test_claims_are_complete():
    numbers = {letter: [int(id[1:]) for id in CLAIMS if id[0] == letter] for letter in CHAPTERS.values()}
    assert numbers == {
        "A": list(range(1, 12)),
        "B": list(range(1, 8)),
        "C": list(range(1, 12)),
        "D": list(range(1, 8)),
        "E": list(range(1, 12)),
        "F": list(range(1, 4)),
        "G": list(range(1, 11)),
        "H": list(range(1, 4)),
        "I": list(range(1, 8)),
        "J": list(range(1, 11)),
        "K": list(range(1, 6)),
    }
    for claim in CLAIMS.values():
        assert claim.verdict in WORDS and (claim.verdict == "holds" or claim.care)


def test_settle_shows_claim_verdict_and_finding(capsys):
    settle("C3", 1000 != 1024, "the last layer has 1000 outputs.")
    out = capsys.readouterr().out
    assert "C3 is wrong." in out and "1×1024" in out and "the last layer has 1000 outputs." in out


@pytest.mark.parametrize("evidence", [False, np.False_, torch.tensor(False)])
def test_settle_needs_its_evidence(evidence):
    with pytest.raises(AssertionError, match="A5.*does not support"):
        settle("A5", evidence, "nothing")


def test_unknown_claim():
    with pytest.raises(ValueError, match=r"id \(='Z9'\) must be that of a claim, from A1 to"):
        settle("Z9", True, "")


def test_summary_lists_the_letter_and_only_it(capsys):
    summary("B")
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.strip().splitlines()] == [f"B{i}" for i in range(1, 8)]
    with pytest.raises(ValueError, match="letter"):
        summary("Z")
