"""Which operators are counted, by which rule, and which are known to do no multiply-adds worth counting."""

import math

import torch

META = torch.device("meta")
BYTES = 4  # a value is counted as a 32-bit float


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


# These are sums of products too, which torch's own counter leaves out: counted by rules of ours, and said under the table.


def pairs_macs(out, a, b, *_):
    """Every entry of a with its entry of b: one dot product for each vector."""
    return math.prod(torch.broadcast_shapes(a.shape, b.shape))


def cosine_macs(out, a, b, *_):
    """a·b, a·a, b·b."""
    return 3 * pairs_macs(out, a, b)


def distance_macs(out, a, *_):
    """Differences squared and summed over the last side."""
    return out.numel() * a.shape[-1]


def bilinear_macs(out, a, b, weight, *_):
    """Each output: all products of an entry of a, an entry of b, and their weight; the smaller product is not counted."""
    return out.numel() * weight.shape[1] * weight.shape[2]


def resize_macs(taps):
    """Each output value is a weighted sum of `taps` neighbours a side; with antialias of more, where the image shrinks."""

    def macs(out, x, *_, antialias=False):
        sides = zip(x.shape[2:], out.shape[2:])
        return math.prod(out.shape[:2]) * math.prod(
            math.ceil(n * taps * (max(1, before / n) if antialias else 1)) for before, n in sides
        )

    return macs


def antialias_macs(taps):
    return lambda out, x, *_: resize_macs(taps)(out, x, antialias=True)


def grid_sample_macs(out, x, grid, mode=0, *_):
    """Bilinear 2, nearest none, bicubic 4 neighbours a side."""
    return out.numel() * (0 if mode == 1 else (2, 0, 4)[mode] ** (x.dim() - 2))


def fft_macs(out, x, dims, *rest):
    """n·log₂n for each transform of n points; a real one counts as a complex one."""
    full = x if out.is_complex() else out
    points = math.prod(full.shape[d] for d in dims)
    return round(full.numel() * math.log2(points)) if points > 1 else 0


def deform_macs(out, x, weight, *_):
    """As a plain convolution; finding the values between the pixels is not counted."""
    return conv_macs(out, x, weight)


def roi_align_macs(out, x, boxes, scale, height, width, samples, *_):
    """Each output is the mean of samples × samples points, 4 products each; None where their number depends on the box."""
    return out.numel() * 4 * samples**2 if samples > 0 else None


OURS = {
    "cosine_similarity": (cosine_macs, "3 products for each pair of entries"),
    "linalg_vecdot": (pairs_macs, "one product for each pair of entries"),
    "kron": (outer_macs, "one product a value"),
    "cdist": (distance_macs, "one square for each difference"),
    "pdist": (distance_macs, "one square for each difference"),
    "bilinear": (bilinear_macs, "one product for each weight"),
    "upsample_linear1d": (resize_macs(2), "2 products a value"),
    "upsample_bilinear2d": (resize_macs(2), "4 products a value"),
    "upsample_trilinear3d": (resize_macs(2), "8 products a value"),
    "upsample_bicubic2d": (resize_macs(4), "16 products a value"),
    "_upsample_bilinear2d_aa": (antialias_macs(2), "4 products a value, more where it shrinks"),
    "_upsample_bicubic2d_aa": (antialias_macs(4), "16 products a value, more where it shrinks"),
    "_upsample_lanczos2d_aa": (antialias_macs(6), "36 products a value, more where it shrinks"),
    "affine_grid_generator": (lambda out, *_: out.numel() * (out.shape[-1] + 1), "3 products a value, 4 in 3d"),
    "grid_sampler": (grid_sample_macs, "4 products a value, 8 in 3d, 16 bicubic"),
    "_fft_c2c": (fft_macs, "n·log₂n for each transform of n points"),
    "_fft_r2c": (fft_macs, "n·log₂n for each transform of n points"),
    "_fft_c2r": (fft_macs, "n·log₂n for each transform of n points"),
    "torchvision.deform_conv2d": (deform_macs, "as a plain convolution"),
    "torchvision.roi_align": (roi_align_macs, "4 products for each sampled point"),
}

MACS = {name: macs for name, (macs, _) in OURS.items()} | {
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
    "conv_tbc": lambda out, x, weight, *_: out.numel() * weight[..., 0].numel(),
    "_int_mm": matmul_macs,
    "_scaled_mm": lambda out, a, b, *_: matmul_macs(out, a, b),
    "_addmm_activation": addmm_macs,
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
    torchvision.nms torchvision.roi_pool
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
    _local_scalar_dense item _nested_tensor_from_mask_left_aligned _has_compatible_shallow_copy_type
""".split()
)

# What torch.autocast does to the inputs of these: fewer bits, 32 bits, or as many as the input with most.
LOWERED = MACS.keys() - OURS.keys() - {"dot", "vdot", "outer", "ger"} | {"prelu", "_prelu_kernel"}
RAISED = {
    "cpu": frozenset("mse_loss nll_loss cdist grid_sampler prod trace kl_div huber_loss".split()),
    "cuda": frozenset(
        """softmax log_softmax layer_norm group_norm norm exp log log2 log10 log1p pow rsqrt sum prod cumsum cumprod softplus
        cosh sinh tan acos asin erfinv cosine_similarity cdist dist renorm mse_loss nll_loss kl_div l1_loss""".split()
    ),
}
WIDENED = frozenset("cat stack addcdiv addcmul bilinear cross index_put scatter_add grid_sampler".split())
