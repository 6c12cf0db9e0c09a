"""Solutions of chapter 08."""

import torch


# %% lstm_step
def lstm_step(z, c):
    """z (4H,): what i, f, g, o get, in this order; c (H,): the old cell → the new (h, c)."""
    ### BEGIN SOLUTION
    i, f, g, o = z.chunk(4)
    c = i.sigmoid() * g.tanh() + f.sigmoid() * c
    h = o.sigmoid() * c.tanh()
    return h, c
    ### END SOLUTION


# %% forget_bias
def forget_bias(steps, keep):
    """The bias b with which a forget gate f = σ(b) leaves the share `keep` after so many steps: a float."""
    ### BEGIN SOLUTION
    import math

    f = keep ** (1 / steps)
    return math.log(f / (1 - f))
    ### END SOLUTION


# %% resting_cell
def resting_cell(i, f, g):
    """The c that stays as it is, with these i, f (below 1) and g at every step: a float."""
    ### BEGIN SOLUTION
    written, lost = i * g, 1 - f  # at rest, what is written equals what is lost: lost · c
    return written / lost
    ### END SOLUTION


# %% gru_step
def gru_step(r, z, n_x, n_h, h):
    """r, z: the gates, 0 to 1; n_x, n_h: what the candidate gets from x and from h; h: the old h → h."""
    ### BEGIN SOLUTION
    n = (n_x + r * n_h).tanh()
    return (1 - z) * n + z * h
    ### END SOLUTION


# %% mended_lstm
def mended_lstm(z, c):
    """z (N, 4H): what i, f, g, o get, in this order; c (N, H): the old cells → the new (h, c)."""
    ### BEGIN SOLUTION
    i, f, g, o = z.chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
    ### END SOLUTION


# %% read_in_pieces
def read_in_pieces(layer, x, length):
    """x (N, T, D), read by an nn.LSTM (batch_first) in pieces of `length` steps, the last maybe shorter → every h (N, T, H)."""
    ### BEGIN SOLUTION
    shown, state = [], None
    for piece in x.split(length, dim=1):
        out, state = layer(piece, state)
        state = tuple(part.detach() for part in state)  # the values go on, the gradient does not
        shown.append(out)
    return torch.cat(shown, dim=1)
    ### END SOLUTION
