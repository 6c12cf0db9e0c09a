"""The verdicts of chapter 05 follow from what its cells found: another experiment turns them."""

import pytest
import torch

from helpers.course import claim, measured
from helpers.course.rooms import room

DEEP_IS_BAD = torch.tensor([[4.0, 40, 70]] * 3)
DEEP_IS_GOOD = torch.tensor([[4.0, 2, 1]] * 3)


@pytest.mark.parametrize(
    ("plain", "residual", "verdict"),
    [
        (DEEP_IS_BAD, DEEP_IS_GOOD, "E1 holds."),
        (DEEP_IS_GOOD, DEEP_IS_GOOD, "E1 is wrong."),
        (DEEP_IS_BAD, DEEP_IS_BAD, "E1 is wrong."),
    ],
)
def test_degradation(plain, residual, verdict, capsys):
    room(5).run("settle-e1", on_training={"plain": plain, "residual": residual}, claim=claim, measured=measured)
    said = capsys.readouterr().out
    assert said.startswith(verdict)
    assert ("The chapter found that it holds" in said) == (verdict != "E1 holds.")


@pytest.mark.parametrize(
    ("he", "verdict"), [([25.0, 27, 76], "E2 holds under a condition."), ([89.0, 90, 90], "E2 holds.")]
)
def test_what_bn_is_needed_for(he, verdict, capsys):
    settings = {"no BN, torch's start": {}, "no BN, He's start": {}, "BN, torch's start": {}}
    plan = [(None, 6), (None, 10), *((name, 14) for name in settings)]
    errors = dict(zip(plan, ([40.0] * 3, [77.0] * 3, [90.5] * 3, he, [10.0] * 3)))
    means = {key: sum(each) / 3 for key, each in errors.items()}
    known = dict(settings=settings, plan=plan, bn_errors=errors, means=means, claim=claim, measured=measured)
    room(5).run("settle-e2", **known)
    assert capsys.readouterr().out.startswith(verdict)
