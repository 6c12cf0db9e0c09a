"""Whole networks, under torchvision's names; each file is the shortest in which a reader can see the whole network."""

from helpers.models.alexnet import AlexNet2012, alexnet
from helpers.models.backbones import (
    PUBLISHED,
    Backbone,
    dinov2_vitb14,
    dinov2_vitg14,
    dinov2_vitl14,
    dinov2_vits14,
    eva01_clip_g_14,
    vit_22b,
)
from helpers.models.mobilenet import (
    DepthwiseSeparable,
    FullConvolution,
    InvertedResidual,
    MobileNetV1,
    MobileNetV2,
    mobilenet_v1,
    mobilenet_v2,
)
from helpers.models.resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from helpers.models.swin import (
    PatchMerging,
    Swin,
    SwinBlock,
    WindowAttention,
    shift_mask,
    swin_b,
    swin_s,
    swin_t,
    window_partition,
    window_reverse,
)
from helpers.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from helpers.models.vit import Encoder, EncoderBlock, ViT, vit_b_16, vit_b_32, vit_h_14, vit_l_16, vit_l_32

__all__ = ["AlexNet2012", "BasicBlock", "Bottleneck", "DepthwiseSeparable", "FullConvolution", "InvertedResidual",
           "MobileNetV1", "MobileNetV2", "ResNet", "VGG", "alexnet", "mobilenet_v1", "mobilenet_v2", "resnet18",
           "resnet34", "resnet50", "resnet101", "resnet152", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
           "vgg16_bn", "vgg19", "vgg19_bn",
           "Encoder", "EncoderBlock", "PatchMerging", "Swin", "SwinBlock", "ViT", "WindowAttention", "shift_mask",
           "swin_b", "swin_s", "swin_t", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32",
           "window_partition", "window_reverse",
           "Backbone", "PUBLISHED", "dinov2_vitb14", "dinov2_vitg14", "dinov2_vitl14", "dinov2_vits14", "eva01_clip_g_14",
           "vit_22b"]
