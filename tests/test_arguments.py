"""What the public functions say to wrong arguments: a ValueError that names the argument, never torch's own complaint.

CALLS holds, for each public function, right arguments and, for each argument, of what kind it is; each kind has right values and
wrong ones of its own. Right calls are compared with an independent route here or in the test that is named. The last test goes
through everything that is public and fails for what is not here.
"""

import importlib
import inspect
import math
import pkgutil
import re
import traceback
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import helpers
from helpers import costs, data, device, layers, models, plots, sequences, shapes, training
from helpers.chapters.ch01_convolution.explorer import ConvolutionExplorer
from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer
from helpers.chapters.ch03_alexnet.explorer import CostExplorer
from helpers.chapters.ch04_vgg.explorer import VggStackExplorer
from helpers.chapters.ch05_resnet.explorer import DepthExplorer
from helpers.chapters.ch06_mobilenet.explorer import MobileExplorer
from helpers.chapters.ch07_rnn.explorer import HelloExplorer, RecurrenceExplorer
from helpers.chapters.ch08_lstm.explorer import GatesExplorer
from helpers.chapters.ch09_attention.explorer import AttentionExplorer
from helpers.chapters.ch10_vit.explorer import PatchExplorer
from helpers.chapters.ch11_swin.explorer import WindowExplorer
from helpers.course import claims as lecture
from helpers.course import exercises, source
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.models.deep import DeepBlock, deep_net

HERE = Path(__file__).parent
few = settings(max_examples=25, deadline=None, derandomize=True, database=None)


class Anything:
    def __repr__(self):
        return "<anything>"


# ---- kinds of arguments: what is always wrong for them

NOT_NUMBERS = ["3", None, [], [1], {}, (), b"2", print, Anything(), 1j, math.nan, torch.zeros(2), "", "many"]
NOT_WHOLE = [*NOT_NUMBERS, 1.5, 2.0, True, math.inf, -math.inf, Fraction(3), np.float64(2), torch.tensor(2.0)]


def whole(least=1, most=None):
    """A whole number."""
    return NOT_WHOLE + [least - 1, least - 7, -(10**20)] + ([most + 1, 10**20] if most is not None else [])


def number(low=0.0, high=math.inf, ends=True):
    wrong = [value for value in NOT_NUMBERS if not (isinstance(value, torch.Tensor))]
    return (
        wrong
        + [torch.zeros(2), True, math.inf, -math.inf]
        + [low - 1e-3, low - 50] * math.isfinite(low)
        + ([high + 1e-3, 1e30] if math.isfinite(high) else [])
        + ([] if ends else [low])
    )


def pair(least=1):
    """An int or two of them."""
    each = [value for value in whole(least) if not isinstance(value, (list, tuple))]
    return each + [(), [1], (1, 2, 3), (least - 1, 2), (2, least - 1), (2, 1.5), (2, None), ("1", 2)]


def choice():
    return ["", "Zeros", "nobody", None, 3, True, [], ["zeros"], {}, math.nan, Anything()]


def tensor(*sides, floats=False, dtype=torch.float32, like=True):
    """A tensor of so many axes; the sizes are the affair of what stands beside it."""
    wrong = ["x", None, 3, 2.5, [[1.0]], (), np.zeros((1, 2, 3, 3)), Anything()] + [torch.ones((1,) * 7)] * (
        7 not in sides
    )
    wrong += [torch.ones((2,) * n, dtype=dtype) for n in range(6) if n not in sides]
    wrong += [torch.zeros((2,) * sides[0], dtype=torch.bool)]
    if floats or like:
        wrong += [torch.ones((2,) * sides[0], dtype=torch.int64)] * floats
    return wrong


def optional(wrong):
    return [value for value in wrong if value is not None]


def without(wrong, *kinds):
    return [value for value in wrong if not isinstance(value, kinds)]


def given_shape(*shape, dtype=torch.float32, of=()):
    """Wrong companions of a right tensor: another size of each axis, another type of number, another device."""
    found = [torch.ones(*shape[:i], side + 3, *shape[i + 1 :], dtype=dtype) for i, side in enumerate(shape) if i in of]
    return found + [
        torch.ones(shape, dtype=torch.float64 if dtype == torch.float32 else torch.float32),
        torch.ones(shape, dtype=dtype, device="meta"),
    ]


# ---- what is called, and how

dice = torch.Generator().manual_seed(0)


def rand(*shape):
    return torch.randn(*shape, generator=dice)


X, W, B = rand(2, 4, 6, 7), rand(6, 4, 3, 2), rand(6)
SET = data.ImageSet(torch.rand(12, 1, 4, 4, generator=dice), torch.arange(12) % 3, ("a", "b", "c"))
WINDOWS = [shapes.Window(3, 2, 1), shapes.Window(2, 2)]
IMAGE = tensor(4) + given_shape(2, 4, 6, 7, of=(1,))
Q = rand(2, 3, 4)
LSTM_W = [rand(20, 3), rand(20, 5), rand(20), rand(20)]
RNN_W = [rand(5, 3), rand(5, 5), rand(5), rand(5)]
GRU_W = [rand(15, 3), rand(15, 5), rand(15), rand(15)]
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
AX = plots.figure()[1]


class Call:
    """A public thing with right arguments, the wrong values of each, and what it must give.

    equals: None, a function of the arguments that finds the result by another way, or the name of the test that compares it
    """

    def __init__(self, function, right, wrong, equals=None):
        self.function, self.right, self.wrong, self.equals = function, right, wrong, equals
        self.name = f"{function.__module__}.{function.__qualname__}"


def windows(function, equals):
    of = dict(
        kernel_size=pair(1), stride=optional(pair(1)) if "pool" in function.__name__ else pair(1), padding=pair(0)
    )
    return Call(function, dict(x=X, kernel_size=2), dict(x=tensor(4, floats="avg" in function.__name__), **of), equals)


def convolution(function):
    wrong = dict(
        x=IMAGE,
        weight=tensor(4) + given_shape(6, 4, 3, 2, of=(1,)),
        bias=optional(tensor(1)) + given_shape(6, of=(0,)),
        stride=pair(1),
        padding=pair(0),
        dilation=pair(1),
        groups=[*whole(1), 3],
        padding_mode=choice(),
    )
    return Call(function, dict(x=X, weight=W, bias=B), wrong, lambda x, weight, bias: F.conv2d(x, weight, bias))


def cell(function, weights, state, equals):
    wrong = {"x": tensor(1, 2, floats=True) + given_shape(2, 3, of=(0, 1))}
    for name, weight in zip(NAMES, weights):
        wrong[name] = tensor(weight.dim()) + given_shape(*weight.shape, of=range(weight.dim()))
        wrong[name] = optional(wrong[name]) if "bias" in name else wrong[name]
    if "state" in state:
        wrong["state"] = [
            "x",
            None,
            3,
            (),
            [1],
            (rand(2, 5),),
            (rand(2, 5), None),
            (rand(2, 4), rand(2, 5)),
            (rand(2, 5), rand(2, 4)),
        ]
    else:
        wrong["h"] = tensor(1, 2) + given_shape(2, 5, of=(0, 1))
    return Call(function, dict(x=rand(2, 3), **state, **dict(zip(NAMES, weights))), wrong, equals)


def module(kind, right, wrong, shape, inputs=None, equals=None):
    """A network or layer: its constructor's arguments, and then its input."""
    made = []

    def call(x, **arguments):
        if all(arguments.get(name) is value for name, value in right.items()) and len(arguments) == len(right):
            if not made:
                made.append(kind(**arguments).eval())
            return made[0](x)
        return kind(**arguments).eval()(x)

    call.__module__, call.__qualname__ = kind.__module__, kind.__qualname__
    return Call(
        call,
        dict(x=torch.zeros(shape), **right),
        dict(wrong, x=inputs if inputs is not None else tensor(len(shape)) + given_shape(*shape, of=(1,))),
        equals,
    )


TINY_VIT = dict(image_size=8, patch_size=4, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=6, num_classes=3)
TINY_SWIN = dict(patch_size=2, embed_dim=4, depths=(1, 1), num_heads=(1, 2), window_size=2, num_classes=3)
VIT_WRONG = dict(
    image_size=[*pair(1), 9, (8, 7)],
    patch_size=[*pair(1), 3],
    num_layers=whole(0),
    num_heads=[*whole(1), 3],
    hidden_dim=[*whole(1), 7],
    mlp_dim=whole(1),
    num_classes=whole(1),
    in_channels=whole(1),
    pool=choice(),
    positions=choice(),
    dropout=number(0, 1),
    attention_dropout=number(0, 1),
)
LARGE = ["3", None, 1.5, True, 0]  # these networks take a while to build, so a few wrong values must do
PROBABILITY, LIST_OF_SIZES = (
    number(0, 1),
    [None, 3, "2222", (), (1,), [0, 1, 1, 1, 1], (1, 1, 1, 1, 1.5), {}, Anything()],
)
TEXT = ["", " ", None, 3, [], {}, b"x", Anything()]
IDS = [
    "x",
    None,
    3,
    [0, 1],
    np.array([0]),
    torch.tensor([0.0]),
    torch.tensor([True]),
    torch.tensor([-1]),
    torch.tensor([4]),
]
NETWORK = [None, "net", 3, {}, Anything(), nn.ReLU(), lambda x: x]
IMAGES = [None, "x", 3, [], Anything(), torch.zeros(3), {}]
PICTURE = [
    "x",
    None,
    Anything(),
    [],
    [["a"]],
    torch.zeros(0, 3),
    torch.full((2, 2), math.nan),
    np.full((2, 2), math.inf),
    -np.full((2, 2), math.inf),
    torch.zeros(2, 3, 3),
    torch.zeros(1, 1, 2, 2),
    torch.zeros(3),
    3.0,
    torch.zeros(2, 2, dtype=torch.complex64),
]
VALUES = [None, 3, "12", ["a", "b"], [1, math.nan], [math.inf, 1], [1], [1, 2, 3], [[1, 2]], [], Anything()]


def recurrent(kind, torchs):
    right = dict(input_size=3, hidden_size=5)
    wrong = dict(input_size=whole(1), hidden_size=whole(1), num_layers=whole(1), dropout=PROBABILITY)
    wrong |= {"nonlinearity": choice()} if kind is layers.RNN else {}
    return module(
        kind,
        right,
        wrong,
        (4, 2, 3),
        tensor(2, 3, floats=True) + given_shape(4, 2, 3, of=(2,)) + [torch.zeros(0, 2, 3)],
        "test_recurrent.py::test_layers_equal_torchs",
    )


def cell_module(kind):
    wrong = dict(input_size=whole(1), hidden_size=whole(1)) | (
        {"nonlinearity": choice()} if kind is layers.RNNCell else {}
    )
    return module(
        kind,
        dict(input_size=3, hidden_size=5),
        wrong,
        (2, 3),
        tensor(1, 2, floats=True) + given_shape(2, 3, of=(1,)),
        "test_recurrent.py::test_cell_modules_are_interchangeable_with_torchs",
    )


def explorer(kind, right=None, equals=None, **wrong):
    return Call(kind, right or {}, wrong, equals or (lambda **_: None))


CALLS = [
    # shapes
    Call(shapes.whole, dict(name="value", value=3, least=1), dict(value=whole(1)), lambda name, value, least: value),
    Call(shapes.span, dict(kernel_size=3, dilation=2), dict(kernel_size=whole(1), dilation=whole(1)), lambda **_: 5),
    Call(
        shapes.output_size,
        dict(size=9, kernel_size=3, stride=2),
        dict(size=whole(1), kernel_size=[*whole(1), 10], stride=whole(1), padding=whole(0), dilation=whole(1)),
        "test_shapes.py::test_output_size_is_that_of_convolution",
    ),
    Call(
        shapes.check_pool_padding,
        dict(kernel_size=3, padding=1),
        dict(kernel_size=whole(1), padding=[*whole(0), 2]),
        lambda **_: None,
    ),
    Call(shapes.same_padding, dict(kernel_size=5), dict(kernel_size=[*whole(1), 4], dilation=whole(1)), lambda **_: 2),
    Call(
        shapes.receptive_field,
        dict(layers=WINDOWS),
        dict(layers=[[shapes.Window(k)] for k in without(whole(1), list, tuple)]),
        "test_shapes.py::test_receptive_fields_by_hand",
    ),
    Call(
        shapes.input_range,
        dict(layers=WINDOWS, index=1),
        dict(index=whole(0)),
        "test_shapes.py::test_input_range_is_what_the_gradient_shows",
    ),
    Call(
        shapes.output_range,
        dict(layers=WINDOWS, pixel=2, size=9),
        dict(pixel=[*whole(0), 9], size=whole(1)),
        "test_shapes.py::test_output_range_is_what_the_gradient_shows",
    ),
    # layers: convolution and pooling
    convolution(layers.conv2d),
    convolution(layers.conv2d_naive),
    Call(
        layers.pad,
        dict(x=X, padding=1),
        dict(x=tensor(4), padding=pair(0), mode=choice()),
        lambda x, padding: F.pad(x, [padding] * 4),
    ),
    windows(layers.max_pool2d, lambda x, kernel_size: F.max_pool2d(x, kernel_size)),
    windows(layers.max_pool2d_naive, lambda x, kernel_size: F.max_pool2d(x, kernel_size)),
    windows(layers.avg_pool2d, lambda x, kernel_size: F.avg_pool2d(x, kernel_size)),
    windows(layers.avg_pool2d_naive, lambda x, kernel_size: F.avg_pool2d(x, kernel_size)),
    *(
        module(
            kind,
            dict(kernel_size=2),
            dict(kernel_size=pair(1), stride=optional(pair(1)), padding=pair(0)),
            (2, 3, 6, 7),
            tensor(4),
            lambda x, kernel_size: x[:, :, ::2, :6:2],
        )
        for kind in (layers.MaxPool2d, layers.AvgPool2d)
    ),
    module(
        layers.Conv2d,
        dict(in_channels=4, out_channels=6, kernel_size=3),
        dict(
            in_channels=whole(1),
            out_channels=whole(1),
            kernel_size=pair(1),
            stride=pair(1),
            padding=pair(0),
            dilation=pair(1),
            groups=[*whole(1), 3],
            padding_mode=choice(),
        ),
        (2, 4, 6, 7),
        IMAGE,
        "test_conv.py::test_conv2d_equals_torch",
    ),
    # layers: normalisation
    Call(
        layers.batch_norm,
        dict(x=X, training=True),
        dict(
            x=tensor(2, 3, 4, 5, 6, floats=True),
            weight=optional(tensor(1)) + given_shape(4, of=(0,)),
            bias=optional(tensor(1)) + given_shape(4, of=(0,)),
            eps=number(0),
            momentum=number(0, 1),
            running_mean=optional(tensor(1)) + given_shape(4, of=(0,)),
        ),
        lambda x, training: F.batch_norm(x, None, None, training=True),
    ),
    Call(
        layers.batch_norm_naive,
        dict(x=X, weight=B[:4], bias=B[1:5]),
        dict(
            x=tensor(2, 3, 4, 5, 6, floats=True),
            weight=tensor(1) + given_shape(4, of=(0,)),
            bias=tensor(1) + given_shape(4, of=(0,)),
            eps=number(0),
        ),
        lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, training=True),
    ),
    Call(
        layers.layer_norm,
        dict(x=X, normalized_shape=7),
        dict(
            x=["x", None, 3, Anything(), torch.ones(2, 7, dtype=torch.int64), torch.ones(7, 2)],
            normalized_shape=[value for value in whole(1) if not isinstance(value, (list, tuple))]
            + [(), [], (6, 8), 6],
            weight=optional(tensor(1)) + given_shape(7, of=(0,)),
            eps=number(0),
        ),
        lambda x, normalized_shape: F.layer_norm(x, (7,)),
    ),
    *(
        module(
            kind,
            dict(num_features=4),
            dict(num_features=whole(1), eps=number(0), momentum=optional(number(0, 1))),
            shape,
            tensor(*sides, floats=True) + given_shape(*shape, of=(1,)),
            "test_norm.py::test_modules_equal_torchs",
        )
        for kind, shape, sides in ((layers.BatchNorm1d, (2, 4), (2, 3)), (layers.BatchNorm2d, (2, 4, 3, 3), (4,)))
    ),
    module(
        layers.LayerNorm,
        dict(normalized_shape=7),
        dict(normalized_shape=[0, -1, "7", None, 7.0, (), (0,)], eps=number(0)),
        (2, 3, 7),
        [None, "x", torch.zeros(2, 6), torch.zeros(2, 7, dtype=torch.int64)],
        "test_norm.py::test_layer_norm_module_is_interchangeable_with_torchs",
    ),
    # layers: recurrence
    cell(layers.rnn_cell, RNN_W, dict(h=rand(2, 5)), lambda x, h, **w: torch.rnn_tanh_cell(x, h, *w.values())),
    cell(layers.gru_cell, GRU_W, dict(h=rand(2, 5)), lambda x, h, **w: torch.gru_cell(x, h, *w.values())),
    cell(
        layers.lstm_cell,
        LSTM_W,
        dict(state=(rand(2, 5), rand(2, 5))),
        lambda x, state, **w: torch.lstm_cell(x, state, *w.values()),
    ),
    cell(layers.lstm_gates, LSTM_W, dict(h=rand(2, 5)), "test_recurrent.py::test_cells_equal_torchs"),
    Call(
        layers.lstm_steps,
        dict(x=rand(4, 2, 3), state=(rand(2, 5), rand(2, 5)), **dict(zip(NAMES, LSTM_W))),
        dict(
            x=tensor(2, 3) + given_shape(4, 2, 3, of=(1, 2)) + [torch.zeros(0, 2, 3)],
            state=["x", None, 3, (), (rand(2, 5),), (rand(3, 5), rand(2, 5))],
            weight_ih=tensor(2) + given_shape(20, 3, of=(0, 1)),
            weight_hh=tensor(2) + given_shape(20, 5, of=(0, 1)),
        ),
        "test_recurrent.py",
    ),
    Call(
        layers.unroll,
        dict(cell=lambda x, h: layers.rnn_cell(x, h, *RNN_W), x=rand(4, 2, 3), state=rand(2, 5)),
        dict(x=tensor(2, 3) + [torch.zeros(0, 2, 3)]),
        "test_recurrent.py",
    ),
    recurrent(layers.RNN, nn.RNN),
    recurrent(layers.LSTM, nn.LSTM),
    recurrent(layers.GRU, nn.GRU),
    *map(cell_module, (layers.RNNCell, layers.LSTMCell, layers.GRUCell)),
    # layers: attention
    *(
        Call(
            function,
            dict(query=Q, key=rand(2, 5, 4), value=rand(2, 5, 6)),
            dict(
                query=tensor(2, 3, 4, 5, 6, floats=True) + given_shape(2, 3, 4, of=(0, 2)),
                key=tensor(2, 3, 4, 5, 6) + given_shape(2, 5, 4, of=(0, 1, 2)),
                value=tensor(2, 3, 4, 5, 6) + given_shape(2, 5, 6, of=(0, 1)),
                scale=optional(number(-math.inf)),
                mask=["x", 3, [True], torch.ones(4, 5), torch.ones(3, 5, dtype=torch.int64)],
            ),
            lambda query, key, value: F.scaled_dot_product_attention(query, key, value),
        )
        for function in (layers.attention, layers.attention_naive)
    ),
    Call(
        layers.attention,
        dict(query=Q, key=Q, value=Q),
        dict(dropout=PROBABILITY),
        "test_attention.py::test_attention_equals_torch",
    ),
    Call(
        layers.causal_mask, dict(T=3), dict(T=whole(1), S=optional(whole(1))), lambda T: torch.ones(T, T).tril().bool()
    ),
    Call(
        layers.split_heads,
        dict(x=Q, num_heads=2),
        dict(x=tensor(2, 3, 4, 5, 6, 7), num_heads=[*whole(1), 3]),
        lambda x, num_heads: torch.stack(x.chunk(2, -1), 1),
    ),
    Call(
        layers.merge_heads,
        dict(x=rand(2, 3, 4, 5)),
        dict(x=tensor(3, 4, 5, 6, 7)),
        lambda x: torch.cat(x.unbind(1), -1),
    ),
    module(
        layers.MultiHeadAttention,
        dict(embed_dim=8, num_heads=2),
        dict(
            embed_dim=[*whole(1), 7],
            num_heads=[*whole(1), 3],
            dropout=PROBABILITY,
            kdim=optional(whole(1)),
            vdim=optional(whole(1)),
        ),
        (2, 3, 8),
        tensor(3, floats=True) + given_shape(2, 3, 8, of=(2,)),
        "test_attention.py",
    ),
    Call(
        layers.interpolate_positions,
        dict(positions=rand(1, 7, 4), old_grid=(2, 3), new_grid=(4, 4), extra_tokens=1),
        dict(positions=tensor(3, floats=True), old_grid=[*pair(1), 4], new_grid=pair(1), extra_tokens=[*whole(0), 2]),
        "test_attention.py",
    ),
    Call(
        layers.sinusoidal_positions,
        dict(positions=5, embed_dim=6),
        dict(
            positions=[*without(whole(1), torch.Tensor), torch.zeros(2, 2)],
            embed_dim=[*whole(2), 7],
            base=number(0, ends=False),
        ),
        "test_attention.py",
    ),
    Call(
        layers.sinusoidal_positions_2d,
        dict(grid=(2, 3), embed_dim=8),
        dict(grid=pair(1), embed_dim=[*whole(4), 6]),
        "test_attention.py",
    ),
    Call(layers.relative_position_index, dict(window_size=2), dict(window_size=pair(1)), "test_attention.py"),
    Call(
        layers.relative_position_bias,
        dict(table=rand(9, 2), index=layers.relative_position_index(2)),
        dict(
            table=tensor(2) + [rand(8, 2)],
            index=["x", None, 3, torch.zeros(4), torch.zeros(2, 2), torch.full((2, 2), 9), torch.full((2, 2), -1)],
        ),
        lambda table, index: torch.stack([table[:, head][index] for head in (0, 1)]),
    ),
    Call(
        layers.RelativePositionBias,
        dict(window_size=2, num_heads=3),
        dict(window_size=pair(1), num_heads=whole(1)),
        lambda **_: None,
    ),
    # models
    module(
        models.AlexNet2012,
        dict(num_classes=2),
        dict(num_classes=LARGE, in_channels=whole(1), groups=[0, 3, "2", None, 2.0, True]),
        (1, 3, 227, 227),
        tensor(4) + given_shape(1, 3, 227, 227, of=(1,)) + [torch.zeros(1, 3, 224, 224), torch.zeros(1, 3, 300, 300)],
        "test_alexnet.py",
    ),
    module(
        models.alexnet,
        dict(num_classes=2),
        dict(num_classes=LARGE, in_channels=whole(1), dropout=PROBABILITY),
        (1, 3, 63, 63),
        tensor(4) + given_shape(1, 3, 63, 63, of=(1,)) + [torch.zeros(1, 3, 62, 80)],
        "test_alexnet.py",
    ),
    *(
        module(
            make,
            dict(num_classes=2),
            dict(num_classes=LARGE, dropout=PROBABILITY, in_channels=whole(1)),
            (1, 3, 32, 32),
            tensor(4) + given_shape(1, 3, 32, 32, of=(1,)) + [torch.zeros(1, 3, 31, 40)],
            "test_vgg.py",
        )
        for make in (models.vgg11,)
    ),
    Call(models.VGG, dict(convolutions=(1,) * 5, num_classes=2), dict(convolutions=LIST_OF_SIZES), lambda **_: None),
    module(
        models.resnet18,
        dict(num_classes=2, width=8),
        dict(num_classes=whole(1), in_channels=whole(1), width=whole(1)),
        (1, 3, 33, 35),
        equals="test_resnet.py",
    ),
    Call(
        models.ResNet,
        dict(block=models.BasicBlock, layers=(1,) * 4, width=8),
        dict(layers=LIST_OF_SIZES),
        lambda **_: None,
    ),
    *(
        module(
            block,
            dict(in_channels=4, channels=4),
            dict(in_channels=whole(1), channels=whole(1), stride=whole(1)),
            (1, 4, 5, 5),
            equals="test_resnet.py",
        )
        for block in (models.BasicBlock, models.Bottleneck)
    ),
    Call(models.Bottleneck, dict(in_channels=4, channels=4), dict(stride_in=choice()), lambda **_: None),
    module(
        models.mobilenet_v1,
        dict(num_classes=2, width=0.25),
        dict(num_classes=whole(1), in_channels=whole(1), width=number(0, ends=False)),
        (1, 3, 33, 35),
        equals="test_mobilenet.py",
    ),
    module(
        models.mobilenet_v2,
        dict(num_classes=2, width_mult=0.25),
        dict(num_classes=whole(1), in_channels=whole(1), width_mult=number(0, ends=False), dropout=PROBABILITY),
        (1, 3, 33, 35),
        equals="test_mobilenet.py",
    ),
    module(
        models.InvertedResidual,
        dict(in_channels=4, out_channels=4, stride=1, expand_ratio=2),
        dict(in_channels=whole(1), out_channels=whole(1), stride=whole(1), expand_ratio=whole(1)),
        (1, 4, 5, 5),
        equals="test_mobilenet.py",
    ),
    *(
        Call(
            block,
            dict(in_channels=4, out_channels=6),
            dict(in_channels=whole(1), out_channels=whole(1), stride=whole(1)),
            lambda **_: None,
        )
        for block in (models.DepthwiseSeparable, models.FullConvolution)
    ),
    module(
        DeepBlock,
        dict(channels=4),
        dict(channels=whole(1), stride=whole(1)),
        (1, 4, 5, 5),
        equals="chapters/test_ch05_explorer.py",
    ),
    Call(deep_net, dict(depth=4), dict(depth=[*whole(4), 5], start=choice(), channels=whole(1)), lambda **_: None),
    module(
        models.ViT,
        TINY_VIT,
        VIT_WRONG,
        (1, 3, 8, 8),
        tensor(4) + given_shape(1, 3, 8, 8, of=(1,)) + [torch.zeros(1, 3, 12, 8)],
        "test_vit.py",
    ),
    module(
        models.EncoderBlock,
        dict(num_heads=2, hidden_dim=8, mlp_dim=6),
        dict(
            num_heads=[*whole(1), 3],
            hidden_dim=[*whole(1), 7],
            mlp_dim=whole(1),
            dropout=PROBABILITY,
            attention_dropout=PROBABILITY,
        ),
        (1, 5, 8),
        tensor(3, floats=True) + given_shape(1, 5, 8, of=(2,)),
        "test_vit.py::test_values_and_gradients_are_torchvisions",
    ),
    module(
        models.Encoder,
        dict(pos_embedding=torch.zeros(1, 5, 8), blocks=()),
        dict(),
        (1, 5, 8),
        tensor(3) + given_shape(1, 5, 8, of=(1, 2)),
        lambda x, **_: x,
    ),
    module(
        models.Swin,
        TINY_SWIN,
        dict(
            patch_size=pair(1),
            embed_dim=whole(1),
            depths=[None, 3, (), (1,), (0, 1), (1, 1.5), "11"],
            num_heads=[None, 3, (), (1,), (0, 1), (3, 2)],
            window_size=pair(1),
            mlp_ratio=number(0, ends=False),
            dropout=PROBABILITY,
            attention_dropout=PROBABILITY,
            stochastic_depth_prob=PROBABILITY,
            num_classes=whole(1),
            in_channels=whole(1),
        ),
        (1, 3, 8, 8),
        tensor(4) + given_shape(1, 3, 8, 8, of=(1,)) + [torch.zeros(1, 3, 1, 8)],
        "test_swin.py",
    ),
    module(
        models.WindowAttention,
        dict(dim=4, num_heads=2, window_size=2),
        dict(
            dim=[*whole(1), 3],
            num_heads=[*whole(1), 3],
            window_size=pair(1),
            shift_size=[*pair(0), 2],
            dropout=PROBABILITY,
        ),
        (1, 4, 4, 4),
        tensor(4, floats=True) + given_shape(1, 4, 4, 4, of=(3,)),
        "test_swin.py",
    ),
    module(
        models.SwinBlock,
        dict(dim=4, num_heads=2, window_size=2, shift_size=1),
        dict(
            dim=[*whole(1), 3],
            num_heads=[*whole(1), 3],
            window_size=pair(1),
            mlp_ratio=number(0, ends=False),
            stochastic_depth_prob=PROBABILITY,
        ),
        (1, 4, 4, 4),
        tensor(4, floats=True) + given_shape(1, 4, 4, 4, of=(3,)),
        "test_swin.py::test_values_and_gradients_are_torchvisions",
    ),
    module(
        models.PatchMerging,
        dict(dim=4),
        dict(dim=whole(1)),
        (1, 4, 4, 4),
        tensor(4, floats=True) + given_shape(1, 4, 4, 4, of=(3,)),
        "test_swin.py",
    ),
    Call(
        models.window_partition,
        dict(x=rand(1, 4, 4, 3), window_size=2),
        dict(x=tensor(4) + [rand(1, 3, 4, 3)], window_size=[*pair(1), 3]),
        "test_swin.py",
    ),
    Call(
        models.window_reverse,
        dict(windows=rand(1, 4, 4, 3), window_size=2, grid=4),
        dict(windows=tensor(4) + [rand(1, 3, 4, 3)], window_size=[*pair(1), 3], grid=[*pair(1), 6]),
        "test_swin.py",
    ),
    Call(
        models.shift_mask,
        dict(grid=4, window_size=2, shift_size=1),
        dict(grid=[*pair(1), 5], window_size=[*pair(1), 3], shift_size=[*pair(0), 2]),
        "test_swin.py",
    ),
    # costs
    Call(
        costs.cost_table,
        dict(model=nn.Conv2d(3, 4, 3), input_shape=(1, 3, 8, 8)),
        dict(
            model=[None, "net", 3, {}, Anything(), nn.LazyLinear(3)],
            input_shape=[
                "1388",
                None,
                3,
                (),
                [],
                (1, 3, 8, 0),
                (1, 3, 8, -8),
                (1, 3, 8, 8.0),
                (1, True, 8, 8),
                (1, 3, 10**12, 10**12),
                (1, 2, 8, 8),
                (3, 8),
                (1, 3, 2, 2),
                torch.zeros(1, 2, 8, 8),
                {},
            ],
        ),
        "test_costs.py::test_random_stacks",
    ),
    # data
    Call(
        data.ImageSet,
        dict(images=SET.images, labels=SET.labels, classes=SET.classes),
        dict(
            images=tensor(4) + [SET.images.double(), SET.images[:3]],
            labels=["x", None, [0], SET.labels[:3], SET.labels.float(), SET.labels + 1, SET.labels - 1],
            classes=["abc", (1, 2, 3), ("a",)],
        ),
        lambda **_: None,
    ),
    Call(
        data.fashion_mnist,
        dict(train=False),
        dict(train=[None, 1, "test", 0.0], full=[None, 1, "yes", [], ""]),
        "test_data.py",
    ),
    Call(data.digits, dict(train=False), dict(train=[None, 1, "test", 0.0]), "test_data.py"),
    Call(data.shapes, dict(n=3), dict(n=whole(1), seed=whole(0), noise=number(0, 1), size=whole(8)), "test_data.py"),
    Call(data.photograph, dict(name="cat", size=8), dict(name=choice(), size=optional(whole(1, 4096))), "test_data.py"),
    Call(data.text, dict(name="alice"), dict(name=choice()), "test_data.py::test_the_text_is_alice"),
    Call(
        data.shift,
        dict(images=X, dx=1, dy=1),
        dict(
            images=["x", None, [], np.zeros((3, 3)), torch.zeros(3)],
            dx=whole(-6, 6),
            dy=whole(-5, 5),
            fill=["", "Edge", None, [], True, {}],
        ),
        "test_data.py::test_shift_is_a_roll_with_the_wrapped_pixels_replaced",
    ),
    # device, training, sequences
    Call(
        device.pick_device,
        dict(wanted="cpu"),
        dict(wanted=["gpu", "", "cuda:99", 3.5, [], "meta", Anything()]),
        lambda wanted: torch.device("cpu"),
    ),
    Call(
        device.start,
        dict(seed=1, threads=1),
        dict(seed=whole(0, 2**32 - 1), threads=whole(1)),
        lambda seed, threads: device.pick_device(),
    ),
    *(
        Call(
            function,
            dict(model=nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), data=SET, epochs=1, batch_size=4, live=False),
            dict(
                model=NETWORK,
                data=IMAGES,
                test=optional(IMAGES),
                epochs=whole(1),
                batch_size=whole(1, 12),
                lr=number(0, ends=False),
                optimizer=[3, "adam", {}, Anything()],
                schedule=choice(),
                loss=[None, "mse", 3],
                augment=["flip", 3, []],
                seed=whole(0),
                device=["gpu", "cuda:99", 3.5],
            ),
            "test_training.py",
        )
        for function in (training.Training, training.train)
    ),
    Call(
        training.accuracy,
        dict(model=nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), data=SET),
        dict(
            model=NETWORK,
            data=[*IMAGES, data.ImageSet(SET.images[:0], SET.labels[:0], SET.classes)],
            batch_size=whole(1),
        ),
        "test_training.py",
    ),
    Call(
        sequences.encode,
        dict(text="aba", alphabet="ab"),
        dict(text=[None, 3, ["a"], "abc", b"a"], alphabet=[None, 3, "aab", "", ["a", "b"], "a"]),
        lambda text, alphabet: torch.tensor([0, 1, 0]),
    ),
    Call(
        sequences.decode,
        dict(ids=torch.tensor([0, 1]), alphabet="abcd"),
        dict(
            ids=[
                *[each for each in IDS if not isinstance(each, list)],
                [-1],
                [4],
                [0.0],
                [True],
                ["a"],
                torch.zeros(2, 2).long(),
            ],
            alphabet=[None, 3, [], ""],
        ),
        lambda **_: "ab",
    ),
    Call(sequences.decode, dict(ids=[0, 1], alphabet="abcd"), dict(ids=[[-1], [4]]), lambda **_: "ab"),
    Call(
        sequences.one_hot,
        dict(ids=torch.tensor([0, 2]), classes=4),
        dict(ids=IDS, classes=[*whole(1), 2]),
        lambda ids, classes: torch.eye(4)[ids],
    ),
    Call(
        sequences.recall,
        dict(n=2, distance=3),
        dict(n=whole(1), distance=whole(1), symbols=whole(2)),
        "test_sequences.py",
    ),
    Call(sequences.adding, dict(n=2, length=3), dict(n=whole(1), length=whole(2)), "test_sequences.py"),
    Call(
        sequences.text_batches,
        dict(ids=torch.arange(9), n=2, length=3),
        dict(ids=[*IDS[:7], torch.zeros(9, 2).long()], n=whole(1), length=[*whole(1), 9]),
        "test_sequences.py",
    ),
    Call(
        sequences.fit,
        dict(model=nn.Linear(2, 1), make_batch=lambda generator: (torch.zeros(3, 2), torch.zeros(3)), steps=1),
        dict(
            model=NETWORK,
            make_batch=[None, 3, "x"],
            steps=whole(1),
            lr=number(0, ends=False),
            clip=optional(number(0, ends=False)),
            seed=whole(0),
        ),
        "test_sequences.py",
    ),
    # lecture, source, exercises
    Call(
        lecture.settle,
        dict(id="A1", evidence=True, finding="so"),
        dict(
            id=[*choice(), "A", "a1", "Z9"],
            evidence=[None, 1, 0, "yes", "", [], [True], math.nan, 0.5, print, torch.ones(2).bool(), {}],
            finding=TEXT,
        ),
        lambda **_: None,
    ),
    Call(lecture.summary, dict(letter="A"), dict(letter=[*choice(), "A1", "Z", "AB", "a"]), lambda **_: None),
    Call(exercises.hint, dict(name="max_pool"), dict(name=[None, 3, "nobody", [], "", Anything()]), lambda **_: None),
    Call(
        exercises.solution, dict(name="max_pool"), dict(name=[None, 3, "nobody", [], "", Anything()]), lambda **_: None
    ),
    Call(
        exercises.ready,
        dict(name="max_pool", answer=None),
        dict(name=[None, 3, "nobody", [], "", Anything()]),
        lambda **_: exercises.check.__globals__["EXERCISES"]["max_pool"].reference,
    ),
    # plots
    Call(
        plots.figure,
        dict(),
        dict(rows=whole(1), cols=whole(1), width=number(0, ends=False), height=optional(number(0, ends=False))),
        lambda **_: None,
    ),
    Call(plots.show, dict(fig=plots.figure()[0], alt="words"), dict(alt=TEXT), lambda **_: None),
    Call(plots.to_array, dict(image=X[0, :3]), dict(image=PICTURE), lambda image: image.permute(1, 2, 0).numpy()),
    Call(plots.draw_image, dict(ax=AX, image=X[0, :1]), dict(image=PICTURE), lambda **_: None),
    Call(
        plots.show_images,
        dict(images=[X[0, :1]] * 2, alt="two"),
        dict(images=[[], [PICTURE[6]], ["x"]], titles=[[], ["one"], ["a"] * 3], alt=TEXT, cols=optional(whole(1))),
        lambda **_: None,
    ),
    Call(plots.draw_numbers, dict(ax=AX, array=X[0, 0]), dict(array=[*PICTURE, X[0, :3]]), lambda **_: None),
    Call(
        plots.draw_regions,
        dict(ax=AX, regions=torch.arange(4).view(2, 2)),
        dict(regions=[*PICTURE, X[0, 0], torch.full((2, 2), -1)]),
        lambda **_: None,
    ),
    Call(
        plots.draw_bars,
        dict(ax=AX, names=["a", "b"], values=[1, 2]),
        dict(
            values=VALUES,
            names=[[], ["a"], ["a", "b", "c"]],
            spread=[[(0, 1)], [(0, 1), (1,)], [(0, 1), (math.nan, 2)], [(0, 1)] * 3],
        ),
        lambda **_: None,
    ),
    Call(
        plots.show_bars,
        dict(names=["a", "b"], values=[1, 2], alt="bars"),
        dict(values=VALUES, names=[[], ["a"]], alt=TEXT),
        lambda **_: None,
    ),
    Call(
        plots.draw_seeds,
        dict(ax=AX, x=[1, 2], runs=[[1, 2], [3, 4]]),
        dict(runs=[None, 3, "ab", [], [1, 2], [[1], [2]], [["a", "b"]], [[1, 2], [3]], Anything()]),
        lambda **_: None,
    ),
    Call(
        plots.draw_losses,
        dict(ax=AX, losses=[2, 1]),
        dict(losses=[None, 3, "ab", [], [[1, 2]], ["a"], Anything()]),
        lambda **_: None,
    ),
    Call(
        plots.draw_shapes,
        dict(ax=AX, shapes=[(3, 8, 8), (10,)], names=["a", "b"]),
        dict(
            shapes=[[], [(3, 8, 8)], [(3, 8), (1,)], [(3, 8, 0), (1,)], [(3, 8, math.nan), (1,)], ["abc", (1,)]],
            names=[[], ["a"]],
        ),
        lambda **_: None,
    ),
    # explorers
    explorer(
        ConvolutionExplorer,
        image=[
            "nobody",
            3,
            [],
            {},
            torch.full((4, 4), math.nan),
            torch.zeros(2, 4, 4),
            torch.zeros(70, 70),
            torch.zeros(0, 4),
            "x",
        ],
        kernel=["nobody", 3, [], torch.zeros(2, 3), torch.full((3, 3), math.inf), torch.zeros(9, 9)],
        kernel_size=whole(1, 7),
        stride=whole(1, 4),
        padding=whole(0, 3),
        padding_mode=choice(),
        dilation=whole(1, 3),
        point=[("output", 1), "x", ("side", 1, 2), ("output", 1.5, 2), 3],
    ),
    explorer(
        AttentionExplorer,
        image=[
            "nobody",
            3,
            None,
            [],
            {},
            torch.zeros(4, 4),
            torch.zeros(2, 4, 4),
            torch.full((1, 8, 8), math.nan),
            torch.full((1, 8, 8), 2.0),
        ],
        patch_size=optional(whole(1)),
        heads=[3, "x", [], {}, {"a": 3}, {"a": (torch.zeros(2), torch.zeros(2))}],
        head=optional(choice()),
        query=[3, "x", (1,), (1, 2, 3), (-1, 0), (99, 0), (1.5, 2)],
        temperature=number(0, ends=False),
    ),
    explorer(
        PatchExplorer,
        model=choice(),
        patch_size=[*whole(4, 64), 5],
        size=[*whole(112, 512), 113],
        picture=choice(),
        order=choice(),
        token=optional(whole(0, 196)),
    ),
    explorer(
        WindowExplorer,
        window_size=whole(1),
        shift=optional(whole(0, 3)),
        blocks=whole(1),
        side=[*whole(1), 15],
        query=[3, "x", (1,), (-1, 0), (16, 0), (1.5, 2)],
        view=choice(),
        channels=[*whole(1), 97],
        heads=[*whole(1), 5],
        picture=choice(),
    ),
    Call(source.show_source, {}, {}, lambda **_: None),
    explorer(CostExplorer, network=choice(), size=optional(whole(16, 512))),
    explorer(
        DepthExplorer,
        dict(depth=4),
        depth=[*whole(4, 60), 5],
        norm=choice(),
        start=choice(),
        end=choice(),
        seed=whole(0, 99),
    ),
    explorer(
        GatesExplorer,
        candidates=[None, 3, [], [0.5], [0.5] * 13, [2, 0], [math.nan, 0], ["a", "b"], "ab", [True, 0]],
        i=optional([-0.1, 1.1, math.nan, "1", [1], [0.5] * 7 + [2], True, {}]),
        preset=optional(choice()),
        step=whole(1),
    ),
    explorer(ReceptiveFieldExplorer, size=optional(whole(32, 227))),
    explorer(MobileExplorer, block=choice(), width=whole(1)),
    explorer(
        VggStackExplorer, layers=whole(1, 5), kernel_size=[*whole(3, 11), 4], channels=whole(1, 512), size=whole(8, 224)
    ),
    explorer(
        RecurrenceExplorer, radius=[*number(0.4, 1.6)], activation=choice(), matrix=choice(), distance=whole(1, 60)
    ),
    explorer(
        HelloExplorer, word=["", "ab", "abcdefghij", None, 3, []], step=whole(1, 4), model=[3, "x", nn.Linear(2, 2)]
    ),
    Call(
        pixel_png,
        dict(array=np.eye(3)),
        dict(array=[[], [1.0], np.zeros((2, 2, 2)), np.zeros((0, 2)), [[math.nan]], [[math.inf]], "x", None, [["a"]]]),
        lambda **_: None,
    ),
    Call(html_image, dict(png=b"", alt="words"), dict(alt=TEXT), lambda **_: None),
]
IDS_OF = [f"{call.name}-{i}" for i, call in enumerate(CALLS)]


# ---- right calls


def alike(got, want):
    if isinstance(want, (tuple, list)):
        return len(got) == len(want) and all(map(alike, got, want))
    if isinstance(want, torch.Tensor):
        return got.shape == want.shape and torch.allclose(got.double(), want.double(), atol=1e-5, rtol=1e-5)
    return np.array_equal(got, want) if isinstance(want, np.ndarray) else got == want


@pytest.mark.parametrize("call", CALLS, ids=IDS_OF)
def test_right_arguments_are_taken(call):
    got = call.function(**call.right)
    if isinstance(call.equals, str):  # the comparison is elsewhere; it must be there
        file, _, name = call.equals.partition("::")
        text = (HERE / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text if name else call.function.__qualname__.split(".")[-1] in text
    elif call.equals is not None and (want := call.equals(**call.right)) is not None:
        assert alike(got, want)


# ---- wrong calls


def said(call, name, value):
    """Return what a call with one wrong argument says, after a look at who says it."""
    arguments = call.right | {name: value}
    try:
        call.function(**arguments)
    except (ValueError, TypeError) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        assert Path(helpers.__file__).parent in Path(where.filename).parents, (
            f"{call.name}({name}={value!r:.80}) ends in {where.filename}: {error}"
        )
        return str(error)
    except Exception as error:
        raise AssertionError(
            f"{call.name}({name}={value!r:.80}) raises {type(error).__name__}: {error!s:.200}"
        ) from error
    raise AssertionError(f"{call.name}({name}={value!r:.80}) is taken")


# Where another name says it better: a weight that does not fit has the wrong in_channels.
ALSO = {
    "weight": "in_channels|bias|out_channels|kernel_size",
    "weight_ih": "input_size",
    "num_heads": "dim|embed_dim",
    "hidden_dim": "embed_dim",
    "stochastic_depth_prob": "p",
    "x": "query|input_size|channels|size|values|in_channels|grid|shape|weight",
    "h": "bias",
    "image_size": "patch_size",
    "key": "value|query",
    "state": "h|c",
    "query": "key|value",
    "layers": "kernel_size|padding|stride",
    "data": "batch_size",
    "dim": "embed_dim",
    "embed_dim": "dim",
    "device": "Device",
    "array": "image",
    "regions": "image",
    "images": "labels|image",
    "labels": "images",
    "classes": "labels",
    "weight_hh": "h|bias_ih|weight_ih",
    "name": "exercise",
    "image": "name",
    "table": "index",
    "size": "kernel_size",
    "layers_": "",
    "titles": "images",
    "window_size": "grid|windows|shift_size",
    "normalized_shape": "x",
    "mode": "padding_mode",
    "input_shape": "x|weight|input",
    "model": "model.rnn",
    "padding_mode": "picture",
    "wanted": "device",
    "groups": "in_channels",
    "positions": "",
    "point": "",
    "kernel": "",
    "running_mean": "running_var",
    "c": "h",
    "embed": "",
    "patch_size": "image_size",
    "text": "alphabet",
    "alphabet": "text|ids",
    "kernel_size": "padding|stride",
    "index": "table",
    "letter": "",
    "step": "",
    "i": "",
    "old_grid": "positions",
    "extra_tokens": "positions",
    "grid": "window_size|windows|embed_dim",
    "windows": "window_size",
    "channels": "",
    "start": "",
    "depth": "",
}


def check(call, name, value):
    message = said(call, name, value)
    pattern = "|".join(filter(None, [re.escape(name), ALSO.get(name, "")]))
    assert re.search(rf"(?<!\w)(?:{pattern})(?!\w)", message), (
        f"{call.name}({name}={value!r:.60}) does not name it: {message}"
    )
    assert 20 < len(message) < 1500, message


WRONG = [(call, name) for call in CALLS for name in call.wrong if call.wrong[name]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call, name", WRONG, ids=[f"{call.name}-{name}" for call, name in WRONG])
def test_a_wrong_argument_is_named(call, name):
    failed = []
    for value in call.wrong[name]:
        try:
            check(call, name, value)
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, "\n".join(failed)


JUNK = st.one_of(
    st.binary(max_size=5),
    st.complex_numbers(),
    st.builds(Anything),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sets(st.integers(), max_size=2),
    st.just(NotImplemented),
    st.just(...),
    st.dates(),
    st.uuids(),
)
COUNTED = [
    (call, name)
    for call, name in WRONG
    if any(isinstance(value, Fraction) for value in call.wrong[name]) and call.function is not data.shift
]  # which goes both ways


@pytest.mark.filterwarnings("ignore")
@settings(few, max_examples=250)
@given(st.sampled_from(WRONG), JUNK)
def test_nothing_strange_is_taken(where, value):
    if where[1] in ("names", "titles") and isinstance(value, dict):
        return  # its keys are names
    if where[0].function is shapes.receptive_field:
        return  # what is no list of Windows is Python's to complain of; the numbers in them are checked
    check(*where, value)


@pytest.mark.filterwarnings("ignore")
@settings(few, max_examples=250)
@given(
    st.sampled_from(COUNTED),
    st.one_of(st.floats(), st.text(max_size=9), st.integers(max_value=-1), st.decimals(), st.fractions()),
)
def test_only_whole_numbers_count(where, value):
    check(*where, value)


@pytest.mark.parametrize("thing", [3, "x", None, len, torch.relu, Anything()])
def test_what_has_no_source_is_named(thing):
    with pytest.raises(TypeError, match="must be Python functions, classes or methods: it has no source"):
        source.show_source(thing)


# ---- what is not finite


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("function, names", [(plots.draw_losses, ("losses",)), (plots.draw_seeds, ("runs",))])
def test_lines_leave_a_gap_where_a_number_is_not_finite(function, names, bad):
    """A training that blew up must still be shown."""
    fig, ax = plots.figure()
    losses = [3.0, 2.0, bad, 1.0]
    function(
        ax, **({"losses": losses} if function is plots.draw_losses else {"x": [1, 2, 3, 4], "runs": [losses, losses]})
    )
    assert plots.png(fig).startswith(b"\x89PNG")
    drawn = ax.lines[0].get_ydata()
    assert [y for y in drawn if math.isfinite(y)] == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_layers_pass_on_what_is_not_finite_as_torch_does(bad):
    x = X.clone()
    x[0, 0, 0, 0] = bad
    for ours, torchs in (
        (layers.conv2d(x, W), F.conv2d(x, W)),
        (layers.max_pool2d(x, 2), F.max_pool2d(x, 2)),
        (layers.avg_pool2d(x, 2), F.avg_pool2d(x, 2)),
        (layers.layer_norm(x, 7), F.layer_norm(x, (7,))),
        (layers.batch_norm(x, training=True), F.batch_norm(x, None, None, training=True)),
    ):
        assert torch.allclose(ours, torchs, atol=1e-5, equal_nan=True) or bool(
            (ours.isfinite() == torchs.isfinite()).all()
        )


def test_a_cost_table_still_names_the_layer_that_does_not_fit():
    with pytest.raises(
        ValueError, match=r"classifier\.1 \(Linear\) expects 9216 input features .*, got input \(1, 6400\)"
    ):
        costs.cost_table(models.AlexNet2012(), (1, 3, 224, 224))
    with pytest.raises(ValueError, match=r"conv1 \(Conv2d\) expects 3 input channels"):
        costs.cost_table(models.resnet18(width=8), (1, 1, 64, 64))


# ---- all that is public

# Not called by a reader: what is here is called by what is above, with what was checked there; or it takes what it is given by torch,
# Jupyter or the command line.
INTERNAL = {
    "checks": (
        "the checks themselves, called with names and values",
        "check_tensor check_images check_tokens check_number check_choice",
    ),
    "costs": (
        "pieces of cost_table, called by it and by torch",
        "linear_macs conv_macs conv_transpose_macs convolution_macs matmul_macs addmm_macs addbmm_macs outer_macs "
        "addr_macs attention_macs Rule forms new like same broadcast written_over same_softmax same_batch_norm "
        "same_layer_norm linear_shape matmul_shape conv_shape attention_shape cat_shape adaptive_pool_shape Call Recorder "
        "CannotRun above_and_self tensors_in shape_of window_of steps_of to_meta run_on_meta on_meta example_inputs "
        "is_shape no_batch complaint show Row Total by window_text kind_text cells total_cells shortened as_text as_html "
        "chooses_by_floats",
    ),
    "data": (
        "ImageSet and the loaders call them; the files are tested in test_data.py",
        "draw_shapes in_shape photographs folder read file_bytes expected remedy unzipped idx full_fashion_mnist "
        "permutation whole_number flag known",
    ),
    "device": ("called by start and by the trainings", "try_accelerator own_dice"),
    "exercises.check": (
        "a table for those who write exercises; check and diagnose take anything: test_fuzz_checks.py",
        "Exercise Verdict diagnose check",
    ),
    "exercises.compare": ("called by check with anything: test_fuzz_checks.py", "bare kind named plain difference"),
    "exercises.reading": (
        "called by check with anything: test_fuzz_checks.py",
        "blank idle signature_problem said_of notebook_values",
    ),
    "exercises.run": (
        "called by check with anything: test_fuzz_checks.py",
        "OutOfTime Outcome time_limit same_dice kept put_back no_exit call tensors",
    ),
    "exercises.solve": ("a command", "graded solve main"),
    "explorers.attention": (
        "called by the explorer with what the browser or its constructor allowed",
        "patches alike made_heads packed unpacked",
    ),
    "explorers.convolution": (
        "called by the explorer with what the browser or its constructor allowed",
        "rows image_rows kernel_rows preset problem Limited Rows",
    ),
    "explorers.cost": (
        "called by the explorer with what the browser or its constructor allowed",
        "Layer Cost conv pool linear alexnet Impossible costs divisors total as_text percent times numbers table",
    ),
    "explorers.depth": (
        "called by the explorer with what the browser or its constructor allowed",
        "Profile profile place chart mark label raised written spoken words",
    ),
    "explorers.gates": (
        "called by the explorer with what the browser or its constructor allowed",
        "presets levels sequence",
    ),
    "explorers.ground": (
        "called by the explorer with what the browser or its constructor allowed",
        "figure_png data_uri problem words Still",
    ),
    "explorers.mobile": (
        "called by the explorer with what the browser or its constructor allowed",
        "Layer Cost plan costs total short against snap stacked share comparison breakdown",
    ),
    "explorers.panel": (
        "called by the explorer with what the browser or its constructor allowed",
        "Panel number slider choice button header whole",
    ),
    "explorers.patches": (
        "called by the explorer with what the browser or its constructor allowed",
        "Size Cost tokens costs total weights_memory fitting shuffling shuffled short in_bytes times snap "
        "overlay share curves across up chart table",
    ),
    "explorers.receptive_field": (
        "called by the explorer with what the browser or its constructor allowed",
        "conv pool Measured impossible sizes inner heat_palette heat_png as_layers draw_field table slides",
    ),
    "explorers.recurrence": (
        "called by the explorer with what the browser or its constructor allowed",
        "reach written raised draw_reach chart Speller signed percent draw_plane plane",
    ),
    "explorers.vgg_stack": (
        "called by the explorer with what the browser or its constructor allowed",
        "Cost cost paths written window",
    ),
    "explorers.windows": (
        "called by the explorer with what the browser or its constructor allowed",
        "Cost padded taken span reach blocks_to_all costs pale tints times written memory box mark ruled "
        "chart raised moving asking",
    ),
    "files": ("called by Training.save and by the command that saves notebooks", "write_whole"),
    "layers.attention": ("called by the layers", "check_attention check_mask"),
    "layers.conv": (
        "called by the layers",
        "pair whole_pair check_image output_hw check_mode surround source_positions check_conv Taps taps check_pool "
        "pool_hw windows_inside",
    ),
    "layers.norm": ("called by the layers", "check_fit check_definition check_batch_norm BatchNorm as_shape"),
    "layers.recurrent": (
        "called by the layers; the tuples are results",
        "linear Gates check_cell check_state check_type both check_nonlinearity check_steps LSTMStep Cell add_weights "
        "reset_uniform Recurrent",
    ),
    "lecture": ("a row of the ledger", "Claim"),
    "live": ("called by Training", "LiveCurve"),
    "machine": (
        "take no argument",
        "check_machine python packages torch_pair processor course_data training room explorers",
    ),
    "models.alexnet": ("a part of AlexNet2012; AlexNet is made by alexnet()", "normalise AlexNet"),
    "models.backbones": (
        "published configurations, built on the meta device, and their blocks: test_backbones.py",
        "Published SelfAttention ParallelBlock KeylessBlock SwiGLU LayerScale ScaledBlock Backbone vit_22b dinov2_vits14 "
        "dinov2_vitb14 dinov2_vitl14 dinov2_vitg14 eva01_clip_g_14",
    ),
    "models.mobilenet": (
        "parts of the networks, made by mobilenet_v1() and mobilenet_v2()",
        "conv_bn initialise check_width MobileNetV1 to_multiple_of_8 MobileNetV2",
    ),
    "models.resnet": (
        "parts of ResNet, and its other depths",
        "conv shortcut stage resnet34 resnet50 resnet101 resnet152",
    ),
    "models.swin": ("parts of Swin, and its published sizes", "StochasticDepth ChannelsLast swin_t swin_s swin_b"),
    "models.vgg": (
        "parts of VGG, and its other depths",
        "stage initialise vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn",
    ),
    "models.vit": ("a part of ViT, and its published sizes", "mlp vit_b_16 vit_b_32 vit_l_16 vit_l_32 vit_h_14"),
    "notebooks": ("a command", "find tidy run main"),
    "output": ("called by what shows something", "in_notebook publish_code publish"),
    "plots": (
        "called by show and by the explorers",
        "png uri bundle check_listed as_floats finite draw_accuracies training_figure",
    ),
    "sequences": ("called by fit and the tasks", "Fit default_loss check_ids at_least"),
    "shapes": ("tuples", "Window Field"),
    "slides": ("a command", "explorer_call live title mark deck copy_assets write main"),
    "training": ("called by Training", "check_model stop_button"),
}
OTHERS = {"costs.CostTable": "tests/test_costs.py tries its methods"}


def public():
    """Yield "module.name" for every function and class of the course that has no underscore and is defined there."""
    for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
        if ".solutions" in module.name or re.search(r"exercises\.ch\d\d$", module.name):
            continue  # what students write
        here = importlib.import_module(module.name)
        for name, thing in vars(here).items():
            if (
                not name.startswith("_")
                and (inspect.isfunction(thing) or inspect.isclass(thing))
                and thing.__module__ == module.name
            ):
                yield f"{module.name.removeprefix('helpers.')}.{name}"


def test_everything_public_is_here():
    internal = {f"{module}.{name}" for module, (_, names) in INTERNAL.items() for name in names.split()}
    tested = {call.name.removeprefix("helpers.") for call in CALLS}
    there = set(public())
    missing = there - tested - internal - OTHERS.keys()
    assert not missing, (
        f"no wrong arguments are tried on {sorted(missing)}: add them to CALLS, or with a reason to INTERNAL"
    )
    assert not internal - there, f"gone: {sorted(internal - there)}"
    assert not internal & tested, f"in CALLS, so not internal: {sorted(internal & tested)}"
    assert all(reason for reason, _ in INTERNAL.values())
