"""Today's large backbones in their real configurations: ViT's frame with other blocks in it.

Patches, tokens, positions and pooling are ViT's; what differs is the block, and how many numbers go through it. Build
the large ones where tensors have a shape but no numbers, and nothing is allocated:

    with torch.device("meta"):
        model = vit_22b()
    cost_table(model, (1, 3, 224, 224))
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import check_multiple, check_number, whole
from helpers.layers.attention import attention, merge_heads, split_heads
from helpers.models.vit import EncoderBlock, ViT, mlp


class Published(NamedTuple):
    """What the authors say of a network; None where they do not say it."""

    params: int
    macs: int | None  # for one image; the papers write FLOPs for it
    image_size: int | None  # pixels, of that image
    source: str


# Not computed here: for comparison with what cost_table finds, and for the network that has no code here.
PUBLISHED = {
    "vit_22b": Published(21_743_000_000, None, None, "Dehghani et al. 2023, table 1"),
    "dinov2_vitg14": Published(1_136_500_000, 1_784_200_000_000, 518, "timm's model card of vit_giant_patch14_dinov2"),
    "eva01_clip_g_14": Published(
        1_012_600_000,
        267_200_000_000,
        224,
        "timm's model card of eva_giant_patch14_224.clip_ft_in1k, with a head of 1000 classes",
    ),
    "internimage_h": Published(1_080_000_000, 1_478_000_000_000, 640, "Wang et al. 2023 (InternImage), table 2"),
}


class SelfAttention(nn.Module):
    """MultiHeadAttention between the tokens of one sequence, with more to choose.

    x:       (N, T, D)
    returns: (N, T, D); with return_weights also the weights (N, num_heads, T, T)

    hidden_dim: D;  num_heads: a divisor of it
    biases:     which projections add one, of "query", "key", "value", "out"
    norm:       what is applied to the queries and to the keys of each head, such as nn.RMSNorm; None for nothing.
                Normalised, their scores stay bounded however large the weights grow
    dropout:    share of the weights set to 0 while training
    raises:     ValueError where num_heads does not divide hidden_dim
    """

    def __init__(self, hidden_dim, num_heads, biases=("query", "key", "value", "out"), norm=None, dropout=0.0):
        super().__init__()
        D, self.num_heads = whole("hidden_dim", hidden_dim, 1), whole("num_heads", num_heads, 1)
        self.dropout = check_number("dropout", dropout, 0, 1)
        check_multiple("hidden_dim", D, "num_heads", num_heads)
        self.query, self.key, self.value, self.out = (
            nn.Linear(D, D, bias=name in biases) for name in ("query", "key", "value", "out")
        )
        self.query_norm, self.key_norm = (norm(D // num_heads) if norm else nn.Identity() for _ in range(2))

    def forward(self, x, return_weights=False):
        query, key, value = (split_heads(part(x), self.num_heads) for part in (self.query, self.key, self.value))
        query, key = self.query_norm(query), self.key_norm(key)
        dropout = self.dropout if self.training else 0.0
        out, weights = attention(query, key, value, dropout=dropout, return_weights=True)
        out = self.out(merge_heads(out))
        return (out, weights) if return_weights else out


class ParallelBlock(nn.Module):
    """Attention and MLP side by side, both of the same normalised tokens; both are added: (N, T, D) → (N, T, D).

    Two large products can then take the place of four: the first layers of both are joined, and the last ones.

    Source: Dehghani et al. 2023, section 2: parallel layers; queries and keys normalised; no biases in the projections
    to queries, keys and values; normalisation without bias and without taking off the mean, so RMSNorm. Not certain, and
    chosen here: queries and keys are normalised head by head; the attention's last layer has no bias, as the MLP's last
    layer adds one to the same sum.
    """

    def __init__(self, num_heads, hidden_dim, mlp_dim, dropout=0.0, attention_dropout=0.0):
        super().__init__()
        self.ln_1 = nn.RMSNorm(hidden_dim, eps=1e-6)
        self.self_attention = SelfAttention(
            hidden_dim, num_heads, (), lambda width: nn.RMSNorm(width, eps=1e-6), attention_dropout
        )
        self.mlp = mlp(hidden_dim, mlp_dim, dropout)

    def forward(self, x):
        y = self.ln_1(x)
        return x + self.self_attention(y) + self.mlp(y)


class KeylessBlock(EncoderBlock):
    """ViT's block without a bias for the keys, which would change nothing: (N, T, D) → (N, T, D).

    It would add the same number to all scores of a query, and softmax takes no notice of that.
    Source: Fang et al. 2023 (EVA), following BEiT.
    """

    def __init__(self, num_heads, hidden_dim, mlp_dim, dropout=0.0, attention_dropout=0.0):
        super().__init__(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout)
        self.self_attention = SelfAttention(hidden_dim, num_heads, ("query", "value", "out"), dropout=attention_dropout)


class SwiGLU(nn.Module):
    """An MLP with a gate: one half of the first layer's numbers says how much of the other half passes.

    (..., width) → (..., width); hidden: numbers that pass.  Source: Shazeer 2020, "GLU variants improve transformer".
    """

    def __init__(self, width, hidden):
        super().__init__()
        self.w12, self.w3 = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)

    def forward(self, x):
        gate, x = self.w12(x).chunk(2, dim=-1)  # (..., hidden) each
        return self.w3(F.silu(gate) * x)


class LayerScale(nn.Module):
    """Multiply each of the D numbers of a token by a learnt one, small at first: (..., D) → (..., D).

    So each block of a deep network begins as nearly nothing.  Source: Touvron et al. 2021 (CaiT), section 2.
    """

    def __init__(self, width, start=1e-5):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), start))

    def forward(self, x):
        return x * self.gamma


class ScaledBlock(EncoderBlock):
    """ViT's block with LayerScale on both branches: (N, T, D) → (N, T, D).

    gated:  whether the MLP is a SwiGLU with mlp_dim hidden numbers
    Source: Oquab et al. 2023 (DINOv2), appendix on architectures.
    """

    def __init__(self, num_heads, hidden_dim, mlp_dim, gated=False, layer_scale=1e-5):
        super().__init__(num_heads, hidden_dim, mlp_dim)
        if gated:
            self.mlp = SwiGLU(hidden_dim, mlp_dim)
        self.ls_1, self.ls_2 = LayerScale(hidden_dim, layer_scale), LayerScale(hidden_dim, layer_scale)

    def forward(self, x):
        x = x + self.ls_1(self.self_attention(self.ln_1(x)))
        return x + self.ls_2(self.mlp(self.ln_2(x)))


class Backbone(ViT):
    """A ViT of other blocks.

    x:       (N, in_channels, H, W), of image_size
    returns: (N, hidden_dim), what is seen in each image; with num_classes (N, num_classes)

    blocks:  modules, each (N, T, hidden_dim) → the same
    norm:    the last normalisation; None for ViT's LayerNorm
    others:  see ViT
    """

    def __init__(
        self, blocks, image_size, patch_size, hidden_dim, num_classes=0, in_channels=3, pool="token", norm=None
    ):
        super().__init__(
            image_size,
            patch_size,
            num_layers=0,
            num_heads=1,
            hidden_dim=hidden_dim,
            mlp_dim=1,
            num_classes=whole("num_classes", num_classes, 0) or 1,
            in_channels=in_channels,
            pool=pool,
        )
        named = ((f"encoder_layer_{i}", block) for i, block in enumerate(blocks))
        self.encoder.layers = nn.Sequential(OrderedDict(named))
        self.encoder.ln = self.encoder.ln if norm is None else norm
        self.heads = self.heads if num_classes else nn.Identity()


def vit_22b(num_classes=0, in_channels=3, image_size=224):
    """Return ViT-22B: 48 parallel blocks of 6144 numbers and 48 heads, patches of 14 pixels; 21.75 billion parameters.

    The published 21,743 million are the matrices of the blocks alone, 48 · 12 · 6144². The paper pools with an
    attention of its own (Zhai et al. 2022; not in that number); here it is the mean of the tokens.
    Source: Dehghani et al. 2023, "Scaling vision transformers to 22 billion parameters", table 1.
    """
    D = 6144
    blocks = (ParallelBlock(48, D, 4 * D) for _ in range(48))
    return Backbone(blocks, image_size, 14, D, num_classes, in_channels, "mean", nn.RMSNorm(D, eps=1e-6))


def dinov2_vits14(num_classes=0, in_channels=3, image_size=224):
    """Return DINOv2's ViT-S/14: 12 blocks of 384 numbers and 6 heads; see dinov2_vitg14."""
    return Backbone((ScaledBlock(6, 384, 1536) for _ in range(12)), image_size, 14, 384, num_classes, in_channels)


def dinov2_vitg14(num_classes=0, in_channels=3, image_size=224):
    """Return DINOv2's ViT-g/14: 40 blocks of 1536 numbers and 24 heads, SwiGLU of 4096; 1.1 billion parameters.

    The released networks have positions for images of 518 pixels, and a mask token of D numbers for their training,
    which is left out here; names are those of their hub.  Source: Oquab et al. 2023, and its repository's configuration.
    """
    blocks = (ScaledBlock(24, 1536, 4096, gated=True) for _ in range(40))
    return Backbone(blocks, image_size, 14, 1536, num_classes, in_channels)


def eva01_clip_g_14(num_classes=1024, in_channels=3, image_size=224):
    """Return the image tower of EVA-01-CLIP-g/14: 40 blocks of 1408 numbers and 16 heads, MLPs of 6144; 1.0 billion.

    num_classes: width of the space that images and words share
    Source: Sun et al. 2023 (EVA-CLIP); the network is Fang et al. 2023 (EVA), table 1, and its configuration is timm's.
    """
    return Backbone((KeylessBlock(16, 1408, 6144) for _ in range(40)), image_size, 14, 1408, num_classes, in_channels)
