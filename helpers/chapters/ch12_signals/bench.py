"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "SignalExplorer": {
        "name": "signals",
        "shown": "SignalExplorer()",
        "control": "[data-set='depth']",
        "picture": "[data-part='size']",
        "plain": """
from helpers.chapters.ch12_signals.explorer import CHARTS, SignalExplorer
explorer = SignalExplorer()
@interact(depth=(2, 50))
def show(depth=20):
    explorer.settings["depth"] = depth
    fig, axes = plt.subplots(2, 2, figsize=(12, 7))
    for ax, (name, title) in zip(axes.flat, CHARTS.items()):
        ax.plot(range(1, depth + 1), explorer.measured()[name], "o-")
        ax.set(yscale="linear" if name == "flat" else "log", title=title, xlabel="layer")
    plt.show()""",
    },
}
