"""A convolution of which an exercise asks what it is: look into it only after you have tried from outside."""

import torch

from helpers.layers.conv import conv2d

SECRET = (2, "reflect", "absolute value")  # dilation, padding mode, activation
_WEIGHTS = torch.tensor([[1.0, -2.0, 0.5], [3.0, -1.0, 2.0], [-1.5, 1.0, -0.5]])


def sealed(x):
    """A convolution of nine weights without bias, stride 1, that keeps the size: which dilation, padding mode and activation?

    x:       (H, W), H and W at least 3
    returns: (H, W)
    raises:  ValueError where x is no image, or smaller
    """
    if not isinstance(x, torch.Tensor) or x.dim() != 2 or min(x.shape) < 3:
        shape = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise ValueError(f"x (={shape}) must be a tensor (H, W), H and W at least 3: take one channel of one image")
    dilation, mode, _ = SECRET
    out = conv2d(x.float()[None, None], _WEIGHTS[None, None], padding=dilation, dilation=dilation, padding_mode=mode)
    return out[0, 0].abs()
