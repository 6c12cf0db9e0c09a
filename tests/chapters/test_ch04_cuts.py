"""The forty spots of chapter 04, and the probe."""

import torch

from helpers.chapters.ch04_vgg.cuts import SPOTS, cuts, pixels, probe


def test_cuts_are_the_same_for_a_seed_and_differ_within_a_spot():
    images, labels = cuts(2, seed=3)
    assert images.shape == (2 * SPOTS, 3, 96, 96) and 0 <= images.min() and images.max() <= 1
    assert labels.tolist() == [spot for spot in range(SPOTS) for _ in range(2)]
    assert torch.equal(images, cuts(2, seed=3)[0]) and not torch.equal(images[0], images[1])
    assert pixels(images).shape == (2 * SPOTS, 768)


def test_a_probe_finds_what_a_line_separates():
    points = torch.tensor([[0.0, 0], [0.2, 0.1], [3, 3], [3.1, 2.8]])
    assert probe(points, torch.tensor([0, 0, 1, 1]), torch.tensor([[0.1, -0.3], [2.5, 3]])).tolist() == [0, 1]
