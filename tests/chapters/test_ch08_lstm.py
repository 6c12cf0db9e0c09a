"""Chapter 08's reader of a book against counts by hand and the course's own LSTM; how it follows a gradient; its stored tables."""

import math
import re
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from helpers.chapters.ch08_lstm.exercises import _pieces
from helpers.chapters.ch08_lstm.reach import hidden_states, low_and_high, memories_apart
from helpers.course.rooms import room
from helpers.layers.recurrent import LSTM
from helpers.sequences import bits_of_counts, write


@pytest.fixture(scope="module")
def known():
    """The notebook's reader, its book and its training loop."""
    return room(8).run("imports", "alice-data", "alice-model", "alice-fit", "alice-bits")


# ---- counts


def test_counts_by_hand():
    a, b = (
        (2 + 2 * 0.5) / (3 + 2),
        (1 + 2 * 0.5) / (3 + 2),
    )  # a, a and b were seen; each letter as if 1/2 were seen twice
    assert bits_of_counts("aab", "ab", 2, longest=0)[0] == pytest.approx(-(math.log2(a) + math.log2(b)) / 2)
    after_a = (1 + 2 * b) / (2 + 2)  # after a: once a, once b
    assert bits_of_counts("aab", "ab", 2, longest=1)[1] == pytest.approx(-math.log2(after_a))


# ---- the reader


def test_two_stacked_layers_are_two_of_the_courses_own(known):
    torch.manual_seed(0)
    stacked, pieces = known["Reader"]("LSTM").memory, torch.randn(4, 9, 32)
    one, two = LSTM(32, 96, batch_first=True), LSTM(96, 96, batch_first=True)
    for layer, name in ((one, "l0"), (two, "l1")):
        layer.load_state_dict({k.replace(name, "l0"): v for k, v in stacked.state_dict().items() if k.endswith(name)})
    below = one(pieces)[0]
    torch.testing.assert_close(two(below)[0], stacked(pieces)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind, sets", [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_parameters_are_equal_within_one_percent(known, kind, sets):
    H, V = known["UNITS"][kind], known["V"]
    by_hand = V * 32 + sets * (H * 32 + H * H + 2 * H) + sets * (2 * H * H + 2 * H) + V * H + V
    assert sum(weight.numel() for weight in known["Reader"](kind).parameters()) == by_hand
    assert abs(by_hand / 133_704 - 1) < 0.01


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_the_loop_carries_the_state_and_cuts_its_gradient(known, kind, monkeypatch):
    calls, forward = [], known["Reader"].forward

    def spied(self, x, state=None):
        scores, after = forward(self, x, state)
        calls.append((state, after))
        return scores, after

    monkeypatch.setattr(known["Reader"], "forward", spied)
    known["fit"](kind, 0.01, steps=3)

    def parts(state):
        return state if kind == "LSTM" else (state,)

    assert calls[0][0] is None and len(calls) == 3
    for (_, before), (given, _) in zip(calls, calls[1:]):
        for left, carried in zip(parts(before), parts(given), strict=True):
            assert left.requires_grad and not carried.requires_grad
            assert torch.equal(left, carried)


def test_bits_are_logarithms_to_the_base_two(known):
    torch.manual_seed(1)
    model, short = known["Reader"]("LSTM").to(known["device"]), known["exam"][:40]
    share = model(short[None, :-1].to(known["device"]))[0][0].softmax(1).tolist()
    wanted = -sum(math.log2(row[letter]) for row, letter in zip(share, short[1:].tolist(), strict=True)) / 39
    assert _bits(known, model, short) == pytest.approx(wanted, abs=1e-4)


def _bits(known, model, text):
    whole, known["exam"] = known["exam"], text
    try:
        return known["bits"](model)
    finally:
        known["exam"] = whole


def test_writing_is_seeded_and_a_cold_one_takes_the_likeliest(known):
    torch.manual_seed(2)
    model = known["Reader"]("LSTM").to(known["device"])
    once, again = (write(model, "Alice ", known["alphabet"], 20, 1.0) for _ in range(2))
    assert once == again and once.startswith("Alice ") and len(once) == 26
    cold = write(model, "Alice ", known["alphabet"], 5, 1e-4)
    for end in range(6, 11):  # read from the beginning each time, instead of carrying the state
        scores = model(known["encode"](cold[:end], known["alphabet"])[None].to(known["device"]))[0][0, -1]
        assert cold[end] == known["alphabet"][scores.argmax().item()]


# ---- the exercise


def test_reading_in_pieces_gives_the_same_as_at_once_and_another_gradient():
    torch.manual_seed(3)
    layer, x = nn.LSTM(3, 4, batch_first=True), torch.randn(2, 7, 3, requires_grad=True)
    once, pieces = layer(x)[0], _pieces(layer, x, 3)
    torch.testing.assert_close(pieces, once)
    back = torch.autograd.grad(pieces[:, 3:].sum(), x)[0]
    assert back[:, :3].abs().max() == 0 and back[:, 3:].abs().min() > 0
    assert torch.autograd.grad(once[:, 3:].sum(), x)[0][:, :3].abs().min() > 0


# ---- the gradient that arrives


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_hidden_states_are_torchs(kind):
    torch.manual_seed(4)
    layer, xs = kind(3, 5), torch.randn(6, 2, 3)
    torch.testing.assert_close(torch.stack(hidden_states(layer, xs)), layer(xs)[0])


def test_low_and_high_of_the_seeds():
    assert low_and_high([[1, 0.5], [1, 0.25]], 1) == "0.25 to 0.50"
    assert low_and_high([[1, 2e-6], [1, 1e-4]], 1) == "2e-06 to 1e-04"


def test_memories_apart_by_hand():
    steps = []
    for c, h in (([[0.0], [3.0], [10.0]], [[0.0], [1.0], [5.0]]), ([[0.0], [2.0], [9.0]], [[0.0], [4.0], [4.5]])):
        c, h = torch.tensor(c), torch.tensor(h)
        steps.append(SimpleNamespace(c=c, h=h))
    assert memories_apart([steps], (0, 1)) == {
        "c, closest pair": [[3, 2]],
        "h, closest pair": [[1, 0.5]],
        "c of the pair that merges": [[7, 7]],  # the second and the third, whose h are 0.5 apart in the end
    }


# ---- what the notebook says of the stored table


def test_the_notebooks_table_is_the_stored_one():
    stored = (room(8).folder / "experiments" / "alice.md").read_text(encoding="utf-8")
    said = {cell["id"]: cell["source"] for cell in room(8).cells}["alice-table"]
    for kind in ("RNN", "GRU", "LSTM"):
        kept, shown = (
            next(line for line in text.splitlines() if line.startswith(f"| {kind} ")) for text in (stored, said)
        )
        mean, each = re.search(r"(\d\.\d\d) \(([\d., ]+)\)", kept).groups()
        assert mean in shown and each in shown and kept.split("|")[5].strip() in shown
