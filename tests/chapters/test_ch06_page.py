"""What chapter 06 says in words, without a cell of its own that would show it."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import plots
from helpers.chapters.ch06_mobilenet import pictures
from helpers.chapters.ch06_mobilenet.timing import clock
from helpers.costs import cost_table
from helpers.course.rooms import room
from helpers.models import DepthwiseSeparable, FullConvolution, InvertedResidual, mobilenet_v1


@pytest.fixture(scope="module")
def cells():
    names = dict(nn=nn, torch=torch, cost_table=cost_table, mobilenet_v1=mobilenet_v1)
    return room(6).run("real-source", "train-equal", **names)


@pytest.mark.parametrize("separable, full", [(1, 0.36), (0.5, 0.2), (0.25, 0.11)])
def test_the_full_nets_are_those_nearest_in_work(cells, separable, full):
    target = cells["work"](DepthwiseSeparable, separable, 28)
    assert full == min(
        (k / 100 for k in range(5, 60)), key=lambda width: abs(cells["work"](FullConvolution, width, 28) - target)
    )


def test_the_block_to_retype_is_the_course_s_own(cells):
    ours, theirs = cells["separable"](4, 6, 2), DepthwiseSeparable(4, 6, 2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, 7, 7)
    torch.testing.assert_close(ours(x), theirs(x))


def test_an_inverted_residual_runs_some_inner_channels_at_a_time():
    generator = torch.Generator().manual_seed(6)
    sizes = (144, 24, 1, 1), (144, 1, 3, 3), (24, 144, 1, 1), (1, 24, 14, 14)
    widen, look, narrow, x = (torch.randn(*size, generator=generator, dtype=torch.float64) for size in sizes)

    def run(inner):
        wide = F.relu6(F.conv2d(x, widen[inner]))
        wide = F.relu6(F.conv2d(wide, look[inner], padding=1, groups=wide.shape[1]))
        return F.conv2d(wide, narrow[:, inner])

    torch.testing.assert_close(run(slice(0, 144)), sum(run(slice(i, i + 24)) for i in range(0, 144, 24)))


def test_half_the_width_costs_a_little_above_a_quarter_and_pixels_cost_no_parameter():
    with torch.device("meta"):
        whole, half, few = (
            cost_table(mobilenet_v1(width=width), (1, 3, side, side)).total
            for width, side in ((1.0, 224), (0.5, 224), (1.0, 128))
        )
    pointwise, rest, head = 539_492_352, 29_248_000, 1_024_000  # MACs = pointwise·α² + rest·α
    assert whole.macs == pointwise + rest and half.macs == pointwise // 4 + rest // 2
    assert round(100 * half.macs / whole.macs) == 26
    assert (few.macs - head) * 224**2 == (whole.macs - head) * 128**2 and few.params == whole.params


def test_its_middle_in_full_would_cost_22_times_the_whole_block():
    with torch.device("meta"):
        parts = InvertedResidual(24, 24, stride=1, expand_ratio=6), nn.Conv2d(144, 144, 3, padding=1)
    block, middle = (cost_table(part, (1, c, 56, 56)).total.macs for part, c in zip(parts, (24, 144)))
    assert round(middle / block, 1) == 22.7


def test_the_clock_gives_each_model_its_shortest_time():
    calls = []

    def model(name, steps):
        def run(x):
            calls.append(name)
            for _ in range(steps):
                x = x @ x / 300
            return x

        return run

    x = torch.ones(300, 300)
    quick, slow = clock([model("quick", 1), model("slow", 60)], [x, x], turns=2)
    assert calls == ["quick", "slow"] * 3 and 0 < quick < slow


def test_the_clock_wants_an_input_for_each_model():
    with pytest.raises(ValueError):
        clock([nn.ReLU()], [torch.ones(1)] * 2)


def test_the_blocks_are_drawn_as_wide_as_their_channels():
    maps = [24, 144, 144, 24]
    _, ax = plots.figure()
    pictures.draw_widths(ax, "V2", maps, ["1×1", "3×3", "1×1"])
    assert [bar.get_width() for bar in ax.patches[:4]] == maps
    assert all(bar.get_x() == -bar.get_width() / 2 for bar in ax.patches[:4])


def test_each_figure_is_shown_once_with_its_words(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "show", lambda fig, alt: shown.append(alt))
    with torch.device("meta"):
        block = [cost_table(each(4, 6), (1, 4, 8, 8)) for each in (FullConvolution, DepthwiseSeparable)]
    pictures.show_weights()
    pictures.show_blocks()
    pictures.show_by_hand({"input": torch.ones(2, 3, 3), "output": torch.ones(3, 2, 2)})
    pictures.show_edges(torch.rand(9, 9), {"full": torch.ones(2, 3, 3)})
    pictures.show_savings([8, 64], {K: [4.0, 8.0] for K in (3, 5, 7)})
    pictures.show_roofline({"a": block}, lambda full, pair, k: 1.0)
    pictures.show_training({"a": {1000: [70.0, 72.0], 2000: [75.0, 76.0]}})
    pictures.show_spirals(torch.rand(5, 2), {2: (torch.rand(5, 2), torch.arange(5) < 2)})
    assert len(shown) == 8 and all(re.fullmatch(r"[A-Z].{60,}\.", words) for words in shown)
