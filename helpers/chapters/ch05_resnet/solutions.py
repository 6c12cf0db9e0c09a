"""Solutions of chapter 05."""

import torch.nn.functional as F


# %% normalise_batch
def normalise_batch(x, weight, bias, eps=1e-5):
    """Batch normalisation while training: x (N, C, H, W), weight and bias (C,) → (N, C, H, W)."""
    ### BEGIN SOLUTION
    mean = x.mean((0, 2, 3), keepdim=True)
    var = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    out = (x - mean) / (var + eps).sqrt()
    return out * weight[:, None, None] + bias[:, None, None]
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


# %% resnet_depth
def resnet_depth(blocks, convolutions):
    """blocks: how many in each stage; convolutions: in one block → the number in the name."""
    ### BEGIN SOLUTION
    return sum(blocks) * convolutions + 2
    ### END SOLUTION
