"""The gate explorer: set the input, forget and output gate of one LSTM cell at every step, and watch the cell keep or lose.

Drawn and computed in the browser (explorer.js), in double precision, so it answers at once and lives on in a page without a
kernel. What is here: its settings, its presets, the same arithmetic for Python, and its still picture.
"""

import math
from pathlib import Path

import anywidget
import torch
import traitlets as tr

from helpers import plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import Still

HERE = Path(__file__).parent
CANDIDATES = (0.8, -0.5, 0.3, 0.6, -0.7, 0.4, -0.2, 0.5)
STEPS = (2, 12)
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}
OWN = "own gates"
COLOURS = (*plots.COLOURS, plots.YELLOW, "#332288", "#882255", "#117733", "#999933")  # a colour for each step


def presets(steps):
    """Return {name: {"i": [...], "f": [...], "o": [...]}} for a sequence of so many steps."""
    last = steps - 1
    cut = min(3, last)  # step 4, counted from 1
    each = {
        "torch's start: all 1/2": (0.5, 0.5, 0.5),
        "forget bias 3: f = 0.95": (0.5, 0.95, 0.5),
        "running sum": (1, 1, 1),
        "keep the first, show it at the end": ([1] + [0] * last, 1, [0] * last + [1]),
        f"forget everything at step {cut + 1}": (1, [0 if t == cut else 1 for t in range(steps)], 1),
        "only the present": (1, 0, 1),
        "moving average: f = 0.8, i = 0.2": (0.2, 0.8, 1),
    }
    return {
        name: {gate: levels(gate, value, steps) for gate, value in zip(GATES, values)} for name, values in each.items()
    }


def levels(name, values, steps):
    """Return the levels of one gate as a list of floats; one number stands for all steps.

    raises: ValueError for another length or a level outside 0 to 1
    """
    if torch.is_tensor(values):
        values = values.detach().cpu().tolist()
    found = list(values) if isinstance(values, (list, tuple)) else [values] * steps
    if len(found) != steps:
        raise ValueError(
            f"{name} has {len(found)} levels for {steps} steps: give one for each step, or one number for all"
        )
    for level in found:
        if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 <= level <= 1:
            raise ValueError(f"{name} holds {level!r}: a gate lies from 0 (closed) to 1 (open)")
    return [float(level) for level in found]


def sequence(values):
    """Return the candidates g as a list of floats.

    raises: ValueError for too few or too many steps, or a candidate outside -1 to 1
    """
    if torch.is_tensor(values):
        values = values.detach().cpu().tolist()
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"candidates (={values!r}) must be numbers in a list, one for each step")
    found = list(values)
    low, high = STEPS
    if not low <= len(found) <= high:
        raise ValueError(
            f"candidates ({len(found)} of them) must be {low} to {high}: more steps cannot be seen at once"
        )
    for value in found:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1:
            raise ValueError(f"candidates hold {value!r}: a candidate is a tanh, from -1 to 1")
    return [float(value) for value in found]


class GatesExplorer(Still, anywidget.AnyWidget):
    """Show one LSTM cell along a sequence; its three gates can be set at every step. The last line of a cell displays it.

    candidates: the g of each step, 2 to 12 numbers from -1 to 1
    i, f, o:    the levels of a gate, 0 to 1: a number for all steps, or one for each
    preset:     the name of one of presets(steps), in place of i, f, o
    step:       the step whose arithmetic is written out, from 1
    raises:     ValueError that names the argument

    Attributes i, f, o and step follow what is done in the browser and can be set. cells() returns c and h of every step,
    left() what each step has left in the last c.
    """

    _esm = (HERE / "explorer.js").read_text(encoding="utf-8")
    _css = (HERE / "explorer.css").read_text(encoding="utf-8")

    candidates = tr.List().tag(sync=True)
    presets = tr.Dict().tag(sync=True)
    colours = tr.List().tag(sync=True)
    i = tr.List().tag(sync=True)
    f = tr.List().tag(sync=True)
    o = tr.List().tag(sync=True)
    step = tr.Int(1).tag(sync=True)

    def __init__(self, candidates=CANDIDATES, i=None, f=None, o=None, preset=None, step=1):
        g = sequence(candidates)
        offers = presets(len(g))
        if preset is None and i is f is o is None:
            preset = next(iter(offers))
        if preset is not None:
            check_choice("preset", preset, offers)
            if not i is f is o is None:
                raise ValueError(f"preset (={preset!r}) sets i, f and o: give either the preset or the gates")
        given = (
            offers[preset]
            if preset
            else {
                name: levels(name, 0.5 if value is None else value, len(g))
                for name, value in (("i", i), ("f", f), ("o", o))
            }
        )
        super().__init__(candidates=g, presets=offers, colours=list(COLOURS), **given)
        self.step = min(whole("step", step, 1), len(g))

    @tr.validate("i", "f", "o")
    def _known_levels(self, proposal):
        return levels(proposal["trait"].name, proposal["value"], len(self.candidates))

    @tr.validate("step")
    def _known_step(self, proposal):
        return whole("step", proposal["value"], 1, len(self.candidates))

    def get_state(self, key=None, drop_defaults=False):
        """Return all that the browser needs: a page without a kernel does not know the defaults."""
        return super().get_state(key, drop_defaults=False)

    def cells(self):
        """Return (c, h) after each step, both (T,), float64: c ← f·c + i·g from c = 0, h = o·tanh(c)."""
        c, seen = 0.0, []
        for i, f, g in zip(self.i, self.f, self.candidates, strict=True):
            c = f * c + i * g
            seen.append(c)
        c = torch.tensor(seen, dtype=torch.float64)
        return c, torch.tensor(self.o, dtype=torch.float64) * c.tanh()

    def left(self):
        """Return what each step has left in the last cell value: i·g times the product of all later f; (T,), float64."""
        i, f, g = (torch.tensor(values, dtype=torch.float64) for values in (self.i, self.f, self.candidates))
        later = torch.cat([f.flip(0).cumprod(0).flip(0)[1:], torch.ones(1, dtype=torch.float64)])
        return i * g * later

    def _named(self):
        now = {gate: list(getattr(self, gate)) for gate in GATES}
        return next((name for name, offered in self.presets.items() if offered == now), OWN)

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        c, h = self.cells()
        return (
            f"Gate explorer: one LSTM cell over {len(self.candidates)} steps, with input, forget and output gate to be "
            f"set at each. Shown: {self._named()}. The last cell value is {float(c[-1]) + 0.0:.2f}, the last output "
            f"{float(h[-1]) + 0.0:.2f}."
        ).replace("-", "−")

    def still(self):
        """Return a figure of the gates, of c and h, and of what each step has left in the last c."""
        steps = range(1, len(self.candidates) + 1)
        (c, h), left = self.cells(), self.left()
        fig, axes = plots.figure(1, 3, width=12, height=4.2)
        levels = [getattr(self, name) for name in GATES]
        axes[0].imshow(levels, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=(0.5, len(left) + 0.5, 2.5, -0.5))
        for row, each in enumerate(levels):
            for t, level in zip(steps, each):
                colour = "white" if level > 0.6 else "black"
                axes[0].text(t, row, f"{level:.2g}", ha="center", va="center", fontsize=11, color=colour)
        axes[0].set(title="gates, from 0 to 1", yticks=range(3), yticklabels=list(GATES))
        axes[0].tick_params(length=0)
        axes[1].plot(steps, c.tolist(), "s-", color=plots.BLUE, label="c, the cell")
        axes[1].plot(steps, h.tolist(), "o-", color=plots.RED, label="h, what it shows")
        axes[1].axhline(0, color="black", linewidth=1)
        axes[1].legend(fontsize=11)
        axes[1].set_title("cell and output")
        axes[2].bar(steps, left.tolist(), color=self.colours[: len(left)])
        axes[2].axhline(0, color="black", linewidth=1)
        axes[2].set_title(f"left of each step in c at step {len(left)}", fontsize=15)
        for ax in axes:
            ax.set(xticks=list(steps), xlabel="step")
        return fig
