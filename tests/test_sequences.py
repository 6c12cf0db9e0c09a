"""The sequence tasks against their definitions."""

import pytest
import torch

from helpers.sequences import adding, decode, encode, one_hot, recall, text_batches


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def test_text_becomes_numbers_and_text_again():
    assert encode("hello", "ehlo").tolist() == [1, 0, 2, 2, 3]
    assert decode(encode("hello", "ehlo"), "ehlo") == "hello"
    assert encode("", "a").shape == (0,)


def test_one_hot_has_its_one_in_the_right_place():
    assert one_hot(torch.tensor([[2, 0]]), 3).tolist() == [[[0, 0, 1], [1, 0, 0]]]


def test_recall_begins_with_what_is_asked_for():
    x, y = recall(500, 7, 5, dice())
    assert x.shape == (500, 8) and (x[:, 0] == y).all() and (x[:, 1:] == 5).all()
    assert set(y.tolist()) == set(range(5))


def test_adding_is_the_sum_of_two_marked_numbers_one_in_each_half():
    x, y = adding(4000, 9, dice())
    values, marks = x.unbind(2)
    assert (marks[:, :4].sum(1) == 1).all() and (marks[:, 4:].sum(1) == 1).all()
    assert torch.allclose((values * marks).sum(1), y)
    assert {i for i, mark in marks.nonzero().tolist()} == set(range(4000))
    assert set(marks.nonzero()[:, 1].tolist()) == set(range(9))
    assert ((y - 1) ** 2).mean().item() == pytest.approx(1 / 6, rel=0.06)


def test_text_batches_hold_each_character_and_the_next():
    ids = torch.arange(100, 130)
    x, y = text_batches(ids, 200, 6, dice())
    assert x.shape == y.shape == (200, 6) and (y == x + 1).all() and (x[:, 1:] == y[:, :-1]).all()
    assert set(x[:, 0].tolist()) == set(range(100, 124))  # every place where a piece fits, and no other
    assert text_batches(ids[:3], 2, 2, dice())[1].tolist() == [[101, 102], [101, 102]]


@pytest.mark.parametrize(
    "make", [lambda g: recall(9, 4, 5, g), lambda g: adding(9, 6, g), lambda g: text_batches(torch.arange(90), 9, 5, g)]
)
def test_equal_seeds_give_equal_batches(make):
    assert all(torch.equal(a, b) for a, b in zip(make(dice(3)), make(dice(3))))
    assert not torch.equal(make(dice(3))[0], make(dice(4))[0])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: encode("hex", "ehlo"), r"text holds \['x'\], which the alphabet lacks"),
        (lambda: encode("h", "hh"), r"alphabet \(='hh'\) must hold each character once"),
        (lambda: one_hot(torch.tensor([4]), 4), r"ids \(from 4 to 4\) must lie from 0 to 3"),
        (lambda: recall(2, 0), r"distance \(=0\) must be a whole number of at least 1"),
        (lambda: recall(2, 3, 1), r"symbols \(=1\) must be a whole number of at least 2"),
        (lambda: adding(2, 1), r"length \(=1\) must be a whole number of at least 2"),
        (lambda: text_batches(torch.arange(5), 2, 5), r"length \(=5\) must be at most 4: the text has 5 characters"),
    ],
)
def test_errors_name_the_value_and_the_rule(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_name_that_is_gone_says_what_to_write_instead():
    with pytest.raises(ImportError, match=r"sequences\.fit is no more: write `from helpers\.training import train`"):
        from helpers.sequences import fit  # noqa: F401
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from helpers.sequences import nothing  # noqa: F401
