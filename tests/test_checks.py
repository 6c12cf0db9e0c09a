"""The checks themselves: what they take, what they refuse, and in which words."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import shapes
from helpers.checks import (
    as_pair,
    check_choice,
    check_multiple,
    check_number,
    check_positive,
    check_shape,
    check_tensor,
    whole,
    whole_pair,
)


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5))
def test_a_whole_number_between_its_limits_is_taken(value, low, high):
    if low <= value <= high:
        assert whole("n", value, low, high) == value
    else:
        with pytest.raises(ValueError, match=rf"n \(={value}\) must be a whole number from {low} to {high}: "):
            whole("n", value, low, high)


def test_numpys_whole_numbers_become_pythons():
    assert type(whole("n", np.int64(3), 1)) is int
    assert shapes.whole is whole  # its place in older notebooks


@pytest.mark.parametrize("value", ["3", None, [], 1.0, 1.5, True, math.inf, math.nan, 1j, Fraction(3), torch.tensor(2)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match=r"^n \(=.*\) must be a whole number of at least 1: give the images$"):
        whole("n", value, 1, why="give the images")
    with pytest.raises(ValueError, match="must be a whole number: give such a number"):
        whole("n", value)


def test_pairs():
    assert whole_pair("stride", 2, 1) == whole_pair("stride", [2, 2], 1) == as_pair("stride", 2) == (2, 2)
    with pytest.raises(ValueError, match=r"stride \(=\(1, 2, 3\)\) must be an int or a pair: give \(height, width\)"):
        whole_pair("stride", (1, 2, 3), 1)
    with pytest.raises(ValueError, match=r"stride \(=0\) must be a whole number of at least 1"):
        whole_pair("stride", (1, 0), 1)


@pytest.mark.parametrize(
    "refused, message",
    [
        (lambda: check_number("p", 1.5, 0, 1, "a share"), r"p \(=1\.5\) must be a finite number from 0 to 1: a share"),
        (lambda: check_number("p", math.nan), r"p \(=nan\) must be a finite number$"),
        (lambda: check_number("p", -1, 0), r"must be a finite number of at least 0$"),
        (lambda: check_number("p", 2, high=1.5), r"must be a finite number of at most 1\.5$"),
        (lambda: check_positive("width", 0, "in inches"), r"width \(=0\) must be above 0: in inches"),
        (lambda: check_multiple("dim", 6, "num_heads", 4), r"dim \(=6\) must be a multiple of num_heads \(=4\)"),
        (lambda: check_choice("mode", "x", ("a", "b")), r"mode \(='x'\) must be one of a, b"),
        (lambda: check_choice("mode", ["a"], ("a", "b")), r"mode \(=\['a'\]\) must be one of"),
        (lambda: check_tensor("x", [1]), r"x \(a list\) must be a torch.Tensor"),
        (lambda: check_tensor("x", torch.ones(2).long(), floats=True), r"x \(torch.int64\) must hold floats"),
        (lambda: check_tensor("x", torch.ones(2).bool()), r"x \(torch.bool\) must hold numbers"),
        (lambda: check_tensor("x", torch.ones(2, 3), "(N, C, H)"), r"\(2, 3\)\) must be \(N, C, H\): change its axes"),
        (lambda: check_tensor("x", torch.ones(2), "(N, C, ...)"), r"x \(shape \(2,\)\) must be \(N, C, \.\.\.\)"),
        (lambda: check_tensor("x", torch.ones(()), "(T, D) or (D,)", "give a row"), r"\(T, D\) or \(D,\): give a row"),
        (lambda: check_shape("b", torch.ones(2), (3,), "one each"), r"b \(shape \(2,\)\) must be \(3,\): one each"),
    ],
)
def test_what_is_refused_and_in_which_words(refused, message):
    with pytest.raises(ValueError, match=message):
        refused()


def test_what_is_taken():
    for form in ("(N, C, ...)", "(..., T, D)", "(N, C, H, W)", "(T, D) or (N, C, H, W)", ""):
        check_tensor("x", torch.ones(1, 2, 3, 4), form)
    check_tensor("x", torch.ones(3), "(D,)", floats=True)
    check_shape("b", torch.ones(2, 3), [2, 3], "")
    assert check_positive("width", 0.1) == 0.1 and check_choice("mode", "a", {"a": 1}) == "a"
