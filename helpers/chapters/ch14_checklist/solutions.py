"""Solutions of chapter 14."""

import math

import torch
import torch.nn.functional as F


# %% loss_of_guessing
def loss_of_guessing(labels):
    """The mean cross-entropy of the best answer that does not look at the image; labels (N,) → float."""
    ### BEGIN SOLUTION
    shares = torch.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    return -(shares * shares.log()).sum().item()
    ### END SOLUTION


# %% two_softmaxes
def two_softmaxes(classes):
    """The lowest cross-entropy that a network can reach whose outputs have been through a softmax already: a float."""
    ### BEGIN SOLUTION
    return -math.log(math.e / (math.e + classes - 1))
    ### END SOLUTION


# %% learn_by_heart
def learn_by_heart(make, x, y, rate, steps):
    """Train a fresh network make() with plain SGD on all of (x, y) at once: (share of right answers, loss) after it."""
    ### BEGIN SOLUTION
    net = make()
    optimizer = torch.optim.SGD(net.parameters(), rate)
    for _ in range(steps):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        outputs = net(x)
        return (outputs.argmax(1) == y).float().mean().item(), F.cross_entropy(outputs, y).item()
    ### END SOLUTION


# %% train_mended
def train_mended(make, x, y, rate, epochs):
    """The loop above without its three bugs: returns the outputs (N, classes) for x after training."""
    ### BEGIN SOLUTION
    net = make()
    optimizer = torch.optim.SGD(net.parameters(), rate)
    dice = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=dice)
        for xb, yb in zip(x[order].split(4), y[order].split(4)):
            loss = F.cross_entropy(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return net(x)
    ### END SOLUTION


# %% culprits
culprits = ...
### BEGIN SOLUTION
culprits = {"A": "eval() forgotten", "B": "optimizer of another network", "C": "labels shuffled"}
### END SOLUTION


# %% halving
def halving(scores, cuts):
    """Which setting is left, and how many epochs were trained: (its number, epochs), two ints."""
    ### BEGIN SOLUTION
    alive, spent, before = torch.arange(scores.shape[1]), 0, 0
    for epoch, keep in cuts:
        spent += len(alive) * (epoch - before)
        alive = alive[scores[epoch - 1][alive].topk(keep).indices]
        before = epoch
    spent += len(alive) * (len(scores) - before)
    return int(alive[scores[-1][alive].argmax()]), spent
    ### END SOLUTION
