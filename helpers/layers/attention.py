"""Attention from scratch, and the three ways of telling it where a token stands.

Shapes: N sequences in a batch, T tokens that ask (queries), S tokens that are asked (keys and values; T in
self-attention), D numbers per token. With several heads a tensor is (N, heads, T, D / heads).

A mask is boolean or additive. An additive mask, of floats, is added to the scores: 0 changes nothing, -∞ forbids. For a
boolean mask torch has two opposite meanings, and each is kept where it stands in torch:
    attention, as F.scaled_dot_product_attention       True: this query may look at this key
    MultiHeadAttention, as nn.MultiheadAttention       True: this query may NOT look at this key
A query that may look nowhere gets zeros, as from F.scaled_dot_product_attention.
"""

import math
from itertools import product

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from helpers.checks import check_multiple, check_number, check_positive, check_tensor, whole, whole_pair

# --------------------------------------------------------------------------------------------- one head


def causal_mask(T, S=None, device=None):
    """Return which keys each query may look at where the future is hidden: key s for query t if s ≤ t.

    T, S:    int, queries and keys; S is T where left out
    returns: (T, S) boolean, True where query t may look at key s
    raises:  ValueError where a number is not a whole number of at least 1
    """
    T, S = whole("T", T, 1), whole("S", T if S is None else S, 1)
    return torch.ones(T, S, dtype=torch.bool, device=device).tril()


def attention_naive(query, key, value, mask=None, is_causal=False, scale=None):
    """Compare each query with each key, and average the values by how alike they are, one by one: the definition.

    Arguments, result and errors are those of attention.

    Equals torch.nn.functional.scaled_dot_product_attention, slowly.  Source: Vaswani et al. 2017, equation 1.
    """
    *leading, T, S = check_attention(query, key, value, mask, is_causal)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    query, key, value = (x.expand(*leading, *x.shape[-2:]) for x in (query, key, value))
    mask = None if mask is None else mask.expand(*leading, T, S)
    out = query.new_zeros(*leading, T, value.shape[-1])
    for at in product(*map(range, leading)):  # each sequence and each head by itself
        for t in range(T):
            scores = []
            for s in range(S):
                score = scale * (query[at][t] * key[at][s]).sum()
                if mask is not None and mask.dtype != torch.bool:
                    score = score + mask[at][t, s]
                if (is_causal and s > t) or (mask is not None and mask.dtype == torch.bool and not mask[at][t, s]):
                    score = score - math.inf
                scores.append(score)
            largest = max((score.item() for score in scores), default=-math.inf)
            if largest == -math.inf:  # it may look nowhere
                continue
            parts = [torch.exp(score - largest) for score in scores]  # the shift changes no ratio; nothing overflows
            out[(*at, t)] = sum(part * value[at][s] for s, part in enumerate(parts)) / sum(parts)
    return out


def attention(query, key, value, mask=None, is_causal=False, scale=None, dropout=0.0, return_weights=False):
    """Average the values, each weighted by how well its key answers the query: softmax(QKᵀ·scale)·V.

    query:     (..., T, D), usually (N, heads, T, D)
    key:       (..., S, D)
    value:     (..., S, D_v); leading dimensions agree, or are 1
    mask:      None, or spreading over (..., T, S): boolean, True where the query may look at the key; or floats,
               added to the scores
    is_causal: query t may look at keys 0 to t only
    scale:     None for 1/√D, which keeps the scores' variance at 1 where queries and keys have variance 1
    dropout:   share of the weights set to 0, the others growing by 1/(1 - dropout); 0 outside of training
    returns:   (..., T, D_v); with return_weights also the weights (..., T, S), as used: each row sums to 1 without
               dropout. Both are 0 for a query that may look nowhere
    raises:    ValueError where shapes do not fit, or a mask comes with is_causal

    Equals torch.nn.functional.scaled_dot_product_attention.  Source: Vaswani et al. 2017, equation 1.
    """
    *_, T, S = check_attention(query, key, value, mask, is_causal, dropout)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.transpose(-2, -1)  # (..., T, S)
    if is_causal:
        mask = causal_mask(T, S, scores.device) if T and S else None
    if mask is None:
        weights = scores.softmax(dim=-1)
    else:
        if mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask, -math.inf)
        else:
            scores = scores + mask.to(scores.dtype)
        nowhere = (scores == -math.inf).all(dim=-1, keepdim=True)  # softmax would be 0/0, in the gradient too
        weights = scores.masked_fill(nowhere, 0).softmax(dim=-1).masked_fill(nowhere, 0)
    if dropout:
        weights = F.dropout(weights, dropout)
    out = weights @ value  # (..., T, D_v)
    return (out, weights) if return_weights else out


# ------------------------------------------------------------------------------------------- many heads


def split_heads(x, num_heads):
    """Cut each token's numbers into equal parts, one for each head.

    x:       (..., T, D)
    returns: (..., num_heads, T, D / num_heads)
    raises:  ValueError where num_heads does not divide D
    """
    check_tensor("x", x, "(..., T, D)", "one vector becomes a sequence by x[None]")
    check_multiple("embed_dim", x.shape[-1], "num_heads", whole("num_heads", num_heads, 1))
    return rearrange(x, "... t (heads d) -> ... heads t d", heads=num_heads)


def merge_heads(x):
    """Put the heads' parts of each token side by side again: (..., heads, T, D) → (..., T, heads*D).

    raises: ValueError where x has fewer than three dimensions
    """
    check_tensor("x", x, "(..., heads, T, D)", "give what split_heads gave")
    return rearrange(x, "... heads t d -> ... t (heads d)")


class MultiHeadAttention(nn.Module):
    """Several attentions at once, each in its own part of the width, between learnt projections.

    embed_dim:   D, width of the queries and of the output; each head has D / num_heads of it
    num_heads:   how many heads
    dropout:     share of the weights set to 0 while training
    bias:        whether the four projections add one
    kdim, vdim:  width of keys and values; None for embed_dim
    batch_first: True for (N, T, D), which is the default here and not in torch; False for (T, N, D)

    raises: ValueError where a number is out of its range, or num_heads does not divide embed_dim

    Argument names, first weights (for the same seed) and state_dict are those of torch.nn.MultiheadAttention.
    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, kdim=None, vdim=None, batch_first=True):
        super().__init__()
        self.embed_dim, self.num_heads = whole("embed_dim", embed_dim, 1), whole("num_heads", num_heads, 1)
        self.kdim = embed_dim if kdim is None else whole("kdim", kdim, 1)
        self.vdim = embed_dim if vdim is None else whole("vdim", vdim, 1)
        self.dropout, self.batch_first = check_number("dropout", dropout, 0, 1), batch_first
        check_multiple("embed_dim", embed_dim, "num_heads", num_heads)
        if self.kdim == self.vdim == embed_dim:  # torch keeps the three in one matrix where it can
            self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim))
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(embed_dim, embed_dim))
            self.k_proj_weight = nn.Parameter(torch.empty(embed_dim, self.kdim))
            self.v_proj_weight = nn.Parameter(torch.empty(embed_dim, self.vdim))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * embed_dim)) if bias else None
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.reset_parameters()

    def reset_parameters(self):
        for name, parameter in self.named_parameters(recurse=False):
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
        if self.in_proj_bias is not None:
            nn.init.zeros_(self.in_proj_bias)
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query, key=None, value=None, key_padding_mask=None, attn_mask=None, is_causal=False, return_weights=False
    ):
        """Let each query look at the keys. Without a key: self-attention. With one: cross-attention, value being key.

        query:            (N, T, D);  key: (N, S, kdim), None for query;  value: (N, S, vdim), None for key
        key_padding_mask: (N, S), True for the keys that nobody may look at; or floats to add
        attn_mask:        (T, S), (N*heads, T, S) as in torch, or whatever spreads over (N, heads, T, S); True where a
                          query may NOT look; or floats to add
        is_causal:        query t may look at keys 0 to t only; joins the masks (torch wants the mask beside it)
        returns:          (N, T, D); with return_weights also the weights of each head, (N, heads, T, S)
        raises:           ValueError where shapes do not fit
        """
        key = query if key is None else key
        value = key if value is None else value
        self.check(query, key, value)
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        mask = self.join_masks(key_padding_mask, attn_mask, is_causal, query, key)
        q, k, v = (split_heads(x, self.num_heads) for x in self.project(query, key, value))  # (N, heads, T, D/heads)
        dropout = self.dropout if self.training else 0.0
        out, weights = attention(q, k, v, mask, is_causal and mask is None, dropout=dropout, return_weights=True)
        out = self.out_proj(merge_heads(out))  # (N, T, D)
        out = out if self.batch_first else out.transpose(0, 1)
        return (out, weights) if return_weights else out

    def project(self, query, key, value):
        """Return what is asked, what each token offers and what it holds: (N, T, D), (N, S, D), (N, S, D)."""
        one = hasattr(self, "in_proj_weight")
        if one and query is key is value:  # one product is faster than three
            return F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        weights = self.in_proj_weight.chunk(3) if one else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return [F.linear(*each) for each in zip((query, key, value), weights, biases)]

    def join_masks(self, key_padding_mask, attn_mask, is_causal, query, key):
        """Return one additive mask for all of them, spreading over the scores (N, heads, T, S); None without any."""
        N, T, S, heads = len(query), query.shape[1], key.shape[1], self.num_heads
        masks = []
        if key_padding_mask is not None:
            check_mask("key_padding_mask", key_padding_mask, (N, S))
            masks.append(key_padding_mask.expand(N, S)[:, None, None, :])
        if attn_mask is not None:
            each = isinstance(attn_mask, torch.Tensor) and attn_mask.dim() == 3  # of its own for each head, as in torch
            check_mask("attn_mask", attn_mask, (N * heads, T, S) if each else (N, heads, T, S))
            masks.append(attn_mask.expand(N * heads, T, S).unflatten(0, (N, heads)) if each else attn_mask)
        if is_causal and masks:
            masks.append(~causal_mask(T, S, query.device))
        masks = [query.new_zeros(m.shape).masked_fill(m, -math.inf) if m.dtype == torch.bool else m for m in masks]
        return sum(masks[1:], start=masks[0]) if masks else None

    def check(self, query, key, value):
        """Raise ValueError unless queries, keys and values are batches of the layer's widths."""
        form = "(N, T, D)" if self.batch_first else "(T, N, D)"
        for name, x, width in (("query", query, self.embed_dim), ("key", key, self.kdim), ("value", value, self.vdim)):
            check_tensor(name, x, form, "one sequence becomes a batch by unsqueeze")
            if x.shape[-1] != width:
                raise ValueError(
                    f"{name} (width {x.shape[-1]}) must be {width} wide: change it, or embed_dim, kdim or vdim"
                )

    def extra_repr(self):
        text = f"{self.embed_dim}, num_heads={self.num_heads}"
        text += f", dropout={self.dropout}" if self.dropout else ""
        text += ", bias=False" if self.in_proj_bias is None else ""
        text += f", kdim={self.kdim}" if self.kdim != self.embed_dim else ""
        text += f", vdim={self.vdim}" if self.vdim != self.embed_dim else ""
        return text + ("" if self.batch_first else ", batch_first=False")


# -------------------------------------------------------------------------------------------- positions


def interpolate_positions(positions, old_grid, new_grid, extra_tokens=0):
    """Stretch learnt positions to a grid of another size, by bicubic interpolation; corners stay corners.

    positions:    (1, extra_tokens + H*W, D), row by row
    old_grid:     (H, W) of it, or an int for both;  new_grid: (H_new, W_new)
    extra_tokens: how many at the front stand outside the grid (class token, distillation token): they stay
    returns:      (1, extra_tokens + H_new*W_new, D)
    raises:       ValueError where positions do not make up the old grid

    Equals torchvision.models.vision_transformer.interpolate_embeddings. A relative bias table, as table[None] of a grid
    (2*M_h - 1, 2*M_w - 1), is stretched the same way.  Source: Dosovitskiy et al. 2021, section 3.2.
    """
    (H, W), new_grid = whole_pair("old_grid", old_grid, 1), whole_pair("new_grid", new_grid, 1)
    extra_tokens = whole("extra_tokens", extra_tokens, 0)
    check_tensor("positions", positions, "(1, T, D)", floats=True)
    if len(positions) != 1 or positions.shape[1] != extra_tokens + H * W:
        raise ValueError(
            f"positions (shape {tuple(positions.shape)}) must be (1, {extra_tokens + H * W}, D), "
            f"{extra_tokens} extra tokens and {H}*{W} places: change old_grid or extra_tokens"
        )
    if (H, W) == new_grid:
        return positions
    extra, places = positions[:, :extra_tokens], positions[:, extra_tokens:]
    image = rearrange(places, "1 (h w) d -> 1 d h w", h=H)
    image = F.interpolate(image, new_grid, mode="bicubic", align_corners=True)
    return torch.cat([extra, rearrange(image, "1 d h w -> 1 (h w) d")], dim=1)


def sinusoidal_positions(positions, embed_dim, base=10000.0):
    """Write each position as sines and cosines of ever longer waves; nothing is learnt.

    positions: int, how many: 0, 1, 2, ...; or a tensor (T,) of places, which need not be whole
    embed_dim: D, even
    base:      how much longer the longest wave would be than the first, of 2π positions
    returns:   (T, D) of torch's default type; [t, 2i] is sin(t / base^(2i/D)), [t, 2i + 1] the cosine of the same
    raises:    ValueError for an odd embed_dim, or positions that are not one row

    Source: Vaswani et al. 2017, section 3.5.
    """
    if whole("embed_dim", embed_dim, 2) % 2:
        raise ValueError(f"embed_dim (={embed_dim}) must be even: each wave gives a sine and a cosine")
    check_positive("base", base, "it is how much longer the longest wave is")
    if not isinstance(positions, torch.Tensor):
        positions = torch.arange(whole("positions", positions, 1))
    check_tensor("positions", positions, "(T,)", "flatten it, or give how many")
    wave = torch.arange(0, embed_dim, 2, dtype=torch.float64, device=positions.device) / embed_dim
    angles = positions[:, None].double() / base**wave  # (T, D/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(torch.get_default_dtype())


def sinusoidal_positions_2d(grid, embed_dim, base=10000.0):
    """Write each place of a grid in sines and cosines: half of the numbers for its row, half for its column.

    grid:      (H, W), or an int for both
    embed_dim: D, a multiple of 4
    returns:   (H*W, D), row by row; [:, :D/2] is sinusoidal_positions of the row, [:, D/2:] of the column
    raises:    ValueError where embed_dim is no multiple of 4

    Source: Chen, Xie & He 2021 (MoCo v3), up to the order of the numbers.
    """
    (H, W), D = whole_pair("grid", grid, 1), whole("embed_dim", embed_dim, 4)
    if D % 4:
        raise ValueError(f"embed_dim (={D}) must be a multiple of 4: row and column each get sines and cosines")
    rows = sinusoidal_positions(H, D // 2, base)[:, None].expand(H, W, D // 2)
    columns = sinusoidal_positions(W, D // 2, base)[None].expand(H, W, D // 2)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def relative_position_index(window_size):
    """Number the ways of lying apart: which row of the bias table belongs to each pair of tokens of a window.

    window_size: (M_h, M_w), or an int for both; T = M_h*M_w tokens, row by row
    returns:     (T, T) int64, (row_t - row_s + M_h - 1)*(2*M_w - 1) + (column_t - column_s + M_w - 1): pairs that lie
                 apart alike share a number, from 0 to (2*M_h - 1)*(2*M_w - 1) - 1
    raises:      ValueError where a side is not a whole number of at least 1

    Source: Liu et al. 2021 (Swin), section 3.2, "Relative position bias".
    """
    M_h, M_w = whole_pair("window_size", window_size, 1)
    places = torch.arange(M_h * M_w)
    down = (places // M_w)[:, None] - (places // M_w)[None]  # (T, T), from 1 - M_h to M_h - 1
    right = (places % M_w)[:, None] - (places % M_w)[None]
    return (down + M_h - 1) * (2 * M_w - 1) + right + M_w - 1


def relative_position_bias(table, index):
    """Look up what is added to the score of each pair of tokens, for each head.

    table:   ((2*M_h - 1)*(2*M_w - 1), heads), learnt
    index:   (T, T) int64, as from relative_position_index
    returns: (heads, T, T), to be added to the scores (an additive mask)
    raises:  ValueError where table or index has not two dimensions

    Source: Liu et al. 2021 (Swin), equation 4.
    """
    check_tensor("table", table, "(offsets, heads)", "reshape it")
    check_tensor("index", index, "(T, T)", "give what relative_position_index gave for this window")
    return table[index].permute(2, 0, 1)


# ----------------------------------------------------------------------------- what the functions above must be given


def check_attention(query, key, value, mask, is_causal, dropout=0.0):
    """Raise ValueError where queries, keys, values and mask do not fit together; return the shape of the scores."""
    check_number("dropout", dropout, 0, 1)
    for name, x in (("query", query), ("key", key), ("value", value)):
        check_tensor(name, x, "(..., T, D)", f"one vector becomes a sequence by {name}[None]", floats=True)
    if key.shape[-1] != query.shape[-1]:
        raise ValueError(
            f"key (width {key.shape[-1]}) must be as wide as query (width {query.shape[-1]}), because each score is "
            "their dot product: change either"
        )
    if value.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"value (length {value.shape[-2]}) must be as long as key (length {key.shape[-2]}): each key has one value"
        )
    leading = torch.broadcast_shapes(*(x.shape[:-2] for x in (query, key, value)))
    scores = (*leading, query.shape[-2], key.shape[-2])
    if mask is not None:
        check_mask("mask", mask, scores)
        if is_causal:
            raise ValueError(
                "is_causal (=True) must stand alone, without a mask: leave is_causal out and give "
                "mask & causal_mask(T, S)"
            )
    return scores


def check_mask(name, mask, scores):
    """Raise ValueError unless a mask is boolean or of floats, and spreads over scores of this shape."""
    if not isinstance(mask, torch.Tensor):
        raise ValueError(f"{name} (a {type(mask).__name__}) must be a torch.Tensor: make one with torch.tensor(...)")
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ValueError(
            f"{name} ({mask.dtype}) must be boolean, or floats to be added: convert with .bool() or .float()"
        )
    shape = tuple(mask.shape)
    if len(shape) > len(scores) or any(m not in (1, n) for m, n in zip(shape[::-1], scores[::-1])):
        raise ValueError(
            f"{name} (shape {shape}) must spread over the scores (shape {tuple(scores)}): "
            "give each dimension its length or 1"
        )
