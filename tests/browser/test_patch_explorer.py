"""The patch explorer in Chromium: every control, pointing, the keyboard, both themes, a narrow screen, and what it leaves behind."""

import pytest

from browser.test_receptive_field_explorer import CONTRAST, OVERLAPS, SMALL, VALUE, answered, leaks, put, readable
from helpers.chapters.ch10_vit.explorer import (
    LIMITS,
    MODELS,
    ORDERS,
    SHUFFLED,
    costs,
    short,
    tokens,
    total,
    weights_memory,
)
from helpers.data import photographs

SEEN = "r => [...r.querySelectorAll('.field-stage, .patch-token, .patch-chain, .patch-grid, .patch-below, .patch-words')].map(n => n.innerHTML).join()"
TEXTS = "[role=columnheader], [role=rowheader], [role=cell], .patch-chain, .patch-words p, .patch-key span, .patch-token > div, .panel-top > label"
OUTSIDE = """r => { const box = r.getBoundingClientRect(); return [...r.querySelectorAll('*')].filter(n => n.checkVisibility() && !n.closest('svg svg')
    && n.getBoundingClientRect().right > box.right + 1).map(n => n.outerHTML.slice(0, 80)); }"""
# Numbers that are wider than their column, and texts that a control is too narrow for.
WIDE = """r => [...r.querySelectorAll('[role=cell]')].filter(n => n.checkVisibility() && n.textContent.trim()).filter(n => {
    const range = document.createRange(), box = n.getBoundingClientRect(); range.selectNodeContents(n); const text = range.getBoundingClientRect();
    return text.left < box.left - 1 || text.right > box.right + 1; }).map(n => n.textContent)"""
CUT = """r => [...r.querySelectorAll('select')].filter(n => { const c = document.createElement('canvas').getContext('2d'); c.font = getComputedStyle(n).font;
    return c.measureText(n.value).width + 26 > n.clientWidth; }).map(n => n.value)"""


def shown(notebook, code="PatchExplorer()", *more):
    notebook.write(
        f"from helpers.chapters.ch10_vit.explorer import PatchExplorer\nexplorer = {code}\nexplorer", *more
    ).open().run_all()
    assert notebook.errors() == []
    return notebook.view(".panel")


def totals(root):
    return [root.locator(f"[data-part='total.{column}'] .roomy").inner_text() for column in ("macs", "params")]


def wanted(model="ViT-B", patch_size=16, size=224):
    return [f"{number:,}" for number in total(costs(model, patch_size, size))]


def test_every_control_shows_the_right_numbers_at_both_ends(notebook):
    root = shown(notebook)
    start = root.evaluate(SEEN)
    assert totals(root) == wanted()
    for name, before in (("patch_size", 16), ("size", 224)):
        low, high, step = LIMITS[name]
        control = root.locator(f"[data-set='{name}']")
        assert [control.get_attribute(key) for key in ("min", "max", "step")] == [str(low), str(high), str(step)]
        for value in (low, high):
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value) == root.locator(f"[data-show='{name}']").inner_text()
            now = {"patch_size": 16, "size": 224, name: value}
            assert (
                totals(root) == wanted(**now)
                and f"{tokens(**now):,} tokens" in root.locator(".patch-chain").inner_text()
            )
            assert root.locator(".left-over").count() == (2 if now["size"] % now["patch_size"] else 0)
            assert ("does not divide" in root.locator(".patch-words").inner_text()) == bool(
                now["size"] % now["patch_size"]
            )
            notebook.settle(200)
            root.screenshot(path=notebook.shots / f"patch-{name}-{value}.png")
        put(root, name, before)
        assert root.evaluate(SEEN) == start
    for model in (*(model for model in MODELS if model != "ViT-B"), "ViT-B"):
        put(root, "model", model)
        assert (
            totals(root) == wanted(model)
            and f"D = {MODELS[model].width:,}" in root.locator("[data-part='model-words']").inner_text()
        )
    assert root.evaluate(SEEN) == start
    seen = set()
    for name, values in (("picture", photographs()), ("order", ORDERS), ("token", (0, 1, 196))):
        for value in values:
            put(root, name, value)
            seen.add(root.evaluate(SEEN))
            notebook.settle(200)
            root.screenshot(path=notebook.shots / f"patch-{name}-{value}.png".replace(" ", "-"))
    assert len(seen) == len(photographs()) + len(ORDERS) + 3 - 1  # "as cut" is what it was


def test_two_views_keep_step_pointing_picks_a_patch_and_the_bars_and_the_point_follow(notebook):
    root = shown(notebook, "PatchExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(root, "patch_size", 32)
    assert second.evaluate(SEEN) == root.evaluate(SEEN) and second.evaluate(VALUE, "patch_size") == "32"
    put(second, "model", "ViT-H")
    answered(root)
    assert second.evaluate(SEEN) == root.evaluate(SEEN) and totals(root) == wanted("ViT-H", 32, 224)

    # pointing into the picture
    put(root, "model", "ViT-B")
    root.scroll_into_view_if_needed()
    stage, mouse = root.locator(".field-stage").bounding_box(), notebook.page.mouse
    cell = stage["width"] / 7
    for row, column in ((0, 0), (3, 5), (6, 6), (2, 1)):
        mouse.click(stage["x"] + (column + 0.5) * cell, stage["y"] + (row + 0.5) * cell)
        answered(root)
        assert (
            root.evaluate(VALUE, "token") == str(1 + 7 * row + column) == root.locator("[data-show=token]").inner_text()
        )
        assert f"row {row}, column {column}" in root.locator(".patch-token").inner_text()
        frame = root.locator(".frame").bounding_box()
        assert (
            abs(frame["x"] - stage["x"] - column * cell) < 2
            and abs(frame["width"] - cell) < 2
            and abs(frame["y"] - stage["y"] - row * cell) < 2
        )
    put(root, "token", 0)
    assert root.locator(".frame").count() == 0 and "class token" in root.locator(".patch-token").inner_text()

    # the bars are to scale, and the point is where the costs are
    for name, value in (("model", "ViT-S"), ("size", 448), ("patch_size", 8)):
        put(root, name, value)
    parts = costs("ViT-S", 8, 448)
    for part, cost in parts.items():
        place = root.locator(f"[data-part='{part}.macs']")
        assert short(cost.macs) in place.inner_text()
        width, whole = place.locator("i").bounding_box()["width"], place.bounding_box()["width"]
        assert width / whole == pytest.approx(cost.macs / total(parts).macs, abs=0.02)
    assert f"{weights_memory('ViT-S', 8, 448) / 2**30:.1f} GiB" in root.locator("[data-part=weights]").inner_text()
    point, places = root.locator(".patch-below circle.here").first, []
    for patch_size in (64, 32, 16, 8, 4):
        put(root, "patch_size", patch_size)
        box = point.bounding_box()
        places.append((box["x"], -box["y"]))
    assert places == sorted(places) and places == sorted(
        places, key=lambda place: place[1]
    )  # more tokens: right and up


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "PatchExplorer()", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=patch_size]").focus()
    before, order = page.evaluate(cells), []
    for key in ("ArrowLeft", "End", "ArrowDown", "ArrowDown", "ArrowDown", "Home"):
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        was = root.evaluate(SEEN)
        page.keyboard.press(key)
        answered(root)
        assert root.evaluate(SEEN) != was, f"{key} on {name} changed nothing"
        assert page.evaluate(focus)[0] == name, "the focus was lost"
        if name == "size":
            assert totals(root) == wanted("ViT-B", 14, 512)
        for typed in "xddm":
            page.keyboard.press(typed)
        answered(root)
        page.keyboard.press("Tab")
    assert order == ["patch_size", "size", "model", "picture", "order", "token"] and totals(root) == wanted(
        "ViT-L", 14, 512
    )
    assert root.evaluate(VALUE, "token") == "0" and root.evaluate(VALUE, "order") == SHUFFLED
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_and_is_readable_on_both_themes_and_fits_a_narrow_screen(notebook):
    root, page = shown(notebook, "PatchExplorer()", "PatchExplorer('ViT-H', 4, 512, token=16384)"), notebook.page
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        readable(notebook, root, "patch", 40)

    # still dark: settings with the longest numbers
    for i, settings in enumerate((("ViT-Ti", 64, 112), ("ViT-H", 4, 512), ("ViT-H", 18, 512), ("ViT-L", 62, 400))):
        for name, value in zip(("model", "patch_size", "size"), settings, strict=True):
            put(root, name, value)
        for order, token in zip(ORDERS, (0, tokens(*settings[1:]) - 1), strict=True):
            put(root, "order", order)
            put(root, "token", token)
            for width in (1280, 1600):
                page.set_viewport_size({"width": width, "height": 900})
                notebook.settle(200)
                box, where = root.bounding_box(), (width, settings, order)
                root.screenshot(path=notebook.shots / f"patch-ends-{i}-{ORDERS.index(order)}-{width}.png")
                assert box["width"] <= 1100 and box["height"] <= 530, where
                assert (
                    root.evaluate("r => r.scrollWidth <= r.clientWidth")
                    and root.evaluate(OUTSIDE) == root.evaluate(WIDE) == root.evaluate(CUT) == []
                ), where
                assert root.evaluate(OVERLAPS, TEXTS) == [], where
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        notebook.settle(200)
        assert root.evaluate(SMALL) == [] and min(root.evaluate(CONTRAST))[0] >= 4.5, width
    notebook.theme("JupyterLab Light")

    # a narrow screen, with the widest settings: the explorer of the second cell
    root = notebook.view(".panel", 1)
    page.set_viewport_size({"width": 760, "height": 900})
    for collapsed in (False, True):  # beside JupyterLab's file browser, and without it
        if collapsed:
            page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        for name, patch_size in (("even", 4), ("uneven", 18)):
            put(root, "patch_size", patch_size)
            notebook.settle()
            root.screenshot(path=notebook.shots / f"patch-narrow-{name}-{collapsed:d}.png")
            where = f"760 wide, {name}, {'without' if collapsed else 'beside'} the file browser"
            assert (
                root.evaluate("r => r.scrollWidth <= r.clientWidth")
                and root.evaluate(OUTSIDE) == root.evaluate(WIDE) == root.evaluate(CUT) == []
            ), where
            assert root.evaluate(OVERLAPS, TEXTS) == [], where
            macs = total(costs("ViT-H", patch_size, 512)).macs
            assert root.locator("[data-part='total.macs']").inner_text() == (
                f"{macs:,}" if collapsed else short(macs)
            ), where


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook)
    steps = [
        [name, value]
        for i in range(100)
        for name, value in (
            ("patch_size", 8 + 2 * (i % 28)),
            ("size", 112 + 16 * (i % 10)),
            ("token", i % 5),
            ("model", list(MODELS)[i % 5]),
            ("order", ORDERS[i % 2]),
        )
    ]
    before, after = leaks(
        notebook,
        root,
        steps,
        [["patch_size", 16], ["size", 224], ["token", 1], ["model", "ViT-B"], ["order", ORDERS[0]]],
    )
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )
