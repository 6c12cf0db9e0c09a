"""Solutions of chapter 02."""

import torch
import torch.nn.functional as F


# %% receptive_field_size
def receptive_field_size(layers):
    """layers: list of (kernel_size, stride), first layer first → the receptive field of one unit of the last, in pixels."""
    ### BEGIN SOLUTION
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size = size + (kernel_size - 1) * jump
        jump = jump * stride
    return size
    ### END SOLUTION


# %% max_pool
def max_pool(x, kernel_size, stride):
    """x (H, W) → (H_out, W_out): the largest value of each window, without a pooling function of torch."""
    ### BEGIN SOLUTION
    H_out = (x.shape[0] - kernel_size) // stride + 1
    W_out = (x.shape[1] - kernel_size) // stride + 1
    out = torch.zeros(H_out, W_out)
    for i in range(H_out):
        for j in range(W_out):
            out[i, j] = x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size].max()
    return out
    ### END SOLUTION


# %% stem_field
stem_field = ...
### BEGIN SOLUTION
stem_field = 27  # 1 → 7 → 11 → 19 → 27, with jumps 1, 2, 4, 4
### END SOLUTION


# %% blur_pool
def blur_pool(x):
    """x (H, W), H and W even → (H/2, W/2): blurred by 1 2 1 both ways, in a circle, then every second pixel."""
    ### BEGIN SOLUTION
    for axis in (0, 1):
        x = (x.roll(1, axis) + 2 * x + x.roll(-1, axis)) / 4
    return x[::2, ::2]
    ### END SOLUTION


# %% exact_shift
exact_shift = ...
### BEGIN SOLUTION
exact_shift = 8  # 2 · 2 · 2: the last maps move by one place
### END SOLUTION


# %% fields_seen
def fields_seen(image, kernels, units):
    """image (H, W), kernels: list of (K, K), K odd, units: list of i → how many rows unit (i, i) sees, from first to last."""
    ### BEGIN SOLUTION
    seen = []
    for unit in units:
        image = image.detach().clone().requires_grad_()  # a fresh one, without a gradient
        out = image[None, None]
        for kernel in kernels:
            out = F.conv2d(out, kernel[None, None], padding=len(kernel) // 2)
        out[0, 0, unit, unit].backward()
        rows = (image.grad.abs().sum(1) > 0).nonzero()
        seen.append((rows[-1] - rows[0]).item() + 1)
    return seen
    ### END SOLUTION


# %% false_stripes
false_stripes = ...
### BEGIN SOLUTION
rows = [torch.cos(2 * torch.pi * n / 64 * torch.arange(64)) for n in range(33)]
n = next(n for n in range(33) if n != 5 and torch.allclose(rows[n][::2], rows[5][::2], atol=1e-4))
blurred = (rows[n].roll(1) + 2 * rows[n] + rows[n].roll(-1)) / 4
false_stripes = (n, round(100 * blurred.max().item()))
### END SOLUTION
