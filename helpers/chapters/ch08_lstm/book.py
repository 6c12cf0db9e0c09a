"""What the chapter does with a book beside training on it: count its letters, and write on."""

import math
from collections import Counter

import torch

from helpers.sequences import encode


def bits_of_counts(known, new, letters, memory):
    """Bits per character on a text `new`, of probabilities counted in `known` after the last `memory` characters.

    Where a count is small, the shorter memories' probability is mixed in, as if seen twice. letters: how many there are.
    """
    share = [1 / letters] * (len(new) - memory)
    for n in range(memory + 1):
        often = Counter(known[i : i + n + 1] for i in range(len(known) - n))
        before = Counter(known[i : i + n] for i in range(len(known) - n))
        for i, p in enumerate(share):
            at = i + memory
            share[i] = (often[new[at - n : at + 1]] + 2 * p) / (before[new[at - n : at]] + 2)
    return -sum(map(math.log2, share)) / len(share)


@torch.no_grad()
def write(model, begin, letters, steps, temperature, seed=0):
    """Go on from a text, letter by letter: each is drawn, and read as the next input; the state is carried."""
    dice, text = torch.Generator().manual_seed(seed), begin
    device = next(model.parameters()).device
    scores, state = model(encode(begin, letters)[None].to(device))
    for _ in range(steps):
        share = (scores[0, -1].cpu() / temperature).softmax(0)
        letter = torch.multinomial(share, 1, generator=dice)
        text += letters[letter.item()]
        scores, state = model(letter[None].to(device), state)
    return text
