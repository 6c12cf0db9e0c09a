"""Solutions of chapter 03."""

from helpers.costs import training_memory
from helpers.models import AlexNet2012

# %% fc6_parameters
fc6_parameters = ...
### BEGIN SOLUTION
fc6_parameters = (256 * 7 * 7) * 4096 + 4096
### END SOLUTION


# %% conv_multiply_adds
def conv_multiply_adds(in_channels, out_channels, kernel_size, out_height, out_width, groups=1):
    """The multiply-adds (MACs) of a convolution with square kernels, for one image."""
    ### BEGIN SOLUTION
    terms = kernel_size * kernel_size * in_channels // groups
    return out_channels * out_height * out_width * terms
    ### END SOLUTION


# %% top_error
def top_error(logits, labels, k=5):
    """logits: (N, classes); labels: (N,) → the share of the N images whose label is not among the k highest: a float."""
    ### BEGIN SOLUTION
    best = logits.topk(k, dim=1).indices
    right = (best == labels[:, None]).any(1)
    return 1 - right.float().mean().item()
    ### END SOLUTION


# %% dropout_mended
def dropout_mended(x, p, noise, training):
    """x, noise: (N, D); p: the probability to drop; training: bool → x after dropout, (N, D)."""
    ### BEGIN SOLUTION
    if not training:
        return x
    kept = noise >= p
    return x * kept / (1 - p)
    ### END SOLUTION


# %% largest_batch
largest_batch = ...
### BEGIN SOLUTION
low, high = 128, 256  # 128 fits, 256 does not
while high - low > 1:
    middle = (low + high) // 2
    needs_now = training_memory(AlexNet2012(groups=1), (middle, 3, 227, 227), optimizer="momentum").total
    low, high = (middle, high) if needs_now <= 3 * 2**30 else (low, middle)
largest_batch = low
### END SOLUTION
