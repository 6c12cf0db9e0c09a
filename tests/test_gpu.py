"""What is demanded on a GPU: that everything trained is there. The demand is tried on the CPU, with the meta device as the other one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from offline.devices import Watch
from torch import nn

from helpers import data
from helpers.device import pick_device
from helpers.training import train

ROOT = Path(__file__).parent.parent


@pytest.fixture
def watch(tmp_path):
    started = []

    def start(expected=None):
        started.append(Watch(expected, tmp_path / "log").start())
        return started[-1]

    before = nn.Module.to, torch.Tensor.to
    yield start
    for one in reversed(started):
        one.stop()
    assert (nn.Module.to, torch.Tensor.to) == before


def net():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def step(parameters):
    optimizer = torch.optim.SGD(list(parameters), 0.1)
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()


def batch(generator):
    return torch.rand(4, 64, generator=generator), torch.randint(10, (4,), generator=generator)


@pytest.mark.parametrize(
    "way",
    [
        lambda model: step(model.to(pick_device()).parameters()),
        lambda model: step(model.to(device=pick_device()).parameters()),
        lambda model: step(torch.rand(200, requires_grad=True).to(part) for part in [pick_device()]),
        lambda model: train(model, data.digits().subset(20), batch_size=20, epochs=1, live=False),
        lambda model: train(model, batch, steps=1, live=False),
    ],
)
def test_what_was_moved_may_be_trained(watch, way):
    seen = watch()
    way(net())
    assert seen.steps == {pick_device().type: 1} and seen.log.read_text() == f"{pick_device().type}\n"


@pytest.mark.parametrize(
    "way",
    [
        lambda model: step(model.parameters()),
        lambda model: step(model.to(torch.float32).parameters()),
        lambda model: step([torch.rand(200, requires_grad=True)]),
    ],
)
def test_what_was_not_moved_may_not(watch, way):
    seen = watch()
    with pytest.raises(AssertionError, match=r"never moved to the device.*\((200,|10, 64)\).*use \.to\(device\)"):
        way(net())
    assert not seen.steps


def test_part_of_a_network_is_seen(watch):
    watch()
    model = nn.Sequential(nn.Linear(64, 10).to("cpu"), nn.Linear(10, 10))
    with pytest.raises(AssertionError, match=r"never moved.*\[\(10, 10\), \(10,\)\]"):
        step(model.parameters())


def test_a_few_numbers_may_be_anywhere(watch):
    watch("cuda")
    step([torch.rand(100, requires_grad=True)])


def test_a_step_that_changes_nothing_may_be_anywhere(watch):
    seen = watch("cuda")
    torch.optim.SGD(net().parameters(), 0.1).step()
    assert not seen.steps


def test_another_device_than_the_expected_is_an_error(watch):
    watch("meta")
    step(net().to("meta").parameters())
    with pytest.raises(AssertionError, match=r"on \['cpu'\] and not on meta"):
        step(net().to("cpu").parameters())
    with pytest.raises(AssertionError, match=r"not on meta"):
        train(net(), data.digits().subset(20), batch_size=20, epochs=1, live=False, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_the_command_says_that_there_is_no_gpu():
    done = subprocess.run([sys.executable, str(ROOT / "tests/gpu.py")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "no CUDA device" in done.stderr and done.stdout == ""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_training_goes_to_the_gpu(watch):
    seen = watch("cuda")
    run = train(net(), data.digits().subset(20), batch_size=20, epochs=1, live=False)
    assert next(run.model.parameters()).is_cuda and seen.steps == {"cuda": 1}
