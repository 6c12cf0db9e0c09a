"""AlexNet three times: the network of 2012 on two GPUs, the same on one, and the one that libraries ship."""

from torch import nn

from helpers.checks import check_images, check_number, whole


def normalise():
    """Local response normalisation with the numbers of section 3.3; torch divides alpha by size, the paper does not."""
    return nn.LocalResponseNorm(size=5, alpha=1e-4 * 5, beta=0.75, k=2)


class AlexNet2012(nn.Module):
    """The network of Krizhevsky, Sutskever & Hinton 2012: five convolutions, three fully connected layers.

    x:       (N, 3, 227, 227)
    returns: (N, num_classes), not yet passed through softmax
    groups:  2 as in the paper: in conv2, conv4 and conv5 each of two GPUs saw half the channels; 1 undivided

    Source: section 3.5.  Its 224 pixels do not divide: (224 - 11) / 4 is not whole, (227 - 11) / 4 = 54 is.
    """

    def __init__(self, num_classes=1000, groups=2, in_channels=3):
        super().__init__()
        whole("groups", groups, 1, 2, "2 as in the paper, or 1, undivided")
        self.features = nn.Sequential(
            nn.Conv2d(whole("in_channels", in_channels, 1), 96, 11, stride=4),
            nn.ReLU(),
            normalise(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=groups),
            nn.ReLU(),
            normalise(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, whole("num_classes", num_classes, 1)),
        )

    def forward(self, x):
        check_images(x, self.features[0], least=227, most=258)
        return self.classifier(self.features(x))


class AlexNet(nn.Module):
    """The AlexNet of torchvision: 64 filters first, one tower, no normalisation, any image of 63 pixels or more.

    x:       (N, 3, H, W), usually 224
    returns: (N, num_classes), not yet passed through softmax

    Takes torchvision's state_dict.  Source: Krizhevsky 2014, "One weird trick for parallelizing convolutional
    neural networks".
    """

    def __init__(self, num_classes=1000, dropout=0.5, in_channels=3):
        super().__init__()
        check_number("dropout", dropout, 0, 1)
        self.features = nn.Sequential(
            nn.Conv2d(whole("in_channels", in_channels, 1), 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, whole("num_classes", num_classes, 1)),
        )

    def forward(self, x):
        check_images(x, self.features[0], least=63)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def alexnet(num_classes=1000, dropout=0.5, in_channels=3):
    """Return torchvision's AlexNet, with torchvision's argument names and fresh weights."""
    return AlexNet(num_classes, dropout, in_channels)
