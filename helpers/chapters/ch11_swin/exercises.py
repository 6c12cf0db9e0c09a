"""The exercises of chapter 11, Swin and today's backbones."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise
from helpers.models.swin import shift_mask, window_partition


def _random(*shapes):
    dice = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=dice) for shape in shapes]


def _grid(x, M):
    H, W, C = x.shape
    return x.reshape(H // M, M, W // M, M, C)


Exercise(
    "cut_windows",
    reference=lambda x, M: window_partition(x[None], M)[0],
    cases=lambda: [
        {"x": x, "M": M} for x, M in zip(_random((6, 9, 2), (4, 8, 5), (10, 15, 3)), (3, 2, 5), strict=True)
    ],
    grad=True,
    mistakes=[
        (
            lambda x, M: x.reshape(-1, M * M, x.shape[2]),
            "nothing is **permuted**: those are M·M tokens in a row, as they lie in memory, not a square of the map.",
        ),
        (
            lambda x, M: _grid(x, M).permute(2, 0, 1, 3, 4).reshape(-1, M * M, x.shape[2]),
            (
                "the windows come **column by column**: the first two dimensions must be the row of windows, then the"
                " column."
            ),
        ),
        (
            lambda x, M: _grid(x, M).permute(0, 2, 3, 1, 4).reshape(-1, M * M, x.shape[2]),
            "the tokens inside a window come **column by column**: its rows before its columns.",
        ),
        (
            lambda x, M: _grid(x, M).permute(1, 3, 0, 2, 4).reshape(-1, M * M, x.shape[2]),
            (
                "each group holds tokens from **all over the map**, one of each window: the dimensions of the windows"
                " come first."
            ),
        ),
        (
            lambda x, M: _grid(x, M).permute(0, 2, 1, 3, 4).reshape(-1, M, M, x.shape[2]),
            "rows and columns of a window are still **two dimensions**: M·M tokens in one.",
        ),
        (
            lambda x, M: _grid(x, M).permute(0, 2, 1, 3, 4).flatten(2, 3),
            "the windows still lie in **rows and columns**: all of them in one dimension.",
        ),
        (lambda x, M: window_partition(x[None], M), "there is a **batch** dimension too many in front."),
        (
            lambda x, M: _grid(x, M).permute(0, 2, 4, 1, 3).reshape(-1, M * M, x.shape[2]),
            "the **channels** are mixed with the places: C stays last when you permute.",
        ),
    ],
    hints=[
        "Split both sides of the map: H into H/M windows of M rows, W into W/M windows of M columns.",
        "`x.reshape(H // M, M, W // M, M, C)` has five dimensions: window row, row, window column, column, channel.",
        "Bring the two window dimensions to the front with `permute`, then `reshape(-1, M * M, C)`.",
    ],
)


def _mask(came_round):
    return came_round[:, :, None] == came_round[:, None, :]


def _rows(side, M, shift):
    return torch.arange(side).roll(-shift).reshape(-1, M), shift


Exercise(
    "row_mask",
    reference=lambda side, M, shift: shift_mask((1, side), (1, M), (0, shift)),
    cases=lambda: [
        {"side": 4, "M": 2, "shift": 1},
        {"side": 12, "M": 4, "shift": 1},
        {"side": 15, "M": 5, "shift": 2},
        {"side": 6, "M": 3, "shift": 0},
    ],
    mistakes=[
        (
            lambda side, M, shift: torch.ones(side // M, M, M, dtype=torch.bool),
            (
                "everybody may look at **everybody**: tokens that came round from the other side must stay apart from"
                " the others."
            ),
        ),
        (
            lambda side, M, shift: ~shift_mask((1, side), (1, M), (0, shift)),
            "it is **upside down**: True is for pairs that may look at each other.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side) < shift).reshape(-1, M)),
            "the row was not **rolled**: the first tokens stand in the last window after the roll.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side).roll(shift) < shift).reshape(-1, M)),
            "the row is rolled to the **right**: it goes left, so that token `shift` stands first.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side).roll(-shift) <= shift).reshape(-1, M)),
            "one token **too many** came round: only 0 to shift − 1 do.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side) >= side - (M - shift)).reshape(-1, M)),
            "**M − shift** tokens are taken for strangers: shift of them came round, 0 to shift − 1.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side).roll(-shift) // M).reshape(-1, M)),
            (
                "tokens are kept apart in **every** window: then the shift joins nobody. Only those that came round are"
                " strangers."
            ),
        ),
        (
            lambda side, M, shift: torch.eye(M, dtype=torch.bool).expand(side // M, M, M),
            "each token sees only **itself**.",
        ),
        (
            lambda side, M, shift: shift_mask((1, side), (1, M), (0, shift)).float(),
            "those are **numbers**: a boolean mask is asked for.",
        ),
        (
            lambda side, M, shift: _mask((torch.arange(side).roll(-shift) < shift)[None])[0],
            "that is one mask for the **whole row**: cut it into windows, (side/M, M, M).",
        ),
    ],
    hints=[
        "Number the places 0 to side − 1 and roll them to the left: which of them came round from the front?",
        "`torch.arange(side).roll(-shift) < shift` is True for those; cut it into windows with `reshape(-1, M)`.",
        (
            "Two tokens of a window may look at each other if that is the same for both: compare `a[:, :, None]` with "
            "`a[:, None, :]`."
        ),
    ],
)


def _four(x, *places):
    return torch.cat([x[i::2, j::2] for i, j in places], dim=-1)


Exercise(
    "merge_patches",
    reference=lambda x: _four(x, (0, 0), (1, 0), (0, 1), (1, 1)),
    cases=lambda: [{"x": x} for x in _random((4, 6, 3), (2, 8, 5), (6, 2, 1))],
    grad=True,
    mistakes=[
        (
            lambda x: _four(x, (0, 0), (0, 1), (1, 0), (1, 1)),
            (
                "the order is **upper left, upper right**, ...: asked for is upper left, lower left, upper right, lower"
                " right."
            ),
        ),
        (
            lambda x: torch.cat(
                [
                    x[i * (len(x) // 2) :][: len(x) // 2, j * (x.shape[1] // 2) :][:, : x.shape[1] // 2]
                    for j in (0, 1)
                    for i in (0, 1)
                ],
                dim=-1,
            ),
            "the four **quarters of the map** are joined: take every second row and column, `x[0::2, 0::2]`.",
        ),
        (
            lambda x: torch.stack([x[i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=-1).flatten(2),
            "the channels are **interleaved**: all channels of the first token, then all of the second.",
        ),
        (
            lambda x: torch.stack([x[i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=2),
            "the four tokens are still in a **dimension of their own**: put their channels side by side, 4·C.",
        ),
        (
            lambda x: sum(x[i::2, j::2] for j in (0, 1) for i in (0, 1)) / 4,
            "that is their **mean**, as pooling does: all 4·C numbers are kept.",
        ),
        (
            lambda x: x.reshape(x.shape[0] // 2, x.shape[1] // 2, -1),
            (
                "four tokens that follow each other in **memory** are joined, all of one row: two of them must come"
                " from the row below."
            ),
        ),
        (lambda x: _four(x, (0, 0), (1, 0), (0, 1)), "one of the **four** is missing."),
    ],
    hints=[
        "`x[0::2, 0::2]` are the upper left tokens of all 2×2 at once, (H/2, W/2, C).",
        "`x[1::2, 0::2]` lie below them, `x[0::2, 1::2]` to the right.",
        "`torch.cat([...], dim=-1)` puts the channels of the four side by side.",
    ],
)


def _ratio(h, w, C, M, projections=4.0, products=2.0):
    common = projections * h * w * C**2
    return (common + products * (h * w) ** 2 * C) / (common + products * M**2 * h * w * C)


Exercise(
    "times_fewer",
    reference=lambda h, w, C, M: _ratio(h, w, C, M),
    cases=lambda: [
        {"h": 56, "w": 56, "C": 96, "M": 7},
        {"h": 24, "w": 40, "C": 32, "M": 8},
        {"h": 9, "w": 6, "C": 5, "M": 3},
    ],
    mistakes=[
        (
            lambda h, w, C, M: _ratio(h, w, C, M, projections=0),
            "the four **projections** are left out: they cost 4hwC² in both, and make the ratio smaller.",
        ),
        (
            lambda h, w, C, M: 1 / _ratio(h, w, C, M),
            "it is the **other way round**: all with all divided by windows, a number above 1.",
        ),
        (
            lambda h, w, C, M: _ratio(h, w, C, M, projections=3),
            "a **projection** is missing: queries, keys, values, and one at the end.",
        ),
        (
            lambda h, w, C, M: _ratio(h, w, C, M, products=1),
            "one of two **products** is missing: the scores, and the average of the values.",
        ),
        (lambda h, w, C, M: _ratio(h, w, C, M**0.5), "a window has **M·M** tokens, not M."),
        (
            lambda h, w, C, M: (4 * h * w * C**2 + 2 * h * w * C) / (4 * h * w * C**2 + 2 * M**2 * h * w * C),
            "all with all: each of hw tokens meets **hw** others, (hw)² pairs.",
        ),
        (lambda h, w, C, M: round(_ratio(h, w, C, M)), "it is **rounded**: give the ratio as it is."),
        (
            lambda h, w, C, M: _ratio(h, w, C, M) // 1,
            "it is **cut off** to a whole number: divide with / and not with //.",
        ),
        (
            lambda h, w, C, M: 4 * h * w * C**2 + 2 * (h * w) ** 2 * C - (4 * h * w * C**2 + 2 * M**2 * h * w * C),
            "that is the **difference**: how many times fewer is a ratio.",
        ),
        (
            lambda h, w, C, M: _ratio(h, w, 1, M),
            "the **width C** is missing: a projection costs C² a token, a score and its share of the average C.",
        ),
    ],
    hints=[
        "Both have four projections of C² for each of hw tokens.",
        (
            "Scores and average: each token meets hw keys (or M², in a window), C multiply-adds each, and both take the"
            " same."
        ),
        "(4hwC² + 2(hw)²C) / (4hwC² + 2M²hwC)",
    ],
)


def _contrast(pictures, captions, temperature, unit=True, ways=(0, 1), divide=True):
    if unit:
        pictures, captions = F.normalize(pictures, dim=1), F.normalize(captions, dim=1)
    logits = pictures @ captions.T
    logits = logits / temperature if divide else logits
    own = torch.arange(len(logits))
    return sum(F.cross_entropy(logits.T if way else logits, own) for way in ways) / len(ways)


def _twice(pictures, captions, temperature):
    logits = F.normalize(pictures, dim=1) @ F.normalize(captions, dim=1).T / temperature
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits.softmax(1), own) + F.cross_entropy(logits.T.softmax(1), own)) / 2


Exercise(
    "contrastive_loss",
    reference=lambda pictures, captions, temperature: _contrast(pictures, captions, temperature),
    cases=lambda: [
        {"pictures": a, "captions": a + b, "temperature": t}
        for a, b, t in zip(
            _random((3, 5), (6, 4), (4, 7)), _random((2, 5), (3, 5), (6, 4), (4, 7))[1:], (0.1, 0.5, 1.0), strict=True
        )
    ],
    grad=True,
    mistakes=[
        (
            lambda pictures, captions, temperature: _contrast(pictures, captions, temperature, unit=False),
            "the vectors are not brought to **length 1**: a long one would win by its length.",
        ),
        (
            lambda pictures, captions, temperature: _contrast(pictures, captions, temperature, ways=(0,)),
            "only **pictures choose captions**: captions choose among the pictures too; take the mean of both.",
        ),
        (
            lambda pictures, captions, temperature: _contrast(pictures, captions, temperature, ways=(1,)),
            "only **captions choose pictures**: pictures choose among the captions too; take the mean of both.",
        ),
        (
            lambda pictures, captions, temperature: 2 * _contrast(pictures, captions, temperature),
            "that is the **sum** of both directions: take their mean.",
        ),
        (
            lambda pictures, captions, temperature: _contrast(pictures, captions, temperature, divide=False),
            "the **temperature** is not used: divide the dot products by it.",
        ),
        (
            lambda pictures, captions, temperature: _contrast(pictures, captions, 1 / temperature),
            "the dot products are **multiplied** by the temperature: divide.",
        ),
        (
            lambda pictures, captions, temperature: len(pictures) * _contrast(pictures, captions, temperature),
            "that is the sum over the **pairs**: take the mean (cross_entropy does).",
        ),
        (
            lambda pictures, captions, temperature: _twice(pictures, captions, temperature),
            "the **softmax** is taken twice: cross_entropy takes the logits, and does it itself.",
        ),
        (
            lambda pictures, captions, temperature: 1 - F.cosine_similarity(pictures, captions).mean(),
            (
                "each picture is only compared with its **own** caption: the others in the batch are what makes it"
                " contrastive."
            ),
        ),
        (
            lambda pictures, captions, temperature: -_contrast(pictures, captions, temperature),
            "the **sign** is wrong: the loss is −log of the share of the right one.",
        ),
    ],
    hints=[
        "`F.normalize(x, dim=1)` brings each row to length 1; one matrix product gives all dot products.",
        "Row i of the logits is picture i against all captions, and the right answer is i: `torch.arange(n)`.",
        "The mean of `F.cross_entropy(logits, own)` and `F.cross_entropy(logits.T, own)`.",
    ],
)
