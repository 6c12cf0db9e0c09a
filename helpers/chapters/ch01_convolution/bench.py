"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "ConvolutionExplorer": {
        "name": "convolution",
        "shown": 'ConvolutionExplorer(kernel="blur")',
        "control": "[data-set='kernel size']",
        "plain": (
            """
image = ConvolutionExplorer().image()
@interact(size=(1, 7))
def show(size=3):
    fig, axes = plt.subplots(1, 3, figsize=(11, 4.2))
    kernel = torch.full((size, size), 1 / size**2, dtype=torch.float64)
    draw_image(axes[0], image); draw_numbers(axes[1], kernel, fmt="{:.2g}")
    draw_image(axes[2], F.conv2d(F.pad(image[None, None], [1] * 4), kernel[None, None])[0, 0])
    plt.show()"""
        ),
    },
}
