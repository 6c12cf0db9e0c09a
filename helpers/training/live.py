"""What training shows while it runs: a progress bar and, epoch by epoch, the curve."""

import time
from html import escape

from helpers.output import in_notebook


class LiveCurve:
    """The display of one Training: `with LiveCurve(run) as curve`, then curve.show_step() and curve.show_epoch().

    In a notebook, one display that is replaced in place, and ends as a still figure; in a terminal, a line per epoch.
    Its text form never changes and holds no measured number, so it is the same on every machine.
    """

    def __init__(self, run):
        self.run, self.picture, self.drawn, self.handle = run, "", 0.0, None
        name = f"{run.title}: " if run.title else ""
        tested = " and on the test images" if run.test is not None else ""
        seen = f"accuracy while training{tested}" if run.classifies else "what was recorded"
        self.alt = f"{name}loss per step, and {seen}, over {run.epochs} epoch{'s' if run.epochs > 1 else ''}"

    def __enter__(self):
        if self.run.live and in_notebook():
            from IPython.display import display

            self.handle = display(self._moving(), raw=True, display_id=True)
        return self

    def show_step(self):
        if self.handle and time.monotonic() - self.drawn > 0.2:
            self.drawn = time.monotonic()
            self.handle.update(self._moving(), raw=True)

    def show_epoch(self):
        row = self.run.rows[-1]
        if self.handle:
            from helpers.plots import uri

            self.picture = f'<br><img alt="{escape(self.alt)}" src="{uri(training_figure(self.run))}">'
            self.handle.update(self._moving(), raw=True)
        elif self.run.live:
            print(f"epoch {row['epoch']} of {self.run.epochs}: {in_words(row)}", flush=True)

    def __exit__(self, *error):
        if self.handle and self.run.losses:
            from helpers.plots import bundle

            data, metadata = bundle(training_figure(self.run), self.alt)
            self.handle.update(data, metadata=metadata, raw=True)
        if self.run.stopped and self.run.live:
            print(
                f"Stopped in epoch {min(len(self.run.rows) + 1, self.run.epochs)} of {self.run.epochs}, after "
                f"{len(self.run.losses)} steps, by {self.run.stopped}.\n"
                "The model and its history are kept: run() goes on."
            )

    def _moving(self):
        run, last = self.run, self.run.losses[-1:]
        done = len(run.losses) / (run.epochs * run.steps_per_epoch)
        says = f"epoch {min(len(run.rows) + 1, run.epochs)} of {run.epochs}" + "".join(f", loss {x:.3f}" for x in last)
        if run.rows and "test" in run.rows[-1]:
            says += f", test accuracy {run.rows[-1]['test']:.1%}"
        bar = f'<progress value="{done:.3f}" style="width:24em" aria-label="training"></progress>'
        return {"text/plain": self.alt, "text/html": f"{bar} {escape(str(run.title))} {says}{self.picture}"}


def training_figure(run):
    """Return the figure of a Training: loss by step, what was recorded by epoch, the last values as its title."""
    from helpers import plots

    fig, (left, right) = plots.figure(1, 2, width=10, height=3.6)
    plots.draw_losses(left, run.losses)
    accuracies = all(name in ("epoch", "loss", "train", "test") for row in run.rows for name in row)
    (plots.draw_accuracies if accuracies else plots.draw_recorded)(right, run.rows)
    if run.rows:
        last = run.rows[-1]
        title = f"{run.title}: " if run.title else ""
        fig.suptitle(f"{title}epoch {last['epoch']} of {run.epochs}, {in_words(last)}", fontsize=15)
    return fig


def in_words(row):
    """Return a row without its epoch: the loss to three places, the accuracies "train" and "test" in percent."""
    return ", ".join(
        f"{name} {value:.1%}" if name in ("train", "test") else f"{name} {value:.3f}"
        for name, value in row.items()
        if name != "epoch"
    )
