"""ViT: an image cut into patches, each patch a token, and an encoder that lets every token look at every other."""

from collections import OrderedDict

import torch
from einops import rearrange
from torch import nn

from helpers.checks import check_choice, check_images, check_number, check_tokens, whole, whole_pair
from helpers.layers.attention import MultiHeadAttention, interpolate_positions, sinusoidal_positions_2d


def mlp(width, hidden, dropout=0.0):
    """Return two linear layers with a GELU between them, for each token by itself: (..., width) → (..., width)."""
    wide, narrow = nn.Linear(width, whole("mlp_dim", hidden, 1)), nn.Linear(hidden, width)
    return nn.Sequential(wide, nn.GELU(), nn.Dropout(dropout), narrow, nn.Dropout(dropout))


class EncoderBlock(nn.Module):
    """Attention between the tokens, then an MLP in each token; both are added to what came in.

    x:       (N, T, D)
    returns: (N, T, D)

    Source: Dosovitskiy et al. 2021, equations 2 and 3: the normalisation comes first in each branch.
    """

    def __init__(self, num_heads, hidden_dim, mlp_dim, dropout=0.0, attention_dropout=0.0):
        super().__init__()
        self.ln_1 = nn.LayerNorm(whole("hidden_dim", hidden_dim, 1), eps=1e-6)
        self.self_attention = MultiHeadAttention(hidden_dim, num_heads, dropout=attention_dropout)
        self.dropout = nn.Dropout(check_number("dropout", dropout, 0, 1))
        self.ln_2 = nn.LayerNorm(hidden_dim, eps=1e-6)
        self.mlp = mlp(hidden_dim, mlp_dim, dropout)
        for layer in (self.mlp[0], self.mlp[3]):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, x):
        check_tokens(x, self.ln_1.weight)
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Add the positions, run the blocks one after the other, normalise: (N, T, D) → (N, T, D).

    pos_embedding: (1, T, D), learnt if it is a parameter
    """

    def __init__(self, pos_embedding, blocks, dropout=0.0):
        super().__init__()
        if isinstance(pos_embedding, nn.Parameter):
            self.pos_embedding = pos_embedding
        else:
            self.register_buffer("pos_embedding", pos_embedding, persistent=False)  # a rule, so it need not be saved
        self.dropout = nn.Dropout(check_number("dropout", dropout, 0, 1))
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block) for i, block in enumerate(blocks)))
        self.ln = nn.LayerNorm(self.pos_embedding.shape[-1], eps=1e-6)

    def forward(self, x):
        check_tokens(x, self.pos_embedding)
        if x.shape[1] != self.pos_embedding.shape[1]:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must have {self.pos_embedding.shape[1]} tokens, one for each of "
                "pos_embedding: change either"
            )
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class ViT(nn.Module):
    """The vision transformer.

    x:       (N, in_channels, H, W), of image_size
    returns: (N, num_classes), not yet passed through softmax; with distill and while training a pair of these, from the
             class (or mean) and from the distillation token; in prediction the mean of the pair

    image_size: int or (H, W), pixels;  patch_size: int or (height, width), pixels, a divisor of it
    hidden_dim: D, numbers per token;   mlp_dim: numbers between the two layers of an MLP
    pool:       what is classified: "token", an extra token that is learnt; or "mean", of the patches, without one
    distill:    a second extra token with a head of its own, to learn from a teacher (DeiT)
    positions:  "learnable", "sinusoidal" (hidden_dim then a multiple of 4) or "none"
    dropout, attention_dropout: shares set to 0 while training
    raises:     ValueError where numbers do not fit together, or an image has not image_size

    With pool="token" and learnable positions it takes torchvision's state_dict. The head begins at zero, as there.
    Sources: Dosovitskiy et al. 2021; Touvron et al. 2021 (DeiT), section 4; Beyer, Zhai & Kolesnikov 2022 for the mean.
    """

    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        mlp_dim,
        num_classes=1000,
        in_channels=3,
        pool="token",
        distill=False,
        positions="learnable",
        dropout=0.0,
        attention_dropout=0.0,
    ):
        super().__init__()
        self.pool = check_choice("pool", pool, ("token", "mean"))
        self.positions = check_choice("positions", positions, ("learnable", "sinusoidal", "none"))
        self.patch_size = whole_pair("patch_size", patch_size, 1)
        self.image_size, self.grid = self.grid_of(image_size)
        self.extra_tokens = (pool == "token") + bool(distill)

        whole("in_channels", in_channels, 1)
        whole("hidden_dim", hidden_dim, 1)
        whole("num_classes", num_classes, 1)
        self.conv_proj = nn.Conv2d(in_channels, hidden_dim, self.patch_size, stride=self.patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, hidden_dim)) if pool == "token" else None
        self.distill_token = nn.Parameter(torch.zeros(1, 1, hidden_dim)) if distill else None
        blocks = (
            EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout)
            for _ in range(whole("num_layers", num_layers, 0))
        )
        self.encoder = Encoder(self.first_positions(hidden_dim), blocks, dropout)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(hidden_dim, num_classes)))
        self.distill_head = nn.Linear(hidden_dim, num_classes) if distill else None

        inputs = self.conv_proj.weight[0].numel()
        nn.init.trunc_normal_(self.conv_proj.weight, std=inputs**-0.5)
        nn.init.zeros_(self.conv_proj.bias)
        for head in (self.heads.head, self.distill_head) if distill else (self.heads.head,):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        if distill:
            nn.init.trunc_normal_(self.distill_token, std=0.02)  # else the two tokens could begin as one

    def grid_of(self, image_size):
        """Return image_size as (H, W) and the grid of its patches, (rows, columns)."""
        H, W = image_size = whole_pair("image_size", image_size, 1)
        height, width = self.patch_size
        if H % height or W % width:
            raise ValueError(
                f"image_size (={image_size}) must be a multiple of patch_size (={self.patch_size}) both "
                "ways: change either"
            )
        return image_size, (H // height, W // width)

    def first_positions(self, hidden_dim):
        """Return (1, extra_tokens + H*W, D) for a grid of (H, W) patches."""
        shape = (1, self.extra_tokens + self.grid[0] * self.grid[1], hidden_dim)
        if self.positions == "learnable":
            return nn.Parameter(torch.empty(shape).normal_(std=0.02))
        found = torch.zeros(shape)
        if self.positions == "sinusoidal":
            found[0, self.extra_tokens :] = sinusoidal_positions_2d(self.grid, hidden_dim)
        return found

    def tokens(self, x):
        """Cut the image into patches, make each a token, and put the extra tokens before them: (N, T, D)."""
        check_images(x, self.conv_proj)
        if tuple(x.shape[2:]) != self.image_size:
            raise ValueError(
                f"x (shape {tuple(x.shape)}) must be (N, C, {self.image_size[0]}, {self.image_size[1]}): "
                "scale the images, or call resize(image_size) first"
            )
        patches = rearrange(self.conv_proj(x), "n d rows columns -> n (rows columns) d")
        extra = [token.expand(len(x), 1, -1) for token in (self.class_token, self.distill_token) if token is not None]
        return torch.cat([*extra, patches], dim=1)

    def forward(self, x):
        x = self.encoder(self.tokens(x))  # (N, T, D)
        seen = x[:, 0] if self.pool == "token" else x[:, self.extra_tokens :].mean(dim=1)
        label = self.heads(seen)
        if self.distill_token is None:
            return label
        teacher = self.distill_head(x[:, self.extra_tokens - 1])  # the distillation token stands last of the extra
        return (label, teacher) if self.training else (label + teacher) / 2

    def attention_weights(self, x):
        """Return who looks at whom: for each block the weights (N, num_heads, T, T), rows queries, columns keys.

        The extra tokens come first, then the patches row by row; each row sums to 1 (without attention_dropout).
        """
        x, found = self.encoder.dropout(self.tokens(x) + self.encoder.pos_embedding), []
        for block in self.encoder.layers:
            found.append(block.self_attention(block.ln_1(x), return_weights=True)[1])
            x = block(x)
        return found

    def resize(self, image_size):
        """Take images of another size from now on: interpolate learnt positions, compute others anew. Return self.

        raises: ValueError where patch_size does not divide image_size

        The positions are then a new parameter: make the optimiser afterwards.
        """
        old, positions = self.grid, self.encoder.pos_embedding
        self.image_size, self.grid = self.grid_of(image_size)
        if self.positions == "learnable":
            found = interpolate_positions(positions.detach(), old, self.grid, self.extra_tokens)
            self.encoder.pos_embedding = nn.Parameter(found.clone())
        else:
            self.encoder.pos_embedding = self.first_positions(positions.shape[-1]).to(positions)
        return self


def vit_b_16(num_classes=1000, in_channels=3, image_size=224, **others):
    """Return ViT-B/16: 12 blocks of 768 numbers and 12 heads, patches of 16 pixels; others: see ViT."""
    return ViT(image_size, 16, 12, 12, 768, 3072, num_classes, in_channels, **others)


def vit_b_32(num_classes=1000, in_channels=3, image_size=224, **others):
    """Return ViT-B/32: 12 blocks of 768 numbers and 12 heads, patches of 32 pixels; others: see ViT."""
    return ViT(image_size, 32, 12, 12, 768, 3072, num_classes, in_channels, **others)


def vit_l_16(num_classes=1000, in_channels=3, image_size=224, **others):
    """Return ViT-L/16: 24 blocks of 1024 numbers and 16 heads, patches of 16 pixels; others: see ViT."""
    return ViT(image_size, 16, 24, 16, 1024, 4096, num_classes, in_channels, **others)


def vit_l_32(num_classes=1000, in_channels=3, image_size=224, **others):
    """Return ViT-L/32: 24 blocks of 1024 numbers and 16 heads, patches of 32 pixels; others: see ViT."""
    return ViT(image_size, 32, 24, 16, 1024, 4096, num_classes, in_channels, **others)


def vit_h_14(num_classes=1000, in_channels=3, image_size=224, **others):
    """Return ViT-H/14: 32 blocks of 1280 numbers and 16 heads, patches of 14 pixels; others: see ViT."""
    return ViT(image_size, 14, 32, 16, 1280, 5120, num_classes, in_channels, **others)
