"""The field explorer: a point that is dragged through the field of arrows, learnt and exact, and its path to a mode."""

import html
from functools import lru_cache

import torch

from helpers import plots
from helpers.chapters.ch18_diffusion.diffusion import Diffusion
from helpers.chapters.ch18_diffusion.draw import draw_arrows, draw_points, grid
from helpers.chapters.ch18_diffusion.points import MEANS, SPREAD, Exact, exact_noise
from helpers.checks import check_choice
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import Chart, on_slider, page, snap, style

SIDE = 2.4  # how far the plane is shown, each way
TIMES, STEPS, ETA, NOISES = (1, 100, 1), (1, 50, 1), (0, 100, 5), (1, 9, 1)
PLACE = (-240, 240, 5)  # hundredths
SOURCES = {"learnt": "the network you gave", "exact": "the exact noise"}
RANGES = dict(t=TIMES, steps=STEPS, eta=ETA, noise=NOISES, x=PLACE, y=PLACE)
ARROW = 0.13  # how long an arrow for a noise of 1 is drawn


class DiffusionExplorer(Panel):
    """Show a starting point's path to a mode through the field of arrows. The last line of a cell displays it.

    net:    None for the exact noise alone; or a network that maps (points (N, 2), t / 100 (N,)) to their noise (N, 2),
            trained with the linear schedule of 100 times
    t:      1 to 100, the time of the arrows
    steps:  1 to 50, of the path
    eta:    0 to 100 percent: how much of the noise is fresh; noise: 1 to 9, which fresh noise
    x, y:   the start, in hundredths, −240 to 240 in steps of 5
    source: "learnt" or "exact": whose noise the path follows; None for the network's if there is one
    raises: ValueError that names the argument

    They follow what is done in the browser; path() returns the places of the path.
    """

    _css = style(__file__)

    def __init__(self, net=None, t=40, steps=20, eta=0, noise=1, x=60, y=150, source=None):
        super().__init__()
        self.diffusion = Diffusion("linear", 100, "noise")
        self.nets = {"exact": Exact(self.diffusion)}
        if net is not None:
            self.nets = {"learnt": checked(net)} | self.nets
        self.source = check_choice("source", next(iter(self.nets)) if source is None else source, self.nets)
        for name, value in dict(t=t, steps=steps, eta=eta, noise=noise, x=x, y=y).items():
            setattr(self, name, on_slider(name, value, *RANGES[name]))
        self.others, self.way = lru_cache(32)(self._others), lru_cache(8)(self._way)
        self.refresh()

    def hear(self, name, value):
        if name == "across":
            self.x = snap(round(100 * SIDE * (2 * value - 1)), *PLACE)
        elif name == "down":
            self.y = snap(round(100 * SIDE * (1 - 2 * value)), *PLACE)
        elif name == "source":
            self.source = next(source for source in self.nets if SOURCES[source] == value)
        elif name in RANGES:
            setattr(self, name, snap(value, *RANGES[name]))

    def run(self, source, start, seed, path=None):
        net = self.nets[source]
        on = next(net.parameters(), torch.zeros(())).device
        settings = dict(steps=self.steps, eta=self.eta / 100, seed=seed, path=path)
        return self.diffusion.sample(net, start.to(on), **settings).cpu()

    def path(self):
        """Return the places of the path, (steps + 1, 2): the start, after each step."""
        return self.way(self.source, self.x, self.y, self.steps, self.eta, self.noise)

    def _way(self, source, x, y, steps, eta, noise):
        passed = []
        last = self.run(source, torch.tensor([[x / 100, y / 100]]), noise, passed)
        return torch.cat([*(place.cpu() for _, place, _ in passed), last])

    def _others(self, source, steps, eta, noise):
        starts = torch.randn(200, 2, generator=torch.Generator().manual_seed(noise - 1))
        return self.run(source, starts, noise + 100)

    def arrows(self, source):
        """Return the places (121, 2), and minus the noise there at time t."""
        places, net = grid(11), self.nets[source]
        if source == "exact":
            return places, -exact_noise(places, self.diffusion.alpha_bar[self.t - 1])
        on = next(net.parameters()).device
        with torch.no_grad():
            times = torch.full((len(places),), (self.t - 1) / self.diffusion.T, device=on)
            return places, -net(places.to(on), times).cpu()

    def end(self, path):
        """Return (number of the nearest mode from 1, its distance in spreads) of a path's end."""
        away, mode = torch.cdist(path[-1:], MEANS).min(1)
        return mode.item() + 1, away.item() / SPREAD

    def refresh(self):
        path, others = self.path(), self.others(self.source, self.steps, self.eta, self.noise)
        names = [SOURCES[source] for source in self.nets]
        ranges = dict(times=TIMES, steps=STEPS, eta=ETA, noises=NOISES, place=PLACE)
        self.fixed = {"frame": page(__file__, sources=names, learnt="learnt" in self.nets, **ranges)}
        self.parts = {"field": self._field(path, others), "chart": chart(path), "words": self._words(path)}
        self.values = {name: getattr(self, name) for name in RANGES}
        if "learnt" in self.nets:  # else there is nothing to choose
            self.values["source"] = SOURCES[self.source]

    def _field(self, path, others):
        pieces = [strokes("exact", *self.arrows("exact"))]
        if "learnt" in self.nets:
            pieces.append(strokes("learnt", *self.arrows("learnt")))
        pieces += [circle("other", x, y, 0.028) for x, y in others.clamp(-9, 9).tolist()]
        crosses = "".join(f"M{x - 0.07:.2f} {-y:.2f}h.14M{x:.2f} {-y - 0.07:.2f}v.14" for x, y in MEANS.tolist())
        pieces.append(f'<path class="mode" d="{crosses}"/>')
        places = path.clamp(-50, 50).tolist()
        way = "L".join(f"{x:.3f} {-y:.3f}" for x, y in places)
        pieces.append(f'<path class="way" d="M{way}"/>')
        pieces += [circle("on", x, y, 0.035) for x, y in places[1:-1]]
        pieces += [circle("begin", *places[0], 0.085), circle("end", *places[-1], 0.085)]
        words = f"{self.alt} It ends {self.end(path)[1]:.1f} σ from mode {self.end(path)[0]}."
        box = f'viewBox="{-SIDE} {-SIDE} {2 * SIDE} {2 * SIDE}" role="img" aria-label="{html.escape(words)}"'
        return f"<svg {box}>{''.join(pieces)}</svg>"

    def _words(self, path):
        mode, away = self.end(path)
        near = "inside it" if away <= 3 else "between the modes" if away <= 8 else "far from any"
        found = f"Ends {away:.1f} σ from the middle of mode <b>{mode}</b>: <b>{near}</b>."
        if "learnt" in self.nets:
            other = next(source for source in self.nets if source != self.source)
            its = self.way(other, self.x, self.y, self.steps, self.eta, self.noise)
            found += f" By {SOURCES[other]}, mode <b>{self.end(its)[0]}</b>."
        return found + (" Nothing is random but the start." if not self.eta else "")

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        return (
            f"Field explorer. Arrows against the noise at time {self.t} of 100. A point starts at ({self.x / 100:.2f},"
            f" {self.y / 100:.2f}) and takes {self.steps} steps with η = {self.eta} %, by {SOURCES[self.source]}."
        )

    def still(self):
        """Return a figure: the field with the path, and how far from a mode it is at each step."""
        fig, (left, right) = plots.figure(1, 2, width=12, height=5.4, width_ratios=[1.1, 1])
        draw_arrows(left, *self.arrows("exact"), plots.GREY, width=0.009)
        if "learnt" in self.nets:
            draw_arrows(left, *self.arrows("learnt"), plots.ORANGE)
        draw_points(
            left, self.others(self.source, self.steps, self.eta, self.noise), f"arrows at t = {self.t}", plots.SKY
        )
        path = self.path().numpy()
        left.plot(path[:, 0], path[:, 1], "o-", color=plots.BLUE, markersize=4)
        left.plot(*path[0], "o", color=plots.RED, markersize=11)
        right.plot(range(len(path)), away_from_modes(torch.tensor(path)), "o-", color=plots.BLUE)
        right.set(xlabel="steps", ylabel="distance to the nearest mode, in σ", ylim=(0, None))
        return fig


def checked(net):
    """Return net; ValueError unless it maps points and times to noise."""
    if not isinstance(net, torch.nn.Module) or next(net.parameters(), None) is None:
        raise ValueError(f"net (a {type(net).__name__}) must be a network for points: give what was trained, or None")
    on = next(net.parameters()).device
    try:
        with torch.no_grad():
            shape = tuple(net(torch.zeros(3, 2, device=on), torch.zeros(3, device=on)).shape)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"net must map points (N, 2) and times (N,) to (N, 2): {error!s:.100}") from None
    if shape != (3, 2):
        raise ValueError(f"net must map points (N, 2) and times (N,) to (N, 2), and gives {shape}")
    return net


def away_from_modes(path):
    """Return how far each place (N, 2) is from the nearest mode, in spreads: a list."""
    return (torch.cdist(path, MEANS).min(1).values / SPREAD).tolist()


def strokes(css, places, arrows):
    """Return all arrows as one SVG path; y runs upwards in the plane."""
    out = []
    for (x, y), (u, v) in zip(places.tolist(), (ARROW * arrows).clamp(-1, 1).tolist(), strict=True):
        a, b = x + u, y + v
        head = f"M{a - 0.35 * u - 0.2 * v:.2f} {-(b - 0.35 * v + 0.2 * u):.2f}L{a:.2f} {-b:.2f}L{a - 0.35 * u + 0.2 * v:.2f} {-(b - 0.35 * v - 0.2 * u):.2f}"
        out.append(f"M{x:.2f} {-y:.2f}L{a:.2f} {-b:.2f}{head}")
    return f'<path class="{css}" d="{"".join(out)}"/>'


def circle(css, x, y, radius):
    return f'<circle class="{css}" cx="{x:.3f}" cy="{-y:.3f}" r="{radius}"/>'


def chart(path):
    """Return an SVG of the distance to the nearest mode, step by step."""
    away = [min(each, 20.0) for each in away_from_modes(path)]
    shown = Chart(520, 170, (0, len(path) - 1), (0, 20), left=36, bottom=42, log="")
    shown.rows((0, 5, 10, 15, 20), str)
    shown.columns(sorted({0, (len(path) - 1) // 2, len(path) - 1}))
    shown.name("steps: distance to the nearest mode, in σ", rise=4)
    shown.line(range(len(path)), away, "way")
    return shown.svg(
        f"The distance to the nearest mode: {away[0]:.1f} spreads at the start, {away[-1]:.1f} at the end."
    )
