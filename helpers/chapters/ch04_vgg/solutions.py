"""Solutions of chapter 04."""

import torch


# %% stack_parameters
def stack_parameters(layers, channels, kernel_size=3):
    """The parameters of `layers` convolutions, `channels` in and out, kernel_size², with biases: an int."""
    ### BEGIN SOLUTION
    one_filter = channels * kernel_size * kernel_size + 1
    return layers * channels * one_filter
    ### END SOLUTION


# %% weights_saved
def weights_saved(kernel_size):
    """The share of weights, 0 to 1, that 3×3 windows save against one (odd) window that sees as much."""
    ### BEGIN SOLUTION
    layers = (kernel_size - 1) // 2
    return 1 - 9 * layers / kernel_size**2
    ### END SOLUTION


# %% compose_kernels
def compose_kernels(first, second):
    """first, second (3, 3) → (5, 5): the one kernel that does what the two do, one after the other."""
    ### BEGIN SOLUTION
    kernel = torch.zeros(5, 5)
    for i in range(3):
        for j in range(3):
            kernel[i : i + 3, j : j + 3] += first[i, j] * second
    return kernel
    ### END SOLUTION


# %% missing_stage
missing_stage = ...
### BEGIN SOLUTION
missing_stage = 4  # 1.85 G MACs: one of stages 1 to 4; 1.53 MiB = 512·28·28 values: stage 4
### END SOLUTION
