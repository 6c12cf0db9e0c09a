"""Solutions of chapter 11."""

import torch
from einops import rearrange


# %% strangers
def strangers(side, M, shift):
    """Pairs (query, key) in one window that are masked, over all windows: an int. side is a multiple of M, shift < M."""
    ### BEGIN SOLUTION
    stay = (side // M - 1) * M**2 + (M - shift) ** 2 + shift**2
    return (side * M) ** 2 - stay**2
    ### END SOLUTION


# %% cut_windows
def cut_windows(x, M):
    """x (H, W, C), H and W multiples of M → windows (H/M * W/M, M*M, C), row by row."""
    ### BEGIN SOLUTION
    H, W, C = x.shape
    x = x.reshape(H // M, M, W // M, M, C)
    return x.permute(0, 2, 1, 3, 4).reshape(-1, M * M, C)
    ### END SOLUTION


# %% extra_macs
def extra_macs(side, C, depths, M):
    """The first stage is side×side tokens of width C; each next stage has half the side, twice the width: an int."""
    ### BEGIN SOLUTION
    total = 0
    for stage, depth in enumerate(depths):
        hw = (side // 2**stage) ** 2
        total += depth * 2 * hw * C * 2**stage * (hw - M**2)
    return total
    ### END SOLUTION


# %% shifted_mended
def shifted_mended(x, M, shift):
    """x (H, W, C), H and W multiples of M; queries, keys, values are x itself; one head, no bias → (H, W, C)."""
    ### BEGIN SOLUTION
    H, W, C = x.shape
    w = rearrange(x.roll((-shift, -shift), (0, 1)), "(a i) (b j) c -> (a b) (i j) c", i=M, j=M)
    down = (torch.arange(H).roll(-shift) < shift).long()
    across = (torch.arange(W).roll(-shift) < shift).long()
    inside = rearrange(2 * down[:, None] + across, "(a i) (b j) -> (a b) (i j)", i=M, j=M)
    scores = w @ w.mT / C**0.5
    scores = scores.masked_fill(inside[:, :, None] != inside[:, None], -torch.inf)
    out = rearrange(scores.softmax(-1) @ w, "(a b) (i j) c -> (a i) (b j) c", a=H // M, i=M)
    return out.roll((shift, shift), (0, 1))
    ### END SOLUTION
