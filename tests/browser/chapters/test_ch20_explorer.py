"""The camera explorer in Chromium: a pixel is pointed to, and the camera dragged on the map from above."""

from browser.explorers import VALUE, answered, put
from helpers.chapters.ch20_nerf.explorer import NerfExplorer


def test_a_pixel_is_pointed_to_and_the_camera_is_dragged(shown):
    root = shown(NerfExplorer, "NerfExplorer(turn=40, height=25)")
    picture, plan = root.locator("[data-part=picture]"), root.locator("[data-part=plan]")
    box = picture.bounding_box()
    root.page.mouse.click(box["x"] + 0.51 * box["width"], box["y"] + 0.26 * box["height"])
    answered(root)
    assert (root.evaluate(VALUE, "column"), root.evaluate(VALUE, "row")) == ("25", "13")
    before, box = picture.inner_html(), plan.bounding_box()
    root.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    root.page.mouse.down()
    root.page.mouse.move(box["x"] + box["width"] * (0.5 + 3.4 / 9.2), box["y"] + 0.5 * box["height"], steps=4)
    root.page.mouse.up()
    answered(root)
    assert (root.evaluate(VALUE, "turn"), root.evaluate(VALUE, "height")) == ("90", "30")
    assert picture.inner_html() != before
    bars = root.locator("[data-part=chart] rect").count()
    put(root, "samples", 8)
    assert bars == 48 and root.locator("[data-part=chart] rect").count() == 16
