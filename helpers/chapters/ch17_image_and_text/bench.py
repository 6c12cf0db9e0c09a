"""The explorer beside a plain interact, for benchmarks/explorers.py."""

CASES = {
    "CaptionExplorer": {
        "name": "captions",
        "shown": "CaptionExplorer()",
        "control": "[data-set='contrast']",
        "picture": "[data-part='bars']",
        "plain": (
            """
from helpers.chapters.ch17_image_and_text.draw import draw_looked
from helpers.chapters.ch17_image_and_text.explorer import SHOWN, CaptionExplorer, vocabulary
explorer = CaptionExplorer()
@interact(contrast=(0, 100, 5))
def show(contrast=100):
    explorer.contrast = contrast
    words, looked, probabilities = explorer.watch()
    at = explorer.chosen(words)
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.2))
    axes[0].imshow(explorer.image().permute(1, 2, 0))
    draw_looked(axes[1], explorer.image(), looked[at])
    best = probabilities[at].topk(SHOWN)
    draw_bars(axes[2], [vocabulary().names[i] for i in best.indices.tolist()], (100 * best.values).tolist(), fmt="{:.1f} %")
    axes[2].set(title=" ".join(words))
    plt.show()"""
        ),
    }
}
