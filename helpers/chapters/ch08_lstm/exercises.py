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


Exercise(
    "resting_cell",
    reference=lambda i, f, g: i * g / (1 - f),
    cases=lambda: [{"i": i, "f": f, "g": g} for i, f, g in ((0.5, 0.9, 0.8), (0.3, 0.6, -0.7), (0.9, 0.25, 0.4))],
    mistakes=[
        (lambda i, f, g: i * g, "that is what **one** step writes: what is left of all earlier ones comes on top."),
        (lambda i, f, g: 0.0, "it would fall to 0 if nothing were **written**: here i · g comes in at every step."),
        (lambda i, f, g: g / (1 - f), "the **input gate** is not used: only i · g is written."),
        (
            lambda i, f, g: i * g / f,
            "each step loses the share **1 − f** of the cell: at rest, that equals what comes in.",
        ),
        (lambda i, f, g: i * g * f / (1 - f), "what is written last has not yet passed a **forget gate**."),
        (
            lambda i, f, g: math.tanh(i * g / (1 - f)),
            "that is what would be **shown**: the cell itself is not squashed.",
        ),
        (
            lambda i, f, g: g,
            "that is where a **GRU** would end, or an LSTM with i = 1 − f: here i is a gate of its own.",
        ),
    ],
    hints=[
        "At rest the new cell is the old one: c = f · c + i · g.",
        "Solve it for c. Or add up i·g · (1 + f + f² + …).",
        "`i * g / (1 - f)`",
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


def _mended(z, c, swap=False, gate=False, squash=False, shows=True):
    i, f, g, o = z.chunk(4, dim=-1)
    if swap:
        f, g = g, f
    c = f.sigmoid() * c + i.sigmoid() * (g.sigmoid() if gate else g.tanh())
    c = c.tanh() if squash else c
    return o.sigmoid() * (c if squash or not shows else c.tanh()), c


def _bugs(**bugs):
    return lambda z, c: _mended(z, c, **bugs)


def _mended_cases():
    dice = torch.Generator().manual_seed(2)
    return [
        {"z": 1.5 * torch.randn(n, 4 * size, generator=dice), "c": torch.randn(n, size, generator=dice)}
        for n, size in ((2, 3), (1, 5), (4, 2))
    ]


Exercise(
    "mended_lstm",
    reference=lambda z, c: _mended(z, c),
    cases=_mended_cases,
    grad=True,
    mistakes=[
        (
            _bugs(swap=True, gate=True, squash=True),
            "all three are still there. Begin with the forget bias that has no effect: which **rows** does it reach?",
        ),
        (
            _bugs(gate=True, squash=True),
            "the order is right now. Two are left: can the **candidate** be negative, and is the cell squashed?",
        ),
        (
            _bugs(swap=True, squash=True),
            "the candidate can be negative now. Two are left: the **order** of the parts, and the cell that is squashed.",
        ),
        (
            _bugs(swap=True, gate=True),
            "the cell may grow now. Two are left: the **order** of the parts, and a candidate that is never negative.",
        ),
        (_bugs(swap=True), "one is left: the parts come in the order i, **f, g**, o."),
        (_bugs(gate=True), "one is left: the **candidate** is no gate; through a sigmoid it can only add."),
        (_bugs(squash=True), "one is left: the tanh is for what is **shown**, h; the cell goes on as it is."),
        (_bugs(shows=False), "now the **tanh** of h is gone too: h is o · tanh(c)."),
    ],
    hints=[
        "Three symptoms, three bugs. A cell that cannot leave −1 to 1 is squashed: where?",
        "A cell that cannot fall is only ever added to: look at the candidate. A bias without effect sits in other rows.",
        "torch's order is i, f, g, o; g goes through a tanh; and c is squashed only on the way to h.",
    ],
)


def _pieces(layer, x, length, last=True, cell=True, cut="hc", carry=True, swap=False):
    shown, state = [], None
    for at in range(0, x.shape[1] if last else x.shape[1] - length, length):
        out, (h, c) = layer(x[:, at : at + length], state)
        h, c = (part.detach() if name in cut else part for name, part in (("h", h), ("c", c)))
        state = (c, h) if swap else (h, c if cell else torch.zeros_like(c))
        state = state if carry else None
        shown.append(out)
    return torch.cat(shown, 1)


def _readings(**bugs):
    return lambda layer, x, length: _pieces(layer, x, length, **bugs)


def _reading_cases():
    dice, cases = torch.Generator().manual_seed(3), []
    for n, steps, inputs, size, layers, length in ((2, 7, 3, 4, 1, 3), (3, 10, 2, 6, 1, 5), (1, 9, 4, 2, 2, 4)):
        with torch.random.fork_rng(devices=[]):  # its own first weights would use the notebook's dice
            layer = torch.nn.LSTM(inputs, size, layers, batch_first=True, dtype=torch.float32)
        with torch.no_grad():
            for weight in layer.parameters():
                weight.copy_(torch.randn(weight.shape, generator=dice))
        cases.append({"layer": layer, "x": torch.randn(n, steps, inputs, generator=dice), "length": length})
    return cases


Exercise(
    "read_in_pieces",
    reference=lambda layer, x, length: _pieces(layer, x, length),
    cases=_reading_cases,
    grad=True,
    mistakes=[
        (
            _readings(last=False, cell=False, cut=""),
            "all three are still there. Begin with what is easiest to see: how many **steps** come out, of how many?",
        ),
        (
            _readings(cell=False, cut=""),
            "everything is read now. Two are left: the **cell** at the start of a piece, and how far the gradient goes.",
        ),
        (
            _readings(last=False, cut=""),
            "the cell is carried now. Two are left: the **last piece**, and how far the gradient goes back.",
        ),
        (
            _readings(last=False, cell=False),
            "the gradient ends at the border now. Two are left: the **last piece**, and the cell that begins empty.",
        ),
        (_readings(last=False), "one is left: the **last piece** is not read; where does `range` stop?"),
        (_readings(cell=False), "one is left: the **cell** begins each piece at 0; carry c on, as h."),
        (
            _readings(cut=""),
            "one is left: the gradient goes back over the border, to the beginning of the text: **detach** both h and c.",
        ),
        (_readings(cut="h"), "h is cut off from its gradient, **c** is not: along the cell it still goes back."),
        (_readings(cut="c"), "c is cut off from its gradient, **h** is not: through h it still goes back."),
        (
            _readings(carry=False),
            "each piece begins with an **empty memory**: carry the state on, and cut only its gradient.",
        ),
        (_readings(swap=True), "h and c are **swapped** on the way into the next piece: the state is (h, c)."),
    ],
    hints=[
        "Three symptoms, three bugs: one in `range`, two in the line that makes the state of the next piece.",
        "The state is (h, c). Both are carried as they are; `.detach()` keeps the values and cuts the gradient.",
        "`x.split(length, dim=1)` gives all pieces, the short one too. Then `state = (h.detach(), c.detach())`.",
    ],
)
