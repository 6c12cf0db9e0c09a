"""The decks in Chromium: they open from the disk, nothing lies below the fold, and explorers live without a kernel."""

import urllib.parse
from pathlib import Path

import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_slides import PICTURE, code, prose

from helpers.chapters.ch01_convolution.explorer import ConvolutionExplorer
from helpers.course import slides
from helpers.course.notebooks import find

SIZE = {"width": 1280, "height": 720}
# What of the slide shown now reaches beyond it, found on the boxes that the browser drew; not by what deck.js believes.
BEYOND = """() => {
    const slide = Reveal.getCurrentSlide(), found = [];
    for (const node of slide.querySelectorAll('.fit *')) {
        if (node.closest('details.code, .katex, aside, script, style')) continue;
        const own = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
        if (!own && !['IMG', 'CANVAS', 'INPUT', 'SELECT', 'BUTTON', 'TD'].includes(node.tagName) || !node.checkVisibility()) continue;
        const box = node.getBoundingClientRect();
        if (box.width && (box.bottom > innerHeight - 20 || box.right > innerWidth || box.top < 0 || box.left < 0))
            found.push(`${node.closest('[data-cell]').dataset.cell}: ${node.tagName} ends at ${Math.round(box.right)}, ${Math.round(box.bottom)}`);
    }
    return found; }"""
NEXT = "() => { const slide = Reveal.getCurrentSlide(); do Reveal.next(); while (Reveal.getCurrentSlide() === slide && !Reveal.isLastSlide()); }"


@pytest.fixture
def open_deck(page, tmp_path):
    """Write the deck of a notebook and open it from the disk; fails at the end if it asked for anything outside its folder."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    def open_(nb_or_path, size=SIZE):
        if isinstance(nb_or_path, Path):
            (path,) = slides.write([nb_or_path], tmp_path)
        else:
            slides.copy_assets(tmp_path / "assets")
            path = tmp_path / "made.html"
            path.write_text(slides.deck(nb_or_path), encoding="utf-8")
        page.set_viewport_size(size)
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.dataset.deck", timeout=60_000)
        assert page.evaluate("document.documentElement.dataset.deck") == "ready"
        return page.evaluate("window.deck.slides")

    yield open_
    assert len(asked) > 5
    outside = [url for url in asked if not url.startswith(("data:", "blob:", tmp_path.as_uri()))]
    assert not outside, (
        f"asked for what is outside the deck's folder: {[urllib.parse.unquote(url) for url in outside[:5]]}"
    )


def walk(page):
    """Go through the deck and return {slide's id: what reaches beyond it}."""
    found = {}
    while True:
        found[page.evaluate("Reveal.getCurrentSlide().id")] = page.evaluate(BEYOND)
        if page.evaluate("Reveal.isLastSlide()"):
            return found
        page.evaluate(NEXT)


@pytest.mark.parametrize("path", find(), ids=lambda path: path.stem)
def test_nothing_lies_below_the_fold(open_deck, page, path):
    told = open_deck(path)
    for slide in told:
        if slide["zoom"] < 0.9 or slide["cut"]:
            print(
                f"{path.stem}, slide {slide['id']}: "
                + (f"shown at {slide['zoom']:.0%}" if slide["zoom"] < 0.9 else "")
                + (" cut in two: give it a slide break" if slide["cut"] else "")
            )
    found = walk(page)
    assert list(found) == [slide["id"] for slide in told]
    assert {id: what for id, what in found.items() if what} == {}
    assert [slide for slide in told if slide["overflow"]] == []


def test_a_slide_that_is_too_full_is_cut_and_one_that_cannot_be_is_found(open_deck, page):
    long = "\n".join(f"line_{i} = {i}" for i in range(14))
    told = open_deck(
        new_notebook(
            cells=[
                prose("# Full", "slide"),
                *[code(long) for _ in range(4)],
                prose("\n\n".join(f"Paragraph {i}." for i in range(40)), "slide"),
            ]
        )
    )
    assert [slide["cut"] for slide in told] == [True, False, False] and [bool(slide["overflow"]) for slide in told] == [
        False,
        False,
        True,
    ]
    assert page.evaluate(
        "[...document.querySelectorAll('.slides .leaf')].map(s => s.querySelectorAll('.cell').length)"
    ) == [3, 2, 1]
    found = walk(page)
    assert [bool(found[slide["id"]]) for slide in told] == [False, False, True], "the walk must see what is cut off"


def explorer_deck():
    return new_notebook(
        cells=[
            prose("# Live", "slide"),
            prose("Formula: $E = mc^2$", "slide"),
            prose("Timing: 3 min.", "notes"),
            code("ConvolutionExplorer('paint', kernel='blur')", PICTURE, slide="slide"),
            prose("## After", "slide"),
        ]
    )


@pytest.mark.parametrize(
    "size", [SIZE, {"width": 1920, "height": 1080}, {"width": 1024, "height": 768}], ids=lambda size: str(size["width"])
)
def test_an_explorer_is_live_without_a_kernel(open_deck, page, size):
    open_deck(explorer_deck(), size)
    page.evaluate("Reveal.slide(2)")
    root = page.locator(".present .convex")
    assert root.is_visible() and page.locator(".explorer figure").count() == 0
    explorer = ConvolutionExplorer("paint", kernel="blur", stride=2)
    page.locator(".present [data-set=stride]").fill("2")
    values = root.evaluate("r => r.result.values")
    torch.testing.assert_close(
        torch.tensor(values, dtype=torch.float64), explorer.output().flatten(), rtol=0, atol=1e-5
    )
    output = page.locator(".present canvas[data-grid=output]")
    box = output.bounding_box()
    scale = output.evaluate("c => c.getBoundingClientRect().width / c.offsetWidth")
    rows, cols = explorer.output().shape
    side = (box["width"] / scale - 6) / cols * scale
    for row, col in [(0, 0), (1, 2), (rows - 1, cols - 1)]:
        page.mouse.move(box["x"] + 3 * scale + (col + 0.15) * side, box["y"] + 3 * scale + (row + 0.85) * side)
        assert root.evaluate("r => r.lit.output") == [[row, col]]


def test_keys_in_an_explorer_turn_no_slide(open_deck, page):
    open_deck(explorer_deck())
    page.evaluate("Reveal.slide(2)")
    for control in ("canvas[data-grid=output]", "[data-set=preset]", "[data-set=stride]"):
        page.locator(f".present {control}").focus()
        for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "Home", "o", "n"):
            page.keyboard.press(key)
        assert page.evaluate("[Reveal.getIndices().h, Reveal.isOverview()]") == [2, False]
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == 3


def test_formulas_are_set_and_folded_code_unfolds(open_deck, page):
    open_deck(explorer_deck())
    assert page.locator(".katex").count() == 1
    page.evaluate("Reveal.slide(2)")
    source = page.locator(".present details.code .highlight")
    assert not source.is_visible()
    page.locator(".present details.code summary").focus()
    page.keyboard.press("Space")
    assert source.is_visible() and page.evaluate("Reveal.getIndices().h") == 2


def test_the_speaker_sees_the_notes(open_deck, page):
    open_deck(explorer_deck())
    page.evaluate("Reveal.slide(1)")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    opened.value.wait_for_function(
        "document.querySelector('.speaker-controls-notes .value')?.textContent.includes('Timing: 3 min.')",
        timeout=20_000,
    )
    assert not page.locator("aside.notes").first.is_visible()


def test_a_cell_without_output_makes_no_difference(open_deck, page):
    told = open_deck(
        new_notebook(
            cells=[
                prose("# One", "slide"),
                new_code_cell("x = 1", metadata={"slideshow": {"slide_type": "skip"}}),
                new_markdown_cell("Only notes.", metadata={"slideshow": {"slide_type": "notes"}}),
            ]
        )
    )
    assert len(told) == 1
