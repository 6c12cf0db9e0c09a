"""The exercises of chapter 05, ResNet: chains of gradients, batch normalisation there and back, blocks, and a block with two bugs."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise
from helpers.layers.norm import batch_norm


def _chain(add=1, each=2, halve=0.5, up=False, instead=False):
    def gradient(w, blocks, shortcut):
        slope = (1 if instead else w + add) if shortcut else w
        return slope**blocks * halve ** ((blocks + each - 1 if up else blocks) // each)

    return gradient


Exercise(
    "gradient_of_a_chain",
    reference=_chain(),
    cases=lambda: [
        dict(w=w, blocks=blocks, shortcut=shortcut)
        for w, blocks, shortcut in ((0.1, 10, False), (0.1, 10, True), (0.3, 7, True), (-0.2, 5, True), (0.5, 3, False))
    ],
    mistakes=[
        (_chain(halve=1), "the **halvings** are missing: each passes on half of the gradient."),
        (_chain(each=1), "a halving follows each **second** block, not each."),
        (_chain(up=True), "one halving **too many** where the number of blocks is odd: they follow blocks 2, 4, 6."),
        (_chain(add=0), "the **shortcut** adds 1 to each derivative: d(x + w·x)/dx = 1 + w."),
        (_chain(instead=True), "with a shortcut a block's derivative is 1 **+ w**, not 1."),
        (_chain(halve=2), "the halvings **double** here: the derivative of x/2 is 1/2."),
        (
            lambda w, blocks, shortcut: (blocks * w + shortcut) * 0.5 ** (blocks // 2),
            "the blocks' derivatives are **added**: in a chain they multiply.",
        ),
    ],
    hints=[
        "The chain rule: multiply the derivatives of all parts, blocks and halvings.",
        "A block's derivative is w, or 1 + w with a shortcut. There are blocks // 2 halvings.",
    ],
)


def _backward(mean=True, spread=True, gamma=True, biased=True, axes=(0, 2, 3), squared=False, sums=True):
    """Return the backward pass of batch normalisation, or one in which something is left out."""

    def backward(g, x, weight, eps=1e-5):
        var = x.var(axes, correction=0, keepdim=True) + eps
        hat = (x - x.mean(axes, keepdim=True)) / var.sqrt()
        inner = g - mean * g.mean(axes, keepdim=True) - spread * hat * (g * hat).mean(axes, keepdim=True)
        scale = weight[:, None, None] if gamma else 1
        total = torch.sum if sums else torch.mean
        return scale * inner / (var if squared else var.sqrt()), total(g * hat, (0, 2, 3)), total(g, (0, 2, 3))

    return backward


def _by_autograd(g, x, weight, eps=1e-5):
    x, weight = x.detach().clone().requires_grad_(), weight.detach().clone().requires_grad_()
    bias = torch.zeros_like(weight).requires_grad_()
    with torch.enable_grad():
        out = batch_norm(x, None, None, weight, bias, training=True, eps=eps)
        return torch.autograd.grad(out, (x, weight, bias), g)


def _gradients():
    generator = torch.Generator().manual_seed(5)
    for N, C, H, W, eps in ((2, 3, 4, 5, 1e-5), (4, 2, 3, 1, 0.3), (1, 5, 2, 3, 1e-5)):
        yield dict(
            g=torch.randn(N, C, H, W, generator=generator) + 1,
            x=3 * torch.randn(N, C, H, W, generator=generator) + 2,
            weight=1 + torch.rand(C, generator=generator),
            eps=eps,
        )


Exercise(
    "batch_norm_backward",
    reference=_by_autograd,
    cases=lambda: list(_gradients()),
    mistakes=[
        (_backward(mean=False), "mean(g) is **not subtracted**: x also acts through the batch's mean."),
        (_backward(spread=False), "the term with **x̂·mean(g·x̂)** is missing: x also acts through the variance."),
        (
            _backward(mean=False, spread=False),
            "only the **direct** way is there: x also acts through mean and variance.",
        ),
        (_backward(gamma=False), "γ is missing in the gradient with respect to **x**."),
        (_backward(squared=True), "divided by the variance: divide by the **standard deviation**."),
        (_backward(axes=(0,)), "the means are taken for each **pixel**: a channel has one, over images and places."),
        (
            _backward(axes=(2, 3)),
            "the means are taken for each **image**: batch normalisation takes the whole batch's.",
        ),
        (_backward(sums=False), "γ and β act on **every** value of the channel: their gradients are sums, not means."),
        (
            lambda g, x, weight, eps=1e-5: (lambda a, b, c: (a, c, b))(*_by_autograd(g, x, weight, eps)),
            "the last two are **exchanged**: first γ's, then β's.",
        ),
        (
            lambda g, x, weight, eps=1e-5: _by_autograd(g, x, weight),
            "the argument `eps` is not **used**: a fixed number stands in its place.",
        ),
    ],
    hints=[
        "x̂ = (x − mean) / √(variance + eps), with means over (0, 2, 3) and `keepdim=True`. β's gradient: g.sum((0, 2, 3)).",
        "γ multiplies x̂, so its gradient is (g · x̂).sum((0, 2, 3)).",
        "With respect to x: γ / √(variance + eps) · (g − mean(g) − x̂ · mean(g · x̂)).",
    ],
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
            "the **ReLU between** the two convolutions is missing: without it the two are one linear map.",
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
        "Look at the left block under *Where the ReLU stands*, without its BN: how many ReLUs has it, and on which side of the plus?",
        "Convolution, ReLU, convolution, then + x, then ReLU. `F.conv2d(x, weight1, padding=1)` keeps the size, so that x can be added.",
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


def _bn(x, mean, var, training):
    return F.batch_norm(x, mean, var, training=training, momentum=0)


def _mended(before=False, after=True, first=None, second=None):
    """Return the block of the debugging exercise: with ReLUs before or after the sum, and BN's mode where it is not `training`."""

    def block(x, weight1, mean1, var1, weight2, mean2, var2, training):
        one, two = (training if mode is None else mode for mode in (first, second))
        out = F.relu(_bn(_conv(x, weight1), mean1, var1, one))
        out = _bn(_conv(out, weight2), mean2, var2, two)
        out = (F.relu(out) if before else out) + x
        return F.relu(out) if after else out

    return block


def _trained_blocks():
    generator = torch.Generator().manual_seed(9)
    for N, C, H, W, training in ((3, 4, 5, 6, True), (3, 4, 5, 6, False), (2, 3, 6, 4, False), (2, 5, 4, 3, True)):
        draw = {name: torch.randn(C, C, 3, 3, generator=generator) / 4 for name in ("weight1", "weight2")}
        draw |= {name: torch.randn(C, generator=generator) for name in ("mean1", "mean2")}
        draw |= {name: 0.5 + torch.rand(C, generator=generator) for name in ("var1", "var2")}
        yield dict(x=torch.randn(N, C, H, W, generator=generator), training=training) | draw


Exercise(
    "mended_block",
    reference=_mended(),
    cases=lambda: list(_trained_blocks()),
    mistakes=[
        (_mended(before=True, after=False, second=True), "that is the block **as it was**: look for both bugs."),
        (_mended(before=True, after=False), "the eval mode is mended; the **ReLU** still stands before the addition."),
        (
            _mended(second=True),
            "the ReLU is mended; the second BN still takes the **batch's** statistics in eval mode.",
        ),
        (_mended(before=True), "there are two ReLUs now: the one **before** the addition must go."),
        (_mended(after=False), "the ReLU **after** the sum is missing: move it, do not remove it."),
        (_mended(first=False, second=False), "while **training** BN takes the batch's statistics: pass on `training`."),
        (
            _mended(second=False),
            "while **training** the second BN too takes the batch's statistics: pass on `training`.",
        ),
        (_mended(first=True, second=True), "now the **first** BN ignores `training` as well."),
    ],
    hints=[
        "Values that never become smaller: what can a block not do if F ends with a ReLU?",
        "Predictions that depend on the other images: which statistics does each BN use in eval mode?",
        "`F.relu(out + x)`, and `training=training` twice.",
    ],
)
