"""The exercises of chapter 04, VGG: stacks of small windows, and a convolution that is missing."""

import torch

from helpers.course.exercises.engine import Exercise


def _parameters(layers, channels, kernel_size=3):
    return layers * (channels * channels * kernel_size**2 + channels)


Exercise(
    "stack_parameters",
    reference=_parameters,
    cases=lambda: (
        [
            dict(layers=layers, channels=channels, kernel_size=kernel_size)
            for layers, channels, kernel_size in ((2, 64, 3), (3, 20, 5), (1, 7, 4), (5, 12, 1))
        ]
        + [dict(layers=4, channels=9)]
    ),
    mistakes=[
        (
            lambda layers, channels, kernel_size=3: layers * channels * channels * kernel_size**2,
            "the **biases** are missing: every layer has one for each of its output channels.",
        ),
        (
            lambda layers, channels, kernel_size=3: layers * channels * channels * kernel_size**2 + channels,
            "the biases of **one** layer only are counted: each layer has its own.",
        ),
        (
            lambda layers, channels, kernel_size=3: layers * (channels * channels * kernel_size**2 + 1),
            "**one** bias a layer is too few: each of its output channels has its own.",
        ),
        (
            lambda layers, channels, kernel_size=3: channels * channels * kernel_size**2 + channels,
            "that is **one** layer: the stack has `layers` of them.",
        ),
        (
            lambda layers, channels, kernel_size=3: layers * (channels * channels * kernel_size + channels),
            "a kernel of side K has **K·K** numbers, not K.",
        ),
        (
            lambda layers, channels, kernel_size=3: layers * (channels * kernel_size**2 + channels),
            "a filter is as **deep** as its input: channels·K·K weights for each of the output channels.",
        ),
        (
            lambda layers, channels, kernel_size=3: layers * (channels * channels * 9 + channels),
            "`kernel_size` is not used: the windows need not be **3×3**.",
        ),
        (
            lambda layers, channels, kernel_size=3: (
                channels * channels * (1 + layers * (kernel_size - 1)) ** 2 + channels
            ),
            "that is the **one large** convolution that sees as much as the stack: asked for is the stack itself.",
        ),
    ],
    hints=[
        "One layer first: a filter has channels·K·K weights and one bias, and there are `channels` filters.",
        "Then `layers` times that: all layers are alike.",
        "`layers * (channels * channels * kernel_size**2 + channels)`",
    ],
)


def _saved(kernel_size):
    return 1 - 9 * ((kernel_size - 1) // 2) / kernel_size**2


Exercise(
    "weights_saved",
    reference=_saved,
    cases=lambda: [{"kernel_size": kernel_size} for kernel_size in (5, 7, 3, 11, 9)],
    mistakes=[
        (
            lambda kernel_size: 9 * ((kernel_size - 1) // 2) / kernel_size**2,
            "that is the share that **remains**: asked for is what is saved, 1 minus that.",
        ),
        (lambda kernel_size: 100 * _saved(kernel_size), "that is in **percent**: asked for is a share, from 0 to 1."),
        (
            lambda kernel_size: 1 - 9 * (kernel_size // 3) / kernel_size**2,
            "the number of layers is not K/3: each 3×3 window adds **two** pixels to a field that begins with one.",
        ),
        (
            lambda kernel_size: 1 - 9 * ((kernel_size + 1) // 2) / kernel_size**2,
            "one layer too many: a field of K needs **(K − 1)/2** windows of 3×3.",
        ),
        (
            lambda kernel_size: 1 - 3 * ((kernel_size - 1) // 2) / kernel_size,
            "a window has rows **and columns**: 9 weights against K·K.",
        ),
        (
            lambda kernel_size: 1 - 9 ** ((kernel_size - 1) // 2) / kernel_size**2,
            "the weights of the layers **add up**: n layers have n·9, and not the product of n nines.",
        ),
        (
            lambda kernel_size: -_saved(kernel_size),
            "the **sign** is turned round: what is saved is 1 minus what remains.",
        ),
        (lambda kernel_size: 1 - 9 / kernel_size**2, "that is **one** 3×3 window: a field of K needs more of them."),
        (
            lambda kernel_size: kernel_size**2 / (9 * ((kernel_size - 1) // 2)) - 1,
            (
                "that is how much **more** the large window takes, against the stack: asked for is what the stack"
                " saves, against the large one."
            ),
        ),
        (
            lambda kernel_size: kernel_size**2 - 9 * ((kernel_size - 1) // 2),
            "that is a **number** of weights: divide by those of the large window, K·K.",
        ),
    ],
    hints=[
        "How many 3×3 windows see K pixels? The first sees 3, every further one 2 more.",
        "(K − 1)/2 windows of 9 weights stand against one of K·K. The channels cancel.",
        "`1 - 9 * (kernel_size - 1) / 2 / kernel_size**2`",
    ],
)


def _compose(first, second):
    kernel = torch.zeros(first.shape[0] + second.shape[0] - 1, first.shape[1] + second.shape[1] - 1, dtype=first.dtype)
    for i in range(first.shape[0]):
        for j in range(first.shape[1]):
            kernel[i : i + second.shape[0], j : j + second.shape[1]] += first[i, j] * second
    return kernel


def _overwritten(first, second):
    kernel = torch.zeros(5, 5, dtype=first.dtype)
    for i in range(3):
        for j in range(3):
            kernel[i : i + 3, j : j + 3] = first[i, j] * second
    return kernel


def _padded(kernel):
    return torch.nn.functional.pad(kernel, (1, 1, 1, 1))


Exercise(
    "compose_kernels",
    reference=_compose,
    cases=lambda: [
        {"first": torch.arange(9.0).reshape(3, 3), "second": torch.tensor([[1.0, -2, 0], [0, 3, 1], [5, 0, 2]])},
        {
            "first": torch.tensor([[2.0, 0, 1], [1, -1, 0], [0, 4, 3]]),
            "second": torch.tensor([[0.0, 1, 7], [2, 2, 0], [1, -3, 1]]),
        },
    ],
    mistakes=[
        (
            lambda first, second: first * second,
            "that multiplies number by number and stays **3×3**: two windows together see 5×5.",
        ),
        (
            lambda first, second: first @ second,
            (
                "that is the **matrix product** of the two: every number of the first must meet every number of the"
                " second."
            ),
        ),
        (
            lambda first, second: _padded(first) + _padded(second),
            "the two are **added**: one layer after the other multiplies.",
        ),
        (
            _overwritten,
            "each shifted copy **overwrites** the one before: where copies overlap their numbers add up, with `+=`.",
        ),
        (
            lambda first, second: _compose(first, second.flip(0, 1)),
            (
                "the second kernel is **flipped**: a pixel at place i of the first and k of the second is at place i +"
                " k, so nothing turns round."
            ),
        ),
        (
            lambda first, second: _compose(first.flip(0, 1), second),
            (
                "the first kernel is **flipped**: a pixel at place i of the first and k of the second is at place i +"
                " k, so nothing turns round."
            ),
        ),
        (lambda first, second: _compose(first, second.T), "rows and columns of the second kernel are **swapped**."),
        (lambda first, second: _compose(first.T, second), "rows and columns of the first kernel are **swapped**."),
        (
            lambda first, second: _compose(first, second) / 9,
            "everything is divided by **9**: the kernels need not be averages, so nothing is divided.",
        ),
        (
            lambda first, second: _compose(first, second)[1:4, 1:4],
            "that is the **middle 3×3** only: two windows together see 5×5.",
        ),
    ],
    hints=[
        "In one dimension [1, 1, 1] and [1, 1, 1] gave [1, 2, 3, 2, 1]: three shifted copies, added up.",
        "For each number `first[i, j]`: a copy of `second`, times that number, shifted by i rows and j columns.",
        "Begin with `torch.zeros(5, 5)`; to the slice `[i:i + 3, j:j + 3]` of it add `first[i, j] * second`.",
    ],
)


Exercise(
    "missing_stage",
    reference=4,
    mistakes=[
        (1, "without a convolution in **stage 1** 12.25 MiB would be missing, an output of 64×224×224. How many are?"),
        (2, "without a convolution in **stage 2** 6.125 MiB would be missing, an output of 128×112×112. How many are?"),
        (3, "without a convolution in **stage 3** 3.0625 MiB would be missing, an output of 256×56×56. How many are?"),
        (5, "a convolution of **stage 5** does 0.4624 G multiply-adds. How many are missing here?"),
        (0, "the stages are counted from **1**, as in the chapter."),
        (512, "512 is the number of **channels**: two stages have it. Asked for is the stage, from 1 to 5."),
    ],
    hints=[
        "Take the differences first: 143.7 − 141.3 million parameters, 19.63 − 17.78 G MACs, 56.69 − 55.16 MiB.",
        (
            "The MACs leave four stages, since an inner convolution of the stages 1 to 4 does 1.85 G. Which of them has"
            " 1.53 MiB of output?"
        ),
        "1.53 MiB are 401,408 values of 4 bytes: 512·28·28.",
    ],
)
