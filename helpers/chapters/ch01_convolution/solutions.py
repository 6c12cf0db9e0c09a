"""Solutions of chapter 01."""

import torch


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


# %% same_size_padding
def same_size_padding(kernel_size):
    """The padding at which the output is as large as the input, for an odd kernel_size and stride 1."""
    ### BEGIN SOLUTION
    return (kernel_size - 1) // 2
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
