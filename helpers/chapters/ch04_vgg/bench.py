"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "VggStackExplorer": {
        "name": "VGG stack",
        "shown": "VggStackExplorer()",
        "control": "[data-set='layers']",
        "picture": "[data-part='left']",
        "plain": (
            """
from helpers.chapters.ch04_vgg.explorer import ROWS, cost, paths, written
@interact(layers=(1, 5))
def show(layers=2):
    fig, axes = plt.subplots(1, 4, figsize=(13, 3.6))
    for ax, field in zip(axes, (paths(layers, 3), paths(1, 5))):
        draw_image(ax, field) if len(field) > 7 else draw_numbers(ax, field)
    stack, single = cost(layers, 3, 64, 56), cost(1, 5, 64, 56)
    for ax, numbers in zip(axes[2:], (stack, single)):
        draw_bars(ax, [f"{title}: {written(row, getattr(numbers, row))}" for row, (title, _) in ROWS.items()],
                  [getattr(numbers, row) / max(getattr(stack, row), getattr(single, row)) for row in ROWS], fmt="")
    plt.show()"""
        ),
    },
}
