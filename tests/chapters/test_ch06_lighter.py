"""A trained network made lighter: what must stay equal stays equal, what is rounded or cut is counted."""

import pytest
import torch
from torch import nn

from helpers.chapters.ch06_mobilenet.lighter import fold_all, inner_channels, megabytes, pruned, quantised, to_levels
from helpers.models import EfficientNetLite0


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = EfficientNetLite0(num_classes=10)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):  # as after a training, not as at the start
            nn.init.uniform_(layer.running_mean, -0.2, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0.5, 0.2)
    return net.eval()


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_folding_changes_nothing_but_the_layers(net):
    light = fold_all(net)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in light.modules())
    torch.testing.assert_close(light(IMAGES), net(IMAGES), rtol=1e-3, atol=1e-4)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())  # the net itself stays


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_weight_has_few_levels_and_the_largest_stays(per_channel):
    weight = torch.tensor([[1.0, -0.3, 0.04], [10.0, 5.1, -0.05]])
    found = to_levels(weight, per_channel, bits=4)  # 15 levels, 7 above 0
    scales = torch.tensor([[1 / 7], [10 / 7]]) if per_channel else torch.tensor([[10 / 7], [10 / 7]])
    torch.testing.assert_close(found / scales, (weight / scales).round())
    assert (found[0] != 0).any() == per_channel or found[0, 0] == 10 / 7
    assert found[1, 0] == pytest.approx(10)


@torch.no_grad()
def test_cutting_nothing_changes_nothing_and_a_tenth_is_a_tenth(net):
    light = fold_all(net)
    inner = inner_channels(light, IMAGES)
    for by in ("weights", "effect"):
        torch.testing.assert_close(pruned(light, 0, inner, by)(IMAGES), light(IMAGES), rtol=1e-4, atol=1e-5)
        cut = pruned(light, 0.1, inner, by)
        widths = [(len(a.conv[0][0].weight), len(b.conv[0][0].weight)) for a, b in block_pairs(light, cut)]
        assert widths and all(after == before - int(0.1 * before) for before, after in widths)
        assert cut(IMAGES).shape == (2, 10)


def block_pairs(first, second):
    return [(a, b) for a, b in zip(first.features, second.features) if len(getattr(a, "conv", ())) == 4]


@torch.no_grad()
def test_rounding_leaves_the_net_and_its_biases(net):
    before = net.classifier.weight.clone()
    found = quantised(net, per_channel=True)
    assert torch.equal(net.classifier.weight, before) and torch.equal(found.classifier.bias, net.classifier.bias)
    assert len(found.classifier.weight[0].unique()) <= 255


def test_bytes_are_counted_by_hand():
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Linear(3, 5))  # 6 + 15 weights, 3 + 5 biases
    assert megabytes(net) == {"float32": 116e-6, "per tensor": 61e-6, "per channel": 85e-6}
