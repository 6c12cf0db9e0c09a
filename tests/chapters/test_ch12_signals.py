"""The explorer of chapter 12, what it measures by other routes, and the patches of the four photographs."""

import math
import re
import time

import pytest
import torch
import torch.nn.functional as F
from driven import ask, shown
from torch import nn

from helpers.chapters.ch12_signals.explorer import (
    ACTIVATIONS,
    CHARTS,
    MARKS,
    STEPS,
    WIDTH,
    SignalExplorer,
    batch,
    measure,
    network,
)
from helpers.chapters.ch12_signals.patches import NAMES, patches


def test_what_is_measured_by_hand():
    """Two images, two units, one ReLU layer: everything can be written out."""
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        for parameter, value in zip(
            net.parameters(), ([[1.0], [-1.0]], [0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
        ):
            parameter.copy_(torch.tensor(value))
    found = measure(net, torch.tensor([[1.0], [3.0]]), torch.tensor([0, 0]))
    # values (1, 0) and (3, 0); the second unit is 0 for both
    assert found["size"] == [pytest.approx(math.sqrt(10 / 4))]
    assert found["spread"] == [pytest.approx(math.sqrt(2) / 2)]
    assert found["flat"] == [0.5]
    p = [1 / (1 + math.e), 1 / (1 + math.e**3)]  # of the wrong class: the gradient is (-p, p)
    assert found["gradient"] == [pytest.approx(math.sqrt((p[0] ** 2 + p[1] ** 2) / 2), rel=1e-5)]


def test_the_gradient_is_that_of_a_step_aside():
    net, (x, y) = network(3, 0.15, "tanh", "off", 1).double(), batch()
    x, y = x[:4].double(), y[:4]
    values = net[:4](x).detach()  # behind the second tanh

    def loss(values):
        return F.cross_entropy(net[4:](values), y, reduction="sum").item()

    squares = 0
    for place in range(values.numel()):
        aside = torch.zeros(values.numel(), dtype=torch.double)
        aside[place] = 1e-5
        aside = aside.view_as(values)
        squares += ((loss(values + aside) - loss(values - aside)) / 2e-5) ** 2
    assert measure(net, x, y)["gradient"][1] == pytest.approx(math.sqrt(squares / values.numel()), rel=1e-4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["on", "off"])
def test_a_network_has_what_it_says(activation, norm):
    net = network(5, 0.2, activation, norm, 0)
    kinds = [type(layer) for layer in net]
    assert kinds.count(ACTIVATIONS[activation]) == 5 and kinds.count(nn.Linear) == 6
    assert kinds.count(nn.BatchNorm1d) == (5 if norm == "on" else 0)
    assert len({id(layer) for layer in net}) == len(net)
    assert net[-3 if norm == "off" else -4].weight.std().item() == pytest.approx(0.2, rel=0.03)


def test_the_marks_are_where_their_words_say():
    wanted = (0.01, WIDTH**-0.5, (2 / WIDTH) ** 0.5)
    assert [10 ** (mark[0] / STEPS) for mark in MARKS] == [pytest.approx(each, rel=0.003) for each in wanted]


def test_the_factor_of_a_layer():
    """Wide layers, by the rule of the chapter: from 1/√D the size falls by √½ in each."""
    ratios = []
    for seed in range(5):
        size = SignalExplorer(40, -20, seed=seed).measured()["size"]
        ratios.append((size[-1] / size[1]) ** (1 / 38))
    assert sum(ratios) / 5 == pytest.approx(0.5**0.5, rel=0.02)


def test_very_small_values_are_not_lost():
    size = SignalExplorer(25, -40).measured()["size"]
    assert 0 < size[-1] < 1e-25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(depth=1), r"depth \(=1\) must be a whole number from 2 to 50"),
        (dict(power=0.5), r"power \(=0.5\) must be a whole number from -50 to 10"),
        (dict(activation="relu"), r"activation \(='relu'\) must be one of ReLU"),
        (dict(norm=True), r"norm \(=True\) must be one of off, on"),
        (dict(seed=100), r"seed \(=100\) must be a whole number"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SignalExplorer(**settings)


def test_every_control_is_heard():
    explorer = SignalExplorer()
    for name, value in (("depth", 50), ("power", -17), ("activation", "tanh"), ("norm", "on"), ("seed", 7)):
        before = explorer.parts
        ask(explorer, (name, value))
        assert explorer.settings[name] == explorer.values[name] == value and explorer.parts != before
    ask(explorer, ("activation", "unknown"), ("nothing", 1))
    assert explorer.settings["activation"] == "tanh" and "nothing" not in explorer.settings
    for name in explorer.settings:
        assert f'data-set="{name}"' in shown(explorer)


@pytest.mark.parametrize("norm", ["on", "off"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_ends_are_drawn(activation, norm):
    for depth, power in ((2, -50), (2, 10), (50, -50), (50, 10)):
        explorer = SignalExplorer(depth, power, activation, norm)
        html = shown(explorer)
        assert html.count('class="values"') == 4 * (depth + 1) and "nan" not in html
        assert len(explorer.still().axes) == len(CHARTS)


def test_the_sentence_has_no_measured_numbers():
    one, other = SignalExplorer(seed=1).alt, SignalExplorer(seed=2).alt
    assert re.sub("seed 1", "seed 2", one) == other


def test_it_leaves_the_dice_alone():
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    SignalExplorer(seed=5)
    assert torch.equal(torch.rand(3), wanted)


def test_ten_changes_a_second_on_one_core():
    explorer, times = SignalExplorer(50, -17, norm="on"), []
    for seed in range(1, 8):
        begun = time.process_time()
        ask(explorer, ("seed", seed))
        times.append(time.process_time() - begun)
    assert sorted(times)[3] < 0.1


def test_no_test_patch_shares_a_pixel_with_training():
    """Patches lie in one stripe of 24 columns: even ones for training, odd ones for the test."""
    from helpers import data

    (train, labels), (test, _) = patches(40), patches(40, test=True)
    assert train.shape == (40, 3, 12, 12) and labels.bincount().tolist() == [10] * 4
    for images, parity in ((train, 0), (test, 1)):
        for image, label in zip(images, labels.tolist()):
            windows = data.photograph(NAMES[label], 192).unfold(1, 12, 1).unfold(2, 12, 1)  # (3, H, W, 12, 12)
            rows, columns = (windows == image[:, None, None]).all(-1).all(-1).all(0).nonzero().T
            assert any(column // 24 % 2 == parity and column % 24 <= 12 for column in columns.tolist())
