"""The same loop in several processes: what torchrun started shares each batch out, and agrees on what was seen.

torchrun --nproc_per_node=2 script.py      each process runs the script, with its own RANK and WORLD_SIZE
"""

import atexit
import gc
import os
import weakref

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from helpers.device import pick_device
from helpers.training.batches import mapped, size_of

HERE = weakref.WeakSet()  # the Peers of this process


def leave():
    """Leave the group of processes, at the end of each.

    Its threads end with the last thing that holds it. One that ended later than the interpreter would abort the process.
    """
    for peers in HERE:
        peers.wrapped = None
    gc.collect()
    dist.destroy_process_group()


class Steps(nn.Module):
    """The steps as a module, so that DistributedDataParallel sees every gradient, whatever parts a step calls."""

    def __init__(self, model, steps, measured):
        super().__init__()
        self.model, self.steps, self.measured = model, steps, measured

    def forward(self, turn, batch):
        return self.measured(self.steps[turn](self.model, batch))


class Peers:
    """The processes of this training: one alone, or those that torchrun started.

    rank:   which one this is, 0 for the one that shows and saves
    size:   how many there are
    device: where this one computes
    """

    def __init__(self, device=None):
        several = dist.is_available() and dist.is_torchelastic_launched() and os.environ["WORLD_SIZE"] != "1"
        self.rank, self.size = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE")) if several else (0, 1)
        if self.size > 1 and device is None and torch.cuda.is_available():
            device = f"cuda:{os.environ['LOCAL_RANK']}"
        self.device = pick_device(device)
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            atexit.register(leave)
        HERE.add(self)

    def share(self, batch):
        """Return this process's part of the batch, and the weight of its mean loss in the mean of the whole batch.

        DistributedDataParallel takes the plain mean over the processes: unequal parts are weighted before. A batch of
        fewer examples than processes goes whole to each.
        """
        whole = size_of(batch)
        if self.size == 1 or whole < self.size:
            return batch, 1.0
        mine = mapped(batch, lambda tensor: tensor[self.rank :: self.size] if tensor.dim() else tensor)
        return mine, size_of(mine) * self.size / whole

    def wrap(self, model, steps, measured):
        """Return a function (turn, batch) → (loss, recorded) that takes that step, and averages gradients over all."""
        self.wrapped = Steps(model, steps, measured)
        if self.size > 1:
            self.wrapped = DistributedDataParallel(self.wrapped, find_unused_parameters=True)
        return lambda turn, batch: self.wrapped(turn, batch)

    def mean(self, numbers, weight):
        """Return the mean over the processes of each number in a dict, when this one's count with `weight`."""
        if self.size == 1:
            return numbers
        total = torch.tensor([*numbers.values(), 1.0], dtype=torch.float64, device=self.device) * weight
        dist.all_reduce(total)
        return dict(zip(numbers, (total[:-1] / total[-1]).tolist(), strict=True))

    def any(self, said):
        """Return whether any process says so."""
        return bool(self.mean({"said": float(said)}, 1.0)["said"])

    def from_first(self, make):
        """Return what make() returns in the first process, in all: what it measures or writes is done once."""
        if self.size == 1:
            return make()
        answer = [make() if self.rank == 0 else None]
        dist.broadcast_object_list(answer, src=0)
        return answer[0]
