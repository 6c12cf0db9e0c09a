"""Solutions of chapter 10."""

import torch
import torch.nn.functional as F


# %% patches_to_rows
def patches_to_rows(images, P):
    """images (N, C, H, W) → (N, T, C·P·P), each patch a row: channels, rows, columns."""
    ### BEGIN SOLUTION
    N, C, H, W = images.shape
    cut = images.reshape(N, C, H // P, P, W // P, P).permute(0, 2, 4, 1, 3, 5)
    return cut.reshape(N, (H // P) * (W // P), C * P * P)
    ### END SOLUTION


# %% with_class_token
def with_class_token(patches, class_token, positions):
    """patches (N, T, D), class_token (1, 1, D), positions (1, T + 1, D) → (N, T + 1, D)."""
    ### BEGIN SOLUTION
    first = class_token.expand(len(patches), -1, -1)
    return torch.cat([first, patches], dim=1) + positions
    ### END SOLUTION


# %% block_macs
def block_macs(side, P, D):
    """The multiply-adds of a block: image side×side, patches P×P, class token, width D, MLP 4·D: an int."""
    ### BEGIN SOLUTION
    T = (side // P) ** 2 + 1
    attention = 4 * T * D * D + 2 * T * T * D
    mlp = 2 * T * D * (4 * D)
    return attention + mlp
    ### END SOLUTION


# %% hard_distillation
def hard_distillation(label_out, teacher_out, labels, teacher):
    """The student's two outputs and the teacher's, (N, classes), labels (N,) → DeiT's hard loss."""
    ### BEGIN SOLUTION
    learnt = F.cross_entropy(label_out, labels)
    copied = F.cross_entropy(teacher_out, teacher.argmax(dim=1))
    return (learnt + copied) / 2
    ### END SOLUTION


# %% mean_distance
def mean_distance(weights, columns):
    """weights (N, heads, T, T), columns in a row of patches → each head's mean distance, (heads,)."""
    ### BEGIN SOLUTION
    t = torch.arange(weights.shape[-1])
    place = torch.stack([t // columns, t % columns], dim=1).float()
    distance = (place[:, None] - place).norm(dim=2)
    return (weights * distance).sum(dim=-1).mean(dim=(0, 2))
    ### END SOLUTION
