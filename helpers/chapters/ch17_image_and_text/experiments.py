"""What was tried for chapter 17, or takes longer than a chapter may: `make experiments NB=17`."""

import copy
import random
from collections import Counter
from functools import cache

import torch
from torch import nn

from helpers import data
from helpers.chapters.ch17_image_and_text import captioner, reader
from helpers.training import train

SEEDS = range(3)  # the first is the notebook's


@cache
def _sample(n, seed, counts=(1, 2, 3), habit=False):
    scenes = data.scenes(n, seed, counts, pairs=captioner.pairs_with_habit() if habit else None)
    things = [scenes.things(i) for i in range(n)]
    return scenes.images, things, [data.describe(each) for each in things]


def _fit(net, examples, step, epochs, lr, seed):
    train(net, examples, step=step, epochs=epochs, lr=lr, schedule="one-cycle", seed=seed, live=False)
    return net.cpu().eval()


@cache
def _captioner(seed, habit=False):
    """A captioner trained as in the notebook, on scenes of its own."""
    words = captioner.vocabulary()
    images, _, texts = _sample(6000, seed, habit=habit)
    torch.manual_seed(seed)
    net = captioner.Captioner(len(words))
    return _fit(net, (images, words.encode(texts)), captioner.teacher_forcing, 4, 5e-3, seed)


def _captions(net, images):
    words = captioner.vocabulary()
    return [words.decode(row) for row in captioner.write(net, images)]


def _percent(share):
    return f"{100 * float(share):.1f}"


def stored_captioners():
    """What do the two captioners say that the room stores for its explorer, by contrast?

    "even": all colours as often; "habit": nine disks of ten were red. 1,000 scenes of all colours, the captions exactly
    right; and 300 scenes of one disk that is not red: how many captions name a disk of its own colour, and a red disk.
    In percent, with the weights as they are stored, in 8 bits. Writes captioners.npz.
    """
    captioner.store({"even": _captioner(0), "habit": _captioner(0, habit=True)})
    images, _, truths = _sample(1000, 999)
    disks = captioner.others_disks()
    own = [f"{disks.things(i)[0].colour} disk" for i in range(len(disks))]
    rows = []
    for habit in captioner.HABITS:
        net = captioner.stored(habit)
        for contrast in (1.0, 0.8, 0.6, 0.4, 0.2, 0.0):
            said = _captions(net, data.fade(images, contrast))
            disk = _captions(net, data.fade(disks.images, contrast))
            rows.append(
                {
                    "trained on": habit,
                    "contrast": contrast,
                    "exact, %": _percent(captioner.marks(said, truths)["exact"]),
                    "own colour": _percent(sum(o in s for o, s in zip(own, disk, strict=True)) / len(own)),
                    "called a red disk": _percent(sum("red disk" in s for s in disk) / len(own)),
                    "different captions": len(set(said)),
                }
            )
    return rows


def captioner_seed_by_seed():
    """How good is the captioner, seed by seed? In percent: of 1,000 captions, and of the words of all objects.

    Each seed draws its own 6,000 training scenes and first weights; the test scenes are the same.
    """
    images, _, truths = _sample(1000, 999)
    rows = []
    for seed in range(5):
        row = {"seed": seed}
        row |= {k: _percent(v) for k, v in captioner.marks(_captions(_captioner(seed), images), truths).items()}
        rows.append(row)
    return rows


@cache
def _reader(seed):
    """A language model that has read 6,000 stories about scenes of its own."""
    words = captioner.vocabulary()
    told = reader.stories(_sample(6000, 500 + seed)[1], random.Random(1000 + seed))
    torch.manual_seed(seed)
    return _fit(reader.Reader(len(words)), words.encode(told), reader.reading(words.number["?"]), 3, 6e-3, seed)


def joint_seed_by_seed():
    """What does the one layer reach, seed by seed: answers right in percent, of 1,000 questions about 1,000 pictures?

    Each seed has its own scenes, captioner (whose eye is kept) and language model. told: the language model, given the
    description as text. joint: only the layer is trained, 4 epochs; blank, other: the same with a blank picture, and with
    another's. everything: all weights from there, 3 epochs at 2e-3; scratch: all weights from their first values, 4 epochs
    at 3e-3, and 12 epochs (seed 0). blind: the commonest answer to each question, counted in the training set.
    """
    words = captioner.vocabulary()
    mark = words.number["?"]
    step = reader.answering(mark)
    images, things, truths = _sample(1000, 999)
    answers = reader.questions_about(things, random.Random(99))
    text = words.encode([f"{q} {a}" for q, a, _ in answers])[:, 1:]
    rows = []
    for seed in SEEDS:
        train_images, train_things, _ = _sample(6000, seed)
        asked = reader.questions_about(train_things, random.Random(seed))
        examples = words.encode([f"{q} {a}" for q, a, _ in asked])[:, 1:]
        eye, mind = _captioner(seed).eye, _reader(seed)

        def score(net, pictures):
            return _percent(reader.right_answers(net, pictures, text, mark).float().mean())

        with torch.no_grad():
            seen, test_seen, blank = (eye(x) for x in (train_images, images, data.fade(images, 0)))
        told = words.encode([f"{true} {q} {a}" for true, (q, a, _) in zip(truths, answers, strict=True)])
        torch.manual_seed(seed)
        joined = reader.Joined(nn.Identity(), copy.deepcopy(mind).requires_grad_(False))
        joined = _fit(joined, (seen, examples), step, 4, 1e-2, seed)
        known = reader.right_answers(mind, None, told, mark).float().mean()
        row = {"seed": seed, "told": _percent(known), "joint": score(joined, test_seen)}
        row |= {"blank": score(joined, blank), "other": score(joined, test_seen.roll(1, 0))}
        whole = reader.Joined(copy.deepcopy(eye), copy.deepcopy(mind))
        whole.joint.load_state_dict(joined.joint.state_dict())
        row["everything"] = score(_fit(whole, (train_images, examples), step, 3, 2e-3, seed), images)
        for name, epochs in (("scratch", 4), ("scratch, 12 epochs", 12)):
            torch.manual_seed(seed)
            new = reader.Joined(captioner.Eye(), reader.Reader(len(words)))
            short = seed == 0 or epochs == 4
            row[name] = score(_fit(new, (train_images, examples), step, epochs, 3e-3, seed), images) if short else ""
        blind = reader.best_blind(asked, answers)
        row["blind"] = _percent(sum(b == a for b, (_, a, _) in zip(blind, answers, strict=True)) / len(blind))
        rows.append(row)
    return rows


def habit_seed_by_seed():
    """What does a captioner call disks that are not red, if it saw nine red disks of ten, or all colours as often?

    300 scenes of one disk, none of it red: captions with the right colour, with "disk", with "red disk", and the form that
    is said most, in percent, at full contrast and at 0.7. exact: of 1,000 scenes of all colours. after "a red", after "a
    yellow": the mean probability of "disk" as the third word for pictures of a yellow disk, when the caption begins so.
    """
    words, (images, _, truths) = captioner.vocabulary(), _sample(1000, 999)
    scenes = captioner.others_disks()
    own = [scenes.things(i)[0].colour for i in range(len(scenes))]
    yellow = scenes.images[[colour == "yellow" for colour in own]]
    rows = []
    for seed in SEEDS:
        for name, habit in (("even", False), ("habit", True)):
            net = _captioner(seed, habit)
            row = {"seed": seed, "trained on": name}
            row["exact"] = _percent(captioner.marks(_captions(net, images), truths)["exact"])
            for contrast in (1.0, 0.7):
                said = [[*each.split(), "", "", ""] for each in _captions(net, data.fade(scenes.images, contrast))]
                forms = Counter(each[2] for each in said).most_common(1)[0]
                row[f"colour, {contrast}"] = _percent(sum(e[1] == c for e, c in zip(said, own, strict=True)) / len(own))
                row[f"disk, {contrast}"] = _percent(sum(e[2] == "disk" for e in said) / len(own))
                row[f"red disk, {contrast}"] = _percent(sum(e[1:3] == ["red", "disk"] for e in said) / len(own))
                row[f"most, {contrast}"] = f"{forms[0]} {_percent(forms[1] / len(own))}"
            for begun in ("a red", "a yellow"):
                ids = words.encode([begun] * len(yellow))[:, :-1]
                with torch.no_grad():
                    row[f"after “{begun}”"] = _percent(
                        net(yellow, ids)[:, -1].softmax(-1)[:, words.number["disk"]].mean()
                    )
            rows.append(row)
    return rows
