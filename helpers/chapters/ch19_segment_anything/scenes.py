"""Pictures whose masks are known: nested shapes drawn by rule, clothes, digits. And flood fill, which learns nothing."""

import numpy as np
import torch
import torch.nn.functional as F

from helpers import data
from helpers.checks import check_number, whole
from helpers.data.procedural import SHAPES, draw_shapes

SIZE = 32  # pixels of a side
# (what may hold a part, what need not): the shapes of training, and others
KNOWN = (("disk", "square", "diamond"), ("disk", "square", "diamond", "plus", "ring", "crescent"))
UNSEEN = (("triangle",), ("triangle", "cross", "frame", "bars"))
LEVELS = ("whole", "part", "part of the part")


def nested(n, seed=0, names=KNOWN, noise=0.05):
    """Draw n pictures: a large shape that may have a part, which may have a part; and a small shape in front.

    names:   KNOWN or UNSEEN: which shapes are drawn
    noise:   standard deviation of the normal noise on every value
    returns: images (n, 3, 32, 32) from 0 to 1; masks (n, 4, 32, 32) bool: whole, part, part of the part, the small shape.
             A part belongs to its whole; what lies behind the small shape is not in a mask; one that is not there is empty
    raises:  ValueError for numbers outside
    """
    whole("n", n, 1, why="give the number of pictures to draw")
    whole("seed", seed, 0, 2**63 - 1, "it chooses the pictures")
    check_number("noise", noise, 0, 1, "values are from 0 to 1 themselves")
    if names not in (KNOWN, UNSEEN):
        raise ValueError(f"names (={names!r:.60}) must be KNOWN or UNSEEN: give one of the two")
    g = torch.Generator().manual_seed(seed)
    holds, ends = (torch.tensor([SHAPES.index(name) for name in group]) for group in names)

    def uniform(low, high):
        return low + (high - low) * torch.rand(n, generator=g)

    def one_of(shapes):
        return shapes[torch.randint(len(shapes), (n,), generator=g)]

    images = torch.rand(n, 3, 1, 1, generator=g).expand(n, 3, SIZE, SIZE).clone()
    masks = torch.zeros(n, 4, SIZE, SIZE, dtype=torch.bool)
    for front in (False, True):
        radius = uniform(0.3, 0.42) if front else uniform(0.7, 0.9)
        depth = torch.ones(n) if front else torch.randint(1, 4, (n,), generator=g)
        x, y = uniform(-1, 1) * (1 - radius), uniform(-1, 1) * (1 - radius)
        outer, colour, drawn = torch.ones(n, SIZE, SIZE, dtype=torch.bool), images.mean((2, 3)), []
        for level in range(1 if front else 3):
            kind = torch.where(level < depth - 1, one_of(holds), one_of(ends))
            outer = draw_shapes(kind, x, y, radius, uniform(-0.4, 0.4), SIZE) & outer & (level < depth)[:, None, None]
            before, colour = colour, torch.rand(n, 3, generator=g)
            alike = (colour - before).abs().amax(1, keepdim=True) < 0.3
            colour = torch.where(alike, (before + 0.5) % 1, colour)
            images = torch.where(outer[:, None], colour[:, :, None, None], images)
            drawn.append(outer)
            x, y = x + uniform(-0.12, 0.12) * radius, y + uniform(-0.12, 0.12) * radius
            radius = radius * uniform(0.55, 0.65)
        if front:
            masks[:, :3] &= ~drawn[0][:, None]
            masks[:, 3] = drawn[0]
        else:
            masks[:, :3] = torch.stack(drawn, 1)
    return (images + noise * torch.randn(images.shape, generator=g)).clamp(0, 1), masks


def ambiguous(masks, apart=0.75, least=10):
    """Return where a click may mean two things or three: pictures with a part that is clearly smaller than the whole.

    masks:   (N, 4, S, S), as `nested` gives them
    apart:   a part may have at most this share of the area of what holds it; least: and at least so many pixels
    returns: which pictures (M,); meant (M, 3, S, S), whole first; there (M, 3) bool; innermost (M, S, S)
    """
    meant = masks[:, :3]
    area = meant.sum((2, 3))
    there = area >= least
    for k in (1, 2):
        there[:, k] &= there[:, k - 1] & (area[:, k] < apart * area[:, k - 1])
    which = there[:, :2].all(1).nonzero()[:, 0]
    inner = torch.where(there[which, 2][:, None, None], meant[which, 2], meant[which, 1])
    return which, meant[which], there[which], inner


def recoloured(grey, object_, seed):
    """Return grey pictures (N, 1, S, S) in two random colours that differ, and the objects as masks (N, S, S) bool."""
    g = torch.Generator().manual_seed(seed)
    front, back = (torch.rand(len(grey), 3, 1, 1, generator=g) for _ in range(2))
    back = torch.where((front - back).abs().amax(1, keepdim=True) < 0.4, (front + 0.5) % 1, back)
    return back + (front - back) * grey, object_


def clothes(n=200, seed=3):
    """Return n pieces of clothing of Fashion-MNIST in two random colours, and their masks: what is brighter than 0.1."""
    x = F.pad(data.fashion_mnist(False).subset(n).images, (2, 2, 2, 2))
    return recoloured(x, x[:, 0] > 0.1, seed)


def written(n=200, seed=3):
    """Return n handwritten digits, four times as large, flat in two random colours, and their masks."""
    x = F.interpolate(data.digits(False).subset(n).images, (SIZE, SIZE), mode="bilinear", align_corners=False)
    return recoloured((x > 0.4).float(), x[:, 0] > 0.4, seed)


def flood(images, spots, limit=0.25):
    """Fill from a click: again and again add the neighbours whose colour is within `limit` of that around the click.

    images:  (M, 3, S, S); spots: (M, 2), x and y in pixels
    limit:   distance of two colours, whose three numbers are from 0 to 1
    returns: (M, S, S) bool. The click's colour is a mean of 3 × 3 pixels; neighbours are the eight around
    """
    images, spots = images.detach().cpu(), spots.cpu()
    rows, (x, y) = torch.arange(len(images)), spots.long().unbind(1)
    colour = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)[rows, :, y, x]
    alike = ((images - colour[:, :, None, None]).norm(dim=1) < limit).numpy()
    grown = np.zeros_like(alike)
    grown[rows, y, x] = True
    while True:
        wide = np.pad(grown, ((0, 0), (1, 1), (1, 1)))
        wide = wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:]
        wide = (wide[..., :-2] | wide[..., 1:-1] | wide[..., 2:]) & alike | grown
        if (wide == grown).all():
            return torch.from_numpy(grown)
        grown = wide


def best_limit(images, spots, target, limits=(0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)):
    """Return the limit with which flood fill comes closest to the targets (M, S, S), of some that are tried."""
    return max(limits, key=lambda limit: iou(flood(images, spots, limit), target).mean().item())


def iou(a, b):
    """Return intersection over union of masks (..., S, S) bool: from 0 to 1; 0 where both are empty."""
    return (a & b).sum((-2, -1)) / (a | b).sum((-2, -1)).clamp(min=1)


def one_each(images, masks, seed):
    """Return pictures, and of each one of its masks by chance, which has at least 8 pixels: (N, S, S)."""
    there = (masks.sum((2, 3)) >= 8).float() + 1e-9
    level = torch.multinomial(there, 1, generator=torch.Generator().manual_seed(seed))[:, 0]
    return images, masks[torch.arange(len(masks)), level]


def kinds(n=200):
    """Return {name: {"test": (images, masks), "choose": others of the kind}}: what the network is tried on, n pictures each.

    "scenes" are drawn as those of training; "other shapes", "more noise", "clothes" and "digits" are not.
    """
    settings = {"scenes": {}, "other shapes": dict(names=UNSEEN), "more noise": dict(noise=0.15)}
    found = {
        name: {part: one_each(*nested(n, seed, **how), seed) for part, seed in (("test", 999), ("choose", 555))}
        for name, how in settings.items()
    }
    for name, draw in (("clothes", clothes), ("digits", written)):
        images, masks = draw(2 * n)
        found[name] = {"test": (images[:n], masks[:n]), "choose": (images[n:], masks[n:])}
    return found


# the limits of flood fill that suit each kind best, chosen on other pictures of it: experiments/clicks_and_boxes_seed_by_seed.md
LIMITS = {"scenes": 0.3, "other shapes": 0.25, "more noise": 0.4, "clothes": 0.25, "digits": 0.1}
