"""The window explorer in Chromium: every control, pointing, the keyboard, both themes, a narrow screen, and what it leaves behind."""

from browser.test_receptive_field_explorer import OVERLAPS, SMALL, VALUE, answered, leaks, put, readable
from helpers.chapters.ch11_swin.explorer import BLOCKS, IMAGE, ROLLED, SIDES, VIEWS, WINDOWS, WindowExplorer

SEEN = """r => [...r.querySelectorAll('[data-part=windows], [data-part=heard], [data-part=chart], [data-part=mine], [data-part=other], [data-part=steps]')]
    .map(n => n.innerHTML).join()"""
TEXTS = ".win-cost > div, .win-key span, .win-steps [role], .win-title, .panel-top label, .win-words"
WIDE = "r => [...r.querySelectorAll('*')].filter(n => n.checkVisibility() && n.scrollWidth > n.clientWidth + 1 && !n.closest('svg, .win-stage') && n.clientWidth).map(n => n.className + n.textContent.slice(0, 40))"


def shown(notebook, code="WindowExplorer()", *more):
    notebook.write(
        f"from helpers.chapters.ch11_swin.explorer import WindowExplorer\nexplorer = {code}\nexplorer", *more
    ).open().run_all()
    assert notebook.errors() == []
    return notebook.view(".panel")


def steps(root):
    return [
        [int(cell.inner_text().replace(",", "")) for cell in row.locator("[role=cell]").all()]
        for row in root.locator(".win-steps [role=row]").all()[1:]
    ]


def test_every_control_changes_what_is_seen_at_both_ends_and_the_photograph_is_rolled(notebook):
    root = shown(notebook)
    ends = {
        "window_size": WINDOWS,
        "shift": (0, 3),
        "blocks": BLOCKS,
        "side": SIDES[:2],
        "row": (0, 15),
        "column": (0, 15),
    }
    start = {"window_size": 4, "shift": 2, "blocks": 2, "side": 16, "row": 6, "column": 6}
    for name, (low, high) in ends.items():
        control, seen = root.locator(f"[data-set='{name}']"), {root.evaluate(SEEN)}
        assert [control.get_attribute("min"), control.get_attribute("max")] == [str(low), str(high)]
        for value in (low, high):
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value) == root.locator(f"[data-show='{name}']").inner_text()
            settings = {**start, name: value}
            if name == "window_size":
                settings["shift"] = value // 2
            elif name == "side":
                settings.update(
                    row=int(0.4 * value), column=int(0.4 * value)
                )  # the query keeps its place in the picture
            query = settings.pop("row"), settings.pop("column")
            wanted = WindowExplorer(**settings, query=query)
            assert steps(root)[0][wanted.blocks - 1] == int(wanted.heard().sum())
            assert [root.locator(f"[data-part={part}] b").inner_text() for part in ("mine", "other")] == [
                f"{cost.macs:,}" for cost in wanted.costs()
            ]
            seen.add(root.evaluate(SEEN))
            root.screenshot(path=notebook.shots / f"windows-{name}-{value}.png")
        assert len(seen) == 3, f"{name} changes nothing"
        put(root, name, start[name])
    before = root.evaluate(SEEN)
    put(root, "view", ROLLED)
    assert root.evaluate(SEEN) != before
    put(root, "view", IMAGE)
    assert root.evaluate(SEEN) == before

    # what is shown after the roll is the photograph, rolled
    put(root, "shift", 1)
    put(root, "view", ROLLED)
    stage = root.locator(".win-stage").first.bounding_box()
    boxes = [img.bounding_box() for img in root.locator(".win-stage").first.locator(".win-grey img").all()]
    found = {
        (
            round(16 * (b["x"] - stage["x"]) / stage["width"]),
            round(16 * (b["y"] - stage["y"]) / stage["width"]),
            round(16 * b["width"] / stage["width"]),
        )
        for b in boxes
    }
    assert len(boxes) == 4 and found == {(x, y, 16) for x in (-1, 15) for y in (-1, 15)}
    put(root, "blocks", 1)
    assert root.locator(".win-stage").first.locator(".win-grey img").count() == 1


def test_pointing_moves_the_query_and_the_frame_holds_it(notebook):
    root = shown(notebook)
    for view in VIEWS:
        for name, value in (("row", 6), ("column", 6), ("view", view)):  # each view from the same place
            put(root, name, value)
        assert root.evaluate(VALUE, "view") == view
        assert_that_pointing_moves_the_query(notebook, root, view)


def assert_that_pointing_moves_the_query(notebook, root, view):
    mouse = notebook.page.mouse
    stages, middle = root.locator(".win-stage").all(), lambda b: (b["x"] + b["width"] / 2, b["y"] + b["height"] / 2)
    for stage in stages:
        box = stage.bounding_box()
        mouse.move(*middle(box))
        mouse.down()
        for x, y in ((0.02, 0.03), (0.97, 0.4), (0.55, 0.98)):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            answered(root)
            at = middle(stage.locator(".win-query").bounding_box())
            # The middle of a patch is at most half of it, a 32nd of the map, from where was pointed.
            assert (
                abs(at[0] - box["x"] - x * box["width"]) <= box["width"] / 32 + 1
                and abs(at[1] - box["y"] - y * box["height"]) <= box["height"] / 32 + 1
            ), view
            query, frame = (stages[0].locator(part).bounding_box() for part in (".win-query", ".win-frame"))
            assert frame["x"] - 4 <= query["x"] and query["x"] + query["width"] <= frame["x"] + frame["width"] + 4, view
            assert frame["y"] - 4 <= query["y"] and query["y"] + query["height"] <= frame["y"] + frame["height"] + 4, (
                view
            )
        mouse.up()
        now = root.evaluate(SEEN)
        mouse.move(box["x"] + 5, box["y"] + 5)
        notebook.settle(200)
        assert root.evaluate(SEEN) == now, view


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "WindowExplorer(shift=1)", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set, parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=window_size]").focus()
    before, order = page.evaluate(cells), []
    for key in ("ArrowRight", "End", "ArrowUp", "ArrowLeft", "End", "Home", "ArrowDown"):
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name)
        if name == "view":  # it shows something else only where the last block shifts
            put(root, "blocks", 4)
            root.locator("[data-set=view]").focus()
        was = root.evaluate(SEEN)
        page.keyboard.press(key)
        answered(root)
        assert root.evaluate(SEEN) != was, f"{key} on {name} changed nothing"
        assert page.evaluate(focus)[0] == name, "the focus was lost"
        for typed in "axdd":
            page.keyboard.press(typed)
        page.keyboard.press("Tab")
    assert order == ["window_size", "shift", "blocks", "side", "row", "column", "view"]
    assert [root.evaluate(VALUE, name) for name in order] == ["5", "4", "4", "14", "13", "0", ROLLED]
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


EXTREMES = [
    dict(window_size=2, shift=1, side=64, blocks=6),
    dict(window_size=16, shift=15, side=64, blocks=6),
    dict(window_size=16, shift=8, side=4),
    dict(window_size=7, shift=6, side=16, view=ROLLED),
    dict(window_size=15, shift=14, side=64, blocks=6, view=ROLLED),
    dict(side=64, channels=768, heads=24),
]


def test_it_fits_and_is_readable_on_both_themes_and_fits_a_narrow_screen(notebook):
    root, page = shown(notebook, "WindowExplorer()", "WindowExplorer(16, side=64, blocks=6)"), notebook.page
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        readable(notebook, root, "windows", 40)

    # still dark: the extremes, and the last of them in letters of a readable size
    for i, settings in enumerate(EXTREMES):
        notebook.kernel(
            f"for name, value in {dict(shift=2, blocks=2, side=16, view=IMAGE) | settings}.items(): setattr(explorer, name, value)\nexplorer.refresh()"
        )
        for width in (1280, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            notebook.settle(200)
            box = root.bounding_box()
            root.screenshot(path=notebook.shots / f"windows-{i}-{width}.png")
            assert box["width"] <= 1100 and box["height"] <= 520, (width, settings)
            assert root.evaluate("r => r.scrollWidth <= r.clientWidth") and root.evaluate(WIDE) == [], (width, settings)
            assert root.evaluate(OVERLAPS, TEXTS) == [], (width, settings)
            assert root.evaluate(SMALL) == [], (width, settings)
    notebook.theme("JupyterLab Light")

    # a narrow screen, with the widest settings: the explorer of the second cell
    root = notebook.view(".panel", 1)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    for width in (760, 520):
        page.set_viewport_size({"width": width, "height": 900})
        notebook.settle()
        root.screenshot(path=notebook.shots / f"windows-narrow-{width}.png")
        assert root.evaluate("r => r.scrollWidth <= r.clientWidth") and root.evaluate(WIDE) == [], width
        assert root.evaluate(OVERLAPS, TEXTS) == [], width


def test_two_views_keep_step_and_the_focus_stays_on_a_slider_whose_end_moves(notebook):
    first = shown(notebook, "WindowExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "side", 30)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and second.evaluate(VALUE, "side") == "30"
    put(second, "shift", 3)
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and first.evaluate(VALUE, "shift") == "3"

    # the kernel moves the end of the slider that has the focus
    assert first.locator("[data-set=row]").get_attribute("max") == "29"
    first.locator("[data-set=row]").focus()
    notebook.kernel("explorer.hear('side', 64); explorer.refresh()")
    notebook.settle(200)
    assert first.locator("[data-set=row]").get_attribute("max") == "63"
    assert notebook.page.evaluate("() => document.activeElement.dataset.set") == "row"
    assert first.evaluate("r => r.contains(document.activeElement)"), "the focus went to the other view"


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook)
    steps = [
        [name, value]
        for i in range(100)
        for name, value in (
            ("window_size", 2 + i % 6),
            ("shift", i % 2),
            ("blocks", 1 + i % 6),
            ("side", 12 + 2 * (i % 5)),
            ("row", i % 12),
        )
    ]
    before, after = leaks(
        notebook, root, steps, [["side", 16], ["window_size", 4], ["shift", 2], ["blocks", 2], ["row", 6]]
    )
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )
