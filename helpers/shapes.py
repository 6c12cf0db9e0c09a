"""How large an output is, and how much of the input one unit sees. Integers only: no tensors, nothing to install.

All functions speak of one axis; height and width follow the same rules, each with its own numbers.

Sources: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning";
Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".
"""

from typing import NamedTuple

from helpers.checks import whole


class Window(NamedTuple):
    """One convolution or pooling along one axis, by torch's names. `name` is for tables and pictures."""

    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    name: str = ""


class Field(NamedTuple):
    """What the units of one layer see of the network's input, in pixels.

    size:  how many pixels wide one unit's view is
    jump:  how far the view moves from one unit to the next
    start: the first pixel that unit 0 sees; negative where its view begins in the padding
    """

    name: str
    size: int
    jump: int
    start: int


def effective_kernel_size(kernel_size, dilation=1):
    """Return how many pixels a kernel reaches across: dilation leaves dilation - 1 pixels between its weights out.

    returns: int, dilation*(kernel_size - 1) + 1
    raises:  ValueError where a number is not a whole number of at least 1

    Source: Dumoulin & Visin 2016, section 5.1.
    """
    return whole("dilation", dilation, 1) * (whole("kernel_size", kernel_size, 1) - 1) + 1


def output_size(size, kernel_size, stride=1, padding=0, dilation=1, ceil_mode=False):
    """Return how many places a sliding window takes along an axis of `size` pixels.

    size, kernel_size, stride, padding, dilation: int, along this axis, as in torch
    ceil_mode: pooling only: a last window may hang over the end, if it begins before the end of the padding there
    returns:   int, (size + 2*padding - k) // stride + 1, where k = dilation*(kernel_size - 1) + 1
    raises:    ValueError where a number is out of its range, or the kernel is larger than the padded input

    Equals torch's convolution and pooling.  Source: Dumoulin & Visin 2016, relationships 6, 7 and 15.
    """
    size, stride, padding = whole("size", size, 1), whole("stride", stride, 1), whole("padding", padding, 0)
    k, padded = effective_kernel_size(kernel_size, dilation), size + 2 * padding
    if ceil_mode:
        check_pool_padding(kernel_size, padding)
        places = -(-(padded - k) // stride) + 1
        if (places - 1) * stride >= size + padding:
            places -= 1
    else:
        places = (padded - k) // stride + 1
    if places < 1:
        dilated = f", dilated to {k} = {dilation}*({kernel_size} - 1) + 1" if dilation > 1 else ""
        raise ValueError(
            f"kernel_size (={kernel_size}{dilated}) exceeds the padded input "
            f"(={padded} = {size} + 2*{padding}): use a smaller kernel or more padding"
        )
    return places


def check_pool_padding(kernel_size, padding):
    """Raise ValueError where a pooling has more padding than torch allows: half of kernel_size."""
    if whole("padding", padding, 0) > whole("kernel_size", kernel_size, 1) // 2:
        raise ValueError(
            f"padding (={padding}) exceeds half of kernel_size (={kernel_size}), so a pooling window could see "
            "padding only: use less padding or a larger kernel_size"
        )


def same_padding(kernel_size, dilation=1):
    """Return the padding that keeps the size where the stride is 1.

    returns: int, (k - 1) / 2, where k = dilation*(kernel_size - 1) + 1
    raises:  ValueError where k is even: no equal padding on both sides keeps the size

    Source: Dumoulin & Visin 2016, relationship 3 (half, or same, padding).
    """
    k = effective_kernel_size(kernel_size, dilation)
    if k % 2 == 0:
        raise ValueError(
            f"kernel_size (={kernel_size}, dilation {dilation}) spans an even number of pixels (={k}), so "
            "no equal padding on both sides keeps the size: use an odd kernel_size"
        )
    return (k - 1) // 2


def receptive_field(layers):
    """Return what one unit of each layer sees of the network's input.

    layers:  sequence of Window, first layer first
    returns: list of Field(name, size, jump, start), one per layer, in pixels of the input
    raises:  ValueError where a number is out of its range

    From size r = 1, jump j = 1 and start s = 0, each layer, its kernel k pixels wide with its dilation, makes
    s ← s - padding*j,  r ← r + (k - 1)*j,  j ← j*stride.
    Source: Araujo, Norris & Sim 2019.
    """
    fields = []
    size, jump, start = 1, 1, 0
    for layer in layers:
        start -= whole("padding", layer.padding, 0) * jump
        size += (effective_kernel_size(layer.kernel_size, layer.dilation) - 1) * jump
        jump *= whole("stride", layer.stride, 1)
        fields.append(Field(layer.name, size, jump, start))
    return fields


def input_range(layers, index):
    """Return the first and the last input pixel that unit `index` of the last layer sees.

    layers:  sequence of Window, first layer first
    index:   int, 0 for the first unit
    returns: (first, last), both included, not cut at the image's border: pixels outside it are padding
    raises:  ValueError where a number is out of its range

    Source: Araujo, Norris & Sim 2019, "Computing the receptive field region".
    """
    index = whole("index", index, 0)
    if not layers:
        return index, index
    field = receptive_field(layers)[-1]
    first = field.start + index * field.jump
    return first, first + field.size - 1


def output_range(layers, pixel, size):
    """Return the units of the last layer that input pixel `pixel` reaches.

    layers:  sequence of Window, first layer first
    pixel:   int, from 0 to size - 1
    size:    int, pixels of the input
    returns: list of int, ascending; empty where a stride steps over the pixel, with gaps where a dilation does
    raises:  ValueError where the pixel is not in the input, or a kernel is larger than what it slides over
    """
    if whole("pixel", pixel, 0) >= whole("size", size, 1):
        raise ValueError(f"pixel (={pixel}) lies outside the input (size {size}): use 0 to {size - 1}")
    reached = {pixel}
    for kernel_size, stride, padding, dilation, _ in layers:
        size = output_size(size, kernel_size, stride, padding, dilation)
        steps = [at + padding - tap * dilation for at in reached for tap in range(kernel_size)]
        reached = {step // stride for step in steps if step % stride == 0 and 0 <= step // stride < size}
    return sorted(reached)
