"""Swin: attention in small windows, windows that shift from block to block, patches that merge from stage to stage.

Tokens stay where they are in the image: (N, H, W, C), channels last, H and W in patches.
"""

import math

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from helpers.checks import (
    check_images,
    check_multiple,
    check_number,
    check_shape,
    check_tensor,
    check_tokens,
    whole,
    whole_pair,
)
from helpers.layers.attention import (
    attention,
    merge_heads,
    relative_position_bias,
    relative_position_index,
    split_heads,
)
from helpers.models.vit import mlp


def window_partition(x, window_size):
    """Cut a grid of tokens into windows that do not overlap, row by row.

    x:           (N, H, W, C)
    window_size: (M_h, M_w), or an int for both
    returns:     (N, windows, M_h*M_w, C), windows = H/M_h * W/M_w
    raises:      ValueError where a window's side does not divide the grid's

    Source: Liu et al. 2021 (Swin), section 3.2.
    """
    M_h, M_w = whole_pair("window_size", window_size, 1)
    check_tensor("x", x, "(N, H, W, C)", "images become so by permute(0, 2, 3, 1)")
    check_grid(x.shape[1:3], (M_h, M_w))
    return rearrange(x, "n (rows mh) (columns mw) c -> n (rows columns) (mh mw) c", mh=M_h, mw=M_w)


def window_reverse(windows, window_size, grid):
    """Put the windows back in their places: the inverse of window_partition.

    windows: (N, windows, M_h*M_w, C);  grid: (H, W)
    returns: (N, H, W, C)
    raises:  ValueError where the windows do not make up the grid
    """
    (M_h, M_w), (H, W) = whole_pair("window_size", window_size, 1), whole_pair("grid", grid, 1)
    check_grid((H, W), (M_h, M_w))
    rows, columns = H // M_h, W // M_w
    check_tensor("windows", windows, "(N, windows, M_h*M_w, C)", "give what window_partition gave")
    N, *_, C = windows.shape
    check_shape("windows", windows, (N, rows * columns, M_h * M_w, C), "give what window_partition gave")
    pattern = "n (rows columns) (mh mw) c -> n (rows mh) (columns mw) c"
    return rearrange(windows, pattern, rows=rows, columns=columns, mh=M_h, mw=M_w)


def check_grid(grid, window_size):
    """Raise ValueError unless whole windows fill the grid."""
    if grid[0] % window_size[0] or grid[1] % window_size[1]:
        raise ValueError(
            f"the grid (={grid[0]} by {grid[1]}) must be a multiple of window_size (={window_size}) both ways: pad it"
        )


def shift_mask(grid, window_size, shift_size, device=None):
    """Say who may look at whom once the grid was rolled by -shift_size and cut into windows.

    grid, window_size, shift_size: (down, right), or an int for both
    returns: (windows, T, T) boolean, T = M_h*M_w; True where two tokens of a window are as near in the image as in the
             window, and not only because the roll brought one of them round from the other side
    raises:  ValueError where a window's side does not divide the grid's, or the shift is not smaller than the window

    Source: Liu et al. 2021 (Swin), section 3.2, "Efficient batch computation".
    """
    (H, W), (M_h, M_w) = whole_pair("grid", grid, 1), whole_pair("window_size", window_size, 1)
    down, right = whole_pair("shift_size", shift_size, 0)
    if down >= M_h or right >= M_w:
        raise ValueError(
            f"shift_size (={(down, right)}) must be smaller than window_size (={(M_h, M_w)}): use half of it"
        )
    rolled_in_y = torch.arange(H, device=device) >= H - down  # (H,): these rows came from the top
    rolled_in_x = torch.arange(W, device=device) >= W - right
    origin = 2 * rolled_in_y[:, None] + rolled_in_x.long()  # (H, W), 0 to 3
    origin = window_partition(origin[None, :, :, None], (M_h, M_w)).flatten(2)[0]  # (windows, T)
    return origin[:, :, None] == origin[:, None, :]


class WindowAttention(nn.Module):
    """Attention inside windows, with a learnt bias for each way of lying apart; the windows may be shifted.

    x:       (N, H, W, dim), any H and W: zeros are added below and at the right to fill the windows, and cut off again
    returns: (N, H, W, dim)
    window_size: (M_h, M_w), or an int for both
    shift_size:  smaller than it; ignored along an axis that one window covers

    Source: Liu et al. 2021 (Swin), section 3.2 and equation 4. The zeros take part in the attention, as in torchvision.
    """

    def __init__(self, dim, num_heads, window_size, shift_size=0, dropout=0.0, attention_dropout=0.0):
        super().__init__()
        check_multiple("dim", whole("dim", dim, 1), "num_heads", whole("num_heads", num_heads, 1))
        self.window_size = M_h, M_w = whole_pair("window_size", window_size, 1)
        self.shift_size, self.num_heads = whole_pair("shift_size", shift_size, 0), num_heads
        shift_mask(self.window_size, self.window_size, self.shift_size)  # for its complaint
        self.attention_dropout = check_number("attention_dropout", attention_dropout, 0, 1)
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * M_h - 1) * (2 * M_w - 1), num_heads))
        self.register_buffer("relative_position_index", relative_position_index(self.window_size).flatten())
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(check_number("dropout", dropout, 0, 1))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def bias(self):
        """Return what is added to the scores: (heads, T, T)."""
        T = self.window_size[0] * self.window_size[1]
        return relative_position_bias(self.relative_position_bias_table, self.relative_position_index.view(T, T))

    def forward(self, x):
        check_tokens(x, self.proj.weight, "(N, H, W, C)")
        H, W = x.shape[1:3]
        M_h, M_w = self.window_size
        x = F.pad(x, (0, 0, 0, -W % M_w, 0, -H % M_h))
        grid = x.shape[1:3]
        down, right = (0 if side <= M else s for side, M, s in zip(grid, self.window_size, self.shift_size))
        mask = self.bias()  # (heads, T, T)
        if down or right:
            x = x.roll((-down, -right), dims=(1, 2))
            allowed = shift_mask(grid, self.window_size, (down, right), x.device)
            mask = mask.masked_fill(~allowed[:, None], -math.inf)  # (windows, heads, T, T)
        windows = window_partition(x, self.window_size)  # (N, windows, T, dim)
        query, key, value = (split_heads(part, self.num_heads) for part in self.qkv(windows).chunk(3, dim=-1))
        out = attention(query, key, value, mask, dropout=self.attention_dropout if self.training else 0.0)
        out = self.dropout(self.proj(merge_heads(out)))
        x = window_reverse(out, self.window_size, grid)
        if down or right:
            x = x.roll((down, right), dims=(1, 2))
        return x[:, :H, :W]


class StochasticDepth(nn.Module):
    """While training, leave out a whole branch for a share p of the images, and scale up the others by 1/(1 - p).

    Source: Huang et al. 2016, "Deep networks with stochastic depth".
    """

    def __init__(self, p):
        super().__init__()
        self.p = check_number("p", p, 0, 1, "it is the share of the images for which the branch is left out")

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * (kept / (1 - self.p) if self.p < 1 else kept)

    def extra_repr(self):
        return f"p={self.p:g}"


class SwinBlock(nn.Module):
    """Attention between the tokens of a window, then an MLP in each token; both are added: (N, H, W, C) → the same."""

    def __init__(
        self,
        dim,
        num_heads,
        window_size,
        shift_size,
        mlp_ratio=4.0,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth_prob=0.0,
    ):
        super().__init__()
        if check_number("mlp_ratio", mlp_ratio, 0) * whole("dim", dim, 1) < 1:
            raise ValueError(
                f"mlp_ratio (={mlp_ratio!r}) times dim (={dim}) must be at least 1: the MLP needs numbers inside"
            )
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, num_heads, window_size, shift_size, dropout, attention_dropout)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = mlp(dim, int(dim * mlp_ratio), dropout)

    def forward(self, x):
        check_tokens(x, self.norm1.weight, "(N, H, W, C)")
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class PatchMerging(nn.Module):
    """Make one token of each 2×2, twice as wide: (N, H, W, C) → (N, H/2, W/2, 2*C), sides rounded up.

    Source: Liu et al. 2021 (Swin), section 3.1.
    """

    def __init__(self, dim):
        super().__init__()
        self.reduction = nn.Linear(4 * whole("dim", dim, 1), 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim)

    def forward(self, x):
        check_tokens(x, self.norm.weight[::4], "(N, H, W, C)")
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))  # an odd side gets a row of zeros
        four = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]  # above, below; then the column to the right
        return self.reduction(self.norm(torch.cat(four, dim=-1)))


class ChannelsLast(nn.Module):
    """(N, C, H, W) → (N, H, W, C)."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1)


class Swin(nn.Module):
    """The Swin transformer: stages of blocks, between them half the grid and twice the width.

    x:       (N, in_channels, H, W), any size of at least one patch
    returns: (N, num_classes), not yet passed through softmax

    patch_size, window_size: int or (height, width); a patch in pixels, a window in patches
    embed_dim:        width of the first stage
    depths:           blocks of each stage; every second block has its windows shifted by half a window
    num_heads:        heads in each stage
    stochastic_depth_prob: how often the last block is left out while training; the first never, the others in between
    raises:           ValueError where numbers do not fit together

    Takes torchvision's state_dict.  Source: Liu et al. 2021, "Swin Transformer", figure 3.
    """

    def __init__(
        self,
        patch_size,
        embed_dim,
        depths,
        num_heads,
        window_size,
        mlp_ratio=4.0,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth_prob=0.1,
        num_classes=1000,
        in_channels=3,
    ):
        super().__init__()
        lists = all(isinstance(numbers, (tuple, list)) for numbers in (depths, num_heads))
        if not lists or not depths or len(depths) != len(num_heads):
            raise ValueError(
                f"depths (={depths!r}) and num_heads (={num_heads!r}) must have one number for "
                "each stage, at least one: make them equally long"
            )
        half = tuple(side // 2 for side in whole_pair("window_size", window_size, 1))
        width, patch_size = whole("embed_dim", embed_dim, 1), whole_pair("patch_size", patch_size, 1)
        patches = nn.Conv2d(whole("in_channels", in_channels, 1), width, patch_size, stride=patch_size)
        layers = [nn.Sequential(patches, ChannelsLast(), nn.LayerNorm(width))]
        total = sum(whole("depths", depth, 1) for depth in depths)
        check_number("stochastic_depth_prob", stochastic_depth_prob, 0, 1)
        rates = (stochastic_depth_prob * block / max(total - 1, 1) for block in range(total))
        for stage, (depth, heads) in enumerate(zip(depths, num_heads)):
            if stage > 0:
                layers.append(PatchMerging(width))
                width = 2 * width
            blocks = []
            for block in range(depth):
                shift = half if block % 2 else 0
                rest = mlp_ratio, dropout, attention_dropout, next(rates)
                blocks.append(SwinBlock(width, heads, window_size, shift, *rest))
            layers.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, whole("num_classes", num_classes, 1))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x):
        check_images(x, self.features[0][0], least=self.features[0][0].kernel_size)
        return self.head(self.norm(self.features(x)).mean(dim=(1, 2)))


def swin_t(num_classes=1000, in_channels=3, stochastic_depth_prob=0.2, **others):
    """Return Swin-T: width 96, blocks 2 2 6 2, patches of 4 pixels, windows of 7 patches; others: see Swin."""
    options = dict(others, num_classes=num_classes, in_channels=in_channels)
    return Swin(4, 96, (2, 2, 6, 2), (3, 6, 12, 24), 7, stochastic_depth_prob=stochastic_depth_prob, **options)


def swin_s(num_classes=1000, in_channels=3, stochastic_depth_prob=0.3, **others):
    """Return Swin-S: width 96, blocks 2 2 18 2, patches of 4 pixels, windows of 7 patches; others: see Swin."""
    options = dict(others, num_classes=num_classes, in_channels=in_channels)
    return Swin(4, 96, (2, 2, 18, 2), (3, 6, 12, 24), 7, stochastic_depth_prob=stochastic_depth_prob, **options)


def swin_b(num_classes=1000, in_channels=3, stochastic_depth_prob=0.5, **others):
    """Return Swin-B: width 128, blocks 2 2 18 2, patches of 4 pixels, windows of 7 patches; others: see Swin."""
    options = dict(others, num_classes=num_classes, in_channels=in_channels)
    return Swin(4, 128, (2, 2, 18, 2), (4, 8, 16, 32), 7, stochastic_depth_prob=stochastic_depth_prob, **options)
