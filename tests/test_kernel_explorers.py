"""The explorers that the kernel computes: their numbers against torch, their words, their pictures, and what they keep."""

import io
import json
import random
import re

import numpy as np
import pytest
import torch
from leftovers import bytes_kept, imports_pyplot
from PIL import Image
from torch import nn

from helpers.chapters.ch02_seeing_further import explorer as receptive_field
from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer, conv, measure, pool
from helpers.chapters.ch03_alexnet import explorer as cost
from helpers.chapters.ch03_alexnet.explorer import CostExplorer, Layer, costs
from helpers.costs import cost_table
from helpers.course.explorers import panel
from helpers.models.alexnet import AlexNet2012, alexnet
from helpers.shapes import Window, output_range


def ask(explorer, *changes):
    """Set controls as the browser does: all of them in one message."""
    first = explorer.answered + 1
    explorer.wanted = [[first + i, *change] for i, change in enumerate(changes)]
    assert explorer.answered == first + len(changes) - 1
    return explorer


def words(explorer):
    return re.sub("<[^>]+>", "", explorer.parts["words"].replace("</p><p>", " "))


# ---- the ground of both


def test_what_is_answered_is_not_done_again():
    explorer = ReceptiveFieldExplorer("three 3×3")
    explorer.wanted = [[1, "do", "add"]]
    explorer.wanted = [[1, "do", "add"], [2, "do", "add"]]
    assert len(explorer.layers) == 5 and explorer.answered == 2
    explorer.wanted = [[2, "do", "add"], [1, "do", "add"]]
    assert len(explorer.layers) == 5


@pytest.mark.parametrize("make", [ReceptiveFieldExplorer, CostExplorer])
def test_its_display_is_live_still_and_the_same_every_time(make):
    one, two = (make()._repr_mimebundle_() for _ in range(2))
    assert one[0]["text/plain"] == two[0]["text/plain"] == one[1]["image/png"]["alt"] == repr(make())
    assert one[0]["image/png"] == two[0]["image/png"] and len(one[0]["image/png"]) < 80_000
    assert (
        one[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
        != two[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    )


@pytest.mark.parametrize("make", [ReceptiveFieldExplorer, CostExplorer])
def test_every_control_has_a_label_and_every_control_a_value(make):
    explorer = make()
    page = "".join({**explorer.fixed, **explorer.parts}.values())
    controls = re.findall(r"<(?:input|select|button)[^>]*>", page)
    assert len(controls) > 20 and all(re.search(r'aria-label="[^"]+"', control) for control in controls)
    fields = {re.search(r'data-set="([^"]+)"', control)[1] for control in controls if not control.startswith("<button")}
    assert fields == set(explorer.values)
    assert set(re.findall(r'data-part="([^"]+)"', page)) == {*explorer.fixed, *explorer.parts} - {"frame"}
    assert all(re.search('alt="[^"]*"', image) for image in re.findall("<img[^>]*>", page))


def test_values_on_the_way_fit_into_a_message_and_a_notebook():
    for explorer in (ReceptiveFieldExplorer("AlexNet to conv5"), CostExplorer()):
        assert len(json.dumps(explorer.get_state(), allow_nan=False)) < 150_000
        assert len(json.dumps({"parts": explorer.parts, "values": explorer.values})) < 60_000


@pytest.mark.parametrize("explorer", [ReceptiveFieldExplorer, CostExplorer], ids=lambda kind: kind.__name__)
def test_no_callback_touches_pyplot(explorer):
    assert not imports_pyplot(explorer.__module__, explorer.__name__, "size", 100)


def test_five_hundred_changes_leave_no_memory_behind():
    field, table, draw = ReceptiveFieldExplorer("AlexNet to conv5"), CostExplorer(), random.Random(0)

    def move(times):
        for _ in range(times):
            ask(
                field,
                ("row", draw.randrange(13)),
                ("column", draw.randrange(13)),
                ("size", draw.choice((200, 227))),
                ("depth", draw.randint(1, 7)),
            )
            ask(table, ("size", draw.randint(16, 512)), ("0.filters", draw.choice((48, 96))))

    assert bytes_kept(move, before=40, times=100) < 8 * 2**20  # six changes each time


# ---- the receptive field


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
        first, last = receptive_field.inner(5, size)
        assert first - 5 == size + 4 - last and abs(last - first + 1 - size / 2) <= 1
    explorer = ReceptiveFieldExplorer((conv(3, 1, 1),) * 5, size=32)
    energy = explorer.gradient() ** 2
    row, column = explorer.unit
    share = energy[row - 2 : row + 3, column - 2 : column + 3].sum() / energy.sum()
    assert f"The inner 5 × 5 (21 % of the area) carry {100 * share:.0f} %" in words(explorer)


def test_the_heat_map_is_transparent_where_the_gradient_is_zero():
    layers = (conv(3, 1, 2, 2),) * 2
    png, ((top, bottom), (left, right)) = receptive_field.heat_png(measure(layers, 32, 16, 16))
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
        first, last = receptive_field.input_range(explorer.layers, row)
        middle = ((first + last + 1) / 2 / 32, sum(receptive_field.input_range(explorer.layers, column), 1) / 2 / 32)
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
    found = receptive_field.picture.__wrapped__("cat", 40)
    assert np.array_equal(found, receptive_field.picture.__wrapped__("plain grid", 40)) and len(np.unique(found)) == 2


# ---- the costs


def as_network(layers, channels, size):
    """The same layers by torch, and their costs by cost_table."""
    net, x = nn.Sequential(), torch.zeros(1, channels, size, size, device="meta")
    for layer in layers:
        _, kind, F, K, stride, padding, groups = layer
        if kind == "linear" and x.dim() == 4:
            net.append(nn.Flatten())
        made = {
            "conv": lambda: nn.Conv2d(x.shape[1], F, K, stride, padding, groups=groups),
            "pool": lambda: nn.MaxPool2d(K, stride, padding),
            "adaptive": lambda: nn.AdaptiveAvgPool2d(K),
            "linear": lambda: nn.Linear(x.flatten(1).shape[1], F),
        }[kind]
        with torch.device("meta"):
            net.append(made())
        x = net[-1](x.flatten(1) if kind == "linear" else x)
    rows = [row for row in cost_table(net, (1, channels, size, size)).rows if row.kind != "Flatten"]
    return [(row.out_shape[1:], row.memory, row.params, row.macs) for row in rows]


@pytest.mark.parametrize("name", cost.PRESETS)
def test_presets_cost_what_the_cost_table_counts(name):
    (channels, size), layers = cost.PRESETS[name]
    assert [row[1:] for row in CostExplorer(name).rows()] == as_network(layers, channels, size)


@pytest.mark.parametrize(
    "name, model, size",
    [
        ("AlexNet 2012", AlexNet2012(), 227),
        ("AlexNet one tower", AlexNet2012(groups=1), 227),
        ("AlexNet torchvision", alexnet(), 224),
    ],
)
def test_alexnets_cost_what_their_models_cost(name, model, size):
    table = cost_table(model, (1, 3, size, size))
    memory, params, macs = cost.total(CostExplorer(name).rows())
    assert (params, macs) == (table.total.params, table.total.macs)
    counted = [row for row in table.rows if row.kind in ("Conv2d", "MaxPool2d", "AdaptiveAvgPool2d", "Linear")]
    assert memory == sum(row.memory for row in counted)
    assert [row[1:] for row in CostExplorer(name).rows()] == [
        (row.out_shape[1:], row.memory, row.params, row.macs) for row in counted
    ]


def test_alexnet_is_the_published_one():
    first = CostExplorer("one layer").rows()[0]
    assert first == ("conv1", (96, 55, 55), 1_161_600, 34_944, 105_415_200)  # 1,134.4 KiB
    assert cost.total(CostExplorer("AlexNet torchvision").rows())[1:] == (61_100_840, 714_188_480)
    assert cost.total(CostExplorer().rows())[1:] == (60_965_224, 724_406_816)


def test_edited_networks_cost_what_the_cost_table_counts():
    draw, possible, refused = random.Random(0), 0, 0
    while possible < 25:
        explorer = CostExplorer(draw.choice(list(cost.PRESETS)))
        ask(
            explorer,
            ("size", draw.randint(16, 300)),
            ("channels", draw.randint(1, 6)),
            *[
                (f"{draw.randrange(len(explorer.layers))}.{name}", draw.randint(low, min(high, 24)))
                for name, (low, high) in cost.LIMITS.items()
            ],
        )
        if explorer.parts["problem"]:
            refused += 1
            with pytest.raises((RuntimeError, ValueError)):
                as_network(explorer.layers, explorer.channels, explorer.size)
        else:
            possible += 1
            assert [row[1:] for row in explorer.rows()] == as_network(explorer.layers, explorer.channels, explorer.size)
    assert refused > 5


def test_half_the_filters_cost_half_and_say_so():
    explorer = CostExplorer("one layer")
    explorer.edit("conv1", filters=48)
    assert explorer.parts["total.macs"] == "52,707,600" and explorer.parts["change.macs"] == "<b>×0.50</b>"
    assert (
        explorer.parts["0.macs"]
        == '<i style="width:100.00%"></i><span class="long">100 %</span><span>52,707,600</span>'
    )
    assert explorer.parts["change"] == "against one layer" and explorer.values["0.filters"] == 48
    ask(explorer, ("do", "reset"))
    assert explorer.parts["change.macs"] == "<b>×1</b>" and 'aria-disabled="true"' in explorer.parts["reset"]


def test_the_bars_of_a_column_add_up():
    explorer = CostExplorer()
    for column in cost.COLUMNS:
        widths = [re.search(r"width:([\d.]+)%", explorer.parts[f"{i}.{column}"]) for i in range(11)]
        assert sum(float(w[1]) for w in widths if w) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    "ratio, written",
    [
        ((1, 1), "×1"),
        ((51, 100), "×0.51"),
        ((2, 1), "×2.00"),
        ((1234, 100), "×12.3"),
        ((1, 80), "×0.0125"),
        ((0, 0), "×1"),
    ],
)
def test_changes_are_written_short(ratio, written):
    assert cost.times(*ratio) == written


@pytest.mark.parametrize(
    "change, message, field",
    [
        (("size", 16), "pool1: kernel_size (=3) exceeds the padded input (=2 = 2 + 2*0)", "1.kernel_size"),
        (
            ("2.groups", 3),
            "conv2: groups (=3) must divide both the 96 input channels and the 256 filters: use 1, 2, 4, 8, 16 or 32",
            "2.groups",
        ),
        (
            ("0.groups", 2),
            "conv1: groups (=2) must divide both the 3 input channels and the 96 filters: use 1 or 3",
            "0.groups",
        ),
        (("1.padding", 2), "pool1: padding (=2) exceeds half of kernel_size (=3)", "1.padding"),
        (("7.kernel_size", 15), "pool5: kernel_size (=15) exceeds the padded input (=13 = 13 + 2*0)", "7.kernel_size"),
    ],
)
def test_impossible_settings_name_the_layer_and_keep_the_last_numbers(change, message, field):
    explorer = CostExplorer()
    good = dict(explorer.parts)
    ask(explorer, change)
    assert message in explorer.parts["problem"] and explorer.wrong == [field]
    assert {name: part for name, part in explorer.parts.items() if good[name] != part}.keys() == {"problem", "reset"}
    assert message in repr(explorer) and explorer._repr_mimebundle_()[0]["image/png"]
    with pytest.raises(ValueError, match=message.split(":")[0]):
        explorer.rows()
    ask(explorer, ("do", "reset"))
    assert explorer.parts["problem"] == "" and explorer.wrong == []


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: CostExplorer("VGG"), r"network \(='VGG'\) must be one of AlexNet 2012"),
        (lambda: CostExplorer(size=15), r"size \(=15\)"),
        (lambda: CostExplorer().edit("conv9", filters=1), r"name \(='conv9'\)"),
        (lambda: CostExplorer().edit("fc6", stride=2), "fc6 has no stride"),
        (
            lambda: CostExplorer().edit("conv1", filters=0),
            r"conv1.filters \(=0\) must be a whole number from 1 to 9999",
        ),
    ],
)
def test_the_callers_mistakes_about_costs_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_impossible_from_the_start_is_said_at_once():
    explorer = CostExplorer(size=16)
    assert explorer.parts["problem"].count("pool1") == 1 and explorer.parts["total.macs"] == "724,406,816"
    ask(explorer, ("network", "LeNet-like"), ("size", 16), ("2.kernel_size", 15))
    assert "conv2: kernel_size (=15)" in explorer.parts["problem"] and explorer._repr_mimebundle_()[0]["image/png"]
    field = ReceptiveFieldExplorer([conv(11, 4, 0, 3)], size=32, unit=(0, 0))
    assert field.parts["problem"] == "" and field.parts["0.out"] == "1"
    field = ReceptiveFieldExplorer([conv(11, 4, 0, 3), conv(2)], size=32)
    assert "Layer 2 (conv): kernel_size (=2) exceeds the padded input (=1" in field.parts["problem"]
    ask(field, ("row", 0), ("x", 0.5), ("depth", 1))
    assert field.parts["problem"] and field._repr_mimebundle_()[0]["image/png"]


def test_a_layer_alone_by_hand():
    # 8 kernels of 4/2 × 3 × 3 numbers; 5 × 5 places: 8 · 18 + 8 parameters, 25 · 8 · 18 multiply-adds.
    assert costs((Layer("c", "conv", 8, 3, 2, 1, 2),), 4, 9) == [("c", (8, 5, 5), 800, 152, 3600)]


def test_still_pictures_are_of_what_is_shown():
    fig = CostExplorer("LeNet-like").still()
    assert [len(ax.patches) for ax in fig.axes] == [7, 7, 7]
    assert [round(sum(bar.get_width() for bar in ax.patches)) for ax in fig.axes] == [100] * 3
    fig = ReceptiveFieldExplorer("AlexNet to conv5").still()
    assert [bar.get_width() for bar in fig.axes[0].patches] == [11, 19, 51, 67, 99, 131, 163]
    frame = fig.axes[1].patches[0]
    assert (frame.get_width(), frame.get_x() + 0.5) == (163, 32)  # (227 − 163) / 2


def test_the_panel_asks_its_explorer():
    bare = panel.Panel()
    with pytest.raises(NotImplementedError):
        bare.hear("size", 1)
    with pytest.raises(NotImplementedError):
        bare.refresh()
