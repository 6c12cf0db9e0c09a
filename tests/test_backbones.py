"""Today's backbones: parameters by closed form and as published, MACs by torch's own counter, blocks against plain torch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.costs import PEAK
from helpers.costs import cost_table
from helpers.models import backbones
from helpers.models.backbones import (
    PUBLISHED,
    Backbone,
    KeylessBlock,
    LayerScale,
    ParallelBlock,
    ScaledBlock,
    SelfAttention,
    SwiGLU,
)
from helpers.models.vit import EncoderBlock, ViT

HEADS, D, HIDDEN, T = 2, 12, 20, 5


def built(make, *args, **kwargs):
    """Return a network on the meta device: shapes alone, nothing to wait for."""
    with torch.device("meta"):
        return make(*args, **kwargs)


def table_of(name, size=224, **kwargs):
    return cost_table(built(getattr(backbones, name), image_size=size, **kwargs), (1, 3, size, size))


def numbers(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def filled(module, seed=0):
    """The module with numbers everywhere, so that no zero or one hides a mistake."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module.double()


# ------------------------------------------------------------------------------- whole networks, counted


def test_vit_22b_by_closed_form_and_as_published():
    D, depth, T = 6144, 48, 16 * 16
    embedding, positions = 3 * 14 * 14 * D + D, T * D
    matrices, mlp_biases, norms = 12 * D * D, 4 * D + D, D + 2 * (D // 48)
    total = table_of("vit_22b").total
    assert total.params == embedding + positions + depth * (matrices + mlp_biases + norms) + D == 21_750_251_520
    assert round(depth * matrices, -6) == PUBLISHED["vit_22b"].params
    assert total.macs == T * 588 * D + depth * (T * matrices + 2 * T * T * D)


@pytest.mark.parametrize(
    "name, width, depth, released",
    [
        ("dinov2_vits14", 384, 12, 22_056_576),
        ("dinov2_vitg14", 1536, 40, 1_136_480_768),
    ],
)
def test_dinov2_by_closed_form_and_as_released(name, width, depth, released):
    """The released networks have positions for 518 pixels, and a mask token that we leave out."""
    D, T = width, 37 * 37 + 1
    attention = 4 * D * D + 4 * D
    mlp = 2 * D * 4 * D + 5 * D
    if name == "dinov2_vitg14":  # D → 2 · 4096, then 4096 → D
        mlp = D * 8192 + 8192 + 4096 * D + D
    total = table_of(name, 518).total
    assert total.params == 588 * D + D + D + T * D + depth * (attention + mlp + 4 * D + 2 * D) + 2 * D
    assert total.params + D == released


def test_dinov2_vitg14_as_published():
    total, published = table_of("dinov2_vitg14", 518).total, PUBLISHED["dinov2_vitg14"]
    D, T, depth = 1536, 37 * 37 + 1, 40
    assert total.macs == (T - 1) * 588 * D + depth * (T * (4 * D * D + 3 * D * 4096) + 2 * T * T * D)
    assert round((total.params + D) / 1e6, 1) == published.params / 1e6
    assert total.macs == pytest.approx(published.macs, rel=1e-3)  # timm counts normalisations too


def test_eva01_clip_g_14_by_closed_form_and_as_published():
    D, hidden, depth, T = 1408, 6144, 40, 16 * 16 + 1
    attention, mlp = 4 * D * D + 3 * D, 2 * D * hidden + hidden + D
    body = 588 * D + D + D + T * D + depth * (attention + mlp + 4 * D) + 2 * D
    assert table_of("eva01_clip_g_14", num_classes=0).total.params == body
    assert table_of("eva01_clip_g_14").total.params == body + D * 1024 + 1024
    total, published = table_of("eva01_clip_g_14", num_classes=1000).total, PUBLISHED["eva01_clip_g_14"]
    assert total.params == body + D * 1000 + 1000
    assert round(total.params / 1e6, 1) == published.params / 1e6
    assert total.macs == (T - 1) * 588 * D + depth * (T * (4 * D * D + 2 * D * hidden) + 2 * T * T * D) + 1000 * D
    assert total.macs == pytest.approx(published.macs, rel=1e-3)


def test_published_numbers_have_a_source_and_no_code_is_missing():
    for name, published in PUBLISHED.items():
        assert published.source and (hasattr(backbones, name) or name == "internimage_h")
        assert (published.macs is None) == (published.image_size is None)
    assert round(PUBLISHED["internimage_h"].params / 1e9, 2) == 1.08


MEASURE = (
    PEAK
    + """
import torch
from benchmarks.costs import PEAK
from helpers.costs import cost_table
from helpers.models.backbones import Backbone, ParallelBlock, vit_22b

def count(make, size):
    with torch.device("meta"):
        return cost_table(make(), (1, 3, size, size)).total

# What torch itself loads at its first draw of a number on meta, however small the network is, is not the network's.
count(lambda: Backbone([ParallelBlock(2, 8, 8)], 28, 14, 8), 28)
before = peak()
total = count(vit_22b, 224)
print(total.params, total.macs, peak() - before)
"""
)


def test_vit_22b_takes_no_memory():
    """Its weights alone would take 81 GiB."""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
    )
    params, macs, mebibytes = map(float, done.stdout.split())
    assert params == 21_750_251_520 and macs > 5e12
    assert mebibytes < 100


# --------------------------------------------------------------------------- the blocks, by plain torch


def test_parallel_block_by_plain_torch():
    block, x = filled(ParallelBlock(HEADS, D, HIDDEN)), numbers(3, T, D)

    def rms(x, weight):
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight

    part = block.self_attention
    y = rms(x, block.ln_1.weight)
    q, k, v = (
        (y @ layer.weight.T).view(3, T, HEADS, D // HEADS).transpose(1, 2)
        for layer in (part.query, part.key, part.value)
    )
    seen = F.scaled_dot_product_attention(rms(q, part.query_norm.weight), rms(k, part.key_norm.weight), v)
    attended = seen.transpose(1, 2).reshape(3, T, D) @ part.out.weight.T
    first, last = block.mlp[0], block.mlp[3]
    added = F.gelu(y @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(block(x), x + attended + added)


def test_normalised_scores_stay_bounded():
    """Ten times the weights: the same attention, where without normalisation the scores are a hundred times as large."""
    plain, normal = (filled(SelfAttention(D, HEADS, (), norm)) for norm in (None, nn.RMSNorm))
    x, found = numbers(2, T, D), []
    for layer in (plain, normal):
        before = layer(x, return_weights=True)[1]
        with torch.no_grad():
            layer.query.weight *= 10
            layer.key.weight *= 10
        found.append((before, layer(x, return_weights=True)[1]))
    torch.testing.assert_close(*found[1])
    assert (found[0][0] - found[0][1]).abs().max() > 0.1


def test_a_bias_of_the_keys_changes_nothing():
    block = filled(KeylessBlock(HEADS, D, HIDDEN))
    theirs, x = filled(EncoderBlock(HEADS, D, HIDDEN), seed=1), numbers(3, T, D)
    part = block.self_attention
    assert theirs.self_attention.in_proj_bias[D : 2 * D].abs().min() > 1e-3
    with torch.no_grad():
        for name in ("ln_1", "ln_2", "mlp"):
            getattr(theirs, name).load_state_dict(getattr(block, name).state_dict())
        theirs.self_attention.in_proj_weight.copy_(torch.cat([part.query.weight, part.key.weight, part.value.weight]))
        theirs.self_attention.in_proj_bias[:D], theirs.self_attention.in_proj_bias[2 * D :] = (
            part.query.bias,
            part.value.bias,
        )
        theirs.self_attention.out_proj.load_state_dict(part.out.state_dict())
    torch.testing.assert_close(block(x), theirs(x))
    assert part.key.bias is None


def test_scaled_block_by_plain_torch():
    block, x = filled(ScaledBlock(HEADS, D, HIDDEN, gated=True)), numbers(3, T, D)
    theirs = nn.MultiheadAttention(D, HEADS, batch_first=True).double()
    theirs.load_state_dict(block.self_attention.state_dict())
    y = F.layer_norm(x, (D,), block.ln_1.weight, block.ln_1.bias, 1e-6)
    x1 = x + block.ls_1.gamma * theirs(y, y, y)[0]
    y = F.layer_norm(x1, (D,), block.ln_2.weight, block.ln_2.bias, 1e-6)
    w, b = block.mlp.w12.weight, block.mlp.w12.bias
    gate, value = y @ w[:HIDDEN].T + b[:HIDDEN], y @ w[HIDDEN:].T + b[HIDDEN:]
    out = (gate * gate.sigmoid() * value) @ block.mlp.w3.weight.T + block.mlp.w3.bias
    torch.testing.assert_close(block(x), x1 + block.ls_2.gamma * out)


def test_layer_scale_begins_small_and_with_one_it_is_vits_block():
    block, plain = ScaledBlock(HEADS, D, HIDDEN, layer_scale=1.0), EncoderBlock(HEADS, D, HIDDEN)
    missing = block.load_state_dict(plain.state_dict(), strict=False)
    assert missing.missing_keys == ["ls_1.gamma", "ls_2.gamma"] and not missing.unexpected_keys
    x = torch.randn(2, T, D)
    torch.testing.assert_close(block(x), plain(x))
    assert torch.equal(LayerScale(3).gamma.detach(), torch.full((3,), 1e-5))


def test_swiglu_costs_what_four_times_the_width_costs():
    """DINOv2's hidden width, 4096 = 2/3 · 4 · 1536: three matrices instead of two, as many numbers."""
    gated, plain = built(SwiGLU, 1536, 4096), built(lambda: nn.Sequential(nn.Linear(1536, 6144), nn.Linear(6144, 1536)))
    found = [cost_table(model, (1, T, 1536)).total.macs for model in (gated, plain)]
    assert found[0] == found[1]


# ------------------------------------------------------------------------------ whole networks, running


BLOCKS = {
    "parallel": lambda: ParallelBlock(HEADS, D, HIDDEN, dropout=0.1, attention_dropout=0.1),
    "keyless": lambda: KeylessBlock(HEADS, D, HIDDEN, dropout=0.1, attention_dropout=0.1),
    "scaled": lambda: ScaledBlock(HEADS, D, HIDDEN),
    "gated": lambda: ScaledBlock(HEADS, D, HIDDEN, gated=True),
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("pool", ["token", "mean"])
def test_a_tiny_one_runs_forward_and_backward(kind, pool):
    model = filled(Backbone([BLOCKS[kind]() for _ in range(2)], (8, 12), 4, D, num_classes=7, pool=pool))
    x = numbers(3, 3, 8, 12).requires_grad_()
    out = model.eval()(x)
    assert out.shape == (3, 7)
    found = torch.autograd.grad(out.square().sum(), [x, *model.parameters()])
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in found)
    weights = model.attention_weights(x)
    tokens = 6 + (pool == "token")
    assert [tuple(w.shape) for w in weights] == [(3, HEADS, tokens, tokens)] * 2
    torch.testing.assert_close(weights[1].sum(-1), torch.ones(3, HEADS, tokens, dtype=torch.float64))
    assert cost_table(model, (1, 3, 8, 12)).total.params == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("kind", ["parallel", "keyless"])
def test_dropout_works_while_training_only(kind):
    model = filled(Backbone([BLOCKS[kind]()], 8, 4, D, num_classes=7))
    x = numbers(3, 3, 8, 8)
    assert not torch.allclose(model(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


def test_of_vits_own_blocks_it_is_the_vit():
    torch.manual_seed(0)
    theirs = filled(ViT(8, 4, 2, HEADS, D, HIDDEN, num_classes=7)).eval()
    ours = Backbone([EncoderBlock(HEADS, D, HIDDEN) for _ in range(2)], 8, 4, D, num_classes=7).double().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = numbers(3, 3, 8, 8)
    assert torch.equal(ours(x), theirs(x))
    features = Backbone([EncoderBlock(HEADS, D, HIDDEN) for _ in range(2)], 8, 4, D).double().eval()
    features.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.startswith("heads")}, strict=True)
    torch.testing.assert_close(theirs.heads(features(x)), theirs(x))


def test_the_dinov2_of_one_size_takes_another():
    model = built(backbones.dinov2_vits14, image_size=518)
    assert model(torch.empty(2, 3, 518, 518, device="meta")).shape == (2, 384)
    small = filled(Backbone([ScaledBlock(HEADS, D, HIDDEN)], 12, 4, D))
    assert small.resize(20)(numbers(1, 3, 20, 20)).shape == (1, D)


def test_it_learns():
    """Sixteen images of noise, by heart."""
    for kind in BLOCKS:
        torch.manual_seed(0)
        model = Backbone([BLOCKS[kind]()], 8, 4, D, num_classes=5)
        x, y = torch.randn(16, 3, 8, 8), torch.arange(16) % 5
        optimiser = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(60):
            optimiser.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimiser.step()
        assert (model.eval()(x).argmax(1) == y).float().mean() > 0.9, kind


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SelfAttention(6, 4), r"hidden_dim \(=6\) must be a multiple of num_heads \(=4\): change either"),
        (lambda: SelfAttention(6, 0), r"num_heads \(=0\) must be a whole number of at least 1"),
        (lambda: ParallelBlock(5, 12, 8), r"hidden_dim \(=12\) must be a multiple of num_heads \(=5\)"),
        (lambda: Backbone([], 14, 4, D), r"image_size \(=\(14, 14\)\) must be a multiple of patch_size \(=\(4, 4\)\)"),
        (lambda: Backbone([], 8, 4, D, pool="max"), r"pool \(='max'\) must be one of"),
        (lambda: built(backbones.dinov2_vits14, image_size=225), r"image_size \(=\(225, 225\)\) must be a multiple of"),
    ],
)
def test_backbones_say_what_they_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()
