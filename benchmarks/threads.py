"""One torch thread against two, for networks of the course's sizes and for one that is not small.

Each case runs with one thread and with two in turn, first alone, then while a program that only computes runs on every core,
as a browser or a neighbour on a hub might. Times are the clock's on the wall. helpers.device.start() chooses one thread.
"""

import os
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.tables import Table, command_line, in_turn, median
from helpers.models import ViT, resnet18
from helpers.models.deep import deep_net

BUSY = "while True: pass"


def step_of(model, x, y, steps=1):
    """Return a function that does `steps` training steps."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)

    def step():
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    return step


class LastStep(nn.Module):
    """An LSTM, and a linear layer on what it shows last."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.layer, self.head = nn.LSTM(inputs, hidden, batch_first=True), nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def convolution(steps):
    x, w = torch.randn(1, 1, 32, 32), torch.randn(1, 1, 3, 3)

    def run():
        with torch.no_grad():
            for _ in range(steps):
                F.conv2d(x, w, padding=1)

    return run


def cases(quick):
    """Return {name: function}."""
    y = torch.arange(64) % 10
    found = {
        "one 3×3 convolution of a 32×32 image, 100 times": convolution(100),
        "20-layer network, 64 digits of 8×8, 1 step": step_of(deep_net(20), torch.randn(64, 1, 8, 8), y),
        "LSTM of 64, 64 sequences of 51 steps, 1 step": step_of(LastStep(9, 64, 10), torch.randn(64, 51, 9), y),
    }
    if quick:
        return found
    return found | {
        "ViT of width 32, 64 digits in 16 patches, 2 steps": step_of(
            ViT(8, 2, 2, 4, 32, 64, 10, 1), torch.randn(64, 1, 8, 8), y, 2
        ),
        "ResNet-18, 16 images of 64×64, 1 step": step_of(resnet18(num_classes=10), torch.randn(16, 3, 64, 64), y[:16]),
    }


def with_threads(threads, function):
    def run():
        torch.set_num_threads(threads)
        function()

    return run


def one_and_two(function, repeats, patience=6):
    """Return the median seconds with one thread and with two; after `patience` seconds no further repeat begins."""
    begin, runs = time.perf_counter(), []
    for repeat in range(repeats):
        if repeat and time.perf_counter() - begin > patience:
            break
        runs.append(
            in_turn([with_threads(1, function), with_threads(2, function)], 1, time.perf_counter, warm_up=repeat == 0)
        )
    torch.set_num_threads(1)
    return tuple(median([run[i][0] for run in runs]) for i in (0, 1))


def measure(options):
    torch.manual_seed(0)
    repeats = 3 if options.quick else 9
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = cases(options.quick)
    alone = {name: one_and_two(function, repeats) for name, function in found.items()}
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(cores)]
    try:
        time.sleep(0.5)
        busy = {name: one_and_two(function, min(repeats, 5)) for name, function in found.items()}
    finally:
        for other in others:
            other.kill()
            other.wait()
    rows = [
        [
            name,
            *(
                cell
                for one, two in (alone[name], busy[name])
                for cell in (f"{1e3 * one:.1f}", f"{1e3 * two:.1f}", f"{two / one:.2f}")
            ),
        ]
        for name in found
    ]
    yield Table(
        "One torch thread against two",
        ["work", "1 thread/ms", "2 threads/ms", "2 ÷ 1", "busy: 1 thread/ms", "busy: 2 threads/ms", "busy: 2 ÷ 1"],
        rows,
        [
            f"{cores} cores; medians of up to {repeats} runs in turn, on the wall. Busy: while as many other programs"
            " compute as there are cores. Above 1, the second thread hurts. `helpers.device.start` takes one thread"
            " everywhere."
        ],
    )


if __name__ == "__main__":
    command_line(measure, __doc__)
