"""Data under a seed: anything that gives the same batches again for the same seed, epoch by epoch, from any step on."""

import random

import torch

from helpers.checks import whole
from helpers.data import ImageSet, permutation


def mix(*parts):
    """Return one seed, an int below 2**32, for several numbers and words.

    Sums will not do: with seed + epoch, seed 0 has in epoch 1 the order that seed 1 has in epoch 0.
    """
    return random.Random(repr(parts)).getrandbits(32)


class TensorBatches:
    """Tensors of one length, such as (x, y), in batches; the interface is that of ImageSet."""

    def __init__(self, data):
        self.tensors = data

    def __len__(self):
        return len(next(iter(tensors_in(self.tensors))))

    def to(self, device):
        return TensorBatches(moved(self.tensors, device))

    def batches(self, batch_size, seed=0, shuffle=True):
        order = permutation(len(self), seed) if shuffle else torch.arange(len(self))
        for part in order.split(batch_size):
            yield mapped(self.tensors, lambda tensor: tensor[part.to(tensor.device)])


class SetEpochs:
    """A set of examples: each epoch gives every one of them once, in an order of its own."""

    def __init__(self, data, batch_size, device):
        whole("batch_size", batch_size, 1, len(data), "the set holds no more examples")
        self.data, self.batch_size = data.to(device), batch_size
        self.steps = -(-len(data) // batch_size)

    def epoch(self, seed, epoch, done):
        batches = self.data.batches(self.batch_size, seed=mix(seed, "order of epoch", epoch))
        return (batch for number, batch in enumerate(batches) if number >= done)


class DrawnEpochs:
    """A function that draws a batch from a torch.Generator: each step draws with a seed of its own."""

    def __init__(self, draw, steps, device):
        self.draw, self.steps, self.device = draw, steps, device

    def epoch(self, seed, epoch, done):
        for number in range(done, self.steps):
            generator = torch.Generator().manual_seed(mix(seed, "batch", epoch * self.steps + number))
            yield moved(self.draw(generator), self.device)


def make_epochs(data, batch_size, steps, device):
    """Return data with `steps`, how many make an epoch, and epoch(seed, epoch, done), the batches of one from a step on.

    data:    an ImageSet; tensors of one length, (x, y) or a dict; or a function from a torch.Generator to a batch
    steps:   None, or for a function how many steps make an epoch
    raises:  ValueError for data that is neither, or steps where they do not belong
    """
    if callable(data) and not isinstance(data, torch.Tensor):
        whole("steps", steps, 1, why="data is a function that draws batches without end, so say how many make an epoch")
        return DrawnEpochs(data, steps, device)
    if steps is not None:
        raise ValueError(
            f"steps (={steps!r}) is for data that is drawn by a function: a set has its own number of them"
        )
    if isinstance(data, ImageSet):
        return SetEpochs(data, batch_size, device)
    if is_tensors(data):
        return SetEpochs(TensorBatches(data), batch_size, device)
    raise ValueError(
        f"data (a {type(data).__name__}) must be an ImageSet (see helpers.data), tensors of one length, such as (x, y),"
        " or a function from a torch.Generator to a batch"
    )


def is_tensors(data):
    """Return whether data is a tensor, or a tuple, list or dict of tensors, all of one length above 0."""
    parts = list(tensors_in(data)) if isinstance(data, (torch.Tensor, tuple, list, dict)) else []
    return bool(parts) and all(part.dim() and len(part) == len(parts[0]) > 0 for part in parts)


def is_labelled(data):
    """Return whether data is an ImageSet, or a pair of tensors (x, labels) of one length."""
    pair = isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(part, torch.Tensor) for part in data)
    return isinstance(data, ImageSet) or (
        pair and data[1].dtype == torch.int64 and data[0].dim() > 0 < data[1].dim() and len(data[0]) == len(data[1])
    )


def tensors_in(batch):
    """Yield the tensors of a batch: a tensor, or tuples, lists and dicts of them; whatever else is left out."""
    if isinstance(batch, torch.Tensor):
        yield batch
    elif isinstance(batch, (tuple, list, dict)):
        for part in batch.values() if isinstance(batch, dict) else batch:
            yield from tensors_in(part)


def mapped(batch, change):
    """Return the batch with each of its tensors changed, and all else as it is."""
    if isinstance(batch, torch.Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return {name: mapped(part, change) for name, part in batch.items()}
    if isinstance(batch, (tuple, list)):
        parts = [mapped(part, change) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def moved(batch, device):
    """Return the batch with its tensors on the device."""
    return mapped(batch, lambda tensor: tensor.to(device))


def size_of(batch):
    """Return how many examples a batch holds: the length of its first tensor; 1 where there is none."""
    return next((len(tensor) for tensor in tensors_in(batch) if tensor.dim()), 1)
