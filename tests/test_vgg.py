"""VGG against torchvision and the numbers that were published."""

import math

import pytest
import torch
import torchvision
from torch import nn
from twins import assert_twins, built, costs, first_weights, layers, shapes

from helpers import models
from helpers.models import VGG, vgg11, vgg16

LISTS = {  # the letters of the paper's table 1
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_convolutions_equal_torchvision(name):
    """The fully connected layers, 124 million weights, are the same in all; those of VGG-11 are compared below."""
    ours, theirs = built(VGG, LISTS[name]), built(getattr(torchvision.models, name))
    assert shapes(ours) == shapes(theirs)
    for model in ours, theirs:
        model.classifier = nn.Dropout(0.5)
    assert_twins(ours, theirs, side=32, gradients=name == "vgg13")


def test_vgg11_equals_torchvision_with_the_same_units_dropped():
    assert_twins(*(built(room.vgg11, num_classes=5) for room in (models, torchvision.models)), side=32, gradients=False)


def test_the_same_seed_gives_the_first_weights_of_torchvision():
    assert first_weights(vgg11, num_classes=2) == first_weights(torchvision.models.vgg11, num_classes=2)


def test_without_init_weights_the_first_ones_are_torchs_own():
    """Uniform within ±1/√(9 C_in), where He's are normal with standard deviation √(2 / (9 C_out))."""
    torch.manual_seed(0)
    weight, bound = vgg11(init_weights=False).features[16].weight, 1 / math.sqrt(9 * 512)
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)


@pytest.mark.parametrize("name, millions", list(zip(LISTS, (133, 133, 138, 144))))
def test_parameters_and_layers_are_those_of_the_paper(name, millions):
    """Simonyan & Zisserman 2015, table 2; and the name says how many layers have weights."""
    model = built(VGG, LISTS[name])
    assert round(costs(model).total.params / 1e6) == millions
    assert len(layers(model, (nn.Conv2d, nn.Linear))) == int(name[3:5])


def test_the_cost_of_vgg16():
    total = costs(built(vgg16)).only("Conv2d", "Linear").total
    assert (total.params, total.macs) == (138_357_544, 15_470_264_320)
    assert round(total.memory / 2**20, 2) == 51.71


def test_a_third_stage_of_two_convolutions_costs_what_the_lecture_says():
    """The lecture's 48.65 MiB, 137.8 M and 13.62 G come from a VGG that lacks one convolution."""
    total = costs(built(VGG, (2, 2, 2, 3, 3))).only("Conv2d", "Linear").total
    assert round(total.memory / 2**20, 2) == 48.65
    assert (round(total.params / 1e6, 1), round(total.macs / 1e9, 2)) == (137.8, 13.62)


def test_other_sizes():
    model = built(vgg11, num_classes=7, in_channels=1)
    assert model(torch.empty(2, 1, 100, 80, device="meta")).shape == (2, 7)
    with pytest.raises(RuntimeError):
        model(torch.empty(2, 1, 31, 31, device="meta"))
    assert [layer.p for layer in layers(built(vgg11, dropout=0.25), nn.Dropout)] == [0.25, 0.25]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(convolutions=(1, 1, 2, 2)), r"convolutions \(=\(1, 1, 2, 2\)\) must be five numbers: one for each stage"),
        (dict(convolutions=(1, 1, 2, 2, 0)), r"convolutions \(=0\) must be a whole number of at least 1"),
        (dict(convolutions=(1, 1, 2, 2, 2), num_classes=0), r"num_classes \(=0\) must be a whole number of at least 1"),
        (dict(convolutions=(1, 1, 2, 2, 2), in_channels=1.5), r"in_channels \(=1\.5\) must be a whole number"),
    ],
)
def test_vgg_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        built(VGG, **arguments)
