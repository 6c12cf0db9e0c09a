"""The exercises of chapter 18: a floor, a step of the sampler from v, two Gaussians, a broken sampler, the price of a picture."""

import math

import torch

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict


Exercise(
    "floor_of_one",
    reference=lambda alpha_bar, spread: alpha_bar * spread**2 / (alpha_bar * spread**2 + 1 - alpha_bar),
    cases=lambda: [dict(alpha_bar=a, spread=s) for a, s in ((0.5, 1.0), (0.36, 0.5), (0.9, 2.0), (0.05, 0.15))],
    mistakes=[
        (
            lambda alpha_bar, spread: 1 - alpha_bar,
            "that is the variance of the noise **in x**: what remains of ε once x is seen?",
        ),
        (
            lambda alpha_bar, spread: (1 - alpha_bar) / (alpha_bar * spread**2 + 1 - alpha_bar),
            "that is the share of x's variance which is noise: what it **explains** of ε, not what is left.",
        ),
        (
            lambda alpha_bar, spread: alpha_bar,
            "that forgets the **spread** of the data: were it 0, x would tell all of ε.",
        ),
        (
            lambda alpha_bar, spread: alpha_bar * spread / (alpha_bar * spread + 1 - alpha_bar),
            "the **variance** of the data is spread².",
        ),
        (
            lambda alpha_bar, spread: (alpha_bar * spread**2 / (alpha_bar * spread**2 + 1 - alpha_bar)) ** 0.5,
            "that is the **root** of it: the loss is a mean square.",
        ),
    ],
    hints=[
        "x has the variance v = ᾱ · spread² + 1 − ᾱ; the covariance of ε and x is √(1 − ᾱ).",
        "Of two Gaussians with covariance c, the one explains c² / v of the other's variance.",
        "1 − (1 − ᾱ) / v",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _step(x0_sign=1, noise_swap=False, sigma="right", root=True, keep=False, as_noise=False):
    def step(x, v, now, then, eta, fresh):
        a, s = math.sqrt(now), math.sqrt(1 - now)
        x0, noise = a * x - x0_sign * s * v, s * x + a * v
        if noise_swap:
            x0, noise = s * x + a * v, a * x - s * v
        if as_noise:
            x0, noise = (x - s * v) / a, v
        sigma2 = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
        if sigma == "missing":
            return math.sqrt(then) * x0 + math.sqrt(1 - then) * noise
        rest = 1 - then if keep else 1 - then - sigma2
        by = math.sqrt(rest) if root else rest
        return math.sqrt(then) * x0 + by * noise + (sigma2 if sigma == "square" else math.sqrt(sigma2)) * fresh

    return step


def _steps():
    for seed, (n, d, now, then, eta) in enumerate(
        ((3, 2, 0.3, 0.6, 0.0), (2, 5, 0.1, 0.25, 1.0), (4, 3, 0.5, 0.9, 0.6))
    ):
        dice = torch.Generator().manual_seed(seed)
        x, v, fresh = (torch.randn(n, d, generator=dice) for _ in range(3))
        yield dict(x=x, v=v, now=now, then=then, eta=eta, fresh=fresh)


Exercise(
    "step_back",
    reference=_step(),
    cases=lambda: list(_steps()),
    grad=True,
    mistakes=[
        (_step(x0_sign=-1), "the **sign** of v in x₀: v = √ᾱ ε − √(1 − ᾱ) x₀ gives x₀ = √ᾱ x − √(1 − ᾱ) v."),
        (_step(noise_swap=True), "x₀ and the noise are **exchanged**."),
        (_step(as_noise=True), "v is taken for the **noise**: turn it into x₀ and noise first."),
        (_step(sigma="missing"), "the **fresh noise** is missing: right for η = 0 alone."),
        (_step(sigma="square"), "fresh noise is multiplied by σ², not by **σ**."),
        (
            _step(keep=True),
            "the old noise keeps **all** of its share: with the fresh one the variance is above 1. Take σ² off.",
        ),
        (_step(root=False), "the **root** is missing before the old noise: 1 − ᾱ′ − σ² is a variance."),
    ],
    hints=[
        "x0 = √now · x − √(1 − now) · v and noise = √(1 − now) · x + √now · v.",
        "σ² = η² (1 − then) / (1 − now) · (1 − now / then)",
        "√then · x0 + √(1 − then − σ²) · noise + σ · fresh",
    ],
)


def _two(prior=True, variance="right", noise=True, keep_mean=True, hard=False):
    def best(x, alpha_bar, means, spread, first):
        a = alpha_bar
        v = {"right": a * spread**2 + 1 - a, "data": spread**2, "noise": 1 - a}[variance]
        away = x[:, None] - (math.sqrt(a) if keep_mean else 1) * torch.tensor(means)
        scores = -(away**2) / (2 * v)
        if prior:
            scores = scores + torch.tensor([math.log(first), math.log(1 - first)])
        weights = scores.softmax(1)
        if hard:
            weights = (weights == weights.amax(1, keepdim=True)).to(weights.dtype)
        found = (weights * away).sum(1) / v
        return math.sqrt(1 - a) * found if noise else -found

    return best


def _twos():
    for seed, (n, a, means, spread, first) in enumerate(
        ((5, 0.4, (-1.0, 1.0), 0.3, 0.5), (4, 0.7, (-0.5, 2.0), 0.6, 0.8), (6, 0.15, (0.4, 1.5), 0.2, 0.3))
    ):
        dice = torch.Generator().manual_seed(seed)
        yield dict(x=1.5 * torch.randn(n, generator=dice), alpha_bar=a, means=means, spread=spread, first=first)


Exercise(
    "noise_of_two",
    reference=_two(),
    cases=lambda: list(_twos()),
    mistakes=[
        (_two(prior=False), "both Gaussians count **alike**: the first has probability `first`."),
        (
            _two(variance="data"),
            "the variance is that of the **data**: noise has been added, and the data were shrunk.",
        ),
        (_two(variance="noise"), "the variance is that of the **noise** alone: the data have a spread too."),
        (_two(noise=False), "that is the **score**, ∇ log p: the noise is −√(1 − ᾱ) times it."),
        (_two(keep_mean=False), "the means have been shrunk too: **√ᾱ** · mean."),
        (
            _two(hard=True),
            "only the **likelier** Gaussian answers: the best answer is the mean of both answers, by their probabilities.",
        ),
    ],
    hints=[
        "v = ᾱ · spread² + 1 − ᾱ; away = x[:, None] − √ᾱ · torch.tensor(means), (N, 2).",
        "Weights: a softmax over the two of −away² / (2 v) + log of their probabilities, first and 1 − first.",
        "√(1 − ᾱ) · (weights · away).sum(1) / v",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _sampler(last_noise=False, off_by_one=False, same_noise=False, wrong_share=False, forward=False):
    def mend(noise_of, x, alpha_bar, fresh):
        steps = len(alpha_bar)
        for t in range(steps) if forward else reversed(range(steps)):
            now = alpha_bar[t]
            then = alpha_bar[t - 1] if t > 0 else 1.0
            beta = 1 - now / then
            noise = noise_of(x, max(0, t - 1) if off_by_one else t)
            share = beta if wrong_share else beta / math.sqrt(1 - now)
            x = (x - share * noise) / math.sqrt(1 - beta)
            if t > 0 or last_noise:
                sigma = math.sqrt(beta * (1 - then) / (1 - now)) if t > 0 else math.sqrt(beta)
                x = x + sigma * fresh[0 if same_noise else t]
        return x

    return mend


def _chains():
    for seed, (n, d, alpha_bar) in enumerate(
        ((3, 2, (0.9, 0.6, 0.2)), (2, 4, (0.95, 0.7, 0.4, 0.1)), (5, 1, (0.8, 0.3)))
    ):
        dice = torch.Generator().manual_seed(seed)
        fresh = torch.randn(len(alpha_bar), n, d, generator=dice)
        yield dict(noise_of=_answers, x=torch.randn(n, d, generator=dice), alpha_bar=list(alpha_bar), fresh=fresh)


def _answers(x, t):
    """Some answer that depends on x and on t."""
    return 0.5 * torch.tanh(x) + 0.2 * t


Exercise(
    "mend_sampler",
    reference=_sampler(),
    cases=lambda: list(_chains()),
    mistakes=[
        (_sampler(last_noise=True, wrong_share=True), "that is the broken one: **both** bugs are still there."),
        (_sampler(last_noise=True), "fresh noise comes after the **last** step too: it would be seen in every sample."),
        (
            _sampler(wrong_share=True),
            "β is not the share of the noise that is taken off: divide it by **√(1 − ᾱ)**, as noise has that size in x.",
        ),
        (_sampler(off_by_one=True), "the network is asked for the time **before**: x is still at t."),
        (_sampler(same_noise=True), "the **same** fresh noise at every step: take fresh[t]."),
        (_sampler(forward=True), "the times run **upwards**: they should run from the last down to 0."),
    ],
    hints=[
        "What is added after the step with t = 0, and is there any step left to take it off?",
        "Compare with `sample` in the whole DDPM above: what is the noise multiplied by?",
        "beta / √(1 − now), and fresh noise only where t > 0.",
    ],
)


# ------------------------------------------------------------------------------------------------------------- predict


def _price(guided=2, decoded=True, text="both", in_pixels=False):
    def price(unet, decoder, text_macs, steps, guidance):
        calls = guided if guidance != 1 else 1
        texts = {"both": calls, "one": 1, "each": calls * steps}[text]
        return steps * calls * (unet + in_pixels * decoder) + (decoded and not in_pixels) * decoder + texts * text_macs

    return lambda unet, decoder, text, steps, guidance: price(unet, decoder, text, steps, guidance)


Exercise(
    "picture_macs",
    reference=_price(),
    cases=lambda: [
        dict(unet=u, decoder=d, text=t, steps=n, guidance=w)
        for u, d, t, n, w in ((400, 1200, 7, 50, 7.5), (400, 1200, 7, 50, 1.0), (13, 5, 3, 4, 2.0))
    ],
    mistakes=[
        (_price(guided=1), "with guidance the U-net is asked **twice** a step: with the text and without."),
        (_price(text="each"), "the text is read **before** the first step, not at every one: it does not change."),
        (_price(text="one"), "with guidance the **empty** text is read as well."),
        (_price(decoded=False), "the **decoder** is missing: once, at the end."),
        (_price(in_pixels=True), "the **decoder** works once, at the end: all steps are taken in latents."),
    ],
    hints=[
        "What is done once, what at every step, and what is done twice where the guidance is not 1?",
        "calls = 1 or 2; steps · calls · unet + decoder + calls · text",
    ],
)
