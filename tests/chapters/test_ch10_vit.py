"""What chapter 10's room computes beside the explorer: local attention, changed digits, looks into a ViT, small claims."""

import pytest
import torch

from helpers import data
from helpers.chapters.ch10_vit import changed, local, looks
from helpers.chapters.ch10_vit.tables import Slips
from helpers.course.claims import claims
from helpers.models.vit import EncoderBlock, ViT

ARGUMENTS = {"show_tiny": dict(image=torch.rand(4, 4), weight=torch.rand(2, 4))}  # for test_arguments.py


def small_vit(**others):
    torch.manual_seed(0)
    return ViT(8, 2, 2, 4, 32, 64, 10, in_channels=1, **others).eval()


def test_neighbours_and_windows_are_attention_to_these_places_only():
    q, k, v = torch.randn(3, 1, 36, 8)
    near = [row * 6 + column for row in (1, 2, 3) for column in (2, 3, 4)]
    place = 2 * 6 + 3
    expected = (q[0, place] @ k[0, near].T / 8**0.5).softmax(0) @ v[0, near]
    assert torch.allclose(local.neighbours(q, k, v, 6, 3)[0, place], expected, atol=1e-5)
    window = [row * 6 + column for row in (0, 1, 2) for column in (3, 4, 5)]
    expected = (q[0, place] @ k[0, window].T / 8**0.5).softmax(0) @ v[0, window]
    assert torch.allclose(local.windows(q, k, v, 6, 3)[0, place], expected, atol=1e-5)
    assert torch.allclose(local.windows(q, k, v, 6, 6), local.everywhere(q, k, v), atol=1e-5)


def test_mixed_patches_come_back_and_a_vit_whose_positions_move_along_answers_the_same():
    images = data.digits().images[:20]
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(changed.mixed(changed.mixed(images, order), order.argsort()), images)
    net = small_vit()
    torch.nn.init.normal_(net.heads.head.weight)
    assert looks.change_by_moving(net, images, order) < 1e-4
    assert not torch.allclose(net(changed.mixed(images, order)), net(images), atol=1e-3)


def test_the_pool_holds_the_labelled_images_as_half_of_all_and_each_other_once():
    digits = data.digits()
    few = digits.subset(100, 0)
    images, labels = changed.with_pool(few, digits)
    assert (labels == -100).sum() == 1252 and len(images) == 1252 + 1200
    assert torch.equal(labels[:100], few.labels)


def test_blanked_keeps_the_first_patches_of_the_order():
    some = data.digits(train=False).subset(10)
    order = torch.arange(16).expand(10, 16)
    kept = changed.blanked(some, order, 4).images
    assert torch.equal(kept[:, :, :2], some.images[:, :, :2]) and not kept[:, :, 2:].any()


def test_what_is_kept_for_the_backward_pass_grows_with_the_square():
    every, squares = looks.kept_for_backward(EncoderBlock(4, 32, 64), 50)
    more, larger = looks.kept_for_backward(EncoderBlock(4, 32, 64), 100)
    assert larger == 4 * squares and squares % (4 * 50 * 50 * 4) == 0 and every < more < 4 * every


def test_answering_from_all_patches_in_any_order_is_the_usual_answer():
    net, images = small_vit(), data.digits().images[:5]
    torch.nn.init.normal_(net.heads.head.weight)
    order = torch.randperm(16).expand(5, 16)
    assert torch.allclose(looks.answer_from(net, images, order), net(images), atol=1e-4)


def test_the_nearest_known_example_names_the_others():
    features = torch.eye(3).repeat_interleave(4, 0)
    assert looks.nearest(features, 3).tolist() == [100.0] * 4


def test_small_claims_are_shown_as_one_table_and_their_verdicts_can_turn(capsys):
    slips = Slips()
    slips.claim("J14", "both were.", holds=False)
    slips.claim("J17", "no lead at all.", holds=False)
    slips.show()
    out = capsys.readouterr().out
    assert "J14 is wrong." in out and "J17 is wrong." in out
    assert "(The chapter found that it holds under a condition.)" in out and claims()["J17"].verdict == "condition"
    with pytest.raises(KeyError):
        slips.claim("Z1", "x", holds=True)
