"""helpers.layers.recurrent against torch: values, states, gradients and refusals, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import layers
from helpers.layers import gru_cell, lstm_cell, lstm_gates, lstm_steps, rnn_cell, unroll

quick = settings(max_examples=60, deadline=None)
KINDS = {"RNN": 1, "LSTM": 4, "GRU": 3}  # name: gates


def numbers(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def tensors(value):
    """The tensors of out, h or (h, c) in one flat list."""
    return [value] if isinstance(value, torch.Tensor) else [t for part in value for t in tensors(part)]


def assert_same(found, expected, leaves, other_leaves):
    """The same values, and for one push the same gradient to every leaf."""
    found, expected = tensors(found), tensors(expected)
    assert [t.shape for t in found] == [t.shape for t in expected]
    pushes = [numbers(9 + k, *t.shape).detach() for k, t in enumerate(expected)]
    mine = torch.autograd.grad(found, leaves, pushes)
    theirs = torch.autograd.grad(expected, other_leaves, pushes)
    for a, b in zip([*found, *mine], [*expected, *theirs], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


# Cells

CELLS = [
    (rnn_cell, torch.rnn_tanh_cell, 1),
    (lambda *args: rnn_cell(*args, nonlinearity="relu"), torch.rnn_relu_cell, 1),
    (lstm_cell, torch.lstm_cell, 4),
    (gru_cell, torch.gru_cell, 3),
]


@pytest.mark.parametrize("ours, torchs, gates", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_cells_equal_torchs(ours, torchs, gates, bias):
    N, D, H = 3, 5, 4
    state = [numbers(2, N, H), numbers(3, N, H)] if gates == 4 else [numbers(2, N, H)]
    weights = [numbers(4, gates * H, D), numbers(5, gates * H, H)]
    weights += [numbers(6, gates * H), numbers(7, gates * H)] if bias else []
    x, hx = numbers(1, N, D), tuple(state) if gates == 4 else state[0]
    leaves = [x, *state, *weights]
    assert_same(ours(x, hx, *weights), torchs(x, hx, *weights), leaves, leaves)


def test_rnn_cell_by_hand():
    x, h = torch.tensor([1.0, 2.0]), torch.tensor([3.0])
    found = rnn_cell(x, h, torch.tensor([[4.0, 5.0]]), torch.tensor([[-6.0]]), torch.tensor([1.0]), torch.tensor([6.0]))
    assert found.item() == pytest.approx(math.tanh(4 * 1 + 5 * 2 - 6 * 3 + 1 + 6))
    found = rnn_cell(x, h, torch.tensor([[4.0, 5.0]]), torch.tensor([[-6.0]]), nonlinearity="relu")
    assert found.item() == 0  # 14 - 18 is below 0


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


def test_lstm_cell_by_hand():
    weight_ih, weight_hh = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[0.5], [-0.5], [1.0], [-1.0]])
    h, c = lstm_cell(torch.tensor([0.2]), (torch.tensor([0.4]), torch.tensor([-0.6])), weight_ih, weight_hh)
    i, f, g, o = sigmoid(0.2 + 0.2), sigmoid(0.4 - 0.2), math.tanh(0.6 + 0.4), sigmoid(0.8 - 0.4)
    assert c.item() == pytest.approx(f * -0.6 + i * g)
    assert h.item() == pytest.approx(o * math.tanh(f * -0.6 + i * g))


def test_gru_cell_by_hand():
    weight_ih, weight_hh = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.5], [-0.5], [1.0]])
    h = gru_cell(torch.tensor([0.2]), torch.tensor([0.4]), weight_ih, weight_hh)
    r, z = sigmoid(0.2 + 0.2), sigmoid(0.4 - 0.2)
    assert h.item() == pytest.approx((1 - z) * math.tanh(0.6 + r * 0.4) + z * 0.4)


def test_the_forget_gate_is_the_second_quarter():
    """f → 1 and i → 0 by their biases alone: the cell keeps what it holds; rows H to 2H are f's."""
    H = 3
    bias = torch.zeros(4 * H, dtype=torch.float64)
    bias[:H], bias[H : 2 * H] = -50, 50
    c = numbers(1, 2, H).detach()
    zeros = torch.zeros(4 * H, H, dtype=torch.float64)
    gates = lstm_gates(c, c, zeros, zeros, bias)
    assert gates.i.max() < 1e-20 and gates.f.min() == 1 and not gates.g.any() and (gates.o == 0.5).all()
    assert torch.allclose(lstm_cell(c, (c, c), zeros, zeros, bias)[1], c, rtol=0, atol=1e-15)
    assert torch.allclose(torch.lstm_cell(c, (c, c), zeros, zeros, bias, bias * 0)[1], c, rtol=0, atol=1e-15)


# Layers


@st.composite
def cases(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    arguments = dict(
        input_size=draw(st.integers(1, 4)),
        hidden_size=draw(st.integers(1, 4)),
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        batch_first=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
    )
    if kind == "RNN":
        arguments["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    T, N = draw(st.integers(1, 6)), draw(st.integers(0, 3))  # N = 0 stands for no batch
    return kind, arguments, T, N, draw(st.booleans())


@quick
@given(cases())
def test_layers_equal_torchs(case):
    kind, arguments, T, N, given_state = case
    torch.manual_seed(5)
    ours = getattr(layers, kind)(**arguments)
    torch.manual_seed(5)
    torchs = getattr(nn, kind)(**arguments)  # with the same first weights
    ours, torchs = ours.double(), torchs.double()
    batch = (N,) if N else ()
    shape = (*batch, T) if arguments["batch_first"] else (T, *batch)
    x = numbers(1, *shape, arguments["input_size"])
    rows = arguments["num_layers"] * (2 if arguments["bidirectional"] else 1)
    state = [numbers(2 + k, rows, *batch, arguments["hidden_size"]) for k in range(2 if kind == "LSTM" else 1)]
    hx = () if not given_state else (tuple(state),) if kind == "LSTM" else (state[0],)
    extra = [x, *(state if given_state else [])]
    assert_same(ours(x, *hx), torchs(x, *hx), [*extra, *ours.parameters()], [*extra, *torchs.parameters()])


LAYERS = [
    dict(input_size=3, hidden_size=4),
    dict(input_size=3, hidden_size=4, num_layers=2, bias=False, batch_first=True),
    dict(input_size=3, hidden_size=4, num_layers=3, dropout=0.5, bidirectional=True),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arguments", LAYERS)
def test_what_a_layer_says_of_itself_and_new_first_weights(kind, arguments):
    ours, torchs = getattr(layers, kind)(**arguments), getattr(nn, kind)(**arguments)
    assert repr(ours) == repr(torchs)
    for layer in ours, torchs:
        torch.manual_seed(4)
        layer.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), torchs.parameters(), strict=True))


def test_arguments_stand_in_torchs_order():
    positional = (3, 4, 2, False, True, 0.5, True)
    for kind in ("LSTM", "GRU"):
        assert repr(getattr(layers, kind)(*positional)) == repr(getattr(nn, kind)(*positional))
    positional = (3, 4, 2, "relu", False, True, 0.5, True)
    ours, torchs = layers.RNN(*positional), nn.RNN(*positional)
    assert repr(ours) == repr(torchs) and ours.nonlinearity == torchs.nonlinearity == "relu"


def test_dropout_is_between_the_layers_and_in_training_alone():
    x = torch.randn(5, 2, 3)
    net = layers.LSTM(3, 4, num_layers=2, dropout=1.0)
    below = [p for name, p in net.named_parameters() if name.endswith("_l0")]
    gradients = torch.autograd.grad(net(x)[0].sum(), below)
    assert not any(g.any() for g in gradients)  # nothing passes from layer 0 to layer 1
    gradients = torch.autograd.grad(net.eval()(x)[0].sum(), below)
    assert all(g.any() for g in gradients)
    torch.manual_seed(1)
    single = layers.GRU(3, 4, dropout=0.9)
    torch.manual_seed(1)
    torch.testing.assert_close(single(x), nn.GRU(3, 4)(x))  # one layer: there is no between


def test_unroll_is_the_loop():
    x, h = numbers(1, 3, 2), numbers(2, 4)
    weights = numbers(3, 4, 2), numbers(4, 4, 4)
    first = rnn_cell(x[0], h, *weights)
    second = rnn_cell(x[1], first, *weights)
    third = rnn_cell(x[2], second, *weights)
    out, last = unroll(rnn_cell, x, h, *weights)
    assert torch.equal(out, torch.stack([first, second, third])) and torch.equal(last, third)


def test_lstm_steps_of_torchs_own_layer():
    T, N, D, H = 6, 2, 3, 4
    for layer in nn.LSTM(D, H).double(), layers.LSTM(D, H).double(), nn.LSTM(D, H, bias=False).double():
        x, state = numbers(1, T, N, D), (numbers(2, N, H), numbers(3, N, H))
        steps = lstm_steps(x, state, *layer.parameters())
        out, (h, c) = layer(x, tuple(part[None] for part in state))
        torch.testing.assert_close(torch.stack([s.h for s in steps]), out, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close((steps[-1].h, steps[-1].c), (h[0], c[0]), rtol=1e-10, atol=1e-12)
        c = state[1]
        for s in steps:  # the gates explain the cell
            torch.testing.assert_close(s.c, s.f * c + s.i * s.g, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(s.h, s.o * s.c.tanh(), rtol=1e-10, atol=1e-12)
            c = s.c


def test_lstm_steps_are_the_computation_itself():
    """The gradient to the cell through the cells alone is the product of the forget gates; autograd agrees."""
    T, H = 5, 3
    x, state = numbers(1, T, 2), (numbers(2, H), numbers(3, H))
    weights = numbers(4, 4 * H, 2), torch.zeros(4 * H, H, dtype=torch.float64)  # h has no way back into the gates
    steps = lstm_steps(x, state, *weights)
    gradients = torch.autograd.grad(steps[-1].c.sum(), [state[1], *(s.c for s in steps[:-1])])
    kept = torch.stack([s.f for s in steps]).flip(0).cumprod(0).flip(0)  # f_t … f_T
    torch.testing.assert_close(torch.stack(gradients), kept, rtol=1e-10, atol=1e-12)


# What is refused

X, S = torch.zeros(2, 3), torch.zeros(2, 4)
WRONG_STEPS = [
    (dict(x=X[None]), r"x \(shape \(1, 2, 3\)\) must be \(N, D\) or \(D,\): take one time step, x\[t\], of a sequence"),
    (dict(x=torch.zeros(2, 5)), r"weight_ih \(shape \((\d+), 3\)\) must be \((\d+), 5\): .* for x of 5 numbers"),
    (dict(h=S[:1]), r"h \(shape \(1, 4\)\) must be \(2, 4\): \(N, hidden_size\), with the N of x; change the state"),
    (dict(h=S[0]), r"h \(shape \(4,\)\) must be \(2, 4\)"),
    (dict(h=torch.zeros(2, 5)), r"h \(shape \(2, 5\)\) must be \(2, 4\)"),
    (
        dict(weight_ih=torch.zeros(5, 3)),
        r"weight_ih \(shape \(5, 3\)\) must be \(\d+, 3\): \d+ = \d\*4 rows, gates times hidden",
    ),
    (dict(weight_hh=torch.zeros(5, 4)), r"weight_hh \(shape \(5, 4\)\) must be .* take all weights from one cell"),
    (dict(bias_ih=torch.zeros(2)), r"bias_ih \(shape \(2,\)\) must be \(\d+,\): \d+ = \d\*4 rows"),
    (dict(bias_hh=torch.zeros(2)), r"bias_hh \(shape \(2,\)\) must be \(\d+,\)"),
]


@pytest.mark.parametrize("cell, torchs, gates", [CELLS[0], *CELLS[2:], (lstm_gates, None, 4)])
@pytest.mark.parametrize("change, message", WRONG_STEPS)
def test_a_cell_says_what_is_wrong(cell, torchs, gates, change, message):
    rows = gates * 4
    case = (
        dict(
            x=X,
            h=S,
            weight_ih=torch.zeros(rows, 3),
            weight_hh=torch.zeros(rows, 4),
            bias_ih=torch.zeros(rows),
            bias_hh=torch.zeros(rows),
        )
        | change
    )
    x, h, *weights = case.values()
    with pytest.raises(ValueError, match=message):
        cell(x, (h, h) if cell is lstm_cell else h, *weights)
    if torchs is not None:
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            torchs(x, (h, h) if cell is lstm_cell else h, *weights)


WEIGHTS = torch.zeros(16, 3), torch.zeros(16, 4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: lstm_cell(X, S, *WEIGHTS), r"state \(a Tensor\) must be \(h, c\): give both tensors of an LSTM"),
        (lambda: lstm_cell(X, (S,), *WEIGHTS), r"state \(a tuple\) must be \(h, c\)"),
        (lambda: lstm_cell(X, (S, S[:1]), *WEIGHTS), r"c \(shape \(1, 4\)\) must be \(2, 4\): as h is"),
        (lambda: lstm_steps(X[None], S, *WEIGHTS), r"state \(a Tensor\) must be \(h, c\)"),
        (lambda: lstm_steps(X[None], (S, S[:1]), *WEIGHTS), r"c \(shape \(1, 4\)\) must be \(2, 4\)"),
        (lambda: lstm_steps(X[None], (S[:1], S[:1]), *WEIGHTS), r"h \(shape \(1, 4\)\) must be \(2, 4\)"),
        (
            lambda: lstm_steps(X[0], (S, S), *WEIGHTS),
            r"x \(shape \(3,\)\) must be \(T, N, D\) or \(T, D\): change its axes",
        ),
        (lambda: lstm_steps(X[None][:0], (S, S), *WEIGHTS), r"x \(shape \(0, 2, 3\)\) has no time steps \(=0\): give"),
        (lambda: unroll(lstm_cell, X[None][:0], (S, S), *WEIGHTS), r"x \(shape \(0, 2, 3\)\) has no time steps"),
        (
            lambda: rnn_cell(X, S, WEIGHTS[0][:4], WEIGHTS[1][:4], nonlinearity="sigmoid"),
            r"nonlinearity \(='sigmoid'\) must be one of tanh, relu",
        ),
    ],
)
def test_steps_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "arguments, x, message",
    [
        (dict(), (5, 2, 7), r"x \(shape \(5, 2, 7\)\) must end with input_size \(=3\), not 7: change x or input_size"),
        (dict(), (3,), r"x \(shape \(3,\)\) must be \(T, N, D\) or \(T, D\): change its axes"),
        (
            dict(batch_first=True),
            (1, 2, 5, 3),
            r"x \(shape \(1, 2, 5, 3\)\) must be \(N, T, D\) or \(T, D\)",
        ),
        (dict(), (0, 2, 3), r"x \(shape \(0, 2, 3\)\) has no time steps \(=0\): give at least 1"),
        (dict(batch_first=True), (2, 0, 3), r"has no time steps \(=0\)"),
    ],
)
def test_a_layer_says_what_is_wrong_with_its_input(kind, arguments, x, message):
    with pytest.raises(ValueError, match=message):
        getattr(layers, kind)(3, 4, **arguments)(torch.zeros(x))
    with pytest.raises((RuntimeError, ValueError)):
        getattr(nn, kind)(3, 4, **arguments)(torch.zeros(x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "arguments, state, message",
    [
        (
            dict(),
            (2, 2, 4),
            r"h \(shape \(2, 2, 4\)\) must be \(1, 2, 4\): num_layers \* directions, then the batch of x",
        ),
        (dict(num_layers=2, bidirectional=True), (2, 2, 4), r"h \(shape \(2, 2, 4\)\) must be \(4, 2, 4\)"),
        (dict(), (1, 3, 4), r"h \(shape \(1, 3, 4\)\) must be \(1, 2, 4\)"),
        (dict(), (1, 2, 5), r"h \(shape \(1, 2, 5\)\) must be \(1, 2, 4\)"),
        (dict(), (2, 4), r"h \(shape \(2, 4\)\) must be \(1, 2, 4\)"),
    ],
)
def test_a_layer_says_what_is_wrong_with_its_state(kind, arguments, state, message):
    h = torch.zeros(state)
    for room in layers, nn:
        with pytest.raises(
            ValueError if room is layers else RuntimeError, match=message if room is layers else "hidden|hx"
        ):
            getattr(room, kind)(3, 4, **arguments)(torch.zeros(5, 2, 3), (h, h) if kind == "LSTM" else h)


def test_an_lstm_wants_both_states():
    with pytest.raises(ValueError, match=r"state \(a Tensor\) must be \(h, c\): give both"):
        layers.LSTM(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 2, 4))
    with pytest.raises(ValueError, match=r"c \(shape \(1, 3, 4\)\) must be \(1, 2, 4\)"):
        layers.LSTM(3, 4)(torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 3, 4)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change, message",
    [
        (dict(input_size=0), r"input_size \(=0\) must be a whole number of at least 1"),
        (dict(hidden_size=0), r"hidden_size \(=0\) must be a whole number of at least 1"),
        (dict(hidden_size=2.5), r"hidden_size \(=2\.5\) must be a whole number"),
        (dict(num_layers=0), r"num_layers \(=0\) must be a whole number of at least 1"),
        (dict(dropout=1.5), r"dropout \(=1\.5\) must be a finite number from 0 to 1: it is a probability"),
    ],
)
def test_modules_say_what_is_wrong(kind, change, message):
    with pytest.raises(ValueError, match=message):
        getattr(layers, kind)(**dict(input_size=3, hidden_size=4) | change)
    with pytest.raises((ValueError, TypeError)):
        getattr(nn, kind)(**dict(input_size=3, hidden_size=4) | change)


def test_an_unknown_nonlinearity():
    with pytest.raises(ValueError, match=r"nonlinearity \(='sigmoid'\) must be one of tanh, relu"):
        layers.RNN(3, 4, nonlinearity="sigmoid")
