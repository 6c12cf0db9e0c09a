"""A captioner: convolutions look, words read what was written, and cross-attention lets each word look at the picture.

The three classes are those of the notebook, where they are explained; a test holds the two equal.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.checks import check_choice, check_number
from helpers.layers import MultiHeadAttention

HERE = Path(__file__).parent
SLOTS = ("colour", "form", "place")
HABITS = ("even", "habit")  # what the stored captioners were trained on


class Eye(nn.Module):
    """Three convolutions, averaged to 3×3 cells: (N, 3, 24, 24) → (N, 9, width)."""

    def __init__(self, width=64):
        super().__init__()
        layers = []
        for before, after, stride in ((3, 16, 2), (16, 32, 2), (32, width, 1)):
            layers += [nn.Conv2d(before, after, 3, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(3))
        self.where = nn.Parameter(0.1 * torch.randn(9, width))

    def forward(self, images):
        return self.layers(images).flatten(2).transpose(1, 2) + self.where


class Block(nn.Module):
    """Words read the words before them, look at the picture, and think."""

    def __init__(self, width=64, heads=4):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.read, self.look = MultiHeadAttention(width, heads), MultiHeadAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x, cells):
        x = x + self.read(self.norms[0](x), is_causal=True)
        x = x + self.look(self.norms[1](x), cells)
        return x + self.mlp(self.norms[2](x))


class Captioner(nn.Module):
    """Images (N, 3, 24, 24) and the words so far (N, T) → scores of the next word (N, T, words)."""

    def __init__(self, words, width=64, longest=24):
        super().__init__()
        self.eye, self.block, self.norm = Eye(width), Block(width), nn.LayerNorm(width)
        self.words = nn.Embedding(words, width)
        self.order = nn.Parameter(0.1 * torch.randn(longest, width))
        nn.init.normal_(self.words.weight, std=0.15)

    def forward(self, images, text):
        return self.next_word(self.eye(images), text)

    def next_word(self, cells, text):
        x = self.words(text) + self.order[: text.shape[1]]
        return self.norm(self.block(x, cells)) @ self.words.weight.T


def teacher_forcing(net, batch):
    """The step for images and captions: from the true words so far, the next; <fill> does not count."""
    images, text = batch
    scores = net(images, text[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), text[:, 1:].flatten(), ignore_index=0)


@torch.no_grad()
def write(net, images, longest=17):
    """Return the captions of images (N, 3, 24, 24) as numbers, (N, 1 + longest): always the likeliest next word."""
    net.eval()
    cells, text = net.eye(images), torch.ones(len(images), 1, dtype=torch.int64, device=images.device)
    for _ in range(longest):
        text = torch.cat([text, net.next_word(cells, text)[:, -1:].argmax(-1)], 1)
    return text


@torch.no_grad()
def watched(net, image, longest=17):
    """Write one caption and watch: return its words' numbers (T,), what each looked at, and the scores it was taken from.

    image:   (3, 24, 24)
    returns: (T,) int64 without <begin>, up to <end>; (T, 9), attention over the cells, the mean of the heads; (T, words),
             the probabilities of the next word
    """
    net.eval()
    seen, cells, text = [], net.eye(image[None]), torch.ones(1, 1, dtype=torch.int64, device=image.device)
    for _ in range(longest):
        text = torch.cat([text, net.next_word(cells, text)[:, -1:].argmax(-1)], 1)
        if text[0, -1] == 2:
            break
    hook = net.block.look.register_forward_pre_hook(lambda layer, given: seen.append(given))
    scores = net.next_word(cells, text[:, :-1])[0]
    hook.remove()
    looked = net.block.look(*seen[0], return_weights=True)[1][0].mean(0)
    return text[0, 1:], looked, scores.softmax(-1)


def marks(captions, truths):
    """Return {"exact": …, "colour": …, "form": …, "place": …}, shares from 0 to 1: of captions that are right word for
    word, and of the true objects' words that stand at their place in the caption.

    captions, truths: lists of texts as data.describe writes them
    """
    right, total = dict.fromkeys(SLOTS, 0), 0
    for said, true in zip(captions, truths, strict=True):
        said = said.replace(" .", "").split(" , ") + [""] * 3
        for part, other in zip(true.replace(" .", "").split(" , "), said, strict=False):
            total += 1
            for slot, word, found in zip(SLOTS, part.split()[1:], other.split()[1:], strict=False):
                right[slot] += word == found
    exact = sum(a == b for a, b in zip(captions, truths, strict=True)) / len(truths)
    return {"exact": exact} | {slot: right[slot] / total for slot in SLOTS}


def pairs_with_habit(form="disk", colour="red", share=0.9):
    """Return (8, 6) weights for data.scenes: all forms and colours as often, but `share` of one form in one colour."""
    check_choice("form", form, data.FORMS)
    check_choice("colour", colour, data.COLOURS)
    check_number("share", share, 0, 1)
    pairs = torch.ones(8, 6)
    f, c = data.FORMS.index(form), list(data.COLOURS).index(colour)
    pairs[:, f] = 8 * (1 - share) / 7
    pairs[c, f] = 8 * share
    return pairs


def vocabulary():
    """Return the Words of all captions, questions and answers."""
    colours, forms, places = " ".join(data.COLOURS), " ".join(data.FORMS), " ".join(data.PLACES)
    kinds = "what colour is the ? form how many things are there where is there a yes no one two three"
    return data.Words([f"a {colours} {forms} {places} , . {kinds}"])


def stored(habit="even"):
    """Return a Captioner with the weights in captioners.npz, which experiments.py wrote: 8 bits a number, a scale a row.

    habit:  "even": every form in every colour as often; "habit": nine disks of ten were red
    raises: ValueError for another
    """
    check_choice("habit", habit, HABITS)
    net = Captioner(len(vocabulary()))
    with np.load(HERE / "captioners.npz", allow_pickle=False) as file:
        state = {}
        for name, like in net.state_dict().items():
            value, scale = file[f"{habit}/{name}"], f"{habit}/{name}/scale"
            value = torch.tensor(np.float32(value) * (np.float32(file[scale]) if scale in file else 1))
            state[name] = value.reshape(like.shape).to(like.dtype)
    net.load_state_dict(state)
    return net.eval()


def store(nets, path=HERE / "captioners.npz"):
    """Write {habit: Captioner} for stored(): matrices in 8 bits with a scale for each row, all else in half precision."""
    found = {}
    for habit, net in nets.items():
        for name, value in net.state_dict().items():
            value = value.detach().cpu().float()
            if value.dim() > 1:
                rows = value.flatten(1)
                scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
                found[f"{habit}/{name}"] = (rows / scale).round().to(torch.int8).numpy()
                found[f"{habit}/{name}/scale"] = scale.half().numpy()
            else:
                found[f"{habit}/{name}"] = value.half().numpy() if value.dim() else value.numpy()
    np.savez_compressed(path, **found)


def others_disks(n=300, seed=77):
    """Return Scenes of one disk each, in every colour but red: what would a network call them that has the habit?"""
    pairs = torch.zeros(8, 6)
    pairs[1:, data.FORMS.index("disk")] = 1
    return data.scenes(n, seed, pairs=pairs)
