"""Prompts from masks, as a person would give them, the training step that draws them, and masks after one click or several."""

import torch
import torch.nn.functional as F

from helpers.chapters.ch19_segment_anything.scenes import SIZE, iou


def spot(index):
    """Return x and y (M, 2) of pixels that are counted row by row."""
    return torch.stack([index % SIZE, index // SIZE], -1).float()


def anywhere(region, generator=None):
    """Return a random pixel of each region (M, S, S) bool: (M, 2), x and y; of an empty one any pixel."""
    return spot(torch.multinomial(region.flatten(1).float() + 1e-9, 1, generator=generator)[:, 0])


def deepest(region):
    """Return the pixel of each region (M, S, S) bool that has most of it around it: (M, 2), x and y."""
    x = region[:, None].float()
    deep = sum(F.avg_pool2d(x, k, 1, k // 2) for k in (3, 5, 9)) + x * 1e-3
    return spot((deep * x).flatten(1).argmax(1))


def corners(target):
    """Return the box of each mask (M, S, S) bool: (M, 2, 2), its upper left and lower right pixel."""
    columns, rows = target.any(1).float(), target.any(2).float()
    low = torch.stack([columns.argmax(1), rows.argmax(1)], 1)
    high = SIZE - 1 - torch.stack([columns.flip(1).argmax(1), rows.flip(1).argmax(1)], 1)
    return torch.stack([low, high], 1).float()


def on(target, spots):
    """Return 1 where a click (M, 2) lies on its mask (M, S, S), else 0: the click's kind."""
    x, y = spots.long().unbind(1)
    return target[torch.arange(len(target), device=target.device), y, x].long()


def add(points, kinds, target, spots):
    """Return the prompts with one click more each."""
    return torch.cat([points, spots[:, None]], 1), torch.cat([kinds, on(target, spots)[:, None]], 1)


# ---- training


def targets(masks, per, least=8, generator=None):
    """Draw for each picture `per` of its masks (N, K, S, S) that have at least so many pixels: (N · per, S, S)."""
    there = (masks.sum((2, 3)) >= least).float() + 1e-9
    level = torch.multinomial(there, per, replacement=True, generator=generator)
    return masks[torch.arange(len(masks))[:, None], level].flatten(0, 1)


def prompts(images, masks, pictures=8, per=4, rounds=3):
    """Return a function from a torch.Generator to a batch: pictures, targets (M, S, S), prompts, and how many rounds.

    For each of 8 pictures 4 of its masks are drawn; each is pointed at by one click anywhere on it; one batch in four
    gives boxes instead, a pixel or so wrong. The number of rounds is 1 to 3: after each, a click in the error is added.
    """

    def draw(dice):
        which = torch.randint(len(images), (pictures,), generator=dice)
        target = targets(masks[which], per, generator=dice)
        kind, turns = torch.randint(4, (1,), generator=dice).item(), torch.randint(rounds, (1,), generator=dice).item()
        if kind:
            points, kinds = anywhere(target, dice)[:, None], torch.ones(len(target), 1, dtype=torch.long)
        else:
            points = corners(target) + 0.5 * torch.randn(len(target), 2, 2, generator=dice)
            kinds = torch.tensor([2, 3]).expand(len(target), 2)
        return images[which], target, points, kinds, 1 + turns

    return draw


def mask_loss(masks, target):
    """Return the loss of each mask: scores (M, K, S, S) against targets (M, S, S) → (M, K), cross-entropy and Dice."""
    target = target[:, None].float().expand_as(masks)
    entropy = F.binary_cross_entropy_with_logits(masks, target, reduction="none").mean((2, 3))
    p = masks.sigmoid()
    dice = 1 - (2 * (p * target).sum((2, 3)) + 1) / (p.sum((2, 3)) + target.sum((2, 3)) + 1)
    return 2 * entropy + dice


def segmenting(net, batch, three=True):
    """The step: the loss of the single mask; of three masks the smallest loss; and of the quality that it expects.

    three: False trains the single mask alone
    """
    images, target, points, kinds, turns = batch
    maps = net.encoder(images)
    total, previous = 0.0, None
    for turn in range(turns):
        masks, quality = net.decoder(maps, points, kinds, previous)
        loss, first = mask_loss(masks, target), points.shape[1] == 1
        real = iou(masks > 0, target[:, None])
        total = total + loss[:, 0].mean() + F.mse_loss(quality, real)
        if three and first:
            total = total + loss[:, 1:].min(1).values.mean()
        if turn + 1 < turns:
            answer = 1 + quality[:, 1:].argmax(1) if three and first else torch.zeros_like(kinds[:, 0])
            previous = masks[torch.arange(len(masks), device=masks.device), answer].detach()
            points, kinds = add(points, kinds, target, anywhere((previous > 0) != target))
    return total / turns, {
        "three" if three else "one": real[:, 1:].max(1).values.mean() if three else real[:, 0].mean()
    }


# ---- use


@torch.no_grad()
def after_clicks(net, maps, target, n, where=deepest, first=None):
    """Return the IoU after each of n clicks, each in the error that is left: (n, M).

    maps: the encoder's of N pictures; target (M, S, S), equally many for each; where: which pixel of a region is clicked; first: None, or the
    first clicks (M, 2). After one click the answer is the one of three that the network expects to be best, later the
    single one.
    """
    rows = torch.arange(len(target), device=target.device)
    spots = where(target) if first is None else first
    points, kinds, previous, found = spots[:, None], on(target, spots)[:, None], None, []
    for k in range(n):
        masks, quality = net.decoder(maps, points, kinds, previous)
        previous = masks[rows, 1 + quality[:, 1:].argmax(1) if k == 0 else torch.zeros_like(rows)]
        found.append(iou(previous > 0, target))
        points, kinds = add(points, kinds, target, where((previous > 0) != target))
    return torch.stack(found)


@torch.no_grad()
def from_boxes(net, maps, target):
    """Return the IoU of the single mask, given the box of each target (M, S, S): (M,)."""
    kinds = torch.tensor([2, 3], device=target.device).expand(len(target), 2)
    return iou(net.decoder(maps, corners(target), kinds)[0][:, 0] > 0, target)


@torch.no_grad()
def one_click(net, images, spots):
    """Return masks (M, 4, S, S), as scores, and the qualities expected (M, 4), from one click (M, 2) on each picture."""
    kinds = torch.ones(len(spots), 1, dtype=torch.long, device=images.device)
    return net.decoder(net.encoder(images), spots[:, None], kinds)
