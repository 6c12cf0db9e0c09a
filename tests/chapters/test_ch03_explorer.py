"""The cost explorer: its integers against cost_table on networks of torch, its words, and what it makes of edits."""

import random
import re

import pytest
import torch
from driven import ask
from torch import nn

from helpers.chapters.ch03_alexnet import explorer as cost
from helpers.chapters.ch03_alexnet.explorer import CostExplorer, Layer, costs
from helpers.costs import cost_table
from helpers.models.alexnet import AlexNet2012, alexnet


def as_network(layers, channels, size):
    """The same layers by torch, and their costs by cost_table."""
    net, x = nn.Sequential(), torch.zeros(1, channels, size, size, device="meta")
    for layer in layers:
        _, kind, F, K, stride, padding, groups = layer
        if kind == "linear" and x.dim() == 4:
            net.append(nn.Flatten())
        made = {
            "conv": lambda: nn.Conv2d(x.shape[1], F, K, stride, padding, groups=groups),
            "pool": lambda: nn.MaxPool2d(K, stride, padding),
            "adaptive": lambda: nn.AdaptiveAvgPool2d(K),
            "linear": lambda: nn.Linear(x.flatten(1).shape[1], F),
        }[kind]
        with torch.device("meta"):
            net.append(made())
        x = net[-1](x.flatten(1) if kind == "linear" else x)
    rows = [row for row in cost_table(net, (1, channels, size, size)).rows if row.kind != "Flatten"]
    return [(row.out_shape[1:], row.memory, row.params, row.macs) for row in rows]


@pytest.mark.parametrize("name", cost.PRESETS)
def test_presets_cost_what_the_cost_table_counts(name):
    (channels, size), layers = cost.PRESETS[name]
    assert [row[1:] for row in CostExplorer(name).rows()] == as_network(layers, channels, size)


@pytest.mark.parametrize(
    "name, model, size",
    [
        ("AlexNet 2012", AlexNet2012(), 227),
        ("AlexNet one tower", AlexNet2012(groups=1), 227),
        ("AlexNet torchvision", alexnet(), 224),
    ],
)
def test_alexnets_cost_what_their_models_cost(name, model, size):
    table = cost_table(model, (1, 3, size, size))
    memory, params, macs = cost.total(CostExplorer(name).rows())
    assert (params, macs) == (table.total.params, table.total.macs)
    counted = [row for row in table.rows if row.kind in ("Conv2d", "MaxPool2d", "AdaptiveAvgPool2d", "Linear")]
    assert memory == sum(row.memory for row in counted)
    assert [row[1:] for row in CostExplorer(name).rows()] == [
        (row.out_shape[1:], row.memory, row.params, row.macs) for row in counted
    ]


def test_alexnet_is_the_published_one():
    first = CostExplorer("one layer").rows()[0]
    assert first == ("conv1", (96, 55, 55), 1_161_600, 34_944, 105_415_200)  # 1,134.4 KiB
    assert cost.total(CostExplorer("AlexNet torchvision").rows())[1:] == (61_100_840, 714_188_480)
    assert cost.total(CostExplorer().rows())[1:] == (60_965_224, 724_406_816)


def test_edited_networks_cost_what_the_cost_table_counts():
    draw, possible, refused = random.Random(0), 0, 0
    while possible < 25:
        explorer = CostExplorer(draw.choice(list(cost.PRESETS)))
        ask(
            explorer,
            ("size", draw.randint(16, 300)),
            ("channels", draw.randint(1, 6)),
            *[
                (f"{draw.randrange(len(explorer.layers))}.{name}", draw.randint(low, min(high, 24)))
                for name, (low, high) in cost.LIMITS.items()
            ],
        )
        if explorer.parts["problem"]:
            refused += 1
            with pytest.raises((RuntimeError, ValueError)):
                as_network(explorer.layers, explorer.channels, explorer.size)
        else:
            possible += 1
            assert [row[1:] for row in explorer.rows()] == as_network(explorer.layers, explorer.channels, explorer.size)
    assert refused > 5


def test_half_the_filters_cost_half_and_say_so():
    explorer = CostExplorer("one layer")
    explorer.edit("conv1", filters=48)
    assert explorer.parts["total.macs"] == "52,707,600" and explorer.parts["change.macs"] == "<b>×0.50</b>"
    assert explorer.parts["0.macs"] == '<i style="width:100.00%"></i><span>100 %</span><span>52,707,600</span>'
    assert explorer.parts["change"] == "against one layer" and explorer.values["0.filters"] == 48
    ask(explorer, ("do", "reset"))
    assert explorer.parts["change.macs"] == "<b>×1</b>" and 'aria-disabled="true"' in explorer.parts["reset"]


def test_the_bars_of_a_column_add_up():
    explorer = CostExplorer()
    for column in cost.COLUMNS:
        widths = [re.search(r"width:([\d.]+)%", explorer.parts[f"{i}.{column}"]) for i in range(11)]
        assert sum(float(w[1]) for w in widths if w) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    "ratio, written",
    [
        ((1, 1), "×1"),
        ((51, 100), "×0.51"),
        ((2, 1), "×2.00"),
        ((1234, 100), "×12.3"),
        ((1, 80), "×0.0125"),
        ((0, 0), "×1"),
    ],
)
def test_changes_are_written_short(ratio, written):
    assert cost.change(*ratio) == written


@pytest.mark.parametrize(
    "change, message, field",
    [
        (("size", 16), "pool1: kernel_size (=3) exceeds the padded input (=2 = 2 + 2*0)", "1.kernel_size"),
        (
            ("2.groups", 3),
            "conv2: groups (=3) must divide both the 96 input channels and the 256 filters: use 1, 2, 4, 8, 16 or 32",
            "2.groups",
        ),
        (
            ("0.groups", 2),
            "conv1: groups (=2) must divide both the 3 input channels and the 96 filters: use 1 or 3",
            "0.groups",
        ),
        (("1.padding", 2), "pool1: padding (=2) exceeds half of kernel_size (=3)", "1.padding"),
        (("7.kernel_size", 15), "pool5: kernel_size (=15) exceeds the padded input (=13 = 13 + 2*0)", "7.kernel_size"),
    ],
)
def test_impossible_settings_name_the_layer_and_keep_the_last_numbers(change, message, field):
    explorer = CostExplorer()
    good = dict(explorer.parts)
    ask(explorer, change)
    assert message in explorer.parts["problem"] and explorer.wrong == [field]
    changed = {name: part for name, part in explorer.parts.items() if good[name] != part}
    assert changed.keys() == {"problem", "reset", "heard"} and message in changed["heard"]
    assert message in repr(explorer) and explorer._repr_mimebundle_()[0]["image/png"]
    with pytest.raises(ValueError, match=message.split(":")[0]):
        explorer.rows()
    ask(explorer, ("do", "reset"))
    assert explorer.parts["problem"] == "" and explorer.wrong == []


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: CostExplorer("VGG"), r"network \(='VGG'\) must be one of AlexNet 2012"),
        (lambda: CostExplorer(size=15), r"size \(=15\)"),
        (lambda: CostExplorer().edit("conv9", filters=1), r"name \(='conv9'\)"),
        (lambda: CostExplorer().edit("fc6", stride=2), "fc6 has no stride"),
        (
            lambda: CostExplorer().edit("conv1", filters=0),
            r"conv1.filters \(=0\) must be a whole number from 1 to 9999",
        ),
    ],
)
def test_the_callers_mistakes_about_costs_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_impossible_from_the_start_is_said_at_once():
    explorer = CostExplorer(size=16)
    assert explorer.parts["problem"].count("pool1") == 1 and explorer.parts["total.macs"] == "724,406,816"
    ask(explorer, ("network", "LeNet-like"), ("size", 16), ("2.kernel_size", 15))
    assert "conv2: kernel_size (=15)" in explorer.parts["problem"] and explorer._repr_mimebundle_()[0]["image/png"]


def test_a_layer_alone_by_hand():
    # 8 kernels of 4/2 × 3 × 3 numbers; 5 × 5 places: 8 · 18 + 8 parameters, 25 · 8 · 18 multiply-adds.
    assert costs((Layer("c", "conv", 8, 3, 2, 1, 2),), 4, 9) == [("c", (8, 5, 5), 800, 152, 3600)]


def test_its_still_picture_is_of_what_is_shown():
    fig = CostExplorer("LeNet-like").still()
    assert [len(ax.patches) for ax in fig.axes] == [7, 7, 7]
    assert [round(sum(bar.get_width() for bar in ax.patches)) for ax in fig.axes] == [100] * 3


def test_numbers_beyond_their_column_are_written_short():
    assert cost.as_text("macs", 999_999_999_999) == "999,999,999,999"
    assert cost.as_text("macs", 4_718_120_140_800) == "4.718 T" and cost.as_text("memory", 2048) == "2.0"
