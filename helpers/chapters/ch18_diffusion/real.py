"""The three networks of Stable Diffusion 1, to be built on the meta device: shapes alone, no weight is allocated.

Source: CompVis/stable-diffusion, configs/stable-diffusion/v1-inference.yaml, ldm/modules; Rombach et al. 2021,
arXiv:2112.10752. Parameter counts equal the released ones: 859,520,964, 83,653,863 and 123,060,480.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.layers import MultiHeadAttention


def norm(channels):
    return nn.GroupNorm(32, channels)


class Residual(nn.Module):
    """Two 3×3 convolutions around which x is added; the time, where there is one, is added to the channels between them."""

    def __init__(self, before, after, told=None):
        super().__init__()
        self.norms = nn.ModuleList((norm(before), norm(after)))
        self.one, self.two = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.told = nn.Linear(told, after) if told else None
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x, told=None):
        h = self.one(F.silu(self.norms[0](x)))
        if told is not None:
            h = h + self.told(F.silu(told))[..., None, None]
        return self.skip(x) + self.two(F.silu(self.norms[1](h)))


class Attend(nn.Module):
    """Attention with 8 heads from x (N, T, width) to other (N, S, of), itself where there is none; only the last has a bias."""

    def __init__(self, width, of):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(a, width, bias=False) for a in (width, of, of))
        self.out = nn.Linear(width, width)

    def forward(self, x, other=None):
        other = x if other is None else other
        heads = (each.unflatten(-1, (8, -1)).transpose(1, 2) for each in (self.q(x), self.k(other), self.v(other)))
        return self.out(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """Places look at each other, then at the text, then each thinks (a gated MLP)."""

    def __init__(self, width, text=768):
        super().__init__()
        self.norm, self.into, self.back = norm(width), nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.places, self.text = Attend(width, width), Attend(width, text)
        self.up, self.down = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, x, text):
        h = self.into(self.norm(x))
        size, h = h.shape[2:], h.flatten(2).transpose(1, 2)
        h = h + self.places(self.norms[0](h))
        h = h + self.text(self.norms[1](h), text)
        value, gate = self.up(self.norms[2](h)).chunk(2, -1)
        h = h + self.down(value * F.gelu(gate))
        return x + self.back(h.transpose(1, 2).unflatten(2, size))


class Level(nn.Module):
    """A residual block, with a transformer behind it or not."""

    def __init__(self, before, after, attends):
        super().__init__()
        self.block, self.looks = Residual(before, after, 1280), Transformer(after) if attends else None

    def forward(self, x, told, text):
        x = self.block(x, told)
        return x if self.looks is None else self.looks(x, text)


class Denoiser(nn.Module):
    """The U-net: latents (N, 4, 64, 64), sines of the time (N, 320), text (N, 77, 768) → (N, 4, 64, 64).

    channels: of the pictures: 4 for latents
    """

    def __init__(self, channels=4, base=320):
        super().__init__()
        self.told = nn.Sequential(nn.Linear(base, 4 * base), nn.SiLU(), nn.Linear(4 * base, 4 * base))
        self.first = nn.Conv2d(channels, base, 3, padding=1)
        widths, sizes, now = [base * m for m in (1, 2, 4, 4)], [base], base
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            for _ in range(2):
                self.down.append(Level(now, width, attends=level < 3))
                now = width
                sizes.append(now)
            if level < 3:
                self.down.append(nn.Conv2d(now, now, 3, 2, 1))
                sizes.append(now)
        self.middle = nn.ModuleList((Residual(now, now, 1280), Transformer(now), Residual(now, now, 1280)))
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(3):
                self.up.append(Level(now + sizes.pop(), width, attends=level < 3))
                now = width
            if level:
                self.up.append(nn.Conv2d(now, now, 3, padding=1))
        self.last = nn.Sequential(norm(base), nn.SiLU(), nn.Conv2d(base, channels, 3, padding=1))

    def forward(self, x, time, text):
        told, x = self.told(time), self.first(x)
        kept = [x]
        for part in self.down:
            x = part(x, told, text) if isinstance(part, Level) else part(x)
            kept.append(x)
        x = self.middle[2](self.middle[1](self.middle[0](x, told), text), told)
        for part in self.up:
            if isinstance(part, Level):
                x = part(torch.cat([x, kept.pop()], 1), told, text)
            else:
                x = part(F.interpolate(x, scale_factor=2))
        return self.last(x)


class Places(nn.Module):
    """Attention of one head between the places of (N, C, H, W), all of its matrices as 1×1 convolutions."""

    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v, self.out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (each(h).flatten(2).transpose(1, 2)[:, None] for each in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.out(mixed)


def middle(width):
    return [Residual(width, width), Places(width), Residual(width, width)]


class Encoder(nn.Sequential):
    """Pictures (N, 3, 512, 512) → means and log-variances (N, 8, 64, 64)."""

    def __init__(self, base=128):
        parts, now = [nn.Conv2d(3, base, 3, padding=1)], base
        for level, width in enumerate(base * m for m in (1, 2, 4, 4)):
            parts += [Residual(now, width), Residual(width, width)]
            parts += [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(width, width, 3, 2)] if level < 3 else []
            now = width
        parts += [*middle(now), norm(now), nn.SiLU(), nn.Conv2d(now, 8, 3, padding=1), nn.Conv2d(8, 8, 1)]
        super().__init__(*parts)


class Decoder(nn.Sequential):
    """Latents (N, 4, 64, 64) → pictures (N, 3, 512, 512)."""

    def __init__(self, base=128):
        now = 4 * base
        parts = [nn.Conv2d(4, 4, 1), nn.Conv2d(4, now, 3, padding=1), *middle(now)]
        for level, width in reversed(list(enumerate(base * m for m in (1, 2, 4, 4)))):
            parts += [Residual(now, width), Residual(width, width), Residual(width, width)]
            parts += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)] if level else []
            now = width
        super().__init__(*parts, norm(now), nn.SiLU(), nn.Conv2d(now, 3, 3, padding=1))


class TextLayer(nn.Module):
    """A transformer layer, norms first."""

    def __init__(self, width, heads):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.read = MultiHeadAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.read(self.norms[0](x), is_causal=True)
        return x + self.mlp(self.norms[1](x))


class Text(nn.Module):
    """CLIP's text tower of ViT-L/14, without its last projection: (N, 77) → (N, 77, 768)."""

    def __init__(self, words=49408, width=768, layers=12, longest=77):
        super().__init__()
        self.words, self.order = nn.Embedding(words, width), nn.Embedding(longest, width)
        self.layers, self.norm = nn.Sequential(*(TextLayer(width, 12) for _ in range(layers))), nn.LayerNorm(width)

    def forward(self, text):
        return self.norm(self.layers(self.words(text) + self.order.weight[: text.shape[1]]))


def build(make):
    """Return what make() builds, on the meta device."""
    with torch.device("meta"):
        return make()


def networks():
    """Return the four parts by name, on the meta device."""
    made = {"U-net": Denoiser, "encoder": Encoder, "decoder": Decoder, "text": Text}
    return {name: build(make) for name, make in made.items()}


def on_pixels():
    """Return the U-net with three channels for four: as it would have to be for pictures themselves; on the meta device."""
    return build(lambda: Denoiser(channels=3))


def count(network):
    """Return how many parameters a network has."""
    return sum(p.numel() for p in network.parameters())
