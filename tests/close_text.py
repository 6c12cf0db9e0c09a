"""Text that is compared strictly, except for the last digits of its floats."""

import math
import re

RELATIVE = 1e-3
# A float has digits after its point, or an exponent. All else stays text: 1000 and 1001 differ, and so do v1.2.3 and v1.2.4.
FLOAT = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d+(?:e[-+]?\d+)?|\d+\.?e[-+]?\d+)(?![\w]|\.\d)", re.IGNORECASE)


class CloseText(str):
    """Text that equals another where the floats in both are within RELATIVE of each other and all else is the same."""

    def __eq__(self, other):
        mine, theirs = FLOAT.findall(str(self)), FLOAT.findall(str(other))
        return FLOAT.sub("\0", str(self)) == FLOAT.sub("\0", str(other)) and all(
            math.isclose(float(a), float(b), rel_tol=RELATIVE) for a, b in zip(mine, theirs, strict=True)
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = None
