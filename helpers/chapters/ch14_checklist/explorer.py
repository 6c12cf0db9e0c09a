"""The zoo as a game of detectives: buy tests, strike out suspects, name the bug. One explorer for a table of symptoms.

Drawn in the browser (explorer.js) from the stored table, so it answers at once and lives on in a page without a kernel.
What is here: the patients and their order, the same arithmetic for Python, and the still picture.
"""

import random
from functools import cache
from pathlib import Path

import anywidget
import torch
import traitlets as tr

from helpers import plots
from helpers.chapters.ch14_checklist import zoo
from helpers.checks import whole
from helpers.course.explorers.ground import Still, data_uri, pixel_png

HERE = Path(__file__).parent
WRONG = 3  # points for naming a bug that it is not
PATIENTS = tuple(random.Random(14).sample(list(zoo.PROGRAMS), len(zoo.PROGRAMS)))  # in an order that says nothing
SHOWN = 6  # pictures of a batch
POINTS = 40  # of a curve


@cache
def batch(name):
    """Return (picture, labels): the first images that a program trains on, side by side, and their names."""
    program = zoo.PROGRAMS[name]()
    images, labels = zoo.pictures()[:2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        x, y = program.images(images.clone(), "training"), program.labels(labels, "training")
        index = program.order(y, torch.Generator().manual_seed(0))[: zoo.BATCH]
        x, y = program.augment(x[index])[:SHOWN, 0], y[index][:SHOWN]
    gaps = torch.nn.functional.pad(x, (0, 1), value=float(x.max()))
    return data_uri(pixel_png(torch.cat(list(gaps), 1)[:, :-1])), [zoo.data.FASHION[label] for label in y.tolist()]


def curve(losses):
    """Return the loss in POINTS means of equally many steps, with three digits."""
    parts = torch.tensor(losses)[: len(losses) // POINTS * POINTS].view(POINTS, -1).mean(1)
    return [float(f"{value:.3g}") for value in parts.tolist()]


@cache
def table():
    """Return what the browser needs of the zoo: tests, programs with their findings, the order of the patients."""
    programs = []
    for name, kind in zoo.PROGRAMS.items():
        picture, labels = batch(name)
        seeds = [
            {"found": {test: found[test] for test in zoo.TESTS}, "curve": curve(found["losses"])}
            for found in zoo.symptoms()[name]
        ]
        words = {test: sorted(zoo.words(name, test)) for test in zoo.TESTS}
        why = " ".join(kind.__doc__.split())
        programs.append(dict(name=name, why=why, picture=picture, labels=labels, words=words, seeds=seeds))
    tests = [{"id": test, "asks": asks, "price": price} for test, (asks, price) in zoo.TESTS.items()]
    return {"tests": tests, "programs": programs, "patients": [list(zoo.PROGRAMS).index(name) for name in PATIENTS]}


class ZooExplorer(Still, anywidget.AnyWidget):
    """Show a program that does not learn as it should; buy tests, name a bug. The last line of a cell.

    patient: 1 to 21, which program; the order says nothing
    seed:    0 to 4, which of its five runs
    bought:  the tests bought so far, names in helpers.chapters.ch14_checklist.zoo.TESTS
    accused: the bugs named so far
    strike:  True to strike out the suspects that the findings exclude
    raises:  ValueError that names the argument

    Attributes of these names follow what is done in the browser and can be set. points() returns what was spent, left()
    the suspects that the findings leave.
    """

    _esm = (HERE / "explorer.js").read_text(encoding="utf-8")
    _css = (HERE / "explorer.css").read_text(encoding="utf-8")

    zoo = tr.Dict().tag(sync=True)
    patient = tr.Int(1).tag(sync=True)
    seed = tr.Int(0).tag(sync=True)
    bought = tr.List().tag(sync=True)
    accused = tr.List().tag(sync=True)
    strike = tr.Bool(True).tag(sync=True)

    def __init__(self, patient=1, seed=0, bought=(), accused=(), strike=True):
        super().__init__(zoo=table())
        for name, given in (("bought", bought), ("accused", accused)):
            if not isinstance(given, (list, tuple)) or not all(isinstance(each, str) for each in given):
                raise ValueError(f"{name} (={given!r:.60}) must be a list of names, such as [] or ['first loss']")
        self.patient, self.seed = whole("patient", patient, 1, len(PATIENTS)), whole("seed", seed, 0, zoo.SEEDS - 1)
        self.bought, self.accused, self.strike = list(bought), list(accused), strike

    @tr.validate("patient")
    def _known_patient(self, proposal):
        return whole("patient", proposal["value"], 1, len(PATIENTS))

    @tr.validate("seed")
    def _known_seed(self, proposal):
        return whole("seed", proposal["value"], 0, zoo.SEEDS - 1)

    @tr.validate("bought", "accused")
    def _known_names(self, proposal):
        name, options = proposal["trait"].name, zoo.TESTS if proposal["trait"].name == "bought" else zoo.PROGRAMS
        for each in proposal["value"]:
            if each not in options:
                raise ValueError(f"{name} holds {each!r}, which must be one of {', '.join(options)}")
        return list(dict.fromkeys(proposal["value"]))

    def get_state(self, key=None, drop_defaults=False):
        """Return all that the browser needs: a page without a kernel does not know the defaults."""
        return super().get_state(key, drop_defaults=False)

    @property
    def culprit(self):
        """The name of what is wrong with the present patient."""
        return PATIENTS[self.patient - 1]

    def findings(self):
        """Return {test: word} of the tests bought."""
        return {test: zoo.symptoms()[self.culprit][self.seed][test][0] for test in zoo.TESTS if test in self.bought}

    def left(self):
        """Return the names of the suspects that can show all that was found."""
        return zoo.suspects(self.findings())

    def points(self):
        """Return what was spent: the tests' prices, and 3 for each bug named that it is not."""
        return sum(zoo.TESTS[test][1] for test in self.bought) + WRONG * sum(n != self.culprit for n in self.accused)

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        bought = ", ".join(test for test in zoo.TESTS if test in self.bought) or "none yet"
        return (
            f"Zoo explorer, a game of detectives: patient {self.patient} of {len(PATIENTS)}, {len(zoo.TESTS)} tests to"
            f" buy in the order of the checklist. Bought: {bought}; {self.points()} points. {len(self.left())} of"
            f" {len(PATIENTS)} suspects are left."
        )

    def still(self):
        """Return a figure of the game: the tests with what was found, and the suspects with those struck out."""
        fig, (tests, people) = plots.figure(1, 2, width=13, height=7)
        found, left = self.findings(), self.left()
        for place, (test, (asks, price)) in enumerate(zoo.TESTS.items()):
            tests.text(0, -2 * place, f"{asks}  ({price})", fontsize=14, va="center")
            if test in found:
                tests.text(0.05, -2 * place - 0.9, found[test], fontsize=13, va="center", color=plots.RED)
        for place, name in enumerate(zoo.PROGRAMS):
            colour = "black" if name in left or not self.strike else "#999999"
            people.text(0, -place, name, fontsize=13, va="center", color=colour)
        tests.set(
            ylim=(-2 * len(zoo.TESTS) + 0.5, 1), title=f"patient {self.patient}: tests, and their price in points"
        )
        people.set(ylim=(-len(zoo.PROGRAMS) + 0.5, 0.8), title=f"{len(left)} of {len(PATIENTS)} suspects are left")
        for ax in (tests, people):
            ax.set_axis_off()
        return fig


def draw_symptoms(ax):
    """Draw which test tells which program from the sound one: dark always, pale in some of the five runs."""
    sound = {test: zoo.words(zoo.Program.name, test) for test in zoo.TESTS}
    names = list(zoo.BUGS)
    shares = [
        [sum(run[test][0] not in sound[test] for run in zoo.symptoms()[name]) / zoo.SEEDS for test in zoo.TESTS]
        for name in names
    ]
    ax.imshow(shares, cmap="Oranges", vmin=0, vmax=1.2, aspect="auto")
    ax.set_xticks(range(len(zoo.TESTS)), zoo.TESTS, rotation=35, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=12)
    ax.set_xticks([i - 0.5 for i in range(1, len(zoo.TESTS))], minor=True)
    ax.set_yticks([i - 0.5 for i in range(1, len(names))], minor=True)
    ax.tick_params(which="minor", length=0)
    ax.grid(which="minor", color="white", linewidth=2)
    ax.spines[:].set_visible(False)
