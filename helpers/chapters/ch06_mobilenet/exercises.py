"""The exercises of chapter 06, MobileNet: where nine tenths of the work go."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.course.exercises.engine import Exercise


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
        (24, "24 is 8·K, not 8·**K²**: with 24 channels 1/24 + 1/9 is 0.153, only 6.5 times less."),
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


def _budget(look=True, mix=True, squared=True, up=False, least=0):
    def kernels(out_channels, kernel_size, share):
        taps = kernel_size**2 if squared else kernel_size
        m = share * taps * out_channels / (look * taps + mix * out_channels)
        return max(math.ceil(m - 1e-9) if up else math.floor(m + 1e-9), least)

    return kernels


Exercise(
    "kernels_under_budget",
    reference=_budget(),
    cases=lambda: [
        dict(out_channels=out_channels, kernel_size=kernel_size, share=share)
        for out_channels, kernel_size, share in (
            (512, 3, 0.5),
            (16, 3, 0.5),
            (9, 3, 1.0),
            (6, 7, 1.0),
            (64, 5, 0.3),
            (100, 5, 0.03),
            (1000, 3, 0.97),
        )
    ],
    mistakes=[
        (_budget(look=False), "the **depthwise** half is free here: each of the m kernels costs K² per channel."),
        (_budget(mix=False), "the **pointwise** half is free here: it has m times the inputs."),
        (_budget(squared=False), "a kernel has **K²** numbers: it has rows and columns."),
        (_budget(up=True), "rounded **up**: that is over the budget."),
        (_budget(least=1), "one kernel may be **too many** already: then the answer is 0."),
    ],
    hints=[
        "How much more does the depthwise half cost with m kernels a channel? And the pointwise half, which has m times the inputs?",
        "Both cost m times as much: solve m · (1/C_out + 1/K²) ≤ share, and round down.",
    ],
)


def _timings(third="max", inverse=False, per_second=False, swapped=False):
    def found(computing, moving, third_layer):
        multiply, move = computing[2] / computing[0], moving[2] / moving[1]  # seconds for each
        if swapped:
            multiply, move = computing[2] / computing[1], moving[2] / moving[0]
        both = third_layer[0] * multiply, third_layer[1] * move
        seconds = {"max": max(both), "sum": sum(both), "compute": both[0], "move": both[1], "min": min(both)}[third]
        k = multiply / move if inverse else 1 / multiply if per_second else move / multiply
        return k, seconds

    def named(computing, moving, third):
        return found(computing, moving, third)

    return named


Exercise(
    "k_from_two_timings",
    reference=_timings(),
    cases=lambda: (
        [
            dict(computing=(400e6, 2.5e6, 0.02), moving=(3e6, 24e6, 0.012), third=third)
            for third in ((1e6, 0.2e6), (50e6, 0.4e6), (7e6, 0.3e6))
        ]
        + [dict(computing=(9e9, 5e6, 0.1), moving=(1e5, 8e6, 0.04), third=(2e8, 1e6))]
    ),
    mistakes=[
        (_timings("sum"), "the two times are **added**: in a roofline they overlap, and the larger counts."),
        (_timings("compute"), "the third only **multiplies** here: it may be waiting for its values."),
        (_timings("move"), "the third only **moves** here: it may have much to multiply."),
        (_timings("min"), "the **smaller** of the two times is taken: a layer takes at least as long as the larger."),
        (_timings(inverse=True), "that is **1/k**: k is how many multiply-adds fit into the moving of one value."),
        (_timings(per_second=True), "those are multiply-adds per **second**: k counts them per value moved."),
        (
            _timings(swapped=True),
            "time per multiply-add comes from the layer that **computes**, per value from the one that moves.",
        ),
    ],
    hints=[
        "a = seconds for one multiply-add, from the first layer; b = seconds for one value, from the second.",
        "k = b / a. The third takes max(MACs · a, values · b).",
    ],
)


def _fold(root=True, mean=True, own=True, eps_used=True, scaled_bias=True, axis="out", weight_scaled=True):
    def folded(weight, bias, mean_, var, gamma, beta, eps=1e-5):
        spread = var + (eps if eps_used else 1e-5)
        scale = gamma / (spread.sqrt() if root else spread)
        before = (bias if bias is not None and own else 0) * (1 if scaled_bias else 1 / scale)
        shape = (-1, 1, 1, 1) if axis == "out" else (1, 1, 1, -1)
        scaled = weight * scale.view(shape) if axis == "out" else weight * scale.mean()
        return scaled if weight_scaled else weight, beta + (before - (mean_ if mean else 0)) * scale

    def named(weight, bias, mean, var, gamma, beta, eps=1e-5):
        return folded(weight, bias, mean, var, gamma, beta, eps)

    return named


def _trained_norms():
    generator = torch.Generator().manual_seed(8)
    for C, C_in, K, eps, biased in ((3, 4, 3, 1e-5, False), (5, 2, 1, 0.4, True), (4, 6, 5, 0.1, True)):
        draw = {name: torch.randn(C, generator=generator) for name in ("mean", "beta", "bias")}
        draw |= {name: 0.5 + torch.rand(C, generator=generator) for name in ("var", "gamma")}
        draw["bias"] = draw["bias"] if biased else None
        yield dict(weight=torch.randn(C, C_in, K, K, generator=generator), eps=eps) | draw


def _by_layers(weight, bias, mean, var, gamma, beta, eps=1e-5):
    """Ask the two layers themselves: their answer to zeros is the bias, that to single ones, less the bias, the weight."""
    conv, bn = nn.Conv2d(weight.shape[1], len(weight), weight.shape[2]), nn.BatchNorm2d(len(weight), eps)
    values = {"weight": weight, "bias": torch.zeros(len(weight)) if bias is None else bias}
    conv.load_state_dict(values)
    bn.load_state_dict(
        {
            "weight": gamma,
            "bias": beta,
            "running_mean": mean,
            "running_var": var,
            "num_batches_tracked": torch.tensor(0),
        }
    )
    inputs = weight[0].numel()
    probes = torch.cat([torch.zeros(1, inputs), torch.eye(inputs)]).view(-1, *weight.shape[1:])
    with torch.no_grad():
        answers = bn.eval()(conv(probes)).flatten(1)
    return (answers[1:] - answers[0]).T.reshape(weight.shape), answers[0]


Exercise(
    "folded",
    reference=_by_layers,
    cases=lambda: list(_trained_norms()),
    mistakes=[
        (_fold(root=False), "the scale is γ over the variance: take its **square root**."),
        (_fold(mean=False), "the **mean** is missing in the bias: BN takes it away."),
        (_fold(own=False), "the convolution's **own bias** is lost: BN scales and shifts it like the rest."),
        (
            _fold(scaled_bias=False),
            "the convolution's own bias goes through BN too: it is **scaled** as the weights are.",
        ),
        (_fold(eps_used=False), "the argument `eps` is not **used**: it is added to the variance before the root."),
        (_fold(axis="all"), "one scale for **all** channels: each output channel has its own."),
        (
            _fold(weight_scaled=False),
            "the **weights** are as they were: each output channel's are multiplied by its s.",
        ),
    ],
    hints=[
        "s = γ / √(var + eps), one number for each output channel: `weight * s[:, None, None, None]`.",
        "BN of (conv + bias) = s · conv + s · (bias − mean) + β.",
    ],
)


def _inverted_block(linear=True, depthwise=True, add=True, six=True, between=True, look_active=True):
    def block(x, widen, look, narrow):
        active = F.relu6 if six else F.relu
        wide = F.conv2d(x, widen)
        wide = active(wide) if between else wide
        kernels, groups = (look, look.shape[0]) if depthwise else (look.expand(-1, wide.shape[1], -1, -1), 1)
        wide = F.conv2d(wide, kernels, padding=1, groups=groups)
        out = F.conv2d(active(wide) if look_active else wide, narrow)
        return (out if linear else active(out)) + (x if add else 0)

    return block


def _inverted_cases():
    generator = torch.Generator().manual_seed(4)
    for N, C, D, H, W in ((2, 3, 8, 5, 6), (1, 4, 10, 6, 3)):
        shapes = {"x": (N, C, H, W), "widen": (D, C, 1, 1), "look": (D, 1, 3, 3), "narrow": (C, D, 1, 1)}
        yield {name: 2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


Exercise(
    "mended_inverted",
    reference=_inverted_block(),
    cases=lambda: list(_inverted_cases()),
    mistakes=[
        (_inverted_block(linear=False, depthwise=False), "that is the block **as it was**: look for both bugs."),
        (_inverted_block(linear=False), "the depthwise layer is mended; the **narrow end** still has a ReLU6."),
        (_inverted_block(depthwise=False), "the narrow end is mended; each middle kernel still sees **all** channels."),
        (_inverted_block(add=False), "the **shortcut** is lost: x is added."),
        (_inverted_block(six=False), "V2's activation is **ReLU6**: cut off at 6."),
        (_inverted_block(between=False), "the ReLU6 after the **widening** is lost."),
        (
            _inverted_block(look_active=False),
            "the ReLU6 after the **depthwise** layer is lost: only the narrow end is linear.",
        ),
    ],
    hints=[
        "Half of the values unchanged: what adds 0 to them at the narrow end, and what does V2 call that end?",
        "A depthwise convolution is `groups=wide.shape[1]`, with `look` as it is.",
    ],
)
