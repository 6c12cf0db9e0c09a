"""A trained network made lighter: normalisation folded, weights in few bits, inner channels cut. Nothing is trained again."""

import copy

import torch
from torch import nn

from helpers.models import InvertedResidual


def fold(conv, bn):
    """Return (weight, bias) of the one convolution that does what `conv` and then `bn`, in eval mode, do."""
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    return conv.weight * scale[:, None, None, None], bn.bias - bn.running_mean * scale


def fold_all(net):
    """Return a copy of a network in eval mode with every normalisation folded into the convolution before it."""
    net = copy.deepcopy(net)
    for part in [part for part in net.modules() if isinstance(part, nn.Sequential)]:
        for i in range(len(part) - 1):
            if isinstance(part[i], nn.Conv2d) and isinstance(part[i + 1], nn.BatchNorm2d):
                weight, bias = fold(part[i], part[i + 1])
                part[i].weight, part[i].bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
                part[i + 1] = nn.Identity()
    return net


def to_levels(weight, per_channel, bits=8):
    """Return a weight rounded to 2**bits - 1 levels around 0, with one scale for the whole or one for each output channel."""
    most = 2 ** (bits - 1) - 1  # 127 for 8 bits
    sizes = weight.abs().flatten(1).amax(1) if per_channel else weight.abs().max().expand(len(weight))
    scale = (sizes / most).clamp(min=1e-12).view(-1, *[1] * (weight.dim() - 1))
    return (weight / scale).round() * scale


def quantised(net, per_channel, bits=8):
    """Return a copy of a network, the weights of its convolutions and linear layers rounded to levels; biases stay."""
    net = copy.deepcopy(net)
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.weight = nn.Parameter(to_levels(layer.weight.detach(), per_channel, bits))
    return net


def megabytes(net):
    """Return what a network without normalisation takes: all in float32; weights in a byte each, by their number of scales."""
    layers = [layer for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    weights, biases = sum(layer.weight.numel() for layer in layers), sum(len(layer.bias) for layer in layers)
    scales = {"per tensor": len(layers), "per channel": sum(len(layer.weight) for layer in layers)}
    found = {"float32": 4 * (weights + biases)}
    found |= {name: weights + 4 * (biases + count) for name, count in scales.items()}
    return {name: count / 1e6 for name, count in found.items()}


@torch.no_grad()
def inner_channels(net, images):
    """Return {block: (std, mean)} of the channels inside each inverted residual block, (C,) each, over these images.

    net: folded, see above; block: its index in net.features
    """
    seen, hooks = {}, []
    for i, block in enumerate(net.features):
        if isinstance(block, InvertedResidual):
            look = block.conv[-3]  # the depthwise layer with its ReLU6
            hooks.append(look.register_forward_hook(lambda layer, x, out, i=i: seen.__setitem__(i, out)))
    net(images)
    for hook in hooks:
        hook.remove()
    return {i: (out.std((0, 2, 3)), out.mean((0, 2, 3))) for i, out in seen.items()}


def pruned(net, share, inner, by):
    """Return a copy of a folded network without this share of the inner channels of each block that widens.

    inner: what inner_channels returned
    by:    "weights": those with the smallest weights into the narrowing layer go; "effect": those whose values, times these
           weights, vary least; what they gave on average goes into the bias
    """
    net = copy.deepcopy(net)
    for i, (std, mean) in inner.items():
        if len(net.features[i].conv) < 4:
            continue
        (widen, *_), (look, *_), narrow = net.features[i].conv[:3]
        score = narrow.weight[:, :, 0, 0].norm(dim=0) * (std if by == "effect" else 1)
        order = score.argsort()
        gone, kept = order[: int(share * len(order))], order[int(share * len(order)) :].sort().values
        if by == "effect":
            narrow.bias.data += narrow.weight[:, gone, 0, 0] @ mean[gone]
        for layer in (widen, look):
            layer.weight, layer.bias = nn.Parameter(layer.weight[kept]), nn.Parameter(layer.bias[kept])
        look.groups = len(kept)
        narrow.weight = nn.Parameter(narrow.weight[:, kept])
    return net
