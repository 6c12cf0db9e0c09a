"""The course's pictures and its text: loaded from data/, verified, batched in an order that a seed decides.

Nothing is downloaded. Every file is compared with data/checksums.txt each time it is read (some milliseconds), and the
error for a missing or damaged one says how to restore it. The environment variable COURSE_DATA names another folder.
"""

import csv
import gzip
import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from helpers.checks import check_choice, check_number, check_tensor, whole

FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
SHAPES = ("disk", "ring", "square", "frame", "triangle", "plus", "cross", "diamond", "bars", "crescent")
PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "cat": "cat.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}
TEXTS = {"alice": "alice.txt"}


@dataclass(frozen=True, repr=False, eq=False)
class ImageSet:
    """Pictures with their labels, all in memory: what a chapter trains and tests on.

    images:  (N, C, H, W) float32, from 0 to 1
    labels:  (N,) int64, each a place in `classes`
    classes: names, a tuple of str
    name:    of the data, "Fashion-MNIST"
    origin:  in one line, which part of it this is: "shipped subset, train"
    raises:  ValueError where these do not fit together

    Works as a map-style data set too: data[i] is (image, label), so torch.utils.data.DataLoader(data) reads it.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple
    name: str = "images"
    origin: str = "given"

    def __post_init__(self):
        images, labels = self.images, self.labels
        for name, value in (("images", images), ("labels", labels)):
            check_tensor(name, value)
        if (
            isinstance(self.classes, str)
            or not isinstance(self.classes, Iterable)
            or not all(isinstance(each, str) for each in self.classes)
        ):
            raise ValueError(f'classes (={self.classes!r}) must be names, such as ("cat", "dog")')
        object.__setattr__(self, "classes", tuple(self.classes))
        if images.ndim != 4 or images.dtype != torch.float32:
            raise ValueError(
                f"images (shape {tuple(images.shape)}, {images.dtype}) must be (N, C, H, W) in float32: "
                "add the missing axis with [:, None], turn bytes into x.float() / 255"
            )
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            raise ValueError(
                f"labels (shape {tuple(labels.shape)}, {labels.dtype}) must be ({len(images)},) in int64, "
                "one for each image: use .long()"
            )
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
            raise ValueError(
                f"labels (from {int(labels.min())} to {int(labels.max())}) must lie from 0 to "
                f"{len(self.classes) - 1}: there are {len(self.classes)} classes"
            )

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def __repr__(self):
        size = "×".join(str(n) for n in self.images.shape[1:])
        return f"{self.name}, {self.origin}: {len(self)} images {size}, {len(self.classes)} classes"

    def to(self, device):
        """Return the same set with images and labels on `device`."""
        try:
            return replace(self, images=self.images.to(device), labels=self.labels.to(device))
        except (RuntimeError, TypeError, AssertionError) as error:
            raise ValueError(
                f"device (={device!r}) cannot be used here: {str(error).partition(chr(10))[0]}; "
                "use helpers.device.pick_device() to choose"
            ) from None

    def batches(self, batch_size, seed=0, shuffle=True):
        """Yield (images, labels) in batches until every image was given once; the last batch may be smaller.

        batch_size: images in a batch
        seed:       int, decides the order alone: equal seeds give equal orders, on every device. For a new order in each
                    epoch give seed + epoch
        shuffle:    False for the order of the set
        yields:     ((B, C, H, W), (B,)) on the set's device
        raises:     ValueError at once, before the first batch
        """
        whole("batch_size", batch_size, 1, why="give the number of images in a batch, such as 64")
        flag("shuffle", shuffle)
        order = permutation(len(self), seed) if shuffle else torch.arange(len(self))
        return (self[part] for part in order.to(self.images.device).split(batch_size) if len(part))

    def subset(self, n, seed=0):
        """Return n images of this set, equally many of each class (one more of the first classes where n leaves a rest).

        seed:    int, decides which; with the same seed a smaller subset lies within every larger one
        returns: ImageSet, in the order of this set
        raises:  ValueError where a class has too few images
        """
        whole("n", n, 1, why="give the number of images to keep")
        order, labels, count = permutation(len(self), seed), self.labels.cpu(), len(self.classes)
        keep = []
        for label, name in enumerate(self.classes):
            of_class = order[labels[order] == label]
            need = n // count + (label < n % count)
            if need > len(of_class):
                raise ValueError(
                    f"n (={n}) needs {need} images of class {name!r}, which has {len(of_class)}: ask for at "
                    f"most {int(torch.bincount(labels, minlength=count).min()) * count}"
                )
            keep.append(of_class[:need])
        return self.chosen(torch.cat(keep).sort().values)

    def split(self, n):
        """Return two sets: the first n images, and all the others; for shuffled data, as every set here is.

        raises: ValueError where one of them would be empty
        """
        whole("n", n, 1, len(self) - 1, f"both parts of the {len(self)} images need at least one")
        return self.chosen(torch.arange(n)), self.chosen(torch.arange(n, len(self)))

    def chosen(self, index):
        """Return the set of the images at `index`, a tensor of places or of True and False.

        raises: ValueError where it is neither, or a place is not in the set
        """
        numbers = isinstance(index, torch.Tensor) and index.dtype == torch.int64 and index.dim() == 1
        if numbers and len(index) and not -len(self) <= int(index.min()) <= int(index.max()) < len(self):
            raise ValueError(
                f"index (from {int(index.min())} to {int(index.max())}) must lie from 0 to {len(self) - 1}: "
                f"the set has {len(self)} images"
            )
        if not numbers and not (
            isinstance(index, torch.Tensor) and index.dtype == torch.bool and index.shape == (len(self),)
        ):
            raise ValueError(
                f"index (={index!r:.60}) must be a tensor of places, (n,) int64, or one of True and False for "
                f"each of the {len(self)} images"
            )
        images, labels = self[index.to(self.images.device)]
        return replace(self, images=images, labels=labels)


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


def shapes(n, seed=0, noise=0.15, size=32):
    """Return drawn colour shapes, ten classes of equal size, each at a random place, size, tilt and in two colours.

    n:       images; the classes differ by at most one
    seed:    int, decides everything
    noise:   standard deviation of the normal noise on every value; afterwards all are cut to 0 ... 1
    size:    side in pixels
    returns: ImageSet, images (n, 3, size, size)

    Place, size and colour say nothing about the class: only the form does.
    """
    whole("n", n, 1, why="give the number of images to draw")
    whole("size", size, 8, why="in fewer pixels the shapes cannot be told apart")
    whole("seed", seed, 0, 2**63 - 1, "it chooses the pictures")
    check_number("noise", noise, 0, 1, "values are from 0 to 1 themselves")
    generator = torch.Generator().manual_seed(seed)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    labels = torch.randperm(n, generator=generator) % 10
    radius = uniform(0.35, 0.6)
    x, y = uniform(-1, 1) * (0.9 - radius), uniform(-1, 1) * (0.9 - radius)
    inside = draw_shapes(labels, x, y, radius, tilt=uniform(-0.3, 0.3), size=size)[:, None]
    front, back = uniform(0, 1, 3, 1, 1), uniform(0, 1, 3, 1, 1)
    alike = (front - back).abs().amax(1, keepdim=True) < 0.35
    back = torch.where(alike, (front + 0.5) % 1, back)
    images = torch.where(inside, front, back) + noise * torch.randn(n, 3, size, size, generator=generator)
    return ImageSet(images.clamp(0, 1), labels, SHAPES, "Shapes", f"drawn with seed {seed} and noise {noise:g}")


def draw_shapes(labels, x, y, radius, tilt, size):
    """Return which pixels lie inside each shape.

    labels:  (N,) places in SHAPES
    x, y:    (N,) centre, from -1 (left, top) to 1 (right, bottom)
    radius:  (N,) half the shape's extent, in the same unit
    tilt:    (N,) radians, clockwise
    returns: (N, size, size) bool
    """
    centres = (torch.arange(size) + 0.5) / size * 2 - 1
    inside = torch.empty(len(labels), size, size, dtype=torch.bool)
    for label, name in enumerate(SHAPES):
        mine = (labels == label).nonzero().flatten()
        px, py, r, angle = (value[mine, None, None] for value in (x, y, radius, tilt))
        across, down = (centres - px) / r, (centres[:, None] - py) / r
        inside[mine] = in_shape(
            name, across * angle.cos() + down * angle.sin(), down * angle.cos() - across * angle.sin()
        )
    return inside


def in_shape(name, u, v):
    """Return where (u, v) lies inside the shape around (0, 0): u to the right and v down, in units of its radius."""
    around, square, diamond = (u**2 + v**2).sqrt(), torch.maximum(u.abs(), v.abs()), u.abs() + v.abs()
    match name:
        case "disk":
            return around < 1
        case "ring":
            return (around < 1) & (around > 0.55)
        case "square":
            return square < 0.85
        case "frame":
            return (square < 0.9) & (square > 0.5)
        case "triangle":
            return (v < 0.7) & (v > 2 * u.abs() - 1)
        case "plus":
            return (torch.minimum(u.abs(), v.abs()) < 0.28) & (square < 1)
        case "cross":
            return in_shape("plus", (u + v) / 2**0.5, (u - v) / 2**0.5)
        case "diamond":
            return diamond < 1.05
        case "bars":
            return ((u.abs() - 0.5).abs() < 0.25) & (v.abs() < 0.9)
        case "crescent":
            return (around < 1) & ((u - 0.45) ** 2 + v**2 > 0.6)


def photographs():
    """Return the names of the shipped photographs, a tuple."""
    return tuple(PHOTOGRAPHS)


def photograph(name, size=None):
    """Return one shipped photograph.

    name:    one of photographs(): "astronaut", "camera" (grey, given as three equal channels), "cat", "coffee", "rocket"
    size:    None for the file's own size, or the side of a square: the shorter side is resized to it, smoothed where it
             shrinks, and the middle is cut out
    returns: (3, H, W) or (3, size, size) float32, from 0 to 1
    raises:  ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one
    """
    data = read("photographs/" + PHOTOGRAPHS[check_choice("name", name, PHOTOGRAPHS)])
    if size is not None:
        whole("size", size, 1, 4096, "give the side of the square in pixels")
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data)) as file:
        image = torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1).contiguous().float() / 255
    if size is None:
        return image
    height, width = image.shape[1:]
    height, width = (round(side * size / min(height, width)) for side in (height, width))
    image = F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
    top, left = (height - size) // 2, (width - size) // 2
    return image[:, top : top + size, left : left + size].contiguous()


def text(name="alice"):
    """Return a shipped public-domain text, str: "alice" is Alice's Adventures in Wonderland, Lewis Carroll, 1865.

    148,476 characters, all of them ASCII, lines of at most 72.
    raises: ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one
    """
    return read(TEXTS[check_choice("name", name, TEXTS)]).decode("ascii")


def shift(images, dx, dy, fill=0.0):
    """Move pictures by whole pixels; what leaves on one side is lost.

    images:  an ImageSet, or a tensor (..., H, W)
    dx, dy:  int, pixels to the right and down; negative to the left and up
    fill:    the value of the pixels left empty, or "edge" to repeat the border into them
    returns: as `images`
    raises:  ValueError where a picture would leave altogether
    """
    if isinstance(images, ImageSet):
        return replace(
            images, images=shift(images.images, dx, dy, fill), origin=f"{images.origin}, moved by ({dx}, {dy})"
        )
    if not isinstance(images, torch.Tensor) or images.dim() < 2:
        raise ValueError(f"images (a {type(images).__name__}) must be an ImageSet, or a tensor (..., H, W)")
    height, width = images.shape[-2:]
    whole("dx", dx, 1 - width, width - 1, f"the picture, {width} wide, would leave altogether")
    whole("dy", dy, 1 - height, height - 1, f"the picture, {height} high, would leave altogether")
    if fill != "edge" and (isinstance(fill, bool) or not isinstance(fill, (int, float))):
        raise ValueError(f'fill (={fill!r}) must be a number or "edge"')
    rows = torch.arange(height, device=images.device)[:, None] - dy
    cols = torch.arange(width, device=images.device) - dx
    moved = images[..., rows.clamp(0, height - 1), cols.clamp(0, width - 1)]
    if fill == "edge":
        return moved
    empty = (rows < 0) | (rows >= height) | (cols < 0) | (cols >= width)
    return moved.masked_fill(empty, fill)


# Files: where they are, whether they are whole.

FULL_FASHION = tuple(
    f"full/FashionMNIST/raw/{part}-{kind}-ubyte"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)


def folder():
    """Return the folder of the data: COURSE_DATA, or data/ beside helpers/."""
    return Path(os.environ.get("COURSE_DATA") or Path(__file__).resolve().parents[1] / "data")


def read(name):
    """Return the bytes of a file in data/, once they are found to be exactly those listed in checksums.txt.

    raises: FileNotFoundError, ValueError, which name the file, what is wrong with it and what to do
    """
    size, checksum = expected(name)
    data = file_bytes(name)
    if len(data) < size:
        raise ValueError(f"{folder() / name} is cut short: it holds {len(data)} bytes of {size}. {remedy(name)}")
    if len(data) > size or hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(
            f"{folder() / name} is damaged: its {len(data)} bytes are not the {size} that checksums.txt "
            f"lists, by their sha256. {remedy(name)}"
        )
    return data


def file_bytes(name):
    """Return the bytes of a file in data/, unverified."""
    path = folder() / name
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing. {remedy(name)}") from None


def expected(name):
    """Return (size in bytes, sha256) of a file, as checksums.txt lists them."""
    lines = [line.split() for line in file_bytes("checksums.txt").decode("ascii", "replace").splitlines()]
    sizes = [words[2] for words in lines if words[:2] == ["#", "size"] and words[3:] == [name]]
    sums = [words[0] for words in lines if words[1:] == [name]]
    if len(sizes) != 1 or len(sums) != 1 or not sizes[0].isdecimal():
        raise ValueError(
            f"{folder() / 'checksums.txt'} is damaged: it must list the size and the sha256 of {name} once. "
            f"{remedy('checksums.txt')}"
        )
    return int(sizes[0]), sums[0]


def remedy(name):
    """Return what to do about a missing or damaged file."""
    if name.startswith("full/"):
        return (
            "The whole Fashion-MNIST is not shipped: use the subset with full=False, or delete what is left of this file "
            f"and fetch it, with `python data/make_data.py --full --out {folder()}`, or with torchvision's "
            f"FashionMNIST({str(folder() / 'full')!r}, download=True)"
        )
    words = f"Restore it with `git checkout -- data/{name}`, or rebuild it with `python data/make_data.py`"
    if os.environ.get("COURSE_DATA"):
        words += "; or unset COURSE_DATA, which points there, to use the course's own data/"
    return words


def unzipped(name):
    """Return the content of a gzip file in data/."""
    return gzip.decompress(read(name))


def idx(name):
    """Return a gzipped file in the idx format (two zero bytes, type 8 for bytes, axes, their sizes, values) as uint8."""
    data = unzipped(name)
    axes = data[3]
    shape = [int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * axes).reshape(shape)


def full_fashion_mnist(part):
    """Return the whole Fashion-MNIST, read by torchvision from data/full/, after its files were verified."""
    for name in FULL_FASHION:
        read(name)
    from torchvision.datasets import FashionMNIST

    full = FashionMNIST(folder() / "full", train=part == "train", download=False)
    return ImageSet(
        full.data[:, None].float() / 255, full.targets.long(), FASHION, "Fashion-MNIST", f"full set, {part}"
    )


# Arguments: what they must be, said with their names and values.


def permutation(n, seed):
    """Return the numbers below n in the order that `seed` decides; drawn on the CPU, so the device does not matter."""
    whole("seed", seed, 0, 2**63 - 1, "it chooses the order")
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def flag(name, value):
    """Raise ValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} (={value!r}) must be True or False")
