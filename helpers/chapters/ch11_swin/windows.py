"""Swin's windows along one axis, and what attention within them costs.

Windows are rectangles, so what holds for a map of patches holds along each of its two axes, and an axis is all that is computed.
"""

from typing import NamedTuple

from helpers.costs import BYTES


class Cost(NamedTuple):
    """What the attention of one block costs for one image, its MLP left out.

    projections: MACs of queries, keys, values and of the layer after them; products: MACs of QKᵀ and AV
    weights:     bytes of the softmax's weights, all heads
    """

    projections: int
    products: int
    weights: int

    @property
    def macs(self):
        return self.projections + self.products


# ---- one axis


def padded(side, window_size):
    """Return how many patches lie along an axis once zeros fill its last window."""
    return -(-side // window_size) * window_size


def taken(side, window_size, shift):
    """Return the shift that Swin takes: none where one window covers the axis."""
    return 0 if side <= window_size else shift


def span(at, side, window_size, shift):
    """Return (first, last) of the patches along an axis that patch `at` may look at: its window, shifted, within the map."""
    shift = taken(side, window_size, shift)
    first = (at - shift) // window_size * window_size + shift
    return max(0, first), min(side, first + window_size) - 1


def reach(at, side, window_size, shift, blocks):
    """Return (first, last) of the patches along an axis from which patch `at` has heard after that many blocks.

    The first, third, fifth block does not shift. What the last block looks at has looked around in the block before.
    """
    first = last = at
    for block in reversed(range(blocks)):
        moved = shift if block % 2 else 0
        first, last = span(first, side, window_size, moved)[0], span(last, side, window_size, moved)[1]
    return first, last


def blocks_to_all(at, side, window_size, shift):
    """Return after how many blocks patch `at` has heard from the whole axis; None where it never does."""
    if window_size < side and shift == 0:
        return None
    blocks = 1
    while reach(at, side, window_size, shift, blocks) != (0, side - 1):
        blocks += 1
    return blocks


# ---- the cost


def costs(side, window_size, channels, heads=1):
    """Return the Cost of window attention on side × side patches; window_size None: of global attention.

    Source: Liu et al. 2021 (Swin), equations 1 and 2: 4hwC² + 2M²hwC and 4hwC² + 2(hw)²C.
    """
    tokens = (side if window_size is None else padded(side, window_size)) ** 2
    looked_at = tokens if window_size is None else window_size**2
    return Cost(4 * tokens * channels**2, 2 * looked_at * tokens * channels, BYTES * heads * tokens * looked_at)
