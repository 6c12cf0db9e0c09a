"""Solutions of chapter 13."""

import math


# %% weight_at_rest
def weight_at_rest(rate, decay, steps):
    """What AdamW leaves of a weight of 1 that has no gradient: a float."""
    ### BEGIN SOLUTION
    return (1 - rate * decay) ** steps
    ### END SOLUTION


# %% adamw_step
def adamw_step(w, g, m, v, step, rate, decay):
    """One update, betas 0.9 and 0.999, eps 1e-8; step counts from 1: the new (w, m, v), all of one shape."""
    ### BEGIN SOLUTION
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    mean, square = m / (1 - 0.9**step), v / (1 - 0.999**step)
    return w - rate * decay * w - rate * mean / (square.sqrt() + 1e-8), m, v
    ### END SOLUTION


# %% dropout_by_hand
def dropout_by_hand(x, keep, p, training):
    """Inverted dropout: keep holds 1 where a value stays, else 0, and a share p is dropped on average."""
    ### BEGIN SOLUTION
    return x * keep / (1 - p) if training else x
    ### END SOLUTION


# %% warmup_cosine
def warmup_cosine(step, steps, warmup):
    """The factor of the peak rate at a step, counted from 0: from 1 / warmup up to 1, then a cosine from 1 at step warmup to 0 at step steps."""
    ### BEGIN SOLUTION
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
    ### END SOLUTION


# %% stop_mended
def stop_mended(losses, patience):
    """The epoch, from 0, whose weights early stopping keeps: an int."""
    ### BEGIN SOLUTION
    best, where, waited = math.inf, 0, 0
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, where, waited = loss, epoch, 0
        else:
            waited += 1
        if waited == patience:
            break
    return where
    ### END SOLUTION
