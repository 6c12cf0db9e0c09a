"""The same loop in several processes: what torchrun started shares each batch out, and agrees on what was seen.

torchrun --nproc_per_node=2 script.py      each process runs the script, with its own RANK and WORLD_SIZE
"""

import atexit
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from helpers.device import pick_device
from helpers.training.batches import mapped, size_of


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
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.size > 1 and device is None and torch.cuda.is_available():
            device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        self.device = pick_device(device)
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            atexit.register(dist.destroy_process_group)  # else its threads end with the interpreter, and may abort it

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
        made = Steps(model, steps, measured)
        return DistributedDataParallel(made, find_unused_parameters=True) if self.size > 1 else made

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
