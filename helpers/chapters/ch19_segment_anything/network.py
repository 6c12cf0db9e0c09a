"""A small Segment Anything: an encoder that is run once a picture, a decoder that is run for every prompt.

Attention, TwoWay and Decoder are those of the notebook, where they are explained; a test holds them equal.
"""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.chapters.ch19_segment_anything.scenes import SIZE
from helpers.checks import check_tensor

HERE = Path(__file__).parent
WIDTH, FINE = 48, 24  # numbers of a token; of a pixel


def twice(x):
    """Return maps (N, C, H, W) twice as large, smoothed."""
    check_tensor("x", x, "(N, C, H, W)", "one map becomes a batch by x[None]", floats=True)
    return F.interpolate(x, scale_factor=2, mode="bilinear")


class Encoder(nn.Module):
    """Run once a picture: (N, 3, 32, 32) → maps (N, 48, 8, 8), (N, 24, 16, 16) and (N, 24, 32, 32), coarse to fine.

    Convolutions that halve the picture three times, and what was found brought back to the finer maps. It is told
    where each pixel is, as the tokens of a ViT are.
    """

    def __init__(self):
        super().__init__()

        def conv(before, after, stride=1):
            layers = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
            return nn.Sequential(*layers)

        axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
        self.register_buffer("place", torch.stack([axis.expand(SIZE, SIZE), axis[:, None].expand(SIZE, SIZE)])[None])
        self.fine, self.middle = conv(5, 24), nn.Sequential(conv(24, 32, 2), conv(32, 32))
        self.coarse = nn.Sequential(conv(32, 64, 2), conv(64, 64), conv(64, 64))
        self.low, self.back = nn.Sequential(conv(64, 64, 2), conv(64, 64)), nn.ConvTranspose2d(64, 64, 2, 2)
        self.last, self.to_middle = nn.Conv2d(64, WIDTH, 1), nn.Conv2d(32 + 64, FINE, 1)
        self.to_fine = nn.Conv2d(24 + FINE, FINE, 1)
        self.to(memory_format=torch.channels_last)  # faster here

    def forward(self, images):
        fine = self.fine(torch.cat([images * 2 - 1, self.place.expand(len(images), -1, -1, -1)], 1))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        coarse = coarse + self.back(self.low(coarse))
        middle = self.to_middle(torch.cat([middle, twice(coarse)], 1))
        return self.last(coarse), middle, self.to_fine(torch.cat([fine, twice(middle)], 1)).relu()


class Attention(nn.Module):
    """One head of attention (chapter 9): who asks, who is asked, and what is handed over."""

    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        nn.init.orthogonal_(self.q.weight, 1.5)
        self.k.weight.data.copy_(self.q.weight)  # like finds like from the start: a click finds its place

    def forward(self, q, k, v):
        scores = self.q(q) @ self.k(k).transpose(1, 2) / q.shape[-1] ** 0.5
        return self.out(scores.softmax(-1) @ self.v(v))


class TwoWay(nn.Module):
    """Tokens look at each other, tokens look at the picture, an MLP, and the picture looks at the tokens."""

    def __init__(self, width):
        super().__init__()
        self.own, self.to_picture, self.to_tokens = (Attention(width) for _ in range(3))
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(self, tokens, cells, token_place, cell_place):
        q = tokens + token_place
        tokens = self.norms[0](tokens + self.own(q, q, tokens))
        tokens = self.norms[1](tokens + self.to_picture(tokens + token_place, cells + cell_place, cells))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        cells = self.norms[3](cells + self.to_tokens(cells + cell_place, tokens + token_place, tokens))
        return tokens, cells


class Decoder(nn.Module):
    """Maps of N pictures and prompts, equally many for each → scores of masks (M, 4, 32, 32), and their quality, guessed (M, 4).

    points (M, P, 2): x, y in pixels;  kinds (M, P): 0 a click beside it, 1 a click on it, 2 and 3 corners of a box
    """

    def __init__(self, width=48, fine=24):
        super().__init__()
        self.register_buffer("waves", 0.5 * torch.randn(2, width // 2))
        self.kinds, self.under = nn.Embedding(4, width), nn.Linear(fine, width)
        self.own = nn.Parameter(0.5 * torch.randn(5, width))  # tokens of its own: one for the quality, four for masks
        self.before = nn.Conv2d(1, width, 4, 4)  # a mask that is there already, brought to 8 × 8
        self.block, self.last, self.norm = TwoWay(width), Attention(width), nn.LayerNorm(width)
        self.up, self.fine = nn.Linear(width, 4 * fine), fine
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * fine + 1)) for _ in range(4)
        )
        self.quality = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))

    def place(self, points):
        angles = 2 * math.pi * ((points + 0.5) / 16 - 1) @ self.waves
        return torch.cat([angles.sin(), angles.cos()], -1)

    def forward(self, maps, points, kinds, previous=None):
        coarse, middle, fine = maps
        N, per = len(fine), len(points) // len(fine)
        axis = 4 * torch.arange(8, device=points.device) + 1.5
        cell_place = self.place(torch.cartesian_prod(axis, axis).flip(1))  # rows first: x changes fastest
        seen = F.grid_sample(fine, (points.unflatten(0, (N, per)) + 0.5) / 16 - 1, align_corners=False)
        seen = self.under(seen.permute(0, 2, 3, 1).flatten(0, 1))
        prompt = self.place(points) + self.kinds(kinds) + seen * (kinds < 2)[..., None]
        tokens = start = torch.cat([self.own.expand(len(points), -1, -1), prompt], 1)
        cells = (coarse.flatten(2).transpose(1, 2) + cell_place).repeat_interleave(per, 0)
        if previous is not None:
            cells = cells + self.before(previous[:, None].clamp(-8, 8) / 4).flatten(2).transpose(1, 2)
        tokens, cells = self.block(tokens, cells, start, cell_place)
        tokens = self.norm(tokens + self.last(tokens + start, cells + cell_place, cells))
        weights = torch.stack([head(tokens[:, 1 + i]) for i, head in enumerate(self.heads)], 1)
        asked = F.pixel_shuffle(self.up(cells).transpose(1, 2).unflatten(2, (8, 8)), 2)  # 16 × 16, knows the prompt
        asked = (asked.unflatten(0, (N, per)) + middle[:, None]).relu().flatten(3).flatten(0, 1)
        rough = weights[..., : self.fine] @ asked
        sharp = weights[..., self.fine : -1].reshape(N, 4 * per, -1) @ fine.flatten(2)  # the same for every prompt
        masks = twice(rough.unflatten(2, (16, 16))) + sharp.view(-1, 4, 32, 32) + weights[..., -1:, None]
        return masks, self.quality(tokens[:, 0]).sigmoid()


class Sam(nn.Module):
    """The two together: images (N, 3, 32, 32) and a prompt for each → masks and qualities, as the Decoder gives them."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder(WIDTH, FINE)

    def forward(self, images, points, kinds, previous=None):
        return self.decoder(self.encoder(images), points, kinds, previous)


def stored():
    """Return a Sam with the weights in sam.npz, which experiments.py wrote: 8 bits a number, a scale a row."""
    net = Sam()
    with np.load(HERE / "sam.npz", allow_pickle=False) as file:
        state = {}
        for name, like in net.state_dict().items():
            value = np.float32(file[name]) * (np.float32(file[f"{name}/scale"]) if f"{name}/scale" in file else 1)
            state[name] = torch.tensor(value).reshape(like.shape).to(like.dtype)
    net.load_state_dict(state)
    return net.eval()


def store(net, path=HERE / "sam.npz"):
    """Write a Sam for stored(): matrices in 8 bits with a scale for each row, all else as it is."""
    found = {}
    for name, value in net.state_dict().items():
        value = value.detach().cpu()
        if value.dim() > 1 and name not in ("encoder.place", "decoder.waves"):
            rows = value.float().flatten(1)
            scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
            found[name], found[f"{name}/scale"] = (rows / scale).round().to(torch.int8).numpy(), scale.half().numpy()
        else:
            found[name] = value.numpy()
    np.savez_compressed(path, **found)
