"""The prompt explorer: two sentences, edited word by word, before eight pictures; which is nearer, under three text towers.

The towers are those of the notebook, trained with seed 0 and kept in towers.npz by the experiment kept_towers, in half
precision. A sentence is read here in numpy, within a millisecond.
"""

import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import plots
from helpers.checks import check_choice
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.course.explorers.panel import Panel, button, choice
from helpers.course.explorers.widgets import page, style
from helpers.data import COLOURS, FORMS, Thing, relations

HERE = Path(__file__).parent
TOWERS = ("bag of words", "pairs of words", "pairs, hard negatives")
RELATIONS = ("alone", "and", "left of", "right of", "above", "below")
WORDS = (tuple(COLOURS), FORMS, RELATIONS, tuple(COLOURS), FORMS)  # the five choices of a sentence
LABELS = ("colour", "form", "relation", "second colour", "second form")
DO = ("exchange colours", "exchange objects", "copy")


class Sentence(NamedTuple):
    """What the five choices are set to."""

    colour: str
    form: str
    relation: str
    colour2: str
    form2: str

    def __str__(self):
        first = f"a {self.colour} {self.form}"
        return first if self.relation == "alone" else f"{first} {self.relation} a {self.colour2} {self.form2}"


def sentence(name, text):
    """Return the Sentence of a text; ValueError that names the argument for one that the choices cannot make."""
    thing = rf"a ({'|'.join(COLOURS)}) ({'|'.join(FORMS)})"
    found = re.fullmatch(rf"{thing}(?: ({'|'.join(RELATIONS[1:])}) {thing})?", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            f'{name} (={text!r}) must be such as "a red disk" or "a red disk left of a blue ring": use colours'
            f" {', '.join(COLOURS)}; forms {', '.join(FORMS)}; {', '.join(RELATIONS[1:])}"
        )
    colour, form, relation, colour2, form2 = found.groups()
    return Sentence(colour, form, relation or "alone", colour2 or "blue", form2 or "ring")


@cache
def kept():
    """Return what towers.npz holds: {name: array}, in single precision."""
    with np.load(HERE / "towers.npz") as file:
        return {name: file[name].astype(np.float32) if file[name].dtype == np.float16 else file[name] for name in file}


@cache
def pictures():
    """Return (images (8, 3, 24, 24) from 0 to 1, the list of Things of each)."""
    things = [[Thing(*each) for each in picture] for picture in json.loads(str(kept()["things"]))]
    return kept()["images"] / np.float32(255), things


def read(tower, text):
    """Return the embedding of a text, (64,) of norm 1, as the notebook's text tower gives it."""
    saved, at = kept(), f"{TOWERS.index(tower)}."
    names = str(saved["words"]).split()
    numbers = [1, *(names.index(word) for word in text.split()), 2]
    x = saved[at + "words.weight"][numbers]  # (T, 64)
    if at + "near.0.weight" in saved:
        pair = np.concatenate([x, np.vstack([np.zeros_like(x[:1]), x[:-1]])], 1)
        hidden = pair @ saved[at + "near.0.weight"].T + saved[at + "near.0.bias"]
        x = x + gelu(hidden) @ saved[at + "near.2.weight"].T + saved[at + "near.2.bias"]
    mean = x.mean(0)
    mean = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5) * saved[at + "norm.weight"] + saved[at + "norm.bias"]
    out = saved[at + "out.weight"] @ mean + saved[at + "out.bias"]
    return out / np.linalg.norm(out)


def gelu(x):
    """Return x · Φ(x), by the series of the error function of Abramowitz & Stegun 1964, 7.1.26: exact to 2e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x) / 2**0.5)
    powers = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - powers * np.exp(-(x**2) / 2))
    return x * (1 + erf) / 2


def scores(tower, *texts):
    """Return the cosines of the eight pictures and these texts, (8, texts), and the tower's learnt scale."""
    at = f"{TOWERS.index(tower)}."
    return kept()[at + "pictures"] @ np.stack([read(tower, text) for text in texts]).T, float(kept()[at + "scale"])


def holds(said, things):
    """Whether a Sentence is true of a picture's Things."""
    there = {(t.colour, t.form): t for t in things}
    first, second = there.get((said.colour, said.form)), there.get((said.colour2, said.form2))
    if said.relation == "alone" or first is None:
        return first is not None
    if second is None or second == first:
        return False
    return said.relation == "and" or said.relation in relations(first, second)


class PromptExplorer(Panel):
    """Show two sentences before eight pictures, and which is nearer to each. The last line of a cell displays it.

    tower:  "bag of words", "pairs of words" or "pairs, hard negatives": which text tower reads
    first:  a text such as "a red disk", or "a red disk left of a blue ring"; None for what is true of the first picture
    second: another; None for the first with its colours exchanged
    raises: ValueError that names the argument

    They follow what is done in the browser: tower, first and second, texts. shares() returns the probabilities of the first.
    """

    _css = style(__file__)

    def __init__(self, tower=TOWERS[0], first=None, second=None):
        super().__init__()
        self.tower = check_choice("tower", tower, TOWERS)
        a, b = pictures()[1][0][:2]
        self.a = sentence("first", f"a {a.colour} {a.form} and a {b.colour} {b.form}" if first is None else first)
        self.b = exchanged(self.a, DO[0]) if second is None else sentence("second", second)
        self.refresh()

    @property
    def first(self):
        """The first text."""
        return str(self.a)

    @property
    def second(self):
        """The second text."""
        return str(self.b)

    def shares(self):
        """Return the softmax over the two texts: the probability of the first for each picture, (8,)."""
        cosines, scale = scores(self.tower, self.first, self.second)
        return 1 / (1 + np.exp(-scale * (cosines[:, 0] - cosines[:, 1])))

    def hear(self, name, value):
        if name == "tower" and value in TOWERS:
            self.tower = value
        elif name == "do" and value in DO:
            self.b = exchanged(self.a, value)
        elif re.fullmatch("[ab][0-4]", name) and value in WORDS[int(name[1])]:
            said = list(getattr(self, name[0]))
            said[int(name[1])] = value
            setattr(self, name[0], Sentence(*said))

    def refresh(self):
        (cosines, _), shares = scores(self.tower, self.first, self.second), self.shares()
        images, things = pictures()
        self.fixed = {"frame": FRAME()}
        parts = {f"rest.{name}": self._rest(name, said) for name, said in (("a", self.a), ("b", self.b))}
        for i, share in enumerate(shares.tolist()):
            true = [letter for letter, said in (("A", self.a), ("B", self.b)) if holds(said, things[i])]
            words = {0: "neither true", 1: f"true: {''.join(true)}", 2: "both true"}[len(true)]
            lead = "level" if abs(share - 0.5) < 5e-4 else "A" if share > 0.5 else "B"
            good = lead in true or len(true) != 1
            parts[f"bar.{i}"] = (
                f'<div class="prompt-bar" role="img" aria-label="picture {i + 1}: probability of A {share:.2f}; {words}">'
                f'<i class="a" style="width:{100 * share:.1f}%"></i><i class="b" style="width:{100 - 100 * share:.1f}%"></i></div>'
                f"<div>A <b>{share:.2f}</b></div>"
                f'<div class="prompt-cosines">{cosines[i, 0]:.2f}, {cosines[i, 1]:.2f}</div>'
                f'<div class="{"good" if good else "bad"}">{words}</div>'
            )
        distance = float(read(self.tower, self.first) @ read(self.tower, self.second))
        parts["words"] = (
            f"A: “{escape(self.first)}” &nbsp; B: “{escape(self.second)}”. Cosine of the two texts: <b>{distance:.3f}</b>."
            + (" To this tower they are one text." if distance > 0.99999 else "")
        )
        self.parts = parts
        self.values = {"tower": self.tower, "do": ""} | {
            f"{name}{i}": word for name, said in (("a", self.a), ("b", self.b)) for i, word in enumerate(said)
        }

    def _rest(self, name, said):
        """Return the HTML of the second object's choices; none where the first stands alone."""
        if said.relation == "alone":
            return ""
        return "a " + " ".join(choice(f"{name}{i}", f"{name.upper()}: {LABELS[i]}", WORDS[i]) for i in (3, 4))

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        things = pictures()[1]
        true = [sum(holds(said, each) for each in things) for said in (self.a, self.b)]
        return (
            f"Prompt explorer, eight pictures and two texts, read by the tower {self.tower!r}. A: {self.first!r}, true of"
            f" {true[0]} of them. B: {self.second!r}, true of {true[1]}. Under each picture the probability of A against B."
        )

    def still(self):
        """Return a figure: the eight pictures, and under each the probability of A as a bar."""
        fig, axes = plots.figure(2, 8, width=15, height=3.6, height_ratios=[4, 1])
        for i, share in enumerate(self.shares().tolist()):
            plots.draw_image(axes[0, i], pictures()[0][i], f"A {share:.2f}")
            axes[1, i].barh(0, share, color=plots.BLUE)
            axes[1, i].barh(0, 1 - share, left=share, color=plots.ORANGE)
            axes[1, i].set(xlim=(0, 1), xticks=[], yticks=[])
            axes[1, i].spines[:].set_visible(False)
        fig.suptitle(f"A (blue): {self.first}     B (orange): {self.second}     [{self.tower}]", fontsize=15)
        return fig


def exchanged(said, what):
    """Return a Sentence with the two colours exchanged, the two objects exchanged, or as it is ("copy")."""
    c, f, relation, c2, f2 = said
    return Sentence(*{DO[0]: (c2, f, relation, c, f2), DO[1]: (c2, f2, relation, c, f)}.get(what, said))


@cache
def FRAME():
    """Return the HTML that stays: the choices, and the pictures."""
    images, things = pictures()
    shown = []
    for i, each in enumerate(things):
        told = " and ".join(f"a {t.colour} {t.form} {t.place}" for t in each)
        shown.append(html_image(pixel_png(images[i].transpose(1, 2, 0)), f"picture {i + 1}: {told}", 112, 112))
    rows = {
        name: [choice(f"{name}{i}", f"{name.upper()}: {LABELS[i]}", WORDS[i]) for i in range(3)] for name in ("a", "b")
    }
    buttons = [
        button("do", what, f"B := A, {what}" if what != "copy" else "B := A", f"B: A, {what}")
        for what in (DO[2], *DO[:2])
    ]
    return page(__file__, towers=choice("tower", "text tower", TOWERS), rows=rows, buttons=buttons, pictures=shown)
