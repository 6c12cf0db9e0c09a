"""The MobileNet cost explorer: its integers against cost_table on the networks themselves, its words, and what it keeps."""

import re

import pytest
import torch
import torchvision
from driven import ask
from torch import nn

from helpers.chapters.ch06_mobilenet import explorer as mobile
from helpers.chapters.ch06_mobilenet.explorer import BLOCKS, FULL, LIMITS, V1, V2, MobileExplorer, costs, total
from helpers.costs import cost_table
from helpers.models.mobilenet import mobilenet_v1, mobilenet_v2


def network(block, width, kernel_size):
    """The network itself, with other kernels in place of its 3×3 ones, all but the first."""
    with torch.device("meta"):
        net = (
            mobilenet_v2(width_mult=width / 100)
            if block == V2
            else mobilenet_v1(width=width / 100, full_convolution=block == FULL)
        )
        places = [
            (parent, name, child)
            for parent in net.modules()
            for name, child in parent.named_children()
            if isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3)
        ][1:]
        for parent, name, conv in places:
            setattr(
                parent,
                name,
                nn.Conv2d(
                    conv.in_channels,
                    conv.out_channels,
                    kernel_size,
                    conv.stride,
                    kernel_size // 2,
                    groups=conv.groups,
                    bias=False,
                ),
            )
    return net


def kind_of(row):
    if row.kind in ("Linear", "BatchNorm2d"):
        return {"Linear": "fc", "BatchNorm2d": "norm"}[row.kind]
    return "depthwise" if row.groups > 1 else "pointwise" if row.kernel_size == (1, 1) else "full"


def counted(block, width, size, kernel_size):
    """The same dict as costs(), from the cost table."""
    table, found = (
        cost_table(network(block, width, kernel_size), (1, 3, size, size)),
        {kind: [0, 0, 0] for kind in mobile.KINDS},
    )
    for row in table.only("Conv2d", "Linear", "BatchNorm2d").rows:
        memory = 0 if row.kind == "BatchNorm2d" else row.memory
        for i, value in enumerate((row.macs, row.params, memory)):
            found[kind_of(row)][i] += value
    assert total({kind: mobile.Cost(*numbers) for kind, numbers in found.items()})[:2] == (
        table.total.macs,
        table.total.params,
    )
    return {kind: tuple(numbers) for kind, numbers in found.items()}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "width, size, kernel_size",
    [(100, 224, 3), (25, 96, 3), (150, 320, 11), (75, 192, 5), (35, 160, 7), (145, 96, 9), (25, 320, 11)],
)
def test_it_costs_what_the_cost_table_counts(block, width, size, kernel_size):
    assert costs(block, width, size, kernel_size) == counted(block, width, size, kernel_size)


@pytest.mark.parametrize("block", BLOCKS)
def test_widths_whose_channels_are_rounded_cost_what_the_cost_table_counts(block):
    for width in range(LIMITS["width"][0], LIMITS["width"][1] + 1, 3 * LIMITS["width"][2]):
        assert costs(block, width, 96) == counted(block, width, 96, 3), width


def test_the_totals_are_the_published_ones_and_torchvisions():
    assert [round(total(costs(V1, width)).macs / 1e6) for width in (100, 75, 50, 25)] == [
        569,
        325,
        149,
        41,
    ]  # Howard et al., table 6
    assert [round(total(costs(V1, width)).params / 1e6, 1) for width in (100, 75, 50, 25)] == [4.2, 2.6, 1.3, 0.5]
    assert [total(costs(V1, size=size)).macs // 10**6 for size in (224, 192, 160, 128)] == [
        568,
        418,
        290,
        186,
    ]  # table 7 has 569
    assert [round(total(costs(FULL)).macs / 1e6), round(total(costs(FULL)).params / 1e6, 1)] == [
        4867,
        29.3,
    ]  # table 4: 4866, 29.3
    with torch.device("meta"):
        theirs = cost_table(torchvision.models.mobilenet_v2(), (1, 3, 224, 224)).total
    assert total(costs(V2))[:2] == (theirs.macs, theirs.params) == (300_774_272, 3_504_872)


def test_one_block_by_hand():
    # Width 25 %: 8 channels after the first convolution, of 3·9·8 weights on 48 × 48 places of 96 pixels' half.
    assert costs(V1, 25, 96)["full"] == (3 * 9 * 8 * 48 * 48, 3 * 9 * 8, 4 * 8 * 48 * 48)
    assert costs(V1, 25, 96)["fc"] == (256 * 1000, 256 * 1000 + 1000, 4000)


def test_controls_change_the_numbers_and_reset_sets_them_back():
    explorer = MobileExplorer()
    start = dict(explorer.parts)
    assert (
        start["against.macs"] == "8.6× less"
        and start["against.params"] == "6.9× less"
        and start["against.memory"] == "1.6× more"
    )
    assert start["total.macs"] == "568,740,352" and start["start.macs"] == "×1.00"
    assert "94.9 %" in start["pointwise.macs"] and "3.1 %" in start["depthwise.macs"]
    ask(explorer, ("width", 50), ("kernel_size", 5))
    assert (explorer.width, explorer.kernel_size) == (50, 5) and explorer.costs() == costs(V1, 50, 224, 5)
    assert explorer.parts["total.macs"] == f"{total(costs(V1, 50, 224, 5)).macs:,}" and explorer.values["width"] == 50
    ask(explorer, ("do", "reset"))
    assert explorer.parts == start and 'aria-disabled="true"' in start["reset"]
    ask(explorer, ("block", FULL))
    assert (
        explorer.parts["against.macs"] == "the same"
        and explorer.parts["depthwise.macs"] == "<span></span><span>0</span>"
    )


@pytest.mark.parametrize(
    "asked, kept",
    [
        (("width", 3), 25),
        (("width", 999), 150),
        (("width", 52), 50),
        (("width", 53), 55),
        (("size", 100), 96),
        (("size", 112), 128),
        (("kernel_size", 4), 5),
        (("kernel_size", 12), 11),
        (("kernel_size", 3), 3),
    ],
)
def test_values_between_the_steps_go_to_the_nearest(asked, kept):
    assert getattr(ask(MobileExplorer(), asked), asked[0]) == kept


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(block="V3"), r"block \(='V3'\) must be one of V1 depthwise separable"),
        (dict(width=20), r"width \(=20\) must be a whole number from 25 to 150"),
        (dict(width=0.5), r"width \(=0.5\)"),
        (dict(size=225), r"size \(=225\) must be 96 to 320 in steps of 32: use 224"),
        (dict(kernel_size=4), r"kernel_size \(=4\) must be 3 to 11 in steps of 2: use 5"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        MobileExplorer(**settings)


def test_the_still_picture_holds_the_costs_of_both_networks():
    explorer = MobileExplorer(V2, 50, 128, 5)
    both = (explorer.costs(), costs(FULL, 50, 128, 5))
    for ax, column, unit in zip(explorer.still().axes, mobile.COLUMNS, (1e6, 1e6, 2**20)):
        wanted = [getattr(cost, column) / unit for kinds in both for cost in kinds.values()]
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(wanted)
        # A stack ends where the sum is.
        assert ax.patches[9].get_x() + ax.patches[9].get_width() == pytest.approx(
            getattr(total(both[1]), column) / unit
        )


@pytest.mark.parametrize("now, then, written", [(10, 86, "8.6× less"), (16, 10, "1.6× more"), (5, 5, "the same")])
def test_ratios_are_written_in_words(now, then, written):
    assert mobile.against(now, then) == written


def test_bars_of_both_networks_share_one_scale_and_their_pieces_fill_them():
    for block in (V1, V2):
        parts = MobileExplorer(block, 75, 192, 5).parts
        for column in mobile.COLUMNS:
            lengths = [float(re.search(r"--part:([\d.]+)", parts[f"{name}.{column}"])[1]) for name in ("mine", "other")]
            sums = [getattr(total(costs(b, 75, 192, 5)), column) for b in (block, FULL)]
            assert lengths == pytest.approx([number / max(sums) for number in sums], abs=1e-4)
            for name in ("mine", "other"):
                pieces = [float(width) for width in re.findall(r"width:([\d.]+)%", parts[f"{name}.{column}"])]
                assert sum(pieces) == pytest.approx(100, abs=0.05)


def test_its_sentence_has_its_numbers():
    assert "568,740,352 multiply-adds, 4,231,976 parameters, 19.2 MiB" in repr(MobileExplorer())
