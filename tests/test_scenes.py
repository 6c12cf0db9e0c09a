"""What scenes say is true of their pixels: colours, places and numbers are measured again, without the generator's lists.

Forms are recognised by how much of their box they fill, and where, on pictures drawn larger; everything else at 24 pixels.
"""

import random
import re

import numpy as np
import pytest
import torch

from helpers.data import (
    COLOURS,
    FORMS,
    NUMBERS,
    QUESTIONS,
    Thing,
    Words,
    ask,
    caption,
    describe,
    fade,
    relations,
    scenes,
)

PALETTE = np.array(list(COLOURS.values()))
BACK = {"circle": "disk", "hoop": "ring", "box": "square", "big": "large", "little": "small"}
A = Thing("red", "disk", "small", "top-left")
B = Thing("blue", "ring", "large", "bottom-right")


def components(mask):
    """Return the list of (rows, columns) of the regions of True that hang together, diagonals included."""
    left, found = {tuple(p) for p in np.argwhere(mask)}, []
    while left:
        heap, region = [left.pop()], []
        while heap:
            y, x = heap.pop()
            region.append((y, x))
            near = {(y + j, x + i) for j in (-1, 0, 1) for i in (-1, 0, 1)} & left
            left -= near
            heap.extend(near)
        found.append(np.array(region).T)
    return found


def look(image):
    """Return what is seen: [(colour, place, rows, columns)], without knowing what was drawn. Image (3, S, S)."""
    image = image.numpy().transpose(1, 2, 0)
    seen = []
    for rows, columns in components(np.abs(image - np.median(image, (0, 1))).max(2) > 0.25):
        colour = list(COLOURS)[((PALETTE - image[rows, columns].mean(0)) ** 2).sum(1).argmin()]
        middle = (len(image) - 1) / 2
        place = f"{'top' if rows.mean() < middle else 'bottom'}-{'left' if columns.mean() < middle else 'right'}"
        seen.append((colour, place, rows, columns))
    return seen


def form_of(rows, columns):
    """Return the form of a region: by its middle, by how far it is from a turn by a right angle, by what it fills."""
    y, x = rows - (rows.min() + rows.max()) / 2, columns - (columns.min() + columns.max()) / 2
    half = (np.ptp(rows) + np.ptp(columns) + 2) / 4
    if not ((np.hypot(x, y) / half) < 0.25).any():
        return "ring"
    if abs(y.mean()) / half > 0.1:
        return "triangle"
    filled = len(rows) / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
    if filled > 0.7:
        reach = np.hypot(x, y).max() / (len(rows) / np.pi) ** 0.5  # 1 for a disk, 1.25 for a square, turned or not
        return "square" if reach > 1.13 else "disk"
    axis = (np.minimum(np.abs(x), np.abs(y)) < 0.2 * half) & (np.hypot(x, y) > 0.7 * half)
    return "plus" if axis.sum() > 0.1 * len(rows) else "cross"


@pytest.fixture(scope="module")
def drawn():
    return scenes(300, 5, (1, 2, 3))


def test_colours_places_and_numbers_are_those_of_the_pixels(drawn):
    for i in range(len(drawn)):
        seen = sorted((colour, place) for colour, place, *_ in look(drawn.images[i]))
        assert seen == sorted((t.colour, t.place) for t in drawn.things(i)), i
        assert len(seen) == int(drawn.count[i])


def test_forms_and_sizes_are_those_of_the_pixels():
    large = scenes(150, 5, (1, 2, 3), noise=0.02, size=96)
    for i in range(len(large)):
        told = {t.place: t for t in large.things(i)}
        for _, place, rows, columns in look(large.images[i]):
            assert form_of(rows, columns) == told[place].form, (i, told[place])
            extent = max(np.ptp(rows), np.ptp(columns)) / 96
            assert ("large" if extent > 0.285 else "small") == told[place].size, (i, told[place], extent)


def test_a_seed_draws_the_same_objects_at_every_size(drawn):
    again, other = scenes(300, 5, (1, 2, 3)), scenes(300, 6, (1, 2, 3))
    assert torch.equal(again.images, drawn.images) and not torch.equal(other.images, drawn.images)
    large = scenes(300, 5, (1, 2, 3), size=48)
    assert all(large.things(i) == drawn.things(i) for i in range(300))
    assert drawn.images.shape == (300, 3, 24, 24) and drawn.images.dtype == torch.float32
    assert 0 <= drawn.images.min() and drawn.images.max() <= 1


def test_objects_of_a_scene_differ_and_every_word_occurs(drawn):
    things = [drawn.things(i) for i in range(300)]
    for each in things:
        assert len({t.colour for t in each}) == len({t.form for t in each}) == len({t.place for t in each}) == len(each)
    told = [t for each in things for t in each]
    assert [len({t[k] for t in told}) for k in range(4)] == [8, 6, 2, 4]
    assert {len(each) for each in things} == {1, 2, 3}


def test_pairs_that_are_left_out_are_never_drawn_and_weights_count():
    table = torch.ones(8, 6, dtype=torch.bool)
    table[2, 3] = False
    s = scenes(2000, 1, (1, 2), table)
    told = [t for i in range(len(s)) for t in s.things(i)]
    assert not any((t.colour, t.form) == ("blue", "triangle") for t in told)
    skewed = torch.full((8, 6), 0.3 / 7)
    skewed.fill_diagonal_(0.7)
    s = scenes(2000, 2, (1,), skewed)
    usual = np.mean([list(COLOURS).index(t.colour) == FORMS.index(t.form) for i in range(2000) for t in s.things(i)])
    assert 0.65 < usual < 0.75


def parse(text):
    """Return ([(size or None, colour, form, place or None)], number said or None) of a free caption with one regex each."""
    text = text.replace("upper", "top").replace("lower", "bottom")
    text = " ".join(BACK.get(word, word) for word in text.split())
    number = re.match(r"(one|two|three) things? : ", text)
    noun = rf"(small |large )?({'|'.join(COLOURS)}) ({'|'.join(FORMS)})( at the (\S+))?"
    found = [
        (size.strip() or None, colour, form, place or None) for size, colour, form, _, place in re.findall(noun, text)
    ]
    if not found and (m := re.search(rf"the ({'|'.join(FORMS)}) at the (\S+) is (\w+)", text)):
        found = [(None, m[3], m[1], m[2])]
    if not found and (m := re.search(r"a (\w+) which is (\w+)", text)):
        found = [(None, m[2], m[1], None)]
    if (m := re.search(r"at the (\S+) , a", text)) and len(found) == 1:
        found = [(*found[0][:3], m[1])]
    return found, number and number[1]


def test_captions_say_what_the_pixels_show(drawn):
    dice, relation_words = random.Random(0), 0
    for i in range(300):
        seen = {colour: (place, rows.mean(), columns.mean()) for colour, place, rows, columns in look(drawn.images[i])}
        forms = {t.colour: (t.form, t.size) for t in drawn.things(i)}  # measured above, larger
        for _ in range(5):
            text = caption(drawn.things(i), dice, numbers=True)
            told, number = parse(text)
            assert sorted(c for _, c, _, _ in told) == sorted(seen), text
            assert number is None or number == NUMBERS[len(seen)], text
            for size, colour, form, place in told:
                assert forms[colour][0] == form and size in (None, forms[colour][1]), text
                assert place in (None, seen[colour][0]), text
            if m := re.search("left of|right of|above|below", text):
                (_, y, x), (_, v, u) = (seen[colour] for _, colour, _, _ in told)
                assert {"left of": x < u - 4, "right of": x > u + 4, "above": y < v - 4, "below": y > v + 4}[m[0]], text
                relation_words += 1
    assert relation_words > 100


def test_questions_are_answered_by_the_pixels(drawn):
    dice, answers = random.Random(0), {kind: set() for kind in QUESTIONS}
    for i in range(300):
        seen = {colour: place for colour, place, *_ in look(drawn.images[i])}
        form = {t.colour: t.form for t in drawn.things(i)}
        colour = {f: c for c, f in form.items()}
        for _ in range(5):
            question, answer, kind = ask(drawn.things(i), dice)
            about = next((word for word in question.split() if word in FORMS + tuple(COLOURS)), None)
            truth = {
                "colour": lambda: colour[about],
                "form": lambda: form[about],
                "count": lambda: NUMBERS[len(seen)],
                "place": lambda: seen[colour[about]],
                "exists": lambda: "yes" if about in colour else "no",
            }[kind]()
            assert answer == truth and " " not in answer, question
            answers[kind].add(answer)
    assert [len(answers[kind]) for kind in QUESTIONS] == [8, 6, 3, 4, 2]


def test_full_sentences_and_relations():
    assert describe([A, B]) == "a red disk top-left , a blue ring bottom-right ."
    assert relations(A, B) == ["left of", "above"] and relations(B, A) == ["right of", "below"]
    assert relations(A, B._replace(place="top-right")) == ["left of"]
    assert ask([A], random.Random(0), "colour") == ("what colour is the disk ?", "red", "colour")


def test_fading_keeps_the_grey_and_ends_in_it(drawn):
    assert torch.equal(fade(drawn.images, 0), torch.full_like(drawn.images, 0.2))
    assert torch.allclose(fade(drawn.images, 1), drawn.images, atol=1e-6)
    assert torch.allclose(fade(drawn.images, 0.25).std(), drawn.images.std() / 4, atol=1e-5)


def test_words_go_there_and_back():
    texts = [describe([A, B]), "a red disk"]
    words = Words(texts)
    numbers = words.encode(texts)
    assert numbers.shape == (2, 12) and numbers.dtype == torch.int64
    assert numbers[1].tolist()[:1] + numbers[1].tolist()[4:] == [1, 2, 0, 0, 0, 0, 0, 0, 0]
    assert [words.decode(row) for row in numbers] == texts
    assert words.encode(["a red disk"], 20).shape == (1, 20)
    assert words.names == tuple(sorted(words.number, key=words.number.get)) and len(words) == len(words.names)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (lambda: scenes(0), r"n \(=0\) must be a whole number of at least 1: give"),
        (lambda: scenes(5, seed=-1), r"seed \(=-1\)"),
        (lambda: scenes(5, counts=(4,)), r"counts \(=\(4,\)\) must hold some of 1, 2, 3: give a tuple"),
        (lambda: scenes(5, counts=2), r"counts \(=2\)"),
        (lambda: scenes(5, pairs=torch.ones(6, 8)), r"pairs \(shape \(6, 8\)\) must be \(8, 6\)"),
        (lambda: scenes(5, pairs=torch.zeros(8, 6)), r"not all 0"),
        (lambda: scenes(5, counts=(2,), pairs=torch.eye(8, 6) * torch.eye(8)[:, :1]), r"pairs must allow 2 objects"),
        (lambda: scenes(5, noise=2), r"noise \(=2\)"),
        (lambda: scenes(5, size=8), r"size \(=8\) .* of at least 16"),
        (lambda: fade(torch.zeros(3, 24, 24), 1.5), r"contrast \(=1.5\) must be a finite number from 0 to 1"),
        (lambda: fade([1], 0.5), r"images \(a list\) must be a torch.Tensor"),
        (lambda: caption([], random.Random(0)), r"things \(=\[\]\) must be a list of one to three Things: use"),
        (lambda: describe("ab"), r"things \(='ab'\)"),
        (lambda: ask([A] * 4, random.Random(0)), r"things \(=.* must be a list of one to three Things"),
        (lambda: ask([A], random.Random(0), "smell"), r"kind \(='smell'\) must be one of colour, form"),
        (lambda: Words(["a b"]).encode(["a c"]), r"texts hold \['c'\], not among the 5 words: use words"),
        (lambda: Words(["a b"]).encode("a b"), r"texts \(='a b'\) must be a list of texts"),
        (lambda: Words(["a b"]).encode(["a b"], 3), r"length \(=3\) must be a whole number of at least 4"),
    ],
)
def test_wrong_arguments_are_named_with_rule_and_fix(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
