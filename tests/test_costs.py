"""The cost table against hand sums, published numbers and torch's own counter."""

import copy
import csv
import io
import math
import re
import warnings
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from helpers import layers
from helpers.costs import CostTable, cost_table
from helpers.costs.shortcuts import ACTIVATIONS, SHORT

MODELS = torchvision.models.list_models(module=torchvision.models)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(name):
    """A classification model of torchvision without weights; RegNet computes its widths with tensors, so not on meta."""
    plain = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.startswith("regnet"):
            return torchvision.models.get_model(name, weights=None).to("meta")
        with torch.device("meta"):
            return torchvision.models.get_model(name, weights=None, **plain)


def row_of(table, name):
    (row,) = [row for row in table.rows if row.name == name]
    return row


# Whole networks


@pytest.mark.parametrize("name", MODELS)
def test_equals_torchs_counter(name):
    model = build(name)
    table = cost_table(model)
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 224, 224, device="meta"))
    assert table.total.macs == counter.get_total_flops() // 2
    assert table.total.params == sum(p.numel() for p in model.parameters())
    assert table.uncounted == []


def test_the_list_of_models_is_not_empty():
    assert len(MODELS) >= 80


@pytest.mark.parametrize(
    "name, params, macs",
    [
        ("alexnet", 61_100_840, 714_188_480),
        ("vgg16", 138_357_544, 15_470_264_320),
        ("resnet50", 25_557_032, 4_089_184_256),
    ],
)
def test_published_numbers(name, params, macs):
    total = cost_table(build(name)).total
    assert (total.params, total.macs) == (params, macs)


def test_vit_b_16_by_hand():
    T, D, depth = 14 * 14 + 1, 768, 12
    patches = 14 * 14 * D * (3 * 16 * 16)
    block = T * D * 3 * D + 2 * T * T * D + T * D * D + 2 * T * D * 4 * D  # qkv; QKᵀ and AV; out; the MLP
    head = D * 1000
    assert cost_table(build("vit_b_16")).total.macs == patches + depth * block + head == 17_563_828_224


def test_alexnet_memory_of_convolutions_and_linear_layers():
    table = cost_table(build("alexnet")).only("Conv2d", "Linear")
    values = 64 * 55 * 55 + 192 * 27 * 27 + 384 * 13 * 13 + 256 * 13 * 13 + 256 * 13 * 13 + 4096 + 4096 + 1000
    assert table.total.memory == 4 * values
    assert len(table.rows) == 8


def test_vit_of_22_billion_parameters_is_not_allocated():
    D, depth, mlp, T = 6144, 48, 24576, 257
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(D, 48, mlp, batch_first=True)
        model = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    total = cost_table(model, (1, T, D)).total
    assert total.macs == depth * T * (4 * D * D + 2 * T * D + 2 * D * mlp)
    assert total.params > 21e9


# Single layers, by hand


def test_convolution_row():
    (row,) = cost_table(nn.Sequential(nn.Conv2d(4, 6, (3, 5), stride=2, padding=(1, 2), groups=2)), (2, 4, 9, 11)).rows
    assert (row.name, row.kind) == ("0", "Conv2d")
    assert row.in_shape == (2, 4, 9, 11) and row.out_shape == (2, 6, 5, 6)
    assert (row.kernel_size, row.stride, row.padding, row.dilation, row.groups) == ((3, 5), (2, 2), (1, 2), (1, 1), 2)
    assert row.params == 6 * 2 * 3 * 5 + 6
    assert row.memory == 2 * 6 * 5 * 6 * 4
    assert row.macs == (2 * 6 * 5 * 6) * (2 * 3 * 5)


@pytest.mark.parametrize(
    "layer, shape, macs",
    [
        (nn.Conv1d(3, 8, 5, bias=False), (2, 3, 20), 2 * 8 * 16 * 3 * 5),
        (nn.Conv3d(3, 8, 3), (1, 3, 6, 7, 8), 8 * 4 * 5 * 6 * 3 * 27),
        (nn.Conv2d(3, 8, 3, dilation=3), (1, 3, 16, 16), 8 * 10 * 10 * 3 * 9),
        (nn.Conv2d(8, 8, 3, groups=8, padding=1), (1, 8, 6, 6), 8 * 36 * 9),
        (nn.Conv2d(3, 8, 3, padding="same"), (1, 3, 7, 7), 8 * 49 * 27),
        (nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), (1, 3, 7, 7), 8 * 49 * 27),
        (nn.Conv2d(3, 8, 3), (3, 7, 7), 8 * 25 * 27),
        (nn.ConvTranspose2d(6, 8, 3, stride=2, groups=2), (2, 6, 5, 5), 2 * 6 * 25 * (8 // 2) * 9),
        (nn.ConvTranspose1d(6, 8, 3), (1, 6, 5), 6 * 5 * 8 * 3),
        (nn.ConvTranspose3d(2, 4, 2), (1, 2, 3, 3, 3), 2 * 27 * 4 * 8),
        (nn.Linear(7, 5), (2, 3, 7), 2 * 3 * 7 * 5),
        (nn.Linear(7, 5), (7,), 7 * 5),
        (nn.BatchNorm2d(3), (1, 3, 5, 5), 0),
        (nn.RMSNorm((3, 5)), (2, 3, 5), 0),
        (nn.Upsample(scale_factor=2), (1, 3, 5, 5), 0),
        (nn.LSTM(5, 6, 2), (7, 3, 5), 7 * 3 * 4 * 6 * ((5 + 6) + (6 + 6))),
        (nn.LSTM(5, 6, bidirectional=True, batch_first=True), (3, 7, 5), 2 * 7 * 3 * 4 * 6 * (5 + 6)),
        (nn.LSTM(5, 6, proj_size=2), (7, 3, 5), 7 * 3 * (4 * 6 * (5 + 2) + 6 * 2)),
        (nn.GRU(5, 6), (7, 3, 5), 7 * 3 * 3 * 6 * (5 + 6)),
        (nn.RNN(5, 6, nonlinearity="relu"), (7, 3, 5), 7 * 3 * 6 * (5 + 6)),
        (nn.LSTMCell(5, 6), (3, 5), 3 * 4 * 6 * (5 + 6)),
        (nn.GRUCell(5, 6), (3, 5), 3 * 3 * 6 * (5 + 6)),
        (nn.RNNCell(5, 6), (3, 5), 3 * 6 * (5 + 6)),
    ],
)
def test_layers_by_hand(layer, shape, macs):
    table = cost_table(layer, shape)
    assert table.total.macs == macs
    assert table.total.params == sum(p.numel() for p in layer.parameters())
    assert table.uncounted == []


def test_lstm_is_one_row_and_gives_its_states_too():
    table = cost_table(nn.Sequential(nn.LSTM(5, 6)), (7, 3, 5))
    row = row_of(table, "0")
    assert len(table.rows) == 1 and row.kind == "LSTM" and row.out_shape == (7, 3, 6)
    assert row.memory == 4 * (7 * 3 * 6 + 2 * 1 * 3 * 6)


# Recurrent layers: all their steps in one row, and what one step costs

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_recurrent_layers_by_formula_by_torchs_counter_and_from_scratch(data):
    kind = data.draw(st.sampled_from(sorted(GATES)))
    D, H, depth, ways, T = (data.draw(st.integers(low, high)) for low, high in ((1, 5), (2, 6), (1, 3), (1, 2), (1, 7)))
    N, bias, batch_first = data.draw(st.integers(0, 3)), data.draw(st.booleans()), data.draw(st.booleans())
    shown = data.draw(st.integers(1, H - 1)) if kind == "LSTM" and data.draw(st.booleans()) else H
    arguments = dict(num_layers=depth, bias=bias, batch_first=batch_first, bidirectional=ways == 2)
    projected = dict(proj_size=shown) if shown < H else {}
    batch = (N,) if N else ()  # N = 0 stands for no batch
    shape = (*batch, T, D) if batch_first else (T, *batch, D)

    macs = params = 0
    for layer in range(depth):
        reads = D if layer == 0 else ways * shown
        one = GATES[kind] * H * (reads + shown) + (H * shown if projected else 0)
        macs += ways * one * (N or 1)
        params += ways * (one + bias * 2 * GATES[kind] * H)

    torchs = getattr(nn, kind)(D, H, **arguments, **projected)
    (row,) = cost_table(torchs, shape).rows
    assert (row.kind, row.steps, row.macs_per_step, row.macs) == (kind, T, macs, T * macs)
    assert row.params == params == sum(p.numel() for p in torchs.parameters())
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        torchs.to("meta")(torch.empty(shape, device="meta"))
    assert row.macs == counter.get_total_flops() // 2

    if not projected:
        ours = getattr(layers, kind)(D, H, **arguments)
        table = cost_table(ours, shape)
        assert table.rows == [row] and table.uncounted == []
        with FlopCounterMode(display=False) as counter:
            ours(torch.rand(shape))
        assert row.macs == counter.get_total_flops() // 2


@pytest.mark.parametrize("room", [nn, layers])
def test_steps_are_shown(room):
    model = nn.Sequential(OrderedDict(lstm=room.LSTM(5, 6, 2, batch_first=True)))
    table = cost_table(model, (3, 7, 5))
    one = 3 * 4 * 6 * ((5 + 6) + (6 + 6))
    assert one == 1656
    assert (table.rows[0].steps, table.rows[0].macs_per_step, table.total.macs) == (7, one, 7 * one)
    for shown in (repr(table), table._repr_html_()):
        assert "LSTM: 7 steps" in shown and "11,592" in shown and "Of one step: 1,656 in lstm." in shown
    assert "LSTM: 1 step " in repr(cost_table(model, (3, 1, 5)))
    assert table.by_block().rows == table.rows and table.only("LSTM").rows == table.rows
    assert table.records()[0]["steps"] == 7 and ",7\n" in table.csv()


def test_each_call_has_its_own_steps_and_other_layers_have_none():
    class Coder(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.RNN(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.rnn(self.rnn(input=x)[0][:2])[0])

    table = cost_table(Coder(), (5, 1, 4))
    assert [(row.name, row.steps, row.macs_per_step) for row in table.rows] == [
        ("rnn", 5, 32),
        ("rnn", 2, 32),
        ("head", None, None),
    ]
    assert "Of one step: 32 in rnn." in repr(table)
    assert "step" not in repr(table.only("Linear"))


def test_cells_in_a_loop_cost_what_the_layer_does():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(5, 6)

        def forward(self, x):
            h = None
            for x_t in x:
                h = self.cell(x_t, h)
            return h

    layer, table = cost_table(nn.GRU(5, 6), (7, 3, 5)), cost_table(Loop(), (7, 3, 5))
    assert [row.macs for row in table.only("GRUCell").rows] == [layer.rows[0].macs_per_step] * 7
    assert table.total.macs == layer.total.macs and table.total.params == layer.total.params


def test_a_packed_batch_counts_the_steps_it_takes():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4)

        def forward(self, x):
            return self.lstm(nn.utils.rnn.pack_padded_sequence(x, torch.tensor([7, 3])))[1]

    table = cost_table(Packed(), (7, 2, 3))
    assert table.total.macs == (7 + 3) * 4 * 4 * (3 + 4) and row_of(table, "lstm").steps is None


@pytest.mark.parametrize("need_weights", [True, False])
def test_multihead_attention(need_weights):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.mha = nn.MultiheadAttention(12, 3, batch_first=True)

        def forward(self, query, memory):
            return self.mha(query, memory, memory, need_weights=need_weights)[0]

    N, T, S, D = 2, 5, 7, 12
    table = cost_table(Attention(), [(N, T, D), (N, S, D)])
    row = row_of(table, "mha")
    assert row.kind == "MultiheadAttention" and len(table.rows) == 1
    assert row.macs == N * (T * D * D + 2 * S * D * D + T * S * D + T * S * D + T * D * D)
    assert row.params == 3 * D * D + 3 * D + D * D + D  # out_proj's are its own: it never calls out_proj
    assert row.out_shape == (N, T, D)


def test_transformer_encoder_layer():
    T, D, M = 5, 12, 20
    table = cost_table(nn.TransformerEncoderLayer(D, 3, M, batch_first=True), (1, T, D))
    assert table.total.macs == T * (4 * D * D + 2 * T * D + 2 * D * M)
    assert [row.kind for row in table.rows if row.name == "(model)"] == ["TransformerEncoderLayer"] * 3
    assert row_of(table, "norm1").params == 2 * D


class Run(nn.Module):
    """A network that is one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@pytest.mark.parametrize(
    "function, shapes, macs",
    [
        (torch.matmul, [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (torch.matmul, [(6, 1, 3, 4), (2, 4, 5)], 6 * 2 * 3 * 4 * 5),
        (torch.matmul, [(3, 4), (4,)], 12),
        (torch.matmul, [(4,), (4, 3)], 12),
        (torch.matmul, [(4,), (4,)], 4),
        (torch.mm, [(3, 4), (4, 5)], 60),
        (torch.mv, [(3, 4), (4,)], 12),
        (torch.dot, [(4,), (4,)], 4),
        (torch.outer, [(3,), (4,)], 12),
        (torch.addr, [(3, 4), (3,), (4,)], 12),
        (torch.addmm, [(3, 5), (3, 4), (4, 5)], 60),
        (torch.addmv, [(3,), (3, 4), (4,)], 12),
        (torch.baddbmm, [(2, 3, 5), (2, 3, 4), (2, 4, 5)], 120),
        (torch.addbmm, [(3, 5), (2, 3, 4), (2, 4, 5)], 120),
        (lambda a, b: torch.einsum("bij,bkj->bik", a, b), [(2, 3, 4), (2, 5, 4)], 120),
        (lambda a, b: torch.einsum("bhqd,bhkd->bhqk", a, b), [(2, 3, 4, 5), (2, 3, 6, 5)], 2 * 3 * 4 * 6 * 5),
        (torch.inner, [(2, 3), (4, 3)], 24),
        (lambda a, b: torch.tensordot(a, b, 1), [(3, 4), (4, 5)], 60),
        (lambda a, b, c: torch.linalg.multi_dot([a, b, c]), [(2, 3), (3, 4), (4, 5)], 2 * 3 * 4 + 2 * 4 * 5),
        (
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
            [(2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 4)],
            6 * 5 * 7 * (8 + 4),
        ),
        (
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
            [(1, 4, 5, 8), (1, 2, 5, 8), (1, 2, 5, 8)],
            4 * 5 * 5 * 16,
        ),
        (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [(1, 1, 5, 8)] * 3, 5 * 5 * 16),
        (
            lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m),
            [(1, 1, 5, 8)] * 3 + [(5, 5)],
            5 * 5 * 16,
        ),
        (lambda x: x + x * 2 - x.relu().softmax(-1), [(3, 4)], 0),
    ],
)
def test_functions_by_hand(function, shapes, macs):
    table = cost_table(Run(function), shapes)
    assert table.total.macs == macs
    assert table.uncounted == []
    (row,) = table.rows
    real = function(*(torch.rand(shape) for shape in shapes))
    assert (row.name, row.kind, row.out_shape) == ("(model)", "Run", tuple(real.shape))


# Attribution


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return x + self.scale * self.proj((q @ k.transpose(1, 2)).softmax(-1) @ v)


def test_work_of_a_forward_is_its_modules():
    table = cost_table(nn.Sequential(Block(), nn.ReLU()), (2, 5, 8))
    assert [(row.name, row.kind, row.operators, row.macs) for row in table.rows] == [
        ("0.qkv", "Linear", (), 2 * 5 * 8 * 24),
        ("0", "Block", ("matmul", "softmax"), 2 * 2 * 5 * 5 * 8),
        ("0.proj", "Linear", (), 2 * 5 * 8 * 8),
        ("0", "Block", ("mul", "add"), 0),
        ("1", "ReLU", (), 0),
    ]
    assert [row.params for row in table.rows] == [8 * 24 + 24, 8, 8 * 8 + 8, 0, 0]  # scale: in Block's first row
    assert all(row.memory == 4 * math.prod(row.out_shape) for row in table.rows)


def test_residual_addition_is_the_blocks():
    table = cost_table(build("resnet18"))
    names = [row.name for row in table.rows]
    at = names.index("layer2.0")
    assert table.rows[at].operators == ("add",) and table.rows[at].out_shape == (1, 128, 28, 28)
    assert names[at - 1] == "layer2.0.downsample.1" and names[at + 1] == "layer2.0.relu"


def test_shared_module_works_twice_and_weighs_once():
    layer = nn.Linear(6, 6)
    table = cost_table(nn.Sequential(layer, nn.ReLU(), layer), (1, 6))
    assert [(row.name, row.params, row.macs) for row in table.rows] == [("0", 42, 36), ("1", 0, 0), ("0", 0, 36)]
    assert table.total[0] == 42 and table.total.macs == 72


def test_tied_weights_count_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 4), nn.Linear(4, 11, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens):
            return self.head(self.embed(tokens))

    model = Tied()
    table = cost_table(model, torch.zeros(2, 3, dtype=torch.long))
    assert [row.params for row in table.rows] == [44, 0]
    assert table.total.macs == 2 * 3 * 4 * 11
    assert model.head.weight is model.embed.weight


def test_layers_that_do_not_run_keep_their_parameters():
    rows = cost_table(build("googlenet")).rows
    idle = [row for row in rows if row.name.startswith("aux")]
    assert sum(row.params for row in idle) == sum(
        p.numel() for n, p in build("googlenet").named_parameters() if "aux" in n
    )
    assert all(row.out_shape is None and row.macs == row.memory == 0 for row in idle)


# What cannot be counted


@pytest.mark.parametrize(
    "function, shapes, name",
    [
        (torch.linalg.inv, [(4, 4)], "aten.linalg_inv"),
        (torch.matrix_exp, [(4, 4)], "aten.matrix_exp"),
        (torch.linalg.cross, [(4, 3), (4, 3)], "aten.linalg_cross"),
        (lambda x, b: torchvision.ops.roi_align(x, b, (7, 7)), [(1, 4, 16, 16), (3, 5)], "torchvision.roi_align"),
    ],
)
def test_uncounted_work_is_named(function, shapes, name):
    table = cost_table(nn.Sequential(Run(function)) if len(shapes) == 1 else Run(function), shapes)
    assert table.uncounted == [name]
    where = "0" if len(shapes) == 1 else "(model)"
    assert f"NOT COUNTED, so the MACs are too few: {name} (in {where})" in repr(table)
    assert f"{name} (in {where})" in table._repr_html_()


def resized(mode, **more):
    return lambda x: F.interpolate(x, scale_factor=2, mode=mode, **more)


@pytest.mark.parametrize(
    "function, shapes, macs",
    [
        (resized("linear"), [(1, 3, 8)], 48 * 2),
        (resized("bilinear"), [(1, 3, 4, 4)], 192 * 4),
        (resized("bicubic", antialias=True), [(1, 3, 4, 4)], 192 * 16),
        (resized("trilinear"), [(1, 3, 4, 4, 4)], 3 * 512 * 8),
        (lambda x: F.interpolate(x, size=(2, 2), mode="bilinear", antialias=True), [(1, 3, 8, 8)], 12 * 8 * 8),
        (lambda x, g: F.grid_sample(x, g, align_corners=False), [(1, 3, 4, 4), (1, 5, 6, 2)], 90 * 4),
        (lambda x, g: F.grid_sample(x, g, mode="bicubic", align_corners=False), [(1, 3, 4, 4), (1, 5, 6, 2)], 90 * 16),
        (torchvision.ops.deform_conv2d, [(1, 4, 7, 7), (1, 18, 5, 5), (6, 4, 3, 3)], 25 * 6 * 4 * 9),
        (F.cosine_similarity, [(3, 4), (3, 4)], 3 * 4 * 3),
        (lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=-1), [(3, 4), (5, 4)], 3 * 5 * 4 * 3),
        (torch.cdist, [(3, 4), (5, 4)], 3 * 5 * 4),
        (F.bilinear, [(3, 4), (3, 5), (6, 4, 5)], 3 * 6 * 4 * 5),
        (torch.linalg.vecdot, [(3, 4), (3, 4)], 12),
        (torch.kron, [(3, 4), (2, 3)], 72),
        (torch.fft.rfft2, [(1, 3, 8, 8)], 3 * 64 * 6),
        (lambda x: torch.fft.irfft(torch.fft.rfft(x)), [(3, 8)], 2 * 3 * 8 * 3),
        (
            lambda x, b: torchvision.ops.roi_align(x, b, (7, 7), sampling_ratio=2),
            [(1, 4, 9, 9), (3, 5)],
            3 * 4 * 49 * 16,
        ),
    ],
)
def test_rules_of_ours_are_stated(function, shapes, macs):
    table = cost_table(Run(function), shapes)
    assert (table.total.macs, sum(table.by_rule.values()), table.uncounted) == (macs, macs, [])
    for name in table.by_rule:
        assert f"{table.by_rule[name]:,} of {name} (" in " ".join(repr(table).split())


@pytest.mark.parametrize(
    "form, shapes, macs",
    [
        ("ij,jk->ik", [(3, 4), (4, 5)], 60),
        ("i,j->ij", [(3,), (4,)], 12),
        ("bi,bj->bij", [(2, 3), (2, 4)], 24),
        ("bi,bi->b", [(3, 4), (3, 4)], 12),
        ("i,i->", [(4,), (4,)], 4),
        ("...ij,jk->...ik", [(2, 3, 4), (4, 5)], 120),
        ("nchw,nvhw->ncv", [(1, 2, 3, 4), (1, 5, 3, 4)], 120),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], 24 + 40),
        ("bhd,bhd->bhd", [(2, 3, 4), (2, 3, 4)], 0),
        ("ii->i", [(4, 4)], 0),
    ],
)
def test_einsum_of_any_form(form, shapes, macs):
    table = cost_table(Run(lambda *parts: torch.einsum(form, *parts)), shapes)
    assert (table.total.macs, table.uncounted) == (macs, [])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("heads", [2, 1])
def test_flex_attention(heads):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")

    def forward(q, k, v):
        mask = flex.create_block_mask(lambda b, h, i, j: i >= j, None, None, 128, 128, device=q.device)
        return flex.flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: s + i - j, block_mask=mask, enable_gqa=True)

    table = cost_table(Run(forward), [(1, 2, 128, 16), (1, heads, 128, 16), (1, heads, 128, 16)])
    assert (table.total.macs, table.uncounted) == (2 * 128 * 128 * 32, [])


def test_uncounted_custom_operator_is_named():
    @torch.library.custom_op("test_costs::mix", mutates_args=())
    def mix(x: torch.Tensor) -> torch.Tensor:
        return x @ x

    mix.register_fake(lambda x: torch.empty_like(x))
    assert cost_table(Run(mix), (3, 3)).uncounted == ["test_costs.mix"]


# The user's model


def test_model_is_left_as_it_was():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()
            self.lstm, self.last, self.offset = nn.LSTM(4, 5), None, torch.ones(4)

        def forward(self, x):
            self.last = self.drop(self.norm(self.conv(x))).mean((2, 3)) + self.offset + torch.randn(4)
            self.extra = self.last * 2
            return self.lstm(self.last)[0]

    model, seen = Remembers(), []
    model.norm.eval()
    model.conv.register_forward_hook(lambda *_: seen.append("hook"))
    ids = {name: id(value) for name, value in [*model.named_parameters(), *model.named_buffers()]}
    state = copy.deepcopy(model.state_dict())
    flags = {name: (module.training, set(module.__dict__)) for name, module in model.named_modules()}
    rng = torch.get_rng_state()
    for _ in range(2):
        table = cost_table(model, (2, 3, 8, 8))
    with pytest.raises(ValueError):
        cost_table(model, (2, 1, 8, 8))
    assert table.total.macs == 2 * 4 * 36 * 27 + 2 * 4 * 5 * (4 + 5)
    assert torch.equal(rng, torch.get_rng_state())
    assert ids == {name: id(value) for name, value in [*model.named_parameters(), *model.named_buffers()]}
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert flags == {name: (module.training, set(module.__dict__)) for name, module in model.named_modules()}
    assert model.last is None and seen == []
    assert model(torch.rand(2, 3, 8, 8)).shape == (2, 5) and seen == ["hook"]


def test_gradients_are_left_alone():
    model = nn.Sequential(nn.Linear(3, 2))
    model(torch.rand(4, 3)).sum().backward()
    grad = model[0].weight.grad.clone()
    cost_table(model, (4, 3))
    assert torch.equal(model[0].weight.grad, grad) and model[0].weight.requires_grad
    model(torch.rand(4, 3)).sum().backward()


def test_same_from_cpu_and_meta():
    with torch.device("meta"):
        empty = torchvision.models.mobilenet_v3_small()
    assert cost_table(torchvision.models.mobilenet_v3_small()).rows == cost_table(empty).rows


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_same_from_cuda():
    model = torchvision.models.mobilenet_v3_small()
    rows = cost_table(model).rows
    taken = torch.cuda.memory_allocated()
    assert cost_table(model.cuda()).rows == rows
    assert torch.cuda.memory_allocated() > taken and all(p.is_cuda for p in model.parameters())


def test_tensor_input_dtype_and_batch():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5))
    assert (
        cost_table(model.double(), torch.rand(2, 3, 8, 8).double()).rows == cost_table(model.half(), (2, 3, 8, 8)).rows
    )
    assert cost_table(model, (2, 3, 8, 8)).total.macs == 2 * cost_table(model, (1, 3, 8, 8)).total.macs


def test_other_devices_inside_a_forward():
    class Hard(nn.Module):
        def __init__(self):
            super().__init__()
            self.fixed = torch.ones(4, 5)

        def forward(self, x):
            return x.to("cpu") @ self.fixed + torch.arange(5)

    assert cost_table(Hard(), (3, 4)).total.macs == 60


def test_compiled_and_traced_networks():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    expected = cost_table(model, (1, 3, 8, 8))
    assert cost_table(torch.compile(model), (1, 3, 8, 8)).rows == expected.rows
    assert cost_table(torch.fx.symbolic_trace(model), (1, 3, 8, 8)).total == expected.total


def test_weight_norm_and_pruning():
    old = nn.utils.parametrizations.weight_norm(nn.Linear(4, 5))
    assert cost_table(old, (1, 4)).total[::2] == (4 * 5 + 5 + 5, 20)
    pruned = prune.l1_unstructured(nn.Linear(4, 5), "weight", 0.5)
    assert cost_table(pruned, (1, 4)).total[::2] == (25, 20)


# Bad input


@pytest.mark.parametrize(
    "model, shape, message",
    [
        (
            nn.Sequential(nn.Conv2d(3, 4, 3)),
            (1, 1, 8, 8),
            r"0 \(Conv2d\) expects 3 input channels \(its weight is \(4, 3, 3, 3\)\), "
            r"got input \(1, 1, 8, 8\): change input_shape or in_channels",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3)),
            (3, 8),
            r"0 \(Conv2d\) expects an input of 4 dimensions .* got input \(3, 8\)",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 7)),
            (1, 3, 8, 8),
            r"1 \(Conv2d\) cannot slide over input \(1, 4, 6, 6\) "
            r"\(its weight is \(4, 4, 7, 7\)\): .* larger image",
        ),
        (nn.Sequential(nn.Conv2d(3, 4, 3, stride=0)), (1, 3, 8, 8), r"0 \(Conv2d\) cannot slide over input"),
        (
            nn.Sequential(nn.MaxPool2d(3)),
            (1, 3, 2, 2),
            r"0 \(MaxPool2d\) cannot take input \(1, 3, 2, 2\): .*too small",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(10, 2)),
            (1, 3, 2, 2),
            r"1 \(Linear\) expects 10 input features \(its weight is "
            r"\(2, 10\)\), got input \(1, 12\): change input_shape or in_features",
        ),
        (
            nn.Sequential(nn.BatchNorm2d(4)),
            (1, 3, 2, 2),
            r"0 \(BatchNorm2d\) expects 4 channels .*got input \(1, 3, 2, 2\)",
        ),
        (
            nn.Sequential(nn.LayerNorm(4)),
            (1, 3),
            r"0 \(LayerNorm\) cannot take input \(1, 3\) \(its weight is \(4,\)\)",
        ),
        (
            nn.Sequential(nn.Embedding(9, 4)),
            (1, 3),
            r"0 \(Embedding\) expects whole numbers.*weight \(9, 4\).*torch.zeros\(\(1, 3\)",
        ),
        (nn.LSTM(5, 6), (7, 3, 4), r"\(model\) \(LSTM\) cannot take input \(7, 3, 4\)"),
        (
            layers.LSTM(5, 6),
            (7, 3, 4),
            r"\(model\) \(LSTM\) cannot take input \(7, 3, 4\): x .* must end with input_size \(=5\)",
        ),
        (Run(lambda x: x @ x), (3, 4), r"\(model\) \(Run\) cannot take input \(3, 4\): "),
        (Run(lambda x: x + x.T), (3, 4), r"\(model\) \(Run\) cannot take input \(3, 4\)"),
        (Run(lambda x: x if x.sum() > 0 else -x), (3,), r"\(model\) \(Run\) needs the values of its input \(3,\)"),
        (nn.ModuleList(), (1, 3), r"ModuleList.*forward"),
    ],
)
def test_bad_input_names_the_layer_and_the_shapes(model, shape, message):
    with pytest.raises(ValueError, match=message) as caught:
        cost_table(model, shape)
    assert caught.type is ValueError


def test_bad_input_to_known_networks():
    with pytest.raises(ValueError, match=r"features.0 \(Conv2d\) expects 3 input channels"):
        cost_table(build("alexnet"), (1, 1, 224, 224))
    with pytest.raises(ValueError, match=r"features.\d+ \(\w+\) cannot .*\(1, \d+, \d+, \d+\)"):
        cost_table(build("alexnet"), (1, 3, 32, 32))
    with pytest.raises(ValueError, match=r"has no batch size, did you mean \(1, 3, 224, 224\)\?"):
        cost_table(build("alexnet"), (3, 224, 224))
    with pytest.raises(
        ValueError, match=r"\(model\) \(VisionTransformer\) cannot take input \(1, 3, 225, 225\): Wrong image"
    ):
        cost_table(build("vit_b_16"), (1, 3, 225, 225))


@pytest.mark.parametrize(
    "shape", [(1, 3, 0, 8), (1, 3, -1, 8), (1, 3, 8.0, 8), "1x3x8x8", None, (), [], (True, 3, 8, 8), [(1, 3), "a"]]
)
def test_bad_shape(shape):
    with pytest.raises(ValueError, match="input_shape .*must be whole numbers"):
        cost_table(nn.Conv2d(3, 4, 3), shape)


def test_bad_model():
    with pytest.raises(ValueError, match="must be an nn.Module"):
        cost_table(torch.relu)
    with pytest.raises(ValueError, match="must be an nn.Module"):
        cost_table(nn.Conv2d)
    with pytest.raises(ValueError, match="does not take 1 input"):
        cost_table(nn.Bilinear(3, 4, 5), (2, 3))


def test_a_mistake_in_a_forward_stays_what_it_is():
    with pytest.raises(AttributeError, match="no_such"):
        cost_table(Run(lambda x: x.no_such()), (2, 3))


# The table


@pytest.fixture(scope="module")
def table():
    return cost_table(build("alexnet"))


def test_records_csv_text_and_html_agree(table, tmp_path):
    records = table.records()
    assert all(type(record) is dict for record in records)
    assert [record["macs"] for record in records] == [row.macs for row in table.rows]
    assert list(records[0])[:4] == ["name", "kind", "in_shape", "out_shape"]
    read = list(csv.DictReader(io.StringIO(table.csv())))
    assert len(read) == len(records) == 21
    for line, record in zip(read, records):
        assert line["name"] == record["name"] and line["kind"] == record["kind"]
        assert [int(line[key]) for key in ("params", "memory", "macs")] == [
            record[key] for key in ("params", "memory", "macs")
        ]
        assert line["out_shape"] == "x".join(map(str, record["out_shape"]))
    table.csv(tmp_path / "costs.csv")
    assert (tmp_path / "costs.csv").read_text(encoding="utf-8") == table.csv()
    text, html = repr(table), table._repr_html_()
    body = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in html.split("\n") if line.startswith("<tr>")]
    assert len(body) == 21
    for line, row, cells in zip(text.split("\n")[3:], table.rows, body):
        for value in (row.name, row.kind, f"{row.params:,}", f"{row.macs:,}", f"{row.memory / 1024:,.1f}"):
            assert value in line.split() and value in cells
    assert "714,188,480" in text and "714,188,480" in html


def test_text_is_narrow_and_always_the_same():
    for name in ("alexnet", "densenet121", "vit_b_16", "efficientnet_v2_s", "googlenet"):
        text = repr(cost_table(build(name)))
        assert max(map(len, text.split("\n"))) <= 112
        assert text == repr(cost_table(build(name)))
        assert all(line == line.rstrip() for line in text.split("\n"))


def test_units_and_convention_are_said(table):
    for shown in (repr(table), table._repr_html_()):
        assert "KiB" in shown and "FLOPs = 2 × MACs" in shown and "output values × 4 bytes" in shown
        assert "NOT COUNTED" not in shown


def test_html_escapes_names():
    shown = cost_table(type("<b>", (nn.Module,), {"forward": lambda self, x: x + 1})(), (1, 2))._repr_html_()
    assert "&lt;b&gt;" in shown and "<td><b></td>" not in shown


def test_share(table):
    for column in ("params", "memory", "macs"):
        assert sum(table.share(column)) == pytest.approx(1)
    assert table.share("params")[15] == 37_752_832 / 61_100_840
    assert cost_table(nn.ReLU(), (1, 2)).share("macs") == [0.0]
    with pytest.raises(ValueError, match="must be one of params, memory, macs"):
        table.share("flops")


def test_only_and_by_block(table):
    assert table.only("MaxPool2d").total.params == 0 and len(table.only("MaxPool2d").rows) == 3
    with pytest.raises(ValueError, match=r"kind \(='conv'\) must be one of Conv2d, ReLU"):
        table.only("conv")
    blocks = table.by_block()
    assert isinstance(blocks, CostTable) and [row.name for row in blocks.rows] == ["features", "avgpool", "classifier"]
    assert blocks.total == table.total
    assert blocks.rows[0].out_shape == (1, 256, 6, 6) and blocks.rows[2].macs == 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert [row.name for row in cost_table(build("resnet18")).by_block(2).rows][3:7] == [
        "maxpool",
        "layer1.0",
        "layer1.1",
        "layer2.0",
    ]
    with pytest.raises(ValueError, match="depth"):
        table.by_block(0)


# Random networks against a formula


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_stacks(data):
    channels, size = data.draw(st.integers(1, 6)), data.draw(st.integers(6, 20))
    batch = data.draw(st.integers(1, 3))
    shape, layers, macs, params, memory = (batch, channels, size, size), [], 0, 0, 0
    for _ in range(data.draw(st.integers(1, 5))):
        K, S, P, D = (data.draw(st.integers(low, high)) for low, high in ((1, 4), (1, 3), (0, 2), (1, 2)))
        out = (size + 2 * P - D * (K - 1) - 1) // S + 1
        if size + 2 * P < D * (K - 1) + 1:
            continue
        groups = data.draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
        width, bias = groups * data.draw(st.integers(1, 3)), data.draw(st.booleans())
        layers += [nn.Conv2d(channels, width, K, S, P, D, groups, bias), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        macs += batch * width * out * out * K * K * channels // groups
        params += width * K * K * channels // groups + bias * width + 2 * width
        memory += 3 * 4 * batch * width * out * out
        channels, size = width, out
    table = cost_table(nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size * size, 3)), shape)
    macs, params = macs + batch * channels * size * size * 3, params + channels * size * size * 3 + 3
    memory += 4 * batch * (channels * size * size + 3)
    assert table.total == (params, memory, macs)
    real = nn.Sequential(*layers).eval()(torch.rand(shape))
    assert real.shape[1:] == (channels, size, size)


# ---- short cuts


def x_(*shape, **more):
    return torch.rand(*shape, **more)


SHORTENED = {  # operator's name: calls of it, which torch answers on the CPU
    **dict.fromkeys(ACTIVATIONS, [(x_(2, 3),), (x_(4, 3, 2).transpose(0, 1),)]),
    "clamp": [(x_(2, 3), 0.1, 0.5)],
    "roll": [(x_(2, 3), [1])],
    **dict.fromkeys(["add", "sub", "mul", "div"], [(x_(2, 1, 3), x_(4, 1)), (x_(2, 3), 2), (x_(3), x_(3).half())]),
    "clamp_min": [(x_(2, 3), 0.5)],
    "conv1d": [(x_(1, 4, 9), x_(6, 2, 3), None, (2,), (1,), (2,), 2)],
    "conv2d": [(x_(2, 3, 7, 8), x_(4, 3, 3, 2), x_(4), (2, 1), (1, 0))],
    "conv3d": [(x_(1, 2, 4, 5, 6), x_(3, 2, 2, 2, 2))],
    "softmax": [(x_(2, 3), -1), (x_(2, 3), 0, torch.float64)],
    "batch_norm": [(x_(2, 3, 4), x_(3), x_(3), x_(3), x_(3), False, 0.1, 1e-5, False)],
    "layer_norm": [(x_(2, 3, 4), (3, 4), x_(3, 4), x_(3, 4))],
    "rms_norm": [(x_(2, 3, 4), (4,), x_(4))],
    "group_norm": [(x_(2, 6, 4, 5), 3, x_(6), x_(6)), (x_(2, 6), 2), (x_(2, 4, 3, 6).permute(0, 3, 1, 2), 2)],
    "pow": [(x_(2, 3), 2), (x_(2, 3), 0.5), (2, x_(2, 3)), (x_(2, 3), x_(3))],
    "stack": [([x_(2, 3), x_(2, 3)],), ([x_(2, 3), x_(2, 3)], -1), ([x_(2, 3)], 1)],
    "max_pool1d": [(x_(1, 2, 9), [3], [2], [1])],
    "max_pool2d": [
        (x_(1, 2, 9, 8), [3, 2]), (x_(1, 2, 9, 8), [3], [2], [1], [2], True), (x_(2, 1, 7, 7), [2], [2], [1], [1], True),
        (x_(1, 1, 5, 5), [1], [3], [0], [1], True), (x_(2, 6, 6), [2]),
    ],
    "max_pool3d": [(x_(1, 2, 5, 6, 7), [2, 3, 2], [1, 2, 3])],
    "avg_pool2d": [(x_(1, 2, 9, 8), [3], [2], [1], True, False), (x_(1, 2, 9, 8), [2, 3])],
    "upsample_nearest2d": [(x_(1, 2, 5, 6), [7, 3], None), (x_(1, 2, 5, 7), None, [1.5, 0.5])],
    "upsample_bilinear2d": [(x_(1, 2, 5, 6), [7, 3], False, None), (x_(1, 2, 5, 7), None, True, [1.5, 0.5])],
    "upsample_bicubic2d": [(x_(1, 2, 5, 6), [7, 3], False, None), (x_(1, 2, 5, 7), None, False, [2.7, 0.3])],
    "cat": [([x_(2, 3), x_(2, 5)], 1), ([x_(2, 3), x_(4, 3)], -2)],
    "embedding": [(x_(5, 3), torch.tensor([[1, 2]]))],
    "mean": [
        (x_(2, 3, 4), [1, -1]), (x_(2, 3, 4), (0,), True), (x_(2, 3, 4), [-1]), (x_(2, 3),),
    ],
    "linalg_vector_norm": [(x_(2, 3, 4), 2, [-1], True), (x_(2, 3, 4), 1, [0, 2]), (x_(2, 3), 2)],
    "adaptive_avg_pool2d": [(x_(1, 3, 5, 6), (2, 1))],
    "linear": [(x_(2, 3), x_(4, 3), x_(4)), (x_(5, 2, 3), x_(4, 3))],
    "matmul": [(x_(2, 3, 4), x_(2, 4, 5)), (x_(3), x_(3)), (x_(2, 3, 4), x_(4))],
    "bmm": [(x_(2, 3, 4), x_(2, 4, 5))],
    "scaled_dot_product_attention": [
        (x_(1, 2, 3, 4), x_(1, 2, 5, 4), x_(1, 2, 5, 6)), (x_(2, 3, 4), x_(2, 5, 4), x_(2, 5, 6)),
        (x_(1, 2, 3, 4), x_(1, 2, 5, 4), x_(1, 2, 5, 6), x_(3, 5)),
        (x_(2, 2, 3, 4), x_(2, 2, 5, 4), x_(2, 2, 5, 6), x_(2, 1, 1, 5) > 0.5),
    ],
}  # fmt: skip


def test_every_short_cut_has_its_case():
    assert SHORT.keys() - {"_nested_tensor_from_mask_left_aligned"} == SHORTENED.keys()


@pytest.mark.parametrize("name", SHORTENED)
def test_a_short_cut_answers_as_torch_does(name):
    answered = 0
    for call in SHORTENED[name]:
        true = getattr(torch.ops.aten, name)(*call)
        found = SHORT[name](*tree_map(lambda v: v.to("meta") if isinstance(v, torch.Tensor) else v, call))
        if found is not None:
            answered += 1
            assert (found.shape, found.dtype, found.device.type) == (true.shape, true.dtype, "meta"), call
    assert answered


@pytest.mark.parametrize("dims", [[0, 0], [2], [-3, 1], 5])
def test_a_mean_over_dimensions_that_are_not_there_is_left_to_torch(dims):
    assert SHORT["mean"](torch.empty(2, 3, device="meta"), dims) is None
    with pytest.raises((RuntimeError, IndexError)):
        torch.rand(2, 3).mean(dims)
