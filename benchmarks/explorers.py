"""How fast the explorers answer, in Chromium, each beside a plain ipywidgets.interact that draws the same picture.

Both sit in one notebook, in one JupyterLab, and are measured in turn in the same run. Answer: the median time from a key
on the slider until its picture has been drawn anew; the screen shows that in its next frame, at most 1/60 s later for all.
Updates: in how many frames of a second the picture changes while the slider is dragged to another value 60 times a second.
The plain one computes with the explorer's own functions and draws no more than the explorer shows, so what differs is how
it is drawn and sent. Trust the ratios: the times depend on the machine and on what else it does.
"""

import importlib.util
import shutil
import statistics
import sys
import time
from types import SimpleNamespace

from benchmarks.tables import ROOT, Table, command_line
from helpers.course.rooms import rooms

KEYS, SECONDS = 8, 3

# What a notebook without explorers does: everything is drawn anew for every value, by pyplot.
PLAIN = """
import matplotlib.pyplot as plt, numpy as np, torch, torch.nn.functional as F
from ipywidgets import interact
from helpers.plots import draw_bars, draw_image, draw_numbers
torch.set_num_threads(1)
"""
DRAWN = ":not(*)"  # on canvases or as images: no element is to be watched

ALONE = {"control": "input[type=range], input[type=number], select", "picture": "[data-part]", "plain": ""}


def cases():
    """Return {name: case} of all explorers, from bench.py of their rooms.

    A case: shown, the call that shows it; control, its slider; picture, what of it changes with every value, where that is
    neither a canvas nor an image; plain, the cell of its neighbour. Where a room has none, it is measured alone by its first control.
    """
    found = {}
    for room in rooms():
        given = getattr(room.load("bench"), "CASES", {})
        for kind in room.explorers:
            case = {"picture": DRAWN, **given[kind.__name__]} if kind.__name__ in given else ALONE
            case = {"name": kind.__name__, "shown": f"{kind.__name__}()", **case}
            load = f"from {kind.__module__} import {kind.__name__}\n"
            found[case["name"]] = {
                **case,
                "shown": load + case["shown"],
                "plain": case["plain"] and PLAIN + case["plain"],
            }
    return found


CASES = cases()

# Note each change of what is shown, and the frames that it appears in: images that have loaded, canvases that have been
# drawn upon, and changes inside of what the selector names. While an image still loads, the picture is not drawn yet.
WATCH = """selector => {
    const seen = window.seen = {pressed: 0, drawn: [], frames: 0}; let noted = false, waits = false;
    const loading = () => [...document.querySelectorAll('.jp-OutputArea-output img')].some(image => !image.complete);
    const note = () => {
        if (noted) return;
        noted = true;
        queueMicrotask(() => {
            noted = false;
            if (loading()) return;
            seen.drawn.push(performance.now());
            if (!waits) { waits = true; requestAnimationFrame(() => { waits = false; seen.frames++; }); } }); };
    document.addEventListener('keydown', () => { seen.pressed = performance.now(); }, true);
    document.addEventListener('load', e => { if (e.target.tagName === 'IMG') note(); }, true);
    for (const name of ['drawImage', 'putImageData', 'fillRect']) {
        const draw = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...given) { if (this.canvas.isConnected) note(); return draw.apply(this, given); };
    }
    new MutationObserver(changes => { if (changes.some(({target}) => (target.closest ?? (() => null)).call(target, selector))) note(); })
        .observe(document.body, {subtree: true, childList: true}); }"""

AT_ITS_END = "n => (n.value ?? n.getAttribute('aria-valuenow')) === (n.max ?? n.getAttribute('aria-valuemax'))"


def measure(notebook, slider, handle, given):
    """Return (median milliseconds, updates a second) of one slider; handle: what takes the keys and the mouse.

    A list, which cannot be dragged, has no updates: None.
    """
    page, idle = (
        notebook.page,
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
    )
    slider.scroll_into_view_if_needed()
    handle.focus()
    keys, times = ("ArrowRight", "ArrowLeft"), []
    if handle.evaluate(AT_ITS_END):
        keys = keys[::-1]
    for i in range(given.keys):
        page.evaluate("() => { seen.drawn.length = 0; }")
        page.keyboard.press(keys[i % 2])  # one step there, one back
        page.wait_for_function("() => seen.drawn.length > 0", timeout=10_000)
        page.wait_for_function(idle)
        times.append(page.evaluate("() => seen.drawn[0] - seen.pressed"))
        page.wait_for_timeout(60)
    if handle.evaluate("n => n.tagName === 'SELECT'"):
        return statistics.median(times), None
    box, grip = slider.bounding_box(), handle.bounding_box()
    middle = grip["y"] + grip["height"] / 2
    page.mouse.move(grip["x"] + grip["width"] / 2 if grip["width"] < 40 else box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.evaluate("() => { seen.frames = 0; }")
    start, moves = time.monotonic(), 0
    while time.monotonic() - start < given.seconds:
        page.mouse.move(box["x"] + box["width"] * (0.2, 0.4, 0.6, 0.8, 0.7, 0.5, 0.3)[moves % 7], middle)
        moves += 1
        time.sleep(max(0, start + moves / 60 - time.monotonic()))
    updates = page.evaluate("() => seen.frames") / (time.monotonic() - start)
    page.mouse.up()
    notebook.settle()
    return statistics.median(times), updates


def test_explorers(notebook, given):
    for name in given.cases:
        case = CASES[name]
        notebook.write(case["shown"], *filter(None, [case["plain"]])).open().run_all()
        assert notebook.errors() == []
        notebook.settle()
        notebook.page.evaluate(WATCH, case["picture"])
        notebook.page.add_style_tag(content=".jp-Notebook { scroll-behavior: auto !important }")
        ours = notebook.view(f":is({case['control']}):not(button)")
        found, theirs = measure(notebook, ours, ours, given), None
        if case["plain"]:
            track, handle = (notebook.view(f".widget-slider .noUi-{part}") for part in ("base", "handle"))
            theirs = measure(notebook, track, handle, given)
        given.rows.append(as_row(name, found, theirs))
        print(f"{name}: {given.rows[-1][3]}", flush=True)
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def as_row(name, ours, theirs):
    """Return a row of the table. ours, theirs: (milliseconds, updates a second); theirs None: there is no neighbour"""
    (answer, updates), (their_answer, their_updates) = ours, theirs or (None, None)
    return [
        name,
        f"{answer:.1f}",
        f"{their_answer:.0f}" if theirs else "–",
        f"×{their_answer / answer:.1f}" if theirs else "–",
        f"{updates:.1f}" if updates is not None else "–",
        f"{their_updates:.1f}" if theirs else "–",
        f"×{updates / their_updates:.1f}" if updates is not None and their_updates else "–",
    ]


def over_explorers(options):
    """Yield the table; nothing, and say why, where there is no browser to measure in."""
    if importlib.util.find_spec("playwright") is None:
        return print("Not measured: Playwright is missing (make test installs it).")
    sys.path.insert(0, str(ROOT / "tests"))
    spec = importlib.util.spec_from_file_location("browser_conftest", ROOT / "tests/browser/conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    from browser import CHROMIUM

    if CHROMIUM is None or shutil.which(CHROMIUM) is None:
        return print("Not measured: there is no Chromium on this machine (Debian, Ubuntu: apt install chromium).")
    import pytest

    keys, seconds = (4, 1) if options.quick else (KEYS, SECONDS)
    run = SimpleNamespace(keys=keys, seconds=seconds, rows=[], cases=options.case or list(CASES))

    class Given:
        @pytest.fixture
        def given(self):
            return run

    code = pytest.main(
        [__file__, "-q", "-s", "-p", "no:cacheprovider", f"--rootdir={ROOT}"], plugins=[conftest, Given()]
    )
    print()
    if code:
        sys.exit(int(code))
    yield Table(
        "Explorers beside a plain interact, in Chromium",
        ["explorer", "answer/ms", "interact: answer/ms", "faster", "updates/s", "interact: updates/s", "more"],
        run.rows,
        (
            (
                f"Answer: from a key on the slider until the picture is drawn anew, the median of {run.keys}. Updates:"
                " frames in which the picture changed, while the slider was dragged to another value 60 times a"
                f" second, for {run.seconds} s; a list cannot be dragged."
            ),
            (
                "Each in one notebook with a plain `ipywidgets.interact`, which computes with the explorer's own"
                " functions and draws the same with pyplot. The depth explorer runs two networks forwards and backwards"
                " at every change, and so does its neighbour."
            ),
        ),
    )


if __name__ == "__main__":
    command_line(
        over_explorers,
        __doc__,
        lambda parser: parser.add_argument(
            "case",
            nargs="*",
            choices=[[], *CASES],
            metavar="CASE",
            help=f"of {', '.join(CASES)}; all where none is given",
        ),
    )
