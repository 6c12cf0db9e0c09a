"""ResNet in five depths: blocks that add what they compute to what they were given."""

from torch import nn

from helpers.checks import check_images, whole


def conv(in_channels, out_channels, kernel_size, stride=1):
    """Return a convolution that keeps the size at stride 1; it has no bias, as the normalisation after it has one."""
    in_channels, out_channels = whole("in_channels", in_channels, 1), whole("channels", out_channels, 1)
    return nn.Conv2d(in_channels, out_channels, kernel_size, whole("stride", stride, 1), kernel_size // 2, bias=False)


def shortcut(in_channels, out_channels, stride):
    """Return what lies on the way around a block: None, or a 1×1 convolution where the block changes the shape."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a way around them: ReLU(F(x) + x), F = convolution, BN, ReLU, convolution, BN.

    x:       (N, in_channels, H, W)
    returns: (N, channels, H / stride, W / stride), rounded up

    Source: He et al. 2016, figure 5, left.
    """

    expansion = 1

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample = shortcut(in_channels, channels, stride)

    def forward(self, x):
        check_images(x, self.conv1)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Narrow by 1×1, convolve by 3×3, widen by 1×1, and a way around them: ReLU(F(x) + x).

    x:         (N, in_channels, H, W)
    returns:   (N, 4 * channels, H / stride, W / stride), rounded up
    stride_in: the convolution that takes the stride: "3x3" as in torchvision (known as ResNet v1.5), or "1x1", the
               first one, as in the paper, which costs less but then sees one pixel in four
    raises:    ValueError for another stride_in

    Source: He et al. 2016, figure 5, right.
    """

    expansion = 4

    def __init__(self, in_channels, channels, stride=1, stride_in="3x3"):
        super().__init__()
        if stride_in not in ("3x3", "1x1"):
            raise ValueError(f'stride_in (={stride_in!r}) must be "3x3", as in torchvision, or "1x1", as in the paper')
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = conv(in_channels, channels, 1, first)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, second)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, 4 * channels, 1)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU()
        self.downsample = shortcut(in_channels, 4 * channels, stride)

    def forward(self, x):
        check_images(x, self.conv1)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def stage(block, in_channels, channels, blocks, stride, options):
    """Return so many blocks in a row; the first takes the stride and the change of channels."""
    first = block(in_channels, channels, stride, **options)
    rest = [block(block.expansion * channels, channels, **options) for _ in range(1, whole("layers", blocks, 1))]
    return nn.Sequential(first, *rest)


class ResNet(nn.Module):
    """A stem that quarters the image, four stages of blocks, the average of each channel, one fully connected layer.

    x:       (N, in_channels, H, W), usually 224
    returns: (N, num_classes), not yet passed through softmax
    block:   BasicBlock, Bottleneck, or a class of yours: block(in_channels, channels, stride, **options), where
             block.expansion * channels come out
    layers:  how many blocks in each of the four stages
    width:   channels of the stem and of the first stage; each stage after it has twice as many, at half the size
    zero_init_residual: True starts the last BN of each block with weight 0, so that F(x) is 0 at first
    options: for every block, such as stride_in="1x1" for Bottleneck
    raises:  ValueError where there are not four stages, or a number is not a whole number of at least 1

    Takes torchvision's state_dict.  Source: He et al. 2016, table 1; zero_init_residual: Goyal et al. 2017, section 5.
    """

    def __init__(self, block, layers, num_classes=1000, zero_init_residual=False, in_channels=3, width=64, **options):
        super().__init__()
        if not isinstance(layers, (tuple, list)) or len(layers) != 4:
            raise ValueError(f"layers (={layers!r}) must be four numbers: the blocks in each stage")
        wide = block.expansion * whole("width", width, 1)
        self.conv1 = nn.Conv2d(whole("in_channels", in_channels, 1), width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(block, width, width, layers[0], 1, options)
        self.layer2 = stage(block, wide, 2 * width, layers[1], 2, options)
        self.layer3 = stage(block, 2 * wide, 4 * width, layers[2], 2, options)
        self.layer4 = stage(block, 4 * wide, 8 * width, layers[3], 2, options)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * wide, whole("num_classes", num_classes, 1))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")  # He et al. 2015
            if zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                nn.init.zeros_(last.weight)

    def forward(self, x):
        check_images(x, self.conv1)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


# The names say how many layers have weights, those of the shortcuts left out. Further arguments are those of ResNet.


def resnet18(num_classes=1000, **options):
    """Return the ResNet of 8 basic blocks."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, **options)


def resnet34(num_classes=1000, **options):
    """Return the ResNet of 16 basic blocks."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, **options)


def resnet50(num_classes=1000, **options):
    """Return the ResNet of 16 bottlenecks; stride_in="1x1" for the one of the paper."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, **options)


def resnet101(num_classes=1000, **options):
    """Return the ResNet of 33 bottlenecks; stride_in="1x1" for the one of the paper."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, **options)


def resnet152(num_classes=1000, **options):
    """Return the ResNet of 50 bottlenecks; stride_in="1x1" for the one of the paper."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, **options)
