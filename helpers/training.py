"""One plain training loop, which can be stopped at any step and goes on exactly where it stopped."""

import io
import math
import signal
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F

from helpers.data import ImageSet
from helpers.device import own_dice, pick_device
from helpers.files import write_whole
from helpers.live import LiveCurve

STOP_BUTTON = "the stop button"  # why a training ended, in Training.stopped
AGAIN = "What this cell was to make is not there: run the cell again, from its start."


class Training:
    """A model in training: where it stands, what it has seen, and how to go on.

    model:      maps (N, C, H, W) to (N, classes)
    data, test: ImageSets; test may be None
    epochs:     passes over the data in all
    lr:         learning rate of AdamW, unless `optimizer`, a torch optimizer over the model's parameters, is given
    schedule:   "constant", or "one-cycle": up to lr, then down towards 0
    loss:       maps (outputs, labels) to a scalar
    augment:    None, or a function from a batch of images to a batch of images
    seed:       decides the order of the images and every random choice while training
    raises:     ValueError for settings that cannot train

    `rows` holds a dict per epoch (epoch, loss, train, test: accuracies from 0 to 1, train's counted while it learns),
    `losses` a number per step; `stopped` is None, or why training ended early. `run()` again goes on.
    """

    def __init__(
        self,
        model,
        data,
        *,
        test=None,
        epochs=5,
        batch_size=64,
        lr=1e-3,
        optimizer=None,
        schedule="constant",
        loss=F.cross_entropy,
        augment=None,
        seed=0,
        device=None,
        title="",
        live=True,
    ):
        check_model(model)
        for name, value in (("data", data), ("test", test)):
            if not isinstance(value, ImageSet) and not (name == "test" and value is None):
                raise ValueError(f"{name} (a {type(value).__name__}) must be an ImageSet: see helpers.data")
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"epochs (={epochs!r}) must be a whole number of at least 1")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or not 1 <= batch_size <= len(data):
            raise ValueError(f"batch_size (={batch_size!r}) must be a whole number from 1 to the {len(data)} images")
        if schedule not in ("constant", "one-cycle"):
            raise ValueError(f'schedule (={schedule!r}) must be "constant" or "one-cycle"')
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**40:
            raise ValueError(
                f"seed (={seed!r}) must be a whole number from 0 to 2**40 - 1: it decides the order of the images"
            )
        for name, value in (("loss", loss), ("augment", augment)):
            if not callable(value) and not (name == "augment" and value is None):
                raise ValueError(f"{name} (={value!r:.60}) must be a function")
        if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
            raise ValueError(f"optimizer (={optimizer!r:.60}) must be a torch optimizer over the model's parameters")
        if optimizer is None and not (isinstance(lr, (int, float)) and lr is not True and 0 < lr < math.inf):
            raise ValueError(f"lr (={lr!r}) must be above 0")
        device = pick_device(device)
        self.model, self.data, self.test = model.to(device), data.to(device), test
        self.epochs, self.batch_size, self.seed = epochs, batch_size, seed
        self.loss, self.augment, self.title, self.live = loss, augment, title, live
        self.optimizer = optimizer or torch.optim.AdamW(self.model.parameters(), lr)
        self.steps_per_epoch = -(-len(data) // batch_size)
        peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.schedule = schedule == "one-cycle" and torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, peaks, epochs * self.steps_per_epoch
        )
        self.rows, self.losses, self.right, self.stopped = [], [], 0, None

    def run(self):
        """Train up to the last epoch, or until stopped; return self."""
        self.stopped = None
        with stop_button() as pressed, own_dice(), LiveCurve(self) as curve:
            while len(self.rows) < self.epochs and not self.stopped:
                done = len(self.losses) - len(self.rows) * self.steps_per_epoch  # steps of this epoch before a stop
                batches = self.data.batches(self.batch_size, seed=self.seed + len(self.rows))
                for number, (images, labels) in enumerate(batches):
                    if number < done:
                        continue
                    self.one_step(images, labels)
                    curve.show_step()
                    if pressed():
                        self.stopped = STOP_BUTTON
                    if self.stopped:
                        break
                if len(self.losses) == (len(self.rows) + 1) * self.steps_per_epoch:
                    self.close_epoch()
                    curve.show_epoch()
            if pressed() and not self.stopped:
                self.stopped = STOP_BUTTON  # pressed while the last epoch was counted
        return self

    def one_step(self, images, labels):
        """Predict, measure the loss, follow its gradient one step down."""
        torch.manual_seed(self.seed * 1_000_003 + len(self.losses))  # a step's dropout is its own, resumed or not
        self.model.train()
        outputs = self.model(self.augment(images) if self.augment else images)
        loss = self.loss(outputs, labels)
        if not torch.isfinite(loss):
            self.stopped = (
                f"the loss became {loss.item()} at step {len(self.losses) + 1}, and no step was taken on it: "
                "lower the learning rate, or look for such values in the data"
            )
            return
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        self.losses.append(loss.item())
        self.right += (outputs.argmax(1) == labels).sum().item()

    def close_epoch(self):
        """Add the epoch's row: its mean loss, and the accuracies."""
        losses = self.losses[-self.steps_per_epoch :]
        row = dict(epoch=len(self.rows) + 1, loss=sum(losses) / len(losses), train=self.right / len(self.data))
        self.rows.append(row | ({"test": accuracy(self.model, self.test)} if self.test is not None else {}))
        self.right = 0

    def save(self, path):
        """Write everything that run() needs to go on; an older file at `path` is replaced only once the new one is whole.

        raises: OSError where it cannot be written, on a full disk or in a folder of others; the older file stays
        """
        whole = io.BytesIO()  # straight to a full disk, torch would say "unexpected pos 64 vs 0"
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict() if self.schedule else {},
                "rows": self.rows,
                "losses": self.losses,
                "right": self.right,
            },
            whole,
        )
        write_whole(path, whole.getbuffer())

    def load(self, path):
        """Take up what save() wrote, into a Training built with the same settings; return self.

        raises: FileNotFoundError, ValueError for a file that is not, or no longer, what save() wrote
        """
        data = Path(path).read_bytes()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as parts:  # torch.load would not notice a changed weight
                if damaged := parts.testzip():
                    raise ValueError(f"the checksum of {damaged} does not match")
            kept = torch.load(io.BytesIO(data), map_location=next(self.model.parameters()).device, weights_only=True)
        except Exception as error:  # a damaged file makes torch raise a dozen kinds
            raise ValueError(
                f"{path} is cut short or damaged, {len(data)} bytes: train anew, and save() over it "
                f"({type(error).__name__}: {error})"
            ) from None
        self.model.load_state_dict(kept["model"])
        self.optimizer.load_state_dict(kept["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(kept["schedule"])
        self.rows, self.losses, self.right = kept["rows"], kept["losses"], kept["right"]
        return self


def train(model, data, **settings):
    """Train `model` on `data` and return the Training; the settings are Training's.

    raises: KeyboardInterrupt, with live=False, where the stop button was pressed. Such a training is one of many: what
            follows would take the half-trained network for a trained one, and the loop would go on to the next.
    """
    run = Training(model, data, **settings).run()
    if run.stopped == STOP_BUTTON and not run.live:
        raise KeyboardInterrupt(f"stopped in epoch {min(len(run.rows) + 1, run.epochs)} of {run.epochs}. {AGAIN}")
    return run


def check_model(model):
    """Raise ValueError unless the model is a network with parameters."""
    if not isinstance(model, torch.nn.Module) or next(model.parameters(), None) is None:
        raise ValueError(
            f"model (a {type(model).__name__}) must be an nn.Module with parameters, such as nn.Linear(2, 3)"
        )


@torch.no_grad()
def accuracy(model, data, batch_size=500):
    """Return the share of images whose largest output is at their label.

    model:   maps (N, C, H, W) to (N, classes); in eval mode for the count, then as before
    data:    an ImageSet
    returns: float from 0 to 1
    raises:  ValueError for an empty set
    """
    check_model(model)
    if not isinstance(data, ImageSet):
        raise ValueError(f"data (a {type(data).__name__}) must be an ImageSet: see helpers.data")
    if len(data) == 0:
        raise ValueError("data (=empty) must hold at least one image: accuracy is a share of the images")
    mode, device, right = model.training, next(model.parameters()).device, 0
    model.eval()
    for images, labels in data.batches(batch_size, shuffle=False):
        right += (model(images.to(device)).argmax(1) == labels.to(device)).sum().item()
    model.train(mode)
    return right / len(data)


@contextmanager
def stop_button():
    """Turn the stop button (an interrupt) into a question asked between steps; a second press stops at once.

    Yields a function that says whether it was pressed. Interrupted between two steps, a run loses nothing.
    """
    presses = []

    def press(signum, frame):
        if presses:
            raise KeyboardInterrupt
        presses.append(signum)

    if threading.current_thread() is not threading.main_thread():  # only the main thread receives interrupts
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, before)
