"""Networks of any depth, with and without the way around: for experiments in which depth alone changes."""

import torch.nn.functional as F
from torch import nn

from helpers.checks import check_choice, check_images, whole

STARTS = {  # what the convolutions' weights are at first; "torch" leaves them as nn.Conv2d draws them
    "he": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "xavier": nn.init.xavier_normal_,
    "torch": lambda weight: weight,
}


class DeepBlock(nn.Module):
    """Two 3×3 convolutions, with or without a way around them.

    x:         (N, channels, H, W)
    returns:   (N, channels, H / stride, W / stride), rounded up
    residual:  False for a plain block, ReLU(F(x)), with the same parameters as ReLU(F(x) + x)
    norm:      what follows each convolution: nn.BatchNorm2d, or nn.Identity for nothing
    relu_last: True for a ReLU at the end of F, before the addition: the lecture's order, for comparison

    Where the stride is 2 the way around takes every second pixel: no parameters.  Source: He et al. 2016, option A.
    """

    def __init__(self, channels, stride=1, residual=True, norm=nn.BatchNorm2d, relu_last=False):
        super().__init__()
        channels, stride = whole("channels", channels, 1), whole("stride", stride, 1)
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False), norm(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), norm(channels)
        self.stride, self.residual, self.relu_last = stride, residual, relu_last

    def forward(self, x):
        check_images(x, self.conv1)
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.relu_last:
            out = F.relu(out)
        if self.residual:
            out = out + x[:, :, :: self.stride, :: self.stride]
        return F.relu(out)


def deep_net(depth, residual=True, norm=nn.BatchNorm2d, start="he", relu_last=False, channels=16):
    """Return a network of `depth` layers with weights for grey images of ten classes: (N, 1, H, W) → (N, 10).

    depth:  even, at least 4: a first convolution, (depth - 2) / 2 blocks of two, a fully connected layer
    start:  "he", "xavier" or "torch": the convolutions' first weights
    others: as in DeepBlock
    raises: ValueError for an odd or small depth, or another start

    The first block halves the side; the mean of each channel goes into the last layer.
    """
    if whole("depth", depth, 4) % 2:
        raise ValueError(
            f"depth (={depth}) must be even, as each block has two layers: give {depth - 1} or {depth + 1}"
        )
    check_choice("start", start, STARTS)
    blocks = [DeepBlock(channels, 2 if i == 0 else 1, residual, norm, relu_last) for i in range((depth - 2) // 2)]
    net = nn.Sequential(
        nn.Conv2d(1, channels, 3, 1, 1, bias=False),
        norm(channels),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, 10),
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            STARTS[start](module.weight)
    return net
