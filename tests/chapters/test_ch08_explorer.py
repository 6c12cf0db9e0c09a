"""The gate explorer as the kernel knows it: its arithmetic against torch's LSTM, its presets, what it refuses."""

import json
import math

import pytest
import torch

from helpers.chapters.ch08_lstm.explorer import CANDIDATES, COLOURS, OWN, STEPS, GatesExplorer, presets
from helpers.course import slides


def draw(steps, seed):
    dice = torch.Generator().manual_seed(seed)
    return [torch.rand(steps, generator=dice, dtype=torch.float64) for _ in range(3)] + [
        2 * torch.rand(steps, generator=dice, dtype=torch.float64) - 1
    ]


def by_torch(i, f, o, g):
    """c and h of every step by torch.lstm_cell: with no weights, and biases whose sigmoid or tanh are the gates."""
    c = h = torch.zeros(1, 1, dtype=torch.float64)
    nothing, seen = torch.zeros(4, 1, dtype=torch.float64), []
    for step in zip(i, f, g, o):
        level = torch.tensor(step, dtype=torch.float64)
        bias = torch.cat([level[:2].logit(), level[2:3].atanh(), level[3:].logit()])
        h, c = torch.lstm_cell(
            torch.zeros(1, 1, dtype=torch.float64), (h, c), nothing, nothing, bias, torch.zeros_like(bias)
        )
        seen.append((c.item(), h.item()))
    return tuple(torch.tensor(part, dtype=torch.float64) for part in zip(*seen))


@pytest.mark.parametrize("steps, seed", [(2, 0), (8, 1), (12, 2)])
def test_it_computes_what_torchs_lstm_computes(steps, seed):
    i, f, o, g = draw(steps, seed)
    for found, wanted in zip(GatesExplorer(g, i, f, o).cells(), by_torch(i, f, o, g), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_closed_and_open_gates_are_torchs_too():
    explorer = GatesExplorer((0.5, -0.25, 0.75), i=(1, 0, 1), f=(0, 1, 0), o=(0, 1, 1))
    for found, wanted in zip(
        explorer.cells(), by_torch(explorer.i, explorer.f, explorer.o, explorer.candidates), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_what_is_left_is_the_gradient_times_the_candidate():
    i, f, o, g = draw(9, 3)
    wanted, c = g.clone().requires_grad_(), 0
    for t in range(9):
        c = f[t] * c + i[t] * wanted[t]
    c.backward()
    explorer = GatesExplorer(g, i, f, o)
    torch.testing.assert_close(explorer.left(), wanted.grad * g, rtol=0, atol=1e-12)
    assert explorer.left().sum().item() == pytest.approx(explorer.cells()[0][-1].item(), abs=1e-12)


def test_the_presets_do_what_they_say():
    g = torch.tensor(CANDIDATES, dtype=torch.float64)
    c = {name: GatesExplorer(preset=name).cells()[0] for name in presets(8)}
    h = {name: GatesExplorer(preset=name).cells()[1] for name in presets(8)}
    torch.testing.assert_close(c["running sum"], g.cumsum(0))
    torch.testing.assert_close(c["only the present"], g)
    kept = "keep the first, show it at the end"
    torch.testing.assert_close(c[kept], g[:1].expand(8))
    assert h[kept][:7].abs().max() == 0 and h[kept][7].item() == pytest.approx(math.tanh(0.8))
    gone = GatesExplorer(preset="forget everything at step 4").left()
    assert gone[:3].abs().max() == 0 and gone[3:].tolist() == list(CANDIDATES[3:])
    half = GatesExplorer(preset="torch's start: all 1/2").left()
    assert half[0].item() == pytest.approx(0.8 * 0.5**8)
    assert GatesExplorer(preset="forget bias 3: f = 0.95").f[0] == pytest.approx(1 / (1 + math.exp(-3)), abs=0.005)


@pytest.mark.parametrize("steps", STEPS)
def test_every_number_of_steps_has_presets_and_colours(steps):
    offers = presets(steps)
    assert len(offers) >= 5 and all(len(levels) == steps for preset in offers.values() for levels in preset.values())
    assert len(set(COLOURS[:steps])) == steps
    assert GatesExplorer([0.1] * steps)._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(candidates=[0.5]), r"candidates \(1 of them\) must be 2 to 12"),
        (dict(candidates=[0.5] * 13), r"candidates \(13 of them\)"),
        (dict(candidates=[0.5, 1.5]), r"candidates hold 1.5: a candidate is a tanh, from -1 to 1"),
        (dict(candidates=[0.5, math.nan]), "candidates hold nan"),
        (dict(i=[1, 0]), "i has 2 levels for 8 steps"),
        (dict(f=1.2), r"f holds 1.2: a gate lies from 0 \(closed\) to 1 \(open\)"),
        (dict(o=-0.1), "o holds -0.1"),
        (dict(o="open"), "o holds 'open'"),
        (dict(preset="all open"), r"preset \(='all open'\) must be one of torch's start"),
        (dict(preset="running sum", f=1), r"preset \(='running sum'\) sets i, f and o"),
        (dict(step=0), r"step \(=0\) must be a whole number of at least 1"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        GatesExplorer(**settings)


def test_attributes_can_be_set_and_are_checked():
    explorer = GatesExplorer()
    explorer.f = [1] * 8
    assert OWN in repr(explorer)
    with pytest.raises(ValueError, match="f has 3 levels"):
        explorer.f = [1, 1, 1]
    with pytest.raises(ValueError, match=r"step \(=9\)"):
        explorer.step = 9


def test_its_sentence_has_its_numbers():
    said = repr(GatesExplorer(preset="running sum"))
    assert said.endswith("Shown: running sum. The last cell value is 1.20, the last output 0.83.")


def test_a_slide_deck_carries_it():
    deck = json.loads(slides.live("GatesExplorer", [], {"preset": "running sum"}))
    assert deck["state"]["i"] == [1.0] * 8 and deck["code"] == GatesExplorer._esm
