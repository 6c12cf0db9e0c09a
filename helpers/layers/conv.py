"""Convolution and pooling from scratch. Each comes twice: as the loop that defines it, and as the fast form.

Shapes: N images, C channels, H and W pixels; KH and KW are the kernel's sides. Wherever a kernel_size, stride, padding
or dilation is asked for, one int serves both axes and a pair is (height, width), as in torch.
"""

import math

import torch
from einops import rearrange
from torch import nn

from helpers.checks import as_pair, check_choice, check_multiple, check_shape, check_tensor, whole, whole_pair
from helpers.shapes import check_pool_padding, output_size

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
IMAGE = "(N, C, H, W)", "one image becomes a batch by x[None]"


def output_hw(x, kernel_size, stride, padding, dilation=1):
    """Return (H_out, W_out) of a window sliding over x (N, C, H, W). Raises ValueError where it does not fit."""
    numbers = dict(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    return tuple(map(output_size, x.shape[2:], *(as_pair(name, value) for name, value in numbers.items())))


# ---------------------------------------------------------------------------------------------------------- padding


def pad(x, padding, mode="zeros"):
    """Widen the image by `padding` pixels on every side.

    x:       (N, C, H, W)
    padding: int or (height, width)
    mode:    what the new pixels hold; for the row 1 2 3 4 and padding 2
             "zeros"      0 0 1 2 3 4 0 0
             "reflect"    3 2 1 2 3 4 3 2    mirrored at the border pixel, which is not repeated
             "replicate"  1 1 1 2 3 4 4 4    the border pixel repeated
             "circular"   3 4 1 2 3 4 1 2    the image as one tile of many
    returns: (N, C, H + 2*padding, W + 2*padding)
    raises:  ValueError for an unknown mode, or where the image is too small for so much padding

    Equals torch.nn.functional.pad, and what torch.nn.Conv2d does for each padding_mode.
    """
    check_tensor("x", x, *IMAGE)
    check_choice("padding_mode", mode, PADDING_MODES)
    height, width = whole_pair("padding", padding, 0)
    if height == width == 0:
        return x
    if mode == "zeros":
        return constant_pad(x, height, width, 0)
    rows = source_positions(x.shape[2], height, mode, x.device)
    columns = source_positions(x.shape[3], width, mode, x.device)
    return x.index_select(2, rows).index_select(3, columns)


def constant_pad(x, height, width, value):
    """Return x (N, C, H, W) within a frame of one value: (N, C, H + 2*height, W + 2*width)."""
    N, C, H, W = x.shape
    framed = x.new_full((N, C, H + 2 * height, W + 2 * width), value)
    framed[:, :, height : height + H, width : width + W] = x
    return framed


def source_positions(size, padding, mode, device=None):
    """Return, for each place along a padded axis, the position from which it takes its value.

    size:    pixels along the axis;  padding: new ones at either end
    returns: (size + 2*padding,) int64, from 0 to size - 1
    raises:  ValueError where a reflection would need pixels beyond the far end, or a tile more than one neighbour
    """
    most = {"reflect": size - 1, "circular": size, "replicate": padding}[mode]
    if size < 1 or padding > most:
        raise ValueError(
            f"padding (={padding}) is too much for {mode} padding of an input of size {size}: "
            f"use at most {most}, or a larger input"
        )
    place, last = torch.arange(-padding, size + padding, device=device), size - 1
    if mode == "reflect":
        return last - (last - place.abs()).abs()
    if mode == "circular":
        return place % size
    return place.clamp(0, last)


# ------------------------------------------------------------------------------------------------------ convolution


def conv2d_naive(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"):
    """Slide each kernel over the image and sum the products, one output number at a time: the definition.

    Arguments, result and errors are those of conv2d.

    Equals torch.nn.functional.conv2d, slowly.  Source: Goodfellow, Bengio & Courville 2016, Deep Learning, equation 9.6
    (cross-correlation: the kernel is not flipped).
    """
    check_conv(x, weight, bias, groups)
    H_out, W_out = output_hw(x, weight.shape[2:], stride, padding, dilation)
    (SH, SW), (DH, DW) = as_pair("stride", stride), as_pair("dilation", dilation)
    x = pad(x, padding, padding_mode)
    N, C_out, (C, KH, KW) = len(x), len(weight), weight.shape[1:]
    out = x.new_empty(N, C_out, H_out, W_out)
    for n in range(N):
        for o in range(C_out):
            group = o // (C_out // groups)
            seen = x[n, group * C : (group + 1) * C]  # the channels kernel o reads
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * SH, j * SW
                    window = seen[:, top : top + DH * KH : DH, left : left + DW * KW : DW]  # (C, KH, KW)
                    total = (window * weight[o]).sum()
                    out[n, o, i, j] = total if bias is None else total + bias[o]
    return out


def unfold(x, kernel_size, stride, dilation, out_hw):
    """Return, for each weight of a sliding window, the image as that weight sees it.

    x:       (N, C, H, W), already padded;  kernel_size, stride, dilation: int or (height, width)
    out_hw:  (H_out, W_out), how many places the window takes
    returns: (N, C, KH, KW, H_out, W_out); [:, :, u, v, i, j] is pixel (i*stride + u*dilation, j*stride + v*dilation)

    A slice for each row of the window, then one for each column: K + K of them, not K·K.
    """
    (KH, KW), (SH, SW) = as_pair("kernel_size", kernel_size), as_pair("stride", stride)
    (DH, DW), (H_out, W_out) = as_pair("dilation", dilation), out_hw
    height, width = SH * (H_out - 1) + 1, SW * (W_out - 1) + 1  # from the first place of the window to its last
    rows = torch.stack([x[:, :, u * DH : u * DH + height : SH] for u in range(KH)], dim=2)  # (N, C, KH, H_out, W)
    return torch.stack([rows[..., v * DW : v * DW + width : SW] for v in range(KW)], dim=3)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros"):
    """Slide each kernel over the image and sum the products (cross-correlation): one matrix product per image.

    x:       (N, C_in, H, W)
    weight:  (C_out, C_in/groups, KH, KW)
    bias:    (C_out,) or None
    returns: (N, C_out, H_out, W_out), H_out = (H + 2*padding - dilation*(KH - 1) - 1) // stride + 1
    raises:  ValueError where shapes do not fit, or the kernel is larger than the padded input

    Every window becomes a column and every kernel a row; a product of row and column is a sum of products.
    Equals torch.nn.functional.conv2d.  Source: Dumoulin & Visin 2016, relationship 15; the columns: Chellapilla,
    Puri & Simard 2006.
    """
    check_conv(x, weight, bias, groups)
    H_out, W_out = output_hw(x, weight.shape[2:], stride, padding, dilation)
    windows = unfold(pad(x, padding, padding_mode), weight.shape[2:], stride, dilation, (H_out, W_out))
    columns = rearrange(windows, "n (g c) kh kw i j -> n g (c kh kw) (i j)", g=groups)
    kernels = rearrange(weight, "(g o) c kh kw -> g o (c kh kw)", g=groups)
    out = rearrange(kernels @ columns, "n g o (i j) -> n (g o) i j", i=H_out, j=W_out)
    return out if bias is None else out + bias[:, None, None].to(out.dtype)


class Conv2d(nn.Module):
    """A layer of learnt kernels: conv2d with its own weight and bias.

    (N, in_channels, H, W) → (N, out_channels, H_out, W_out); argument names, first weights (for the same seed) and
    state_dict are those of torch.nn.Conv2d.

    raises: ValueError where a number is out of its range, or groups does not divide the channels
    Source: He et al. 2015 for the initialisation; torch's a = √5 makes it uniform within ±1/√(inputs of one unit).
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
    ):
        super().__init__()
        self.in_channels = whole("in_channels", in_channels, 1)
        self.out_channels = whole("out_channels", out_channels, 1)
        self.kernel_size, self.stride = whole_pair("kernel_size", kernel_size, 1), whole_pair("stride", stride, 1)
        self.padding, self.dilation = whole_pair("padding", padding, 0), whole_pair("dilation", dilation, 1)
        self.groups = whole("groups", groups, 1)
        self.padding_mode = check_choice("padding_mode", padding_mode, PADDING_MODES)
        check_multiple("in_channels", in_channels, "groups", groups)
        check_multiple("out_channels", out_channels, "groups", groups)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        return conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.padding_mode
        )

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding}" if self.padding != (0, 0) else ""
        text += f", dilation={self.dilation}" if self.dilation != (1, 1) else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


# ---------------------------------------------------------------------------------------------------------- pooling


def windows_inside(x, kernel_size, stride, padding):
    """Yield (n, c, i, j, window): for each output of a pooling, the pixels of the image that its window covers."""
    (KH, KW), (SH, SW) = as_pair("kernel_size", kernel_size), as_pair("stride", stride)
    PH, PW = as_pair("padding", padding)
    H_out, W_out = pool_hw(x, kernel_size, stride, padding)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * SH - PH, j * SW - PW
                    yield n, c, i, j, x[n, c, max(top, 0) : top + KH, max(left, 0) : left + KW]


def max_pool2d_naive(x, kernel_size, stride=None, padding=0):
    """Keep the largest value of each window, one output number at a time: the definition.

    Arguments, result and errors are those of max_pool2d.
    """
    stride = kernel_size if stride is None else stride
    H_out, W_out = pool_hw(x, kernel_size, stride, padding)
    out = x.new_empty(*x.shape[:2], H_out, W_out)
    for n, c, i, j, window in windows_inside(x, kernel_size, stride, padding):
        out[n, c, i, j] = window.flatten().max(dim=0).values
    return out


def avg_pool2d_naive(x, kernel_size, stride=None, padding=0):
    """Average each window, one output number at a time: the definition.

    Arguments, result and errors are those of avg_pool2d.
    """
    check_tensor("x", x, floats=True)
    KH, KW = as_pair("kernel_size", kernel_size)
    stride = kernel_size if stride is None else stride
    H_out, W_out = pool_hw(x, kernel_size, stride, padding)
    out = x.new_empty(*x.shape[:2], H_out, W_out)
    for n, c, i, j, window in windows_inside(x, kernel_size, stride, padding):
        out[n, c, i, j] = window.sum() / (KH * KW)
    return out


def max_pool2d(x, kernel_size, stride=None, padding=0):
    """Keep the largest value of each window, in each channel by itself.

    x:       (N, C, H, W)
    stride:  None for kernel_size, so that windows lie side by side
    padding: at most half the window; holds -∞, so that it never wins
    returns: (N, C, H_out, W_out), H_out = (H + 2*padding - KH) // stride + 1
    raises:  ValueError for too much padding, or where the window is larger than the padded input

    The gradient goes to the largest value alone, the first of them where several are equal. Equals
    torch.nn.functional.max_pool2d.  Source: Dumoulin & Visin 2016, section 3.
    """
    stride = kernel_size if stride is None else stride
    out_hw = pool_hw(x, kernel_size, stride, padding)
    lowest = -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    x = constant_pad(x, *as_pair("padding", padding), lowest) if padding else x
    return unfold(x, kernel_size, stride, 1, out_hw).flatten(2, 3).max(dim=2).values


def avg_pool2d(x, kernel_size, stride=None, padding=0):
    """Average each window, in each channel by itself.

    x:       (N, C, H, W)
    stride:  None for kernel_size, so that windows lie side by side
    padding: at most half the window; its zeros count in the average
    returns: (N, C, H_out, W_out), H_out = (H + 2*padding - KH) // stride + 1
    raises:  ValueError for too much padding, or where the window is larger than the padded input

    Equals torch.nn.functional.avg_pool2d.  Source: Dumoulin & Visin 2016, section 3.
    """
    check_tensor("x", x, floats=True)
    stride = kernel_size if stride is None else stride
    out_hw = pool_hw(x, kernel_size, stride, padding)
    return unfold(pad(x, padding), kernel_size, stride, 1, out_hw).mean(dim=(2, 3))


class MaxPool2d(nn.Module):
    """max_pool2d as a layer, with the arguments of torch.nn.MaxPool2d: (N, C, H, W) → (N, C, H_out, W_out)."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        check_pool(self.kernel_size, self.stride, self.padding)

    def forward(self, x):
        return max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(nn.Module):
    """avg_pool2d as a layer, with the arguments of torch.nn.AvgPool2d: (N, C, H, W) → (N, C, H_out, W_out)."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        check_pool(self.kernel_size, self.stride, self.padding)

    def forward(self, x):
        return avg_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


# ----------------------------------------------------------------------------- what the functions above must be given


def check_conv(x, weight, bias, groups):
    """Raise ValueError where image, kernels and groups do not fit together."""
    check_tensor("x", x, *IMAGE)
    check_tensor("weight", weight, "(C_out, C_in/groups, KH, KW)", "reshape it")
    C_in, (C_out, C_kernel), groups = x.shape[1], weight.shape[:2], whole("groups", groups, 1)
    if C_in != C_kernel * groups:
        raise ValueError(
            f"in_channels (={C_in} of x) must be {C_kernel * groups} = {C_kernel}*{groups}, weight.shape[1] "
            "times groups: change x, the kernels or groups"
        )
    check_multiple("out_channels", C_out, "groups", groups)
    if bias is not None:
        check_shape("bias", bias, (C_out,), "one number per output channel")


def check_pool(kernel_size, stride, padding):
    """Raise ValueError where the numbers of a pooling are out of their range, whatever the image."""
    for sides in zip(as_pair("kernel_size", kernel_size), as_pair("padding", padding)):
        check_pool_padding(*sides)
    whole_pair("stride", stride, 1)


def pool_hw(x, kernel_size, stride, padding):
    """Return (H_out, W_out) of a pooling window over x (N, C, H, W). Raises ValueError where it does not fit."""
    check_tensor("x", x, *IMAGE)
    check_pool(kernel_size, stride, padding)
    return output_hw(x, kernel_size, stride, padding)
