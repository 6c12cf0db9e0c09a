"""The loop: it learns whatever a step says, stops between two steps, goes on exactly, and says when a loss is no number."""

import copy
import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.sequences import encode, text_batches
from helpers.training import Training, accuracy, default_loss, stop_button, train
from helpers.training.batches import mix
from helpers.training.live import training_figure

ROOT = Path(__file__).parents[1]


def small(seed=0, dropout=0.3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10))


@pytest.fixture(scope="module")
def digits():
    return data.digits().subset(200)


def state(run):
    """Everything a training has come to, as something to compare."""
    weights = {name: value.tolist() for name, value in run.model.state_dict().items()}
    averaged = [p.tolist() for p in run.averaged.parameters()] if run.averaged else []
    return weights, averaged, run.rows, run.losses, run.norms


def weights(model):
    return torch.cat([p.detach().flatten().cpu() for p in model.parameters()])


def quiet(model, images, **settings):
    defaults = {"epochs": 3, "lr": 1e-2, "live": False, "device": "cpu"}
    return Training(model, images, **defaults | ({} if callable(images) else {"batch_size": 32}) | settings)


# ---- the kinds of training, each as small as can be


def classifier(seed=0, **settings):
    return quiet(small(seed), data.digits().subset(200), **settings)


class TextModel(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.rnn, self.head = nn.RNN(letters, 16, batch_first=True), nn.Linear(16, letters)

    def forward(self, ids):
        return self.head(self.rnn(F.one_hot(ids, self.rnn.input_size).float())[0])


TEXT = "she sells sea shells by the sea shore " * 4
LETTERS = "".join(sorted(set(TEXT)))


def text(seed=0, **settings):
    torch.manual_seed(seed)
    ids = encode(TEXT, LETTERS)
    return quiet(
        TextModel(len(LETTERS)), lambda dice: text_batches(ids, 8, 12, dice), steps=7, **{"clip": 1.0} | settings
    )


class AutoEncoder(nn.Module):
    """A variational auto-encoder of digits: its loss has two parts, and its output is an image."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(64, 8), nn.Linear(4, 64)

    def forward(self, x):
        mean, log_var = self.encode(x.flatten(1)).chunk(2, 1)
        code = mean + torch.randn_like(mean) * (log_var / 2).exp()
        return self.decode(code).view_as(x), mean, log_var


def parts_of(model, x):
    made, mean, log_var = model(x)
    reconstruction = F.mse_loss(made, x)
    kl = (mean**2 + log_var.exp() - 1 - log_var).mean() / 2
    return reconstruction + 0.01 * kl, {"reconstruction": reconstruction, "kl": kl}


def images(seed=0, **settings):
    torch.manual_seed(seed)
    return quiet(AutoEncoder(), data.digits().subset(200).images, step=parts_of, **settings)


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.scale = nn.Linear(6, 4), nn.Linear(5, 4), nn.Parameter(torch.tensor(1.0))


def pairs(dice):
    hidden = torch.randn(16, 3, generator=dice)
    return {"left": hidden.repeat(1, 2), "right": F.pad(hidden, (0, 2))}


def contrast(model, batch):
    left, right = (F.normalize(getattr(model, side)(batch[side]), dim=1) for side in ("left", "right"))
    scores, own = model.scale.exp() * left @ right.T, torch.arange(len(left))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2, {
        "matched": (scores.argmax(1) == own).float().mean()
    }


def two_towers(seed=0, **settings):
    torch.manual_seed(seed)
    return quiet(Towers(), pairs, steps=7, step=contrast, **{"schedule": "cosine", "warmup": 3} | settings)


class Taught(nn.Module):
    """A student, and a teacher that follows it slowly and is not trained."""

    def __init__(self):
        super().__init__()
        self.student = small()
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)


def agree(model, batch):
    x, _ = batch
    wanted = model.teacher.eval()(x).softmax(1)
    return F.cross_entropy(model.student(x + 0.1 * torch.randn_like(x)), wanted)


def follow(model):
    for slow, fast in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
        slow.lerp_(fast, 0.1)


def teacher(seed=0, **settings):
    return quiet(Taught(), data.digits().subset(200), step=agree, seed=seed, **{"after_step": follow} | settings)


def discriminate(model, real):
    made = model["generator"](torch.randn(len(real), 2)).detach()
    said = model["discriminator"](torch.cat([real, made]))
    truth = torch.cat([torch.ones(len(real), 1), torch.zeros(len(real), 1)])
    return F.binary_cross_entropy_with_logits(said, truth), {"right": ((said > 0) == truth).float().mean()}


def generate(model, real):
    said = model["discriminator"](model["generator"](torch.randn(len(real), 2)))
    return F.binary_cross_entropy_with_logits(said, torch.ones_like(said))


def gan(seed=0, **settings):
    torch.manual_seed(seed)
    net = nn.ModuleDict(
        {
            "discriminator": nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)),
            "generator": nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)),
        }
    )
    optimizers = {
        "discriminator": torch.optim.Adam(net["discriminator"].parameters(), 0.02, (0.5, 0.9)),
        "generator": torch.optim.SGD(net["generator"].parameters(), 0.05),
    }
    turns = {"discriminator": discriminate, "generator": generate}
    return quiet(
        net, lambda dice: torch.randn(32, 2, generator=dice) + 3, steps=7, step=turns, optimizer=optimizers, **settings
    )


def averaging(seed=0, **settings):
    return quiet(small(seed), data.digits().subset(200), average=0.9, test=data.digits(train=False), **settings)


KINDS = (classifier, text, images, two_towers, teacher, gan, averaging)


# ---- it is the loop written out


def test_equals_the_loop_written_out_by_hand(digits):
    run = quiet(small(dropout=0.0), digits, seed=7).run()
    model = small(dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for epoch in range(3):
        total = right = 0
        for images, labels in digits.batches(32, seed=mix(7, "order of epoch", epoch)):
            outputs = model(images)
            loss = nn.functional.cross_entropy(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, right = total + loss.item() * len(images), right + (outputs.argmax(1) == labels).sum().item()
        assert run.rows[epoch] == pytest.approx({"epoch": epoch + 1, "loss": total / 200, "train": right / 200})
    torch.testing.assert_close(weights(run.model), weights(model))
    assert len(run.losses) == 3 * 7 and [row["epoch"] for row in run.rows] == [1, 2, 3]


@pytest.mark.parametrize("clip", [math.inf, 0.05])
def test_drawn_batches_and_a_clipped_gradient_equal_the_loop_written_out(clip):
    ids = encode(TEXT, LETTERS)
    torch.manual_seed(0)
    model = TextModel(len(LETTERS))
    run = text(clip=clip, epochs=1, optimizer=None, lr=0.01).run()
    optimizer, losses, norms = torch.optim.AdamW(model.parameters(), 0.01), [], []
    for step in range(7):
        x, y = text_batches(ids, 8, 12, torch.Generator().manual_seed(mix(0, "batch", step)))
        loss = -model(x).log_softmax(2).gather(2, y[..., None]).mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(sum(p.grad.square().sum() for p in model.parameters()).sqrt().item())
        if norms[-1] > clip:
            for p in model.parameters():
                p.grad *= clip / norms[-1]
        optimizer.step()
        losses.append(loss.item())
    assert run.losses == pytest.approx(losses, rel=1e-4) and run.norms == pytest.approx(norms, rel=1e-4)
    torch.testing.assert_close(weights(run.model), weights(model), atol=1e-5, rtol=1e-4)
    assert max(norms) > 0.05


def test_two_optimizers_take_turns():
    run, model = gan(epochs=1).run(), gan().model
    first = torch.optim.Adam(model["discriminator"].parameters(), 0.02, (0.5, 0.9))
    second = torch.optim.SGD(model["generator"].parameters(), 0.05)
    for step in range(7):
        real = torch.randn(32, 2, generator=torch.Generator().manual_seed(mix(0, "batch", step))) + 3
        torch.manual_seed(mix(0, "step", step, 0))
        losses = []
        for optimizer, turn in ((first, discriminate), (second, generate)):
            answer = turn(model, real)
            losses.append(answer[0] if isinstance(answer, tuple) else answer)
            model.zero_grad()
            losses[-1].backward()
            optimizer.step()
        assert run.losses[step] == pytest.approx(sum(losses).item(), rel=1e-5)
    torch.testing.assert_close(weights(run.model), weights(model))
    row = run.rows[0]
    assert list(row) == ["epoch", "loss", "discriminator", "right", "generator"]
    assert row["loss"] == pytest.approx(row["discriminator"] + row["generator"])


def test_a_teacher_follows_after_each_update():
    followed = []
    run = teacher(after_step=lambda model: (follow(model), followed.append(weights(model.teacher)))).run()
    expected = weights(Taught().teacher)
    student = teacher(epochs=1, after_step=None)
    assert len(followed) == 21 and run.stopped is None
    student.run()
    assert torch.equal(weights(student.model.teacher), expected)  # without the hook it stays
    seen, slow = [], expected
    again = teacher(after_step=lambda model: (seen.append(weights(model.student)), follow(model))).run()
    for fast, teacher_then in zip(seen, followed, strict=True):
        slow = slow.lerp(fast, 0.1)
        torch.testing.assert_close(slow, teacher_then)
    assert torch.equal(weights(again.model), weights(run.model))


def test_a_running_average_of_the_weights_is_kept_and_tested():
    seen = []
    run = averaging(after_step=lambda model: seen.append(weights(model))).run()
    mean = seen[0]
    for each in seen[1:]:
        mean = 0.9 * mean + 0.1 * each
    torch.testing.assert_close(weights(run.averaged), mean)
    assert run.rows[-1]["test"] == accuracy(run.averaged, data.digits(train=False))


def test_what_is_recorded_is_averaged_over_the_epoch_by_the_size_of_the_batch():
    x = torch.arange(10.0)[:, None]
    run = quiet(
        nn.Linear(1, 1),
        x,
        step=lambda model, x: (model(x).mean() ** 2, {"mean": x.mean(), "half": 0.5}),
        batch_size=4,
        epochs=2,
    ).run()
    assert [row["mean"] for row in run.rows] == pytest.approx([4.5, 4.5])  # batches of 4, 4 and 2
    assert [row["half"] for row in run.rows] == [0.5, 0.5]


@pytest.mark.parametrize("make, name, low", [(text, "train", 0.5), (two_towers, "matched", 0.8)])
def test_other_kinds_learn(make, name, low):
    run = make(epochs=20).run()
    assert run.rows[-1][name] > low > run.rows[0][name] and run.rows[-1]["loss"] < run.rows[0]["loss"] * 0.6


def test_an_auto_encoder_and_a_gan_learn():
    run = images(epochs=20).run()
    assert run.rows[-1]["reconstruction"] < 0.6 * run.rows[0]["reconstruction"] and run.rows[-1]["kl"] > 0
    made = (
        gan(epochs=40).run().model["generator"].eval()(torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))
    )
    assert (made.mean(0) - 3).abs().max() < 1


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
    assert torch.equal(weights(first.model), weights(second.model))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(weights(first.model), weights(quiet(small(), digits, seed=1).run().model))


def test_neighbouring_seeds_never_share_an_order():
    seen = {}
    for seed in range(6):
        xs = []
        run = quiet(
            nn.Linear(1, 1),
            torch.arange(20.0)[:, None],
            step=lambda model, x, xs=xs: (model(x).mean(), xs.append(tuple(x[:, 0].tolist())) or {}),
            batch_size=20,
            epochs=6,
            seed=seed,
        )
        run.run()
        seen |= {(seed, epoch): order for epoch, order in enumerate(xs)}
    assert len(set(seen.values())) == len(seen) == 36


def test_a_batch_drawn_and_the_noise_of_its_step_are_different_numbers():
    same = []

    def step(model, x):
        same.append(torch.equal(x, torch.randn_like(x)))
        return model(x).mean()

    quiet(nn.Linear(3, 1), lambda dice: torch.randn(8, 3, generator=dice), step=step, steps=4).run()
    assert same == [False] * 12


# ---- it stops, and goes on exactly


def stopped_at(make, step, **settings):
    """Return a training of this kind whose stop button is pressed in this step."""
    run = make(**settings)
    hook = run.after_step

    def press(model):
        if hook:
            hook(model)
        if len(run.losses) == step - 1:
            os.kill(os.getpid(), signal.SIGINT)

    run.after_step = press
    return run.run()


@pytest.mark.parametrize("step", [1, 7, 10])
@pytest.mark.parametrize("make", KINDS)
def test_goes_on_exactly_after_the_stop_button(make, step):
    run = stopped_at(make, step)
    assert len(run.losses) == step and run.stopped == "the stop button"
    torch.rand(100)  # whatever happens between
    assert run.run().stopped is None
    assert state(run) == state(make().run())


@pytest.mark.parametrize("make", KINDS)
def test_goes_on_exactly_from_a_file(make, tmp_path):
    stopped_at(make, 10).save(tmp_path / "runs" / "half.pt")
    run = make()
    with torch.no_grad():
        for p in run.model.parameters():
            p.add_(1)  # other weights than those that were saved
    assert state(run.load(tmp_path / "runs" / "half.pt").run()) == state(make().run())
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["half.pt"]


@pytest.mark.parametrize(
    "schedule",
    [
        "one-cycle",
        "cosine",
        "linear",
        "step",
        lambda step: 0.9**step,
        lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 5),
    ],
)
def test_schedules_go_on_exactly_from_a_file(schedule, tmp_path):
    stopped_at(classifier, 10, schedule=schedule).save(tmp_path / "half.pt")
    run = classifier(schedule=schedule).load(tmp_path / "half.pt").run()
    assert state(run) == state(classifier(schedule=schedule).run()) != state(classifier().run())


def test_a_checkpoint_of_another_model_or_other_settings_is_refused_with_its_reason(digits, tmp_path):
    path = tmp_path / "run.pt"
    stopped_at(classifier, 9).save(path)
    other = quiet(nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)), digits)
    before = weights(other.model)
    with pytest.raises(ValueError, match=r"run\.pt holds another model: 1\.weight is \(32, 64\) there and \(16, 64\)"):
        other.load(path)
    assert torch.equal(before, weights(other.model)) and other.losses == []
    with pytest.raises(ValueError, match=r"another model: 4\.weight is \(10, 32\) there and missing here"):
        quiet(small()[:2], digits).load(path)
    for settings, words in (
        ({"seed": 1}, "saved with seed=0, and this Training has seed=1: give it the settings of the saved one"),
        ({"lr": 0.1}, r"saved with lr=\[0\.01\], and this Training has lr=\[0\.1\]"),
        ({"batch_size": 20}, "saved with steps_per_epoch=7, and this Training has steps_per_epoch=10"),
        ({"schedule": "cosine"}, "saved with schedule='constant', and this Training has schedule='cosine'"),
        ({"optimizer": "SGD"}, "saved with optimizer='AdamW', and this Training has optimizer='SGD'"),
        ({"average": 0.9}, "saved with average=None, and this Training has average=0.9"),
        ({"clip": 1.0}, "saved with clip=None, and this Training has clip=1.0"),
    ):
        model = small()
        if settings.get("optimizer"):
            settings = {"optimizer": torch.optim.SGD(model.parameters(), 0.01)}
        with pytest.raises(ValueError, match=words):
            quiet(model, digits, **settings).load(path)
    torch.save(small().state_dict(), path)
    with pytest.raises(ValueError, match=r"run\.pt was not written by this version's Training\.save\(\): train anew"):
        quiet(small(), digits).load(path)


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


# ---- a loss that is no number


def normed(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))


@pytest.mark.parametrize("place", ["images", "loss"])
def test_a_loss_that_is_not_finite_is_said_and_leaves_no_trace(digits, capsys, place):
    broken = [True]

    def step(model, batch):
        x, y = batch
        now = len(run.losses) == 4 and broken[0]
        loss = F.cross_entropy(model(x * float("nan") if now and place == "images" else x + 5 * now), y)
        return loss * float("nan") if now else loss

    run = quiet(normed(), digits, step=step, live=True)
    run.after_step = lambda model: kept.append({name: t.clone() for name, t in model.state_dict().items()})
    kept = []
    run.run()
    assert "the loss became nan at step 5" in run.stopped and len(run.losses) == 4
    assert "the loss became nan at step 5, and no step was taken on it" in capsys.readouterr().out
    for name, value in run.model.state_dict().items():  # weights, and the running statistics of batch norm
        assert torch.equal(value, kept[-1][name]), name
    broken[0] = False
    whole = quiet(normed(), digits, step=lambda model, batch: F.cross_entropy(model(batch[0]), batch[1])).run()
    assert state(run.run()) == state(whole)


def test_it_is_said_in_which_turn_a_loss_is_not_finite():
    run = gan()
    run.peers.wrapped.steps[1] = lambda model, real: generate(model, real) * math.inf
    with_statistics = run.model["generator"][1].running_mean.clone()
    assert "the generator loss became inf at step 1" in run.run().stopped
    assert torch.equal(run.model["generator"][1].running_mean, with_statistics)


def test_a_gradient_that_is_not_finite_is_said_where_its_norm_is_measured():
    def step(model, x):
        return (model(x) * 0).abs().sqrt().sum()  # 0, with the slope 0 · inf

    run = quiet(nn.Linear(2, 1), torch.ones(4, 2), step=step, clip=math.inf, batch_size=4)
    before = weights(run.model)
    assert "the norm of the gradient became nan at step 1" in run.run().stopped
    assert torch.equal(weights(run.model), before) and run.losses == run.norms == []


# ---- settings


def test_schedules_are_the_curves_that_their_names_say():
    def rates(**settings):
        seen = []
        run = quiet(nn.Linear(1, 1), torch.ones(8, 1), step=lambda model, x: model(x).mean(), batch_size=1, lr=1.0)
        run = quiet(
            nn.Linear(1, 1),
            torch.ones(8, 1),
            step=lambda model, x: (model(x).mean(), seen.append(run.turns[0].optimizer.param_groups[0]["lr"]) or {}),
            batch_size=1,
            epochs=1,
            lr=1.0,
            **settings,
        )
        run.run()
        return seen

    assert rates() == [1.0] * 8
    assert rates(schedule="linear") == pytest.approx([1 - k / 8 for k in range(8)])
    assert rates(schedule="cosine") == pytest.approx([(1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)])
    assert rates(schedule="step") == pytest.approx([1] * 4 + [0.1] * 2 + [0.01] * 2)
    assert rates(schedule=lambda step: 0.5**step) == pytest.approx([0.5**k for k in range(8)])
    assert rates(schedule="linear", warmup=3) == pytest.approx([0.25, 0.5, 0.75, 1, 0.8, 0.6, 0.4, 0.2])
    exponential = rates(schedule=lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5))
    assert exponential == pytest.approx([0.5**k for k in range(8)])
    one = rates(schedule="one-cycle")
    assert max(one) == pytest.approx(1, abs=0.1) and one[0] < 0.1 and one[-1] < 0.01


def test_augment_and_evaluation_mode(digits):
    seen = []
    run = quiet(small(), digits, augment=lambda x: seen.append(x.shape) or x, test=digits, epochs=1).run()
    assert seen == [(32, 1, 8, 8)] * 6 + [(8, 1, 8, 8)]
    assert run.model.training
    run.model.eval()
    accuracy(run.model, digits)
    assert not run.model.training


def test_a_test_of_ones_own(digits):
    modes = []
    run = quiet(small(), digits, epochs=2, test=lambda model: modes.append(model.training) or {"steps": len(modes)})
    assert [row["steps"] for row in run.run().rows] == [1, 2] and modes == [False, False] and run.model.training


def test_accuracy_against_a_hand_count():
    images = torch.eye(4).view(4, 1, 2, 2)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4)).apply(as_identity)
    labels = torch.tensor([0, 1, 2, 0])
    assert accuracy(model, data.ImageSet(images, labels, tuple("abcd"))) == accuracy(model, (images, labels)) == 3 / 4
    assert accuracy(model[1], (torch.eye(4)[None], torch.tensor([[0, 1, 0, 0]]))) == 2 / 4  # an output for each step


def as_identity(layer):
    if isinstance(layer, nn.Linear):
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)


def test_the_loss_of_an_output_for_each_step_is_the_mean_over_all():
    dice = torch.Generator().manual_seed(0)
    outputs, y = torch.randn(3, 4, 5, generator=dice), torch.randint(5, (3, 4), generator=dice)
    by_hand = -outputs.log_softmax(2).gather(2, y[..., None]).mean()
    assert default_loss(outputs, y).item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert default_loss(outputs[:, 0], y[:, 0]).item() == pytest.approx(
        F.cross_entropy(outputs[:, 0], y[:, 0]).item(), rel=1e-6
    )


def drawn(dice):
    return torch.rand(4, 64, generator=dice), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    "setting, words",
    [
        ({"epochs": 0}, r"epochs \(=0\)"),
        ({"batch_size": 201}, r"batch_size \(=201\) must be a whole number from 1 to 200: the set holds no more"),
        (
            {"schedule": "cosin"},
            r"schedule \(='cosin'\) must be one of constant, linear, cosine, step, one-cycle",
        ),
        ({"schedule": 3}, r"schedule \(=3\) must be one of .*, or a function"),
        ({"schedule": lambda optimizer: 3 if optimizer else None}, "schedule made a int: it must make a torch LRSch"),
        ({"schedule": "one-cycle", "warmup": 2}, r"warmup \(=2\) goes with .*: one-cycle warms up by itself"),
        ({"warmup": -1}, r"warmup \(=-1\) must be a whole number of at least 0"),
        ({"seed": 0.5}, r"seed \(=0\.5\) must be a whole number of at least 0"),
        ({"lr": -1}, r"lr \(=-1\)"),
        ({"clip": 0}, r"clip \(=0\) must be above 0"),
        ({"average": 1.0}, r"average \(=1\.0\) must lie between 0 and 1"),
        ({"device": "nowhere"}, "device"),
        ({"steps": 5}, r"steps \(=5\) is for data that is drawn by a function"),
        ({"data": drawn}, r"steps \(=None\) must be a whole number of at least 1: data is a function"),
        ({"data": (torch.zeros(3), torch.zeros(2))}, r"data \(a tuple\) must be an ImageSet .* tensors of one length"),
        ({"test": 3}, r"test \(a int\) must be an ImageSet .* or a function from the model"),
        ({"after_step": 3}, r"after_step \(=3\) must be a function"),
        ({"step": agree, "augment": abs}, "loss and augment belong to the default step"),
        ({"step": {"a": agree, "b": agree}}, r"step and optimizer \(=\['a', 'b'\] and \['loss'\]\) must have the same"),
    ],
)
def test_bad_settings(digits, setting, words):
    setting = dict(setting)
    with pytest.raises(ValueError, match=words):
        quiet(small(), setting.pop("data", digits), **setting)


@pytest.mark.parametrize(
    "step, words",
    [
        (lambda model, batch: 3.0, r"the step's loss \(a float\) must be one number computed from the model's weights"),
        (lambda model, batch: model(batch[0]), r"the step's loss \(shape \(32, 10\)\) must be one number"),
        (lambda model, batch: torch.tensor(1.0), r"the step's loss \(shape \(\)\) must be .* with a gradient"),
        (lambda model, batch: (model(batch[0]).mean(), 3), "the step recorded 3: return a dict"),
        (lambda model, batch: (model(batch[0]).mean(), {"loss": 3}), "recorded 'loss', which each row has of its own"),
        (lambda model, batch: (model(batch[0]).mean(), {"x": batch[0]}), "each value must be one number"),
    ],
)
def test_what_a_step_must_return(digits, step, words):
    with pytest.raises(ValueError, match=words):
        quiet(small(), digits, step=step).run()


def test_accuracy_of_nothing(digits):
    with pytest.raises(ValueError, match="at least one image"):
        accuracy(small(), digits.chosen(torch.zeros(200, dtype=torch.bool)))


# ---- what is shown


@pytest.mark.parametrize(
    "make, labels", [(images, ["reconstruction", "kl"]), (averaging, ["while training", "test images"])]
)
def test_the_figure_draws_what_was_recorded(make, labels):
    run = make().run()
    left, right = training_figure(run).axes
    assert [line.get_label() for line in right.get_lines()] == labels
    wanted = (
        [row[labels[0]] for row in run.rows] if labels[0] == "reconstruction" else [100 * r["train"] for r in run.rows]
    )
    assert list(right.get_lines()[0].get_ydata()) == pytest.approx(wanted)


def test_a_line_an_epoch_in_a_terminal(capsys):
    images(live=True, epochs=2).run()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("epoch 2 of 2: loss 0.") and ", kl " in lines[1]


# ---- several processes

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from torch import nn
import test_training as t
from helpers import data
kind, folder = sys.argv[1], Path(sys.argv[2])
run = getattr(t, kind)(live=True, epochs=2).run()
if kind == "shared":
    run.save(folder / "run.pt")
    t.shared(live=True, epochs=2).load(folder / "run.pt")
rank = run.peers.rank
(folder / f"{rank}.json").write_text(json.dumps([run.losses, run.rows, t.weights(run.model).tolist()]))
"""


def shared(**settings):
    """50 examples in batches of 16, 16, 16 and 2, then shared by two; no dropout, whose numbers differ by process."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return quiet(model, data.digits().subset(51), batch_size=16, test=data.digits(train=False), **settings)


def shared_turns(**settings):
    """Two optimizers in turn, without noise of its own."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"one": nn.Linear(3, 2), "two": nn.Linear(2, 1)})
    steps = {
        "one": lambda model, x: (model["one"](x) - x[:, :2]).square().mean(),
        "two": lambda model, x: (model["two"](model["one"](x).detach()) - x[:, 2:]).square().mean(),
    }
    optimizers = {name: torch.optim.SGD(model[name].parameters(), 0.1) for name in model}
    return quiet(
        model, lambda dice: torch.rand(7, 3, generator=dice), steps=5, step=steps, optimizer=optimizers, **settings
    )


@pytest.mark.parametrize("kind", ["shared", "shared_turns"])
def test_two_processes_train_as_one(kind, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*command, str(tmp_path / "script.py"), kind, str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    alone = globals()[kind](epochs=2).run()
    assert first[0] == pytest.approx(alone.losses, rel=1e-5)
    assert len(first[1]) == 2 and [pytest.approx(row, rel=1e-5) for row in first[1]] == alone.rows
    assert first[2] == pytest.approx(weights(alone.model).tolist(), rel=1e-4, abs=1e-6)
    assert done.stdout.count("epoch 2 of 2") == 1  # one display, in the first process
