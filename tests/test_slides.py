"""The decks as they are written. What a browser makes of them is in tests/browser/test_decks.py."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.course import slides
from helpers.course.notebooks import find
from helpers.course.slides import explorer_call

PICTURE = new_output(
    "display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "A dot."}, metadata={"image/png": {"alt": "A dot."}}
)
NUMBER = new_output("execute_result", {"text/plain": "42"}, execution_count=1)


def code(source, *outputs, slide=None, tags=()):
    metadata = {"tags": list(tags)} | ({"slideshow": {"slide_type": slide}} if slide else {})
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def prose(source, slide=None):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": slide}} if slide else {})


def made(*cells):
    return slides.deck(new_notebook(cells=[prose("# A title", "slide"), *cells]))


class Tags(HTMLParser):
    """Collects (tag, attributes) of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def loaded(page):
    """Return every address that a page loads."""
    return [
        attributes[name]
        for tag, attributes in Tags(page).found
        for name in ("src", "href", "data", "poster")
        if name in attributes and tag not in ("a", "area")
    ]


@pytest.mark.parametrize(
    "source, wanted",
    [
        ("ConvolutionExplorer()", ("ConvolutionExplorer", [], {})),
        (
            "from x import y\n\nConvolutionExplorer('paint', stride=2, point=('output', 0, 1))",
            ("ConvolutionExplorer", ["paint"], {"stride": 2, "point": ("output", 0, 1)}),
        ),
        ("ConvolutionExplorer(kernels=learnt)", ("ConvolutionExplorer", None, None)),
        ("ConvolutionExplorer(**settings)", ("ConvolutionExplorer", None, None)),
        ("ConvolutionExplorer(*settings)", ("ConvolutionExplorer", None, None)),
        ("ConvolutionExplorer(open('made', 'w'))", ("ConvolutionExplorer", None, None)),
        ("CostExplorer()", ("CostExplorer", [], {})),
        ("explorer = ConvolutionExplorer()", None),
        ("ConvolutionExplorer", None),
        ("1 + 1", None),
        ("", None),
        ("%magic", None),
    ],
)
def test_an_explorer_is_recognised_by_its_call(source, wanted):
    assert explorer_call(source) == wanted


def test_nothing_of_a_notebook_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = made(code("ConvolutionExplorer(open('made', 'w'))", PICTURE, slide="slide"))
    assert list(tmp_path.iterdir()) == [] and slides.STILL in page


def test_an_explorer_brings_its_module_and_its_state():
    page = made(code("ConvolutionExplorer('paint', stride=2)", PICTURE, slide="slide"))
    (found,) = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    given = json.loads(found)
    assert (
        given["state"]["picture"] == "paint"
        and given["state"]["stride"] == 2
        and "digit" in " ".join(given["state"]["pictures"])
    )
    assert "export default" in given["code"] and ".convex" in given["style"]
    assert "A dot." in page and slides.STILL not in page, "the still picture is there until the explorer is"


def test_a_script_in_the_state_ends_nothing():
    assert "</script" not in slides.live("ConvolutionExplorer", [{"</script><b>": [[1.0]]}], {})


def test_an_explorer_of_the_kernel_is_a_picture_that_says_so():
    page = made(code("CostExplorer()", PICTURE, slide="slide"))
    assert slides.STILL in page and 'alt="A dot."' in page and "application/json" not in page


@pytest.mark.parametrize(
    "tags, outputs, wanted",
    [
        ([], [NUMBER], "shown"),
        ([], [PICTURE], "folded"),
        ([], [], "shown"),
        (["show-input"], [PICTURE], "shown"),
        (["hide-input"], [NUMBER], "hidden"),
        ([], [new_output("display_data", {"text/html": "<b>x</b>", "text/plain": "x"})], "folded"),
    ],
)
def test_code_is_shown_where_it_is_the_matter(tags, outputs, wanted):
    page = made(code("forty_two = 42", *outputs, slide="slide", tags=tags))
    assert ("forty_two" in page) == (wanted != "hidden") and ('<details class="code">' in page) == (wanted == "folded")


def test_slides_follow_the_metadata():
    page = made(
        code("import_me()", slide="skip"),
        prose("second", "slide"),
        prose("below", "subslide"),
        prose("later", "fragment"),
        prose("Ask.", "notes"),
    )
    assert "import_me" not in page
    assert [attributes.get("class") for tag, attributes in Tags(page).found if tag == "section"] == [
        None,
        "leaf",
        None,
        "leaf",
        "leaf",
    ]
    assert re.search(r'<div class="fragment"><div class="cell markdown"[^>]*><p>later', page)
    assert re.search(r'<aside class="notes"[^>]*><p>Ask\.', page)


def test_links_between_chapters_lead_from_deck_to_deck():
    page = made(prose("[one](01_convolution.ipynb), [two](02_x.ipynb#there), [other](https://example.org/a.ipynb)"))
    assert (
        'href="01_convolution.html"' in page
        and 'href="02_x.html#there"' in page
        and 'href="https://example.org/a.ipynb"' in page
    )


def test_stderr_is_left_out():
    assert "noise" not in made(code("x", new_output("stream", name="stderr", text="noise"), slide="slide"))


@pytest.mark.parametrize("path", find(), ids=lambda path: path.stem)
def test_a_chapter_loads_its_assets_and_nothing_else(path, tmp_path):
    (written,) = slides.write([path], tmp_path)
    page = written.read_text(encoding="utf-8")
    addresses = [address for address in loaded(page) if not address.startswith("data:")]
    assert len(addresses) >= 8
    assert [address for address in addresses if not (tmp_path / address).is_file()] == []
    assert all(address.startswith("assets/") for address in addresses)
    nb = nbformat.read(path, 4)
    kinds = {cell.id: cell.metadata.get("slideshow", {}).get("slide_type") for cell in nb.cells}
    assert set(re.findall(r'data-cell="([^"]+)"', page)) == {id for id, kind in kinds.items() if kind != "skip"}
    assert f"{path.stem}.html" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_style_sheets_load_only_what_is_there(tmp_path):
    slides.copy_assets(tmp_path)
    for sheet in tmp_path.glob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "@import" not in text and not re.search(r"url\(\s*[\"']?(?:https?:)?//", text), sheet.name
        for address in re.findall(r"url\(([^)]+\.woff2)\)", text):
            assert (tmp_path / address).is_file(), address


def test_what_is_vendored_is_named_with_its_licence():
    folder = Path(slides.ASSETS, "vendor")
    said = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.glob("*.*"):
        assert path.name == "README.md" or f"`{path.name}`" in said
    assert said.count("Permission is hereby granted") == 2
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 1_000_000


def test_an_unknown_notebook_is_refused(capsys):
    with pytest.raises(SystemExit):
        slides.main(["99"])
    assert "notebook (='99') must be the start of one of" in capsys.readouterr().err
