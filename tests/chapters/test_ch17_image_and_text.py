"""Chapter 17: the captioner and its copy in the room, writing and watching, the joint, published sizes, the explorer, verdicts."""

import ast
import random

import pytest
import torch
from torch import nn

from helpers import data
from helpers.chapters.ch17_image_and_text import captioner, explorer, reader, real
from helpers.chapters.ch17_image_and_text.explorer import CaptionExplorer
from helpers.costs import cost_table
from helpers.course import claim, measured
from helpers.course.rooms import room
from helpers.training import train

WORDS = captioner.vocabulary()

ON_META = {"TextDecoder", "QFormer", "Llama"}  # published networks: with numbers they fill 29 GB


def body(source):
    """{class: what it does}, without its docstrings."""
    found = {}
    for each in ast.parse(source).body:
        if isinstance(each, ast.ClassDef):
            for node in ast.walk(each):
                if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                    node.body = node.body[1:]
            found[each.name] = ast.dump(each)
    return found


def test_the_notebook_and_the_room_have_one_captioner():
    sources = {cell["id"]: cell["source"] for cell in room(17).cells}
    shown = "\n\n".join(sources[id] for id in ("ch17-parts", "ch17-captioner"))
    kept = body((captioner.HERE / "captioner.py").read_text(encoding="utf-8"))
    assert body(shown) == {name: kept[name] for name in ("Eye", "Block", "Captioner")}


def test_no_word_sees_a_later_one_and_each_sees_the_picture():
    torch.manual_seed(0)
    net = captioner.Captioner(len(WORDS)).eval()
    images, text = torch.rand(2, 3, 24, 24), torch.randint(3, len(WORDS), (2, 6))
    before, changed = net(images, text), text.clone()
    changed[:, 4] = 3
    after = net(images, changed)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-5) and not torch.allclose(before[:, 4], after[:, 4])
    other = net(images.flip(0), text)
    assert all(not torch.allclose(before[:, t], other[:, t], atol=1e-4) for t in range(6))


def test_what_is_watched_is_what_is_written():
    net, images = captioner.stored(), explorer.pictures().images
    written = captioner.write(net, images)
    for image, row in zip(images, written, strict=True):
        ids, looked, probabilities = captioner.watched(net, image)
        assert ids.tolist() == row[1 : 1 + len(ids)].tolist() and ids[-1] == 2
        assert looked.shape == (len(ids), 9) and torch.allclose(looked.sum(1), torch.ones(len(ids)), atol=1e-5)
        assert probabilities.argmax(1).tolist() == ids.tolist()


def test_the_stored_captioners_can_write_and_are_small(tmp_path):
    assert (captioner.HERE / "captioners.npz").stat().st_size < 300_000
    scenes = data.scenes(200, 4, (1, 2, 3))
    truths = [data.describe(scenes.things(i)) for i in range(200)]
    found = {}
    for habit in captioner.HABITS:
        said = [WORDS.decode(row) for row in captioner.write(captioner.stored(habit), scenes.images)]
        found[habit] = captioner.marks(said, truths)["exact"]
    assert found["even"] > 0.85 and 0.4 < found["habit"] < found["even"]
    captioner.store({"even": captioner.stored()}, tmp_path / "again.npz")
    with pytest.raises(ValueError, match="habit"):
        captioner.stored("odd")


def test_marks_count_words_at_their_place():
    truths = ["a red disk top-left , a blue ring top-right .", "a white cross bottom-left ."]
    said = ["a red disk top-left , a cyan ring bottom-right .", ""]
    assert captioner.marks(said, truths) == {"exact": 0, "colour": 1 / 3, "form": 2 / 3, "place": 1 / 3}
    assert captioner.marks(truths, truths) == dict.fromkeys(("exact", *captioner.SLOTS), 1)


def test_a_habit_leaves_every_form_as_often():
    pairs = captioner.pairs_with_habit("disk", "red", 0.9)
    assert torch.allclose(pairs.sum(0), torch.full((6,), 8.0)) and pairs[0, 0] == pytest.approx(7.2)
    assert torch.equal(pairs[:, 1:], torch.ones(8, 5))


def test_only_the_joint_learns():
    torch.manual_seed(0)
    mind = reader.Reader(len(WORDS)).requires_grad_(False)
    joined = reader.Joined(nn.Identity(), mind)
    before = {name: value.clone() for name, value in joined.state_dict().items()}
    text = WORDS.encode(["what form is red ? disk", "is there a plus ? yes"])[:, 1:]
    train(
        joined,
        (torch.randn(2, 9, 64), text),
        step=reader.answering(WORDS.number["?"]),
        epochs=2,
        batch_size=2,
        live=False,
    )
    moved = {name for name, value in joined.state_dict().items() if not torch.equal(value.cpu(), before[name])}
    assert moved == {"joint.weight", "joint.bias"}


def test_the_vectors_stand_before_the_words_as_words_do():
    torch.manual_seed(0)
    mind = reader.Reader(len(WORDS)).eval()
    text = WORDS.encode(["a red disk top-left . what form is red ? disk"])
    split = mind(text[:, 6:], before=mind.words(text[:, :6]))
    assert torch.allclose(split, mind(text)[:, 6:], atol=1e-5)


def test_the_blind_player_knows_the_questions_alone():
    asked = [("a ?", "x", "k"), ("a ?", "y", "k"), ("a ?", "y", "k"), ("b ?", "z", "k")]
    assert reader.best_blind(asked, [("a ?", "x", "k"), ("b ?", "x", "k"), ("c ?", "x", "k")]) == ["y", "z", ""]


def test_stories_answer_what_they_ask():
    things = [data.scenes(1, 0).things(0)]
    story = reader.stories(things, random.Random(0))[0]
    assert story.startswith(data.describe(things[0])) and story.count("?") == 4
    assert set(story.split()) <= set(WORDS.names)


def test_published_sizes():
    assert real.count(real.build(real.Llama)) == 13_015_864_320
    eye, decoder = real.vit(224, 16, 12, 12, 768, 3072), real.build(real.TextDecoder)
    layer = decoder.layers[0]
    read = real.count(layer.read) + real.count(layer.read_norm)
    look = real.count(layer.look) + real.count(layer.look_norm)
    alone = real.count(eye) + real.count(decoder)
    assert [round(each / 1e6) for each in (alone, alone + 12 * look, alone + 12 * read)] == [224, 252, 252]


# ---- the explorer


def test_contrast_changes_what_is_said_and_the_truth_stays():
    shown = CaptionExplorer(picture=2)
    clear, truth = shown.caption(), shown.truth()
    shown.hear("contrast", 20)
    shown.refresh()
    assert shown.caption() != clear and shown.truth() == truth
    shown.hear("word", 99)
    shown.refresh()
    assert shown.values["word"] == len(shown.watch()[0])


def test_it_shows_the_network_that_it_is_given():
    torch.manual_seed(1)
    fresh = captioner.Captioner(len(WORDS))
    shown = CaptionExplorer(fresh)
    assert shown.trained == "yours" and "the network you gave" in shown.fixed["frame"]
    assert shown.caption() != CaptionExplorer().caption()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(picture=0), "picture"),
        (dict(contrast=33), "contrast"),
        (dict(trained="yours"), "trained"),
        (dict(word=0), "word"),
        (dict(net=nn.Linear(2, 2)), "Captioner"),
        (dict(net=captioner.Captioner(7)), "vocabulary"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        CaptionExplorer(**given)


# ---- verdicts


@pytest.mark.parametrize(
    ("exact", "answers", "word"),
    [(0.95, 90.0, "holds under a condition"), (0.95, 40.0, "holds."), (0.3, 90.0, "is wrong")],
)
def test_m12_follows_from_what_was_found(exact, answers, word, capsys):
    names = dict(found={"exact": exact}, one_layer=[answers] * 3, baselines={"question only": [36.0]})
    room(17).run("ch17-m12", claim=claim, measured=measured, **names)
    assert f"M12 {word}" in capsys.readouterr().out


@pytest.mark.parametrize(("joins", "word"), [(True, "is wrong"), (False, "holds.")])
def test_m13_follows_from_what_was_found(joins, word, capsys):
    names = dict(all_here=5e11, costs={"MiniGPT-4, 32 words": 1.1e12}, sizes={"all": 14e9}, sees=True, joins=joins)
    room(17).run("ch17-m13", claim=claim, **names)
    assert f"M13 {word}" in capsys.readouterr().out


# ---- the published sizes of other chapters


def test_the_table_of_directions_says_what_the_other_chapters_count():
    from helpers.chapters.ch18_diffusion import real as diffusion
    from helpers.chapters.ch19_segment_anything import real as segmenting
    from helpers.chapters.ch20_nerf import published

    def total(network, *inputs):
        return cost_table(network, list(inputs)).total

    found = {
        "18": total(diffusion.build(diffusion.Denoiser), (1, 4, 64, 64), (1, 320), (1, 77, 768)),
        "19": total(segmenting.build(segmenting.ImageEncoder), (1, 3, 1024, 1024)),
    }
    counted = {number: (each.params, each.macs) for number, each in found.items()}
    counted["20"] = published.counted(published.NeRF, (1, 60), (1, 24))
    assert {row[0]: (row[3], row[4]) for row in real.COUNTED} == counted
