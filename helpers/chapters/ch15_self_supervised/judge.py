"""How chapter 15 judges features: few labels, nearest class, a linear probe, neighbours; and the signs of collapse."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import whole
from helpers.device import preserve_rng


@torch.no_grad()
def features(net, x, size=500):
    """Return net(x) in eval mode, in batches; the mode is then as before."""
    mode = net.training
    net.eval()
    found = torch.cat([net(part) for part in x.split(size)])
    net.train(mode)
    return found


def few(labels, each, seed):
    """Return the places of `each` examples of every class, drawn at random.

    labels: (N,) int64
    raises: ValueError where a class has fewer
    """
    whole("each", each, 1, why="it counts the labelled examples of a class")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(whole("seed", seed, 0)))
    places = [order[labels.cpu()[order] == c] for c in range(int(labels.max()) + 1)]
    if min(map(len, places)) < each:
        raise ValueError(f"each (={each}) must be at most {min(map(len, places))}: the smallest class has no more")
    return torch.cat([part[:each] for part in places])


def nearest_class(known, labels, asked, truth):
    """Return the share in percent whose nearest class mean, by cosine, is the right one.

    known, labels: (n, D), (n,) the labelled features;  asked, truth: (m, D), (m,) those to be told
    """
    unit = F.normalize(known, dim=1)
    means = torch.stack([unit[labels == c].mean(0) for c in range(int(labels.max()) + 1)])
    return 100 * ((asked @ F.normalize(means, dim=1).T).argmax(1) == truth).float().mean().item()


def neighbours(bank, asked, k, but_first=False):
    """Return the places in the bank of the k nearest to each, by cosine: (m, k).

    but_first: leave the nearest out, which is the asked one itself where it is in the bank
    """
    scores = F.normalize(asked, dim=1) @ F.normalize(bank, dim=1).T
    return scores.topk(k + but_first).indices[:, int(but_first) :]


def by_neighbours(bank, labels, asked, truth, k=5):
    """Return the share in percent that the k nearest in the bank, by a vote, tell rightly (k-NN)."""
    votes = F.one_hot(labels[neighbours(bank, asked, k)]).sum(1)
    return 100 * (votes.argmax(1) == truth).float().mean().item()


def probe(known, labels, asked, truth, steps=100, rate=0.02):
    """Train one linear layer on frozen features, each standardised, and return the share in percent that it tells rightly."""
    mean, std = known.mean(0), known.std(0) + 1e-5
    known, asked = (known - mean) / std, (asked - mean) / std
    layer = nn.Linear(known.shape[1], int(labels.max()) + 1).to(known.device)
    nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), rate, weight_decay=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(layer(known), labels).backward()
        optimizer.step()
    return 100 * (layer(asked).argmax(1) == truth).float().mean().item()


# ---- signs of collapse


def spread(z):
    """Return how far unit vectors point apart: their standard deviation times √D; 1 everywhere alike, 0 all the same.

    z: (N, D); each is brought to norm 1
    """
    return (F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5).item()


def effective_rank(z):
    """Return how many directions vectors use: e to the entropy of the shares of their variance.

    z: (N, D).  Source: Roy & Vetterli 2007, The effective rank, there of singular values themselves
    """
    values = torch.linalg.svdvals(z - z.mean(0)) ** 2
    return math.exp(entropy(values / values.sum().clamp_min(1e-12)).item())


def entropy(p):
    """Return the entropy, in nats, of probabilities along the last axis: (..., K) → (...)."""
    return -(p * p.clamp_min(1e-9).log()).sum(-1)


def made(build, seed):
    """Return build(), with torch's random numbers from this seed; those outside are left alone."""
    with preserve_rng():
        torch.manual_seed(seed)
        return build()
