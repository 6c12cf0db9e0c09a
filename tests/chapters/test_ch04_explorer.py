"""The stack explorer's numbers against networks of torch, its picture against a gradient, and its words."""

import random
import re

import pytest
import torch
from driven import ask
from torch import nn

from helpers.chapters.ch04_vgg.explorer import CHANNELS, KERNELS, LAYERS, SIZES, VggStackExplorer, cost, paths
from helpers.costs import cost_table


def built(layers, kernel_size, channels):
    return nn.Sequential(*(nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2) for _ in range(layers)))


@pytest.mark.parametrize(
    ("layers", "kernel_size", "channels", "size"),
    [(1, 3, 1, 8), (2, 3, 12, 17), (5, 3, 7, 30), (1, 5, 20, 9), (1, 11, 6, 24)],
)
def test_costs_are_those_of_the_network_that_torch_builds(layers, kernel_size, channels, size):
    with torch.device("meta"):
        table = cost_table(built(layers, kernel_size, channels), (1, channels, size, size)).total
    found = cost(layers, kernel_size, channels, size)
    assert (found.params, found.macs, found.memory) == (table.params, table.macs, table.memory)
    assert found.activations == layers


def test_the_published_counts_of_the_paper():
    # Simonyan & Zisserman 2015, section 2.3: three 3×3 have 27 C² weights, one 7×7 has 49 C².
    explorer = VggStackExplorer(3, 7, channels=64, size=56)
    assert explorer.stack().field == explorer.single().field == 7
    assert explorer.stack().params - 3 * 64 == 27 * 64**2 and explorer.single().params - 64 == 49 * 64**2
    assert (
        explorer.stack().macs * 49 == explorer.single().macs * 27
        and explorer.stack().memory == 3 * explorer.single().memory
    )


@pytest.mark.parametrize(("layers", "kernel_size"), [(1, 3), (2, 3), (3, 3), (5, 3), (1, 7)])
def test_the_field_and_its_shades_are_the_gradient_of_a_network_of_ones(layers, kernel_size):
    net = nn.Sequential(
        *(nn.Conv2d(1, 1, kernel_size, padding=kernel_size // 2, bias=False) for _ in range(layers))
    ).double()
    for weight in net.parameters():
        nn.init.ones_(weight)
    x = torch.zeros(1, 1, 21, 21, dtype=torch.float64, requires_grad=True)
    net(x)[0, 0, 10, 10].backward()
    half = cost(layers, kernel_size, 1, 8).field // 2
    gradient = x.grad[0, 0]
    assert torch.equal(gradient[10 - half : 11 + half, 10 - half : 11 + half], torch.tensor(paths(layers, kernel_size)))
    assert gradient.count_nonzero() == (2 * half + 1) ** 2


def test_two_windows_by_hand():
    assert paths(2, 3)[2].tolist() == [3, 6, 9, 6, 3] and paths(2, 3)[0].tolist() == [1, 2, 3, 2, 1]
    left = VggStackExplorer().parts["left"]
    assert [int(n) for n in re.findall(r">(\d+)</text>", left)] == paths(2, 3).flatten().astype(int).tolist()
    assert left.count('class="frame"') == 2


def test_every_control_answers_and_the_widths_are_the_shares():
    explorer = ask(VggStackExplorer(), ("layers", 3), ("kernel_size", "7×7"), ("channels", 10), ("size", 20))
    assert (explorer.layers, explorer.kernel_size, explorer.channels, explorer.size) == (3, 7, 10, 20)
    assert explorer.values == {"layers": 3, "kernel_size": "7×7", "channels": 10, "size": 20}
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", explorer.parts["macs"])]
    assert widths == [pytest.approx(100 * 27 / 49, abs=0.01), 100] and explorer.parts["macs-ratio"] == "×0.55"
    assert "2,700 and 4,900" in explorer.parts["words"] and explorer.parts["memory-ratio"] == "×3.00"
    ask(explorer, ("layers", 5))
    assert (
        "do not see the same: 11 pixels a side against 7" in explorer.parts["words"]
        and "stack has the larger field" in explorer.parts["words"]
    )
    ask(explorer, ("do", "match"))
    assert explorer.kernel_size == 11 and 'aria-disabled="true"' in explorer.parts["match"]
    ask(explorer, ("layers", 1))
    assert "large window has the larger field" in explorer.parts["words"]
    ask(explorer, ("do", "match"))
    assert (
        explorer.kernel_size == 3
        and "the same layer" in explorer.parts["words"]
        and explorer.parts["macs-ratio"] == "×1.00"
    )


def test_any_setting_can_be_shown():
    dice, explorer = random.Random(0), VggStackExplorer()
    for _ in range(60):
        ask(
            explorer,
            ("layers", dice.randint(*LAYERS)),
            ("kernel_size", "{0}×{0}".format(dice.choice(KERNELS))),
            ("channels", dice.randint(*CHANNELS)),
            ("size", dice.randint(*SIZES)),
        )
        assert explorer.parts["words"] and str(explorer.stack().field) in explorer.parts["left-title"]
        shown = re.findall(r"<span>([\d,]+)</span>", explorer.parts["params"])
        assert shown == [f"{explorer.stack().params:,}", f"{explorer.single().params:,}"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(layers=0), r"layers \(=0\) must be a whole number from 1 to 5"),
        (dict(layers=2.0), "layers"),
        (dict(layers=True), "layers"),
        (dict(kernel_size=4), r"kernel_size \(=4\) must be one of 3, 5, 7, 9, 11"),
        (dict(channels=513), r"channels \(=513\).*1 to 512"),
        (dict(size=7), r"size \(=7\) must be a whole number from 8 to 224"),
    ],
)
def test_wrong_arguments_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        VggStackExplorer(**settings)


def test_its_sentence_has_its_numbers():
    assert "73,856 and 102,464 parameters" in repr(VggStackExplorer())
