"""How the tests are shared among workers: a file stays on one, since its tests may share what is slow to make; long ones go first."""

# Each of these takes up to minutes, and has nothing in common with its neighbours.
ALONE = (
    "tests/browser/test_chapters.py::test_chapter[",
    "tests/test_solved.py::test_solved[",
    "tests/test_standin.py::test_chapter[",
)
LONGEST_FIRST = ("tests/test_new_chapter.py", *ALONE, "notebooks/", "tests/browser/")


def unit(nodeid):
    """Return what of the work a test belongs to: the tests of one unit stay on one worker."""
    return nodeid if nodeid.startswith(ALONE) else nodeid.split("::", 1)[0]


def next_of(units):
    """Return the unit to hand out next. What takes minutes comes first, so that no worker has it left when the others are done."""
    return min(
        units,
        key=lambda name: next(
            (i for i, start in enumerate(LONGEST_FIRST) if name.startswith(start)), len(LONGEST_FIRST)
        ),
    )


def share(nodeids, part):
    """Return those that a share keeps: every N-th, so that of the tests of one function (one a chapter, say) each has its part.

    part: "K/N", the K-th of N shares, K from 1; the N shares together hold every test once
    raises: ValueError for another text
    """
    try:
        which, of = map(int, part.split("/"))
        assert 1 <= which <= of
    except (ValueError, AssertionError):
        raise ValueError(f"share (={part!r}) must be K/N with 1 ≤ K ≤ N, such as 2/3") from None
    return set(nodeids[which - 1 :: of])
