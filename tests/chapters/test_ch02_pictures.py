"""The regions of energy that chapter 02 draws on the cat."""

import pytest
import torch

from helpers.chapters.ch02_seeing_further.pictures import smallest_region, smooth


def test_the_smallest_region_takes_the_largest_values_first():
    energy = torch.tensor([[8.0, 1, 0], [4, 2, 0], [0, 1, 0]])  # 16 in all
    assert smallest_region(energy, 0.5) == (8.0, 1.0)
    level, side = smallest_region(energy, 0.75)
    assert level == 4.0 and side == pytest.approx(2**0.5)


def test_smoothing_keeps_a_level_area():
    assert torch.allclose(smooth(torch.full((9, 11), 2.0)), torch.full((9, 11), 2.0))
