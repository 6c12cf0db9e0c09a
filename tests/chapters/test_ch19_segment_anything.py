"""Chapter 19: scenes and their masks, the decoder and its copy in the room, clicks, flood fill, the published size, the explorer, verdicts."""

import ast

import pytest
import torch
from torch import nn

from helpers.chapters.ch19_segment_anything import clicks, experiments, explorer, network, real, scenes
from helpers.chapters.ch19_segment_anything.explorer import SegmentExplorer
from helpers.costs import cost_table
from helpers.course import claim, measured
from helpers.course.rooms import room
from helpers.training import train

IMAGES, MASKS = scenes.nested(60, seed=4)
ON_META = {"ImageEncoder", "MaskDecoder"}  # published networks: with numbers they fill gigabytes


def body(source):
    """{class or function: what it does}, without docstrings."""
    found = {}
    for each in ast.parse(source).body:
        if isinstance(each, (ast.ClassDef, ast.FunctionDef)):
            for node in ast.walk(each):
                if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                    node.body = node.body[1:]
            found[each.name] = ast.dump(each).replace("Name(id='math', ", "Name(id='torch', ")
    return found


def shown(*ids):
    cells = {cell["id"]: cell["source"] for cell in room(19).cells}
    return body("\n".join(cells[f"ch19-{id}"] for id in ids))


def test_the_notebook_and_the_room_have_one_decoder_and_one_step():
    kept = body((network.HERE / "network.py").read_text(encoding="utf-8"))
    assert shown("twoway", "decoder") == {name: kept[name] for name in ("Attention", "TwoWay", "Decoder")}
    kept = body((network.HERE / "clicks.py").read_text(encoding="utf-8"))
    assert shown("step") == {name: kept[name] for name in ("mask_loss", "segmenting")}


# ---- scenes


def test_a_part_lies_in_its_whole_and_nothing_behind_the_small_shape_is_in_a_mask():
    whole, part, inner, small = MASKS.unbind(1)
    assert not (part & ~whole).any() and not (inner & ~part).any() and not (whole & small).any()
    assert whole.flatten(1).any(1).all() and small.flatten(1).any(1).all()
    again = scenes.nested(60, seed=4)
    assert torch.equal(again[0], IMAGES) and torch.equal(again[1], MASKS) and 0 <= IMAGES.min() and IMAGES.max() <= 1


def test_the_colour_changes_where_a_mask_ends():
    images, masks = scenes.nested(40, seed=6, noise=0.0)
    for picture, (whole, part, _, small) in zip(images, masks, strict=True):
        around = ~(whole | small)
        ring = whole & ~part
        if around.any() and ring.any():
            outer, inner = (picture[:, each].T.unique(dim=0) for each in (around, ring))
            assert len(outer) == len(inner) == 1 and (outer - inner).abs().max() >= 0.29


def test_only_clear_parts_are_called_ambiguous():
    which, meant, there, inner = scenes.ambiguous(MASKS)
    assert 10 < len(which) < 60 and there[:, :2].all()
    area = meant.sum((2, 3))
    assert (area[:, 1] < 0.75 * area[:, 0]).all() and not (inner & ~meant[:, 1]).any()
    assert torch.equal(inner[there[:, 2]], meant[there[:, 2], 2])


@pytest.mark.parametrize(
    ("given", "says"),
    [(dict(n=0), "n "), (dict(n=2, noise=2), "noise"), (dict(n=2, names=("disk",)), "KNOWN or UNSEEN")],
)
def test_wrong_scenes_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        scenes.nested(**given)


def test_clothes_and_digits_lie_in_their_masks():
    for images, masks in (scenes.clothes(5), scenes.written(5)):
        assert images.shape == (5, 3, 32, 32) and masks.shape == (5, 32, 32) and masks.dtype == torch.bool
        assert 0 <= images.min() and images.max() <= 1 and 0.02 < masks.float().mean() < 0.8


def test_flood_fill_stays_within_its_colour():
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, :, 4:12, 4:12], picture[:, :, 20:30, 20:30] = 1, 1
    square = torch.zeros(32, 32, dtype=torch.bool)
    square[4:12, 4:12] = True
    assert torch.equal(scenes.flood(picture, torch.tensor([[7.0, 8.0]]), 0.25)[0], square)
    assert scenes.flood(picture, torch.tensor([[7.0, 8.0]]), 2.0).all()
    pictures, digits = scenes.written(20)
    found = scenes.iou(scenes.flood(pictures, clicks.deepest(digits), scenes.LIMITS["digits"]), digits)
    assert found.mean() > 0.95
    assert scenes.best_limit(picture, torch.tensor([[7.0, 8.0]]), square[None], (0.25, 2.0)) == 0.25


def test_iou_by_hand():
    a, b = torch.tensor([[0, 1, 1, 0]]) > 0, torch.tensor([[0, 1, 1, 1]]) > 0
    assert scenes.iou(a, b).item() == pytest.approx(2 / 3) and scenes.iou(a & ~a, b & ~b) == 0


# ---- the network


@pytest.fixture(scope="module")
def net():
    return network.stored()


def test_each_prompt_gets_its_own_answer_whatever_stands_beside_it(net):
    points, kinds = torch.rand(6, 2, 2) * 31, torch.tensor([1, 0]).expand(6, 2)
    previous = torch.randn(6, 32, 32)
    with torch.no_grad():
        maps = net.encoder(IMAGES[:2])
        masks, quality = net.decoder(maps, points, kinds, previous)
        one = tuple(each[1:] for each in maps)
        alone, sure = net.decoder(one, points[4:5], kinds[4:5], previous[4:5])
        nothing, _ = net.decoder(one, points[4:5], kinds[4:5])
    assert masks.shape == (6, 4, 32, 32) and quality.shape == (6, 4) and 0 <= quality.min() and quality.max() <= 1
    assert torch.allclose(masks[4:5], alone, atol=1e-3) and torch.allclose(quality[4:5], sure, atol=1e-4)
    assert not torch.allclose(alone, nothing, atol=0.1)


def test_the_order_of_the_clicks_does_not_matter(net):
    points, kinds = torch.tensor([[[8.0, 9], [20, 22], [14, 3]]]), torch.tensor([[1, 0, 1]])
    with torch.no_grad():
        maps = net.encoder(IMAGES[:1])
        one, other = net.decoder(maps, points, kinds)[0], net.decoder(maps, points.flip(1), kinds.flip(1))[0]
    assert torch.allclose(one, other, atol=1e-3)


def test_the_stored_network_is_small_and_finds_more_by_three(net):
    assert (network.HERE / "sam.npz").stat().st_size < 400_000
    images, masks = scenes.nested(120, seed=999)
    which, meant, there, inner = scenes.ambiguous(masks)
    found, _ = clicks.one_click(net, images[which], clicks.deepest(inner))
    found = scenes.iou((found > 0)[:, None], meant[:, :, None])
    best, single = found[..., 1:].max(2).values[there].mean(), found[..., 0][there].mean()
    assert best > 0.5 and best > single + 0.1


def test_storing_keeps_it(net, tmp_path, monkeypatch):
    network.store(net, tmp_path / "sam.npz")
    monkeypatch.setattr(network, "HERE", tmp_path)
    again = network.stored().state_dict()
    for name, value in net.state_dict().items():
        assert torch.allclose(value.float(), again[name].float(), atol=0.02), name


# ---- prompts and training


def test_prompts_lie_where_they_should():
    draw = clicks.prompts(IMAGES, MASKS)
    seen = set()
    for seed in range(30):
        images, target, points, kinds, turns = draw(torch.Generator().manual_seed(seed))
        assert images.shape == (8, 3, 32, 32) and target.shape == (32, 32, 32) and (target.sum((1, 2)) >= 8).all()
        seen.add((points.shape[1], turns))
        if points.shape[1] == 1:
            assert clicks.on(target, points[:, 0]).all() and (kinds == 1).all()
        else:
            assert (points - clicks.corners(target)).abs().max() < 3 and kinds[0].tolist() == [2, 3]
    assert {turns for _, turns in seen} == {1, 2, 3} and {shape for shape, _ in seen} == {1, 2}


def test_the_deepest_pixel_and_the_box():
    region = torch.zeros(1, 32, 32, dtype=torch.bool)
    region[0, 10:19, 4:13] = True
    region[0, 0, 30] = True
    x, y = clicks.deepest(region)[0].tolist()
    assert (x, y) == (8, 14)
    region[0, 0, 30] = False
    assert clicks.corners(region)[0].tolist() == [[4, 10], [12, 18]]


def test_the_loss_is_nothing_for_the_mask_itself_and_takes_each_mask_by_itself():
    target = MASKS[:3, 0]
    scores = torch.stack([torch.where(target, 20.0, -20.0), torch.where(target, -20.0, 20.0)], 1)
    loss = clicks.mask_loss(scores, target)
    assert loss.shape == (3, 2) and loss[:, 0].max() < 1e-3 and loss[:, 1].min() > 1


def test_only_the_best_of_the_three_is_moved():
    torch.manual_seed(0)
    fresh, draw = network.Sam(), clicks.prompts(IMAGES, MASKS, pictures=1, per=1, rounds=1)
    for seed in range(20):
        batch = draw(torch.Generator().manual_seed(seed))
        fresh.zero_grad(set_to_none=False)
        clicks.segmenting(fresh, batch)[0].backward()
        moved = [fresh.decoder.heads[i][2].weight.grad for i in range(4)]
        moved = [each is not None and each.abs().max().item() > 0 for each in moved]
        assert moved[0] and sum(moved[1:]) == (1 if batch[2].shape[1] == 1 else 0)


def test_it_trains_and_a_click_more_is_given_in_the_error(net):
    torch.manual_seed(0)
    fresh = network.Sam()
    run = train(fresh, clicks.prompts(IMAGES, MASKS), step=clicks.segmenting, steps=3, lr=3e-3, live=False)
    assert len(run.losses) == 3 and "three" in run.rows[0]
    with torch.no_grad():
        maps = net.encoder(IMAGES[:9])
    after = clicks.after_clicks(net, maps, MASKS[:9, 3], 4)
    assert after.shape == (4, 9) and after[3].mean() > after[1].mean() - 0.05
    assert clicks.from_boxes(net, maps, MASKS[:9, 3]).shape == (9,)


def test_the_experiments_train_as_the_notebook_does():
    source = {cell["id"]: cell["source"] for cell in room(19).cells}["ch19-train"]
    assert f"steps={experiments.STEPS}," in source and "lr=3e-3" in source and experiments.RATE == 3e-3
    rows = (network.HERE / "experiments" / "clicks_and_boxes_seed_by_seed.md").read_text(encoding="utf-8").splitlines()
    for name, limit in scenes.LIMITS.items():
        assert any(row.startswith(f"| {name} |") and row.endswith(f"| {limit} |") for row in rows), name


def test_published_size():
    encoder, decoder = real.build(real.ImageEncoder), real.build(real.MaskDecoder)
    assert real.count(encoder) + real.count(decoder) == 641_090_608
    kinds = torch.ones(1, 3, dtype=torch.int64)
    table = cost_table(decoder, [(1, 256, 64, 64), (1, 3, 2), kinds, (1, 1, 256, 256)])
    assert table.uncounted == [] and table.rows[-1].out_shape is not None
    # one block without windows, by hand: qkv, products, relative places, projection, MLP
    T, D = 64 * 64, 1280
    block = cost_table(real.build(lambda: real.Block(D, 16, 64)), [(1, 64, 64, D)]).total.macs
    assert block == T * 4 * D * D + 2 * T * T * D + 2 * T * 64 * D + 2 * T * D * 4 * D


# ---- the explorer


def test_clicks_are_moved_added_and_taken_away():
    it = SegmentExplorer()
    first = it.masks()[0]
    it.hear("x", 0.99)
    it.hear("y", 0.01)
    it.refresh()
    assert it.clicks == [[31, 0, 1]] and not torch.equal(first, it.masks()[0])
    it.hear("do", "error")
    it.refresh()
    x, y, kind = it.clicks[-1]
    assert len(it.clicks) == 2 and kind == int(it.truth()[y, x])
    it.hear("do", "minus")
    assert it.clicks[-1] == [16, 16, 0]
    for _ in range(20):
        it.hear("do", "plus")
    assert len(it.clicks) == explorer.MOST
    it.hear("do", "undo")
    assert len(it.clicks) == explorer.MOST - 1
    it.hear("do", "clear")
    it.refresh()
    assert it.clicks == [] and it.masks() == (None, None) and not it.answer().any() and "No click" in it.parts["cards"]
    it.hear("column", 7)
    assert it.clicks == [[7, 16, 1]]


def test_clicks_in_the_error_mend_the_mask():
    gains = []
    for name in explorer.SCENES:
        it = SegmentExplorer(picture=name, meant="whole")
        it.hear("take", 0)
        before = scenes.iou(it.answer(), it.truth()).item()
        for _ in range(5):
            it.hear("do", "error")
        gains.append(scenes.iou(it.answer(), it.truth()).item() - before)
    assert sum(gains) / len(gains) > 0.1


def test_the_mask_that_was_taken_is_the_one_that_is_mended():
    it = SegmentExplorer()
    ways = []
    for which in (1, 2, 3):
        it.hear("do", "clear")
        it.hear("do", "plus")
        it.hear("take", which)
        assert torch.equal(it.answer(), it.masks()[0][which] > 0)
        it.hear("do", "minus")
        it.hear("column", 2)
        ways.append(it.masks()[0][0])
    assert not torch.allclose(ways[0], ways[1]) or not torch.allclose(ways[1], ways[2])


def test_a_photograph_has_no_truth_and_the_network_given_is_used():
    torch.manual_seed(0)
    fresh = network.Sam()
    it = SegmentExplorer(fresh, picture="cat", clicks=[(5, 6, 1)])
    assert it.truth() is None and "true IoU" not in it.parts["cards"] and it.fixed["meant"] == "no true mask"
    assert it.net is fresh and it.clicks == [[5, 6, 1]]
    it.gallery.choose("coffee")
    it.refresh()
    assert it.clicks == [[16, 16, 1]]


def test_the_multiply_adds_it_names(net):
    maps = [(1, 48, 8, 8), (1, 24, 16, 16), (1, 24, 32, 32)]
    one = torch.ones(1, 1, dtype=torch.int64)
    assert cost_table(net.encoder, [(1, 3, 32, 32)]).total.macs == pytest.approx(explorer.ENCODER * 1e6, rel=0.01)
    assert cost_table(net.decoder, [maps, (1, 1, 2), one]).total.macs == pytest.approx(explorer.DECODER * 1e6, rel=0.01)


def test_an_outline_runs_around_every_pixel_of_the_border():
    mask = torch.zeros(32, 32, dtype=torch.bool)
    mask[3, 4] = True
    assert explorer.outline(mask).count("M") == 4
    mask[:] = True
    assert explorer.outline(mask).count("M") == 4 * 32


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(net=nn.Linear(2, 2)), "Sam"),
        (dict(meant="door"), "meant"),
        (dict(clicks=[(1, 2)]), "column, row, kind"),
        (dict(clicks=[(1, 40, 1)]), "row"),
        (dict(clicks=[(1, 2, 1)] * 9), "at most 8"),
        (dict(picture="scene 99"), "picture"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        SegmentExplorer(**given)


# ---- verdicts


class Asked:
    def __init__(self, macs):
        self.total = type("Total", (), {"macs": macs})


@pytest.mark.parametrize(
    ("best", "ratio", "word"),
    [
        ([0.7, 0.6, 0.6], 1646, "holds under a condition"),
        ([0.7, 0.6, 0.6], 3, "holds."),
        ([0.3, 0.5, 0.3], 1646, "is wrong"),
    ],
)
def test_m8_follows_from_what_was_found(best, ratio, word, capsys):
    names = dict(best=best, single=[0.3, 0.55, 0.36], levels=lambda x: x, boxes={"scenes": 0.55}, ratio=ratio)
    room(19).run("ch19-m8", claim=claim, measured=measured, asked=Asked(1.8e9), read=Asked(2.98e12), **names)
    assert f"M8 {word}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("score", "fill", "word"), [(0.6, 0.7, "is wrong"), (0.95, 0.7, "holds."), (0.95, 0.99, "is wrong")]
)
def test_m9_follows_from_what_was_found(score, fill, word, capsys):
    kinds = dict.fromkeys("abcde")
    names = dict(kinds=kinds, curves=dict.fromkeys(kinds, torch.full((6,), score)), fills=dict.fromkeys(kinds, fill))
    room(19).run("ch19-m9", claim=claim, measured=measured, **names)
    assert f"M9 {word}" in capsys.readouterr().out
