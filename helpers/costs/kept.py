"""The user's model during the pass: its weights are shapes, all else is as it was, and all is put back afterwards."""

import random
import sys
from collections import OrderedDict, deque
from contextlib import ExitStack, contextmanager
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from unittest import mock

import torch
from torch import nn

from helpers.costs.rules import META

PLAIN = frozenset(
    [int, float, bool, str, bytes, tuple, type(None), torch.Size, torch.dtype, torch.device, range, slice]
)
PASSED_BY = (torch.Tensor, ModuleType, CodeType, type, torch._C.ScriptModule)
EMPTIED, REGISTERS = frozenset([dict, OrderedDict, set]), frozenset(["_parameters", "_buffers", "_modules"])
FAR = 4  # how deep lists, dictionaries and plain objects are followed
FEW = 64
LONG = 1000  # containers with more are kept, but what they hold is not looked at


class Kept:
    """What was in the modules' attributes, and in the lists, dictionaries, sets and objects that they and hooks hold.

    Only what is in them is kept, not a copy of it: the weights are never touched, tensors are watched by the recorder.
    """

    def __init__(self, model):
        self.names = {module: name for name, module in model.named_modules()}
        self.modules = [*self.names]
        self.seen, self.before, self.attributes = dict(zip(map(id, self.modules), self.modules)), [], []
        self.empty, self.generators = [], []
        for module in self.modules:
            self.keep_module(module)

    def keep_module(self, module):
        """Keep a module's attributes: of the many containers that every module has, most are empty."""
        inside = module.__dict__
        before = inside.copy()
        self.attributes.append((module, type(module), inside, before))
        for name, value in before.items():
            kind = type(value)
            if kind in PLAIN:
                continue
            if kind in EMPTIED and not value:
                self.empty.append(value)
            elif name in REGISTERS and kind is dict:
                self.before.append((value, value.copy()))
            else:
                self.look(value, FAR)

    def look(self, value, far):
        """Keep what is in a value, and in what it holds."""
        if type(value) in PLAIN or id(value) in self.seen or isinstance(value, PASSED_BY):
            return
        self.seen[id(value)] = value
        inside = ()
        if isinstance(value, (list, dict, set, deque)):
            inside = dict.values(value) if isinstance(value, dict) else value
            self.before.append((value, value.copy() if type(value) in (list, dict, set) else [*items_of(value)]))
        elif isinstance(value, nn.Module):
            for module in [m for m in value.modules() if m is value or id(m) not in self.seen]:
                self.seen[id(module)] = module
                self.keep_module(module)
        elif isinstance(value, torch.Generator):
            self.generators.append((value, value.get_state()))
        elif isinstance(value, MethodType):
            inside = (value.__self__, value.__func__)
        elif isinstance(value, partial):
            inside = (value.func, *value.args, *value.keywords.values())
        elif isinstance(value, FunctionType):
            inside = [*named_by(value)]
        elif hasattr(value, "__dict__"):
            self.before.append((value.__dict__, value.__dict__.copy()))
            inside = value.__dict__.values()
        if far > 0 and len(inside) <= LONG:
            for part in [*inside]:
                if type(part) not in PLAIN:
                    self.look(part, far - 1)

    def put_back(self):
        for module, kind, inside, before in self.attributes:
            if type(module) is not kind:  # a lazy layer that saw its first input
                module.__class__ = kind
            inside.clear()
            inside.update(before)
        for container in self.empty:
            if container:
                container.clear()
        for container, contents in self.before:
            put_back(container, contents)
        for generator, state in self.generators:
            generator.set_state(state)


def items_of(container):
    return dict.items(container) if isinstance(container, dict) else container


def named_by(function):
    """Yield the containers that a function (a hook, say) reaches by name: in its closure and its module."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            pass
    for name in function.__code__.co_names:
        if isinstance(function.__globals__.get(name), (list, dict, set, deque)):
            yield function.__globals__[name]


def put_back(container, contents):
    """Let a container hold again what it held; one that did not change is left alone."""
    if isinstance(container, dict):
        contents = contents if isinstance(contents, dict) else dict(contents)
        kind = OrderedDict if isinstance(container, OrderedDict) else dict
        if [*container] != [*contents] or any(a is not b for a, b in zip(dict.values(container), contents.values())):
            kind.clear(container)
            kind.update(container, contents)
    elif len(container) != len(contents) or any(a is not b for a, b in zip(container, contents)):
        container.clear()
        (container.update if isinstance(container, set) else container.extend)(contents)


@contextmanager
def random_states():
    """Within, random numbers may be drawn: torch's, Python's and numpy's generators are put back."""
    numpy = sys.modules.get("numpy")
    states = random.getstate(), numpy and numpy.random.get_state()
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        random.setstate(states[0])
        if numpy:
            numpy.random.set_state(states[1])


class Twins(dict):
    """For each weight a tensor of its shape on meta, of the same class and with the same attributes."""

    def __init__(self, names):
        self.originals, self.names = [], names

    def pairs(self):
        """Return the twins of buffers and of small weights, each with its original, where the numbers may be asked for."""
        small = [
            t
            for t in self.originals
            if not isinstance(t, nn.Parameter) or t.numel() <= FEW and not nn.parameter.is_lazy(t)
        ]
        return [(self[id(tensor)], tensor) for tensor in small]

    def of(self, tensor):
        kind = type(tensor)
        lazy = kind not in (nn.Parameter, torch.Tensor) and nn.parameter.is_lazy(tensor)
        if tensor is None or tensor.is_meta and not lazy:
            return tensor
        if id(tensor) not in self:
            if lazy:
                with torch.inference_mode():  # as what it is given once it sees its first input
                    twin = kind(requires_grad=tensor.requires_grad, device=META, dtype=tensor.dtype)
            else:
                twin = torch.empty_like(tensor, device=META, requires_grad=False)
                if kind is not torch.Tensor:
                    twin = torch.Tensor._make_subclass(kind, twin, tensor.requires_grad)
                twin.__dict__.update(tensor.__dict__)
            self[id(tensor)] = twin
            self.originals.append(tensor)
        return self[id(tensor)]


@contextmanager
def on_meta(model, training=False):
    """Within, the model's weights are shapes alone, and it is in eval mode, or train mode. A weight that two layers share stays shared."""
    kept, scripted = Kept(model), []
    twins = Twins(kept.names)
    try:
        with random_states():
            for module in kept.modules:
                if isinstance(module, torch.jit.ScriptModule):  # keeps its attributes elsewhere
                    names = ["training", *module._parameters.keys(), *module._buffers.keys()]
                    for name in filter(module._c.hasattr, names):
                        was = module._c.getattr(name)
                        scripted.append((module._c, name, was))
                        module._c.setattr(name, training if name == "training" else twins.of(was))
                    continue
                inside = module.__dict__
                inside["training"] = training
                for tensors in (inside["_parameters"], inside["_buffers"]):
                    for name, tensor in tensors.items():
                        if tensor is not None:
                            tensors[name] = twins.of(tensor)
                if "_flat_weights" in inside:  # nn.LSTM and its kin keep a second list of their weights
                    inside["_flat_weights"] = [twins.of(weight) for weight in inside["_flat_weights"]]
            yield twins
    finally:
        for place, name, was in scripted:
            place.setattr(name, was)
        kept.put_back()


@contextmanager
def as_written():
    """Within, what torch.compile was asked to compile runs as it is written, and flex attention as the plain one."""
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        if flex := sys.modules.get("torch.nn.attention.flex_attention"):  # whose kernels do not run on shapes alone
            stack.enter_context(mock.patch.object(flex, "flex_attention_hop", plain_attention))
            stack.enter_context(mock.patch.object(flex, "_validate_device", lambda *_: None))
        if masks := sys.modules.get("torchvision.models.detection.transform"):  # asks where each box is
            stack.enter_context(mock.patch.object(masks, "paste_masks_in_image", not_pasted))
        yield


def not_pasted(masks, boxes, image_shape, padding=1):
    return masks.new_empty(len(masks), 1, *image_shape)


def plain_attention(q, k, v, *_, **__):
    """Attention in which neither a block mask nor a change of the scores counts."""
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    return out, q.new_empty(q.shape[:-1]), q.new_empty(q.shape[:-1])


@contextmanager
def deeper():
    """Within, calls may be nested as deep as they may without the recorder, which adds its own to each."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(2 * before)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
