"""The recorder: one pass on torch's meta device, in which every operator is counted and put down to its layer."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from helpers.costs.complaints import OnMeta, complaint, hint
from helpers.costs.heard import autocast_on, tells, under_autocast
from helpers.costs.inputs import DEFAULT, Inputs, check_model
from helpers.costs.kept import as_written, deeper, on_meta
from helpers.costs.rules import BYTES, FREE, MACS, META, OURS, SILENT
from helpers.costs.shortcuts import PLAIN, SHORT, written_over
from helpers.costs.table import NO_WINDOW, CostTable, Row
from helpers.costs.values import Values
from helpers.layers.recurrent import Recurrent


class Rule(NamedTuple):
    """What the recorder knows of one operator."""

    name: str
    macs: Callable | None  # formula, of part 1
    short: Callable | None  # short cut, of part 2
    works: bool  # yields new values
    known: bool  # counted, or known to be free
    uses: bool  # a weight that it is given is used, and not just made or moved


STEPPED = nn.RNNBase, Recurrent
EINSUM = torch.ops.aten.einsum.default
MOVING = ("to", "detach", "alias", "lift", "lift_fresh", "contiguous")  # as module.to(device) does


@cache
def rule_of(operator):
    """Look an operator up once."""
    space, name = operator._schema.name.split("::")
    if space != "aten":
        works = any("Tensor" in str(result.type) for result in operator._schema.returns)
        name = f"{space}.{name}"
        return Rule(name, MACS.get(name), None, works, name in MACS or name in FREE or not works, True)
    plain = name.rstrip("_")  # relu_ is relu, written over its input
    short = SHORT.get(plain) if operator._overloadname in PLAIN else None
    if short is not None and name != plain:
        short = written_over(short)
    if plain in MACS:
        return Rule(plain, MACS[plain], short, True, True, True)
    silent = operator.is_view or plain in SILENT
    free = silent or plain in FREE or any(torch.Tag.pointwise in form.tags for form in forms(operator, plain))
    uses = (not silent or operator.is_view and plain not in MOVING) and not operator._schema.is_mutable
    return Rule(plain, None, short, not silent, free, uses)


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

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # else torch puts a slow wrapper around __torch_dispatch__

    def __init__(self, model, twins, values=None):
        super().__init__()
        self.values, self.model = values, model
        self.later, self.strangers = (
            set(),
            set(),
        )  # modules that were registered within the pass; of these, not in the model
        self.names = {module: name or ROOT for module, name in twins.names.items()}
        self.rows, self.uncounted, self.by_rule, self.claimed = [], {}, {}, set()
        self.calls, self.asked, self.row_of = [], None, {}
        self.registered, self.strays = {id(p) for m in self.names for p in m._parameters.values()}, {}
        self.written_over, self.failed, self.stopped = {}, None, None
        self.devices = {weight.device.type for weight in twins.originals} or {"cpu", "cuda"}
        self.autocast = autocast_on(self.devices)

    # What torch tells us: operators

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs, rule = kwargs or {}, rule_of(operator)
        on_meta, elsewhere = self.look_at(args, rule.uses)
        as_asked = args, kwargs
        if elsewhere:
            if on_meta:
                args, kwargs = tree_map(to_meta, as_asked)
            if operator._schema.is_mutable:
                self.will_be_written_over(as_asked[0][0] if args else kwargs.get("out"))
        if self.autocast:
            args = under_autocast(rule.name, args, *self.autocast)
        out = None
        if rule.short is not None and on_meta:
            out = rule.short(*args, **kwargs)
        if out is None:
            if not rule.known:
                out = self.decompose(operator, *as_asked)  # its pieces are seen one by one
                if out is not NotImplemented:
                    return out
            if rule.macs is not None and rule.name not in OURS and len({x.dtype for x in tensors_in(args[:3])}) > 1:
                raise RuntimeError(
                    f"expected inputs of the same dtype, got {[str(x.dtype) for x in tensors_in(args[:3])]}"
                )
            try:
                out = run_on_meta(operator, args, kwargs, as_asked)
            except OnMeta as error:
                out = NotImplemented if self.values is None else self.values.answer(operator, *as_asked)
                if out is NotImplemented and not (self.values and elsewhere_than_meta(kwargs)):
                    self.stopped = error
                    raise
                if out is NotImplemented:
                    out = operator(*args, **kwargs | {"device": META})
        if self.values is not None:
            self.values.follow(operator, *as_asked, out)
        if rule.works and self.calls:
            call = self.calls[-1]
            if call.first is None and args:
                call.first = args[0]
            call.last = out
            call.operators[rule.name] = None
            macs = rule.macs(out, *args) if rule.macs is not None else 0 if rule.known else None
            if rule.name == "mul" and self.asked is EINSUM and out.numel() > max(x.numel() for x in args):
                macs = out.numel()  # an outer product
            if macs is None:
                self.uncounted.setdefault(str((self.asked or operator).overloadpacket), self.names[call.module])
            elif macs:
                call.macs += macs
                if rule.name in OURS:
                    self.by_rule[rule.name] = self.by_rule.get(rule.name, 0) + macs
        return out

    def look_at(self, args, uses):
        """Return whether there are tensors on meta, and elsewhere; note weights that are used and not registered."""
        on_meta = elsewhere = False
        for part in args:
            if isinstance(part, torch.Tensor):
                if part.is_meta:
                    on_meta = True
                else:
                    elsewhere = True
                if uses and (part.requires_grad or type(part) is nn.Parameter) and id(part) not in self.registered:
                    part = part if part._base is None else part._base
                    if id(part) not in self.registered:
                        self.strays.setdefault(
                            id(part), (part, self.names[self.calls[-1].module] if self.calls else ROOT)
                        )
            elif type(part) in (list, tuple) and part and not isinstance(part[0], int):
                inside = self.look_at(part, uses)
                on_meta, elsewhere = on_meta or inside[0], elsewhere or inside[1]
        return on_meta, elsewhere

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

    def called(self, module, *args, **kwargs):
        """Run a module's call, its hooks too, and write what it did. What is not registered works for its caller."""
        if module not in self.names and (module in self.strangers or not self.is_new(module)):
            return module._call_impl(*args, **kwargs)
        if self.calls:
            self.calls[-1].whole = False
            self.write_work(self.calls[-1])  # what the caller did before this call comes first
        call = Call(module, steps_of(module, [*args, *kwargs.values()]) if isinstance(module, STEPPED) else None)
        self.calls.append(call)
        try:
            out = module._call_impl(*args, **kwargs)
        except (Exception, OnMeta) as error:
            if self.failed is None or self.failed[0] is not error:
                self.failed = error, self.names[module], module, tensors_in((args, kwargs))
            raise
        finally:
            self.calls.pop()
        if call.whole and (call.operators or not any(child is not None for child in module._modules.values())):
            self.write(call, tensors_in((args, kwargs) if kwargs else args), tensors_in(out))
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
                BYTES * (outputs[0].numel() if len(outputs) == 1 else sum(t.numel() for t in outputs)),
                call.macs,
                () if call.whole else tuple(call.operators),
                call.steps if call.whole else None,
            )
        )

    def claim(self, module):
        """Return the module's own parameters that no row has counted yet, so that shared ones count once."""
        count = 0
        for parameter in module._parameters.values() if module._parameters else ():
            if parameter is not None and id(parameter) not in self.claimed:
                self.claimed.add(id(parameter))
                count += parameter.numel()
        return count

    def write_rest(self):
        """Give the parameters of modules that were never called to the module that used them, or to a row of their own.

        nn.MultiheadAttention multiplies by out_proj's weight without calling out_proj: the nearest module above that did
        counted work by itself takes them. An auxiliary classifier, which only training calls, is a row that was not run.
        """
        if self.later or self.strays:
            self.names = names_in(self.model) | self.names
        rest = [(name, module, count) for module, name in self.names.items() if (count := self.claim(module))]
        called = self.row_of.items() if rest else ()
        users = {self.names[m]: next((i for i in written if self.rows[i].macs), None) for m, written in called}
        for name, module, count in rest:
            user = next((users[above] for above in above_and_self(name) if above in users), None)
            if user is None:
                self.rows.append(Row(name, type(module).__name__, None, None, *NO_WINDOW, count, 0, 0, ()))
            else:
                self.rows[user] = self.rows[user]._replace(params=self.rows[user].params + count)

    def unregistered(self):
        """Return {module: values}: how many weights were used that the model has not registered, and where."""
        registered, found = {id(p) for p in self.model.parameters()} if self.strays else (), {}
        for weight, where in self.strays.values():
            if id(weight) not in registered:
                found[where] = found.get(where, 0) + weight.numel()
        return found


ROOT = "(model)"  # the name of the whole network in its own table


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
    if type(value) is tuple and len(value) == 1:
        return tensors_in(value[0])
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
    here = "kernel_size" in module.__dict__ or hasattr(
        type(module), "kernel_size"
    )  # getattr alone is slow where it is not
    if not here or not isinstance(getattr(module, "kernel_size", None), (int, tuple)):
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
    """Return how many time steps a recurrent layer takes; None for a packed batch, whose sequences end one after the other."""
    x = inputs[0] if inputs else None
    if not isinstance(x, torch.Tensor) or x.dim() not in (2, 3):
        return None
    return x.shape[1 if module.batch_first and x.dim() == 3 else 0]


def to_meta(value):
    if isinstance(value, torch.Tensor) and not value.is_meta:
        return torch.empty_like(value, device=META)
    return META if isinstance(value, torch.device) else value


def run_on_meta(operator, args, kwargs, as_asked):
    """Run an operator; some want a tensor of numbers beside those on meta (lengths). To another device means to meta."""
    try:
        return operator(*args, **kwargs)
    except RuntimeError as error:
        if as_asked[0] is not args:
            try:
                return operator(*as_asked[0], **as_asked[1])
            except RuntimeError:
                pass
        words = str(error).lower()
        if "meta" in words or "data-dependent" in words:
            asks = "item()" in words or "no data" in words or "nonzero" in words or asks_for_numbers(operator)
            raise OnMeta(operator, asks) from None
        raise


ALL_KEPT = (
    "How many boxes a detector keeps depends on the values: here all, up to its own limits (post_nms_top_n, "
    "detections_per_img), as for the fullest image; pasting what is found in each box into the image is not counted."
)


def asks_for_numbers(operator):
    return torch.Tag.data_dependent_output in operator.tags or torch.Tag.dynamic_output_shape in operator.tags


def elsewhere_than_meta(kwargs):
    device = kwargs.get("device")
    return device is not None and device.type != "meta"


def cost_table(model, input_shape=DEFAULT, **inputs):
    """Return what a network costs for one input: a CostTable with a row for each layer, in the order they run.

    model:       any nn.Module, on any device; it is left as it was
    input_shape: (N, C, H, W), or any other shape; a ready tensor (tokens: integers); a list of these for several inputs,
                 with None, flags and numbers among them; a dictionary of them, where the forward takes them by name or as one
    inputs:      the same by name: cost_table(model, images=[(3, 224, 224)]), cost_table(model, tokens=t, mask=None)
    returns:     CostTable
    raises:      ValueError where the network does not take this input: it names the layer, what it got and what it expects

    The network runs as for prediction (eval mode), on shapes alone: no weight is allocated, nothing is computed. Where it asks
    for numbers that do not depend on the input (a buffer, a mask), these are computed.
    """
    check_model(model)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    given = Inputs(model, input_shape, inputs)
    try:
        return one_pass(model, given, False)
    except (OnMeta, TypeError) as error:
        if isinstance(error, TypeError):
            if given.as_one:
                raise ValueError(
                    f"model ({type(model).__name__}) has no inputs called {', '.join(map(str, input_shape))}, so it got the "
                    f"dictionary as one, and failed: {str(error).partition(chr(10))[0]:.80}; name its inputs as its forward does"
                ) from None
            raise
        given = Inputs(model, input_shape, inputs)
        try:
            return one_pass(model, given, True)
        except OnMeta as error:
            raise ValueError(complaint(*error.place, error, model) + hint(model, given)) from None


def one_pass(model, given, with_values):
    """Run a network on meta; with_values: and compute the numbers that do not depend on the input."""
    with on_meta(model) as twins, as_written():
        detects = any(type(part).__module__.startswith("torchvision.models.detection") for part in twins.names)
        values = Values([*given.known, *twins.pairs()], detects) if with_values else None
        recorder = Recorder(model, twins, values)
        try:
            with torch.inference_mode(), tells(recorder), values or nullcontext(), recorder, deeper():
                model(*given.args, **given.named)
        except (RuntimeError, ValueError, IndexError, AssertionError, ArithmeticError, OnMeta, TypeError) as error:
            place = ROOT, model, tensors_in((given.args, given.named))
            if recorder.failed is not None and recorder.failed[0] is error:
                place = recorder.failed[1:]
            if recorder.stopped:
                recorder.stopped.place = recorder.stopped.place or place
                raise recorder.stopped from None
            if isinstance(error, TypeError):
                if "meta device" not in str(error):
                    raise
                stopped = OnMeta("numpy()", True)
                stopped.place = place
                raise stopped from None
            raise ValueError(complaint(*place, error, model) + hint(model, given)) from None
        finally:
            with torch.inference_mode():
                for tensor, numbers in reversed(recorder.written_over.values()):
                    tensor.copy_(numbers)
        if recorder.stopped:  # and the model caught even that
            raise recorder.stopped
        recorder.write_rest()
        said = [*given.said, *[ALL_KEPT] * (values is not None and values.kept_all)]
        return CostTable(recorder.rows, recorder.uncounted, recorder.unregistered(), recorder.by_rule, said)
