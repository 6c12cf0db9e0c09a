"""The verdicts of chapter 05 follow from what its cells found: another experiment turns them."""

import pytest
import torch

from helpers.course import claim, measured
from helpers.course.rooms import room

DEEP_IS_BAD = torch.tensor([[4.0, 40, 70]] * 3)
DEEP_IS_GOOD = torch.tensor([[4.0, 2, 1]] * 3)


@pytest.mark.parametrize(
    ("plain", "residual", "longer", "verdict"),
    [
        (DEEP_IS_BAD, DEEP_IS_GOOD, [0.2, 0.3], "E1 holds under a condition."),
        (DEEP_IS_BAD, DEEP_IS_GOOD, [40.0, 30.0], "E1 holds."),
        (DEEP_IS_GOOD, DEEP_IS_GOOD, [0.2, 0.3], "E1 is wrong."),
        (DEEP_IS_BAD, DEEP_IS_BAD, [40.0, 30.0], "E1 is wrong."),
    ],
)
def test_degradation(plain, residual, longer, verdict, capsys):
    known = dict(on_training={"plain": plain, "residual": residual}, longer=longer, claim=claim, measured=measured)
    room(5).run("settle-e1", **known)
    said = capsys.readouterr().out
    assert said.startswith(verdict)
    assert ("The chapter found that it holds under" in said) == (verdict != "E1 holds under a condition.")


@pytest.mark.parametrize(
    ("medians", "verdict"),
    [
        ((89.0, 26.0, 8.0, 6.0, 37.0), "E2 holds under a condition."),
        ((89.0, 88.0, 8.0, 6.0, 90.0), "E2 holds."),
        ((89.0, 26.0, 88.0, 6.0, 37.0), "E2 is wrong."),
    ],
)
def test_what_bn_is_needed_for(medians, verdict, capsys):
    room(5).run("settle-e2", medians=dict(enumerate(medians)), claim=claim, measured=measured)
    assert capsys.readouterr().out.startswith(verdict)
