"""The explorers of recurrent networks in Chromium: every control, the keyboard, both themes, a narrow page."""

from browser.test_receptive_field_explorer import CONTRAST, OVERLAPS, SMALL, VALUE, answered, put

REACH = "r => r.querySelector('.reach-chart').innerHTML"
HELLO = "r => r.querySelector('.hello-body').innerHTML"


def shown(notebook, code, *more):
    notebook.write(
        f"from helpers.chapters.ch07_rnn.explorer import HelloExplorer, RecurrenceExplorer\nexplorer = {code}\nexplorer",
        *more,
    ).open().run_all()
    assert notebook.errors() == []
    return notebook.view(".panel")


def test_every_control_of_the_gradient_changes_the_chart_at_both_ends_and_two_views_keep_step(notebook):
    root = shown(notebook, "RecurrenceExplorer()", "explorer")
    for name, ends in {"radius": (50, 150), "distance": (1, 60)}.items():
        control, seen = root.locator(f"[data-set={name}]"), set()
        assert [control.get_attribute("min"), control.get_attribute("max")] == [str(end) for end in ends]
        for value in ends:
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value)
            seen.add(root.evaluate(REACH))
            root.screenshot(path=notebook.shots / f"reach-{name}-{value}.png")
        assert len(seen) == 2
    for name, values in {"activation": ("tanh", "linear"), "matrix": ("random", "orthogonal")}.items():
        for value in values:
            before = root.evaluate(REACH)
            put(root, name, value)
            assert root.evaluate(REACH) != before
    # 1.5 to the power of 60 is 3.7e10: the last dot is where the axis has that power of ten.
    assert "has grown from 1 to 4 × 10¹⁰" in root.locator("[data-part=words]").inner_text()
    outside = """r => { const box = r.querySelector('svg').getBoundingClientRect();
        return [...r.querySelectorAll('circle')].filter(c => { const b = c.getBoundingClientRect(); return b.top < box.top - 1 || b.bottom > box.bottom + 1; }).length; }"""
    assert root.evaluate(outside) == 0
    put(root, "radius", 50)
    assert root.evaluate(outside) == 0

    # two views, each of which can be moved
    second = notebook.view(".panel", 1)
    put(root, "radius", 120)
    assert second.evaluate(REACH) == root.evaluate(REACH) and second.evaluate(VALUE, "radius") == "120"
    assert root.evaluate(VALUE, "activation") == "linear"
    put(second, "activation", "tanh")
    answered(root)
    assert root.evaluate(VALUE, "activation") == "tanh" and root.evaluate(REACH) == second.evaluate(REACH)


def test_stepping_through_the_word(notebook):
    root, page = shown(notebook, "HelloExplorer()"), notebook.page
    tiles, now = (
        root.locator(".tile"),
        "r => [...r.querySelectorAll('.tile')].findIndex(n => n.classList.contains('on'))",
    )
    assert "".join(tiles.all_inner_texts()) == "hell" and root.evaluate(now) == 0
    seen = {root.evaluate(HELLO)}
    for step in (1, 2, 3):
        page.get_by_role("button", name="next letter").click()
        answered(root)
        assert root.evaluate(now) == step and root.evaluate(VALUE, "step") == str(step + 1)
        assert root.locator("[data-part=words]").inner_text().endswith("right.")
        seen.add(root.evaluate(HELLO))
    assert len(seen) == 4
    root.screenshot(path=notebook.shots / "hello-4.png")
    page.get_by_role("button", name="next letter").click(force=True)  # at the end: nothing
    answered(root)
    assert root.evaluate(now) == 3
    for step in (1, 4):
        put(root, "step", step)
        assert root.evaluate(now) == step - 1
    notebook.kernel("explorer.step = 2")
    notebook.settle(200)
    assert root.evaluate(now) == 1


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    shown(notebook, "RecurrenceExplorer()", "HelloExplorer()", "1")
    page = notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    for cell, seen, keys in (
        (0, REACH, {"radius": "ArrowUp", "activation": "ArrowDown", "matrix": "ArrowDown", "distance": "ArrowUp"}),
        (1, HELLO, {"do": "Enter", "step": "ArrowUp"}),
    ):
        root = notebook.view(".panel", cell)
        first = (
            root.locator("[data-set=radius]") if "radius" in keys else page.get_by_role("button", name="next letter")
        )
        first.focus()
        page.keyboard.press("Tab")  # on to the next control and back: a focus by key shows its outline
        page.keyboard.press("Shift+Tab")
        before = page.evaluate(cells)
        for name, key in keys.items():
            found, outline, label = page.evaluate(focus)
            assert found == name and label and outline >= 3
            was = root.evaluate(seen)
            page.keyboard.press(key)
            answered(root)
            assert root.evaluate(seen) != was and page.evaluate(focus)[0] == name
            for typed in "axddm":
                page.keyboard.press(typed)
            answered(root)
            assert page.evaluate(cells) == before, f"a key on {name} reached JupyterLab"
            page.keyboard.press("Tab")  # after the last control: into the next cell


def test_both_fit_and_are_readable_on_both_themes_and_a_narrow_page(notebook):
    shown(notebook, "RecurrenceExplorer(1.2, 'tanh', 'random')", "HelloExplorer(step=3)")
    roots, pictures = {name: notebook.view(".panel", cell) for cell, name in enumerate(("recur", "hello"))}, {}
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.settle()
        for name, root in roots.items():
            ratios = [ratio for ratio in root.evaluate(CONTRAST) if "state" not in ratio[1]]
            assert len(ratios) > 8 and min(ratios)[0] >= 4.5, (name, theme, min(ratios))
            pictures[name, theme] = root.screenshot(path=notebook.shots / f"{name}-{theme.lower()}.png")
    for name, root in roots.items():
        assert pictures[name, "Light"] != pictures[name, "Dark"], name
        box = root.bounding_box()
        assert box["width"] <= 1100 and box["height"] <= 520, name
        assert root.evaluate(SMALL) == [], name
    notebook.theme("JupyterLab Light")
    notebook.page.set_viewport_size({"width": 760, "height": 900})
    notebook.settle()
    for name, root in roots.items():
        assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), name
        assert root.evaluate(OVERLAPS, "[role=columnheader], [role=cell], .tile, label") == [], name
        root.screenshot(path=notebook.shots / f"{name}-narrow.png")
