"""What was tried for chapter 10, or takes longer than a chapter may: `make experiments NB=10`.

Networks and training are those of the notebook's own cells.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.chapters.ch10_vit.changed import jiggled, with_pool
from helpers.course.rooms import room
from helpers.training import accuracy

SEEDS = range(5)


def _notebook():
    return room(10).run("imports", "race-nets", "race-train")


def _written(values):
    """Return values as their mean and, in brackets, each of them from the lowest to the highest."""
    return f"{sum(values) / len(values):.1f} ({', '.join(f'{each:.0f}' for each in sorted(values))})"


def _held_out(known, make, n, rate):
    """Return accuracies in percent on 300 training images, after training on n others; seeds that the notebook has not."""
    found = []
    for seed in range(10, 15):
        order = torch.randperm(1352, generator=torch.Generator().manual_seed(seed))
        rest, held_out = known["digits"].chosen(order).split(1052)
        some = rest.split(n)[0]
        net = known["trained"](make(seed), some.images, some.labels, seed, rate)
        found.append(100 * accuracy(net, held_out))
    return _written(found)


def rates_of_each():
    """Which learning rate is best for each network?

    Accuracy in percent on 300 training images that were left out, after 240 steps on 100 or 1000 others; 5 seeds: the mean,
    and each of them.
    """
    known, rows = _notebook(), []
    for name, rates in (("ViT", (0.002, 0.004, 0.008, 0.016)), ("CNN", (0.004, 0.008, 0.016, 0.032))):
        for rate in rates:
            make = known["MAKERS"][name]
            found = {f"{n} images": _held_out(known, make, n, rate) for n in (100, 1000)}
            rows.append({"network": name, "learning rate": rate} | found)
    return rows


def heads_and_positions():
    """How many heads should the ViT have, and how far apart should its positions begin?

    Accuracy in percent on 300 training images that were left out, after 240 steps on 100 others; 5 seeds: the mean, and
    each of them.
    """
    known, rows = _notebook(), []
    make, rate = known["make_vit"], known["RATES"][known["make_vit"]]

    def begun(std):
        def build(seed):
            net = make(seed)
            nn.init.normal_(net.encoder.pos_embedding, std=std)
            return net

        return build

    for heads in (1, 2, 4, 8):
        how = f"{heads} head{'s' * (heads > 1)}, positions of deviation 0.5"
        found = _held_out(known, lambda seed, heads=heads: make(seed, heads), 100, rate)
        rows.append({"ViT": how, "accuracy, %": found})
    for std in (0.02, 0.1, 1.0):
        rows.append(
            {"ViT": f"4 heads, positions of deviation {std}", "accuracy, %": _held_out(known, begun(std), 100, rate)}
        )
    return rows


def how_many_images():
    """How many images does a ViT need to be as good as a CNN?

    Accuracy in percent on the test images, mean of 5 seeds, after 240 and after 720 steps; in brackets, by how many points
    the CNN is ahead, seed by seed.
    """
    known, rows = _notebook(), []
    for n in (100, 400, 1352):
        row = {"images": n}
        for steps in (240, 720):
            right = {}
            for name, make in known["MAKERS"].items():
                for seed in SEEDS:
                    some = known["digits"].subset(n, seed) if n < 1352 else known["digits"]
                    net = known["trained"](
                        make(seed), some.images, some.labels, seed, known["RATES"][make], steps=steps
                    )
                    right.setdefault(name, []).append(100 * accuracy(net, known["test"]))
            ahead = sorted(a - b for a, b in zip(right["CNN"], right["ViT"], strict=True))
            cnn, vit = (sum(right[name]) / len(SEEDS) for name in ("CNN", "ViT"))
            row[f"{steps} steps: CNN, ViT"] = f"{cnn:.1f}, {vit:.1f} ({', '.join(f'{each:.0f}' for each in ahead)})"
        rows.append(row)
    return rows


def augmentation_and_steps():
    """What do augmentation and dropout bring, and how many steps do they need?

    Accuracy in percent on the test images with 100 training images; 5 seeds: the mean, and each of them.
    """
    known, rows = _notebook(), []
    for how, name, augment, others in (
        ("ViT", "ViT", None, {}),
        ("ViT, augmentation", "ViT", jiggled, {}),
        ("ViT, dropout 0.1", "ViT", None, {"dropout": 0.1}),
        ("CNN", "CNN", None, {}),
        ("CNN, augmentation", "CNN", jiggled, {}),
    ):
        row, make = {"network": how}, known["MAKERS"][name]
        for steps in (240, 720):
            found = []
            for seed in SEEDS:
                some, rate = known["digits"].subset(100, seed), known["RATES"][make]
                net = make(seed, **others)
                known["trained"](net, some.images, some.labels, seed, rate, augment=augment, steps=steps)
                found.append(100 * accuracy(net, known["test"]))
            row[f"{steps} steps"] = _written(found)
        rows.append(row)
    return rows


def _distillation(kind, token, temperature=3.0):
    """Return the loss for answers (N, 11): the label, -100 for none, and the teacher's ten scores."""

    def loss(out, answers):
        (by_class, by_teacher), labels, teacher = out if token else (out, out), answers[:, 0].long(), answers[:, 1:]
        if kind == "hard":
            copied = F.cross_entropy(by_teacher, teacher.argmax(1))
        else:
            wanted = (teacher / temperature).softmax(1)
            softened = (by_teacher / temperature).log_softmax(1)
            copied = temperature**2 * F.kl_div(softened, wanted, reduction="batchmean")
        return (F.cross_entropy(by_class, labels) + copied) / 2

    return loss


def what_the_teacher_brings():
    """What does a teacher bring, with and without a token of its own, on the labelled images alone and on a pool?

    Accuracy in percent on the test images, 100 labels, 240 steps; 5 seeds: the mean, and each of them.
    """
    known, found = _notebook(), {}
    digits, test, device = known["digits"], known["test"], known["device"]
    cnn, vit, trained = known["make_cnn"], known["make_vit"], known["trained"]
    for seed in SEEDS:
        few = digits.subset(100, seed)
        teacher = trained(cnn(seed), few.images, few.labels, seed, known["RATES"][cnn])
        alone = trained(vit(seed), few.images, few.labels, seed, known["RATES"][vit])
        found.setdefault("the teacher, a CNN", []).append(100 * accuracy(teacher, test))
        found.setdefault("no teacher", []).append(100 * accuracy(alone, test))
        for where, (images, labels) in (
            ("100 labelled images", (few.images, few.labels)),
            ("and 1252 without labels", with_pool(few, digits)),
        ):
            with torch.no_grad():
                answers = torch.cat([labels[:, None], teacher(images.to(device)).cpu()], 1)
            for kind in ("hard", "soft"):
                for token in (True, False):
                    student, loss = vit(seed, distill=token), _distillation(kind, token)
                    trained(student, images, answers, seed, known["RATES"][vit], loss=loss)
                    how = f"{kind} answers, {'a token' if token else 'no token'}, {where}"
                    found.setdefault(how, []).append(100 * accuracy(student, test))
    return [{"student": how, "accuracy, %": _written(each)} for how, each in found.items()]
