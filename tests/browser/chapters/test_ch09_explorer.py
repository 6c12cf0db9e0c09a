"""The attention explorer in Chromium: in JupyterLab with its kernel, and in a bare page with none."""

import json

import pytest
import torch
import torch.nn.functional as F

from helpers.chapters.ch09_attention.explorer import AttentionExplorer, patches

DRAW = torch.Generator().manual_seed(0)
IMAGE = torch.rand(3, 24, 36, generator=DRAW)
HEADS = {
    name: (2 * torch.randn(24, 7, generator=DRAW), 2 * torch.randn(24, 7, generator=DRAW)) for name in ("one", "two")
}


@pytest.fixture
def alone(bare):
    return lambda explorer: bare(explorer, ".attex")


def by_torch(head, row, col, temperature):
    query, key = (part.double() for part in HEADS[head])
    values = patches((IMAGE * 255).round().double() / 255, 6)
    scores = query @ key.T / 7**0.5
    average = F.scaled_dot_product_attention(query[None], key[None], values[None], scale=1 / 7**0.5 / temperature)[0]
    return scores[row * 6 + col], (scores / temperature).softmax(1)[row * 6 + col], average[row * 6 + col]


def at(root, name, row, col, rows=4, cols=6):
    box = root.locator(f"canvas[data-grid={name}]").bounding_box()
    return {"x": (col + 0.5) * box["width"] / cols, "y": (row + 0.5) * box["height"] / rows}


def point(root, name, row, col, **grid):
    root.locator(f"canvas[data-grid={name}]").hover(position=at(root, name, row, col, **grid))
    return root.evaluate("r => r.result")


def test_without_a_kernel_it_equals_torch(alone):
    root = alone(AttentionExplorer(IMAGE, patch_size=6, heads=HEADS))
    for head, row, col, temperature in (
        ("one", 0, 0, 1.0),
        ("two", 3, 5, 1.0),
        ("two", 1, 2, 0.05),
        ("one", 2, 4, 20.0),
        ("two", 3, 0, 0.37),
    ):
        root.evaluate(
            """(r, [head, row, col, t]) => { model.set('head', head); model.set('query', [row, col]); model.set('temperature', t); }""",
            [head, row, col, temperature],
        )
        result = root.evaluate("r => r.result")
        for name, wanted in zip(("scores", "weights", "average"), by_torch(head, row, col, temperature), strict=True):
            torch.testing.assert_close(
                torch.tensor(result[name], dtype=torch.float64),
                wanted,
                rtol=0,
                atol=1e-5,
                msg=lambda m, name=name: f"{name}: {m}",
            )
        weights = torch.tensor(result["weights"], dtype=torch.float64)
        assert result["reach"] == pytest.approx(torch.special.entr(weights).sum().exp().item(), abs=1e-6)


def test_pointing_asks_and_reads(alone):
    root = alone(AttentionExplorer(IMAGE, patch_size=6, heads=HEADS, query=(0, 0)))
    for row, col in ((0, 0), (3, 5), (0, 5), (2, 1)):
        found = torch.tensor(point(root, "query", row, col)["weights"], dtype=torch.float64)
        torch.testing.assert_close(found, by_torch("one", row, col, 1.0)[1], rtol=0, atol=1e-5)
    point(root, "weights", 1, 3)
    score, weight, _ = by_torch("one", 2, 1, 1.0)
    words = root.locator(".attex-say").inner_text()
    assert "The patch in row 2, column 1" in words and "Row 1, column 3: q·k / √7 = " in words
    assert float(words.split("√7 = ")[1].split(",")[0].replace("−", "-")) == pytest.approx(score[9].item(), abs=0.0051)


def test_temperature_from_end_to_end(alone):
    root = alone(AttentionExplorer(IMAGE, patch_size=6, heads=HEADS))
    slider = root.locator("[data-set=temperature]")
    slider.focus()
    reach = {}
    for end, key in (("low", "PageDown"), ("high", "PageUp")):
        for _ in range(7):
            slider.press(key)
        reach[end] = root.evaluate(
            "r => [r.result.reach, model.get('temperature'), r.querySelector('.attex-controls output').textContent]"
        )
    assert reach["low"][1:] == [0.05, "0.05"] and reach["high"][1:] == [20, "20"]
    assert reach["low"][0] < 1.5 and 23 < reach["high"][0] <= 24
    root.locator("[data-set=reset]").click()
    assert root.evaluate("() => model.get('temperature')") == 1


def test_keyboard_alone(alone, page):
    root = alone(AttentionExplorer(IMAGE, patch_size=6, heads=HEADS, query=(1, 1)))
    root.locator("[data-set=head]").focus()
    order = []
    for _ in range(5):
        order.append(page.evaluate("() => document.activeElement.dataset.set || document.activeElement.dataset.grid"))
        page.keyboard.press("Tab")
    assert order == ["head", "temperature", "reset", "query", "weights"]
    root.locator("canvas[data-grid=query]").focus()
    for key, wanted in (
        ("ArrowDown", [2, 1]),
        ("ArrowRight", [2, 2]),
        ("End", [2, 5]),
        ("ArrowRight", [2, 5]),
        ("PageDown", [3, 5]),
        ("PageUp", [0, 5]),
        ("ArrowUp", [0, 5]),
        ("Home", [0, 0]),
        ("ArrowLeft", [0, 0]),
    ):
        page.keyboard.press(key)
        assert page.evaluate("() => model.get('query')") == wanted, key
    root.locator("canvas[data-grid=weights]").focus()
    page.keyboard.press("ArrowRight")
    assert "Row 0, column 1:" in root.locator(".attex-say").inner_text()


def test_leaving_takes_its_listeners_along(alone, page):
    alone(AttentionExplorer(IMAGE, patch_size=6, heads=HEADS))
    assert (
        page.evaluate(
            "() => { cleanup(); model.set('query', [0, 1]); return document.querySelectorAll('.attex').length }"
        )
        == 0
    )


def test_in_jupyterlab_kernel_and_browser_keep_step(notebook, shown):
    root, grid = shown(AttentionExplorer, "AttentionExplorer(query=(6, 6))"), dict(rows=14, cols=14)
    for head in ("colour", "texture", "place", "opposite brightness"):
        root.locator("[data-set=head]").select_option(head)
        result = point(root, "query", 3, 9, **grid)
        notebook.settle()
        found = notebook.kernel("print(explorer.head, explorer.query, explorer.weights().flatten().tolist())")
        assert found.startswith(f"{head} [3, 9] ")
        weights = torch.tensor(json.loads(found[len(f"{head} [3, 9] ") :]), dtype=torch.float64)
        torch.testing.assert_close(torch.tensor(result["weights"], dtype=torch.float64), weights, rtol=0, atol=1e-5)
        point(root, "query", 5, 5, **grid)
    notebook.kernel("explorer.temperature = 0.3; explorer.query = [12, 2]")
    notebook.settle()
    assert root.evaluate("r => r.querySelector('.attex-controls output').textContent") == "0.3"
