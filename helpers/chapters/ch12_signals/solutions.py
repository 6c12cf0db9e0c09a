"""Solutions of chapter 12."""

import torch
from torch import nn


# %% size_after
def size_after(size, gain, layers):
    """The root mean square after so many ReLU layers of variance gain / inputs: a float."""
    ### BEGIN SOLUTION
    return size * (gain / 2) ** (layers / 2)
    ### END SOLUTION


# %% he_weights
def he_weights(normals):
    """Make He's start of standard normal numbers: (out, in) or (out, in, K, K) → the same shape."""
    ### BEGIN SOLUTION
    inputs = normals[0].numel()
    return normals * (2 / inputs) ** 0.5
    ### END SOLUTION


# %% standardized
def standardized(train, test):
    """Both sets, (N, C, H, W), less a mean per channel, over a deviation per channel, torch's std: a pair."""
    ### BEGIN SOLUTION
    mean, deviation = train.mean((0, 2, 3), keepdim=True), train.std((0, 2, 3), keepdim=True)
    return (train - mean) / deviation, (test - mean) / deviation
    ### END SOLUTION


# %% largest_rate
def largest_rate(x):
    """The rate at which gradient descent on ½ · mean (x·w − t)² begins to diverge; x (N, D) → float."""
    ### BEGIN SOLUTION
    curvature = x.T @ x / len(x)
    return float(2 / torch.linalg.eigvalsh(curvature)[-1])
    ### END SOLUTION


# %% started
def started(make):
    """The start above without its three bugs: returns the network."""
    ### BEGIN SOLUTION
    net = make()
    torch.manual_seed(0)
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            inputs = layer.weight.shape[1]
            nn.init.normal_(layer.weight, 0, (2 / inputs) ** 0.5)
            nn.init.zeros_(layer.bias)
    return net
    ### END SOLUTION


# %% dead_share
def dead_share(values):
    """The share of units that give 0 for every image; values (N, units) after a ReLU → float."""
    ### BEGIN SOLUTION
    return (values == 0).all(0).float().mean().item()
    ### END SOLUTION
