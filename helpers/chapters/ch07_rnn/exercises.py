"""The exercises of chapter 07, recurrent networks."""

import torch

from helpers.course.exercises.engine import Exercise


def _weights(D, H, T=None, seed=0):
    dice = torch.Generator().manual_seed(seed)
    shapes = {"W_ih": (H, D), "W_hh": (H, H), "b": (H,), "h": (H,), "x": (D,) if T is None else (T, D)}
    made = {name: torch.randn(*shape, generator=dice) for name, shape in shapes.items()}
    return {name: made[name] for name in ("x", "h", "W_ih", "W_hh", "b")}


def _sum(x, h, W_ih, W_hh, b):
    return W_ih @ x + W_hh @ h + b


def _step(x, h, W_ih, W_hh, b):
    return torch.tanh(_sum(x, h, W_ih, W_hh, b))


Exercise(
    "rnn_step",
    reference=_step,
    cases=lambda: [_weights(3, 2, seed=0), _weights(2, 5, seed=1), _weights(4, 3, seed=2)],
    mistakes=[
        (lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + W_hh @ h), "the **bias** b is missing from the sum."),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + W_hh @ h + 2 * b),
            "the **bias is added twice**: torch keeps two biases and adds both; here there is one.",
        ),
        (_sum, "the **tanh** is missing: without it the network is linear, and its state can grow without limit."),
        (
            lambda x, h, W_ih, W_hh, b: torch.atan(_sum(x, h, W_ih, W_hh, b)),
            (
                "this is the **arctangent**, the inverse of the tangent: it goes up to 1.57. Wanted is the hyperbolic"
                " tangent, `torch.tanh`."
            ),
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tan(_sum(x, h, W_ih, W_hh, b)),
            (
                "this is the **tangent** of trigonometry: wanted is the hyperbolic tangent, `torch.tanh`, which stays"
                " between −1 and 1."
            ),
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.sigmoid(_sum(x, h, W_ih, W_hh, b)),
            "this is the **sigmoid**, from 0 to 1: the plain recurrent network takes tanh, from −1 to 1.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.relu(_sum(x, h, W_ih, W_hh, b)),
            "this is the **ReLU**: the plain recurrent network takes tanh, from −1 to 1.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _step(x, h, W_ih, W_hh.T, b),
            "W_hh is **transposed**: unit i of the new state takes *row* i of W_hh, so `W_hh @ h` (or `h @ W_hh.T`).",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + b),
            "the **state before**, h, has no effect: without `W_hh @ h` the network has no memory.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + h + b),
            "h is added **without W_hh**: the state before goes through its own weights first.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + b) + W_hh @ h,
            "the tanh is taken **too early**: first the whole sum, with `W_hh @ h` in it, then the tanh.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x + W_hh @ h) + b,
            "the bias is added **after the tanh**: it belongs into the sum.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.tanh(W_ih @ x) + torch.tanh(W_hh @ h) + b,
            "there are **two tanh**: add the parts first, then take one tanh of their sum.",
        ),
    ],
    hints=[
        "Three parts make one sum: `W_ih @ x`, `W_hh @ h` and `b`. Each has H numbers.",
        "`torch.tanh` of the whole sum is the new state.",
    ],
)


def _states(x, h, W_ih, W_hh, b):
    states = []
    for x_t in x:
        h = _step(x_t, h, W_ih, W_hh, b)
        states.append(h)
    return torch.stack(states)


def _forgetful(x, h, W_ih, W_hh, b):
    return torch.stack([_step(x_t, h, W_ih, W_hh, b) for x_t in x])


def _shifted(x, h, W_ih, W_hh, b):
    return torch.cat([h[None], _states(x, h, W_ih, W_hh, b)[:-1]])


Exercise(
    "rnn_states",
    reference=_states,
    cases=lambda: [_weights(3, 2, 5, seed=3), _weights(2, 4, 6, seed=4), _weights(5, 3, 2, seed=5)],
    mistakes=[
        (
            _forgetful,
            (
                "the **state is not carried on**: every step starts from the first h again. Give the result of one step"
                " to the next."
            ),
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x, torch.zeros_like(h), W_ih, W_hh, b),
            "the first state is taken as **zero**: start from the h that is given.",
        ),
        (
            _shifted,
            "the states are **one step late**: the first row is the state *after* the first input, not h itself.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: torch.cat([h[None], _states(x, h, W_ih, W_hh, b)]),
            "one row **too many**: the h from before the first step is not part of the result.",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x, h, W_ih, W_hh, b)[-1],
            "this is the **last state** only: asked for is the state after every step, (T, H).",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x.flip(0), h, W_ih, W_hh, b),
            "the sequence is read **from its end**: begin with x[0].",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x, h, W_ih, W_hh, b).T,
            "**rows and columns are swapped**: one row for each time step, (T, H).",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x[:1].expand_as(x), h, W_ih, W_hh, b),
            "every step reads the **first input**: step t reads x[t].",
        ),
        (
            lambda x, h, W_ih, W_hh, b: _states(x, h, W_ih, W_hh, torch.zeros_like(b)),
            "the **bias** is missing: add b to the sum at every step.",
        ),
    ],
    hints=[
        "A loop over `x`: each `x_t` is one time step. Keep the states in a list.",
        "Inside it, the tanh of `W_ih @ x_t + W_hh @ h + b` is the new h, which replaces the old one. Then append it.",
        "`torch.stack(states)` makes (T, H) of the list.",
    ],
)


def _logits():
    dice = torch.Generator().manual_seed(0)
    return [
        {"logits": 2 * torch.randn(n, generator=dice), "temperature": t} for n, t in ((4, 0.5), (6, 2.0), (5, 0.25))
    ]


Exercise(
    "next_letter_chances",
    reference=lambda logits, temperature: torch.softmax(logits / temperature, 0),
    cases=_logits,
    mistakes=[
        (
            lambda logits, temperature: torch.softmax(logits, 0),
            "the **temperature** has no effect: divide the outputs by it before the softmax.",
        ),
        (
            lambda logits, temperature: torch.softmax(logits * temperature, 0),
            (
                "the outputs are **multiplied** by the temperature: divide. A low temperature must make the likely"
                " letters likelier."
            ),
        ),
        (
            lambda logits, temperature: torch.softmax(logits, 0) / temperature,
            (
                "the division comes **after the softmax**: the chances then no longer sum to 1. Divide the outputs"
                " before it."
            ),
        ),
        (
            lambda logits, temperature: torch.softmax(torch.softmax(logits, 0) / temperature, 0),
            (
                "this takes the **softmax twice**: divide the outputs themselves, which the network gives before any"
                " softmax."
            ),
        ),
        (
            lambda logits, temperature: torch.exp(logits / temperature),
            "the exponentials are not yet **divided by their sum**: chances sum to 1.",
        ),
        (
            lambda logits, temperature: logits / temperature / (logits / temperature).sum(),
            "the **exponential** is missing: divided by their own sum, outputs below 0 would have chances below 0.",
        ),
        (
            lambda logits, temperature: torch.log_softmax(logits / temperature, 0),
            "these are the **logarithms** of the chances: `log_softmax` instead of `softmax`.",
        ),
        (
            lambda logits, temperature: torch.sigmoid(logits / temperature),
            (
                "this is the **sigmoid** of each output by itself: the letters exclude each other, so their chances sum"
                " to 1, by a softmax."
            ),
        ),
    ],
    hints=[
        "Chances in proportion to exp(output / temperature).",
        "`torch.softmax(..., 0)` takes the exponentials and divides them by their sum.",
    ],
)


def _gradients():
    dice = torch.Generator().manual_seed(0)
    lists = [
        [torch.randn(*shape, generator=dice) for shape in shapes]
        for shapes in (((3, 2), (4,)), ((5,), (2, 6), (3,)), ((2, 3), (5,)))
    ]
    return [{"grads": grads, "max_norm": most} for grads, most in zip(lists, (1.0, 0.5, 100.0), strict=True)]


def _norm(grads):
    return torch.sqrt(sum((g**2).sum() for g in grads))


def _cut(grads, max_norm, length=_norm):
    return [g * min(1.0, (max_norm / length(grads)).item()) for g in grads]


Exercise(
    "clip_by_norm",
    reference=lambda grads, max_norm: _cut(grads, max_norm),
    cases=_gradients,
    mistakes=[
        (
            lambda grads, max_norm: [g.clamp(-max_norm, max_norm) for g in grads],
            "this clips **each value** by itself, which bends the gradient: multiply all values by one number.",
        ),
        (
            lambda grads, max_norm: [g * (max_norm / _norm(grads)) for g in grads],
            "a gradient **shorter** than max_norm is changed too: it stays as it is.",
        ),
        (
            lambda grads, max_norm: [_cut([g], max_norm)[0] for g in grads],
            (
                "each tensor is clipped **by its own length**, which bends the gradient: all of them together are one"
                " long vector."
            ),
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: _norm(grads) ** 2),
            "the **root** is missing: the length is the root of the sum of squares.",
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: sum(g.abs().sum() for g in grads)),
            "the length is the root of the sum of **squares**, not the sum of absolute values.",
        ),
        (
            lambda grads, max_norm: _cut(
                grads, max_norm, lambda grads: torch.stack([g.abs().max() for g in grads]).max()
            ),
            "this takes the **largest value** for the length: it is the root of the sum of squares of all values.",
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: sum(g.norm() for g in grads)),
            "the **lengths of the tensors are added**: the squares add up, and the root comes last.",
        ),
        (
            lambda grads, max_norm: [g / _norm(grads) for g in grads] if _norm(grads) > max_norm else grads,
            "too long gradients become **1** long: they should be `max_norm` long.",
        ),
        (
            lambda grads, max_norm: (
                grads if _norm(grads) > max_norm else [g * (max_norm / _norm(grads)) for g in grads]
            ),
            "the wrong way round: the gradients that are **longer** than max_norm are to be shortened.",
        ),
        (
            lambda grads, max_norm: (
                [g * (_norm(grads) / max_norm) for g in grads] if _norm(grads) > max_norm else grads
            ),
            "the **fraction is upside down**: long gradients become longer. The factor is max_norm / length, below 1.",
        ),
    ],
    hints=[
        "The length of the whole gradient: the root of the sum of the squares of all values of all tensors.",
        "If it is above `max_norm`, multiply every tensor by `max_norm / length`. Else return them unchanged.",
        "The length: `(g ** 2).sum()` of each gradient, these added up, and the square root of that.",
    ],
)


Exercise(
    "steps_to_a_thousandth",
    reference=66,
    mistakes=[
        (65, "one step **too few**: 0.9⁶⁵ is 0.00106, still above a thousandth."),
        (67, "one step **too many**: 0.9⁶⁶ is already below a thousandth."),
        (
            10,
            (
                "the gradient does not lose a tenth of its **first** length at each step: it loses a tenth of what is"
                " left, again and again."
            ),
        ),
        (7, "this is ln 1000 = 6.9, the steps for a factor of **1/e**: each step has 0.9, and 0.9⁷ is still 0.48."),
        (44, "0.9⁴⁴ is 0.0097, below a **hundredth**: asked for is a thousandth."),
        (70, "−ln 0.9 is **0.105**, not 0.1: 6.91 / 0.105 = 65.6."),
        (30, "the two **logarithms do not fit together**: log₁₀ 1000 = 3 must be divided by −log₁₀ 0.9 = 0.0458."),
        (132, "this would be for the root of 0.9 in each step: **one** factor of 0.9 per step, 0.9ⁿ < 0.001."),
    ],
    hints=[
        "After n steps the gradient has 0.9ⁿ of its length. Look for the first n with 0.9ⁿ < 0.001.",
        "n = ln 1000 / (−ln 0.9) = 6.908 / 0.1054, rounded up.",
    ],
)
