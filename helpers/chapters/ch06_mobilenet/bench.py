"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "MobileExplorer": {
        "name": "mobile",
        "shown": "MobileExplorer()",
        "control": "[data-set='width']",
        "picture": ".mobile-track",
        "plain": (
            """
from helpers.chapters.ch06_mobilenet.explorer import COLOURS, COLUMNS, FULL, V1, costs, short, total
@interact(width=(25, 150, 5))
def show(width=100):
    fig, axes = plt.subplots(1, 3, figsize=(13, 3.2))
    for ax, (column, title) in zip(axes, COLUMNS.items()):
        for place, kinds in enumerate((costs(V1, width), costs(FULL, width))):
            left = 0
            for kind, cost in kinds.items():
                ax.barh(place, getattr(cost, column), left=left, color=COLOURS[kind], label=None if place else kind)
                left += getattr(cost, column)
            ax.text(left, place, short(column, getattr(total(kinds), column)))
        ax.set(title=title, yticks=[0, 1])
    axes[0].legend()
    plt.show()"""
        ),
    },
}
