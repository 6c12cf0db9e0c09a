"""The explorer beside a plain interact, for benchmarks/explorers.py."""

CASES = {
    "ZooExplorer": {
        "name": "zoo",
        "shown": 'ZooExplorer(bought=["first loss", "one batch", "training"])',
        "control": "[data-set='patient']",
        "picture": ".zoo-tests",
        "plain": (
            """
from helpers.chapters.ch14_checklist import zoo
from helpers.chapters.ch14_checklist.explorer import PATIENTS, ZooExplorer, curve
explorer = ZooExplorer(bought=["first loss", "one batch", "training"])
@interact(patient=(1, len(PATIENTS)))
def show(patient=1):
    explorer.patient = patient
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for name in (zoo.Program.name, explorer.culprit):
        axes[0].plot(curve(zoo.symptoms()[name][0]["losses"]))
    for place, (test, word) in enumerate(explorer.findings().items()):
        axes[1].text(0, -place, f"{test}: {word}")
    for place, name in enumerate(explorer.left()):
        axes[1].text(0.5, -place, name)
    axes[1].set(ylim=(-len(PATIENTS), 1), title=f"{len(explorer.left())} suspects")
    plt.show()"""
        ),
    }
}
