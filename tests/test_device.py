"""Device, seeds and threads."""

import random

import numpy as np
import pytest
import torch

from helpers.course.source import show_source
from helpers.device import pick_device, preserve_rng, start
from helpers.output import in_notebook


def test_start_repeats_everything():
    draws = []
    for _ in range(2):
        device = start(seed=11)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1] and device == pick_device() and torch.get_num_threads() == 1


def test_a_broken_accelerator_falls_back_to_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    if not torch.cuda.is_available():
        assert pick_device() == torch.device("cpu")


def test_an_apple_gpu_gets_its_random_state_back(monkeypatch):
    """torch seeds it with the CPU, and fork_rng does not restore it."""
    state = ["before"]
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", state.append)
    with pytest.raises(KeyError), preserve_rng():
        state.append("seeded")
        raise KeyError
    assert state[-1] == "before"


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_bad_threads(threads):
    with pytest.raises(ValueError, match="threads"):
        start(threads=threads)


def test_unknown_device():
    with pytest.raises(ValueError, match="nowhere"):
        pick_device("nowhere")
    assert pick_device("cpu") == torch.device("cpu")


def test_source_is_what_runs(capsys):
    assert not in_notebook()
    show_source(in_notebook)
    assert "def in_notebook():" in capsys.readouterr().out
    with pytest.raises(TypeError, match="no source"):
        show_source(len)
