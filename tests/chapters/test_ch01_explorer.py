"""The convolution explorer as the kernel knows it: its kernels, its output, what it takes and what it refuses."""

import json

import numpy as np
import pytest
import torch

from helpers.chapters.ch01_convolution import explorer as convolution
from helpers.chapters.ch01_convolution.explorer import PRESETS, ConvolutionExplorer, preset

STEP = [[0.0, 0.0, 1.0, 1.0]] * 4
ARGUMENTS = {"sealed": dict(x=torch.rand(5, 6))}  # for test_arguments.py


@pytest.mark.parametrize(
    "name, three",
    [
        ("vertical edges", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        ("horizontal edges", [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ("blur", [[1 / 9] * 3] * 3),
    ],
)
def test_the_three_by_three_presets_are_the_textbooks(name, three):
    assert preset(name, 3).tolist() == three
    assert name in PRESETS


@pytest.mark.parametrize("size", range(1, 8))
def test_presets_keep_their_sum_at_every_size(size):
    sums = {name: preset(name, size).sum() for name in PRESETS}
    assert all(preset(name, size).shape == (size, size) for name in PRESETS)
    assert [sums[name] for name in ("blur", "sharpen", "identity", "emboss")] == pytest.approx([1] * 4)
    assert sums["vertical edges"] == sums["horizontal edges"] == (1 if size == 1 else 0)


def test_the_output_is_the_sum_worked_by_hand():
    explorer = ConvolutionExplorer(STEP, padding=0)
    assert explorer.output().tolist() == [[3.0, 3.0]] * 2
    explorer.padding = 1
    # Beyond the right border there are zeros: 3·0 − 3·1 in the middle rows, two of three rows at the corners.
    assert explorer.output()[:, 3].tolist() == [-2.0, -3.0, -3.0, -2.0]
    explorer.padding_mode = "replicate"
    assert explorer.output()[:, 3].tolist() == [0.0] * 4
    explorer.stride, explorer.dilation, explorer.padding = 2, 2, 2
    assert explorer.output().shape == (2, 2)


def test_it_takes_tensors_arrays_names_and_dicts():
    assert ConvolutionExplorer(torch.ones(1, 5, 6)).image().shape == (5, 6)
    assert ConvolutionExplorer({"one": np.ones((3, 3)), "two": np.zeros((4, 4))}).picture == "one"
    assert ConvolutionExplorer("paint").image().shape == (8, 8)
    learnt = {"filter 0": torch.full((5, 5), 0.04, dtype=torch.float64)}
    explorer = ConvolutionExplorer(STEP, kernel="filter 0", kernels=learnt, padding=2)
    assert explorer.kernel == [[0.04] * 5] * 5 and "Kernel: filter 0, 5 x 5" in explorer.alt
    explorer.kernel = torch.eye(3)
    assert explorer.kernel == [[1, 0, 0], [0, 1, 0], [0, 0, 1]] and "Kernel: own numbers, 3 x 3" in explorer.alt


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(image=np.ones((5, 8, 8))), r"must be one of digit .*, an array \(H, W\), or a picture: picture \(shape"),
        (dict(image=np.ones((65, 4))), r"image \(65 x 4\) has too many cells"),
        (dict(image=[[np.inf]]), "image must hold finite numbers"),
        (dict(image="dog"), r"image \(='dog'\) must be one of digit"),
        (dict(image={}), "at least one picture"),
        (dict(image=STEP, kernel=np.ones((2, 3))), r"kernel \(2 x 3\) must be K x K"),
        (dict(image=STEP, kernel=np.ones((8, 8))), "K from 1 to 7"),
        (dict(image=STEP, kernel="edge"), r"kernel \(='edge'\) must be one of vertical edges"),
        (dict(image=STEP, kernels={"a": np.ones((1, 2))}), r"kernels\['a'\] \(1 x 2\)"),
        (dict(image=STEP, kernel_size=8), r"kernel_size \(=8\)"),
        (dict(image=STEP, stride=0), r"stride \(=0\) must be a whole number from 1 to 4"),
        (dict(image=STEP, padding=4), r"padding \(=4\)"),
        (dict(image=STEP, dilation=1.5), r"dilation \(=1.5\)"),
        (dict(image=STEP, padding_mode="constant"), r"padding_mode \(='constant'\) must be one of zeros, reflect"),
        (dict(image=STEP, point=("left", 0, 0)), r"point \(=\['left', 0, 0\]\)"),
    ],
)
def test_the_callers_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionExplorer(**settings)


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            dict(kernel_size=7, padding=1),
            r"kernel spans 7 pixels .* input of 4 \+ 2·1 = 6: take a smaller kernel or more padding",
        ),
        (dict(kernel_size=3, dilation=3), r"spans 7 = 3·\(3 − 1\) \+ 1 pixels .* less dilation"),
        (
            dict(image=np.ones((3, 9)), padding=3, padding_mode="reflect"),
            r"padding \(3\) must be smaller than the input \(3\)",
        ),
        (
            dict(image=np.ones((9, 2)), padding=3, padding_mode="circular"),
            r"padding \(3\) must not exceed the input \(2\)",
        ),
    ],
)
def test_impossible_settings_are_shown_and_say_why(settings, message):
    explorer = ConvolutionExplorer(**{"image": STEP, **settings})
    with pytest.raises(ValueError, match=message):
        explorer.output()
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"].endswith("These settings have no output.") and data["image/png"]


def test_every_setting_is_impossible_exactly_where_torch_refuses_it():
    found = set()
    for size in (1, 2, 3, 4, 7):
        for K in range(1, 8):
            for padding in range(4):
                for mode in convolution.PADDING_MODES:
                    for dilation in (1, 2, 3):
                        try:
                            layer = torch.nn.Conv2d(1, 1, K, padding=padding, padding_mode=mode, dilation=dilation)
                            possible = layer(torch.zeros(1, 1, size, size)).numel() > 0
                        except RuntimeError:
                            possible = False
                        assert possible == (convolution.problem(size, size, K, padding, mode, dilation) == ""), (
                            size,
                            K,
                            padding,
                            mode,
                            dilation,
                        )
                        found.add(possible)
    assert found == {True, False}


def test_its_sentence():
    assert (
        repr(ConvolutionExplorer(STEP)) == "Convolution explorer. Input: image, 4 x 4. Kernel: vertical edges, 3 x 3. "
        "Stride 1, padding 1 (zeros). Output: 4 x 4."
    )


def test_its_state_is_plain_and_small_enough_for_a_notebook():
    state = ConvolutionExplorer().get_state()
    assert len(json.dumps(state, allow_nan=False)) < 100_000


def test_its_pictures_have_numbers_that_can_be_added_by_hand():
    pictures = ConvolutionExplorer().pictures
    digit = np.array(next(iter(pictures.values())))
    assert digit.shape == (8, 8) and np.array_equal(digit, digit.round(1)) and digit.max() > 0.5
    for rows in pictures.values():
        image = np.array(rows)
        assert np.array_equal(image, image.round(2)) and 0 <= image.min() and image.max() <= 1


@pytest.mark.parametrize("error", [FileNotFoundError, ValueError])
def test_without_data_it_still_offers_a_digit(monkeypatch, error):
    import helpers.data

    def missing(*args, **kwargs):
        raise error("the file is missing")

    for name in ("digits", "photograph", "fashion_mnist"):
        monkeypatch.setattr(helpers.data, name, missing)
    monkeypatch.setattr(convolution, "samples", convolution.samples.__wrapped__)
    explorer = ConvolutionExplorer()
    assert list(explorer.pictures) == ["digit 7"] and explorer.output().shape == (8, 8)
