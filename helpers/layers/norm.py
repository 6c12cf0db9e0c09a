"""Normalisation from scratch: over the batch, channel by channel, or over the features of each example by itself.

Shapes: N images, C channels, H and W pixels. What follows an … may have any number of axes.
"""

import torch
from torch import nn

from helpers.checks import check_number, check_tensor
from helpers.shapes import whole


def check_fit(x, shape, each, **parameters):
    """Raise ValueError unless each parameter is None, or of this shape and of x's type; `each` has one number."""
    for name, value in parameters.items():
        if value is not None:
            check_tensor(name, value)
        if value is not None and value.shape != shape:
            raise ValueError(f"{name} (shape {tuple(value.shape)}) must be {tuple(shape)}: one number per {each}")
        if value is not None:
            check_tensor(name, value, like=("x", x))


# ---------------------------------------------------------------------------------------------- batch normalisation


def batch_norm_naive(x, weight, bias, eps=1e-5):
    """Give every channel mean 0 and variance 1 over the batch, then its own scale and shift: the definition.

    x:            (N, C, H, W)
    weight, bias: (C,), the scale γ and the shift β
    returns:      (N, C, H, W), as batch_norm in training, without running statistics

    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    check_definition(x, weight, bias, eps)
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]  # the N·H·W numbers of channel c
        mean = values.sum() / values.numel()
        var = ((values - mean) ** 2).sum() / values.numel()
        out[:, c] = weight[c] * (values - mean) / (var + eps).sqrt() + bias[c]
    return out


def check_definition(x, weight, bias, eps):
    """Raise ValueError where batch_norm_naive has not what it needs."""
    check_tensor("weight", weight)
    check_tensor("bias", bias)
    check_batch_norm(x, None, None, weight, bias, True, 0.0, eps)


def check_batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps):
    """Raise ValueError where batch_norm has not what it needs."""
    check_tensor("x", x, floats=True)
    if training:
        check_number("momentum", momentum, 0, 1)
    check_number("eps", eps, 0)
    if x.dim() < 2 or x.shape[1] == 0:
        raise ValueError(f"x (shape {tuple(x.shape)}) must be (N, C, …), C at least 1: one example is x[None]")
    check_fit(x, x.shape[1:2], "channel", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var belong together: give both, or None for both")
    if not training and running_mean is None:
        raise ValueError(
            "running_mean and running_var (=None) must be given where training is False: give them, or training=True"
        )
    if training and x[:, 0].numel() < 2:
        raise ValueError(
            f"the values per channel (={x[:, 0].numel()} in x, shape {tuple(x.shape)}) must be at least 2 "
            "in training, as one alone has no variance: use a larger batch, a larger image, or eval()"
        )


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
    mean, var = running_mean, running_var
    if training:
        axes = [0, *range(2, x.dim())]
        mean, var = x.mean(axes), x.var(axes, correction=0)  # (C,)
        if running_mean is not None:
            n = x[:, 0].numel()
            with torch.no_grad():
                running_mean += momentum * (mean - running_mean)
                running_var += momentum * (var * n / (n - 1) - running_var)
    per_channel = (-1, *[1] * (x.dim() - 2))  # (C,) → (C, 1, 1) for images
    out = (x - mean.view(per_channel)) / (var.view(per_channel) + eps).sqrt()
    out = out if weight is None else out * weight.view(per_channel)
    return out if bias is None else out + bias.view(per_channel)


class BatchNorm(nn.Module):
    """batch_norm with its own scale, shift and running statistics; use BatchNorm1d or BatchNorm2d.

    num_features: C, the channels
    momentum:     the part of the way that the running statistics move; None for the plain average of all batches
    affine:       whether there are weight and bias; they start at 1 and 0
    track_running_stats: False to use the batch's own statistics in eval() too
    raises:       ValueError for an input of other shape, or in training with fewer than two values per channel

    Arguments and state_dict are those of torch.nn's.
    """

    forms = {}  # what x may be, by its number of axes

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
        check_tensor("x", x)
        if x.dim() not in self.forms or x.shape[1] != self.num_features:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must be {' or '.join(self.forms.values())}, "
                f"C = num_features (={self.num_features}): change either"
            )
        training, momentum = self.training or self.running_mean is None, self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training, momentum, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Batch normalisation of features (N, C) or of sequences (N, C, L), as torch.nn.BatchNorm1d."""

    forms = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(BatchNorm):
    """Batch normalisation of images (N, C, H, W), as torch.nn.BatchNorm2d."""

    forms = {4: "(N, C, H, W)"}


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
    check_tensor("x", x, floats=True)
    check_number("eps", eps, 0)
    if tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(f"x (shape {tuple(x.shape)}) must end with normalized_shape (={shape}): change either")
    check_fit(x, shape, "feature", weight=weight, bias=bias)
    axes = list(range(-len(shape), 0))
    mean, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    out = (x - mean) / (var + eps).sqrt()
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


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
