"""The microscope: what it computes, each by another route; what it hears, says and refuses."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch00_start_here import microscope
from helpers.chapters.ch00_start_here.explorer import (
    FIELD,
    LAST,
    MAP,
    PICTURE,
    TOOLS,
    VIEWS,
    WHY,
    MicroscopeExplorer,
)
from helpers.chapters.ch00_start_here.microscope import (
    changed,
    covered,
    field,
    folded,
    grad_cam,
    look,
    middle_share,
    network,
    occlusion_row,
    unit_gradient,
    windows,
)
from helpers.models import efficientnet_lite0, prepared

CAT = data.photograph("cat", 224)
GREY = torch.tensor(microscope.MEAN)[:, None, None]


@pytest.fixture(scope="module")
def explorer():
    return MicroscopeExplorer()


def ask(explorer, *asked):
    """Set controls as the browser does."""
    start = explorer.answered + 1
    explorer.wanted = [[start + i, name, value] for i, (name, value) in enumerate(asked)]
    assert explorer.answered == start + len(asked) - 1
    return explorer


class Tiny(nn.Module):
    """A network with features, avgpool and classifier, small enough for loops."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Sequential(nn.Conv2d(4, 5, 3, 1, 1), nn.Tanh()),
        )
        self.avgpool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(5, 3)
        self.features[0][1].running_mean.normal_()
        self.features[0][1].running_var.uniform_(0.5, 2)
        self.eval()

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


# ---- the network


def test_folding_changes_nothing():
    x = prepared(CAT)
    with torch.no_grad():
        torch.testing.assert_close(network()(x), efficientnet_lite0()(x), atol=1e-4, rtol=0)
        net = Tiny()
        before = net(x)
        torch.testing.assert_close(folded(net)(x), before, atol=1e-5, rtol=0)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network().modules())


@pytest.mark.parametrize("layer", [0, 4, LAST])
def test_what_is_looked_at_equals_hooks_on_the_network_itself(layer):
    net, kept = efficientnet_lite0(), []
    net.features[layer].register_forward_hook(lambda *given: kept.append(given[-1]))
    with torch.no_grad():
        wanted = net(prepared(CAT)).softmax(1)
    found, output = look(network(), CAT, layer)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(output, kept[0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("layer", range(2, 10))
def test_the_field_measured_is_the_field_computed(layer):
    """The gradient of a unit is non-zero within its computed field only, and reaches all four sides of it."""
    seen, (h, w) = field(network(), layer), look(network(), CAT, layer)[1].shape[2:]
    gradient = sum(unit_gradient(network(), CAT, layer, channel, h // 2, w // 2) for channel in range(3))
    rows, columns = (gradient.amax(axis).nonzero().flatten() for axis in (1, 0))
    first, last = seen.start + h // 2 * seen.jump, seen.start + h // 2 * seen.jump + seen.size - 1
    for axis in (rows, columns):
        assert axis[0] == max(0, first) and axis[-1] == min(223, last)


def test_the_windows_are_those_of_the_table():
    """Kernels and strides of the paper's stages, the 1×1 convolutions left out."""
    found = [(each.kernel_size, each.stride) for each in windows(network(), LAST) if each.kernel_size > 1]
    stages = [(3, 2, 1), (3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1)]
    assert found == [(k, s if i == 0 else 1) for k, s, n in stages for i in range(n)]
    assert field(network(), LAST).size == 851 and field(network(), LAST).jump == 32


def test_ninety_percent_of_the_energy():
    gradient = torch.zeros(21, 21)
    gradient[10, 10], gradient[10, 15], gradient[0, 0] = 3, 1, 0.1  # squares 9, 1, 0.01
    assert middle_share(gradient, 0.5, 0.5, 0.85) == 0 or middle_share(gradient, 0.5, 0.5, 0.85) == 1
    assert middle_share(gradient, 0.5, 0.5, 0.95) == 10
    assert middle_share(torch.zeros(5, 5), 0.5, 0.5) == 0


def test_grad_cam_by_hand():
    """On a small network: every weight is the mean of d score / d map, differentiated through the linear layer on paper."""
    net, x = Tiny(), torch.rand(1, 3, 12, 12)
    output = net.features(x).detach()
    weights = net.classifier.weight[2] / output[0, 0].numel()  # the score is linear in the last maps
    wanted = torch.stack([w * a for w, a in zip(weights, output[0])]).sum(0).clamp(min=0)
    torch.testing.assert_close(grad_cam(net, output, 1, 2), wanted)
    early = net.features[0](x).detach()
    step, slopes = 1e-2, torch.zeros(4)  # and of an earlier layer by differences
    for c in range(4):
        up, down = early.double().clone(), early.double().clone()
        up[0, c], down[0, c] = up[0, c] + step, down[0, c] - step
        rest = net.double()
        score = [rest.classifier(rest.avgpool(rest.features[1](each)).flatten(1))[0, 1] for each in (up, down)]
        slopes[c] = (score[0] - score[1]).detach() / (2 * step) / early[0, 0].numel()
    net.float()
    wanted = F.relu((slopes[:, None, None] * early[0]).sum(0))
    torch.testing.assert_close(grad_cam(net, early, 0, 1), wanted, atol=1e-5, rtol=1e-2)


def test_occlusion_by_loops():
    net, picture, places, square = Tiny(), torch.rand(3, 14, 14), 7, 4
    for row in (0, 3, 6):
        found = occlusion_row(net, picture, 1, row, places, square)
        whole = net(prepared(picture)).softmax(1)[0, 1]
        for column in range(places):
            hidden = picture.clone()
            for y in range(14):
                for x in range(14):  # the square's middle is that of the place, 2 pixels wide
                    if 2 * row - 1 <= y < 2 * row + 3 and 2 * column - 1 <= x < 2 * column + 3:
                        hidden[:, y, x] = GREY[:, 0, 0]
            wanted = whole - net(prepared(hidden)).softmax(1)[0, 1]
            assert found[column].item() == pytest.approx(wanted.item(), abs=1e-6)


# ---- the picture


def test_nothing_done_is_nothing_changed():
    assert torch.equal(changed(CAT), CAT)


@pytest.mark.parametrize(("right", "down"), [(5, 0), (0, -7), (-112, 30)])
def test_a_move_is_a_move(right, down):
    found = changed(CAT, right=right, down=down)
    wanted = GREY.expand(3, 224, 224).clone()
    to_y, to_x = slice(max(0, down), 224 + min(0, down)), slice(max(0, right), 224 + min(0, right))
    from_y, from_x = slice(max(0, -down), 224 + min(0, -down)), slice(max(0, -right), 224 + min(0, -right))
    wanted[:, to_y, to_x] = CAT[:, from_y, from_x]
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)


def test_a_quarter_turn_is_clockwise():
    torch.testing.assert_close(changed(CAT, turn=90), CAT.rot90(-1, (1, 2)), atol=1e-3, rtol=0)
    torch.testing.assert_close(changed(CAT, turn=180), CAT.flip(1, 2), atol=1e-3, rtol=0)


def test_zoom_enlarges_the_middle():
    dot = torch.zeros(3, 224, 224)
    dot[:, 111:113, 111:113] = 1
    for zoom, side in ((200, 4), (300, 6), (50, 1)):
        bright = changed(dot, zoom=zoom)[1].sum().item() - 0  # of a white dot on black
        border = (changed(torch.zeros(3, 224, 224), zoom=zoom)[1]).sum().item()
        assert bright - border == pytest.approx(side**2, rel=0.3)


def test_blur_and_noise_have_their_deviations():
    dot = torch.zeros(3, 101, 101)
    dot[:, 50, 50] = 1
    spread = changed(dot, blur=4)[0]
    assert spread.sum().item() == pytest.approx(1, abs=1e-4)
    assert ((torch.arange(101) - 50.0) ** 2 @ spread.sum(1)).sqrt().item() == pytest.approx(4, rel=0.02)
    grey = torch.full((3, 100, 100), 0.5)
    assert changed(grey, noise=10).std().item() == pytest.approx(0.1, rel=0.03)
    assert torch.equal(changed(grey, noise=10), changed(grey, noise=10))


def test_the_square_is_cut_at_the_border():
    found = covered(CAT, 64, 0.0, 1.0)
    assert (found != CAT).any(0).sum() <= 32 * 32 and torch.equal(found[:, 224 - 32 :, :32], GREY.expand(3, 32, 32))


# ---- the explorer


def test_it_starts_with_what_the_network_says(explorer):
    assert explorer.most_probable(2) == [
        ("Egyptian cat", pytest.approx(0.36, abs=0.01)),
        ("tiger cat", pytest.approx(0.25, abs=0.01)),
    ]
    assert explorer.parts["bars"].count("<button") == 5 and "Egyptian cat" in explorer.parts["words"]
    assert repr(explorer).startswith(
        "Microscope. cat, the picture, layer 4. The most probable classes: Egyptian cat, tiger cat, tabby."
    )


@pytest.mark.parametrize("view", VIEWS)
def test_every_tool_changes_something_in_every_view(view):
    explorer = MicroscopeExplorer(view=view, cover=40, layer=LAST)
    for name, (low, high, step, _, _) in TOOLS.items():
        before = dict(explorer.parts)
        value = explorer.tools[name] + step if explorer.tools[name] + step <= high else low
        ask(explorer, (name, value))
        assert explorer.values[name] == value and explorer.parts != before and not explorer.parts.get("failed"), name


def test_the_bars_follow_the_square(explorer):
    ask(explorer, ("do", "reset"), ("view", PICTURE), ("x", 0.25), ("y", 0.4))
    assert explorer.tools["cover"] == 64 and 'class="frame"' in explorer.parts["over"]
    found = look(network(), covered(CAT, 64, 56.5 / 224, 89.5 / 224))[0][0].max().item()
    assert explorer.most_probable(1)[0][1] == pytest.approx(found, abs=1e-5)
    ask(explorer, ("do", "reset"))
    assert explorer.tools["cover"] == 0 and explorer.most_probable(1)[0][0] == "Egyptian cat"


def test_the_field_is_said_as_computed_and_measured():
    explorer = MicroscopeExplorer(view=FIELD, layer=4)
    words = re.sub(r"<.*?>", "", explorer.parts["words"])
    assert "sees 35 × 35 pixels (computed" in words
    holds = int(re.search(r"within (\d+) × \d+", words)[1])
    assert 0 < holds <= 36
    ask(explorer, ("x", 0.0), ("y", 0.0))
    assert "Unit (0, 0)" in explorer.parts["words"]


def test_occlusion_comes_in_slices_and_ends():
    explorer = MicroscopeExplorer(view=WHY)
    ask(explorer, ("layer", LAST), ("do", "hide"))
    for row in range(1, 8):
        assert f"row {row} of 7" in explorer.parts["below"] or row == 7
        assert ("data-again" in explorer.parts["below"]) == (row < 7)
        ask(explorer, ("again", 0))
    assert "Correlation with the other map" in explorer.parts["below"] and "need not agree" in explorer.parts["below"]
    found = explorer.occlusion()
    assert found.shape == (7, 7)
    x = covered(CAT, 64, 3.5 / 7, 2.5 / 7)
    first = look(network(), CAT)[0][0, explorer.class_now] - look(network(), x)[0][0, explorer.class_now]
    assert found[2, 3].item() == pytest.approx(first.item(), abs=1e-5)
    ask(explorer, ("class", explorer.probabilities.argsort(descending=True)[1].item()))
    assert "hide each place" in explorer.parts["below"]  # another class: to be measured anew


def test_why_turns_to_a_late_layer(explorer):
    ask(explorer, ("do", "reset"), ("layer", 3), ("view", WHY))
    assert explorer.layer == LAST
    ask(explorer, ("layer", 3))
    assert "an early layer this says little" in explorer.parts["words"]


def test_a_map_can_be_chosen_and_is_one_of_the_next_layer(explorer):
    ask(explorer, ("view", MAP), ("layer", LAST), ("map", 1000))
    assert explorer.shown == 1000
    ask(explorer, ("layer", 1))
    assert explorer.shown < 16 and f"Map {explorer.shown} of layer 1" in explorer.parts["words"]


def test_an_own_picture_is_named_and_said_to_be_contained():
    explorer = MicroscopeExplorer(data.photograph("coffee"))
    assert explorer.picture == "your picture" and explorer.most_probable(1)[0][0] == "espresso"
    assert "is your own picture. It stays on this machine" in explorer.fixed["own"] and "now contains it" in repr(
        explorer
    )
    ask(explorer, ("picture", "camera"))
    assert explorer.fixed["own"] == "" and explorer.most_probable(1)[0][0] == "tripod"
    ask(explorer, ("upload", ["words.jpg", "dGhlc2UgYXJlIHdvcmRz"]))
    assert "is not a picture that can be read" in explorer.parts["failed"] and explorer.picture == "camera"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(picture="dog"), r"picture \(='dog'\) must be one of astronaut"),
        (dict(view="all"), r"view \(='all'\) must be one of the picture"),
        (dict(layer=18), r"layer \(=18\) must be a whole number from 0 to 17"),
        (dict(zoom=0), r"zoom \(=0\) must be a whole number from 40 to 300"),
        (dict(rotate=3), r"tools \(='rotate'\) must be one of right, down"),
    ],
)
def test_a_wrong_argument_is_named(settings, words):
    with pytest.raises(ValueError, match=words):
        MicroscopeExplorer(**settings)


def test_the_still_picture_shows_the_same(explorer):
    ask(explorer, ("do", "reset"), ("picture", "coffee"), ("view", PICTURE))
    fig = explorer.still()
    assert [text.get_text() for text in fig.axes[1].get_yticklabels()][0] in dict(explorer.most_probable())
