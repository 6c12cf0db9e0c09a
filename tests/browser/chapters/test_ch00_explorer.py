"""The microscope in Chromium: the square that is dragged, the bars that follow, the occlusion map that comes in slices."""

from browser import explorers
from helpers.chapters.ch00_start_here.explorer import LAST, SQUARE, WHY, MicroscopeExplorer


def test_the_bars_follow_a_square_that_is_dragged(notebook, shown):
    root = shown(MicroscopeExplorer)
    before, box = root.locator(".mic-bars").inner_text(), root.locator(".panel-stage").bounding_box()
    page = notebook.page
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + 20 + 30 * step, box["y"] + 20 + 30 * step)
    page.mouse.up()
    explorers.answered(root)
    column = round((170 / box["width"]) * 224)
    found = notebook.kernel(
        "print(explorer.tools['cover'], explorer.tools['column'], explorer.most_probable(1)[0][0])"
    ).split(" ", 2)
    assert int(found[0]) == SQUARE and abs(int(found[1]) - column) <= 1
    assert (
        root.locator(".mic-bars").inner_text() != before and found[2].strip() in root.locator(".mic-bars").inner_text()
    )
    root.locator("[data-set=do][value=reset]").click()
    explorers.answered(root)
    assert root.locator(".mic-bars").inner_text() == before


def test_the_occlusion_map_comes_in_slices_until_it_is_whole(notebook, shown):
    root = shown(MicroscopeExplorer, f"MicroscopeExplorer(view={WHY!r}, layer={LAST})")
    root.locator("[data-set=do][value=hide]").click()
    root.locator("text=Correlation with the other map").wait_for(timeout=60_000)
    assert notebook.kernel("print(len(explorer._rows))") == "7\n"
    explorers.put(root, "right", 20)
    assert root.locator("[data-set=do][value=hide]").is_visible()
