"""A student's own picture in a real JupyterLab: taken by the button, dropped, chosen from my_pictures/; refused in a sentence."""

import io

from PIL import Image

from browser import explorers
from helpers.chapters.ch01_convolution.explorer import ConvolutionExplorer
from helpers.chapters.ch10_vit.explorer import PatchExplorer

# Drop a file of these bytes on an explorer, as a hand would.
DROP = """(r, [name, bytes]) => { const carried = new DataTransfer();
    carried.items.add(new File([new Uint8Array(bytes)], name));
    for (const type of ['dragenter', 'dragover', 'drop'])
        r.dispatchEvent(new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true})); }"""


def encoded(colour, kind="png", sides=(60, 40)):
    buffer = io.BytesIO()
    Image.new("RGB", sides, colour).save(buffer, kind)
    return buffer.getvalue()


def wait_for(notebook, root, words):
    root.locator(f"[data-part]:has-text('{words}')").last.wait_for(timeout=20_000)
    notebook.settle()


def test_a_panel_takes_uploads_drops_and_files(notebook, tmp_path):
    (tmp_path / "mine.png").write_bytes(encoded("red"))
    before = f"import os\nos.environ['COURSE_PICTURES'] = {str(tmp_path)!r}"
    root = explorers.ran(notebook, f"{before}\n{explorers.code(PatchExplorer)}")
    mean = "print(explorer.picture, [round(v, 2) for v in explorer.gallery.now.at(64).mean((1, 2)).tolist()])"
    explorers.put(root, "picture", "mine.png")
    wait_for(notebook, root, "mine.png is your own picture")
    assert notebook.kernel(mean) == "mine.png [1.0, 0.0, 0.0]\n"
    with notebook.page.expect_file_chooser() as chosen:
        root.locator("[data-upload]").click()
    assert root.locator("text=It stays on this machine").is_visible()
    green = encoded((0, 255, 0), "bmp", (1600, 1200))  # 5.8 MB: made smaller by the browser
    chosen.value.set_files({"name": "tall <b>.bmp", "mimeType": "image/bmp", "buffer": green})
    wait_for(notebook, root, "tall <b>.bmp is your own picture")
    assert notebook.kernel(mean) == "tall <b>.bmp [0.0, 1.0, 0.0]\n"
    assert root.locator("[data-set=picture] option").all_inner_texts()[-2:] == ["mine.png", "tall <b>.bmp"]
    root.evaluate(DROP, ["words.jpg", list(b"these are words")])
    wait_for(notebook, root, "is not a picture that can be read")
    assert notebook.kernel(mean).startswith("tall <b>.bmp")  # the kernel is alive, and shows what it did
    explorers.put(root, "picture", "coffee")
    assert root.locator("text=your own picture").count() == 0


def test_one_that_is_drawn_in_the_browser_does_too(notebook):
    root = explorers.ran(notebook, explorers.code(ConvolutionExplorer))
    root.evaluate(DROP, ["blue.png", list(encoded((0, 51, 255)))])
    wait_for(notebook, root, "blue.png is your own picture")
    assert notebook.kernel("print(explorer.picture, explorer.image().mean().item(), explorer.uploaded)") == (
        "blue.png 0.2 []\n"
    )
    root.evaluate(DROP, ["words.jpg", list(b"these are words")])
    wait_for(notebook, root, "is not a picture that can be read")
