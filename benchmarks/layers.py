"""Layers from scratch against torch's, and the loops that define them against their fast form, at the chapters' sizes.

Each row takes the two in turn, so that a busy machine slows both, and gives the median of each, the ratio of the medians and
the ratio of the fastest runs. On the CPU with one thread the time is the processor's, which leaves out the time in which other
programs ran; with more threads, or on a GPU, it is the clock's on the wall. "x too" means that the gradient of the input is
asked for as well, as in every layer but the first.
"""

import time

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.tables import Table, command_line, in_turn, median
from helpers import layers
from helpers.device import pick_device
from helpers.layers import (
    attention,
    attention_naive,
    avg_pool2d,
    avg_pool2d_naive,
    batch_norm,
    batch_norm_naive,
    conv2d,
    conv2d_naive,
    layer_norm,
    max_pool2d,
    max_pool2d_naive,
)

CONVOLUTIONS = [  # x, out_channels, kernel_size, stride, padding
    ((64, 1, 28, 28), 16, 3, 1, 1),
    ((64, 1, 28, 28), 16, 5, 1, 2),
    ((64, 3, 32, 32), 32, 3, 1, 1),
    ((1, 3, 227, 227), 96, 11, 4, 0),
    ((64, 16, 14, 14), 32, 3, 1, 1),
]
POOLS = [((64, 16, 28, 28), 2, 2, 0), ((64, 16, 28, 28), 3, 2, 1)]  # x, kernel_size, stride, padding
BATCH_NORMS = [(64, 16, 8, 8), (64, 16, 28, 28)]
LAYER_NORMS = [((64, 17, 32), 32), ((8, 197, 192), 192)]  # x, normalized_shape
RECURRENT = [("RNN", (64, 20, 9), 32), ("RNN", (32, 50, 32), 64), ("LSTM", (64, 51, 9), 64), ("GRU", (64, 51, 9), 64)]
ATTENTION = [((64, 4, 17, 8), 4), ((8, 3, 197, 64), 3)]  # queries, keys and values (N, heads, T, D / heads)
COLUMNS = ["layer", "pass", "ours/ms", "torch/ms", "ratio", "of the fastest"]


def passes(function, inputs, parameters=()):
    """Return (name, function) for the forward pass alone, and for forward and backward, without and with x's gradient.

    inputs: x and whatever else function takes; all but x get their gradient always;  parameters: those of a module
    """

    def forward():
        with torch.no_grad():
            function(*inputs)

    def both(x_too):
        leaves = [t.detach().requires_grad_(x_too or place > 0) for place, t in enumerate(inputs)]
        push = torch.randn_like(function(*leaves))

        def run():
            function(*leaves).backward(push)
            for leaf in [*leaves, *parameters]:
                leaf.grad = None

        return run

    steps = [("forward", forward), ("forward + backward, x too", both(True))]
    return [steps[0], ("forward + backward", both(False)), steps[1]] if len(inputs) > 1 or parameters else steps


def compare(what, ours, theirs, inputs, options, modules=()):
    """Yield a row for each pass of two functions of the same inputs; modules: where they are modules, the two."""
    mine, other = (passes(f, inputs, list(f.parameters()) if modules else ()) for f in (ours, theirs))
    for (step, a), (_, b) in zip(mine, other):
        yield [what, step, *timed(a, b, options)]


def timed(a, b, options, repeats=None):
    """Return the texts for two functions in turn: median of each in ms, ratio of medians, ratio of the fastest."""
    clock = time.process_time if options.threads == 1 and options.device.type == "cpu" else time.perf_counter
    if options.device.type != "cpu":
        a, b = waiting(a), waiting(b)
    first, second = in_turn([a, b], repeats or options.repeats, clock)
    return [
        f"{median(first) * 1e3:.2f}",
        f"{median(second) * 1e3:.2f}",
        f"{median(first) / median(second):.2f}",
        f"{min(first) / min(second):.2f}",
    ]


def waiting(function):
    """The function, and then whatever it left the GPU to do."""

    def run():
        function()
        torch.accelerator.synchronize()

    return run


def against_torch(options):
    def draw(*shape):
        return torch.randn(*shape, device=options.device)

    convolutions, pools, norms = CONVOLUTIONS, POOLS, BATCH_NORMS
    for shape, out_channels, k, stride, padding in convolutions[:2] if options.quick else convolutions:
        yield from compare(
            f"conv {shape} → {out_channels}, {k}×{k}, stride {stride}",
            lambda x, w, b: conv2d(x, w, b, stride, padding),
            lambda x, w, b: F.conv2d(x, w, b, stride, padding),
            [draw(*shape), draw(out_channels, shape[1], k, k), draw(out_channels)],
            options,
        )
    for name, mine, other in (("max", max_pool2d, F.max_pool2d), ("avg", avg_pool2d, F.avg_pool2d)):
        for shape, k, stride, padding in pools[:1] if options.quick else pools:
            yield from compare(
                f"{name} pool {shape}, {k}×{k}, stride {stride}",
                lambda x: mine(x, k, stride, padding),
                lambda x: other(x, k, stride, padding),
                [draw(*shape)],
                options,
            )
    for shape in norms[:1] if options.quick else norms:
        yield from compare(
            f"batch norm {shape}",
            lambda x, w, b: batch_norm(x, None, None, w, b, training=True),
            lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
            [draw(*shape), draw(shape[1]), draw(shape[1])],
            options,
        )
    for shape, width in LAYER_NORMS[:1] if options.quick else LAYER_NORMS:
        yield from compare(
            f"layer norm {shape}",
            lambda x, w, b: layer_norm(x, width, w, b),
            lambda x, w, b: F.layer_norm(x, (width,), w, b),
            [draw(*shape), draw(width), draw(width)],
            options,
        )
    for kind, shape, hidden in RECURRENT[:1] if options.quick else RECURRENT:
        mine, other = (
            Output(getattr(room, kind)(shape[-1], hidden, batch_first=True)).to(options.device) for room in (layers, nn)
        )
        yield from compare(f"{kind} {shape} → {hidden}", mine, other, [draw(*shape)], options, modules=(mine, other))
    for shape, heads in ATTENTION[:1] if options.quick else ATTENTION:
        yield from compare(
            f"attention {shape}", attention, F.scaled_dot_product_attention, [draw(*shape) for _ in range(3)], options
        )
        N, _, T, part = shape
        mine, other = (
            Output(make(heads * part, heads, batch_first=True), times).to(options.device)
            for make, times in ((layers.MultiHeadAttention, 1), (nn.MultiheadAttention, 3))
        )
        yield from compare(
            f"multi-head attention {(N, T, heads * part)}, {heads} heads",
            mine,
            other,
            [draw(N, T, heads * part)],
            options,
            modules=(mine, other),
        )


class Output(nn.Module):
    """A layer's first output; it takes x `times` times (nn.MultiheadAttention wants queries, keys and values)."""

    def __init__(self, layer, times=1):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x):
        out = self.layer(*[x] * self.times)
        return out[0] if isinstance(out, tuple) else out


def against_naive(options):
    """The loops take microseconds per output number, so they run on one image, with one kernel, or on a short sequence."""

    def row(what, loops, fast):
        with torch.no_grad():
            return [what, "forward", *timed(loops, fast, options, 3 if options.quick else 5)]

    for shape, _, k, stride, padding in CONVOLUTIONS[:1] if options.quick else CONVOLUTIONS:
        x, w = torch.randn(1, *shape[1:]), torch.randn(1, shape[1], k, k)
        yield row(
            f"conv {tuple(x.shape)} → 1, {k}×{k}, stride {stride}",
            lambda: conv2d_naive(x, w, None, stride, padding),
            lambda: conv2d(x, w, None, stride, padding),
        )
    for name, fast, loops in (("max", max_pool2d, max_pool2d_naive), ("avg", avg_pool2d, avg_pool2d_naive)):
        for shape, k, stride, padding in POOLS[:1] if options.quick else POOLS:
            x = torch.randn(1, 1, *shape[2:])
            yield row(
                f"{name} pool {tuple(x.shape)}, {k}×{k}, stride {stride}",
                lambda: loops(x, k, stride, padding),
                lambda: fast(x, k, stride, padding),
            )
    x, one = torch.randn(64, 16, 8, 8), torch.ones(16)
    yield row(
        f"batch norm {tuple(x.shape)}",
        lambda: batch_norm_naive(x, one, one),
        lambda: batch_norm(x, None, None, one, one, training=True),
    )
    for T in (4,) if options.quick else (4, 17):
        q, k, v = torch.randn(3, 1, 1, T, 8)
        yield row(f"attention {tuple(q.shape)}", lambda: attention_naive(q, k, v), lambda: attention(q, k, v))


def measure(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    options.device = pick_device(options.device)
    options.repeats = options.repeats or (5 if options.quick else 21)
    where = "CPU" if options.device.type == "cpu" else "GPU"
    yield Table(
        "Layers from scratch against torch's",
        COLUMNS,
        list(against_torch(options)),
        [
            f"{where}, {options.threads} thread{'s' * (options.threads > 1)}, medians of {options.repeats} runs in"
            " turn. A recurrent layer from scratch is a Python loop over the steps; torch's is one call. Attention"
            " from scratch writes down its T × T weights; torch's need not, but nn.MultiheadAttention does by default."
        ],
        ("ours/ms", "torch/ms", "ratio"),
        keys=2,
    )
    if where == "CPU":
        yield Table(
            "The loops that define a layer against its fast form",
            ["layer", "pass", "loops/ms", "fast/ms", "ratio", "of the fastest"],
            list(against_naive(options)),
            [f"CPU, one image, one kernel or channel; medians of {3 if options.quick else 5} runs."],
            keys=2,
        )


def more(parser):
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for torch (default 1)")
    parser.add_argument("--repeats", type=int, help="runs of each, in turn (default 21)")
    parser.add_argument("--device", help='such as "cpu" (default: a GPU, if there is one)')


if __name__ == "__main__":
    command_line(measure, __doc__, more)
