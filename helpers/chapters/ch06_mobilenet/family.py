"""What became of MobileNet's two ideas: which of torchvision's light networks have them."""

import torchvision
from torch import nn

LATER = {
    "squeezenet1_1": 2016,
    "mobilenet_v2": 2018,
    "shufflenet_v2_x1_0": 2018,
    "mnasnet1_0": 2018,
    "mobilenet_v3_large": 2019,
    "efficientnet_b0": 2019,
    "regnet_y_400mf": 2020,
    "convnext_tiny": 2022,
}


def patterns(name):
    """Return whether a network of torchvision has depthwise convolutions, and one in a wide middle: narrow, wide, narrow."""
    model = torchvision.models.get_model(name)
    convs = [
        layer
        for path, layer in model.named_modules()  # without squeeze-and-excitation's 1×1
        if isinstance(layer, nn.Conv2d) and not path.endswith((".fc1", ".fc2"))
    ]
    depthwise = [i for i, conv in enumerate(convs) if conv.groups == conv.in_channels > 1]
    inverted = [
        i
        for i in depthwise
        if 0 < i < len(convs) - 1 and convs[i - 1].in_channels < convs[i].in_channels > convs[i + 1].out_channels
    ]
    return len(depthwise) > 0, len(inverted) > 0
