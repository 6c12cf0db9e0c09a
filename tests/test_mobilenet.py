"""MobileNet against torchvision (version 2) and the tables of the papers (both)."""

import math

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from twins import built, costs, first_weights, layers, on_cpu, shapes

from helpers.models import (
    DepthwiseSeparable,
    FullConvolution,
    InvertedResidual,
    MobileNetV1,
    MobileNetV2,
    mobilenet_v1,
    mobilenet_v2,
)

# -------------------------------------------------------------------------------------------------------- version 1


@pytest.mark.parametrize(
    "width, megamacs, millions", [(1, 569, 4.2), (0.75, 325, 2.6), (0.5, 149, 1.3), (0.25, 41, 0.5)]
)
def test_narrower_networks_cost_what_the_paper_says(width, megamacs, millions):
    """Howard et al. 2017, table 6."""
    total = costs(built(mobilenet_v1, width=width)).total
    assert (round(total.macs / 1e6), round(total.params / 1e6, 1)) == (megamacs, millions)


@pytest.mark.parametrize("side, megamacs", [(224, 569), (192, 418), (160, 290), (128, 186)])
def test_smaller_images_cost_what_the_paper_says(side, megamacs):
    """Howard et al. 2017, table 7; its 290 is cut, the others are rounded. The parameters stay."""
    total = costs(built(mobilenet_v1), side).total
    assert megamacs in (round(total.macs / 1e6), total.macs // 10**6)
    assert total.params == 4_231_976


def test_full_convolutions_cost_what_the_paper_says():
    """Howard et al. 2017, table 4: 4866 million multiply-adds, in which the fully connected layer is not counted."""
    table = costs(built(mobilenet_v1, full_convolution=True))
    assert round(table.only("Conv2d").total.macs / 1e6) == 4866
    assert round(table.total.macs / 1e6) == 4867
    assert round(table.total.params / 1e6, 1) == 29.3


def test_where_the_multiply_adds_are():
    """Howard et al. 2017, table 2: share of the multiply-adds of each kind of layer, in %.

    For the one 3×3 convolution the paper prints 1.19, but then its column sums to 99.29: it is 1.91.
    """
    table, share = costs(built(mobilenet_v1)).only("Conv2d", "Linear"), {}
    for row in table.rows:
        kind = "fc" if row.kind == "Linear" else "depthwise" if row.groups and row.groups > 1 else row.kernel_size
        share[kind] = share.get(kind, 0) + 100 * row.macs / table.total.macs
    assert share == pytest.approx({(1, 1): 94.86, "depthwise": 3.06, (3, 3): 1.91, "fc": 0.18}, abs=0.01)


def test_the_layers_of_the_paper():
    """Howard et al. 2017, table 1, from top to bottom: what comes out of each convolution."""
    table = costs(built(mobilenet_v1)).only("Conv2d")
    pairs = [(64, 112), (128, 56), (128, 56), (256, 28), (256, 28)] + 6 * [(512, 14)] + 2 * [(1024, 7)]
    before, want = 32, [(32, 112)]
    for channels, side in pairs:
        want += [(before, side), (channels, side)]
        before = channels
    assert [row.out_shape[1:] for row in table.rows] == [(channels, side, side) for channels, side in want]


def test_a_depthwise_separable_block_is_one_filter_per_channel_and_then_a_mixture():
    """Channel by channel with a loop, then a matrix over the channels of each pixel."""
    block = on_cpu(built(DepthwiseSeparable, 3, 5, stride=2)).eval()
    x = torch.randn(2, 3, 7, 6)
    (conv, bn, _), (mix, bn_mix, _) = block
    one_by_one = [F.conv2d(x[:, c : c + 1], conv.weight[c : c + 1], stride=2, padding=1) for c in range(3)]
    seen = bn(torch.cat(one_by_one, 1)).relu()
    mixed = torch.einsum("oc,nchw->nohw", mix.weight[:, :, 0, 0], seen)
    torch.testing.assert_close(block(x), bn_mix(mixed).relu())
    assert block(x).shape == FullConvolution(3, 5, stride=2)(x).shape == (2, 5, 4, 3)


def test_version_1_starts_as_torchvision_starts_version_2():
    torch.manual_seed(0)
    model = mobilenet_v1(num_classes=50)
    for conv in layers(model, nn.Conv2d):
        if conv.weight.numel() > 4000:
            spread = math.sqrt(2 / (conv.out_channels * math.prod(conv.kernel_size)))
            assert conv.weight.std().item() == pytest.approx(spread, rel=0.05)
    assert model.classifier.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not model.classifier.bias.any()


# -------------------------------------------------------------------------------------------------------- version 2


def test_the_same_seed_gives_the_first_weights_of_torchvision():
    assert first_weights(mobilenet_v2, num_classes=5) == first_weights(torchvision.models.mobilenet_v2, num_classes=5)


@settings(max_examples=12, deadline=None)
@given(st.one_of(st.sampled_from([0.35, 0.5, 0.75, 1.0, 1.3, 1.4]), st.floats(0.01, 2)))
def test_any_width_has_the_channels_of_torchvision(width_mult):
    ours, theirs = (built(make, width_mult=width_mult) for make in (mobilenet_v2, torchvision.models.mobilenet_v2))
    assert shapes(ours) == shapes(theirs)


def test_parameters_and_macs_are_those_published():
    """Sandler et al. 2018, table 4: 3.4 M and 300 M; 1.4 times wider 6.9 M and 585 M."""
    total = costs(built(mobilenet_v2)).total
    assert total.macs / 1e6 == pytest.approx(300, rel=0.005)
    wide = costs(built(mobilenet_v2, width_mult=1.4)).total
    assert wide.macs / 1e6 == pytest.approx(585, rel=0.01)


@pytest.mark.parametrize(
    "in_channels, out_channels, stride, adds", [(8, 8, 1, True), (8, 16, 1, False), (8, 8, 2, False)]
)
def test_an_inverted_residual_adds_where_the_shape_stays(in_channels, out_channels, stride, adds):
    block = on_cpu(built(InvertedResidual, in_channels, out_channels, stride, expand_ratio=6)).eval()
    x = torch.randn(2, in_channels, 6, 6)
    inside = block.conv(x)
    torch.testing.assert_close(block(x), inside + x if adds else inside)
    assert [conv.out_channels for conv in layers(block, nn.Conv2d)] == [48, 48, out_channels]
    assert (inside < 0).any()  # the last convolution has no activation


# ------------------------------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("make", [mobilenet_v1, mobilenet_v2])
def test_other_sizes(make):
    model = built(make, num_classes=7, in_channels=1)
    for size in ((224, 224), (100, 37), (1, 1)):
        assert model.eval()(torch.empty(2, 1, *size, device="meta")).shape == (2, 7)


def test_no_layer_is_left_without_channels():
    assert built(mobilenet_v1, width=0.001)(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 1000)
    assert [layer.p for layer in layers(built(mobilenet_v2, dropout=0.4), nn.Dropout)] == [0.4]


@pytest.mark.parametrize(
    "make, arguments, message",
    [
        (
            MobileNetV1,
            dict(width=0),
            r"width \(=0\) must be above 0: 1 is the full network, 0\.5 half",
        ),
        (MobileNetV1, dict(width=-0.5), r"width \(=-0\.5\) must be above 0"),
        (MobileNetV1, dict(width=math.nan), r"width \(=nan\) must be a finite number"),
        (MobileNetV2, dict(width_mult=0), r"width_mult \(=0\) must be above 0"),
        (MobileNetV2, dict(width_mult=math.inf), r"width_mult \(=inf\) must be a finite number"),
        (MobileNetV1, dict(num_classes=0), r"num_classes \(=0\) must be a whole number of at least 1"),
        (MobileNetV2, dict(num_classes=0), r"num_classes \(=0\) must be a whole number of at least 1"),
        (MobileNetV1, dict(in_channels=0), r"in_channels \(=0\) must be a whole number of at least 1"),
        (MobileNetV2, dict(in_channels="RGB"), r"in_channels \(='RGB'\) must be a whole number"),
    ],
)
def test_mobilenet_says_what_is_wrong(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        built(make, **arguments)
