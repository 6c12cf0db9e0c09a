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

from helpers.checks import check_choice, check_number, check_tensor
from helpers.shapes import whole

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


# ------------------------------------------------------------------------------------------------------- one step


def linear(x, weight, bias=None):
    """Return x Wᵀ + b: x (..., D), weight (R, D), bias (R,) or None → (..., R)."""
    product = x @ weight.T
    return product if bias is None else product + bias


def rnn_cell(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None, nonlinearity="tanh"):
    """One step of the plain recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    x:            (N, D), or (D,) without a batch
    h:            (N, H), what the step before returned
    weight_ih:    (H, D);  weight_hh: (H, H);  bias_ih, bias_hh: (H,) or None
    nonlinearity: "tanh" or "relu"
    returns:      (N, H), the new h
    raises:       ValueError where shapes or types of number do not fit together

    Equals torch.rnn_tanh_cell and torch.rnn_relu_cell.  Source: Elman 1990, Finding Structure in Time.
    """
    check_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh, gates=1)
    check_nonlinearity(nonlinearity)
    return NONLINEARITIES[nonlinearity](linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh))


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
    raises:  ValueError where shapes or types of number do not fit together
    """
    check_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh, gates=4)
    i, f, g, o = (linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)).chunk(4, dim=-1)
    return Gates(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid())


def lstm_cell(x, state, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """One step of the LSTM: the cell c is kept and added to; h is what it shows.

    x:       (N, D), or (D,) without a batch
    state:   (h, c), both (N, H), what the step before returned
    weights: weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H,) or None; rows in the order i, f, g, o
    returns: (h, c), both (N, H)
    raises:  ValueError where shapes or types of number do not fit together

    Equals torch.lstm_cell.  Source: Hochreiter & Schmidhuber 1997; the forget gate: Gers, Schmidhuber & Cummins 2000.
    """
    h, c = both(state)
    i, f, g, o = lstm_gates(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    check_state("c", c, x, weight_hh.shape[-1])
    c = f * c + i * g
    h = o * c.tanh()
    return h, c


def gru_cell(x, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """One step of the GRU: gate z mixes the old h with a candidate n, which sees as much of h as gate r lets through.

    x:       (N, D), or (D,) without a batch
    h:       (N, H), what the step before returned
    weights: weight_ih (3H, D), weight_hh (3H, H), bias_ih and bias_hh (3H,) or None; rows in the order r, z, n
    returns: (N, H), the new h
    raises:  ValueError where shapes or types of number do not fit together

    Equals torch.gru_cell.  Source: Cho et al. 2014; r outside the product with W_hh, as in cuDNN and torch.
    """
    check_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh, gates=3)
    r_x, z_x, n_x = linear(x, weight_ih, bias_ih).chunk(3, dim=-1)
    r_h, z_h, n_h = linear(h, weight_hh, bias_hh).chunk(3, dim=-1)
    r = (r_x + r_h).sigmoid()
    z = (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    return (1 - z) * n + z * h


def check_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh, gates):
    """Raise ValueError where input, state and weights of one step do not fit together."""
    check_tensor("x", x, floats=True)
    for name, weight in (("weight_ih", weight_ih), ("weight_hh", weight_hh)):
        check_tensor(name, weight)
        if weight.dim() != 2:
            raise ValueError(
                f"{name} (shape {tuple(weight.shape)}) must have {gates} times hidden_size rows and 2 axes: "
                "take all weights from one cell of this kind"
            )
    if x.dim() not in (1, 2):
        raise ValueError(f"x (shape {tuple(x.shape)}) must be (N, D) or (D,), one time step: take x[t] of a sequence")
    if weight_ih.shape[-1] != x.shape[-1]:
        raise ValueError(
            f"input_size (={x.shape[-1]} of x) must be {weight_ih.shape[-1]}, the columns of weight_ih: "
            "change x or the weights"
        )
    H = weight_hh.shape[-1]
    check_state("h", h, x, H)
    named = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    for name, weight in named.items():
        if weight is not None:
            check_tensor(name, weight)
        sides = 2 if name.startswith("weight") else 1
        if weight is not None and (weight.dim() != sides or len(weight) != gates * H):
            raise ValueError(
                f"{name} (shape {tuple(weight.shape)}) must have {gates * H} = {gates}*{H} rows, gates "
                f"times hidden_size, and {sides} axes: take all weights from one cell of this kind"
            )
        check_type(name, weight, x)


def check_state(name, value, x, hidden_size):
    """Raise ValueError unless a state has as many sequences as x, each with hidden_size numbers of x's type."""
    check_tensor(name, value)
    shape = (*x.shape[:-1], hidden_size)
    if value.shape != shape:
        raise ValueError(
            f"{name} (shape {tuple(value.shape)}) must be {shape}: (N, hidden_size), with the N of x; "
            "change the state or the weights"
        )
    check_type(name, value, x)


def check_type(name, value, x):
    """Raise ValueError unless both hold one type of number; None is none."""
    if value is not None:
        check_tensor(name, value, like=("x", x))


def both(state):
    """Return (h, c) of an LSTM's state. Raises ValueError where they are not two."""
    if not isinstance(state, (tuple, list)) or len(state) != 2:
        raise ValueError(f"state (a {type(state).__name__}) must be (h, c): give both tensors of an LSTM")
    return state


def check_nonlinearity(name):
    """Raise ValueError unless it is one of torch's two."""
    check_choice("nonlinearity", name, NONLINEARITIES)


def check_steps(x):
    """Raise ValueError unless x is a sequence of at least one step."""
    check_tensor("x", x)
    if x.dim() not in (2, 3):
        raise ValueError(f"x (shape {tuple(x.shape)}) must be (T, N, D), or (T, D) without a batch: change its axes")
    if len(x) < 1:
        raise ValueError(f"x (shape {tuple(x.shape)}) has no time steps (=0): give at least 1")


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
    raises:  ValueError where shapes or types of number do not fit together

    The tensors are those of the computation itself, so that torch.autograd.grad(loss, steps[t].c) finds a gradient.
    """
    check_steps(x)
    check_tensor("weight_hh", weight_hh)
    if weight_hh.dim() != 2 or len(weight_hh) != 4 * weight_hh.shape[1]:
        raise ValueError(f"weight_hh (shape {tuple(weight_hh.shape)}) must be (4H, H): take all weights from one LSTM")
    h, c = both(state)
    check_state("c", c, x[0], weight_hh.shape[-1])
    steps = []
    for x_t in x:
        i, f, g, o = lstm_gates(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
        c = f * c + i * g
        h = o * c.tanh()
        steps.append(LSTMStep(h, c, i, f, g, o))
    return steps


# -------------------------------------------------------------------------------------------------- cells as modules


class Cell(nn.Module):
    """What the three cells share: two weights and two biases, with the names and first values of torch's."""

    gates = 1

    def __init__(self, input_size, hidden_size, bias=True):
        super().__init__()
        self.input_size, self.hidden_size = whole("input_size", input_size, 1), whole("hidden_size", hidden_size, 1)
        self.bias = bias
        add_weights(self, "", self.gates, input_size, hidden_size, bias)
        reset_uniform(self)

    def weights(self):
        """Return weight_ih, weight_hh, bias_ih, bias_hh; the biases are None where there are none."""
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def start(self, x):
        """Return the state before the first step, zeros: (N, H) for x (N, D)."""
        check_tensor("x", x)
        return x.new_zeros(*x.shape[:-1], self.hidden_size)

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(Cell):
    """rnn_cell with its own weights: (x, h) → h, x (N, input_size), h (N, hidden_size); without h it starts at zero.

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.RNNCell.

    raises: ValueError where a number is out of its range or a shape does not fit
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh"):
        check_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = nonlinearity

    def forward(self, x, h=None):
        return rnn_cell(x, self.start(x) if h is None else h, *self.weights(), self.nonlinearity)

    def extra_repr(self):
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(Cell):
    """lstm_cell with its own weights: (x, (h, c)) → (h, c), each (N, hidden_size); without a state it starts at zero.

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.LSTMCell.

    raises: ValueError where a number is out of its range or a shape does not fit
    """

    gates = 4

    def forward(self, x, state=None):
        return lstm_cell(x, (self.start(x), self.start(x)) if state is None else state, *self.weights())


class GRUCell(Cell):
    """gru_cell with its own weights: (x, h) → h, x (N, input_size), h (N, hidden_size); without h it starts at zero.

    Arguments, first weights (for the same seed) and state_dict are those of torch.nn.GRUCell.

    raises: ValueError where a number is out of its range or a shape does not fit
    """

    gates = 3

    def forward(self, x, h=None):
        return gru_cell(x, self.start(x) if h is None else h, *self.weights())


def add_weights(module, suffix, gates, input_size, hidden_size, bias):
    """Give a module the weights of one cell, their names ending in the suffix."""
    rows = gates * hidden_size
    for name, shape in (
        ("weight_ih", (rows, input_size)),
        ("weight_hh", (rows, hidden_size)),
        ("bias_ih", (rows,)),
        ("bias_hh", (rows,)),
    ):
        wanted = bias or name.startswith("weight")
        module.register_parameter(name + suffix, nn.Parameter(torch.empty(shape)) if wanted else None)


def reset_uniform(module):
    """Draw all weights and biases uniformly within ±1/√hidden_size, as torch does."""
    bound = 1 / math.sqrt(module.hidden_size)
    for weight in module.parameters():
        nn.init.uniform_(weight, -bound, bound)


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
        self.dropout, self.bidirectional = dropout, bidirectional
        check_number("dropout", dropout, 0, 1, "it is a probability")
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * len(self.directions)
            for suffix in self.directions:
                add_weights(self, f"_l{layer}{suffix}", self.gates, size, hidden_size, bias)
        self.reset_parameters()

    def reset_parameters(self):
        reset_uniform(self)

    @property
    def directions(self):
        """The endings of the weights' names, one for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def weights(self, layer, suffix=""):
        """Return weight_ih, weight_hh, bias_ih, bias_hh of one layer; suffix "_reverse" for the way back."""
        return [getattr(self, f"{name}_l{layer}{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def forward(self, x, state=None):
        self.check(x)
        x = x.transpose(0, 1) if self.batch_first and x.dim() == 3 else x  # time first
        starts, ends = self.starts(x, state), []
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
        return x, self.joined(ends)

    def check(self, x):
        """Raise ValueError unless x is a sequence of vectors of input_size."""
        check_tensor("x", x, floats=True, like=("the layer", self.weight_ih_l0))
        if x.dim() not in (2, 3):
            wanted = "(N, T, D)" if self.batch_first else "(T, N, D)"
            raise ValueError(f"x (shape {tuple(x.shape)}) must be {wanted}, or (T, D) without a batch: change its axes")
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must end with input_size (={self.input_size}), "
                f"not {x.shape[-1]}: change x or input_size"
            )
        if x.shape[1 if self.batch_first and x.dim() == 3 else 0] < 1:
            raise ValueError(f"x (shape {tuple(x.shape)}) has no time steps (=0): give at least 1")

    def starts(self, x, state):
        """Return the first state of each layer and direction; zeros where none is given."""
        shape = (self.num_layers * len(self.directions), *x.shape[1:-1], self.hidden_size)
        if state is None:
            state = (x.new_zeros(shape),) * 2 if self.states == 2 else x.new_zeros(shape)
        parts = both(state) if self.states == 2 else (state,)
        for name, part in zip(("h", "c"), parts):
            check_tensor(name, part, like=("x", x))
            if part.shape != shape:
                raise ValueError(
                    f"{name} (shape {tuple(part.shape)}) must be {shape}: num_layers * directions, then "
                    "the batch of x if it has one, hidden_size"
                )
        return list(zip(*parts)) if self.states == 2 else list(state)

    def joined(self, ends):
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
        check_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        self.nonlinearity = nonlinearity

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
