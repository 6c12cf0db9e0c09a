"""The short cuts: the shape of an answer, where it is plain to see.

Without numbers torch still walks through every step of a normalisation, an activation or an attention, which is slow,
though the shape of the answer is plain to see. A short cut returns an empty tensor of that shape, or None where the case
is not the plain one: then torch decides, and complains if it must.
"""

import torch

from helpers.costs.rules import META


def empty(x, shape):
    """Return an empty tensor of a shape, with x's type."""
    return torch.empty(shape, dtype=x.dtype, device=META)


def empty_as(x):
    """Return an empty tensor of x's shape and, in its thought memory, x's order; detach() is the fastest way to one."""
    return x.detach() if x.is_contiguous() else torch.empty_like(x)


def shape_kept(x, *_, **__):
    """Element by element: the output has the input's shape."""
    return empty_as(x) if x.is_floating_point() else None


def broadcast(x, y, **_):
    """x + y, x * y and their like: a side of length 1 stretches to the other's."""
    if not isinstance(y, torch.Tensor):
        return shape_kept(x)
    if x.dtype != y.dtype or not x.is_floating_point():
        return None
    if x.shape == y.shape:
        return empty_as(x)
    sides = max(x.dim(), y.dim())
    pairs = list(zip((1,) * (sides - x.dim()) + x.shape, (1,) * (sides - y.dim()) + y.shape))
    fits = all(a == b or a == 1 or b == 1 for a, b in pairs)
    return empty(x, [b if a == 1 else a for a, b in pairs]) if fits else None


def written_over(short):
    """Turn the short cut of relu into that of relu_: the output is the input itself."""

    def in_place(x, *args, **kwargs):
        out = short(x, *args, **kwargs)
        return x if out is not None and out.shape == x.shape else None

    return in_place


def same_softmax(x, dim, dtype=None, **_):
    return empty(x, x.shape) if dtype is None and -x.dim() <= dim < x.dim() else None


def must_match(x, weight):
    """Raise where a normalisation's weight is of another type: torch does not mind on meta, elsewhere it does."""
    if weight is not None and weight.dtype != x.dtype and x.dtype not in (torch.float16, torch.bfloat16):
        raise RuntimeError(f"expected scalar type {weight.dtype}, got {x.dtype}")


def same_batch_norm(x, weight, bias, mean, *_, **__):
    must_match(x, weight)
    fits = x.dim() > 1 and all(p is None or p.shape[0] == x.shape[1] for p in (weight, mean))
    return empty_as(x) if fits else None


def same_layer_norm(x, normalized_shape, weight=None, *_, **__):
    must_match(x, weight)
    fits = tuple(x.shape[-len(normalized_shape) :]) == tuple(normalized_shape)
    return empty(x, x.shape) if fits else None


def same_group_norm(x, groups, weight=None, bias=None, *_, **__):
    must_match(x, weight)
    fits = x.dim() > 1 and groups > 0 and x.shape[1] % groups == 0
    return empty_as(x) if fits and all(p is None or p.shape == x.shape[1:2] for p in (weight, bias)) else None


def linear_shape(x, weight, bias=None):
    fits = (
        x.dim() > 1
        and weight.dim() == 2
        and x.shape[-1] == weight.shape[1]
        and x.dtype == weight.dtype
        and (bias is None or bias.shape == weight.shape[:1])
    )
    return empty(x, x.shape[:-1] + weight.shape[:1]) if fits else None


def matmul_shape(a, b):
    fits = a.dim() == b.dim() > 1 and a.shape[:-2] == b.shape[:-2] and a.shape[-1] == b.shape[-2] and a.dtype == b.dtype
    return empty(a, a.shape[:-1] + b.shape[-1:]) if fits else None


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
    return empty(x, [x.shape[0], weight.shape[0], *size]) if min(size) > 0 else None


def attention_shape(q, k, v, mask=None, *_, **__):
    fits = (
        q.dim() == k.dim() == v.dim() > 2
        and q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
        and q.shape[-1] == k.shape[-1]
        and k.shape[-2] == v.shape[-2]
        and (mask is None or stretches(mask, (*q.shape[:-1], k.shape[-2])) and mask.dtype in (torch.bool, q.dtype))
    )
    return empty(q, (*q.shape[:-1], v.shape[-1])) if fits else None


def stretches(x, shape):
    """Return whether x's sides are those of a shape, or 1, or missing from the left."""
    return x.dim() <= len(shape) and all(n in (1, side) for n, side in zip(reversed(x.shape), reversed(shape)))


def embedding_shape(weight, tokens, *_, **__):
    """Rows of the weight; torch does not mind floats on meta, elsewhere it does."""
    if tokens.dtype not in (torch.int64, torch.int32):
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have scalar types Long, Int; got {tokens.dtype}"
        )
    return empty(weight, (*tokens.shape, *weight.shape[1:])) if weight.dim() == 2 else None


def cat_shape(tensors, dim=0):
    first = tensors[0]
    if not -first.dim() <= dim < first.dim():
        return None
    dim %= first.dim()
    others = {(t.shape[:dim], t.shape[dim + 1 :], t.dtype, t.device) for t in tensors}
    total = sum(t.shape[dim] for t in tensors) if len(others) == 1 else 0
    return empty(first, first.shape[:dim] + (total,) + first.shape[dim + 1 :]) if total else None


def stack_shape(tensors, dim=0):
    first = tensors[0]
    sides = first.dim() + 1
    if not -sides <= dim < sides or len({(t.shape, t.dtype, t.device) for t in tensors}) > 1:
        return None
    return empty(first, first.shape[: dim % sides] + (len(tensors),) + first.shape[dim % sides :])


def averaged_shape(x, dim=None, keepdim=False, *, dtype=None):
    """A mean or a norm over some dimensions, each given once."""
    if not x.is_floating_point() or dtype is not None or dim is None:
        return None
    dims = {d % x.dim() if -x.dim() <= d < x.dim() else None for d in ([dim] if isinstance(dim, int) else dim)}
    if not dims or None in dims or not isinstance(dim, int) and len(dims) < len(dim):
        return None
    sides = [1 if d in dims else n for d, n in enumerate(x.shape) if keepdim or d not in dims]
    return empty(x, sides)


def norm_shape(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    return averaged_shape(x, dim, keepdim, dtype=dtype)


def adaptive_pool_shape(x, size):
    fits = x.dim() == 4 and len(size) == 2 and min(*x.shape[1:], *size) > 0
    return empty(x, x.shape[:-2] + tuple(size)) if fits else None


def pool_shape(sides, x, window, stride, padding, dilation, ceil_mode):
    """Positions at which the window begins within x or its left padding; with ceil_mode the last may reach over the right."""
    given = [v if len(v) > 1 else v * sides for v in (window, stride or window, padding, dilation)]
    if x.dim() != sides + 2 or {len(v) for v in given} != {sides}:
        return None
    size = []
    for n, k, s, p, d in zip(x.shape[2:], *given):
        if min(k, s, d) < 1 or not 0 <= p <= k // 2:
            return None
        out = (n + 2 * p - d * (k - 1) - 1 + (s - 1) * ceil_mode) // s + 1
        size.append(out - (ceil_mode and (out - 1) * s >= n + p))
    return empty(x, (*x.shape[:2], *size)) if min(*x.shape[1:], *size) > 0 else None


def max_pool_shape(sides):
    def shape(x, window, stride=(), padding=(0,), dilation=(1,), ceil_mode=False):
        return pool_shape(sides, x, window, stride, padding, dilation, ceil_mode)

    return shape


def avg_pool_shape(x, window, stride=(), padding=(0,), ceil_mode=False, *_):
    return pool_shape(2, x, window, stride, padding, (1,), ceil_mode) if x.is_floating_point() else None


def resized_shape(x, size, *more):
    """An image to a size, or each side times a factor, which stands last."""
    sides, factors = x.shape[2:], more[-1] if more else None
    if size is None and factors is not None and len(factors) == len(sides):
        size = [int(n * factor) for n, factor in zip(sides, factors)]
    fits = size is not None and len(size) == len(sides) and min(*x.shape[1:], *size) > 0 and x.is_floating_point()
    return empty(x, (*x.shape[:2], *size)) if fits else None


def power_shape(x, exponent):
    return shape_kept(x) if isinstance(x, torch.Tensor) and isinstance(exponent, (int, float)) else None


ACTIVATIONS = (
    "relu relu6 gelu silu hardswish hardsigmoid hardtanh sigmoid tanh leaky_relu elu mish clamp neg exp sqrt".split()
)
SHORT = dict.fromkeys([*ACTIVATIONS, "roll"], shape_kept) | dict.fromkeys(
    ["add", "sub", "mul", "div", "clamp_min"], broadcast
)
SHORT |= dict.fromkeys(["conv1d", "conv2d", "conv3d"], conv_shape)
SHORT |= {f"max_pool{sides}d": max_pool_shape(sides) for sides in (1, 2, 3)}
SHORT |= dict.fromkeys(["upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"], resized_shape)
SHORT |= {
    "softmax": same_softmax,
    "batch_norm": same_batch_norm,
    "layer_norm": same_layer_norm,
    "rms_norm": same_layer_norm,
    "group_norm": same_group_norm,
    "pow": power_shape,
    "cat": cat_shape,
    "stack": stack_shape,
    "embedding": embedding_shape,
    "_nested_tensor_from_mask_left_aligned": lambda x, mask: False,  # so that padding saves nothing
    "mean": averaged_shape,
    "avg_pool2d": avg_pool_shape,
    "linalg_vector_norm": norm_shape,
    "adaptive_avg_pool2d": adaptive_pool_shape,
    "linear": linear_shape,
    "matmul": matmul_shape,
    "bmm": matmul_shape,
    "scaled_dot_product_attention": attention_shape,
}
PLAIN = (
    "default",
    "Tensor",
    "Scalar",
    "Tensor_Scalar",
    "int",
    "dim",
    "vec",
)  # the forms of an operator that the short cuts are written for
