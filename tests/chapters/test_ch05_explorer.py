"""The depth explorer and the networks it measures: their numbers by other routes, their words, their pictures."""

import math
import re
import time

import pytest
import torch
import torch.nn.functional as F
from driven import ask
from torch import nn

from helpers.chapters.ch05_resnet.explorer import ENDS, LIMITS, DepthExplorer, batch, place, profile, written
from helpers.costs import cost_table
from helpers.models.deep import STARTS, DeepBlock, deep_net
from helpers.models.resnet import BasicBlock

# ---- the networks


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("layers", [4, 10, 32])
def test_a_network_has_as_many_layers_as_it_says(layers, residual):
    rows = cost_table(deep_net(layers, residual), (1, 1, 8, 8)).only("Conv2d", "Linear").rows
    assert len(rows) == layers and rows[-1].out_shape == (1, 10)
    assert [row.out_shape[-1] for row in rows[:-1]] == [8] + [4] * (layers - 2)
    # By hand: the first kernels, the others, two numbers per channel for each BN, the last layer with its bias.
    assert (
        sum(p.numel() for p in deep_net(layers, residual).parameters())
        == 9 * 16 + (layers - 2) * 9 * 16 * 16 + (layers - 1) * 32 + 170
    )


def test_a_residual_block_is_the_basic_block():
    torch.manual_seed(0)
    ours, papers, x = DeepBlock(6), BasicBlock(6, 6), torch.randn(3, 6, 5, 4)
    papers.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x), papers(x))


def test_a_block_by_hand():
    torch.manual_seed(1)
    x = torch.randn(2, 4, 5, 6)
    for residual in (False, True):
        for relu_last in (False, True):
            block = DeepBlock(4, stride=2, residual=residual, norm=nn.Identity, relu_last=relu_last)
            f = F.conv2d(F.relu(F.conv2d(x, block.conv1.weight, stride=2, padding=1)), block.conv2.weight, padding=1)
            f = f.clamp(min=0) if relu_last else f
            want = (f + x[:, :, [0, 2, 4]][:, :, :, [0, 2, 4]] if residual else f).clamp(min=0)
            torch.testing.assert_close(block(x), want)


def test_the_starts_have_the_spread_they_should():
    fan_in = 9 * 64
    for start, wanted in {"he": 2 / fan_in, "xavier": 2 / (2 * fan_in), "torch": 1 / (3 * fan_in)}.items():
        torch.manual_seed(0)
        weight = deep_net(6, start=start, channels=64)[3].conv1.weight
        assert weight.var().item() == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(depth=9), r"depth \(=9\) must be even.*give 8 or 10"),
        (dict(depth=2), r"depth \(=2\) must be a whole number of at least 4"),
        (dict(depth=8.0), r"depth \(=8.0\) must be a whole number"),
        (dict(depth=8, start="zero"), r"start \(='zero'\) must be one of he, xavier, torch"),
    ],
)
def test_impossible_networks_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        deep_net(**settings)


# ---- the numbers


def test_the_gradient_is_that_of_a_step_aside():
    """Along its own gradient a weight changes the loss by the gradient's length: measured by moving it a little."""
    torch.manual_seed(0)
    net, (images, labels) = deep_net(8).double(), batch()
    images = images.double()
    lengths = profile(net, images, labels).gradients
    weights = [module.weight for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    slopes = torch.autograd.grad(F.cross_entropy(net(images), labels), weights)
    for weight, slope, length in zip(weights, slopes, lengths, strict=True):
        way, losses = slope / slope.norm(), []
        for step in (1e-5, -2e-5, 1e-5):  # there, to the other side, and back
            weight.data += step * way
            losses.append(F.cross_entropy(net(images), labels).item())
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(length, rel=1e-3)


def test_the_values_are_those_that_the_layers_receive():
    torch.manual_seed(0)
    net, (images, labels) = deep_net(6, residual=False, norm=nn.Identity), batch()
    values, x = [images], images
    for layer in net[:-3]:
        if isinstance(layer, DeepBlock):
            middle = F.relu(layer.conv1(x))
            values += [middle]
            x = layer(x)
            values += [x]
        else:
            x = layer(x)
            values += [x] if isinstance(layer, nn.ReLU) else []
    values[-1] = x.mean((2, 3))  # the last layer receives the mean of each channel
    wanted = [value.pow(2).mean().sqrt().item() for value in values]
    assert profile(net, images, labels).values == pytest.approx(wanted, rel=1e-5)


def test_measuring_changes_neither_weights_nor_the_generator():
    torch.manual_seed(0)
    net = deep_net(6)
    before, random = [p.clone() for p in net.parameters()], torch.get_rng_state()
    profile(net, *batch())
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, net.parameters()))
    assert not any(module._forward_pre_hooks for module in net.modules())
    DepthExplorer(8)
    assert torch.equal(torch.get_rng_state(), random)


def test_the_explorer_measures_the_network_of_its_settings():
    explorer = DepthExplorer(12, norm="off", start="xavier", end="ReLU", seed=7)
    for kind, options in (("plain", dict(residual=False)), ("residual", dict(residual=True, relu_last=True))):
        torch.manual_seed(7)
        assert explorer.measured()[kind] == profile(deep_net(12, norm=nn.Identity, start="xavier", **options), *batch())


def test_the_lesson_is_there_in_every_seed():
    for seed in range(3):
        plain, residual = (
            DepthExplorer(56, seed=seed).measured()[kind].gradients[:-1] for kind in ("plain", "residual")
        )
        assert max(plain) / min(plain) > 400 and max(residual) / min(residual) < 40
        faded = DepthExplorer(20, norm="off", start="torch", seed=seed).measured()
        assert faded["plain"].gradients[0] < 1e-6 < 1e-3 < faded["residual"].gradients[0]


def test_the_random_numbers_of_an_accelerator_in_use_are_as_before(monkeypatch):
    """torch.manual_seed seeds a GPU too, so its state is to be kept and set back: here that of one that is made up."""
    kept = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: kept.append("read") or torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: kept.append("set back"))
    DepthExplorer(6)
    assert kept == ["read", "set back"]


def test_without_a_gradient_mode_and_without_the_digits_it_still_works(monkeypatch):
    import helpers.data

    def missing(*args, **kwargs):
        raise FileNotFoundError

    with torch.no_grad():
        assert DepthExplorer(6).measured()["plain"].gradients[0] > 0
    monkeypatch.setattr(helpers.data, "digits", missing)
    images, labels = batch.__wrapped__()
    assert images.shape == (32, 1, 8, 8) and labels.shape == (32,)


# ---- what is shown


def test_its_sentence_holds_no_measured_number():
    assert not re.search(r"\d\.\d|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]", repr(DepthExplorer()))


def powers(svg):
    """Return [(height, power of ten)] of the lines across a chart."""
    rows = re.findall(r'class="grid" d="M\d+ ([\d.]+)H\d+"/><text[^>]*>([^<]+)<', svg)
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return [
        (
            float(y),
            int(name[2:].translate(digits)) if name[2:3] in "⁻¹²³⁴⁵⁶⁷⁸⁹" and name[2:] else math.log10(float(name)),
        )
        for y, name in rows
    ]


@pytest.mark.parametrize("layers", [4, 20, 60])
def test_a_chart_holds_each_number_at_its_place(layers):
    explorer = DepthExplorer(layers)
    for column in ("gradients", "values"):
        svg = explorer.parts[column]
        (low, first), *_, (high, last) = powers(svg)  # from the bottom up
        for kind in ("plain", "residual"):
            points = re.search(rf'class="{kind}" points="([^"]+)"', svg)[1].split()
            numbers = getattr(explorer.measured()[kind], column)
            assert len(points) == layers == len(numbers)
            heights = [float(point.split(",")[1]) for point in points]
            found = [10 ** (first + (low - y) / (low - high) * (last - first)) for y in heights]
            assert found == pytest.approx(numbers, rel=0.02)
        assert svg.count("<rect") == svg.count("<circle") == layers


def test_the_axes_change_with_batch_normalisation_only():
    for norm, wanted in {"on": [-1, 0, 1, 2, 3, 4], "off": [-8, -6, -4, -2, 0, 2, 4]}.items():
        marks = powers(DepthExplorer(4, norm).parts["gradients"])
        assert [power for _, power in marks] == wanted
        for start in STARTS:
            assert powers(DepthExplorer(20, norm, start).parts["gradients"]) == marks


def test_what_lies_beyond_the_axes_is_drawn_at_their_edge():
    assert [place(number, -9, 5) for number in (0.0, 1e-30, 1.0, 1e30, math.inf, math.nan)] == [-9, -9, 0, 5, 5, 5]
    explorer = DepthExplorer(60, norm="off", start="torch")
    assert min(explorer.measured()["plain"].values) < 1e-9
    (low, _), *_, (high, _) = powers(explorer.parts["values"])
    decade = (low - high) / 12
    heights = [float(y) for y in re.findall(r'<circle[^>]*cy="([\d.]+)"', explorer.parts["values"])]
    heights += [float(y) + 3.5 for y in re.findall(r'<rect[^>]* y="([\d.]+)"', explorer.parts["values"])]
    assert LIMITS["off"] == (-9, 5) and len(heights) == 120
    assert high - decade - 0.1 <= min(heights) and max(heights) == pytest.approx(low + decade, abs=0.1)


def test_numbers_are_written_to_be_read():
    assert [written(n) for n in (0.0, 0.37123, 12.34, 1234.5, 4.13e-7, 2.5e8, math.inf)] == [
        "0",
        "0.37",
        "12",
        "1,234",
        "4.1·10⁻⁷",
        "2.5·10⁸",
        "beyond all numbers",
    ]


def test_what_the_browser_asks():
    explorer = ask(
        DepthExplorer(), ("depth", 61 - 1), ("norm", "off"), ("start", "torch"), ("end", "ReLU"), ("seed", 3)
    )
    assert explorer.values == {"depth": 60, "norm": "off", "start": "torch", "end": "ReLU", "seed": 3}
    assert explorer.parts == DepthExplorer(60, "off", "torch", "ReLU", 3).parts
    ask(explorer, ("depth", 7), ("start", "zeros"), ("nothing", 1))
    assert explorer.values["depth"] == 6 and explorer.values["start"] == "torch"


def test_only_the_residual_network_knows_where_the_relu_stands():
    one, two = DepthExplorer(20).measured(), DepthExplorer(20, end="ReLU").measured()
    assert one["plain"] == two["plain"] and one["residual"] != two["residual"]
    assert ENDS == {"BN": False, "ReLU": True} and two["residual"].values[-1] > 1.5 * one["residual"].values[-1]


def test_it_answers_quickly():
    explorer, least = DepthExplorer(), math.inf
    for seed in range(1, 6):  # the least of five: others may be using the machine
        begun = time.process_time()
        ask(explorer, ("depth", 60), ("seed", seed))
        least = min(least, time.process_time() - begun)
    assert least < 0.25


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(depth=7), r"depth \(=7\) must be even"),
        (dict(depth=62), r"depth \(=62\)"),
        (dict(depth=2), r"depth \(=2\)"),
        (dict(norm="layer"), r"norm \(='layer'\) must be one of on, off"),
        (dict(start="zero"), r"start \(='zero'\)"),
        (dict(end="sigmoid"), r"end \(='sigmoid'\) must be one of BN, ReLU"),
        (dict(seed=-1), r"seed \(=-1\)"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DepthExplorer(**settings)
