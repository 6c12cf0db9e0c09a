"""Text that is compared strictly, except for the last digits of its floats, and for measured numbers within their tolerance."""

import math
import re

from helpers.course.tolerance import WRITTEN

RELATIVE = 1e-3
# A float has digits after its point, or an exponent. All else stays text: 1000 and 1001 differ, and so do v1.2.3 and v1.2.4.
FLOAT = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d+(?:e[-+]?\d+)?|\d+\.?e[-+]?\d+)(?![\w]|\.\d)", re.IGNORECASE)


class CloseText(str):
    """Text that equals another where all but its numbers is the same, and these are close.

    Floats are close within RELATIVE of each other. Numbers written with their tolerance, "85.5 % ± 1.5" (helpers.course.tolerance),
    are close where both have the same tolerance and differ by no more than it.
    """

    def __eq__(self, other):
        mine, theirs = WRITTEN.findall(str(self)), WRITTEN.findall(str(other))
        # the unit and the tolerance stay in the text
        bare = [WRITTEN.sub(lambda found: "\1" + found[2] + found[3] + "\1", str(text)) for text in (self, other)]
        if len(mine) != len(theirs) or not all(within(*pair) for pair in zip(mine, theirs, strict=True)):
            return False
        floats = [FLOAT.findall(text) for text in bare]
        return FLOAT.sub("\0", bare[0]) == FLOAT.sub("\0", bare[1]) and all(
            math.isclose(float(a), float(b), rel_tol=RELATIVE) for a, b in zip(*floats, strict=True)
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = None


def within(one, other):
    """Return whether two measured numbers, each (number, unit, tolerance) as text, agree within the tolerance of both."""
    number = [float(text.replace(",", "")) for text in (one[0], other[0])]
    last_digit = 10.0 ** -len(one[0].partition(".")[2])  # both were rounded
    return one[1:] == other[1:] and abs(number[0] - number[1]) <= float(one[2]) + last_digit / 1e6
