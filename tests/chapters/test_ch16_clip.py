"""Chapter 16: the explorer reads as the notebook's towers do, its truths are those of the pictures, and CLIP's size is the published one."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from driven import ask

from helpers.chapters.ch16_clip import explorer
from helpers.chapters.ch16_clip.explorer import TOWERS, PromptExplorer, holds, kept, pictures, read, scores, sentence
from helpers.chapters.ch16_clip.published import TextTransformer, VisionTransformer
from helpers.costs import cost_table
from helpers.course.rooms import room

BAG, PAIRS, HARD = TOWERS


@pytest.fixture(scope="module")
def towers():
    """The notebook's own classes, with the weights that the explorer reads."""
    known, found = room(16).run("imports", "data-pairs", "whole-towers", "bind-tower"), {}
    assert " ".join(known["words"].names) == str(kept()["words"])
    for i, name in enumerate(TOWERS):
        net = known["BagTower" if name == BAG else "PairTower"]()
        net.load_state_dict({key: torch.from_numpy(kept()[f"{i}.{key}"]) for key in net.state_dict()})
        found[name] = net.eval()
    return known["words"], found


@pytest.mark.parametrize("name", TOWERS)
def test_a_sentence_is_read_as_by_the_network(towers, name):
    words, nets = towers
    texts = ["a red disk", "a white triangle", "a cyan plus right of a pink cross", "a blue ring and a green square"]
    with torch.no_grad():
        wanted = nets[name](words.encode(texts))
    assert np.allclose([read(name, text) for text in texts], wanted, atol=1e-5)


def test_gelu_is_torchs():
    x = torch.linspace(-6, 6, 101)
    assert np.allclose(explorer.gelu(x.numpy()), F.gelu(x), atol=1e-6)


def test_the_bag_cannot_tell_what_the_others_can():
    found = {name: PromptExplorer(name).shares() for name in TOWERS}
    assert np.allclose(found[BAG], 0.5, atol=1e-4)
    assert all(np.abs(found[name] - 0.5).max() > 0.02 for name in (PAIRS, HARD))
    assert "To this tower they are one text" in PromptExplorer().parts["words"]
    assert "level" not in PromptExplorer(PAIRS).parts["bar.0"]


def test_shares_are_the_softmax_of_the_scaled_cosines():
    shown = PromptExplorer(HARD, "a red disk", "a white triangle")
    cosines, scale = scores(HARD, "a red disk", "a white triangle")
    assert 15 < scale < 25 and np.abs(cosines).max() <= 1.001
    assert np.allclose(shown.shares(), torch.softmax(torch.from_numpy(scale * cosines), 1)[:, 0], atol=1e-6)
    assert f"{shown.shares()[3]:.2f}" in shown.parts["bar.3"]


def test_what_is_true_is_what_the_pictures_hold():
    images, things = pictures()
    assert images.shape == (8, 3, 24, 24) and [len(each) for each in things] == [2] * 6 + [1, 1]
    a, b = things[0]
    assert holds(sentence("x", f"a {a.colour} {a.form} and a {b.colour} {b.form}"), things[0])
    assert not holds(sentence("x", f"a {b.colour} {a.form} and a {a.colour} {b.form}"), things[0])
    assert not holds(sentence("x", f"a {a.colour} {a.form} and a {a.colour} {a.form}"), things[0])
    for each in things[:6]:
        a, b = each
        side = {True: "left of", False: "right of"}[a.place.endswith("left")]
        said = f"a {a.colour} {a.form} {side} a {b.colour} {b.form}"
        assert holds(sentence("x", said), each) == (a.place.split("-")[1] != b.place.split("-")[1])
    assert [(t.colour, t.form) for each in things[6:] for t in each] == [("white", "triangle"), ("red", "ring")]


def test_the_pictures_are_their_things():
    images, things = pictures()
    for image, each in zip(images, things, strict=True):
        grey = np.median(image, (1, 2))
        for thing in each:
            rows = slice(0, 12) if thing.place.startswith("top") else slice(12, 24)
            columns = slice(0, 12) if thing.place.endswith("left") else slice(12, 24)
            assert (np.abs(image[:, rows, columns] - grey[:, None, None]).max(0) > 0.3).sum() > 8


def test_every_control_changes_what_is_shown():
    shown = PromptExplorer(HARD, "a red disk left of a blue ring", "a green plus above a pink cross")
    for name, value in (
        ("tower", PAIRS),
        ("a0", "cyan"),
        ("a1", "plus"),
        ("a2", "and"),
        ("a3", "white"),
        ("a4", "cross"),
    ):
        before = dict(shown.parts)
        ask(shown, (name, value))
        assert shown.values[name] == value and shown.parts != before, name
    for value, second in (
        ("copy", "a cyan plus and a white cross"),
        ("exchange colours", "a white plus and a cyan cross"),
        ("exchange objects", "a white cross and a cyan plus"),
    ):
        ask(shown, ("do", value))
        assert shown.second == second
    ask(shown, ("b2", "alone"))
    assert (
        shown.second == "a white cross" and shown.parts["rest.b"] == "" and "B: second colour" not in str(shown.parts)
    )
    ask(shown, ("b0", "beige"), ("b9", "red"), ("tower", "none"))
    assert shown.second == "a white cross" and shown.tower == PAIRS


def test_the_still_picture_and_the_sentence():
    shown = PromptExplorer(BAG, "a white triangle", "a red ring")
    assert repr(shown).startswith("Prompt explorer, eight pictures") and "true of 1 of them" in repr(shown)
    assert len(shown.still().axes) == 16


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(tower="attention"), r"tower \(='attention'\) must be one of bag of words, pairs of words"),
        (dict(first="a red dog"), r"first \(='a red dog'\) must be such as \"a red disk\".*: use colours red, green"),
        (dict(second="red disk"), r"second \(='red disk'\)"),
        (dict(first=5), r"first \(=5\)"),
        (dict(first="a red disk near a blue ring"), r"left of, right of, above, below"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        PromptExplorer(**settings)


@pytest.mark.parametrize(
    "size, params, flops",
    [((32, 12, 768, 512), (87_849_216, 63_428_096), 14.78), ((14, 24, 1024, 768), (303_966_208, 123_650_304), 175.33)],
)
def test_the_published_towers_have_their_published_size(size, params, flops):
    patch, layers, width, text = size
    with torch.device("meta"):
        picture = cost_table(VisionTransformer(patch, layers, width, text), (1, 3, 224, 224))
        words = cost_table(TextTransformer(text, text), torch.zeros(1, 77, dtype=torch.int64))
    assert (picture.total.params, words.total.params) == params
    assert 2 * (picture.total.macs + words.total.macs) / 1e9 == pytest.approx(flops, abs=0.02)


def test_the_sum_by_hand_is_the_codes():
    known = room(16).run("imports", "hand-code")
    said = next(cell["source"] for cell in room(16).cells if cell["id"] == "hand-head")
    assert (
        re.search(r"\(0\.103 \+ 0\.125\) / 2 = (0\.114)", said)[1]
        == f"{known['clip_loss'](5 * known['cosines']).item():.3f}"
    )
