"""The numbers that do not depend on the input: lengths, masks, positions, buffers.

A cost table has shapes alone. Where a network asks for numbers nevertheless (a loop over a buffer, a mask that is compared), it
runs once more, and tensors made of constants, buffers and inputs that were given with numbers are computed beside their shapes.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from helpers.costs.rules import META

MOST = 2**20  # tensors with more numbers have shapes alone


LEAVING = torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.__array__
MAKERS = torch.tensor, torch.as_tensor, torch.asarray
INDEXED = torch.Tensor.__getitem__, torch.Tensor.__setitem__


class Values(TorchFunctionMode):
    def __init__(self, pairs, keeps_all=False):
        """pairs: tensors on meta, each with the one that has its numbers; keeps_all: see keep_all"""
        super().__init__()
        self.keeps_all, self.kept_all = keeps_all, False
        self.known = {}
        for shape, numbers in pairs:
            if numbers.numel() <= MOST and not numbers.is_meta:
                self.known[id(shape)] = shape, numbers.detach().to("cpu", copy=True)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Make tensors from Python's numbers first, and take them to meta then: torch forgets them at once."""
        kwargs = kwargs or {}
        if function in MAKERS and kwargs.get("device") is not None:
            return function(*args, **kwargs | {"device": "cpu"}).to(kwargs["device"])
        if function in LEAVING and id(args[0]) in self.known:
            return function(self.known[id(args[0])][1], *args[1:], **kwargs)
        if function is torch.Tensor.new_tensor and args[0].is_meta:
            return torch.tensor(args[1], **{"dtype": args[0].dtype} | kwargs | {"device": "cpu"}).to(META)
        if function in INDEXED and args[0].is_meta:
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            args = args[0], tuple(as_tensor(place) for place in places), *args[2:]
        return function(*args, **kwargs)

    def numbers(self, args, kwargs):
        """Return an operator's inputs with numbers; None where one has none."""
        missing = False

        def real(value):
            nonlocal missing
            if isinstance(value, torch.Tensor) and value.is_meta:
                found = self.known.get(id(value))
                missing |= found is None
                return found and found[1]
            return torch.device("cpu") if isinstance(value, torch.device) else value

        found = tree_map(real, (args, kwargs))
        return None if missing else found

    def follow(self, operator, args, kwargs, out):
        """Compute what an operator gives, beside its shape, where its inputs have numbers and they are not too many."""
        outs = [x for x in tree_leaves(out) if isinstance(x, torch.Tensor)]
        if not outs or any(x.numel() > MOST for x in outs):
            return self.forget(operator, args)
        inputs = self.numbers(args, kwargs)
        if inputs is None:
            return self.forget(operator, args)
        try:
            results = [x for x in tree_leaves(operator(*inputs[0], **inputs[1])) if isinstance(x, torch.Tensor)]
        except (RuntimeError, TypeError, ValueError, IndexError):
            return self.forget(operator, args)
        for shape, numbers in zip(outs, results):
            if shape.is_meta:
                self.known[id(shape)] = shape, numbers

    def forget(self, operator, args):
        """What is written over by unknown numbers is not known any longer, nor is what shares its memory."""
        if operator._schema.is_mutable and args and id(args[0]) in self.known:
            place = self.known[id(args[0])][1].untyped_storage().data_ptr()
            self.known = {i: pair for i, pair in self.known.items() if pair[1].untyped_storage().data_ptr() != place}

    def answer(self, operator, args, kwargs):
        """Return what an operator gives that torch cannot run on meta, since it asks for numbers; NotImplemented where they are unknown."""
        inputs = self.numbers(args, kwargs)
        if inputs is None:  # such as a mask with numbers that chooses among shapes
            mixed = tree_map(lambda x: self.known[id(x)][1] if id(x) in self.known else x, (args, kwargs))
            try:
                return operator(*mixed[0], **mixed[1])
            except RuntimeError:
                out = keep_all(str(operator.overloadpacket), operator, args) if self.keeps_all else NotImplemented
                self.kept_all |= out is not NotImplemented
                return out
        to_cpu = kwargs.get("device") is not None and kwargs["device"].type == "cpu"

        def shaped(value):
            if not isinstance(value, torch.Tensor) or to_cpu:
                return value
            shape = torch.empty_like(value, device="meta")
            self.known[id(shape)] = shape, value
            return shape

        return tree_map(shaped, operator(*inputs[0], **inputs[1]))


def as_tensor(place):
    """Make a tensor of an index that is a list of numbers, before torch does, which takes it to meta unseen; leave any other."""
    if isinstance(place, list) and place and all(isinstance(each, (bool, int)) for each in place):
        return torch.tensor(place).to(META)
    return place


def keep_all(name, operator, args):
    """Choose by no numbers: a detector's boxes are all kept, as far as its own limits go, and are of one class and one pixel."""

    def chosen(mask):
        return [torch.empty(mask.numel(), dtype=torch.long, device=META) for _ in range(mask.dim())]

    if name in ("aten.nonzero", "aten.where"):
        found = chosen(args[0])
        return tuple(found) if name == "aten.where" else torch.stack(found, 1)
    if name == "aten.index":
        masks = [[part] if part is None or part.dtype != torch.bool else chosen(part) for part in args[1]]
        return operator(args[0], [part for parts in masks for part in parts])
    if name == "torchvision.nms":
        return chosen(args[1])[0]
    if name in ("aten.item", "aten._local_scalar_dense"):
        return 1 if not args[0].is_floating_point() else 1.0
    if name == "aten._unique2":
        return tuple(args[0].new_empty(1) for _ in range(3))
    return NotImplemented
