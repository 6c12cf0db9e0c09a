"""Solutions of chapter 20."""

import math

import torch


# %% fog
def fog(density, length, n):
    """The share of the light that n samples of even fog let through: a float."""
    ### BEGIN SOLUTION
    return math.exp(-density * length / n) ** n  # exp(-density · length): n does not matter
    ### END SOLUTION


# %% useful_waves
def useful_waves(size):
    """How many of the waves k = 0, 1, 2, … have a period of at least two pixels: an int."""
    ### BEGIN SOLUTION
    k = 0
    while 4 / 2**k >= 2 * (2 / size):  # a period against two pixels
        k += 1
    return k
    ### END SOLUTION


# %% half_distance
def half_distance(t, weights):
    """Of each ray, the first of its distances t (N, n) by which half of the light is stopped: (N,), inf where it never is."""
    ### BEGIN SOLUTION
    reached = weights.cumsum(1) >= 0.5
    return torch.where(reached, t, torch.inf).amin(1)
    ### END SOLUTION


# %% place_finer
def place_finer(edges, weights, u):
    """Where the running sum of the weights reaches each u: edges (n + 1,), weights (n,), u (m,) → distances (m,)."""
    ### BEGIN SOLUTION
    sums = torch.cat([torch.zeros(1), weights.cumsum(0)])
    part = torch.searchsorted(sums, u).clamp(1, len(weights))
    share = (u - sums[part - 1]) / (sums[part] - sums[part - 1])
    return edges[part - 1] + share * (edges[part] - edges[part - 1])
    ### END SOLUTION


# %% composite
def composite(density, colour, step):
    """The colour of each ray on a white ground: density (N, n), colour (N, n, 3), step (N, n) → (N, 3)."""
    ### BEGIN SOLUTION
    alpha = 1 - torch.exp(-density * step)
    left = torch.cumprod(1 - alpha, 1)
    w = alpha * torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], 1)
    return (w[..., None] * colour).sum(1) + (1 - w.sum(1, keepdim=True))
    ### END SOLUTION
