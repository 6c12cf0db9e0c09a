"""Chapter 05's parts: the network of the page, blocks switched off, the gradient's direction, the drawn stages."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data, plots
from helpers.chapters.ch05_resnet.explorer import agreement, batch
from helpers.chapters.ch05_resnet.pictures import draw_block, draw_stages
from helpers.chapters.ch05_resnet.switching import Switched, staying
from helpers.course.rooms import room
from helpers.models import efficientnet_lite0, prepared, resnet34, resnet50
from helpers.models.deep import deep_net


def test_the_network_to_retype_is_the_one_that_is_trained():
    known = room(5).run("deep-source", nn=nn, F=F)
    x = torch.rand(3, 1, 8, 8)
    for kind, residual in (("Plain", False), ("Residual", True)):
        torch.manual_seed(0)
        ours, own = known["network"](20, known[kind]), deep_net(20, residual)
        ours.load_state_dict(own.state_dict())
        torch.testing.assert_close(ours(x), own(x))


def test_what_is_kept_changes_no_probability():
    net = efficientnet_lite0()  # trained: what is switched off is seen in its probabilities
    images = torch.stack([prepared(data.photograph(name, 96))[0] for name in ("cat", "coffee")])
    switched = Switched(net, images)
    blocks, seen = [layer for layer in net.features if hasattr(layer, "adds")], []
    for off in ([], [blocks[3]], [blocks[14], blocks[2], blocks[7]]):
        hooks = [block.conv.register_forward_hook(lambda layer, x, out: 0 * out) for block in off]
        with torch.no_grad():
            whole = net(images).softmax(1)
        for hook in hooks:
            hook.remove()
        torch.testing.assert_close(switched.probabilities(off), whole.cpu())
        assert not any(block.conv._forward_hooks for block in blocks)
        assert all((whole - other).abs().max() > 0.01 for other in seen)  # else the comparison above shows nothing
        seen.append(whole)


def test_staying():
    found = torch.tensor([[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05], [0.0, 0.4, 0.2, 0.2, 0.1, 0.06, 0.04]])
    assert staying(found, torch.tensor([0, 0])) == 1 and staying(found, torch.tensor([1, 1])) == 2


def test_a_linear_network_keeps_the_direction_of_its_gradient_and_noise_turns_a_deep_plain_one():
    images, labels = batch()
    line = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert agreement(line, images, labels, noise=0.0) == pytest.approx(1)
    assert agreement(line, images, labels, noise=0.001) > 0.999
    torch.manual_seed(0)
    kept = {residual: agreement(deep_net(32, residual), images, labels, noise=0.01) for residual in (False, True)}
    assert abs(kept[False]) < 0.3 and kept[True] > 0.6


@pytest.mark.parametrize(("build", "projections", "widest"), [(resnet34, 3, 512), (resnet50, 4, 2048)])
def test_the_stages_are_drawn_from_the_network(build, projections, widest):
    ax = plots.figure()[1]
    with torch.device("meta"):
        net = build()
    draw_stages(ax, net)
    bars, convolutions = [bar.get_height() for bar in ax.patches], 2 if build is resnet34 else 3
    assert len(bars) == 1 + 16 * convolutions + 1 and bars[0] == 64 and bars[-1] == 1000
    assert bars[-2] == widest == max(bars[:-1])
    assert [line.get_color() for line in ax.lines].count(plots.RED) == projections and len(ax.lines) == 16
    words = [text.get_text() for text in ax.texts]
    assert sum("stride 2" in text for text in words) == 3
    assert f"6 blocks\n{widest // 2} maps\n14×14" in words and f"3 blocks\n{widest} maps\n7×7" in words


def test_only_a_block_with_a_sum_has_a_way_around():
    for steps, lines in ((["convolution", "ReLU"], 1), (["convolution", "+", "ReLU"], 2)):
        ax = plots.figure()[1]
        draw_block(ax, "a block", steps)
        assert len(ax.lines) == lines
