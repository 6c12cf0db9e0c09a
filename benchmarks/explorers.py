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

KEYS, SECONDS = 8, 3

# What a notebook without explorers does: everything is drawn anew for every value, by pyplot.
PLAIN = """
import matplotlib.pyplot as plt, numpy as np, torch, torch.nn.functional as F
from ipywidgets import interact
from helpers.plots import draw_bars, draw_image, draw_numbers
torch.set_num_threads(1)
"""
DRAWN = ":not(*)"  # on canvases or as images: no element is to be watched

# name: the explorer's class, its cell, its slider, what of it changes with every value, and the plain cell
CASES = {
    "convolution": (
        "ConvolutionExplorer",
        """
from helpers.chapters.ch01_convolution.explorer import ConvolutionExplorer
explorer = ConvolutionExplorer(kernel="blur")
explorer""",
        "[data-set='kernel size']",
        DRAWN,
        PLAIN
        + """
image = explorer.image()
@interact(size=(1, 7))
def show(size=3):
    fig, axes = plt.subplots(1, 3, figsize=(11, 4.2))
    kernel = torch.full((size, size), 1 / size**2, dtype=torch.float64)
    draw_image(axes[0], image); draw_numbers(axes[1], kernel, fmt="{:.2g}")
    draw_image(axes[2], F.conv2d(F.pad(image[None, None], [1] * 4), kernel[None, None])[0, 0])
    plt.show()""",
    ),
    "receptive field": (
        "ReceptiveFieldExplorer",
        """
from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer
ReceptiveFieldExplorer("AlexNet to conv5")""",
        "[data-set='column']",
        DRAWN,
        PLAIN
        + """
from helpers.chapters.ch02_seeing_further.explorer import PRESETS, draw_field
from helpers.shapes import receptive_field
layers, size = PRESETS["AlexNet to conv5"]
@interact(column=(0, 12))
def show(column=6):
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
    draw_bars(axes[0], [layer.name for layer in layers], [field.size for field in receptive_field(layers)])
    draw_field(axes[1], layers, size, 6, column)
    plt.show()""",
    ),
    "cost": (
        "CostExplorer",
        """
from helpers.chapters.ch03_alexnet.explorer import CostExplorer
CostExplorer(size=226)""",
        "[data-set='size']",
        ".bar",
        PLAIN
        + """
from helpers.chapters.ch03_alexnet.explorer import PRESETS, costs
layers = PRESETS["AlexNet 2012"][1]
@interact(size=(72, 512, 8))
def show(size=224):
    rows = costs(layers, 3, size)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.9))
    for ax, column in zip(axes, ("memory", "params", "macs")):
        draw_bars(ax, [row.name for row in rows], [getattr(row, column) for row in rows])
    plt.show()""",
    ),
    "VGG stack": (
        "VggStackExplorer",
        """
from helpers.chapters.ch04_vgg.explorer import VggStackExplorer
VggStackExplorer()""",
        "[data-set='layers']",
        "[data-part='left']",
        PLAIN
        + """
from helpers.chapters.ch04_vgg.explorer import ROWS, cost, paths, written
@interact(layers=(1, 5))
def show(layers=2):
    fig, axes = plt.subplots(1, 4, figsize=(13, 3.6))
    for ax, field in zip(axes, (paths(layers, 3), paths(1, 5))):
        draw_image(ax, field) if len(field) > 7 else draw_numbers(ax, field)
    stack, single = cost(layers, 3, 64, 56), cost(1, 5, 64, 56)
    for ax, numbers in zip(axes[2:], (stack, single)):
        draw_bars(ax, [f"{title}: {written(row, getattr(numbers, row))}" for row, (title, _) in ROWS.items()],
                  [getattr(numbers, row) / max(getattr(stack, row), getattr(single, row)) for row in ROWS], fmt="")
    plt.show()""",
    ),
    "depth": (
        "DepthExplorer",
        """
from helpers.chapters.ch05_resnet.explorer import DepthExplorer
DepthExplorer()""",
        "[data-set='depth']",
        "[data-part='gradients']",
        PLAIN
        + """
from helpers.chapters.ch05_resnet.explorer import CHARTS, DepthExplorer
explorer = DepthExplorer()
@interact(depth=(4, 60, 2))
def show(depth=40):
    explorer.settings["depth"] = depth
    fig, axes = plt.subplots(1, 2, figsize=(12, 4.2))
    for ax, (column, title) in zip(axes, CHARTS.items()):
        for kind, found in explorer.measured().items():
            ax.plot(range(1, depth + 1), getattr(found, column), "o-", label=kind)
        ax.set(yscale="log", ylim=(1e-9, 1e5), title=title, xlabel="layer")
    axes[0].legend()
    plt.show()""",
    ),
    "mobile": (
        "MobileExplorer",
        """
from helpers.chapters.ch06_mobilenet.explorer import MobileExplorer
MobileExplorer()""",
        "[data-set='width']",
        ".mobile-track",
        PLAIN
        + """
from helpers.chapters.ch06_mobilenet.explorer import COLOURS, COLUMNS, FULL, V1, costs, short, total
@interact(width=(25, 150, 5))
def show(width=100):
    fig, axes = plt.subplots(1, 3, figsize=(13, 3.2))
    for ax, (column, title) in zip(axes, COLUMNS.items()):
        for place, kinds in enumerate((costs(V1, width), costs(FULL, width))):
            left = 0
            for kind, cost in kinds.items():
                ax.barh(place, getattr(cost, column), left=left, color=COLOURS[kind], label=None if place else kind)
                left += getattr(cost, column)
            ax.text(left, place, short(column, getattr(total(kinds), column)))
        ax.set(title=title, yticks=[0, 1])
    axes[0].legend()
    plt.show()""",
    ),
    "recurrence": (
        "RecurrenceExplorer",
        """
from helpers.chapters.ch07_rnn.explorer import RecurrenceExplorer
RecurrenceExplorer()""",
        "[data-set='radius']",
        "[data-part='chart']",
        PLAIN
        + """
from helpers.chapters.ch07_rnn.explorer import draw_reach, reach
@interact(radius=(0.5, 1.5, 0.01))
def show(radius=0.9):
    fig, ax = plt.subplots(figsize=(9, 4.4))
    draw_reach(ax, reach(radius), radius)
    plt.show()""",
    ),
    "hello": (
        "HelloExplorer",
        """
from helpers.chapters.ch07_rnn.explorer import HelloExplorer
HelloExplorer()""",
        "[data-set='step']",
        "[data-part='plane']",
        PLAIN
        + """
from helpers.chapters.ch07_rnn.explorer import HelloExplorer, draw_plane
explorer = HelloExplorer()
steps, states = explorer._steps, explorer.states()
@interact(step=(1, 4))
def show(step=1):
    letter, before, state, chances = steps[step - 1]
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.4))
    draw_numbers(axes[0], np.array([letter, before, np.add(letter, before), state]).T, fmt="{:+.2f}")
    draw_bars(axes[1], list(explorer.alphabet), [100 * chance for chance in chances], fmt="{:.0f} %")
    draw_plane(axes[2], explorer.word, states)
    plt.show()""",
    ),
    "gates": (
        "GatesExplorer",
        """
from helpers.chapters.ch08_lstm.explorer import GatesExplorer
GatesExplorer()""",
        "[data-gate='f'][data-step='0']",
        ".gates-stack",
        PLAIN
        + """
from helpers.chapters.ch08_lstm.explorer import COLOURS, GATES, GatesExplorer
explorer = GatesExplorer()
steps = range(1, len(explorer.candidates) + 1)
@interact(f=(0.0, 1.0, 0.01))
def show(f=0.5):
    explorer.f = [f] * len(steps)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.2))
    for place, gate in zip((-0.27, 0, 0.27), GATES):
        axes[0].bar([step + place for step in steps], getattr(explorer, gate), 0.25, label=gate)
    for values, name in zip(explorer.cells(), "ch"):
        axes[1].plot(steps, values.tolist(), "o-", label=name)
    axes[2].bar(steps, explorer.left().tolist(), color=COLOURS[:len(steps)])
    axes[0].legend(); axes[1].legend()
    plt.show()""",
    ),
    "attention": (
        "AttentionExplorer",
        """
from helpers.chapters.ch09_attention.explorer import AttentionExplorer
AttentionExplorer()""",
        "[data-set='temperature']",
        DRAWN,
        PLAIN
        + """
from helpers.chapters.ch09_attention.explorer import AttentionExplorer
explorer = AttentionExplorer()
image, side, (row, column) = explorer.image(), explorer.size[3], explorer.query
@interact(temperature=(0.1, 20.0, 0.1))
def show(temperature=1.0):
    explorer.temperature = temperature
    fig, axes = plt.subplots(1, 4, figsize=(13, 4))
    draw_image(axes[0], image)
    axes[0].add_patch(plt.Rectangle((column * side, row * side), side, side, fill=False, linewidth=3))
    axes[1].imshow(explorer.weights().numpy(), cmap="Oranges", vmin=0)
    draw_image(axes[2], image[:, row * side:(row + 1) * side, column * side:(column + 1) * side])
    draw_image(axes[3], explorer.average())
    plt.show()""",
    ),
    "patches": (
        "PatchExplorer",
        """
from helpers.chapters.ch10_vit.explorer import PatchExplorer
PatchExplorer()""",
        "[data-set='patch_size']",
        "[data-part='grid']",
        PLAIN
        + """
from helpers.chapters.ch10_vit.explorer import AXES, COLOURS, PARTS, costs, curves, pixels, tokens, total
@interact(patch_size=(4, 64, 2))
def show(patch_size=16):
    image, parts, lines = pixels("astronaut", 224), costs("ViT-B", patch_size, 224), curves("ViT-B", patch_size)
    fig, axes = plt.subplots(1, 4, figsize=(14, 4))
    axes[0].imshow(image)
    edges = np.arange(0, 225, patch_size) - 0.5
    axes[0].vlines(edges, -0.5, edges[-1], color="white"); axes[0].hlines(edges, -0.5, edges[-1], color="white")
    row, column = (int(at * 224 / patch_size) * patch_size for at in (0.2, 0.45))
    axes[1].imshow(image[row:row + patch_size, column:column + patch_size])
    draw_bars(axes[2], list(PARTS.values()), [100 * cost.macs / total(parts).macs for cost in parts.values()], fmt="{:.1f} %",
              colours=list(COLOURS.values()))
    axes[3].loglog(lines["tokens"], lines["total"]); axes[3].loglog(lines["tokens"], lines["attention"])
    axes[3].plot(tokens(patch_size, 224), total(parts).macs, "o")
    axes[3].set(xlim=AXES[0], ylim=AXES[1], title=f"{tokens(patch_size, 224)} tokens")
    plt.show()""",
    ),
    "windows": (
        "WindowExplorer",
        """
from helpers.chapters.ch11_swin.explorer import WindowExplorer
WindowExplorer()""",
        "[data-set='window_size']",
        "[data-part='windows']",
        PLAIN
        + """
from helpers import data
from helpers.chapters.ch11_swin.explorer import PATCH, SIDES, STEPS, WindowExplorer, costs, tints
from matplotlib.colors import to_rgb
explorer = WindowExplorer()
side, grey = explorer.side, data.photograph("cat", PATCH * explorer.side).mean(0).numpy()
@interact(window_size=(2, 16))
def show(window_size=4):
    explorer.window_size, explorer.shift = window_size, window_size // 2
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.3))
    moved, heard = explorer._moved, np.ones((side, side, 3))
    for blocks in range(explorer.blocks, 0, -1):
        heard[explorer.heard(blocks)] = to_rgb(STEPS[blocks - 1])
    tint = np.roll(tints(side, window_size, moved), (moved, moved), (0, 1))[:side, :side]
    for ax, colours in zip(axes, (tint, heard)):
        ax.imshow(grey, cmap="gray", extent=(0, side, side, 0)); ax.imshow(colours, alpha=0.5, extent=(0, side, side, 0))
        for draw in (ax.vlines, ax.hlines):
            draw(range(moved or window_size, side, window_size), 0, side, color="white")
        ax.plot(explorer.query[1] + 0.5, explorer.query[0] + 0.5, "s")
    sides = range(*SIDES)
    for each in (None, window_size):
        axes[2].loglog(sides, [costs(at, each, 96).macs for at in sides])
        axes[2].plot(side, costs(side, each, 96).macs, "o")
    plt.show()""",
    ),
    "zoo": (
        "ZooExplorer",
        """
from helpers.chapters.ch14_checklist.explorer import ZooExplorer
ZooExplorer(bought=["first loss", "one batch", "training"])""",
        "[data-set='patient']",
        ".zoo-tests",
        PLAIN
        + """
from helpers.chapters.ch14_checklist import zoo
from helpers.chapters.ch14_checklist.explorer import PATIENTS, ZooExplorer, curve
explorer = ZooExplorer(bought=["first loss", "one batch", "training"])
@interact(patient=(1, len(PATIENTS)))
def show(patient=1):
    explorer.patient = patient
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for name in (zoo.Program.name, explorer.culprit):
        axes[0].plot(curve(zoo.symptoms()[name][0]["losses"]))
    for place, (test, word) in enumerate(explorer.findings().items()):
        axes[1].text(0, -place, f"{test}: {word}")
    for place, name in enumerate(explorer.left()):
        axes[1].text(0.5, -place, name)
    axes[1].set(ylim=(-len(PATIENTS), 1), title=f"{len(explorer.left())} suspects")
    plt.show()""",
    ),
}

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


def measure(notebook, slider, handle, given):
    """Return (median milliseconds, updates a second) of one slider; handle: what takes the keys and the mouse."""
    page, idle = (
        notebook.page,
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
    )
    slider.scroll_into_view_if_needed()
    handle.focus()
    times = []
    for i in range(given.keys):
        page.evaluate("() => { seen.drawn.length = 0; }")
        page.keyboard.press(("ArrowRight", "ArrowLeft")[i % 2])  # one step there, one back
        page.wait_for_function("() => seen.drawn.length > 0", timeout=10_000)
        page.wait_for_function(idle)
        times.append(page.evaluate("() => seen.drawn[0] - seen.pressed"))
        page.wait_for_timeout(60)
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
        _, explorer, control, picture, plain = CASES[name]
        notebook.write(explorer, plain).open().run_all()
        assert notebook.errors() == []
        notebook.settle()
        notebook.page.evaluate(WATCH, picture)
        notebook.page.add_style_tag(content=".jp-Notebook { scroll-behavior: auto !important }")
        ours = notebook.view(f"{control}:not(button)")
        found = measure(notebook, ours, ours, given)
        theirs = measure(
            notebook, notebook.view(".widget-slider .noUi-base"), notebook.view(".widget-slider .noUi-handle"), given
        )
        given.rows.append(as_row(name, found, theirs))
        print(f"{name}: {given.rows[-1][3]}", flush=True)
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def as_row(name, ours, theirs):
    """Return a row of the table. ours, theirs: (milliseconds, updates a second)"""
    (answer, updates), (their_answer, their_updates) = ours, theirs
    return [
        name,
        f"{answer:.1f}",
        f"{their_answer:.0f}",
        f"×{their_answer / answer:.1f}",
        f"{updates:.1f}",
        f"{their_updates:.1f}",
        f"×{updates / their_updates:.1f}" if their_updates else "–",
    ]


def over_explorers(options):
    """Yield the table; nothing, and say why, where there is no browser to measure in."""
    if importlib.util.find_spec("playwright") is None:
        return print("Not measured: Playwright is missing (make test installs it).")
    sys.path.insert(0, str(ROOT / "tests"))
    spec = importlib.util.spec_from_file_location("browser_conftest", ROOT / "tests/browser/conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    if conftest.CHROMIUM is None or shutil.which(conftest.CHROMIUM) is None:
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
            f"Answer: from a key on the slider until the picture is drawn anew, the median of {run.keys}. Updates: frames in which the "
            f"picture changed, while the slider was dragged to another value 60 times a second, for {run.seconds} s.",
            "Each in one notebook with a plain `ipywidgets.interact`, which computes with the explorer's own functions and draws the same "
            "with pyplot. The depth explorer runs two networks forwards and backwards at every change, and so does its neighbour.",
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
