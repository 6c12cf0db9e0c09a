"""Normalisation from scratch: over the batch, channel by channel, or over the features of each example by itself.

Shapes: N images, C channels, H and W pixels. What follows an … may have any number of axes.
"""

import math

import torch
from torch import nn

from helpers.checks import check_number, check_shape, check_tensor, whole


def full_precision(x):
    """Return x, in float32 where it has half precision: its 8 or 11 bits are too few to sum many numbers."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def mean_of(x, axes, keepdim=False):
    """x.mean(axes, keepdim), bit for bit, with a faster gradient: each mean's is divided by their number, not each value's."""
    return x.sum(axes, keepdim) / math.prod([x.shape[axis] for axis in axes])


# ---------------------------------------------------------------------------------------------- batch normalisation


def batch_norm_naive(x, weight, bias, eps=1e-5):
    """Give every channel mean 0 and variance 1 over the batch, then its own scale and shift: the definition.

    x:            (N, C, H, W)
    weight, bias: (C,), the scale γ and the shift β
    returns:      (N, C, H, W), as batch_norm in training, without running statistics

    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    check_tensor("weight", weight)
    check_tensor("bias", bias)
    check_batch_norm(x, None, None, weight, bias, True, 0.1, eps)
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]  # the N·H·W numbers of channel c
        mean = values.sum() / values.numel()
        var = ((values - mean) ** 2).sum() / values.numel()
        out[:, c] = weight[c] * (values - mean) / (var + eps).sqrt() + bias[c]
    return out


def batch_norm(x, running_mean=None, running_var=None, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """Give every channel mean 0 and variance 1 over the batch, then its own scale and shift.

    x:            (N, C, …), such as (N, C, H, W); mean and variance are over all axes but C
    running_mean, running_var: (C,) or None; used where training is False, moved towards the batch's own, in place,
                  where it is True
    weight, bias: (C,) or None, the scale γ and the shift β
    momentum:     the part of the way that the running statistics move
    eps:          added to the variance, so that a constant channel does not divide by 0
    returns:      (N, C, …)
    raises:       ValueError where shapes do not fit, in training with fewer than two values per channel, and after
                  it without running statistics

    The batch is normalised with its own variance, the sum of squares over n = N·H·W; the running variance estimates
    that of all images, so its sum is over n - 1. Equals torch.nn.functional.batch_norm.
    Source: Ioffe & Szegedy 2015, algorithms 1 and 2.
    """
    check_batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    values, per_channel = full_precision(x), (-1, *[1] * (x.dim() - 2))  # (C,) → (C, 1, 1) for images
    if training:
        axes = [0, *range(2, x.dim())]
        mean = mean_of(values, axes)  # (C,)
        centred = values - mean.view(per_channel)
        var = mean_of(centred.square(), axes)
        if running_mean is not None:
            n = x[:, 0].numel()
            with torch.no_grad():
                running_mean += momentum * (mean - running_mean)
                running_var += momentum * (var * n / (n - 1) - running_var)
    else:
        centred, var = values - running_mean.view(per_channel), running_var
    scale = 1 / (var + eps).sqrt()
    scale = scale if weight is None else scale * weight  # both in one number per channel: the image is scaled once
    out = centred * scale.view(per_channel)
    out = out if bias is None else out + bias.view(per_channel)
    return out.to(x.dtype)


class BatchNorm(nn.Module):
    """batch_norm with its own scale, shift and running statistics; use BatchNorm1d or BatchNorm2d.

    num_features: C, the channels
    momentum:     the part of the way that the running statistics move; None for the plain average of all batches
    affine:       whether there are weight and bias; they start at 1 and 0
    track_running_stats: False to use the batch's own statistics in eval() too
    raises:       ValueError for an input of other shape, or in training with fewer than two values per channel

    Arguments and state_dict are those of torch.nn's.
    """

    form = ""  # what x may be

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
        super().__init__()
        self.num_features, self.eps = whole("num_features", num_features, 1), check_number("eps", eps, 0)
        self.momentum = momentum if momentum is None else check_number("momentum", momentum, 0, 1)
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def forward(self, x):
        check_tensor("x", x, self.form)
        if x.shape[1] != self.num_features:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must have num_features (={self.num_features}) channels: change either"
            )
        training, momentum = self.training or self.running_mean is None, self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1 / float(self.num_batches_tracked)
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training, momentum, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Batch normalisation of features (N, C) or of sequences (N, C, L), as torch.nn.BatchNorm1d."""

    form = "(N, C) or (N, C, L)"


class BatchNorm2d(BatchNorm):
    """Batch normalisation of images (N, C, H, W), as torch.nn.BatchNorm2d."""

    form = "(N, C, H, W)"


# ---------------------------------------------------------------------------------------------- layer normalisation


def as_shape(normalized_shape):
    """Return a tuple of sizes: an int stands for one axis. Raises ValueError where there is no axis."""
    sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else [normalized_shape]
    if not sizes:
        raise ValueError(f"normalized_shape (={normalized_shape!r}) must name at least one axis: give a size")
    return tuple(whole("normalized_shape", size, 1) for size in sizes)


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Give the features of every example mean 0 and variance 1, then each feature its own scale and shift.

    x:            (…, *normalized_shape), such as (N, T, D)
    normalized_shape: int or sizes of the last axes, over which mean and variance are taken
    weight, bias: (*normalized_shape,) or None, the scale and the shift
    returns:      (…, *normalized_shape)
    raises:       ValueError where shapes do not fit

    Nothing is shared between examples, so it does the same in training and after it.
    Equals torch.nn.functional.layer_norm.  Source: Ba, Kiros & Hinton 2016, equation 3.
    """
    shape = as_shape(normalized_shape)
    check_layer_norm(x, shape, weight, bias, eps)
    axes = list(range(-len(shape), 0))
    values = full_precision(x)
    centred = values - mean_of(values, axes, keepdim=True)
    var = mean_of(centred.square(), axes, keepdim=True)  # (…, 1)
    out = centred * (1 / (var + eps).sqrt())
    out = out if weight is None else out * weight
    out = out if bias is None else out + bias
    return out.to(x.dtype)


class LayerNorm(nn.Module):
    """layer_norm with its own scale and shift: (…, *normalized_shape) → the same.

    Arguments and state_dict are those of torch.nn.LayerNorm; weight starts at 1, bias at 0.

    raises: ValueError where the input does not end with normalized_shape
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        super().__init__()
        self.normalized_shape, self.eps = as_shape(normalized_shape), check_number("eps", eps, 0)
        self.elementwise_affine = elementwise_affine
        self.weight = nn.Parameter(torch.ones(self.normalized_shape)) if elementwise_affine else None
        self.bias = nn.Parameter(torch.zeros(self.normalized_shape)) if elementwise_affine and bias else None

    def forward(self, x):
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


# ----------------------------------------------------------------------------- what the functions above must be given


def check_batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps):
    """Raise ValueError where batch_norm has not what it needs."""
    check_number("eps", eps, 0)
    if training:
        check_number("momentum", momentum, 0, 1)
    check_tensor("x", x, "(N, C, ...)", "one example is x[None]", floats=True)
    named = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    for name, value in named.items():
        if value is not None:
            check_shape(name, value, x.shape[1:2], "one number per channel")
    if (running_mean is None) != (running_var is None) or not training and running_mean is None:
        raise ValueError("running_mean and running_var must be given together, and where training is False: give both")
    if training and x[:, 0].numel() < 2:
        raise ValueError(
            f"the values per channel (={x[:, 0].numel()} in x, shape {tuple(x.shape)}) must be at least 2 "
            "in training, as one alone has no variance: use a larger batch, a larger image, or eval()"
        )


def check_layer_norm(x, shape, weight, bias, eps):
    """Raise ValueError where layer_norm has not what it needs."""
    check_number("eps", eps, 0)
    check_tensor("x", x, floats=True)
    if tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(f"x (shape {tuple(x.shape)}) must end with normalized_shape (={shape}): change either")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            check_shape(name, value, shape, "one number per feature")
