"""Solutions of chapter 06."""

import torch
import torch.nn.functional as F


# %% depthwise_conv2d
def depthwise_conv2d(x, weight, stride=1, padding=0):
    """x: (N, C, H, W), weight: (C, K, K). Each channel with its own kernel: (N, C, H_out, W_out)."""
    ### BEGIN SOLUTION
    K, x = weight.shape[-1], F.pad(x, (padding,) * 4)
    rows, columns = ((side - K) // stride + 1 for side in x.shape[2:])
    out = torch.zeros(*x.shape[:2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, i * stride : i * stride + K, j * stride : j * stride + K]
            out[:, :, i, j] = (window * weight).sum((2, 3))
    return out
    ### END SOLUTION


# %% channels_for_eightfold
channels_for_eightfold = ...
### BEGIN SOLUTION
channels_for_eightfold = next(C for C in range(1, 1000) if 8 * (9 + C) <= 9 * C)  # 1/C + 1/9 <= 1/8
### END SOLUTION


# %% inverted_residual_macs
def inverted_residual_macs(in_channels, out_channels, expand_ratio, height, width, stride=1):
    """The multiply-adds of an inverted residual block with 3×3 kernels, for maps of height × width: an int.
    Height and width are multiples of the stride."""
    ### BEGIN SOLUTION
    hidden = in_channels * expand_ratio
    positions = (height // stride) * (width // stride)
    widen = height * width * in_channels * hidden
    return widen + positions * 9 * hidden + positions * hidden * out_channels
    ### END SOLUTION


# %% kernels_under_budget
def kernels_under_budget(out_channels, kernel_size, share):
    """The largest whole m, at least 0, whose pair needs at most `share` of the full convolution's multiply-adds: an int."""
    ### BEGIN SOLUTION
    m, each = 0, 1 / out_channels + 1 / kernel_size**2
    while (m + 1) * each <= share + 1e-12:
        m += 1
    return m
    ### END SOLUTION


# %% k_from_two_timings
def k_from_two_timings(computing, moving, third):
    """computing, moving: (MACs, values, seconds); third: (MACs, values) → (k, seconds of the third)."""
    ### BEGIN SOLUTION
    multiply, move = computing[2] / computing[0], moving[2] / moving[1]
    return move / multiply, max(third[0] * multiply, third[1] * move)
    ### END SOLUTION


# %% folded
def folded(weight, bias, mean, var, gamma, beta, eps=1e-5):
    """weight: (C, C_in, K, K); bias: (C,) or None; the rest: BN's, (C,) each → (weight, bias) of one convolution."""
    ### BEGIN SOLUTION
    scale = gamma / (var + eps).sqrt()
    own = 0 if bias is None else bias
    return weight * scale[:, None, None, None], beta + scale * (own - mean)
    ### END SOLUTION


# %% mended_inverted
def mended_inverted(x, widen, look, narrow):
    """x: (N, C, H, W); widen: (D, C, 1, 1); look: (D, 1, 3, 3); narrow: (C, D, 1, 1) → (N, C, H, W)."""
    ### BEGIN SOLUTION
    wide = F.relu6(F.conv2d(x, widen))
    wide = F.relu6(F.conv2d(wide, look, padding=1, groups=wide.shape[1]))
    return F.conv2d(wide, narrow) + x
    ### END SOLUTION
