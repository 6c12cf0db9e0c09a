"""The training loop."""

import math
from typing import Any, NamedTuple

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from helpers.checks import check_number, check_positive, whole
from helpers.device import preserve_rng
from helpers.training import saving
from helpers.training.batches import is_labelled, make_epochs, mix, size_of
from helpers.training.distributed import Peers
from helpers.training.live import LiveCurve
from helpers.training.schedules import make_schedule
from helpers.training.steps import accuracy, check_model, classify, default_loss, measured, numbers
from helpers.training.stop import AGAIN, STOP_BUTTON, stop_button


class Turn(NamedTuple):
    """One update of a step: most trainings have one, a GAN has two in turn."""

    name: str
    optimizer: Any
    schedule: Any


class Training:
    """A model in training: where it stands, what it has seen, and how to go on.

    model:      an nn.Module with parameters; of several networks, one module that holds them all
    data:       an ImageSet; tensors of one length, such as (x, y); or a function from a torch.Generator to a batch
    step:       what is done with a batch: maps (model, batch) to the loss, or to (loss, {name: value to be recorded}).
                None: batches are (x, y), and loss(model(augment(x)), y) is taken. For several updates in turn, each with an
                optimizer of its own, dicts {name: step} and {name: optimizer}
    test:       None; an ImageSet or (x, labels), to measure the accuracy; or a function from the model to {name: number}
    epochs:     passes over the data in all, 5; 1 where data is a function
    steps:      where data is a function: how many batches make an epoch
    batch_size: examples in a batch of a set; the last one of an epoch may be smaller
    lr:         learning rate of AdamW, unless `optimizer`, a torch optimizer over the model's parameters, is given
    schedule:   "constant", "one-cycle", "cosine", "linear", "step", a function from the number of the step to a factor of
                lr, or one from the optimizer to a torch LRScheduler
    warmup:     steps in which the learning rate rises to lr before the schedule begins
    clip:       None, or the norm to which a gradient with a larger one is cut; math.inf only measures it, in `norms`
    after_step: None, or a function of the model, called after each update: teachers that follow, weights to be clamped
    average:    None, or the share that a running average of the weights keeps at each step (0.99): the model `averaged`,
                which is then what `test` measures
    loss:       of the default step: maps (outputs, y) to a scalar; cross-entropy for whole-number y, else squared error
    augment:    of the default step: None, or a function from a batch of inputs to a batch of inputs
    seed:       decides the order of the data and torch's random choices while training
    raises:     ValueError for settings that cannot train

    `rows` holds a dict per epoch: epoch, loss, and the mean of what was recorded, each batch weighted by its examples; with
    the default step "train", the accuracy from 0 to 1 counted while it learns, and then what `test` found. `losses` has a
    number per step (the sum over turns), `norms` the gradient's norm before clipping; `stopped` is None, or why training
    ended early. `run()` again goes on. What a step changes beside the weights must be a buffer of the model to be saved.
    Started by torchrun, the processes share each batch (helpers.training.distributed).
    """

    def __init__(
        self,
        model,
        data,
        *,
        step=None,
        test=None,
        epochs=None,
        steps=None,
        batch_size=64,
        lr=1e-3,
        optimizer=None,
        schedule="constant",
        warmup=0,
        clip=None,
        after_step=None,
        average=None,
        loss=default_loss,
        augment=None,
        seed=0,
        device=None,
        title="",
        live=True,
    ):
        check_model(model)
        self.peers = Peers(device)
        self.data = make_epochs(data, batch_size, steps, self.peers.device)
        self.epochs = epochs if epochs is not None else 1 if callable(data) else 5
        self.steps_per_epoch = self.data.steps
        whole("epochs", self.epochs, 1, why="it counts the passes over the data")
        whole("warmup", warmup, 0, why="it counts the steps before the schedule begins")
        whole("seed", seed, 0, why="it decides the order of the data")
        for name, value in (("loss", loss), ("augment", augment), ("after_step", after_step)):
            if not callable(value) and not (name != "loss" and value is None):
                raise ValueError(f"{name} (={value!r:.60}) must be a function")
        if step is not None and (loss is not default_loss or augment is not None):
            raise ValueError("loss and augment belong to the default step: use them inside of your own step")
        if test is not None and not callable(test) and not is_labelled(test):
            raise ValueError(
                f"test (a {type(test).__name__}) must be an ImageSet (see helpers.data), (x, labels), or a function"
                " from the model to {name: number}"
            )
        if clip is not None and clip != math.inf and check_number("clip", clip, 0) == 0:
            raise ValueError(f"clip (={clip!r}) must be above 0: it is the largest norm that a gradient may have")
        if average is not None and not 0 < check_number("average", average, 0, 1) < 1:
            raise ValueError(f"average (={average!r}) must lie between 0 and 1, such as 0.99")
        self.model = model.to(self.peers.device)
        self.averaged = None
        if average is not None:
            self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(average), use_buffers=True)
        self.clip, self.after_step, self.seed, self.classifies = clip, after_step, seed, step is None
        self.test, self.title, self.live = test, title, live and self.peers.rank == 0
        steps_in_turn = step if isinstance(step, dict) else {"loss": step or classify(loss, augment)}
        optimizers = optimizers_of(model, optimizer, lr, steps_in_turn)
        total = self.epochs * self.steps_per_epoch
        self.settings = settings_of(self, optimizers, batch_size, schedule, warmup, average)
        self.turns = [
            Turn(name, each, make_schedule(each, schedule, total, warmup)) for name, each in optimizers.items()
        ]
        self.measure = self.peers.wrap(self.model, list(steps_in_turn.values()), measured)
        self.rows, self.losses, self.norms, self.seen, self.stopped = [], [], [], {}, None

    def run(self):
        """Train up to the last epoch, or until stopped; return self."""
        self.stopped = None
        self.model.train()
        with stop_button() as pressed, preserve_rng(), LiveCurve(self) as curve:
            while len(self.rows) < self.epochs and not self.stopped:
                done = len(self.losses) - len(self.rows) * self.steps_per_epoch  # steps of this epoch before a stop
                for batch in self.data.epoch(self.seed, len(self.rows), done):
                    self.one_step(batch)
                    curve.show_step()
                    if self.peers.any(pressed()):
                        self.stopped = self.stopped or STOP_BUTTON
                    if self.stopped:
                        break
                if len(self.losses) == (len(self.rows) + 1) * self.steps_per_epoch:
                    self.close_epoch()
                    curve.show_epoch()
            if self.peers.any(pressed()) and not self.stopped:
                self.stopped = STOP_BUTTON  # pressed while the last epoch was counted
        return self

    def one_step(self, batch):
        """In each turn measure the loss and follow its gradient one step down; then record what was seen."""
        seed = mix(self.seed, "step", len(self.losses), self.peers.rank)  # its own dropout, resumed or not
        if self.peers.device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # torch.manual_seed sees to GPUs not in use too: 0.3 ms
        else:
            torch.manual_seed(seed)
        if not self.model.training:
            self.model.train()
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        share, weight = self.peers.share(batch)
        row = {"loss": 0.0}
        for number, turn in enumerate(self.turns):
            loss, recorded = self.measure(number, share)
            found = self.peers.mean({turn.name: loss.item()} | recorded, weight)
            if not math.isfinite(found[turn.name]):
                return self.give_up(
                    "the loss" if turn.name == "loss" else f"the {turn.name} loss", found[turn.name], buffers
                )
            turn.optimizer.zero_grad()
            (loss * weight).backward()
            if self.clip is not None:
                weights = [p for group in turn.optimizer.param_groups for p in group["params"]]
                norm = torch.nn.utils.clip_grad_norm_(weights, self.clip).item()
                if not math.isfinite(norm):
                    return self.give_up("the norm of the gradient", norm, buffers)
                self.norms.append(norm)
            turn.optimizer.step()
            turn.schedule.step()
            row = row | found | {"loss": row["loss"] + found[turn.name]}
        if self.averaged:
            self.averaged.update_parameters(self.model)
        if self.after_step:
            with torch.no_grad():
                self.after_step(self.model)
        self.losses.append(row["loss"])
        for name, value in row.items():
            total, count = self.seen.get(name, (0.0, 0))
            self.seen[name] = total + value * size_of(batch), count + size_of(batch)

    def give_up(self, what, value, buffers):
        """Stop for a number that is not finite, and leave the model's buffers as they were before this batch."""
        for name, kept in buffers.items():  # batch norm has already counted it
            self.model.get_buffer(name).copy_(kept)
        self.stopped = (
            f"{what} became {value} at step {len(self.losses) + 1}, and no step was taken on it: "
            "lower the learning rate, or look for such values in the data"
        )

    def close_epoch(self):
        """Add the epoch's row: the means of what was recorded, and what the test finds."""
        row = {"epoch": len(self.rows) + 1} | {name: total / count for name, (total, count) in self.seen.items()}
        self.rows.append(row | self.peers.from_first(self.tested))
        self.seen = {}

    def tested(self):
        """Return {name: number}, as `test` measures it in eval mode and without gradients."""
        if self.test is None:
            return {}
        model = self.averaged or self.model
        if not callable(self.test):
            return {"test": accuracy(model, self.test)}
        with torch.no_grad():
            found = numbers("test", self.test(model.eval()))
        model.train()
        return found

    def save(self, path):
        """Write everything that run() needs to go on; an older file at `path` is replaced only once the new one is whole.

        raises: OSError where it cannot be written, on a full disk or in a folder of others; the older file stays
        """
        self.peers.from_first(lambda: saving.save(self, path))

    def load(self, path):
        """Take up what save() wrote, into a Training built with the same model and settings; return self.

        raises: FileNotFoundError; ValueError for a file that is not, or no longer, what save() wrote, and for one of
                another model or of other settings. Functions (step, loss, augment, ...) are not compared
        """
        saving.load(self, path)
        return self


def train(model, data, **settings):
    """Train `model` on `data` and return the Training; the settings are Training's.

    raises: KeyboardInterrupt, with live=False, where the stop button was pressed. Such a training is one of many: what
            follows would take the half-trained network for a trained one, and the loop would go on to the next.
    """
    run = Training(model, data, **settings).run()
    if run.stopped == STOP_BUTTON and not run.live:
        raise KeyboardInterrupt(
            f"stopped in epoch {min(len(run.rows) + 1, run.epochs)} of {run.epochs}, after {len(run.losses)} steps."
            f" {AGAIN}"
        )
    return run


def optimizers_of(model, optimizer, lr, steps):
    """Return {name: optimizer} for the steps; raise ValueError where these are not torch's, or not one for each."""
    if optimizer is None:
        check_positive("lr", lr)
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr)
    if not isinstance(optimizer, dict):
        optimizer = {"loss": optimizer}
    for each in optimizer.values():
        if not isinstance(each, torch.optim.Optimizer):
            raise ValueError(f"optimizer (={each!r:.60}) must be a torch optimizer over the model's parameters")
    if list(optimizer) != list(steps):
        raise ValueError(
            f"step and optimizer (={list(steps)} and {list(optimizer)}) must have the same names in the same order: "
            "give a dict of steps and a dict of optimizers, one for each"
        )
    return optimizer


def settings_of(run, optimizers, batch_size, schedule, warmup, average):
    """Return what must be equal for a saved training to go on exactly, and can be compared: not functions."""
    named = schedule if isinstance(schedule, str) else "a function"
    found = dict(seed=run.seed, steps_per_epoch=run.steps_per_epoch, schedule=named, warmup=warmup, clip=run.clip)
    found |= {"average": average, "batch_size": batch_size}
    if named not in ("constant", "a function"):
        found["epochs"] = run.epochs  # the schedule's end; else a longer training begins as a shorter one
    for name, optimizer in optimizers.items():
        prefix = "" if name == "loss" else f"{name} "
        found[prefix + "optimizer"] = type(optimizer).__name__
        for group in optimizer.param_groups:
            for key in ("lr", "momentum", "betas", "weight_decay"):
                found.setdefault(prefix + key, []).append(group.get(key))
    return found
