"""What chapter 02 measures: random networks, the real one, and networks that learn moved pictures."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.models import class_names, prepared
from helpers.shapes import Window, receptive_field

from .pictures import smooth

# ---- where the gradient arrives


def gradient_energy(deep, networks=16):
    """Mean energy of the gradient of a middle unit, over random ReLU networks so many layers deep: a square with sum 1."""
    side, total = 2 * deep + 1, 0
    for seed in range(networks):
        torch.manual_seed(seed)
        net = [
            layer for i in range(deep) for layer in (nn.Conv2d(16 if i else 1, 16, 3, padding=1, bias=False), nn.ReLU())
        ]
        for layer in net[::2]:
            nn.init.kaiming_normal_(layer.weight)
        images = torch.rand(8, 1, side, side, requires_grad=True)
        unit = nn.Sequential(*net)(images)[:, :, deep, deep].sum()
        energy = torch.autograd.grad(unit, images)[0][:, 0].square()
        total = total + (energy / energy.sum((1, 2), keepdim=True)).mean(0)
    return total / networks


def field_of_block(net, block):
    """The field by the rule after a block of EfficientNet-Lite0, from the network's own kernels and strides."""
    layers = [layer for layer in net.features[: block + 1].modules() if isinstance(layer, nn.Conv2d)]
    return receptive_field([Window(layer.kernel_size[0], layer.stride[0]) for layer in layers])[-1].size


def energy_of_block(net, block, photographs):
    """Mean energy of the gradient of the middle unit after a block, channels weighted at random: (224, 224)."""
    inputs = photographs.clone().requires_grad_()
    maps = net.features[: block + 1](inputs)
    weights = torch.randn(maps.shape[1], generator=torch.Generator().manual_seed(0))
    unit = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2] @ weights
    energy = torch.autograd.grad(unit.sum(), inputs)[0].square().sum(1)
    return smooth((energy / energy.sum((1, 2), keepdim=True)).mean(0))


# ---- networks that halve the picture twice


def block(in_channels, out_channels, kernel_size=3, stride=1):
    """Convolution, normalisation, ReLU; what leaves the picture on the right returns on the left."""
    padding = (kernel_size - stride + 1) // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, padding_mode="circular", bias=False)
    return [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]


SHRINK = {
    "max": lambda: [nn.MaxPool2d(2)],
    "average": lambda: [nn.AvgPool2d(2)],
    "stride": lambda: [],
    "blurred stride": lambda: [nn.CircularPad2d(1), nn.AvgPool2d(3, 1)],
    "blurred max": lambda: [nn.CircularPad2d((1, 2, 1, 2)), nn.MaxPool2d(2, 1), nn.AvgPool2d(4, 2)],  # Zhang 2019
}
END = {
    "mean": lambda c: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10)],
    "places": lambda c: [nn.Flatten(), nn.Linear(64 * c, 10)],
}


def network(shrink, end, channels=(8, 16, 32), kernel_size=3):
    """Three convolutions on 32×32; the picture is halved before the second and the third."""
    one, two, three = channels
    stride = 2 if "stride" in shrink else 1
    return nn.Sequential(
        *block(1, one),
        *SHRINK[shrink](),
        *block(one, two, kernel_size, stride),
        *SHRINK[shrink](),
        *block(two, three, kernel_size, stride),
        *END[end](three),
    )


def on_half(end, channels):
    """The network with max pooling, behind a mean over 2×2 pixels."""
    inner = network("max", end, channels)
    if end == "places":
        inner[-1] = nn.Linear(16 * channels[-1], 10)  # 4×4 places are left, of 8×8
    return nn.Sequential(nn.AvgPool2d(2), *inner)


def on_canvas(image_set):
    """The images with 4 empty rows and columns, so that a shift by up to 4 pixels loses nothing."""
    return data.ImageSet(
        F.pad(image_set.images, (0, 4, 0, 4)), image_set.labels, image_set.classes, image_set.name, image_set.origin
    )


@torch.no_grad()
def unchanged(net, pictures):
    """Share of the pictures whose prediction is the same after a shift by 0 to 4 pixels right and down."""
    pictures = pictures.to(next(net.parameters()).device)
    found = [net(pictures.roll((shift, shift), (2, 3))).argmax(1) for shift in range(5)]
    return [(moved == found[0]).float().mean().item() for moved in found]


# ---- the real network, moved


def moved(name, steps, side=224):
    """A photograph, cut out of a larger one at each of so many steps of one pixel: (steps, 3, side, side)."""
    wide = data.photograph(name, 288)
    return prepared(torch.stack([wide[:, 16 : 16 + side, 16 + d : 16 + d + side] for d in range(steps)]))


def blur(layer, inputs):
    """Blur what comes into a layer by 1 2 1, both ways: a hook."""
    one = torch.tensor([1.0, 2, 1])
    kernel, channels = one[:, None] * one / 16, inputs[0].shape[1]
    padded = F.pad(inputs[0], (1, 1, 1, 1), "replicate")
    return F.conv2d(padded, kernel.expand(channels, 1, 3, 3), groups=channels)


@torch.no_grad()
def first_class(net, name, steps=33):
    """The probability of a photograph's most probable class at each step: as it is, with the blur, and the class."""
    few = moved(name, steps).split(4)  # at a time, which takes less memory
    plain = torch.cat([net(images) for images in few]).softmax(1)
    hooks = [layer.register_forward_pre_hook(blur) for layer in net.modules() if getattr(layer, "stride", 0) == (2, 2)]
    blurred = torch.cat([net(images) for images in few]).softmax(1)
    for hook in hooks:
        hook.remove()
    best = plain.mean(0).argmax()
    return plain[:, best], blurred[:, best], class_names()[best]
