"""The exercises of chapter 08, the LSTM."""

import math

import torch

from helpers.course.exercises.engine import Exercise


def _lstm(z, c, order="ifgo", swap=False):
    part = dict(zip(order, z.chunk(4)))
    i, f, g, o = part["i"].sigmoid(), part["f"].sigmoid(), part["g"].tanh(), part["o"].sigmoid()
    if swap:
        i, f = f, i
    c = f * c + i * g
    return o * c.tanh(), c


def _other(z, c, way):
    i, f, g, o = z.chunk(4)
    i, f, o, squashed = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
    new = f * c + i * squashed
    return {
        "no tanh on c": lambda: (o * new, new),
        "old c": lambda: (o * c.tanh(), new),
        "sigmoid on g": lambda: (o * (f * c + i * g.sigmoid()).tanh(), f * c + i * g.sigmoid()),
        "raw g": lambda: (o * (f * c + i * g).tanh(), f * c + i * g),
        "tied": lambda: (o * (f * c + (1 - f) * squashed).tanh(), f * c + (1 - f) * squashed),
        "c shown": lambda: (o * new.tanh(), new.tanh()),
        "c through o": lambda: (o * new.tanh(), o * new),
        "c first": lambda: (new, o * new.tanh()),
        "h alone": lambda: o * new.tanh(),
        "no gates": lambda: (
            z[3 * len(c) :] * (z[len(c) : 2 * len(c)] * c + z[: len(c)] * z[2 * len(c) : 3 * len(c)]).tanh(),
            z[len(c) : 2 * len(c)] * c + z[: len(c)] * z[2 * len(c) : 3 * len(c)],
        ),
        "plus": lambda: (o * (c + i * squashed).tanh(), c + i * squashed),
        "sigmoid on c": lambda: (o * new.sigmoid(), new),
    }[way]()


def _step(z, c):
    return _lstm(z, c)


def _cases():
    dice = torch.Generator().manual_seed(0)
    return [
        {"z": 1.5 * torch.randn(4 * size, generator=dice), "c": torch.randn(size, generator=dice)} for size in (3, 5, 1)
    ]


Exercise(
    "lstm_step",
    reference=_step,
    cases=_cases,
    grad=True,
    mistakes=[
        (
            lambda z, c: _lstm(z, c, "ifog"),
            "the parts are taken in the order i, f, **o, g**, the lecture's: here, as in torch, g comes before o.",
        ),
        (lambda z, c: _lstm(z, c, swap=True), "**f and i are swapped**: f multiplies the old cell, i the candidate."),
        (
            lambda z, c: _lstm(z, c, "igfo"),
            "**f and g are swapped**: the second part is the forget gate, the third the candidate.",
        ),
        (lambda z, c: _other(z, c, "no tanh on c"), "the **tanh on c** is missing in h: the output shows o · tanh(c)."),
        (lambda z, c: _other(z, c, "old c"), "h shows the **old** cell: first make the new c, then show it."),
        (
            lambda z, c: _other(z, c, "sigmoid on g"),
            "the **candidate** goes through a sigmoid: it is no gate, and needs a tanh, so that it can also take away.",
        ),
        (lambda z, c: _other(z, c, "raw g"), "the **tanh of the candidate** is missing."),
        (
            lambda z, c: _other(z, c, "tied"),
            "the input gate is taken as **1 − f**, as in a GRU: an LSTM has a gate i of its own.",
        ),
        (
            lambda z, c: _other(z, c, "c shown"),
            "the **cell itself** is passed on through tanh: only what is shown, h, is squashed; c goes on as it is.",
        ),
        (
            lambda z, c: _other(z, c, "c through o"),
            "the **output gate** multiplies the cell that is passed on: it decides only what is shown, h.",
        ),
        (
            lambda z, c: _other(z, c, "c first"),
            "c and h are returned in the **wrong order**: asked for is (h, c), as in torch.",
        ),
        (
            lambda z, c: _other(z, c, "h alone"),
            "only **h** is returned: the next step needs c as well, so return (h, c).",
        ),
        (
            lambda z, c: _other(z, c, "no gates"),
            "the parts of z are used as they are: i, f and o go through a **sigmoid** first, g through a tanh.",
        ),
        (lambda z, c: _other(z, c, "plus"), "the **forget gate** is not used: it multiplies the old cell."),
        (lambda z, c: _other(z, c, "sigmoid on c"), "c goes through a **sigmoid** in h: it is a tanh there."),
    ],
    hints=[
        "`z.chunk(4)` gives the four parts. Three of them are gates: a sigmoid. Which is not?",
        "The cell: what is kept of the old one, f · c, plus what is written, i · g.",
        "`c = f * c + i * g`, then `h = o * c.tanh()`, and return `h, c`.",
    ],
)


def _logit(f):
    return math.log(f / (1 - f))


Exercise(
    "forget_bias",
    reference=lambda steps, keep: _logit(keep ** (1 / steps)),
    cases=lambda: [{"steps": steps, "keep": keep} for steps, keep in ((1, 0.3), (20, 0.5), (7, 0.9), (100, 0.05))],
    mistakes=[
        (
            lambda steps, keep: keep ** (1 / steps),
            "that is the **gate** f itself: asked for is the bias b with σ(b) = f.",
        ),
        (
            lambda steps, keep: -_logit(keep ** (1 / steps)),
            "the **sign** is turned: a gate near 1 needs a positive bias.",
        ),
        (lambda steps, keep: _logit(keep), "this keeps so much after **one** step: after several the gates multiply."),
        (
            lambda steps, keep: _logit(keep / steps),
            "the share is divided by the steps: the gates **multiply**, so take a root, not a part.",
        ),
        (
            lambda steps, keep: _logit(1 - (1 - keep) / steps),
            (
                "the loss is spread evenly over the steps: but each step takes a share of **what is left**, f"
                " multiplied by itself."
            ),
        ),
        (
            lambda steps, keep: _logit(keep**steps),
            (
                "the share is **raised** to the power of the steps: f to the power of the steps is the share, so take"
                " the root."
            ),
        ),
        (
            lambda steps, keep: math.log(keep) / steps,
            "that is the logarithm of f: the bias is where the **sigmoid** is f, ln(f / (1 − f)).",
        ),
        (
            lambda steps, keep: math.log(steps),
            "that is about the bias of the **chrono** start, for every share the same: `keep` is not used.",
        ),
        (
            lambda steps, keep: 1 / (1 + math.exp(-(keep ** (1 / steps)))),
            "the sigmoid is **applied**, and should be turned round: which b has σ(b) = f?",
        ),
    ],
    hints=[
        "After `steps` steps the share f · f · … · f = f^steps is left. Which f leaves `keep`?",
        "f = keep^(1/steps). Then turn the sigmoid round: which b has 1 / (1 + e^(−b)) = f?",
        "`math.log(f / (1 - f))`",
    ],
)


def _parameters(input_size, hidden_size):
    return 4 * hidden_size * (input_size + hidden_size) + 8 * hidden_size


Exercise(
    "lstm_parameters",
    reference=_parameters,
    cases=lambda: [{"input_size": size, "hidden_size": hidden} for size, hidden in ((9, 64), (3, 5), (100, 7))],
    mistakes=[
        (
            lambda input_size, hidden_size: 4 * hidden_size * (input_size + hidden_size + 1),
            "that has **one** bias for each row: torch keeps two, bias_ih and bias_hh, and adds them.",
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * (input_size + hidden_size),
            "the **biases** are missing: two for each row.",
        ),
        (
            lambda input_size, hidden_size: hidden_size * (input_size + hidden_size) + 2 * hidden_size,
            "that is a plain **RNN**: an LSTM has four of everything.",
        ),
        (
            lambda input_size, hidden_size: 3 * (hidden_size * (input_size + hidden_size) + 2 * hidden_size),
            "that is a **GRU**, or an LSTM without the candidate: i, f, o and g each have weights.",
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * input_size + 8 * hidden_size,
            "the weights of **h** are missing: every gate sees the last output too.",
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * hidden_size + 8 * hidden_size,
            "the weights of **x** are missing: every gate sees the input too.",
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * input_size * hidden_size + 8 * hidden_size,
            "the two weights are **multiplied**: there are D columns for x and H for h, side by side, so add.",
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * (input_size + 2 * hidden_size) + 8 * hidden_size,
            (
                "the gates do not see **c**: their input is x and h alone. Some LSTMs add such “peepholes”, and torch's"
                " has none."
            ),
        ),
        (
            lambda input_size, hidden_size: 4 * hidden_size * (input_size + hidden_size) + 8,
            "a bias is a number for each of the **4H rows**, not one for each gate.",
        ),
        (
            lambda input_size, hidden_size: 4 * _parameters(input_size, hidden_size),
            "those are **bytes**: asked for is the number of parameters.",
        ),
    ],
    hints=[
        "weight_ih has 4H rows and D columns. What does weight_hh have?",
        "4·H·D + 4·H·H weights, and two biases of 4·H.",
    ],
)


def _gru(r, z, n_x, n_h, h):
    return (1 - z) * torch.tanh(n_x + r * n_h) + z * h


def _gru_cases():
    dice = torch.Generator().manual_seed(1)
    return [
        {
            "r": torch.rand(size, generator=dice),
            "z": torch.rand(size, generator=dice),
            **{name: torch.randn(size, generator=dice) for name in ("n_x", "n_h", "h")},
        }
        for size in (4, 1, 6)
    ]


Exercise(
    "gru_step",
    reference=_gru,
    cases=_gru_cases,
    grad=True,
    mistakes=[
        (
            lambda r, z, n_x, n_h, h: z * torch.tanh(n_x + r * n_h) + (1 - z) * h,
            (
                "z and 1 − z are **swapped**: with z = 1 torch keeps the old h, as Cho et al. 2014 do. Other texts"
                " write it the other way round."
            ),
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - r) * torch.tanh(n_x + z * n_h) + r * h,
            "**r and z are swapped**: r works inside the candidate, z mixes.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.tanh(n_x + n_h) + z * h,
            "**r** is not used: it multiplies the part of the candidate that comes from h.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.tanh(r * (n_x + n_h)) + z * h,
            "r multiplies **both** parts of the candidate: the part from x is not weakened.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.tanh(r * n_x + n_h) + z * h,
            "r multiplies the part from **x**: it belongs to the part from h.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.tanh(n_x + r * h) + z * h,
            "r multiplies **h itself**: n_h, what the weights made of h, is not used.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.sigmoid(n_x + r * n_h) + z * h,
            "the candidate goes through a **sigmoid**: it is no gate, and needs a tanh.",
        ),
        (lambda r, z, n_x, n_h, h: (1 - z) * (n_x + r * n_h) + z * h, "the **tanh** of the candidate is missing."),
        (
            lambda r, z, n_x, n_h, h: torch.tanh((1 - z) * (n_x + r * n_h) + z * h),
            (
                "the tanh is put on the **sum**: it belongs to the candidate alone, or the old h would be squashed at"
                " every step."
            ),
        ),
        (
            lambda r, z, n_x, n_h, h: torch.tanh(n_x + r * n_h) + z * h,
            "the candidate must be weakened by **1 − z**: what is kept and what is written share one whole.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z) * torch.tanh(n_x + r * n_h) + h,
            "all of the **old h** is added: z says how much of it is kept.",
        ),
        (
            lambda r, z, n_x, n_h, h: (1 - z.sigmoid()) * torch.tanh(n_x + r.sigmoid() * n_h) + z.sigmoid() * h,
            "r and z go through a **sigmoid** once more: they are gates already.",
        ),
        (lambda r, z, n_x, n_h, h: torch.tanh(n_x + r * n_h), "that is the **candidate**: z mixes it with the old h."),
    ],
    hints=[
        "First the candidate: a tanh of n_x and as much of n_h as r lets through.",
        "Then mix: z of the old h, and 1 − z of the candidate.",
        "`(1 - z) * torch.tanh(n_x + r * n_h) + z * h`",
    ],
)
