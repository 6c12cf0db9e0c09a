"""Pictures with their labels, all in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from helpers.checks import check_tensor, whole


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


def permutation(n, seed):
    """Return the numbers below n in the order that `seed` decides; drawn on the CPU, so the device does not matter."""
    whole("seed", seed, 0, 2**63 - 1, "it chooses the order")
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def flag(name, value):
    """Raise ValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} (={value!r}) must be True or False")
