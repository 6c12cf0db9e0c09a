"""The patch explorer in Chromium: pointing picks a patch, and bars and point are to scale."""

import pytest

from browser.explorers import VALUE, answered, put
from helpers.chapters.ch10_vit.explorer import PatchExplorer, costs, short, total, weights_memory


def test_pointing_picks_a_patch_and_the_bars_and_the_point_follow(notebook, shown):
    root = shown(PatchExplorer, "PatchExplorer(patch_size=32)")
    root.scroll_into_view_if_needed()
    stage, mouse = root.locator(".panel-stage").bounding_box(), notebook.page.mouse
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
