"""The depth explorer: how large gradients and values are, layer by layer, in plain and residual networks before training."""

import math
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import Chart, page, raised, scientific, style
from helpers.device import preserve_rng
from helpers.models.deep import STARTS, deep_net

DEPTHS, SEEDS = (4, 60), (0, 99)
NORMS = {"on": nn.BatchNorm2d, "off": nn.Identity}
ENDS = {"BN": False, "ReLU": True}  # of F, before the addition
IMAGES = 32
LIMITS = {"on": (-2, 4), "off": (-9, 5)}  # powers of ten: the axes of both charts, with and without batch normalisation
COLOURS = {"plain": plots.ORANGE, "residual": plots.BLUE}
CHARTS = {
    "gradients": "norm of the gradient of each layer's weights",
    "values": "RMS of the values that each layer receives",
}


class Profile(NamedTuple):
    """One number per layer, from the first convolution to the fully connected layer.

    gradients: the norm of the gradient of the loss with respect to the layer's weights
    values:    the root mean square of what the layer receives
    """

    gradients: list
    values: list


@cache
def batch():
    """Return (images (32, 1, 8, 8), labels (32,)): the first training digits, or noise where the file is missing."""
    from helpers import data

    try:
        digits = data.digits()
        return digits.images[:IMAGES], digits.labels[:IMAGES]
    except (FileNotFoundError, ValueError):
        generator = torch.Generator().manual_seed(0)
        return torch.rand(IMAGES, 1, 8, 8, generator=generator), torch.arange(IMAGES) % 10


def profile(net, images, labels):
    """Measure an untrained network: one pass forwards, one back. It is left in training mode, its weights as they were.

    images: (N, 1, H, W); labels: (N,)
    returns: Profile
    """
    layers = [module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    received = {}
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: received.update({layer: inputs[0].detach()}))
        for layer in layers
    ]
    loss = F.cross_entropy(net.train()(images), labels)
    for hook in hooks:
        hook.remove()
    gradients = torch.autograd.grad(loss, [layer.weight for layer in layers])
    norms = torch.stack([gradient.norm() for gradient in gradients])
    sizes = torch.stack([received[layer].square().mean().sqrt() for layer in layers])
    return Profile(norms.tolist(), sizes.tolist())


def agreement(net, images, labels, noise):
    """Return the cosine between the gradients with respect to an image and to the same one with noise: the mean of all images.

    images: (N, 1, H, W); labels: (N,)
    noise:  standard deviation of the normal noise on each pixel, from torch's generator on the CPU
    returns: 1 where the gradient keeps its direction, 0 where the two have nothing in common: shattered gradients

    The network is left in training mode, its weights as they were.  Source: Balduzzi et al. 2017, arXiv:1702.08591.
    """
    noisy = images + noise * torch.randn(images.shape).to(images.device)
    slopes = []
    for each in (images, noisy):
        each = each.detach().clone().requires_grad_()
        slopes.append(torch.autograd.grad(F.cross_entropy(net.train()(each), labels), each)[0].flatten(1))
    return F.cosine_similarity(*slopes).mean().item()


class DepthExplorer(Panel):
    """Show the gradient and the values of each layer of a plain and a residual network of one depth, before training.

    depth:    layers with weights, even, 4 to 60
    norm:     "on" or "off": batch normalisation after each convolution
    start:    "he", "xavier" or "torch": how the convolutions' weights are drawn
    end:      what F ends with before the addition: "BN", or "ReLU" as the lecture has it; a plain net has no addition
    seed:     0 to 99, draws the weights; both networks get the same
    raises:   ValueError that names the argument

    Both networks of helpers.models.deep, 16 channels, are run on 32 digits at each change. measured() returns the numbers.
    """

    _css = style(__file__)

    def __init__(self, depth=40, norm="on", start="he", end="BN", seed=0):
        super().__init__()
        if whole("depth", depth, *DEPTHS) % 2:
            raise ValueError(
                f"depth (={depth}) must be even, as each block has two layers: give {depth - 1} or {depth + 1}"
            )
        for name, value, options in (("norm", norm, NORMS), ("start", start, STARTS), ("end", end, ENDS)):
            check_choice(name, value, options)
        self.settings = {"depth": depth, "norm": norm, "start": start, "end": end, "seed": whole("seed", seed, *SEEDS)}
        self._latest = None
        self.refresh()

    def measured(self):
        """Return {"plain": Profile, "residual": Profile} of the present settings."""
        if self._latest is None or self._latest[0] != self.settings:
            depth, norm, start, end, seed = self.settings.values()
            found = {}
            with preserve_rng(), torch.enable_grad():
                for kind in COLOURS:
                    torch.manual_seed(seed)
                    net = deep_net(depth, kind == "residual", NORMS[norm], start, ENDS[end] and kind == "residual")
                    found[kind] = profile(net, *batch())
            self._latest = (dict(self.settings), found)
        return self._latest[1]

    # What the browser asks

    def hear(self, name, value):
        options = {"norm": NORMS, "start": STARTS, "end": ENDS}.get(name)
        if options is not None and value in options:
            self.settings[name] = value
        elif name == "seed":
            self.settings[name] = value
        elif name == "depth":
            self.settings[name] = value - value % 2

    # What is shown

    def refresh(self):
        found = self.measured()
        self.fixed = {"frame": FRAME}
        limits = LIMITS[self.settings["norm"]]
        self.parts = {column: chart(column, found, limits) for column in CHARTS} | {"words": words(found)}
        self.values = dict(self.settings)

    @property
    def alt(self):
        """What is shown, in a sentence without measured numbers."""
        depth, norm, start, end, seed = self.settings.values()
        return (
            f"Depth explorer. {depth} layers, batch normalisation {norm}, start {start}, F ends with {end}, seed"
            f" {seed}: the gradient of each layer's weights and the size of the values it receives, on logarithmic"
            " axes, a plain and a residual network."
        )

    def still(self):
        """Return a figure of the two charts."""
        found, (low, high) = self.measured(), LIMITS[self.settings["norm"]]
        fig, axes = plots.figure(1, 2, width=12, height=4.2)
        for ax, (column, title) in zip(axes, CHARTS.items()):
            for kind, marker in (("plain", "s"), ("residual", "o")):
                numbers = [10 ** place(number, low, high) for number in getattr(found[kind], column)]
                ax.plot(
                    range(1, len(numbers) + 1), numbers, marker + "-", color=COLOURS[kind], label=kind, markersize=5
                )
            ax.set(yscale="log", ylim=(10.0**low, 10.0**high), title=title, xlabel="layer")
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].legend(loc="lower right", ncols=2)
        return fig


def place(number, low, high):
    """Return the power of ten at which a number is drawn: on the axes' edge where it lies beyond."""
    if math.isnan(number) or number == math.inf:
        return high
    return min(max(math.log10(number), low), high) if number > 0 else low


def chart(column, found, limits):
    """Return one chart as SVG: a line for each network, layers to the right, powers of ten between the limits upwards."""
    low, high = limits
    count = len(found["plain"].gradients)
    drawn = Chart(500, 290, (1, count), (10.0**low, 10.0**high), right=14)
    drawn.rows([10.0**power for power in range(low + 1, high + 1, 2 if high - low > 8 else 1)], label)
    step = next(step for step in (1, 2, 5, 10) if count / step <= 8)
    drawn.columns([1, *range(step, count + 1, step)] if step > 1 else range(1, count + 1))
    drawn.name("layer")
    for kind in COLOURS:
        points = [
            (drawn.across(i + 1), drawn.up(10.0 ** place(number, low, high)))
            for i, number in enumerate(getattr(found[kind], column))
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.add(f'<polyline class="{kind}" points="{line}"/>', *(mark(kind, x, y) for x, y in points))
    return drawn.svg(f"{CHARTS[column]}: {spoken(column, found)}", scaled=True)


def mark(kind, x, y):
    """Return the point of one layer: a square for the plain network, a disc for the residual."""
    if kind == "plain":
        return f'<rect class="{kind}" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def label(value):
    """Write a power of ten: 0.01, 1, 100, and beyond these 10 with an exponent."""
    power = round(math.log10(value))
    return f"{value:g}" if abs(power) <= 2 else f"10{raised(power)}"


def written(number):
    """Write a number with two digits that count: 0.37, 1,200, 4.1·10⁻⁷."""
    if not math.isfinite(number):
        return "beyond all numbers"
    if number == 0 or 0.001 <= number < 1e5:
        return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"
    return scientific(number, 1, "·")


def spoken(column, found):
    """Say where the lines of a chart begin and end."""
    return "; ".join(
        f"{kind}, first layer {written(getattr(found[kind], column)[0])}, last"
        f" {written(getattr(found[kind], column)[-1])}"
        for kind in COLOURS
    )


def words(found):
    """Return what the charts show, in numbers: two sentences of HTML."""
    said = []
    for kind in COLOURS:
        gradients, values = found[kind]
        said.append(
            f"<p><b>{kind.capitalize()}</b>: gradient of the first layer {written(gradients[0])}, of the last"
            f" {written(gradients[-1])}; values into the second layer {written(values[1])}, into the last"
            f" {written(values[-1])}.</p>"
        )
    return "".join(said)


FRAME = page(
    __file__,
    depths=(*DEPTHS, 2),
    norms=NORMS,
    starts=STARTS,
    ends=ENDS,
    seeds=SEEDS,
    charts=CHARTS,
    kinds=COLOURS,
    images=IMAGES,
)
