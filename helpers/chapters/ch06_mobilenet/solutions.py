"""Solutions of chapter 06."""

import torch
import torch.nn.functional as F


# %% separable_macs
def separable_macs(in_channels, out_channels, kernel_size, height, width):
    """The multiply-adds of a depthwise and a pointwise convolution, outputs of height × width: an int."""
    ### BEGIN SOLUTION
    depthwise = in_channels * height * width * kernel_size**2
    pointwise = out_channels * height * width * in_channels
    return depthwise + pointwise
    ### END SOLUTION


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
