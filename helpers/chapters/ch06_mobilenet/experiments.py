"""What was tried for chapter 06, or takes longer than a chapter may: `make experiments NB=06`."""

import copy
import io
import time
import warnings
from dataclasses import replace
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch06_mobilenet.lighter import fold_all, inner_channels, pruned, quantised
from helpers.chapters.ch06_mobilenet.timing import clock
from helpers.costs import cost_table
from helpers.course.rooms import room
from helpers.models import (
    DepthwiseSeparable,
    FullConvolution,
    InvertedResidual,
    efficientnet_lite0,
    mobilenet_v1,
    prepared,
)
from helpers.models.efficientnet import SameConv2d
from helpers.training import accuracy, train


class _Block(nn.Module):
    """An inverted residual block without its checks, its addition in the form that torch quantises."""

    def __init__(self, block):
        super().__init__()
        self.conv, self.adds, self.add = block.conv, block.adds, torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        return self.add.add(x, self.conv(x)) if self.adds else self.conv(x)


def _traceable(net):
    """Return a copy of a folded network that torch's tracer can follow: plain layers, paddings of their own."""

    def walk(module):
        for name, child in module.named_children():
            if isinstance(child, InvertedResidual):
                child = _Block(child)
                setattr(module, name, child)
            if not isinstance(child, SameConv2d):
                walk(child)
                continue
            kernel_size, stride = child.kernel_size[0], child.stride[0]
            padding = 0 if stride == 2 else kernel_size // 2
            channels = child.in_channels, child.out_channels
            conv = nn.Conv2d(*channels, kernel_size, stride, padding, groups=child.groups)
            conv.weight, conv.bias = child.weight, child.bias
            before, all_of_it = (kernel_size - 2) // 2, kernel_size - 2
            sides = (before, all_of_it - before) * 2
            setattr(module, name, nn.Sequential(nn.ZeroPad2d(sides), conv) if stride == 2 else conv)

    net = copy.deepcopy(net)
    walk(net)
    return nn.Sequential(net.features, net.avgpool, nn.Flatten(), net.classifier).eval()


def _seconds(net, image, turns=9):
    """Return the median CPU seconds of one image."""
    times = []
    for _ in range(turns):
        began = time.process_time()
        net(image)
        times.append(time.process_time() - began)
    return sorted(times)[turns // 2]


def _small(sets):
    """Return the same sets of images with 14 pixels a side."""
    return [
        replace(part, images=F.interpolate(part.images, (14, 14), mode="bilinear", antialias=True)) for part in sets
    ]


def int8_by_torch():
    """What do torch's own int8 networks, weights and activations, do to the answers on the five photographs, and to the time?

    torch.ao.quantization, post training, static; the ranges of the activations from 30 cuts of the same photographs. Beside it
    the weights alone, rounded by hand. First answers and members of the top five that stay; the time for one image at 224, of
    the machine that made this table, as a multiple of the folded network's in float32.
    """
    from torch.ao.quantization import get_default_qconfig_mapping, quantize_fx

    light = fold_all(efficientnet_lite0())
    plain = _traceable(light)
    photographs = torch.cat([prepared(data.photograph(name, 224)) for name in data.photographs()])
    larger = [data.photograph(name, side) for name in data.photographs() for side in (224, 256, 320)]
    cuts = [cut for p in larger for cut in (p[:, :224, :224], p[:, -224:, -224:].flip(2))]
    nets = {"float32, folded": light}
    nets |= {f"by hand, weights per {w}": quantised(light, w == "channel") for w in ("tensor", "channel")}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.ao moves to a package of its own
        torch.testing.assert_close(plain(photographs), light(photographs), rtol=1e-4, atol=1e-4)
        for engine in ("x86", "fbgemm"):
            if engine in torch.backends.quantized.supported_engines:
                torch.backends.quantized.engine = engine
                ready = quantize_fx.prepare_fx(plain, get_default_qconfig_mapping(engine), (photographs[:1],))
                ready(prepared(torch.stack(cuts)))
                nets[f"torch, {engine}: weights and activations"] = quantize_fx.convert_fx(ready)
        before, rows, unit = light(photographs), [], _seconds(light, photographs[:1])
        for name, net in nets.items():
            found, kept = net(photographs), io.BytesIO()
            torch.save(net.state_dict(), kept)
            both = [len({*a} & {*b}) for a, b in zip(found.topk(5)[1].tolist(), before.topk(5)[1].tolist())]
            size = f"{len(kept.getvalue()) / 1e6:.1f}" if "hand" not in name else "4.7" if "tensor" in name else "4.8"
            rows.append(
                {
                    "network": name,
                    "first answers that stay, of 5": int((found.argmax(1) == before.argmax(1)).sum()),
                    "of the top five, by photograph": ", ".join(map(str, both)),
                    "MB": size,
                    "time": "as float32" if "hand" in name else f"{_seconds(net, photographs[:1]) / unit:.1f}",
                }
            )
    return rows


def cut_channels():
    """How many of the top five of each of five photographs stay when inner channels are cut, and nothing is trained again?

    EfficientNet-Lite0, folded. Cut are the channels with the smallest weights into the narrowing layer, or those whose effect
    varies least over some pictures (what they gave on average goes into the bias): over the five that are then judged, or over
    the four others. The mean of five photographs, and the multiply-adds left.
    """
    light = fold_all(efficientnet_lite0())
    photographs = torch.cat([prepared(data.photograph(name, 224)) for name in data.photographs()])
    all_five = inner_channels(light, photographs)
    others = [inner_channels(light, torch.cat([photographs[:i], photographs[i + 1 :]])) for i in range(5)]
    shape, rows = (1, 3, 224, 224), []
    with torch.no_grad():
        before = light(photographs).topk(5).indices.tolist()
        whole = cost_table(light, shape).total.macs
        for share in (0, 0.05, 0.1, 0.2, 0.3, 0.4):
            ways = {
                "smallest weights": [pruned(light, share, all_five, "weights")] * 5,
                "least effect, the same pictures": [pruned(light, share, all_five, "effect")] * 5,
                "least effect, the others": [pruned(light, share, inner, "effect") for inner in others],
            }
            kept = {
                way: sum(
                    len({*before[i]} & {*net(photographs[i : i + 1]).topk(5).indices[0].tolist()})
                    for i, net in enumerate(nets)
                )
                / 5
                for way, nets in ways.items()
            }
            left = cost_table(ways["smallest weights"][0], shape).total.macs / whole
            rows.append({"cut": f"{share:.0%}"} | kept | {"MACs left": f"{left:.0%}"})
    return rows


def learning_rates():
    """Is one learning rate fair to all of the chapter's nets?

    Test accuracy in percent of each net, trained as in the chapter (2 epochs, 2,500 pictures) at four learning rates; the mean
    of three seeds.
    """
    names = dict(nn=nn, torch=torch, cost_table=cost_table, mobilenet_v1=mobilenet_v1)
    small_net = room(6).run("real-source", "train-equal", **names)["small_net"]
    both = data.fashion_mnist().subset(2500), data.fashion_mnist(train=False)
    nets = [(DepthwiseSeparable, width, 28) for width in (0.25, 0.5, 1)] + [(DepthwiseSeparable, 1, 14)]
    nets += [(FullConvolution, width, 28) for width in (0.11, 0.2, 0.36, 1)]
    rows = []
    for block, width, side in nets:
        images, images_test = both if side == 28 else _small(both)
        row = {"block": block.__name__, "width": width, "pixels": side}
        for lr in (0.01, 0.02, 0.04, 0.08):
            scores = []
            for seed in range(3):
                torch.manual_seed(seed)
                model = small_net(block, width)
                train(model, images, epochs=2, lr=lr, schedule="one-cycle", seed=seed, live=False)
                scores.append(100 * accuracy(model, images_test))
            row[f"{lr:g}"] = f"{sum(scores) / 3:.1f}"
        rows.append(row)
    return rows


def trained_longer():
    """Do half the pixels cost nothing, or is it that all are under-trained?

    Test accuracy in percent of the chapter's nets after 6 epochs on 5,000 training pictures, in the place of 2 on 2,500:
    six times the steps, the learning rate 0.02 as there; 3 seeds: the mean, and each of them.
    """
    names = dict(nn=nn, torch=torch, cost_table=cost_table, mobilenet_v1=mobilenet_v1)
    small_net = room(6).run("real-source", "train-equal", **names)["small_net"]
    both = data.fashion_mnist().subset(5000), data.fashion_mnist(train=False)
    smaller = _small(both)
    rows = []
    for block, side in ((DepthwiseSeparable, 28), (DepthwiseSeparable, 14)):
        images, images_test = both if side == 28 else smaller
        scores = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = small_net(block, 1.0)
            train(model, images, epochs=6, lr=0.02, schedule="one-cycle", seed=seed, live=False)
            scores.append(100 * accuracy(model, images_test))
        each = ", ".join(f"{score:.1f}" for score in sorted(scores))
        rows.append({"block": block.__name__, "pixels": side, "test accuracy, %": f"{sum(scores) / 3:.1f} ({each})"})
    return rows


def measured_k():
    """Does a roofline with a measured k say how much faster MobileNet runs than its full twin?

    k, multiply-adds in the time of moving one value, from two timings side by side: a full convolution, which computes, and a
    ReLU of maps of MobileNet's size, which moves. Then the whole networks at 224 pixels, normalisation and ReLU apart: times faster as the
    multiply-adds say, as the roofline says with this k, and as measured. One thread of the machine that made this table;
    CPU seconds, the fastest of nine turns; five repetitions.
    """
    names = dict(torch=torch, nn=nn, cost_table=cost_table, mobilenet_v1=mobilenet_v1, clock=clock)
    names |= dict(FullConvolution=FullConvolution, DepthwiseSeparable=DepthwiseSeparable, device=torch.device("cpu"))
    names |= dict(show_table=lambda head, rows: None, draw=SimpleNamespace(show_roofline=lambda blocks, faster: None))
    known = room(6).run("real-source", "count-pair", "whole", "intensity", "roofline-ratios", "clock", **names)
    torch.set_num_threads(1)
    rows = []
    for turn in range(5):
        k, (full, light) = known["k_and_times"](9)
        tables = known["tables"]["full twin"], known["tables"]["MobileNet"]
        rows.append(
            {
                "repetition": turn + 1,
                "k": f"{k:.0f}",
                "by multiply-adds": f"{tables[0].total.macs / tables[1].total.macs:.1f}",
                "by the roofline": f"{known['faster'](*tables, k):.1f}",
                "measured": f"{full / light:.1f}",
            }
        )
    return rows
