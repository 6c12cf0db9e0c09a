"""What chapter 09 measures with: the race, the small tasks, and claims that can turn."""

import pytest
import torch
import torch.nn.functional as F

from helpers import data
from helpers.chapters.ch09_attention import race, tasks
from helpers.course.exercises.engine import diagnose
from helpers.course.rooms import room

LEFT = {"made_heads": "parts of the explorer, which checks"}  # for test_arguments.py


@pytest.fixture(scope="module")
def known():
    torch.manual_seed(0)
    return room(9).run("imports", "heads-code", "block-code", "lm-code", "cache-code", device=torch.device("cpu"))


def test_the_notebooks_heads_equal_torchs_and_see_no_future(known):
    theirs, ours = torch.nn.MultiheadAttention(12, 3, batch_first=True), known["MultiHead"](12, 3)
    ours.qkv.load_state_dict({"weight": theirs.in_proj_weight, "bias": theirs.in_proj_bias})
    ours.out.load_state_dict(theirs.out_proj.state_dict())
    x = torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])
    changed = x.clone()
    changed[:, 4:] += 1
    torch.testing.assert_close(ours(changed, causal=True)[:, :4], ours(x, causal=True)[:, :4])


def test_the_cache_gives_the_same_scores(known):
    model, ids = known["LanguageModel"](11, T=9, D=8, heads=2).eval(), torch.randint(11, (1, 9))
    cache = [[] for _ in model.blocks]
    stepwise = torch.cat([known["one_more"](model, each, cache) for each in ids.split(1, dim=1)], 1)
    torch.testing.assert_close(stepwise, model(ids))


def test_the_race_is_between_equals():
    sizes = {kind: race.parameters(kind) for kind in race.WIDTHS if kind != "attention + places"}
    assert max(sizes.values()) - min(sizes.values()) < 110
    places = race.parameters("attention + places") - sizes["attention"]
    assert places == 41 * 32


def test_who_cannot_see_the_symbol_does_not_learn_it_and_who_can_does():
    assert race.learn("CNN, field 9", "20 blanks", 0.01, 0, most=40)[1] is None
    model, steps = race.learn("attention", "20 blanks", 0.01, 0)
    assert steps <= 100 and race.look(model, 50)[1] == 8


def test_order_names_the_first_of_two():
    x, y = race.order(50, torch.Generator().manual_seed(0))
    assert x.shape == (50, 7) and (x[:, -1] == 8).all() and ((x < 8).sum(1) == 2).all()
    first = x.gather(1, (x < 8).int().argmax(1, keepdim=True))[:, 0]
    assert torch.equal(first, y)


def test_a_moved_patch_weighs_the_same_only_without_places():
    cat = data.photograph("cat", 168)
    _, alone = tasks.moved_weights(cat, ("colour",), 89)
    _, placed = tasks.moved_weights(cat, ("colour", "place"), 89)
    assert alone.min() / alone.max() > 0.999 and placed.min() / placed.max() < 0.01


def test_a_table_of_distances_answers_mirrored_and_one_of_offsets_does_not():
    x = torch.randint(8, (3, 17))
    for kind, alike in (("distance", True), ("relative", False)):
        model = tasks.Placed(kind)
        torch.nn.init.normal_(model.table)
        assert torch.allclose(model(x.flip(1)).flip(1), model(x), atol=1e-4) == alike


def test_the_colleagues_attention_has_all_three_mistakes():
    verdict = diagnose("causal_heads", tasks.colleagues_heads)
    assert not verdict and verdict.message.startswith("all three are still there")


def test_the_probe_turns_on_an_attention_without_softmax():
    names = {"torch": torch, "F": F}
    names |= {name: torch.randn(rows, 8) for name, rows in (("Q", 5), ("K", 7))} | {"V": torch.randn(7, 3)}
    names["claim"] = lambda *_, holds, **__: None
    probe = room(9).run("i1-rows", **names)["probe"]
    assert all(probe(F.scaled_dot_product_attention).values())
    assert not probe(lambda Q, K, V: (Q @ K.T).sigmoid() @ V)["sum to 1, above 0"]
