"""Figures, by their data: what stands on the axes; and the words that go with every picture."""

import base64
import io
import math

import matplotlib.image
import numpy as np
import pytest
import torch
from PIL import Image

from helpers import plots


def decoded(data):
    return matplotlib.image.imread(io.BytesIO(base64.b64decode(data)), format="png")


def test_a_figure_carries_its_words_twice():
    fig, _ = plots.figure()
    data, metadata = plots.bundle(fig, "A  line\n that rises.")
    assert data["text/plain"] == metadata["image/png"]["alt"] == "A line that rises."
    assert decoded(data["image/png"]).shape[2] == 4


@pytest.mark.parametrize("alt", ["", "   ", None, 3, [], b"x"])
def test_no_figure_without_words(alt):
    with pytest.raises(ValueError, match="alt"):
        plots.show(plots.figure()[0], alt)


def test_background_is_white_on_every_theme():
    picture = decoded(plots.bundle(plots.figure()[0], "empty axes")[0]["image/png"])
    assert np.all(picture[0, 0] == 1)


@pytest.mark.parametrize("shape, drawn", [((3, 4, 5), (4, 5, 3)), ((1, 4, 5), (4, 5)), ((4, 5), (4, 5))])
def test_to_array_moves_the_channels(shape, drawn):
    image = torch.rand(shape, requires_grad=True)
    assert plots.to_array(image).shape == drawn
    np.testing.assert_array_equal(plots.to_array(image).ravel()[:1], image.detach().numpy().ravel()[:1])


def test_to_array_names_a_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(2, 4, 5\)"):
        plots.to_array(torch.zeros(2, 4, 5))


def test_signed_image_is_symmetric_about_zero():
    _, ax = plots.figure()
    plots.draw_image(ax, torch.tensor([[-1.0, 0.5]]), signed=True)
    assert ax.images[0].get_clim() == (-1, 1)


def test_numbers_are_written_into_their_cells():
    _, ax = plots.figure()
    plots.draw_numbers(ax, torch.tensor([[1.0, -2], [0, 4]]), mark=[(1, 0)])
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "1",
        (1, 0): "-2",
        (0, 1): "0",
        (1, 1): "4",
    }
    assert ax.patches[0].get_xy() == (-0.5, 0.5)


def test_bars_have_their_lengths_and_room_for_their_words():
    _, ax = plots.figure()
    plots.draw_bars(ax, ["a", "b"], [2, 5], fmt="{:.0f} M", spread=[(1, 3), (5, 8)])
    assert [bar.get_width() for bar in ax.patches] == [2, 5]
    assert [text.get_text() for text in ax.texts] == ["2 M", "5 M"]
    assert ax.get_xlim()[1] > 8 and ax.get_ylim()[0] > ax.get_ylim()[1]


def test_losses_are_smoothed_by_the_mean_around():
    _, ax = plots.figure()
    losses = np.arange(100.0)
    plots.draw_losses(ax, losses)
    raw, smooth = ax.lines
    np.testing.assert_array_equal(raw.get_ydata(), losses)
    np.testing.assert_allclose(smooth.get_ydata(), np.interp(smooth.get_xdata(), raw.get_xdata(), losses))


def test_accuracies_are_percent():
    _, ax = plots.figure()
    plots.draw_accuracies(ax, [{"epoch": 1, "train": 0.5, "test": 0.25}, {"epoch": 2, "train": 0.75, "test": 0.5}])
    assert [list(line.get_ydata()) for line in ax.lines] == [[50, 75], [25, 50]]


def test_colours_differ_for_every_kind_of_colour_vision():
    """Machado et al. 2009, severity 1: the palette's colours stay apart for the three kinds of dichromats."""
    kinds = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    colours = np.array([matplotlib.colors.to_rgb(c) for c in plots.COLOURS[:5]]) ** 2.2
    for matrix in kinds.values():
        seen = (colours @ np.array(matrix).T).clip(0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(5)
        assert apart.min() > 0.25


def test_draw_seeds_draws_the_mean_and_the_range():
    _, ax = plots.figure()
    plots.draw_seeds(ax, [1, 2, 5], [[1.0, 2.0, 3.0], [3.0, 2.0, 9.0]], "net")
    assert ax.lines[0].get_xydata().tolist() == [[1, 2], [2, 2], [5, 6]]
    low_high = {(x, y) for x, y in ax.collections[0].get_paths()[0].vertices.tolist()}
    assert low_high == {(1, 1), (1, 3), (2, 2), (5, 3), (5, 9)}


def test_draw_seeds_asks_for_a_row_a_seed():
    _, ax = plots.figure()
    with pytest.raises(ValueError, match=r"runs \(shape \(3,\)\) must be \(seeds, 3\)"):
        plots.draw_seeds(ax, [1, 2, 5], [1.0, 2.0, 3.0])


def test_regions_have_colours_numbers_and_borders():
    """Two rows of three cells: 0 0 1 above 0 2 1. Borders stand where neighbours differ, and nowhere else."""
    _, ax = plots.figure()
    plots.draw_regions(
        ax, torch.tensor([[0, 0, 1], [0, 2, 1]]), "cut", numbers=torch.arange(6).view(2, 3), image=torch.rand(3, 8, 12)
    )
    photo, cells = (drawn.get_array() for drawn in ax.images)
    assert photo.shape == (8, 12, 3) and cells.shape == (2, 3, 3)
    assert all(drawn.get_extent() == [-0.5, 2.5, 1.5, -0.5] for drawn in ax.images)
    assert len({tuple(cells[0, 0]), tuple(cells[0, 2]), tuple(cells[1, 1])}) == 3
    assert np.array_equal(cells[0, 0], cells[1, 0]) and np.array_equal(cells[0, 2], cells[1, 2])
    assert {text.get_position(): text.get_text() for text in ax.texts}[2, 1] == "5"
    borders = {tuple(map(tuple, line)) for line in ax.collections[0].get_segments()}
    assert borders == {
        ((0.5, 0.5), (1.5, 0.5)),
        ((1.5, -0.5), (1.5, 0.5)),
        ((0.5, 0.5), (0.5, 1.5)),
        ((1.5, 0.5), (1.5, 1.5)),
    }


def charts():
    fig, ax = plots.figure()
    ax.plot(np.sin(np.arange(100) / 9), label="sine")
    ax.legend()
    other, ax = plots.figure()
    plots.draw_image(ax, np.random.default_rng(0).normal(size=(28, 28)), "signed", signed=True)
    return [fig, other]


@pytest.mark.parametrize("fig", charts(), ids=["lines", "heat map"])
def test_a_level_drawn_otherwise_changes_the_picture_there_alone(fig):
    """As on another machine: every hundredth pixel is one level darker."""
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", dpi=80)
    one = Image.open(drawn).convert("RGB")
    pixels = np.asarray(one).copy()
    there = np.random.default_rng(0).random(pixels.shape[:2]) < 0.01
    pixels[there] = np.maximum(pixels[there], 1) - 1
    found, other = (
        np.asarray(plots.few_colours(each).convert("RGB")).astype(int) for each in (one, Image.fromarray(pixels))
    )
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(found - np.asarray(one)).max() <= 4, "and it is the picture that was drawn"
    changed = (found != other).any(2)
    assert not changed[~there].any() and changed.sum() < there.sum() / 3


def test_a_photograph_keeps_its_colours():
    y, x = np.mgrid[:200, :200]
    photo = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    few = plots.few_colours(Image.fromarray(photo)).convert("RGB")
    assert len(few.getcolors(1 << 16)) == 256 and np.abs(np.asarray(few).astype(int) - photo).mean() < 8


def test_the_same_picture_gives_the_same_bytes():
    assert [plots.png(fig) for fig in charts()] == [plots.png(fig) for fig in charts()]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("draw", [plots.draw_losses, plots.draw_seeds])
def test_lines_leave_a_gap_where_a_number_is_not_finite(draw, bad):
    """A training that blew up must still be shown."""
    fig, ax = plots.figure()
    losses = [3.0, 2.0, bad, 1.0]
    draw(ax, losses) if draw is plots.draw_losses else draw(ax, [1, 2, 3, 4], [losses, losses])
    assert plots.png(fig).startswith(b"\x89PNG")
    assert [y for y in ax.lines[0].get_ydata() if math.isfinite(y)] == [3.0, 2.0, 1.0]


def test_dots_stand_in_a_row_for_each_group():
    _, ax = plots.figure()
    plots.draw_dots(ax, {"MLP": ([80, 81.5], plots.BLUE), "CNN": (torch.tensor([83.0]), plots.ORANGE)}, "accuracy")
    dots = [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "o"]
    assert dots == [[[80, 0], [81.5, 0]], [[83, 1]]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["MLP", "CNN"]
    for bad in ({}, [1, 2]):
        with pytest.raises(ValueError, match=r"groups \(=.*\) must be \{name: \(values, colour\)\}"):
            plots.draw_dots(ax, bad)
