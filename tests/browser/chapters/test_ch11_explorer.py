"""The window explorer in Chromium: the rolled photograph, pointing in both views, and sliders whose ends move."""

from browser.explorers import SEEN, VALUE, answered, put
from helpers.chapters.ch11_swin.explorer import ROLLED, VIEWS, WindowExplorer


def test_what_is_shown_after_the_roll_is_the_photograph_rolled(shown):
    root = shown(WindowExplorer)
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


def test_pointing_moves_the_query_and_the_frame_holds_it(notebook, shown):
    root = shown(WindowExplorer)
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


def test_the_focus_stays_on_a_slider_whose_end_moves(notebook, shown):
    first = shown(WindowExplorer, "WindowExplorer(side=30)", "explorer")
    assert first.locator("[data-set=row]").get_attribute("max") == "29"
    first.locator("[data-set=row]").focus()
    notebook.kernel("explorer.hear('side', 64); explorer.refresh()")
    notebook.settle(200)
    assert first.locator("[data-set=row]").get_attribute("max") == "63"
    assert notebook.page.evaluate("() => document.activeElement.dataset.set") == "row"
    assert first.evaluate("r => r.contains(document.activeElement)"), "the focus went to the other view"
