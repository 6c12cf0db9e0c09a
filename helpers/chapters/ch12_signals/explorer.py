"""Keep the signal alive: what a start, an activation and batch normalisation do to values and gradients, layer by layer."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import Chart, page, raised, scientific, style
from helpers.device import preserve_rng

DEPTHS, SEEDS = (2, 50), (0, 99)
STEPS = 20  # of the slider in a factor of ten
POWERS = (-50, 10)  # the deviation is 10 ** (power / STEPS)
WIDTH, IMAGES = 100, 64
ACTIVATIONS = {
    "ReLU": nn.ReLU,
    "leaky ReLU": nn.LeakyReLU,
    "ELU": nn.ELU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
NORMS = ("off", "on")
MARKS = (  # where the slider stands, what its button says, and in words
    (-40, "0.01", "deviation 0.01"),
    (-20, "1/√D", "deviation one over the root of the inputs, 0.1"),
    (-17, "√(2/D)", "deviation of He: the root of two over the inputs, 0.141"),
)
CHARTS = {
    "size": "size of the values",
    "spread": "deviation between images",
    "gradient": "gradient of one image's loss",
    "flat": "units flat for all images, %",
}
LOW, HIGH = -12, 6  # powers of ten: the axes of the first three


@cache
def batch():
    """Return (images (64, 64), labels (64,)): digits less their mean, over their deviation; noise where the file is missing."""
    from helpers import data

    try:
        digits = data.digits()
        x, y = digits.images.flatten(1), digits.labels[:IMAGES]
        return ((x - x.mean()) / x.std())[:IMAGES], y
    except (FileNotFoundError, ValueError):
        dice = torch.Generator().manual_seed(0)
        return torch.randn(IMAGES, 64, generator=dice), torch.arange(IMAGES) % 10


def measure(net, x, y):
    """Follow images through a network and their loss back: {"size", "spread", "gradient", "flat"}, a list each.

    net: nn.Sequential; x: its input, N images; y: their labels (N,). One number for each activation function in it:
    size:     root mean square of the values that leave it
    spread:   standard deviation between the images, mean of the units
    gradient: root mean square of the gradient of an image's loss with respect to these values
    flat:     the share of units whose slope is below 0.01, or whose value is beyond all numbers, for every image
    """
    kinds, values, flat, z = tuple(ACTIVATIONS.values()), [], [], x
    for layer in net:
        before, z = z, layer(z)
        if isinstance(layer, kinds):
            values.append(z)
            given = before.detach().requires_grad_()
            (slopes,) = torch.autograd.grad(layer(given).sum(), given)
            still = (slopes.abs() < 0.01) | ~given.isfinite()
            flat.append(still.all(0).float().mean().item())
    # Squares in double: that of 1e-20 is 0 in float32.
    # The sum, not the mean: an image's gradient is then the same whatever stands beside it.
    loss = F.cross_entropy(z, y, reduction="sum")
    gradients = torch.autograd.grad(loss, values)
    return {
        "size": [value.detach().cpu().double().square().mean().sqrt().item() for value in values],
        "spread": [value.detach().cpu().double().std(0).mean().item() for value in values],
        "gradient": [gradient.cpu().double().square().mean().sqrt().item() for gradient in gradients],
        "flat": flat,
    }


def network(depth, deviation, activation, norm, seed):
    """Return a network of `depth` hidden layers; all weights are drawn with one deviation, biases begin at 0."""
    torch.manual_seed(seed)
    layers, inputs = [], batch()[0].shape[1]
    for _ in range(depth):
        layers += [nn.Linear(inputs, WIDTH)] + [nn.BatchNorm1d(WIDTH)] * (norm == "on") + [ACTIVATIONS[activation]()]
        inputs = WIDTH
    net = nn.Sequential(*layers, nn.Linear(WIDTH, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, deviation)
            nn.init.zeros_(layer.bias)
    return net


class SignalExplorer(Panel):
    """Show what leaves each layer of an untrained network, and the gradient that comes back. The last line of a cell.

    depth:      hidden layers, 2 to 50
    power:      -50 to 10: the first weights have deviation 10 ** (power / 20); -40 is 0.01, -20 is 1/√D, -17 is He's
    activation: one of ACTIVATIONS
    norm:       "on" or "off": batch normalisation before each activation
    seed:       0 to 99, draws the weights
    raises:     ValueError that names the argument

    measured() returns the numbers that are drawn.
    """

    _css = style(__file__)

    def __init__(self, depth=20, power=-40, activation="ReLU", norm="off", seed=0):
        super().__init__()
        check_choice("activation", activation, ACTIVATIONS)
        check_choice("norm", norm, NORMS)
        self.settings = {
            "depth": whole("depth", depth, *DEPTHS),
            "power": whole("power", power, *POWERS),
            "activation": activation,
            "norm": norm,
            "seed": whole("seed", seed, *SEEDS),
        }
        self._latest = None
        self.refresh()

    @property
    def deviation(self):
        """The standard deviation of the first weights."""
        return 10 ** (self.settings["power"] / STEPS)

    def measured(self):
        """Return what measure() finds in the network of the present settings."""
        if self._latest is None or self._latest[0] != self.settings:
            depth, _, activation, norm, seed = self.settings.values()
            with preserve_rng(), torch.enable_grad():
                found = measure(network(depth, self.deviation, activation, norm, seed), *batch())
            self._latest = (dict(self.settings), found)
        return self._latest[1]

    def hear(self, name, value):
        if {"activation": value in ACTIVATIONS, "norm": value in NORMS}.get(name, True) and name in self.settings:
            self.settings[name] = value

    def refresh(self):
        found = self.measured()
        self.fixed = {"frame": FRAME}
        self.parts = {name: chart(name, found[name]) for name in CHARTS} | {
            "deviation": written(self.deviation),
            "words": words(found),
        }
        self.values = dict(self.settings)

    @property
    def alt(self):
        """What is shown, in a sentence without measured numbers."""
        depth, _, activation, norm, seed = self.settings.values()
        return (
            f"Signal explorer. {depth} layers with {activation}, first weights of deviation {written(self.deviation)}, batch "
            f"normalisation {norm}, seed {seed}: by layer, the size of the values, their deviation between images, the "
            "gradient, and the share of flat units."
        )

    def still(self):
        """Return a figure of the four charts."""
        fig, axes = plots.figure(2, 2, width=12, height=7)
        for ax, (name, title) in zip(axes.flat, CHARTS.items()):
            numbers = self.measured()[name]
            logarithmic = name != "flat"
            numbers = [10 ** place(each) for each in numbers] if logarithmic else [100 * each for each in numbers]
            ax.plot(range(1, len(numbers) + 1), numbers, "o-", markersize=5)
            ax.set(title=title, xlabel="layer", ylim=(10.0**LOW / 2, 2 * 10.0**HIGH) if logarithmic else (-3, 103))
            ax.set_yscale("log" if logarithmic else "linear")
            ax.xaxis.get_major_locator().set_params(integer=True)
        return fig


def place(number):
    """Return the power of ten at which a number is drawn: on the axes' edge where it lies beyond."""
    if math.isnan(number) or number == math.inf:
        return HIGH
    return min(max(math.log10(number), LOW), HIGH) if number > 0 else LOW


def chart(name, numbers):
    """Return one chart as SVG: layers to the right."""
    count, logarithmic = len(numbers), name != "flat"
    span = (10.0**LOW, 10.0**HIGH) if logarithmic else (0, 100)
    drawn = Chart(500, 165, (1, count), span, left=60, right=14, log="y" if logarithmic else "")
    marks = [10.0**power for power in range(LOW, HIGH + 1, 3)] if logarithmic else range(0, 101, 25)
    drawn.rows(marks, label if logarithmic else str)
    step = next(step for step in (1, 2, 5, 10) if count / step <= 8)
    drawn.columns([1, *range(step, count + 1, step)] if step > 1 else range(1, count + 1))
    drawn.name("layer")
    shown = [10.0 ** place(each) if logarithmic else 100 * each for each in numbers]
    drawn.line(range(1, count + 1), shown, "values")
    for layer, each in enumerate(shown, 1):
        drawn.dot(layer, each, "values", 4)
    return drawn.svg(f"{CHARTS[name]}: {spoken(name, numbers)}", scaled=True)


def label(value):
    """Write a power of ten: 1, and others as 10 with an exponent."""
    power = round(math.log10(value))
    return "1" if power == 0 else f"10{raised(power)}"


def written(number):
    """Write a number with two or three digits that count: 0.14, 1,200, 4.1·10⁻⁷."""
    if not math.isfinite(number):
        return "beyond all numbers"
    if number == 0 or 0.001 <= number < 1e5:
        return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
    return scientific(number, 1, "·")


def spoken(name, numbers):
    """Say where a line begins and ends."""
    write = written if name != "flat" else lambda share: f"{100 * share:.0f} %"
    return f"first layer {write(numbers[0])}, last {write(numbers[-1])}"


def words(found):
    """Return what the charts show, in numbers: HTML."""
    return "".join(f"<div><b>{CHARTS[name].split(',')[0]}</b>: {spoken(name, found[name])}</div>" for name in CHARTS)


FRAME = page(
    __file__,
    depths=DEPTHS,
    powers=POWERS,
    activations=ACTIVATIONS,
    norms=NORMS,
    seeds=SEEDS,
    marks=MARKS,
    charts=CHARTS,
    images=IMAGES,
    width=WIDTH,
)
