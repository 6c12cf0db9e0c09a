"""What training needs: memory for weights, gradients, the optimizer's state, and the values kept for the backward pass."""

from typing import NamedTuple

import torch

from helpers.costs.inputs import DEFAULT, Inputs, check_model
from helpers.costs.kept import as_written, on_meta

STATES = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adagrad": 1, "adam": 2, "adamw": 2}  # tensors of a weight's size


class Training(NamedTuple):
    """Bytes. An estimate: without what kernels need for themselves, and memory that lies idle."""

    weights: int  # and buffers
    gradients: int
    optimizer: int
    activations: int  # kept for the backward pass, the input too
    passing: int  # the gradient on its way: as large as the largest of them

    @property
    def total(self):
        return sum(self)

    def __repr__(self):
        parts = ", ".join(
            f"{name} {value / 2**20:,.1f}" for name, value in [*self._asdict().items(), ("total", self.total)]
        )
        return f"Memory to train with, MiB, an estimate: {parts}"


def training_memory(model, input_shape=DEFAULT, optimizer="adam", **inputs):
    """Return what one step of training needs, with the batch size that the shape begins with.

    model, input_shape, inputs: as of cost_table;  optimizer: one of STATES
    returns: Training
    raises:  ValueError for another optimizer, or an input that the network does not take

    The network runs once on meta in train mode, and torch's own record of what the backward pass needs is added up.
    """
    check_model(model)
    if optimizer not in STATES:
        raise ValueError(f"optimizer (={optimizer!r}) must be one of {', '.join(STATES)}")
    given, kept = Inputs(model, input_shape, inputs), {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage, tensor
        return tensor

    with on_meta(model, training=True), as_written():
        weights = [*model.parameters(), *model.buffers()]
        learned = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            try:
                out = model(*given.args, **given.named)
            except RuntimeError as error:
                raise ValueError(f"model ({type(model).__name__}) cannot take this input: {error}") from None
        own = {weight.untyped_storage()._cdata for weight in weights}
        sizes = [storage.nbytes() for place, (storage, _) in kept.items() if place not in own]
        del out
    held = sum(weight.numel() * weight.element_size() for weight in weights)
    return Training(held, learned, STATES[optimizer] * learned, sum(sizes), max(sizes, default=0))
