"""helpers.layers.norm against torch: values, gradients, running statistics and refusals, in float64."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers import layers
from helpers.layers import batch_norm, batch_norm_naive, layer_norm

quick = settings(max_examples=100, deadline=None)
close = dict(rtol=1e-9, atol=1e-10)


def numbers(seed, *shape, mean=0.0, scale=1.0):
    random = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (mean + scale * random).requires_grad_()


def assert_same(found, expected, leaves, others=None):
    """The same value and the same gradients, of `found` by its leaves and of `expected` by the others."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, **close)
    push = numbers(7, *expected.shape).detach()
    gradients = torch.autograd.grad(found, leaves, push), torch.autograd.grad(expected, others or leaves, push)
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, **close)


# ---------------------------------------------------------------------------------------------- batch normalisation


@st.composite
def batches(draw):
    """Images, sequences or features with at least two values per channel, far from mean 0, and the rest."""
    size, C = st.integers(1, 4), draw(st.integers(1, 4))
    shape = (draw(size), C, *draw(st.lists(size, max_size=2)))
    if shape[0] * torch.Size(shape[2:]).numel() < 2:
        shape = (2, *shape[1:])
    x = numbers(draw(st.integers(0, 99)), *shape, mean=draw(st.floats(-3, 3)), scale=draw(st.floats(0.1, 5)))
    optional = [numbers(seed, C) if draw(st.booleans()) else None for seed in (1, 2)]
    arguments = dict(momentum=draw(st.floats(0, 1)), eps=draw(st.sampled_from([1e-5, 1e-3, 0.1])))
    return x, optional, arguments


@quick
@given(batches(), st.booleans(), st.booleans())
def test_batch_norm_equals_torch(batch, training, tracked):
    x, (weight, bias), arguments = batch
    C, tracked = x.shape[1], tracked or not training
    ours = [numbers(3, C).detach(), numbers(4, C).detach().square() + 0.1] if tracked else [None, None]
    theirs = copy.deepcopy(ours)
    leaves = [leaf for leaf in (x, weight, bias) if leaf is not None]
    assert_same(
        batch_norm(x, *ours, weight, bias, training, **arguments),
        F.batch_norm(x, *theirs, weight, bias, training, **arguments),
        leaves,
    )
    if tracked:
        torch.testing.assert_close(ours, theirs, **close)


@quick
@given(batches())
def test_the_definition_equals_torch(batch):
    x, (weight, bias), arguments = batch
    C, eps = x.shape[1], arguments["eps"]
    weight, bias = (numbers(5, C) if given is None else given for given in (weight, bias))
    assert_same(
        batch_norm_naive(x, weight, bias, eps),
        F.batch_norm(x, None, None, weight, bias, True, eps=eps),
        [x, weight, bias],
    )


def test_by_hand():
    """1 and 3 have mean 2 and variance 1; over n - 1, the variance is 2."""
    x = torch.tensor([[1.0], [3.0]])
    running_mean, running_var = torch.tensor([0.0]), torch.tensor([1.0])
    assert batch_norm(x, running_mean, running_var, training=True, momentum=0.5, eps=0).flatten().tolist() == [-1, 1]
    assert (running_mean.item(), running_var.item()) == (1.0, 1.5)  # halfway to 2, and from 1 halfway to 2
    assert batch_norm(x, torch.tensor([1.0]), torch.tensor([4.0]), eps=0).flatten().tolist() == [0, 1]
    assert batch_norm_naive(x, torch.tensor([10.0]), torch.tensor([5.0]), eps=0).flatten().tolist() == [-5, 15]
    assert layer_norm(torch.tensor([[1.0, 3.0], [10.0, 50.0]]), 2, eps=0).tolist() == [[-1, 1], [-1, 1]]


def test_the_scale_and_shift_of_what_comes_in_do_not_matter():
    """So the convolution before it needs no bias, and its weights have no size of their own."""
    x = numbers(1, 4, 3, 5, 5).detach()
    torch.testing.assert_close(
        batch_norm(100 * x + 7, training=True, eps=0), batch_norm(x, training=True, eps=0), **close
    )


@pytest.mark.parametrize("weight, bias", [(True, True), (False, False)])
def test_second_derivatives(weight, bias):
    x = numbers(1, 3, 2, 2, 1)
    leaves = (x, *([numbers(2, 2)] if weight else []), *([numbers(3, 2)] if bias else []))
    assert torch.autograd.gradgradcheck(
        lambda x, *rest: batch_norm(x, None, None, *rest, training=True).square(), leaves
    )


MODULES = [
    (layers.BatchNorm2d, nn.BatchNorm2d, (4, 3, 5, 2)),
    (layers.BatchNorm1d, nn.BatchNorm1d, (6, 3)),
    (layers.BatchNorm1d, nn.BatchNorm1d, (4, 3, 5)),
]
ARGUMENTS = [
    dict(),
    dict(momentum=None),
    dict(momentum=0.7, eps=0.01),
    dict(affine=False),
    dict(track_running_stats=False),
    dict(affine=False, track_running_stats=False),
]


@pytest.mark.parametrize("Ours, Theirs, shape", MODULES, ids=["2d", "1d", "1d of sequences"])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_modules_equal_torchs(Ours, Theirs, shape, arguments):
    """Five batches, each with other numbers, prediction in between; then the weights change hands."""
    pair = ours, theirs = [Make(3, **arguments).double() for Make in (Ours, Theirs)]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)  # they start alike
        nn.init.normal_(other)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for step in range(5):
        for training in True, False:
            x = numbers(2 * step + training, *shape, mean=step, scale=step + 1)
            outputs = (layer.train(training)(x) for layer in pair)
            assert_same(*outputs, *([x, *layer.parameters()] for layer in pair))
            torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), **close)
    if arguments.get("track_running_stats", True):
        assert ours.num_batches_tracked == 5 and ours.num_batches_tracked.dtype == torch.int64
    for Receiver, giver in (Ours, theirs), (Theirs, ours):
        layer = Receiver(3, **arguments).double().eval()
        layer.load_state_dict(giver.state_dict(), strict=True)
        torch.testing.assert_close(layer(x), giver(x), **close)


def test_momentum_none_is_the_plain_average_of_all_batches():
    layer = layers.BatchNorm1d(2, momentum=None).double()
    batches = [numbers(seed, 5, 2, mean=seed).detach() for seed in range(4)]
    for batch in batches:
        layer(batch)
    torch.testing.assert_close(layer.running_mean, torch.cat(batches).mean(0), **close)
    torch.testing.assert_close(layer.running_var, torch.stack([batch.var(0) for batch in batches]).mean(0), **close)


def test_prediction_leaves_the_layer_as_it_is_and_treats_each_image_by_itself():
    layer = layers.BatchNorm2d(3)
    layer(torch.randn(4, 3, 5, 5) * 3 + 1)
    before = copy.deepcopy(layer.eval().state_dict())
    x = torch.randn(4, 3, 5, 5)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))
    assert layer(x[:1, :, :1, :1]).shape == (1, 3, 1, 1)  # one value is no trouble here
    torch.testing.assert_close(layer.state_dict(), before, rtol=0, atol=0)
    assert not torch.allclose(layer.train()(x)[:1], layer(x[:2])[:1])


ONE = torch.zeros(1, 3, 1, 1)
ALONE = r"the values per channel \(=1 in x, shape \(1, 3, 1, 1\)\) must be at least 2 in training"


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNorm2d(3),
        nn.BatchNorm2d(3),
        layers.BatchNorm2d(3, track_running_stats=False),
        layers.BatchNorm2d(3, track_running_stats=False).eval(),
    ],
    ids=str,
)
def test_one_value_has_no_variance(layer):
    with pytest.raises(ValueError, match=ALONE if isinstance(layer, layers.BatchNorm2d) else "more than 1 value"):
        layer(ONE)


X, C3 = torch.zeros(2, 3, 4, 4), torch.ones(3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(x=ONE, training=True), ALONE),
        (dict(x=X[:0], training=True), r"the values per channel \(=0 in x, shape \(0, 3, 4, 4\)\) must be at least 2"),
        (dict(x=X[0, 0, 0]), r"x \(shape \(4,\)\) must be \(N, C, \.\.\.\): one example is x\[None\]"),
        (dict(), r"running_mean and running_var must be given together, and where training is False"),
        (dict(running_mean=C3), r"running_mean and running_var must be given together"),
        (dict(running_var=C3, training=True), r"running_mean and running_var must be given together"),
        (
            dict(running_mean=C3, running_var=C3[:2]),
            r"running_var \(shape \(2,\)\) must be \(3,\): one number per channel",
        ),
        (dict(weight=X, training=True), r"weight \(shape \(2, 3, 4, 4\)\) must be \(3,\): one number per channel"),
    ],
)
def test_batch_norm_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        batch_norm(**{"x": X, **arguments})


@pytest.mark.parametrize(
    "layer, x, message",
    [
        (
            layers.BatchNorm2d(3),
            X[0],
            r"x \(shape \(3, 4, 4\)\) must be \(N, C, H, W\): change its axes",
        ),
        (layers.BatchNorm2d(4), X, r"x \(shape \(2, 3, 4, 4\)\) must have num_features \(=4\) channels"),
        (
            layers.BatchNorm1d(3),
            X,
            r"x \(shape \(2, 3, 4, 4\)\) must be \(N, C\) or \(N, C, L\)",
        ),
    ],
    ids=str,
)
def test_modules_say_what_is_wrong(layer, x, message):
    before = copy.deepcopy(layer.state_dict())
    with pytest.raises(ValueError, match=message):
        layer(x)
    torch.testing.assert_close(layer.state_dict(), before)


@pytest.mark.parametrize("Make", [layers.BatchNorm1d, layers.BatchNorm2d])
def test_num_features_is_a_whole_number(Make):
    with pytest.raises(ValueError, match=r"num_features \(=0\) must be a whole number of at least 1"):
        Make(0)


# ---------------------------------------------------------------------------------------------- layer normalisation


@quick
@given(
    st.lists(st.integers(1, 4), max_size=2),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1e-5, 1e-3, 0.1]),
)
def test_layer_norm_equals_torch(before, shape, weighted, biased, eps):
    x = numbers(1, *before, *shape, mean=2, scale=3)
    weight, bias = numbers(2, *shape) if weighted else None, numbers(3, *shape) if biased else None
    leaves = [leaf for leaf in (x, weight, bias) if leaf is not None]
    assert_same(
        layer_norm(x, tuple(shape), weight, bias, eps), F.layer_norm(x, tuple(shape), weight, bias, eps), leaves
    )


def test_layer_norm_is_batch_norm_of_the_transpose():
    """The same formula over the other axis: what is a channel to one is an example to the other."""
    x = numbers(1, 4, 6)
    assert_same(layer_norm(x, 6), batch_norm(x.T, training=True).T, [x])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            dict(normalized_shape=5),
            r"x \(shape \(2, 3, 4, 4\)\) must end with normalized_shape \(=\(5,\)\): change either",
        ),
        (dict(normalized_shape=(2, 2, 3, 4, 4)), r"must end with normalized_shape \(=\(2, 2, 3, 4, 4\)\)"),
        (dict(normalized_shape=()), r"normalized_shape \(=\(\)\) must name at least one axis"),
        (dict(normalized_shape=0), r"normalized_shape \(=0\) must be a whole number of at least 1"),
        (dict(normalized_shape=4, weight=C3), r"weight \(shape \(3,\)\) must be \(4,\): one number per feature"),
    ],
)
def test_layer_norm_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        layer_norm(X, **arguments)


def test_layer_norm_module_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"normalized_shape \(=2\.5\) must be a whole number"):
        layers.LayerNorm(2.5)


# ------------------------------------------------------------------------------------------------------------- both


def test_what_it_says_of_itself():
    assert (
        repr(layers.BatchNorm2d(3)) == "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"
    )
    assert repr(layers.LayerNorm(4)) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)"
