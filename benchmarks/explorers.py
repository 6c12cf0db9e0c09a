"""How fast the explorers answer, in Chromium, each beside a plain ipywidgets.interact that draws the same picture.

Both sit in one notebook, in one JupyterLab, and are measured in turn in the same run. Answer: the median time from a key
on the slider until its picture has been drawn anew; the screen shows that in its next frame, at most 1/60 s later for all.
Updates: in how many frames of a second the picture changes while the slider is dragged to another value 60 times a second.
Trust the ratios: the times depend on the machine and on what else it does.
"""

import importlib.util
import shutil
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEYS, SECONDS = 16, 3

# What a notebook without explorers does: everything is drawn anew for every value, by pyplot.
PLAIN = """
import matplotlib.pyplot as plt, torch, torch.nn.functional as F
from ipywidgets import interact
torch.set_num_threads(1)
"""
CASES = {
    "convolution": ("""
from helpers.explorers.convolution import ConvolutionExplorer
explorer = ConvolutionExplorer(kernel="blur")
explorer""", "[data-set='kernel size']", PLAIN + """
from helpers.plots import draw_image, draw_numbers
image = explorer.image()
@interact(size=(1, 7))
def show(size=3):
    fig, axes = plt.subplots(1, 3, figsize=(11, 4.2))
    kernel = torch.full((size, size), 1 / size**2, dtype=torch.float64)
    draw_image(axes[0], image); draw_numbers(axes[1], kernel, fmt="{:.2g}")
    draw_image(axes[2], F.conv2d(F.pad(image[None, None], [1] * 4), kernel[None, None])[0, 0])
    plt.show()"""),
    "receptive field": ("""
from helpers.explorers.receptive_field import ReceptiveFieldExplorer
ReceptiveFieldExplorer("AlexNet to conv5")""", "[data-set='column']", PLAIN + """
from helpers.explorers.receptive_field import PRESETS, draw_field
from helpers.plots import draw_bars
from helpers.shapes import receptive_field
layers, size = PRESETS["AlexNet to conv5"]
@interact(column=(0, 12))
def show(column=6):
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
    draw_bars(axes[0], [layer.name for layer in layers], [field.size for field in receptive_field(layers)])
    draw_field(axes[1], layers, size, 6, column)
    plt.show()"""),
    "cost": ("""
from helpers.explorers.cost import CostExplorer
CostExplorer()""", "[data-set='size']", PLAIN + """
from helpers.explorers.cost import PRESETS, costs
from helpers.plots import draw_bars
layers = PRESETS["AlexNet 2012"][1]
@interact(size=(64, 512, 8))
def show(size=227):
    rows = costs(layers, 3, size)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.9))
    for ax, column in zip(axes, ("memory", "params", "macs")):
        draw_bars(ax, [row.name for row in rows], [getattr(row, column) for row in rows])
    plt.show()"""),
}

# Note each change of what is shown, and the frames that it appears in: pictures that have loaded, canvases that have been
# drawn upon, and the cost explorer's bars.
WATCH = """() => {
    const seen = window.seen = {pressed: 0, drawn: [], frames: 0}; let noted = false, waits = false;
    const note = () => {
        if (noted) return;
        noted = true;
        queueMicrotask(() => { noted = false; seen.drawn.push(performance.now()); });
        if (!waits) { waits = true; requestAnimationFrame(() => { waits = false; seen.frames++; }); } };
    document.addEventListener('keydown', () => { seen.pressed = performance.now(); }, true);
    document.addEventListener('load', e => { if (e.target.tagName === 'IMG') note(); }, true);
    for (const name of ['drawImage', 'putImageData', 'fillRect']) {
        const draw = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...given) { if (this.canvas.isConnected) note(); return draw.apply(this, given); };
    }
    new MutationObserver(changes => { if (changes.some(({target}) => (target.closest ?? (() => null)).call(target, '.bar'))) note(); })
        .observe(document.body, {subtree: true, childList: true}); }"""


def measure(notebook, slider, handle, keys=("PageUp", "PageDown")):
    """Return (median milliseconds, updates a second) of one slider; handle: what takes the keys and the mouse."""
    page, idle = notebook.page, "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    slider.scroll_into_view_if_needed()
    handle.focus()
    times = []
    for i in range(KEYS):
        page.evaluate("() => { seen.drawn.length = 0; }")
        page.keyboard.press(keys[i % 2])
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
    while time.monotonic() - start < SECONDS:
        page.mouse.move(box["x"] + box["width"] * (0.2, 0.4, 0.6, 0.8, 0.7, 0.5, 0.3)[moves % 7], middle)
        moves += 1
        time.sleep(max(0, start + moves / 60 - time.monotonic()))
    updates = page.evaluate("() => seen.frames") / (time.monotonic() - start)
    page.mouse.up()
    notebook.settle()
    return statistics.median(times), updates


def test_measure(notebook):
    print(f"\n{'explorer':18} {'answer':>18} {'interact':>12} {'ratio':>8}   {'updates/s':>10} {'interact':>10} {'ratio':>8}")
    for name, (explorer, control, plain) in CASES.items():
        notebook.write(explorer, plain).open().run_all()
        assert notebook.errors() == []
        notebook.settle()
        notebook.page.evaluate(WATCH)
        notebook.page.add_style_tag(content=".jp-Notebook { scroll-behavior: auto !important }")
        ours = notebook.view(f"{control}:not(button)")
        answer, updates = measure(notebook, ours, ours)
        theirs, their_updates = measure(notebook, notebook.view(".widget-slider .noUi-base"), notebook.view(".widget-slider .noUi-handle"))
        print(f"{name:18} {answer:15.1f} ms {theirs:9.1f} ms {theirs / answer:7.1f}x   {updates:10.1f} {their_updates:10.1f} {updates / their_updates:7.1f}x")
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def main():
    if importlib.util.find_spec("playwright") is None:
        return print("Not measured: Playwright is missing (make test installs it).")
    spec = importlib.util.spec_from_file_location("browser_conftest", ROOT / "tests/browser/conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    if conftest.CHROMIUM is None or shutil.which(conftest.CHROMIUM) is None:
        return print("Not measured: there is no Chromium on this machine (Debian, Ubuntu: apt install chromium).")
    import pytest
    code = pytest.main([__file__, "-q", "-s", "-p", "no:cacheprovider", f"--rootdir={ROOT}"], plugins=[conftest])
    return sys.exit(code)


if __name__ == "__main__":
    main()
