"""The exercises of chapter 01, convolution."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise


def _random(*shapes):
    dice = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=dice) for shape in shapes]


def _conv_cases():
    cases = []
    for image, kernels, options in (
        ((1, 3, 7, 8), (4, 3, 3, 3), {}),
        ((2, 3, 8, 11), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
        ((2, 4, 9, 7), (3, 4, 5, 3), {"stride": 1, "padding": 2}),
    ):
        x, weight, bias = _random(image, kernels, kernels[:1])
        cases.append({"x": x, "weight": weight, "bias": bias, **options})
    return cases


def _conv(x, weight, bias, stride=1, padding=0):
    return F.conv2d(x, weight, bias, stride, padding)


def _windows_at_stride_one(x, weight, bias, stride=1, padding=0):
    H_out, W_out = F.conv2d(x, weight, bias, stride, padding).shape[2:]
    return F.conv2d(x, weight, bias, 1, padding)[:, :, :H_out, :W_out]


def _swapped_kernel(x, weight, bias, stride=1, padding=0):
    if weight.shape[2] != weight.shape[3]:
        raise IndexError("as it would come out of weight[o, c, j, i]")
    return F.conv2d(x, weight.transpose(2, 3), bias, stride, padding)


Exercise(
    "conv2d_loops",
    reference=_conv,
    cases=_conv_cases,
    mistakes=[
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight, None, stride, padding),
            "the **bias** is missing: add `bias[o]` once to every position of output channel `o`.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight, bias, stride),
            "**padding** is ignored: put `padding` zeros on each side of the height and of the width first.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(
                F.pad(x, (0, padding, 0, padding)), weight, bias, stride
            ),
            "the padding is on **one side only**: the zeros go left and right, top and bottom.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight, bias, 1, padding),
            "**stride** is ignored: the window jumps by `stride` pixels, so the output is smaller.",
        ),
        (
            _windows_at_stride_one,
            (
                "the output has the size that **stride** asks for, but the window moves one pixel at a time: it starts"
                " at `i * stride`, `j * stride`."
            ),
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight.flip(2, 3), bias, stride, padding),
            (
                "the **kernel is flipped**, as in the convolution of mathematics; in deep learning it is not:"
                " `weight[o, c, i, j]` meets `x[n, c, y + i, x + j]`."
            ),
        ),
        (
            _swapped_kernel,
            (
                "**rows and columns of the kernel are swapped**: the third dimension of `weight` goes down, the fourth"
                " to the right."
            ),
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight, bias, stride, padding).transpose(2, 3),
            (
                "**rows and columns of the output are swapped**: `out[n, o, i, j]` with `i` going down and `j` to the"
                " right."
            ),
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x[:, :1], weight[:, :1], bias, stride, padding),
            "only the **first input channel** is used: sum over all of them.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.conv2d(x, weight, bias * x.shape[1], stride, padding),
            "the **bias is added once per input channel**: add it once, after the sum over the channels.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: _conv(x, weight / weight[0].numel(), bias, stride, padding),
            "this is the **mean** of the products in the window: a convolution takes their sum.",
        ),
        (
            lambda x, weight, bias, stride=1, padding=0: F.relu(_conv(x, weight, bias, stride, padding)),
            "negative values have become 0: the **activation** is a layer of its own, not a part of the convolution.",
        ),
    ],
    hints=[
        (
            "Pad first. The output is then `(H - K_h) // stride + 1` high, where `H` is the padded height; the same for"
            " the width."
        ),
        "One output position `i, j` looks at `window = x[:, :, i*stride:i*stride + K_h, j*stride:j*stride + K_w]`.",
        "For output channel `o`, multiply `window * weight[o]`, sum over the dimensions 1, 2 and 3, and add `bias[o]`.",
    ],
)


def _parameters(in_channels, out_channels, kernel_size):
    return out_channels * (in_channels * kernel_size**2 + 1)


Exercise(
    "conv_parameters",
    reference=_parameters,
    cases=lambda: [
        {"in_channels": c, "out_channels": o, "kernel_size": k} for c, o, k in ((3, 8, 5), (16, 6, 3), (3, 96, 11))
    ],
    mistakes=[
        (
            lambda in_channels, out_channels, kernel_size: out_channels * in_channels * kernel_size**2,
            "the **bias** is not counted: one number for each output channel.",
        ),
        (
            lambda in_channels, out_channels, kernel_size: out_channels * in_channels * kernel_size**2 + in_channels,
            "this counts one bias for each **input** channel: there is one for each output channel.",
        ),
        (
            lambda in_channels, out_channels, kernel_size: out_channels * in_channels * kernel_size**2 + 1,
            "this counts **one bias for the whole layer**: there is one for each output channel.",
        ),
        (
            lambda in_channels, out_channels, kernel_size: out_channels * in_channels * (kernel_size**2 + 1),
            (
                "this counts a bias for each **pair of channels**: the sum over the input channels is taken first, and"
                " then gets one bias."
            ),
        ),
        (
            lambda in_channels, out_channels, kernel_size: out_channels * (kernel_size**2 + 1),
            "the **input channels** are missing: a filter is as deep as its input.",
        ),
        (
            lambda in_channels, out_channels, kernel_size: out_channels * (in_channels * kernel_size + 1),
            "the kernel has **two sides**: K × K numbers for each input channel, not K.",
        ),
        (
            lambda in_channels, out_channels, kernel_size: in_channels * kernel_size**2 + 1,
            "this is **one filter**: the layer has one for each output channel.",
        ),
    ],
    hints=[
        "How many numbers are in one filter? It is `kernel_size` high and wide, and as deep as its input.",
        "The layer has `out_channels` such filters, and each of them has one bias.",
    ],
)

Exercise(
    "same_size_padding",
    reference=lambda kernel_size: kernel_size // 2,
    cases=lambda: [{"kernel_size": k} for k in (3, 1, 5, 7, 11)],
    mistakes=[
        (
            lambda kernel_size: kernel_size - 1,
            "K − 1 is what height and width lose **in all**: each of the two sides gets half of it.",
        ),
        (
            lambda kernel_size: kernel_size // 2 + 1,
            "one pixel **too many** on each side: the output grows by 2. Try it with K = 1, which needs no padding.",
        ),
        (
            lambda kernel_size: kernel_size,
            (
                "with K zeros on each side the output grows by K + 1: ask how much a K × K window **takes away**"
                " without padding."
            ),
        ),
        (lambda kernel_size: 1, "1 is right for **K = 3 only**: a larger kernel takes more away."),
        (lambda kernel_size: 0, "without padding only a 1 × 1 kernel keeps the size: the others take K − 1 away."),
    ],
    hints=[
        "At stride 1, H_out = H + 2P − K + 1. When is it H?",
        "Solve 2P = K − 1 for P, in whole numbers.",
    ],
)


def _shared_gradient(x, grad_output):
    return F.conv2d(x[None, None], grad_output[None, None])[0, 0]


Exercise(
    "shared_gradient",
    reference=_shared_gradient,
    cases=lambda: [
        dict(zip(("x", "grad_output"), _random(image, output), strict=True))
        for image, output in (((5, 6), (3, 4)), ((9, 8), (5, 4)), ((4, 7), (3, 6)))
    ],
    mistakes=[
        (
            lambda x, grad_output: _shared_gradient(x, grad_output) / grad_output.numel(),
            (
                "this is the **mean** over the positions: the kernel is shared, so what it gets from each position"
                " adds up."
            ),
        ),
        (
            lambda x, grad_output: (
                grad_output[0, 0] * x[: x.shape[0] - grad_output.shape[0] + 1, : x.shape[1] - grad_output.shape[1] + 1]
            ),
            "this is the share of the **first position** only: is the `return` inside the loop?",
        ),
        (
            lambda x, grad_output: grad_output[-1, -1] * x[grad_output.shape[0] - 1 :, grad_output.shape[1] - 1 :],
            (
                "this is the share of the **last position** only: each turn of the loop overwrites the gradient, where"
                " `+=` would add to it."
            ),
        ),
        (
            lambda x, grad_output: _shared_gradient(x, grad_output).flip(0, 1),
            (
                "the gradient is **flipped**: the weight at `u, v` met `x[i + u, j + v]`, so that is what its gradient"
                " is made of."
            ),
        ),
        (
            lambda x, grad_output: _shared_gradient(x, torch.ones_like(grad_output)),
            (
                "`grad_output` is not used: each window counts as much as **its output** matters to the loss,"
                " `grad_output[i, j]`."
            ),
        ),
        (
            lambda x, grad_output: _shared_gradient(x, grad_output).T,
            "**rows and columns** of the gradient are swapped.",
        ),
    ],
    hints=[
        "The output at `i, j` is `(x[i:i+K, j:j+K] * kernel).sum()`. What is its derivative by the kernel?",
        (
            "It is the window `x[i:i+K, j:j+K]`, and it counts `grad_output[i, j]` times. K is `x.shape[0] -"
            " grad_output.shape[0] + 1`."
        ),
        "Every position used the same kernel, so add up what they all say, starting from zeros.",
    ],
)
