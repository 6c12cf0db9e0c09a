"""Sentences, questions and answers about scenes, true because they are made from what was drawn; words as numbers."""

import torch

from helpers.checks import check_choice, whole
from helpers.data.scenes import FORMS, PLACES, Thing

NUMBERS = ("no", "one", "two", "three")
QUESTIONS = ("colour", "form", "count", "place", "exists")
SYNONYMS = {
    "disk": ("disk", "circle"),
    "ring": ("ring", "hoop"),
    "square": ("square", "box"),
    "large": ("large", "big"),
}
SYNONYMS |= {"small": ("small", "little")} | {
    p: (p, p.replace("top", "upper").replace("bottom", "lower")) for p in PLACES
}


def caption(things, dice, numbers=False):
    """Return one true sentence about a scene; words, order and what is left out vary with dice, a random.Random.

    things:  [Thing, ...], one to three, as scenes(...).things(i) gives them
    numbers: say how many there are ("two things : ...") in half of the sentences
    raises:  ValueError for none, or more than three
    """
    check_things(things)

    def say(word):
        return dice.choice(SYNONYMS.get(word, (word,)))

    def noun(t):
        return f"a {say(t.size) + ' ' if dice.random() < 0.5 else ''}{t.colour} {say(t.form)}"

    many = NUMBERS[len(things)]
    start = f"{many} thing{'s' * (len(things) > 1)} : " if numbers and dice.random() < 0.5 else ""
    if len(things) == 1:
        t = things[0]
        it, at = noun(t), say(t.place)
        ways = (it, f"a picture of {it}", f"{it} at the {at}", f"there is {it} at the {at}", f"at the {at} , {it}")
        return start + dice.choice(
            (*ways, f"the {say(t.form)} at the {at} is {t.colour}", f"a {say(t.form)} which is {t.colour}")
        )
    order = dice.sample(things, len(things))
    if len(things) == 2 and dice.random() < 0.5:
        return f"{start}{noun(order[0])} {dice.choice(relations(*order))} {noun(order[1])}"
    parts = [noun(t) + (f" at the {say(t.place)}" if dice.random() < 0.3 else "") for t in order]
    return start + dice.choice(("", "there is ", "a picture of ")) + dice.choice((" and ", " , ")).join(parts)


def relations(a, b):
    """Return what is true of Thing a as seen from b: some of "left of", "right of", "above", "below"."""
    (up, side), (other_up, other_side) = a.place.split("-"), b.place.split("-")
    return [f"{side} of"] * (side != other_side) + ["above" if up == "top" else "below"] * (up != other_up)


def describe(things):
    """Return the full sentence: "a red disk top-left , a blue ring bottom-right ." for [Thing, ...] in reading order."""
    check_things(things)
    return " , ".join(f"a {t.colour} {t.form} {t.place}" for t in things) + " ."


def ask(things, dice, kind=None):
    """Return (question, answer in one word, kind) about [Thing, ...]; kind: one of QUESTIONS, or None to draw it."""
    check_things(things)
    kind, thing = check_choice("kind", dice.choice(QUESTIONS) if kind is None else kind, QUESTIONS), dice.choice(things)
    present = kind == "exists" and dice.random() < 0.5
    form = thing.form if present else dice.choice([f for f in FORMS if f not in {t.form for t in things}])
    return *{
        "colour": (f"what colour is the {thing.form} ?", thing.colour),
        "form": (f"what form is {thing.colour} ?", thing.form),
        "count": ("how many things are there ?", NUMBERS[len(things)]),
        "place": (f"where is the {thing.form} ?", thing.place),
        "exists": (f"is there a {form} ?", "yes" if present else "no"),
    }[kind], kind


def check_things(things):
    """Raise ValueError unless things is a list of one to three Things."""
    if (
        not isinstance(things, (list, tuple))
        or not 1 <= len(things) <= 3
        or not all(isinstance(t, Thing) for t in things)
    ):
        raise ValueError(f"things (={things!r:.60}) must be a list of one to three Things: use scenes(...).things(i)")


class Words:
    """Words to numbers and back. 0 fills up, 1 begins a text, 2 ends it; then the words of `texts`, in order of the
    alphabet. len(words): how many; words.names: (len,) tuple of str; words.number: {name: number}."""

    def __init__(self, texts):
        self.names = ("<fill>", "<begin>", "<end>", *sorted({word for text in texts for word in text.split()}))
        self.number = {word: i for i, word in enumerate(self.names)}

    def __len__(self):
        return len(self.names)

    def encode(self, texts, length=None):
        """Return (N, T) int64; T = length, or the longest text's words and 2. Raises ValueError for an unknown word or
        a text that is too long."""
        if isinstance(texts, str):
            raise ValueError(f"texts (={texts!r}) must be a list of texts: put it into [ ]")
        unknown = sorted({word for text in texts for word in text.split()} - set(self.number))
        if unknown:
            raise ValueError(f"texts hold {unknown}, not among the {len(self)} words: use words of `names` alone")
        rows = [[1, *(self.number[word] for word in text.split()), 2] for text in texts]
        longest = max(map(len, rows), default=2)
        length = whole("length", longest if length is None else length, longest, why="the longest text needs as many")
        return torch.tensor([row + [0] * (length - len(row)) for row in rows], dtype=torch.int64)

    def decode(self, row):
        """Return the text of (T,) numbers up to <end>, without <begin> and <fill>."""
        words = [self.names[int(i)] for i in row]
        return " ".join(w for w in words[: words.index("<end>") if "<end>" in words else None] if w[0] != "<")
