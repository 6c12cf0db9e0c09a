"""The exercises of chapter 16: the best loss, the loss itself, prompts, ties in recall, a negative that is true."""

import math

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "best_loss",
    reference=lambda n, scale: math.log(1 + (n - 1) * math.exp(-2 * scale)),
    cases=lambda: [dict(n=n, scale=scale) for n, scale in ((2, 1.0), (128, 1.0), (128, 5.0), (32768, 3.0))],
    mistakes=[
        (
            lambda n, scale: math.log(1 + (n - 1) * math.exp(-scale)),
            "that is for other cosines of **0**: here they are −1, so two scores differ by 2 · scale.",
        ),
        (
            lambda n, scale: math.log(1 + n * math.exp(-2 * scale)),
            "one rival too many: a row has **n − 1** wrong captions.",
        ),
        (lambda n, scale: math.log(n), "that is the loss of **guessing**: here the true pair's score is the highest."),
        (lambda n, scale: 0.0, "0 needs a probability of 1: softmax of finite scores never gives that."),
        (
            lambda n, scale: 2 * math.log(1 + (n - 1) * math.exp(-2 * scale)),
            "rows and columns are **averaged**, not added.",
        ),
        (
            lambda n, scale: -math.log(1 + (n - 1) * math.exp(-2 * scale)),
            "the **sign**: a loss is −log of a probability, and positive.",
        ),
        (
            lambda n, scale: 1 / (1 + (n - 1) * math.exp(-2 * scale)),
            "that is the **probability** of the true caption: the loss is −log of it.",
        ),
        (
            lambda n, scale: math.log2(1 + (n - 1) * math.exp(-2 * scale)),
            "that is in **bits**: cross-entropy takes the natural logarithm.",
        ),
        (
            lambda n, scale: math.log(1 + (n - 1) * math.exp(-2 / scale)),
            "the scale **multiplies** the cosines: to divide would be the temperature.",
        ),
    ],
    hints=[
        "All rows are alike: one score is scale · 1, the n − 1 others are scale · (−1).",
        "The true one has probability e^scale / (e^scale + (n − 1) · e^−scale). Divide both by e^scale.",
        "Columns are as rows, so the mean is the same: log(1 + (n − 1) · e^(−2 · scale)).",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _info_nce(unit=(True, True), exp=True, most=100.0, both="mean", divide=False):
    def loss(pictures, texts, log_scale):
        p, t = (F.normalize(x, dim=1) if norm else x for x, norm in zip((pictures, texts), unit, strict=True))
        scale = log_scale.exp() if exp else log_scale
        scale = scale.clamp(max=most)
        scores = (p @ t.T) / scale if divide else scale * (p @ t.T)
        right = torch.arange(len(scores))
        rows, columns = F.cross_entropy(scores, right), F.cross_entropy(scores.T, right)
        return {"mean": (rows + columns) / 2, "sum": rows + columns, "rows": rows, "columns": columns}[both]

    return loss


def _batches():
    for seed, n, width, log_scale in ((0, 4, 6, 2.66), (1, 3, 5, 0.0), (2, 5, 7, 6.0)):
        dice = torch.Generator().manual_seed(seed)
        yield dict(
            pictures=torch.randn(n, width, generator=dice) * 2,
            texts=torch.randn(n, width, generator=dice) * 3,
            log_scale=torch.tensor(log_scale),
        )


def _wrong_axis(pictures, texts, log_scale):
    scale = log_scale.exp().clamp(max=100)
    scores = scale * F.normalize(pictures, dim=0) @ F.normalize(texts, dim=0).T
    right = torch.arange(len(scores))
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


Exercise(
    "info_nce",
    reference=_info_nce(),
    cases=lambda: list(_batches()),
    grad=True,
    mistakes=[
        (
            _info_nce(both="rows"),
            "only the **rows**, picture to text: the columns ask which picture a text belongs to.",
        ),
        (_info_nce(both="columns"), "only the **columns**, text to picture: the rows are missing."),
        (_info_nce(both="sum"), "rows and columns are **averaged**, not added."),
        (
            _info_nce(unit=(False, False)),
            "the embeddings are not of **norm 1** yet: a long vector would be near to all.",
        ),
        (_info_nce(unit=(True, False)), "only the **pictures** were made norm 1: the texts have theirs still."),
        (_info_nce(unit=(False, True)), "only the **texts** were made norm 1: the pictures have theirs still."),
        (_info_nce(exp=False), "`log_scale` is the **logarithm** of the scale: take its exponential."),
        (_info_nce(most=math.inf), "the scale is not **clipped**: it may not go above 100."),
        (_info_nce(divide=True), "the scale **multiplies** the cosines; the temperature would divide them."),
        (_wrong_axis, "the norm is over the wrong **axis**: each row is one embedding, so `dim=1`."),
    ],
    hints=[
        "F.normalize(x, dim=1) makes each row norm 1. Then one matrix product gives all N × N cosines.",
        "scale = log_scale.exp().clamp(max=100); the right class of row i is i.",
        "The mean of F.cross_entropy(scores, right) and F.cross_entropy(scores.T, right).",
    ],
)


def _embeddings():
    for seed, n, k, c, width in ((0, 7, 3, 4, 5), (1, 6, 2, 5, 3), (2, 9, 4, 3, 2)):
        dice = torch.Generator().manual_seed(seed)
        prompts = F.normalize(torch.randn(k, c, width, generator=dice), dim=2)
        prompts[0, 0] = F.normalize(0.5 * prompts[0, 0] - prompts[1, 0], dim=0)  # they disagree: the mean is short
        yield dict(pictures=F.normalize(torch.randn(n, width, generator=dice), dim=1), prompts=prompts)


Exercise(
    "classify",
    reference=lambda pictures, prompts: (pictures @ F.normalize(prompts.mean(0), dim=1).T).argmax(1),
    cases=lambda: list(_embeddings()),
    mistakes=[
        (
            lambda pictures, prompts: (pictures @ prompts.mean(0).T).argmax(1),
            "the means are not of **norm 1** again: a class whose prompts disagree has a short mean, and loses for that alone.",
        ),
        (
            lambda pictures, prompts: (pictures @ prompts[0].T).argmax(1),
            "only the **first** prompt is used: average over all K.",
        ),
        (
            lambda pictures, prompts: (pictures @ F.normalize(prompts.mean(1), dim=1).T).argmax(1),
            "that averages over the **classes**: axis 0 holds the prompts.",
        ),
        (
            lambda pictures, prompts: torch.einsum("nd,kcd->nkc", pictures, prompts).amax(1).argmax(1),
            "that is the class of the **best single** prompt: the mean of the embeddings is asked for.",
        ),
        (
            lambda pictures, prompts: (pictures @ F.normalize(prompts.mean(0), dim=1).T).argmin(1),
            "that is the class **farthest** away: a large cosine is near.",
        ),
        (
            lambda pictures, prompts: (pictures @ F.normalize(prompts.mean(0), dim=0).T).argmax(1),
            "the norm is over the wrong **axis**: after the mean (C, D) is left, and each row is one class.",
        ),
        (
            lambda pictures, prompts: (pictures @ F.normalize(prompts.mean(0), dim=1).T).argmax(0),
            "that is the nearest **picture** of each class: the maximum goes over the classes.",
        ),
    ],
    hints=[
        "prompts.mean(0) is (C, D): a vector for each class, shorter than 1.",
        "F.normalize(..., dim=1) makes them norm 1; a matrix product gives all cosines, (N, C).",
        "argmax over the classes, dim 1.",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _cosines():
    for seed, n, k in ((0, 6, 1), (1, 7, 2), (2, 9, 3)):
        dice = torch.Generator().manual_seed(seed)
        cosines = torch.randn(n, n, generator=dice).mul(2).round() / 4
        yield dict(cosines=cosines + 0.5 * torch.eye(n), k=k)
    yield dict(cosines=torch.ones(5, 5), k=1)


def _recall(better=lambda rivals, own: rivals >= own, turn=False, most=lambda rank, k: rank < k, own_counts=False):
    def recall(cosines, k):
        square = cosines.T if turn else cosines
        rank = better(square, square.diagonal()[:, None]).sum(1) - (0 if own_counts else 1)
        return most(rank, k).float().mean().item()

    return recall


Exercise(
    "recall_at",
    reference=_recall(),
    cases=lambda: list(_cosines()),
    mistakes=[
        (
            lambda cosines, k: ((cosines > cosines.diagonal()[:, None]).sum(1) < k).float().mean().item(),
            "that is the code above: a rival that is **as near** is not counted, so equal cosines win.",
        ),
        (
            _recall(own_counts=True),
            "with ≥ the true one counts **itself** as a rival: take it off, or R@1 is always 0.",
        ),
        (_recall(turn=True), "that goes from **columns** to rows: text to picture."),
        (_recall(most=lambda rank, k: rank <= k), "that is R@(k + 1): with k rivals nearer the rank is k + 1."),
        (
            _recall(most=lambda rank, k: 100.0 * (rank < k)),
            "that is in percent: give the share from 0 to 1.",
        ),
    ],
    hints=[
        "In the example all 500 cosines of a row are equal. How many are *greater* than the true one?",
        "Count rivals that are at least as near, with ≥. The true one is at least as near as itself.",
        "rank = (cosines >= own).sum(1) − 1; found where rank < k.",
    ],
)


def _scenes():
    red_disk, blue_ring, red_ring, blue_disk = ("red", "disk"), ("blue", "ring"), ("red", "ring"), ("blue", "disk")
    return [
        dict(scene=[red_disk, blue_ring], told=[red_ring, blue_disk]),
        dict(scene=[red_disk, blue_ring], told=[blue_ring, red_disk]),
        dict(scene=[red_disk, ("red", "ring"), blue_ring], told=[red_ring, red_disk]),
        dict(scene=[red_disk, red_ring], told=[red_ring, red_disk]),
        dict(scene=[red_disk, blue_ring], told=[red_disk, blue_disk]),
        dict(scene=[red_disk], told=[red_disk, blue_disk]),
        dict(scene=[red_disk, blue_ring, ("green", "cross")], told=[red_disk]),
    ]


Exercise(
    "really_wrong",
    reference=lambda scene, told: any(tuple(pair) not in {tuple(each) for each in scene} for pair in told),
    cases=_scenes,
    mistakes=[
        (
            lambda scene, told: list(told) != list(scene),
            "the **order** decides nothing: exchanged objects of the same colour make the same sentence, or a part of it.",
        ),
        (
            lambda scene, told: set(told) != set(scene),
            "a caption that leaves something **out** is not wrong: look for a pair that is told and not there.",
        ),
        (
            lambda scene, told: all(pair not in scene for pair in told),
            "**one** wrong pair makes a caption wrong, even beside a right one: any, not all.",
        ),
        (
            lambda scene, told: any(pair in scene for pair in told),
            "that says whether **something** in it is right.",
        ),
        (
            lambda scene, told: all(pair in scene for pair in told),
            "that says whether the caption is **true**: the opposite is asked for.",
        ),
        (
            lambda scene, told: any(pair not in told for pair in scene),
            "that looks for something that is there and **not told**: captions may leave out.",
        ),
        (
            lambda scene, told: any(c not in [a for a, _ in scene] or f not in [b for _, b in scene] for c, f in told),
            "that looks at colours and forms **apart**, as a bag of words does: the pair counts.",
        ),
    ],
    hints=[
        "When two objects have the same colour, exchanging their forms changes nothing.",
        "A caption is wrong if at least one (colour, form) that it tells is not in the scene.",
        "any(pair not in scene for pair in told)",
    ],
)
