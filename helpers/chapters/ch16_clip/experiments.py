"""What was tried for chapter 16, or takes longer than a chapter may: `make experiments NB=16`.

Data, towers, steps and tests are those of the notebook's own cells.
"""

import json
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch16_clip.explorer import HERE, TOWERS, kept, read
from helpers.course.rooms import room
from helpers.models.vit import EncoderBlock
from helpers.training import accuracy, train

CELLS = ("imports", "data-pairs", "whole-towers", "whole-step", "train-tools", "spaces", "zero-code", "find-code")
CELLS += ("bind-tower", "bind-hard", "bind-test", "bind-wins")


def _notebook(seeds):
    """Return the names of the notebook that its networks are made and tested with, and the pairs of so many seeds."""
    known = room(16).run(*CELLS)
    known["PAIRS"] += [known["captioned"](seed) for seed in range(len(known["PAIRS"]), seeds)]
    return known


def _spread(values):
    """Return values as their mean, and in brackets each, seed by seed."""
    return f"{sum(values) / len(values):.1f} ({', '.join(f'{each:.0f}' for each in values)})"


def _tested(known, nets):
    """Return {column: mean and each seed}, in percent."""
    tests = {
        "trained on": lambda net: known["named"](net, known["test"])[0],
        "never together": lambda net: known["named"](net, known["never"])[0],
        "colours exchanged": lambda net: known["wins"](net, known["couples"], *known["TESTS"]["colours exchanged"]),
        "places exchanged": lambda net: known["wins"](net, known["couples"], *known["TESTS"]["places exchanged"]),
        "R@1": lambda net: known["recall"](net)[0],
    }
    return {column: _spread([test(net) for net in nets]) for column, test in tests.items()}


def kept_towers():
    """What does the explorer show? It writes towers.npz: the notebook's three networks of seed 0 in half precision.

    The largest difference of a sentence's embedding, read by the explorer from that file, from the network's own.
    """
    known = _notebook(1)
    only = torch.zeros(2, 8, 6)
    only[0, 7, 3] = only[1, 0, 1] = 1  # a white triangle; a red ring
    shown = [data.scenes(40, 42, (2,), known["allowed"])[:6], *(data.scenes(1, 5, (1,), table) for table in only)]
    things = [each.things(i) for each in shown for i in range(len(each))]
    images = torch.cat([each.images for each in shown])
    nets = [known["trained"](known[tower], 0).model.eval() for tower in ("BagTower", "PairTower")]
    nets.append(
        known["trained"](known["PairTower"], 0, known["contrast_hard"], [known["wrong_captions"](0)]).model.eval()
    )
    saved = {"images": (images * 255).round().byte().numpy(), "things": np.array(json.dumps(things))}
    saved["words"] = np.array(" ".join(known["words"].names))
    for i, net in enumerate(nets):
        saved |= {
            f"{i}.{name}": value.detach().cpu().numpy().astype(np.float16)
            for name, value in net.text.state_dict().items()
        }
        saved[f"{i}.pictures"] = known["see"](net, images).numpy().astype(np.float16)
        saved[f"{i}.scale"] = np.array(net.scale.exp().item(), np.float16)
    np.savez_compressed(HERE / "towers.npz", **saved)
    kept.cache_clear()
    said = ["a white triangle", "a red disk and a blue ring", "a cyan cross left of a pink plus"]
    return [
        {
            "tower": name,
            "largest difference": f"{max(np.abs(read(name, text) - own.numpy()).max() for text, own in zip(said, known['read'](net, said), strict=True)):.0e}",
        }
        for name, net in zip(TOWERS, nets, strict=True)
    ]


class _Blocks(nn.Module):
    """A text tower of transformer blocks with positions, as CLIP's own, narrow; the mean over the words that are there."""

    def __init__(self, vocabulary, blocks, width=64, longest=40):
        super().__init__()
        self.words, self.places = (
            nn.Embedding(vocabulary, width, padding_idx=0),
            nn.Parameter(torch.randn(longest, width) * 0.1),
        )
        self.blocks = nn.ModuleList(EncoderBlock(4, width, 2 * width) for _ in range(blocks))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, tokens):
        there = (tokens > 0).unsqueeze(2)
        x = (self.words(tokens) + self.places[: tokens.shape[1]]) * there
        for block in self.blocks:
            x = block(x) * there
        return F.normalize(self.out(self.norm(x.sum(1) / there.sum(1))), dim=1)


def other_text_towers():
    """Does a transformer bind, as CLIP's own text tower could?

    Percent, 3 seeds: the mean, and each of them. As in the notebook, 188 steps; the last rows with three times as many,
    without and with exchanged colours as negatives.
    """
    known, rows = _notebook(3), []
    vocabulary = len(known["words"])
    makers = {"1 block": lambda: _Blocks(vocabulary, 1), "2 blocks": lambda: _Blocks(vocabulary, 2)}
    for name, make in makers.items():
        nets = [known["trained"](make, seed).model.eval() for seed in range(3)]
        rows.append({"text tower": name} | _tested(known, nets))
    for name, step in (("1 block, 564 steps", "contrast"), ("1 block, 564 steps, hard negatives", "contrast_hard")):
        nets = []
        for seed in range(3):
            some, said = known["PAIRS"][seed]
            torch.manual_seed(seed)
            net = known["Clip"](makers["1 block"]())
            extra = [known["wrong_captions"](seed)] if step == "contrast_hard" else []
            batch = (some.images, known["words"].encode(said), *extra)
            settings = dict(step=known[step], epochs=12, batch_size=128, lr=3e-3, schedule="one-cycle", seed=seed)
            nets.append(train(net, batch, live=False, **settings).model.eval())
        rows.append({"text tower": name} | _tested(known, nets))
    return rows


def negatives_drawn_freely():
    """What do exchanged colours as wrong captions bring, and what if they may make the held-out pairs?

    Percent, 5 seeds: the mean, and each of them. All three have the tower that sees the word before.
    """
    known = _notebook(5)
    nets = {"no hard negatives": [known["trained"](known["PairTower"], seed).model.eval() for seed in range(5)]}
    held_out = known["HELD_OUT"]
    for name, kept_out in (("without held-out pairs", held_out), ("drawn freely", [])):
        known["HELD_OUT"] = kept_out
        nets[name] = []
        for seed in range(5):
            wrong = known["wrong_captions"](seed)
            nets[name].append(known["trained"](known["PairTower"], seed, known["contrast_hard"], [wrong]).model.eval())
    known["HELD_OUT"] = held_out
    return [{"hard negatives": name} | _tested(known, each) for name, each in nets.items()]


def two_heads_of_labels():
    """Is it the words that name pairs never seen together?

    Percent, 5 seeds: the mean, and each of them. All are trained on the same 6,000 pictures of one object, in 188 steps; labels
    with the same picture tower and two heads on its 64 numbers, for 8 colours and 6 forms; or one head for 48 pairs.
    """
    known, rows = _notebook(1), []
    words = known["words"]

    class Heads(nn.Module):
        def __init__(self, one):
            super().__init__()
            self.tower, self.heads = known["PictureTower"](), nn.Linear(64, 48 if one else 14)

        def forward(self, x):
            scores = self.heads(self.tower.out(self.tower.body(x)))
            return scores if scores.shape[1] == 48 else (scores[:, :8, None] + scores[:, None, 8:]).flatten(1)

    found = {name: [] for name in ("captions", "two heads", "one head for pairs")}
    for seed in range(5):
        some = data.scenes(6000, seed, (1,), known["allowed"])
        said = [data.caption(some.things(i), random.Random(f"{seed} {i}"), numbers=True) for i in range(6000)]
        label = some.colour[:, 0] * 6 + some.form[:, 0]
        settings = dict(epochs=4, batch_size=128, lr=5e-3, schedule="one-cycle", seed=seed, live=False)
        for name in found:
            torch.manual_seed(seed)
            if name == "captions":
                net = known["Clip"](known["BagTower"]())
                train(net, (some.images, words.encode(said)), step=known["contrast"], **settings)
                found[name].append([known["named"](net.eval(), each)[0] for each in (known["test"], known["never"])])
            else:
                net = Heads(one=name != "two heads")
                train(net, (some.images, label), **settings)
                truths = [
                    (each.images, each.colour[:, 0] * 6 + each.form[:, 0]) for each in (known["test"], known["never"])
                ]
                found[name].append([100 * accuracy(net, truth) for truth in truths])
    for name, scores in found.items():
        seen, never = zip(*scores, strict=True)
        rows.append({"trained with": name, "trained on": _spread(seen), "never together": _spread(never)})
    return rows


def who_can_count():
    """How well does the same picture tower count when it is trained to count, on the notebook's 6,000 scenes?

    Percent of 2,000 scenes, 3 seeds: the mean, and each of them. 188 steps as there.
    """
    known, found = _notebook(3), []
    shown = data.scenes(2000, 905, (1, 2, 3), known["allowed"])
    for seed in range(3):
        some, _ = known["PAIRS"][seed]
        torch.manual_seed(seed)
        net = nn.Sequential(*known["PictureTower"]().body, nn.Linear(576, 3))
        train(
            net,
            (some.images, some.count - 1),
            epochs=4,
            batch_size=128,
            lr=5e-3,
            schedule="one-cycle",
            seed=seed,
            live=False,
        )
        found.append(100 * accuracy(net, (shown.images, shown.count - 1)))
    return [{"trained with": "the number as label", "right, %": _spread(found)}]


def fixed_scales():
    """Is it worth learning the temperature?

    Percent, 3 seeds: the mean, and each of them. The bag of words, trained as in the notebook with the scale fixed; the last
    row is the notebook's, where it is learnt.
    """
    known, rows = _notebook(3), []
    for scale in (1, 5, 14.3, 100, None):

        class Fixed(known["Clip"]):
            def __init__(self, text):
                super().__init__(text)
                if scale is not None:  # noqa: B023
                    self.scale = nn.Parameter(torch.tensor(float(np.log(scale))), requires_grad=False)  # noqa: B023

        clip, known["Clip"] = known["Clip"], Fixed
        nets = [known["trained"](known["BagTower"], seed).model.eval() for seed in range(3)]
        known["Clip"] = clip
        found = _tested(known, nets)
        rows.append(
            {"scale": "learnt" if scale is None else scale}
            | {key: found[key] for key in ("trained on", "never together", "R@1")}
        )
    return rows
