"""The published networks by their published sizes, to be built on the meta device: shapes alone, no weight is allocated."""

import torch
from torch import nn

from helpers.costs import cost_table
from helpers.layers import MultiHeadAttention
from helpers.models.resnet import resnet50
from helpers.models.vit import ViT
from helpers.output import show_table


class Layer(nn.Module):
    """A transformer layer: self-attention, cross-attention to vectors `other` wide where that is given, an MLP."""

    def __init__(self, width, heads, hidden, other=None):
        super().__init__()
        self.read, self.read_norm = MultiHeadAttention(width, heads), nn.LayerNorm(width)
        self.look = MultiHeadAttention(width, heads, kdim=other, vdim=other) if other else None
        self.look_norm = nn.LayerNorm(width) if other else None
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, x, picture=None):
        x = self.read_norm(x + self.read(x))
        if self.look is not None and picture is not None:
            x = self.look_norm(x + self.look(x, picture))
        return self.norm(x + self.mlp(x))


class TextDecoder(nn.Module):
    """BERT-base with cross-attention in each layer, which BLIP writes with; the head's matrix is that of the words.

    text: (N, T), picture: (N, S, 768) → (N, T, 30524).  Source: salesforce/BLIP, configs/bert_config.json, models/med.py.
    """

    def __init__(self, words=30524, width=768, layers=12):
        super().__init__()
        self.words, self.order, self.norm = nn.Embedding(words, width), nn.Embedding(512, width), nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, 12, 3072, other=width) for _ in range(layers))
        self.before_head, self.head_norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.head = nn.Linear(width, words)
        self.head.weight = self.words.weight

    def forward(self, text, picture):
        x = self.norm(self.words(text) + self.order.weight[: text.shape[1]])
        for layer in self.layers:
            x = layer(x, picture)
        return self.head(self.head_norm(self.before_head(x)))


class QFormer(nn.Module):
    """The query path of BLIP-2's Q-Former: 32 learnt queries, cross-attention to the picture in every second layer.

    picture: (N, S, 1408) → (N, 32, 768).  Source: Li, Li, Savarese & Hoi 2023, section 3.1.
    """

    def __init__(self, width=768, other=1408, queries=32):
        super().__init__()
        self.queries = nn.Parameter(torch.empty(1, queries, width))
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, 12, 3072, other=None if i % 2 else other) for i in range(12))

    def forward(self, picture):
        x = self.norm(self.queries.expand(len(picture), -1, -1))
        for layer in self.layers:
            x = layer(x, picture)
        return x


class LlamaLayer(nn.Module):
    """RMS norm, self-attention without biases, RMS norm, a gated MLP."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2))
        self.read = MultiHeadAttention(width, heads, bias=False)
        self.gate, self.up, self.down = (
            nn.Linear(*size, bias=False) for size in ((width, hidden),) * 2 + ((hidden, width),)
        )

    def forward(self, x):
        x = x + self.read(self.norms[0](x))
        y = self.norms[1](x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    """LLaMA-13B, of which Vicuna-13B is a fine-tuned copy: vectors (N, T, 5120) → (N, T, 32000).

    Source: Touvron et al. 2023, table 2; hidden width and vocabulary of the released configuration.
    """

    def __init__(self, width=5120, layers=40, heads=40, hidden=13824, words=32000):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.layers = nn.ModuleList(LlamaLayer(width, heads, hidden) for _ in range(layers))
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, words, bias=False)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


class Tokens(nn.Module):
    """A ViT without its head: images → all its tokens (N, 1 + patches, width)."""

    def __init__(self, *size):
        super().__init__()
        vit = ViT(*size, num_classes=1)
        self.conv_proj, self.class_token, self.encoder = vit.conv_proj, vit.class_token, vit.encoder

    def forward(self, images):
        x = self.conv_proj(images).flatten(2).transpose(1, 2)
        return self.encoder(torch.cat([self.class_token.expand(len(x), -1, -1), x], 1))


def build(make):
    """Return what make() builds, on the meta device."""
    with torch.device("meta"):
        return make()


def vit(size, patch, layers, heads, width, hidden):
    """Return a ViT without its head, on the meta device."""
    return build(lambda: Tokens(size, patch, layers, heads, width, hidden))


def count(module):
    """Return the number of parameters, shared ones once."""
    return sum(p.numel() for p in module.parameters())


# Chapter, direction, network, what it was trained with as published (the sources are in the notebook), network and inputs.
DIRECTIONS = (
    (
        "15",
        "SimCLR",
        "ResNet-50",
        "ImageNet; 128 TPU v3 cores, 1.5 h per 100 epochs",
        lambda: build(resnet50),
        ((1, 3, 224, 224),),
    ),
    (
        "15",
        "DINO",
        "ViT-S/16",
        "ImageNet; 16 GPUs, 3 days",
        lambda: vit(224, 16, 12, 6, 384, 1536),
        ((1, 3, 224, 224),),
    ),
    (
        "16",
        "CLIP",
        "ViT-L/14, its picture tower",
        "400 M pairs; 256 V100, 12 days",
        lambda: vit(224, 14, 24, 16, 1024, 4096),
        ((1, 3, 224, 224),),
    ),
    (
        "17",
        "BLIP",
        "ViT-B/16 at 384",
        "14 M pictures, or 129 M; 32 GPUs",
        lambda: vit(384, 16, 12, 12, 768, 3072),
        ((1, 3, 384, 384),),
    ),
    (
        "17",
        "MiniGPT-4",
        "LLaMA-13B, 64 tokens",
        "5 M pairs; 4 A100, 10 h for the layer",
        lambda: build(Llama),
        ((1, 64, 5120),),
    ),
)


# The same of chapters that build their networks themselves: parameters and multiply-adds as they count them (a test compares).
COUNTED = (
    (
        "18",
        "Stable Diffusion 1",
        "its U-net, one step on 64×64 latents",
        859_520_964,
        401_636_720_640,
        "LAION-2B; 256 A100, 150,000 GPU hours",
    ),
    (
        "19",
        "Segment Anything",
        "ViT-H at 1024, read once a picture",
        637_026_048,
        2_980_541_415_424,
        "11 M pictures; 256 A100, 68 h",
    ),
    ("20", "NeRF", "one point of one ray", 593_924, 591_488, "one scene; one V100, 1 to 2 days"),
)


def show_directions():
    """Show for each direction the published network, its parameters and multiply-adds by the cost table, and its training."""
    rows = [(*first, weights, macs, trained) for *first, weights, macs, trained in COUNTED]
    for *first, trained, make, shapes in DIRECTIONS:
        model = make()
        rows.append((*first, count(model), cost_table(model, list(shapes)).total.macs, trained))
    show_table(
        ["chapter", "direction", "network", "parameters", "MACs, one input", "trained on, with (published)"],
        [
            [*first, f"{weights / 1e6:,.1f} M", f"{macs / 1e9:,.4g} G", trained]
            for *first, weights, macs, trained in sorted(rows, key=lambda row: row[0])
        ],
    )
