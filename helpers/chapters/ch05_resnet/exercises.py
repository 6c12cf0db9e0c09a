"""The exercises of chapter 05, ResNet: batch normalisation, the order inside a block, and what a block costs."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise
from helpers.layers.norm import batch_norm


def _normalise(x, weight, bias, eps=1e-5):
    return batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def _by(axes, correction=0, root=True, outside=False):
    """Return batch normalisation with its statistics over these axes: the right one has (0, 2, 3)."""

    def wrong(x, weight, bias, eps=1e-5):
        mean, var = x.mean(axes, keepdim=True), x.var(axes, correction=correction, keepdim=True)
        divisor = var + eps if not root else var.sqrt() + eps if outside else (var + eps).sqrt()
        return (x - mean) / divisor * weight[:, None, None] + bias[:, None, None]

    return wrong


def _batches():
    generator = torch.Generator().manual_seed(5)
    for N, C, H, W, eps in ((2, 3, 4, 5, 1e-5), (4, 2, 3, 1, 0.3), (1, 5, 2, 3, 1e-5)):
        yield dict(
            x=3 * torch.randn(N, C, H, W, generator=generator) + 2,
            weight=1 + torch.rand(C, generator=generator),
            bias=torch.randn(C, generator=generator),
            eps=eps,
        )


Exercise(
    "normalise_batch",
    reference=_normalise,
    cases=lambda: list(_batches()),
    mistakes=[
        (
            _by((0, 2, 3), correction=1),
            "the **variance** is divided by n − 1: the batch is normalised with the sum of squares over n.",
        ),
        (
            _by((0,)),
            "mean and variance are taken for each **pixel**: a channel has one mean, over all images and all places.",
        ),
        (_by((0, 1, 2, 3)), "one mean for **all channels**: every channel has its own."),
        (
            _by((2, 3)),
            "mean and variance are taken for each **image**: batch normalisation takes those of the whole batch.",
        ),
        (
            _by((1, 2, 3)),
            "mean and variance are taken for each image, over its **channels**: that is layer normalisation.",
        ),
        (_by((0, 2, 3), root=False), "it is divided by the variance: divide by its **square root**."),
        (
            _by((0, 2, 3), outside=True),
            "`eps` is added to the root: add it to the variance, **before** the root is taken.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: batch_norm(x, training=True, eps=eps),
            "the **scale and shift** are missing: `weight` and `bias`, one of each per channel.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: batch_norm(x, None, None, weight, None, training=True, eps=eps),
            "the **shift** is missing: add `bias`.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: x * weight[:, None, None] + bias[:, None, None],
            "nothing is **normalised**: subtract the mean and divide by the deviation first.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: (
                (x - x.mean((0, 2, 3), keepdim=True)) * weight[:, None, None] + bias[:, None, None]
            ),
            "the mean is taken away, but the result is not divided by the **deviation**.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: batch_norm(x, None, None, bias, weight, training=True, eps=eps),
            "scale and shift are **exchanged**: multiply by `weight`, add `bias`.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: batch_norm(x, None, None, weight, weight * bias, training=True, eps=eps),
            "the shift is **multiplied** by the scale: first times `weight`, then plus `bias`.",
        ),
        (
            lambda x, weight, bias, eps=1e-5: batch_norm(x, None, None, weight, bias, training=True),
            "the argument `eps` is not **used**: a fixed number stands in its place.",
        ),
    ],
    hints=[
        "One mean and one variance per channel: over which axes of (N, C, H, W)? All but C: `(0, 2, 3)`.",
        (
            "`x.mean((0, 2, 3), keepdim=True)` has the shape (1, C, 1, 1) and can be subtracted. The variance: the mean"
            " of the squares of that."
        ),
        "Divide by `(var + eps).sqrt()`, then `* weight[:, None, None] + bias[:, None, None]`.",
    ],
    grad=True,
)


def _running(keep=lambda m: (1 - m, m), correction=1, axes=(0, 2, 3), root=False):
    def update(running_mean, running_var, x, momentum=0.1):
        old, new = keep(momentum)
        mean, var = x.mean(axes), x.var(axes, correction=correction)
        return old * running_mean + new * mean, old * running_var + new * (var.sqrt() if root else var)

    return update


def _statistics(running_mean, running_var, x, momentum=0.1):
    mean, var = running_mean.clone(), running_var.clone()
    batch_norm(x, mean, var, training=True, momentum=momentum)
    return mean, var


def _histories():
    generator = torch.Generator().manual_seed(6)
    for N, C, H, W, momentum in ((2, 3, 1, 4, 0.1), (5, 4, 3, 2, 0.3), (1, 2, 2, 3, 0.9)):
        yield dict(
            running_mean=torch.randn(C, generator=generator),
            running_var=1 + torch.rand(C, generator=generator),
            x=3 * torch.randn(N, C, H, W, generator=generator) + 2,
            momentum=momentum,
        )


Exercise(
    "running_statistics",
    reference=_statistics,
    cases=lambda: list(_histories()),
    mistakes=[
        (
            _running(lambda m: (m, 1 - m)),
            "**momentum** is the part of the way to the new value, in torch: with 0.1 nine tenths of the old one stay.",
        ),
        (
            _running(correction=0),
            "the running **variance** is divided by n: it estimates that of all images, so its sum is over n − 1.",
        ),
        (
            _running(lambda m: (m, 1 - m), correction=0),
            (
                "two things: **momentum** is the part of the way to the new value, and the variance here is over **n −"
                " 1**."
            ),
        ),
        (
            _running(lambda m: (0, 1)),
            "those are the batch's own: the running ones move only **a part of the way**, `momentum`.",
        ),
        (_running(lambda m: (1, m)), "the old value is kept **whole**: it keeps the part 1 − momentum."),
        (_running(root=True), "that is the running **deviation**: keep the variance, without the root."),
        (
            lambda running_mean, running_var, x, momentum=0.1: (running_mean, running_var),
            "they did not **move**: the batch's mean and variance are missing.",
        ),
        (
            lambda running_mean, running_var, x, momentum=0.1: _statistics(running_mean, running_var, x, momentum)[
                ::-1
            ],
            "the two are in the wrong **order**: first the mean, then the variance.",
        ),
        (
            _running(axes=(0, 1, 2, 3)),
            "mean and variance are taken over **all channels** together: every channel has its own.",
        ),
        (
            lambda running_mean, running_var, x, momentum=0.1: _statistics(running_mean, running_var, x),
            "the argument `momentum` is not **used**: a fixed 0.1 stands in its place.",
        ),
    ],
    hints=[
        "Take the mean and the variance of x over all axes but C.",
        "New = (1 − momentum) · old + momentum · the batch's.",
        "The variance here is `x.var((0, 2, 3), correction=1)`.",
    ],
)


def _conv(x, weight):
    return F.conv2d(x, weight, padding=1)


def _residual(x, weight1, weight2):
    return F.relu(_conv(F.relu(_conv(x, weight1)), weight2) + x)


def _blocks():
    generator = torch.Generator().manual_seed(7)
    for N, C, H, W in ((2, 3, 5, 4), (1, 4, 6, 3)):
        yield dict(
            x=torch.randn(N, C, H, W, generator=generator),
            weight1=torch.randn(C, C, 3, 3, generator=generator) / 4,
            weight2=torch.randn(C, C, 3, 3, generator=generator) / 4,
        )


Exercise(
    "residual_block",
    reference=_residual,
    cases=lambda: list(_blocks()),
    mistakes=[
        (
            lambda x, weight1, weight2: F.relu(F.relu(_conv(F.relu(_conv(x, weight1)), weight2)) + x),
            "there is a ReLU **before the addition**: F could then only add. The second ReLU comes after the sum.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight2)) + x,
            "the second ReLU stands **before the addition**: add x first, then take the ReLU.",
        ),
        (
            lambda x, weight1, weight2: _conv(F.relu(_conv(x, weight1)), weight2) + x,
            "the **ReLU after the sum** is missing.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight2)),
            "that is the **plain** block: x is not added.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(_conv(x, weight1), weight2) + x),
            "the **ReLU between** the two convolutions is missing: without it they are one.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1) + x), weight2)),
            "x is added **after the first** convolution: it goes around both.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight2) + F.relu(x)),
            "the way around has a **ReLU** of its own: x is added as it came.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight2)), weight1) + x),
            "the two **weights** are exchanged.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight2) * x),
            "F(x) and x are **multiplied**: add them.",
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight2) + F.relu(_conv(x, weight1))),
            (
                "what is added is the result of the **first** convolution: add x, the block's input; keep it under its"
                " own name."
            ),
        ),
        (
            lambda x, weight1, weight2: F.relu(_conv(F.relu(_conv(x, weight1)), weight1) + x),
            "both convolutions use `weight1`: the second has **its own**.",
        ),
        (
            lambda x, weight1, weight2: _conv(_conv(x, weight1), weight2) + x,
            "there is **no ReLU** at all: one stands between the convolutions, one after the sum.",
        ),
    ],
    hints=[
        "The order: convolution, ReLU, convolution, then + x, then ReLU.",
        "`F.conv2d(x, weight1, padding=1)` keeps the size, so that x can be added.",
        "`return F.relu(F.conv2d(out, weight2, padding=1) + x)`",
    ],
    grad=True,
)


def _bottleneck(channels, narrow):
    return 2 * channels * narrow + 9 * narrow * narrow + 2 * (2 * narrow + channels)


Exercise(
    "bottleneck_parameters",
    reference=_bottleneck,
    cases=lambda: [dict(channels=channels, narrow=narrow) for channels, narrow in ((256, 64), (40, 7), (512, 100))],
    mistakes=[
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - 2 * (2 * narrow + channels),
            "the **normalisations** are missing: each has a scale and a shift per channel.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - (2 * narrow + channels),
            "a normalisation has **two** numbers per channel: a scale and a shift.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - 4 * narrow,
            "only the **last** normalisation is counted: each of the three convolutions has one.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) + 2 * narrow + channels,
            "the convolutions have no **bias**: the normalisation after each has a shift.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) + 2 * (2 * narrow + channels),
            "the **running** mean and variance are counted: they are not learnt, so they are no parameters.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - 6 * narrow * narrow,
            "the middle kernel has **3·3** numbers, not 3.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - 8 * narrow * narrow,
            "the middle convolution is **3×3**: nine weights for each pair of channels.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) - narrow * channels - 2 * channels,
            "the third convolution, which **widens** again, is missing.",
        ),
        (
            lambda channels, narrow: 9 * (2 * channels * narrow + narrow * narrow) + 2 * (2 * narrow + channels),
            "only the **middle** convolution is 3×3: the other two are 1×1.",
        ),
        (
            lambda channels, narrow: _bottleneck(channels, narrow) + channels * channels + 2 * channels,
            (
                "a **projection** is counted: where input and output have the same shape, the way around has no"
                " parameters."
            ),
        ),
        (
            lambda channels, narrow: 2 * 9 * channels * channels + 4 * channels,
            "that is the **basic** block: two 3×3 convolutions at full width.",
        ),
    ],
    hints=[
        "Three convolutions without biases: 1×1 from `channels` to `narrow`, 3×3 within `narrow`, 1×1 back.",
        "Each convolution is followed by a normalisation with a scale and a shift for each of its output channels.",
        (
            "`2 * channels * narrow + 9 * narrow ** 2` for the convolutions, `2 * (narrow + narrow + channels)` for the"
            " rest."
        ),
    ],
)


Exercise(
    "resnet_depth",
    reference=lambda blocks, convolutions: convolutions * sum(blocks) + 2,
    cases=lambda: [
        dict(blocks=list(blocks), convolutions=convolutions)
        for blocks, convolutions in (
            ((2, 2, 2, 2), 2),
            ((3, 4, 6, 3), 2),
            ((3, 4, 6, 3), 3),
            ((3, 8, 36, 3), 3),
            ((18, 18, 18), 2),
        )
    ],
    mistakes=[
        (
            lambda blocks, convolutions: convolutions * sum(blocks),
            "the first convolution and the fully connected layer are **not counted**: both have weights.",
        ),
        (
            lambda blocks, convolutions: convolutions * sum(blocks) + 1,
            "one layer is missing: the **first convolution** and the **fully connected** layer both count.",
        ),
        (
            lambda blocks, convolutions: convolutions * sum(blocks) + 3,
            "one too many: the **max pooling** has no weights.",
        ),
        (
            lambda blocks, convolutions: convolutions * sum(blocks) + 2 + len(blocks),
            "the **projections** are counted: they have weights, but by custom they are not in the name.",
        ),
        (
            lambda blocks, convolutions: convolutions * sum(blocks) + 1 + len(blocks),
            "the **projections** of all stages but the first are counted: by custom they are not in the name.",
        ),
        (lambda blocks, convolutions: sum(blocks) + 2, "those are the **blocks**: each has several convolutions."),
        (
            lambda blocks, convolutions: 2 * convolutions * sum(blocks) + 3,
            "the **normalisations** are counted: by custom only convolutions and fully connected layers are.",
        ),
        (
            lambda blocks, convolutions: convolutions * len(blocks) + 2,
            "those are the **stages**: add up the blocks in all of them.",
        ),
        (
            lambda blocks, convolutions: sum(blocks) + convolutions + 2,
            "blocks and convolutions are added: **multiply**, as every block has so many.",
        ),
        (
            lambda blocks, convolutions: convolutions * max(blocks) + 2,
            "that is the **longest stage** alone: add up the blocks of all stages.",
        ),
    ],
    hints=[
        "How many blocks are there in all? How many layers with weights in each?",
        "Before the blocks stands one convolution, after them one fully connected layer.",
    ],
)
