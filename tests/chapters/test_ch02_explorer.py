"""The receptive-field explorer: its gradient against torch, its words, its pictures, and what it makes of layers."""

import io
import random
import re

import numpy as np
import pytest
import torch
from driven import ask
from PIL import Image
from torch import nn

from helpers.chapters.ch02_seeing_further import explorer as receptive_field
from helpers.chapters.ch02_seeing_further import field
from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer, conv, pool
from helpers.chapters.ch02_seeing_further.field import measure
from helpers.shapes import Window, input_range, output_range


def words(explorer):
    return re.sub("<[^>]+>", "", explorer.parts["words"].replace("</p><p>", " "))


def dense_gradient(layers, size, row, column):
    """The same by a two-dimensional network of torch's own layers, its kernels the products that measure() says it uses."""
    generator, net = torch.Generator().manual_seed(0), nn.Sequential()
    for K, stride, padding, dilation, name in layers:
        axes = 0.5 + torch.rand(2, 1, K, dtype=torch.float64, generator=generator)
        layer = nn.Conv2d(1, 1, K, stride, padding, dilation, bias=False, dtype=torch.float64)
        if name == "pool" and dilation == 1:
            layer = nn.AvgPool2d(K, stride, padding)
        else:
            axes = torch.ones_like(axes) if name == "pool" else axes
            axes = axes / axes.sum(2, keepdim=True)
            layer.weight.data = (axes[0].T @ axes[1])[None, None]
        net.append(layer)
    x = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    net(x)[0, 0, row, column].backward()
    return x.grad[0, 0]


CASES = [
    (conv(3, 1, 1), conv(3, 2), conv(5)),
    (conv(11, 4), pool(3, 2), conv(5, 1, 2)),
    (conv(3, 1, 2, 2), conv(3, 1, 3, 3), pool(2, 2)),
    (conv(1, 3), conv(2, 2, 1)),
    (pool(3, 2, 1), pool(2, 1, 1, 2), conv(4, 1, 5)),
]


@pytest.mark.parametrize("layers", CASES)
def test_the_gradient_is_that_of_the_two_dimensional_network(layers):
    explorer = ReceptiveFieldExplorer(layers, size=40)
    side = explorer._side()
    for unit in [(0, 0), (side // 2, side // 2), (side - 1, 1)]:
        gradient = ReceptiveFieldExplorer(layers, size=40, unit=unit).gradient()
        torch.testing.assert_close(gradient, dense_gradient(layers, 40, *unit), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("layers", CASES)
@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_the_gradient_reaches_the_pixels_that_shapes_names(layers, at):
    explorer = ReceptiveFieldExplorer(layers, size=40)
    unit = round(at * (explorer._side() - 1))
    wanted = [pixel for pixel in range(40) if unit in output_range(layers, pixel, 40)]
    assert np.flatnonzero(measure(layers, 40, unit, unit).rows).tolist() == wanted


def test_the_presets_are_known_fields():
    known = {"three 3×3": (7, 1), "conv + pool ×3": (22, 8), "AlexNet to conv5": (163, 16), "dilated": (13, 1)}
    for name, (size, jump) in known.items():
        field = ReceptiveFieldExplorer(name).fields()[-1]
        assert (field.size, field.jump) == (size, jump)
        assert "Measured equals computed" in words(ReceptiveFieldExplorer(name))
    assert known.keys() == receptive_field.PRESETS.keys()


def test_the_words_tell_holes_borders_and_padding_apart():
    assert "on exactly 5 × 5 of them inside the image" in words(
        ReceptiveFieldExplorer((conv(3, 1, 1),) * 4, size=32, unit=(0, 0))
    )
    holes = ReceptiveFieldExplorer((conv(3, 1, 2, 2),) * 2, size=32)
    assert "same outline, but non-zero on 25 of 81 pixels" in words(holes)
    assert int((holes.gradient() > 0).sum()) == 25
    assert "no gradient at all" in words(ReceptiveFieldExplorer((conv(1, 1, 5),), size=32, unit=(0, 0)))
    # Unit 0 of the second layer reads places −5 to 5 of the first; six of these are there, and see 16 pixels of 21.
    less = ReceptiveFieldExplorer((conv(11, 1, 0), conv(11, 1, 5)), size=32, unit=(0, 0))
    assert less.fields()[-1][1:] == (21, 1, -5) and "on exactly 16 × 16 of them" in words(less)
    none = ReceptiveFieldExplorer((conv(11, 1, 0), conv(3, 1, 5)), size=32, unit=(0, 0))  # reads places −5 to −3
    assert none.fields()[-1][1:] == (13, 1, -5) and "no gradient at all" in words(none)
    # Places 6, 7 and 8 of a layer that looks at every fourth pixel: 24, 28, and one that is padding; computed are 24 to 32.
    less = ReceptiveFieldExplorer((conv(1, 4), conv(3, 1, 1)), size=32, unit=(7, 7))
    assert less.fields()[-1][1:] == (9, 4, -4) and "less, 5 × 5 pixels, where 8 × 8 were computed" in words(less)


def test_the_inner_half_is_in_the_middle_and_its_energy_is_summed():
    for size in range(1, 40):
        first, last = field.inner(5, size)
        assert first - 5 == size + 4 - last and abs(last - first + 1 - size / 2) <= 1
    explorer = ReceptiveFieldExplorer((conv(3, 1, 1),) * 5, size=32)
    energy = explorer.gradient() ** 2
    row, column = explorer.unit
    share = energy[row - 2 : row + 3, column - 2 : column + 3].sum() / energy.sum()
    assert f"The inner 5 × 5 (21 % of the area) carry {100 * share:.0f} %" in words(explorer)


def test_the_heat_map_is_transparent_where_the_gradient_is_zero():
    layers = (conv(3, 1, 2, 2),) * 2
    png, ((top, bottom), (left, right)) = field.heat_png(measure(layers, 32, 16, 16))
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    gradient = (
        ReceptiveFieldExplorer(layers, size=32, unit=(16, 16)).gradient().numpy()[top : bottom + 1, left : right + 1]
    )
    assert ((pixels[..., 3] > 0) == (gradient > 0)).all() and 0 < (gradient > 0).mean() < 1
    assert pixels[..., 3].max() > 200


def test_layers_are_added_removed_and_edited():
    explorer = ReceptiveFieldExplorer("three 3×3")
    ask(explorer, ("do", "add"), ("3.kernel_size", 5), ("3.kind", "pool"), ("3.stride", 2))
    assert explorer.layers[3] == Window(5, 2, 1, 1, "pool") and explorer.depth == 4
    assert explorer.values["preset"] == receptive_field.OWN and explorer.values["3.kind"] == "pool"
    ask(explorer, ("depth", 2), ("do", "remove 0"))
    assert explorer.depth == 1 and explorer.layers[2].kernel_size == 5 and "3.kind" not in explorer.values
    ask(explorer, *[("do", "add")] * 20)
    assert len(explorer.layers) == 10 and 'aria-disabled="true"' in explorer.parts["add"]
    ask(explorer, *[("do", "remove 0")] * 20)
    assert len(explorer.layers) == 1
    ask(explorer, ("preset", "dilated"), ("picture", "plain grid"), ("9.stride", 2))
    assert [layer.dilation for layer in explorer.layers] == [1, 2, 3] and explorer.values["picture"] == "plain grid"


def test_the_unit_stays_at_its_place_in_the_picture():
    explorer = ReceptiveFieldExplorer("conv + pool ×3")
    assert explorer.unit == (4, 4)
    ask(explorer, ("size", 128))
    assert explorer.unit == (8, 8)
    ask(explorer, ("row", 0), ("column", 15), ("depth", 1))
    assert explorer.unit == (4, 124)
    ask(explorer, ("depth", 6), ("x", 0.0), ("y", 1.0))
    assert explorer.unit == (15, 0)


def test_pointing_chooses_the_unit_whose_field_is_there():
    explorer = ReceptiveFieldExplorer((conv(3, 1, 0), pool(2, 2)), size=32)  # no field reaches beyond the image
    for row, column in [(0, 0), (7, 3), (14, 14)]:
        first, last = input_range(explorer.layers, row)
        middle = ((first + last + 1) / 2 / 32, sum(input_range(explorer.layers, column), 1) / 2 / 32)
        ask(explorer, ("y", middle[0]), ("x", middle[1]))
        assert explorer.unit == (row, column)


def test_impossible_layers_say_why_and_keep_the_last_picture():
    explorer = ReceptiveFieldExplorer("AlexNet to conv5")
    good = explorer.parts["heat"]
    ask(explorer, ("size", 32))
    assert "Layer 4 (pool): kernel_size (=3) exceeds the padded input (=2 = 2 + 2*0)" in explorer.parts["problem"]
    assert explorer.parts["heat"] == good and explorer.wrong[0] == "3.kernel_size"
    assert [explorer.parts[f"{i}.out"] for i in range(5)] == ["6", "2", "2", "–", "–"]
    assert (
        repr(explorer).endswith("use a smaller kernel or more padding.")
        and explorer._repr_mimebundle_()[0]["image/png"]
    )
    with pytest.raises(ValueError, match=r"Layer 4 \(pool\)"):
        explorer.fields()
    ask(explorer, ("size", 227), ("1.padding", 2))
    assert "padding (=2) exceeds half of kernel_size (=3)" in explorer.parts["problem"]
    ask(explorer, ("1.padding", 0))
    assert explorer.parts["problem"] == "" and explorer.wrong == [] and explorer.parts["heat"] == good
    assert "Layer 2 (conv)" in ReceptiveFieldExplorer((conv(11, 1, 0, 3),) * 2, size=32).parts["problem"]


def test_every_setting_answers_in_words():
    draw = random.Random(1)
    explorer, problems = ReceptiveFieldExplorer(), 0
    for _ in range(200):
        ask(
            explorer,
            ("do", draw.choice(("add", "remove 0", "remove 3"))),
            ("size", draw.randint(32, 227)),
            ("depth", draw.randint(1, 10)),
            *[
                (f"{draw.randrange(10)}.{name}", draw.randint(*limits))
                for name, limits in receptive_field.LIMITS.items()
            ],
            (f"{draw.randrange(10)}.kind", draw.choice(("conv", "pool"))),
            (draw.choice(("row", "column")), draw.randrange(227)),
            (draw.choice("xy"), draw.random()),
        )
        try:
            nn_sizes(explorer.layers, explorer.size)
            possible = True
        except RuntimeError:
            possible = False
        assert possible == (explorer.parts["problem"] == "") == (explorer.wrong == [])
        assert explorer.parts["words"] and repr(explorer)
        problems += not possible
    assert 20 < problems < 180


def nn_sizes(layers, size):
    """Run torch's own layers; RuntimeError where it refuses them. Max pooling, for average pooling has no dilation."""
    x = torch.zeros(1, 1, size, size, device="meta")
    for K, stride, padding, dilation, name in layers:
        x = (
            nn.MaxPool2d(K, stride, padding, dilation)(x)
            if name == "pool"
            else nn.Conv2d(1, 1, K, stride, padding, dilation, device="meta")(x)
        )
        if not x.numel():
            raise RuntimeError("empty")
    return x.shape[-1]


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(layers="VGG"), r"layers \(='VGG'\) must be one of three 3×3"),
        (dict(layers=[]), r"must be 1 to 10"),
        (dict(layers=[conv(3)] * 11), r"layers \(=11 of them\)"),
        (dict(layers=[conv(12)]), r"layers\[0\].kernel_size \(=12\)"),
        (dict(layers=[3]), r"layers\[0\] \(=3\) must be a Window"),
        (dict(picture="dog"), r"picture \(='dog'\)"),
        (dict(size=31), r"size \(=31\) must be a whole number from 32 to 227"),
        (dict(depth=7), r"depth \(=7\)"),
        (dict(unit=(0, 8)), r"unit\[1\] \(=8\)"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ReceptiveFieldExplorer(**settings)


def test_it_can_be_set_from_python():
    explorer = ReceptiveFieldExplorer([Window(3, 1, 1), Window(2, 2, name="max pool")], size=64)
    assert [layer.name for layer in explorer.layers] == ["conv", "pool"] and explorer.depth == 2
    explorer.layers, explorer.size, explorer.depth = [conv(5)], 50, 1
    assert explorer.parts["0.out"] == "46" and explorer.values["size"] == 50
    with pytest.raises(ValueError, match="depth"):
        explorer.depth = 2


def test_without_the_photograph_there_is_the_grid(monkeypatch):
    import helpers.data

    def missing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(helpers.data, "photograph", missing)
    found = field.picture.__wrapped__("cat", 40)
    assert np.array_equal(found, field.picture.__wrapped__("plain grid", 40)) and len(np.unique(found)) == 2


def test_its_still_picture_is_of_what_is_shown():
    fig = ReceptiveFieldExplorer("AlexNet to conv5").still()
    assert [bar.get_width() for bar in fig.axes[0].patches] == [11, 19, 51, 67, 99, 131, 163]
    frame = fig.axes[1].patches[0]
    assert (frame.get_width(), frame.get_x() + 0.5) == (163, 32)  # (227 − 163) / 2


def test_what_is_impossible_from_the_start_is_said_at_once():
    field = ReceptiveFieldExplorer([conv(11, 4, 0, 3)], size=32, unit=(0, 0))
    assert field.parts["problem"] == "" and field.parts["0.out"] == "1"
    field = ReceptiveFieldExplorer([conv(11, 4, 0, 3), conv(2)], size=32)
    assert "Layer 2 (conv): kernel_size (=2) exceeds the padded input (=1" in field.parts["problem"]
    ask(field, ("row", 0), ("x", 0.5), ("depth", 1))
    assert field.parts["problem"] and field._repr_mimebundle_()[0]["image/png"]
