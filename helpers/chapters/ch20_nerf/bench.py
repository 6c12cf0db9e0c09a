"""The explorer beside a plain interact, for benchmarks/explorers.py."""

CASES = {
    "NerfExplorer": {
        "name": "camera",
        "shown": "NerfExplorer()",
        "control": "[data-set='turn']",
        "picture": "[data-part='picture']",
        "plain": (
            """
from helpers.chapters.ch20_nerf.draw import draw_ray, draw_views
from helpers.chapters.ch20_nerf.explorer import NerfExplorer
explorer = NerfExplorer()
@interact(turn=(0, 355, 5))
def show(turn=40):
    explorer.turn = turn
    fig, axes = plt.subplots(1, 5, figsize=(15, 3.6))
    draw_views(axes[:2], explorer.shown(), ["the field", "what is there"])
    t, density, weights, colours, _ = explorer.ray()
    draw_ray(axes[2:], density, t, weights, colours)
    plt.show()"""
        ),
    }
}
