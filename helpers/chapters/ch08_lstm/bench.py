"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "GatesExplorer": {
        "name": "gates",
        "shown": "GatesExplorer()",
        "control": "[data-gate='f'][data-step='0']",
        "picture": ".gates-stack",
        "plain": (
            """
from helpers.chapters.ch08_lstm.explorer import COLOURS, GATES, GatesExplorer
explorer = GatesExplorer()
steps = range(1, len(explorer.candidates) + 1)
@interact(f=(0.0, 1.0, 0.01))
def show(f=0.5):
    explorer.f = [f] * len(steps)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.2))
    for place, gate in zip((-0.27, 0, 0.27), GATES):
        axes[0].bar([step + place for step in steps], getattr(explorer, gate), 0.25, label=gate)
    for values, name in zip(explorer.cells(), "ch"):
        axes[1].plot(steps, values.tolist(), "o-", label=name)
    axes[2].bar(steps, explorer.left().tolist(), color=COLOURS[:len(steps)])
    axes[0].legend(); axes[1].legend()
    plt.show()"""
        ),
    },
}
