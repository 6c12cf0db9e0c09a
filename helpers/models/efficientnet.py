"""EfficientNet-Lite0, trained on ImageNet: MobileNetV2's blocks with some kernels of 5×5. The real network of the course."""

import io

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import check_images, check_tensor, whole
from helpers.data.files import read, remedy
from helpers.models.mobilenet import InvertedResidual, conv_bn, initialise

WEIGHTS = "efficientnet_lite0.pt"  # in data/, in half precision
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels: what the weights were trained with
SIDE = 224


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow does: at stride 2 the odd pixel goes to the right and below.

    x:       (N, C, H, W)
    returns: (N, C_out, H / stride, W / stride), rounded up
    """

    def forward(self, x):
        short = [
            max(-(-side // stride) * stride - stride + kernel - side, 0)
            for side, stride, kernel in zip(x.shape[2:], self.stride, self.kernel_size)
        ]
        top, left = (missing // 2 for missing in short)
        x = F.pad(x, (left, short[1] - left, top, short[0] - top))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class EfficientNetLite0(nn.Module):
    """One convolution, sixteen inverted residual blocks, one 1×1 convolution, average, one fully connected layer.

    x:       (N, 3, H, W), normalised with MEAN and STD; trained at 224 × 224
    returns: (N, num_classes), not yet passed through softmax

    4,652,008 parameters. Lite: ReLU6 everywhere, no squeeze-and-excitation.  Source: Tan & Le 2019, arXiv:1905.11946, table 1;
    Liu 2020, EfficientNet-Lite.
    """

    def __init__(self, num_classes=1000, in_channels=3):
        super().__init__()
        channels = 32
        layers = [conv_bn(whole("in_channels", in_channels, 1), channels, 3, 2, 1, nn.ReLU6, SameConv2d)]
        for kernel_size, expand_ratio, out_channels, blocks, stride in (
            (3, 1, 16, 1, 1),
            (3, 6, 24, 2, 2),
            (5, 6, 40, 2, 2),
            (3, 6, 80, 3, 2),
            (5, 6, 112, 3, 1),
            (5, 6, 192, 4, 2),
            (3, 6, 320, 1, 1),
        ):
            for i in range(blocks):
                layers.append(
                    InvertedResidual(channels, out_channels, 1 if i else stride, expand_ratio, kernel_size, SameConv2d)
                )
                channels = out_channels
        layers.append(conv_bn(channels, 1280, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1280, whole("num_classes", num_classes, 1))
        self.apply(initialise)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 1e-3

    def forward(self, x):
        check_images(x, self.features[0][0])
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def efficientnet_lite0(trained=True):
    """Return EfficientNet-Lite0 in eval mode, with the shipped weights; no download.

    trained: False for fresh weights
    raises:  FileNotFoundError, ValueError where the file of weights is missing or damaged, with what to do
    """
    net = EfficientNetLite0()
    if trained:
        kept = torch.load(io.BytesIO(read(WEIGHTS)), map_location="cpu", weights_only=True)
        found = net.load_state_dict({name: value.float() for name, value in kept.items()}, strict=False)
        missing = [name for name in found.missing_keys if not name.endswith("num_batches_tracked")]
        if missing or found.unexpected_keys:
            raise ValueError(f"{WEIGHTS} lacks {missing[:3]} or holds {found.unexpected_keys[:3]}. {remedy(WEIGHTS)}")
    return net.eval()


def prepared(pictures):
    """Return pictures as the trained network takes them.

    pictures: (3, H, W) or (N, 3, H, W), or with one channel for grey ones, from 0 to 1
    returns:  (N, 3, H, W), normalised with MEAN and STD; the size stays
    """
    check_tensor("pictures", pictures, floats=True)
    if pictures.dim() not in (3, 4) or pictures.shape[-3] not in (1, 3):
        raise ValueError(
            f"pictures (shape {tuple(pictures.shape)}) must be (3, H, W) or (N, 3, H, W), or grey (1, H, W)"
        )
    pictures = pictures if pictures.dim() == 4 else pictures[None]
    mean, std = (torch.tensor(values, device=pictures.device)[:, None, None] for values in (MEAN, STD))
    return (pictures.expand(-1, 3, -1, -1) - mean) / std


def class_names():
    """Return the 1000 class names of ImageNet, in the order of the outputs."""
    from torchvision.models import EfficientNet_B0_Weights

    return EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]


@torch.no_grad()
def most_probable(net, picture, k=5):
    """Return [(class name, probability)] of the k most probable classes of one picture, the most probable first.

    picture: (3, H, W) or (1, H, W), from 0 to 1, such as data.photograph("cat", 224)
    """
    device = next(net.parameters()).device
    probability = net(prepared(picture).to(device)).softmax(1)[0].cpu()
    names = class_names()
    return [(names[i], p.item()) for p, i in zip(*probability.topk(whole("k", k, 1, len(names))))]
