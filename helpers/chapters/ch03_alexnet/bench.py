"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "CostExplorer": {
        "name": "cost",
        "shown": "CostExplorer(size=226)",
        "control": "[data-set='size']",
        "picture": ".bar",
        "plain": (
            """
from helpers.chapters.ch03_alexnet.explorer import PRESETS, costs
layers = PRESETS["AlexNet 2012"][1]
@interact(size=(72, 512, 8))
def show(size=224):
    rows = costs(layers, 3, size)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.9))
    for ax, column in zip(axes, ("memory", "params", "macs")):
        draw_bars(ax, [row.name for row in rows], [getattr(row, column) for row in rows])
    plt.show()"""
        ),
    },
}
