"""The exercises of chapter 03, AlexNet and the cost table: the blanks of the lecture's table."""

from helpers.course.exercises.engine import Exercise
from helpers.shapes import output_size


def _side(size, kernel_size, stride=1, padding=0, dilation=1):
    return output_size(size, kernel_size, stride, padding, dilation)


Exercise(
    "output_side",
    reference=_side,
    cases=lambda: [
        dict(zip(("size", "kernel_size", "stride", "padding", "dilation"), case))
        for case in (
            (227, 11, 4, 0, 1),
            (224, 11, 4, 2, 1),
            (55, 3, 2, 0, 1),
            (27, 5, 1, 2, 1),
            (33, 3, 1, 4, 3),
            (40, 4, 3, 1, 2),
        )
    ],
    mistakes=[
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                (size - dilation * (kernel_size - 1) - 1 + 2 * padding) / stride + 1
            ),
            (
                "the division is not **rounded down**: a window that does not fit is left out. `//` divides and rounds"
                " down."
            ),
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                -(-(size - dilation * (kernel_size - 1) - 1 + 2 * padding) // stride) + 1
            ),
            "the division is rounded **up**: a last window that does not fit is left out, so round down.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                round((size - dilation * (kernel_size - 1) - 1 + 2 * padding) / stride) + 1
            ),
            "the division is rounded to the **nearest** number: a window that does not fit is left out, so round down.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                (size - dilation * (kernel_size - 1) - 1 + padding) // stride + 1
            ),
            "**padding** is counted once: it stands on both sides.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                (size - dilation * (kernel_size - 1) - 1) // stride + 1
            ),
            "**padding** is ignored: it makes the input larger, on both sides.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (size - kernel_size + 2 * padding) // stride + 1,
            "**dilation** is ignored: a kernel with K taps then reaches over D(K − 1) + 1 pixels.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                (size - dilation * kernel_size + 2 * padding) // stride + 1
            ),
            "a dilated kernel reaches over **D(K − 1) + 1** pixels, not D·K: there are K − 1 gaps between K taps.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                (size - dilation * (kernel_size - 1) - 1 + 2 * padding) // stride
            ),
            "one too few: the **+ 1** is missing. The first window stands there before any step.",
        ),
        (
            lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                size - dilation * (kernel_size - 1) + 2 * padding
            ),
            "**stride** is ignored: the window moves on by `stride` pixels, so divide by it.",
        ),
    ],
    hints=[
        "A kernel of K taps with dilation D reaches over D(K − 1) + 1 pixels. Put that in the place of K.",
        (
            "How far can the window travel? `size + 2 * padding - reach`. It travels in steps of `stride`, whole ones"
            " only."
        ),
        "`(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1`",
    ],
)


def _macs(in_channels, out_channels, kernel_size, out_height, out_width, groups=1):
    return out_height * out_width * out_channels * (in_channels // groups) * kernel_size**2


Exercise(
    "conv_multiply_adds",
    reference=_macs,
    cases=lambda: [
        dict(zip(("in_channels", "out_channels", "kernel_size", "out_height", "out_width", "groups"), case))
        for case in ((3, 96, 11, 55, 54, 1), (96, 256, 5, 27, 26, 2), (12, 20, 3, 7, 9, 4))
    ],
    mistakes=[
        (
            lambda *a, **k: 2 * _macs(*a, **k),
            "those are **FLOPs**, a multiplication and an addition each. Asked for are multiply-adds, half of that.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: (
                _macs(in_channels, out_channels, kernel_size, out_height, out_width, groups)
                + out_height * out_width * out_channels
            ),
            "the **bias** is counted too: by convention its one addition for each output is left out.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: _macs(
                in_channels, out_channels, kernel_size, out_height, out_width
            ),
            "**groups** is ignored: a filter sees only `in_channels / groups` of the channels.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: (
                _macs(in_channels, out_channels, kernel_size, out_height, out_width) // groups**2
            ),
            "groups divides **twice**: each filter sees fewer channels, but there are as many filters as before.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: (
                _macs(in_channels, out_channels, kernel_size, out_height, out_width) * groups
            ),
            "groups **multiplies**, and should divide: a filter sees only `in_channels / groups` of the channels.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: (
                out_height * out_width * out_channels * kernel_size**2
            ),
            "the **input channels** are missing: a filter is as deep as its input, and all of it is multiplied.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: _macs(
                in_channels, 1, kernel_size, out_height, out_width, groups
            ),
            "that is the work of **one filter**: there are `out_channels` of them.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: _macs(
                in_channels, out_channels, kernel_size, 1, 1, groups
            ),
            "that is the number of **weights**: each of them works once at every position of the output.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: (
                _macs(in_channels, out_channels, kernel_size, out_height, out_width, groups) // kernel_size
            ),
            "the kernel is K·K numbers, not **K**: it has rows and columns.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: _macs(
                in_channels,
                out_channels,
                kernel_size,
                out_height + kernel_size - 1,
                out_width + kernel_size - 1,
                groups,
            ),
            "the positions of the **input** are counted: the kernel works once for every position of the output.",
        ),
        (
            lambda in_channels, out_channels, kernel_size, out_height, out_width, groups=1: _macs(
                in_channels, out_channels, kernel_size, out_height, out_height, groups
            ),
            "`out_width` is not used: the output need not be **square**.",
        ),
    ],
    hints=[
        "One output value is one dot product. How long is it? How many output values are there?",
        "The dot product has `kernel_size² · in_channels / groups` terms.",
        "There are `out_channels · out_height · out_width` output values.",
    ],
)


_CONV2 = 256 * 96 * 5 * 5  # weights of conv2, ungrouped

Exercise(
    "conv2_parameters",
    reference=_CONV2 + 256,
    mistakes=[
        (_CONV2, "the **biases** are missing: one for each filter."),
        (
            _CONV2 // 2 + 256,
            (
                "that is the network with **two groups**: asked for is the ungrouped one, whose filters see all 96"
                " channels."
            ),
        ),
        (
            _CONV2 // 2,
            "that is the network with **two groups**, and without biases: here each filter sees all 96 channels.",
        ),
        (_CONV2 + 96, "the biases are counted per **input** channel: there is one for each of the 256 filters."),
        (256 * 5 * 5 + 256, "the **input channels** are missing: each filter is 96 channels deep."),
        (256 * 3 * 5 * 5 + 256, "this takes **3** input channels: conv2 sees the 96 maps of conv1, not the image."),
        (256 * 96 * 5 + 256, "a kernel of 5 has **5·5** numbers."),
        (256 * 96 * 3 * 3 + 256, "the kernels of conv2 are **5×5**; 3×3 begins with conv3."),
        (
            192 * 64 * 5 * 5 + 192,
            "that is **torchvision's** AlexNet, with 64 and 192 filters: asked for is the network of 2012, ungrouped.",
        ),
        (4 * (_CONV2 + 256), "those are **bytes**: asked for is the number of parameters."),
    ],
    hints=[
        "Filters × depth of a filter × 5 × 5, and a bias for each filter.",
        "256 filters, each 96 channels deep, because groups = 1.",
    ],
)


_CONV2_MACS = _CONV2 * 27 * 27

Exercise(
    "conv2_macs",
    reference=_CONV2_MACS,
    mistakes=[
        (2 * _CONV2_MACS, "those are **FLOPs**: asked for are multiply-adds, half of that."),
        (_CONV2_MACS + 256 * 27 * 27, "the **bias** is counted too: by convention it is left out."),
        (
            _CONV2_MACS // 2,
            (
                "that is half: the network with **two groups**, or torchvision's. Ungrouped, 256 filters see 96"
                " channels each."
            ),
        ),
        (
            _CONV2 * 55 * 55,
            "those are the **positions of conv1**: a pooling stands between, and conv2 has 27×27 of them.",
        ),
        (
            _CONV2 * 23 * 23,
            "the **padding** is missing: conv2 has padding 2, so its output is as large as its input, 27×27.",
        ),
        (
            _CONV2 * 31 * 31,
            (
                "the padding of 2 keeps the side at **27**: the positions of the output count, not those of the padded"
                " input."
            ),
        ),
        (_CONV2 * 27, "27 is one row of positions: there are **27·27**."),
        (_CONV2, "that is the number of **weights**: each works at every position of the output."),
        (_CONV2_MACS // 96, "the **96 input channels** are missing."),
    ],
    hints=[
        "Every weight is used once at every position of the output. The biases do not count.",
        "The output of conv2 has 27·27 positions.",
    ],
)


_FC6 = 256 * 7 * 7 * 4096

Exercise(
    "fc6_parameters",
    reference=_FC6 + 4096,
    mistakes=[
        (_FC6, "the **biases** are missing: one for each of the 4096 outputs."),
        (
            256 * 6 * 6 * 4096 + 4096,
            (
                "that is fc6 for an image of **227** pixels, where the last maps are 6×6. Follow 259 pixels through the"
                " layers."
            ),
        ),
        (
            256 * 8 * 8 * 4096 + 4096,
            "the last maps are not 8×8: did you round **up** somewhere? Every division rounds down.",
        ),
        (
            256 * 15 * 15 * 4096 + 4096,
            "the **last pooling** is missing: after conv5 the maps are 15×15, and pooling makes them smaller.",
        ),
        (
            256 * 4096 + 4096,
            "the **positions** are missing: the layer takes every value of all 256 maps, not one for each map.",
        ),
        (256 * 7 * 4096 + 4096, "the maps have rows and columns: **7·7** values each."),
        (7 * 7 * 4096 + 4096, "the **256 maps** are missing: the layer takes the values of all of them."),
        (4096 * 4096 + 4096, "that is **fc7**: fc6 takes the flattened maps of the last pooling."),
        (384 * 7 * 7 * 4096 + 4096, "conv5 has **256** filters; 384 is conv4."),
        (_FC6 + 256 * 7 * 7, "the biases are counted per **input**: there is one for each of the 4096 outputs."),
    ],
    hints=[
        "Sides: conv1 makes (259 − 11)//4 + 1 = 63 of it, the first pooling (63 − 3)//2 + 1 = 31. Go on.",
        "Inputs × outputs + outputs. The inputs are all values of 256 maps.",
    ],
)


def _mebibytes(shapes):
    return sum(C * H * W for C, H, W in shapes) * 4 / 2**20


Exercise(
    "outputs_mebibytes",
    reference=_mebibytes,
    cases=lambda: [
        {"shapes": shapes}
        for shapes in (
            [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)],
            [(64, 111, 112), (128, 56, 55)],
            [(7, 512, 300)],
        )
    ],
    mistakes=[
        (
            lambda shapes: sum(C * H * W for C, H, W in shapes) / 2**20,
            "a value takes **4 bytes**: this counts one for each.",
        ),
        (
            lambda shapes: sum(C * H * W for C, H, W in shapes) * 4 / 1e6,
            "those are **megabytes** (MB, a million bytes): one mebibyte (MiB) has 1024·1024 bytes.",
        ),
        (
            lambda shapes: sum(C * H * W for C, H, W in shapes) * 4 / (1000 * 1024),
            "one MiB is 1024·1024 bytes: here one of the two factors is **1000**.",
        ),
        (
            lambda shapes: sum(C * H * W for C, H, W in shapes) * 4 / 1024,
            "those are **KiB**: divide by 1024 once more.",
        ),
        (
            lambda shapes: sum(C * H * W for C, H, W in shapes) * 4,
            "those are **bytes**: one MiB has 1024·1024 of them.",
        ),
        (lambda shapes: sum(C * H * W for C, H, W in shapes) * 32 / 2**20, "those are **bits**: 32 bits are 4 bytes."),
        (
            lambda shapes: max(C * H * W for C, H, W in shapes) * 4 / 2**20,
            "that is the **largest** output: asked for are all of them together.",
        ),
        (
            lambda shapes: sum(H * W for C, H, W in shapes) * 4 / 2**20,
            "the **channels** are missing: every channel is a map of its own.",
        ),
        (lambda shapes: round(_mebibytes(shapes)), "do not **round**: the decimals are asked for too."),
    ],
    hints=["Values of one output: C·H·W. Add them up over the shapes.", "4 bytes a value, 1024·1024 bytes a MiB."],
)
