"""The window explorer: windows and reach against Swin's own mask, roll and gradients, costs against the cost table."""

import math
import re
import types

import pytest
import torch
from driven import ask
from torch import nn

from helpers.chapters.ch11_swin import explorer as windows
from helpers.chapters.ch11_swin.explorer import (
    BLOCKS,
    IMAGE,
    ROLLED,
    SIDES,
    VIEWS,
    WINDOWS,
    WindowExplorer,
    blocks_to_all,
    costs,
    padded,
    reach,
    span,
)
from helpers.costs import cost_table
from helpers.data import photographs
from helpers.models.swin import SwinBlock, WindowAttention, shift_mask, swin_t, window_partition
from helpers.models.vit import EncoderBlock


def neighbours(side, window_size, shift):
    """Who may look at whom, (side², side²) bool, as Swin does it: fill up, roll, cut, mask."""
    across = padded(side, window_size)
    shift = 0 if side <= window_size else shift
    places = torch.full((across, across), -1)
    places[:side, :side] = torch.arange(side * side).view(side, side)
    cut = window_partition(places.roll((-shift, -shift), (0, 1))[None, :, :, None], window_size)[0, :, :, 0]
    allowed, found = (
        shift_mask(across, window_size, shift),
        torch.zeros(side * side + 1, side * side + 1, dtype=torch.bool),
    )
    for window, may in zip(cut, allowed, strict=True):  # place -1, the last, takes in all the zeros
        found[window[:, None].expand_as(may)[may], window[None, :].expand_as(may)[may]] = True
    return found[:-1, :-1]


def allowed(side, window_size, shift):
    """The same, from span()."""
    spans = [span(at, side, window_size, shift) for at in range(side)]
    axis = torch.tensor([[first <= other <= last for other in range(side)] for first, last in spans])
    return (axis[:, None, :, None] & axis[None, :, None, :]).reshape(side * side, side * side)


@pytest.mark.parametrize("window_size", range(2, 8))
def test_who_looks_at_whom_is_swins_mask(window_size):
    for side in range(4, 19):
        for shift in range(window_size):
            assert torch.equal(allowed(side, window_size, shift), neighbours(side, window_size, shift)), (side, shift)


@pytest.mark.parametrize("window_size, side", [(9, 20), (12, 30), (16, 36), (7, 28), (16, 4), (16, 16)])
def test_who_looks_at_whom_is_swins_mask_for_large_windows(window_size, side):
    for shift in (0, 1, window_size // 2, window_size - 1):
        assert torch.equal(allowed(side, window_size, shift), neighbours(side, window_size, shift)), shift


def stacked(window_size, shift, blocks):
    """Swin's blocks with random weights, large enough that every gradient is seen."""
    torch.manual_seed(0)
    net = nn.Sequential(*(SwinBlock(4, 2, window_size, shift if block % 2 else 0) for block in range(blocks))).double()
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.5)
    return net


@pytest.mark.parametrize(
    "side, window_size, shift",
    [
        (12, 4, 2),
        (12, 4, 0),
        (12, 4, 3),
        (12, 4, 1),
        (10, 4, 2),
        (12, 3, 1),
        (14, 7, 3),
        (6, 7, 3),
        (16, 2, 1),
        (10, 5, 4),
        (8, 3, 2),
    ],
)
def test_heard_is_where_the_gradient_of_real_blocks_is_not_zero(side, window_size, shift):
    picks = [(0, 0), (side - 1, side - 1), (side // 2, 1), (side // 2 - 1, side // 2)]
    for blocks in range(BLOCKS[0], BLOCKS[1] + 1):
        net = stacked(window_size, shift, blocks)
        x = torch.randn(1, side, side, 4, dtype=torch.float64, requires_grad=True)
        out = net(x)
        for query in picks:
            gradient = torch.autograd.grad(out[0, query[0], query[1]].square().sum(), x, retain_graph=True)[0]
            explorer = WindowExplorer(window_size, shift, blocks, side, query)
            assert explorer.heard().tolist() == (gradient[0].abs().sum(-1) != 0).tolist(), (blocks, query)
            last = net[-1].attn  # its own norm and bias do not matter to who is heard
            gradient = torch.autograd.grad(last(x)[0, query[0], query[1]].square().sum(), x)[0]
            assert explorer.looks_at().tolist() == (gradient[0].abs().sum(-1) != 0).tolist(), (blocks, query)


def test_reach_is_what_neighbours_of_neighbours_make():
    """Another route to the same: products of the matrices of who looks at whom, the last block first."""
    for side, window_size, shift in ((8, 4, 2), (10, 3, 1), (9, 2, 1), (12, 5, 3), (7, 8, 4)):
        still, moved = (neighbours(side, window_size, s).double() for s in (0, shift))
        heard = torch.eye(side * side, dtype=torch.float64)
        for blocks in range(1, 7):
            heard = ((moved if blocks % 2 == 0 else still) @ heard > 0).double()
            for row in range(side):
                for column in range(side):
                    (top, bottom), (left, right) = (reach(at, side, window_size, shift, blocks) for at in (row, column))
                    mine = torch.zeros(side, side)
                    mine[top : bottom + 1, left : right + 1] = 1
                    assert torch.equal(mine.flatten().double(), heard[row * side + column]), (
                        side,
                        window_size,
                        shift,
                        blocks,
                        row,
                        column,
                    )


def test_each_block_adds_a_window_within_a_large_map_and_none_without_a_shift():
    for window_size in range(*WINDOWS):
        for shift in range(1, window_size):
            sizes = [
                last - first + 1
                for first, last in (reach(200, 400, window_size, shift, blocks) for blocks in range(1, 7))
            ]
            assert sizes == [window_size * blocks for blocks in range(1, 7)]
        assert reach(200, 400, window_size, 0, 6) == span(200, 400, window_size, 0)


@pytest.mark.parametrize(
    "side, window_size, shift", [(16, 4, 2), (64, 2, 1), (10, 4, 3), (12, 5, 1), (4, 8, 4), (16, 16, 8)]
)
def test_the_blocks_to_hear_all_are_the_fewest(side, window_size, shift):
    for at in range(side):
        blocks = blocks_to_all(at, side, window_size, shift)
        assert reach(at, side, window_size, shift, blocks) == (0, side - 1)
        assert blocks == 1 or reach(at, side, window_size, shift, blocks - 1) != (0, side - 1)
    assert (blocks_to_all(0, side, window_size, 0) is None) == (window_size < side)


# ---- the cost


@pytest.mark.parametrize(
    "side, window_size, channels, heads",
    [
        (16, 4, 96, 3),
        (56, 7, 96, 3),
        (28, 7, 192, 6),
        (14, 7, 384, 12),
        (10, 4, 8, 2),
        (4, 16, 6, 1),
        (64, 2, 12, 4),
        (18, 5, 16, 8),
        (4, 4, 4, 4),
        (64, 16, 32, 2),
    ],
)
def test_windows_cost_what_the_cost_table_counts(side, window_size, channels, heads):
    with torch.device("meta"):
        layer = WindowAttention(channels, heads, window_size, window_size // 2)
    table = cost_table(layer, (1, side, side, channels))
    cost = costs(side, window_size, channels, heads)
    assert table.uncounted == [] and cost.macs == table.total.macs
    assert cost.projections == sum(row.macs for row in table.rows if row.kind == "Linear")
    with torch.device("meta"):
        whole = WindowAttention(channels, heads, side)  # one window over the map
    assert costs(side, None, channels, heads).macs == cost_table(whole, (1, side, side, channels)).total.macs


@pytest.mark.parametrize("side, channels, heads", [(14, 768, 12), (4, 32, 2), (32, 64, 8)])
def test_global_attention_costs_what_a_vits_block_counts_without_its_mlp(side, channels, heads):
    with torch.device("meta"):
        block = EncoderBlock(heads, channels, 2 * channels)
    table = cost_table(block, (1, side * side, channels))
    assert costs(side, None, channels, heads).macs == table.total.macs - 2 * side * side * channels * 2 * channels


def test_the_weights_memory_is_that_of_the_softmaxes_output(monkeypatch):
    seen = []

    def softmax(scores, dim):
        seen.append(4 * scores.numel())
        return torch.softmax(scores, dim)

    monkeypatch.setattr("torch.Tensor.softmax", softmax)
    for side, window_size, channels, heads in ((8, 4, 12, 3), (10, 4, 8, 2), (4, 6, 4, 1)):
        for window, cost in (
            (window_size, costs(side, window_size, channels, heads)),
            (side, costs(side, None, channels, heads)),
        ):
            seen.clear()
            WindowAttention(channels, heads, window)(torch.zeros(1, side, side, channels))
            assert sum(seen) == cost.weights > 0


def test_the_costs_of_swin_ts_first_stage_are_its_tables():
    with torch.device("meta"):
        table = cost_table(swin_t(), (1, 3, 224, 224))
    first = sum(row.macs for row in table.rows if row.name.startswith("features.1.0.attn"))
    mine, other = WindowExplorer(7, side=56).costs()
    assert mine.macs == first == 145_108_992 and other.macs == 4 * 3136 * 96**2 + 2 * 3136**2 * 96 == 2_003_828_736


def test_costs_by_hand():
    # 6 × 6 patches, windows of 4: filled up to 8 × 8. C = 2.
    assert costs(6, 4, 2, 2) == (4 * 64 * 4, 2 * 16 * 64 * 2, 4 * 2 * 64 * 16)
    assert costs(6, None, 2, 2) == (4 * 36 * 4, 2 * 36 * 36 * 2, 4 * 2 * 36 * 36)


# ---- the explorer


def counts(explorer):
    """The numbers of the table of patches heard from: a list for each row."""
    return [
        [int(n.replace(",", "")) for n in re.findall(r'class="n[^"]*">([\d,]+)<', row)]
        for row in explorer.parts["steps"].split('role="row"')[2:]
    ]


def test_the_table_counts_the_patches_that_are_shown():
    explorer = WindowExplorer(4, 2, 3, 16, (6, 6))
    assert counts(explorer) == [[16, 64, 144, 256, 256, 256], [16] * 6]
    assert [int(explorer.heard(blocks).sum()) for blocks in range(1, 7)] == counts(explorer)[0]
    assert int(explorer.heard().sum()) == 144 and int(explorer.looks_at().sum()) == 16
    assert "whole map after 4 blocks" in explorer.parts["words"]
    ask(explorer, ("row", 0), ("column", 0))
    assert counts(explorer) == [[16, 16, 64, 64, 144, 144], [16] * 6] and "after 7 blocks" in explorer.parts["words"]
    ask(explorer, ("shift", 0))
    assert counts(explorer) == [[16] * 6] * 2 and "never hears" in explorer.parts["words"]


def test_the_words_count_the_regions_that_the_mask_keeps_apart():
    for settings in ((4, 2, 2, 16), (4, 1, 2, 10), (7, 3, 4, 56), (3, 2, 6, 8)):
        explorer = WindowExplorer(*settings)
        window_size, shift, _, side = settings
        found = neighbours(side, window_size, shift)
        regions, cut = len(torch.unique(found, dim=0)), (padded(side, window_size) // window_size) ** 2
        assert f"Rolled by {shift}, {regions} regions fill {cut} windows" in explorer.parts["words"]
    assert (
        "does not shift" in WindowExplorer(4, 2, 3).parts["words"]
        and "block 3: not shifted" == WindowExplorer(4, 2, 3).parts["windows-title"]
    )
    assert (
        "One window covers" in WindowExplorer(8, 4, 2, 8).parts["words"]
        and "global attention" in WindowExplorer(8, 4, 2, 8).parts["words"]
    )
    assert (
        "make it 12 × 12" in WindowExplorer(6, side=8).parts["words"]
        and "Zeros" not in WindowExplorer(4, side=8).parts["words"]
    )


def test_the_sums_that_are_written_out_add_up():
    for settings in (
        dict(),
        dict(window_size=7, side=56),
        dict(window_size=5, side=18, channels=128, heads=4),
        dict(window_size=16, side=4),
    ):
        explorer = WindowExplorer(**settings)
        for part, cost in zip(("mine", "other"), explorer.costs(), strict=True):
            terms, total = re.fullmatch(
                r"(.*) = (\d+) ?; weights .*",
                " ".join(re.sub("<[^>]+>", " ", explorer.parts[part]).replace(",", "").replace(" ;", ";").split()),
            ).groups()
            factors = [
                [int(number) ** (2 if square else 1) for number, square in re.findall(r"(\d+)(²?)", term)]
                for term in terms.split("+")
            ]
            assert [math.prod(each) for each in factors] == [cost.projections, cost.products] and int(
                total
            ) == cost.macs


def test_half_a_window_stays_half_a_window():
    explorer = WindowExplorer(4)
    for window_size in (7, 16, 2, 5):
        assert ask(explorer, ("window_size", window_size)).shift == window_size // 2
    ask(explorer, ("shift", 4), ("window_size", 9))
    assert explorer.shift == 4  # half of 9: from here on it follows again
    ask(explorer, ("shift", 7), ("window_size", 16))
    assert explorer.shift == 7
    ask(explorer, ("window_size", 3))
    assert explorer.shift == 2 and 'max="2"' in explorer.fixed["moving"]


def test_the_query_keeps_its_place_in_the_picture():
    explorer = WindowExplorer(side=16, query=(12, 3))
    for side in (64, 4, 30, 16):
        ask(explorer, ("side", side))
        assert all(0 <= at < side for at in explorer.query) and f'max="{side - 1}"' in explorer.fixed["asking"]
    assert explorer.query == (12, 3)


def test_every_query_can_be_chosen():
    for side in range(SIDES[0], SIDES[1] + 1, SIDES[2]):
        assert [WindowExplorer.query.fget(placed(side, at)) for at in range(side)] == [
            (at, side - 1 - at) for at in range(side)
        ]
    explorer = WindowExplorer(side=38)
    for at in range(38):
        ask(explorer, ("row", at), ("column", 37 - at))
        assert explorer.query == (at, 37 - at) == (explorer.values["row"], explorer.values["column"])
    assert WindowExplorer(side=64, query=(0, 63)).query == (0, 63)


def placed(side, at):
    """What `query` reads, and no more: an explorer for each of 1,054 queries would take seconds."""
    explorer = types.SimpleNamespace(side=side, _share=[0.0, 0.0])
    for axis, place in enumerate((at, side - 1 - at)):
        WindowExplorer._point(explorer, axis, place)
    return explorer


@pytest.mark.parametrize("view", VIEWS)
def test_pointing_asks_the_patch_below_the_pointer(view):
    for window_size, side in ((4, 16), (7, 16), (3, 10)):
        explorer, across = WindowExplorer(window_size, side=side, view=view), padded(side, window_size)
        rolled = torch.arange(across).roll(-explorer.shift if view == ROLLED else 0).tolist()
        for place in range(across):
            share = (place + 0.5) / across
            ask(explorer, ("x", share), ("y", 0.0))
            assert explorer.query == (min(side - 1, rolled[0]), min(side - 1, rolled[place]))
            ask(explorer, ("u", 1.0), ("v", share))
            assert explorer.query == (min(side - 1, place), side - 1)


def picture(explorer):
    """The windows' SVG lines, the frame and the query, in patches."""
    across = padded(explorer.side, explorer.window_size)
    html = explorer.parts["windows"]

    def box(name):
        style = re.search(rf'class="{name}" style="([^"]*)"', html)[1]
        return tuple(
            round(float(re.search(rf"(?<![a-z]){side}:(-?[\d.]+)%", style)[1]) * across / 100)
            for side in ("top", "left", "height", "width")
        )

    edges = re.search(r'class="edge" d="([^"]*)"', html)[1]
    return box("win-frame"), box("win-query"), [int(at) for at in re.findall(r"M0 (\d+)H", edges)]


def test_the_picture_frames_the_patches_that_may_be_looked_at():
    for settings in (
        (4, 2, 2, 16),
        (4, 3, 2, 16),
        (4, 0, 2, 16),
        (7, 3, 2, 16),
        (4, 2, 1, 16),
        (5, 2, 4, 12),
        (16, 8, 2, 4),
    ):
        for view in VIEWS:
            for query in ((0, 0), (1, 2), (settings[3] - 1, 3)):
                explorer = WindowExplorer(*settings, query, view)
                (top, left, height, width), at, edges = picture(explorer)
                seen = torch.zeros(padded(settings[3], settings[0]), padded(settings[3], settings[0]), dtype=torch.bool)
                seen[: settings[3], : settings[3]] = torch.tensor(explorer.looks_at())
                asks = torch.zeros_like(seen)
                asks[query] = True
                shift = settings[1] if settings[2] % 2 == 0 and settings[3] > settings[0] else 0
                if view == ROLLED:
                    seen, asks = (part.roll((-shift, -shift), (0, 1)) for part in (seen, asks))
                drawn = torch.zeros_like(seen)
                drawn[top : top + height, left : left + width] = True
                assert torch.equal(drawn, seen), (settings, view, query)
                assert at == (*asks.nonzero()[0].tolist(), 1, 1)
                start = shift if view == IMAGE else 0
                assert edges == [line for line in range(1, len(seen)) if (line - start) % settings[0] == 0]
                mask = re.findall(r'class="mask" d="M0 (\d+)', explorer.parts["windows"])
                assert mask == ([str(len(seen) - shift)] if view == ROLLED and shift else [])


def test_neighbouring_windows_differ_in_colour_and_the_pieces_of_one_do_not():
    for side, window_size, shift in ((16, 4, 2), (14, 7, 3), (12, 4, 1), (10, 4, 3), (20, 4, 0), (16, 16, 8)):
        colours = torch.tensor(windows.tints(side, window_size, shift)).permute(2, 0, 1)
        cells = colours[:, ::window_size, ::window_size]
        assert torch.equal(cells.repeat_interleave(window_size, 1).repeat_interleave(window_size, 2), colours)
        for step in ((0, 1), (1, 0)):
            other = cells[:, step[0] :, step[1] :]
            assert ((cells[:, : other.shape[1], : other.shape[2]] - other).abs().amax(0) > 0.1).all()


def test_what_was_asked_before_the_sliders_had_shrunk_goes_to_their_ends():
    explorer = ask(WindowExplorer(), ("window_size", 2), ("shift", 3), ("side", 4), ("row", 60))
    assert (explorer.window_size, explorer.shift, explorer.query[0]) == (2, 1, 3)


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(window_size=1), r"window_size \(=1\) must be a whole number from 2 to 16"),
        (dict(window_size=4, shift=4), r"shift \(=4\) must be a whole number from 0 to 3"),
        (dict(blocks=7), r"blocks \(=7\) must be a whole number from 1 to 6"),
        (dict(side=66), r"side \(=66\) must be a whole number from 4 to 64"),
        (dict(side=15), r"side \(=15\) must be even: use 14 or 16"),
        (dict(query=(16, 0)), r"query\[0\] \(=16\) must be a whole number from 0 to 15"),
        (dict(query=3), r"query \(=3\) must be \(row, column\)"),
        (dict(query=(1, 2, 3)), r"query \(=\(1, 2, 3\)\)"),
        (dict(view="above"), r"view \(='above'\) must be one of in the image"),
        (dict(channels=0), r"channels \(=0\)"),
        (dict(channels=96, heads=5), r"channels \(=96\) must be a multiple of heads \(=5\)"),
        (dict(picture="dog"), r"picture \(='dog'\) must be one of astronaut"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        WindowExplorer(**settings)


def test_the_chart_draws_both_costs_to_scale():
    explorer = WindowExplorer(7, side=56)
    heights = [
        float(at) for at in re.findall(r'circle class="dot \w+" cx="[\d.]+" cy="([\d.]+)"', explorer.parts["chart"])
    ]
    grid = [float(at) for at in re.findall(r'class="grid" d="M\d+ ([\d.]+)H', explorer.parts["chart"])]
    mine, other = explorer.costs()
    decade = (grid[0] - grid[-1]) / (len(grid) - 1)
    assert (heights[1] - heights[0]) / decade == pytest.approx(
        torch.tensor(other.macs / mine.macs).log10().item(), abs=0.01
    )
    for settings in (
        dict(window_size=16, side=4),
        dict(channels=4096, heads=4, side=64),
        dict(channels=1, heads=1, window_size=16),
    ):
        ys = [
            float(y)
            for path in re.findall(r'class="line \w+" d="M([^"]+)"', WindowExplorer(**settings).parts["chart"])
            for y in re.findall(r" ([\d.]+)", path)
        ]
        assert 0 <= min(ys) and max(ys) <= 168 - 44  # above the axis


def test_the_still_picture_shows_the_costs_and_the_patches():
    explorer = WindowExplorer(7, side=28, blocks=4)
    left, middle, right = explorer.still().axes
    assert (
        left.get_title() == "windows of block 4"
        and middle.get_title() == f"heard after 4: {int(explorer.heard().sum())} of 784"
    )
    points = [line.get_ydata()[0] for line in right.lines if len(line.get_ydata()) == 1]
    assert points == [explorer.costs()[1].macs, explorer.costs()[0].macs]


@pytest.mark.parametrize("name", photographs())
def test_it_shows_any_photograph(name):
    explorer = WindowExplorer(picture=name)
    assert "image/jpeg" in explorer.fixed["photo"] and explorer.still()


def test_its_sentence_has_its_numbers():
    assert "10,223,616 multiply-adds in windows, 22,020,096 globally" in repr(WindowExplorer())
