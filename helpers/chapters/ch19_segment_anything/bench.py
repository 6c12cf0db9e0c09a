"""The explorer beside a plain interact, for benchmarks/explorers.py."""

CASES = {
    "SegmentExplorer": {
        "name": "segments",
        "shown": "SegmentExplorer()",
        "control": "[data-set='column']",
        "picture": "[data-part='cards']",
        "plain": (
            """
from helpers.chapters.ch19_segment_anything.draw import draw_clicks
from helpers.chapters.ch19_segment_anything.explorer import SHOWN, SegmentExplorer
explorer = SegmentExplorer()
@interact(column=(0, 31, 1))
def show(column=16):
    explorer.clicks[-1][0] = column
    masks, quality = explorer.masks()
    fig, axes = plt.subplots(1, 5, figsize=(14, 3.4))
    axes[0].imshow(explorer.image().permute(1, 2, 0))
    draw_clicks(axes[0], explorer.clicks)
    for ax, i in zip(axes[1:], SHOWN):
        ax.imshow(masks[i].sigmoid(), cmap="gray", vmin=0, vmax=1)
        ax.set(title=f"{quality[i]:.2f}")
    plt.show()"""
        ),
    }
}
