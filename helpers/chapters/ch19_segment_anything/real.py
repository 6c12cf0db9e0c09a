"""Segment Anything by its published sizes (ViT-H), to be built on the meta device: shapes alone, no weight is allocated.

Source: facebookresearch/segment-anything, modeling/ and build_sam.py; Kirillov et al. 2023, section 3 and appendix A.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.layers import MultiHeadAttention


class Norm2d(nn.Module):
    """LayerNorm over the channels of each pixel of (N, C, H, W)."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PlacedAttention(nn.Module):
    """Self-attention of a map (N, H, W, D) with positions relative in height and in width, looked up by the query."""

    def __init__(self, width, heads, side):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.rel_pos_h, self.rel_pos_w = (nn.Parameter(torch.empty(2 * side - 1, width // heads)) for _ in range(2))

    def forward(self, x):
        N, H, W, D = x.shape
        q, k, v = self.qkv(x).reshape(N, H * W, 3, self.heads, -1).permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        scores = (q / q.shape[-1] ** 0.5) @ k.transpose(1, 2)
        across = torch.arange(H)[:, None] - torch.arange(H) + H - 1
        placed = q.unflatten(1, (H, W))
        down = placed @ self.rel_pos_h[across.to(x.device)].transpose(1, 2)  # (N · heads, H, W, H)
        along = (placed.transpose(1, 2) @ self.rel_pos_w[across.to(x.device)].transpose(1, 2)).transpose(1, 2)
        scores = (scores.unflatten(1, (H, W)).unflatten(3, (H, W)) + down[..., None] + along[..., None, :]).view_as(
            scores
        )
        found = scores.softmax(-1) @ v
        return self.proj(found.unflatten(0, (N, -1)).transpose(1, 2).reshape(N, H, W, D))


class Block(nn.Module):
    """A transformer block on a map; window: None, or the side of the windows in which it attends, the map filled up with zeros."""

    def __init__(self, width, heads, side, window=None):
        super().__init__()
        self.window, self.norm1, self.norm2 = window, nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = PlacedAttention(width, heads, window or side)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        y = self.norm1(x)
        if self.window is None:
            return self.after(x + self.attn(y))
        N, H, W, D = y.shape
        w, more = self.window, -H % self.window
        y = F.pad(y, (0, 0, 0, more, 0, more))
        rows = (H + more) // w
        y = self.attn(y.view(N, rows, w, rows, w, D).transpose(2, 3).reshape(-1, w, w, D))
        y = y.view(N, rows, rows, w, w, D).transpose(2, 3).reshape(N, rows * w, rows * w, D)
        return self.after(x + y[:, :H, :W])

    def after(self, x):
        return x + self.mlp(self.norm2(x))


class ImageEncoder(nn.Module):
    """The encoder of SAM with ViT-H: pictures (N, 3, 1024, 1024) → (N, 256, 64, 64). 28 of 32 blocks attend in windows of 14."""

    def __init__(self, width=1280, layers=32, heads=16, everywhere=(7, 15, 23, 31), window=14, side=64):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.places = nn.Parameter(torch.empty(1, side, side, width))
        windows = [None if i in everywhere else window for i in range(layers)]
        self.blocks = nn.Sequential(*(Block(width, heads, side, each) for each in windows))
        self.neck = nn.Sequential(
            nn.Conv2d(width, 256, 1, bias=False),
            Norm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            Norm2d(256),
        )

    def forward(self, images):
        x = self.blocks(self.patches(images).permute(0, 2, 3, 1) + self.places)
        return self.neck(x.permute(0, 3, 1, 2))


class Narrow(nn.Module):
    """Attention whose queries, keys and values are projected to `inner` numbers, by `heads` heads."""

    def __init__(self, width, inner, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, inner) for _ in range(3))
        self.out = nn.Linear(inner, width)

    def forward(self, q, k, v):
        q, k, v = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (self.q(q), self.k(k), self.v(v)))
        found = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1) @ v
        return self.out(found.transpose(1, 2).flatten(2))


class TwoWayBlock(nn.Module):
    """Tokens among themselves, tokens to the picture, an MLP, the picture to the tokens."""

    def __init__(self, width=256, hidden=2048, heads=8):
        super().__init__()
        self.own = MultiHeadAttention(width, heads)
        self.to_picture, self.to_tokens = Narrow(width, width // 2, heads), Narrow(width, width // 2, heads)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(self, tokens, cells, start, place):
        tokens = self.norms[0](tokens + self.own(tokens + start, tokens + start, tokens))
        tokens = self.norms[1](tokens + self.to_picture(tokens + start, cells + place, cells))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        return tokens, self.norms[3](cells + self.to_tokens(cells + place, tokens + start, tokens))


class MaskDecoder(nn.Module):
    """Prompts and decoder of SAM: maps (N, 256, 64, 64), points (N, P, 2), kinds (N, P) → masks (N, 4, 256, 256), qualities (N, 4).

    previous: None, or scores of a mask (N, 1, 256, 256). The released code adds a point that stands for nothing where there
    is no box: give one prompt more.
    """

    def __init__(self, width=256):
        super().__init__()
        self.register_buffer("waves", torch.empty(2, width // 2))
        self.kinds, self.no_mask = nn.Embedding(5, width), nn.Parameter(torch.empty(width))
        self.before = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2),
            Norm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, 2),
            Norm2d(16),
            nn.GELU(),
            nn.Conv2d(16, width, 1),
        )
        self.own = nn.Parameter(torch.empty(5, width))
        self.blocks = nn.ModuleList(TwoWayBlock(width) for _ in range(2))
        self.last, self.norm = Narrow(width, width // 2, 8), nn.LayerNorm(width)
        up = (nn.ConvTranspose2d(width, 64, 2, 2), Norm2d(64), nn.GELU(), nn.ConvTranspose2d(64, 32, 2, 2), nn.GELU())
        self.up = nn.Sequential(*up)
        self.heads = nn.ModuleList(self.mlp(width, 32) for _ in range(4))
        self.quality = self.mlp(width, 4)

    @staticmethod
    def mlp(width, out):
        return nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out)
        )

    def forward(self, maps, points, kinds, previous=None):
        angles = points @ self.waves
        start = torch.cat([angles.sin(), angles.cos()], -1) + self.kinds(kinds)
        start = tokens = torch.cat([self.own.expand(len(points), -1, -1), start], 1)
        maps = maps + (self.no_mask[:, None, None] if previous is None else self.before(previous))
        place = cells = maps.flatten(2).transpose(
            1, 2
        )  # the places are sines, computed once: only their shape matters here
        for block in self.blocks:
            tokens, cells = block(tokens, cells, start, place)
        tokens = self.norm(tokens + self.last(tokens + start, cells + place, cells))
        pixels = self.up(cells.transpose(1, 2).unflatten(2, (64, 64)))
        weights = torch.stack([head(tokens[:, 1 + i]) for i, head in enumerate(self.heads)], 1)
        return (weights @ pixels.flatten(2)).unflatten(2, pixels.shape[2:]), self.quality(tokens[:, 0])


def build(make):
    """Return what make() builds, on the meta device."""
    with torch.device("meta"):
        return make()


def count(module):
    """Return the number of parameters."""
    return sum(p.numel() for p in module.parameters())
