"""The caption explorer: a picture, its contrast, the caption word by word, what each word looked at, and what else it might be."""

import html
from functools import cache

import torch

from helpers import data, plots
from helpers.chapters.ch17_image_and_text.captioner import HABITS, stored, vocabulary, watched
from helpers.chapters.ch17_image_and_text.draw import draw_looked
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import data_uri, pixel_png
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.widgets import on_slider, page, snap, style

PICTURES = 12
CONTRAST = (0, 100, 5)  # percent: lowest, highest, step
YOURS = "yours"
KINDS = {"even": "all colours as often", "habit": "nine disks of ten red", YOURS: "the network you gave"}
SHOWN = 6  # words with bars


@cache
def pictures():
    """Return the Scenes of the explorer: nine of all kinds, then three of one disk that is not red."""
    pairs = torch.zeros(8, 6)
    pairs[1:, 0] = 1
    disks, others = data.scenes(3, 5, pairs=pairs), data.scenes(PICTURES - 3, 8, counts=(1, 2, 3))
    return data.Scenes(*(torch.cat(both) for both in zip(vars(others).values(), vars(disks).values(), strict=True)))


@cache
def network(kind):
    """Return the stored captioner of that kind."""
    return stored(kind)


class CaptionExplorer(Panel):
    """Show what a captioner says of a picture, word by word. The last line of a cell displays it.

    net:      None, or a Captioner on vocabulary()'s words, which is then the first choice
    picture:  1 to 12
    contrast: percent, 0 to 100 in steps of 5; 0 is plain grey
    trained:  "even" or "habit": on scenes where every colour comes as often, or where nine disks of ten are red; "yours"
    word:     which word of the caption is looked into, 1 for the first; one beyond the end means the last
    raises:   ValueError that names the argument

    They follow what is done in the browser; caption() returns what is said, as text.
    """

    _css = style(__file__)

    def __init__(self, net=None, picture=2, contrast=100, trained=None, word=2):
        super().__init__()
        if net is not None and not (isinstance(net, torch.nn.Module) and hasattr(net, "next_word")):
            raise ValueError(
                f"net (a {type(net).__name__}) must be a Captioner: give the network that was trained, or None"
            )
        if net is not None and net.words.num_embeddings != len(vocabulary()):
            raise ValueError(
                f"net (of {net.words.num_embeddings} words) must know the {len(vocabulary())} of vocabulary(): train it on these"
            )
        self.net, self.kinds = net, [*HABITS] if net is None else [YOURS, *HABITS]
        self.trained = check_choice("trained", self.kinds[0] if trained is None else trained, self.kinds)
        self.picture = whole("picture", picture, 1, PICTURES)
        self.contrast = on_slider("contrast", contrast, *CONTRAST)
        self.word = whole("word", word, 1, 17)
        self.refresh()

    def hear(self, name, value):
        if name == "contrast":
            self.contrast = snap(value, *CONTRAST)
        elif name == "trained":
            self.trained = next(kind for kind in self.kinds if KINDS[kind] == value)
        elif name == "picture":
            self.picture = snap(value, 1, PICTURES, 1)
        elif name == "word":
            self.word = value

    def image(self):
        """Return the picture as it is shown, (3, 24, 24)."""
        return data.fade(pictures().images[self.picture - 1], self.contrast / 100)

    def watch(self):
        """Return the words, what each looked at (T, 9), and the probabilities that each was taken from (T, words)."""
        net = self.net if self.trained == YOURS else network(self.trained)
        device = next(net.parameters()).device
        ids, looked, probabilities = (each.cpu() for each in watched(net, self.image().to(device)))
        return [vocabulary().names[i] for i in ids.tolist()], looked, probabilities

    def caption(self):
        """Return what is said of the picture."""
        return " ".join(word for word in self.watch()[0] if word != "<end>")

    def truth(self):
        """Return the true caption of the picture at full contrast."""
        return data.describe(pictures().things(self.picture - 1))

    def chosen(self, words):
        return min(self.word, len(words)) - 1

    def refresh(self):
        words, looked, probabilities = self.watch()
        at = self.chosen(words)
        self.fixed = {
            "frame": page(__file__, pictures=PICTURES, contrast=CONTRAST, kinds=[KINDS[k] for k in self.kinds])
        }
        self.parts = {
            "photo": f'<img alt="" src="{data_uri(pixel_png(self.image().permute(1, 2, 0).numpy()))}">',
            "cells": overlay(looked[at]),
            "caption": "".join(
                button(
                    "word",
                    i + 1,
                    html.escape(word.replace("<end>", "■")),
                    f"word {i + 1}: {word.strip('<>')}",
                    stay=str(i),
                )
                for i, word in enumerate(words)
            ),
            "truth": html.escape(self.truth()),
            "bars": bars(probabilities[at], words[at]),
            "words": self._words(words, probabilities, at),
        }
        self.values = {
            "picture": self.picture,
            "contrast": self.contrast,
            "trained": KINDS[self.trained],
            "word": at + 1,
        }

    def _words(self, words, probabilities, at):
        said = " ".join(word for word in words if word != "<end>")
        sure = 1.0
        for row, word in zip(probabilities, words, strict=True):
            sure *= row[vocabulary().number[word]].item()
        verdict = "right" if said == self.truth() else "not what was drawn"
        return f"The whole caption has probability <b>{sure:.2f}</b>, and is <b>{verdict}</b>."

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        return (
            f"Caption explorer. Picture {self.picture} of {PICTURES} at {self.contrast} % contrast, drawn as: {self.truth()} "
            f"A captioner, trained on scenes with {KINDS[self.trained]}, says its caption word by word; the cells that a word"
            " looked at, and bars for the likeliest next words."
        )

    def still(self):
        """Return a figure: the picture, what the word looked at, and the bars."""
        words, looked, probabilities = self.watch()
        at = self.chosen(words)
        fig, (left, middle, right) = plots.figure(1, 3, width=13, height=4.2, width_ratios=[1, 1, 1.3])
        plots.draw_image(left, self.image(), f"{self.contrast} % contrast")
        draw_looked(middle, self.image(), looked[at], f"“{words[at]}” looks at, in %")
        best = probabilities[at].topk(SHOWN)
        names = [vocabulary().names[i] for i in best.indices.tolist()]
        plots.draw_bars(right, names, (100 * best.values).tolist(), "{:.1f} %", title=f"word {at + 1} of the caption")
        right.set(xticks=[])
        fig.suptitle(" ".join(words).replace(" <end>", ""), fontsize=15)
        return fig


def overlay(looked):
    """Return the cells over the picture: dark where the word did not look, with the weight in percent; (9,) weights."""
    out = []
    for cell, weight in enumerate(looked.tolist()):
        row, column = divmod(cell, 3)
        place = f'x="{column * 8}" y="{row * 8}" width="8" height="8"'
        out.append(
            f'<rect {place} fill="#000" fill-opacity="{0.82 * (1 - weight):.3f}" stroke="#fff" stroke-width=".08"/>'
        )
        out.append(f'<text x="{column * 8 + 4}" y="{row * 8 + 4.6}" text-anchor="middle">{100 * weight:.0f}</text>')
    words = "attention over the nine cells, in percent: " + ", ".join(f"{100 * w:.0f}" for w in looked.tolist())
    return f'<svg viewBox="0 0 24 24" role="img" aria-label="{words}">{"".join(out)}</svg>'


def bars(probabilities, word):
    """Return bars for the likeliest next words; the one that was taken stands out."""
    best, out = probabilities.topk(SHOWN), []
    for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        name = vocabulary().names[index]
        taken = ' class="taken"' if name == word else ""
        out.append(
            f"<div{taken}><span>{html.escape(name.replace('<end>', '■ (end)'))}</span>"
            f'<div><i style="width:{100 * value:.2f}%"></i></div><span>{100 * value:.1f} %</span></div>'
        )
    return "".join(out)
