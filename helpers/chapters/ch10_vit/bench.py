"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "PatchExplorer": {
        "name": "patches",
        "shown": "PatchExplorer()",
        "control": "[data-set='patch_size']",
        "picture": "[data-part='grid']",
        "plain": (
            """
from helpers.course.explorers.pictures import shipped
from helpers.chapters.ch10_vit.explorer import AXES, COLOURS, PARTS, costs, curves, pixels, tokens, total
@interact(patch_size=(4, 64, 2))
def show(patch_size=16):
    image, parts, lines = pixels(shipped("astronaut"), 224), costs("ViT-B", patch_size, 224), curves("ViT-B", patch_size)
    fig, axes = plt.subplots(1, 4, figsize=(14, 4))
    axes[0].imshow(image)
    edges = np.arange(0, 225, patch_size) - 0.5
    axes[0].vlines(edges, -0.5, edges[-1], color="white"); axes[0].hlines(edges, -0.5, edges[-1], color="white")
    row, column = (int(at * 224 / patch_size) * patch_size for at in (0.2, 0.45))
    axes[1].imshow(image[row:row + patch_size, column:column + patch_size])
    draw_bars(axes[2], list(PARTS.values()), [100 * cost.macs / total(parts).macs for cost in parts.values()], fmt="{:.1f} %",
              colours=list(COLOURS.values()))
    axes[3].loglog(lines["tokens"], lines["total"]); axes[3].loglog(lines["tokens"], lines["attention"])
    axes[3].plot(tokens(patch_size, 224), total(parts).macs, "o")
    axes[3].set(xlim=AXES[0], ylim=AXES[1], title=f"{tokens(patch_size, 224)} tokens")
    plt.show()"""
        ),
    },
}
