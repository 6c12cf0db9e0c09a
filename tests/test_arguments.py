"""What the course says to wrong arguments: one contract for whatever a notebook calls, found by itself.

Everything that a notebook imports or calls from helpers, every layer and every network is called rightly, with values known
by the names of parameters, and then with one wrong argument at a time; what is wrong follows from the type of what is right.
That must end in a ValueError of ours that says what must be, never in a stranger's complaint, and never be taken.
"""

import ast
import importlib
import inspect
import json
import math
import traceback
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from helpers import layers, models, plots, shapes

ROOT = Path(helpers.__file__).parent
dice = torch.Generator().manual_seed(0)


def rand(*shape):
    return torch.rand(*shape, generator=dice)


# ---------------------------------------------------------------------------------------------------- what is public


def called_by_notebooks():
    """Yield every function and class of helpers that a notebook imports, or reaches through a module that it imports."""
    for path in sorted((ROOT.parent / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        tree = ast.parse("\n".join(text for text in code if not text.lstrip().startswith(("%", "!"))))
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers"):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    thing = getattr(module, alias.name, None) or importlib.import_module(f"{node.module}.{alias.name}")
                    if inspect.ismodule(thing):
                        modules[alias.asname or alias.name] = thing
                    else:
                        yield thing
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                yield getattr(modules[node.value.id], node.attr)


def public():
    """Return {name: function or class} of all that a student is shown: see the first lines."""
    things = list(called_by_notebooks())
    things += [getattr(room, name) for room in (layers, models) for name in room.__all__]
    things += [thing for thing in vars(shapes).values() if inspect.isfunction(thing)]
    ours = (thing for thing in things if getattr(thing, "__module__", "").startswith("helpers.") and callable(thing))
    ours = (each for each in ours if each.__name__ not in ON_META)
    return {f"{thing.__module__.removeprefix('helpers.')}.{thing.__qualname__}": thing for thing in ours}


# ------------------------------------------------------------------------------------------------ what is right, by name

# Values of parameters without a default, and small ones where the default would make a large network.
KNOWN = dict(in_channels=4, out_channels=6, channels=4, kernel_size=3, stride=1, padding=1, size=9, num_classes=2)
KNOWN |= dict(input_size=3, hidden_size=5, num_features=4, normalized_shape=7, embed_dim=8, num_heads=2, dim=4, T=3)
KNOWN |= dict(hidden_dim=8, mlp_dim=6, num_layers=1, image_size=8, patch_size=4, window_size=2, shift_size=1, grid=4)
KNOWN |= dict(depths=(1, 1), expand_ratio=2, depth=4, convolutions=(1,) * 5, old_grid=2, new_grid=4, positions=5)
KNOWN |= dict(n=2, index=1, pixel=2, distance=3, length=3, dx=1, dy=1, x=rand(2, 4, 6, 7), images=rand(2, 1, 5, 6))
KNOWN |= dict(weight=rand(6, 4, 3, 3), query=rand(2, 3, 4), key=rand(2, 3, 4), value=rand(2, 3, 4), bias=None)
KNOWN |= dict(names=["a", "b"], values=[1, 2], alt="words", losses=[2, 1], array=rand(2, 3), image=rand(1, 8, 8))
KNOWN |= dict(regions=torch.arange(4).view(2, 2), layers=[shapes.Window(3, 2, 1)], ax=plots.figure()[1], width=1.0)
KNOWN |= dict(labels=torch.tensor([0, 1]), classes=("a", "b"), text="aba", alphabet="ab", table=rand(9, 2))

CELL = dict(x=rand(2, 3), h=rand(2, 5), state=(rand(2, 5), rand(2, 5)))
LSTM = dict(weight_ih=rand(20, 3), weight_hh=rand(20, 5))
ELSEWISE = {  # where a name means another thing
    "rnn_cell": CELL | dict(weight_ih=rand(5, 3), weight_hh=rand(5, 5)),
    "gru_cell": CELL | dict(weight_ih=rand(15, 3), weight_hh=rand(15, 5)),
    "lstm_cell": CELL | LSTM,
    "lstm_gates": CELL | LSTM,
    "lstm_steps": CELL | LSTM | dict(x=rand(4, 2, 3)),
    "batch_norm": dict(training=True, weight=rand(4), bias=rand(4)),
    "batch_norm_naive": dict(weight=rand(4), bias=rand(4)),
    "split_heads": dict(x=rand(2, 3, 4)),
    "layer_norm": dict(weight=rand(7)),
    "merge_heads": dict(x=rand(2, 3, 4, 5)),
    "interpolate_positions": dict(positions=rand(1, 4, 8)),
    "relative_position_bias": dict(index=layers.relative_position_index(2)),
    "window_partition": dict(x=rand(1, 4, 4, 3)),
    "window_reverse": dict(windows=rand(1, 4, 4, 3)),
    "Swin": dict(patch_size=2, embed_dim=4, num_heads=(1, 2), window_size=2),
    "fade": dict(images=rand(2, 3, 5, 6), contrast=0.5),
    "photograph": dict(picture="cat", size=8),
    "draw_shapes": dict(shapes=[(3, 8, 8), (10,)]),
    "show_images": dict(images=[rand(1, 4, 4)] * 2),
    "draw_dots": dict(groups={"MLP": ([80, 81.5], plots.BLUE)}),
    "draw_seeds": dict(x=[1, 2], runs=[[1, 2], [3, 4]]),
    "one_hot": dict(ids=torch.tensor([0, 2]), classes=4),
    "decode": dict(ids=torch.tensor([0, 1])),
    "text_batches": dict(ids=torch.arange(9)),
    "figure": dict(width=5.0),
    "show": dict(fig=plots.figure()[0]),
    "resnet18": dict(width=8),
    "stage": dict(convolutions=2),
}
# Texts and colours may be anything; what else belongs to a picture is matplotlib's to say.
FREE = set(
    "alt title xlabel label colour colours fmt marker mark fill origin name word activation device block".split()
)
FREE |= set("layers numbers limit alpha side ax fig spread".split())
LEFT = {  # not checked, and why
    "Window": "a tuple; whoever takes it checks its numbers",
    "stage": "a part of VGG, which checks",
    "conv_bn.groups": "a part of MobileNet, which counts its groups itself",
    "fade.images": "any axes may stand before",
    "LayerNorm.normalized_shape": "(1, 2, 3) is right; tested in test_norm.py",
    "layer_norm.normalized_shape": "(1, 2, 3) is right; tested in test_norm.py",
    "draw_seeds.x": "matplotlib's to say",
    "draw_image.image": "lists are right; tested in test_plots.py",
    "draw_numbers.array": "lists are right; tested in test_plots.py",
    "merge_heads.x": "any axes may stand before; tested in test_attention.py",
    "sinusoidal_positions.positions": "a row of places is right too; tested in test_attention.py",
    "encode.text": "no text is right",
    "decode.alphabet": "any letters are right",
    "decode.ids": "none at all is right",
}
ON_META = set()  # networks that are built on meta alone
# A chapter's tests say the same of what stands in its room: ARGUMENTS, values where a name means another thing; LEFT; ON_META.
for path in sorted(Path(__file__).parent.glob("chapters/test_*.py")):
    module = importlib.import_module(path.stem)
    ELSEWISE |= getattr(module, "ARGUMENTS", {})
    LEFT |= getattr(module, "LEFT", {})
    ON_META |= getattr(module, "ON_META", set())


def arguments(function):
    """Return right arguments, or None where a parameter without a default is not known."""
    name, found = function.__name__, {}
    known = KNOWN | ELSEWISE.get(name, {})
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in known and (
            parameter.default is parameter.empty or name in ELSEWISE or parameter.name == "num_classes"
        ):
            found[parameter.name] = known[parameter.name]
        elif parameter.default is parameter.empty:
            return None
    return found


# ------------------------------------------------------------------------------------------------- what is wrong, by type


class Anything:
    def __repr__(self):
        return "<anything>"


def call_it(function, arguments):
    """Call it; networks without numbers, which takes no time."""
    shapes_alone = function.__module__.startswith("helpers.models")
    shapes_alone = shapes_alone and not any(isinstance(value, torch.Tensor) for value in arguments.values())
    with torch.device("meta") if shapes_alone else nullcontext():
        return function(**arguments)


def wrong_for(value):
    """Return what is wrong where this value is right; flags take anything, and None may be meant."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        return ["3", None, 1.5, True, -(10**20), math.nan, [], (1, 2, 3), Anything(), torch.zeros(2)]
    if isinstance(value, float):
        return ["3", [], math.nan, math.inf, True, 1j, Anything(), torch.zeros(2)]
    if isinstance(value, str):
        return ["", "nobody knows", 3, None, [], Anything()]
    if isinstance(value, torch.Tensor):
        return ["x", None, 3, [[1.0]], (), np.zeros(2), torch.ones((1,) * 7), Anything()]
    if isinstance(value, (list, tuple)):
        return [None, 3, [], Anything()]
    return []


def cases():
    for name, function in public().items():
        right = arguments(function)
        defaults = {
            p.name: p.default for p in inspect.signature(function).parameters.values() if p.default is not p.empty
        }
        for parameter, value in ({} if right is None else defaults | right).items():
            if parameter in FREE or f"{function.__name__}.{parameter}" in LEFT or function.__name__ in LEFT:
                continue
            if wrong_for(value):
                yield pytest.param(function, right, parameter, value, id=f"{name}-{parameter}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function, right, parameter, value", list(cases()))
def test_a_wrong_argument_is_named(function, right, parameter, value):
    failed = []
    optional = inspect.signature(function).parameters[parameter].default is None
    for wrong in wrong_for(value):
        if wrong is None and optional:
            continue
        what = f"{function.__name__}({parameter}={wrong!r:.40})"
        try:
            call_it(function, right | {parameter: wrong})
        except (ValueError, TypeError) as error:
            where = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
            if ROOT not in where.parents:
                failed.append(f"{what} is left to {where.name}: {error!s:.200}")
            elif not (20 < len(str(error)) < 1500 and any(word in str(error) for word in ("must", "unknown", "lacks"))):
                failed.append(f"{what} does not say what must be: {error}")
        except Exception as error:
            failed.append(f"{what} raises {type(error).__name__}: {error!s:.200}")
        else:
            failed.append(f"{what} is taken")
    assert not failed, "\n".join(failed)


def right_calls():
    return [pytest.param(f, right, id=name) for name, f in public().items() if (right := arguments(f)) is not None]


@pytest.mark.parametrize("function, right", right_calls())
def test_right_arguments_are_taken(function, right):
    call_it(function, right)


def test_all_that_can_be_called_with_numbers_and_tensors_is():
    """A new function is found by itself; where a name of its parameters is new, it needs a word in KNOWN.

    These are given functions, classes or modules, which have no right value to spoil.
    """
    rooms = ("layers.", "models.", "shapes.", "data.", "plots.")
    unknown = sorted(name for name, f in public().items() if name.startswith(rooms) and arguments(f) is None)
    assert unknown == [
        "data.captions.Words",
        "data.captions.caption",
        "data.captions.describe",
        "data.captions.relations",
        "layers.recurrent.unroll",
        "models.backbones.Backbone",
        "models.efficientnet.most_probable",
        "models.efficientnet.prepared",
        "models.resnet.ResNet",
        "models.vit.Encoder",
    ]
