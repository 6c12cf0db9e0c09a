"""The budget explorer: 128 stored recipes, five seeds each; the validation score by epoch as a band."""

from functools import cache
from pathlib import Path

import numpy as np

from helpers import plots
from helpers.checks import check_choice
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import Chart, page, style

TABLE = Path(__file__).parent / "budget.npz"
GRID = {
    "schedule": ("constant", "step", "cosine", "one-cycle"),
    "peak": (0.01, 0.03, 0.1, 0.2),
    "decay": (0.0, 0.03),
    "dropout": (0.0, 0.5),
    "wrong": (0, 40),
}
AVERAGES = ("the weights", "mean of the weights")
LOW, HIGH = 0, 90


@cache
def scores():
    """Return the stored validation scores in %: (schedule, peak, decay, dropout, wrong labels, seed, epoch, average)."""
    with np.load(TABLE) as table:
        return table["scores"] / 10


class BudgetExplorer(Panel):
    """Show five training runs of one recipe as a band: validation score by epoch.

    schedule: a name in GRID; peak, decay, dropout, wrong: values in GRID, wrong in percent of the labels
    average:  "the weights", or "mean of the weights"
    raises:   ValueError for a setting that was not run
    """

    _css = style(__file__)

    def __init__(self, schedule="constant", peak=0.1, decay=0.0, dropout=0.0, wrong=0, average="the weights"):
        super().__init__()
        given = {"schedule": check_choice("schedule", schedule, GRID["schedule"])}
        given |= {"peak": peak, "decay": decay, "dropout": dropout, "wrong": wrong}
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value not in GRID[name]:
                raise ValueError(f"{name} (={value!r}) must be one of {', '.join(map(str, GRID[name]))}")
        self.at = {name: GRID[name].index(value) for name, value in given.items()}
        self.average = check_choice("average", average, AVERAGES)
        self.refresh()

    def runs(self):
        """Return the scores of the present recipe in %: (5 seeds, 15 epochs)."""
        return scores()[(*self.at.values(), ..., AVERAGES.index(self.average))]

    def setting(self, name):
        return GRID[name][self.at[name]]

    def hear(self, name, value):
        if name == "average":
            self.average = check_choice(name, value, AVERAGES)
        elif name == "schedule":
            self.at[name] = GRID[name].index(check_choice(name, value, GRID[name]))
        elif name in self.at:
            self.at[name] = min(max(int(value), 0), len(GRID[name]) - 1)

    def refresh(self):
        runs = self.runs()
        words = f"After 15 epochs {runs[:, -1].mean():.1f} % (from {runs[:, -1].min():.1f} to {runs[:, -1].max():.1f})."
        best = runs.mean(0)
        words += f" The best epoch on the mean is number {best.argmax() + 1}, with {best.max():.1f} %."
        self.fixed = {"frame": FRAME}
        self.parts = {"chart": chart(runs, words), "words": words, "wrong": f"{self.setting('wrong')} %"}
        self.parts |= {name: f"{self.setting(name):g}" for name in ("peak", "decay", "dropout")}
        self.values = {**self.at, "schedule": self.setting("schedule"), "average": self.average}

    @property
    def alt(self):
        """What is shown, in a sentence without measured numbers."""
        schedule, peak, decay, dropout, wrong = (self.setting(name) for name in GRID)
        return (
            f"Budget explorer. Schedule {schedule}, peak rate {peak:g}, decay {decay:g}, dropout {dropout:g}, {wrong} % wrong "
            f"labels, {self.average}: the validation score of five runs over 15 epochs, as a line and a band."
        )

    def still(self):
        """Return a figure of the band."""
        fig, ax = plots.figure(1, 1, width=8, height=4)
        runs = self.runs()
        plots.draw_seeds(ax, range(1, runs.shape[1] + 1), runs)
        schedule, peak, decay, dropout, wrong = (self.setting(name) for name in GRID)
        first = f"{schedule}, peak {peak:g}, decay {decay:g}, dropout {dropout:g}"
        ax.set(xlabel="epoch", ylabel="validation images right, %", ylim=(LOW, HIGH))
        ax.set_title(f"{first}\n{wrong} % wrong labels, {self.average}", fontsize="medium")
        return fig


def chart(runs, words):
    """Return the band and the mean as SVG."""
    epochs = range(1, runs.shape[1] + 1)
    drawn = Chart(640, 320, (1, len(epochs)), (LOW, HIGH), log="")
    drawn.rows(range(LOW, HIGH + 1, 10), "{} %".format)
    drawn.columns([1, 5, 10, 15])
    drawn.name("epoch")
    edge = [*zip(epochs, runs.max(0)), *reversed([*zip(epochs, runs.min(0))])]
    drawn.add(f'<path class="band" d="M{"L".join(f"{drawn.across(x):.1f} {drawn.up(y):.1f}" for x, y in edge)}Z"/>')
    drawn.line(epochs, runs.mean(0), "mean")
    return drawn.svg(words, scaled=True)


FRAME = page(__file__, grid=GRID)
