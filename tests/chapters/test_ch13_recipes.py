"""Chapter 13: networks side by side against torch one by one, and the explorer's table."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.chapters.ch13_recipes.explorer import GRID, BudgetExplorer, scores
from helpers.chapters.ch13_recipes.side_by_side import SCHEDULES, train_many, wrong_labels


def one_by_one(x, labels, test, epochs, run):
    """The same training with torch's own layers and its own SGD."""
    dice = torch.Generator().manual_seed(run["seed"])
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 10))
    with torch.no_grad():
        for layer in (net[0], net[2]):
            drawn = torch.randn(layer.in_features, layer.out_features, generator=dice)
            layer.weight.copy_((drawn * (2 / layer.in_features) ** 0.5).T)
            layer.bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), run["peak"], momentum=0.9, weight_decay=run.get("decay", 0))
    step, found = 0, []
    for _ in range(epochs):
        for index in torch.randperm(len(x), generator=dice).split(8):
            optimizer.param_groups[0]["lr"] = run["peak"] * SCHEDULES[run["schedule"]](step / (epochs * len(x) // 8))
            optimizer.zero_grad()
            F.cross_entropy(net(x[index]), labels[index]).backward()
            optimizer.step()
            step += 1
        found.append([100 * (net(some).argmax(1) == y).float().mean().item() for some, y in (test, (x, labels))])
    return found


def test_many_networks_side_by_side_are_as_many_one_by_one():
    dice = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 5, generator=dice), torch.randint(10, (40,), generator=dice)
    test = torch.randn(200, 5, generator=dice), torch.randint(10, (200,), generator=dice)
    runs = [dict(seed=i, schedule=name, peak=0.05 * (i + 1), decay=0.1 * i) for i, name in enumerate(SCHEDULES)]
    labels = torch.stack([wrong_labels(y, 0.3, run["seed"]) for run in runs])
    found = train_many((5, 7, 10), x, labels, test, 4, runs, batch_size=8, training=True)
    for i, run in enumerate(runs):
        alone = torch.tensor(one_by_one(x, labels[i], test, 4, run))
        assert found[:, i, 0].tolist() == pytest.approx(alone[:, 0].tolist(), abs=0.6)
        assert found[:, i, 2].tolist() == pytest.approx(alone[:, 1].tolist(), abs=0.1)
    assert train_many((5, 7, 10), x, labels, test, 4, runs, batch_size=8).equal(found[..., :2])


def test_wrong_labels_are_wrong_and_as_many_as_asked():
    labels = torch.randint(10, (5000,), generator=torch.Generator().manual_seed(0))
    assert (wrong_labels(labels, 0, 1) == labels).all()
    assert (wrong_labels(labels, 0.4, 1) != labels).float().mean().item() == pytest.approx(0.4, abs=0.03)


def test_the_stored_table_has_a_run_for_each_setting_of_the_explorer():
    assert scores().shape == (*map(len, GRID.values()), 5, 15, 2)
    assert scores().min() >= 0 and scores().max() < 90


def test_the_explorer_hears_its_controls_and_says_what_is_wrong():
    shown = BudgetExplorer()
    before = shown.parts["words"]
    shown.hear("wrong", 1)
    shown.hear("average", "mean of the weights")
    shown.refresh()
    assert shown.setting("wrong") == 40 and shown.parts["words"] != before
    with pytest.raises(ValueError, match="peak .=0.5. must be one of 0.01"):
        BudgetExplorer(peak=0.5)
