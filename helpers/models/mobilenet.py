"""MobileNet, versions 1 and 2: each 3×3 convolution looks at one channel, and 1×1 convolutions mix the channels."""

from torch import nn

from helpers.checks import check_images, check_number, check_positive, whole

FULL = "1 is the full network, 0.5 half"


def conv_bn(in_channels, out_channels, kernel_size, stride=1, groups=1, activation=nn.ReLU, convolution=nn.Conv2d):
    """Return convolution, batch normalisation and activation; the size stays at stride 1."""
    in_channels, out_channels = whole("in_channels", in_channels, 1), whole("out_channels", out_channels, 1)
    stride, padding = whole("stride", stride, 1), whole("kernel_size", kernel_size, 1) // 2
    return nn.Sequential(
        convolution(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        activation(),
    )


def initialise(layer):
    """He et al. 2015 for convolutions, small normal numbers for the fully connected layer, as torchvision does."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)


# -------------------------------------------------------------------------------------------------------- version 1


class DepthwiseSeparable(nn.Sequential):
    """A 3×3 convolution of each channel by itself (depthwise), then a 1×1 convolution across channels (pointwise).

    x:       (N, in_channels, H, W)
    returns: (N, out_channels, H / stride, W / stride), rounded up

    Source: Howard et al. 2017, section 3.1 and figure 3.
    """

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(
            conv_bn(in_channels, in_channels, 3, stride, groups=in_channels),
            conv_bn(in_channels, out_channels, 1),
        )


class FullConvolution(nn.Sequential):
    """What DepthwiseSeparable replaces: one 3×3 convolution that looks at all channels. The shapes are the same."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(conv_bn(in_channels, out_channels, 3, stride))


class MobileNetV1(nn.Module):
    """One convolution, thirteen depthwise separable ones, the average of each channel, one fully connected layer.

    x:       (N, in_channels, H, W), any size: the paper's resolution multiplier is the size of your images over 224
    returns: (N, num_classes), not yet passed through softmax
    width:   the paper's width multiplier α: every layer has α times the channels, rounded
    full_convolution: True for the network the paper compares with, where FullConvolution stands in each block's place
    raises:  ValueError for a width of 0 or less, or a number that is not a whole number of at least 1

    Source: Howard et al. 2017, table 1; the stride 2 of its last block must be 1, as its image stays 7×7.
    """

    def __init__(self, num_classes=1000, width=1.0, in_channels=3, full_convolution=False):
        super().__init__()
        check_positive("width", width, FULL)
        block = FullConvolution if full_convolution else DepthwiseSeparable
        channels = max(1, round(32 * width))
        layers = [conv_bn(whole("in_channels", in_channels, 1), channels, 3, stride=2)]
        halving = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
        for out_channels, stride in (*halving, *((512, 1),) * 5, (1024, 2), (1024, 1)):
            out_channels = max(1, round(out_channels * width))
            layers.append(block(channels, out_channels, stride))
            channels = out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, whole("num_classes", num_classes, 1))
        self.apply(initialise)

    def forward(self, x):
        check_images(x, self.features[0][0])
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def mobilenet_v1(num_classes=1000, width=1.0, in_channels=3, full_convolution=False):
    """Return MobileNetV1 with fresh weights; torchvision has none."""
    return MobileNetV1(num_classes, width, in_channels, full_convolution)


# -------------------------------------------------------------------------------------------------------- version 2


class InvertedResidual(nn.Module):
    """Widen by 1×1, convolve each channel by K×K, narrow by 1×1 without an activation; add x where the shapes allow.

    x:       (N, in_channels, H, W)
    returns: (N, out_channels, H / stride, W / stride), rounded up
    expand_ratio: how many times wider it is inside; 1 leaves the widening out
    kernel_size:  K, 3 in MobileNetV2
    convolution:  the class of the depthwise layer

    Inverted, as the bottleneck of ResNet is narrow inside.  Source: Sandler et al. 2018, table 1 and figure 4d.
    """

    def __init__(self, in_channels, out_channels, stride, expand_ratio, kernel_size=3, convolution=nn.Conv2d):
        super().__init__()
        hidden = whole("in_channels", in_channels, 1) * whole("expand_ratio", expand_ratio, 1)
        widen = [] if expand_ratio == 1 else [conv_bn(in_channels, hidden, 1, activation=nn.ReLU6)]
        self.conv = nn.Sequential(
            *widen,
            conv_bn(hidden, hidden, kernel_size, stride, hidden, nn.ReLU6, convolution),
            nn.Conv2d(hidden, whole("out_channels", out_channels, 1), 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x):
        check_images(x, self.conv[0][0])
        return x + self.conv(x) if self.adds else self.conv(x)


def to_multiple_of_8(channels):
    """Return the multiple of 8 nearest to `channels`, at least 8, and never more than a tenth below it."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


class MobileNetV2(nn.Module):
    """One convolution, seventeen inverted residual blocks, one 1×1 convolution, average, one fully connected layer.

    x:          (N, in_channels, H, W), any size
    returns:    (N, num_classes), not yet passed through softmax
    width_mult: every layer has so many times the channels, in multiples of 8; the last 1280 never shrink
    raises:     ValueError for a width_mult of 0 or less, or a number that is not a whole number of at least 1

    Takes torchvision's state_dict.  Source: Sandler et al. 2018, table 2; the multiples of 8: torchvision.
    """

    def __init__(self, num_classes=1000, width_mult=1.0, dropout=0.2, in_channels=3):
        super().__init__()
        check_positive("width_mult", width_mult, FULL)
        check_number("dropout", dropout, 0, 1)
        channels, last = to_multiple_of_8(32 * width_mult), to_multiple_of_8(1280 * max(1.0, width_mult))
        layers = [conv_bn(whole("in_channels", in_channels, 1), channels, 3, stride=2, activation=nn.ReLU6)]
        for expand_ratio, out_channels, blocks, stride in (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ):
            out_channels = to_multiple_of_8(out_channels * width_mult)
            for i in range(blocks):
                layers.append(InvertedResidual(channels, out_channels, 1 if i else stride, expand_ratio))
                channels = out_channels
        layers.append(conv_bn(channels, last, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, whole("num_classes", num_classes, 1)))
        self.apply(initialise)

    def forward(self, x):
        check_images(x, self.features[0][0])
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def mobilenet_v2(num_classes=1000, width_mult=1.0, dropout=0.2, in_channels=3):
    """Return torchvision's MobileNetV2, with torchvision's argument names and fresh weights."""
    return MobileNetV2(num_classes, width_mult, dropout, in_channels)
