"""The cost explorer in Chromium: its bars are as wide as their numbers, and it follows Python."""

import pytest

from browser.explorers import VALUE, put
from helpers.chapters.ch03_alexnet.explorer import CostExplorer


def totals(root):
    return [root.locator(f"[data-part='total.{column}']").inner_text() for column in ("memory", "params", "macs")]


def test_bars_and_changes_follow_at_once(notebook, shown):
    root = shown(CostExplorer, "CostExplorer('one layer')")
    put(root, "0.filters", 48)
    assert totals(root) == ["567.2", "17,472", "52,707,600"]
    changes = [root.locator(f"[data-part='change.{column}']").inner_text() for column in ("memory", "params", "macs")]
    assert changes == ["×0.50"] * 3
    put(root, "network", "AlexNet 2012")
    put(root, "2.groups", 1)
    # conv2 now multiplies 96 channels instead of 48: 223,948,800 more.
    assert totals(root)[2] == f"{724_406_816 + 223_948_800:,}"
    widths = root.evaluate(
        "r => [...r.querySelectorAll('.bar.three')].map(b => [b.querySelector('i')?.getBoundingClientRect().width ?? 0, "
        "b.getBoundingClientRect().width])"
    )
    assert sum(bar for bar, _ in widths) == pytest.approx(widths[0][1], abs=12)
    notebook.kernel("explorer.edit('conv1', filters=12)")
    notebook.settle(200)
    assert root.evaluate(VALUE, "0.filters") == "12"
