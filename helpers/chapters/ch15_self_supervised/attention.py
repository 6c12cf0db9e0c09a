"""Where a small vision transformer looks, and how often that is where the ink is; with DINO's training of it."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.models.vit import Encoder, EncoderBlock, ViT


class StemViT(nn.Module):
    """The course's transformer behind two convolutions of stride 2, as patches alone learn too slowly here.

    x:       (N, 1, 16, 16)
    returns: (N, D), the class token after the last block
    """

    def __init__(self, width=48, layers=2, heads=4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        positions = nn.Parameter(0.02 * torch.randn(1, 1 + 16, width))
        self.encoder = Encoder(positions, [EncoderBlock(heads, width, 2 * width) for _ in range(layers)])

    def tokens(self, x):
        return torch.cat([self.class_token.expand(len(x), -1, -1), self.stem(x).flatten(2).transpose(1, 2)], 1)

    def forward(self, x):
        return self.encoder(self.tokens(x))[:, 0]

    attention_weights = ViT.attention_weights


@torch.no_grad()
def looks_at(net, x):
    """Return where the class token looks in the last block, the mean over heads: (N, 4, 4), each adding up to 1."""
    net.eval()
    weights = net.attention_weights(x)[-1][:, :, 0, 1:].mean(1)
    return (weights / weights.sum(1, keepdim=True)).unflatten(1, (4, 4))


def on_ink(seen, x):
    """Return how often a cell with ink gets more attention than one without: 0.5 where attention does not care (AUC).

    seen: (N, 4, 4) attention;  x: (N, 1, 16, 16), ink above 0
    """
    ink = F.adaptive_avg_pool2d((x > 0).float(), 4).flatten(1)
    seen, inside, outside = seen.flatten(1), ink > 0.5, ink < 0.2
    pairs = inside[:, :, None] & outside[:, None, :]
    more = ((seen[:, :, None] > seen[:, None, :]) & pairs).sum((1, 2))
    known = pairs.sum((1, 2)) > 0
    return (more[known] / pairs.sum((1, 2))[known]).mean().item()
