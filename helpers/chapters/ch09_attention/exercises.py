"""The exercises of chapter 09, attention."""

import math

import torch

from helpers.course.exercises.engine import Exercise
from helpers.layers.attention import attention, causal_mask, sinusoidal_positions


def _random(*shapes):
    dice = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=dice) for shape in shapes]


def _attention_cases():
    return [
        dict(zip(("query", "key", "value"), _random(*shapes), strict=True))
        for shapes in (((3, 8), (5, 8), (5, 2)), ((7, 4), (4, 4), (4, 6)), ((2, 3, 9), (2, 6, 9), (2, 6, 5)))
    ]


def _scores(query, key):
    return query @ key.transpose(-2, -1)


Exercise(
    "attend",
    reference=lambda query, key, value: attention(query, key, value),
    cases=_attention_cases,
    grad=True,
    mistakes=[
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-1] ** 0.5).softmax(-2) @ value,
            (
                "the softmax runs over the **queries**: the weights of each query must sum to 1 over the "
                "keys, so take the last dimension."
            ),
        ),
        (
            lambda query, key, value: _scores(query, key).softmax(-1) @ value,
            "the division by **√d** is missing: d is the width of a query.",
        ),
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-1]).softmax(-1) @ value,
            "the scores are divided by **d**: their standard deviation grows as √d, so divide by √d.",
        ),
        (
            lambda query, key, value: (_scores(query, key) * query.shape[-1] ** 0.5).softmax(-1) @ value,
            "the scores are **multiplied** by √d: divide.",
        ),
        (
            lambda query, key, value: (_scores(query, key) / key.shape[-2] ** 0.5).softmax(-1) @ value,
            (
                "the scores are divided by the root of the **number of keys**: d is the width of a query,"
                " `query.shape[-1]`."
            ),
        ),
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-2] ** 0.5).softmax(-1) @ value,
            (
                "the scores are divided by the root of the **number of queries**: d is the width of a query, "
                "`query.shape[-1]`."
            ),
        ),
        (
            lambda query, key, value: _scores(query, key).softmax(-1) / query.shape[-1] ** 0.5 @ value,
            "the division by √d comes **after** the softmax: there the weights no longer sum to 1. Divide the scores.",
        ),
        (
            lambda query, key, value: _scores(query, key) / query.shape[-1] ** 0.5 @ value,
            "the **softmax** is missing: scores are not weights; they can be negative, and do not sum to 1.",
        ),
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-1] ** 0.5).softmax(-1) @ key,
            "the **keys** are averaged: keys are compared, values are averaged.",
        ),
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-1] ** 0.5).softmax(-1),
            "those are the **weights**: the average of the values with them is still to come.",
        ),
        (
            lambda query, key, value: (_scores(query, key) / query.shape[-1] ** 0.5).sigmoid() @ value,
            "a **sigmoid** looks at each score alone: the weights of a query must share a sum of 1, so softmax.",
        ),
        (
            lambda query, key, value: value.gather(
                -2, _scores(query, key).argmax(-1, keepdim=True).expand(*query.shape[:-1], value.shape[-1])
            ),
            "each query gets the **one value** of its best key: attention averages all of them.",
        ),
    ],
    hints=[
        "Three steps: the score of each query with each key, weights from the scores, the average of the values.",
        (
            "All scores at once: `query @ key.transpose(-2, -1)`, of shape (..., T, S). Divide by "
            "`query.shape[-1] ** 0.5`."
        ),
        "`scores.softmax(dim=-1) @ value`",
    ],
)


def _causal_cases():
    return [{"scores": scores} for scores in _random((5, 5), (3, 7, 7), (4, 4))]


def _causal(scores):
    T = scores.shape[-1]
    return scores.masked_fill(~causal_mask(T), -math.inf).softmax(-1)


def _ahead(scores, first):
    """True for the keys that lie at least so many places after their query."""
    return torch.ones(scores.shape[-2:], dtype=torch.bool).triu(first)


Exercise(
    "causal_weights",
    reference=_causal,
    cases=_causal_cases,
    mistakes=[
        (
            lambda scores: scores.softmax(-1).tril(),
            "the mask comes **after** the softmax: the weights that are left do not sum to 1. Mask the scores.",
        ),
        (
            lambda scores: scores.tril().softmax(-1),
            "the hidden scores are **0**, and e⁰ = 1 is a weight like any other: they must be −∞.",
        ),
        (
            lambda scores: scores.transpose(-2, -1).tril().transpose(-2, -1).softmax(-1),
            "the **past** is hidden, and with 0 instead of −∞: query t may look at the keys 0 to t.",
        ),
        (
            lambda scores: scores.masked_fill(~causal_mask(scores.shape[-1]).T, -math.inf).softmax(-1),
            "the **past** is hidden: query t may look at the keys 0 to t, not at t and later.",
        ),
        (
            lambda scores: scores.masked_fill(_ahead(scores, 0), -math.inf).softmax(-1),
            (
                "the **diagonal** is hidden too: a query may look at its own token. So the first one has nothing to"
                " look at."
            ),
        ),
        (
            lambda scores: scores.masked_fill(_ahead(scores, 2), -math.inf).softmax(-1),
            "each query still sees **one key of the future**: `triu(1)` begins right of the diagonal.",
        ),
        (
            lambda scores: scores.masked_fill(~causal_mask(scores.shape[-1]), -math.inf).softmax(-2),
            "the softmax runs over the **queries**: each row of weights must sum to 1.",
        ),
        (
            lambda scores: scores.masked_fill(~causal_mask(scores.shape[-1]), -math.inf),
            "those are the masked **scores**: the softmax is missing.",
        ),
        (lambda scores: scores.softmax(-1), "nothing is **hidden**: query t must not look at the keys after t."),
        (
            lambda scores: scores.masked_fill(causal_mask(scores.shape[-1]), -math.inf).softmax(-1),
            "the mask is **upside down**: what may be seen has become −∞, and what may not is left.",
        ),
    ],
    hints=[
        "The hidden scores must be −∞ before the softmax: e to the power of −∞ is 0.",
        "`torch.ones(T, T, dtype=torch.bool).triu(1)` is True where a key lies in the future.",
        "`scores.masked_fill(future, float('-inf')).softmax(dim=-1)`",
    ],
)


def _waves(T, D, base=10000.0):
    return torch.arange(T)[:, None] / base ** (torch.arange(0, D, 2) / D)


def _interleaved(even, odd):
    return torch.stack([even, odd], -1).flatten(1)


def _sines_and_cosines(angles):
    return _interleaved(angles.sin(), angles.cos())


def _waves_of_their_own(T, D):
    angles = torch.arange(T)[:, None] / 10000.0 ** (torch.arange(D) / D)
    return _interleaved(angles[:, 0::2].sin(), angles[:, 1::2].cos())


Exercise(
    "sinusoid",
    reference=lambda T, D: sinusoidal_positions(T, D),
    cases=lambda: [{"T": 7, "D": 4}, {"T": 5, "D": 12}, {"T": 30, "D": 6}],
    mistakes=[
        (
            lambda T, D: torch.cat([_waves(T, D).sin(), _waves(T, D).cos()], 1),
            "all sines stand first, then all cosines: here they **alternate**, sine at 2i, cosine at 2i + 1.",
        ),
        (
            lambda T, D: _interleaved(_waves(T, D).cos(), _waves(T, D).sin()),
            "sine and cosine are **swapped**: the sine stands at the even places.",
        ),
        (
            lambda T, D: _interleaved(*2 * [_waves(T, D).sin()]),
            "there are only **sines**: the odd places hold cosines.",
        ),
        (
            lambda T, D: _sines_and_cosines(torch.arange(T)[:, None] / 10000.0 ** (torch.arange(D // 2) / D)),
            "the exponent is **2i/D**, not i/D: the last wave must come near to 10000 times the first.",
        ),
        (
            _waves_of_their_own,
            (
                "sine and cosine of a pair have **different waves**: the place 2i + 1 uses the exponent 2i/D, as its "
                "neighbour does."
            ),
        ),
        (lambda T, D: _sines_and_cosines(_waves(T + 1, D)[1:]), "the first position is **0**, not 1."),
        (
            lambda T, D: _sines_and_cosines(torch.arange(T)[:, None] * 10000.0 ** (torch.arange(0, D, 2) / D)),
            "the position is **multiplied** by 10000^(2i/D): divide, so that the waves grow longer.",
        ),
        (lambda T, D: _sines_and_cosines(_waves(T, D, 1000.0)), "the base is **10000**, not 1000."),
        (
            lambda T, D: _sines_and_cosines(_waves(T, D).deg2rad()),
            "those are **degrees**: the angle is in radians, as torch takes it.",
        ),
        (
            lambda T, D: _sines_and_cosines(_waves(T, D)).T,
            "rows and columns are **swapped**: a row for each position, so (T, D).",
        ),
    ],
    hints=[
        "The angle of position t and pair i is t / 10000^(2i/D): a table of T rows and D/2 columns.",
        "`torch.arange(T)[:, None] / 10000 ** (torch.arange(0, D, 2) / D)`",
        "Fill `out[:, 0::2]` with the sines, `out[:, 1::2]` with the cosines.",
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


def _macs(T, D):
    return 4 * T * D * D + 2 * T * T * D


Exercise(
    "attention_macs",
    reference=_macs,
    cases=lambda: [{"T": 50, "D": 64}, {"T": 197, "D": 768}, {"T": 3, "D": 5}],
    mistakes=[
        (lambda T, D: 2 * _macs(T, D), "those are **FLOPs**: asked for are multiply-adds, half of that."),
        (
            lambda T, D: 3 * T * D * D + 2 * T * T * D,
            "a **projection** is missing: queries, keys, values, and one more at the end that mixes the heads.",
        ),
        (
            lambda T, D: 2 * T * T * D,
            "the four **projections** are missing: each is a product with a D×D matrix, for every token.",
        ),
        (lambda T, D: 4 * T * D * D, "the **scores and the average** are missing: each takes T·T·D."),
        (
            lambda T, D: 4 * T * D * D + T * T * D,
            "one of two is missing: the **scores** take T·T·D, and so does the **average** of the values.",
        ),
        (lambda T, D: 4 * T * D * D + 2 * T * T, "a score is a dot product of **D** terms, not one multiplication."),
        (lambda T, D: 4 * D * D + 2 * T * T * D, "the projections work once for **each token**: T times."),
        (lambda T, D: 4 * T * D * D + 2 * T * D, "each query meets **every key**: T·T pairs, not T."),
        (lambda T, D: 4 * T * D + 2 * T * T * D, "a projection is a **D×D** matrix: D·D multiply-adds for each token."),
        (lambda T, D: _macs(T, D) + 4 * T * D, "the **biases** are counted too: by convention they are left out."),
        (lambda T, D: _macs(T, D) + T * T, "the **softmax** is counted too: by convention it is left out."),
    ],
    hints=[
        "Four projections (queries, keys, values, output), each a D×D matrix for each of T tokens.",
        "T·T scores of D terms each, and an average of T values of width D for each of T queries.",
        "The number of heads does not matter: each of h heads has D/h of the width.",
    ],
)
