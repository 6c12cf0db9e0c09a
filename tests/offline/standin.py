"""A stand-in for a second device, so that a tensor that was left behind is seen where there is no GPU.

Everything stays on the CPU. What is moved to the chapter's device, or made there, is marked; the mark goes on to whatever is
computed from it, in the backward pass too; and where something marked meets something that is not, it is refused as CUDA would
refuse it. Like CUDA it lets pass a number of the CPU (a tensor without dimensions), indices of the CPU, and copies from the one
to the other; it refuses .numpy(), and a generator of the other device.

The device is torch.device("cpu", 0), which torch tells from torch.device("cpu") by its index. The mark stands on the storage,
so that views share it. What a chapter computes in threads of its own is not watched.
"""

import functools

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
DEVICE = torch.device("cpu", 0)
ELSEWHERE = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
COPYING = {aten._has_compatible_shallow_copy_type, aten.copy_, aten._to_copy, aten._foreach_copy_}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
LENGTHS = {aten._pack_padded_sequence}  # which are of the CPU everywhere
NO_NUMBERS = {aten.cat, aten.stack}  # even a number must be on the same device
MAKING = (
    "tensor as_tensor asarray from_numpy zeros ones empty full rand randn randint randperm normal arange linspace"
    " logspace eye tril_indices triu_indices"
).split()
generators = {}  # those of the stand-in, by the address of what torch wraps anew at each call


def is_there(value):
    """Return whether a device is the stand-in, or a tensor marked as on it.

    None for what torch itself made within an operator that Python called: it says "cpu" where it means "as the others are",
    so it is taken for the device of the first that it meets. What Python makes is marked by made().
    """
    if isinstance(value, torch.Tensor):
        return value.layout is torch.strided and getattr(value.untyped_storage(), "is_there", False)
    return value == DEVICE if isinstance(value, torch.device) else value == str(DEVICE)


def tensors_in(*values):
    """Return the tensors among what an operator takes or gives, which is nested in lists and tuples at most."""
    found = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += tensors_in(*value)
    return found


def mark(value, there=True):
    for tensor in tensors_in(value):
        if tensor.layout is torch.strided and not tensor.is_meta:
            tensor.untyped_storage().is_there = there
    return value


class Operators(TorchDispatchMode):
    """Looks at every operator that computes, in the forward and in the backward pass."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, operator = kwargs or {}, function.overloadpacket
        tensors = tensors_in(*args, *kwargs.values())
        there = [is_there(tensor) for tensor in tensors]
        found = any(there)
        if found and None in there:
            there = [
                bool(is_there(mark(tensor) if on is None else tensor))
                for tensor, on in zip(tensors, there, strict=True)
            ]
        if found and not all(there) and operator not in COPYING | LENGTHS and not any(t.is_meta for t in tensors):
            if operator in INDEXING:  # the indices of a tensor there may be of the CPU, those of one of the CPU must be
                tensors = [args[0], *args[2:3]]
                there = [is_there(tensor) for tensor in tensors]
            strict = operator in NO_NUMBERS or not there[0] and (operator in INDEXING or function._schema.is_mutable)
            if any(not on and (strict or tensor.dim()) for tensor, on in zip(tensors, there, strict=True)):
                raise RuntimeError(f"{ELSEWHERE} (when {operator} was called, on the stand-in for a GPU)")
        out, device = function(*args, **kwargs), kwargs.get("device")
        if operator is aten.set_ and hasattr(out.untyped_storage(), "is_there"):
            pass  # another view of memory whose place is known, as in copy.deepcopy
        elif operator is aten.copy_ or operator is aten._foreach_copy_:
            if is_there(tensors[0]) is None:
                mark(tensors[0], found)
        elif is_there(device) or found and operator is not aten._to_copy or found and device is None:
            mark(out)
        elif all(on is None for on in there):
            mark(out, None)
        goes = is_there(device) or found
        if (generator := kwargs.get("generator")) is not None and (generator._cdata in generators) != goes:
            raise RuntimeError(f"Expected a generator of the tensor's device ({operator}, on the stand-in for a GPU)")
        return out


def to(move, tensor, *args, **kwargs):
    """torch's Tensor.to, which would copy at each move from "cpu" to "cpu:0": here it copies where the mark changes."""
    place = kwargs.pop("device", None) or kwargs.pop("other", None)
    if args and isinstance(args[0], (str, torch.device, torch.Tensor)):
        place, args = args[0], args[1:]
    if isinstance(place, torch.Tensor):
        args = (place.dtype, *args)
    if place is None or tensor.is_meta or torch.device(getattr(place, "device", place)).type != "cpu":
        return move(tensor, *([] if place is None else [place]), *args, **kwargs)
    out = move(tensor, None, *args, **kwargs) if args or kwargs else tensor
    goes = is_there(place)
    return out if is_there(out) == goes else mark(out.clone(), goes)


def no_array(convert, tensor, *args, **kwargs):
    if is_there(tensor):
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory"
            " first. (on the stand-in for a GPU)"
        )
    return convert(tensor, *args, **kwargs)


def made(make, *args, **kwargs):
    out = make(*args, **kwargs)
    device = kwargs.get("device")
    given = next((value for value in args if isinstance(value, torch.Tensor)), None)  # as_tensor of a tensor
    return mark(out, is_there(device) if device is not None else given is not None and is_there(given))


def printed(write, tensor, **kwargs):
    text = write(tensor, **kwargs)
    return f"{text[:-1]}, device='cuda:0')" if is_there(tensor) else text


class Generator(torch.Generator):
    """torch forgets the index of a generator's device, so it is written down."""

    def __new__(cls, device="cpu"):
        generator = super().__new__(cls, device=device)
        if is_there(torch.device(device)):
            generators[generator._cdata] = generator
        return generator

    @property
    def device(self):
        return DEVICE if self._cdata in generators else torch.device("cpu")


class StandIn:
    """While it is started, the course picks the stand-in as its device, and what is on it is watched."""

    def __init__(self):
        self.mode, self.undo = Operators(), []

    def put(self, owner, name, value):
        before = getattr(owner, name)
        self.undo.append(functools.partial(setattr, owner, name, before))
        setattr(owner, name, value)

    def start(self):
        from helpers import device

        with torch.device("meta"):
            torch.empty(0)  # here torch keeps which functions make tensors: those before they are replaced

        def around(owner, name, function):
            before = getattr(owner, name)
            self.put(owner, name, functools.wraps(before)(lambda *a, **k: function(before, *a, **k)))

        own = torch.Tensor.device
        self.put(device, "try_accelerator", lambda: (DEVICE, ""))
        self.put(torch.Tensor, "device", property(lambda tensor: DEVICE if is_there(tensor) else own.__get__(tensor)))
        around(torch.Tensor, "to", to)
        around(torch.Tensor, "cpu", lambda move, tensor, **more: torch.Tensor.to(tensor, "cpu", **more))
        around(torch.Tensor, "numpy", no_array)
        around(torch.Tensor, "__array__", no_array)
        around(torch.Tensor, "__repr__", printed)
        for name in MAKING:
            around(torch, name, made)
        self.put(torch, "Generator", Generator)
        self.mode.__enter__()
        return self

    def stop(self):
        self.mode.__exit__(None, None, None)
        for undo in reversed(self.undo):
            undo()
