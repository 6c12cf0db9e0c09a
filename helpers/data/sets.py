"""Clothes and handwritten digits: small subsets that are shipped, or the whole set where it is."""

import csv
import io

import torch

from helpers.data.files import folder, idx, read, unzipped
from helpers.data.image_set import ImageSet, flag

FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


FULL_FASHION = tuple(
    f"full/FashionMNIST/raw/{part}-{kind}-ubyte"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)


def fashion_mnist(train=True, full=False):
    """Return Fashion-MNIST: grey pictures of clothes, 28×28, ten classes of equal size.

    train:   True for the training images (10,000 shipped, 60,000 in full), False for the test images (2,000 and 10,000)
    full:    False for the subset in data/, the default, because a chapter's results must be the same everywhere;
             True for the whole set, which you put into data/full/; "auto" for the whole set if it is there, else the
             subset, and a printed line says which
    returns: ImageSet, images (N, 1, 28, 28)
    raises:  FileNotFoundError for a missing file, ValueError for a damaged one

    The subset holds the first 1,000 training and the first 200 test images of each class.
    Source: Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747.
    """
    flag("train", train)
    if not (isinstance(full, bool) or full == "auto"):
        raise ValueError(f'full (={full!r}) must be False, True or "auto"')
    part = "train" if train else "test"
    if full is True or (full == "auto" and all((folder() / name).exists() for name in FULL_FASHION)):
        data = full_fashion_mnist(part)
    else:
        images, labels = (idx(f"fashion_mnist/{part}-{kind}.idx.gz") for kind in ("images", "labels"))
        data = ImageSet(
            images[:, None].float() / 255, labels.long(), FASHION, "Fashion-MNIST", f"shipped subset, {part}"
        )
    if full == "auto":
        print(data)
    return data


def digits(train=True):
    """Return handwritten digits: grey pictures, 8×8, ten classes of nearly equal size; 1,797 in all.

    train:   True for 1,352 training images, False for 445 test images: of each class every fourth, in the file's order
    returns: ImageSet, images (N, 1, 8, 8) in steps of 1/16
    raises:  FileNotFoundError for a missing file, ValueError for a damaged one

    The same 13 people wrote both parts.  Source: Alpaydin & Kaynak 1998, "Cascading Classifiers", Kybernetika 34.
    """
    flag("train", train)
    lines = csv.reader(io.StringIO(unzipped("digits.csv.gz").decode("ascii")))
    table = torch.tensor([[float(value) for value in line] for line in lines])
    labels = table[:, 64].long()
    earlier = (labels[:, None] == torch.arange(10)).cumsum(0)[torch.arange(len(labels)), labels]  # of the class, so far
    mine = earlier % 4 != 0 if train else earlier % 4 == 0
    images = table[:, :64].reshape(-1, 1, 8, 8) / 16
    return ImageSet(images[mine], labels[mine], tuple("0123456789"), "Digits", "train" if train else "test")


def full_fashion_mnist(part):
    """Return the whole Fashion-MNIST, read by torchvision from data/full/, after its files were verified."""
    for name in FULL_FASHION:
        read(name)
    from torchvision.datasets import FashionMNIST

    full = FashionMNIST(folder() / "full", train=part == "train", download=False)
    return ImageSet(
        full.data[:, None].float() / 255, full.targets.long(), FASHION, "Fashion-MNIST", f"full set, {part}"
    )
