"""Attention of each place to its surroundings only: by gathered neighbours, or in windows. Both take the same multiply-adds."""

import time

import torch

from helpers.checks import check_multiple, whole


def everywhere(q, k, v):
    """Let each place look at all: q, k, v (N, T, D) → (N, T, D), in 2·T·T·D multiply-adds."""
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) @ v


def neighbours(q, k, v, side, K):
    """Let each place look at the K×K places around it, which are gathered for it; at the border the last ones repeat.

    q, k, v: (N, side·side, D);  K: odd
    returns: (N, side·side, D), in 2·T·K²·D multiply-adds. Each key and each value is copied K² times.

    Source: Ramachandran et al. 2019, section 3.1, without its relative positions.
    """
    line = (torch.arange(side)[:, None] + torch.arange(K) - K // 2).clamp(0, side - 1)  # (side, K)
    near = (line[:, None, :, None] * side + line[None, :, None, :]).reshape(side * side, K * K)
    return everywhere(q[:, :, None], k[:, near], v[:, near])[:, :, 0]


def windows(q, k, v, side, K):
    """Let each place look at the K×K places of its own window: (N, side·side, D) → the same, in 2·T·K²·D multiply-adds.

    K: a divisor of side
    """
    n = side // K

    def cut(x):
        return x.unflatten(1, (n, K, n, K)).transpose(2, 3).reshape(-1, K * K, x.shape[2])

    out = everywhere(cut(q), cut(k), cut(v))
    return out.view(len(q), n, n, K, K, -1).transpose(2, 3).reshape(q.shape)


def seconds(function, *arguments, tries=15):
    """Return the shortest of some times that a call takes, on this machine's CPU."""
    with torch.no_grad():
        function(*arguments)
        found = []
        for _ in range(tries):
            begun = time.perf_counter()
            function(*arguments)
            found.append(time.perf_counter() - begun)
    return min(found)


def per_mac(side=28, K=7, D=32):
    """Return the time of each way on a map of side × side places with D channels, over its multiply-adds: {name: seconds}."""
    side, K, D = whole("side", side, 1), whole("K", K, 1, side), whole("D", D, 1)
    check_multiple("side", side, "K", K)
    q, k, v = torch.randn(3, 1, side * side, D)
    T, ways = side * side, (neighbours, windows)
    found = {"everywhere": seconds(everywhere, q, k, v) / (2 * T * T * D)}
    return found | {way.__name__: seconds(way, q, k, v, side, K) / (2 * T * K * K * D) for way in ways}
