"""Solutions of chapter 07."""

import torch


# %% rnn_step
def rnn_step(x, h, W_ih, W_hh, b):
    """x (D,), h (H,), W_ih (H, D), W_hh (H, H), b (H,) → the new state (H,)."""
    ### BEGIN SOLUTION
    return torch.tanh(W_ih @ x + W_hh @ h + b)
    ### END SOLUTION


# %% rnn_states
def rnn_states(x, h, W_ih, W_hh, b):
    """x (T, D), h (H,) before the first step → the states after each step: (T, H)."""
    ### BEGIN SOLUTION
    states = []
    for x_t in x:
        h = torch.tanh(W_ih @ x_t + W_hh @ h + b)
        states.append(h)
    return torch.stack(states)
    ### END SOLUTION


# %% next_letter_chances
def next_letter_chances(logits, temperature):
    """logits (V,), the outputs for each letter; temperature > 0 → the chances (V,) of the next."""
    ### BEGIN SOLUTION
    return torch.softmax(logits / temperature, 0)
    ### END SOLUTION


# %% clip_by_norm
def clip_by_norm(grads, max_norm):
    """grads: list of tensors, together one gradient → the list, together at most max_norm long."""
    ### BEGIN SOLUTION
    length = torch.sqrt(sum((g**2).sum() for g in grads))
    if length <= max_norm:
        return grads
    return [g * (max_norm / length) for g in grads]
    ### END SOLUTION


# %% steps_to_a_thousandth
steps_to_a_thousandth = ...
### BEGIN SOLUTION
steps_to_a_thousandth = 66  # 0.9 ** 65 = 0.00106, 0.9 ** 66 = 0.00095
### END SOLUTION
