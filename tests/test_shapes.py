"""helpers.shapes against torch, and against gradients that show which pixels a unit really sees."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.shapes import Field, Window, input_range, output_range, output_size, receptive_field, same_padding

small = st.integers(1, 5)
window = st.builds(Window, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
quick = settings(max_examples=300, deadline=None)


def outcome(function):
    """The function's value, or None where it refuses."""
    try:
        return function()
    except (RuntimeError, ValueError):
        return None


def row(size, **kind):
    return torch.ones(1, 1, size, **kind)


@quick
@given(st.integers(1, 20), st.integers(1, 7), small, st.integers(0, 4), st.integers(1, 4))
def test_output_size_is_that_of_convolution(size, kernel_size, stride, padding, dilation):
    def torchs():
        return F.conv1d(row(size), row(kernel_size), None, stride, padding, dilation).shape[-1]

    assert outcome(lambda: output_size(size, kernel_size, stride, padding, dilation)) == outcome(torchs)


@quick
@given(st.integers(1, 20), st.integers(1, 7), small, st.integers(0, 4), st.integers(1, 4))
def test_output_size_with_ceil_mode_is_that_of_pooling(size, kernel_size, stride, padding, dilation):
    square = torch.ones(1, 1, size, size)

    def torchs():
        return F.max_pool2d(square, kernel_size, stride, padding, dilation, ceil_mode=True).shape[-1]

    assert outcome(lambda: output_size(size, kernel_size, stride, padding, dilation, True)) == outcome(torchs)


def test_output_size_of_networks_everyone_knows():
    assert output_size(227, 11, stride=4) == 55  # AlexNet's first layer
    assert output_size(55, 3, stride=2) == 27  # and its pooling
    assert output_size(224, 7, stride=2, padding=3) == 112  # ResNet's first layer
    assert output_size(112, 3, stride=2, ceil_mode=True) == 56  # GoogLeNet's pooling, by the ceiling rule
    assert output_size(7, 3, dilation=3) == 1


@pytest.mark.parametrize(
    "numbers, message",
    [
        (
            dict(size=3, kernel_size=7, padding=1),
            r"kernel_size \(=7\) exceeds the padded input \(=5 = 3 \+ 2\*1\): use a small",
        ),
        (
            dict(size=4, kernel_size=3, dilation=2),
            r"kernel_size \(=3, dilated to 5 = 2\*\(3 - 1\) \+ 1\) exceeds the padded",
        ),
        (dict(size=0, kernel_size=1), r"size \(=0\) must be a whole number of at least 1: give such a number"),
        (dict(size=5, kernel_size=0), r"kernel_size \(=0\) must be a whole number of at least 1"),
        (dict(size=5, kernel_size=3, stride=0), r"stride \(=0\) must be a whole number of at least 1"),
        (dict(size=5, kernel_size=3, padding=-1), r"padding \(=-1\) must be a whole number of at least 0"),
        (dict(size=5, kernel_size=3, dilation=0), r"dilation \(=0\) must be a whole number of at least 1"),
        (dict(size=5.0, kernel_size=3), r"size \(=5\.0\) must be a whole number of at least 1: give such a number"),
        (dict(size=5, kernel_size=True), r"kernel_size \(=True\) must be a whole number"),
        (dict(size=5, kernel_size="3"), r"kernel_size \(='3'\) must be a whole number"),
        (dict(size=5, kernel_size=3, padding=2, ceil_mode=True), r"padding \(=2\) exceeds half of kernel_size \(=3\)"),
    ],
)
def test_output_size_says_what_is_wrong(numbers, message):
    with pytest.raises(ValueError, match=message):
        output_size(**numbers)


@given(st.integers(1, 9), st.integers(1, 5), st.integers(20, 40))
def test_same_padding_keeps_the_size(kernel_size, dilation, size):
    if dilation * (kernel_size - 1) % 2:
        with pytest.raises(ValueError, match=r"spans an even number of pixels .* use an odd kernel_size"):
            same_padding(kernel_size, dilation)
    else:
        padding = same_padding(kernel_size, dilation)
        reach = dilation * (kernel_size - 1) + 1
        assert F.conv1d(row(size + reach), row(kernel_size), None, 1, padding, dilation).shape[-1] == size + reach


def seen(layers, size):
    """(outputs, pixels) bool: which pixel has a gradient from which unit, by autograd through convolutions of ones."""
    x = row(size, dtype=torch.float64).requires_grad_()
    y = x
    for k, stride, padding, dilation, _ in layers:
        y = F.conv1d(y, row(k, dtype=torch.float64), None, stride, padding, dilation)
    return torch.stack([torch.autograd.grad(unit, x, retain_graph=True)[0].flatten() > 0 for unit in y.flatten()])


@settings(max_examples=100, deadline=None)
@given(st.lists(window, min_size=1, max_size=3), st.integers(0, 3))
def test_input_range_is_what_the_gradient_shows(layers, index):
    layers = [layer._replace(padding=0) for layer in layers]  # so that nothing of the view is cut off
    first, last = input_range(layers, index)
    pixels = seen(layers, last + 5)[index].nonzero().flatten().tolist()
    assert (first, last) == (pixels[0], pixels[-1])


@settings(max_examples=100, deadline=None)
@given(st.lists(window, min_size=1, max_size=3), st.integers(1, 30), st.data())
def test_output_range_is_what_the_gradient_shows(layers, size, data):
    try:
        truth = seen(layers, size)
    except RuntimeError:
        with pytest.raises(ValueError, match="exceeds the padded input"):
            output_range(layers, 0, size)
        return
    pixel = data.draw(st.integers(0, size - 1))
    assert output_range(layers, pixel, size) == truth[:, pixel].nonzero().flatten().tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(window, min_size=1, max_size=3), st.integers(1, 30))
def test_no_unit_sees_beyond_its_input_range(layers, size):
    try:
        truth = seen(layers, size)
    except RuntimeError:
        return
    for index, pixels in enumerate(truth):
        first, last = input_range(layers, index)
        assert all(first <= pixel <= last for pixel in pixels.nonzero().flatten().tolist())


def test_receptive_fields_by_hand():
    layers = [Window(3, padding=1, name="a"), Window(2, stride=2, name="b"), Window(3, padding=1, dilation=2, name="c")]
    assert receptive_field(layers) == [
        Field("a", 3, 1, -1),  # 1 + 2
        Field("b", 4, 2, -1),  # 3 + 1*1
        Field("c", 12, 2, -3),
    ]  # 4 + 4*2, one more padding of 2 pixels
    assert input_range(layers, 0) == (-3, 8)
    assert input_range(layers, 5) == (7, 18)


def test_receptive_fields_of_published_networks():
    alexnet = (
        [Window(11, 4), Window(3, 2), Window(5, padding=2), Window(3, 2)] + [Window(3, padding=1)] * 3 + [Window(3, 2)]
    )
    block = [Window(3, padding=1)]
    pool = [Window(2, 2)]
    vgg16 = (block * 2 + pool) * 2 + (block * 3 + pool) * 3
    assert receptive_field(alexnet)[-1][1:3] == (195, 32)  # Araujo et al. 2019: AlexNet 195
    assert receptive_field(vgg16)[-1][1:3] == (212, 32)  # and VGG-16 212
    assert [field.size for field in receptive_field(block * 3)] == [3, 5, 7]


def test_no_layers_means_the_pixel_itself():
    assert receptive_field([]) == []
    assert input_range([], 4) == (4, 4)
    assert output_range([], 4, 10) == [4]


def test_a_stride_can_step_over_a_pixel():
    assert output_range([Window(1, stride=3)], 1, 10) == []
    assert output_range([Window(2, dilation=3)], 3, 10) == [0, 3]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: output_range([Window(3)], 10, 10), r"pixel \(=10\) lies outside the input \(size 10\): use 0 to 9"),
        (lambda: output_range([Window(3)], -1, 10), r"pixel \(=-1\) must be a whole number of at least 0"),
        (lambda: input_range([Window(3)], -1), r"index \(=-1\) must be a whole number of at least 0"),
        (lambda: receptive_field([Window(3, stride=0)]), r"stride \(=0\) must be a whole number of at least 1"),
        (lambda: receptive_field([Window(3, padding=0.5)]), r"padding \(=0\.5\) must be a whole number"),
    ],
)
def test_ranges_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shapes_imports_nothing_heavy():
    code = "import sys, helpers.shapes; print(sorted({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
