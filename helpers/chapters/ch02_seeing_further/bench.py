"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "ReceptiveFieldExplorer": {
        "name": "receptive field",
        "shown": 'ReceptiveFieldExplorer("AlexNet to conv5")',
        "control": "[data-set='column']",
        "plain": (
            """
from helpers.chapters.ch02_seeing_further.explorer import PRESETS, draw_field
from helpers.shapes import receptive_field
layers, size = PRESETS["AlexNet to conv5"]
@interact(column=(0, 12))
def show(column=6):
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
    draw_bars(axes[0], [layer.name for layer in layers], [field.size for field in receptive_field(layers)])
    draw_field(axes[1], layers, size, 6, column)
    plt.show()"""
        ),
    },
}
