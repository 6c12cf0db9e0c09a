"""The exercises of chapter 11, Swin and today's backbones: strangers, windows, what they save, two bugs."""

import torch
from einops import rearrange

from helpers.course.exercises.engine import Exercise
from helpers.models.swin import shift_mask, window_partition


def _random(*shapes):
    dice = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=dice) for shape in shapes]


def _grid(x, M):
    H, W, C = x.shape
    return x.reshape(H // M, M, W // M, M, C)


# ------------------------------------------------------------------------------------------------------------- predict


def _along(side, M, shift):
    """Pairs that stay along one axis."""
    whole = (side // M - 1) * M**2
    return whole + (M - shift) ** 2 + shift**2


Exercise(
    "strangers",
    reference=lambda side, M, shift: (side * M) ** 2 - _along(side, M, shift) ** 2,
    cases=lambda: [
        dict(side=side, M=M, shift=shift)
        for side, M, shift in ((4, 2, 1), (9, 3, 1), (12, 4, 3), (10, 5, 2), (56, 7, 3))
    ],
    mistakes=[
        (
            lambda side, M, shift: _along(side, M, shift) ** 2,
            "those are the pairs that **stay**: take them from all pairs.",
        ),
        (
            lambda side, M, shift: side * M - _along(side, M, shift),
            "that counts along **one axis**: a token must be near both down and across.",
        ),
        (
            lambda side, M, shift: (side * M - _along(side, M, shift)) ** 2,
            "a pair is masked if it is torn apart down **or** across: square what stays, not what goes.",
        ),
        (
            lambda side, M, shift: side**4 - _along(side, M, shift) ** 2,
            "only pairs **inside a window** count: there are M·M keys for each query, not all tokens.",
        ),
        (
            lambda side, M, shift: M**4 - ((M - shift) ** 2 + shift**2) ** 2,
            "that is the **last window** alone: the others of the last row and column have strangers too.",
        ),
    ],
    hints=[
        "Along one axis only the last window holds strangers: `shift` tokens came round, M − shift did not.",
        "Pairs that stay along an axis: (side/M − 1)·M² + (M − shift)² + shift². Down and across are independent.",
        "All pairs in windows are (side·M)²; subtract the square of what stays along an axis.",
    ],
)

# --------------------------------------------------------------------------------------------------------------- build

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
            ("each group holds tokens from **all over the map**: the dimensions of the windows must come first."),
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


def _extra(side, C, depths, M, twice=2, halve=True, widen=True, own=True):
    total = 0
    for stage, depth in enumerate(depths):
        hw = (side // 2**stage if halve else side) ** 2
        total += depth * twice * hw * (C * 2**stage if widen else C) * (hw - M**2 * own)
    return total


Exercise(
    "extra_macs",
    reference=lambda side, C, depths, M: _extra(side, C, depths, M),
    cases=lambda: [
        dict(side=side, C=C, depths=depths, M=M)
        for side, C, depths, M in ((56, 96, (2, 2, 6, 2), 7), (32, 10, (1, 3), 4), (48, 5, (2, 1, 4), 6))
    ],
    mistakes=[
        (
            lambda side, C, depths, M: _extra(side, C, depths, M, own=False),
            "that is **all** of the all-with-all products: take off what the windows did already, M·M keys a token.",
        ),
        (
            lambda side, C, depths, M: _extra(side, C, depths, M, twice=1),
            "there are **two** products of that size: the scores QKᵀ, and the weighted mean of the values.",
        ),
        (
            lambda side, C, depths, M: _extra(side, C, depths, M, widen=False),
            "the **width** doubles from stage to stage.",
        ),
        (
            lambda side, C, depths, M: _extra(side, C, depths, M, halve=False),
            "the **side** halves from stage to stage, so the tokens are a quarter.",
        ),
        (
            lambda side, C, depths, M: _extra(side, C, (1,) * len(depths), M),
            "each stage has several **blocks**: multiply by its depth.",
        ),
        (
            lambda side, C, depths, M: _extra(side, C, depths[:1], M),
            "that is the **first stage** alone.",
        ),
    ],
    hints=[
        "A block on h·w tokens: all with all 2(hw)²C, windows 2·M²·hw·C. The projections are equal.",
        "Sum depth · 2 · hw · C · (hw − M²) over the stages, with hw a quarter and C twice as large each time.",
    ],
)

# --------------------------------------------------------------------------------------------------------------- debug


def _shifted(masked=True, order=True, after=False, back=1):
    def attend(x, M, shift):
        H, W, C = x.shape
        w = rearrange(x.roll((-shift, -shift), (0, 1)), "(a i) (b j) c -> (a b) (i j) c", i=M, j=M)
        scores = w @ w.mT / C**0.5
        allowed = shift_mask((H, W), M, shift) if masked else torch.ones_like(scores, dtype=torch.bool)
        weights = scores.softmax(-1) * allowed if after else scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        if order:
            out = rearrange(weights @ w, "(a b) (i j) c -> (a i) (b j) c", a=H // M, i=M)
        else:
            out = rearrange(weights @ w, "(a b) (i j) c -> (b i) (a j) c", a=H // M, i=M).reshape(H, W, C)
        return out.roll((back * shift, back * shift), (0, 1))

    return attend


Exercise(
    "shifted_mended",
    reference=_shifted(),
    cases=lambda: [
        dict(x=x, M=M, shift=shift)
        for x, (M, shift) in zip(_random((6, 6, 4), (8, 8, 3), (6, 6, 5)), ((3, 1), (4, 2), (2, 0)), strict=True)
    ],
    grad=True,
    mistakes=[
        (
            _shifted(masked=False, order=False),
            "that is the code **as it was**: number the rows of a map, and see where they come out; then look at the corners.",
        ),
        (
            _shifted(masked=False),
            "one bug is mended, one is left: tokens that the roll brought **together** still see each other. Mask them.",
        ),
        (
            _shifted(order=False),
            "one bug is mended, one is left: the windows are put back **transposed**: `(a b)` must become `(a i) (b j)`.",
        ),
        (
            _shifted(after=True),
            "masked **after** the softmax the weights no longer sum to 1: put −∞ into the scores before it.",
        ),
        (
            _shifted(back=-1),
            "rolled **the same way twice**: the second roll must take the first one back.",
        ),
        (
            _shifted(back=0),
            "the map is not rolled **back**: every output stands `shift` places too far up and to the left.",
        ),
    ],
    hints=[
        "Without a shift: feed a map whose value is the number of its row. Where do the rows come out?",
        "Then a shift: which tokens of the last window were neighbours in the image? `regions_of` says so.",
        "Scores between two regions become −torch.inf before the softmax.",
    ],
)
