"""What a network costs, layer by layer: parameters, memory for its outputs, multiply-adds (MACs).

The network runs once on torch's `meta` device, where tensors have a shape but no numbers, so nothing is computed and no
memory is taken. On the way every operator that torch is asked for is seen, counted, and put down to its layer.

Four parts: 1 the counting rules, 2 the short cuts, 3 the recorder, 4 the table.
"""

import csv
import inspect
import io
import textwrap
from collections import OrderedDict
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from html import escape
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from helpers.files import write_whole
from helpers.layers.recurrent import Recurrent

META = torch.device("meta")
BYTES = 4  # a value is counted as a 32-bit float


# ---- 1. The counting rules ----------------------------------------------------------------------------------------
#
# Every counted operator is many dot products:  MACs = number of outputs × length of one dot product.
# `out` is the operator's output; the other names are its inputs, in torch's order.


def linear_macs(out, x, weight, *_):
    """x (…, D_in), weight (D_out, D_in): each output sums over D_in."""
    return out.numel() * weight.shape[-1]


def conv_macs(out, x, weight, *_):
    """weight (C_out, C_in / groups, K, K): each output sums over one kernel."""
    return out.numel() * weight[0].numel()


def conv_transpose_macs(out, x, weight, *_):
    """weight (C_in, C_out / groups, K, K): each *input* is multiplied into one kernel."""
    return x.numel() * weight[0].numel()


def convolution_macs(out, x, weight, bias, stride, padding, dilation, transposed, *_):
    """torch's general form of the two above."""
    return (conv_transpose_macs if transposed else conv_macs)(out, x, weight)


def matmul_macs(out, a, b):
    """a (…, T, D) @ b (…, D, S): each output sums over D; vectors and batches too."""
    return out.numel() * a.shape[-1]


def addmm_macs(out, start, a, b, *_):
    """start + a @ b; the addition is not counted."""
    return out.numel() * a.shape[-1]


def addbmm_macs(out, start, a, b, *_):
    """start + the sum of all products in the batch: a (B, T, D), b (B, D, S)."""
    return out.numel() * a.shape[0] * a.shape[-1]


def outer_macs(out, a, b):
    """Every pair once: dot products of length 1."""
    return out.numel()


def addr_macs(out, start, a, b, *_):
    """start + the outer product of a and b."""
    return out.numel()


def attention_macs(out, q, k, v, *_):
    """q (…, T, D), k (…, S, D), v (…, S, D_v): QKᵀ, then its rows times V. A mask saves nothing here."""
    rows = out.numel() // max(v.shape[-1], 1)
    return rows * k.shape[-2] * (q.shape[-1] + v.shape[-1])


MACS = {
    "linear": linear_macs,
    "conv1d": conv_macs,
    "conv2d": conv_macs,
    "conv3d": conv_macs,
    "conv_transpose1d": conv_transpose_macs,
    "conv_transpose2d": conv_transpose_macs,
    "conv_transpose3d": conv_transpose_macs,
    "convolution": convolution_macs,
    "matmul": matmul_macs,
    "mm": matmul_macs,
    "bmm": matmul_macs,
    "mv": matmul_macs,
    "dot": matmul_macs,
    "vdot": matmul_macs,
    "addmm": addmm_macs,
    "addmv": addmm_macs,
    "baddbmm": addmm_macs,
    "addbmm": addbmm_macs,
    "outer": outer_macs,
    "ger": outer_macs,
    "addr": addr_macs,
    "scaled_dot_product_attention": attention_macs,
}

# Known to do no multiply-adds worth counting. Element by element operators and views are not listed, because torch itself
# marks those. Whatever is not known is taken apart, and named as not counted where torch has no parts for it.
# A sum of products written as (x * y).sum() looks like any multiplication and any sum: it counts as nothing.
FREE = frozenset(
    """
    sum nansum mean prod max min amax amin aminmax argmax argmin any all std var std_mean var_mean median nanmedian mode
    norm linalg_vector_norm renorm logsumexp cumsum cumprod cummax cummin logcumsumexp count_nonzero topk sort argsort
    kthvalue diff trace bincount unique_dim unique_consecutive _unique2 segment_reduce multinomial
    hardswish log_sigmoid_forward _prelu_kernel glu prelu rrelu rrelu_with_noise logit softmin floor_divide isin complex
    polar softmax log_softmax _softmax _log_softmax _safe_softmax
    batch_norm layer_norm group_norm instance_norm rms_norm native_batch_norm native_layer_norm native_group_norm
    _native_batch_norm_legit _native_batch_norm_legit_no_training _fused_rms_norm _weight_norm_interface
    avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices
    max_pool3d_with_indices adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d fractional_max_pool2d
    fractional_max_pool3d max_unpool2d max_unpool3d
    cat concat concatenate stack hstack vstack dstack block_diag pad constant_pad_nd _pad_enum _pad_circular
    reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d pad_sequence
    _pack_padded_sequence roll flip fliplr flipud rot90 repeat tile repeat_interleave tril triu diag diag_embed meshgrid
    im2col col2im unfold_copy pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle upsample_nearest1d
    upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
    embedding embedding_bag _embedding_bag _embedding_bag_forward_only index index_select gather take take_along_dim
    scatter scatter_add scatter_reduce index_add index_copy index_fill index_put masked_fill masked_scatter masked_select
    index_reduce put histc nonzero nonzero_static _unsafe_index _unsafe_index_put where bucketize searchsorted one_hot
    cross_entropy_loss nll_loss nll_loss_nd nll_loss_forward nll_loss2d nll_loss2d_forward mse_loss l1_loss
    smooth_l1_loss huber_loss kl_div soft_margin_loss multi_margin_loss multilabel_margin_loss_forward
    binary_cross_entropy binary_cross_entropy_with_logits
""".split()
)

# Their parts look free one by one, together they are sums of products: named as not counted, never taken apart.
WHOLE = frozenset(
    """
    upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d _upsample_bilinear2d_aa
    _upsample_bicubic2d_aa _upsample_lanczos2d_aa grid_sampler cosine_similarity linalg_vecdot kron
""".split()
)

# Yield nothing new: they rename, copy or create values. A stretch of only these gets no row.
SILENT = frozenset(
    """
    t transpose unsqueeze squeeze as_strided swapaxes swapdims reshape reshape_as view_as flatten unflatten ravel
    _unsafe_view split unsafe_split unsafe_split_with_sizes unsafe_chunk resize resize_as set
    contiguous clone copy to _to_copy type_as detach alias lift lift_fresh
    dropout feature_dropout alpha_dropout feature_alpha_dropout native_dropout
    empty empty_permuted empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros ones ones_like new_ones full
    full_like new_full fill zero eye arange linspace logspace scalar_tensor tril_indices triu_indices hann_window
    rand rand_like randn randn_like randint randint_like randperm uniform normal bernoulli exponential log_normal cauchy
    geometric poisson numel size stride dim is_same_size is_contiguous is_complex _assert_async _assert_tensor_metadata
    _local_scalar_dense item
""".split()
)


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


# ---- 2. The short cuts --------------------------------------------------------------------------------------------
#
# Without numbers torch still walks through every step of a normalisation, an activation or an attention, which is slow,
# though the shape of the answer is plain to see. A short cut returns an empty tensor of that shape, or None where the case
# is not the plain one: then torch decides, and complains if it must.


def new(x, shape):
    """Return an empty tensor of a shape, with x's type."""
    return torch.empty(shape, dtype=x.dtype, device=META)


def like(x):
    """Return an empty tensor of x's shape and, in its thought memory, x's order."""
    return new(x, x.shape) if x.is_contiguous() else torch.empty_like(x)


def same(x, *_, **__):
    """Element by element: the output has the input's shape."""
    return like(x) if x.is_floating_point() else None


def broadcast(x, y, **_):
    """x + y, x * y and their like: a side of length 1 stretches to the other's."""
    if not isinstance(y, torch.Tensor):
        return same(x)
    if x.dtype != y.dtype or not x.is_floating_point():
        return None
    if x.shape == y.shape:
        return like(x)
    sides = max(x.dim(), y.dim())
    pairs = list(zip((1,) * (sides - x.dim()) + x.shape, (1,) * (sides - y.dim()) + y.shape))
    fits = all(a == b or a == 1 or b == 1 for a, b in pairs)
    return new(x, [b if a == 1 else a for a, b in pairs]) if fits else None


def written_over(short):
    """Turn the short cut of relu into that of relu_: the output is the input itself."""

    def in_place(x, *args, **kwargs):
        out = short(x, *args, **kwargs)
        return x if out is not None and out.shape == x.shape else None

    return in_place


def same_softmax(x, dim, dtype=None, **_):
    return new(x, x.shape) if dtype is None and -x.dim() <= dim < x.dim() else None


def same_batch_norm(x, weight, bias, mean, *_, **__):
    fits = x.dim() > 1 and all(p is None or p.shape[0] == x.shape[1] for p in (weight, mean))
    return like(x) if fits else None


def same_layer_norm(x, normalized_shape, *_, **__):
    fits = tuple(x.shape[-len(normalized_shape) :]) == tuple(normalized_shape)
    return new(x, x.shape) if fits else None


def linear_shape(x, weight, bias=None):
    fits = (
        x.dim() > 1
        and weight.dim() == 2
        and x.shape[-1] == weight.shape[1]
        and x.dtype == weight.dtype
        and (bias is None or bias.shape == weight.shape[:1])
    )
    return new(x, x.shape[:-1] + weight.shape[:1]) if fits else None


def matmul_shape(a, b):
    fits = a.dim() == b.dim() > 1 and a.shape[:-2] == b.shape[:-2] and a.shape[-1] == b.shape[-2] and a.dtype == b.dtype
    return new(a, a.shape[:-1] + b.shape[-1:]) if fits else None


def conv_shape(x, weight, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    if x.dim() != weight.dim() or x.shape[1] != weight.shape[1] * groups or x.dtype != weight.dtype:
        return None
    stride, padding, dilation = (v if len(v) > 1 else v * (x.dim() - 2) for v in (stride, padding, dilation))
    if min(*stride, *dilation) < 1:
        return None
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    ]
    return new(x, [x.shape[0], weight.shape[0], *size]) if min(size) > 0 else None


def attention_shape(q, k, v, mask=None, *_, **__):
    fits = (
        mask is None
        and q.dim() == k.dim() == v.dim() == 4
        and q.shape[:2] == k.shape[:2] == v.shape[:2]
        and q.shape[-1] == k.shape[-1]
        and k.shape[-2] == v.shape[-2]
    )
    return new(q, (*q.shape[:-1], v.shape[-1])) if fits else None


def cat_shape(tensors, dim=0):
    first = tensors[0]
    if not -first.dim() <= dim < first.dim():
        return None
    dim %= first.dim()
    others = {(t.shape[:dim], t.shape[dim + 1 :], t.dtype, t.device) for t in tensors}
    total = sum(t.shape[dim] for t in tensors) if len(others) == 1 else 0
    return new(first, first.shape[:dim] + (total,) + first.shape[dim + 1 :]) if total else None


def adaptive_pool_shape(x, size):
    fits = x.dim() == 4 and len(size) == 2 and min(*x.shape[1:], *size) > 0
    return new(x, x.shape[:-2] + tuple(size)) if fits else None


ACTIVATIONS = "relu relu6 gelu silu hardswish hardsigmoid hardtanh sigmoid tanh leaky_relu elu mish".split()
SHORT = dict.fromkeys([*ACTIVATIONS, "roll"], same) | dict.fromkeys(
    ["add", "sub", "mul", "div", "clamp_min"], broadcast
)
SHORT |= dict.fromkeys(["conv1d", "conv2d", "conv3d"], conv_shape)
SHORT |= {
    "softmax": same_softmax,
    "batch_norm": same_batch_norm,
    "layer_norm": same_layer_norm,
    "rms_norm": same_layer_norm,
    "cat": cat_shape,
    "adaptive_avg_pool2d": adaptive_pool_shape,
    "linear": linear_shape,
    "matmul": matmul_shape,
    "bmm": matmul_shape,
    "scaled_dot_product_attention": attention_shape,
}
PLAIN = ("default", "Tensor", "Scalar", "int")  # the forms of an operator that the short cuts are written for


# ---- 3. The recorder ----------------------------------------------------------------------------------------------


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

    def __init__(self, model):
        super().__init__()
        self.names = {module: name or ROOT for name, module in model.named_modules()}
        self.rows, self.uncounted, self.claimed = [], {}, set()
        self.calls, self.asked, self.row_of = [], None, {}

    # What torch tells us: operators

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rule = rule_of(operator)
        out = None
        if rule.short is not None and getattr(args[0], "is_meta", True):
            out = rule.short(*args, **kwargs)
        if out is None:
            if not rule.known and rule.name not in WHOLE:
                out = self.decompose(operator, args, kwargs)
                if out is not NotImplemented:
                    return out
            out = run_on_meta(operator, args, kwargs)
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

    def decompose(self, operator, args, kwargs):
        """Let torch take an operator apart (einsum, nn.LSTM) and look at the pieces; NotImplemented where it has none."""
        before, self.asked = self.asked, self.asked or operator
        try:
            with self:
                return operator.decompose(*args, **kwargs)
        finally:
            self.asked = before

    # What the modules tell us: calls

    def watched(self, module):
        """Return the module's forward, reporting its calls."""
        forward, is_layer = module.forward, not any(child is not None for child in module._modules.values())

        def reporting(*args, **kwargs):
            if self.calls:
                self.calls[-1].whole = False
                self.write_work(self.calls[-1])  # what the caller did before this call comes first
            call = Call(module, steps_of(module, [*args, *kwargs.values()]))
            self.calls.append(call)
            try:
                if chooses_by_floats(module, tensors_in((args, kwargs))):
                    raise ValueError("its input must hold whole numbers")  # on meta, torch 2.11 does not mind
                out = forward(*args, **kwargs)
            except (RuntimeError, ValueError, IndexError, AssertionError, ArithmeticError) as error:
                if isinstance(error, CannotRun):
                    raise
                raise CannotRun(complaint(self.names[module], module, tensors_in((args, kwargs)), error)) from None
            finally:
                self.calls.pop()
            if call.whole and (is_layer or call.operators):
                self.write(call, tensors_in((args, kwargs)), tensors_in(out))
            else:
                self.write_work(call)
            return out

        return reporting

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


ROOT = "(model)"  # the name of the whole network in its own table


class CannotRun(ValueError):
    """The network does not take this input."""


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


NO_WINDOW = (None,) * 5


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


def run_on_meta(operator, args, kwargs):
    """Run an operator; where it mixes meta with another device, take all of it to meta."""
    try:
        return operator(*args, **kwargs)
    except RuntimeError:
        moved_args, moved_kwargs = tree_map(to_meta, (args, kwargs))
        if all(a is b for a, b in zip(tree_leaves((args, kwargs)), tree_leaves((moved_args, moved_kwargs)))):
            raise
        return operator(*moved_args, **moved_kwargs)


@contextmanager
def on_meta(model, recorder):
    """Within, the model's weights are shapes alone, it is in eval mode, and its calls go to the recorder.

    Only the modules' attributes are exchanged, and all are put back: the weights themselves are never touched or copied.
    The user's hooks do not run. A weight that two layers share stays shared.
    """
    modules = list(recorder.names)
    before = [dict(module.__dict__) for module in modules]
    twins = {}

    def twin(tensor):
        if tensor is None or tensor.is_meta:
            return tensor
        if id(tensor) not in twins:
            twins[id(tensor)] = torch.empty_like(tensor, device=META)
        return twins[id(tensor)]

    try:
        for module in modules:
            inside = module.__dict__
            inside["training"] = False
            inside["forward"] = recorder.watched(module)
            inside["_parameters"] = {name: twin(p) for name, p in inside["_parameters"].items()}
            inside["_buffers"] = {name: twin(b) for name, b in inside["_buffers"].items()}
            for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
                inside[hooks] = OrderedDict()
            if "_flat_weights" in inside:  # nn.LSTM and its kin keep a second list of their weights
                inside["_flat_weights"] = [twin(weight) for weight in inside["_flat_weights"]]
        yield
    finally:
        for module, attributes in zip(modules, before):
            module.__dict__.clear()
            module.__dict__.update(attributes)


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
            f"give a list with a shape for each input"
        ) from None
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    recorder = Recorder(model)
    with torch.random.fork_rng(devices=gpus), torch.inference_mode(), on_meta(model, recorder):
        try:
            with recorder:
                model(*inputs)
        except CannotRun as error:
            raise ValueError(f"{error}{no_batch(model, inputs)}") from None
        recorder.write_rest()
    return CostTable(recorder.rows, recorder.uncounted)


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
            f"a tensor, or a list of these with one for each input"
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


def chooses_by_floats(module, inputs):
    return isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and bool(inputs) and inputs[0].is_floating_point()


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
                f"change input_shape or in_channels"
            )
        return f"{layer} cannot slide over input {got}{has}: {reason}; use a larger image or more padding"
    if has and hasattr(module, "in_features") and x.dim() and x.shape[-1] != weight.shape[-1]:
        return (
            f"{layer} expects {module.in_features} input features{has}, got input {got}: "
            f"change input_shape or in_features"
        )
    if isinstance(getattr(module, "num_features", None), int) and x.dim() > 1 and x.shape[1] != module.num_features:
        return (
            f"{layer} expects {module.num_features} channels{has}, got input {got}: change input_shape or num_features"
        )
    if chooses_by_floats(module, inputs):
        return (
            f"{layer} expects whole numbers, which choose rows of its weight {show(weight.shape)}, got a float "
            f"input {got}: pass a tensor of them, such as torch.zeros({got}, dtype=torch.long)"
        )
    if "meta" in reason:
        return f"{layer} needs the values of its input {got}, but a cost table has shapes alone: {reason}"
    return f"{layer} cannot take input {got}{has}: {reason}; change input_shape or the layer"


def show(shape):
    return str(tuple(shape))


# ---- 4. The table -------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One layer in one call, or a stretch of work of a module between the layers inside it."""

    name: str  # dotted, as in model.named_modules()
    kind: str  # its class
    in_shape: tuple | None  # the first tensor it takes; None where the layer was never called
    out_shape: tuple | None  # the first tensor it gives
    kernel_size: tuple | None
    stride: tuple | None
    padding: tuple | str | None
    dilation: tuple | None
    groups: int | None
    params: int  # of its own, counted where they are first used: shared ones once
    memory: int  # bytes: the values it gives × 4, also where it writes over its input
    macs: int
    operators: tuple  # where it is a stretch of a module's own work: the operators; empty for a whole layer
    steps: int | None = None  # time steps in one call of a recurrent layer; its macs and memory are those of all steps

    @property
    def macs_per_step(self):
        """MACs of one time step of a recurrent layer, all its layers and directions; None where there are no steps."""
        return self.macs // self.steps if self.steps else None


class Total(NamedTuple):
    params: int
    memory: int  # bytes
    macs: int


CONVENTION = (
    "MACs are multiply-adds of convolutions, linear layers and matrix products; FLOPs = 2 × MACs.",
    "Not counted: bias, activation, normalisation, pooling, softmax, addition.",
    "Memory: output values × 4 bytes",
)


class CostTable:
    """A row for each layer, and their totals.

    rows:      list of Row, in the order of execution
    total:     params, memory (bytes), macs: the sums over the rows
    uncounted: names of operators that may do multiply-adds and could not be counted; empty when the table is complete
    """

    def __init__(self, rows, uncounted=()):
        self.rows = list(rows)
        self._where = dict(uncounted) if uncounted else {}
        self.total = Total(*(sum(getattr(row, column) for row in self.rows) for column in Total._fields))

    @property
    def uncounted(self):
        return sorted(self._where)

    def only(self, *kinds):
        """Return the table of the rows of these kinds, such as only("Conv2d", "Linear").

        raises: ValueError where the table has no row of a kind
        """
        present = {row.kind: None for row in self.rows}
        for kind in kinds:
            if not isinstance(kind, str) or kind not in present:
                raise ValueError(f"kind (={kind!r}) is in no row: choose from {', '.join(present)}")
        return CostTable([row for row in self.rows if row.kind in kinds], self._where)

    def by_block(self, depth=1):
        """Return a table with one row for all layers whose names begin with the same `depth` parts."""
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise ValueError(f"depth (={depth!r}) must be a whole number of at least 1")
        blocks = {}
        for row in self.rows:
            blocks.setdefault(".".join(row.name.split(".")[:depth]), []).append(row)
        rows = []
        for name, block in blocks.items():
            ran = [row for row in block if row.out_shape is not None] or block
            kind = block[0].kind if len(block) == 1 else f"{len(block)} rows"
            steps = block[0].steps if len(block) == 1 else None
            rows.append(
                Row(name, kind, ran[0].in_shape, ran[-1].out_shape, *NO_WINDOW, *CostTable(block).total, (), steps)
            )
        return CostTable(rows, self._where)

    def share(self, column):
        """Return each row's part of the total, from 0 to 1.

        column: "params", "memory" or "macs"
        """
        if not isinstance(column, str) or column not in Total._fields:
            raise ValueError(f"column (={column!r}) must be one of {', '.join(Total._fields)}")
        total = getattr(self.total, column)
        return [getattr(row, column) / total if total else 0.0 for row in self.rows]

    def records(self):
        """Return a list with a dict for each row, keys as in Row; memory in bytes."""
        return [row._asdict() for row in self.rows]

    def csv(self, path=None):
        """Return the table as comma-separated text, memory in bytes; with a path, write it there too."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(Row._fields)
        for row in self.rows:
            out.writerow(
                [
                    " ".join(map(str, row.operators)) if field == "operators" else by(value)
                    for field, value in zip(Row._fields, row)
                ]
            )
        if path is not None:
            write_whole(path, text.getvalue().encode("utf-8"))
        return text.getvalue()

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)

    def notes(self):
        """Return what must be said under the table."""
        missing = [f"{name} (in {where})" for name, where in sorted(self._where.items())]
        size = self.total.memory / 1024
        memory = f"{CONVENTION[-1]}, {f'{size:,.1f} KiB' if size < 1024 else f'{size / 1024:,.2f} MiB'} in all."
        if any(row.kernel_size is not None for row in self.rows):
            memory += " Window: kernel, s stride, p padding, d dilation, g groups."
        one_step = {f"{row.macs_per_step:,} in {row.name}": None for row in self.rows if row.steps}
        steps = (
            [f"MACs of a recurrent layer: of all its steps. Of one step: {', '.join(one_step)}."] if one_step else []
        )
        warning = [f"NOT COUNTED, so the MACs are too few: {', '.join(missing)}."] if missing else []
        return [*CONVENTION[:-1], memory, *steps, *warning]


COLUMNS = ("name", "kind", "input", "output", "window", "params", "memory", "MACs", "MACs")
UNITS = ("", "", "", "", "", "", "KiB", "", "%")
NUMBERS = COLUMNS[5:]


def by(value):
    """Write a shape as 1x3x224x224."""
    return "" if value is None else "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def window_text(row):
    """Write kernel, stride, padding, dilation and groups as 3x3 s2 p1 d2 g4; what is usual is left out."""
    if row.kernel_size is None:
        return ""
    text = by(row.kernel_size)
    for field, usual in (("stride", None), ("padding", 0), ("dilation", 1), ("groups", 1)):
        value = getattr(row, field)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value is not None and value != usual:
            text += f" {field[0]}{by(value)}"
    return text


def kind_text(row):
    """Write a row's class and how many time steps it took; for a stretch of a module's own work, what it did there."""
    if row.steps:
        return f"{row.kind}: {row.steps} step{'s' if row.steps > 1 else ''}"
    counted = [name for name in row.operators if name in MACS]
    return f"{row.kind}: {', '.join(counted or row.operators)}" if row.operators else row.kind


def cells(row, total):
    """Write one row of the table, a string for each of COLUMNS."""
    share = f"{100 * row.macs / total.macs if total.macs else 0:.1f}"
    output = "not run" if row.in_shape is row.out_shape is None else by(row.out_shape)
    return [
        row.name,
        kind_text(row),
        by(row.in_shape),
        output,
        window_text(row),
        f"{row.params:,}",
        f"{row.memory / 1024:,.1f}",
        f"{row.macs:,}",
        share,
    ]


def total_cells(total):
    return [
        "total",
        "",
        "",
        "",
        "",
        f"{total.params:,}",
        f"{total.memory / 1024:,.1f}",
        f"{total.macs:,}",
        "100.0" if total.macs else "0.0",
    ]


TEXT_WIDTH = 112  # the 21 rows of AlexNet with their input shapes


def shortened(name, width):
    """Write encoder.layers.encoder_layer_0.ln_1 as e.l.e0.ln_1, from the left and only as far as the width asks for."""
    parts = name.split(".")
    for i, part in enumerate(parts[:-1]):
        if len(".".join(parts)) <= width:
            break
        stem = part.rstrip("0123456789")
        parts[i] = stem[:1] + part[len(stem) :]
    return ".".join(parts)


def as_text(table):
    """Write the table in columns, at most TEXT_WIDTH wide: long names and kinds are shortened; where that is not
    enough, the input shape goes, which mostly is the output shape of the row above."""
    lines = [COLUMNS, UNITS, *(cells(row, table.total) for row in table.rows), total_cells(table.total)]
    width = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    used = [i for i in range(len(COLUMNS)) if any(line[i] for line in lines[2:])]
    for column, least in (("name", 24), ("kind", 18), ("input", 0), ("name", 14), ("kind", 12)):
        i = COLUMNS.index(column)
        excess = sum(width[j] for j in used) + 2 * (len(used) - 1) - TEXT_WIDTH
        if excess > 0 and least == 0 and i in used:
            used.remove(i)
        elif excess > 0:
            width[i] = min(width[i], max(least, width[i] - excess))

    def cut(text, i):
        text = shortened(text, width[i]) if COLUMNS[i] == "name" else text
        kind, colon, work = text.partition(":")
        room = width[i] - 2 - len(colon + work)
        if len(text) <= width[i] or room < 4:
            return text if len(text) <= width[i] else text[: width[i] - 2] + ".."
        return kind[:room] + ".." + colon + work

    def line_of(line):
        aligned = (f"{cut(line[i], i):{'>' if COLUMNS[i] in NUMBERS else '<'}{width[i]}}" for i in used)
        return "  ".join(aligned).rstrip()

    rule = "-" * (sum(width[i] for i in used) + 2 * (len(used) - 1))
    body = [line_of(line) for line in lines]
    notes = [part for note in table.notes() for part in textwrap.wrap(note, TEXT_WIDTH)]
    return "\n".join([*body[:2], rule, *body[2:-1], rule, body[-1], *notes])


# Colours come from JupyterLab's theme where there is one; the bars are transparent, so they suit light and dark.
STYLE = """
.cost-table { overflow: auto; max-height: 36em; color: var(--jp-ui-font-color1, inherit); }
.cost-table table { border-collapse: separate; border-spacing: 0; font-size: 0.9em; margin: 0; }
.cost-table th, .cost-table td { padding: 0.2em 0.7em; text-align: left; white-space: nowrap; }
.cost-table .n { text-align: right; font-variant-numeric: tabular-nums; }
.cost-table thead th, .cost-table tfoot td { position: sticky; z-index: 1;
  background: var(--jp-layout-color2, var(--vscode-editor-background, Canvas)); }
.cost-table thead th { top: 0; border-bottom: 1px solid var(--jp-border-color1, gray); }
.cost-table tfoot td { bottom: 0; border-top: 1px solid var(--jp-border-color1, gray); font-weight: bold; }
.cost-table tbody .n {
  background: linear-gradient(to right, rgba(86, 156, 214, 0.45) var(--s, 0%), transparent var(--s, 0%)); }
.cost-notes { font-size: 0.85em; margin: 0.4em 0; color: var(--jp-ui-font-color2, inherit); }
"""


def as_html(table):
    """Write the table as HTML: a bar behind each number is its share of the total."""

    def row_of(values, shares=None):
        tds = []
        for i, (column, value) in enumerate(zip(COLUMNS, values)):
            bar = ""
            if shares is not None and 5 <= i <= 7 and shares[i - 5] >= 0.001:
                bar = f' style="--s:{100 * shares[i - 5]:.1f}%"'
            text = escape(value) if i < 2 else escape(value).replace("x", "\N{MULTIPLICATION SIGN}")
            tds.append(f'<td class="n"{bar}>{text}</td>' if column in NUMBERS else f"<td>{text}</td>")
        return f"<tr>{''.join(tds)}</tr>"

    head = "".join(
        f'<th scope="col"{" class=n" if column in NUMBERS else ""}>{" ".join(filter(None, (column, unit)))}</th>'
        for column, unit in zip(COLUMNS, UNITS)
    )
    shares = zip(*(table.share(column) for column in Total._fields))
    body = "\n".join(row_of(cells(row, table.total), parts) for row, parts in zip(table.rows, shares))
    said = [*table.notes(), "A bar is the row's share of its column's total."]
    notes = "<br>".join(f"<b>{escape(note)}</b>" if note.startswith("NOT") else escape(note) for note in said)
    return (
        f"<style>{STYLE}</style>\n"
        f'<div class="cost-table" tabindex="0" role="region" aria-label="Cost of each layer"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n<tfoot>{row_of(total_cells(table.total))}</tfoot>\n"
        f'</table></div>\n<p class="cost-notes">{notes}</p>'
    )
