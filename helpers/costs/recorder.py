"""The recorder: one pass on torch's meta device, in which every operator is counted and put down to its layer."""

import inspect
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from helpers.costs.kept import on_meta
from helpers.costs.rules import BYTES, FREE, LOWERED, MACS, META, RAISED, SILENT, WHOLE, WIDENED
from helpers.costs.shortcuts import PLAIN, SHORT, written_over
from helpers.costs.table import NO_WINDOW, CostTable, Row
from helpers.layers.recurrent import Recurrent


class Rule(NamedTuple):
    """What the recorder knows of one operator."""

    name: str
    macs: Callable | None  # formula, of part 1
    short: Callable | None  # short cut, of part 2
    works: bool  # yields new values
    known: bool  # counted, or known to be free


@cache
def rule_of(operator):
    """Look an operator up once."""
    space, name = operator._schema.name.split("::")
    if space != "aten":
        gives_tensor = any("Tensor" in str(result.type) for result in operator._schema.returns)
        return Rule(f"{space}.{name}", None, None, gives_tensor, not gives_tensor)
    plain = name.rstrip("_")  # relu_ is relu, written over its input
    short = SHORT.get(plain) if operator._overloadname in PLAIN else None
    if short is not None and name != plain:
        short = written_over(short)
    if plain in MACS:
        return Rule(plain, MACS[plain], short, True, True)
    silent = operator.is_view or plain in SILENT
    free = silent or plain in FREE or any(torch.Tag.pointwise in form.tags for form in forms(operator, plain))
    return Rule(plain, None, short, not silent, free)


def forms(operator, plain):
    """Return the operator and the forms of it that do not write over their input, which carry torch's marks."""
    packet = getattr(torch.ops.aten, plain, None)
    return [operator] + [getattr(packet, form) for form in packet.overloads()] if packet is not None else [operator]


class Call:
    """One call of a module: the work its own forward did since the last layer inside it was called."""

    __slots__ = ("module", "steps", "whole", "macs", "operators", "first", "last")

    def __init__(self, module, steps=None):
        self.module, self.steps, self.whole = module, steps, True  # whole: no layer inside it was called so far
        self.clear()

    def clear(self):
        self.macs, self.operators, self.first, self.last = 0, {}, None, None


class Recorder(TorchDispatchMode):
    """Sees every operator that torch runs, and puts it down to the module whose forward asked for it.

    `rows` grows in the order of execution. A layer is one row a call. A module with layers inside gets a row for each
    stretch of its own work between them: a residual addition, an attention, a concatenation.
    """

    def __init__(self, model, twins):
        super().__init__()
        self.model, self.names, self.strangers = model, names_in(model), set()
        self.rows, self.uncounted, self.claimed = [], {}, set()
        self.calls, self.asked, self.row_of = [], None, {}
        self.registered, self.strays = {id(p) for p in model.parameters()}, {}
        self.written_over, self.failed = {}, None
        self.devices = {weight.device.type for weight in twins.originals} or {"cpu", "cuda"}
        self.look_for_autocast()

    # What torch tells us: operators

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs, rule = kwargs or {}, rule_of(operator)
        on_meta, elsewhere = self.look_at(args)
        as_asked = args, kwargs
        if elsewhere:
            if on_meta:
                args, kwargs = tree_map(to_meta, as_asked)
            elif operator._schema.is_mutable:
                self.will_be_written_over(args[0] if args else kwargs.get("out"))
        if self.autocast:
            args = under_autocast(rule.name, args, *self.autocast)
        out = None
        if rule.short is not None and on_meta:
            out = rule.short(*args, **kwargs)
        if out is None:
            if not rule.known and rule.name not in WHOLE:
                out = self.decompose(operator, *as_asked)  # its pieces are seen one by one
                if out is not NotImplemented:
                    return out
            out = run_on_meta(operator, args, kwargs, as_asked)
        if rule.works and self.calls:
            call = self.calls[-1]
            if call.first is None and args:
                call.first = args[0]
            call.last = out
            call.operators[rule.name] = None
            if rule.macs is not None:
                call.macs += rule.macs(out, *args)
            elif not rule.known:
                self.uncounted.setdefault(str((self.asked or operator).overloadpacket), self.names[call.module])
        return out

    def look_at(self, args):
        """Return whether there are tensors on meta, and elsewhere; note weights that are used and not registered."""
        on_meta = elsewhere = False
        for part in args:
            if isinstance(part, torch.Tensor):
                if part.is_meta:
                    on_meta = True
                else:
                    elsewhere = True
                if (part.requires_grad or type(part) is nn.Parameter) and id(part) not in self.registered:
                    self.strays.setdefault(id(part), (part, self.names[self.calls[-1].module] if self.calls else ROOT))
            elif type(part) in (list, tuple) and part and not isinstance(part[0], int):
                inside = self.look_at(part)
                on_meta, elsewhere = on_meta or inside[0], elsewhere or inside[1]
        return on_meta, elsewhere

    def look_for_autocast(self):
        """Note for which device autocast is on, and with which type."""
        on = [device for device in RAISED if device in self.devices and torch.is_autocast_enabled(device)]
        self.autocast = (on[0], torch.get_autocast_dtype(on[0])) if on else None

    def will_be_written_over(self, tensor):
        """Keep the numbers of a tensor that the model holds outside its buffers, to put them back afterwards."""
        if isinstance(tensor, torch.Tensor) and id(tensor) not in self.written_over:
            self.written_over[id(tensor)] = tensor, tensor.clone()

    def decompose(self, operator, args, kwargs):
        """Let torch take an operator apart (einsum, nn.LSTM) and look at the pieces; NotImplemented where it has none."""
        before, self.asked = self.asked, self.asked or operator
        try:
            with self:
                return operator.decompose(*args, **kwargs)
        finally:
            self.asked = before

    # What the modules tell us: calls

    def called(self, plain, module, args, kwargs):
        """Run a module's call, its hooks too, and write what it did. What is not registered works for its caller."""
        if module not in self.names and (module in self.strangers or not self.is_new(module)):
            return plain(module, *args, **kwargs)
        if self.calls:
            self.calls[-1].whole = False
            self.write_work(self.calls[-1])  # what the caller did before this call comes first
        call = Call(module, steps_of(module, [*args, *kwargs.values()]))
        self.calls.append(call)
        try:
            out = plain(module, *args, **kwargs)
        except Exception as error:
            if self.failed is None or self.failed[0] is not error:
                self.failed = error, self.names[module], module, tensors_in((args, kwargs))
            raise
        finally:
            self.calls.pop()
        if call.whole and (call.operators or not any(child is not None for child in module._modules.values())):
            self.write(call, tensors_in((args, kwargs)), tensors_in(out))
        else:
            self.write_work(call)
        return out

    def is_new(self, module):
        """Return whether a module that has no name was made at this first call, and registered."""
        names = names_in(self.model)
        if module not in names:
            self.strangers.add(module)
            return False
        self.names = names | self.names
        return True

    def write_work(self, call):
        """Write a row for a stretch of a module's own work, if there was any."""
        if call.operators:
            self.write(call, tensors_in(call.first), tensors_in(call.last))
            call.clear()

    def write(self, call, inputs, outputs):
        module = call.module
        self.row_of.setdefault(module, []).append(len(self.rows))
        self.rows.append(
            Row(
                self.names[module],
                type(module).__name__,
                shape_of(inputs),
                shape_of(outputs),
                *(window_of(module, inputs) if call.whole else NO_WINDOW),
                self.claim(module),
                BYTES * sum(t.numel() for t in outputs),
                call.macs,
                () if call.whole else tuple(call.operators),
                call.steps if call.whole else None,
            )
        )

    def claim(self, module):
        """Return the module's own parameters that no row has counted yet, so that shared ones count once."""
        count = 0
        for parameter in module._parameters.values():
            if parameter is not None and id(parameter) not in self.claimed:
                self.claimed.add(id(parameter))
                count += parameter.numel()
        return count

    def write_rest(self):
        """Give the parameters of modules that were never called to the module that used them, or to a row of their own.

        nn.MultiheadAttention multiplies by out_proj's weight without calling out_proj: the nearest module above that did
        counted work by itself takes them. An auxiliary classifier, which only training calls, is a row that was not run.
        """
        self.names = names_in(self.model) | self.names
        users = {
            self.names[m]: next((i for i in written if self.rows[i].macs), None) for m, written in self.row_of.items()
        }
        for module, name in self.names.items():
            count = self.claim(module)
            if not count:
                continue
            user = next((users[above] for above in above_and_self(name) if above in users), None)
            if user is None:
                self.rows.append(Row(name, type(module).__name__, None, None, *NO_WINDOW, count, 0, 0, ()))
            else:
                self.rows[user] = self.rows[user]._replace(params=self.rows[user].params + count)

    def unregistered(self):
        """Return {module: values}: how many weights were used that the model has not registered, and where."""
        registered, found = {id(p) for p in self.model.parameters()}, {}
        for weight, where in self.strays.values():
            if id(weight) not in registered:
                found[where] = found.get(where, 0) + weight.numel()
        return found


ROOT = "(model)"  # the name of the whole network in its own table


class CannotRun(ValueError):
    """The network does not take this input."""


def names_in(model):
    return {module: name or ROOT for name, module in model.named_modules()}


def above_and_self(name):
    """Yield "a.b.c", "a.b", "a", and the root."""
    while name and name != ROOT:
        yield name
        name = name.rpartition(".")[0]
    yield ROOT


def tensors_in(value):
    """Return the tensors in a value, in order, each once, through tuples, lists, dicts and dataclass-like outputs."""
    if isinstance(value, torch.Tensor):
        return [value]
    found = {}
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        value = vars(value).values() if hasattr(value, "__dataclass_fields__") else ()
    for part in value:
        found |= {id(tensor): tensor for tensor in tensors_in(part)}
    return list(found.values())


def shape_of(tensors):
    return tuple(tensors[0].shape) if tensors else None


def window_of(module, inputs):
    """Return kernel_size, stride, padding, dilation, groups of a layer; None for what it does not have."""
    if not isinstance(getattr(module, "kernel_size", None), (int, tuple)):
        return NO_WINDOW
    kind = type(module).__name__
    sides = int(kind[-2]) if kind[-2:] in ("1d", "2d", "3d") else max(len(shape_of(inputs) or ()) - 2, 1)

    def per_side(name):
        value = getattr(module, name, None)
        return (value,) * sides if isinstance(value, int) else value

    return *(per_side(name) for name in ("kernel_size", "stride", "padding", "dilation")), getattr(
        module, "groups", None
    )


def steps_of(module, inputs):
    """Return how many time steps a recurrent layer takes.

    None for every other layer, and for a packed batch: its sequences end one after the other, so no two steps are alike.
    """
    x = inputs[0] if inputs and isinstance(module, (nn.RNNBase, Recurrent)) else None
    if not isinstance(x, torch.Tensor) or x.dim() not in (2, 3):
        return None
    return x.shape[1 if module.batch_first and x.dim() == 3 else 0]


def to_meta(value):
    if isinstance(value, torch.Tensor) and not value.is_meta:
        return torch.empty_like(value, device=META)
    return META if isinstance(value, torch.device) else value


class OnMeta(BaseException):
    """Something fails here alone, where tensors have no numbers: no `except` of the model's own may see it."""


def run_on_meta(operator, args, kwargs, as_asked):
    """Run an operator; to another device means to meta. Some want a tensor of numbers beside those on meta (lengths)."""
    try:
        return operator(*args, **kwargs)
    except RuntimeError as error:
        if kwargs.get("device") is not None and kwargs["device"].type != "meta":
            return operator(*args, **kwargs | {"device": META})
        if as_asked[0] is not args:
            try:
                return operator(*as_asked[0], **as_asked[1])
            except RuntimeError:
                pass
        if "meta" in str(error).lower():
            raise OnMeta(str(error)) from None
        raise


def under_autocast(name, args, device, lower):
    """Return an operator's inputs as torch.autocast makes them, which does nothing on meta."""
    floats = [x for x in tree_leaves(args) if isinstance(x, torch.Tensor) and x.is_floating_point()]
    if name in LOWERED:
        to = lower
    elif name in RAISED[device]:
        to = torch.float32
    elif name in WIDENED and floats:
        to = max((x.dtype for x in floats), key=lambda dtype: dtype.itemsize)
    else:
        return args

    def cast(x):
        if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dtype in (to, torch.float64):
            return x
        return torch.empty_like(x, dtype=to, requires_grad=False)

    return tree_map(cast, args)


LOCK, ACTIVE, PLAIN = threading.Lock(), {}, {}
TOLD = [(nn.Module, "__call__"), (torch.autocast, "__enter__"), (torch.autocast, "__exit__")]


@contextmanager
def tells(recorder):
    """Within, each call of a module in this thread goes to the recorder, and it hears of torch.autocast, which it cannot
    ask for while torch asks it for an operator. Nothing of the modules themselves is changed."""
    thread = threading.get_ident()
    with LOCK:
        if not ACTIVE:
            for (kind, name), tell in zip(
                TOLD, (call_is_told, autocast_is_told("__enter__"), autocast_is_told("__exit__"))
            ):
                PLAIN[name] = getattr(kind, name)
                setattr(kind, name, tell)
        outer, ACTIVE[thread] = ACTIVE.get(thread), recorder
    try:
        yield
    finally:
        with LOCK:
            ACTIVE[thread] = outer
            if outer is None:
                del ACTIVE[thread]
            if not ACTIVE:
                for kind, name in TOLD:
                    setattr(kind, name, PLAIN[name])


def call_is_told(module, *args, **kwargs):
    recorder = ACTIVE.get(threading.get_ident())
    if recorder is None:
        return PLAIN["__call__"](module, *args, **kwargs)
    return recorder.called(PLAIN["__call__"], module, args, kwargs)


def autocast_is_told(name):
    def told(context, *args):
        out = PLAIN[name](context, *args)
        if recorder := ACTIVE.get(threading.get_ident()):
            recorder.look_for_autocast()
        return out

    return told


def cost_table(model, input_shape=(1, 3, 224, 224)):
    """Return what a network costs for one input: a CostTable with a row for each layer, in the order they run.

    model:       any nn.Module, on any device; it is left as it was
    input_shape: (N, C, H, W), or any other shape; a ready tensor (tokens: integers); a list of these for several inputs
    returns:     CostTable
    raises:      ValueError where the network does not take this input: it names the layer, what it got and what it expects

    The network runs as for prediction (eval mode), on shapes alone: no weight is allocated, nothing is computed.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model (={model!r:.80}) must be an nn.Module, such as nn.Conv2d(3, 8, 3): got {type(model).__name__}"
        )
    if any(nn.parameter.is_lazy(p) for p in model.parameters()):
        raise ValueError(
            f"model ({type(model).__name__}) has lazy layers, whose weights have no shape yet: run it once first"
        )
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    inputs = example_inputs(model, input_shape)
    try:
        inspect.signature(model.forward).bind(*inputs)
    except ValueError:  # a traced model has no signature; torch will check
        pass
    except TypeError as error:
        raise ValueError(
            f"model ({type(model).__name__}) does not take {len(inputs)} input(s): {error}; "
            "give a list with a shape for each input"
        ) from None
    recorder = None
    with on_meta(model) as twins:
        recorder = Recorder(model, twins)
        try:
            with torch.inference_mode(), tells(recorder), recorder:
                model(*inputs)
        except (RuntimeError, ValueError, IndexError, AssertionError, ArithmeticError, OnMeta) as error:
            place = (error, ROOT, model, tensors_in(inputs))
            if recorder.failed is not None and recorder.failed[0] is error:
                place = recorder.failed
            raise ValueError(complaint(*place[1:], error) + no_batch(model, inputs)) from None
        finally:
            with torch.inference_mode():
                for tensor, numbers in recorder.written_over.values():
                    tensor.copy_(numbers)
        recorder.write_rest()
        return CostTable(recorder.rows, recorder.uncounted, recorder.unregistered())


def example_inputs(model, shape):
    """Return the inputs that a shape, a tensor, or a list of them stands for, on meta."""
    floats = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]

    def made(part):
        if isinstance(part, torch.Tensor):
            return torch.empty_like(part, device=META, requires_grad=False)
        return torch.empty(tuple(part), dtype=floats[0] if floats else None, device=META)

    parts = [shape] if is_shape(shape) or isinstance(shape, torch.Tensor) else shape
    if not (
        isinstance(parts, (tuple, list)) and parts and all(is_shape(p) or isinstance(p, torch.Tensor) for p in parts)
    ):
        raise ValueError(
            f"input_shape (={shape!r:.80}) must be whole numbers of at least 1, such as (1, 3, 224, 224), "
            "a tensor, or a list of these with one for each input"
        )
    try:
        return [made(part) for part in parts]
    except (RuntimeError, OverflowError):
        raise ValueError(
            f"input_shape (={shape!r:.80}) holds more numbers than can be counted: use a smaller one"
        ) from None


def is_shape(value):
    return (
        isinstance(value, (tuple, list))
        and len(value) > 0
        and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in value)
    )


def no_batch(model, inputs):
    """Return a hint where an image was given without its batch."""
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()) or [x.dim() for x in inputs] != [3]:
        return ""
    return f"; input_shape (={show(inputs[0].shape)}) has no batch size, did you mean {show((1, *inputs[0].shape))}?"


def complaint(name, module, inputs, error):
    """Say which layer does not take its input, what it got, what its weight expects, and what to change."""
    layer, got = f"{name} ({type(module).__name__})", " and ".join(show(t.shape) for t in inputs) or "nothing"
    x = inputs[0] if inputs else torch.empty(0, device=META)
    weight = getattr(module, "weight", None)
    has = f" (its weight is {show(weight.shape)})" if isinstance(weight, torch.Tensor) else ""
    reason = str(error).strip().partition("\n")[0]
    if has and hasattr(module, "in_channels") and hasattr(module, "kernel_size"):
        sides = weight.dim() - 2
        if x.dim() not in (sides + 1, sides + 2):
            return f"{layer} expects an input of {sides + 2} dimensions{has}, got input {got}: change input_shape"
        if x.shape[-sides - 1] != module.in_channels:
            return (
                f"{layer} expects {module.in_channels} input channels{has}, got input {got}: "
                "change input_shape or in_channels"
            )
        return f"{layer} cannot slide over input {got}{has}: {reason}; use a larger image or more padding"
    if has and hasattr(module, "in_features") and x.dim() and x.shape[-1] != weight.shape[-1]:
        return (
            f"{layer} expects {module.in_features} input features{has}, got input {got}: "
            "change input_shape or in_features"
        )
    if isinstance(getattr(module, "num_features", None), int) and x.dim() > 1 and x.shape[1] != module.num_features:
        return (
            f"{layer} expects {module.num_features} channels{has}, got input {got}: change input_shape or num_features"
        )
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and inputs and x.is_floating_point():
        return (
            f"{layer} expects whole numbers, which choose rows of its weight {show(weight.shape)}, got a float "
            f"input {got}: pass a tensor of them, such as torch.zeros({got}, dtype=torch.long)"
        )
    if "meta" in reason:
        return f"{layer} needs the values of its input {got}, but a cost table has shapes alone: {reason}"
    return f"{layer} cannot take input {got}{has}: {reason}; change input_shape or the layer"


def show(shape):
    return str(tuple(shape))
