"""Sequences to learn from: symbols as numbers, two tasks of memory, pieces of a text; a text counted, and written on.

Every batch is drawn with a torch.Generator, on the CPU, so that equal seeds give equal batches on every device.
"""

import math
from collections import Counter

import torch
import torch.nn.functional as F

from helpers.checks import whole
from helpers.moved import gone
from helpers.training import default_loss  # noqa: F401  where students' copies of notebooks look for it


def encode(text, alphabet):
    """Return each character's place in the alphabet.

    text:     str
    alphabet: str of different characters, such as "".join(sorted(set(text)))
    returns:  (T,) int64
    raises:   ValueError for a character that the alphabet lacks, or holds twice
    """
    for name, value in (("text", text), ("alphabet", alphabet)):
        if not isinstance(value, str):
            raise ValueError(f"{name} (a {type(value).__name__}) must be a str")
    place = {character: i for i, character in enumerate(alphabet)}
    if len(place) != len(alphabet):
        raise ValueError(f"alphabet (={alphabet!r}) must hold each character once: use sorted(set(text))")
    missing = sorted(set(text) - set(place))
    if missing:
        raise ValueError(f"text holds {missing}, which the alphabet lacks: add them to it, or replace them in the text")
    return torch.tensor([place[character] for character in text], dtype=torch.int64)


def decode(ids, alphabet):
    """Return the text of places in the alphabet: (T,) int64, or a list → str of T characters.

    raises: ValueError for a place outside the alphabet
    """
    if not isinstance(alphabet, str):
        raise ValueError(f"alphabet (a {type(alphabet).__name__}) must be a str")
    if isinstance(ids, (list, tuple)) and all(isinstance(each, int) and not isinstance(each, bool) for each in ids):
        ids = torch.tensor(ids, dtype=torch.int64)
    ids = check_ids("ids", ids, len(alphabet), 1).tolist()
    return "".join(alphabet[i] for i in ids)


def one_hot(ids, classes):
    """Return a 1 at each place, and 0 elsewhere, in float32.

    ids:     (...) int64, from 0 to classes - 1
    returns: (..., classes)
    raises:  ValueError for an id outside
    """
    whole("classes", classes, 1)
    check_ids("ids", ids, classes)
    return F.one_hot(ids, classes).float()


def recall(n, distance, symbols=8, generator=None):
    """Return n sequences that begin with a symbol, followed by blanks, and the symbol to be named at the last one.

    distance: time steps from the symbol to the last blank; the sequences are distance + 1 long
    symbols:  how many there are; the blank has the number `symbols`
    returns:  x (n, distance + 1) int64, y (n,) int64; by chance 1 of `symbols` is right
    raises:   ValueError for a distance or a number of symbols without a task
    """
    whole("n", n, 1)
    whole("distance", distance, 1)
    whole("symbols", symbols, 2)
    y = torch.randint(symbols, (n,), generator=generator)
    x = torch.full((n, distance + 1), symbols)
    x[:, 0] = y
    return x, y


def adding(n, length, generator=None):
    """Return n sequences of numbers from 0 to 1, two of them marked, and the sum of the marked ones.

    returns: x (n, length, 2) float32, number and mark (0 or 1) at each step: one mark in the first half, one in the
             second; y (n,) float32.  Always answering 1, the mean, has a mean squared error of 1/6.
    raises:  ValueError for a length without two halves

    Source: Hochreiter & Schmidhuber 1997, section 5.4, in the form of Le, Jaitly & Hinton 2015, arXiv:1504.00941.
    """
    whole("n", n, 1)
    whole("length", length, 2)
    values, marks, each = torch.rand(n, length, generator=generator), torch.zeros(n, length), torch.arange(n)
    first = torch.randint(length // 2, (n,), generator=generator)
    second = torch.randint(length // 2, length, (n,), generator=generator)
    marks[each, first] = marks[each, second] = 1
    return torch.stack([values, marks], 2), values[each, first] + values[each, second]


def text_batches(ids, n, length, generator=None):
    """Return n pieces of a text, cut anywhere, and for each character the one that follows it.

    ids:     (T,) int64, the text
    returns: x, y (n, length) int64; y[:, t] is the character after x[:, t]
    raises:  ValueError for a text too short for one piece
    """
    whole("n", n, 1)
    whole("length", length, 1)
    check_ids("ids", ids, None, 1)
    if len(ids) < length + 1:
        raise ValueError(
            f"length (={length}) must be at most {len(ids) - 1}: the text has {len(ids)} characters, "
            "and the last of a piece needs one after it"
        )
    begin = torch.randint(len(ids) - length, (n, 1), generator=generator)
    piece = ids[begin + torch.arange(length + 1)]
    return piece[:, :-1], piece[:, 1:]


def check_ids(name, ids, classes=None, sides=None):
    """Raise ValueError unless ids are whole numbers from 0 to classes - 1, in so many axes; None: any. Return them."""
    if not isinstance(ids, torch.Tensor) or ids.dtype != torch.int64 or (sides is not None and ids.dim() != sides):
        what = f"{tuple(ids.shape)}, {ids.dtype}" if isinstance(ids, torch.Tensor) else f"a {type(ids).__name__}"
        raise ValueError(
            f"{name} ({what}) must be a tensor of whole numbers (int64)" + (", (T,)" if sides == 1 else "")
        )
    if classes is not None and ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < classes:
        raise ValueError(
            f"{name} (from {int(ids.min())} to {int(ids.max())}) must lie from 0 to {classes - 1}: "
            f"there are {classes} classes"
        )
    return ids


def __getattr__(name):
    return gone(__name__, name)


def bits_of_counts(known, new, letters, longest):
    """Bits per character on a text `new`, of probabilities counted in `known` after the last 0, 1, … `longest` characters.

    letters: how many different ones there are
    """
    share, bits = [1 / letters] * (len(new) - longest), []
    for n in range(longest + 1):
        often = Counter(known[i : i + n + 1] for i in range(len(known) - n))
        before = Counter(known[i : i + n] for i in range(len(known) - n))
        for i, p in enumerate(share, start=longest):  # as if the shorter memory were seen twice
            share[i - longest] = (often[new[i - n : i + 1]] + 2 * p) / (before[new[i - n : i]] + 2)
        bits.append(-sum(map(math.log2, share)) / len(share))
    return bits


@torch.no_grad()
def write(model, begin, letters, steps, temperature):
    """Go on from a text, letter by letter: each is drawn, and read as the next input."""
    dice, text = torch.Generator().manual_seed(0), begin
    device = next(model.parameters()).device
    scores, state = model(encode(begin, letters)[None].to(device))
    for _ in range(steps):
        share = (scores[0, -1].cpu() / temperature).softmax(0)
        letter = torch.multinomial(share, 1, generator=dice)
        text += letters[letter.item()]
        scores, state = model(letter[None].to(device), state)
    return text
