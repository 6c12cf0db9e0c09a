"""The attention explorer as the kernel knows it: what it sends to the browser, and what it computes."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from helpers import data
from helpers.chapters.ch09_attention.explorer import SIDE, AttentionExplorer, made_heads, patches, unpacked

IMAGE = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0))


def random_heads(tokens, d=5, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return {
        name: (torch.randn(tokens, d, generator=draw), torch.randn(tokens, d, generator=draw))
        for name in ("first", "second")
    }


def test_patches_are_those_of_unfold():
    wanted = F.unfold(IMAGE[None], kernel_size=4, stride=4)[0].T
    torch.testing.assert_close(patches(IMAGE, 4), wanted, rtol=0, atol=0)


@pytest.mark.parametrize(
    "size, words",
    [(5, "must divide"), (0, "at least 1"), (2.0, "whole number"), (True, "whole number"), (12, "must divide")],
)
def test_a_patch_size_that_does_not_fit(size, words):
    with pytest.raises(ValueError, match=rf"patch_size \(={size}.*{words}"):
        patches(IMAGE, size)


def test_too_few_and_too_many_patches():
    with pytest.raises(ValueError, match="from 2 x 2 to 32 x 32"):
        patches(torch.rand(3, 8, 8), 8)
    with pytest.raises(ValueError, match="from 2 x 2 to 32 x 32"):
        patches(torch.rand(3, 40, 40), 1)


def test_weights_and_average_equal_torch_attention():
    heads = random_heads(15)
    explorer = AttentionExplorer(IMAGE, patch_size=4, heads=heads, head="second", query=(2, 1), temperature=0.5)
    query, key = (part.double() for part in heads["second"])
    values = patches((IMAGE * 255).round().double() / 255, 4)
    wanted = F.scaled_dot_product_attention(query[None], key[None], values[None], scale=1 / math.sqrt(5) / 0.5)[
        0, 2 * 5 + 1
    ]
    torch.testing.assert_close(explorer.average().flatten(), wanted, rtol=0, atol=1e-9)
    assert explorer.weights().shape == (3, 5)
    assert explorer.weights().sum().item() == pytest.approx(1)


def test_what_travels_to_the_browser_is_whole_and_plain():
    heads = random_heads(15)
    explorer = AttentionExplorer(IMAGE, patch_size=4, heads=heads)
    state = json.loads(
        json.dumps(
            {key: value for key, value in explorer.get_state().items() if not key.startswith("_") and key != "layout"}
        )
    )
    for name, pair in heads.items():
        sent = state["heads"][name]
        for part, wanted in zip(("query", "key"), pair, strict=True):
            assert torch.equal(unpacked(sent[part], "float32", 15, sent["d"]), wanted)
    assert torch.equal(unpacked(state["pixels"], "uint8", 3, 12, 20).float(), (IMAGE * 255).round())
    assert len(json.dumps(AttentionExplorer().get_state())) < 400_000, "a slide deck carries it"


def test_made_heads_find_what_their_names_say():
    image = torch.zeros(3, 8, 8)
    image[0, :, :4], image[2, :, 4:] = 1, 0.9  # left half red, right half blue
    heads = {
        name: (query @ key.T / query.shape[1] ** 0.5).softmax(1) for name, (query, key) in made_heads(image, 2).items()
    }
    left = torch.tensor([[1.0, 1, 0, 0]] * 4).flatten().double()
    assert (heads["colour"][0] * left).sum() > 0.99, "a red patch looks at red patches"
    assert (heads["opposite brightness"][0] * left).sum() < 0.2, "a brighter patch looks at darker ones"
    near = heads["place"][0].reshape(4, 4)
    assert near[0, 0] == near.max() and near[3, 3] == near.min()
    striped = torch.zeros(3, 8, 8)
    striped[:, ::2, :4], striped[:, :, 4::2] = 1, 1  # left half rows, right half columns
    weights = (lambda query, key: (query @ key.T / query.shape[1] ** 0.5).softmax(1))(
        *made_heads(striped, 2)["texture"]
    )
    assert (weights[4] * left).sum() > 0.9, "a patch of rows looks at rows"


@pytest.mark.parametrize("name", ["cat", "coffee", "astronaut"])
def test_every_made_head_is_finite_on_photographs(name):
    for query, key in made_heads(data.photograph(name, SIDE), 12).values():
        assert query.shape == key.shape and torch.isfinite(query).all() and torch.isfinite(key).all()


def test_a_flat_and_a_grey_picture_have_heads_too():
    for image in (torch.full((3, 8, 8), 0.5), torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(2))):
        explorer = AttentionExplorer(image, patch_size=2)
        for head in explorer.heads:
            explorer.head = head
            assert torch.isfinite(explorer.weights()).all()
            assert explorer.average().shape == (len(image), 2, 2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(image="dog"), "dog"),
        (
            dict(image=torch.rand(5, 8, 8)),
            r"image must be \(3, H, W\).* or a photograph: picture \(shape \(5, 8, 8\)\)",
        ),
        (dict(image=torch.rand(3, 8, 8) * 255), "from 0 to 1"),
        (dict(image=torch.full((3, 8, 8), torch.nan)), "from 0 to 1"),
        (dict(heads={}), r"heads \(=\{\}\)"),
        (dict(heads={"a": torch.rand(196, 3)}), r"heads\['a'\] must be a pair"),
        (dict(heads={"a": (torch.rand(195, 3), torch.rand(195, 3))}), "T = 196"),
        (dict(heads={"a": (torch.rand(196, 3), torch.rand(196, 4))}), "twice"),
        (dict(heads={"a": (torch.full((196, 3), torch.inf), torch.rand(196, 3))}), "finite"),
        (dict(head="taste"), r"head \(='taste'\) must be one of colour"),
        (dict(query=(14, 0)), r"query \(=\[14, 0\]\) must be .* \(13, 13\)"),
        (dict(query=(1.5, 0)), "query"),
        (dict(temperature=0), r"temperature \(=0\) must be a finite number from 0.05 to 20"),
    ],
)
def test_arguments_that_cannot_be(arguments, words):
    with pytest.raises(ValueError, match=words):
        AttentionExplorer(**arguments)


def test_its_still_picture_and_its_words():
    explorer = AttentionExplorer(query=(3, 4), head="place")
    bundle, about = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == about["image/png"]["alt"] == repr(explorer)
    assert "row 3, column 4" in repr(explorer) and "place" in repr(explorer)
    axes = explorer.still().axes
    assert axes[1].images[0].get_array().shape == (14, 14)
    assert axes[1].images[0].get_array()[3, 4] == explorer.weights().max()
