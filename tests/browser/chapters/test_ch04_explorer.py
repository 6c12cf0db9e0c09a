"""The stack explorer in Chromium: its bars and frames are to scale."""

import pytest

from browser.explorers import VALUE, answered, put
from helpers.chapters.ch04_vgg.explorer import VggStackExplorer


def test_bars_and_frames_are_to_scale(notebook, shown):
    root = shown(VggStackExplorer)
    assert [bar.inner_text() for bar in root.locator("[data-part=params] .stack-bar").all()] == ["73,856", "102,464"]
    put(root, "layers", 3)
    assert (
        root.locator("[data-part=left] .frame").count() == 3
        and "do not see the same" in root.locator(".stack-words").inner_text()
    )
    notebook.page.get_by_role("button", name="give the large window").click()
    answered(root)
    assert (
        root.evaluate(VALUE, "kernel_size") == "7×7"
        and root.locator("[data-part='macs-ratio']").inner_text() == "×0.55"
    )
    widths = root.evaluate(
        "r => [...r.querySelectorAll('[data-part=macs] .stack-bar i')].map(i => i.getBoundingClientRect().width)"
    )
    assert widths[0] / widths[1] == pytest.approx(27 / 49, abs=0.02)
    frames = root.evaluate(
        "r => [...r.querySelectorAll('[data-part=left] .frame')].map(f => f.getBoundingClientRect().width)"
    )
    assert frames[1] / frames[0] == pytest.approx(5 / 3, rel=0.05) and frames[2] / frames[0] == pytest.approx(
        7 / 3, rel=0.05
    )
