"""What is done with a batch: a step is a function from model and batch to a loss and what is to be recorded."""

import torch
import torch.nn.functional as F

from helpers.data import ImageSet

RESERVED = ("epoch", "loss")  # names that each row has of its own


def default_loss(outputs, y):
    """Return the mean cross-entropy, in nats, for whole-number targets y; else the mean squared error.

    outputs: (..., classes) for y (...) int64; as many numbers as y for other targets
    returns: scalar
    """
    if y.dtype == torch.int64:
        return F.cross_entropy(outputs.flatten(0, -2), y.flatten())
    return F.mse_loss(outputs.reshape(y.shape), y)


def classify(loss=default_loss, augment=None):
    """Return the default step: predict, and compare with the targets.

    loss:    maps (outputs, y) to a scalar
    augment: None, or a function from a batch of inputs to a batch of inputs
    returns: a step for batches (x, y), which records the share of right answers as "train" where y are class numbers
    """

    def step(model, batch):
        x, y = batch
        outputs = model(augment(x) if augment else x)
        value = loss(outputs, y)
        if not isinstance(outputs, torch.Tensor) or y.dtype != torch.int64 or outputs.shape[:-1] != y.shape:
            return value
        return value, {"train": (outputs.argmax(-1) == y).sum().item() / y.numel()}

    return step


def measured(answer):
    """Return what a step answered as (loss, {name: value}); the values no longer belong to the graph.

    raises: ValueError unless it is a scalar tensor with a gradient, or a pair of it and a dict of numbers
    """
    loss, recorded = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, {})
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        what = f"shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else f"a {type(loss).__name__}"
        raise ValueError(
            f"the step's loss ({what}) must be one number computed from the model's weights, with a gradient: "
            "return loss, or (loss, {name: value}), and take the mean of several numbers"
        )
    return loss.reshape(()), numbers("the step", recorded)


def numbers(who, recorded):
    """Return {name: float}; raise ValueError for what cannot be averaged, or has the name of something else."""
    if not isinstance(recorded, dict) or not all(isinstance(name, str) for name in recorded):
        raise ValueError(f'{who} recorded {recorded!r:.60}: return a dict of names and numbers, {{"name": value}}')
    for name in RESERVED:
        if name in recorded:
            raise ValueError(f"{who} recorded {name!r}, which each row has of its own: choose another name")
    try:
        values = {
            name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in recorded.items()
        }
        return {name: float(value) for name, value in values.items()}
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{who} recorded {recorded!r:.60}: each value must be one number") from None


def check_model(model):
    """Raise ValueError unless the model is a network with parameters."""
    if not isinstance(model, torch.nn.Module) or next(model.parameters(), None) is None:
        raise ValueError(
            f"model (a {type(model).__name__}) must be an nn.Module with parameters, such as nn.Linear(2, 3)"
        )


@torch.no_grad()
def accuracy(model, data, batch_size=500):
    """Return the share of examples whose largest output is at their label.

    model:   maps x to (N, classes), or (N, T, classes); in eval mode for the count, then as before
    data:    an ImageSet, or a pair of tensors: x, and labels (N,) or (N, T) in int64
    returns: float from 0 to 1
    raises:  ValueError for an empty set
    """
    from helpers.training.batches import TensorBatches, is_labelled

    check_model(model)
    if not is_labelled(data):
        raise ValueError(
            f"data (a {type(data).__name__}) must be an ImageSet, or tensors (x, labels): see helpers.data"
        )
    if len(data if isinstance(data, ImageSet) else data[1]) == 0:
        raise ValueError("data (=empty) must hold at least one image: accuracy is a share of the images")
    mode, device, right, count = model.training, next(model.parameters()).device, 0, 0
    model.eval()
    sets = data if isinstance(data, ImageSet) else TensorBatches(data)
    for x, labels in sets.batches(batch_size, shuffle=False):
        right += (model(x.to(device)).argmax(-1) == labels.to(device)).sum().item()
        count += labels.numel()
    model.train(mode)
    return right / count
