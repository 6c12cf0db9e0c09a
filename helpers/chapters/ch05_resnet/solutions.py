"""Solutions of chapter 05."""

import torch.nn.functional as F


# %% gradient_of_a_chain
def gradient_of_a_chain(w, blocks, shortcut):
    """w: float; blocks: how many; shortcut: bool. A halving follows blocks 2, 4, 6 … : a float."""
    ### BEGIN SOLUTION
    slope = 1 + w if shortcut else w
    return slope**blocks * 0.5 ** (blocks // 2)
    ### END SOLUTION


# %% batch_norm_backward
def batch_norm_backward(g, x, weight, eps=1e-5):
    """g, x: (N, C, H, W); weight: γ, (C,); eps: added to the variance → gradients by x (N, C, H, W), γ (C,) and β (C,)."""
    ### BEGIN SOLUTION
    axes = (0, 2, 3)
    sigma = (x.var(axes, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(axes, keepdim=True)) / sigma
    inner = g - g.mean(axes, keepdim=True) - hat * (g * hat).mean(axes, keepdim=True)
    return weight[:, None, None] / sigma * inner, (g * hat).sum(axes), g.sum(axes)
    ### END SOLUTION


# %% running_statistics
def running_statistics(running_mean, running_var, x, momentum=0.1):
    """The two (C,) after one training batch x (N, C, H, W): (new mean, new variance)."""
    ### BEGIN SOLUTION
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=1)
    return ((1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * var)
    ### END SOLUTION


# %% residual_block
def residual_block(x, weight1, weight2):
    """A basic block without its BN: x (N, C, H, W), weights (C, C, 3, 3) → (N, C, H, W)."""
    ### BEGIN SOLUTION
    out = F.relu(F.conv2d(x, weight1, padding=1))
    out = F.conv2d(out, weight2, padding=1)
    return F.relu(out + x)
    ### END SOLUTION


# %% bottleneck_parameters
def bottleneck_parameters(channels, narrow):
    """The parameters of a bottleneck from `channels` to `narrow` and back, with BN: an int."""
    ### BEGIN SOLUTION
    convolutions = channels * narrow + narrow * narrow * 9 + narrow * channels
    normalisations = 2 * (narrow + narrow + channels)
    return convolutions + normalisations
    ### END SOLUTION


# %% mended_block
def mended_block(x, weight1, mean1, var1, weight2, mean2, var2, training):
    """x: (N, C, H, W); weights: (C, C, 3, 3); means and variances: (C,); training: bool → (N, C, H, W)."""
    ### BEGIN SOLUTION
    out = F.conv2d(x, weight1, padding=1)
    out = F.relu(F.batch_norm(out, mean1, var1, training=training, momentum=0))
    out = F.conv2d(out, weight2, padding=1)
    out = F.batch_norm(out, mean2, var2, training=training, momentum=0)
    return F.relu(out + x)
    ### END SOLUTION
