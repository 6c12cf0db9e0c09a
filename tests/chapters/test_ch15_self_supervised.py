"""Chapter 15: views, judges and signs of collapse by known values, the explorer, turning verdicts."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import plots
from helpers.chapters.ch15_self_supervised import draw, explorer, judge, views
from helpers.chapters.ch15_self_supervised.attention import StemViT, looks_at, on_ink
from helpers.chapters.ch15_self_supervised.explorer import ViewsExplorer
from helpers.chapters.ch15_self_supervised.masked import MaskedAutoEncoder, masked_loss
from helpers.course import claim, measured
from helpers.course.rooms import room

dice = torch.Generator().manual_seed(0)


def rand(*shape):
    return torch.rand(*shape, generator=dice) * 2 - 1


# ---- views


def test_a_view_of_no_strength_is_the_picture():
    x = rand(4, 3, 16, 16)
    assert views.move(x, 0, 0, 0).allclose(x, atol=1e-5)
    assert views.recolour(x, 0).equal(x) and views.noise(x, 0).equal(x)


def test_a_shift_moves_by_so_many_pixels():
    x = torch.zeros(64, 1, 16, 16)
    x[:, :, 8, 8] = 1
    moved = views.move(x, 0, 0.25, 0)  # a quarter of half a side is two pixels
    centre = (moved[:, 0] * torch.arange(16.0)).sum((1, 2)) / moved.sum((1, 2, 3))
    assert (centre - 8).abs().max() <= 2.01 and (centre - 8).abs().max() > 1.5


def test_recoloured_pictures_keep_where_their_edges_are():
    x = torch.zeros(50, 3, 4, 4)
    x[:, :, :2] = 0.5
    changed = views.recolour(x, 1.0)
    assert (changed[:, :, 0] == changed[:, :, 1]).all() and (changed[:, :, 2] == changed[:, :, 3]).all()
    assert views.recolour(rand(5, 1, 4, 4)).shape == (5, 1, 4, 4)


@pytest.mark.parametrize("name", ["turn", "shift", "zoom"])
def test_strengths_are_checked(name):
    with pytest.raises(ValueError, match=f"{name} .=-1. must"):
        views.move(rand(1, 1, 4, 4), **{name: -1})


def test_shapes_are_drawn_by_their_seed_and_their_colour_is_the_forms():
    x, forms, colours = views.shapes(200, seed=3)
    again = views.shapes(200, seed=3)
    assert x.equal(again[0]) and not x.equal(views.shapes(200, seed=4)[0])
    assert x.shape == (200, 3, 16, 16) and x.min() >= -1 and x.max() <= 1 and forms.bincount().tolist() == [20] * 10
    disks = x[forms == 0] / 2 + 0.5  # the middle of a disk lies within it
    distance = (disks[:, :, 7:9, 7:9].mean((2, 3)) - colours[forms == 0]).abs().amax(1)
    assert (distance < 0.1).float().mean() > 0.5


# ---- judges


def test_few_draws_so_many_of_each_class():
    labels = torch.arange(10).repeat(7)
    chosen = judge.few(labels, 3, seed=1)
    assert labels[chosen].bincount().tolist() == [3] * 10 and len(set(chosen.tolist())) == 30
    assert not chosen.equal(judge.few(labels, 3, seed=2))
    with pytest.raises(ValueError, match="each .=8. must be at most 7"):
        judge.few(labels, 8, seed=0)


def test_the_judges_tell_what_is_clear():
    labels = torch.arange(4).repeat(6)
    z = F.one_hot(labels, 4).float() + 0.1 * torch.randn(24, 4, generator=dice)
    for told in (judge.nearest_class, judge.probe, judge.by_neighbours):
        assert told(z, labels, z, labels) == 100
        assert told(z, labels, z, (labels + 1) % 4) == 0
    assert judge.neighbours(z, z, 1)[:, 0].tolist() == list(range(24))
    assert (judge.neighbours(z, z, 1, but_first=True)[:, 0] != torch.arange(24)).all()


def test_spread_and_rank_of_known_clouds():
    wide = torch.randn(5000, 8, generator=dice)
    assert judge.spread(wide) == pytest.approx(1, abs=0.02) and judge.effective_rank(wide) == pytest.approx(8, abs=0.1)
    one = torch.ones(100, 8)
    assert judge.spread(one) == pytest.approx(0, abs=1e-6) and judge.effective_rank(one) == pytest.approx(1)
    line = torch.randn(100, 1, generator=dice) * torch.ones(8)
    assert judge.effective_rank(line) == pytest.approx(1, abs=1e-3)


def test_entropy_of_known_answers():
    assert judge.entropy(torch.full((2, 8), 1 / 8)).tolist() == pytest.approx([math.log(8)] * 2)
    assert judge.entropy(torch.eye(3)).tolist() == pytest.approx([0] * 3, abs=1e-6)


def test_made_leaves_the_random_numbers_alone():
    state = torch.get_rng_state()
    assert judge.made(lambda: torch.rand(3), 5).equal(judge.made(lambda: torch.rand(3), 5))
    assert torch.get_rng_state().equal(state)


# ---- attention, masks


def test_attention_on_ink_is_one_where_it_looks_at_ink_alone():
    x = -torch.ones(3, 1, 16, 16)
    x[:, :, :, :8] = 1
    seen = torch.zeros(3, 4, 4)
    seen[:, :, :2] = 1 / 8
    assert on_ink(seen, x) == 1 and on_ink(1 - seen, x) == 0
    net = StemViT()
    looks = looks_at(net, rand(2, 1, 16, 16))
    assert looks.shape == (2, 4, 4) and looks.sum((1, 2)).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_the_masked_auto_encoder_sees_only_what_is_left():
    model = MaskedAutoEncoder().eval()
    x = rand(2, 1, 16, 16)
    torch.manual_seed(0)
    first, true, order = model.drawn(x)
    hidden = x.clone()
    patches = F.unfold(x, 4, stride=4).transpose(1, 2)
    for i in range(2):
        for place in order[i, 4:].tolist():
            patches[i, place] = 9.0
    hidden = F.fold(patches.transpose(1, 2), 16, 4, stride=4)
    torch.manual_seed(0)
    second, _, _ = model.drawn(hidden)
    assert first.allclose(second, atol=1e-5) and true.shape == (2, 16, 16)
    assert masked_loss(model, x).requires_grad


# ---- the explorer


def test_the_explorer_hears_its_controls():
    shown = ViewsExplorer(picture=2)
    before = dict(shown.parts)
    for name, value, part in (
        ("colour", 0, "cosines"),
        ("turn", 180, "a"),
        ("shift", 60, "b"),
        ("picture", 5, "original"),
    ):
        shown.hear(name, value)
        shown.refresh()
        assert shown.at[name] == value and shown.parts[part] != before[part]
        before = dict(shown.parts)
    shown.hear("draw", 7)
    shown.refresh()
    assert shown.parts["a"] != before["a"] and "turned by up to 180 degrees" in shown.alt


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(picture=0), "picture .=0. must be a whole number from 1 to 40"),
        (dict(turn=7), "turn .=7. must be 0 to 180 in steps of 5"),
        (dict(colour=105), "colour .=105. must be a whole number from 0 to 100"),
        (dict(draw="3"), "draw .='3'. must be a whole number from 1 to 20"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        ViewsExplorer(**given)


def test_the_stored_encoders_are_what_the_notebook_defines_and_differ_in_what_they_know():
    encoder = room(15).run("net", nn=nn, torch=torch, F=F, a=torch.eye(2), b=torch.eye(2))["encoder"]
    assert str(explorer.judge("colours kept")) == str(encoder(3))
    x, forms, colours = views.shapes(600, seed=123)
    kinds = {"form": forms, "colour": colours.argmax(1)}
    right = {
        (name, kind): judge.by_neighbours(z[:400], labels[:400], z[400:], labels[400:])
        for name in ("colours kept", "colours changed")
        for z in [judge.features(explorer.judge(name), x)]
        for kind, labels in kinds.items()
    }
    assert right["colours changed", "form"] > right["colours kept", "form"] + 30
    assert right["colours kept", "colour"] > right["colours changed", "colour"] + 10


def test_its_still_picture_shows_the_views_and_three_rows():
    axes = ViewsExplorer().still().axes
    assert sum(bool(ax.images) for ax in axes) == 3 + 3 * explorer.NEAR


# ---- figures and stored tables


def test_the_stored_scores_have_five_seeds_for_each_count():
    for row in draw.few_labels().values():
        assert list(row) == ["10", "20", "50", "100", "200", "500", "1000"]
        assert all(len(seeds) == 5 and 0 <= min(seeds) and max(seeds) <= 100 for seeds in row.values())


def test_what_was_seen_is_left_as_it_is_in_the_masked_figure():
    x = views.digits(train=False)[0]
    fig, axes = plots.figure(3, 6)
    draw.draw_masked(axes, x)
    whole, seen, drawn = (axes[row][0].images[0].get_array() for row in range(3))
    same = (whole == seen).reshape(4, 4, 4, 4).all((1, 3))
    assert same.sum() >= 4 and (abs(drawn - whole) < 1e-6).reshape(4, 4, 4, 4).all((1, 3)).sum() >= 4


# ---- verdicts


class Run:
    """What a claim looks at of a training."""

    def __init__(self, **row):
        self.rows = [row]


@pytest.mark.parametrize(
    ("stopped", "uncentred", "verdict"), [(0.05, 0.05, "holds under"), (0.9, 0.05, "holds."), (0.05, 0.9, "holds.")]
)
def test_without_its_remedies_each_collapses(stopped, uncentred, verdict, capsys):
    names = ("DINO", "DINO without centring", "DINO without sharpening")
    entropies = zip(names, ((0.7, 0.2), (uncentred, 0.01), (1.0, 0.99)))
    byols = {"BYOL": (0.3, 0.9, 8.0, 80.0), "BYOL without stop-gradient": (0.0, stopped, 1.0, 50.0)}
    room(15).run(
        "claim-m1",
        dinos={name: [Run(H_mean=mean, H_each=each)] * 3 for name, (mean, each) in entropies},
        DINOS=dict.fromkeys(names),
        byol_seen={name: [row] * 3 for name, row in byols.items()},
        byol_mean=byols,
        nets=[None] * 3,
        x_test=None,
        features=lambda net, x: None,
        spread=lambda z: 0.98,
        claim=claim,
        measured=measured,
    )
    assert capsys.readouterr().out.startswith(f"M1 {verdict}")


@pytest.mark.parametrize(
    ("ten", "hundred", "colour", "verdict"),
    [(73.0, 97.0, 45.0, "holds under"), (73.0, 90.0, 80.0, "holds."), (90.0, 97.0, 45.0, "is wrong.")],
)
def test_few_labels_and_another_task(ten, hundred, colour, verdict, capsys):
    ssl, rival = "SimCLR, nearest class", "supervised, same views"
    tasks = ("form", "strongest colour")
    rows = {"pixels": (45.0, 80.0), "colours kept": (20.0, 90.0), "colours changed": (90.0, colour)}
    room(15).run(
        "claim-m2",
        found={10: [{ssl: 87.0, rival: ten}] * 3, 100: [{ssl: 93.0, rival: hundred}] * 3},
        mean=lambda labels, kind: 50.0,
        tasks=tasks,
        knows={name: dict(zip(tasks, row)) for name, row in rows.items()},
        claim=claim,
        measured=measured,
    )
    assert capsys.readouterr().out.startswith(f"M2 {verdict}")
