"""The gate explorer in Chromium: in JupyterLab with its kernel, and in a bare page with none."""

import json
import random

import pytest
import torch

from helpers.chapters.ch08_lstm.explorer import CANDIDATES, OWN, GatesExplorer, presets

# Set sliders as a hand does, through their own events: a list of [gate, step, percent], step 0 for all.
DRIVE = """(root, steps) => steps.map(([gate, step, percent]) => {
    const slider = root.querySelector(`[data-gate="${gate}"][data-step="${step}"]`);
    slider.value = percent;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    return root.result; })"""


@pytest.fixture
def alone(bare):
    return lambda explorer: bare(explorer, ".gates")


def assert_equal_to_torch(result, i, f, o, candidates=CANDIDATES):
    """By torch.lstm_cell in double precision, without weights: only biases whose sigmoid or tanh are the gates."""
    h = c = torch.zeros(1, 1, dtype=torch.float64)
    nothing = torch.zeros(4, 1, dtype=torch.float64)
    for t, g in enumerate(candidates):
        bias = torch.tensor([i[t], f[t], g, o[t]], dtype=torch.float64)
        bias = torch.cat([bias[:2].logit(), bias[2:3].atanh(), bias[3:].logit()])
        h, c = torch.lstm_cell(
            torch.zeros(1, 1, dtype=torch.float64), (h, c), nothing, nothing, bias, torch.zeros_like(bias)
        )
        assert result["c"][t] == pytest.approx(c.item(), abs=1e-6) and result["h"][t] == pytest.approx(
            h.item(), abs=1e-6
        )
    assert sum(result["left"]) == pytest.approx(c.item(), abs=1e-6)


def levels(page):
    return [page.evaluate(f"model.get('{gate}')") for gate in "ifo"]


def test_without_a_kernel_it_equals_torch(alone, page):
    root, dice = alone(GatesExplorer()), random.Random(0)
    for _ in range(12):
        root.evaluate(
            DRIVE,
            [[dice.choice("ifo"), dice.randint(0, 8), dice.choice((0, 100, dice.randint(0, 100)))] for _ in range(6)],
        )
        assert_equal_to_torch(root.evaluate("r => r.result"), *levels(page))
    i, f, _ = levels(page)
    later = torch.tensor([*f[1:], 1.0], dtype=torch.float64).flip(0).cumprod(0).flip(0)
    wanted = torch.tensor(i, dtype=torch.float64) * torch.tensor(CANDIDATES, dtype=torch.float64) * later
    torch.testing.assert_close(
        torch.tensor(root.evaluate("r => r.result.left"), dtype=torch.float64), wanted, rtol=0, atol=1e-12
    )


def test_every_preset_is_what_python_has(alone, page):
    root = alone(GatesExplorer())
    choice = root.locator("[data-set=preset]")
    assert choice.locator("option").all_inner_texts() == [*presets(8), OWN]
    for name in presets(8):
        choice.select_option(name)
        explorer = GatesExplorer(preset=name)
        result = root.evaluate("r => r.result")
        assert result["named"] == name == choice.input_value()
        torch.testing.assert_close(
            torch.tensor(result["c"], dtype=torch.float64), explorer.cells()[0], rtol=0, atol=1e-12
        )
        torch.testing.assert_close(
            torch.tensor(result["left"], dtype=torch.float64), explorer.left(), rtol=0, atol=1e-12
        )
    root.evaluate(DRIVE, [["f", 3, 50]])
    assert choice.input_value() == OWN


def test_sliders_from_end_to_end_by_mouse_and_keyboard(alone, page):
    root = alone(GatesExplorer(preset="running sum"))
    for gate, name in (("i", "input gate"), ("f", "forget gate"), ("o", "output gate")):
        slider = root.get_by_label(f"{name}, step 5")
        box = slider.bounding_box()
        page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] - 20, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        assert page.evaluate(f"model.get('{gate}')[4]") == 0 and page.evaluate("model.get('step')") == 5
        slider.press("End")
        assert page.evaluate(f"model.get('{gate}')[4]") == 1
        slider.press("ArrowLeft")
        assert page.evaluate(f"model.get('{gate}')[4]") == 0.99 and slider.get_attribute("aria-valuetext") == "0.99"
        slider.press("Home")
        assert page.evaluate(f"model.get('{gate}')") == [1, 1, 1, 1, 0, 1, 1, 1]
        assert root.get_by_label(f"{name}, all steps").get_attribute("aria-valuetext") == "mixed"
    assert_equal_to_torch(root.evaluate("r => r.result"), *levels(page))
    every = root.get_by_label("forget gate, all steps")
    for key, level in (("Home", 0), ("End", 1)):
        every.press(key)
        assert page.evaluate("model.get('f')") == [level] * 8


def test_up_and_down_move_between_the_steps(alone, page):
    root = alone(GatesExplorer())
    where = lambda: page.evaluate("[document.activeElement.dataset.gate, document.activeElement.dataset.step]")  # noqa: E731
    root.get_by_label("forget gate, step 7").focus()
    before = levels(page)
    for key, wanted in (("ArrowDown", "8"), ("ArrowDown", "8"), ("ArrowUp", "7"), ("ArrowUp", "6")):
        page.keyboard.press(key)
        assert where() == ["f", wanted] and page.evaluate("model.get('step')") == int(wanted)
    assert levels(page) == before


def test_the_step_is_written_out(alone):
    root = alone(GatesExplorer((0.8, -0.5, 0.3), i=(0.5, 1, 0.5), f=(0.9, 0.5, 0.2), o=(1, 0.5, 1), step=2))
    words = root.locator(".gates-words").inner_text()
    # By hand: c₁ = 0.5·0.8 = 0.4; c₂ = 0.5·0.4 + 1·(−0.5) = −0.3; tanh(−0.3) = −0.2913; of −0.5 a fifth is left.
    assert "c₂ = 0.50 · 0.40 + 1.00 · (−0.50) = −0.30" in words and "h₂ = 0.50 · tanh(−0.30) = −0.15" in words
    assert "multiply to 0.20: of its −0.50, −0.100 is left in c₃" in words
    root.get_by_label("input gate, step 3").focus()
    assert "Nothing comes after it: all of its 0.15 is in c₃" in root.locator(".gates-words").inner_text()
    assert root.locator(".gates-stack").get_attribute("aria-label").endswith("step 1 0.04, step 2 −0.10, step 3 0.15")


def test_the_stacked_bar_is_to_scale(alone):
    root = alone(GatesExplorer(preset="running sum"))
    parts = root.evaluate("""r => { const box = r.querySelector('.gates-stack').getBoundingClientRect(), zero = r.querySelector('.gates-stack u').getBoundingClientRect();
        return [...r.querySelectorAll('.gates-stack i')].map(n => { const b = n.getBoundingClientRect();
            return [Number(n.textContent), b.width / box.width, b.left + b.width / 2 > zero.left + zero.width / 2]; }); }""")
    total = sum(map(abs, CANDIDATES))
    assert sorted(step for step, _, _ in parts) == list(range(1, 9))
    for step, share, right in parts:
        assert share == pytest.approx(abs(CANDIDATES[step - 1]) / total, abs=0.004) and right == (
            CANDIDATES[step - 1] > 0
        )


def test_cleaning_up_leaves_nothing_behind(alone, page):
    root = alone(GatesExplorer())
    assert page.evaluate("heard.size") == 1 and root.count() == 1
    page.evaluate("cleanup()")
    assert page.evaluate("heard.size") == 0 and root.count() == 0


def test_in_jupyterlab_kernel_and_browser_keep_step(notebook, shown):
    root = shown(GatesExplorer)
    root.evaluate(DRIVE, [["f", 0, 100], ["i", 2, 0], ["o", 8, 25]])
    notebook.settle()
    cells = "*(part.tolist() for part in explorer.cells())"
    found = json.loads(
        notebook.kernel(f"import json; print(json.dumps([explorer.f, explorer.i, explorer.o, {cells}]))")
    )
    assert found[0] == [1] * 8 and found[1][1] == 0 and found[2][7] == 0.25
    result = root.evaluate("r => r.result")
    assert result["c"] == pytest.approx(found[3], abs=1e-12) and result["h"] == pytest.approx(found[4], abs=1e-12)
    notebook.kernel("explorer.f = [0] * 8")
    notebook.settle()
    assert root.evaluate("r => r.result.c[7]") == pytest.approx(0.25)
