"""The explorers of recurrent networks: their numbers against torch's, their words, what they keep and what they refuse."""

import math
import re

import numpy as np
import pytest
import torch
from driven import ask
from torch import nn

from helpers.chapters.ch07_rnn.explorer import (
    DISTANCES,
    HIDDEN,
    HelloExplorer,
    RecurrenceExplorer,
    Speller,
    axis,
    drawn,
    reach,
    speller,
    written,
)
from helpers.sequences import encode, one_hot

LEFT = {"Recaller": "a part of the chapter, which shows it"}  # for test_arguments.py


def words(explorer):
    return re.sub("<[^>]+>", "", explorer.parts["words"])


# ---- the gradient by distance


@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("matrix", ["orthogonal", "random"])
@pytest.mark.parametrize("radius", [0.5, 0.9, 1.0, 1.5, 3.0])
def test_reach_is_what_autograd_finds(activation, matrix, radius):
    W, x, v = (torch.tensor(array) for array in drawn(matrix))
    states = [torch.zeros(HIDDEN, dtype=torch.float64, requires_grad=True)]
    for x_t in x:
        total = (radius * W) @ states[-1] + x_t
        states.append(total.tanh() if activation == "tanh" else total)
    grads = torch.autograd.grad(states[-1] @ v, states)
    expected = [g.norm().item() for g in reversed(grads)]
    assert len(expected) == DISTANCES + 1
    # The sums of a state are rounded, by HIDDEN · 2⁻⁵³ at most. That grows on its way as the gradient does, and moves tanh's slopes.
    rounding = HIDDEN * 2**-53 * max(expected) if activation == "tanh" else 0
    assert reach(radius, activation, matrix) == pytest.approx(expected, rel=max(1e-9, rounding))


@pytest.mark.parametrize("matrix", ["orthogonal", "random"])
def test_w_has_the_spectral_radius_that_it_should(matrix):
    W, _, v = drawn(matrix)
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(1) and np.linalg.norm(v) == pytest.approx(1)
    assert (np.linalg.svd(W)[1][0] > 1.2) == (matrix == "random")  # the random one can stretch at first


@pytest.mark.parametrize(
    "radius, activation, decades", [(0.9, "linear", 6), (1.1, "tanh", 6), (1.5, "linear", 15), (3.0, "linear", 30)]
)
def test_the_axis_is_the_closest_that_holds_all(radius, activation, decades):
    assert axis(reach(radius, activation), radius) == decades


def test_tanh_explodes_where_the_radius_is_large_enough():
    assert reach(1.1, "tanh")[60] < 1e-3 and reach(2.0, "tanh")[60] > 1 and reach(3.0, "tanh")[60] > 1e3


def test_without_tanh_an_orthogonal_w_lies_on_the_line_and_tanh_below_it():
    for radius in (0.7, 1.0, 1.3):
        line = radius ** np.arange(DISTANCES + 1)
        assert reach(radius) == pytest.approx(line, rel=1e-9)
        assert (reach(radius, "tanh")[1:] < line[1:]).all()


@pytest.mark.parametrize(
    "value, text",
    [(0.0423911, "0.0424"), (304.4, "304"), (1.0, "1"), (9e-19, "9 × 10⁻¹⁹"), (36768468716.9, "4 × 10¹⁰")],
)
def test_numbers_are_written_in_a_few_characters(value, text):
    assert written(value) == text


def test_its_words_tell_the_measurement_and_the_line():
    explorer = RecurrenceExplorer(0.9, distance=60)
    assert (
        words(explorer)
        == "After 60 steps back the gradient has shrunk from 1 to 0.0018. The line says 0.90⁶⁰: the same."
    )
    ask(explorer, ("radius", 110), ("activation", "tanh"), ("distance", 1))
    assert explorer.radius == 1.1 and explorer.activation == "tanh" and explorer.distance == 1
    assert words(explorer).startswith("After 1 step back the gradient has shrunk from 1 to 0.") and words(
        explorer
    ).endswith(": 1.1.")
    assert words(RecurrenceExplorer(1.0)).startswith("After 30 steps back the gradient has kept its norm.")
    assert "has grown from 1 to 304" in words(RecurrenceExplorer(1.1, distance=60))


def test_the_chart_places_its_dots_by_the_logarithm():
    explorer = RecurrenceExplorer(0.5)
    y = [float(at) for at in re.findall(r'cy="([\d.]+)"', explorer.parts["chart"])]
    assert len(y) == 61 and np.diff(y) == pytest.approx(np.diff(y).mean(), abs=0.11)  # an even slope
    assert y[60] - y[0] == pytest.approx(60 * np.log10(2) * (330 - 46 - 10) / 60, abs=0.2)  # 60 decades high
    assert len(re.findall(">1</text>|>10", RecurrenceExplorer(0.9).parts["chart"])) >= 7  # a closer axis, as many lines
    ask(explorer, ("distance", 7))
    assert len(re.findall("dot now", explorer.parts["chart"])) == 1


@pytest.mark.parametrize("radius", [0.5, 1.5, 3.0])
@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("matrix", ["orthogonal", "random"])
def test_every_dot_lies_within_the_axis_where_its_number_says(radius, activation, matrix):
    explorer = RecurrenceExplorer(radius, activation, matrix)
    chart = explorer.parts["chart"]
    lines = re.findall(r'class="(?:grid|one)" d="M\d+ ([\d.]+)H', chart)
    grid = sorted(map(float, lines), reverse=True)  # from the bottom up, a third of the axis apart
    dots = [float(y) for y in re.findall(r'<circle[^>]* cy="(-?[\d.]+)"', chart)]
    decade = (grid[0] - grid[-1]) / (axis(explorer.gradient(), radius) // 3) / (len(grid) - 1)
    assert dots == pytest.approx([dots[0] - decade * math.log10(length) for length in explorer.gradient()], abs=0.1)
    assert grid[-1] <= min(dots) and max(dots) <= grid[0]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"radius": 0.4}, r"radius \(=0.4\) must be a number from 0.5 to 3"),
        ({"radius": float("nan")}, r"radius \(=nan\) must be a number from 0.5 to 3"),
        ({"radius": "1"}, r"radius \(='1'\) must be a number from 0.5 to 3"),
        ({"activation": "relu"}, r"activation \(='relu'\) must be one of linear, tanh"),
        ({"matrix": "diagonal"}, r"matrix \(='diagonal'\) must be one of orthogonal, random"),
        ({"distance": 0}, r"distance \(=0\) must be a whole number from 1 to 60"),
    ],
)
def test_reach_refuses_with_the_name_of_the_argument(settings, message):
    with pytest.raises(ValueError, match=message):
        RecurrenceExplorer(**settings)


# ---- a word, letter by letter


@pytest.mark.parametrize("make", [lambda: Speller(4), lambda: torch_speller()])
def test_the_steps_of_a_word_are_those_of_the_network(make):
    torch.manual_seed(3)
    model = make()
    explorer = HelloExplorer(model, alphabet="ehlo", step=2)
    x = one_hot(encode("hell", "ehlo"), 4)[None]
    states, chances = model.rnn(x)[0][0], model.head(model.rnn(x)[0])[0].softmax(1)
    assert torch.tensor(explorer.states()) == pytest.approx(states.detach().numpy(), abs=1e-5)
    assert explorer.chances() == pytest.approx(chances[1].tolist(), abs=1e-5)
    ask(explorer, ("step", 4))
    assert explorer.step == 4 and explorer.chances() == pytest.approx(chances[3].tolist(), abs=1e-5)


def torch_speller():
    model = Speller(4)
    model.rnn = nn.RNN(4, 2, batch_first=True)
    return model


def test_the_sums_add_up_to_the_state():
    explorer = HelloExplorer(step=3)
    numbers = [
        float(n.replace("−", "-"))
        for n in re.findall(r"[+−]\d\.\d\d|[+−]\d+\.\d\d", re.sub("<[^>]+>", " ", explorer.parts["sums"]))
    ]
    assert len(numbers) == 8
    for letter, before, total, state in (numbers[:4], numbers[4:]):
        assert letter + before == pytest.approx(total, abs=0.011) and np.tanh(total) == pytest.approx(state, abs=0.01)


@pytest.mark.parametrize("word", ["hello", "banana"])
def test_the_network_that_it_trains_says_the_word(word):
    alphabet = "".join(dict.fromkeys(word))
    said = speller(word)(one_hot(encode(word[:-1], alphabet), len(alphabet))[None])[0].argmax(1)
    assert "".join(alphabet[i] for i in said) == word[1:]


def test_the_buttons_go_one_step_and_stop_at_the_ends():
    explorer = HelloExplorer()
    steps = []
    for value in ("previous", "next", "next", "next", "next", "previous"):
        steps.append(ask(explorer, ("do", value)).step)
    assert steps == [1, 2, 3, 4, 4, 3]
    assert explorer.parts["words"].count("right") == 1 and "It reads l" in words(explorer)
    ask(explorer, ("step", 1))
    assert re.search("previous letter[^>]*aria-disabled", explorer.parts["buttons"]) and not re.search(
        "next letter[^>]*aria-disabled", explorer.parts["buttons"]
    )
    explorer.step = 4
    assert re.search("next letter[^>]*aria-disabled", explorer.parts["buttons"])


def test_training_leaves_the_random_state_alone():
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    speller("abc")
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: HelloExplorer(word="ab"), r"word \(='ab'\) must be a text of 3 to 9 letters"),
        (lambda: HelloExplorer(Speller(4, 3)), "model.rnn must be a plain RNN with hidden_size 2"),
        (lambda: HelloExplorer(nn.Linear(2, 2)), "model.rnn must be a plain RNN with hidden_size 2"),
        (lambda: HelloExplorer(Speller(5)), r"for each of the 4 letters of alphabet \(='helo'\): input_size is 5"),
        (lambda: HelloExplorer(alphabet="hel"), "input_size is 4"),
        (lambda: HelloExplorer(Speller(4), alphabet="abcd"), r"text holds \['e', 'h', 'l'\], which the alphabet lacks"),
        (lambda: HelloExplorer(step=5), r"step \(=5\) must be a whole number from 1 to 4"),
    ],
)
def test_hello_refuses_with_the_name_of_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()
