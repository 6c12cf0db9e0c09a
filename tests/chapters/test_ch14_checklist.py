"""Chapter 14: networks side by side against torch, the zoo and its stored table, the explorer, turning verdicts."""

import json

import pytest
import torch
import torch.nn.functional as F
from ipywidgets.embed import embed_data
from torch import nn

from helpers import plots
from helpers.chapters.ch14_checklist import explorer, zoo
from helpers.chapters.ch14_checklist.explorer import PATIENTS, ZooExplorer
from helpers.chapters.ch14_checklist.side_by_side import (
    best_of_nine,
    halved,
    rank_correlation,
    steps_flat,
    train_many,
)
from helpers.course import claim, measured, slides
from helpers.course.rooms import room

LEFT = {  # for test_arguments.py
    "steps_flat": "a part of the chapter, which shows it",
    "ZooExplorer.bought": "an empty list is right; tested below",
    "ZooExplorer.accused": "an empty list is right; tested below",
}


# ---- networks side by side


def one_by_one(data, validation, rate, seed, epochs, decay, momentum, gain):
    """The same training with torch's own layers and its own SGD."""
    dice = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 10))
    with torch.no_grad():
        for layer in (net[0], net[2]):
            start = torch.randn(layer.in_features, layer.out_features, generator=dice)
            layer.weight.copy_((start * (2 / layer.in_features) ** 0.5 * gain).T)
            layer.bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=momentum, weight_decay=decay)
    losses, scores = [], []
    for _ in range(epochs):
        for index in torch.randperm(len(data[0]), generator=dice).split(8):
            loss = F.cross_entropy(net(data[0][index]), data[1][index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scores.append(100 * (net(validation[0]).argmax(1) == validation[1]).float().mean().item())
    return losses, scores


def test_many_networks_side_by_side_are_as_many_one_by_one():
    dice = torch.Generator().manual_seed(0)
    data, validation = (
        (torch.randn(n, 2, 3, generator=dice), torch.randint(10, (n,), generator=dice)) for n in (20, 30)
    )
    settings = [(0.1, 3, 0.0, 0.9, 1.0), (0.5, 4, 0.1, 0.0, 0.3), (0.02, 3, 0.01, 0.5, 2.0)]
    rates, seeds, decays, momenta, gains = (list(each) for each in zip(*settings))
    losses, scores = train_many(
        data,
        validation,
        rates,
        seeds,
        3,
        (5,),
        *(torch.tensor(each) for each in (decays, momenta, gains)),
        batch_size=8,
    )
    flat = (data[0].flatten(1), data[1]), (validation[0].flatten(1), validation[1])
    for i, (rate, seed, decay, momentum, gain) in enumerate(settings):
        wanted = one_by_one(*flat, rate, seed, 3, decay, momentum, gain)
        assert losses[:, i].tolist() == pytest.approx(wanted[0], abs=1e-4)
        assert scores[:, i].tolist() == pytest.approx(wanted[1], abs=1e-4)


def test_the_rank_correlation_is_that_of_the_places():
    a = torch.tensor([3.0, 1.0, 4.0, 1.5, 9.0])
    assert rank_correlation(a, a.exp()) == pytest.approx(1) and rank_correlation(a, -a) == pytest.approx(-1)
    # Spearman's formula without ties: 1 − 6 Σd² / n(n² − 1), here d = 0, 1, 0, −1, 0
    assert rank_correlation(a, torch.tensor([3.0, 1.5, 4.0, 1.0, 9.0])) == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert rank_correlation(a, torch.ones(5)) == 0


def test_halving_keeps_and_counts_what_a_loop_does():
    scores = torch.rand(20, 40, generator=torch.Generator().manual_seed(1))
    found, spent = halved(scores, ((1, 13), (3, 4), (9, 2)))
    alive = sorted(range(40), key=lambda i: -scores[0, i])[:13]
    alive = sorted(alive, key=lambda i: -scores[2, i])[:4]
    alive = sorted(alive, key=lambda i: -scores[8, i])[:2]
    assert found == max(scores[19, i].item() for i in alive)
    assert spent == 40 + 13 * 2 + 4 * 6 + 2 * 11


def test_where_one_axis_does_nothing_random_trials_beat_the_grid():
    surface = torch.arange(15.0)[:, None].expand(15, 3)
    on_grid, at_random, share = best_of_nine(surface, torch.Generator().manual_seed(0))
    assert on_grid == pytest.approx(12, abs=0.1)  # 10 to 14, each as often
    expected = sum(1 - (k / 15) ** 9 for k in range(1, 15))  # of the largest of nine draws from 0 to 14
    assert at_random == pytest.approx(expected, abs=0.1) and share > 0.5


def test_steps_flat():
    assert steps_flat([2.3] * 30 + [1.0] * 30) == 21  # of ten steps the mean is below 2.2 once one of them is 1.0
    assert steps_flat([2.3] * 30) == 30


# ---- the zoo


def test_the_stored_table_is_of_these_programs_and_tests():
    assert list(zoo.symptoms()) == list(zoo.PROGRAMS) and len(zoo.BUGS) == 20
    for runs in zoo.symptoms().values():
        assert len(runs) == zoo.SEEDS and all(set(run) == {*zoo.TESTS, "losses"} for run in runs)


@pytest.mark.parametrize(
    "name", ["nothing: the program is sound", "softmax over the batch", "optimizer of another network"]
)
def test_a_program_shows_today_what_is_stored(name):
    state = torch.get_rng_state()
    found = zoo.examine(name, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    stored = zoo.symptoms()[name][1]
    assert {test: found[test][0] for test in zoo.TESTS} == {test: stored[test][0] for test in zoo.TESTS}
    assert found["losses"][:5] == pytest.approx(stored["losses"][:5], rel=0.01)


def test_no_two_programs_show_the_same_but_the_one_that_only_the_eye_finds():
    for name in zoo.PROGRAMS:
        for run in zoo.symptoms()[name]:
            left = zoo.suspects({test: run[test][0] for test in zoo.TESTS})
            eye = {zoo.Program.name, zoo.UpsideDown.name}
            assert set(left) == (eye if name in eye else {name}), name


def test_each_bug_says_what_it_is_and_changes_one_thing():
    for kind in zoo.BUGS.values():
        changed = [name for name in vars(kind) if not name.startswith("__") and name != "name"]
        assert kind.__doc__.strip() and 1 <= len(changed) <= 2, kind


# ---- the explorer


def test_the_patients_are_all_programs_in_another_order():
    assert sorted(PATIENTS) == sorted(zoo.PROGRAMS) and list(PATIENTS) != list(zoo.PROGRAMS)


def test_points_and_suspects_follow_what_was_bought_and_named():
    game = ZooExplorer(patient=PATIENTS.index("softmax over the batch") + 1)
    assert game.points() == 0 and len(game.left()) == 21
    game.bought = ["first loss", "one batch"]
    game.accused = ["sum in place of mean", "softmax over the batch"]
    assert game.points() == 1 + 2 + 3 and game.left() == ["softmax over the batch"]
    assert game.findings() == {"first loss": "log 50", "one batch": "not learnt"}
    assert "Bought: first loss, one batch; 6 points. 1 of 21 suspects are left." in game.alt


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(patient=0), "patient .=0. must be a whole number from 1 to 21"),
        (dict(seed=5), "seed .=5. must be a whole number from 0 to 4"),
        (dict(bought=["x-ray"]), "bought holds 'x-ray', which must be one of batch"),
        (dict(accused=["nobody"]), "accused holds 'nobody', which must be one of nothing"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        ZooExplorer(**given)


def test_a_page_without_a_kernel_gets_all_of_it():
    game = ZooExplorer()
    assert len(json.dumps(game.get_state(), allow_nan=False)) < 250_000
    state = embed_data(views=[game])["manager_state"]["state"][game.model_id]["state"]
    assert state["_esm"].strip() and len(state["zoo"]["programs"]) == 21 and state["patient"] == 1
    assert len(json.loads(slides.live("ZooExplorer", [], {}))["state"]["zoo"]["programs"]) == 21


def test_the_figure_of_symptoms_shows_the_stored_table():
    fig, ax = plots.figure(1, 1)
    explorer.draw_symptoms(ax)
    cells, names, tests = ax.images[0].get_array(), list(zoo.BUGS), list(zoo.TESTS)
    assert cells.shape == (20, 11)
    assert cells[names.index("softmax over the batch"), tests.index("first loss")] == 1
    assert cells[names.index("upside-down augmentation")].max() == 0


def test_its_still_picture_shows_what_was_found_and_who_is_left():
    tests, people = ZooExplorer(patient=3, bought=["first loss"]).still().axes
    game = ZooExplorer(patient=3, bought=["first loss"])
    assert game.findings()["first loss"] in [each.get_text() for each in tests.texts]
    black = [each.get_text() for each in people.texts if each.get_color() == "black"]
    assert black == game.left() and len(people.texts) == 21


def test_the_pictures_of_a_batch_show_what_the_program_is_given():
    _, sound = explorer.batch(zoo.Program.name)
    picture, shuffled = explorer.batch(zoo.ShuffledLabels.name)
    assert len(sound) == 6 and sound != shuffled and picture == explorer.batch(zoo.Program.name)[0]
    assert explorer.batch(zoo.UpsideDown.name)[0] != picture


# ---- verdicts


@pytest.mark.parametrize(
    ("random_labels", "rate", "verdict"),
    [(100.0, 60.0, "L10 holds under a condition."), (40.0, 60.0, "L10 holds."), (100.0, 100.0, "L10 is wrong.")],
)
def test_one_batch(random_labels, rate, verdict, capsys):
    learnt = {"sound": [100.0] * 5, "rate / 100": [rate] * 5, "random labels": [random_labels] * 5}
    room(14).run("claim-l10", learnt=learnt, claim=claim, measured=measured)
    assert capsys.readouterr().out.startswith(verdict)


@pytest.mark.parametrize(
    ("first", "last", "verdict"), [(30.0, 8.0, "wrong."), (100.0, 8.0, "holds."), (30.0, 90.0, "holds.")]
)
def test_by_heart(first, last, verdict, capsys):
    names = room(14).run(
        "heart-run",
        fit=lambda *args, **settings: (None, [(first, 0.0), (100.0, last)]),
        mlp=lambda *sizes, **settings: None,
        digits=(torch.zeros(300, 64), None),
        digits_test=None,
        device="cpu",
        torch=torch,
        claim=claim,
        measured=measured,
        SEEDS=range(5),
    )
    assert names["heart"].shape == (5, 3) and capsys.readouterr().out.partition(". ")[0].endswith(verdict.rstrip("."))


@pytest.mark.parametrize("name", ["bought", "accused"])
@pytest.mark.parametrize("given", [None, 3, "first loss", [1]])
def test_what_is_no_list_of_names_is_refused(name, given):
    with pytest.raises(ValueError, match=rf"{name} \(=.*\) must be a list of names"):
        ZooExplorer(**{name: given})
