"""The cost explorer in Chromium: every control, the keyboard, both themes, and what it leaves behind."""

import pytest

from browser.test_receptive_field_explorer import OVERLAPS, SMALL, VALUE, answered, leaks, put, ran, readable
from helpers.chapters.ch03_alexnet.explorer import LIMITS, PRESETS, costs, total

SEEN = "r => [...r.querySelectorAll('.bar, .n, .change')].map(n => n.innerHTML).join()"


def shown(notebook, code="CostExplorer()", *more):
    return ran(
        notebook, f"from helpers.chapters.ch03_alexnet.explorer import CostExplorer\nexplorer = {code}\nexplorer", *more
    )


def totals(root):
    return [root.locator(f"[data-part='total.{column}']").inner_text() for column in ("memory", "params", "macs")]


def test_every_control_changes_the_bars_at_both_ends_or_says_why_and_dims_the_numbers(notebook):
    root, reset = shown(notebook), notebook.page.get_by_role("button", name="set everything back")
    start, impossible = root.evaluate(SEEN), []
    for name, (low, high) in {
        **{f"0.{name}": limits for name, limits in LIMITS.items()},
        "1.kernel_size": (1, 15),
        "1.padding": (0, 7),
        "10.filters": LIMITS["filters"],
        "channels": (1, 512),
        "size": (16, 512),
    }.items():
        control = root.locator(f"[data-set='{name}']")
        assert [control.get_attribute("min"), control.get_attribute("max")] == [str(low), str(high)]
        for value in (low, high):
            before = root.evaluate(VALUE, name)
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value)
            if problem := root.locator("[data-part=problem]").inner_text():
                impossible.append((name, value, problem.split(":")[0]))
                assert root.locator("[aria-invalid]").count() == 1
            else:
                assert (root.evaluate(SEEN) != start) == (before != str(value))
            if reset.get_attribute("aria-disabled") is None:
                reset.click()
                answered(root)
            assert root.evaluate(SEEN) == start and root.locator("[aria-invalid]").count() == 0
    # conv2's two groups of an odd number of filters; 512 groups of 3 channels; a pooling with more padding than half its
    # window, and one that steps into nothing.
    assert impossible == [
        ("0.filters", 1, "conv2"),
        ("0.filters", 9999, "conv2"),
        ("0.groups", 512, "conv1"),
        ("1.padding", 7, "pool1"),
        ("size", 16, "pool1"),
    ]
    for name in PRESETS:
        put(root, "network", name)
        (channels, size), layers = PRESETS[name]
        memory, params, macs = total(costs(layers, channels, size))
        assert totals(root) == [f"{memory / 1024:,.1f}", f"{params:,}", f"{macs:,}"]
        assert root.locator(".bar.three").count() == len(layers)

    # groups that divide nothing
    root, alert = shown(notebook), notebook.page.get_by_role("alert")
    before = root.evaluate(SEEN)
    put(root, "2.groups", 3)
    assert (
        alert.inner_text()
        == "conv2: groups (=3) must divide both the 96 input channels and the 256 filters: use 1, 2, 4, 8, 16 or 32."
    )
    assert root.evaluate(SEEN) == before
    notebook.settle(200)
    root.screenshot(path=notebook.shots / "cost-impossible.png")
    assert {n.evaluate("n => getComputedStyle(n).opacity") for n in root.locator(".panel-dims").all()} == {"0.3"}
    assert root.locator("[aria-invalid]").get_attribute("data-set") == "2.groups"
    put(root, "2.groups", 2)
    assert alert.count() == 0 and root.evaluate(SEEN) == before


def test_bars_changes_and_a_second_view_follow_at_once(notebook):
    root = shown(notebook, "CostExplorer('one layer')")
    put(root, "0.filters", 48)
    assert totals(root) == ["567.2", "17,472", "52,707,600"]
    assert [root.locator(f"[data-part='change.{c}']").inner_text() for c in ("memory", "params", "macs")] == [
        "×0.50"
    ] * 3
    put(root, "network", "AlexNet 2012")
    put(root, "2.groups", 1)
    # conv2 now multiplies 96 channels instead of 48: 223,948,800 more.
    assert totals(root)[2] == f"{724_406_816 + 223_948_800:,}"
    widths = root.evaluate(
        "r => [...r.querySelectorAll('.bar.three')].map(b => [b.querySelector('i')?.getBoundingClientRect().width ?? 0, b.getBoundingClientRect().width])"
    )
    assert sum(bar for bar, _ in widths) == pytest.approx(widths[0][1], abs=12)

    # two views of one explorer
    first = shown(notebook, "CostExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "size", 128)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and second.evaluate(VALUE, "size") == "128"
    put(second, "network", "LeNet-like")
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN)
    notebook.kernel("explorer.edit('conv1', filters=12)")
    notebook.settle(200)
    assert first.evaluate(VALUE, "0.filters") == "12" and first.evaluate(SEEN) == second.evaluate(SEEN)


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "CostExplorer('LeNet-like')", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=channels]").focus()
    before, order = page.evaluate(cells), []
    keys = {"0.groups": None, "2.groups": None, "do": "Enter"}
    while len(order) < 21:
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        was, value = root.evaluate(SEEN), page.evaluate("() => document.activeElement.value")
        if key := keys.get(name, "ArrowUp"):
            page.keyboard.press(key)
            answered(root)
            assert page.evaluate("() => document.activeElement.value") != value or key == "Enter"
            # One row or column more may be rounded away by a stride of 2.
            assert root.evaluate(SEEN) != was or name[:2] in ("1.", "2.", "3."), f"{key} on {name} changed nothing"
            assert page.evaluate(focus)[0] == name, "the focus was lost"
        for typed in "axddm":
            page.keyboard.press(typed)
        page.keyboard.press("Tab")
    wanted = ["channels", "size", "do"]
    for i, kind in enumerate(("conv", "pool") * 2):
        wanted += [f"{i}.{name}" for name in (LIMITS if kind == "conv" else ("kernel_size", "stride", "padding"))]
    assert order == [*wanted, "4.filters", "5.filters"][:21]
    page.locator("[data-set=network]").focus()
    page.keyboard.press("ArrowUp")
    answered(root)
    assert root.evaluate(VALUE, "network") == "AlexNet torchvision" and root.locator(".bar.two").count() == 12
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_and_is_readable_at_every_width_on_both_themes(notebook):
    for width in (1280, 1600):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        root = shown(notebook, "CostExplorer('AlexNet torchvision')")
        readable(notebook, root, "cost", 80)
        for problem in (False, True):
            if problem:
                put(root, "2.groups", 5)
            box = root.bounding_box()
            assert box["width"] <= 1100 and box["height"] <= 560, (width, problem, box)
            assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), (width, problem)
        assert root.evaluate(SMALL) == [], width
        assert root.evaluate(OVERLAPS, "[role=columnheader], [role=rowheader], [role=cell]") == [], width
        notebook.theme("JupyterLab Light")


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook)
    steps = [
        [name, value]
        for i in range(100)
        for name, value in (
            ("size", 16 + 4 * i),
            ("0.filters", 96 + i),
            ("2.padding", i % 8),
            ("3.stride", 1 + i % 3),
            ("8.filters", 4000 + i),
        )
    ]
    last = [["size", 227], ["0.filters", 96], ["2.padding", 2], ["3.stride", 2], ["8.filters", 4096]]
    before, after = leaks(notebook, root, steps, last)
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )
