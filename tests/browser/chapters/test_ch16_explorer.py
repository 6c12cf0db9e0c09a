"""The prompt explorer in Chromium: exchanging moves nothing under the bag of words, and much under the tower that knows pairs."""

from browser.explorers import answered, put
from helpers.chapters.ch16_clip.explorer import TOWERS, PromptExplorer


def shares(root):
    """What stands under the pictures: the probability of A, eight numbers."""
    return [float(each.inner_text()) for each in root.locator(".prompt-pictures b").all()]


def press(root, what):
    root.get_by_role("button", name=f"B: A, {what}").click()
    answered(root)


def test_exchanging_moves_the_bars_only_where_the_tower_knows_pairs(notebook, shown):
    root = shown(PromptExplorer, f"PromptExplorer({TOWERS[0]!r})")
    root.scroll_into_view_if_needed()
    for tower in TOWERS:
        put(root, "tower", tower)
        press(root, "exchange colours")
        assert (set(shares(root)) == {0.5}) == (tower == TOWERS[0])
    bar = root.locator(".prompt-bar").first
    blue, whole = bar.locator(".a").bounding_box()["width"], bar.bounding_box()["width"]
    assert abs(blue / whole - shares(root)[0]) < 0.02
    press(root, "copy")
    assert set(shares(root)) == {0.5} and "they are one text" in root.inner_text()
    # the second object comes and goes with the relation, and the focus stays
    put(root, "b2", "alone")
    assert root.locator("[data-set='b3']").count() == 0 and root.locator("[data-set='a3']").count() == 1
    put(root, "b0", "white")
    put(root, "b1", "triangle")
    assert shares(root)[6] < 0.5  # the seventh picture is a white triangle
    put(root, "b2", "below")
    assert root.locator("[data-set='b3']").is_visible()
