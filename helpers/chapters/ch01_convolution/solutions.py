"""Solutions of chapter 01."""

import torch
import torch.nn.functional as F

from helpers.chapters.ch01_convolution.sealed import sealed


# %% conv2d_loops
def conv2d_loops(x, weight, bias, stride=1, padding=0):
    """x (N, C_in, H, W), weight (C_out, C_in, K_h, K_w), bias (C_out,) → (N, C_out, H_out, W_out), without F.conv2d."""
    ### BEGIN SOLUTION
    C_out, _, K_h, K_w = weight.shape
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    N, _, H, W = x.shape
    H_out, W_out = (H - K_h) // stride + 1, (W - K_w) // stride + 1
    out = x.new_zeros(N, C_out, H_out, W_out)
    for i in range(H_out):
        for j in range(W_out):
            window = x[:, :, i * stride : i * stride + K_h, j * stride : j * stride + K_w]
            for o in range(C_out):
                out[:, o, i, j] = (window * weight[o]).sum(dim=(1, 2, 3)) + bias[o]
    return out
    ### END SOLUTION


# %% conv_parameters
def conv_parameters(in_channels, out_channels, kernel_size):
    """The number of parameters of a convolution layer with bias and K×K kernels."""
    ### BEGIN SOLUTION
    return out_channels * in_channels * kernel_size * kernel_size + out_channels
    ### END SOLUTION


# %% columns_that_differ
columns_that_differ = ...
### BEGIN SOLUTION
columns_that_differ = 7  # 0, 1, 10, 11 take zeros now; 1, 2, 3, 4 took them before, moved by 3
### END SOLUTION


# %% shared_gradient
def shared_gradient(x, grad_output):
    """x (H, W), grad_output (H - K + 1, W - K + 1) → the gradient of the K×K kernel (K, K)."""
    ### BEGIN SOLUTION
    K = x.shape[0] - grad_output.shape[0] + 1
    grad = x.new_zeros(K, K)
    for i in range(grad_output.shape[0]):
        for j in range(grad_output.shape[1]):
            grad += grad_output[i, j] * x[i : i + K, j : j + K]
    return grad
    ### END SOLUTION


# %% learn_kernel
def learn_kernel(x, y):
    """x: (N, H, W); y: (N, H - K + 1, W - K + 1), the images after one kernel → that kernel, (K, K)."""
    ### BEGIN SOLUTION
    K = x.shape[-1] - y.shape[-1] + 1
    w = x.new_zeros(1, 1, K, K).requires_grad_()
    for _ in range(50):
        loss = (F.conv2d(x[:, None], w)[:, 0] - y).square().mean()
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - 0.2 * gradient).detach().requires_grad_()
    return w[0, 0].detach()
    ### END SOLUTION


# %% layer_ready
def layer_ready(photos):
    """photos: (N, H, W, 3), uint8 → (N, 3, H + 2, W + 2), float, from −1 to 1, in a frame of zeros."""
    ### BEGIN SOLUTION
    x = photos.permute(0, 3, 1, 2) / 255
    return F.pad(2 * x - 1, (1, 1, 1, 1))
    ### END SOLUTION


# %% sealed_layer
sealed_layer = ...
### BEGIN SOLUTION
spot = torch.zeros(9, 9)
spot[4, 4] = 1
answers = sealed(spot), sealed(-spot)  # alike, in nine places with gaps between them
corner = torch.zeros(9, 9)
corner[0, 0] = 1
beyond = sealed(torch.ones(9, 9)), sealed(corner)  # flat at the border too; and the corner is not repeated
sealed_layer = (2, "reflect", "absolute value")
### END SOLUTION
