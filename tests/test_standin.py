"""A second device, stood in for on the CPU: what CUDA refuses is refused, what it lets pass passes, with the same results.

Then every chapter runs on it and is compared: what is left behind on the CPU is seen where there is no GPU.
"""

import copy

import nbformat
import numpy as np
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from offline import attempts, environment, standin
from stored_outputs import differences
from torch import nn
from torch.nn import functional as F

from helpers.course.notebooks import run
from helpers.course.rooms import NOTEBOOKS
from helpers.device import pick_device, start
from helpers.training import train


@pytest.fixture
def there():
    watch = standin.StandIn().start()
    yield start()
    watch.stop()


def on(device, *shape):
    return torch.rand(*shape).to(device)


REFUSED = {
    "a sum": lambda there: on(there, 3) + torch.ones(3),
    "a number there": lambda there: torch.ones(3) * on(there, 1)[0],
    "a product": lambda there: torch.ones(2, 3) @ on(there, 3, 2),
    "a view": lambda there: on(there, 3, 4)[1].view(2, 2) + torch.ones(2, 2),
    "a result": lambda there: torch.ones(3) + (on(there, 3) * 2).relu(),
    "in place": lambda there: torch.ones(3).add_(on(there, 3)),
    "into a number": lambda there: torch.tensor(1.0).add_(on(there, 1)[0]),
    "a network": lambda there: nn.Linear(3, 2).to(there)(torch.ones(1, 3)),
    "a batch": lambda there: nn.Linear(3, 2)(on(there, 1, 3)),
    "labels": lambda there: F.cross_entropy(on(there, 2, 3), torch.tensor([0, 1])),
    "a mask": lambda there: on(there, 2, 2).masked_fill(torch.ones(2, 2).bool(), 0),
    "a choice": lambda there: torch.where(torch.ones(3) > 0, on(there, 3), 0.0),
    "indices": lambda there: torch.ones(3)[torch.tensor([0]).to(there)],
    "an embedding": lambda there: nn.Embedding(3, 2).to(there)(torch.tensor([1])),
    "numbers in a row": lambda there: torch.stack([on(there, 1)[0], torch.tensor(1.0)]),
    "made from a list": lambda there: torch.tensor([1.0, 2.0], device=there) + torch.ones(2),
    "made like": lambda there: torch.zeros_like(on(there, 3)) + torch.ones(3),
    "made on its device": lambda there: torch.zeros(3, device=on(there, 1).device) + torch.ones(3),
    "a deep copy": lambda there: copy.deepcopy(on(there, 3)) + torch.ones(3),
    "what was deeply copied": lambda there: (lambda x: copy.deepcopy(x) + x + torch.ones(3))(on(there, 3)),
    "a copy on the CPU": lambda there: on(there, 3).cpu() + on(there, 3),
    "equal": lambda there: torch.equal(on(there, 3), torch.ones(3)),
    "close": lambda there: torch.testing.assert_close(torch.ones(3).to(there), torch.ones(3)),
    "a generator": lambda there: torch.rand(3, generator=torch.Generator(), device=there),
    "a generator there": lambda there: torch.rand(3, generator=torch.Generator(device=there)),
    "an array": lambda there: on(there, 3).numpy(),
    "an array of NumPy's": lambda there: np.asarray(on(there, 3)),
    "the loss of another": lambda there: nn.Linear(3, 1).to(there)(on(there, 2, 3)).backward(torch.ones(2, 1)),
    "a layer of two": lambda there: nn.Sequential(nn.Linear(3, 3).to(there), nn.Linear(3, 3))(on(there, 1, 3)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cuda_refuses_is_refused(there, what):
    with pytest.raises((RuntimeError, TypeError, AssertionError), match="device"):
        REFUSED[what](there)


def step(there):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).to(there)
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(2):
        loss = F.cross_entropy(model(on(there, 2, 1, 8, 8)), torch.tensor([0, 1]).to(there))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert all(parameter.device == there for parameter in model.cpu().to(there).parameters())
    assert all(parameter.device.index is None for parameter in model.cpu().parameters())
    return loss.item()


def averaged(there):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    model[0].register_buffer("waves", torch.arange(4.0))
    return train(
        model.to(there),
        lambda dice: torch.rand(5, 3, generator=dice),
        step=lambda model, batch: model(batch.to(there)).square().mean(),
        steps=3,
        average=0.9,
        live=False,
        device=there,
    ).losses


def backward(x, function):
    function(x.requires_grad_()).backward()
    return x.grad + x


def meta():
    with torch.device("meta"):
        return nn.Linear(3, 4)


PASSES = {
    "a number of the CPU": lambda there: on(there, 3) * torch.tensor(2.0) + 1,
    "indices of the CPU": lambda there: on(there, 5, 2)[torch.tensor([0, 3])],
    "a mask of the CPU": lambda there: on(there, 5)[torch.ones(5).bool()],
    "a copy": lambda there: torch.zeros(3).copy_(on(there, 3)) + torch.ones(3),
    "a copy into a part": lambda there: torch.zeros(2, 3).index_fill_(0, torch.tensor([0]), 1.0).to(there)[0].sum(),
    "filling a part": lambda there: torch.zeros(3).__setitem__(slice(0, 2), on(there, 2)),
    "back to the CPU": lambda there: on(there, 3).detach().cpu().numpy() + torch.ones(3).numpy(),
    "by the other's": lambda there: torch.ones(3).to(on(there, 1)) + on(there, 3),
    "what is there stays": lambda there: (lambda x: x.to(there).data_ptr() - x.data_ptr())(on(there, 3)),
    "another type": lambda there: on(there, 3).to(torch.float64) + on(there, 3),
    "a type and a device": lambda there: torch.ones(3).to(there, torch.float64) + on(there, 3),
    "a generator of its own": lambda there: torch.rand(3, generator=torch.Generator(device=there), device=there),
    "drawn on the CPU": lambda there: torch.randperm(3, generator=torch.Generator().manual_seed(0)),
    "a training": step,
    "a running average of weights and buffers": averaged,
    "the gradient of a choice": lambda there: backward(on(there, 4, 2), lambda x: x[torch.tensor([0, 0, 3])].sum()),
    "the gradient of products": lambda there: backward(on(there, 4), lambda x: x.cumprod(0).sum() + x.prod() + x.std()),
    "the gradient of an embedding": lambda there: backward(
        on(there, 4, 2), lambda x: F.embedding(torch.tensor([1]).to(there), x).sum()
    ),
    "the gradient of windows": lambda there: backward(
        on(there, 4, 4), lambda x: x.unfold(0, 2, 1).amax(2).flip(0).sum()
    ),
    "padding in a circle": lambda there: F.pad(on(there, 1, 1, 4, 4), (1, 1, 1, 1), mode="circular") + on(there, 1),
    "one of so many": lambda there: F.one_hot(torch.tensor([1, 2]).to(there), 4) + on(there, 4),
    "heads": lambda there: nn.MultiheadAttention(8, 2, batch_first=True).to(there)(*[on(there, 1, 4, 8)] * 3)[0],
    "a recurrence": lambda there: nn.LSTM(3, 4).to(there)(on(there, 5, 2, 3))[0].tolist(),
    "a table of costs": lambda there: nn.Linear(3, 4, device="meta")(torch.ones(1, 3, device="meta")).shape,
    "a network without numbers": lambda there: [p.device.type for p in meta().parameters()],
    "words": lambda there: f"{on(there, 2).shape} {on(there, 1).item():.1f}",
}


@pytest.mark.parametrize("what", PASSES)
def test_what_cuda_lets_pass_passes(there, what):
    torch.manual_seed(0)
    found = PASSES[what](there)
    torch.manual_seed(0)
    want = PASSES[what](torch.device("cpu"))
    if isinstance(found, torch.Tensor):
        assert torch.equal(found.cpu(), want.cpu()), "the same numbers as on the CPU"
    else:
        assert str(found) == str(want)


def test_the_course_picks_it_and_goes_back(there):
    assert pick_device() == there == torch.device("cpu", 0) != torch.device("cpu")
    assert "device='cuda:0'" in repr(torch.ones(2).to(there)), "as it is printed on a GPU, where it would differ"


def test_nothing_is_left_behind():
    assert pick_device().index is None and torch.Tensor.device.__get__(torch.ones(1)).index is None
    assert torch.Generator is type(torch.default_generator)


def on_the_stand_in(nb, log):
    return run(nb, NOTEBOOKS, environment(log) | {"COURSE_STAND_IN": "1"})


def small(*cells):
    return new_notebook(cells=[new_code_cell(cell) for cell in cells])


PLANTED = """import torch
from helpers.device import start
device, images = start(), torch.rand(10, 1, 8, 8)
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)).to(device)"""


def test_a_planted_mistake_is_seen_in_a_notebook(tmp_path):
    on_the_stand_in(small(PLANTED, "model(images.to(device)).shape"), tmp_path / "log")
    with pytest.raises(CellExecutionError, match="Expected all tensors to be on the same device"):
        on_the_stand_in(small(PLANTED, "model(images).shape"), tmp_path / "log")


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_chapter(path, request, tmp_path):
    ran = on_the_stand_in(nbformat.read(path, 4), tmp_path / "log")
    assert attempts(tmp_path / "log") == []
    found = differences(request.session, path, {cell.id: cell.get("outputs", []) for cell in ran.cells})
    assert not found, "\n".join(f"cell {id}: {said}" for id, said in found.items())
