"""Solutions of chapter 09."""

import torch


# %% attend
def attend(query, key, value):
    """query (..., T, d), key (..., S, d), value (..., S, d_v) → scaled attention, (..., T, d_v)."""
    ### BEGIN SOLUTION
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ value
    ### END SOLUTION


# %% causal_weights
def causal_weights(scores):
    """scores (..., T, T) → weights (..., T, T), where query t looks at the keys 0 to t only."""
    ### BEGIN SOLUTION
    T = scores.shape[-1]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, float("-inf")).softmax(dim=-1)
    ### END SOLUTION


# %% sinusoid
def sinusoid(T, D):
    """The sinusoidal encoding of the positions 0 to T - 1, for an even D: (T, D)."""
    ### BEGIN SOLUTION
    angles = torch.arange(T)[:, None] / 10000 ** (torch.arange(0, D, 2) / D)
    out = torch.zeros(T, D)
    out[:, 0::2], out[:, 1::2] = angles.sin(), angles.cos()
    return out
    ### END SOLUTION


# %% tokens_attended
def tokens_attended(weights):
    """weights (..., S), each row with the sum 1 → e to the power of each row's entropy, (...)."""
    ### BEGIN SOLUTION
    return torch.special.entr(weights).sum(dim=-1).exp()
    ### END SOLUTION


# %% attention_macs
def attention_macs(T, D):
    """The multiply-adds of self-attention on T tokens of width D, with its four projections: an int."""
    ### BEGIN SOLUTION
    projections = 4 * T * D * D
    scores, average = T * T * D, T * T * D
    return projections + scores + average
    ### END SOLUTION
