"""The MobileNet cost explorer in Chromium: its bars are as long as their numbers."""

import pytest

from helpers.chapters.ch06_mobilenet.explorer import COLUMNS, FULL, V1, MobileExplorer, costs, short, total


def test_bars_are_as_long_as_their_numbers(shown):
    root = shown(MobileExplorer, "MobileExplorer(width=50, size=128, kernel_size=5)")
    mine, other = (total(costs(block, 50, 128, 5)) for block in (V1, FULL))
    for column in COLUMNS:
        widths = [
            root.locator(f"[data-part='{name}.{column}'] .mobile-bar").bounding_box()["width"]
            for name in ("mine", "other")
        ]
        assert widths[0] / widths[1] == pytest.approx(getattr(mine, column) / getattr(other, column), abs=0.02)
        assert root.locator(f"[data-part='mine.{column}'] span").inner_text() == short(column, getattr(mine, column))
        pieces = root.evaluate(
            "(r, c) => [...r.querySelectorAll(`[data-part='mine.${c}'] i`)].reduce((s, i) => s + i.getBoundingClientRect().width, 0)",
            column,
        )
        assert pieces == pytest.approx(widths[0], abs=1)
