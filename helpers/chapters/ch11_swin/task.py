"""A task that needs two places of a map: have the two coloured tokens the same colour?"""

import torch

from helpers.checks import whole

PAIRS = torch.tensor([(a, b) for a in range(16) for b in range(16) if a != b])
WINDOW = PAIRS // 8 * 2 + PAIRS % 4 // 2  # of 2×2: 0 1 above, 2 3 below
AT_HOME = WINDOW[:, 0] == WINDOW[:, 1]


def same_colour(n, generator=None, colours=3):
    """Draw maps of 4×4 tokens with two coloured ones; half are of one colour, half lie in one window of 2×2.

    returns: maps (n, 4, 4), whole numbers, `colours` where there is none; alike or not, (n,), 1 or 0; in one window, (n,) bool
    """

    n, colours = whole("n", n, 1), whole("colours", colours, 2)

    def pick(k):
        return torch.randint(k, (n,), generator=generator)

    alike, near, first = pick(2), pick(2).bool(), pick(colours)
    second = (first + (1 - alike) * (1 + pick(colours - 1))) % colours
    places = [PAIRS[mine][pick(int(mine.sum()))] for mine in (AT_HOME, ~AT_HOME)]
    where = torch.where(near[:, None], *places)
    maps = torch.full((n, 16), colours).scatter(1, where, torch.stack([first, second], 1))
    return maps.view(n, 4, 4), alike, near
