"""Recurrent layers from scratch: a cell is one step in time, a layer is a loop over the steps.

Shapes: N sequences, T time steps, D = input_size numbers in each step, H = hidden_size. Time comes first, (T, N, D), as
torch has it, unless a layer is made with batch_first. Without a batch, N is left out everywhere.

The gates of one cell lie one below the other in each weight, in torch's order:

cell    gates          weight_ih  weight_hh  bias_ih, bias_hh
RNN     none           (H, D)     (H, H)     (H,)
LSTM    i, f, g, o     (4H, D)    (4H, H)    (4H,)     the lecture's order is i, f, o, g
GRU     r, z, n        (3H, D)    (3H, H)    (3H,)

So rows H to 2H of an LSTM's weights and biases belong to the forget gate f. torch keeps two biases and adds them.
"""

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import check_choice, check_number, check_shape, check_tensor, whole

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


# ------------------------------------------------------------------------------------------------------- one step


def rnn_cell(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, nonlinearity="tanh"):
    """One step of the plain recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    x:            (N, D), or (D,) without a batch
    h:            (N, H), what the step before returned
    weight_ih:    (H, D);  weight_hh: (H, H);  bias_ih, bias_hh: (H,) or None
    nonlinearity: "tanh" or "relu"
    returns:      (N, H), the new h
    raises:       ValueError where shapes do not fit together

    Equals torch.rnn_tanh_cell and torch.rnn_relu_cell.  Source: Elman 1990, Finding Structure in Time.
    """
    check_cell(x, h, 1, weight_ih, weight_hh, bias_ih, bias_hh)
    activation = NONLINEARITIES[check_choice("nonlinearity", nonlinearity, NONLINEARITIES)]
    return activation(F.linear(x, weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh))


class Gates(NamedTuple):
    """The four gates of an LSTM in one step, each (N, H), in torch's order."""

    i: torch.Tensor  # input:  how much of g is written, 0 to 1
    f: torch.Tensor  # forget: how much of the cell is kept, 0 to 1
    g: torch.Tensor  # the candidate that is written, -1 to 1
    o: torch.Tensor  # output: how much of the cell is shown, 0 to 1


def lstm_gates(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Return the four gates of one step of an LSTM, after their sigmoid or tanh.

    x, h:    (N, D) and (N, H), or (D,) and (H,)
    weights: weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H,) or None; rows in the order i, f, g, o
    returns: Gates(i, f, g, o), each (N, H)
    raises:  ValueError where shapes do not fit together
    """
    check_cell(x, h, 4, weight_ih, weight_hh, bias_ih, bias_hh)
    i, f, g, o = (F.linear(x, weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh)).chunk(4, dim=-1)
    return Gates(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid())


def lstm_cell(x, state, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """One step of the LSTM: the cell c is kept and added to; h is what it shows.

    x:       (N, D), or (D,) without a batch
    state:   (h, c), both (N, H), what the step before returned
    weights: weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H,) or None; rows in the order i, f, g, o
    returns: (h, c), both (N, H)
    raises:  ValueError where shapes do not fit together

    Equals torch.lstm_cell.  Source: Hochreiter & Schmidhuber 1997; the forget gate: Gers, Schmidhuber & Cummins 2000.
    """
    h, c = check_lstm_state(state)
    i, f, g, o = lstm_gates(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    c = f * c + i * g
    h = o * c.tanh()
    return h, c


def gru_cell(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """One step of the GRU: gate z mixes the old h with a candidate n, which sees as much of h as gate r lets through.

    x:       (N, D), or (D,) without a batch
    h:       (N, H), what the step before returned
    weights: weight_ih (3H, D), weight_hh (3H, H), bias_ih and bias_hh (3H,) or None; rows in the order r, z, n
    returns: (N, H), the new h
    raises:  ValueError where shapes do not fit together

    Equals torch.gru_cell.  Source: Cho et al. 2014; r outside the product with W_hh, as in cuDNN and torch.
    """
    check_cell(x, h, 3, weight_ih, weight_hh, bias_ih, bias_hh)
    r_x, z_x, n_x = F.linear(x, weight_ih, bias_ih).chunk(3, dim=-1)
    r_h, z_h, n_h = F.linear(h, weight_hh, bias_hh).chunk(3, dim=-1)
    r = (r_x + r_h).sigmoid()
    z = (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    return (1 - z) * n + z * h


# ------------------------------------------------------------------------------------------------------ all the steps


def unroll(cell, x, state, *weights):
    """Run a cell along a sequence, with the same weights at every step: the loop that a recurrent layer is.

    cell:    a function of (x_t, state, *weights) that returns the next state, such as rnn_cell, lstm_cell, gru_cell
    x:       (T, N, D), or (T, D) without a batch
    state:   what the cell takes at the first step: h (N, H), or (h, c) for an LSTM
    returns: (out, state): h after every step, (T, N, H), and the state after the last
    raises:  ValueError where there is no step to take
    """
    check_steps(x)
    out = []
    for x_t in x:
        state = cell(x_t, state, *weights)
        out.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(out), state


class LSTMStep(NamedTuple):
    """All that an LSTM computes in one step, each (N, H)."""

    h: torch.Tensor
    c: torch.Tensor
    i: torch.Tensor
    f: torch.Tensor
    g: torch.Tensor
    o: torch.Tensor


def lstm_steps(x, state, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Run an LSTM along a sequence and keep everything: its states and its gates at every step.

    x:       (T, N, D), or (T, D) without a batch
    state:   (h, c) before the first step, both (N, H)
    weights: as for lstm_cell; those of a layer of one direction are *layer.parameters(), torch's too
    returns: a list of T LSTMStep(h, c, i, f, g, o), each (N, H); torch.stack([s.f for s in steps]) is (T, N, H)
    raises:  ValueError where shapes do not fit together

    The tensors are those of the computation itself, so that torch.autograd.grad(loss, steps[t].c) finds a gradient.
    """
    check_steps(x)
    h, c = check_lstm_state(state)
    steps = []
    for x_t in x:
        i, f, g, o = lstm_gates(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
        c = f * c + i * g
        h = o * c.tanh()
        steps.append(LSTMStep(h, c, i, f, g, o))
    return steps


# ------------------------------------------------------------------------------------------------------------ layers


class Recurrent(nn.Module):
    """What the three layers share: cells unrolled along time, in one direction or both, one layer on top of another."""

    gates, states = 1, 1  # gates in the rows of a weight; tensors in the state

    def __init__(
        self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False
    ):
        super().__init__()
        self.input_size, self.hidden_size = whole("input_size", input_size, 1), whole("hidden_size", hidden_size, 1)
        self.num_layers, self.bias, self.batch_first = whole("num_layers", num_layers, 1), bias, batch_first
        self.dropout = check_number("dropout", dropout, 0, 1, "it is a probability")
        self.bidirectional = bidirectional
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * len(self.directions)
            rows = self.gates * hidden_size
            shapes = (rows, size), (rows, hidden_size), (rows,), (rows,)
            for suffix in self.directions:
                for name, shape in zip(WEIGHTS, shapes):
                    weight = nn.Parameter(torch.empty(shape)) if bias or name.startswith("weight") else None
                    self.register_parameter(f"{name}_l{layer}{suffix}", weight)
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    @property
    def directions(self):
        """The endings of the weights' names, one for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def weights(self, layer, suffix=""):
        """Return weight_ih, weight_hh, bias_ih, bias_hh of one layer; suffix "_reverse" for the way back."""
        return [getattr(self, f"{name}_l{layer}{suffix}") for name in WEIGHTS]

    def forward(self, x, state=None):
        self.check(x)
        x = x.transpose(0, 1) if self.batch_first and x.dim() == 3 else x  # time first
        starts, ends = self.initial_states(x, state), []
        for layer in range(self.num_layers):
            x = F.dropout(x, self.dropout, self.training) if layer else x
            ways = []
            for suffix in self.directions:
                seen = x.flip(0) if suffix else x  # the way back reads the end first
                out, end = unroll(self.cell, seen, starts[len(ends)], *self.weights(layer, suffix))
                ways.append(out.flip(0) if suffix else out)
                ends.append(end)
            x = torch.cat(ways, dim=-1)
        x = x.transpose(0, 1) if self.batch_first and x.dim() == 3 else x
        return x, self.join_states(ends)

    def check(self, x):
        """Raise ValueError unless x is a sequence of vectors of input_size."""
        check_tensor("x", x, "(N, T, D) or (T, D)" if self.batch_first else "(T, N, D) or (T, D)", floats=True)
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must end with input_size (={self.input_size}), "
                f"not {x.shape[-1]}: change x or input_size"
            )

    def initial_states(self, x, state):
        """Return the first state of each layer and direction; zeros where none is given."""
        shape = (self.num_layers * len(self.directions), *x.shape[1:-1], self.hidden_size)
        if state is None:
            state = (x.new_zeros(shape),) * 2 if self.states == 2 else x.new_zeros(shape)
        parts = check_lstm_state(state) if self.states == 2 else (state,)
        for name, part in zip(("h", "c"), parts):
            check_shape(name, part, shape, "num_layers * directions, then the batch of x if it has one, hidden_size")
        return list(zip(*parts)) if self.states == 2 else list(state)

    def join_states(self, ends):
        """Return the last states of all layers and directions as torch does: one tensor, or (h, c)."""
        return tuple(map(torch.stack, zip(*ends))) if self.states == 2 else torch.stack(ends)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            value = getattr(self, name)
            text += f", {name}={value}" if value != usual else ""
        return text


class RNN(Recurrent):
    """rnn_cell at every step: x → (out, h).

    x:       (T, N, input_size); (N, T, input_size) with batch_first; (T, input_size) without a batch
    h:       (num_layers * directions, N, hidden_size), before and after; also with batch_first; zeros where not given
    returns: (out, h): out (T, N, directions * hidden_size), what the top layer showed at each step
    raises:  ValueError where a number is out of its range or a shape does not fit

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.RNN.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        nonlinearity="tanh",
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
    ):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        self.nonlinearity = check_choice("nonlinearity", nonlinearity, NONLINEARITIES)

    def cell(self, x, h, *weights):
        return rnn_cell(x, h, *weights, self.nonlinearity)


class LSTM(Recurrent):
    """lstm_cell at every step: x → (out, (h, c)).

    x:       (T, N, input_size); (N, T, input_size) with batch_first; (T, input_size) without a batch
    h, c:    (num_layers * directions, N, hidden_size), before and after; also with batch_first; zeros where not given
    returns: (out, (h, c)): out (T, N, directions * hidden_size), the h of the top layer at each step
    raises:  ValueError where a number is out of its range or a shape does not fit

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.LSTM, but for proj_size.
    """

    gates, states = 4, 2
    cell = staticmethod(lstm_cell)


class GRU(Recurrent):
    """gru_cell at every step: x → (out, h).

    x:       (T, N, input_size); (N, T, input_size) with batch_first; (T, input_size) without a batch
    h:       (num_layers * directions, N, hidden_size), before and after; also with batch_first; zeros where not given
    returns: (out, h): out (T, N, directions * hidden_size), the h of the top layer at each step
    raises:  ValueError where a number is out of its range or a shape does not fit

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.GRU.
    """

    gates = 3
    cell = staticmethod(gru_cell)


# ----------------------------------------------------------------------------- what the functions above must be given


def check_cell(x, h, gates, weight_ih, weight_hh, bias_ih, bias_hh):
    """Raise ValueError where input, state and weights of one step do not fit together."""
    check_tensor("x", x, "(N, D) or (D,)", "take one time step, x[t], of a sequence")
    check_tensor("weight_hh", weight_hh, "(rows, H)", "take all weights from one cell of this kind")
    D, H = x.shape[-1], weight_hh.shape[-1]
    rows = gates * H
    weights = (weight_ih, (rows, D)), (weight_hh, (rows, H)), (bias_ih, (rows,)), (bias_hh, (rows,))
    for name, (weight, shape) in zip(WEIGHTS, weights):
        if weight is not None:
            why = (
                f"{rows} = {gates}*{H} rows, gates times hidden_size, for x of {D} numbers; take all weights from one"
                " cell"
            )
            check_shape(name, weight, shape, why)
    check_shape("h", h, (*x.shape[:-1], H), "(N, hidden_size), with the N of x; change the state or the weights")


def check_lstm_state(state):
    """Return (h, c) of an LSTM's state. Raises ValueError where they are not two of the same shape."""
    if not isinstance(state, (tuple, list)) or len(state) != 2:
        raise ValueError(f"state (a {type(state).__name__}) must be (h, c): give both tensors of an LSTM")
    h, c = state
    check_tensor("h", h)
    check_shape("c", c, h.shape, "as h is")
    return h, c


def check_steps(x):
    """Raise ValueError unless x is a sequence of at least one step."""
    check_tensor("x", x, "(T, N, D) or (T, D)")
    if len(x) < 1:
        raise ValueError(f"x (shape {tuple(x.shape)}) has no time steps (=0): give at least 1")
