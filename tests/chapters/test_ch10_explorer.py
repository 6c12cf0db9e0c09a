"""The patch explorer: its integers against cost_table on the networks themselves, its pictures, its words, and what it keeps."""

import base64
import io
import random
import re

import numpy as np
import pytest
import torch
from driven import ask
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ViT_B_16_Weights

from helpers.chapters.ch10_vit import explorer as patches
from helpers.chapters.ch10_vit.explorer import (
    AS_CUT,
    COLUMNS,
    MODELS,
    ORDERS,
    PARTS,
    SHUFFLED,
    PatchExplorer,
    costs,
    tokens,
    total,
    weights_memory,
)
from helpers.costs import cost_table
from helpers.course.explorers.pictures import shipped
from helpers.data import photograph, photographs
from helpers.models import vit
from helpers.models.vit import ViT


def network(model, patch_size, size):
    """The network itself, for the pixels of whole patches."""
    L, heads, D = MODELS[model]
    with torch.device("meta"):
        return ViT(size - size % patch_size, patch_size, L, heads, D, 4 * D)


def part_of(row):
    return (
        "patches"
        if row.kind == "Conv2d"
        else "rest"
        if "heads" in row.name
        else "mlp"
        if ".mlp" in row.name
        else "projections"
    )


def counted(model, patch_size, size):
    """The same dict as costs(), from the cost table; QKᵀ and AV from torch's own counter, by operator."""
    net, side = network(model, patch_size, size).eval(), size - size % patch_size
    table, found = cost_table(net, (1, 3, side, side)), {part: [0, 0] for part in PARTS}
    for row in table.rows:
        if row.macs:
            found[part_of(row)][0] += row.macs
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, 3, side, side, device="meta"))
    assert counter.get_total_flops() == 2 * table.total.macs and table.uncounted == []
    by_operator = {str(operator): flops // 2 for operator, flops in counter.get_flop_counts()["Global"].items()}
    found["attention"][0] = sum(macs for name, macs in by_operator.items() if "bmm" in name or "attention" in name)
    found["projections"][0] -= found["attention"][0]  # one row of the table holds both
    for name, parameter in net.named_parameters():
        part = (
            "patches"
            if "conv_proj" in name
            else "projections"
            if "self_attention" in name
            else "mlp"
            if ".mlp." in name
            else "rest"
        )
        found[part][1] += parameter.numel()
    assert sum(numbers[1] for numbers in found.values()) == table.total.params
    return {part: tuple(numbers) for part, numbers in found.items()}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "patch_size, size", [(16, 224), (14, 224), (32, 384), (4, 112), (64, 112), (18, 512), (4, 512), (50, 272)]
)
def test_it_costs_what_the_cost_table_counts(model, patch_size, size):
    assert costs(model, patch_size, size) == counted(model, patch_size, size)


def test_every_setting_of_the_sliders_costs_what_the_cost_table_counts():
    """The totals, at 30 settings drawn by chance."""
    draw = random.Random(0)
    for _ in range(30):
        model, patch_size, size = draw.choice(list(MODELS)), draw.randrange(4, 65, 2), draw.randrange(112, 513, 16)
        table = cost_table(network(model, patch_size, size), (1, 3, *[size - size % patch_size] * 2))
        assert total(costs(model, patch_size, size)) == (table.total.macs, table.total.params), (
            model,
            patch_size,
            size,
        )


def test_the_models_are_those_of_the_papers():
    for name, patch_size, make in (
        ("ViT-B", 16, vit.vit_b_16),
        ("ViT-B", 32, vit.vit_b_32),
        ("ViT-L", 16, vit.vit_l_16),
        ("ViT-H", 14, vit.vit_h_14),
    ):
        with torch.device("meta"):
            table = cost_table(make(), (1, 3, 224, 224))
        assert total(costs(name, patch_size, 224)) == (table.total.macs, table.total.params), name
    # Touvron et al. 2021, table 1: 5 M, rounded down, and 22 M parameters.
    assert [total(costs(name, 16, 224)).params // 10**6 for name in ("ViT-Ti", "ViT-S")] == [5, 22]


def test_the_published_numbers_are_torchvisions():
    meta = ViT_B_16_Weights.IMAGENET1K_V1.meta
    assert (
        round(meta["_ops"], 2) == patches.PUBLISHED["macs"] / 1e9
        and round(meta["num_params"] / 1e6, 1) == patches.PUBLISHED["params"] / 1e6
    )
    assert total(costs("ViT-B", 16, 224)) == (17_563_828_224, meta["num_params"])


def test_the_smallest_image_by_hand():
    # One patch of 64 pixels and the class token: T = 2, D = 192, 12 blocks.
    assert tokens(64, 112) == 2
    found = costs("ViT-Ti", 64, 112)
    assert found["patches"] == (3 * 64 * 64 * 192, 3 * 64 * 64 * 192 + 192) and found["attention"] == (
        12 * 2 * 4 * 192,
        0,
    )
    assert found["projections"].macs == 12 * 2 * 4 * 192 * 192 and found["mlp"].macs == 12 * 2 * 2 * 192 * 768


@pytest.mark.parametrize("model, patch_size, size", [("ViT-Ti", 28, 112), ("ViT-B", 16, 224), ("ViT-H", 18, 512)])
def test_the_weights_take_what_the_network_returns(model, patch_size, size):
    net, side = network(model, patch_size, size), size - size % patch_size
    found = net.attention_weights(torch.empty(1, 3, side, side, device="meta"))
    assert weights_memory(model, patch_size, size) == sum(weights.numel() * weights.element_size() for weights in found)
    assert found[0].shape[-1] == tokens(patch_size, size)


def test_attention_overtakes_the_linear_layers_at_6_d_tokens():
    for model, (_, _, D) in MODELS.items():
        ratios = []
        for patch_size, size in ((16, 224), (4, 512), (8, 336)):
            parts = costs(model, patch_size, size)
            ratios.append(parts["attention"].macs / (parts["projections"].macs + parts["mlp"].macs))
            assert ratios[-1] == pytest.approx(tokens(patch_size, size) / (6 * D))
            words = PatchExplorer(model, patch_size, size).parts["words"]
            assert float(re.search(r"<b>([\d.]+)</b>", words)[1]) == pytest.approx(ratios[-1], rel=0.01)
        assert (ratios[1] > 1) == (16_385 > 6 * D)


# ---- what cannot be cut evenly, and the order of the patches


def test_an_uneven_cut_is_refused_by_the_network_and_told_here():
    for patch_size, size in ((18, 512), (12, 224), (64, 112), (6, 400)):
        with pytest.raises(ValueError, match="must be a multiple of patch_size"), torch.device("meta"):
            ViT(size, patch_size, 1, 3, 192, 768)
        words = PatchExplorer(patch_size=patch_size, size=size).parts["words"]
        side = size // patch_size * patch_size
        assert (
            f"{patch_size} does not divide {size}" in words
            and f"{side} × {side} pixels; the last {size - side} each way" in words
        )
        offered = [int(p) for p in re.search(r"Patches of (\d+) or (\d+) fit", words).groups()]
        assert offered == sorted(offered) and all(size % p == 0 and p in range(4, 65, 2) for p in offered)
        nearer = [p for p in range(4, 65, 2) if size % p == 0 and p not in offered]
        assert all(abs(p - patch_size) >= max(abs(q - patch_size) for q in offered) for p in nearer)
    assert all(
        "does not divide" not in PatchExplorer(patch_size=p, size=448).parts["words"]
        for p in (4, 8, 14, 16, 28, 32, 56, 64)
    )


def test_shuffling_moves_whole_patches_and_leaves_the_rest():
    image = np.random.default_rng(1).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    found, order = patches.shuffled(image, 8), patches.shuffling(36)
    assert sorted(order) == list(range(36)) and (order != np.arange(36)).any()
    for at, came in enumerate(order):
        (row, column), (from_row, from_column) = divmod(at, 6), divmod(int(came), 6)
        moved = found[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert (moved == image[8 * from_row : 8 * from_row + 8, 8 * from_column : 8 * from_column + 8]).all()
    assert (found[48:] == image[48:]).all() and (found[:, 48:] == image[:, 48:]).all()


def test_without_positions_the_network_cannot_tell_the_orders_apart():
    """What the words under the shuffled picture say, on a network with numbers everywhere."""
    image = patches.pixels(shipped("cat"), 112)
    pair = torch.stack(
        [torch.from_numpy(x).permute(2, 0, 1).double() / 255 for x in (image, patches.shuffled(image, 16))]
    )
    order = torch.from_numpy(patches.shuffling(49))
    for positions in ("none", "learnable"):
        torch.manual_seed(0)
        net = ViT(112, 16, 2, 3, 12, 24, num_classes=5, positions=positions).double().eval()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        with torch.no_grad():
            label, encoded = net(pair), net.encoder(net.tokens(pair))
        same = [
            torch.allclose(label[0], label[1], atol=1e-9),
            torch.allclose(encoded[0, 1:][order], encoded[1, 1:], atol=1e-9),
        ]
        assert same == [positions == "none"] * 2
    assert (
        "Shuffled" in PatchExplorer(order=SHUFFLED).parts["words"] and "Shuffled" not in PatchExplorer().parts["words"]
    )


def shown_picture(explorer):
    uri = re.search(r'src="data:image/jpeg;base64,([^"]+)"', explorer.fixed["photo"])[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri)))).astype(float)


@pytest.mark.parametrize("order", ORDERS)
def test_the_picture_is_the_photograph(order):
    explorer = PatchExplorer("ViT-S", 14, 224, "coffee", order)
    wanted = (photograph("coffee", 224).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    orders = {AS_CUT: wanted, SHUFFLED: patches.shuffled(wanted, 14)}
    error = {name: np.abs(shown_picture(explorer) - image).mean() for name, image in orders.items()}
    assert (
        shown_picture(explorer).shape == (224, 224, 3) and error.pop(order) < next(iter(error.values())) / 10
    )  # a JPEG keeps almost all


@pytest.mark.parametrize("order", ORDERS)
def test_the_patch_shown_large_is_the_token(order):
    explorer = PatchExplorer("ViT-B", 16, 240, "cat", order, token=33)
    inside = re.search(r'src="data:image/png;base64,([^"]+)"', explorer.parts["patch"])[1]
    large = np.asarray(Image.open(io.BytesIO(base64.b64decode(inside))))
    cut = torch.nn.functional.unfold(photograph("cat", 240)[None], 16, stride=16)[0].T  # torch's order: row by row
    came = patches.shuffling(225)[32] if order == SHUFFLED else 32
    wanted = (cut[came].reshape(3, 16, 16).permute(1, 2, 0).numpy() * 255).round()
    assert np.abs(large - wanted).max() <= 1 and f"row {came // 15}, column {came % 15}" in explorer.parts["patch"]
    assert "3 · 16 · 16 = 768" in explorer.parts["patch"]


# ---- controls


def test_the_chain_is_written_out():
    explorer = PatchExplorer()
    assert explorer.parts["chain"] == "224 / 16 = 14 → 14 · 14 + 1 = <b>197 tokens</b>"
    assert (
        explorer.parts["weights"] == "12·12·197²·4 bytes = <b>21.3 MiB</b>"
        and round(12 * 12 * 197**2 * 4 / 2**20, 1) == 21.3
    )
    assert "17,563,828,224" in explorer.parts["total.macs"] and "86,567,656" in explorer.parts["total.params"]
    assert explorer.parts["against.macs"].startswith("1.00 ×") and explorer.parts["against.params"].startswith("1.00 ×")
    ask(explorer, ("patch_size", 8), ("model", "ViT-L"))
    assert explorer.parts["chain"] == "224 / 8 = 28 → 28 · 28 + 1 = <b>785 tokens</b>" and explorer.costs() == costs(
        "ViT-L", 8, 224
    )
    assert (
        f"{total(costs('ViT-L', 8, 224)).macs:,}" in explorer.parts["total.macs"] and explorer.values["patch_size"] == 8
    )
    ask(explorer, ("size", 400), ("patch_size", 18))
    assert explorer.parts["chain"] == "400 / 18 = 22, rest 4 → 22 · 22 + 1 = <b>485 tokens</b>"


@pytest.mark.parametrize(
    "asked, kept",
    [
        (("patch_size", 1), 4),
        (("patch_size", 999), 64),
        (("patch_size", 7), 8),
        (("patch_size", 14), 14),
        (("size", 100), 112),
        (("size", 518), 512),
        (("size", 230), 224),
        (("size", 233), 240),
    ],
)
def test_values_between_the_steps_go_to_the_nearest(asked, kept):
    assert getattr(ask(PatchExplorer(), asked), asked[0]) == kept


def test_the_token_follows_the_slider_and_the_pointer_and_keeps_its_place():
    explorer = PatchExplorer()
    for token in (1, 14, 15, 196, 100):
        ask(explorer, ("token", token))
        assert explorer.token == token == explorer.values["token"] and explorer.cell == divmod(token - 1, 14)
    ask(explorer, ("x", 0.999), ("y", 0.0))
    assert explorer.cell == (0, 13) and explorer.token == 14
    ask(explorer, ("x", 1.0), ("y", 1.0))
    assert explorer.token == 196
    for patch_size in range(4, 65, 2):  # the same place of the picture, as far as patches reach
        ask(explorer, ("x", 0.3), ("y", 0.6), ("patch_size", patch_size))
        grid = 224 // patch_size
        assert explorer.cell == (min(int(0.6 * 224 / patch_size), grid - 1), min(int(0.3 * 224 / patch_size), grid - 1))
    ask(explorer, ("token", 0))
    assert (
        explorer.cell is None
        and explorer.token == 0
        and "class token" in explorer.parts["patch"]
        and "frame" not in explorer.parts["grid"]
    )
    ask(explorer, ("patch_size", 64), ("token", 9_999))  # a slider that was longer a moment ago
    assert explorer.token == explorer.tokens() - 1 == 9
    ask(explorer, ("token", 0), ("x", 0.5))
    assert explorer.token > 0


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(model="ViT-G"), r"model \(='ViT-G'\) must be one of ViT-Ti, ViT-S"),
        (dict(picture="dog"), r"picture \(='dog'\) must be one of astronaut"),
        (dict(order="sorted"), r"order \(='sorted'\) must be one of as cut, shuffled"),
        (dict(patch_size=2), r"patch_size \(=2\) must be a whole number from 4 to 64"),
        (dict(patch_size=16.0), r"patch_size \(=16.0\)"),
        (dict(patch_size=15), r"patch_size \(=15\) must be 4 to 64 in steps of 2: use 16"),
        (dict(size=225), r"size \(=225\) must be 112 to 512 in steps of 16: use 224"),
        (dict(size=1024), r"size \(=1024\) must be a whole number from 112 to 512"),
        (dict(token=197), r"token \(=197\) must be a whole number from 0 to 196"),
        (dict(token=True), r"token \(=True\)"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        PatchExplorer(**settings)


# ---- what is shown


def test_bars_are_shares_of_the_whole():
    for settings in (
        dict(),
        dict(model="ViT-H", patch_size=4, size=512),
        dict(model="ViT-Ti", patch_size=64, size=112),
    ):
        explorer = PatchExplorer(**settings)
        now = total(explorer.costs())
        for column in COLUMNS:
            widths = {part: re.search(r"width:([\d.]+)%", explorer.parts[f"{part}.{column}"]) for part in PARTS}
            for part, cost in explorer.costs().items():
                share = getattr(cost, column) / getattr(now, column)
                assert (float(widths[part][1]) if widths[part] else 0) == pytest.approx(100 * share, abs=0.006)


def test_the_chart_puts_the_point_on_its_line():
    for settings in (dict(), dict(model="ViT-H", patch_size=4, size=512), dict(model="ViT-S", patch_size=28, size=112)):
        explorer = PatchExplorer(**settings)
        svg, now = explorer.parts["chart"], total(explorer.costs()).macs
        circle = re.search(r'<circle class="here" cx="([\d.]+)" cy="([\d.]+)"', svg)
        rows = [float(y) for y in re.findall(r'class="grid" d="M\d+ ([\d.]+)H', svg)]  # 1e8, 1e10, 1e12, 1e14
        columns = [float(x) for x in re.findall(r'class="grid" d="M([\d.]+) \d+V', svg)]  # 10 to 10,000
        decade = (columns[-1] - columns[0]) / 3, (rows[0] - rows[-1]) / 6
        place = [columns[0] + decade[0] * (np.log10(explorer.tokens()) - 1), rows[0] - decade[1] * (np.log10(now) - 8)]
        assert [float(c) for c in circle.groups()] == pytest.approx(place, abs=0.3)
        points = np.array(
            [
                [float(n) for n in point.split()]
                for point in re.search(r'class="line total" d="M([^"]+)"', svg)[1].split("L")
            ]
        )
        assert (np.diff(points[:, 0]) > 0).all() and np.interp(float(circle[1]), *points.T) == pytest.approx(
            float(circle[2]), abs=0.7
        )
    low, high = patches.AXES
    every = [(tokens(p, s), total(costs(m, p, s)).macs) for m in MODELS for p in (4, 64) for s in (112, 512)]
    assert all(low[0] <= T <= low[1] and high[0] <= macs <= high[1] for T, macs in every)  # never off the chart


def test_the_grid_frames_the_patch_and_stripes_what_is_left():
    explorer = PatchExplorer(patch_size=18, size=512, token=30)  # row 1, column 1 of 28 a side
    grid = explorer.parts["grid"]
    top, left, width, height = (
        float(re.search(rf'class="frame" style="[^"]*{name}:([\d.]+)%', grid)[1])
        for name in ("top", "left", "width", "height")
    )
    assert [top, left, width, height] == pytest.approx([100 * 18 / 512] * 4, abs=0.001)
    assert (
        grid.count("left-over") == 2
        and f"left:{100 * 504 / 512:.3f}%" in grid
        and grid.count("V504") == grid.count("H504") == 29
    )
    assert "left-over" not in PatchExplorer().parts["grid"] and "28 by 28 patches; 8 pixels are left over" in grid


@pytest.mark.parametrize(
    "value, written",
    [(768, "768"), (1000, "1 k"), (86_567_656, "86.57 M"), (17_563_828_224, "17.56 G"), (32_302_475_560_960, "32.3 T")],
)
def test_numbers_are_written_short(value, written):
    assert patches.short(value) == written


def test_the_still_picture_holds_the_same_numbers():
    explorer = PatchExplorer("ViT-L", 32, 384)
    left, middle, right = explorer.still().axes
    now = total(explorer.costs())
    assert [bar.get_width() for bar in middle.patches] == pytest.approx(
        [100 * cost.macs / now.macs for cost in explorer.costs().values()]
    )
    points = [line.get_xydata()[0] for line in right.lines if len(line.get_xdata()) == 1]
    assert np.allclose(points, [(145, now.macs), (197, 17.56e9)])
    assert len(left.lines) == 2 * (12 + 1) and left.images[0].get_array().shape == (384, 384, 3)


def test_every_photograph_can_be_shown():
    explorer, seen = PatchExplorer(), set()
    for name in photographs():
        ask(explorer, ("picture", name))
        seen.add(explorer.fixed["photo"])
    assert len(seen) == len(photographs())


def test_its_sentence_has_its_numbers():
    said = repr(PatchExplorer())
    assert "197 tokens" in said and "17,563,828,224 multiply-adds, 86,567,656 parameters, 21.3 MiB" in said
    assert "8 left over, shuffled" in repr(PatchExplorer(patch_size=18, size=512, order=SHUFFLED))
