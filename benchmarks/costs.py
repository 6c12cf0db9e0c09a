"""Our cost table against torch's own counter, fvcore, torchinfo and ptflops, over torchvision's classification models.

Is each right? How long does it take, beside a bare forward pass on the meta device, which counts nothing? And which operators
does it not see? Times are processor seconds on one thread: of ours and of the bare pass medians of 3 runs in turn, of the
others one run. fvcore traces with real numbers, on the CPU, since its tracing fails on meta; the others run on meta. A tool that is missing is left out, and said: `make bench`
installs them (the extra `bench` of pyproject.toml).
"""

import contextlib
import copy
import importlib.util
import io
import json
import statistics
import subprocess
import sys
import time
import warnings
from unittest import mock

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tables import NOT_HERE, Table, command_line, in_turn, median
from helpers.costs import cost_table

SHAPE = (1, 3, 224, 224)
QUICK = ["alexnet", "mobilenet_v3_small", "resnet50", "swin_t", "vit_b_16"]


# ---- the counters: model, shape → MACs ------------------------------------------------------------------------------


def bare(model, shape):
    """Count nothing: a forward pass on shapes alone."""
    with torch.inference_mode():
        model(torch.empty(shape, device=device_of(model)))


def ours(model, shape):
    return cost_table(model, shape).total.macs


def torchs(model, shape):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(shape, device=device_of(model)))
    return counter.get_total_flops() // 2


def fvcores(model, shape):
    from fvcore.nn import FlopCountAnalysis

    count = FlopCountAnalysis(model, torch.empty(shape, device=device_of(model)))
    return int(count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none").total())


def torchinfos(model, shape):
    from torchinfo import summary

    return summary(model, input_size=shape, verbose=0, device=device_of(model)).total_mult_adds


def ptflopss(model, shape, backend):
    from ptflops import get_model_complexity_info

    x = torch.empty(shape, device=device_of(model))  # else it takes a batch of 1
    found = get_model_complexity_info(
        model,
        tuple(shape[1:]),
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
        input_constructor=lambda _: x,
        backend=backend,
    )[0]
    if found is None:
        raise RuntimeError("ptflops gave no number")
    return int(found)


def answer(counter, model, shape):
    """Return what a counter says, in silence; None where it says nothing, whatever it raises."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            return int(counter(model, shape))
        except Exception:  # noqa: BLE001
            return None


def device_of(model):
    return next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("meta"))


COUNTERS = {  # name: (function, what must be installed)
    "our cost table": (ours, None),
    "torch's FlopCounterMode": (torchs, None),
    "fvcore": (fvcores, "fvcore"),
    "torchinfo": (torchinfos, "torchinfo"),
    "ptflops, pytorch": (lambda model, shape: ptflopss(model, shape, "pytorch"), "ptflops"),
    "ptflops, aten": (lambda model, shape: ptflopss(model, shape, "aten"), "ptflops"),
}
ON_CPU = ("fvcore",)


def installed():
    """Return the counters that are here, and the names of those that are not."""
    here = {
        name: function
        for name, (function, needs) in COUNTERS.items()
        if needs is None or importlib.util.find_spec(needs) is not None
    }
    return here, [name for name in COUNTERS if name not in here]


# ---- right or wrong -------------------------------------------------------------------------------------------------


def verdict(count, truth):
    """Say how a count stands to the truth: "exact", "+1.2 %", "×0.010", or "fails" where there is none."""
    if count is None:
        return "fails"
    if count == truth:
        return "exact"
    ratio = count / truth if truth else float("inf")
    return f"{100 * (ratio - 1):+.2g} %" if 0.5 < ratio < 2 else f"×{ratio:.2g}"


def exactness(counts, truths):
    """Sum up a counter.

    counts: {model: MACs, or None where the counter failed};  truths: {model: MACs}
    returns: dict: how many are exact, within 1 %, further off, failed; the worst verdict of those that did not fail
    """
    off = {name: abs(counts[name] - truth) / truth for name, truth in truths.items() if counts[name] is not None}
    worst = max(off, key=off.get, default=None)
    return {
        "exact": sum(counts[name] == truths[name] for name in off),
        "within 1 %": sum(0 < o <= 0.01 for o in off.values()),
        "further off": sum(o > 0.01 for o in off.values()),
        "failed": len(truths) - len(off),
        "worst": f"{verdict(counts[worst], truths[worst])} ({worst})" if worst and off[worst] else NOT_HERE,
    }


def published(name, macs):
    """Whether torchvision's own page says the same, in billions of MACs; None where it speaks of another image size."""
    for weights in torchvision.models.get_model_weights(name):
        if weights.transforms.keywords.get("crop_size") == SHAPE[-1] and "_ops" in weights.meta:
            return abs(weights.meta["_ops"] - macs / 1e9) <= 0.0005 + 1e-9
    return None


@contextlib.contextmanager
def no_first_weights():
    """Within, layers are built without drawing their first weights, which a count does not need: seconds for the large ones."""
    with contextlib.ExitStack() as stack:
        for name in dir(nn.init):
            if name.endswith("_") and not name.startswith("_"):
                stack.enter_context(mock.patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield


def build(name, device="meta"):
    """Return a model of torchvision with weights of any value; RegNet computes its widths with tensors, so not on meta."""
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with no_first_weights(), torch.device("cpu" if name.startswith("regnet") else device):
        return torchvision.models.get_model(name, weights=None, **more).to(device).eval()


def count_all(names, counters, repeats):
    """Return counts and seconds, {counter: {model: MACs or None}} and {counter or "bare": {model: seconds}}.

    Ours and the bare pass run in turn, `repeats` times, and their medians are kept; the others run once.
    """
    counts, seconds = {counter: {} for counter in counters}, {counter: {} for counter in ["bare", *counters]}
    for place, name in enumerate(names):
        model = build(name)
        passes, tables = in_turn([lambda: bare(model, SHAPE), lambda: ours(model, SHAPE)], repeats, warm_up=place == 0)
        seconds["bare"][name], seconds["our cost table"][name] = median(passes), median(tables)
        for counter, function in counters.items():
            its = build(name, "cpu") if counter in ON_CPU else copy.deepcopy(model)  # some leave traces on a model
            begin = time.process_time()
            counts[counter][name] = answer(function, its, SHAPE)
            seconds[counter].setdefault(name, time.process_time() - begin)
    return counts, seconds


def over_models(quick):
    names = QUICK if quick else torchvision.models.list_models(module=torchvision.models)
    counters, missing = installed()
    counts, seconds = count_all(names, counters, 3)
    truths = counts["torch's FlopCounterMode"]
    bare_total = sum(seconds["bare"].values())
    rows = []
    for counter in counters:
        found, total = exactness(counts[counter], truths), sum(seconds[counter].values())
        rows.append(
            [
                counter,
                *(str(found[column]) for column in ("exact", "within 1 %", "further off", "failed", "worst")),
                f"{total:.1f}",
                f"{1e3 * statistics.median(seconds[counter].values()):.0f}",
                f"{total / bare_total:.2f}",
            ]
        )
    rows.append(
        [
            "a bare forward pass on meta",
            *[NOT_HERE] * 5,
            f"{bare_total:.1f}",
            f"{1e3 * statistics.median(seconds['bare'].values()):.0f}",
            "1.00",
        ]
    )
    said = [published(name, truths[name]) for name in names]
    notes = [
        (
            "Exact: the same whole number of MACs as torch's counter finds on meta. A second witness: torchvision's"
            f" own pages publish billions of MACs at {SHAPE[-1]} pixels for {sum(s is not None for s in said)} of these"
            f" {len(names)} models, and our table agrees with {sum(s is True for s in said)} of them to the last digit."
        ),
        (
            "Most of what the others are off by is their convention: they count normalisations, pooling, biases or"
            " activations too. Not so the largest: torchinfo takes the weights of a linear layer once for a whole image"
            " of tokens; and why the pytorch backend of ptflops finds nearly twice as much in ConvNeXt and ViT was not"
            " looked into."
        ),
    ]
    if "fvcore" in counters:
        notes.append(
            "fvcore computes with real numbers, on the CPU, as its tracing does not run on meta: its time is mostly "
            "arithmetic."
        )
    if missing:
        notes.append(f"Not installed here, so left out: {', '.join(missing)}.")
    yield Table(
        f"Counters over {len(names)} classification models of torchvision",
        [
            "counter",
            "exact",
            "within 1 %",
            "further off",
            "failed",
            "worst",
            "all models/s",
            "median/ms",
            "of the bare pass",
        ],
        rows,
        notes,
    )
    yield Table(
        "Each model: MACs, and what each counter says",
        ["model", "MACs", *counters, "ours/ms", "bare/ms", "ours ÷ bare"],
        [
            [
                name,
                f"{truths[name]:,}",
                *(verdict(counts[counter][name], truths[name]) for counter in counters),
                f"{1e3 * seconds['our cost table'][name]:.1f}",
                f"{1e3 * seconds['bare'][name]:.1f}",
                f"{seconds['our cost table'][name] / seconds['bare'][name]:.2f}",
            ]
            for name in names
        ],
        fold=True,
    )


# ---- what a counter does not see --------------------------------------------------------------------------------------


class Run(nn.Module):
    """A network of one function: forward(x) is function(x, *others); a module among the others stays one."""

    def __init__(self, function, shapes):
        super().__init__()
        self.function = function
        for i, shape in enumerate(shapes):
            self.register_buffer(f"b{i}", torch.zeros(shape))  # numbers: fvcore computes with them
        self.count = len(shapes)

    def forward(self, x):
        return self.function(x, *(getattr(self, f"b{i}") for i in range(self.count)))


class Both(nn.Module):
    """A layer that wants its input more than once."""

    def __init__(self, layer, times=2):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x):
        return self.layer(*[x] * self.times)


OPERATORS = [  # what, how to make it, x's shape, MACs by hand
    ("torch.matmul", lambda: Run(torch.matmul, [(4, 5)]), (3, 4), 3 * 4 * 5),
    (
        "torch.einsum",
        lambda: Run(lambda a, b: torch.einsum("nij,nkj->nik", a, b), [(2, 5, 4)]),
        (2, 3, 4),
        2 * 3 * 5 * 4,
    ),
    ("matrix @ vector", lambda: Run(torch.matmul, [(4,)]), (3, 4), 3 * 4),
    ("torch.addmv", lambda: Run(lambda a, b, v: torch.addmv(b, a, v), [(3,), (4,)]), (3, 4), 3 * 4),
    ("torch.dot", lambda: Run(lambda a, b: torch.dot(a.flatten(), b), [(4,)]), (1, 4), 4),
    ("torch.outer", lambda: Run(lambda a, b: torch.outer(a.flatten(), b), [(4,)]), (1, 3), 3 * 4),
    ("torch.addr", lambda: Run(lambda a, m, b: torch.addr(m, a.flatten(), b), [(3, 4), (4,)]), (1, 3), 3 * 4),
    ("torch.addbmm", lambda: Run(lambda a, m, b: torch.addbmm(m, a, b), [(3, 5), (2, 4, 5)]), (2, 3, 4), 2 * 3 * 4 * 5),
    (
        "torch.baddbmm",
        lambda: Run(lambda a, m, b: torch.baddbmm(m, a, b), [(2, 3, 5), (2, 4, 5)]),
        (2, 3, 4),
        2 * 3 * 4 * 5,
    ),
    (
        "F.scaled_dot_product_attention",
        lambda: Run(F.scaled_dot_product_attention, [(1, 2, 6, 4), (1, 2, 6, 4)]),
        (1, 2, 5, 4),
        2 * 5 * 6 * 4 * 2,
    ),
    (
        "nn.MultiheadAttention",
        lambda: Both(nn.MultiheadAttention(8, 2, batch_first=True), 3),
        (1, 5, 8),
        4 * 5 * 8 * 8 + 2 * 5 * 5 * 8,
    ),
    ("nn.LSTM", lambda: nn.LSTM(5, 6, batch_first=True), (1, 7, 5), 7 * 4 * 6 * (5 + 6)),
    ("torch.cdist", lambda: Run(torch.cdist, [(5, 4)]), (3, 4), 3 * 5 * 4),
    ("nn.Bilinear", lambda: Both(nn.Bilinear(4, 4, 6)), (3, 4), 3 * 6 * 4 * 4),
    (
        "torchvision.ops.deform_conv2d",
        lambda: Run(torchvision.ops.deform_conv2d, [(1, 18, 5, 5), (6, 4, 3, 3)]),
        (1, 4, 7, 7),
        25 * 6 * 4 * 9,
    ),
    (
        "F.interpolate, bilinear",
        lambda: Run(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), []),
        (1, 3, 4, 4),
        3 * 64 * 4,
    ),
    (
        "F.grid_sample",
        lambda: Run(lambda x, at: F.grid_sample(x, at, align_corners=False), [(1, 5, 6, 2)]),
        (1, 3, 4, 4),
        3 * 30 * 4,
    ),
    ("F.cosine_similarity", lambda: Run(F.cosine_similarity, [(3, 4)]), (3, 4), 3 * 4 * 3),
    ("torch.kron", lambda: Run(torch.kron, [(2, 3)]), (3, 4), 6 * 12),
    ("torch.linalg.solve", lambda: Run(torch.linalg.solve, [(4, 1)]), (4, 4), 4**3 // 3),
    ("torch.fft.rfft2", lambda: Run(torch.fft.rfft2, []), (1, 3, 8, 8), 3 * 64 * 6),  # n·log₂n, n = 64
    ("(a * b).sum(-1)", lambda: Run(lambda a, b: (a * b).sum(-1), [(3, 4)]), (3, 4), 3 * 4),
]


def seen(counter, function, model, shape, truth):
    """Say what a counter finds: "exact", another number, or "fails"; of ours also what it names as not counted."""
    count, named = answer(function, model, shape), []
    if function is ours and count is not None:
        named = [name.removeprefix("aten.") for name in cost_table(model, shape).uncounted]
    found = "fails" if count is None else "exact" if count == truth else f"{count}"
    return f"names {', '.join(named)}" + (f", {count} for the rest" if count else "") if named else found


def over_operators(quick):
    counters, _ = installed()
    rows = []
    for what, make, shape, truth in OPERATORS:
        row = [what, "" if truth is None else f"{truth}"]
        for counter, function in counters.items():
            with torch.device("cpu" if counter in ON_CPU else "meta"):
                row.append(seen(counter, function, make().eval(), shape, truth))
        rows.append(row)
    yield Table(
        "Operators, and what each counter sees of them",
        ["operator", "MACs by hand", *counters],
        rows,
        [
            "On meta (fvcore: on the CPU). Where ours has no formula it says NOT COUNTED and names the operator; the"
            " others say nothing and count 0, or something else. One kind escapes ours too: a sum of products that was"
            " written as a multiplication and a sum, the last row. By hand: `cdist` as differences squared and summed,"
            " `deform_conv2d` without its interpolation, interpolations with four products for each value,"
            " `nn.Bilinear` with the larger of its two products."
        ],
    )


# ---- 22 billion parameters --------------------------------------------------------------------------------------------

PEAK = '''
import resource, sys

def peak():
    """The most memory held so far, MiB. Linux hands getrusage's figure down from parent to child, so not that one there."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 2**10
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
'''
MEASURE = (
    PEAK
    + """
import json, time, torch
from helpers.costs import cost_table
from helpers.models.backbones import Backbone, ParallelBlock, vit_22b

def count(make, size):
    begin, before = time.process_time(), peak()
    with torch.device("meta"):
        model = make()
    built = time.process_time()
    total = cost_table(model, (1, 3, size, size)).total
    return total.params, total.macs, built - begin, time.process_time() - built, peak() - before

first = count(lambda: Backbone([ParallelBlock(2, 8, 8)], 28, 14, 8), 28)
print(json.dumps([first, *(count(vit_22b, 224) for _ in range(6))]))
"""
)


def vit_22b(quick):
    if sys.platform == "win32":
        return
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    first_ever, once, *again = json.loads(done.stdout)
    params, macs = once[:2]

    def cells(built, counted, memory):
        return [f"{built:.2f}", f"{counted:.3f}", f"{memory:.0f}"]

    size = [f"{params:,}", f"{macs:,}"]
    rows = [
        ["the first network of a process, of one tiny block", "", "", *cells(*first_ever[2:])],
        ["ViT-22B, then", *size, *cells(*once[2:])],
        ["ViT-22B again", *size, *cells(*map(statistics.median, list(zip(*again))[2:]))],
    ]
    yield Table(
        "ViT-22B, built and counted on meta",
        ["network", "parameters", "MACs", "build/s", "count/s", "extra memory/MiB"],
        rows,
        [
            "Processor seconds; the last row is a median of 5. At its first draw of a random number on meta torch loads"
            " its own symbolic mathematics, whatever the network is: that is the first row. The weights of ViT-22B"
            " would take 81 GiB."
        ],
    )


def measure(options):
    torch.set_num_threads(1)
    yield from over_models(options.quick)
    yield from vit_22b(options.quick)
    yield from over_operators(options.quick)


if __name__ == "__main__":
    command_line(measure, __doc__)
