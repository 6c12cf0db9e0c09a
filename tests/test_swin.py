"""Swin, against torchvision, torch's own counter, published numbers; windows and masks against loops."""

import itertools

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.swin_transformer import PatchMerging as TorchvisionMerging
from torchvision.models.swin_transformer import ShiftedWindowAttention, SwinTransformer

from helpers.costs import cost_table
from helpers.layers.attention import MultiHeadAttention
from helpers.models import swin
from helpers.models.swin import (
    PatchMerging,
    StochasticDepth,
    Swin,
    WindowAttention,
    shift_mask,
    window_partition,
    window_reverse,
)

NAMES = ["swin_t", "swin_s", "swin_b"]
SMALL = dict(patch_size=[2, 3], embed_dim=6, depths=[2, 3], num_heads=[2, 3], window_size=[4, 3], num_classes=5)


def built(make, *args, **kwargs):
    """Return a network on the meta device: shapes alone, nothing to wait for."""
    with torch.device("meta"):
        return make(*args, **kwargs)


def numbers(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def twins(ours, theirs):
    """Both with the same numbers, large enough that a mistake shows."""
    torch.manual_seed(0)
    ours, theirs = ours.double(), theirs.double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.5)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def assert_same(ours, theirs, x, seed=None):
    """The same values, and the same gradients of the input and of every parameter; with a seed, the same dice."""
    outputs, gradients = [], []
    for model in (ours, theirs):
        if seed is not None:
            torch.manual_seed(seed)
        outputs.append(model(x))
        gradients.append(torch.autograd.grad(outputs[-1].square().sum(), [x, *model.parameters()], allow_unused=True))
    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)
    for mine, their in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-7, atol=1e-8)
    assert outputs[0].std() > 1e-3


# ---------------------------------------------------------------------------------------------- windows


def test_windows_by_hand():
    """A grid of 2 by 4, cut into two windows of 2 by 2."""
    x = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]])[None, :, :, None]
    windows = window_partition(x, 2)
    assert windows[0, :, :, 0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert torch.equal(window_reverse(windows, 2, (2, 4)), x)


@pytest.mark.parametrize("grid, window", [((6, 8), (3, 2)), ((4, 4), 4), ((5, 3), 1), ((2, 9), (1, 3))])
def test_windows_one_by_one(grid, window):
    x = numbers(1, 2, *grid, 3)
    M_h, M_w = window if isinstance(window, tuple) else (window, window)
    windows = window_partition(x, window)
    cut = [
        x[:, i : i + M_h, j : j + M_w].reshape(2, M_h * M_w, 3)
        for i in range(0, grid[0], M_h)
        for j in range(0, grid[1], M_w)
    ]
    assert torch.equal(windows, torch.stack(cut, 1))
    assert torch.equal(window_reverse(windows, window, grid), x)


def neighbours_that_stayed(grid, window, shift):
    """Brute force: in each window of the rolled grid join tokens that touch in the image; who can reach whom?"""
    (H, W), (M_h, M_w), found = grid, window, []
    for top, left in itertools.product(range(0, H, M_h), range(0, W, M_w)):
        places = [((top + i + shift[0]) % H, (left + j + shift[1]) % W) for i in range(M_h) for j in range(M_w)]
        reach = {place: {place} for place in places}
        for _ in places:  # long enough for the farthest
            for a, b in itertools.product(places, places):
                if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1:
                    reach[a] |= reach[b]
        found.append([[b in reach[a] for b in places] for a in places])
    return found


@pytest.mark.parametrize(
    "grid, window, shift",
    [
        ((8, 8), (4, 4), (2, 2)),
        ((6, 12), (3, 4), (1, 2)),
        ((4, 8), (4, 4), (0, 2)),
        ((9, 6), (3, 3), (2, 1)),
        ((6, 6), (3, 3), (0, 0)),
        ((8, 4), (4, 2), (3, 0)),
    ],
)
def test_shift_mask_is_who_can_be_reached_in_the_image(grid, window, shift):
    assert shift_mask(grid, window, shift).tolist() == neighbours_that_stayed(grid, window, shift)


def test_shift_mask_by_hand():
    """A row of four, windows of two, rolled by one: 1 2 | 3 0.  Only 3 and 0 are no neighbours."""
    assert shift_mask((1, 4), (1, 2), (0, 1)).int().tolist() == [[[1, 1], [1, 1]], [[1, 0], [0, 1]]]


@pytest.mark.parametrize("shift", [(0, 0), (2, 1)])
def test_who_is_heard(shift):
    """The output at a place depends on its window alone; shifted windows cut the image at 2, 6, ... and 1, 4, 7, ..."""
    torch.manual_seed(0)
    layer, x = WindowAttention(4, 2, (4, 3), shift).double(), numbers(1, 1, 8, 9, 4)
    out = layer(x)
    for i, j in [(0, 0), (1, 8), (2, 1), (5, 4), (7, 0), (7, 8)]:
        heard = torch.autograd.grad(out[0, i, j].sum(), x, retain_graph=True)[0][0].abs().sum(-1) > 1e-12
        expected = [
            [
                (r - shift[0]) // 4 == (i - shift[0]) // 4 and (c - shift[1]) // 3 == (j - shift[1]) // 3
                for c in range(9)
            ]
            for r in range(8)
        ]
        assert heard.tolist() == expected


X = torch.zeros(2, 6, 8, 3)


@pytest.mark.parametrize(
    "function, arguments, message",
    [
        (window_partition, (X[0], 2), r"x \(shape \(6, 8, 3\)\) must be \(N, H, W, C\)"),
        (window_partition, (X, 3), r"the grid \(=6 by 8\) must be a multiple of window_size \(=\(3, 3\)\) both ways"),
        (window_partition, (X, 0), r"window_size \(=0\) must be a whole number of at least 1"),
        (
            window_reverse,
            (torch.zeros(2, 4, 4, 3), 2, (6, 8)),
            r"windows \(shape \(2, 4, 4, 3\)\) must be \(2, 12, 4, 3\)",
        ),
        (
            window_reverse,
            (torch.zeros(2, 4, 4, 3), 2, (5, 4)),
            r"the grid \(=5 by 4\) must be a multiple of window_size \(=\(2, 2\)\) both ways",
        ),
        (shift_mask, ((6, 8), 4, 2), r"the grid \(=6 by 8\) must be a multiple of window_size \(=\(4, 4\)\)"),
        (shift_mask, ((8, 8), 4, 4), r"shift_size \(=\(4, 4\)\) must be smaller than window_size \(=\(4, 4\)\)"),
        (shift_mask, ((8, 8), 4, -1), r"shift_size \(=-1\) must be a whole number of at least 0"),
        (WindowAttention, (6, 4, 2), r"dim \(=6\) must be a multiple of num_heads \(=4\): change either"),
        (WindowAttention, (6, 0, 2), r"num_heads \(=0\) must be a whole number of at least 1"),
        (WindowAttention, (6, 2, (2, 3), (0, 3)), r"shift_size \(=\(0, 3\)\) must be smaller than .*: use half of it"),
    ],
)
def test_windows_say_what_is_wrong(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


# ----------------------------------------------------------------------------------- as in torchvision


@pytest.mark.parametrize("grid", [(8, 9), (7, 5), (4, 3), (3, 9), (12, 2), (1, 1)])
@pytest.mark.parametrize("shift", [(0, 0), (2, 1)])
def test_window_attention_equals_torchvisions(grid, shift):
    """Grids that the windows fill and that they do not, and grids of one window along an axis, which has no shift."""
    ours, theirs = twins(WindowAttention(6, 2, (4, 3), shift), ShiftedWindowAttention(6, [4, 3], list(shift), 2))
    assert_same_named(ours, theirs, numbers(1, 2, *grid, 6))


def assert_same_named(ours, theirs, x):
    """As assert_same; the two may have defined their parameters in another order."""
    found, expected = ours(x), theirs(x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    names = [name for name, _ in theirs.named_parameters()]
    grads = [
        torch.autograd.grad(out.square().sum(), [x, *(model.get_parameter(name) for name in names)])
        for out, model in ((found, ours), (expected, theirs))
    ]
    for mine, their in zip(*grads, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("grid", [(4, 6), (5, 7), (1, 2)])
def test_patch_merging_equals_torchvisions(grid):
    assert_same_named(*twins(PatchMerging(3), TorchvisionMerging(3)), numbers(1, 2, *grid, 3))


@pytest.mark.parametrize("sides", [(16, 18), (32, 36), (17, 20), (30, 50), (2, 3)])
def test_values_and_gradients_are_torchvisions(sides):
    ours, theirs = twins(Swin(**SMALL), SwinTransformer(**SMALL))
    assert_same(ours.eval(), theirs.eval(), numbers(1, 2, 3, *sides))


def test_training_is_torchvisions():
    """Dropout and stochastic depth, with the same dice."""
    rates = dict(dropout=0.2, attention_dropout=0.1, stochastic_depth_prob=0.6)
    ours, theirs = twins(Swin(**SMALL, **rates), SwinTransformer(**SMALL, **rates))
    x = numbers(1, 3, 3, 16, 18)
    assert_same(ours, theirs, x, seed=5)
    assert not torch.allclose(ours(x), ours.eval()(x))


def test_first_weights_are_drawn_as_torchvisions():
    torch.manual_seed(0)
    ours, theirs = Swin(2, 32, [2, 2], [2, 4], 4), SwinTransformer([2, 2], 32, [2, 2], [2, 4], [4, 4])
    for (name, mine), (other, their) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        if mine.numel() > 1000:  # few numbers say little of a deviation
            assert mine.std().item() == pytest.approx(their.std().item(), rel=0.1)
        elif name.endswith("bias") and "features.0.0" not in name:
            assert torch.equal(mine, their)


@pytest.mark.parametrize("name", NAMES)
def test_rates_of_stochastic_depth_are_torchvisions(name):
    rates = [
        [layer.p for layer in built(getattr(room, name)).modules() if "StochasticDepth" in str(type(layer))]
        for room in (swin, torchvision.models)
    ]
    assert rates[0] == pytest.approx(rates[1])


def test_the_published_numbers_of_swin_t():
    """Liu et al. 2021, table 1: 29 M parameters, 4.5 G; torchvision's page: 28,288,354 and 4.49."""
    table = cost_table(built(swin.swin_t), (1, 3, 224, 224))
    assert table.total.params == 28_288_354 and table.total.macs == 4_490_566_656


@pytest.mark.parametrize("h, w, C, M, shift", [(14, 21, 6, 7, 3), (8, 8, 4, 4, 0), (16, 4, 8, 2, 1)])
def test_cost_of_windows_is_the_papers(h, w, C, M, shift):
    """Liu et al. 2021, equation 2: 4hwC² + 2M²hwC, linear in the number of tokens hw."""
    table = cost_table(built(WindowAttention, C, 2, M, shift), (1, h, w, C))
    assert table.total.macs == 4 * h * w * C**2 + 2 * M**2 * h * w * C


@pytest.mark.parametrize("h, w, C", [(14, 21, 6), (8, 8, 4), (3, 5, 12), (1, 1, 2)])
def test_cost_of_looking_everywhere_is_the_papers(h, w, C):
    """Liu et al. 2021, equation 1: 4hwC² + 2(hw)²C, quadratic in the number of tokens; and so for one window for all."""
    plain = cost_table(built(MultiHeadAttention, C, 2), (1, h * w, C))
    one_window = cost_table(built(WindowAttention, C, 2, (h, w)), (1, h, w, C))
    assert plain.total.macs == one_window.total.macs == 4 * h * w * C**2 + 2 * (h * w) ** 2 * C
    assert plain.uncounted == one_window.uncounted == []


# ------------------------------------------------------------------------------------------ and so forth


def test_stochastic_depth_leaves_out_whole_images():
    torch.manual_seed(0)
    x, layer = torch.ones(2000, 2, 3, 1), StochasticDepth(0.25)
    kept = layer(x).flatten(1)
    assert (kept == kept[:, :1]).all()  # an image is kept or left out as a whole
    torch.testing.assert_close(kept[:, 0].unique(), torch.tensor([0, 4 / 3]))
    assert abs(kept.mean() - 1) < 0.05  # 2000 coins: a deviation of 0.013
    assert StochasticDepth(0.25).eval()(x) is x and StochasticDepth(0)(x) is x
    assert not StochasticDepth(1.0)(x).any()
    assert repr(layer) == "StochasticDepth(p=0.25)"


def test_other_channels_and_a_single_block():
    model = built(Swin, 2, 8, [1], [2], 4, num_classes=7, in_channels=1)
    assert model(torch.empty(3, 1, 20, 10, device="meta")).shape == (3, 7)
    assert built(swin.swin_t, 10, 1)(torch.empty(2, 1, 64, 64, device="meta")).shape == (2, 10)


def test_it_learns():
    """Sixteen images of noise, by heart."""
    torch.manual_seed(0)
    model = Swin(2, 16, [2, 2], [2, 4], 4, stochastic_depth_prob=0.0, num_classes=5)
    x, y = torch.randn(16, 3, 16, 16), torch.arange(16) % 5
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    assert (model(x).argmax(1) == y).float().mean() > 0.9


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(depths=[2]), r"depths \(=\[2\]\) and num_heads \(=\[2, 3\]\) must have one number for each stage"),
        (dict(depths=[], num_heads=[]), r"depths \(=\[\]\) and num_heads \(=\[\]\) must have one number for each"),
        (dict(num_heads=[2, 5]), r"dim \(=12\) must be a multiple of num_heads \(=5\)"),
        (dict(window_size=(4, 0)), r"window_size \(=0\) must be a whole number of at least 1"),
        (dict(patch_size=0), r"patch_size \(=0\) must be a whole number of at least 1"),
    ],
)
def test_swin_says_what_it_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        Swin(**SMALL | changes)
