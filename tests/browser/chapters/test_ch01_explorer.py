"""The convolution explorer in Chromium: in JupyterLab with its kernel, and in a bare page with none."""

import json
import random
import re

import pytest
import torch
import torch.nn.functional as F

from helpers.chapters.ch01_convolution import explorer as convolution
from helpers.chapters.ch01_convolution.explorer import PADDING_MODES, PRESETS, ConvolutionExplorer

# Set controls as a hand does, through their own events, and read the result; one entry of `steps` after the other.
DRIVE = """(root, steps) => steps.map(step => {
    for (const [name, value] of Object.entries(step)) {
        const control = root.querySelector(`[data-set="${name}"]`);
        control.value = value;
        if (control.value !== String(value)) throw new Error(`${name} cannot be set to ${value}`);
        control.dispatchEvent(new Event(control.tagName === 'SELECT' ? 'change' : 'input', {bubbles: true}));
    }
    return {...root.result, sum: root.querySelector('.convex-sum').textContent, size: root.querySelector('.convex-size').textContent,
            why: root.querySelector('.convex-problem').hidden ? '' : root.querySelector('.convex-problem').textContent};
})"""
PICTURES = {
    "small": torch.rand(5, 5, generator=torch.Generator().manual_seed(0)).numpy(),
    "wide": torch.rand(6, 9, generator=torch.Generator().manual_seed(1)).numpy() - 0.3,
    "large": torch.rand(28, 28, generator=torch.Generator().manual_seed(2)).numpy(),
}
DEFAULT = {
    "picture": "small",
    "kernel size": 3,
    "stride": 1,
    "padding": 1,
    "padding_mode": "zeros",
    "dilation": 1,
    "preset": "emboss",
}
VALUES = {
    "picture": list(PICTURES),
    "kernel size": range(1, 8),
    "stride": range(1, 5),
    "padding": range(4),
    "padding_mode": PADDING_MODES,
    "dilation": range(1, 4),
    "preset": PRESETS,
}


def sweep():
    """Every value of every control beside the defaults, then sixty settings at random."""
    draw = random.Random(0)
    return [{**DEFAULT, name: value} for name, values in VALUES.items() for value in values] + [
        {name: draw.choice(list(values)) for name, values in VALUES.items()} for _ in range(60)
    ]


def by_torch(step):
    """Return (output, "") by torch, or (None, the words that Python has for it)."""
    image = torch.tensor(PICTURES[step["picture"]], dtype=torch.float64)
    K, padding, mode, dilation = step["kernel size"], step["padding"], step["padding_mode"], step["dilation"]
    words = convolution.problem(*image.shape, K, padding, mode, dilation)
    kernel = torch.tensor(convolution.preset(step["preset"], K))
    try:
        padded = F.pad(image[None, None], [padding] * 4, mode="constant" if mode == "zeros" else mode)
        return F.conv2d(padded, kernel[None, None], stride=step["stride"], dilation=dilation)[0, 0], words
    except RuntimeError:
        return None, words


def assert_equal_to_torch(steps, results):
    impossible = 0
    for step, result in zip(steps, results, strict=True):
        wanted, words = by_torch(step)
        assert result["problem"] == result["why"] == words, step
        if wanted is None:
            impossible += 1
            assert words and result["rows"] == 0 and result["size"] == ""
        else:
            found = torch.tensor(result["values"], dtype=torch.float64).reshape(result["rows"], result["cols"])
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5, msg=lambda m, step=step: f"{step}: {m}")
            assert [int(n) for n in re.findall(r"= (\d+)(?=[.,]|$)", result["size"].split("Output size")[1])] == (
                [wanted.shape[0]] if step["picture"] != "wide" else [*wanted.shape]
            ), step
    assert 5 < impossible < len(steps) / 2, "the sweep must hold both possible and impossible settings"


@pytest.fixture
def alone(bare):
    return lambda explorer: bare(explorer, ".convex")


def cell(root, kind, row, col, border=0):
    """Return where, on the canvas, the middle of a cell is."""
    rows, cols = root.evaluate(
        "(r, kind) => r.querySelector(`[data-grid=${kind}]`).getAttribute('aria-label').match(/(\\d+) by (\\d+)/).slice(1).map(Number)",
        kind,
    )
    box = root.locator(f"canvas[data-grid={kind}]").bounding_box()
    side = (box["width"] - 6) / (cols + 2 * border)
    return {"x": 3 + (col + border + 0.5) * side, "y": 3 + (row + border + 0.5) * side}


def point(root, kind, row, col, border=0):
    root.locator(f"canvas[data-grid={kind}]").hover(position=cell(root, kind, row, col, border))
    return root.evaluate("r => r.lit"), root.locator(".convex-sum").inner_text()


# ---- without a kernel


def test_without_a_kernel_it_equals_torch_at_every_setting(alone):
    root, steps = alone(ConvolutionExplorer(PICTURES)), sweep()
    assert_equal_to_torch(steps, root.evaluate(DRIVE, steps))


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("stride, padding, dilation", [(1, 1, 1), (2, 2, 1), (3, 0, 1), (2, 3, 2)])
def test_pointing_lights_what_torch_connects(alone, mode, stride, padding, dilation):
    height, width = 6, 9
    root = alone(
        ConvolutionExplorer(
            PICTURES["wide"], kernel="blur", stride=stride, padding=padding, padding_mode=mode, dilation=dilation
        )
    )
    # Each cell of the padded input carries its own number; unfold says which of them one output reads.
    rows, cols = torch.meshgrid(torch.arange(height + 2 * padding), torch.arange(width + 2 * padding), indexing="ij")
    read = F.unfold(torch.stack([rows, cols])[None].double(), 3, dilation=dilation, stride=stride)[0].reshape(2, 9, -1)
    out = root.evaluate("r => [r.result.rows, r.result.cols]")
    for row, col in [(0, 0), (out[0] - 1, out[1] - 1), (out[0] // 2, 0)]:
        lit, _ = point(root, "output", row, col)
        assert lit["output"] == [[row, col]]
        assert {tuple(at) for at in lit["input"]} == {
            (int(r) - padding, int(c) - padding) for r, c in read[:, :, row * out[1] + col].T
        }
    for row, col in [(0, 0), (1, 1), (3, 8), (5, 4)]:
        lit, words = point(root, "input", row, col, padding)
        one = torch.zeros(1, 1, height, width)
        one[..., row, col] = 1
        layer = torch.nn.Conv2d(
            1, 1, 3, stride=stride, padding=padding, padding_mode=mode, dilation=dilation, bias=False
        )
        torch.nn.init.ones_(layer.weight)
        touched = layer(one)[0, 0].nonzero().tolist()
        assert sorted(lit["output"]) == touched
        assert f"touches {len(touched)} of {out[0] * out[1]} outputs" in words


def test_pointing_at_padding_says_so(alone):
    root = alone(ConvolutionExplorer(PICTURES["small"], padding=1))
    lit, words = point(root, "input", -1, 0, 1)
    assert lit["input"] == [[-1, 0]] and sorted(lit["output"]) == [[0, 0], [0, 1]]
    assert words == "padding[−1, 0] = 0 touches 2 of 25 outputs."


def test_the_sum_is_written_out(alone):
    image = torch.tensor([[0.5, 0.2, 0.0], [1.0, 0.0, 0.3], [0.0, 0.25, 0.1]])
    root = alone(ConvolutionExplorer(image, padding=0, point=("output", 0, 0)))
    assert (
        root.locator(".convex-sum").inner_text().split()
        == (
            "output[0, 0] = 0.5 × −1 + 0.2 × 0 + 0 × 1 + 1 × −1 + 0 × 0 + 0.3 × 1 + 0 × −1 + 0.25 × 0 + 0.1 × 1 = −1.1"
        ).split()
    )
    assert root.locator(".convex-size").inner_text() == "Output size: (3 + 2·0 − 3) / 1 + 1 = 1"
    root.evaluate(DRIVE, [{"padding": 1}])
    point(root, "output", 0, 0)
    assert root.locator(".convex-sum").inner_text().endswith("= 0.2 Underlined: padding.")
    assert root.locator(".convex-sum .padded").count() == 5


def test_a_long_sum_is_cut_and_says_how_much_is_left(alone):
    root = alone(ConvolutionExplorer(torch.ones(7, 7), kernel="blur", kernel_size=5, padding=0))
    _, words = point(root, "output", 0, 0)
    assert words.count("1 × 0.04") == 9 and "+ … (16 more terms)" in words and words.endswith("= 1")


def test_sizes_that_round_down_and_dilation_are_explained(alone):
    root = alone(ConvolutionExplorer(torch.ones(8, 8), padding=0, stride=2, dilation=2))
    assert root.locator(".convex-size").inner_text() == (
        "Dilated, the kernel spans 2·(3 − 1) + 1 = 5. Output size: ⌊(8 + 2·0 − 5) / 2⌋ + 1 = ⌊1.5⌋ + 1 = 2. "
        "Rounded down: the last row and column are not read."
    )


def test_painting_toggles_a_cell_and_drags_a_line(alone, page):
    root = alone(ConvolutionExplorer("paint", kernel="identity", padding=0))
    page.get_by_role("button", name="clear").click()
    painted = lambda: torch.tensor(page.evaluate("model.get('painted')"))  # noqa: E731
    assert painted().sum() == 0
    canvas = root.locator("canvas[data-grid=input]")
    canvas.click(position=cell(root, "input", 2, 3))
    assert painted()[2, 3] == 1 and painted().sum() == 1
    canvas.click(position=cell(root, "input", 2, 3))
    assert painted().sum() == 0
    root.evaluate(DRIVE, [{"brush": 0.5}])
    box, start, end = canvas.bounding_box(), cell(root, "input", 5, 1), cell(root, "input", 5, 6)
    page.mouse.move(box["x"] + start["x"], box["y"] + start["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + end["x"], box["y"] + end["y"], steps=24)
    page.mouse.up()
    page.mouse.move(box["x"] + end["x"], box["y"] + start["y"] - 60)
    assert painted()[5].tolist() == [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0] and painted().sum() == 3
    assert root.evaluate("r => r.result.values.reduce((a, b) => a + b)") == 3
    canvas.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    assert painted().sum() == 3.5


def test_other_pictures_are_not_painted(alone, page):
    root = alone(ConvolutionExplorer(PICTURES))
    before = page.evaluate("JSON.stringify(model.get('pictures'))")
    root.locator("canvas[data-grid=input]").click(position={"x": 90, "y": 90})
    assert page.evaluate("JSON.stringify(model.get('pictures'))") == before
    assert not root.get_by_role("button", name="clear").is_visible()


def test_kernel_numbers_are_typed_and_wrong_ones_are_marked(alone, page):
    root = alone(ConvolutionExplorer(torch.ones(5, 5), kernel="identity", padding=0))
    first = root.get_by_label("kernel row 0, column 0")
    output = lambda: root.evaluate("r => r.result.values[0]")  # noqa: E731
    for typed, wanted in [("-0.25", 0.75), ("1/4", 1.25), ("2,5", 3.5), ("−3", -2)]:
        first.fill(typed)
        assert output() == pytest.approx(wanted) and first.get_attribute("aria-invalid") is None
        assert root.locator("[data-set=preset]").input_value() == "own numbers"
    for typed in ("", "x", "1/0", "--1", "1e400"):
        first.fill(typed)
        assert first.get_attribute("aria-invalid") == "true" and output() == -2
    first.press("Escape")
    assert first.input_value() == "−3" and first.get_attribute("aria-invalid") is None
    first.press("ArrowRight")
    page.keyboard.type("7")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "kernel row 1, column 1"
    assert page.evaluate("model.get('kernel')") == [[-3, 7, 0], [0, 1, 0], [0, 0, 0]]
    results = root.evaluate(DRIVE, [{"kernel size": 5}, {"kernel size": 3}])
    assert results[0]["values"][0] == 5 and page.evaluate("model.get('kernel')") == [[-3, 7, 0], [0, 1, 0], [0, 0, 0]]


def test_learnt_kernels_bring_their_own_size(alone, page):
    learnt = {"filter 0": torch.full((5, 5), 0.5), "filter 1": torch.eye(2)}
    root = alone(ConvolutionExplorer(torch.ones(6, 6), kernels=learnt, padding=0))
    assert [
        r["values"][0]
        for r in root.evaluate(DRIVE, [{"preset": "filter 0"}, {"preset": "filter 1"}, {"preset": "blur"}])
    ] == pytest.approx([12.5, 2, 1])
    assert root.locator("[data-set='kernel size']").input_value() == "2"
    assert root.locator("optgroup[label=learnt] option").all_inner_texts() == list(learnt)


def test_the_keys_of_the_maps_and_of_the_kernel(alone, page):
    root = alone(ConvolutionExplorer())
    root.locator("canvas[data-grid=output]").focus()
    page.keyboard.press("Home")
    assert root.evaluate("r => r.lit.output[0][1]") == 0
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("9")
    assert root.evaluate("r => r.querySelector('.convex-kernel input').dataset.value") == "9"


def test_cleaning_up_leaves_nothing_behind(alone, page):
    root = alone(ConvolutionExplorer(PICTURES))
    assert page.evaluate("heard.size") == 1 and root.count() == 1
    page.evaluate("cleanup()")
    assert page.evaluate("heard.size") == 0 and root.count() == 0


# ---- in JupyterLab


def test_in_jupyterlab_it_equals_torch_and_the_kernel_follows(notebook, shown):
    pictures = {name: array.tolist() for name, array in PICTURES.items()}
    root, steps = shown(ConvolutionExplorer, f"ConvolutionExplorer({pictures!r})"), sweep()
    assert_equal_to_torch(steps, root.evaluate(DRIVE, steps))
    last = {
        **DEFAULT,
        "picture": "large",
        "kernel size": 5,
        "stride": 3,
        "padding": 2,
        "padding_mode": "circular",
        "preset": "sharpen",
    }
    values = root.evaluate(DRIVE, [last])[0]["values"]
    notebook.settle()
    in_kernel = json.loads(notebook.kernel("import json; print(json.dumps(explorer.output().flatten().tolist()))"))
    torch.testing.assert_close(torch.tensor(values), torch.tensor(in_kernel), rtol=0, atol=1e-5)
    notebook.kernel("explorer.stride, explorer.kernel = 1, [[2.0]]")
    notebook.settle()
    assert root.evaluate("r => [r.result.rows, r.querySelector('[data-set=stride]').value]") == [32, "1"]
