"""What the microscope looks through: the trained network, the picture as it is moved and covered, and three ways to ask why."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from helpers.models.efficientnet import MEAN, SIDE, SameConv2d, efficientnet_lite0, prepared
from helpers.shapes import Window, receptive_field

PLACES, SQUARE = 7, 64  # the occlusion map: so many places each way, hidden by squares of so many pixels


def folded(net):
    """Return a network in eval mode with each batch normalisation folded into the convolution before it: the same, and quicker."""
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(module[i], module[i + 1]), nn.Identity()
    return net.requires_grad_(False)


@functools.cache
def network():
    """Return the trained EfficientNet-Lite0, folded; loaded once."""
    return folded(efficientnet_lite0()).to(memory_format=torch.channels_last)


def changed(picture, right=0, down=0, zoom=100, turn=0, blur=0, noise=0, cover=0, x=0.5, y=0.5):
    """Return a picture moved, turned, blurred, made noisy and partly covered: (3, H, W), from 0 to 1, in this order.

    picture:     (3, H, W)
    right, down: pixels by which it moves;  zoom: percent;  turn: degrees, clockwise. What comes in at the border is grey
    blur, noise: standard deviations, in pixels and in percent of the whole range
    cover:       pixels, the side of a grey square, whose middle is at (x, y), each from 0 to 1
    """
    grey = torch.tensor(MEAN)[:, None, None]
    if (right, down, zoom, turn) != (0, 0, 100, 0):
        H, W = picture.shape[1:]
        cos, sin = (100 / zoom * f(math.radians(turn)) for f in (math.cos, math.sin))
        back = torch.tensor([[cos, sin * H / W, 0.0], [-sin * W / H, cos, 0.0]])  # from where each pixel comes
        back[:, 2] = -back[:, :2] @ torch.tensor([2 * right / W, 2 * down / H])
        grid = F.affine_grid(back[None], (1, 3, H, W), align_corners=False)
        picture = F.grid_sample((picture - grey)[None], grid, align_corners=False)[0] + grey
    if blur:
        taps = torch.arange(-3 * blur, 3 * blur + 1).float()
        weights = torch.exp(-((taps / blur) ** 2) / 2)
        weights = (weights / weights.sum()).expand(3, 1, -1)
        padded = F.pad(picture[None], [3 * blur] * 4, mode="replicate")
        picture = F.conv2d(F.conv2d(padded, weights[..., None, :], groups=3), weights[..., None], groups=3)[0]
    if noise:
        dice = torch.Generator().manual_seed(0)
        picture = (picture + noise / 100 * torch.randn(picture.shape, generator=dice)).clamp(0, 1)
    return covered(picture, cover, x, y)


def covered(picture, cover, x, y):
    """Return a picture with a grey square on it: `cover` pixels wide, its middle at (x, y), from 0 to 1."""
    if not cover:
        return picture
    H, W = picture.shape[1:]
    top, left = round(y * H - cover / 2), round(x * W - cover / 2)
    picture = picture.clone()
    picture[:, max(0, top) : top + cover, max(0, left) : left + cover] = torch.tensor(MEAN)[:, None, None]
    return picture


@torch.no_grad()
def look(net, pictures, layer=None):
    """Return (probabilities, output of a layer): (N, 1000), and (N, C, h, w) or None.

    pictures: (3, H, W) or (N, 3, H, W), from 0 to 1
    layer:    index into net.features
    """
    x, kept = prepared(pictures).contiguous(memory_format=torch.channels_last), None
    for i, module in enumerate(net.features):
        x = module(x)
        kept = x if i == layer else kept
    return net.classifier(net.avgpool(x).flatten(1)).softmax(1), kept


def windows(net, layer, side=SIDE):
    """Return the convolutions up to a layer as Windows, along the way that skips none; the padding is that on the left."""
    found = []
    for module in net.features[: layer + 1].modules():
        if isinstance(module, nn.Conv2d):
            K, stride, padding = module.kernel_size[0], module.stride[0], module.padding[0]
            if isinstance(module, SameConv2d):
                padding = max(-(-side // stride) * stride - stride + K - side, 0) // 2
            found.append(Window(K, stride, padding))
            side = -(-side // stride)
    return found


def field(net, layer):
    """Return what a unit of a layer sees, computed: helpers.shapes.Field."""
    return receptive_field(windows(net, layer))[-1]


def unit_gradient(net, picture, layer, channel, row, column):
    """Return how strongly each pixel moves one unit, measured: (H, W), the norm of the gradient over the colours."""
    x = prepared(picture).requires_grad_()
    unit = net.features[: layer + 1](x)[0, channel, row, column]
    return torch.autograd.grad(unit, x)[0][0].norm(dim=0)


def middle_share(gradient, x, y, share=0.9):
    """Return the side of the smallest square around (x, y), in pixels, that holds this share of the gradient's energy.

    gradient: (H, W);  x, y: the square's middle, from 0 to 1
    """
    H, W = gradient.shape
    rows, columns = ((torch.arange(n) + 0.5 - at * n).abs() for n, at in ((H, y), (W, x)))
    distance = torch.maximum(rows[:, None], columns).flatten()
    order = distance.argsort()
    energy = (gradient.double() ** 2).flatten()[order].cumsum(0)
    if energy[-1] == 0:
        return 0
    return math.ceil(2 * distance[order[int((energy < share * energy[-1]).sum())]].item())


def grad_cam(net, output, layer, target):
    """Return where a layer speaks for a class: (h, w), 0 and above.

    output: (1, C, h, w), of net.features[layer]
    target: the class

    Each map is weighted by the mean of the class score's gradient over it.  Source: Selvaraju et al. 2017, equations 1 and 2.
    """
    output = output.detach().requires_grad_()
    score = net.classifier(net.avgpool(net.features[layer + 1 :](output)).flatten(1))[0, target]
    (gradient,) = torch.autograd.grad(score, output)
    return F.relu((gradient.mean((2, 3), keepdim=True) * output).sum(1))[0].detach()


def occlusion_row(net, picture, target, row, places=PLACES, square=SQUARE):
    """Return by how much the class's probability falls when each place of one row is hidden by a grey square: (places,).

    Source: Zeiler & Fergus 2014, section 4.1.
    """
    hidden = [covered(picture, square, (i + 0.5) / places, (row + 0.5) / places) for i in range(places)]
    found = look(net, torch.stack([picture, *hidden]))[0][:, target]
    return found[0] - found[1:]
