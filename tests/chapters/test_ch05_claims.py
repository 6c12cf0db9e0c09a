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
