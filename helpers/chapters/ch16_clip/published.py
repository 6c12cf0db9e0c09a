"""CLIP's published towers, to be counted: their layers as in github.com/openai/CLIP, clip/model.py (2021)."""

import torch
from torch import nn

from helpers.models.vit import EncoderBlock
from helpers.output import publish


class VisionTransformer(nn.Module):
    """CLIP's picture tower: a ViT with a normalisation before its blocks, whose class token becomes the embedding.

    x:       (N, 3, size, size)
    returns: (N, embed)
    """

    def __init__(self, patch, layers, width, embed, size=224):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros((size // patch) ** 2 + 1, width))
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*[EncoderBlock(width // 64, width, 4 * width) for _ in range(layers)])
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, embed, bias=False)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)  # (N, patches, width)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1) + self.places
        return self.out(self.norm(self.blocks(self.first_norm(x))[:, 0]))


class TextTransformer(nn.Module):
    """CLIP's text tower. Here without the causal mask, which changes neither parameters nor the products that are counted.

    tokens:  (N, 77) int64, the last of which ends the text
    returns: (N, embed)
    """

    def __init__(self, width, embed, layers=12, vocabulary=49408, length=77):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(length, width))
        self.blocks = nn.Sequential(*[EncoderBlock(width // 64, width, 4 * width) for _ in range(layers)])
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, embed, bias=False)

    def forward(self, tokens):
        x = self.blocks(self.words(tokens) + self.places)  # (N, 77, width)
        return self.out(self.norm(x[:, -1]))


def html_table(tables, published):
    """Show parameters and multiply-adds of both towers beside the published ones.

    tables:    {name: (CostTable of the picture tower, of the text tower)}
    published: {name: (millions of parameters of each tower, GFLOPs of both)}
    """
    heads = ("", "picture tower, M parameters", "text tower, M parameters", "both, GMACs", "published")
    rows = []
    for name, both in tables.items():
        millions = [table.total.params / 1e6 for table in both]
        macs = sum(table.total.macs for table in both) / 1e9
        known = "{:.2f} and {:.2f} M, {:.2f} GFLOPs".format(*published[name])
        rows.append((name, f"{millions[0]:.2f}", f"{millions[1]:.2f}", f"{macs:.2f}", known))
    cells = lambda row, tag: "".join(f"<{tag}>{cell}</{tag}>" for cell in row)  # noqa: E731
    table = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    plain = "\n".join(" | ".join(row).strip(" |") for row in (heads, *rows))
    publish({"text/plain": plain, "text/html": f"<table><tr>{cells(heads, 'th')}</tr>{table}</table>"})
