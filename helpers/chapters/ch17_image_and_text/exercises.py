"""The exercises of chapter 17: the one layer's weights, cross-attention, writing, a loss with two bugs, the blind player."""

import math

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "joint_weights",
    reference=lambda cells, seen, each, width: seen * each * width + each * width,
    cases=lambda: [
        dict(cells=cells, seen=seen, each=each, width=width)
        for cells, seen, each, width in ((9, 64, 2, 64), (32, 768, 1, 5120), (5, 6, 3, 7))
    ],
    mistakes=[
        (lambda cells, seen, each, width: seen * each * width, "the **bias** is missing: one for each output."),
        (
            lambda cells, seen, each, width: cells * (seen * each * width + each * width),
            "that is a layer **for each cell**: all cells share one.",
        ),
        (
            lambda cells, seen, each, width: seen * width + width,
            "that makes **one** vector of each cell: the layer makes `each` of them.",
        ),
        (
            lambda cells, seen, each, width: cells * seen * each * width + each * width,
            "the layer takes **one cell at a time**, `seen` numbers, not all cells at once.",
        ),
        (
            lambda cells, seen, each, width: seen * each * width + seen,
            "a bias belongs to each **output**, of which there are each · width, not to each input.",
        ),
        (
            lambda cells, seen, each, width: each * (seen * width) + width,
            "biases are **missing**: each of the `each` vectors has `width` of its own.",
        ),
    ],
    hints=[
        "A linear layer from a numbers to b has a · b weights and b biases. It is the same for all cells.",
        "a = seen, b = each · width.",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _attend(scale=True, axis=-1, causal=False, from_words=False, swapped=False, keys_as_values=False, squared=False):
    def attend(words, cells, Wq, Wk, Wv):
        query, key, value = words @ Wq, cells @ Wk, cells @ Wv
        if from_words:
            key, value = words @ Wk, words @ Wv
        if swapped:
            query, key, value = cells @ Wk, words @ Wq, words @ Wv
        if keys_as_values:
            value = key
        scores = query @ key.T / ((query.shape[1] if squared else math.sqrt(query.shape[1])) if scale else 1)
        if causal:
            later = torch.ones_like(scores, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, -math.inf)
        return scores.softmax(axis) @ value

    return attend


def _sides():
    for seed, (T, S, D, E, K, V) in enumerate(((3, 5, 4, 4, 2, 6), (6, 2, 5, 5, 3, 4), (4, 7, 3, 3, 8, 3))):
        dice = torch.Generator().manual_seed(seed)
        shapes = {"words": (T, D), "cells": (S, E), "Wq": (D, K), "Wk": (E, K), "Wv": (E, V)}
        yield {name: torch.randn(shape, generator=dice) for name, shape in shapes.items()}


Exercise(
    "cross_attention",
    reference=_attend(),
    cases=lambda: list(_sides()),
    grad=True,
    mistakes=[
        (_attend(scale=False), "the scores are **not divided** by √K: the softmax is too sharp."),
        (_attend(squared=True), "divided by **K**, not by its square root."),
        (_attend(axis=0), "the softmax runs over the **words**: each word's weights over the cells must sum to 1."),
        (_attend(causal=True), "there is a **causal mask**: a word may look at the whole picture."),
        (_attend(from_words=True), "keys and values come from the **words**: that is self-attention."),
        (_attend(swapped=True), "the two are **exchanged**: the words ask, the cells answer."),
        (
            _attend(keys_as_values=True),
            "the weights mix the **keys**: what a cell hands over is its value, cells @ Wv.",
        ),
    ],
    hints=[
        "Queries (T, K) from the words, keys (S, K) and values (S, V) from the cells.",
        "scores = queries @ keys.T / √K, (T, S); a softmax over the last axis.",
        "softmax(scores) @ values",
    ],
)


def _table(seed, end_at=None):
    """Return a function from the words so far to scores, that looks at all of them and at the last most."""
    dice = torch.Generator().manual_seed(seed)
    table = torch.randn(7, 7, generator=dice)

    def next_scores(so_far):
        scores = table[so_far[-1]] + 0.3 * sum(table[word].roll(i + 1) for i, word in enumerate(so_far))
        scores[0] = -9.0
        scores[6] = 9.0 if end_at is not None and len(so_far) > end_at else -8.0
        return scores.tolist()

    return next_scores


def _greedy(keep_begin=False, keep_end=False, stop=True, only_last=False, least=False, late=False):
    def write(next_scores, begin, end, longest):
        so_far = [begin]
        for _ in range(longest + late):
            scores = next_scores(so_far[-1:] if only_last else so_far)
            word = (min if least else max)(range(len(scores)), key=scores.__getitem__)
            if word == end and stop:
                if keep_end:
                    so_far.append(word)
                break
            so_far.append(word)
        return so_far if keep_begin else so_far[1:]

    return write


Exercise(
    "write_greedily",
    reference=_greedy(),
    cases=lambda: [
        dict(next_scores=_table(seed, at), begin=0, end=6, longest=longest)
        for seed, at, longest in ((0, 3, 9), (1, None, 6), (2, 5, 8), (5, 4, 12))
    ],
    mistakes=[
        (_greedy(keep_begin=True), "`begin` is still there: return the words **after** it."),
        (_greedy(keep_end=True), "`end` is still there: it is no word."),
        (_greedy(stop=False), "it **never stops** at `end`, but writes on."),
        (_greedy(only_last=True), "only the **last word** is given: next_scores wants all of them so far."),
        (_greedy(least=True), "that is the **least** likely word each time."),
        (_greedy(late=True), "one word **too many**: `longest` counts the words after begin."),
    ],
    hints=[
        "Keep a list that begins as [begin], and give all of it to next_scores each time.",
        "The number of the largest score: max(range(len(scores)), key=scores.__getitem__).",
        "Break when that is `end`, before it is appended; return the list without its first word.",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _loss(shift=1, ignore=True, total=False, begin=False, flat=True):
    def loss(scores, text):
        T = text.shape[1]
        if shift == 1:
            scores, text = scores[:, : T - 1], text[:, 1:]
        elif shift == -1:
            scores, text = scores[:, 1:], text[:, : T - 1]
        kind = {"ignore_index": 0} if ignore else {}
        return F.cross_entropy(scores.flatten(0, 1), text.flatten(), reduction="sum" if total else "mean", **kind)

    return loss


def _texts():
    for seed, (N, T, V) in enumerate(((2, 5, 7), (3, 4, 9), (4, 7, 6))):
        dice = torch.Generator().manual_seed(seed)
        text = torch.randint(1, V, (N, T), generator=dice)
        for row in range(N - 1):
            text[row, T - 1 - row % (T - 2) :] = 0
        yield dict(scores=torch.randn(N, T, V, generator=dice), text=text)


Exercise(
    "caption_loss",
    reference=_loss(),
    cases=lambda: list(_texts()),
    grad=True,
    mistakes=[
        (_loss(shift=0, ignore=False), "that is the broken one: **both** bugs are still there."),
        (_loss(shift=0), "the scores after a word are compared with **that same word**: copying it is enough."),
        (_loss(ignore=False), "`<fill>` **counts**: the network is praised for the filling at the end."),
        (_loss(shift=-1), "shifted the **wrong way**: after a word comes the next, not the one before."),
        (_loss(total=True), "that is the **sum** over all words: take the mean of those that count."),
    ],
    hints=[
        "The scores after word t say something about word t + 1: what belongs to scores[:, 0]?",
        "scores[:, :-1] against text[:, 1:].",
        "F.cross_entropy has ignore_index: targets of that number do not count.",
    ],
)


# ----------------------------------------------------------------------------------------------------------- blindness


def _blind(overall=False, from_new=False, percent=False, guess=True, number=False, first=False):
    def share(seen, new):
        def most(answers):
            return max(dict.fromkeys(answers), key=answers.count)

        known = new if from_new else seen
        right = 0
        for question, answer in new:
            same = [a for q, a in known if q == question]
            if overall or not same:
                said = most([a for _, a in known]) if guess or overall else None
            else:
                said = same[0] if first else most(same)
            right += said == answer
        return right if number else right / len(new) * (100 if percent else 1)

    return share


def _dialogues():
    seen = [("is there a disk ?", a) for a in ("yes", "no", "no", "yes", "no")]
    seen += [("what colour is the ring ?", a) for a in ("red", "blue", "blue", "red", "blue", "green")]
    seen += [("how many things are there ?", a) for a in ("one", "two", "two")]
    new = [("is there a disk ?", a) for a in ("no", "yes", "no", "no")]
    new += [("what colour is the ring ?", a) for a in ("blue", "red", "red")] + [("where is the plus ?", "no")]
    new += [("how many things are there ?", a) for a in ("two", "one", "two")]
    yield dict(seen=seen, new=new)
    yield dict(seen=seen[3:], new=[*new[2:], ("what form is red ?", "blue"), ("is there a disk ?", "yes")])


Exercise(
    "blind_share",
    reference=_blind(),
    cases=lambda: list(_dialogues()),
    mistakes=[
        (_blind(overall=True), "one answer for **all** questions: the player reads the question."),
        (_blind(from_new=True), "counted on the answers that are **to be guessed**: the player knows only `seen`."),
        (_blind(percent=True), "that is in **percent**: a share lies between 0 and 1."),
        (_blind(number=True), "that is the **number** of right answers: divide by how many there are."),
        (
            _blind(guess=False),
            "to a question that is not in `seen` the player also says something: the commonest of all.",
        ),
        (_blind(first=True), "the answer met **first** is given: take the one met most often."),
    ],
    hints=[
        "For each question of `new`, collect the answers that the same question had in `seen`.",
        "The most frequent: max(dict.fromkeys(answers), key=answers.count).",
        "Where there are none, use all answers of `seen`.",
    ],
)
