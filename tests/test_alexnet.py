"""The three AlexNets, against torchvision, torch's own counter and the numbers that were published."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.models import AlexNet2012, alexnet


def built(make, *args, **kwargs):
    """Return a network on the meta device: shapes alone, nothing to wait for."""
    with torch.device("meta"):
        return make(*args, **kwargs)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def macs(model, side):
    """Count with torch's counter, which counts FLOPs, two for each multiply-add."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.empty(1, 3, side, side, device="meta"))
    return counter.get_total_flops() // 2


def layers(model, kind):
    return [layer for layer in model.modules() if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def pair():
    """Ours and torchvision's with the same weights."""
    torch.manual_seed(0)
    ours, theirs = alexnet(num_classes=10), torchvision.models.alexnet(num_classes=10)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


@pytest.mark.parametrize("side", [63, 224])
def test_alexnet_equals_torchvision_for_prediction(pair, side):
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = (model.eval()(x) for model in pair)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert ours.std() > 1e-3


def test_alexnet_equals_torchvision_in_training_with_its_gradients(pair):
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    outputs, gradients = [], []
    for model in pair:
        torch.manual_seed(5)  # the same units are dropped
        outputs.append(model.train()(x))
        gradients.append(torch.autograd.grad(outputs[-1].square().sum(), list(model.parameters())))
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        assert not torch.allclose(outputs[0], pair[0].eval()(x))  # dropout was at work


def test_alexnet_says_what_image_is_too_small():
    with pytest.raises(RuntimeError):
        alexnet(num_classes=2).features(torch.zeros(1, 3, 62, 62))


@pytest.mark.parametrize(
    "make, side, params, multiply_adds",
    [
        (AlexNet2012, 227, 60_965_224, 724_406_816),
        (lambda: AlexNet2012(groups=1), 227, 62_378_344, 1_135_256_096),
        (alexnet, 224, 61_100_840, 714_188_480),
    ],
    ids=["two groups", "one group", "torchvision's"],
)
def test_parameters_and_macs(make, side, params, multiply_adds):
    model = built(make)
    assert parameters(model) == params
    assert macs(model, side) == multiply_adds


def test_the_network_of_2012_is_the_one_of_the_paper():
    """Krizhevsky, Sutskever & Hinton 2012, section 3.5, layer by layer."""
    kernels = [tuple(conv.weight.shape) for conv in layers(built(AlexNet2012), nn.Conv2d)]
    assert kernels == [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3), (256, 192, 3, 3)]
    assert [pool.kernel_size for pool in layers(built(AlexNet2012), nn.MaxPool2d)] == [3, 3, 3]
    assert [pool.stride for pool in layers(built(AlexNet2012), nn.MaxPool2d)] == [2, 2, 2]
    assert [fc.out_features for fc in layers(built(AlexNet2012), nn.Linear)] == [4096, 4096, 1000]
    assert [drop.p for drop in layers(built(AlexNet2012), nn.Dropout)] == [0.5, 0.5]


def test_neurons_of_the_paper():
    """Figure 2 of the paper lists the neurons of every layer; of the first it gives 55·48·96, where 55·55·96 are there."""
    model, counts = built(AlexNet2012).eval(), []
    for layer in layers(model, (nn.Conv2d, nn.Linear)):
        layer.register_forward_hook(lambda layer, inputs, output: counts.append(output.numel()))
    model(torch.empty(1, 3, 227, 227, device="meta"))
    assert counts == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_two_groups_are_two_networks_side_by_side():
    """Half of the filters of conv2 see the first half of the channels, the other half the second."""
    torch.manual_seed(0)
    conv = AlexNet2012(num_classes=2).features[4]
    x = torch.randn(1, 96, 7, 7)
    halves = [
        nn.functional.conv2d(
            x[:, 48 * g : 48 * (g + 1)],
            conv.weight[128 * g : 128 * (g + 1)],
            conv.bias[128 * g : 128 * (g + 1)],
            padding=2,
        )
        for g in (0, 1)
    ]
    torch.testing.assert_close(conv(x), torch.cat(halves, 1), rtol=1e-4, atol=1e-5)


def test_normalisation_is_the_formula_of_the_paper():
    """Section 3.3: b = a / (k + α Σ a²)^β over n = 5 neighbouring channels, k = 2, α = 1e-4, β = 0.75."""
    a = 30 * torch.randn(1, 12, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    want = torch.stack(
        [a[:, i] / (2 + 1e-4 * a[:, max(0, i - 2) : i + 3].square().sum(1)) ** 0.75 for i in range(12)], 1
    )
    torch.testing.assert_close(layers(built(AlexNet2012), nn.LocalResponseNorm)[0](a), want)


@pytest.mark.parametrize("groups", [0, 3])
def test_groups_are_one_or_two(groups):
    with pytest.raises(
        ValueError, match=rf"groups \(={groups}\) must be a whole number from 1 to 2: 2 as in the paper"
    ):
        AlexNet2012(groups=groups)


def test_other_sizes():
    assert built(alexnet, num_classes=7, in_channels=1)(torch.empty(2, 1, 100, 80, device="meta")).shape == (2, 7)
