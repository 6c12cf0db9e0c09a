"""Solutions of chapter 11."""

import torch
import torch.nn.functional as F


# %% cut_windows
def cut_windows(x, M):
    """x (H, W, C), H and W multiples of M → windows (H/M * W/M, M*M, C), row by row."""
    ### BEGIN SOLUTION
    H, W, C = x.shape
    x = x.reshape(H // M, M, W // M, M, C)
    return x.permute(0, 2, 1, 3, 4).reshape(-1, M * M, C)
    ### END SOLUTION


# %% row_mask
def row_mask(side, M, shift):
    """Who may look at whom in the windows of a rolled row: (side/M, M, M), True where a token may."""
    ### BEGIN SOLUTION
    place = torch.arange(side).roll(-shift)
    came_round = (place < shift).reshape(-1, M)
    return came_round[:, :, None] == came_round[:, None, :]
    ### END SOLUTION


# %% merge_patches
def merge_patches(x):
    """x (H, W, C), H and W even → (H/2, W/2, 4*C), the 2×2 column by column."""
    ### BEGIN SOLUTION
    return torch.cat([x[0::2, 0::2], x[1::2, 0::2], x[0::2, 1::2], x[1::2, 1::2]], dim=-1)
    ### END SOLUTION


# %% times_fewer
def times_fewer(h, w, C, M):
    """Multiply-adds of all with all divided by those of windows, projections included: a float."""
    ### BEGIN SOLUTION
    projections = 4 * h * w * C**2
    return (projections + 2 * (h * w) ** 2 * C) / (projections + 2 * M**2 * h * w * C)
    ### END SOLUTION


# %% contrastive_loss
def contrastive_loss(pictures, captions, temperature):
    """pictures, captions (n, D), row i of one belongs to row i of the other → the loss, a scalar."""
    ### BEGIN SOLUTION
    logits = F.normalize(pictures, dim=1) @ F.normalize(captions, dim=1).T / temperature
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    ### END SOLUTION
