"""Pictures of one to three coloured forms, each with the list of what is in it; captions.py makes sentences of that."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from helpers.checks import check_number, check_tensor, whole
from helpers.data.procedural import SHAPES, draw_shapes

COLOURS = {"red": (0.9, 0.15, 0.1), "green": (0.15, 0.7, 0.2), "blue": (0.15, 0.3, 0.95), "yellow": (0.95, 0.9, 0.2)}
COLOURS |= {"purple": (0.6, 0.2, 0.75), "cyan": (0.2, 0.85, 0.9), "pink": (1, 0.45, 0.7), "white": (0.97, 0.97, 0.97)}
FORMS = ("disk", "ring", "square", "triangle", "plus", "cross")
SIZES = ("small", "large")
PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")
GREY = 0.2  # the mean of the empty background, which is 0.1 to 0.3


class Thing(NamedTuple):
    """One object of a scene, in words of COLOURS, FORMS, SIZES and PLACES."""

    colour: str
    form: str
    size: str
    place: str


@dataclass(frozen=True, eq=False)
class Scenes:
    """images (N, 3, S, S) from 0 to 1; colour, form, size, place (N, 3): numbers of the words above, for the first
    count (N,) objects. scenes[3:9], scenes[mask] are Scenes too; scenes.things(i) says what is in picture i."""

    images: torch.Tensor
    colour: torch.Tensor
    form: torch.Tensor
    size: torch.Tensor
    place: torch.Tensor
    count: torch.Tensor

    def __len__(self):
        return len(self.count)

    def __getitem__(self, index):
        return Scenes(*(value[index] for value in vars(self).values()))

    def things(self, i):
        """Return [Thing, ...] of picture i, in reading order."""
        rows = zip(*(value[i].tolist() for value in (self.place, self.colour, self.form, self.size)), strict=True)
        there = sorted(list(rows)[: int(self.count[i])])
        return [Thing(list(COLOURS)[c], FORMS[f], SIZES[s], PLACES[p]) for p, c, f, s in there]


def scenes(n, seed=0, counts=(1,), pairs=None, noise=0.04, size=24):
    """Draw n scenes on a grey ground. The objects of one stand in different quarters, do not touch, and differ in colour
    and in form, so that "the disk" is one object.

    counts:  how many objects there may be, out of 1, 2, 3: each as often
    pairs:   None, or (8, 6): how often each colour (row) comes with each form (column); weights, or True and False
    noise:   standard deviation of the normal noise on every value; size: side in pixels
    returns: Scenes; equal seeds give the same objects at every size
    raises:  ValueError for arguments outside, and for pairs of which `counts` different ones cannot be drawn
    """
    whole("n", n, 1, why="give the number of scenes to draw")
    whole("seed", seed, 0, 2**63 - 1, "it chooses the scenes")
    whole("size", size, 16, why="in fewer pixels the forms cannot be told apart")
    check_number("noise", noise, 0, 1, "values are from 0 to 1 themselves")
    if not isinstance(counts, (tuple, list)) or not counts or not set(counts) <= {1, 2, 3}:
        raise ValueError(f"counts (={counts!r}) must hold some of 1, 2, 3: give a tuple, such as (1, 2)")
    weights = torch.ones(len(COLOURS), len(FORMS)) if pairs is None else torch.as_tensor(pairs).float()
    if weights.shape != (8, 6) or not weights.isfinite().all() or weights.min() < 0 or weights.sum() == 0:
        raise ValueError(f"pairs (shape {tuple(weights.shape)}) must be (8, 6), none below 0, not all 0: give weights")
    g, most, kept = torch.Generator().manual_seed(seed), max(counts), []
    for _ in range(100):  # draw, and keep those whose objects differ in colour and in form
        drawn = torch.multinomial(weights.flatten(), 6 * n, replacement=True, generator=g).view(-1, 3)
        alike = [drawn[:, i] // 6 == drawn[:, j] // 6 for j in range(most) for i in range(j)]
        alike += [drawn[:, i] % 6 == drawn[:, j] % 6 for j in range(most) for i in range(j)]
        kept.append(drawn[~torch.stack(alike).any(0)] if alike else drawn)
        if sum(map(len, kept)) >= n:
            break
    else:
        raise ValueError(f"pairs must allow {most} objects of different colours and forms: allow more, or lower counts")
    colour, form = torch.cat(kept)[:n] // len(FORMS), torch.cat(kept)[:n] % len(FORMS)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=g)

    large, place = torch.randint(2, (n, 3), generator=g), torch.rand(n, 4, generator=g).argsort(1)[:, :3]
    count = torch.tensor(counts)[torch.randint(len(counts), (n,), generator=g)]
    images = uniform(GREY - 0.1, GREY + 0.1, 1, 1, 1).expand(n, 3, size, size).clone()
    shape, palette = torch.tensor([SHAPES.index(name) for name in FORMS]), torch.tensor(list(COLOURS.values()))
    for k in range(most):
        radius = torch.where(large[:, k] == 1, uniform(0.36, 0.41), uniform(0.24, 0.28))
        x, y = place[:, k] % 2 - 0.5 + uniform(-0.03, 0.03), place[:, k] // 2 - 0.5 + uniform(-0.03, 0.03)
        inside = draw_shapes(shape[form[:, k]], x, y, radius, uniform(-0.2, 0.2), size) & (k < count)[:, None, None]
        paint = palette[colour[:, k]] + uniform(-0.08, 0.08, 3)
        images = torch.where(inside[:, None], paint[:, :, None, None], images)
    images = images + noise * torch.randn(images.shape, generator=g)
    return Scenes(images.clamp(0, 1), colour, form, large, place, count)


def fade(images, contrast):
    """Return images (..., 3, S, S) with less contrast: 1 as they are, 0 plain grey. Raises ValueError outside 0 to 1."""
    check_tensor("images", images, floats=True)
    return GREY + check_number("contrast", contrast, 0, 1, "1 leaves the images as they are") * (images - GREY)
