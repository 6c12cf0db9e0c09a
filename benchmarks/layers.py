"""Compare the course's layers with torch's, side by side in one run: python benchmarks/layers.py [--threads 2]

Each row interleaves the two, so that a busy machine slows both, and gives the median of each, the ratio of the medians
and the ratio of the fastest runs. One thread is timed by the processor time it used, which leaves out the time in which
other programs ran; more threads by the clock on the wall. "x too" means that the gradient of the input is asked for as
well, as in every layer but the first.
"""

import argparse
import statistics
import time

import torch
from torch.nn import functional as F

from helpers.layers import avg_pool2d, avg_pool2d_naive, conv2d, conv2d_naive, max_pool2d, max_pool2d_naive

CONVOLUTIONS = [  # x, out_channels, kernel_size, stride, padding
    ((64, 1, 28, 28), 16, 3, 1, 1),
    ((64, 1, 28, 28), 16, 5, 1, 2),
    ((64, 3, 32, 32), 32, 3, 1, 1),
    ((1, 3, 227, 227), 96, 11, 4, 0),
    ((64, 16, 14, 14), 32, 3, 1, 1),
]
POOLS = [((64, 16, 28, 28), 2, 2, 0), ((64, 16, 28, 28), 3, 2, 1)]  # x, kernel_size, stride, padding


def measure(functions, repeats):
    """Return the seconds of each run of each function; they run in turn `repeats` times, after one run to warm up."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = [[] for _ in functions]
    for repeat in range(repeats + 1):
        for taken, function in zip(times, functions):
            begin = clock()
            function()
            if repeat:
                taken.append(clock() - begin)
    return times


def passes(layer, inputs):
    """Return (name, function) for the forward pass alone and for forward and backward, without and with x's gradient."""
    def forward():
        with torch.no_grad():
            layer(*inputs)

    def both(x_too):
        push = torch.randn_like(layer(*inputs))
        leaves = [t.detach().requires_grad_(x_too or place > 0) for place, t in enumerate(inputs)]

        def run():
            layer(*leaves).backward(push)
            for leaf in leaves:
                leaf.grad = None
        return run

    steps = [("forward", forward), ("forward + backward, x too", both(True))]
    return steps if len(inputs) == 1 else [steps[0], ("forward + backward", both(False)), steps[1]]


def print_head(what, first, second):
    print(f"{what:<46} {'':<27} {first + '/ms':>9} {second + '/ms':>9} {'ratio':>7} {'fastest':>8}")


def print_row(what, step, first, second):
    a, b = statistics.median(first), statistics.median(second)
    print(f"{what:<46} {step:<27} {a * 1e3:>9.2f} {b * 1e3:>9.2f} {a / b:>7.2f} {min(first) / min(second):>8.2f}", flush=True)


def against_torch(repeats):
    print_head("the fast form against torch", "ours", "torch")
    for shape, out_channels, k, stride, padding in CONVOLUTIONS:
        inputs = [torch.randn(shape), torch.randn(out_channels, shape[1], k, k), torch.randn(out_channels)]
        ours = passes(lambda x, w, b: conv2d(x, w, b, stride, padding), inputs)
        theirs = passes(lambda x, w, b: F.conv2d(x, w, b, stride, padding), inputs)
        what = f"conv {shape} → {out_channels}, {k}×{k}, stride {stride}"
        for (step, a), (_, b) in zip(ours, theirs):
            print_row(what, step, *measure([a, b], repeats))
    for name, mine, other in (("max", max_pool2d, F.max_pool2d), ("avg", avg_pool2d, F.avg_pool2d)):
        for shape, k, stride, padding in POOLS:
            inputs = [torch.randn(shape)]
            ours = passes(lambda x: mine(x, k, stride, padding), inputs)
            theirs = passes(lambda x: other(x, k, stride, padding), inputs)
            for (step, a), (_, b) in zip(ours, theirs):
                print_row(f"{name} pool {shape}, {k}×{k}, stride {stride}", step, *measure([a, b], repeats))


def against_naive():
    """The loops take microseconds per output number, so they run on one image, with one kernel."""
    print()
    print_head("one image, one kernel or channel", "loops", "fast")
    for shape, _, k, stride, padding in CONVOLUTIONS:
        x, w = torch.randn(1, *shape[1:]), torch.randn(1, shape[1], k, k)
        with torch.no_grad():
            times = measure([lambda: conv2d_naive(x, w, None, stride, padding),
                             lambda: conv2d(x, w, None, stride, padding)], 5)
        print_row(f"conv {tuple(x.shape)} → 1, {k}×{k}, stride {stride}", "forward", *times)
    for name, fast, loops in (("max", max_pool2d, max_pool2d_naive), ("avg", avg_pool2d, avg_pool2d_naive)):
        for shape, k, stride, padding in POOLS:
            x = torch.randn(1, 1, *shape[2:])
            times = measure([lambda: loops(x, k, stride, padding), lambda: fast(x, k, stride, padding)], 5)
            print_row(f"{name} pool {tuple(x.shape)}, {k}×{k}, stride {stride}", "forward", *times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for torch (default 1)")
    parser.add_argument("--repeats", type=int, default=31, help="runs of each, interleaved (default 31)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {options.threads} thread(s), medians of {options.repeats} interleaved runs\n")
    against_torch(options.repeats)
    against_naive()
