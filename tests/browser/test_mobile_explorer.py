"""The MobileNet cost explorer in Chromium: every control, the keyboard, both themes, a narrow screen, and what it leaves behind."""

import pytest

from browser.test_receptive_field_explorer import OVERLAPS, SMALL, VALUE, answered, leaks, put, ran, readable
from helpers.chapters.ch06_mobilenet.explorer import BLOCKS, COLUMNS, FULL, LIMITS, START, V1, V2, costs, short, total

SEEN = "r => [...r.querySelectorAll('.mobile-track, .mobile-share, .total, b[data-part]')].map(n => n.innerHTML).join()"


def shown(notebook, code="MobileExplorer()", *more):
    return ran(
        notebook,
        f"from helpers.chapters.ch06_mobilenet.explorer import MobileExplorer\nexplorer = {code}\nexplorer",
        *more,
    )


def totals(root):
    return [root.locator(f"[data-part='total.{column}']").inner_text() for column in COLUMNS]


def wanted(*settings):
    macs, params, memory = total(costs(*settings))
    return [f"{macs:,}", f"{params:,}", f"{memory / 1024:,.1f}"]


def test_every_control_shows_the_right_numbers_at_both_ends(notebook):
    root, reset = shown(notebook), notebook.page.get_by_role("button", name="set width, image and kernel back")
    start = root.evaluate(SEEN)
    assert totals(root) == wanted(V1)
    for name, (low, high, step) in LIMITS.items():
        control = root.locator(f"[data-set='{name}']")
        assert [control.get_attribute(key) for key in ("min", "max", "step")] == [str(low), str(high), str(step)]
        for value in (low, high):
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value) == root.locator(f"[data-show='{name}']").inner_text()
            assert totals(root) == wanted(V1, *{**START, name: value}.values())
            if value != START[name]:
                assert root.evaluate(SEEN) != start
                reset.click()
                answered(root)
            assert root.evaluate(SEEN) == start
    for block in (V2, FULL, V1):
        put(root, "block", block)
        assert totals(root) == wanted(block)
    assert root.evaluate(SEEN) == start


def test_bars_are_as_long_as_their_numbers_and_a_second_view_follows(notebook):
    root = shown(notebook, "MobileExplorer(width=50, size=128, kernel_size=5)")
    mine, other = (total(costs(block, 50, 128, 5)) for block in (V1, FULL))
    for column in COLUMNS:
        widths = [
            root.locator(f"[data-part='{name}.{column}'] .mobile-bar").bounding_box()["width"]
            for name in ("mine", "other")
        ]
        assert widths[0] / widths[1] == pytest.approx(getattr(mine, column) / getattr(other, column), abs=0.02)
        assert root.locator(f"[data-part='mine.{column}'] span").inner_text() == short(column, getattr(mine, column))
        pieces = root.evaluate(
            "(r, c) => [...r.querySelectorAll(`[data-part='mine.${c}'] i`)].reduce((s, i) => s + i.getBoundingClientRect().width, 0)",
            column,
        )
        assert pieces == pytest.approx(widths[0], abs=1)

    # two views of one explorer
    first = shown(notebook, "MobileExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "size", 128)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and second.evaluate(VALUE, "size") == "128"
    put(second, "block", V2)
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and totals(first) == wanted(V2, 100, 128, 3)


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "MobileExplorer()", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=block]").focus()
    before, order = page.evaluate(cells), []
    for key in ("ArrowDown", "ArrowLeft", "End", "ArrowUp", "Enter"):
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        was = root.evaluate(SEEN)
        page.keyboard.press(key)
        answered(root)
        assert root.evaluate(SEEN) != was, f"{key} on {name} changed nothing"
        assert page.evaluate(focus)[0] == name, "the focus was lost"
        if name == "kernel_size":
            assert totals(root) == wanted(V2, 95, 320, 5)
        for typed in "axdd":
            page.keyboard.press(typed)
        page.keyboard.press("Tab")
    assert order == ["block", "width", "size", "kernel_size", "do"] and totals(root) == wanted(V2)
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_a_narrow_screen_and_is_readable_at_every_width_on_both_themes(notebook):
    for width in (1280, 1600):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        root = shown(notebook)
        readable(notebook, root, "mobile", 50)
        for block in BLOCKS:
            for end in (0, 1):
                for name, limits in LIMITS.items():
                    put(root, name, limits[end])
                put(root, "block", block)
                box = root.bounding_box()
                assert box["width"] <= 1100 and box["height"] <= 520, (width, block, end, box)
                assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), (width, block, end)
                assert root.evaluate(OVERLAPS, "[role=columnheader], [role=rowheader], [role=cell]") == [], (
                    width,
                    block,
                    end,
                )
                notebook.settle(200)
                root.screenshot(path=notebook.shots / f"mobile-{BLOCKS.index(block)}-{end}-{width}.png")
        assert root.evaluate(SMALL) == [], width
        notebook.theme("JupyterLab Light")

    # a narrow screen, without JupyterLab's file browser
    notebook.page.set_viewport_size({"width": 800, "height": 900})
    root = shown(notebook, "MobileExplorer('full convolution', 150, 320, 11)")
    notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    notebook.settle()
    root.screenshot(path=notebook.shots / "mobile-narrow.png")
    assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), "narrow"
    assert root.evaluate(OVERLAPS, "[role=columnheader], [role=rowheader], [role=cell]") == [], "narrow"


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook)
    steps = [
        [name, value]
        for i in range(125)
        for name, value in (
            ("width", 25 + 5 * (i % 26)),
            ("size", 96 + 32 * (i % 8)),
            ("kernel_size", 3 + 2 * (i % 5)),
            ("block", BLOCKS[i % 3]),
        )
    ]
    before, after = leaks(notebook, root, steps, [["block", V1], *map(list, START.items())])
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )
