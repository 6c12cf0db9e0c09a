"""The exercises of chapter 04, VGG: what stacks save, a network from its list, two layers in one, a convolution that is missing."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise

# ---- 1. Predict


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


# ---- 2. Build: a network from its list


def _lists():
    found = []
    for seed, (C, channels) in enumerate(((3, (4, "M", 6, 5, "M")), (2, ("M", 3, 3)), (1, (5, "M", "M", 2)))):
        dice, entries, before = torch.Generator().manual_seed(seed), [], C
        for each in channels:
            if each != "M":
                weight = torch.randn(each, before, 3, 3, generator=dice) / before**0.5
                each, before = (weight, torch.randn(each, generator=dice)), each
            entries.append(each)
        found.append({"x": torch.randn(2, C, 24, 16, generator=dice), "entries": entries})
    return found


def _run(relu=True, padding=1, bias=True, pool=F.max_pool2d, size=2, stride=2):
    def run_list(x, entries):
        for entry in entries:
            if isinstance(entry, str):
                x = pool(x, size, stride)
            else:
                weight, shift = entry
                x = F.conv2d(x, weight, shift if bias else None, padding=padding)
                x = x.relu() if relu else x
        return x

    return run_list


Exercise(
    "run_list",
    reference=_run(),
    cases=_lists,
    mistakes=[
        (_run(relu=False), "there is no **ReLU**: one follows each convolution."),
        (_run(padding=0), "there is no **padding**: with `padding=1` a 3×3 convolution keeps the side of the maps."),
        (_run(bias=False), "the **bias** is left out: the second of the pair."),
        (_run(pool=F.avg_pool2d), "that is a **mean** pooling: VGG takes the maximum."),
        (_run(size=3), "the poolings are **3×3**, as AlexNet's: VGG's are 2×2."),
        (_run(stride=1), "the poolings move by **one** pixel: by two, so that the side is halved."),
        (
            lambda x, entries: _run()(x, [each for each in entries if not isinstance(each, str)]),
            'the **poolings** are left out: `"M"` is one.',
        ),
        (lambda x, entries: _run()(x, entries[:-1]), "the **last** entry is left out."),
    ],
    hints=[
        'Go through the entries, and let each make a new x. Is the entry `"M"`? `F.max_pool2d(x, 2)`.',
        "Else `weight, bias = entry`, and `F.conv2d(x, weight, bias, padding=1).relu()`.",
    ],
    tol=1e-4,
)


# ---- 3. Build: two layers into one


def _layers(overwrite=False, one=False, mean=False, flipped=False):
    def compose_layers(first, second):
        if flipped:
            second = second.flip(2, 3)
        whole = first.new_zeros(len(second), first.shape[1], 5, 5)
        for i in range(3):
            for j in range(3):
                parts = first[:, None, :, i, j, None, None] * second.transpose(0, 1)[:, :, None]  # (M, O, C, 3, 3)
                made = parts[0] if one else parts.mean(0) if mean else parts.sum(0)
                if overwrite:
                    whole[..., i : i + 3, j : j + 3] = made
                else:
                    whole[..., i : i + 3, j : j + 3] += made
        return whole

    return compose_layers


def _layer_cases():
    found = []
    for seed, (C, M, O) in enumerate(((2, 3, 4), (3, 4, 3), (1, 2, 1))):  # noqa: E741
        dice = torch.Generator().manual_seed(seed)
        first, second = torch.randn(M, C, 3, 3, generator=dice), torch.randn(O, M, 3, 3, generator=dice)
        found.append({"first": first, "second": second})
    return found


Exercise(
    "compose_layers",
    reference=_layers(),
    cases=_layer_cases,
    mistakes=[
        (_layers(one=True), "only the **first middle channel** is used: all M of them add up."),
        (_layers(mean=True), "the middle channels are **averaged**: a convolution adds its input channels up."),
        (
            _layers(overwrite=True),
            "each shifted copy **overwrites** the one before: where copies overlap their numbers add up, with `+=`.",
        ),
        (
            _layers(flipped=True),
            "the second kernels are **flipped**: place i of the first and k of the second meet at i + k, so nothing turns round.",
        ),
        (
            lambda first, second: _layers()(first, second).transpose(0, 1),
            "**C and O** are swapped: (O, C, 5, 5) is asked for.",
        ),
        (
            lambda first, second: _layers()(first, second)[..., 1:4, 1:4],
            "that is the **middle 3×3** only: two windows together see 5×5.",
        ),
        (
            lambda first, second: _layers()(first, second.transpose(2, 3)),
            "rows and columns of the second are **swapped**.",
        ),
    ],
    hints=[
        "For one middle channel m, one input c and one output o it is the page's `compose_2d(first[m, c], second[o, m])`.",
        "Add these up over m: `sum(compose_2d(first[m, c], second[o, m]) for m in range(M))`, for each o and c.",
    ],
    tol=1e-4,
)


# ---- 4. Debug


Exercise(
    "missing_stage",
    reference=4,
    mistakes=[
        (1, "without a convolution in **block 1** 12.25 MiB would be missing, an output of 64×224×224. How many are?"),
        (2, "without a convolution in **block 2** 6.125 MiB would be missing, an output of 128×112×112. How many are?"),
        (3, "without a convolution in **block 3** 3.0625 MiB would be missing, an output of 256×56×56. How many are?"),
        (5, "a convolution of **block 5** does 0.4624 G multiply-adds. How many are missing here?"),
        (0, "the blocks are counted from **1**, as in the chapter."),
        (512, "512 is the number of **channels**: two blocks have it. Asked for is the block, from 1 to 5."),
    ],
    hints=[
        "Take the differences first: 143.7 − 141.3 million parameters, 19.63 − 17.78 G MACs, 56.69 − 55.16 MiB.",
        (
            "The MACs leave four blocks, since an inner convolution of the blocks 1 to 4 does 1.85 G. Which of them has"
            " 1.53 MiB of output?"
        ),
        "1.53 MiB are 401,408 values of 4 bytes: 512·28·28.",
    ],
)


# ---- 5. Experiment

Exercise(
    "middle_channels",
    reference=2,
    mistakes=[
        (1, "with **one** middle channel 17 of 25 directions are reached, as on the page."),
        (3, "three reach all 25, but so does a **smaller** number: try them all."),
        (17, "that is the number of **directions** with one middle channel: asked for is M."),
        (25, "that is the number of **directions**: asked for is M."),
        (64, "64 reach all 25, but so does a much **smaller** number."),
    ],
    hints=[
        "Run the line for M = 1, 2, 3 … and read the number.",
        "M = 1 gives 17. Two kernels more have 18 numbers more.",
    ],
)
