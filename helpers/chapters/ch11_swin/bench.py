"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "WindowExplorer": {
        "name": "windows",
        "shown": "WindowExplorer()",
        "control": "[data-set='window_size']",
        "picture": "[data-part='windows']",
        "plain": (
            """
from helpers import data
from helpers.chapters.ch11_swin.explorer import PATCH, SIDES, STEPS, WindowExplorer, costs, tints
from matplotlib.colors import to_rgb
explorer = WindowExplorer()
side, grey = explorer.side, data.photograph("cat", PATCH * explorer.side).mean(0).numpy()
@interact(window_size=(2, 16))
def show(window_size=4):
    explorer.window_size, explorer.shift = window_size, window_size // 2
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.3))
    moved, heard = explorer._moved, np.ones((side, side, 3))
    for blocks in range(explorer.blocks, 0, -1):
        heard[explorer.heard(blocks)] = to_rgb(STEPS[blocks - 1])
    tint = np.roll(tints(side, window_size, moved), (moved, moved), (0, 1))[:side, :side]
    for ax, colours in zip(axes, (tint, heard)):
        ax.imshow(grey, cmap="gray", extent=(0, side, side, 0)); ax.imshow(colours, alpha=0.5, extent=(0, side, side, 0))
        for draw in (ax.vlines, ax.hlines):
            draw(range(moved or window_size, side, window_size), 0, side, color="white")
        ax.plot(explorer.query[1] + 0.5, explorer.query[0] + 0.5, "s")
    sides = range(*SIDES)
    for each in (None, window_size):
        axes[2].loglog(sides, [costs(at, each, 96).macs for at in sides])
        axes[2].plot(side, costs(side, each, 96).macs, "o")
    plt.show()"""
        ),
    },
}
