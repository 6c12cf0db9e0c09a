"""The field explorer in Chromium: a point is dragged through the field, and its path ends at the mode that the kernel finds."""

from browser.explorers import VALUE, answered, put
from helpers.chapters.ch18_diffusion.explorer import DiffusionExplorer


def test_the_start_is_dragged_and_the_path_follows(shown):
    root = shown(DiffusionExplorer, "DiffusionExplorer(steps=20)")
    root.scroll_into_view_if_needed()
    stage, mouse = root.locator(".dif-stage"), root.page.mouse
    box = stage.bounding_box()
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    mouse.down()
    for across, down in ((0.6, 0.4), (0.75, 0.25), (0.5, 0.125)):
        mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=3)
    mouse.up()
    answered(root)
    x, y = (int(root.evaluate(VALUE, name)) for name in ("x", "y"))
    assert abs(x) <= 5 and abs(y - 180) <= 5
    kept = DiffusionExplorer(steps=20, x=x, y=y)
    places = root.locator(".dif-stage .way").get_attribute("d").removeprefix("M").split("L")
    assert len(places) == 21
    last = [float(each) for each in places[-1].split()]
    assert abs(last[0] - kept.path()[-1, 0]) < 2e-3 and abs(last[1] + kept.path()[-1, 1]) < 2e-3
    assert f"mode {kept.end(kept.path())[0]}" in root.locator(".dif-words").inner_text()
    arrows = root.locator(".dif-stage .exact").get_attribute("d")
    put(root, "t", 100)
    assert root.locator(".dif-stage .exact").get_attribute("d") != arrows
    put(root, "steps", 3)
    assert root.locator(".dif-stage .on").count() == 2
