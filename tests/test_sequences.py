"""The sequence tasks against their definitions, and the training loop against one written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.sequences import adding, decode, default_loss, encode, fit, one_hot, recall, text_batches


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
        (
            lambda: fit(nn.Linear(2, 1), lambda g: adding(2, 2, g), 0),
            r"steps \(=0\) must be a whole number of at least 1",
        ),
    ],
)
def test_errors_name_the_value_and_the_rule(call, words):
    with pytest.raises(ValueError, match=words):
        call()


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.RNN(2, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def made(seed=0):
    torch.manual_seed(seed)
    return Reader()


@pytest.mark.parametrize("clip", [None, 0.05])
def test_fit_is_the_loop_written_out(clip):
    one, two, generator = made(), made(), dice(7)
    seen = fit(one, lambda g: adding(8, 4, g), 5, lr=0.01, clip=clip, seed=7)
    optimizer, losses, norms = torch.optim.Adam(two.parameters(), 0.01), [], []
    for _ in range(5):
        x, y = adding(8, 4, generator)
        loss = ((two(x)[:, 0] - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(sum(p.grad.square().sum() for p in two.parameters()).sqrt().item())
        if clip and norms[-1] > clip:
            for p in two.parameters():
                p.grad *= clip / norms[-1]
        optimizer.step()
        losses.append(loss.item())
    assert seen.losses == pytest.approx(losses, rel=1e-4) and seen.norms == pytest.approx(norms, rel=1e-4)
    assert all(torch.allclose(p, q, atol=1e-5) for p, q in zip(one.parameters(), two.parameters()))
    assert not clip or max(norms) > clip


def test_fit_learns_and_depends_on_its_seed_alone():
    runs = [fit(made(), lambda g: adding(32, 2, g), 200, lr=0.02, seed=seed).losses for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2] and sum(runs[0][-10:]) < 0.2 * sum(runs[0][:10])


def test_fit_ends_at_a_loss_that_is_not_finite_and_takes_no_step_on_it():
    model = made()
    before = [p.clone() for p in model.parameters()]
    seen = fit(model, lambda g: adding(4, 4, g), 9, loss=lambda outputs, y: outputs.sum() * float("inf"))
    assert (
        len(seen.losses) == 1
        and seen.norms == []
        and all(torch.equal(p, q) for p, q in zip(before, model.parameters()))
    )


def test_fit_takes_an_optimizer_in_place_of_adam():
    model = made()
    before = model.head.bias.item()
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    x, y = adding(4, 4, dice(0))
    slope = 2 * (model(x)[:, 0] - y).mean().item()
    fit(model, lambda g: adding(4, 4, g), 1, optimizer=optimizer)
    assert model.head.bias.item() == pytest.approx(before - 0.5 * slope, abs=1e-5)


def test_the_loss_of_an_output_for_each_step_is_the_mean_over_all():
    outputs, y = torch.randn(3, 4, 5, generator=dice()), torch.randint(5, (3, 4), generator=dice())
    by_hand = -outputs.log_softmax(2).gather(2, y[..., None]).mean()
    assert default_loss(outputs, y).item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert default_loss(outputs[:, 0], y[:, 0]).item() == pytest.approx(
        F.cross_entropy(outputs[:, 0], y[:, 0]).item(), rel=1e-6
    )
