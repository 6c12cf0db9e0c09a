"""A training in a file, and back: everything that run() needs to go on exactly, and reasons where a file does not fit."""

import io
import zipfile
from pathlib import Path

import torch

from helpers.files import write_whole


def save(run, path):
    """Write where the Training stands; an older file at `path` is replaced only once the new one is whole."""
    whole = io.BytesIO()  # straight to a full disk, torch would say "unexpected pos 64 vs 0"
    torch.save(
        {
            "settings": run.settings,
            "model": run.model.state_dict(),
            "optimizers": [turn.optimizer.state_dict() for turn in run.turns],
            "schedules": [turn.schedule.state_dict() for turn in run.turns],
            "averaged": run.averaged.state_dict() if run.averaged else {},
            "rows": run.rows,
            "losses": run.losses,
            "norms": run.norms,
            "seen": run.seen,
        },
        whole,
    )
    write_whole(path, whole.getbuffer())


def load(run, path):
    """Take up what save() wrote. The Training is changed only once everything in the file fits it."""
    kept = read(path, next(run.model.parameters()).device)
    if not isinstance(kept, dict) or "settings" not in kept:
        raise ValueError(f"{path} was not written by this version's Training.save(): train anew, and save() over it")
    check_weights(path, kept["model"], run.model.state_dict())
    check_settings(path, kept["settings"], run.settings)
    run.model.load_state_dict(kept["model"])
    for turn, optimizer, schedule in zip(run.turns, kept["optimizers"], kept["schedules"], strict=True):
        turn.optimizer.load_state_dict(optimizer)
        turn.schedule.load_state_dict(schedule)
    if run.averaged:
        run.averaged.load_state_dict(kept["averaged"])
    run.rows, run.losses, run.norms, run.seen = kept["rows"], kept["losses"], kept["norms"], kept["seen"]


def read(path, device):
    """Return what is in the file; raise ValueError, with what to do, where it is no longer whole."""
    data = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:  # torch.load would not notice a changed weight
            if damaged := parts.testzip():
                raise ValueError(f"the checksum of {damaged} does not match")
        return torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # a damaged file makes torch raise a dozen kinds
        raise ValueError(
            f"{path} is cut short or damaged, {len(data)} bytes: train anew, and save() over it "
            f"({type(error).__name__}: {error})"
        ) from None


def check_weights(path, kept, wanted):
    """Raise ValueError unless both hold weights of the same names and shapes."""
    for name in [*wanted, *kept]:
        there, here = (describe(weights.get(name)) for weights in (kept, wanted))
        if there != here:
            raise ValueError(
                f"{path} holds another model: {name} is {there} there and {here} here; build the model that was saved"
            )


def describe(weight):
    if weight is None:
        return "missing"
    return f"{tuple(weight.shape)}" if isinstance(weight, torch.Tensor) else "no tensor"


def check_settings(path, kept, wanted):
    """Raise ValueError unless both trainings have the same settings: else going on would not be exact."""
    for name in [*wanted, *kept]:
        if kept.get(name) != wanted.get(name):
            raise ValueError(
                f"{path} was saved with {name}={kept.get(name)!r}, and this Training has {name}={wanted.get(name)!r}: "
                "give it the settings of the saved one"
            )
