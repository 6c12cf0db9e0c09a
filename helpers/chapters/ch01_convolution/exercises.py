"""The exercises of chapter 01, convolution: where a shift is kept, the layer, its gradient, a kernel found from pictures, photographs
made ready, and a sealed layer."""

import torch
import torch.nn.functional as F

from helpers.chapters.ch01_convolution.sealed import SECRET
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
                " `weight[o, c, u, v]` meets `x[n, c, i * stride + u, j * stride + v]`."
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
    "columns_that_differ",
    reference=7,
    mistakes=[
        (
            4,
            "that is how many columns take zeros in **one** of the two outputs, the new or the old moved by 3: the other has its own.",
        ),
        (8, "**one column** is counted twice: it lies at the border of today and at the one that has moved."),
        (3, "that is the **shift**: ask which windows hold other numbers than before, or zeros in their place."),
        (
            2,
            "that is **one side** of one border: there are a left and a right one, before the shift and after it.",
        ),
        (
            0,
            "inside the image the output moves along exactly, at the **border** it does not: there zeros stand in for pixels.",
        ),
        (12, "in the **middle** both windows hold the same 25 pixels, and the sums are the same."),
        (5, "if those are columns 0 to 4: the **right** end of the image takes zeros too."),
    ],
    hints=[
        "Number the columns 0 to 11. A window of 5 reaches 2 columns to either side: which outputs take zeros from beyond the border?",
        "Columns 0, 1, 10 and 11, in both outputs. Move those of the old output by 3, in a circle, and join the two sets.",
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


# ---- a kernel found from pictures and answers


def _pictures_and_answers():
    found = []
    for seed, (N, H, W, K) in enumerate(((16, 12, 14, 3), (12, 13, 11, 5), (20, 9, 10, 2))):
        dice = torch.Generator().manual_seed(seed)
        x, kernel = torch.randn(N, H, W, generator=dice), torch.randn(K, K, generator=dice)
        found.append({"x": x, "y": F.conv2d(x[:, None], kernel[None, None])[:, 0]})
    return found


def _solved(x, y):
    """The kernel by another way: every window is a row of a table, and least squares has one answer."""
    K = x.shape[-1] - y.shape[-1] + 1
    rows = F.unfold(x[:, None], K).transpose(1, 2).reshape(-1, K * K)
    return torch.linalg.lstsq(rows, y.reshape(-1, 1)).solution.view(K, K)


Exercise(
    "learn_kernel",
    reference=_solved,
    cases=_pictures_and_answers,
    mistakes=[
        (
            lambda x, y: torch.zeros_like(_solved(x, y)),
            "the kernel is **still zero**: is the step taken, and is its result kept?",
        ),
        (
            lambda x, y: _solved(x, y).flip(0, 1),
            "the kernel comes out **turned round**: the weight at `u, v` meets `x[i + u, j + v]`, as in `slide`.",
        ),
        (lambda x, y: _solved(x, y).T, "**rows and columns** of the kernel are swapped."),
        (
            lambda x, y: _solved(x, y)[None, None],
            "the kernel is right, in torch's shape (1, 1, K, K): return the **K×K** in it, `w[0, 0]`.",
        ),
        (
            lambda x, y: _solved(x, y).flatten(),
            "the kernel is right, as one **list**: give it its K rows and K columns back.",
        ),
        (
            lambda x, y: _solved(x, y - y.mean()),
            "the answers have lost their **mean** on the way: compare with y itself.",
        ),
    ],
    hints=[
        "K is `x.shape[-1] - y.shape[-1] + 1`. Begin with zeros of shape (1, 1, K, K) that require a gradient.",
        "The loss: `F.conv2d` of `x[:, None]` with `w`, minus y, squared, mean. `torch.autograd.grad` returns a tuple of one.",
        "A step: subtract 0.2 times the gradient, `detach()`, and require a gradient again. Fifty are enough; if it runs away, the step is too long.",
    ],
    tol=1e-2,
    seconds=30,
)


# ---- debug: photographs for a layer


def _photos():
    found = []
    for seed, shape in enumerate(((2, 6, 9, 3), (1, 8, 5, 3), (3, 4, 7, 3))):
        dice = torch.Generator().manual_seed(seed)
        found.append({"photos": torch.randint(256, shape, dtype=torch.uint8, generator=dice)})
    return found


def _layer_ready(order="permute", early=False, frame="all", turned=False):
    def layer_ready(photos):
        N, H, W, C = photos.shape
        x = photos.permute(0, 3, 1, 2) if order == "permute" else photos.reshape(N, C, H, W)
        x = x.transpose(2, 3) if turned else x
        x = 2 * x / 255 - 1 if early else 2 * (x / 255) - 1
        if frame == "black":
            return F.pad(x + 1, (1, 1, 1, 1)) - 1
        return F.pad(x, {"all": (1, 1, 1, 1), "sides": (1, 1), "none": (0, 0)}[frame])

    return layer_ready


_ORDER = "`reshape` deals the numbers out anew, in their old order: `permute(0, 3, 1, 2)` moves the **channels** to the front."
_WRAP = "`2 * x` is taken while x is **uint8**, which ends at 255 and begins again at 0: make floats first."
_FRAME = "`F.pad` begins with the **last** dimension: (1, 1) is left and right, (1, 1, 1, 1) above and below as well."

Exercise(
    "layer_ready",
    reference=_layer_ready(),
    cases=_photos,
    mistakes=[
        (
            _layer_ready("reshape", True, "sides"),
            "nothing is mended yet. Begin with the strips: which numbers does `reshape` put into the first channel?",
        ),
        (_layer_ready("permute", True, "sides"), f"the channels are right now; two bugs are left. One: {_WRAP}"),
        (_layer_ready("reshape", False, "sides"), f"light and dark are right now; two bugs are left. One: {_ORDER}"),
        (_layer_ready("reshape", True, "all"), f"the frame is right now; two bugs are left. One: {_ORDER}"),
        (_layer_ready("reshape"), f"one is left: {_ORDER}"),
        (_layer_ready(early=True), f"one is left: {_WRAP}"),
        (_layer_ready(frame="sides"), f"one is left: {_FRAME}"),
        (
            _layer_ready(frame="none"),
            "the **frame** is missing: a 3×3 layer behind it would lose two rows and columns.",
        ),
        (
            _layer_ready(frame="black"),
            "the frame is **black**, −1: pad with 0 after the values are scaled, which is the middle grey.",
        ),
        (_layer_ready(turned=True), "the photographs lie on their **side**: H comes before W, `permute(0, 3, 1, 2)`."),
        (
            lambda photos: _layer_ready()(photos.flip(3)),
            "the **colours** are in reverse order: red stays the first channel.",
        ),
    ],
    hints=[
        "Take one photograph of 2×2 pixels with twelve different numbers, and follow them on paper through `reshape`.",
        "What is `2 * torch.tensor(200, dtype=torch.uint8)`?",
        "`permute` moves the channels. Divide by 255 first: then the values are floats. `F.pad` wants four numbers, from the last side on.",
    ],
)


# ---- experiment: a sealed layer

_DILATION, _MODE, _ACTIVATION = SECRET

Exercise(
    "sealed_layer",
    reference=SECRET,
    mistakes=[
        (
            (1, _MODE, _ACTIVATION),
            "with dilation 1 the nine answers to one bright pixel would lie **side by side**: are there gaps?",
        ),
        (
            (3, _MODE, _ACTIVATION),
            "with dilation 3 the answers to one bright pixel would spread over **7×7** places. Count the places from the first to the last.",
        ),
        (
            (_DILATION, "zeros", _ACTIVATION),
            "with **zeros** a flat image would be answered differently at its border than in its middle. Try one.",
        ),
        (
            (_DILATION, "replicate", _ACTIVATION),
            "**replicate** and reflect agree on a flat image. A bright pixel *in the corner* tells them apart: one repeats it, one does not.",
        ),
        (
            (_DILATION, "circular", _ACTIVATION),
            "**circular** would answer at the opposite border to a bright pixel near this one. Does it?",
        ),
        (
            (_DILATION, _MODE, "ReLU"),
            "no answer is negative, and so it could be a **ReLU**. But where x gives something, it would give 0 for −x. Try it.",
        ),
        (
            (_DILATION, _MODE, "none"),
            "without an activation the answer to −x is **minus** the answer to x. Can you make it negative?",
        ),
    ],
    hints=[
        "One bright pixel in the middle of 9×9 zeros, `x[4, 4] = 1`: where are answers, and what lies between them?",
        "Then `sealed(-x)`: the ReLU, the absolute value and no activation give three different pictures.",
        "Then a flat image; then a bright pixel in the corner, and one beside it: what does each padding put beyond the border?",
    ],
)
