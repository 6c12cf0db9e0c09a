"""What was tried for chapter 02, or takes longer than a chapter may: `make experiments NB=02`."""

import torch

from helpers import data
from helpers.chapters.ch02_seeing_further.trials import SHRINK, network, on_canvas, unchanged
from helpers.training import accuracy, train


def _sets():
    return on_canvas(data.fashion_mnist(train=True).subset(2000)), on_canvas(data.fashion_mnist(train=False))


def _trained(images, seed, *kind, epochs=2):
    torch.manual_seed(seed)
    options = dict(epochs=epochs, lr=1e-2, schedule="one-cycle", seed=seed, live=False)
    return train(network(*kind), images, **options).model.eval()


def _written(values):
    """Return numbers as their mean and, in brackets, each of them from the lowest to the highest."""
    return f"{sum(values) / len(values):.0f} ({', '.join(f'{each:.0f}' for each in sorted(values))})"


def ways_to_halve():
    """How robust to shifts, and how accurate, is each way to halve the picture, at each end of the network?

    2 epochs as in the chapter. Changed: the share of 400 test pictures whose prediction changes, at the worst shift of 1 to 3
    pixels. "Stride, 6×6" has 4, 8 and 18 channels and so costs the same multiply-adds. 3 seeds: the mean, and each of them.
    """
    images, test = _sets()
    kinds = {shrink: (shrink, None, (8, 16, 32), 3) for shrink in SHRINK} | {
        "stride, 6×6": ("stride", None, (4, 8, 18), 6)
    }
    rows = []
    for name, (shrink, _, channels, kernel_size) in kinds.items():
        for end in ("mean", "places"):
            nets = [_trained(images, seed, shrink, end, channels, kernel_size) for seed in range(3)]
            worst = [100 - 100 * min(unchanged(net, test.images[:400])[1:4]) for net in nets]
            rows.append(
                {
                    "halved by": name,
                    "end": end,
                    "changed, %": _written(worst),
                    "test accuracy, %": _written([100 * accuracy(net, test) for net in nets]),
                }
            )
    return rows


def longer():
    """Is a mean at the end so much worse than places, or only slower to learn?

    Max pooling, test accuracy in % after 2 and after 8 epochs on 2,000 images; 2 seeds: the mean, and each of them.
    """
    images, test = _sets()
    return [
        {"end": end}
        | {
            f"{epochs} epochs": _written(
                [100 * accuracy(_trained(images, seed, "max", end, epochs=epochs), test) for seed in range(2)]
            )
            for epochs in (2, 8)
        }
        for end in ("mean", "places")
    ]
