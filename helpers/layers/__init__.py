"""The layers of the course, from scratch, one file per family, each equal to torch's in value and gradient.

conv        convolution and pooling: padding modes, the naive loops that define them, the fast forms, the modules
"""

from helpers.layers.conv import (
    AvgPool2d,
    Conv2d,
    MaxPool2d,
    avg_pool2d,
    avg_pool2d_naive,
    conv2d,
    conv2d_naive,
    max_pool2d,
    max_pool2d_naive,
    pad,
)

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d", "avg_pool2d", "avg_pool2d_naive", "conv2d", "conv2d_naive",
           "max_pool2d", "max_pool2d_naive", "pad"]
