"""What was tried for chapter 15, or takes longer than a chapter may: `make experiments NB=15`."""


def cells_by_side():
    """How many cells has a square, by its side?"""
    return [dict(side=side, cells=side * side) for side in (1, 2, 4, 8)]
