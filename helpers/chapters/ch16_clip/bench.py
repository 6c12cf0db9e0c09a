"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "PromptExplorer": {
        "name": "prompts",
        "shown": "PromptExplorer()",
        "control": "[data-set='b0']",
        "picture": "[data-part='bar.0']",
        "plain": (
            """
from helpers.chapters.ch16_clip.explorer import TOWERS, pictures, scores
from helpers.data import COLOURS
@interact(colour=(0, len(COLOURS) - 1))
def show(colour=0):
    texts = "a red disk and a blue ring", f"a {list(COLOURS)[colour]} ring and a blue disk"
    cosines, scale = scores(TOWERS[0], *texts)
    fig, axes = plt.subplots(2, 8, figsize=(15, 4))
    for i, share in enumerate(1 / (1 + np.exp(-scale * (cosines[:, 0] - cosines[:, 1])))):
        axes[0, i].imshow(pictures()[0][i].transpose(1, 2, 0))
        axes[1, i].barh(0, share)
        axes[1, i].set(xlim=(0, 1), title=f"A {share:.2f}")
    plt.show()"""
        ),
    },
}
