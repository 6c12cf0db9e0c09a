"""What the explorers that the kernel computes share: controls in the browser, whose every change the kernel answers with HTML.

The widgets of ipywidgets let their keys through to JupyterLab, where an arrow on a drop-down list moves to the next cell
and d d on a button deletes it. So the controls are plain HTML, and panel.js says what was done to them.
"""

import html
from pathlib import Path

import anywidget
import traitlets as tr

from helpers.course.explorers.ground import Still, problem
from helpers.course.explorers.pictures import SCRIPT

HERE = Path(__file__).parent
# What every frame begins with: that the kernel does not answer, and that it answered with an error.
LATE = (
    '<div class="panel-late" role="status">Waiting for the kernel. If it was restarted, or if this is a page '
    'without one, run the cell in a notebook.</div><div data-part="failed"></div>'
)


class Panel(Still, anywidget.AnyWidget):
    """The ground of such an explorer. Which has:

    parts:   dict from name to HTML, shown in the elements that carry data-part="name"
    fixed:   the same, of parts that seldom change and need not be sent each time; "frame" is the outermost
    values:  dict from name to what the control with data-set="name" shows; written by the kernel alone
    wrong:   names of the controls that make the settings impossible
    hear(name, value): takes what a control was set to; refresh(): writes all of these anew
    gallery: where it shows a photograph, the Gallery that hears "picture" and "upload"; its menu is the part "pictures"

    Where either raises, the page says so, and the next change is heard.
    """

    _esm = SCRIPT + (HERE / "panel.js").read_text(encoding="utf-8")
    _css = (HERE / "panel.css").read_text(encoding="utf-8")

    fixed = tr.Dict().tag(sync=True)
    parts = tr.Dict().tag(sync=True)
    values = tr.Dict().tag(sync=True)
    wrong = tr.List().tag(sync=True)
    wanted = tr.List().tag(sync=True, echo_update=False)
    answered = tr.Int(0).tag(sync=True)
    gallery = None

    def hear(self, name, value):
        raise NotImplementedError

    def refresh(self):
        raise NotImplementedError

    @tr.observe("wanted")
    def _answer(self, change):
        new = sorted(asked for asked in change.new if asked[0] > self.answered)
        if not new:
            return
        failed = ""
        with self.hold_sync():
            for _, name, value in new:
                failed = self._try(lambda: self._hear(name, value), name, value) or failed
            failed = self._try(self.refresh, name, value) or failed
            if failed:
                self.parts = {**self.parts, "failed": problem(failed)}
            self.answered = new[-1][0]  # in any case, or the same changes would be heard again and again

    def _hear(self, name, value):
        if self.gallery and name == "upload":
            self.gallery.upload(*value)
        elif self.gallery and name == "picture":
            self.gallery.choose(value)
        else:
            self.hear(name, value)

    def pictures(self):
        """Return the fixed parts of a panel with a gallery: its menu with the button, and what is said of an own picture."""
        button = '<button type="button" data-upload aria-label="take your own picture" title="take your own picture">yours…</button>'
        return {
            "pictures": choice("picture", "picture", self.gallery.names) + button,
            "own": html.escape(self.gallery.said),
        }

    def _try(self, call, name, value):
        """Call it; return "", or what the reader is told of the error that it raised."""
        try:
            call()
            return ""
        except Exception as error:
            if name in ("upload", "picture") and isinstance(error, (ValueError, OSError)):
                return f"{error}."
            self.log.exception("%s could not set %s to %r", type(self).__name__, name, value)
            return (
                f"{name} could not be set to {value}: {type(error).__name__}: {error}. Set it to something else; if"
                " that does not help, run the cell again."
            )

    def get_state(self, key=None, drop_defaults=False):
        """Return all that the browser needs: a page without a kernel does not know the defaults."""
        return super().get_state(key, drop_defaults=False)


def number(name, label, low, high, stay=""):
    """Return an HTML field for a whole number."""
    return (
        f'<input type="number" data-set="{html.escape(name)}" data-stay="{html.escape(stay)}" min="{low}" max="{high}"'
        f' step="1" aria-label="{html.escape(label)}" title="{html.escape(label)}: {low} to {high}">'
    )


def slider(name, label, low, high, step=1):
    """Return an HTML slider for a whole number."""
    return (
        f'<input type="range" data-set="{html.escape(name)}" min="{low}" max="{high}" step="{step}"'
        f' aria-label="{html.escape(label)}">'
    )


def choice(name, label, options):
    """Return an HTML list to choose one of some texts from."""
    inside = "".join(f"<option>{html.escape(option)}</option>" for option in options)
    return f'<select data-set="{html.escape(name)}" aria-label="{html.escape(label)}">{inside}</select>'


def button(name, value, text, label, stay="", disabled=False):
    """Return an HTML button that sets `name` to `value`. Disabled, it still takes the focus, which else would be lost."""
    off = ' aria-disabled="true"' if disabled else ""
    return (
        f'<button type="button" data-set="{html.escape(name)}" value="{html.escape(str(value))}"'
        f' data-stay="{html.escape(stay)}" aria-label="{html.escape(label)}"'
        f' title="{html.escape(label)}"{off}>{text}</button>'
    )


def header(heads, right):
    """Return the HTML of a table's head: (word, letter or "") per column, the letter where space is scarce; numbers from `right` on."""
    cells = (
        f'<div role="columnheader" class="head{" n" if i >= right else ""}" title="{word}">'
        + (f'<span class="long">{word}</span><span class="short">{letter}</span>' if letter else word)
        + "</div>"
        for i, (word, letter) in enumerate(heads)
    )
    return f'<div role="row">{"".join(cells)}</div>'
