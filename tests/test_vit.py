"""The vision transformer, against torchvision, torch's own counter and the numbers that were published."""

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.vision_transformer import Encoder, VisionTransformer, interpolate_embeddings

from helpers.costs import cost_table
from helpers.layers.attention import sinusoidal_positions_2d
from helpers.models import vit
from helpers.models.vit import ViT

SMALL = dict(image_size=12, patch_size=4, num_layers=2, num_heads=3, hidden_dim=12, mlp_dim=20, num_classes=5)


def built(make, *args, **kwargs):
    """Return a network on the meta device: shapes alone, nothing to wait for."""
    with torch.device("meta"):
        return make(*args, **kwargs)


def small(seed=0, **changes):
    """Return a small ViT with numbers everywhere: tokens, biases and heads begin at zero, and would hide mistakes."""
    torch.manual_seed(seed)
    model = ViT(**SMALL | changes)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.double()


def images(side=12, channels=3, n=2):
    sides = side if isinstance(side, tuple) else (side, side)
    return torch.randn(n, channels, *sides, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def torchvisions(model, **changes):
    """Return torchvision's, with our weights."""
    theirs = VisionTransformer(**SMALL | changes).double()
    theirs.load_state_dict(model.state_dict(), strict=True)
    return theirs


# ------------------------------------------------------------------------------------ as in torchvision


def test_the_published_numbers_of_vit_b_16():
    """torchvision's page: 86,567,656 parameters, 17.56 G; and the same by hand."""
    table = cost_table(built(vit.vit_b_16), (1, 3, 224, 224))
    T, D = 14 * 14 + 1, 768
    patches, projections, attention, mlps = 196 * D * 3 * 16 * 16, 4 * T * D * D, 2 * T * T * D, 2 * T * D * 4 * D
    assert table.total.macs == patches + 12 * (projections + attention + mlps) + 1000 * D == 17_563_828_224
    assert table.total.params == 86_567_656


def test_vit_b_16_gives_what_torchvisions_gives():
    torch.manual_seed(0)
    size = dict(image_size=48, num_classes=10)
    ours, theirs = vit.vit_b_16(**size), torchvision.models.vit_b_16(**size)
    nn.init.normal_(theirs.heads.head.weight, std=0.02)  # it begins at zero
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        found, expected = ours.eval()(x), theirs.eval()(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.1


def test_first_weights_are_torchvisions():
    torch.manual_seed(3)
    ours = ViT(**SMALL)
    torch.manual_seed(3)
    theirs = VisionTransformer(**SMALL)
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))


def test_values_and_gradients_are_torchvisions():
    ours = small()
    theirs = torchvisions(ours)
    x, y = images().requires_grad_(), images().requires_grad_()
    found, expected = ours(x), theirs(y)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    grads = [
        torch.autograd.grad(out.square().sum(), [image, *model.parameters()])
        for out, image, model in ((found, x, ours), (expected, y, theirs))
    ]
    for mine, their in zip(*grads, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-8, atol=1e-8)


def test_dropout_is_torchvisions():
    """For one image: in a batch torch's attention lies in memory in another order, and dice fall in that order."""
    ours = small(dropout=0.3)
    theirs = torchvisions(ours, dropout=0.3)
    outputs = []
    for model in (ours, theirs):
        torch.manual_seed(5)  # the same numbers are dropped
        outputs.append(model.train()(images(n=1)))
    torch.testing.assert_close(*outputs, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(outputs[0], ours.eval()(images(n=1)))


def test_attention_dropout_works_while_training_only():
    model = small(attention_dropout=0.5)
    assert not torch.allclose(model(images()), model(images()))
    assert torch.equal(model.eval()(images()), model(images()))


# ------------------------------------------------------------------------------- pooling, distillation


def encoded(model, *tokens):
    """Run torchvision's encoder, with our weights, over these tokens and the patches of the images."""
    n = 9 + len(tokens)
    theirs = Encoder(n, num_layers=2, num_heads=3, hidden_dim=12, mlp_dim=20, dropout=0, attention_dropout=0).double()
    theirs.load_state_dict(model.encoder.state_dict(), strict=True)
    kernels, x = model.conv_proj, images()
    cut = x.unfold(2, 4, 4).unfold(3, 4, 4)  # (N, C, rows, columns, 4, 4)
    patches = torch.einsum("ncijuv,dcuv->nijd", cut, kernels.weight) + kernels.bias
    tokens = [token.expand(2, 1, 12) for token in tokens]
    return theirs(torch.cat([*tokens, patches.reshape(2, 9, 12)], dim=1))


def test_mean_of_the_patches():
    model = small(pool="mean")
    x = encoded(model)
    torch.testing.assert_close(model(images()), model.heads(x.mean(1)))
    assert model.encoder.pos_embedding.shape == (1, 9, 12)
    assert "class_token" not in model.state_dict()


def test_a_second_token_for_the_teacher():
    """DeiT: two tokens, two heads; both are trained, and their mean predicts."""
    model = small(distill=True)
    x = encoded(model, model.class_token, model.distill_token)
    label, teacher = model.train()(images())
    torch.testing.assert_close(label, model.heads(x[:, 0]))
    torch.testing.assert_close(teacher, x[:, 1] @ model.distill_head.weight.T + model.distill_head.bias)
    assert not torch.allclose(label, teacher)
    torch.testing.assert_close(model.eval()(images()), (label + teacher) / 2)


def test_mean_and_distillation_together():
    model = small(pool="mean", distill=True)
    x = encoded(model, model.distill_token)
    label, teacher = model.train()(images())
    torch.testing.assert_close(label, model.heads(x[:, 1:].mean(1)))
    torch.testing.assert_close(teacher, model.distill_head(x[:, 0]))


@pytest.mark.parametrize("width, heads, plain, distilled", [(192, 3, 5, 6), (384, 6, 22, 22), (768, 12, 86, 87)])
def test_parameters_of_deit(width, heads, plain, distilled):
    """Touvron et al. 2021, table 5: DeiT-Ti, -S, -B have 5, 22, 86 million; distilled 6, 22, 87 million."""
    for distill, millions in ((False, plain), (True, distilled)):
        model = built(ViT, 224, 16, 12, heads, width, 4 * width, distill=distill)
        count = sum(p.numel() for p in model.parameters())
        assert millions - 1 < count / 1e6 < millions + 1
        assert cost_table(model, (1, 3, 224, 224)).total.params == count


def test_the_two_tokens_begin_differently():
    torch.manual_seed(0)
    model = ViT(**SMALL, distill=True, positions="none")
    assert not torch.equal(model.class_token, model.distill_token)


# -------------------------------------------------------------------------------------------- positions


def test_sinusoidal_positions_are_no_weights():
    model = small(positions="sinusoidal", image_size=(8, 12))
    assert "encoder.pos_embedding" not in model.state_dict()
    assert not model.encoder.pos_embedding[0, 0].any()  # the class token stands nowhere
    assert model.encoder.pos_embedding.dtype == torch.float64  # it moves with the model
    torch.testing.assert_close(model.encoder.pos_embedding[0, 1:].float(), sinusoidal_positions_2d((2, 3), 12))


@pytest.mark.parametrize("positions", ["learnable", "sinusoidal", "none"])
def test_without_positions_a_vit_does_not_see_order(positions):
    model, x = small(positions=positions).eval(), images()
    patches = x.unfold(2, 4, 4).unfold(3, 4, 4).flatten(2, 3)  # (N, C, 9, 4, 4)
    order = [4, 0, 8, 2, 7, 1, 6, 3, 5]
    shuffled = patches[:, :, order].unflatten(2, (3, 3)).permute(0, 1, 2, 4, 3, 5).reshape(2, 3, 12, 12)
    assert torch.allclose(model(x), model(shuffled)) == (positions == "none")


@pytest.mark.parametrize("side", [20, 8])
def test_resize_is_torchvisions_interpolation(side):
    model = small().eval()
    state = interpolate_embeddings(side, 4, dict(model.state_dict()))
    theirs = VisionTransformer(**SMALL | dict(image_size=side)).double().eval()
    theirs.load_state_dict(state)
    assert model.resize(side) is model and model.image_size == (side, side)
    torch.testing.assert_close(model(images(side)), theirs(images(side)), rtol=1e-9, atol=1e-9)
    assert isinstance(model.encoder.pos_embedding, nn.Parameter) and len(list(model.parameters())) == len(state)


def test_resize_of_sinusoidal_positions_is_the_model_of_that_size():
    model, other = (small(positions="sinusoidal", image_size=size).eval() for size in (12, (8, 20)))
    model.resize((8, 20))
    torch.testing.assert_close(model(images((8, 20))), other(images((8, 20))))
    assert model.encoder.pos_embedding.dtype == torch.float64


def test_resize_there_and_back_and_to_the_same():
    model = small(distill=True).eval()
    before, x = model.encoder.pos_embedding.detach().clone(), images()
    expected = model(x)
    torch.testing.assert_close(model.resize(12)(x), expected)
    model.resize(20).resize(12)  # 3 to 5 to 3: every old place is a new one
    torch.testing.assert_close(model.encoder.pos_embedding.detach(), before)


# ---------------------------------------------------------------------------------------------- weights


def test_attention_weights_are_those_of_every_block():
    model = small().eval()
    theirs, x = torchvisions(model).eval(), images()
    found = model.attention_weights(x)
    assert [tuple(weights.shape) for weights in found] == [(2, 3, 10, 10)] * 2
    seen, inputs = [], []
    for block in theirs.encoder.layers:
        block.ln_1.register_forward_hook(lambda layer, before, after: inputs.append(after))
    theirs(x)
    for block, y in zip(theirs.encoder.layers, inputs, strict=True):
        seen.append(block.self_attention(y, y, y, average_attn_weights=False)[1])
    torch.testing.assert_close(found, seen)
    torch.testing.assert_close(found[1].sum(-1), torch.ones(2, 3, 10, dtype=torch.float64))


# ------------------------------------------------------------------------------------------ and so forth


def test_other_channels_sizes_and_patches():
    model = built(ViT, (8, 30), (2, 5), 1, 2, 8, 16, num_classes=7, in_channels=1)
    assert model.grid == (4, 6) and model.encoder.pos_embedding.shape == (1, 25, 8)
    assert model(torch.empty(3, 1, 8, 30, device="meta")).shape == (3, 7)
    assert built(vit.vit_b_32, 10, 1, 64, pool="mean")(torch.empty(2, 1, 64, 64, device="meta")).shape == (2, 10)


def test_it_learns():
    """Sixteen images of noise, by heart."""
    torch.manual_seed(0)
    model, x, y = ViT(**SMALL), torch.randn(16, 3, 12, 12), torch.arange(16) % 5
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    assert (model(x).argmax(1) == y).float().mean() > 0.9


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(image_size=14), r"image_size \(=\(14, 14\)\) must be a multiple of patch_size \(=\(4, 4\)\) both ways"),
        (dict(image_size=(12, 10)), r"image_size \(=\(12, 10\)\) must be a multiple of patch_size"),
        (dict(patch_size=0), r"patch_size \(=0\) must be a whole number of at least 1"),
        (dict(num_heads=5), r"embed_dim \(=12\) must be a multiple of num_heads \(=5\)"),
        (dict(num_layers=-1), r"num_layers \(=-1\) must be a whole number of at least 0"),
        (dict(pool="max"), r"pool \(='max'\) must be one of token, mean"),
        (dict(positions="relative"), r"positions \(='relative'\) must be one of learnable, sinusoidal, none"),
        (dict(positions="sinusoidal", hidden_dim=6), r"embed_dim \(=6\) must be a multiple of 4"),
    ],
)
def test_vit_says_what_it_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        ViT(**SMALL | changes)


def test_vit_says_what_image_it_takes():
    model = small()
    with pytest.raises(ValueError, match=r"x \(shape \(2, 3, 16, 16\)\) must be \(N, C, 12, 12\): scale the images"):
        model(images(16))
    with pytest.raises(ValueError, match=r"image_size \(=\(13, 13\)\) must be a multiple of patch_size"):
        model.resize(13)
    assert model.image_size == (12, 12) and model(images()).shape == (2, 5)  # a refusal changes nothing
