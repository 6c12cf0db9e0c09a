"""Whole networks, under torchvision's names; each file is the shortest in which a reader can see the whole network."""

from helpers.models.alexnet import AlexNet2012, alexnet

__all__ = ["AlexNet2012", "alexnet"]
