"""What was tried for chapter 19, or takes longer than a chapter may: `make experiments NB=19`."""

from functools import cache, partial

import torch

from helpers.chapters.ch19_segment_anything import clicks, network, scenes
from helpers.training import train

SEEDS = range(5)  # the first is the notebook's
STEPS, RATE = 400, 3e-3


@cache
def _pictures():
    return scenes.nested(4000, seed=1)


@cache
def _trained(seed, three=True):
    """A network trained as in the notebook."""
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    net, step = network.Sam(), partial(clicks.segmenting, three=three)
    train(
        net, clicks.prompts(*_pictures()), step=step, steps=STEPS, lr=RATE, schedule="one-cycle", seed=seed, live=False
    )
    return net.cpu().eval()


def _short(values):
    return " ".join(f"{float(value):.2f}" for value in values)


@cache
def _test():
    images, masks = scenes.nested(400, seed=999)
    return images, masks, scenes.ambiguous(masks)


def _ambiguous(net):
    """IoU of every mask with every level: (M, 3 levels, 4 masks), there (M, 3), and the qualities guessed (M, 4)."""
    images, _, (which, meant, there, inner) = _test()
    masks, guessed = clicks.one_click(net, images[which], clicks.deepest(inner))
    return scenes.iou((masks > 0)[:, None], meant[:, :, None]), there, guessed


def _levels(found, there):
    return [found[there[:, k], k].mean() for k in range(3)]


def one_click_seed_by_seed():
    """What does one click on the innermost part find, seed by seed: three masks, or the single one of the same network?

    252 clicks on 400 scenes. IoU with the whole, the part, and the part of the part: of the best of three masks; of the
    single one; of the one of three whose guessed quality is highest. found: how many of all true masks have a mask with an
    IoU above 0.7, in percent, among three and by the single one. rank: how often the mask that is guessed best of the three
    is the one that in truth fits some level best, in percent (a third by chance), and the correlation of the guessed quality
    with that true IoU. Writes sam.npz, the first network in 8 bits.
    """
    network.store(_trained(0))
    rows = []
    for seed in SEEDS:
        found, there, guessed = _ambiguous(_trained(seed))
        three, one = found[..., 1:].max(2).values, found[..., 0]
        trusted = guessed[:, 1:].argmax(1)
        true = torch.where(there[..., None], found, torch.tensor(0.0)).max(1).values[:, 1:]
        taken = found[torch.arange(len(found)), :, 1 + trusted]
        pair = torch.stack([guessed[:, 1:].flatten(), true.flatten()])
        role = torch.where(there[..., None], found, torch.tensor(-1.0))[..., 1:].argmax(2)
        same = [torch.bincount(role[there[:, k], k], minlength=3).max() / there[:, k].sum() for k in range(3)]
        rows.append(
            {
                "seed": seed,
                "best of three": _short(_levels(three, there)),
                "single": _short(_levels(one, there)),
                "guessed best": _short(_levels(taken, there)),
                "found by three, %": f"{100 * (three > 0.7)[there].float().mean():.0f}",
                "by one, %": f"{100 * (one > 0.7)[there].float().mean():.0f}",
                "guess is right, %": f"{100 * (trusted == true.argmax(1)).float().mean():.0f}",
                "correlation": f"{torch.corrcoef(pair)[0, 1]:.2f}",
                "one mask does a level, %": " ".join(f"{100 * share:.0f}" for share in same),
            }
        )
    return rows


def trained_without_the_three():
    """Is the single mask bad because the network also has three others? Trained with the single one alone, the IoU of one click.

    The same 252 clicks; whole, part, part of the part.
    """
    rows = []
    for seed in list(SEEDS)[:3]:
        row = {"seed": seed}
        for name, three in (("trained with three more", True), ("trained alone", False)):
            found, there, _ = _ambiguous(_trained(seed, three))
            row[f"single mask, {name}"] = _short(_levels(found[..., 0], there))
        rows.append(row)
    return rows


def clicks_and_boxes_seed_by_seed():
    """How good is the mask after 1, 2, 3 and 6 clicks, or from a box, and what does flood fill make of the first click?

    Mean IoU. 200 pictures of each kind, one of its masks each; clicks where the error is deepest; after the first click the
    mask that is guessed best of three, later the single one. Flood fill has the limit that suits the kind best, chosen on
    200 other pictures of it. Scenes: as in training. The other kinds were never trained on.
    """
    rows = []
    for name, pair in scenes.kinds().items():
        (images, target), other = pair["test"], pair["choose"]
        limit = scenes.best_limit(other[0], clicks.deepest(other[1]), other[1])
        filled = scenes.iou(scenes.flood(images, clicks.deepest(target), limit), target).mean()
        for seed in SEEDS:
            net = _trained(seed)
            with torch.no_grad():
                maps = net.encoder(images)
            after = clicks.after_clicks(net, maps, target, 6).mean(1)
            rows.append(
                {
                    "kind": name,
                    "seed": seed,
                    "1, 2, 3, 6 clicks": _short(after[[0, 1, 2, 5]]),
                    "box": f"{clicks.from_boxes(net, maps, target).mean():.2f}",
                    "flood fill": f"{filled:.2f}",
                    "its limit": limit,
                }
            )
    return rows
