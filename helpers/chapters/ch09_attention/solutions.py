"""Solutions of chapter 09."""

import math

import torch


# %% cache_bytes
def cache_bytes(layers, T, D, heads, kv_heads, bytes):
    """The bytes of the keys and values of T tokens in all layers, a number taking `bytes` bytes: an int."""
    ### BEGIN SOLUTION
    per_token = 2 * kv_heads * (D // heads)
    return layers * T * per_token * bytes
    ### END SOLUTION


# %% rotate
def rotate(x):
    """x (..., T, d), d even → each pair (2i, 2i + 1) of token t turned by t / 10000^(2i/d), (..., T, d)."""
    ### BEGIN SOLUTION
    T, d = x.shape[-2:]
    angle = torch.arange(T)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)
    ### END SOLUTION


# %% heads_from_state
def heads_from_state(x, memory, state, num_heads):
    """x (N, T, D) asks, memory (N, S, D) is asked, with the weights of an nn.MultiheadAttention → (N, T, D)."""
    ### BEGIN SOLUTION
    weights, biases = state["in_proj_weight"].chunk(3), state["in_proj_bias"].chunk(3)
    q, k, v = (
        (source @ W.T + b).unflatten(2, (num_heads, -1)).transpose(1, 2)
        for source, W, b in zip((x, memory, memory), weights, biases)
    )
    shares = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
    merged = (shares @ v).transpose(1, 2).flatten(2)
    return merged @ state["out_proj.weight"].T + state["out_proj.bias"]
    ### END SOLUTION


# %% tokens_attended
def tokens_attended(weights):
    """weights (..., S), each row with the sum 1 → e to the power of each row's entropy, (...)."""
    ### BEGIN SOLUTION
    return torch.special.entr(weights).sum(dim=-1).exp()
    ### END SOLUTION


# %% causal_heads
def causal_heads(q, k, v, heads):
    """Causal attention of several heads, q, k, v (N, T, D) → (N, T, D): the colleague's, mended."""
    ### BEGIN SOLUTION
    N, T, D = q.shape
    q, k, v = (part.reshape(N, T, heads, D // heads).transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(2, 3) / (D // heads) ** 0.5
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -math.inf).softmax(3)
    return (weights @ v).transpose(1, 2).reshape(N, T, D)
    ### END SOLUTION


# %% root_needed
root_needed = ...
### BEGIN SOLUTION
root_needed = {4: "no difference", 256: "with"}
### END SOLUTION
