"""What training needs: memory for weights, gradients, the optimizer's state, and the values kept for the backward pass."""

from typing import NamedTuple

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers.checks import check_choice
from helpers.costs.inputs import DEFAULT, Inputs, check_model
from helpers.costs.kept import as_written, on_meta

STATES = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adagrad": 1, "adam": 2, "adamw": 2}  # tensors of a weight's size


class Training(NamedTuple):
    """Bytes. An estimate: without what kernels need for themselves, and memory that lies idle."""

    weights: int  # and buffers
    gradients: int
    optimizer: int
    activations: int  # kept for the backward pass, the input too
    passing: int  # gradients on their way through the network, where these hold the most

    @property
    def total(self):
        return sum(self)

    def __repr__(self):
        parts = ", ".join(
            f"{name} {value / 2**20:,.1f}" for name, value in [*self._asdict().items(), ("total", self.total)]
        )
        return f"Memory to train with, MiB, an estimate: {parts}"


class Alive(TorchDispatchMode):
    """Adds up the memory of the tensors that are alive after each operator: `peak`, bytes."""

    def __init__(self, tensors):
        super().__init__()
        self.alive, self.peak = {}, 0
        self.see(tensors)

    def see(self, tensors):
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self.alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.alive = {place: pair for place, pair in self.alive.items() if not pair[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        out = operator(*args, **(kwargs or {}))
        self.see([x for x in tree_leaves(out) if isinstance(x, torch.Tensor)])
        return out


def training_memory(model, input_shape=DEFAULT, optimizer="adam", **inputs):
    """Return what one step of training needs, with the batch size that the shape begins with.

    model, input_shape, inputs: as of cost_table;  optimizer: one of STATES
    returns: Training
    raises:  ValueError for another optimizer, or an input that the network does not take

    The network runs forward and back once on meta in train mode: torch's own record of what the backward pass needs is added
    up, and so is all that is alive after each operator. Where an operator has no backward pass on meta, the gradient on its way
    is taken to be as large as the largest activation. Some kernels keep more than that record: on a CPU oneDNN's LSTM about twice.
    """
    check_model(model)
    check_choice("optimizer", optimizer, STATES)
    given, kept = Inputs(model, input_shape, inputs), {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage, tensor
        return tensor

    with on_meta(model, training=True), as_written():
        weights = [*model.parameters(), *model.buffers()]
        learned = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
        held = sum(weight.numel() * weight.element_size() for weight in weights)
        alive = Alive([*weights, *(x for x in tree_leaves((given.args, given.named)) if isinstance(x, torch.Tensor))])
        with torch.enable_grad(), alive:
            try:
                with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                    out = model(*given.args, **given.named)
            except RuntimeError as error:
                raise ValueError(f"model ({type(model).__name__}) cannot take this input: {error}") from None
            own = {weight.untyped_storage()._cdata for weight in weights}
            sizes = [storage.nbytes() for place, (storage, _) in kept.items() if place not in own]
            kept.clear()
            passing = max(sizes, default=0)
            try:
                sum(x.sum() for x in tree_leaves(out) if isinstance(x, torch.Tensor) and x.requires_grad).backward()
                passing = max(passing, alive.peak - held - learned - sum(sizes))
            except (RuntimeError, AttributeError):  # nothing to go back through, or not on meta
                pass
        del out
    return Training(held, learned, STATES[optimizer] * learned, sum(sizes), passing)
