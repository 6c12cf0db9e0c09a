"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "AttentionExplorer": {
        "name": "attention",
        "shown": "AttentionExplorer()",
        "control": "[data-set='temperature']",
        "plain": (
            """
from helpers.chapters.ch09_attention.explorer import AttentionExplorer
explorer = AttentionExplorer()
image, side, (row, column) = explorer.image(), explorer.size[3], explorer.query
@interact(temperature=(0.1, 20.0, 0.1))
def show(temperature=1.0):
    explorer.temperature = temperature
    fig, axes = plt.subplots(1, 4, figsize=(13, 4))
    draw_image(axes[0], image)
    axes[0].add_patch(plt.Rectangle((column * side, row * side), side, side, fill=False, linewidth=3))
    axes[1].imshow(explorer.weights().numpy(), cmap="Oranges", vmin=0)
    draw_image(axes[2], image[:, row * side:(row + 1) * side, column * side:(column + 1) * side])
    draw_image(axes[3], explorer.average())
    plt.show()"""
        ),
    },
}
