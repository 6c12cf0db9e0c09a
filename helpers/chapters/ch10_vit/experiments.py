"""What was tried for chapter 10, or takes longer than a chapter may: `make experiments NB=10`.

Networks, training loop and augmentation are those of the notebook's own cells.
"""

import torch
from torch import nn

from helpers.course.rooms import room
from helpers.training import accuracy


def _notebook():
    return room(10).run("imports", "race-nets", "race-train", "aug-jiggle", "distil-loss")


def _written(values):
    """Return values as their mean and, in brackets, each of them from the lowest to the highest."""
    return f"{sum(values) / len(values):.1f} ({', '.join(f'{each:.0f}' for each in sorted(values))})"


def rates_of_each():
    """Which learning rate is best for each network?

    Accuracy in percent on 300 training images that were left out, after 180 steps on 100 or 1000 others; 5 seeds: the mean,
    and each of them.
    """
    known = _notebook()
    rows = []
    for name, make in known["MAKERS"].items():
        for rate in (0.001, 0.002, 0.004, 0.008, 0.016):
            row = {"network": name, "learning rate": rate}
            for n in (100, 1000):
                found = []
                for seed in range(10, 15):
                    order = torch.randperm(1352, generator=torch.Generator().manual_seed(seed))
                    rest, held_out = known["digits"].chosen(order).split(1052)
                    some = rest.split(n)[0]
                    net = known["trained"](make(seed), some.images, some.labels, seed, rate=rate)
                    found.append(100 * accuracy(net, held_out))
                row[f"{n} images"] = _written(found)
            rows.append(row)
    return rows


def how_positions_begin():
    """Does it help the ViT when its positions begin far apart?

    Accuracy in percent on the test images with 100 training images and 180 steps; 6 seeds: the mean, and each of them.
    """
    known = _notebook()
    rows = []
    for std in (0.02, 0.1, 0.5):
        found = []
        for seed in range(6):
            net, some = known["make_vit"](seed), known["digits"].subset(100, seed)
            nn.init.normal_(net.encoder.pos_embedding, std=std)
            net = known["trained"](net, some.images, some.labels, seed, rate=known["RATES"][known["make_vit"]])
            found.append(100 * accuracy(net, known["test"]))
        rows.append({"deviation of the positions": std, "accuracy, %": _written(found)})
    return rows


def race_seed_by_seed():
    """By how many points is the CNN ahead of the ViT, seed by seed?

    Accuracy in percent on the test images after 180 steps, with 100, 300 and 1352 training images.
    """
    known = _notebook()
    rows = []
    for seed in range(6):
        row = {"seed": seed}
        for n in (100, 300, 1352):
            some = known["digits"].subset(n, seed) if n < 1352 else known["digits"]
            right = {}
            for name, make in known["MAKERS"].items():
                net = known["trained"](make(seed), some.images, some.labels, seed, rate=known["RATES"][make])
                right[name] = 100 * accuracy(net, known["test"])
            row[f"{n} images: CNN, ViT"] = f"{right['CNN']:.1f}, {right['ViT']:.1f}"
        rows.append(row)
    return rows


def augmentation_and_steps():
    """What do augmentation and dropout bring, and how many steps do they need?

    Accuracy in percent on the test images with 100 training images; 6 seeds: the mean, and each of them.
    """
    known = _notebook()
    settings = {
        "ViT": ("make_vit", None, {}),
        "ViT, augmentation": ("make_vit", known["jiggled"], {}),
        "ViT, dropout": ("make_vit", None, {"dropout": 0.1}),
        "CNN": ("make_cnn", None, {}),
        "CNN, augmentation": ("make_cnn", known["jiggled"], {}),
    }
    rows = []
    for how, (make, augment, others) in settings.items():
        row = {"network": how}
        for steps in (180, 360):
            found = []
            for seed in range(6):
                some, rate = known["digits"].subset(100, seed), known["RATES"][known[make]]
                net = known[make](seed, **others)
                known["trained"](net, some.images, some.labels, seed, rate, augment=augment, steps=steps)
                found.append(100 * accuracy(net, known["test"]))
            row[f"{steps} steps"] = _written(found)
        rows.append(row)
    return rows


def what_the_teacher_brings():
    """What does a teacher bring, on the labelled images alone and on a pool without labels?

    Accuracy in percent on the test images, 100 labels, a ViT with the extra token; 6 seeds: the mean, and each of them.
    """
    known = _notebook()
    digits, test, device = known["digits"], known["test"], known["device"]
    found = {}
    for seed in range(6):
        few = digits.subset(100, seed)
        teacher = known["trained"](
            known["make_cnn"](seed), few.images, few.labels, seed, known["RATES"][known["make_cnn"]]
        )
        alone = known["trained"](known["make_vit"](seed), few.images, few.labels, seed)
        found.setdefault("the teacher, a CNN", []).append(100 * accuracy(teacher, test))
        found.setdefault("no teacher", []).append(100 * accuracy(alone, test))
        for where, (images, labels), steps in (
            ("100 labelled images", (few.images, few.labels), 220),
            ("and 1252 without labels", known["with_pool"](few), 180),
        ):
            with torch.no_grad():
                answers = torch.cat([labels[:, None], teacher(images.to(device)).cpu()], 1)
            for kind in ("hard", "soft"):
                loss = known["distillation"](kind)
                student = known["make_vit"](seed, distill=True)
                known["trained"](student, images, answers, seed, loss=loss, steps=steps)
                found.setdefault(f"{kind} answers, {where}", []).append(100 * accuracy(student, test))
    return [{"student": how, "accuracy, %": _written(each)} for how, each in found.items()]
