"""The explorer beside a plain interact, for benchmarks/explorers.py."""

CASES = {
    "DiffusionExplorer": {
        "name": "diffusion",
        "shown": "DiffusionExplorer()",
        "control": "[data-set='t']",
        "picture": "[data-part='field']",
        "plain": (
            """
from helpers.chapters.ch18_diffusion.draw import draw_arrows, draw_points
from helpers.chapters.ch18_diffusion.explorer import DiffusionExplorer
explorer = DiffusionExplorer()
@interact(t=(1, 100))
def show(t=40):
    explorer.t = t
    path = explorer.path()
    fig, ax = plt.subplots(figsize=(6, 6))
    draw_arrows(ax, *explorer.arrows("exact"), "grey")
    draw_points(ax, explorer.others(explorer.source, explorer.steps, explorer.eta, explorer.noise))
    ax.plot(path[:, 0], path[:, 1], "o-")
    plt.show()"""
        ),
    }
}
