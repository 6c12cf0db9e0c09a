"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "DepthExplorer": {
        "name": "depth",
        "shown": "DepthExplorer()",
        "control": "[data-set='depth']",
        "picture": "[data-part='gradients']",
        "plain": (
            """
from helpers.chapters.ch05_resnet.explorer import CHARTS, DepthExplorer
explorer = DepthExplorer()
@interact(depth=(4, 60, 2))
def show(depth=40):
    explorer.settings["depth"] = depth
    fig, axes = plt.subplots(1, 2, figsize=(12, 4.2))
    for ax, (column, title) in zip(axes, CHARTS.items()):
        for kind, found in explorer.measured().items():
            ax.plot(range(1, depth + 1), getattr(found, column), "o-", label=kind)
        ax.set(yscale="log", ylim=(1e-2, 1e4), title=title, xlabel="layer")
    axes[0].legend()
    plt.show()"""
        ),
    },
}
