"""The receptive-field explorer in Chromium: pointing, impossible layers, rows that come and go."""

from browser.explorers import SEEN, VALUE, answered, put
from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer


def test_pointing_into_the_picture_moves_the_unit_and_impossible_layers_say_why_and_dim_it(notebook, shown):
    root = shown(ReceptiveFieldExplorer, "ReceptiveFieldExplorer('AlexNet to conv5')")
    box, frame = root.locator(".panel-stage").bounding_box(), lambda: root.locator(".frame").bounding_box()
    mouse = notebook.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    for x, y in ((0.42, 0.5), (0.35, 0.6), (0.58, 0.45)):
        mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        answered(root)
        now = frame()
        # Units are 16 of about 340 pixels apart: the middle of the field is at most half a step, and two borders, away.
        assert abs(now["x"] + now["width"] / 2 - box["x"] - x * box["width"]) < 14
        assert abs(now["y"] + now["height"] / 2 - box["y"] - y * box["height"]) < 14
    mouse.up()
    at = frame()
    mouse.move(box["x"] + 5, box["y"] + 5)
    notebook.settle(200)
    assert frame() == at

    # more layers than the picture has pixels for
    root = shown(ReceptiveFieldExplorer, "ReceptiveFieldExplorer('AlexNet to conv5')")
    before, alert = root.evaluate("r => r.querySelector('[data-part=heat]').innerHTML"), root.get_by_role("alert")
    put(root, "size", 32)
    assert (
        alert.inner_text()
        == "Layer 4 (pool): kernel_size (=3) exceeds the padded input (=2 = 2 + 2*0): use a smaller kernel or more padding."
    )
    assert root.evaluate("r => r.querySelector('[data-part=heat]').innerHTML") == before
    notebook.settle(200)
    assert root.locator(".panel-dims").first.evaluate("n => getComputedStyle(n).opacity") == "0.3"
    assert root.locator("[aria-invalid]").count() == 4
    put(root, "size", 227)
    assert alert.count() == 0 and root.locator("[aria-invalid]").count() == 0
    field = root.locator("[data-set='0.kernel_size']")
    for typed, kept in (("99", "11"), ("0", "1"), ("", "1")):
        field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        field.blur()
        answered(root)
        assert field.input_value() == kept and field.get_attribute("aria-invalid") is None


def test_rows_are_added_and_removed_and_python_is_followed(notebook, shown):
    root = shown(ReceptiveFieldExplorer)
    rows = root.locator(".field-table [role=row]")
    for name, count in (("add a layer", 8), ("remove layer 2", 7), ("remove layer 1", 6)):
        before = root.evaluate(SEEN)
        notebook.page.get_by_role("button", name=name).click()
        answered(root)
        assert rows.count() == count and root.evaluate(SEEN) != before
    notebook.page.get_by_role("button", name="show layer 2").click()
    answered(root)
    assert root.evaluate(VALUE, "depth") == "2" and "layer 2 sees" in root.locator("[data-part=words]").inner_text()
    notebook.kernel("explorer.size = 50")
    notebook.settle(200)
    assert root.evaluate(VALUE, "size") == "50"
