"""Every network of helpers.models: one contract, which finds them by itself.

Where torchvision has a network of that name, ours takes its state dict, gives its numbers and gradients, has the parameters
and the MACs that it publishes and, from the same seed, its first weights. One network of each class goes through torch.func,
autocast and torch.compile. What is special to a network is in the file of its name.
"""

import inspect

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode
from twins import assert_twins, built, costs, on_cpu, published, shapes

from helpers import models
from helpers.costs import cost_table


def networks():
    """Yield the name of whatever can be built without an argument and can be given num_classes."""
    for name in models.__all__:
        thing = getattr(models, name)
        if not callable(thing):
            continue
        parameters = inspect.signature(thing).parameters
        optional = all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in parameters.values())
        if optional and "num_classes" in parameters:
            yield name


NETWORKS = list(networks())
TWINS = [name for name in NETWORKS if inspect.isfunction(getattr(torchvision.models, name, None))]
SIZES = {name: sum(p.numel() for p in built(getattr(models, name)).parameters()) for name in NETWORKS}
SMALL = 30_000_000  # parameters: what the CPU takes, forwards and backwards, in a second or two
LIGHT = sorted((name for name in NETWORKS if SIZES[name] < SMALL), key=SIZES.get, reverse=True)
FAMILIES = {type(built(getattr(models, name))): name for name in LIGHT}  # the smallest of each class


def small(name):
    """Return a network on the CPU with numbers everywhere, and three small images for it, in float32."""
    make = getattr(models, name)
    for side in (64, 56):
        sized = {"image_size": side} if "image_size" in inspect.signature(make).parameters else {}
        try:
            model = make(num_classes=5, **sized)
        except ValueError:
            continue  # patches of 14 pixels do not divide 64
        return on_cpu(model), torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    raise AssertionError(f"{name} takes no image of 64 or 56 pixels")


def test_they_are_found():
    assert {"alexnet", "vgg16", "resnet50", "mobilenet_v2", "vit_b_16", "swin_t", "vit_22b"} <= set(NETWORKS)
    assert {models.ResNet, models.MobileNetV2, models.Swin, models.Backbone} <= set(FAMILIES)  # Backbone is a ViT


@pytest.mark.parametrize("name", TWINS)
def test_names_and_shapes_of_the_weights_are_torchvisions(name):
    assert shapes(built(getattr(models, name))) == shapes(built(getattr(torchvision.models, name)))


@pytest.mark.parametrize("name", [name for name in TWINS if SIZES[name] < SMALL])
def test_values_and_gradients_are_torchvisions(name):
    theirs = built(getattr(torchvision.models, name), num_classes=5)
    assert_twins(getattr(models, name)(num_classes=5), theirs, side=64)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_macs(name):
    """MACs as torch's own counter finds them; for 224 pixels both as torchvision publishes them."""
    side = 227 if "2012" in name else 224
    model = built(getattr(models, name))
    total = costs(model, side).total
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.empty(1, 3, side, side, device="meta"))
    assert (total.params, total.macs) == (SIZES[name], counter.get_total_flops() // 2)
    if name in TWINS and name != "vit_h_14":  # published for another image size only
        assert (total.params, round(total.macs / 1e9, 3)) == published(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_other_channels_and_classes(name):
    side = 227 if "2012" in name else 224
    model = built(getattr(models, name), num_classes=7, in_channels=1)
    assert model(torch.empty(2, 1, side, side, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", FAMILIES.values())
def test_func_one_image_at_a_time(name):
    model, x = small(name)
    with torch.no_grad():
        found = torch.func.vmap(lambda one: model.eval()(one[None])[0])(x)
        torch.testing.assert_close(found, model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES.values() if name.lower().replace("_", "") != "efficientnetlite0"]
)
def test_autocast(name):
    """The network that is shipped with its weights is tried with them, in test_efficientnet.py. Half precision changes the numbers by some hundredths of their spread, and gradients stay finite and float32."""
    model, x = small(name)
    model.eval()
    with torch.no_grad():
        expected = model(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(x)
    assert ((found.float() - expected) / expected.std()).abs().max() < 0.2
    found.float().square().sum().backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILIES.values())
def test_compile_takes_it_as_one_graph(name):
    model, x = small(name)
    torch.compiler.reset()
    compiled = torch.compile(model.eval(), backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x))


def test_a_cost_table_still_names_the_layer_that_does_not_fit():
    """On shapes alone a network leaves the complaint to the table."""
    said = r"classifier\.1 \(Linear\) expects 9216 input features .*, got input \(1, 6400\)"
    with pytest.raises(ValueError, match=said):
        cost_table(built(models.AlexNet2012), (1, 3, 224, 224))
    with pytest.raises(ValueError, match=r"conv1 \(Conv2d\) expects 3 input channels"):
        cost_table(built(models.resnet18), (1, 1, 64, 64))
