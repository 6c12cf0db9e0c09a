"""The exercises of chapter 06, MobileNet: where nine tenths of the work go."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise


def _separable(in_channels, out_channels, kernel_size, height, width):
    return height * width * (kernel_size**2 * in_channels + in_channels * out_channels)


Exercise(
    "separable_macs",
    reference=_separable,
    cases=lambda: [
        dict(zip(("in_channels", "out_channels", "kernel_size", "height", "width"), case))
        for case in ((512, 640, 3, 14, 13), (32, 64, 5, 112, 110), (7, 11, 3, 5, 4))
    ],
    mistakes=[
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * kernel_size**2 * in_channels * out_channels
            ),
            (
                "that is the **full** convolution: the pair looks at one channel at a time, and then at one pixel at a"
                " time."
            ),
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: height * width * kernel_size**2 * in_channels,
            "that is the **depthwise** half alone: the 1×1 convolution is missing.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: height * width * in_channels * out_channels,
            "that is the **pointwise** half alone: the depthwise convolution is missing.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * kernel_size**2 * in_channels * in_channels * out_channels
            ),
            "the two halves are **multiplied**: they run one after the other, so their work is added.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * (kernel_size**2 * in_channels * in_channels + in_channels * out_channels)
            ),
            "the depthwise kernels are as deep as the input here: each sees **one** channel, its own.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * (kernel_size**2 * out_channels + in_channels * out_channels)
            ),
            (
                "the depthwise kernels are counted per **output** channel: there is one for each input channel, and"
                " mixing comes after."
            ),
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * (kernel_size * in_channels + in_channels * out_channels)
            ),
            "a kernel of K has **K·K** numbers: it has rows and columns.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                kernel_size**2 * in_channels + in_channels * out_channels
            ),
            "those are the **weights**: each works once at every position of the output.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: (
                height * width * (kernel_size**2 * in_channels + out_channels * out_channels)
            ),
            "mixing has out_channels **twice**: each of them is a dot product over the *input* channels.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, height, width: _separable(
                in_channels, out_channels, kernel_size, height - kernel_size + 1, width - kernel_size + 1
            ),
            "the positions are made fewer by the kernel: height × width is the **output** already.",
        ),
        (lambda *a, **k: 2 * _separable(*a, **k), "those are **FLOPs**: asked for are multiply-adds, half of that."),
        (
            lambda in_channels, out_channels, kernel_size, height, width: _separable(
                in_channels, out_channels, kernel_size, height, height
            ),
            "`width` is not used: the output need not be **square**.",
        ),
    ],
    hints=[
        "Two layers one after the other: add their multiply-adds.",
        (
            "Depthwise: every one of the `in_channels` maps has `height · width` values, each a dot product of"
            " `kernel_size²` terms."
        ),
        "Pointwise: `out_channels · height · width` values, each a dot product of `in_channels` terms.",
    ],
)


def _depthwise(x, weight, stride=1, padding=0):
    return F.conv2d(x, weight[:, None], stride=stride, padding=padding, groups=x.shape[1])


def _tensors():
    generator = torch.Generator().manual_seed(6)
    shapes = (
        ((1, 1, 5, 7), (1, 3, 3), 1, 0),
        ((2, 3, 8, 9), (3, 3, 3), 1, 1),
        ((3, 4, 11, 9), (4, 5, 5), 2, 1),
        ((1, 2, 7, 6), (2, 2, 2), 3, 2),
    )
    return [
        dict(
            x=torch.randn(shape, generator=generator),
            weight=torch.randn(kernel, generator=generator),
            stride=stride,
            padding=padding,
        )
        for shape, kernel, stride, padding in shapes
    ]


Exercise(
    "depthwise_conv2d",
    reference=_depthwise,
    cases=_tensors,
    mistakes=[
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight, stride, padding).sum(1, keepdim=True),
            (
                "the channels are **added up**: that is a full convolution. Depthwise, each channel gives a map of its"
                " own."
            ),
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight[:1].expand_as(weight), stride, padding),
            "every channel is given the **first kernel**: channel c has kernel c.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight.flip(0), stride, padding),
            "the kernels go to the channels in **reverse** order: channel c has kernel c.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight.flip(1, 2), stride, padding),
            "the kernels are turned by 180 degrees: in a network they are **not flipped**.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight.transpose(1, 2), stride, padding),
            "rows and columns of the **kernels** are exchanged.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight, 1, padding),
            "**stride** is ignored: the window moves on by `stride` pixels.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight, stride, 0),
            "**padding** is ignored: that many zeros stand around each channel.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(F.pad(x, (0, padding, 0, padding)), weight, stride),
            "zeros are put at the right and below only: **padding** stands on all four sides.",
        ),
        (
            lambda x, weight, stride=1, padding=0: _depthwise(x, weight, stride, padding) / weight[0].numel(),
            "the products are **averaged**: a convolution adds them up.",
        ),
    ],
    hints=[
        (
            "Pad first: `F.pad(x, (padding,) * 4)`. Then the sides of the output are `(H - K) // stride + 1` of the"
            " padded sides."
        ),
        (
            "The window of the output at (i, j) is `x[:, :, i*stride:i*stride + K, j*stride:j*stride + K]`, for all"
            " images and channels at once."
        ),
        (
            "`(window * weight).sum((2, 3))`: the weight has shape (C, K, K), so channel c meets kernel c. The result"
            " goes to `out[:, :, i, j]`."
        ),
    ],
)


Exercise(
    "channels_for_eightfold",
    reference=72,
    mistakes=[
        (71, "with 71 channels the factor is still below 8: 1/71 + 1/9 is **more** than 1/8."),
        (73, "73 is enough, and **one less** is enough too: exactly 8 counts."),
        (8, "that is the **factor**: with 8 output channels 1/8 + 1/9 is about 0.24, only four times less."),
        (9, "that is **K²**: with 9 output channels the pair costs 1/9 + 1/9, only 4.5 times less."),
        (24, "24 comes from K = 3, not **K²** = 9, in 1/C_out + 1/K²."),
        (128, "128 is enough, but so are **fewer**: solve 1/C_out + 1/9 = 1/8 for C_out."),
        (64, "64 channels give 1/64 + 1/9 = 0.127, just **above** 1/8."),
    ],
    hints=[
        "The pair costs 1/C_out + 1/K² of the full convolution. That must be at most 1/8.",
        "1/C_out ≤ 1/8 − 1/9. What is 1/8 − 1/9 as one fraction?",
    ],
)


def _inverted(in_channels, out_channels, expand_ratio, height, width, stride=1):
    hidden, area = in_channels * expand_ratio, (height // stride) * (width // stride)
    return height * width * in_channels * hidden + area * (9 * hidden + hidden * out_channels)


Exercise(
    "inverted_residual_macs",
    reference=_inverted,
    cases=lambda: [
        dict(zip(("in_channels", "out_channels", "expand_ratio", "height", "width", "stride"), case))
        for case in ((24, 32, 6, 56, 54, 2), (96, 96, 6, 14, 12, 1), (5, 7, 3, 8, 6, 2))
    ],
    mistakes=[
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: _inverted(
                in_channels, out_channels, expand_ratio, height, width, 1
            ),
            "**stride** is ignored: it makes the maps smaller, from the depthwise convolution on.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: _inverted(
                in_channels, out_channels, expand_ratio, height // stride, width // stride, 1
            ),
            "the widening 1×1 convolution runs **before** the stride, on maps of the full size.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * (in_channels * in_channels * expand_ratio + 9 * in_channels * expand_ratio)
                + (height // stride) * (width // stride) * in_channels * expand_ratio * out_channels
            ),
            (
                "the **stride** stands in the depthwise convolution: it has as many positions as its output, not its"
                " input."
            ),
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                (height // stride) * (width // stride) * in_channels * expand_ratio * (9 + out_channels)
            ),
            "the **widening** 1×1 convolution is missing.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * in_channels**2 * expand_ratio
                + (height // stride) * (width // stride) * 9 * in_channels * expand_ratio
            ),
            "the **narrowing** 1×1 convolution is missing.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * in_channels**2 * expand_ratio
                + (height // stride) * (width // stride) * in_channels * expand_ratio * out_channels
            ),
            "the **depthwise** convolution is missing: 9 products for each value inside.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * in_channels**2 * expand_ratio
                + (height // stride)
                * (width // stride)
                * (9 * in_channels**2 * expand_ratio**2 + in_channels * expand_ratio * out_channels)
            ),
            "the middle one is counted as a **full** convolution: it is depthwise, each kernel sees one channel.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * in_channels**2 * expand_ratio
                + height * width // stride * in_channels * expand_ratio * (9 + out_channels)
            ),
            "the positions are divided by the stride **once**: it makes the height smaller and the width.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                height * width * in_channels**2 * expand_ratio
                + (height // stride) * (width // stride) * in_channels * expand_ratio * (3 + out_channels)
            ),
            "a 3×3 kernel has **9** numbers, not 3: it has rows and columns.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: _inverted(
                in_channels, out_channels, 1, height, width, stride
            ),
            "**expand_ratio** is ignored: inside, the block is that many times as wide as its input.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                _inverted(in_channels, out_channels, expand_ratio, height, width, stride) * 2
            ),
            "those are **FLOPs**: asked for are multiply-adds, half of that.",
        ),
        (
            lambda in_channels, out_channels, expand_ratio, height, width, stride=1: (
                _inverted(in_channels, out_channels, expand_ratio, height, width, stride)
                + (height // stride) * (width // stride) * out_channels
            ),
            "the **addition** of the shortcut is counted: by convention it is free.",
        ),
    ],
    hints=[
        "Inside there are `in_channels * expand_ratio` channels. Three convolutions: widen, depthwise 3×3, narrow.",
        (
            "Widen: `height * width * in_channels * hidden`. The other two have `(height // stride) * (width //"
            " stride)` positions."
        ),
        "At each of those: `9 * hidden` for the depthwise one, `hidden * out_channels` for the narrowing one.",
    ],
)
