"""ResNet against torchvision and the numbers that were published."""

import pytest
import torch
import torchvision
from torch import nn
from twins import assert_twins, built, costs, first_weights, layers, on_cpu, shapes

from helpers import models
from helpers.models import BasicBlock, Bottleneck, ResNet, resnet18, resnet50

ALL = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


@pytest.mark.parametrize("zero_init_residual", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_same_seed_gives_the_first_weights_of_torchvision(name, zero_init_residual):
    kwargs = dict(num_classes=5, zero_init_residual=zero_init_residual)
    ours, theirs = (first_weights(getattr(room, name), **kwargs) for room in (models, torchvision.models))
    assert ours == theirs
    last = "layer3.1.bn2.weight" if name == "resnet18" else "layer3.1.bn3.weight"
    assert ours[last][2] == ([0, 0, 0] if zero_init_residual else [1, 1, 1])


@pytest.mark.parametrize("name", ["resnet101", "resnet152"])
def test_the_deep_ones_equal_torchvision(name):
    """The others: test_models_contract.py."""
    ours, theirs = (built(getattr(room, name), num_classes=5) for room in (models, torchvision.models))
    assert_twins(ours, theirs, side=64, gradients=False)


@pytest.mark.parametrize(
    "name, options, macs, paper",
    [
        ("resnet18", {}, 1_814_073_344, 1.8),
        ("resnet34", {}, 3_663_761_408, 3.6),
        ("resnet50", dict(stride_in="1x1"), 3_857_973_248, 3.8),
        ("resnet101", dict(stride_in="1x1"), 7_570_194_432, 7.6),
        ("resnet152", dict(stride_in="1x1"), 11_282_415_616, 11.3),
    ],
)
def test_macs_are_those_of_the_paper(name, options, macs, paper):
    """He et al. 2016, table 1. Some of its numbers are rounded, others cut."""
    model = built(getattr(models, name), **options)
    assert costs(model).total.macs == macs
    assert paper in (round(macs / 1e9, 1), macs // 10**8 / 10)
    assert shapes(model) == shapes(built(getattr(models, name)))  # where the stride is changes no weight


@pytest.mark.parametrize("name", ALL)
def test_the_name_says_how_many_layers_have_weights(name):
    model = built(getattr(models, name))
    for module in model.modules():
        if isinstance(module, (BasicBlock, Bottleneck)):
            module.downsample = None
    assert len(layers(model, (nn.Conv2d, nn.Linear))) == int(name[6:])


def test_the_stages_of_the_paper():
    """He et al. 2016, table 1: 56, 28, 14 and 7 pixels; the stem has quartered the image before the first block."""
    for make, channels in ((resnet18, (64, 128, 256, 512)), (resnet50, (256, 512, 1024, 2048))):
        model, seen = built(make), []
        for stage in model.layer1, model.layer2, model.layer3, model.layer4:
            stage.register_forward_hook(lambda stage, inputs, output: seen.append(tuple(output.shape[1:])))
        model(torch.empty(2, 3, 224, 224, device="meta"))
        assert seen == [(c, side, side) for c, side in zip(channels, (56, 28, 14, 7))]


@pytest.mark.parametrize(
    "make",
    [
        lambda: BasicBlock(6, 6),
        lambda: BasicBlock(6, 8, 2),
        lambda: Bottleneck(12, 3),
        lambda: Bottleneck(6, 3, 2),
    ],
    ids=["basic", "basic, wider", "bottleneck", "bottleneck, wider"],
)
def test_a_block_adds_its_input_to_its_output(make):
    """With F set to 0 what is left is ReLU of the way around: x itself where the shape stays."""
    block = on_cpu(built(make)).eval()
    last = block.bn2 if isinstance(block, BasicBlock) else block.bn3
    channels, C = block.conv1.in_channels, last.num_features
    x = torch.randn(2, channels, 6, 6)
    F = []
    last.register_forward_hook(lambda layer, inputs, output: F.append(output.clone()))
    out = block(x)
    around = x if block.downsample is None else block.downsample(x)
    assert (block.downsample is None) == (channels == C)
    torch.testing.assert_close(out, (F[0] + around).clamp(min=0))
    nn.init.zeros_(last.weight), nn.init.zeros_(last.bias)
    assert torch.equal(block(x), around.relu())
    assert not torch.equal(out, around.relu())


def test_zero_init_residual_makes_blocks_the_identity():
    """After a ReLU no value is negative, so that ReLU(x) is x: also in training, and in both blocks."""
    for block in BasicBlock, Bottleneck:
        model = ResNet(block, (3, 1, 1, 1), num_classes=2, zero_init_residual=True, width=4)
        x = torch.rand(2, 4 * block.expansion, 5, 5)
        assert torch.equal(model.layer1[1:](x), x)
        plain = ResNet(block, (3, 1, 1, 1), num_classes=2, width=4)
        assert not torch.equal(plain.layer1[1:](x), x)


@pytest.mark.parametrize("stride_in, pixels", [("3x3", 64), ("1x1", 16)])
def test_a_stride_in_the_1x1_sees_one_pixel_in_four(stride_in, pixels):
    block = on_cpu(built(Bottleneck, 4, 2, 2, stride_in=stride_in)).eval()
    F = nn.Sequential(block.conv1, block.bn1, block.relu, block.conv2, block.bn2, block.relu, block.conv3, block.bn3)
    x = torch.zeros(64, 4, 64)
    x[range(64), :, range(64)] = torch.nan  # in each of 64 images another pixel is no number
    out = F(x.view(64, 4, 8, 8))
    assert out.shape == (64, 8, 4, 4)
    assert out.isnan().flatten(1).any(1).sum() == pixels  # how many of them are noticed


def test_small_ones_for_a_lecture():
    model = built(ResNet, BasicBlock, (1, 1, 1, 1), num_classes=10, in_channels=1, width=8)
    assert model(torch.empty(2, 1, 28, 28, device="meta")).shape == (2, 10)
    assert [conv.out_channels for conv in layers(model, nn.Conv2d)] == [8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]


def test_a_block_of_ones_own():
    class Plain(BasicBlock):
        def forward(self, x):
            return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))

    torch.manual_seed(0)
    model = ResNet(Plain, (1, 1, 1, 1), num_classes=3, width=4).eval()
    residual = ResNet(BasicBlock, (1, 1, 1, 1), num_classes=3, width=4).eval()
    residual.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 32, 32)
    assert model(x).shape == (2, 3) and not torch.allclose(model(x), residual(x))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(layers=(1, 1, 1)), r"layers \(=\(1, 1, 1\)\) must be four numbers: the blocks in each stage"),
        (dict(layers=(1, 1, 0, 1)), r"layers \(=0\) must be a whole number of at least 1"),
        (dict(num_classes=0), r"num_classes \(=0\) must be a whole number of at least 1"),
        (dict(in_channels=0), r"in_channels \(=0\) must be a whole number of at least 1"),
        (dict(width=0), r"width \(=0\) must be a whole number of at least 1"),
        (dict(width=0.5), r"width \(=0\.5\) must be a whole number"),
        (
            dict(stride_in="2x2"),
            r"stride_in \(='2x2'\) must be \"3x3\", as in torchvision, or \"1x1\", as in the paper",
        ),
    ],
)
def test_resnet_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        built(ResNet, **dict(dict(block=Bottleneck, layers=(1, 1, 1, 1)), **arguments))
