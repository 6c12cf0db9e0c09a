"""The exercises of chapter 09, attention."""

import math

import torch
from torch import nn

from helpers.course.exercises.engine import Exercise


def _random(*shapes):
    dice = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=dice) for shape in shapes]


def _cache(layers, T, D, heads, kv_heads, bytes):
    return 2 * layers * T * kv_heads * (D // heads) * bytes


Exercise(
    "cache_bytes",
    reference=_cache,
    cases=lambda: [
        dict(layers=12, T=1024, D=768, heads=12, kv_heads=12, bytes=4),
        dict(layers=12, T=1000, D=768, heads=12, kv_heads=2, bytes=4),
        dict(layers=5, T=7, D=36, heads=9, kv_heads=3, bytes=2),
    ],
    mistakes=[
        (lambda **sizes: _cache(**sizes) // 2, "that is **keys or values**: both are kept."),
        (
            lambda **sizes: 3 * _cache(**sizes) // 2,
            "the **queries** are counted too: each is asked once, and need not be kept.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: 2 * layers * T * D * bytes,
            "every head keeps its **own** keys and values here: only `kv_heads` of the heads do.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: 2 * layers * T * kv_heads * D * bytes,
            "a head is **D / heads** wide, not D.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: 2 * T * kv_heads * (D // heads) * bytes,
            "that is one block's: **each** of the layers keeps its own.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: 2 * layers * T * kv_heads * (D // heads),
            "that counts **numbers**: each takes `bytes` bytes.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: 2 * layers * T * T * kv_heads * (D // heads) * bytes,
            "the cache grows with T, not **T²**: scores are not kept.",
        ),
        (
            lambda layers, T, D, heads, kv_heads, bytes: _cache(layers, T, D, heads, kv_heads, bytes) / 2**20,
            "those are **MiB**: asked for are bytes, an int.",
        ),
    ],
    hints=[
        "For one token, in one layer: how many numbers are a key of one head? How many heads have keys of their own?",
        "Keys and values: 2 · kv_heads · (D / heads) numbers for each token in each layer.",
        "`2 * layers * T * kv_heads * (D // heads) * bytes`",
    ],
)


def _turned(x, base=10000.0, first=0, exponent=2, sign=1, halves=False, by_pair=False):
    """RoPE, or one of the ways to miss it."""
    T, d = x.shape[-2:]
    i = torch.arange(d // 2)
    place = torch.arange(first, first + T)[:, None]
    angle = sign * (i * 1.0 if by_pair else place / base ** (exponent * i / d))
    a, b = (x[..., : d // 2], x[..., d // 2 :]) if halves else (x[..., 0::2], x[..., 1::2])
    new = a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()
    return torch.cat(new, -1) if halves else torch.stack(new, -1).flatten(-2)


def _waves(x):
    T, d = x.shape[-2:]
    angle = torch.arange(T)[:, None] / 10000.0 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def _mirrored(x):
    T, d = x.shape[-2:]
    angle = torch.arange(T)[:, None] / 10000.0 ** (torch.arange(0, d, 2) / d)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * angle.cos() + b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)


Exercise(
    "rotate",
    reference=lambda x: _turned(x),
    cases=lambda: [{"x": x} for x in _random((5, 4), (7, 6), (2, 3, 9, 8))],
    grad=True,
    mistakes=[
        (
            lambda x: _turned(x, halves=True),
            "the pairs are number i and number **i + d/2**, as some programs have it: here neighbours, 2i and 2i + 1.",
        ),
        (lambda x: _turned(x, sign=-1), "it turns the **other way**: a becomes a·cos − b·sin."),
        (lambda x: _turned(x, first=1), "the first place is **0**: token 0 is not turned."),
        (lambda x: _turned(x, exponent=1), "the exponent is **2i/d**, not i/d."),
        (lambda x: _turned(x, base=1000.0), "the base is **10000**, not 1000."),
        (lambda x: x + _waves(x), "that **adds** sinusoidal positions: RoPE turns, it adds nothing."),
        (lambda x: x * _waves(x), "each number is **multiplied** by its own wave: a turn mixes the two of a pair."),
        (_mirrored, "one **sign** is wrong, so norms change: a·cos **−** b·sin, but a·sin **+** b·cos."),
        (
            lambda x: _turned(x.transpose(-3, -2)).transpose(-3, -2) if x.dim() > 2 else _turned(x),
            "with leading dimensions another axis is taken for the **places**: T is the last but one, `x.shape[-2]`.",
        ),
        (lambda x: _turned(x, by_pair=True), "the angle does not depend on the **place** t: all tokens turn alike."),
    ],
    hints=[
        "The angles are a table of T rows and d/2 columns; the pairs are `x[..., 0::2]` and `x[..., 1::2]`.",
        "The angle of position t and pair i is t / 10000^(2i/d): `torch.arange(0, d, 2) / d` is the exponent.",
        "`torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)`",
    ],
)


def _from_state(
    x, memory, state, num_heads, order="qkv", root=None, swap=False, split=True, bias=True, out=True, axis=-1
):
    """Cross-attention with many heads from torch's weights, or one of the ways to miss it."""
    D = x.shape[-1]
    W = dict(zip(order, state["in_proj_weight"].chunk(3)))
    b = dict(zip(order, state["in_proj_bias"].chunk(3))) if bias else dict.fromkeys("qkv", 0)
    sources = {"q": memory if swap else x, "k": x if swap else memory, "v": x if swap else memory}
    q, k, v = (sources[name] @ W[name].T + b[name] for name in "qkv")

    def cut(part):
        N, T, _ = part.shape
        if not split:
            return part.reshape(N, num_heads, T, D // num_heads)
        return part.reshape(N, T, num_heads, D // num_heads).transpose(1, 2)

    q, k, v = cut(q), cut(k), cut(v)
    weights = (q @ k.transpose(2, 3) / (root or D // num_heads) ** 0.5).softmax(axis)
    merged = (weights @ v).transpose(1, 2).flatten(2)
    return merged @ state["out_proj.weight"].T + state["out_proj.bias"] if out else merged


def _state_cases():
    cases = []
    for N, T, S, D, heads in ((2, 5, 7, 12, 3), (1, 4, 4, 8, 2), (3, 6, 2, 20, 5)):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(D)
            layer = nn.MultiheadAttention(D, heads, batch_first=True, dtype=torch.float32)
            nn.init.normal_(layer.in_proj_bias)
            nn.init.normal_(layer.out_proj.bias)
        state = {name: value.detach().clone() for name, value in layer.state_dict().items()}
        x, memory = _random((N, T, D), (N, S, D))
        cases.append(dict(x=x, memory=memory, state=state, num_heads=heads))
    return cases


Exercise(
    "heads_from_state",
    reference=lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads),
    cases=_state_cases,
    mistakes=[
        (
            lambda x, memory, state, num_heads: _from_state(x, x, state, num_heads),
            "that is **self-attention**: keys and values come from `memory`.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, split=False),
            "the split by `reshape` alone gives a head pieces of **different tokens**: cut D first, then transpose.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, root=x.shape[-1]),
            "the scores are divided by √D: in a head they are sums of **D / heads** products.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, root=1),
            "the division by the root of **D / heads** is missing.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, bias=False),
            "the **in_proj_bias** is missing: a third of it for queries, keys and values each.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, out=False),
            "the heads are merged, but not **mixed**: `out_proj` is still to come.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, order="kqv"),
            "queries and keys have **each other's** weights: the rows come in the order queries, keys, values.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, 1),
            "all is done in **one head** of the full width.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, axis=-2),
            "the softmax runs over the **queries**: each row of weights must sum to 1.",
        ),
        (
            lambda x, memory, state, num_heads: _from_state(x, memory, state, num_heads, swap=True),
            "the two sources are **exchanged**: x asks, `memory` is asked.",
        ),
    ],
    hints=[
        '`state["in_proj_weight"].chunk(3)` are the matrices for queries, keys and values; a linear layer is `x @ W.T + b`.',
        "Split each into heads as `MultiHead.split` does, attend, and merge with `.transpose(1, 2).flatten(2)`.",
        'At last `merged @ state["out_proj.weight"].T + state["out_proj.bias"]`.',
    ],
)


def _tokens(weights):
    return torch.special.entr(weights).sum(-1).exp()


Exercise(
    "tokens_attended",
    reference=_tokens,
    cases=lambda: (
        [{"weights": (2 * scores).softmax(-1)} for scores in _random((5,), (3, 7), (2, 4, 9))]
        + [{"weights": torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])}]
    ),
    mistakes=[
        (
            lambda weights: torch.special.entr(weights).sum(-1),
            "that is the **entropy**: e to the power of it is a number of tokens.",
        ),
        (
            lambda weights: (-torch.special.entr(weights).sum(-1)).exp(),
            "the **minus** is missing: the logarithms of weights are negative, the entropy is not.",
        ),
        (
            lambda weights: (-(weights * weights.log()).sum(-1)).exp(),
            "a weight of **0** gives 0·(−∞), which is nan: it must count as 0 (`torch.special.entr` does so).",
        ),
        (
            lambda weights: 2 ** torch.special.entr(weights).sum(-1),
            "the entropy is in natural logarithms, so the base of the power is **e**, not 2.",
        ),
        (
            lambda weights: (torch.special.entr(weights).sum(-1) / math.log(2)).exp(),
            "the entropy is in **bits** and the power is of e: use one base for both.",
        ),
        (
            lambda weights: 1 / weights.square().sum(-1),
            (
                "1/Σw² is **another measure** of the same thing, with another value: asked for is e to the power of the"
                " entropy."
            ),
        ),
        (
            lambda weights: (weights > 0).sum(-1),
            "that counts the weights **above 0**: a weight of 0.001 should hardly count.",
        ),
        (
            lambda weights: torch.special.entr(weights).mean(-1).exp(),
            "the entropy is a **sum** over the tokens, not their mean.",
        ),
        (
            lambda weights: torch.special.entr(weights).sum().exp(),
            "the sum runs over **all queries**: each row of weights has its own number.",
        ),
        (lambda weights: 1 / weights.amax(-1), "that is 1 / the **largest** weight: all weights count."),
    ],
    hints=[
        "The entropy of a row is −Σ w·log w, with 0·log 0 = 0.",
        "`torch.special.entr(weights)` is −w·log w, and 0 where w is 0. Sum it over the last dimension.",
        "`torch.special.entr(weights).sum(dim=-1).exp()`",
    ],
)


def _causal_heads(q, k, v, heads, apart=False, wide=False, late=False, keep=1, sums=True):
    """Causal attention with many heads, with some of the colleague's mistakes."""
    N, T, D = q.shape
    if apart:
        q, k, v = (part.reshape(N, heads, T, D // heads) for part in (q, k, v))
    else:
        q, k, v = (part.reshape(N, T, heads, D // heads).transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(2, 3) / (D if wide else D // heads) ** 0.5
    future = torch.ones(T, T, dtype=torch.bool).triu(keep)
    weights = scores.softmax(3).masked_fill(future, 0) if late else scores.masked_fill(future, -math.inf).softmax(3)
    return (weights @ v).transpose(1, 2).reshape(N, T, D) if sums else weights @ v


def _with(**bugs):
    return lambda q, k, v, heads: _causal_heads(q, k, v, heads, **bugs)


Exercise(
    "causal_heads",
    reference=lambda q, k, v, heads: _causal_heads(q, k, v, heads),
    cases=lambda: [
        dict(zip("qkv", _random(shape, shape, shape), strict=True)) | {"heads": heads}
        for shape, heads in (((2, 5, 12), 3), ((1, 7, 8), 2), ((3, 4, 20), 5))
    ],
    grad=True,
    mistakes=[
        (
            _with(apart=True, wide=True, late=True),
            "all three are still there. Begin with the symptom: through which **two** lines does a token see the future?",
        ),
        (
            _with(wide=True, late=True),
            "the heads are cut rightly now. Two are left: do the **weights** sum to 1, and how wide is a head?",
        ),
        (
            _with(apart=True, late=True),
            "the division is right now. Two are left: whose numbers does a **head** get, and when is the mask applied?",
        ),
        (
            _with(apart=True, wide=True),
            "the mask comes before the softmax now. Two are left: whose numbers does a **head** get, how wide is it?",
        ),
        (_with(apart=True), "one is left: `reshape` hands a head pieces of **several tokens**, later ones among them."),
        (_with(wide=True), "one is left: a score is a sum of **D / heads** products, not of D."),
        (_with(late=True), "one is left: masked **after** the softmax, the weights of a row no longer sum to 1."),
        (_with(keep=2), "now each token sees **one** of the future: `triu(1)` was right."),
        (_with(keep=0), "now a token does not see **itself**, and the first has nothing to look at."),
        (_with(sums=False), "the heads are not **merged**: the answer is (N, T, D)."),
    ],
    hints=[
        "Change the last token of q, k and v: which outputs change? None before the last may.",
        "With one head the leak stays, but one source of it is gone: the split. Compare with `MultiHead.split`.",
        "Then look at one row of weights: does it sum to 1? And at the number under the root.",
    ],
)


Exercise(
    "root_needed",
    reference={4: "no difference", 256: "with"},
    mistakes=[
        (
            {4: "with", 256: "with"},
            "256 is right. At 4 look at all **five seeds**: their means are closer than 0.1.",
        ),
        (
            {4: "without", 256: "with"},
            "256 is right. At 4 the means differ by **less than 0.1**, and the seeds by far more.",
        ),
        (
            {4: "no difference", 256: "no difference"},
            "4 is right. At 256 most seeds agree, but **two of five** are stuck without the division: look at each.",
        ),
        (
            {4: "no difference", 256: "without"},
            "4 is right. At 256 the **lower** loss is the better one.",
        ),
        (
            {4: "with", 256: "no difference"},
            "it is the **other way round**: the wider the query, the larger the scores without the division.",
        ),
    ],
    hints=[
        "`[race.root_run(256, divide, seed) for seed in range(5)]` for `divide` True and False; then the same at 4.",
        "A loss of 2.08 = ln 8 is guessing: such a run has not moved. Why? Think of w(1 − w).",
    ],
)
