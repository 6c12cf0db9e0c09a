"""What the chapter's small networks learn: two photographs shuffled, a word that asks a picture, places in a sequence."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data, layers
from helpers.chapters.ch09_attention.explorer import made_heads, patches
from helpers.checks import whole
from helpers.layers.attention import MultiHeadAttention
from helpers.training import train

WORDS = "zero one two three four five six seven eight nine".split()
COLOURS = "red green blue yellow pink cyan".split()
RGB = torch.tensor([[1, 0.2, 0.2], [0.2, 0.9, 0.2], [0.35, 0.45, 1], [1, 0.9, 0.2], [1, 0.3, 1], [0.3, 1, 1]])
PHOTOGRAPHS = ("cat", "coffee", "astronaut", "rocket")  # the coloured ones


def softmax_at(d, scale, n=2000):
    """Return for n random queries of width d, 16 keys each, scores multiplied by scale: the standard deviation of the
    scores, and the medians of the largest weight w and of its gradient with respect to its own score, w(1 - w).
    """
    dice = torch.Generator().manual_seed(d)
    q, k = torch.randn(n, 1, d, generator=dice), torch.randn(n, 16, d, generator=dice)
    scores = scale * (q * k).sum(2)
    w = scores.double().softmax(1).amax(1)
    return scores.std().item(), w.median().item(), (w * (1 - w)).median().item()


def picture_of(tokens, side=12):
    """Put 196 patches, (196, 3*side*side), together again: (3, 14*side, 14*side)."""
    return tokens.reshape(14, 14, 3, side, side).permute(2, 0, 3, 1, 4).reshape(3, 14 * side, 14 * side)


def shuffled_pair(one, other, seed):
    """Return half the patches of two photographs, shuffled into one picture, and for each patch whose it is, 0 or 1."""
    dice = torch.Generator().manual_seed(seed)
    halves = [
        patches(data.photograph(name, 168), 12)[torch.randperm(196, generator=dice)[:98]] for name in (one, other)
    ]
    shuffled = torch.randperm(196, generator=dice)
    return picture_of(torch.cat(halves)[shuffled]), torch.arange(2).repeat_interleave(98)[shuffled]


def own_weights(seed=0):
    """How much of its weight does a patch give to its own photograph, in a shuffle of two? In %, for all six pairs.

    returns: {head: a mean over 196 patches for each pair}; no patch looks at itself
    """
    whole("seed", seed, 0, 2**32)
    own = {}
    for pair in itertools.combinations(PHOTOGRAPHS, 2):
        mix, photo = shuffled_pair(*pair, seed)
        for name, (query, key) in made_heads(mix, 12).items():
            weights = (query @ key.T / query.shape[1] ** 0.5).fill_diagonal_(-torch.inf).softmax(1)
            own.setdefault(name, []).append(100 * (weights * (photo[:, None] == photo)).sum(1).mean().item())
    return own


def moved_weights(photo, heads, asking):
    """Let the patch most alike in colour change places with every third other one, and read its weight each time.

    photo:   (3, 168, 168);  asking: the number of the patch that asks
    heads:   names of made heads whose scores are added, as where features and places stand in one token
    returns: distances and weights of the moved patch, (about 65,) each
    """
    row, column = torch.arange(196) // 14, torch.arange(196) % 14
    distance = ((row - row[asking]) ** 2 + (column - column[asking]) ** 2).double().sqrt()

    def weights(picture):
        pairs = [made_heads(picture, 12)[name] for name in heads]
        return sum(key @ query[asking] / query.shape[1] ** 0.5 for query, key in pairs).softmax(0)

    query, key = made_heads(photo, 12)["colour"]
    scores = key @ query[asking]
    scores[asking] = -torch.inf
    alike, found = scores.argmax().item(), []
    elsewhere = [where for where in range(0, 196, 3) if where != asking]
    for where in elsewhere:
        order = torch.arange(196)
        order[where], order[alike] = alike, where
        found.append(weights(picture_of(patches(photo, 12)[order]))[where])
    return distance[elsewhere], torch.stack(found)


def questions(n, digits, dice):
    """Return n pictures of six tinted digits, and for each a word that asks for the colour of one of them.

    returns: pictures (n, 6, 192), a row for each digit; asked (n, 3): word, colour, place of the answer; shown (n, 6)
    """
    shown = torch.rand(n, 10, generator=dice).argsort(1)[:, :6]
    tint = torch.randint(6, (n, 6), generator=dice)
    pick = torch.zeros(n, 6, dtype=torch.int64)
    for digit in range(10):
        examples = (digits.labels == digit).nonzero()[:, 0]
        here = shown == digit
        pick[here] = examples[torch.randint(len(examples), (int(here.sum()),), generator=dice)]
    place = torch.randint(6, (n, 1), generator=dice)
    picture = digits.images[pick] * RGB[tint][..., None, None]  # (n, 6, 3, 8, 8)
    return picture.flatten(2), torch.cat([shown.gather(1, place), tint.gather(1, place), place], 1), shown


@torch.no_grad()
def pointed(finder, other, exam):
    """How often is the right one found, in %, where the words come from another Finder (or the same)?

    exam:    what questions() returns
    returns: (a word's largest score, of six digits, is on the one it means; a digit's largest score, of ten words, is on
             the word for it)
    """
    pictures, asked, shown = exam
    scores = finder.key(finder.see(pictures)) @ other.words.weight.T  # (N, 6 digits, 10 words)
    of_the_word = scores.gather(2, asked[:, None, :1].expand(-1, 6, 1))[..., 0]
    right = of_the_word.argmax(1) == asked[:, 2], scores.argmax(2) == shown
    return [100 * each.float().mean().item() for each in right]


# ------------------------------------------------------------------------------------------ places

L = 17
TASKS = {
    "place 3": lambda x: x[:, 3:4].expand(x.shape),
    "two before": lambda x: F.pad(x[:, :-2], (2, 0), value=-100),  # -100: no answer there
    "middle": lambda x: x[:, x.shape[1] // 2, None].expand(x.shape),
}
ENCODINGS = ["none", "learnable", "sinusoidal", "relative", "distance"]


class Placed(nn.Module):
    """One layer of attention that knows places in one of the ways, or in none.

    kind:    one of ENCODINGS; "distance" is relative, with one number for |t - s|
    forward: x (N, T) int64, eight symbols → (N, T, 8). Where T is not 17, the 17 learnt places are counted on, or
             stretched to T
    """

    def __init__(self, kind, width=32):
        super().__init__()
        self.kind, self.width = kind, width
        self.look_up, self.head = nn.Embedding(8, width), nn.Linear(width, 8)
        self.mix = MultiHeadAttention(width, 1)
        if kind == "learnable":
            self.places = nn.Parameter(0.5 * torch.randn(1, L, width))
        if kind in ("relative", "distance"):
            self.table = nn.Parameter(torch.zeros(2 * L - 1, 1))

    def added(self, T, stretch):
        """What is added to the tokens."""
        if self.kind == "learnable" and stretch:
            return layers.interpolate_positions(self.places, (1, L), (1, T))
        if self.kind == "learnable":
            new = 0.5 * torch.randn(1, T - L, self.width, generator=torch.Generator().manual_seed(1))
            return torch.cat([self.places, new.to(self.places.device)], 1)  # places never trained
        if self.kind == "sinusoidal":
            t = torch.arange(T) * ((L - 1) / (T - 1) if stretch else 1.0)
            return layers.sinusoidal_positions(t, self.width).to(self.head.weight.device)
        return 0

    def bias(self, T, stretch):
        """What is added to the scores."""
        if self.kind not in ("relative", "distance"):
            return None
        t = torch.arange(T, device=self.table.device)
        offset = t[:, None] - t if self.kind == "relative" else (t[:, None] - t).abs()
        offset = (offset * (L - 1) / (T - 1)).round().long() if stretch else offset.clamp(1 - L, L - 1)
        return layers.relative_position_bias(self.table, offset + L - 1)[None]

    def forward(self, x, stretch=False):
        T = x.shape[1]
        return self.head(self.mix(self.look_up(x) + self.added(T, stretch), attn_mask=self.bias(T, stretch)))


@torch.no_grad()
def right_at(model, task, T, stretch):
    """Return the share of right answers in %, on 100 new sequences of length T."""
    x = torch.randint(8, (100, T), generator=torch.Generator().manual_seed(5))
    y = TASKS[task](x)
    device = next(model.parameters()).device
    return 100 * (model(x.to(device), stretch).argmax(2).cpu() == y)[y >= 0].float().mean().item()


@torch.no_grad()
def mended(model):
    """Return a relative network's accuracy in "two before" at 33, once the offsets -16 and -15 get the number of -14.

    raises: AssertionError where these two were trained: then there is nothing to mend
    """
    assert (model.table[:2] == 0).all(), "offsets -16 and -15 are no longer as they started"
    model.table[:2] = model.table[2]
    right = right_at(model, "two before", 33, False)
    model.table[:2] = 0
    return right


def placed(task, kind, seed, steps=120):
    """Train a Placed network on sequences of 17, and return it with its accuracy in three tests.

    returns: (model, (at length 17, at 33 counted on, at 33 stretched)), in %
    """

    def make(dice):
        x = torch.randint(8, (32, L), generator=dice)
        return x, TASKS[task](x).contiguous()

    torch.manual_seed(seed)
    model = Placed(kind)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, fused=True)
    train(model, make, steps=steps, seed=seed, live=False, optimizer=optimizer)
    return model.eval(), tuple(right_at(model, task, *test) for test in ((L, False), (33, False), (33, True)))


def all_placed(seeds=range(3)):
    """Return {(task, encoding, seed): (model, accuracies)} of all tasks and encodings."""
    return {key: placed(*key) for key in itertools.product(TASKS, ENCODINGS, seeds)}


# ------------------------------------------------------------------------------------------ exercise 5


def colleagues_heads(q, k, v, heads):
    N, T, D = q.shape
    q, k, v = (part.reshape(N, heads, T, D // heads) for part in (q, k, v))
    scores = q @ k.transpose(2, 3) / D**0.5
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    weights = scores.softmax(3).masked_fill(future, 0)
    return (weights @ v).transpose(1, 2).reshape(N, T, D)
