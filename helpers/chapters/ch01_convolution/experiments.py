"""What was tried for chapter 01, or takes longer than a chapter may: `make experiments NB=01`."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.training import accuracy, train


class Unshared(nn.Module):
    """A layer of local windows without sharing: every place has its own kernels. (N, C_in, H, W) → (N, C_out, H', W')."""

    def __init__(self, in_channels, out_channels, kernel_size, side):
        super().__init__()
        self.kernel_size, self.out = kernel_size, side - kernel_size + 1
        inputs = in_channels * kernel_size**2
        self.weight = nn.Parameter((2 * torch.rand(self.out**2, out_channels, inputs) - 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(out_channels, self.out**2))

    def forward(self, x):
        windows = F.unfold(x, self.kernel_size).permute(2, 1, 0)  # (places, inputs, N)
        out = torch.bmm(self.weight, windows).permute(2, 1, 0) + self.bias
        return out.unflatten(2, (self.out, self.out))


def _mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def _cnn(first=None, second=None):
    first, second = first or nn.Conv2d(1, 16, 5), second or nn.Conv2d(16, 32, 3)
    head = nn.Flatten(), nn.Linear(800, 10)
    return nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2), *head)


def _unshared():
    return _cnn(Unshared(1, 16, 5, 28), Unshared(16, 32, 3, 12))


def _written(values):
    """Return values as their mean and, in brackets, each of them."""
    return f"{sum(values) / len(values):.1f} ({', '.join(f'{each:.1f}' for each in sorted(values))})"


def window_and_sharing():
    """Is it the small window that helps, or that its weights are shared?

    The chapter's MLP, its CNN, and the CNN with the same windows but its own kernels at every place. Fashion-MNIST, 5,000
    images, 3 epochs, AdamW, one-cycle, two learning rates. Test accuracy in percent on the images as they are, and moved by 3
    pixels (mean of the four directions, 1,000 images); 3 seeds: the mean, and each of them.
    """
    images, test = data.fashion_mnist(train=True).subset(5000), data.fashion_mnist(train=False)
    few, rows = test.subset(1000), []
    moved = [data.shift(few, *way) for way in ((3, 0), (-3, 0), (0, 3), (0, -3))]
    for name, make in (("MLP", _mlp), ("windows, not shared", _unshared), ("CNN: windows, shared", _cnn)):
        for lr in (3e-3, 1e-2):
            still, shifted = [], []
            for seed in range(3):
                torch.manual_seed(seed)
                settings = dict(epochs=3, batch_size=32, lr=lr, schedule="one-cycle", seed=seed, live=False)
                net = train(make(), images, **settings).model
                still.append(100 * accuracy(net, test))
                shifted.append(sum(100 * accuracy(net, each) for each in moved) / 4)
            count = sum(p.numel() for p in net.parameters())
            row = {"network": name, "parameters": f"{count:,}", "learning rate": lr}
            rows.append(row | {"as they are": _written(still), "moved by 3 pixels": _written(shifted)})
    return rows
