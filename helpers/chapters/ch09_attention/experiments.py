"""What was tried for chapter 09, or takes longer than a chapter may: `make experiments NB=09`."""

import math

import torch
from torch import nn

from helpers.chapters.ch09_attention import race, tasks
from helpers.course.rooms import room
from helpers.layers import sinusoidal_positions
from helpers.layers.attention import attention
from helpers.training import accuracy, train


def _written(values, form="{:.1f}"):
    """Return the mean and, in brackets, the lowest and the highest."""
    values = [float(value) for value in values]
    mean, low, high = (form.format(value) for value in (sum(values) / len(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def _steps(runs):
    """Return how many runs have learnt, and in how many steps: "5 of 5, 40 to 60 steps"."""
    took = sorted(n for n in runs if n)
    span = f", {took[0]} to {took[-1]} steps" if len(took) > 1 else f", {took[0]} steps" if took else ""
    return f"{len(took)} of {len(runs)}{span}"


def race_rates():
    """Which learning rate is each network's own? How many of three runs learn within 300 steps, and in how many steps.

    Adam. The seeds, 10 to 12, are others than those of the race, so that no rate is chosen by luck.
    """
    torch.set_num_threads(1)
    return [
        {"task": task, "network": kind}
        | {
            f"rate {rate:g}": _steps([race.learn(kind, task, rate, seed)[1] for seed in (10, 11, 12)])
            for rate in race.RATES
        }
        for task in race.LENGTHS
        for kind in race.WIDTHS
        if task == "order" or kind != "CNN, field 9"  # which cannot see the symbol
    ]


def race_longer():
    """Do the recurrent networks learn with 2000 steps what they do not learn within 300? Rate 0.003, five runs each.

    How many learn, and in how many steps.
    """
    torch.set_num_threads(1)
    return [
        {"network": kind}
        | {
            task: _steps([race.learn(kind, task, 0.003, seed, most=2000)[1] for seed in range(5)])
            for task in race.LENGTHS
        }
        for kind in ("RNN", "LSTM")
    ]


def places_of_small_networks():
    """How much do the networks that learn places depend on their seed? The chapter's figure shows three; here are five.

    Right in %: mean (lowest to highest) at length 17, at 33 counted on, at 33 stretched.
    """
    torch.set_num_threads(1)
    rows = []
    for task in tasks.TASKS:
        for kind in tasks.ENCODINGS:
            found = list(zip(*(tasks.placed(task, kind, seed)[1] for seed in range(5))))
            names = ("length 17", "33, counted on", "33, stretched")
            rows.append({"task": task, "places": kind} | {n: _written(each, "{:.0f}") for n, each in zip(names, found)})
    return rows


class _Copier(nn.Module):
    """Read symbols with a GRU, and write them again with a second one, which starts from the first one's last state.

    With `looks`, each state of the writer is a query to all states of the reader.
    """

    def __init__(self, looks, width=64):
        super().__init__()
        self.looks, self.look_up = looks, nn.Embedding(11, width)
        self.read, self.write = (nn.GRU(width, width, batch_first=True) for _ in range(2))
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x):
        states, last = self.read(self.look_up(x))
        told = torch.cat([torch.full_like(x[:, :1], 10), x[:, :-1]], 1)  # what it should have written so far
        written, _ = self.write(self.look_up(told), last)
        seen = attention(written, states, states) if self.looks else last.transpose(0, 1).expand_as(written)
        return self.head(torch.cat([written, seen], 2))


def one_vector_or_all():
    """Copy a sequence of random symbols, ten kinds: one vector handed over, or a look back at all states?

    Right in % after 400 steps of 32 sequences, Adam at 0.003, two GRUs of 64 units; 5 seeds: mean (lowest to highest).
    Both read out of as many numbers: where nothing is looked at, the last state stands in the place of the mean.
    """
    torch.set_num_threads(1)

    def right(looks, T, seed):
        def make(dice, n=32):
            x = torch.randint(10, (n, T), generator=dice)
            return x, x

        torch.manual_seed(seed)
        model = _Copier(looks)
        optimizer = torch.optim.Adam(model.parameters(), 0.003)
        train(model, make, steps=400, clip=1.0, seed=seed, live=False, optimizer=optimizer)
        return 100 * accuracy(model, make(torch.Generator().manual_seed(99), 300))

    return [
        {"symbols": T}
        | {
            name: _written(right(looks, T, seed) for seed in range(5))
            for name, looks in (("one vector", False), ("attention", True))
        }
        for T in (5, 10)
    ]


def _notebook():
    """Return the names of the notebook's language model and of its book."""
    torch.set_num_threads(1)
    return room(9).run("imports", "heads-code", "block-code", "lm-code", "lm-data", "lm-train-code", "lm-bits")


class _Rotated(nn.Module):
    """Attention whose queries and keys are turned by their places (RoPE), in the place of a notebook's MultiHead."""

    def __init__(self, mix):
        super().__init__()
        self.mix = mix

    def forward(self, x, causal=False):
        q, k, v = (self.mix.split(part) for part in self.mix.qkv(x).chunk(3, dim=2))
        q, k = (_rotate(part) for part in (q, k))
        return self.mix.out(attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2))


def _rotate(x, base=10000.0):
    """Turn pair i of each token by t / base^(2i/d), t being its place: x (..., T, d), d even.  Source: Su et al. 2021."""
    angle = torch.arange(x.shape[-2])[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    a, b, cos, sin = x[..., 0::2], x[..., 1::2], angle.cos(), angle.sin()
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def places_of_a_language_model():
    """Which way to say where is best for the chapter's language model? Its own training, 600 steps.

    Bits per character on the last tenth of the book; five seeds of learnable places, three of the others: mean (lowest to
    highest).
    """
    known = _notebook()

    def bits(kind, seed):
        torch.manual_seed(seed)
        model = known["LanguageModel"](len(known["alphabet"]))
        if kind != "learnable":
            waves = sinusoidal_positions(32, 64) * (0.1 if kind == "sinusoidal" else 0)
            model.places = nn.Parameter(waves, requires_grad=False)
        if kind == "rotary":
            for block in model.blocks:
                block.mix = _Rotated(block.mix)
        known["fit"](model, seed)
        return known["bits"](model)

    kinds = ("learnable", "sinusoidal", "rotary", "none but the mask")
    return [
        {
            "places": kind,
            "bits": _written((bits(kind, seed) for seed in range(5 if kind == "learnable" else 3)), "{:.2f}"),
        }
        for kind in kinds
    ]


def norm_before_or_after():
    """Twelve blocks of width 32, norm before each layer or after each addition, with and without a warm-up.

    Bits per character in training, mean of the last 30 of 200 steps at 0.01; 3 seeds: mean (lowest to highest).
    """
    known = _notebook()

    class Post(known["Block"]):
        def forward(self, x):
            x = self.norm1(x + self.mix(x, causal=True))
            return self.norm2(x + self.think(x))

    def bits(post, warmup, seed):
        torch.manual_seed(seed)
        model = known["LanguageModel"](len(known["alphabet"]), D=32, depth=12)
        if post:
            model.blocks = nn.ModuleList(Post(32, 4) for _ in range(12))
        run = known["fit"](model, seed, epochs=2, warmup=warmup)
        return sum(run.losses[-30:]) / 30 / math.log(2)

    return [
        {"warm-up": f"{warmup} steps"}
        | {
            name: _written((bits(post, warmup, seed) for seed in range(3)), "{:.2f}")
            for name, post in (("post-norm", True), ("pre-norm", False))
        }
        for warmup in (0, 50)
    ]
