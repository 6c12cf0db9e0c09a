"""What was tried for chapter 05, or takes longer than a chapter may: `make experiments NB=05`."""

import torch
from torch import nn

from helpers import data
from helpers.models.deep import deep_net
from helpers.training import accuracy, train


def _error(depth, seed, epochs=3, lr=0.006, **options):
    """Return the training error in percent of a network that was trained as in the chapter."""
    digits = data.digits().split(1152)[0]
    torch.manual_seed(seed)
    net = deep_net(depth, **options)
    optimizer = torch.optim.AdamW(net.parameters(), lr, fused=True)
    train(net, digits, epochs=epochs, optimizer=optimizer, schedule="one-cycle", seed=seed, live=False)
    return 100 - 100 * accuracy(net, digits)


def _written(errors):
    """Return errors as their mean and, in brackets, each of them from the lowest to the highest."""
    return f"{sum(errors) / len(errors):.1f} ({', '.join(f'{each:.1f}' for each in sorted(errors))})"


def depth_and_shortcut():
    """How large is the training error in percent, plain and residual, by depth?

    3 epochs, AdamW at 0.006, one-cycle; 6 seeds: the mean, and each of them.
    """
    return [
        {"layers": depth}
        | {
            kind: _written([_error(depth, seed, residual=kind == "residual") for seed in range(6)])
            for kind in ("plain", "residual")
        }
        for depth in (8, 20, 32)
    ]


def four_times_as_long():
    """Is deeper worse, or only slower?

    Training error in percent after 12 epochs in the place of 3, as above; 3 seeds: the mean, and each of them.
    """
    return [
        {"layers": depth, "kind": kind}
        | {"training error, %": _written([_error(depth, seed, 12, residual=kind == "residual") for seed in range(3)])}
        for depth, kind in ((8, "plain"), (20, "plain"), (32, "plain"), (32, "residual"))
    ]


def rates_at_32_layers():
    """Is it the learning rate that stops the plain network of 32 layers?

    Training error in percent after 3 epochs; 5 seeds: the mean, and each of them.
    """
    return [
        {"learning rate": lr}
        | {
            kind: _written([_error(32, seed, lr=lr, residual=kind == "residual") for seed in range(5)])
            for kind in ("plain", "residual")
        }
        for lr in (0.003, 0.006, 0.012, 0.024, 0.048)
    ]


def start_and_normalisation():
    """What makes 14 layers trainable: He's initialisation, batch normalisation, the shortcut, or any of them?

    Training error in percent after 4 epochs, guessing: 90; five learning rates, the seeds 5 to 9: the mean, and each of them.
    The chapter trains each row with other seeds, 0 to 4, at the rate that is best here (He's with BN: 0.012).
    """
    return [
        {
            "block": "residual" if residual else "plain",
            "initialisation": start,
            "BN": "no" if norm is nn.Identity else "yes",
        }
        | {
            f"rate {lr}": _written(
                [_error(14, seed, 4, lr, residual=residual, norm=norm, start=start) for seed in range(5, 10)]
            )
            for lr in (0.0015, 0.003, 0.006, 0.012, 0.024)
        }
        for residual, norm in ((False, nn.Identity), (False, nn.BatchNorm2d), (True, nn.Identity))
        for start in ("torch", "he")
    ]


def how_far_the_start_carries():
    """How deep can a plain network without BN be, from He's start?

    Training error in percent after 4 epochs at the rate 0.003; 6 seeds: the mean, and each of them. Guessing: 90.
    """
    settings = dict(epochs=4, lr=0.003, residual=False, norm=nn.Identity, start="he")
    return [
        {"layers": depth, "training error, %": _written([_error(depth, seed, **settings) for seed in range(6)])}
        for depth in (14, 16, 18, 20)
    ]


def where_the_relu_stands():
    """Does a ReLU before the addition harm training, with 20 layers and BN?

    Training error in percent; 12 seeds after 3 epochs, 6 after 6: the mean, and each of them.
    """
    return [
        {
            "epochs": epochs,
            "ReLU after the addition": _written([_error(20, seed, epochs) for seed in range(seeds)]),
            "ReLU before it": _written([_error(20, seed, epochs, relu_last=True) for seed in range(seeds)]),
        }
        for epochs, seeds in ((3, 12), (6, 6))
    ]
