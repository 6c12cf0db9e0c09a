"""Solutions of chapter 03."""


# %% output_side
def output_side(size, kernel_size, stride=1, padding=0, dilation=1):
    """The side of the output of a convolution or a pooling: an int."""
    ### BEGIN SOLUTION
    reach = dilation * (kernel_size - 1) + 1
    return (size + 2 * padding - reach) // stride + 1
    ### END SOLUTION


# %% conv_multiply_adds
def conv_multiply_adds(in_channels, out_channels, kernel_size, out_height, out_width, groups=1):
    """The multiply-adds (MACs) of a convolution with square kernels, for one image."""
    ### BEGIN SOLUTION
    terms = kernel_size * kernel_size * in_channels // groups
    return out_channels * out_height * out_width * terms
    ### END SOLUTION


# %% conv2_parameters
conv2_parameters = ...
### BEGIN SOLUTION
conv2_parameters = 256 * 96 * 5 * 5 + 256
### END SOLUTION


# %% conv2_macs
conv2_macs = ...
### BEGIN SOLUTION
conv2_macs = 27 * 27 * (5 * 5 * 96) * 256
### END SOLUTION


# %% fc6_parameters
fc6_parameters = ...
### BEGIN SOLUTION
fc6_parameters = (256 * 7 * 7) * 4096 + 4096
### END SOLUTION


# %% outputs_mebibytes
def outputs_mebibytes(shapes):
    """shapes: list of (C, H, W), one for each output. The memory of all of them in MiB, at 4 bytes a value: a float."""
    ### BEGIN SOLUTION
    values = sum(C * H * W for C, H, W in shapes)
    return values * 4 / 1024 / 1024
    ### END SOLUTION
