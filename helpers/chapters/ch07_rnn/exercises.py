"""The exercises of chapter 07, recurrent networks."""

import torch

from helpers.course.exercises.engine import Exercise


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
                "the division comes **after the softmax**: the probabilities then no longer sum to 1. Divide the outputs"
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
            "the exponentials are not yet **divided by their sum**: probabilities sum to 1.",
        ),
        (
            lambda logits, temperature: logits / temperature / (logits / temperature).sum(),
            "the **exponential** is missing: divided by their own sum, outputs of both signs cannot all have probabilities above 0.",
        ),
        (
            lambda logits, temperature: torch.log_softmax(logits / temperature, 0),
            "these are the **logarithms** of the probabilities: `log_softmax` instead of `softmax`.",
        ),
        (
            lambda logits, temperature: torch.sigmoid(logits / temperature),
            (
                "this is the **sigmoid** of each output by itself: the letters exclude each other, so their probabilities sum"
                " to 1, by a softmax."
            ),
        ),
    ],
    hints=[
        "A softmax makes probabilities of outputs. Where must the temperature stand, so that a low one makes likely letters likelier?",
        "Divide first: `torch.softmax(..., 0)` takes the exponentials and divides them by their sum.",
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
            "a gradient with a norm **below** max_norm is changed too: it stays as it is.",
        ),
        (
            lambda grads, max_norm: [_cut([g], max_norm)[0] for g in grads],
            (
                "each tensor is clipped **by its own norm**, which bends the gradient: all of them together are one"
                " long vector."
            ),
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: _norm(grads) ** 2),
            "the **root** is missing: the norm is the root of the sum of squares.",
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: sum(g.abs().sum() for g in grads)),
            "the norm is the root of the sum of **squares**, not the sum of absolute values.",
        ),
        (
            lambda grads, max_norm: _cut(
                grads, max_norm, lambda grads: torch.stack([g.abs().max() for g in grads]).max()
            ),
            "this takes the **largest value** for the norm: it is the root of the sum of squares of all values.",
        ),
        (
            lambda grads, max_norm: _cut(grads, max_norm, lambda grads: sum(g.norm() for g in grads)),
            "the **norms of the tensors are added**: the squares add up, and the root comes last.",
        ),
        (
            lambda grads, max_norm: [g / _norm(grads) for g in grads] if _norm(grads) > max_norm else grads,
            "gradients above the limit get the norm **1**: it should be `max_norm`.",
        ),
        (
            lambda grads, max_norm: (
                grads if _norm(grads) > max_norm else [g * (max_norm / _norm(grads)) for g in grads]
            ),
            "the wrong way round: the gradients with a norm **above** max_norm are to be shortened.",
        ),
        (
            lambda grads, max_norm: (
                [g * (_norm(grads) / max_norm) for g in grads] if _norm(grads) > max_norm else grads
            ),
            "the **fraction is upside down**: large gradients become larger. The factor is max_norm / norm, below 1.",
        ),
    ],
    hints=[
        "The norm of the whole gradient: the root of the sum of the squares of all values of all tensors.",
        "If it is above `max_norm`, multiply every tensor by `max_norm / norm`. Else return them unchanged.",
        "The norm: `(g ** 2).sum()` of each gradient, these added up, and the square root of that.",
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
                "the gradient does not lose a tenth of its **first** norm at each step: it loses a tenth of what is"
                " left, again and again."
            ),
        ),
        (7, "this is ln 1000 = 6.9, the steps for a factor of **1/e**: each step has 0.9, and 0.9⁷ is still 0.48."),
        (44, "0.9⁴⁴ is 0.0097, below a **hundredth**: asked for is a thousandth."),
        (70, "−ln 0.9 is **0.10536**, not 0.1: 6.9078 / 0.10536 = 65.6."),
        (30, "the two **logarithms do not fit together**: log₁₀ 1000 = 3 must be divided by −log₁₀ 0.9 = 0.0458."),
        (132, "this would be for the root of 0.9 in each step: **one** factor of 0.9 per step, 0.9ⁿ < 0.001."),
    ],
    hints=[
        "After n steps the gradient has 0.9ⁿ of its norm. Look for the first n with 0.9ⁿ < 0.001.",
        "n = ln 1000 / (−ln 0.9) = 6.908 / 0.1054, rounded up.",
    ],
)


# ------------------------------------------------------------------------------------------- a loss at every step


def _runs(steps=None):
    """Arguments of small networks in float64: x, h0, W, goals, and steps where they are asked for."""
    for seed, (T, H, radius) in enumerate(((5, 3, 0.9), (8, 4, 1.3), (6, 2, 0.6))):
        dice = torch.Generator().manual_seed(seed)
        x, goals = (torch.randn(T, H, generator=dice, dtype=torch.float64) for _ in range(2))
        h0 = torch.randn(H, generator=dice, dtype=torch.float64)
        W = radius * torch.linalg.qr(torch.randn(H, H, generator=dice, dtype=torch.float64)).Q
        yield dict(x=x, h0=h0, W=W, goals=goals) | ({} if steps is None else {"steps": steps[seed]})


def _gradient(x, h0, W, goals, steps=None, last=False):
    """The gradient of the loss with respect to W, by autograd; the state detached after every `steps` steps."""
    W, h, loss = W.detach().clone().requires_grad_(), h0.detach(), 0
    for t, x_t in enumerate(x):
        if steps and t and t % steps == 0:
            h = h.detach()
        h = torch.tanh(W @ h + x_t)
        if not last or t == len(x) - 1:
            loss = loss + 0.5 * (h - goals[t]).square().sum()
    return torch.autograd.grad(loss, W)[0]


def _by_hand(slope=True, transposed=True, before=True, own=True, sign=1):
    """The recursion, with what students do to it."""

    def gradient(x, h0, W, goals):
        h = [h0]
        for x_t in x:
            h.append(torch.tanh(W @ h[-1] + x_t))
        total, back = torch.zeros_like(W), torch.zeros_like(h0)
        for t in range(len(x), 0, -1):
            error = sign * (h[t] - goals[t - 1])
            back = back + error if own else error
            delta = (1 - h[t] ** 2) * back if slope else back
            total = total + torch.outer(delta, h[t - 1] if before else h[t])
            back = (W.T if transposed else W) @ delta
        return total

    return gradient


Exercise(
    "bptt_every_step",
    reference=lambda x, h0, W, goals: _gradient(x, h0, W, goals),
    cases=lambda: list(_runs()),
    mistakes=[
        (
            lambda x, h0, W, goals: _gradient(x, h0, W, goals, last=True),
            "only the loss of the **last** step counts here: each step has its own, h_t − goals_t, to add on the way back.",
        ),
        (_by_hand(own=False), "what comes from **later** is thrown away: add this step's error to it."),
        (_by_hand(slope=False), "the **slope of tanh**, 1 − h_t², is missing from δ_t."),
        (_by_hand(transposed=False), "on the way back stands the **transposed** W: `W.T @ delta`."),
        (_by_hand(before=False), "the factor of δ_t is the state **before**, h_{t−1}, not h_t."),
        (_by_hand(sign=-1), "the **sign** is wrong: the gradient of ½‖h − goal‖² with respect to h is h − goal."),
        (
            lambda x, h0, W, goals: _gradient(x, h0, W, goals) / len(x),
            "this is the gradient of the **mean** over the steps: the loss is their sum.",
        ),
    ],
    hints=[
        "Run forward and keep all states, h_0 first. Then go back with `back = 0` and a total of zeros.",
        "At each step: back = back + (h_t − goals_t), delta = (1 − h_t²) * back, total += outer(delta, h_{t−1}).",
        "Then back = W.T @ delta, and on to the step before.",
    ],
)


def _error(norm_of=lambda whole, cut: whole, squared=False, every=None, offset=0):
    def error(x, h0, W, goals, steps):
        whole = _gradient(x, h0, W, goals)
        cut = _gradient(x, h0, W, goals, every or steps + offset)
        share = (cut - whole).norm() / norm_of(whole, cut).norm()
        return (share**2 if squared else share).item()

    return error


Exercise(
    "truncation_error",
    reference=_error(),
    cases=lambda: list(_runs(steps=(2, 3, 4))),
    mistakes=[
        (_error(every=10**6), "nothing is cut: **detach** the state after every `steps` steps."),
        (_error(every=1), "the state is detached after **every** step: only after every `steps` steps."),
        (_error(offset=1), "cut one step **too late**: the first `steps` steps belong together, then the next."),
        (
            _error(norm_of=lambda whole, cut: cut),
            "divide by the norm of the **whole** gradient, not of the truncated one.",
        ),
        (_error(squared=True), "this is the **square** of the relative error: take norms, not their squares."),
        (
            lambda x, h0, W, goals, steps: (
                (_gradient(x, h0, W, goals, steps).norm() - _gradient(x, h0, W, goals).norm()).abs()
                / _gradient(x, h0, W, goals).norm()
            ).item(),
            "this is the difference **of the norms**: two gradients of one norm may point elsewhere. Norm of the difference.",
        ),
        (
            lambda x, h0, W, goals, steps: (
                (_gradient(x, h0, W, goals, steps) - _gradient(x, h0, W, goals)).norm().item()
            ),
            "the difference is not yet **divided** by the norm of the whole gradient.",
        ),
    ],
    hints=[
        "A function that returns the gradient of W, with one more argument: after how many steps to detach. Call it twice.",
        "W = W.clone().requires_grad_(); in the loop over t: if t > 0 and t % steps == 0: h = h.detach().",
        "(cut - whole).norm() / whole.norm(), as a float by .item().",
    ],
)


Exercise(
    "tanh_edge",
    reference=1.6,
    mistakes=[
        (1.0, "1.0 is the edge **without** tanh: its slope below 1 must be made up for by W."),
        (1.1, "1.1 explodes only **without** tanh: give `norms_back` the function `torch.tanh`."),
        (1.5, "at 1.5 the norm after 60 steps is 0.23, still **below** 1."),
        (1.7, "at 1.7 it explodes, but not for the **first** time: try 1.6."),
        (2.0, "2 is the first that the **figure** shows: look between it and 1.3."),
    ],
    hints=[
        "norms_back(radius, torch.tanh)[60] is the norm after 60 steps back; at the start it is 1.",
        "for tenths in range(10, 21): print(tenths / 10, norms_back(tenths / 10, torch.tanh)[60])",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _read(carry=True, cut=True, cut_every=False):
    def read_on(x, h, W):
        states = []
        for piece in x:
            begin = h = h.detach() if cut else h
            for x_t in piece:
                new = torch.tanh(W @ (h if carry else begin) + x_t)
                states.append(new)
                h = new.detach() if cut_every else new
        return torch.stack(states)

    return read_on


def _pieces():
    for seed, (P, T, H) in enumerate(((2, 3, 3), (3, 4, 2), (4, 2, 3))):
        dice = torch.Generator().manual_seed(seed)
        yield dict(
            x=torch.randn(P, T, H, generator=dice),
            h=torch.randn(H, generator=dice),
            W=torch.randn(H, H, generator=dice),
        )


Exercise(
    "read_on",
    reference=_read(),
    cases=lambda: list(_pieces()),
    grad=True,
    mistakes=[
        (_read(carry=False, cut=False), "that is the broken one: **both** bugs are still there."),
        (
            _read(carry=False),
            "inside a piece every letter starts from the **same** h: the new state must replace the old.",
        ),
        (
            _read(cut=False),
            "the values are right, but the gradient runs on into the pieces **before**: detach h between them.",
        ),
        (_read(cut_every=True), "detached after every **letter**: within a piece the gradient must flow."),
    ],
    hints=[
        "Follow h by hand through a piece of three letters: what does the second letter read?",
        "The states are right once the new state replaces h inside the inner loop.",
        "Before each piece: h = h.detach().",
    ],
)
