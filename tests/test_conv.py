"""helpers.layers.conv against torch: values, gradients and refusals, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers import layers
from helpers.layers import avg_pool2d, avg_pool2d_naive, conv2d, conv2d_naive, max_pool2d, max_pool2d_naive, pad
from helpers.layers.conv import PADDING_MODES, unfold

quick = settings(max_examples=120, deadline=None)
slow = settings(max_examples=30, deadline=None)


def one_or_two(low, high):
    """An int, or a pair of ints that need not be equal."""
    number = st.integers(low, high)
    return st.one_of(number, st.tuples(number, number))


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def numbers(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def torch_pad(x, padding, mode):
    height, width = pair(padding)
    return F.pad(x, (width, width, height, height), mode="constant" if mode == "zeros" else mode)


def torch_conv(x, weight, bias, stride, padding, dilation, groups, padding_mode):
    if padding_mode != "zeros":
        x, padding = torch_pad(x, padding, padding_mode), 0
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


def assert_same(ours, torchs, inputs, arguments):
    """The same value and the same gradients; or, where torch refuses, a ValueError."""
    try:
        expected = torchs(*inputs, **arguments)
    except RuntimeError:
        with pytest.raises(ValueError):
            ours(*inputs, **arguments)
        return
    found = ours(*inputs, **arguments)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    leaves = [leaf for leaf in inputs if leaf is not None]
    push = numbers(7, *expected.shape).detach()
    for mine, theirs in zip(torch.autograd.grad(found, leaves, push), torch.autograd.grad(expected, leaves, push)):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


@st.composite
def convolutions(draw, largest, least_batch=0):
    groups, per_group = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    n, out = draw(st.integers(least_batch, 2)), groups * draw(st.integers(1, 2))
    high, wide = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    kh, kw = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    inputs = (
        numbers(1, n, groups * per_group, high, wide),
        numbers(2, out, per_group, kh, kw),
        numbers(3, out) if draw(st.booleans()) else None,
    )
    arguments = dict(
        stride=draw(one_or_two(1, 3)),
        padding=draw(one_or_two(0, 3)),
        dilation=draw(one_or_two(1, 3)),
        groups=groups,
        padding_mode=draw(st.sampled_from(PADDING_MODES)),
    )
    return inputs, arguments


@quick
@given(convolutions(largest=9))
def test_conv2d_equals_torch(case):
    assert_same(conv2d, torch_conv, *case)


@slow
@given(convolutions(largest=5, least_batch=1))
def test_conv2d_naive_equals_torch(case):
    assert_same(conv2d_naive, torch_conv, *case)


@quick
@given(st.integers(1, 6), st.integers(1, 6), one_or_two(0, 7), st.sampled_from(PADDING_MODES))
def test_pad_equals_torch(high, wide, padding, mode):
    x = numbers(1, 2, 2, high, wide)
    assert_same(lambda x: pad(x, padding, mode), lambda x: torch_pad(x, padding, mode), (x,), {})


def test_pad_by_hand():
    x = torch.tensor([[[[1, 2, 3, 4]]]])
    assert pad(x, (0, 2)).flatten().tolist() == [0, 0, 1, 2, 3, 4, 0, 0]
    assert pad(x, (0, 2), "reflect").flatten().tolist() == [3, 2, 1, 2, 3, 4, 3, 2]
    assert pad(x, (0, 2), "replicate").flatten().tolist() == [1, 1, 1, 2, 3, 4, 4, 4]
    assert pad(x, (0, 2), "circular").flatten().tolist() == [3, 4, 1, 2, 3, 4, 1, 2]


@st.composite
def pools(draw, largest, least_batch=0):
    shape = draw(
        st.tuples(st.integers(least_batch, 2), st.integers(1, 3), st.integers(1, largest), st.integers(1, largest))
    )
    x = numbers(1, *shape)
    if draw(st.booleans()):  # many equal values, as after a ReLU
        x = x.detach().round().relu().requires_grad_()
    return (x,), dict(
        kernel_size=draw(one_or_two(1, 4)),
        stride=draw(st.one_of(st.none(), one_or_two(1, 4))),
        padding=draw(one_or_two(0, 2)),
    )


@quick
@given(pools(largest=9))
def test_max_pool2d_equals_torch(case):
    assert_same(max_pool2d, F.max_pool2d, *case)


@quick
@given(pools(largest=9))
def test_avg_pool2d_equals_torch(case):
    assert_same(avg_pool2d, F.avg_pool2d, *case)


@slow
@given(pools(largest=6, least_batch=1))
def test_naive_pools_equal_torch(case):
    assert_same(max_pool2d_naive, F.max_pool2d, *case)
    assert_same(avg_pool2d_naive, F.avg_pool2d, *case)


def test_by_hand():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    weight = torch.arange(4.0).view(1, 1, 2, 2)
    assert conv2d(x, weight).flatten().tolist() == [19, 25, 37, 43]  # 0*0 + 1*1 + 3*2 + 4*3 = 19
    assert conv2d_naive(x, weight).flatten().tolist() == [19, 25, 37, 43]
    assert conv2d(x.long(), weight.long()).flatten().tolist() == [19, 25, 37, 43]
    assert max_pool2d(x, 2, 1).flatten().tolist() == [4, 5, 7, 8]
    assert avg_pool2d(x, 2, 1).flatten().tolist() == [2, 3, 5, 6]


def test_max_pool2d_takes_whole_numbers_and_passes_nan_on():
    x = torch.tensor([[-5, -3], [-4, -9]])[None, None]
    assert torch.equal(max_pool2d(x, 2, 2, 1), F.max_pool2d(x, 2, 2, 1))
    x = torch.tensor([[1.0, float("nan")], [3.0, 2.0]])[None, None]
    assert max_pool2d(x, 2).isnan().all() and F.max_pool2d(x, 2).isnan().all()


def test_the_second_derivative_too():
    x, weight, bias = numbers(1, 1, 2, 5, 4), numbers(2, 2, 1, 2, 3), numbers(3, 2)
    assert torch.autograd.gradgradcheck(
        lambda *leaves: conv2d(*leaves, stride=2, padding=1, groups=2).square(), (x, weight, bias)
    )
    assert torch.autograd.gradgradcheck(lambda x: max_pool2d(x, 2, 1).square(), (x,))


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x[:, 1:, ::2, 1:],
        lambda x: x.transpose(2, 3),
        lambda x: x[:1].expand(3, -1, -1, -1),
    ],
)
def test_any_layout_in_memory(arrange):
    x = numbers(1, 2, 3, 8, 7)
    channels = arrange(x).shape[1]
    weight, bias = numbers(2, 4, channels, 3, 2), numbers(3, 4)
    assert_same(
        lambda x, w, b: conv2d(arrange(x), w, b, 2),
        lambda x, w, b: F.conv2d(arrange(x), w, b, 2),
        (x, weight, bias),
        {},
    )
    assert_same(lambda x: max_pool2d(arrange(x), 3, 2, 1), lambda x: F.max_pool2d(arrange(x), 3, 2, 1), (x,), {})


def test_a_result_can_be_viewed_and_the_inputs_stay():
    x, weight = numbers(1, 2, 3, 5, 5).detach(), numbers(2, 4, 3, 1, 1).detach()
    before = x.clone(), weight.clone()
    assert conv2d(x, weight).view(2, -1).shape == (2, 100)
    avg_pool2d(x, 1).mul_(0)
    max_pool2d(x, 1).mul_(0)
    conv2d(x, weight).mul_(0)
    unfold(x, 1, 1, 1, (5, 5)).mul_(0)
    assert torch.equal(x, before[0]) and torch.equal(weight, before[1])


X, W, B = torch.zeros(2, 4, 5, 5), torch.zeros(6, 2, 3, 3), torch.zeros(6)
WRONG_CONVOLUTIONS = [
    (
        (X[0], W, B),
        dict(groups=2),
        r"x \(shape \(4, 5, 5\)\) must be \(N, C, H, W\): one image becomes a batch by x\[None\]",
    ),
    ((X, W[0], B), dict(groups=2), r"weight \(shape \(2, 3, 3\)\) must be \(C_out, C_in/groups, KH, KW\)"),
    ((X, W, B), dict(), r"in_channels \(=4 of x\) must be 2 = 2\*1, weight\.shape\[1\] times groups"),
    ((X, W[:5], B[:5]), dict(groups=2), r"out_channels \(=5\) must be a multiple of groups \(=2\)"),
    ((X, W, B[:5]), dict(groups=2), r"bias \(shape \(5,\)\) must be \(6,\): one number per output channel"),
    ((X, W, B), dict(groups=0), r"groups \(=0\) must be a whole number of at least 1"),
    ((X, W, B), dict(groups=2, stride=0), r"stride \(=0\) must be a whole number of at least 1"),
    (
        (X, W, B),
        dict(groups=2, stride=(1, 1, 1)),
        r"stride \(=\(1, 1, 1\)\) must be an int or a pair: give \(height, width\)",
    ),
    ((X, W, B), dict(groups=2, padding=-1), r"padding \(=-1\) must be a whole number of at least 0"),
    (
        (X, W, B),
        dict(groups=2, dilation=3),
        r"kernel_size \(=3, dilated to 7 = 3\*\(3 - 1\) \+ 1\) exceeds the padded input",
    ),
    (
        (X[:, :, :2], W, B),
        dict(groups=2),
        r"kernel_size \(=3\) exceeds the padded input \(=2 = 2 \+ 2\*0\): use a smaller",
    ),
    ((X[:, :, :0], W, B), dict(groups=2, padding=3), r"size \(=0\) must be a whole number of at least 1"),
]


@pytest.mark.parametrize("inputs, arguments, message", WRONG_CONVOLUTIONS)
def test_convolution_says_what_is_wrong(inputs, arguments, message):
    for function in conv2d, conv2d_naive:
        with pytest.raises(ValueError, match=message):
            function(*inputs, **arguments)
    if inputs[0].dim() == 4:  # torch also takes a single image; we ask for a batch
        with pytest.raises((RuntimeError, TypeError)):
            F.conv2d(*inputs, **arguments)


@pytest.mark.parametrize(
    "x, padding, mode, message",
    [
        (
            X,
            5,
            "reflect",
            r"padding \(=5\) is too much for reflect padding of an input of size 5: use at most 4, or a larger",
        ),
        (
            X,
            6,
            "circular",
            r"padding \(=6\) is too much for circular padding of an input of size 5: use at most 5, or a larger",
        ),
        (X[..., :0], 1, "replicate", r"padding \(=1\) is too much for replicate padding of an input of size 0"),
        (X, 1, "mirror", r"padding_mode \(='mirror'\) must be one of zeros, reflect, replicate, circular"),
        (X, "same", "zeros", r"padding \(='same'\) must be a whole number"),
        (X, (1, -1), "zeros", r"padding \(=-1\) must be a whole number of at least 0"),
        (X[0], 1, "zeros", r"x \(shape \(4, 5, 5\)\) must be \(N, C, H, W\)"),
    ],
)
def test_padding_says_what_is_wrong(x, padding, mode, message):
    with pytest.raises(ValueError, match=message):
        pad(x, padding, mode)


@pytest.mark.parametrize("pool", [max_pool2d, max_pool2d_naive, avg_pool2d, avg_pool2d_naive])
@pytest.mark.parametrize(
    "x, arguments, message",
    [
        (X, dict(kernel_size=3, padding=2), r"padding \(=2\) exceeds half of kernel_size \(=3\), so a pooling"),
        (X, dict(kernel_size=6), r"kernel_size \(=6\) exceeds the padded input \(=5 = 5 \+ 2\*0\)"),
        (X, dict(kernel_size=2, stride=0), r"stride \(=0\) must be a whole number of at least 1"),
        (X, dict(kernel_size=(2, 2, 2)), r"kernel_size \(=\(2, 2, 2\)\) must be an int or a pair"),
        (X[0], dict(kernel_size=2), r"x \(shape \(4, 5, 5\)\) must be \(N, C, H, W\)"),
    ],
)
def test_pooling_says_what_is_wrong(pool, x, arguments, message):
    with pytest.raises(ValueError, match=message):
        pool(x, **arguments)


MODULES = [
    dict(in_channels=4, out_channels=6, kernel_size=3),
    dict(in_channels=4, out_channels=6, kernel_size=(3, 2), stride=2, padding=(1, 0), groups=2, bias=False),
    dict(in_channels=4, out_channels=4, kernel_size=3, stride=(2, 1), padding=2, dilation=2, padding_mode="reflect"),
]


@pytest.mark.parametrize("arguments", MODULES)
def test_what_conv2d_says_of_itself(arguments):
    assert repr(layers.Conv2d(**arguments)) == repr(nn.Conv2d(**arguments))


def test_what_pools_say_of_themselves():
    for arguments in ((2,), (3, 2), ((3, 2), (1, 2), (1, 0))):
        assert repr(layers.AvgPool2d(*arguments)) == repr(nn.AvgPool2d(*arguments))
        assert layers.MaxPool2d(*arguments).extra_repr() in nn.MaxPool2d(*arguments).extra_repr()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            dict(in_channels=3, out_channels=4, kernel_size=3, groups=2),
            r"in_channels \(=3\) must be a multiple of groups \(=2\)",
        ),
        (
            dict(in_channels=4, out_channels=3, kernel_size=3, groups=2),
            r"out_channels \(=3\) must be a multiple of groups \(=2\)",
        ),
        (
            dict(in_channels=4, out_channels=3, kernel_size=0),
            r"kernel_size \(=0\) must be a whole number of at least 1",
        ),
        (
            dict(in_channels=0, out_channels=3, kernel_size=3),
            r"in_channels \(=0\) must be a whole number of at least 1",
        ),
        (
            dict(in_channels=4, out_channels=3, kernel_size=3, padding="same"),
            r"padding \(='same'\) must be a whole number",
        ),
        (
            dict(in_channels=4, out_channels=3, kernel_size=3, padding_mode="no"),
            r"padding_mode \(='no'\) must be one of",
        ),
    ],
)
def test_conv2d_module_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.Conv2d(**arguments)


def test_an_error_of_the_caller_is_no_silent_number():
    """Random arguments, right or wrong: ours refuses exactly where torch does."""

    @settings(max_examples=150, deadline=None)
    @given(
        st.integers(-1, 3),
        one_or_two(-1, 2),
        one_or_two(-1, 3),
        one_or_two(-1, 2),
        st.integers(1, 6),
        st.integers(1, 6),
    )
    def compare(groups, stride, padding, dilation, c_in, c_out):
        x, weight = numbers(1, 1, c_in, 4, 5), numbers(2, c_out, 2, 3, 2)
        assert_same(
            conv2d, F.conv2d, (x, weight), dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
        )

    compare()
