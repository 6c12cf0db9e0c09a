"""The loop: it learns, stops between two steps, goes on exactly, and says when the loss is no number."""

import os
import signal
import threading

import pytest
import torch
from torch import nn

from helpers import data
from helpers.training import Training, accuracy, stop_button, train


def small(seed=0, dropout=0.3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10))


@pytest.fixture(scope="module")
def digits():
    return data.digits().subset(200)


def weights(run):
    return torch.cat([p.detach().flatten().cpu() for p in run.model.parameters()])


def quiet(model, images, **settings):
    return Training(
        model, images, **{"epochs": 3, "lr": 1e-2, "batch_size": 32, "live": False, "device": "cpu"} | settings
    )


def test_equals_the_loop_written_out_by_hand(digits):
    run = quiet(small(dropout=0.0), digits, seed=7).run()
    model = small(dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for epoch in range(3):
        for images, labels in digits.batches(32, seed=7 + epoch):
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.testing.assert_close(weights(run), torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert len(run.losses) == 3 * 7 and [row["epoch"] for row in run.rows] == [1, 2, 3]


def test_learns_the_digits(digits):
    run = train(small(), digits, test=data.digits(train=False), epochs=15, lr=1e-2, live=False)
    assert run.rows[-1]["test"] > 0.8 and run.rows[-1]["test"] == accuracy(run.model, data.digits(train=False))
    assert run.rows[-1]["loss"] < run.rows[0]["loss"] / 2


def test_same_seed_same_run_and_leaves_the_random_state_alone(digits):
    first = quiet(small(), digits).run()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    second = quiet(small(), digits)
    torch.set_rng_state(before)
    second.run()
    assert torch.equal(weights(first), weights(second))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(weights(first), weights(quiet(small(), digits, seed=1).run()))


@pytest.mark.parametrize("step", [1, 7, 10, 20])
@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_goes_on_exactly_after_the_stop_button(digits, step, schedule):
    whole = quiet(small(), digits, schedule=schedule).run()
    run = quiet(small(), digits, schedule=schedule)
    step_once = run.one_step

    def press_at(images, labels):
        step_once(images, labels)
        if len(run.losses) == step:
            os.kill(os.getpid(), signal.SIGINT)

    run.one_step = press_at
    run.run()
    assert len(run.losses) == step and run.stopped == "the stop button"
    torch.rand(100)  # whatever happens between
    run.run()
    assert run.stopped is None
    assert run.losses == whole.losses and run.rows == whole.rows
    assert torch.equal(weights(run), weights(whole))


def test_goes_on_exactly_from_a_file(digits, tmp_path):
    whole = quiet(small(), digits, schedule="one-cycle").run()
    half = quiet(small(), digits, schedule="one-cycle")
    step_once = half.one_step

    def press_at(images, labels):
        step_once(images, labels)
        if len(half.losses) == 9:
            os.kill(os.getpid(), signal.SIGINT)

    half.one_step = press_at
    half.run().save(tmp_path / "runs" / "half.pt")
    run = quiet(small(seed=3), digits, schedule="one-cycle").load(tmp_path / "runs" / "half.pt").run()
    assert torch.equal(weights(run), weights(whole)) and run.rows == whole.rows
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["half.pt"]


def test_second_press_stops_at_once():
    with stop_button() as pressed:
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_runs_outside_the_main_thread(digits):
    run = quiet(small(), digits)
    thread = threading.Thread(target=run.run)
    thread.start()
    thread.join()
    assert len(run.rows) == 3


def test_an_infinite_loss_is_said_and_not_stepped_on(digits, capsys):
    run = quiet(small(dropout=0.0), digits, optimizer=None, live=True)
    step_once = run.one_step

    def poison(images, labels):
        kept = weights(run)
        if len(run.losses) == 4:
            images = images * float("nan")
        step_once(images, labels)
        if run.stopped:
            assert torch.equal(kept, weights(run))

    run.one_step = poison
    run.run()
    assert "nan at step 5" in run.stopped and len(run.losses) == 4
    assert "nan at step 5" in capsys.readouterr().out


def test_augment_and_evaluation_mode(digits):
    seen = []
    run = quiet(small(), digits, augment=lambda x: seen.append(x.shape) or x, test=digits, epochs=1).run()
    assert seen == [(32, 1, 8, 8)] * 6 + [(8, 1, 8, 8)]
    assert run.model.training
    run.model.eval()
    accuracy(run.model, digits)
    assert not run.model.training


def test_accuracy_against_a_hand_count():
    images = torch.eye(4).view(4, 1, 2, 2)
    four = data.ImageSet(images, torch.tensor([0, 1, 2, 0]), tuple("abcd"))
    assert accuracy(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)).apply(as_identity), four) == 3 / 4


def as_identity(layer):
    if isinstance(layer, nn.Linear):
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)


@pytest.mark.parametrize(
    "setting, words",
    [
        ({"epochs": 0}, r"epochs \(=0\)"),
        ({"batch_size": 201}, r"batch_size \(=201\).*200 images"),
        ({"schedule": "cosine"}, r"schedule \(='cosine'\)"),
        ({"lr": -1}, r"lr \(=-1\)"),
        ({"device": "nowhere"}, "device"),
    ],
)
def test_bad_settings(digits, setting, words):
    with pytest.raises(ValueError, match=words):
        quiet(small(), digits, **setting)


def test_accuracy_of_nothing(digits):
    with pytest.raises(ValueError, match="at least one image"):
        accuracy(small(), digits.chosen(torch.zeros(200, dtype=torch.bool)))
