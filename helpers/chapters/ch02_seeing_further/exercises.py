"""The exercises of chapter 02, seeing further."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise
from helpers.shapes import Window, receptive_field


def _field(layers):
    return receptive_field([Window(*layer) for layer in layers])[-1].size


def _walk(layers, size, jump, before=False):
    """The rule, with other beginnings, or with the jump updated before it is used."""
    for kernel_size, stride in layers:
        jump *= stride if before else 1
        size += (kernel_size - 1) * jump
        jump *= 1 if before else stride
    return size


def _added_jump(layers):
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size, jump = size + (kernel_size - 1) * jump, jump + stride - 1
    return size


def _whole_kernel(layers):
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size, jump = size + kernel_size * jump, jump * stride
    return size


def _last_stride(layers):
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size, jump = size + (kernel_size - 1) * jump, stride
    return size


Exercise(
    "receptive_field_size",
    reference=_field,
    cases=lambda: [
        {"layers": layers}
        for layers in (
            [(3, 1), (3, 1), (3, 1)],
            [(7, 2), (3, 2), (3, 1)],
            [(11, 4), (3, 3), (5, 1), (3, 2), (2, 1)],
            [(5, 1)],
        )
    ],
    mistakes=[
        (
            lambda layers: _walk([(kernel, 1) for kernel, _ in layers], 1, 1),
            (
                "the **strides** are ignored: after a layer with stride 2, one step of the next window is two input"
                " pixels."
            ),
        ),
        (
            lambda layers: _walk(layers, 1, 1, before=True),
            (
                "the jump is multiplied by the layer's **own stride too early**: the taps of a window are as far apart"
                " as its inputs are; its stride only matters to the layers after it."
            ),
        ),
        (_whole_kernel, "each layer adds **K − 1** jumps, not K: a window of 1 pixel adds nothing."),
        (
            _added_jump,
            (
                "the strides are **added up**: two layers with stride 2 make a jump of 2 × 2 = 4; where they differ, 4"
                " and 3 make 12."
            ),
        ),
        (_last_stride, "the jump is only the **last stride**: it is the product of all strides so far."),
        (
            lambda layers: _walk(layers, 0, 1),
            "one pixel too few: before any layer a unit already sees **one** pixel, so the size starts at 1.",
        ),
        (
            lambda layers: _walk(layers[::-1], 1, 1),
            "the layers are taken **from last to first**: with size and jump one goes from the image upwards.",
        ),
        (
            lambda layers: receptive_field([Window(*layer) for layer in layers])[-1].jump,
            (
                "this is the **jump** after the last layer, the distance between two neighbouring fields; asked for is"
                " the size."
            ),
        ),
    ],
    hints=[
        "Keep two numbers: the size `r` and the jump `j`, both 1 before the first layer.",
        "A window of K has K − 1 gaps, and each of them is `j` pixels wide: `r = r + (kernel_size - 1) * j`.",
        "After that, and not before, `j = j * stride`.",
    ],
)


def _pool_cases():
    dice = torch.Generator().manual_seed(0)
    return [
        {"x": torch.randn(*shape, generator=dice) - 1, "kernel_size": kernel_size, "stride": stride}
        for shape, kernel_size, stride in (((4, 6), 2, 2), ((8, 11), 3, 2), ((9, 7), 2, 3))
    ]


def _pool(x, kernel_size, stride):
    return F.max_pool2d(x[None, None], kernel_size, stride)[0, 0]


def _at_stride_one(x, kernel_size, stride):
    rows, cols = _pool(x, kernel_size, stride).shape
    return _pool(x, kernel_size, 1)[:rows, :cols]


Exercise(
    "max_pool",
    reference=_pool,
    cases=_pool_cases,
    mistakes=[
        (
            lambda x, kernel_size, stride: F.avg_pool2d(x[None, None], kernel_size, stride)[0, 0],
            "this is **average** pooling: max pooling keeps the largest value of the window.",
        ),
        (
            lambda x, kernel_size, stride: -_pool(-x, kernel_size, stride),
            "this keeps the **smallest** value of each window.",
        ),
        (
            lambda x, kernel_size, stride: _pool(x, kernel_size, stride).clamp(min=0),
            (
                "negative values have become **0**: where a whole window is negative, its largest value is negative"
                " too. Does your search for the largest start at 0?"
            ),
        ),
        (
            lambda x, kernel_size, stride: _pool(x.abs(), kernel_size, stride),
            "this compares values **without their signs**: −3 is smaller than 1.",
        ),
        (
            lambda x, kernel_size, stride: _pool(x, kernel_size, 1),
            "**stride** is ignored: the window jumps by `stride` pixels, so the output is smaller.",
        ),
        (
            _at_stride_one,
            (
                "the output has the size that **stride** asks for, but the window moves one pixel at a time: it starts"
                " at `i * stride`, `j * stride`."
            ),
        ),
        (
            lambda x, kernel_size, stride: _pool(x, kernel_size, kernel_size),
            (
                "the window moves by **kernel_size**: that is only the default of the libraries; here `stride` says how"
                " far."
            ),
        ),
        (
            lambda x, kernel_size, stride: _pool(x, stride, stride),
            "the window is `stride` pixels wide, and should be **kernel_size** wide.",
        ),
        (
            lambda x, kernel_size, stride: F.max_pool2d(x[None, None], kernel_size, stride, ceil_mode=True)[0, 0],
            "one row or column **too many**: a last window that does not fit is left out; round the division down.",
        ),
        (
            lambda x, kernel_size, stride: _pool(x, kernel_size, stride).T,
            "**rows and columns of the output are swapped**: `out[i, j]` with `i` going down and `j` to the right.",
        ),
    ],
    hints=[
        "The output is `(H - kernel_size) // stride + 1` high, and as wide by the same rule.",
        "Output `i, j` looks at `x[i*stride:i*stride + kernel_size, j*stride:j*stride + kernel_size]`.",
        "`.max()` gives the largest value of that window.",
    ],
)


Exercise(
    "stem_field",
    reference=27,
    mistakes=[
        (
            13,
            (
                "the **strides** are ignored: 1 + 6 + 2 + 2 + 2. After two strides of 2, one step of the window is four"
                " input pixels."
            ),
        ),
        (
            37,
            (
                "the jump is taken **after** each layer's own stride: the 7 × 7 convolution still steps over single"
                " pixels."
            ),
        ),
        (
            49,
            "4 is the jump of the **block**'s layers: the 7 × 7 convolution steps over single pixels, the pooling over two.",
        ),
        (19, "this is the field after the **first** 3 × 3 convolution of the block: there are two."),
        (11, "this is the field after the **max pooling**: the block's two convolutions come after it."),
        (26, "one pixel too few: before any layer a unit already sees **one** pixel."),
        (4, "this is the **jump** after these layers; asked for is the size of the field."),
    ],
    hints=[
        "The layers are (7, 2), (3, 2), (3, 1), (3, 1), as (kernel, stride). Begin with r = 1 and j = 1.",
        "After the convolution of the stem: r = 1 + 6·1 = 7, j = 2. After the pooling: r = 7 + 2·2 = 11, j = 4.",
    ],
)


# ---------------------------------------------------------------------------------------------------- shifts and blur


def _blurred(x, kernel=(1.0, 2.0, 1.0), border="circular", blur_first=True, both=True, divide=True):
    one = torch.tensor(kernel, dtype=x.dtype)
    weight = one[:, None] * (one if both else torch.tensor([0.0, 1.0, 0.0], dtype=x.dtype))
    weight = weight / weight.sum() if divide else weight
    image = x[None, None] if blur_first else x[None, None, ::2, ::2]
    padded = F.pad(image, (1, 1, 1, 1), border) if border != "zero" else F.pad(image, (1, 1, 1, 1))
    found = F.conv2d(padded, weight[None, None])[0, 0]
    return found[::2, ::2] if blur_first else found


Exercise(
    "blur_pool",
    reference=lambda x: _blurred(x),
    cases=lambda: [
        {"x": torch.randn(*shape, generator=torch.Generator().manual_seed(i))}
        for i, shape in enumerate(((4, 6), (8, 8), (6, 10)))
    ],
    mistakes=[
        (
            lambda x: _blurred(x, blur_first=False),
            "every second pixel is taken **before** the blur: then what aliases is in already. Blur first.",
        ),
        (lambda x: _blurred(x, kernel=(1.0, 1.0, 1.0)), "that is a **plain mean** of 3×3: the weights are 1, 2, 1."),
        (lambda x: _blurred(x, divide=False), "the weights are not yet divided by their **sum**, 16."),
        (lambda x: _blurred(x, both=False), "blurred in **one direction** only: 1 2 1 down and 1 2 1 across."),
        (
            lambda x: _blurred(x, border="zero"),
            "**zeros** at the border: what leaves on one side returns on the other.",
        ),
        (
            lambda x: F.avg_pool2d(x[None, None], 2)[0, 0],
            "that is **average pooling** of 2×2: here windows are 3 wide.",
        ),
    ],
    hints=[
        "x.roll(1, 0) is x moved down by one row, in a circle; x.roll(-1, 0) is it moved up.",
        "y = (x.roll(1, 0) + 2 * x + x.roll(-1, 0)) / 4 blurs down; the same along 1 across.",
        "Then every second row and column: y[::2, ::2].",
    ],
)


Exercise(
    "exact_shift",
    reference=8,
    mistakes=[
        (4, "4 is the total stride of **two** halvings, as in the networks above: here are three."),
        (6, "strides are **multiplied**, not added: 2 · 2 · 2."),
        (2, "2 is the stride of **one** halving: the later ones see steps of 2 and of 4 pixels."),
        (3, "3 is the **number** of halvings: each doubles the step."),
        (16, "16 is exact too, but not the **smallest**: three halvings have a total stride of 8."),
    ],
    hints=[
        "A shift is exact where it moves the last maps by a whole number of places.",
        "One place of the last maps is the jump after three halvings: 1 → 2 → 4 → …",
    ],
)


# ---------------------------------------------------------------------------------------------------- a field measured wrongly


def _measured_fields():
    dice = torch.Generator().manual_seed(0)
    image, five, three = (torch.randn(*n, generator=dice).double() for n in ((11, 13), (5, 5), (3, 3)))
    ones, edges = torch.ones(3, 3).double(), torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double()
    narrow = five.clone()
    narrow[0] = narrow[-1] = 0  # five rows, of which three count
    stacks = ([ones, ones], [4, 7]), ([edges], [0, 4, 6]), ([five, three], [5, 2, 0]), ([narrow, three], [1, 5, 10])
    return [{"image": image, "kernels": kernels, "units": units} for kernels, units in stacks]


def _rows_that_count(image, kernels, units):
    """The same without a gradient: from a unit's row back to the rows of the image, kernel by kernel, as a set."""
    seen = []
    for unit in units:
        rows = {unit}
        for kernel in reversed(kernels):
            steps = [k - len(kernel) // 2 for k in kernel.abs().sum(1).nonzero().flatten().tolist()]
            rows = {row + step for row in rows for step in steps if 0 <= row + step < len(image)}
        seen.append(max(rows) - min(rows) + 1)
    return seen


def _fields(kept=False, signs="each", add=1):
    def fields_seen(image, kernels, units):
        image, seen = image.clone().requires_grad_(), []
        for unit in units:
            image.grad = image.grad if kept else None
            out = image[None, None]
            for kernel in kernels:
                out = F.conv2d(out, kernel[None, None], padding=len(kernel) // 2)
            out[0, 0, unit, unit].backward()
            sums = {"each": image.grad.abs().sum(1), "rows": image.grad.sum(1).abs(), "none": image.grad.sum(1)}
            rows = (sums[signs] > 0).nonzero()
            seen.append((rows[-1] - rows[0]).item() + add)
        return seen

    return fields_seen


_KEPT = "`backward` **adds** to what is in `image.grad` already: for each unit, begin with none."
_SIGNS = "gradients have **signs**: a row counts where any value is not 0, so take `.abs()` before the sum."
_ENDS = "from row 3 to row 5 are **three** rows: add 1 to the difference."

Exercise(
    "fields_seen",
    reference=_rows_that_count,
    cases=_measured_fields,
    mistakes=[
        (_fields(True, "none", 0), f"nothing is mended yet. Begin here: {_ENDS}"),
        (_fields(True, "none"), f"both ends count now; two bugs are left. One: {_SIGNS}"),
        (_fields(True, "each", 0), f"the signs are right now; two bugs are left. One: {_ENDS}"),
        (_fields(False, "none", 0), f"each unit is alone now; two bugs are left. One: {_ENDS}"),
        (_fields(True), f"one is left: {_KEPT}"),
        (_fields(False, "none"), f"one is left: {_SIGNS}"),
        (
            _fields(False, "rows"),
            "one is left: for the edge filter a row's gradients **cancel**, −1 + 0 + 1. Take `.abs()` before the sum, not after it.",
        ),
        (_fields(add=0), f"one is left: {_ENDS}"),
        (
            lambda image, kernels, units: [1 + sum(len(kernel) - 1 for kernel in kernels)] * len(units),
            "that is the **rule**, which knows neither the border of the image nor rows of zeros in a kernel: the gradient does.",
        ),
    ],
    hints=[
        "Try one kernel of ones and one unit. Then two units. Then the edge filter −1 0 1, −2 0 2, −1 0 1.",
        "What is in `image.grad` after the second `backward`? `torch.autograd.grad` gives a fresh one each time.",
        "`rows = (gradient.abs().sum(1) > 0).nonzero()`, then `(rows[-1] - rows[0]).item() + 1`.",
    ],
)


# ---------------------------------------------------------------------------------------------------- stripes that are not there

Exercise(
    "false_stripes",
    reference=(27, 6),
    mistakes=[
        ((27, 94), "the number is right; 94 % is what is left of the **5 true** stripes. What is left of the others?"),
        ((27, 25), "the number is right; the blur is 1 **2** 1, not the plain mean of three."),
        ((27, 24), "the number is right; divide the blur 1 2 1 by its **sum**, 4."),
        (
            (27, 0),
            "the number is right, but not quite nothing is left; a **percentage** is meant: 100 times the share, rounded.",
        ),
        ((27, 100), "the number is right; that is their height **without** the blur."),
        ((5, 94), "5 stripes are like themselves: **another** number is asked for."),
        (
            (37, 6),
            "37 stripes are the same row as 27 **before** anything is left out: a number **from 0 to 32** is asked for.",
        ),
        (
            (59, 94),
            "59 stripes on 64 pixels are the same row as 5 **before** anything is left out: look between 0 and 32.",
        ),
        (
            (11, 74),
            "5 and 11 mirror at **8** stripes: 32 pixels are left, and what they can show ends at 16.",
        ),
    ],
    hints=[
        "Compare `stripes(n)[::2]` with `stripes(5)[::2]` for each n from 0 to 32, by `torch.allclose(..., atol=1e-4)`.",
        "Blurred in a circle: `(x.roll(1) + 2 * x + x.roll(-1)) / 4`. The height is the largest value.",
    ],
)
