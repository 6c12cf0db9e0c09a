"""Solutions of chapter 08."""


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


# %% lstm_parameters
def lstm_parameters(input_size, hidden_size):
    """The number of parameters of torch.nn.LSTM(input_size, hidden_size): an int."""
    ### BEGIN SOLUTION
    rows = 4 * hidden_size
    return rows * (input_size + hidden_size) + 2 * rows
    ### END SOLUTION


# %% gru_step
def gru_step(r, z, n_x, n_h, h):
    """r, z: the gates, 0 to 1; n_x, n_h: what the candidate gets from x and from h; h: the old h → h."""
    ### BEGIN SOLUTION
    n = (n_x + r * n_h).tanh()
    return (1 - z) * n + z * h
    ### END SOLUTION
