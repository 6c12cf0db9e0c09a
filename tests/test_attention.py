"""helpers.layers.attention against torch and torchvision: values, gradients, masks and refusals, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torchvision.models.swin_transformer import ShiftedWindowAttention
from torchvision.models.vision_transformer import interpolate_embeddings

from helpers.layers.attention import (
    MultiHeadAttention,
    attention,
    attention_naive,
    causal_mask,
    interpolate_positions,
    merge_heads,
    relative_position_bias,
    relative_position_index,
    sinusoidal_positions,
    sinusoidal_positions_2d,
    split_heads,
)

quick = settings(max_examples=80, deadline=None)
slow = settings(max_examples=25, deadline=None)


def numbers(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def coins(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.6


def assert_same(found, expected, leaves):
    """The same value, and the same gradients; a leaf that takes no part has none in either."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    if expected.numel() == 0:
        return
    push = numbers(7, *expected.shape).detach()
    grads = [torch.autograd.grad(out, leaves, push, allow_unused=True) for out in (found, expected)]
    for mine, theirs in zip(*grads):
        if mine is not None and theirs is not None:
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)
        else:
            assert all(g is None or not g.any() for g in (mine, theirs))


# --------------------------------------------------------------------------------------------- one head


@st.composite
def attentions(draw, largest):
    """Queries, keys and values, and the arguments beside them; masks of all forms, some rows forbidden everywhere."""
    N, heads, T, S = (draw(st.integers(1, most)) for most in (2, 3, largest, largest))
    D, D_v, one = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.booleans())
    inputs = (numbers(1, N, heads, T, D), numbers(2, 1 if one else N, heads, S, D), numbers(3, N, heads, S, D_v))
    shape = draw(st.sampled_from([(T, S), (N, 1, T, S), (1, heads, 1, S), (N, heads, T, S), (T, 1)]))
    kind = draw(st.sampled_from(["none", "boolean", "added", "forbidding", "causal"]))
    forbidding = torch.zeros(shape, dtype=torch.float64).masked_fill(coins(5, *shape), -math.inf)
    arguments = {
        "boolean": dict(mask=coins(4, *shape)),
        "added": dict(mask=numbers(4, *shape)),
        "forbidding": dict(mask=forbidding),
        "causal": dict(is_causal=True),
        "none": {},
    }[kind]
    scales = [None, 0.3, 2.0] if kind == "causal" else [None, 0.3, -2.0]  # torch's causal form has NaN for scale < 0
    return inputs, arguments | dict(scale=draw(st.sampled_from(scales)))


def torch_attention(query, key, value, mask=None, **arguments):
    N = query.shape[0]
    key = key.expand(N, *key.shape[1:])
    mask = mask if mask is None else mask.expand(*query.shape[:-1], key.shape[-2])
    return F.scaled_dot_product_attention(query, key, value, mask, **arguments)


@quick
@given(attentions(largest=6))
def test_attention_equals_torch(case):
    inputs, arguments = case
    mask = arguments.get("mask")
    leaves = [*inputs, *([mask] if mask is not None and mask.requires_grad else [])]
    assert_same(attention(*inputs, **arguments), torch_attention(*inputs, **arguments), leaves)


@slow
@given(attentions(largest=4))
def test_attention_naive_equals_torch(case):
    inputs, arguments = case
    assert_same(attention_naive(*inputs, **arguments), torch_attention(*inputs, **arguments), inputs)


def test_by_hand():
    """Two keys that score 0 and ln 3 get a quarter and three quarters of the weight: (1·8 + 3·4) / 4 = 5."""
    query, key = torch.tensor([[1.0]]), torch.tensor([[0.0], [math.log(3)]])
    value = torch.tensor([[8.0], [4.0]])
    out, weights = attention(query, key, value, return_weights=True)
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(out, torch.tensor([[5.0]]))
    torch.testing.assert_close(attention_naive(query, key, value), torch.tensor([[5.0]]))


def test_a_negative_scale_prefers_what_is_least_alike():
    """Causal too, where torch's CPU form scales its -∞ and gives NaN: key 1 is alike, key 0 opposite, key 2 hidden."""
    query, key = torch.tensor([[0.0], [1.0], [0.0]]), torch.tensor([[-1.0], [1.0], [-9.0]])
    value = torch.tensor([[1.0], [0.0], [5.0]])
    for function in attention, attention_naive:
        out = function(query, key, value, is_causal=True, scale=-2.0)[1]
        torch.testing.assert_close(out, torch.tensor([1 / (1 + math.exp(-4))]))  # scores 2 and -2


def test_the_scale_is_one_over_the_root_of_the_width():
    """D = 4 halves the scores: query · key = 2 becomes 1."""
    query, key = torch.tensor([[1.0, 1, 0, 0]]), torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    weights = attention(query, key, key, return_weights=True)[1]
    torch.testing.assert_close(weights, torch.tensor([[math.e / (math.e + 1), 1 / (math.e + 1)]]))


def test_the_weights_are_those_that_were_used():
    query, key, value = numbers(1, 2, 3, 4, 5), numbers(2, 2, 3, 6, 5), numbers(3, 2, 3, 6, 2)
    out, weights = attention(query, key, value, return_weights=True)
    assert weights.shape == (2, 3, 4, 6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 4, dtype=torch.float64))
    torch.testing.assert_close(weights @ value, out)


@pytest.mark.parametrize(
    "mask",
    [
        torch.tensor([[True, False], [False, False]]),
        torch.tensor([[0, -math.inf], [-math.inf, -math.inf]], dtype=torch.float64),
    ],
)
def test_a_query_that_may_look_nowhere_gets_zeros_and_gives_no_gradient(mask):
    query, key, value = numbers(1, 2, 3), numbers(2, 2, 3), numbers(3, 2, 3)
    out, weights = attention(query, key, value, mask, return_weights=True)
    assert weights.tolist() == [[1, 0], [0, 0]]
    torch.testing.assert_close(out, torch.stack([value[0], torch.zeros(3, dtype=torch.float64)]))
    assert torch.equal(attention_naive(query, key, value, mask), out)
    gradients = torch.autograd.grad(out.sum(), (query, key, value))
    assert all(g.isfinite().all() for g in gradients) and not gradients[0].any()
    assert gradients[2].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_large_scores_do_not_overflow():
    query, key, value = 1e3 * torch.eye(2), torch.eye(2), torch.tensor([[1.0], [2.0]])
    for function in attention, attention_naive:
        assert function(query, key, value).flatten().tolist() == [1, 2]


def test_dropout_keeps_the_mean_and_shows_in_the_weights():
    torch.manual_seed(0)
    query, key, value = torch.zeros(400, 1, 2), torch.zeros(400, 8, 2), torch.ones(400, 8, 1)
    out, weights = attention(query, key, value, dropout=0.5, return_weights=True)
    assert set(weights.unique().tolist()) == {0, 0.25}  # 1/8, or twice that
    assert abs(out.mean() - 1) < 0.1  # 3200 coins: a deviation of 0.018
    torch.testing.assert_close(weights @ value, out)
    assert attention(query, key, value, dropout=1.0).abs().max() == 0


def test_causal_mask():
    assert causal_mask(2, 3).tolist() == [[True, False, False], [True, True, False]]
    assert causal_mask(3).sum() == 6
    with pytest.raises(ValueError, match=r"T \(=0\) must be a whole number of at least 1"):
        causal_mask(0)
    with pytest.raises(ValueError, match=r"S \(=1.5\) must be a whole number"):
        causal_mask(2, 1.5)


def test_attention_does_not_see_order():
    """Keys and values in another order give the same; queries in another order give the same in that order."""
    query, key, value = numbers(1, 5, 4), numbers(2, 6, 4), numbers(3, 6, 4)
    order, other = torch.randperm(6), torch.randperm(5)
    torch.testing.assert_close(attention(query, key[order], value[order]), attention(query, key, value))
    torch.testing.assert_close(attention(query[other], key, value), attention(query, key, value)[other])


def test_the_second_derivative_too():
    inputs, mask = (numbers(1, 2, 3, 2), numbers(2, 2, 3, 2), numbers(3, 2, 3, 2)), coins(4, 3, 3)
    assert torch.autograd.gradgradcheck(lambda *leaves: attention(*leaves, mask), inputs)


def test_the_inputs_stay():
    inputs = [numbers(seed, 1, 3, 2).detach() for seed in (1, 2, 3)]
    before, mask = [x.clone() for x in inputs], causal_mask(3)
    attention(*inputs, mask).mul_(0)
    assert all(map(torch.equal, inputs, before)) and torch.equal(mask, causal_mask(3))


Q, K, V = torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 6, 5), torch.zeros(2, 3, 6, 7)
WRONG_ATTENTIONS = [
    (
        (Q[0, 0, 0], K, V),
        {},
        r"query \(shape \(5,\)\) must be \(\.\.\., T, D\): one vector becomes a sequence by query\[None\]",
    ),
    ((Q, K.long(), V), {}, r"key \(torch\.int64\) must hold floats: convert with \.float\(\)"),
    ((Q, K[..., :4], V), {}, r"key \(width 4\) must be as wide as query \(width 5\)"),
    ((Q, K, V[:, :, :5]), {}, r"value \(length 5\) must be as long as key \(length 6\): each key has one value"),
    (
        (Q, K, V),
        dict(mask=torch.zeros(4, 6).long()),
        r"mask \(torch\.int64\) must be boolean, or floats to be added",
    ),
    (
        (Q, K, V),
        dict(mask=torch.zeros(6, 4)),
        r"mask \(shape \(6, 4\)\) must spread over the scores \(shape \(2, 3, 4, 6\)\)",
    ),
    ((Q, K, V), dict(mask=torch.zeros(5, 2, 3, 4, 6)), r"mask \(shape \(5, 2, 3, 4, 6\)\) must spread over the scores"),
    ((Q, K, V), dict(mask=causal_mask(4, 6), is_causal=True), r"is_causal \(=True\) must stand alone, without a mask"),
]


@pytest.mark.parametrize("inputs, arguments, message", WRONG_ATTENTIONS)
def test_attention_says_what_is_wrong(inputs, arguments, message):
    for function in attention, attention_naive:
        with pytest.raises(ValueError, match=message):
            function(*inputs, **arguments)


# ------------------------------------------------------------------------------------------- many heads


def test_heads_are_cut_from_the_width_and_put_back():
    x = torch.arange(2 * 3 * 4).view(2, 3, 4)
    heads = split_heads(x, 2)
    assert heads.shape == (2, 2, 3, 2)
    assert torch.equal(heads[1, 1], x[1, :, 2:])  # the second head has the second half
    assert torch.equal(merge_heads(heads), x)
    with pytest.raises(ValueError, match=r"embed_dim \(=4\) must be a multiple of num_heads \(=3\): change either"):
        split_heads(x, 3)


MODULES = [
    dict(embed_dim=6, num_heads=2),
    dict(embed_dim=6, num_heads=3, bias=False),
    dict(embed_dim=6, num_heads=2, kdim=5, vdim=4),
    dict(embed_dim=4, num_heads=4, vdim=3, bias=False),
    dict(embed_dim=5, num_heads=1, batch_first=False),
]


def twins(batch_first=True, **arguments):
    """Ours and torch's with the same numbers, also in the biases, which begin at zero."""
    torch.manual_seed(3)
    ours = MultiHeadAttention(**arguments, batch_first=batch_first)
    torch.manual_seed(3)
    torchs = nn.MultiheadAttention(**arguments, batch_first=batch_first)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), torchs.parameters(), strict=True))
    ours, torchs = ours.double(), torchs.double()
    for parameter in torchs.parameters():
        nn.init.normal_(parameter)
    ours.load_state_dict(torchs.state_dict(), strict=True)
    return ours, torchs


def compare(ours, torchs, inputs, masks, is_causal=False):
    """Outputs, the weights of each head, and every gradient."""
    N, T, S = len(inputs[0]), inputs[0].shape[1], inputs[1].shape[1]
    found, weights = ours(*inputs, **masks, is_causal=is_causal, return_weights=True)
    if is_causal:  # torch's is a hint, and wants the mask beside it
        future = ~torch.ones(T, S, dtype=torch.bool).tril()
        masks = masks | dict(attn_mask=masks["attn_mask"] | future if "attn_mask" in masks else future)
    expected, their_weights = torchs(*inputs, **masks, average_attn_weights=False)
    torch.testing.assert_close(weights, their_weights, rtol=1e-10, atol=1e-12)
    assert weights.shape == (N, ours.num_heads, T, S)
    leaves = [*{id(x): x for x in inputs}.values()]
    assert_same(found, expected, leaves)
    push = numbers(9, *expected.shape).detach()
    for mine, theirs in zip(
        torch.autograd.grad(ours(*inputs, **masks), list(ours.parameters()), push),
        torch.autograd.grad(torchs(*inputs, **masks)[0], list(torchs.parameters()), push),
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("arguments", MODULES[:4])
def test_module_equals_torchs(arguments):
    ours, torchs = twins(**arguments)
    D = arguments["embed_dim"]
    inputs = numbers(1, 3, 4, D), numbers(2, 3, 5, ours.kdim), numbers(3, 3, 5, ours.vdim)
    compare(ours, torchs, inputs, {})


def test_module_attends_to_itself_or_to_another():
    ours, torchs = twins(embed_dim=6, num_heads=2)
    x, y = numbers(1, 3, 4, 6), numbers(2, 3, 5, 6)
    compare(ours, torchs, (x, x, x), {})
    assert torch.equal(ours(x), ours(x, x, x))
    torch.testing.assert_close(ours(x), ours(x, x.clone(), x.clone()))  # one product for all three, or three
    torch.testing.assert_close(ours(x, y), torchs(x, y, y)[0])
    torch.testing.assert_close(ours(x, y, 2 * y), torchs(x, y, 2 * y)[0])


def test_module_with_the_batch_second():
    ours, torchs = twins(**MODULES[4])
    query, key = numbers(1, 4, 3, 5), numbers(2, 6, 3, 5)
    found, weights = ours(query, key, return_weights=True)
    expected, their_weights = torchs(query, key, key, average_attn_weights=False)
    assert_same(found, expected, [query, key])
    torch.testing.assert_close(weights, their_weights)


def free_first(blocked):
    """Keep the first key open for every query: torch gives NaN where all are blocked."""
    blocked[..., 0] = False
    return blocked


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    "masks",
    [
        dict(attn_mask=free_first(coins(1, 4, 5))),
        dict(attn_mask=free_first(coins(2, 6, 4, 5))),
        dict(key_padding_mask=free_first(coins(3, 3, 5))),
        dict(key_padding_mask=free_first(coins(3, 3, 5)), attn_mask=free_first(coins(2, 6, 4, 5))),
    ],
    ids=["for all", "for each head", "padding", "both"],
)
def test_masks_of_the_module_are_torchs(masks, is_causal):
    inputs = numbers(1, 3, 4, 6), numbers(2, 3, 5, 6), numbers(3, 3, 5, 6)
    compare(*twins(embed_dim=6, num_heads=2), inputs, masks, is_causal)
    if not is_causal:
        added = {name: numbers(5, *mask.shape).detach() for name, mask in masks.items()}
        compare(*twins(embed_dim=6, num_heads=2), inputs, added)


def test_is_causal_alone():
    x = numbers(1, 2, 5, 6)
    compare(*twins(embed_dim=6, num_heads=2), (x, x, x), {}, is_causal=True)


def test_a_mask_of_four_dimensions_is_that_of_three():
    ours, _ = twins(embed_dim=6, num_heads=2)
    x, mask = numbers(1, 3, 4, 6), numbers(2, 3, 2, 4, 4)
    torch.testing.assert_close(ours(x, attn_mask=mask), ours(x, attn_mask=mask.flatten(0, 1)))
    bias = numbers(3, 2, 4, 4)
    torch.testing.assert_close(ours(x, attn_mask=bias[None]), ours(x, attn_mask=bias.repeat(3, 1, 1)))


def test_true_forbids_in_the_module_and_allows_in_the_function():
    eye = torch.eye(3, dtype=torch.bool)
    ours, _ = twins(embed_dim=4, num_heads=1)
    x = numbers(1, 1, 3, 4)
    assert (ours(x, attn_mask=eye, return_weights=True)[1][0, 0][eye] == 0).all()
    assert (attention(x, x, x, eye, return_weights=True)[1][0] == eye).all()


def test_a_query_of_the_module_that_may_look_nowhere_gets_the_bias_alone():
    ours, torchs = twins(embed_dim=6, num_heads=2)
    x, blocked = numbers(1, 2, 3, 6), torch.tensor([[True, True, True], [False, True, True]])
    out = ours(x, key_padding_mask=blocked)
    torch.testing.assert_close(out, torchs(x, x, x, key_padding_mask=blocked, need_weights=False)[0])
    torch.testing.assert_close(out[0], ours.out_proj.bias.expand(3, 6))
    gradients = torch.autograd.grad(out.sum(), [x, *ours.parameters()])
    assert all(g.isfinite().all() for g in gradients)


def test_dropout_only_while_training():
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(6, 2, dropout=0.5), torch.randn(2, 5, 6)
    torch.manual_seed(4)
    out, weights = layer(x, return_weights=True)
    torch.manual_seed(4)
    twin = nn.MultiheadAttention(6, 2, dropout=0.5, batch_first=True)
    twin.load_state_dict(layer.state_dict())
    torch.manual_seed(4)
    expected, their_weights = twin(x, x, x, average_attn_weights=False)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(weights, their_weights)
    assert (weights == 0).any()
    assert not (layer.eval()(x, return_weights=True)[1] == 0).any()


def test_repr():
    assert repr(MultiHeadAttention(6, 2, 0.1, bias=False, kdim=5, vdim=4, batch_first=False)).startswith(
        "MultiHeadAttention(\n  6, num_heads=2, dropout=0.1, bias=False, kdim=5, vdim=4, batch_first=False\n"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(embed_dim=6, num_heads=4), r"embed_dim \(=6\) must be a multiple of num_heads \(=4\): change either"),
        (dict(embed_dim=0, num_heads=1), r"embed_dim \(=0\) must be a whole number of at least 1"),
        (dict(embed_dim=6, num_heads=0), r"num_heads \(=0\) must be a whole number of at least 1"),
        (dict(embed_dim=6, num_heads=2, dropout=1.5), r"dropout \(=1.5\) must be a finite number from 0 to 1"),
        (dict(embed_dim=6, num_heads=2, kdim=0), r"kdim \(=0\) must be a whole number of at least 1"),
        (dict(embed_dim=6, num_heads=2, vdim=2.5), r"vdim \(=2.5\) must be a whole number"),
    ],
)
def test_module_says_what_it_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(**arguments)


X = torch.zeros(3, 4, 6)
WRONG_CALLS = [
    ((X[0],), {}, r"query \(shape \(4, 6\)\) must be \(N, T, D\): one sequence becomes a batch by unsqueeze"),
    ((X, X[..., :5]), {}, r"key \(width 5\) must be 6 wide: change it, or embed_dim, kdim or vdim"),
    ((X, X, X[..., :5]), {}, r"value \(width 5\) must be 6 wide"),
    ((X, X, X[:, :3]), {}, r"value \(length 3\) must be as long as key \(length 4\)"),
    (
        (X,),
        dict(key_padding_mask=torch.zeros(4, 4)),
        r"key_padding_mask \(shape \(4, 4\)\) must spread over the scores",
    ),
    ((X,), dict(attn_mask=torch.zeros(2, 4, 4)), r"attn_mask \(shape \(2, 4, 4\)\) must spread over .*\(6, 4, 4\)"),
    ((X,), dict(attn_mask=torch.zeros(4, 5)), r"attn_mask \(shape \(4, 5\)\) must spread over .*\(3, 2, 4, 4\)"),
    (
        (X,),
        dict(attn_mask=torch.zeros(4, 4).int()),
        r"attn_mask \(torch\.int32\) must be boolean, or floats to be added",
    ),
]


@pytest.mark.parametrize("inputs, arguments, message", WRONG_CALLS)
def test_module_says_what_it_cannot_take(inputs, arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(6, 2)(*inputs, **arguments)


def test_the_batch_second_is_named():
    with pytest.raises(ValueError, match=r"query \(shape \(4, 6\)\) must be \(T, N, D\)"):
        MultiHeadAttention(6, 2, batch_first=False)(X[0])


# -------------------------------------------------------------------------------------------- positions


@pytest.mark.parametrize("old, new", [(4, 7), (7, 4), (5, 5), (14, 24), (1, 3)])
def test_interpolated_positions_are_torchvisions(old, new):
    positions = numbers(1, 1, 1 + old * old, 6).detach()
    expected = interpolate_embeddings(16 * new, 16, {"encoder.pos_embedding": positions})["encoder.pos_embedding"]
    torch.testing.assert_close(interpolate_positions(positions, old, new, extra_tokens=1), expected)


def test_interpolation_keeps_corners_tokens_and_slopes():
    """A plane over the grid stays a plane: bicubic interpolation repeats it inside; the corners stay anywhere."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(9.0), indexing="ij")
    positions = torch.cat([torch.tensor([[100.0], [200.0]]), (10 * rows + columns).reshape(-1, 1)])[None]
    found = interpolate_positions(positions, (6, 9), (11, 17), extra_tokens=2)
    assert found.shape == (1, 2 + 11 * 17, 1) and found[0, :2, 0].tolist() == [100, 200]
    grid = found[0, 2:, 0].view(11, 17)
    torch.testing.assert_close(grid[[0, 0, -1, -1], [0, -1, 0, -1]], torch.tensor([0.0, 8, 50, 58]))
    torch.testing.assert_close(grid[::2, ::2], 10 * rows + columns)  # the old places, between new ones
    torch.testing.assert_close(grid[5, 7], torch.tensor(28.5))  # row 2.5, column 3.5
    assert interpolate_positions(positions, (6, 9), (6, 9), 2) is positions


def test_interpolation_passes_gradients():
    positions = numbers(1, 1, 5, 2)
    assert torch.autograd.gradcheck(lambda p: interpolate_positions(p, 2, 3, 1), positions)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            (torch.zeros(1, 10, 2), 3, 4),
            r"positions \(shape \(1, 10, 2\)\) must be \(1, 9, D\), 0 extra tokens and 3\*3 places",
        ),
        (
            (torch.zeros(1, 9, 2), (2, 4), 4, 2),
            r"positions \(shape \(1, 9, 2\)\) must be \(1, 10, D\), 2 extra tokens and 2\*4",
        ),
        ((torch.zeros(2, 9, 2), 3, 4), r"positions \(shape \(2, 9, 2\)\) must be \(1, 9, D\)"),
        ((torch.zeros(9, 2), 3, 4), r"positions \(shape \(9, 2\)\) must be \(1, T, D\)"),
        ((torch.zeros(1, 9, 2), 3, 0), r"new_grid \(=0\) must be a whole number of at least 1"),
        ((torch.zeros(1, 9, 2), 3, (1, 2, 3)), r"new_grid \(=\(1, 2, 3\)\) must be an int or a pair"),
        ((torch.zeros(1, 9, 2), 3, 4, -1), r"extra_tokens \(=-1\) must be a whole number of at least 0"),
    ],
)
def test_interpolation_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        interpolate_positions(*arguments)


def test_sinusoidal_positions_by_hand():
    """Four numbers: waves of 2π and of 100·2π positions.  sin 1 = 0.8415, cos 1 = 0.5403, sin 0.02 = 0.0200."""
    want = [[0, 1, 0, 1], [0.8415, 0.5403, 0.0100, 0.99995], [0.9093, -0.4161, 0.0200, 0.9998]]
    torch.testing.assert_close(sinusoidal_positions(3, 4), torch.tensor(want), rtol=0, atol=5e-5)


@pytest.mark.parametrize("T, D, base", [(7, 10, 10000.0), (50, 64, 10000.0), (9, 4, 100.0), (1, 2, 10000.0)])
def test_sinusoidal_positions_are_the_formula(T, D, base):
    """Vaswani et al. 2017, section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos of the same."""
    found = sinusoidal_positions(T, D, base)
    assert found.shape == (T, D) and found.dtype == torch.float32
    for t in range(T):
        for i in range(D // 2):
            angle = t / math.pow(base, 2 * i / D)
            assert found[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert found[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_sinusoidal_positions_of_places_between():
    found = sinusoidal_positions(torch.tensor([0.5, 3.0]), 6)
    torch.testing.assert_close(found[1], sinusoidal_positions(4, 6)[3])
    assert found[0, 0].item() == pytest.approx(math.sin(0.5))


def test_a_step_is_a_rotation_wherever_it_is_taken():
    """The paper's reason for waves: PE(t + k) is a linear function of PE(t), the same for every t."""
    table, angle = sinusoidal_positions(40, 2).double(), 3.0
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    torch.testing.assert_close(table[3:], table[:-3] @ turn.T, rtol=0, atol=1e-6)


@pytest.mark.parametrize("grid, D", [((3, 5), 8), ((4, 4), 12), ((1, 2), 4)])
def test_sinusoidal_positions_of_a_grid_are_the_formula(grid, D):
    found = sinusoidal_positions_2d(grid, D)
    assert found.shape == (grid[0] * grid[1], D)
    for place, row in enumerate(found):
        at = divmod(place, grid[1])  # (row, column)
        for number in range(D):
            axis, i = divmod(number, D // 2)
            angle = at[axis] / 10000 ** (2 * (i // 2) / (D // 2))
            assert row[number].item() == pytest.approx((math.sin, math.cos)[i % 2](angle), abs=1e-6)


@pytest.mark.parametrize(
    "function, arguments, message",
    [
        (sinusoidal_positions, (3, 5), r"embed_dim \(=5\) must be even: each wave gives a sine and a cosine"),
        (sinusoidal_positions, (0, 4), r"positions \(=0\) must be a whole number of at least 1"),
        (
            sinusoidal_positions,
            (torch.zeros(2, 2), 4),
            r"positions \(shape \(2, 2\)\) must be \(T,\): flatten it, or give how many",
        ),
        (sinusoidal_positions_2d, (3, 6), r"embed_dim \(=6\) must be a multiple of 4: row and column"),
        (sinusoidal_positions_2d, ((3, 0), 8), r"grid \(=0\) must be a whole number of at least 1"),
        (relative_position_index, (0,), r"window_size \(=0\) must be a whole number of at least 1"),
        (
            relative_position_bias,
            (torch.zeros(9), torch.zeros(4, 4).long()),
            r"table \(shape \(9,\)\) must be \(offsets, heads\)",
        ),
        (
            relative_position_bias,
            (torch.zeros(9, 1), torch.zeros(16).long()),
            r"index \(shape \(16,\)\) must be \(T, T\)",
        ),
    ],
)
def test_positions_say_what_is_wrong(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_relative_position_index_by_hand():
    """A row of three: the same place is 2, one to the right 1, one to the left 3."""
    assert relative_position_index((1, 3)).tolist() == [[2, 1, 0], [3, 2, 1], [4, 3, 2]]
    assert relative_position_index(2).tolist() == [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]


@pytest.mark.parametrize("window", [(7, 7), (2, 3), (4, 1)])
def test_relative_bias_is_torchvisions(window):
    theirs = ShiftedWindowAttention(8, list(window), [0, 0], num_heads=4)
    index = relative_position_index(window)
    assert torch.equal(index.flatten(), theirs.relative_position_index)
    table = theirs.relative_position_bias_table
    found, expected = relative_position_bias(table, index), theirs.get_relative_position_bias()[0]
    assert torch.equal(found, expected)
    push = torch.randn_like(found)
    grads = [torch.autograd.grad(out, table, push)[0] for out in (found, expected)]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("window", [(3, 4), (5, 2)])
def test_pairs_that_lie_apart_alike_share_a_number(window):
    index, seen = relative_position_index(window).tolist(), {}
    places = [(i, j) for i in range(window[0]) for j in range(window[1])]
    for t, (i, j) in enumerate(places):
        for s, (k, m) in enumerate(places):
            seen.setdefault((i - k, j - m), set()).add(index[t][s])
    assert all(len(found) == 1 for found in seen.values())
    assert sorted(n for found in seen.values() for n in found) == list(range((2 * window[0] - 1) * (2 * window[1] - 1)))


def test_relative_bias_in_attention():
    """As an additive mask it enters the scores of each head: checked against torch's, which adds it by itself."""
    torch.manual_seed(0)
    layer, table = MultiHeadAttention(6, 2), torch.randn(15, 2)
    bias = relative_position_bias(table, relative_position_index((2, 3)))  # (heads, T, T)
    twin = nn.MultiheadAttention(6, 2, batch_first=True)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(3, 6, 6)
    torch.testing.assert_close(layer(x, attn_mask=bias[None]), twin(x, x, x, attn_mask=bias.repeat(3, 1, 1))[0])
    assert not torch.allclose(layer(x, attn_mask=bias[None]), layer(x))


# ------------------------------------------------------------------------------------------------ masks, wherever it goes


MASKS = [causal_mask(4), torch.zeros(4, 4).masked_fill(~causal_mask(4), -math.inf), torch.randn(2, 1, 4, 4)]


@pytest.mark.parametrize("mask", MASKS, ids=["boolean", "forbidding", "added"])
def test_masks_under_autocast(mask):
    """A mask of float32 meets queries of half precision there; torch's takes it too."""
    query, key, value = torch.randn(3, 2, 3, 4, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attention(query.bfloat16(), key.bfloat16(), value.bfloat16(), mask)
        theirs = F.scaled_dot_product_attention(query, key, value, mask)
        layer, x = MultiHeadAttention(6, 2), torch.randn(2, 4, 6)
        of_layer = layer(x, attn_mask=~mask if mask.dtype == torch.bool else mask)
    assert found.dtype == theirs.dtype == of_layer.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), theirs.float(), rtol=0.05, atol=0.05)
    expected = layer(x, attn_mask=~mask if mask.dtype == torch.bool else mask)
    torch.testing.assert_close(of_layer.float(), expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("mask", MASKS, ids=["boolean", "forbidding", "added"])
def test_masks_under_vmap_and_compile(mask):
    query, key, value = torch.randn(3, 2, 3, 4, 5)
    expected = attention(query, key, value, mask)
    compiled = torch.compile(attention, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(query, key, value, mask), expected)
    whole = mask.expand(2, 1, 4, 4)
    torch.testing.assert_close(torch.func.vmap(attention)(query, key, value, whole), expected)


@pytest.mark.parametrize("name", ["attn_mask", "key_padding_mask"])
@pytest.mark.parametrize("mask", [[[True]], "causal", 3])
def test_a_mask_that_is_no_tensor_is_named(name, mask):
    with pytest.raises(ValueError, match=rf"{name} \(a {type(mask).__name__}\) must be a torch.Tensor"):
        MultiHeadAttention(6, 2)(X, **{name: mask})
