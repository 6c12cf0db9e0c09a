"""The stack explorer in Chromium: every control, the keyboard, both themes, a narrow screen."""

import pytest

from browser.test_receptive_field_explorer import OVERLAPS, SMALL, VALUE, answered, put, ran, readable
from helpers.chapters.ch04_vgg.explorer import CHANNELS, KERNELS, LAYERS, SIZES

SEEN = "r => [...r.querySelectorAll('svg, .stack-bar, .stack-title, .stack-words, .n')].map(n => n.innerHTML).join()"


def shown(notebook, code="VggStackExplorer()", *more):
    return ran(
        notebook, f"from helpers.chapters.ch04_vgg.explorer import VggStackExplorer\nexplorer = {code}\nexplorer", *more
    )


def test_every_control_changes_what_is_seen_at_both_ends(notebook):
    root = shown(notebook)
    for name, (low, high) in {"layers": LAYERS, "channels": CHANNELS, "size": SIZES}.items():
        control, seen = root.locator(f"[data-set='{name}']"), set()
        assert [control.get_attribute("min"), control.get_attribute("max")] == [str(low), str(high)]
        for value in (low, high):
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value)
            assert root.locator(f"[data-show='{name}']").inner_text() == str(value)
            seen.add(root.evaluate(SEEN))
            root.screenshot(path=notebook.shots / f"stack-{name}-{value}.png")
        assert len(seen) == 2, f"{name} changes nothing"
    seen = set()
    for kernel_size in KERNELS:
        put(root, "kernel_size", f"{kernel_size}×{kernel_size}")
        seen.add(root.evaluate(SEEN))
    assert len(seen) == len(KERNELS)


def test_bars_frames_and_a_second_view_follow_at_once(notebook):
    root = shown(notebook)
    assert [bar.inner_text() for bar in root.locator("[data-part=params] .stack-bar").all()] == ["73,856", "102,464"]
    put(root, "layers", 3)
    assert (
        root.locator("[data-part=left] .frame").count() == 3
        and "do not see the same" in root.locator(".stack-words").inner_text()
    )
    notebook.page.get_by_role("button", name="give the large window").click()
    answered(root)
    assert (
        root.evaluate(VALUE, "kernel_size") == "7×7"
        and root.locator("[data-part='macs-ratio']").inner_text() == "×0.55"
    )
    widths = root.evaluate(
        "r => [...r.querySelectorAll('[data-part=macs] .stack-bar i')].map(i => i.getBoundingClientRect().width)"
    )
    assert widths[0] / widths[1] == pytest.approx(27 / 49, abs=0.02)
    frames = root.evaluate(
        "r => [...r.querySelectorAll('[data-part=left] .frame')].map(f => f.getBoundingClientRect().width)"
    )
    assert frames[1] / frames[0] == pytest.approx(5 / 3, rel=0.05) and frames[2] / frames[0] == pytest.approx(
        7 / 3, rel=0.05
    )

    # two views of one explorer
    first = shown(notebook, "VggStackExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "channels", 128)
    put(second, "layers", 4)
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and first.evaluate(VALUE, "layers") == "4"


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "VggStackExplorer(2, 7)", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=layers]").focus()
    before, order = page.evaluate(cells), []
    for key in ("ArrowRight", "ArrowUp", "Enter", "ArrowRight", "ArrowRight"):
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        was = root.evaluate(SEEN)
        page.keyboard.press(key)
        answered(root)
        assert root.evaluate(SEEN) != was, f"{key} on {name} changed nothing"
        assert page.evaluate(focus)[0] == name, "the focus was lost"
        for typed in "axddm":
            page.keyboard.press(typed)
        answered(root)
        page.keyboard.press("Tab")
    assert order == ["layers", "kernel_size", "do", "channels", "size"]
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_and_is_readable_at_every_width_on_both_themes(notebook):
    for width in (900, 1280, 1600):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        root = shown(notebook, "VggStackExplorer(5, 11, 512, 224)")
        readable(notebook, root, "stack", 15)
        for layers in LAYERS:
            put(root, "layers", layers)
            box = root.bounding_box()
            assert box["width"] <= 1100 and (box["height"] <= 520 or width < 1000), (width, layers, box)
            assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), (width, layers)
        assert root.evaluate(SMALL) == [], width
        assert (
            root.evaluate(OVERLAPS, "[role=columnheader], [role=rowheader], [role=cell], .stack-title, .stack-words")
            == []
        ), width
        notebook.theme("JupyterLab Light")
