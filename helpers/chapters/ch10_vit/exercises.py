"""The exercises of chapter 10, ViT."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise


def _dice(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- 1. From pictures to patches


def _patch_cases():
    shapes = (((2, 3, 4, 6), 2), ((1, 2, 9, 6), 3), ((3, 1, 8, 4), 4))
    return [{"images": torch.randn(*shape, generator=_dice()), "P": P} for shape, P in shapes]


def _cut(images, P):
    """(N, C, H, W) → (N, C, rows, P, columns, P)."""
    return images.unflatten(2, (-1, P)).unflatten(4, (-1, P))


def _patches(images, P):
    return _cut(images, P).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


Exercise(
    "patches_to_rows",
    reference=_patches,
    cases=_patch_cases,
    mistakes=[
        (
            lambda images, P: images.reshape(len(images), -1, images.shape[1] * P * P),
            (
                "the numbers are only **counted off** in their old order: a row then holds pieces of lines, not a"
                " square. Split H and W first, then permute."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2),
            "the patches go **column by column**: read the picture like a text, row by row.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2),
            (
                "inside a patch the **channels come last**: a convolution's weight has them first, then rows, then"
                " columns."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2),
            "each patch is **turned over** its diagonal: inside it, rows come before columns.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 3, 5, 1, 2, 4).flatten(3).flatten(1, 2),
            (
                "what was taken together are pixels **P apart**: of H split into (rows, P), the second is the place"
                " inside the patch."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 1, 3, 5).flatten(3),
            (
                "the grid is still there: (N, rows, **columns**, numbers). Join rows and columns to one dimension of T"
                " tokens."
            ),
        ),
        (
            lambda images, P: _patches(images, P).transpose(1, 2),
            "tokens and their numbers are **exchanged**: asked for is (N, T, C·P·P); `F.unfold` gives the other.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 1, 2, 4, 3, 5).flatten(4).flatten(1, 3),
            "each **channel** has tokens of its own: a patch's row holds all C channels, one after the other.",
        ),
    ],
    hints=[
        (
            "Split H into rows and P, W into columns and P; bring rows and columns to the front; join what belongs"
            " together."
        ),
        "`images.reshape(N, C, rows, P, columns, P)`, with rows = H // P and columns = W // P.",
        "then `.permute(0, 2, 4, 1, 3, 5)` gives (N, rows, columns, C, P, P), and one more reshape the rest.",
    ],
)


# ---- 2. The class token and the positions


def _token_cases():
    found = []
    for N, T, D in ((2, 4, 3), (3, 6, 5), (1, 9, 2)):
        dice = _dice()
        found.append(
            {
                "patches": torch.randn(N, T, D, generator=dice),
                "class_token": torch.randn(1, 1, D, generator=dice),
                "positions": torch.randn(1, T + 1, D, generator=dice),
            }
        )
    return found


def _joined(patches, class_token):
    return torch.cat([class_token.expand(len(patches), -1, -1), patches], 1)


Exercise(
    "with_class_token",
    reference=lambda patches, class_token, positions: _joined(patches, class_token) + positions,
    cases=_token_cases,
    grad=True,
    mistakes=[
        (
            lambda patches, class_token, positions: _joined(patches, class_token),
            "the **positions** are missing: they are added to all T + 1 tokens.",
        ),
        (
            lambda patches, class_token, positions: _joined(patches, class_token) * positions,
            "the positions are **multiplied**: they are added.",
        ),
        (
            lambda patches, class_token, positions: (
                torch.cat([patches, class_token.expand(len(patches), -1, -1)], 1) + positions
            ),
            "the class token stands **last**: it is token 0, before the patches.",
        ),
        (
            lambda patches, class_token, positions: torch.cat(
                [class_token.expand(len(patches), -1, -1), patches + positions[:, 1:]], 1
            ),
            "the **class token** gets no position: its own is number 0.",
        ),
        (
            lambda patches, class_token, positions: torch.cat(
                [class_token.expand(len(patches), -1, -1), patches + positions[:, :-1]], 1
            ),
            "the positions are **off by one**: number 0 is that of the class token, number 1 that of the first patch.",
        ),
        (
            lambda patches, class_token, positions: patches + positions[:, 1:],
            "the **class token** is missing: T patches become T + 1 tokens.",
        ),
        (
            lambda patches, class_token, positions: (
                torch.cat([class_token + 0 * patches[:, :1], patches], 1) + positions.mean(1, keepdim=True)
            ),
            "all tokens get **one** position, the mean: each has its own, so just add.",
        ),
        (
            lambda patches, class_token, positions: _joined(patches, patches.mean(1, keepdim=True)) + positions,
            "the first token is the **mean of the patches**: the class token is a parameter, the same for all images.",
        ),
        (
            lambda patches, class_token, positions: torch.cat([class_token, patches.flatten(0, 1)[None]], 1),
            "all images of the batch became **one** sequence: each needs a class token of its own, so expand it to N.",
        ),
    ],
    hints=[
        "Two steps: put the class token before the patches, add the positions.",
        "The class token is (1, 1, D) and must become (N, 1, D): `class_token.expand(len(patches), -1, -1)`.",
        "`torch.cat([...], dim=1) + positions`",
    ],
)


# ---- 3. What a block costs


def _block(side, P, D):
    T = (side // P) ** 2 + 1
    return 12 * T * D * D + 2 * T * T * D


Exercise(
    "block_macs",
    reference=_block,
    cases=lambda: [{"side": 224, "P": 16, "D": 768}, {"side": 8, "P": 2, "D": 5}, {"side": 30, "P": 3, "D": 7}],
    mistakes=[
        (
            lambda side, P, D: 12 * (side // P) ** 2 * D * D + 2 * (side // P) ** 4 * D,
            "the **class token** is not counted: T is one more than the number of patches.",
        ),
        (
            lambda side, P, D: 12 * (side // P + 1) * D * D + 2 * (side // P + 1) ** 2 * D,
            "the patches of **one row** only: there are side / P of them both ways.",
        ),
        (lambda side, P, D: 2 * _block(side, P, D), "those are **FLOPs**: asked for are multiply-adds, half of that."),
        (
            lambda side, P, D: 12 * _block(side, P, D),
            "those are **twelve** blocks: asked for is one. The 12 in 12·T·D² is 4 of attention and 8 of the MLP.",
        ),
        (
            lambda side, P, D: 8 * ((side // P) ** 2 + 1) * D * D,
            "only the **MLP** is there: attention comes before it.",
        ),
        (
            lambda side, P, D: 4 * ((side // P) ** 2 + 1) * D * D + 2 * ((side // P) ** 2 + 1) ** 2 * D,
            "only the **attention** is there: the MLP, from D to 4·D and back, comes after it.",
        ),
        (lambda side, P, D: 12 * ((side // P) ** 2 + 1) * D * D, "**scores and average** are missing: T·T·D each."),
        (
            lambda side, P, D: _block(side, P, D) - ((side // P) ** 2 + 1) ** 2 * D,
            "one of two is missing: the **scores** take T·T·D, and so does the **average** of the values.",
        ),
        (
            lambda side, P, D: 6 * ((side // P) ** 2 + 1) * D * D + 2 * ((side // P) ** 2 + 1) ** 2 * D,
            "the **MLP** is too small: it is 4·D wide inside, so D·4·D there and 4·D·D back.",
        ),
        (
            lambda side, P, D: _block(side, P, D) - ((side // P) ** 2 + 1) * D * D,
            "a **projection** is missing: queries, keys, values, and one more at the end that mixes the heads.",
        ),
        (
            lambda side, P, D: _block(side, P, D) - 4 * ((side // P) ** 2 + 1) * D * D,
            (
                "half of the **MLP** is missing, or all projections: there are two layers, from D to 4·D and from 4·D"
                " to D, and four projections besides."
            ),
        ),
    ],
    hints=[
        "First T: (side / P)² patches and one class token.",
        "Attention: four projections of T·D·D, and 2·T·T·D for scores and average. MLP: T·D·4D, twice.",
        "For ViT-B/16, `block_macs(224, 16, 768)`, it is 1,453,954,560.",
    ],
)


# ---- 4. Hard distillation


def _distil_cases():
    found = []
    for N, C in ((6, 4), (5, 3), (7, 10)):
        dice = _dice(N)
        label, copy, teacher = (2 * torch.randn(N, C, generator=dice) for _ in range(3))
        found.append(
            {
                "label_out": label,
                "teacher_out": copy,
                "labels": torch.randint(C, (N,), generator=dice),
                "teacher": teacher,
            }
        )
    return found


def _hard(label_out, teacher_out, labels, teacher):
    return (F.cross_entropy(label_out, labels) + F.cross_entropy(teacher_out, teacher.argmax(1))) / 2


Exercise(
    "hard_distillation",
    reference=_hard,
    cases=_distil_cases,
    grad=True,
    mistakes=[
        (
            lambda label_out, teacher_out, labels, teacher: 2 * _hard(label_out, teacher_out, labels, teacher),
            "that is the **sum** of both losses: DeiT takes half of each.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.cross_entropy(label_out, labels) + F.cross_entropy(teacher_out, teacher.softmax(1))) / 2
            ),
            (
                "the teacher's **probabilities** are the target: that is a soft target. Hard means its most likely"
                " class alone."
            ),
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.cross_entropy(label_out, labels) + F.cross_entropy(label_out, teacher.argmax(1))) / 2
            ),
            "the **class token's** output is compared with both: the teacher is for `teacher_out`.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.cross_entropy(teacher_out, labels) + F.cross_entropy(label_out, teacher.argmax(1))) / 2
            ),
            "the two outputs are **exchanged**: `label_out` learns the labels, `teacher_out` the teacher.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.cross_entropy(label_out, labels) + F.cross_entropy(teacher_out, labels)) / 2
            ),
            "the **teacher** does not speak: both outputs learn the labels.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: F.cross_entropy((label_out + teacher_out) / 2, labels),
            "the two outputs are averaged **before** the loss: that is for prediction; in training each has a loss.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.nll_loss(label_out, labels) + F.nll_loss(teacher_out, teacher.argmax(1))) / 2
            ),
            (
                "the outputs are not yet **logarithms of probabilities**: `F.nll_loss` wants those, `F.cross_entropy`"
                " makes them."
            ),
        ),
        (
            lambda label_out, teacher_out, labels, teacher: (
                (F.cross_entropy(label_out, labels) + F.mse_loss(teacher_out, teacher)) / 2
            ),
            "the teacher's **scores** are copied, all of them: hard means its most likely class alone.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: F.cross_entropy(teacher_out, teacher.argmax(1)),
            "the **labels** are missing: half of the loss is the usual one, of `label_out`.",
        ),
        (
            lambda label_out, teacher_out, labels, teacher: F.cross_entropy(label_out, labels),
            "the **teacher** is missing: half of the loss compares `teacher_out` with the teacher's class.",
        ),
    ],
    hints=[
        "Two cross-entropies, and half of each. What are the two targets?",
        "The target of `teacher_out` is the teacher's most likely class: `teacher.argmax(dim=1)`.",
        "`(F.cross_entropy(label_out, labels) + ...) / 2`",
    ],
)


# ---- 5. How far a head looks


def _distance_cases():
    found = []
    for N, heads, rows, columns in ((2, 3, 3, 3), (1, 2, 2, 4), (3, 1, 4, 2)):
        weights = torch.randn(N, heads, rows * columns, rows * columns, generator=_dice()).mul(2).softmax(-1)
        found.append({"weights": weights, "columns": columns})
    return found


def _away(T, columns):
    """The distance of each patch from each other, in patches: (T, T)."""
    place = torch.stack([torch.arange(T) // columns, torch.arange(T) % columns], 1).float()
    return (place[:, None] - place).norm(dim=2)


def _mean_distance(weights, columns):
    return (weights * _away(weights.shape[-1], columns)).sum(-1).mean((0, 2))


Exercise(
    "mean_distance",
    reference=_mean_distance,
    cases=_distance_cases,
    mistakes=[
        (
            lambda weights, columns: (weights * _away(weights.shape[-1], columns)).mean((0, 2, 3)),
            "the **weights already average**: sum over the keys, and take the mean over images and queries only.",
        ),
        (
            lambda weights, columns: _away(weights.shape[-1], columns).mean() + 0 * weights.mean((0, 2, 3)),
            "the **weights** play no part: a patch that is not looked at must not count.",
        ),
        (
            lambda weights, columns: (
                (weights * (torch.arange(weights.shape[-1])[:, None] - torch.arange(weights.shape[-1])).abs())
                .sum(-1)
                .mean((0, 2))
            ),
            "the distance is counted **along the line of tokens**: turn each number into a row and a column first.",
        ),
        (
            lambda weights, columns: (weights * _away(weights.shape[-1], columns) ** 2).sum(-1).mean((0, 2)),
            "those are **squared** distances: take the root before averaging.",
        ),
        (
            lambda weights, columns: (
                (
                    weights
                    * sum(
                        (at[:, None] - at).abs()
                        for at in (
                            torch.arange(weights.shape[-1]) // columns,
                            torch.arange(weights.shape[-1]) % columns,
                        )
                    )
                )
                .sum(-1)
                .mean((0, 2))
            ),
            (
                "rows and columns between two patches are **added up**: the distance is the root of the sum of their"
                " squares."
            ),
        ),
        (
            lambda weights, columns: (weights * (_away(weights.shape[-1], columns) > 0)).sum(-1).mean((0, 2)),
            "that is **how much** goes to other patches, not how far they are.",
        ),
        (
            lambda weights, columns: _away(weights.shape[-1], columns)[
                torch.arange(weights.shape[-1]), weights.argmax(-1)
            ].mean((0, 2)),
            "only the **most looked-at** patch counts: every patch does, by its weight.",
        ),
        (
            lambda weights, columns: (weights * _away(weights.shape[-1], columns)).sum(-1).mean(),
            "all **heads** are in one number: asked for is one for each head.",
        ),
        (
            lambda weights, columns: (weights * _away(weights.shape[-1], columns)).sum((-1, -2)).mean(0),
            "the **queries** are summed: each sends out a weight of 1, so take the mean over them.",
        ),
    ],
    hints=[
        "Patch t lies in row t // columns and column t % columns. First make the table of all distances, (T, T).",
        "With place (T, 2): `(place[:, None] - place).norm(dim=2)`.",
        (
            "`weights * distance`, summed over the keys, then the mean over images and queries: dimensions 0 and 2 of"
            " what is left."
        ),
    ],
)
