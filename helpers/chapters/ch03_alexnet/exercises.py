"""The exercises of chapter 03, AlexNet and the cost table: larger images, multiply-adds, the competition's measure, dropout, memory."""

import torch

from helpers.course.exercises.engine import Exercise

# ---- 1. Predict

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
            "the last maps are not 8×8: a pooling of 3 with stride 2 makes (side − 3)//2 + 1, not half the side rounded **up**.",
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


# ---- 2. Build: multiply-adds


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


# ---- 3. Build: the measure of the competition


def _top_cases():
    found = []
    for seed, (N, classes, k) in enumerate(((40, 12, 5), (30, 7, 1), (20, 9, 3))):
        dice = torch.Generator().manual_seed(seed)
        logits = torch.randn(N, classes, generator=dice)
        found.append({"logits": logits, "labels": torch.randint(classes, (N,), generator=dice), "k": k})
    return found


def _top(largest=True, right=False, count=False, k_of=lambda k: k, any_of=False):
    def top_error(logits, labels, k=5):
        k = k_of(k)
        best = logits.topk(k, dim=1, largest=largest).indices
        hit = (best == labels[:, None]).any(1)
        if any_of:
            hit = torch.isin(labels, best)
        wrong = hit if right else ~hit
        return wrong.sum().item() if count else wrong.float().mean().item()

    return top_error


Exercise(
    "top_error",
    reference=_top(),
    cases=_top_cases,
    mistakes=[
        (_top(right=True), "that is the share of images that are **right**: the error is the rest."),
        (_top(count=True), "that is a **number** of images: divide by N."),
        (
            _top(largest=False),
            "those are the **least** probable classes: `topk` gives the largest, `argsort` begins with the smallest.",
        ),
        (_top(k_of=lambda k: 1), "only the **first** answer is looked at: k of them count."),
        (_top(k_of=lambda k: 5), "**k** is not used: it need not be 5."),
        (_top(any_of=True), "a label is looked for in the answers to **all** images: each image has its own k."),
        (
            lambda logits, labels, k=5: 100 * _top()(logits, labels, k),
            "those are **percent**: a share lies between 0 and 1.",
        ),
    ],
    hints=[
        "`logits.topk(k, dim=1).indices` holds the k most probable classes of each image: (N, k).",
        "Compare with `labels[:, None]`, and ask `.any(1)`: is it among them? The error counts where it is not.",
    ],
)


# ---- 4. Debug: dropout with four bugs


def _dropout_cases():
    found = []
    for seed, (N, D, p, training) in enumerate(((6, 50, 0.1, True), (3, 40, 0.6, True), (4, 20, 0.5, False))):
        dice = torch.Generator().manual_seed(seed)
        x, noise = torch.randn(N, D, generator=dice), torch.rand(N, D, generator=dice)
        found.append({"x": x, "p": p, "noise": noise, "training": training})
    return found


def _dropout(shared=False, turned=False, scale="right", always=False):
    def dropout(x, p, noise, training):
        if not training and not always:
            return x * (1 - p) if scale == "later" else x * 1
        noise = noise[:1] if shared else noise
        kept = noise < p if turned else noise >= p
        by = {"right": 1 / (1 - p), "none": 1, "later": 1, "p": 1 / p, "times": 1 - p}[scale]
        return x * kept * by

    return dropout


_SCALE = "what is left is not made **larger**: divide by 1 − p, so that the mean stays."

Exercise(
    "dropout_mended",
    reference=_dropout(),
    cases=_dropout_cases,
    mistakes=[
        (
            _dropout(True, True, "none", True),
            "nothing is mended yet. Begin here: which values does `noise < p` **keep**?",
        ),
        (_dropout(True, False, "none", True), f"the right values are dropped now; three bugs are left. One: {_SCALE}"),
        (
            _dropout(True, False, "right", True),
            "two are left: without `training` nothing is dropped, and each **image** has its own noise.",
        ),
        (_dropout(always=True), "one is left: for **prediction** (`training` is False) x stays as it is."),
        (
            _dropout(shared=True),
            "one is left: all images of a batch lose the **same** values; `noise[:1]` is the first image's.",
        ),
        (_dropout(turned=True), "one is left: a value whose noise lies **below** p is dropped, not kept."),
        (_dropout(scale="none"), f"one is left: {_SCALE}"),
        (
            _dropout(scale="later"),
            "that is dropout as AlexNet had it, made smaller for prediction: here **training** divides by 1 − p.",
        ),
        (_dropout(scale="p"), "what is left is divided by p: a share of **1 − p** is left, so divide by that."),
        (_dropout(scale="times"), "what is left is made **smaller**: divide by 1 − p."),
    ],
    hints=[
        "Take p = 0.1 and ones. How many of ten should be left, and how large should each be?",
        "Take a batch of two equal rows: may they come out equal? And `training=False`: what may change?",
        "`x if not training else x * (noise >= p) / (1 - p)`",
    ],
)


# ---- 5. Experiment: memory to train with

Exercise(
    "largest_batch",
    reference=176,
    mistakes=[
        (177, "with 177 it needs a little **more** than 3 GiB: the largest that still fits."),
        (175, "one more **fits**: 176 images need 3,069 of the 3,072 MiB."),
        (158, "that is for **Adam**, which keeps two numbers for each weight: momentum keeps one."),
        (193, "that is for plain **SGD**: momentum keeps one more number for each weight."),
        (160, "that is for 3 **GB**, 3·10⁹ bytes: asked for are 3·2³⁰."),
        (258, "only the **activations** are counted: weights, gradients and momentum take 714 MiB more."),
        (238, "the **gradients** and the momentum are missing: each is as large as the weights."),
        (198, "the gradients **on their way** through the network are missing: take `.total`."),
    ],
    hints=[
        '`training_memory(AlexNet2012(groups=1), (batch, 3, 227, 227), optimizer="momentum").total` is in bytes; 3 GiB are `3 * 2**30`.',
        "At 128 it fits, at 256 it does not. Try 192, and go on with the half in which the answer lies.",
    ],
)
