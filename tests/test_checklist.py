"""diagnose(): a sound network passes every test, and each illness is named by the test that is for it."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.training import diagnose

DICE = torch.Generator().manual_seed(0)
X = torch.randn(600, 8, generator=DICE)
Y = (X @ torch.randn(8, 4, generator=DICE)).argmax(1)


def net(*end, start=None):
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4), *end)
    if start:
        start(made)
    return made


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr, momentum=0.9)


def marks(model, data=(X, Y), optimizer=sgd, **settings):
    found = diagnose(model, data, optimizer=optimizer and optimizer(model), **settings)
    return {test: mark for test, mark in found.marks.items() if mark != "passes"}, found


def test_a_sound_network_passes_every_test():
    ill, found = marks(net())
    assert not ill, found
    assert len(found) == 9 and "fails" not in str(found) and "100 % of 64 examples right" in found["one batch"].says


def test_without_an_optimizer_it_takes_adamw():
    found = diagnose(net(), (X, Y), steps=200)
    assert found.marks["one batch"] == "passes" and "AdamW" in found["optimizer"].says


class OverTheBatch(nn.Module):
    """Its outputs depend on the other examples, in eval mode too."""

    def __init__(self):
        super().__init__()
        self.inside = net()

    def forward(self, x):
        return self.inside(x - x.mean(0, keepdim=True))


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = net()

    def forward(self, x):
        return F.dropout(self.inside(x), 0.5)  # the functional form does not know of eval()


def frozen(model):
    model[0].requires_grad_(False)


def zeros(model):
    for parameter in model.parameters():
        nn.init.zeros_(parameter)


def opinions(model):
    model[2].weight.data *= 30


@pytest.mark.parametrize(
    ("ill", "test", "mark", "says"),
    [
        (dict(model=net(nn.Softmax(1))), "outputs", "fails", "take yours out"),
        (dict(model=net(nn.ReLU())), "outputs", "fails", "no output is below 0"),
        (dict(model=Noisy()), "outputs", "fails", "does not stop"),
        (dict(model=net(nn.Softmax(1))), "independence", "passes", "own input alone"),  # though its sum is always 1
        (dict(model=OverTheBatch()), "independence", "fails", "depend on other examples"),
        (dict(model=net(start=zeros)), "gradients", "fails", "exactly 0 in 0.weight"),
        (dict(model=net(start=frozen)), "gradients", "look", "requires_grad=False: 0.weight, 0.bias"),
        (dict(model=net(start=opinions)), "first loss", "look", "starts with opinions"),
        (dict(model=net(), optimizer=lambda model: sgd(net())), "optimizer", "fails", "none of the model's parameters"),
        (
            dict(model=net(), optimizer=lambda model: sgd(model[2])),
            "optimizer",
            "look",
            "does not hold 0.weight, 0.bias",
        ),
        (dict(model=net(), optimizer=lambda model: sgd(net())), "learning rate", "look", "No rate moves it"),
        (dict(model=net(), optimizer=lambda model: sgd(model, 1e-5)), "one batch", "fails", "hardly moves"),
        (dict(model=net(), optimizer=lambda model: sgd(model, 1e-3)), "learning rate", "look", "10 times your rate"),
        (dict(model=net(), optimizer=lambda model: sgd(model, 1e9)), "learning rate", "fails", "blows up: lower it"),
        (dict(model=net(), data=(X, Y + 1)), "data", "fails", "labels go from 1 to 4, the model has 4 outputs"),
        (dict(model=net(), data=(X * 255, Y)), "data", "look", "Subtract the mean"),
        (dict(model=net(), data=(X / 0, Y)), "data", "fails", "nan or inf"),
        (dict(model=net(), data=(X * 0, Y)), "data", "fails", "All inputs are equal"),
        (dict(model=net(), data=(X, Y.clamp(max=2))), "data", "look", "Some outputs have no example"),
        (
            dict(model=net(), loss=lambda outputs, y: F.cross_entropy(outputs, y, reduction="sum")),
            "first loss",
            "fails",
            "64 times that",
        ),
        (
            dict(model=net(), loss=lambda outputs, y: F.nll_loss(outputs.log_softmax(0), y)),
            "first loss",
            "fails",
            "log 64",
        ),
        (
            dict(model=net(), loss=lambda outputs, y: -F.cross_entropy(outputs, y)),
            "first loss",
            "fails",
            "sign is wrong",
        ),
        (
            dict(model=net(), loss=lambda outputs, y: F.cross_entropy(outputs, y, reduction="none")),
            "first loss",
            "fails",
            "not one number",
        ),
        (
            dict(model=net(), loss=lambda outputs, y: F.cross_entropy(outputs.detach(), y)),
            "gradients",
            "fails",
            "cut it off",
        ),
        (dict(model=net(), data=(X, Y[torch.randperm(600)])), "unseen examples", "look", "belong together"),
    ],
)
def test_each_illness_is_named(ill, test, mark, says):
    _, found = marks(**ill)
    assert found.marks[test] == mark and says in found[test].says, found


def test_what_it_finds_first_it_does_not_test_further():
    assert marks(net(), data=(X, Y + 1))[1].marks == {"data": "fails"}
    assert marks(nn.Sequential(nn.Linear(8, 4), nn.Flatten(0)), data=(X, Y))[1].marks == {"data": "fails"}


def test_it_changes_nothing():
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4)).eval()
    optimizer = sgd(model)
    before, settings = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    state = torch.get_rng_state()
    first, second = (diagnose(model, (X, Y), optimizer=optimizer) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state()) and str(first) == str(second)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert optimizer.state_dict() == settings and not model.training and all(p.grad is None for p in model.parameters())
    assert model[3].p == 0.5


def test_it_takes_an_image_set_and_little_data():
    from helpers import data

    digits = data.digits()
    found = diagnose(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), digits, steps=20)
    assert found.marks["data"] == "passes" and "1352 inputs of shape (1, 8, 8)" in found["data"].says
    assert len(diagnose(net(), (X[:4], Y[:4]), steps=2)) == 9


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(model=3), "model .a int. must be an nn.Module"),
        (dict(data=(X, Y.float())), "data .a tuple. must be an ImageSet, or tensors"),
        (dict(data=(X[:3], Y[:3])), "data .3 examples. must hold at least 4"),
        (dict(optimizer="sgd"), "optimizer .='sgd'. must be a torch optimizer"),
        (dict(steps=0), "steps .=0. must be a whole number"),
        (dict(batch_size=1), "batch_size .=1. must be a whole number"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    given = dict(model=net(), data=(X, Y)) | given
    with pytest.raises(ValueError, match=says):
        diagnose(given.pop("model"), given.pop("data"), **given)


def test_a_diagnosis_is_a_list_that_can_be_asked_by_name():
    found = diagnose(net(), (X, Y), optimizer=None, steps=5)
    assert found[0] is found["data"] and list(found.marks) == [each.test for each in found]
    assert "<table>" in found._repr_html_() and found["data"].says.split(";")[0] in found._repr_html_()
    with pytest.raises(KeyError, match="test .='rate'. must be one of data, first loss"):
        found["rate"]
