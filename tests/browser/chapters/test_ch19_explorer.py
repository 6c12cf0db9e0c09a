"""The segmenter in Chromium: pointing into the picture moves the last click, buttons add clicks, and the masks follow."""

from browser.explorers import answered
from helpers.chapters.ch19_segment_anything.explorer import SegmentExplorer


def test_the_picture_is_clicked_and_the_masks_follow(shown):
    root, kept = shown(SegmentExplorer, "SegmentExplorer()"), SegmentExplorer()
    cards = root.locator(".seg-cards button")
    assert cards.count() == 4
    stage, before = root.locator(".panel-stage"), cards.nth(0).locator("img").get_attribute("src")
    box = stage.bounding_box()
    stage.click(position={"x": box["width"] * 5.5 / 32, "y": box["height"] * 26.5 / 32})
    answered(root)
    assert (
        root.locator("[data-show=column]").inner_text() == "5" and root.locator("[data-show=row]").inner_text() == "26"
    )
    assert cards.nth(0).locator("img").get_attribute("src") != before
    root.locator("button[value=error]").click()
    answered(root)
    kept.clicks = [[5, 26, 1]]
    kept.hear("do", "error")
    x, y, _ = kept.clicks[-1]
    assert root.locator("[data-show=column]").inner_text() == str(x)
    assert root.locator("[data-show=row]").inner_text() == str(y)
    assert root.locator("circle").count() == 2 and root.locator("[data-part=number]").inner_text() == "2"
    cards.nth(1).click()
    answered(root)
    assert cards.nth(1).get_attribute("data-on") is not None
    root.locator("button[value=clear]").click()
    answered(root)
    assert cards.count() == 0 and root.locator("circle").count() == 0
