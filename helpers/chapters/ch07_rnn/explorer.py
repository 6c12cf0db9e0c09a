"""Two explorers of recurrent networks: a word read letter by letter, and how far back a gradient reaches.

HelloExplorer shows a network of two units at one step: the sums, the state, the guess, and the way of the state in its
plane. RecurrenceExplorer shows the norm of the gradient by distance in time, for a W of any spectral radius, beside the
line radius ** distance.
"""

import functools
import html
import math

import numpy as np
import torch
from torch import nn

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.widgets import Chart, bar, page, raised, scientific, style
from helpers.device import preserve_rng
from helpers.layers.recurrent import RNN
from helpers.sequences import encode, one_hot
from helpers.training import train

# ---- the gradient by distance

HIDDEN, DISTANCES = 32, 60
RADIUS = (50, 300)  # hundredths
ACTIVATIONS, MATRICES = ("linear", "tanh"), ("orthogonal", "random")
AXES = (6, 15, 30)  # decades up and down: with tanh 0.5 ends at 6e-25, and 3 ** 60 is 4e28


@functools.lru_cache(maxsize=8)
def drawn(matrix):
    """Return (W, x, v): a W of spectral radius 1, (HIDDEN, HIDDEN), inputs (DISTANCES, HIDDEN), and a v of norm 1."""
    dice = np.random.default_rng(0)
    W = dice.standard_normal((HIDDEN, HIDDEN))
    W = np.linalg.qr(W)[0] if matrix == "orthogonal" else W / np.abs(np.linalg.eigvals(W)).max()
    v = dice.standard_normal(HIDDEN)
    return W, 0.5 * dice.standard_normal((DISTANCES, HIDDEN)), v / np.linalg.norm(v)


def reach(radius, activation="linear", matrix="orthogonal"):
    """Return the norm of the gradient of v·h_T with respect to h_(T − k), for k = 0 ... DISTANCES: (DISTANCES + 1,) float64.

    radius:     the spectral radius of W, in h_t = f(W h_(t−1) + x_t), from h_0 = 0 on
    activation: f: "linear" or "tanh"
    matrix:     "orthogonal": every vector becomes `radius` times as long; "random": normal numbers, scaled to the radius

    v and the x_t are random and always the same; v has norm 1, so the first value is 1.
    """
    W, x, v = drawn(matrix)
    h, slopes = np.zeros(HIDDEN), []
    for x_t in x:
        h = radius * W @ h + x_t
        if activation == "tanh":
            h = np.tanh(h)
        slopes.append(1 - h**2 if activation == "tanh" else np.ones(HIDDEN))
    lengths, back = [1.0], v
    for slope in reversed(slopes):
        back = radius * W.T @ (slope * back)
        lengths.append(float(np.linalg.norm(back)))
    return np.array(lengths)


def axis(lengths, radius):
    """Return how many decades the axis reaches up and down: the fewest of AXES that hold the dots and the line."""
    ends = [float(np.min(lengths)), float(np.max(lengths)), radius**DISTANCES]
    most = max(abs(math.log10(end)) for end in ends)
    return next(decades for decades in AXES if most <= decades or decades == AXES[-1])


def written(value):
    """Write a positive number in a few characters: 0.0342, 304 or 4 × 10⁻¹⁹."""
    if 0.001 <= value < 10_000:
        return f"{value:.3g}"
    return scientific(value)


class RecurrenceExplorer(Panel):
    """Show the norm of a gradient after it has travelled back in time, beside the line radius ** distance. The last line of a cell displays it.

    radius:     spectral radius of W, 0.5 to 3 in steps of 0.01
    activation: "linear" or "tanh"
    matrix:     "orthogonal" or "random"
    distance:   time steps back, 1 to 60, that are read out in words
    raises:     ValueError that names the argument

    The attributes follow what is done in the browser. gradient() returns the measured norms.
    """

    _css = style(__file__)
    alt = (
        "A chart of the norm of a gradient against the distance in time that it has travelled back, on a logarithmic axis: the measured "
        "curve, and the straight line of the spectral radius to the power of the distance."
    )

    def __init__(self, radius=0.9, activation="linear", matrix="orthogonal", distance=30):
        super().__init__()
        hundredths = (
            round(100 * radius)
            if isinstance(radius, (int, float)) and radius is not True and math.isfinite(radius)
            else radius
        )
        if isinstance(hundredths, bool) or not isinstance(hundredths, int) or not RADIUS[0] <= hundredths <= RADIUS[1]:
            raise ValueError(f"radius (={radius!r}) must be a number from 0.5 to 3")
        for name, value, options in (("activation", activation, ACTIVATIONS), ("matrix", matrix, MATRICES)):
            check_choice(name, value, options)
        self._hundredths, self._activation, self._matrix = hundredths, activation, matrix
        self._distance = whole("distance", distance, 1, DISTANCES)
        self.refresh()

    @property
    def radius(self):
        """The spectral radius of W."""
        return self._hundredths / 100

    @property
    def activation(self):
        return self._activation

    @property
    def matrix(self):
        return self._matrix

    @property
    def distance(self):
        """How many time steps back the words speak of."""
        return self._distance

    def gradient(self):
        """Return the norm of the gradient at distance 0 ... 60: (61,) float64."""
        return reach(self.radius, self._activation, self._matrix)

    def hear(self, name, value):
        if name == "radius":
            self._hundredths = value
        elif name == "distance":
            self._distance = value
        elif name == "activation" and value in ACTIVATIONS:
            self._activation = value
        elif name == "matrix" and value in MATRICES:
            self._matrix = value

    def refresh(self):
        lengths = self.gradient()
        self.values = {
            "radius": self._hundredths,
            "distance": self._distance,
            "activation": self._activation,
            "matrix": self._matrix,
        }
        self.fixed = {"frame": REACH_FRAME}
        self.parts = {
            "r": f"{self.radius:.2f}",
            "chart": chart(lengths, self.radius, self._distance),
            "words": self._words(lengths),
        }

    def _words(self, lengths):
        k, value, line = self._distance, lengths[self._distance], self.radius**self._distance
        steps = "step" if k == 1 else "steps"
        fits = "the same" if abs(value / line - 1) < 1e-6 else written(line)
        kind = "grown" if value > 1.000001 else "shrunk" if value < 0.999999 else "kept its norm"
        change = (
            f"has {kind} from 1 to <b>{written(value)}</b>" if kind != "kept its norm" else "has <b>kept its norm</b>"
        )
        return (
            f"<p>After {k} {steps} back the gradient {change}. The line says {self.radius:.2f}{raised(k)}: {fits}.</p>"
        )

    def still(self):
        """Return a figure of the chart."""
        fig, ax = plots.figure(width=9, height=4.4)
        draw_reach(ax, self.gradient(), self.radius)
        ax.set(title=f"spectral radius {self.radius:.2f}, {self._activation}, {self._matrix} W")
        return fig


def draw_reach(ax, lengths, radius):
    """Draw the measured lengths as dots and radius ** distance as a line, on a logarithmic axis."""
    k, decades = np.arange(len(lengths)), axis(lengths, radius)
    ax.plot(k, radius**k, color=plots.ORANGE, label="the line: radius to the distance", zorder=1)
    ax.plot(k, lengths, "o", color=plots.BLUE, markersize=4.5, label="measured")
    ax.set(
        yscale="log",
        ylim=(10.0**-decades, 10.0**decades),
        xlabel="distance in time steps",
        ylabel="norm of the gradient",
    )
    ax.legend(loc="best")


def chart(lengths, radius, distance):
    """Return the chart as SVG."""
    high = axis(lengths, radius)
    low = -high
    drawn = Chart(760, 330, (0, DISTANCES), (10.0**low, 10.0**high), left=76)
    powers = range(low, high + 1, high // 3)
    drawn.rows([10.0**power for power in powers if power], lambda value: "10" + raised(round(math.log10(value))))
    drawn.rows([1], str, css="one")
    drawn.columns(range(0, DISTANCES + 1, 10))
    drawn.name("distance in time steps")
    drawn.mark(distance)
    drawn.line((0, DISTANCES), (1, radius**DISTANCES), "line")
    for k, value in enumerate(lengths):
        drawn.dot(k, value, "dot now" if k == distance else "dot", 7 if k == distance else 3.5)
    return drawn.svg(RecurrenceExplorer.alt)


REACH_FRAME = page(
    __file__, "reach", radius=RADIUS, activations=ACTIVATIONS, matrices=MATRICES, distances=(1, DISTANCES)
)


# ---- a word, letter by letter


class Speller(nn.Module):
    """A plain recurrent network that names the next letter: x (N, T, letters) → (N, T, letters).

    letters:     how many different ones
    hidden_size: units of the state
    """

    def __init__(self, letters, hidden_size=2):
        super().__init__()
        self.rnn = RNN(letters, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, letters)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


@functools.lru_cache(maxsize=4)
def speller(word="hello", seed=0):
    """Return a Speller with 2 units, trained on one word until it says it: some tenths of a second."""
    alphabet = "".join(dict.fromkeys(word))
    ids = encode(word, alphabet)
    with preserve_rng():
        torch.manual_seed(seed)
        model = Speller(len(alphabet))
    x, y = one_hot(ids[:-1], len(alphabet))[None], ids[None, 1:]
    train(model, lambda generator: (x, y), steps=300, lr=0.1, device="cpu", live=False)
    return model


class HelloExplorer(Panel):
    """Show a network of two units while it reads a word, one step at a time. The last line of a cell displays it.

    model:    has `rnn`, a plain RNN of two units (helpers.layers' or torch's, one layer, batch_first or not), and `head`, a linear
              layer to the letters; None for one that is trained at once
    word:     of 3 to 9 letters; the network reads all but the last, and should name all but the first
    alphabet: the letters in the order of the model's inputs; None for those of the word, in their order
    step:     which letter is read, 1 for the first
    raises:   ValueError that names the argument

    The attribute `step` follows what is done in the browser, and can be set.
    """

    _css = style(__file__)
    alt = (
        "A network of two units reads a word letter by letter. For one step: the sums that make the new state, the probabilities of the next "
        "letter as bars, and the way of the state through its plane."
    )

    def __init__(self, model=None, word="hello", alphabet=None, step=1):
        super().__init__()
        if not isinstance(word, str) or not 3 <= len(word) <= 9:
            raise ValueError(f"word (={word!r}) must be a text of 3 to 9 letters, to fit on one line")
        self.word, self.alphabet = word, alphabet or "".join(dict.fromkeys(word))
        model = speller(word) if model is None else model
        rnn, head = getattr(model, "rnn", None), getattr(model, "head", None)
        if (
            getattr(rnn, "hidden_size", None) != 2
            or getattr(rnn, "num_layers", None) != 1
            or not hasattr(rnn, "nonlinearity")
        ):
            raise ValueError(
                "model.rnn must be a plain RNN with hidden_size 2 and one layer: its state is drawn in a plane"
            )
        if rnn.input_size != len(self.alphabet) or getattr(head, "out_features", None) != len(self.alphabet):
            raise ValueError(
                f"model must take and give one number for each of the {len(self.alphabet)} letters of alphabet "
                f"(={self.alphabet!r}): input_size is {rnn.input_size}"
            )
        self._steps = self._read(rnn, head)
        self._step = whole("step", step, 1, len(self._steps))
        self.refresh()

    def _read(self, rnn, head):
        """Return for each step (from the letter with the biases, from the state before, new state, probabilities), lists of numbers."""
        W_ih, W_hh, b_ih, b_hh = (weight.detach().double().cpu() for weight in rnn.parameters())
        f = torch.tanh if rnn.nonlinearity == "tanh" else torch.relu
        h, found = torch.zeros(2, dtype=torch.float64), []
        for x in one_hot(encode(self.word[:-1], self.alphabet), len(self.alphabet)).double():
            letter, before = W_ih @ x + b_ih + b_hh, W_hh @ h
            h = f(letter + before)
            chances = (head.weight.detach().double().cpu() @ h + head.bias.detach().double().cpu()).softmax(0)
            found.append(tuple(part.tolist() for part in (letter, before, h, chances)))
        return found

    @property
    def step(self):
        """Which letter is read now, 1 for the first."""
        return self._step

    @step.setter
    def step(self, step):
        self._step = whole("step", step, 1, len(self._steps))
        self.refresh()

    def states(self):
        """Return the state after each letter: a list of (unit 1, unit 2)."""
        return [tuple(state) for _, _, state, _ in self._steps]

    def chances(self):
        """Return the probability of each letter of the alphabet to be the next, now: a list from 0 to 1 with sum 1."""
        return self._steps[self._step - 1][3]

    def hear(self, name, value):
        if name == "step":
            self._step = value
        elif name == "do":
            self._step = min(max(self._step + (1 if value == "next" else -1), 1), len(self._steps))

    def refresh(self):
        now, count = self._step - 1, len(self._steps)
        letter, before, state, chances = self._steps[now]
        self.values = {"step": self._step}
        self.fixed = {"frame": hello_frame(count)}
        guess, right = self.alphabet[int(np.argmax(chances))], self.word[now + 1]
        self.parts = {
            "buttons": button("do", "previous", "◀ previous", "previous letter", "previous", now == 0)
            + button("do", "next", "next ▶", "next letter", "next", now == count - 1),
            "word": "".join(
                f'<span class="{"tile on" if i == now else "tile"}">{html.escape(c)}</span>'
                for i, c in enumerate(self.word[:-1])
            ),
            "sums": "".join(
                '<div role="row">'
                + "".join(
                    f'<div role="cell" class="n">{text}</div>'
                    for text in (
                        f"{i + 1}",
                        signed(letter[i]),
                        signed(before[i]),
                        signed(letter[i] + before[i]),
                        f"<b>{signed(state[i])}</b>",
                    )
                )
                + "</div>"
                for i in range(2)
            ),
            "bars": "".join(
                f'<div role="row"><div role="cell" class="name">{html.escape(c)}</div>'
                f'<div role="cell">{bar("chance", p, percent(p))}</div></div>'
                for c, p in zip(self.alphabet, chances, strict=True)
            ),
            "plane": plane(self.word, self.states(), now),
            "words": f"<p>It reads <b>{html.escape(self.word[now])}</b>, its guess is <b>{html.escape(guess)}</b>; the next letter is "
            f"<b>{html.escape(right)}</b>: {'right' if guess == right else 'wrong'}.</p>",
        }

    def still(self):
        """Return a figure: the states in their plane, and the chances of the next letter at the step that is shown."""
        fig, (left, right) = plots.figure(1, 2, width=10.5, height=4.4)
        draw_plane(left, self.word, self.states())
        chances = self.chances()
        plots.draw_bars(
            right,
            list(self.alphabet),
            [100 * p for p in chances],
            fmt="{:.0f} %",
            xlabel="probability in %",
            title=f"after “{self.word[: self._step]}”",
        )
        return fig


def signed(value):
    return f"{value:+.2f}".replace("-", "−")


def percent(p):
    return "< 1 %" if p < 0.005 else f"{100 * p:.0f} %"


def draw_plane(ax, word, states):
    """Draw the way of a state of two units: from 0 to the state after each letter of the word."""
    places = [(0.0, 0.0), *states]
    ax.plot(*zip(*places, strict=True), color=plots.SKY, linewidth=1.5, zorder=0)
    ax.plot(0, 0, "o", color=plots.GREY, markersize=9)
    for i, (a, b) in enumerate(states):
        ax.plot(a, b, "o", color=plots.ORANGE if word[i] in word[:i] + word[i + 1 : -1] else plots.BLUE, markersize=27)
        ax.text(
            a,
            b,
            f"{word[i]}{'₁₂₃₄₅₆₇₈₉'[i]}",
            ha="center",
            va="center",
            color="black" if word.count(word[i]) > 1 else "white",
            fontsize=15,
        )
    ax.set(
        xlim=(-1.25, 1.25),
        ylim=(-1.25, 1.25),
        xlabel="unit 1",
        ylabel="unit 2",
        aspect="equal",
        title="the state after each letter",
    )


def plane(word, states, now):
    """Return the plane of the two units as SVG, with the way up to this step dark and the rest pale."""
    side = 330

    def at(value):
        return side / 2 + 0.42 * side * max(-1.15, min(1.15, value))

    def place(state):
        return at(state[0]), at(-state[1])

    out = [
        f'<svg viewBox="0 0 {side} {side + 24}" width="{side}" height="{side + 24}" role="img" aria-label="The state after each letter, in the plane of the two units.">',
        f'<rect class="edge" x="{at(-1):.0f}" y="{at(-1):.0f}" width="{at(1) - at(-1):.0f}" height="{at(1) - at(-1):.0f}"/>',
        f'<path class="grid" d="M{at(-1):.0f} {at(0)}H{at(1):.0f}M{at(0)} {at(-1):.0f}V{at(1):.0f}"/>',
        f'<text x="{side / 2}" y="{side + 12}" text-anchor="middle">unit 1, from −1 to 1; upwards unit 2</text>',
    ]
    points = [place((0, 0)), *(place(state) for state in states)]
    for i, (a, b) in enumerate(zip(points, points[1:])):
        out.append(
            f'<path class="{"way" if i <= now else "way pale"}" d="M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}"/>'
        )
    out.append(f'<circle class="start" cx="{points[0][0]}" cy="{points[0][1]}" r="6"/>')
    for i, (x, y) in enumerate(points[1:]):
        kind = "state now" if i == now else "state" if i < now else "state pale"
        out.append(
            f'<g class="{kind}"><circle cx="{x:.1f}" cy="{y:.1f}" r="17"/><text x="{x:.1f}" y="{y + 6:.1f}" text-anchor="middle">'
            f"{html.escape(word[i])}{'₁₂₃₄₅₆₇₈₉'[i]}</text></g>"
        )
    return "".join(out) + "</svg>"


@functools.cache
def hello_frame(count):
    return page(__file__, "hello", count=count)
