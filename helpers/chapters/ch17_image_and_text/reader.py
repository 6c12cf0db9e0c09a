"""A language model that has read and never seen, and the one layer through which it is shown pictures."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.layers import MultiHeadAttention


class Reader(nn.Module):
    """A language model: the words so far (N, T) → scores of the next (N, T, words). It knows nothing of pictures.

    before: None, or (N, S, width) vectors that are put in front of the words, as if they were words

    Each word is told the one before it (`near`), with first weights three times torch's: so it learns in seconds to look a
    word up. It has no positions but these; so any number of vectors can be put in front.
    """

    def __init__(self, words, width=64, heads=4):
        super().__init__()
        self.words, self.near = nn.Embedding(words, width), nn.Linear(2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.read = MultiHeadAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        nn.init.normal_(self.words.weight, std=0.15)
        self.near.weight.data *= 3

    def forward(self, text, before=None):
        x = self.words(text)  # (N, T, width)
        if before is not None:
            x = torch.cat([before, x], 1)  # (N, S + T, width)
        x = x + self.near(torch.cat([x, F.pad(x, (0, 0, 1, 0))[:, :-1]], 2))
        x = x + self.read(self.norms[0](x), is_causal=True)
        x = x + self.mlp(self.norms[1](x))
        scores = self.norms[2](x) @ self.words.weight.T
        return scores if before is None else scores[:, before.shape[1] :]


class Joined(nn.Module):
    """An eye, a Reader, and between them one linear layer: each cell of the picture becomes two vectors before the words.

    pictures: what the eye takes; text: (N, T), the question → scores of the next word (N, T, words)
    """

    def __init__(self, eye, reader, width=64, each=2):
        super().__init__()
        self.eye, self.reader, self.each = eye, reader, each
        self.joint = nn.Linear(width, each * width)

    def forward(self, pictures, text):
        cells = self.eye(pictures)  # (N, 9, width)
        return self.reader(text, self.joint(cells).unflatten(2, (self.each, -1)).flatten(1, 2))


def questions_about(things, dice):
    """Return one [question, answer, kind] for each scene of [[Thing, ...], ...], with dice, a random.Random."""
    return [data.ask(each, dice) for each in things]


def stories(things, dice, questions=4):
    """Return texts to read: each describes one scene, then asks and answers some questions about it."""
    told = []
    for each in things:
        asked = " ".join(f"{q} {a}" for q, a, _ in (data.ask(each, dice) for _ in range(questions)))
        told.append(f"{data.describe(each)} {asked}")
    return told


def reading(mark):
    """Return the step for stories (N, T): the next word, and the words after a question mark once more, three times as much.

    mark: the number of "?"
    """

    def step(net, text):
        scores, after, at = net(text)[:, :-1], text[:, 1:], text[:, :-1] == mark
        every = F.cross_entropy(scores.flatten(0, 1), after.flatten(), ignore_index=0)
        return every + 3 * F.cross_entropy(scores[at], after[at])

    return step


def answering(mark):
    """Return the step for (pictures, text (N, T)): only the word after the question mark counts."""

    def step(net, batch):
        pictures, text = batch
        at = text[:, :-1] == mark
        return F.cross_entropy(net(pictures, text)[:, :-1][at], text[:, 1:][at])

    return step


@torch.no_grad()
def right_answers(net, pictures, text, mark):
    """Return (N,) bool: whether the likeliest word after the question mark is the one that follows there.

    pictures: what a Joined takes; None for a Reader, which takes the text alone
    """
    net.eval()
    at = text[:, :-1] == mark
    scores = net(text) if pictures is None else net(pictures, text)
    return scores[:, :-1][at].argmax(-1) == text[:, 1:][at]


def best_blind(asked, answers):
    """Return the answers of the best player who never sees a picture: to each question, what was answered most often.

    asked, answers: lists of (question, answer, kind): those counted, and those to be answered
    returns:        list of words
    """
    often = {}
    for question, answer, _ in asked:
        counts = often.setdefault(question, {})
        counts[answer] = counts.get(answer, 0) + 1
    common = {question: max(counts, key=counts.get) for question, counts in often.items()}
    return [common.get(question, "") for question, _, _ in answers]
