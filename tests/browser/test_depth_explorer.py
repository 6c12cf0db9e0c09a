"""The depth explorer in Chromium: every control, the keyboard, both themes, a narrow screen, and what it leaves behind."""

from browser.test_receptive_field_explorer import SMALL, VALUE, answered, leaks, put, ran, readable
from helpers.chapters.ch05_resnet.explorer import DepthExplorer

SEEN = "r => [...r.querySelectorAll('polyline')].map(n => n.getAttribute('points')).join() + r.querySelector('[data-part=words]').textContent"
ENDS = {"depth": (4, 60), "norm": ("off", "on"), "start": ("torch", "he"), "end": ("ReLU", "BN"), "seed": (0, 99)}


def shown(notebook, code="DepthExplorer()", *more):
    return ran(
        notebook, f"from helpers.chapters.ch05_resnet.explorer import DepthExplorer\nexplorer = {code}\nexplorer", *more
    )


def text(root):
    return root.locator("[data-part=words]").inner_text().replace("\n", "").replace(" ", "")


def expected(**settings):
    return "".join(
        DepthExplorer(**settings)
        .parts["words"]
        .replace("<p>", "")
        .replace("</p>", "")
        .replace("<b>", "")
        .replace("</b>", "")
        .split()
    )


def test_every_control_changes_the_charts_at_both_ends_and_in_both_views(notebook):
    root = shown(notebook)
    for name, ends in ENDS.items():
        control, seen = root.locator(f"[data-set='{name}']"), set()
        if name in ("depth", "seed"):
            assert [control.get_attribute("min"), control.get_attribute("max")] == [str(end) for end in ends]
        for value in ends:
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value)
            seen.add(root.evaluate(SEEN))
        assert len(seen) == 2, f"{name} changes nothing"
    assert text(root) == expected(depth=60, seed=99)
    put(root, "norm", "off")
    notebook.settle(200)
    root.screenshot(path=notebook.shots / "depth-deepest.png")
    assert root.locator("polyline").count() == 4 and root.locator("circle").count() == 2 * 60 + 1  # and one in the key

    # two views of one explorer
    first = shown(notebook, "DepthExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "depth", 44)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and second.evaluate(VALUE, "depth") == "44"
    put(second, "end", "ReLU")
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN)


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "DepthExplorer()", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=depth]").focus()
    before, order = page.evaluate(cells), []
    keys = {"depth": "ArrowRight", "norm": "ArrowDown", "start": "ArrowDown", "end": "ArrowDown", "seed": "ArrowUp"}
    while len(order) < 5:
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        was = root.evaluate(SEEN)
        page.keyboard.press(keys[name])
        answered(root)
        assert root.evaluate(SEEN) != was and page.evaluate(focus)[0] == name
        for typed in "axddm" if name != "start" else "":
            page.keyboard.press(typed)
        page.keyboard.press("Tab")
    assert order == list(ENDS)
    root.locator("[data-set=depth]").focus()
    for key, depth in (("End", "60"), ("Home", "4"), ("ArrowRight", "6")):
        page.keyboard.press(key)
        answered(root)
        assert root.evaluate(VALUE, "depth") == depth == root.locator("[data-show=depth]").inner_text()
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_and_is_readable_at_every_width_on_both_themes(notebook):
    for width in (760, 1280):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        root = shown(notebook, "DepthExplorer(32)")
        readable(notebook, root, "depth", 30)
        put(root, "norm", "off")
        put(root, "start", "torch")
        put(root, "depth", 60)
        box, inside = (
            root.bounding_box(),
            root.evaluate("""r => [...r.querySelectorAll('figure svg *')].every(n => {
            const a = n.getBoundingClientRect(), b = r.getBoundingClientRect(); return a.left >= b.left - 1 && a.right <= b.right + 1; })"""),
        )
        assert box["width"] <= 1100 and box["height"] <= (520 if width == 1280 else 1000) and inside, (
            width,
            box,
            inside,
        )
        assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), width
        assert root.evaluate(SMALL) == [], width
        notebook.theme("JupyterLab Light")


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook, "DepthExplorer(8)")
    steps = [
        [name, value]
        for i in range(100)
        for name, value in (
            ("depth", 4 + 2 * (i % 5)),
            ("norm", ("on", "off")[i % 2]),
            ("start", ("he", "torch", "xavier")[i % 3]),
            ("end", ("BN", "ReLU")[i % 2]),
            ("seed", i % 9),
        )
    ]
    last = [["depth", 8], ["norm", "on"], ["start", "he"], ["end", "BN"], ["seed", 0]]
    before, after = leaks(notebook, root, steps, last)
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )
