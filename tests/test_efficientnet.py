"""The trained network: against an independent implementation, on the shipped photographs, and with its file damaged."""

import io

import pytest
import torch
from torch import nn

from helpers import data
from helpers.costs import cost_table
from helpers.models import class_names, efficientnet_lite0, most_probable, prepared
from helpers.models.efficientnet import SameConv2d

FIRST = {
    "cat": [("Egyptian cat", 0.36), ("tiger cat", 0.25), ("tabby", 0.21)],
    "coffee": [("espresso", 0.84)],
    "camera": [("tripod", 0.94)],
}


@pytest.fixture(scope="module")
def net():
    return efficientnet_lite0()


@pytest.fixture(scope="module")
def twin(net):
    """The same weights in the package efficientnet-lite-pytorch, which is written by others."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    other = package.EfficientNet.from_name("efficientnet-lite0").eval()
    # both list their layers in the order in which they run, so the weights go over by their places
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    ours = [layer for layer in net.modules() if isinstance(layer, kinds)]
    theirs = [layer for layer in other.modules() if isinstance(layer, kinds)]
    order = {id(layer): place for place, layer in enumerate(running_order(other, kinds))}
    for mine, its in zip(ours, sorted(theirs, key=lambda layer: order[id(layer)]), strict=True):
        its.load_state_dict(mine.state_dict())
    return other


def running_order(model, kinds):
    """Return the layers of these kinds in the order in which they run."""
    seen = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: seen.append(layer))
        for layer in model.modules()
        if isinstance(layer, kinds)
    ]
    with torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("name", data.photographs())
def test_it_says_what_an_independent_implementation_says(net, twin, name):
    picture = prepared(data.photograph(name, 224))
    with torch.no_grad():
        assert (net(picture).softmax(1) - twin(picture).softmax(1)).abs().max() < 1e-3


@pytest.mark.parametrize("name", FIRST)
def test_it_names_the_photographs(net, name):
    found = most_probable(net, data.photograph(name, 224))
    assert len(found) == 5 and [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    for (word, probability), (expected, about) in zip(found, FIRST[name]):
        assert word == expected and probability == pytest.approx(about, abs=0.01)


@pytest.mark.parametrize("name", data.photographs())
def test_autocast_names_the_same_class(net, name):
    picture = prepared(data.photograph(name, 224))
    with torch.no_grad():
        expected = net(picture).softmax(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = net(picture).float().softmax(1)
    assert found.argmax() == expected.argmax() and (found - expected).abs().max() < 0.1


def test_its_size_is_the_published_one(net):
    total = cost_table(net, (1, 3, 224, 224)).total
    assert total.params == 4_652_008 and len(class_names()) == 1000
    assert round(total.macs / 1e6) == 385  # 407 M with the padded borders counted by the paper's own table


@pytest.mark.parametrize("side", [7, 8, 9, 10])
@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (5, 2), (1, 1)])
def test_the_padding_is_that_of_tensorflow(side, kernel_size, stride):
    """The output has ceil(side / stride); what is missing is split, the odd pixel last."""
    layer = SameConv2d(1, 1, kernel_size, stride, bias=False)
    x = torch.rand(1, 1, side, side)
    missing = max((-(-side // stride) - 1) * stride + kernel_size - side, 0)
    by_hand = torch.zeros(1, 1, side + missing, side + missing)
    by_hand[..., missing // 2 : missing // 2 + side, missing // 2 : missing // 2 + side] = x
    expected = nn.functional.conv2d(by_hand, layer.weight, stride=stride)
    assert layer(x).shape[-1] == -(-side // stride)
    torch.testing.assert_close(layer(x), expected)


def test_a_grey_picture_is_taken(net):
    assert most_probable(net, data.photograph("camera", 224)[:1])[0][0] == "tripod"


@pytest.mark.parametrize("shape", [(224, 224), (2, 224, 224), (1, 4, 224, 224)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"pictures \(shape .*\) must be \(3, H, W\)"):
        prepared(torch.rand(shape))


def test_missing_or_damaged_weights_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    source = data.files.Path(data.files.__file__).parents[2] / "data"
    (tmp_path / "checksums.txt").write_bytes((source / "checksums.txt").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"efficientnet_lite0.pt is missing. Restore it with"):
        efficientnet_lite0()
    (tmp_path / "efficientnet_lite0.pt").write_bytes((source / "efficientnet_lite0.pt").read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"efficientnet_lite0.pt is cut short"):
        efficientnet_lite0()
    assert efficientnet_lite0(trained=False)(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)


def test_other_weights_are_refused(monkeypatch):
    buffer = io.BytesIO()
    torch.save({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, buffer)
    monkeypatch.setattr("helpers.models.efficientnet.read", lambda name: buffer.getvalue())
    with pytest.raises(ValueError, match=r"efficientnet_lite0.pt lacks \['features"):
        efficientnet_lite0()
