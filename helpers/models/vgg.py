"""VGG: nothing but 3×3 convolutions, pooling and three fully connected layers, of any depth."""

from torch import nn

from helpers.checks import check_images, check_number, whole


def stage(in_channels, out_channels, convolutions):
    """Return the layers of one stage: 3×3 convolutions, each with ReLU, then pooling, which halves the image."""
    layers = []
    for i in range(convolutions):
        layers += [nn.Conv2d(out_channels if i else in_channels, out_channels, 3, padding=1), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2)]


class VGG(nn.Module):
    """Five stages of 3×3 convolutions, then three fully connected layers, as in torchvision.

    x:            (N, in_channels, H, W), 32 pixels or more, usually 224
    returns:      (N, num_classes), not yet passed through softmax
    convolutions: how many in each of the five stages, such as (2, 2, 3, 3, 3) in VGG-16
    init_weights: True for He's initialisation, as in torchvision; False for torch's own
    raises:       ValueError where there are not five stages, or a number is not a whole number of at least 1

    Takes torchvision's state_dict.  Source: Simonyan & Zisserman 2015, table 1.
    """

    def __init__(self, convolutions, num_classes=1000, init_weights=True, dropout=0.5, in_channels=3):
        super().__init__()
        check_number("dropout", dropout, 0, 1)
        if not isinstance(convolutions, (tuple, list)) or len(convolutions) != 5:
            raise ValueError(f"convolutions (={convolutions!r}) must be five numbers: one for each stage")
        layers, channels = [], whole("in_channels", in_channels, 1)
        for count, out_channels in zip(convolutions, (64, 128, 256, 512, 512)):
            layers += stage(channels, out_channels, whole("convolutions", count, 1))
            channels = out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, whole("num_classes", num_classes, 1)),
        )
        if init_weights:
            self.apply(initialise)

    def forward(self, x):
        check_images(x, self.features[0], least=32)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def initialise(layer):
    """He et al. 2015 for convolutions, small normal numbers for fully connected layers; biases start at 0."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)


# The names say how many layers have weights: the convolutions and the three fully connected ones. The letters are
# those of table 1. Further arguments are those of VGG.


def vgg11(num_classes=1000, **options):
    """Return configuration A of the paper: 8 convolutions."""
    return VGG((1, 1, 2, 2, 2), num_classes, **options)


def vgg16(num_classes=1000, **options):
    """Return configuration D of the paper: 13 convolutions."""
    return VGG((2, 2, 3, 3, 3), num_classes, **options)
