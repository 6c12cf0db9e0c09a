"""The published networks by their published sizes, on the meta device, and what came after NeRF, by cost."""

import torch
from torch import nn

from helpers.costs import cost_table
from helpers.output import show_table

COARSE, FINE = 64, 128  # samples of a ray (Mildenhall et al. 2020, 5.3): the fine network sees both
SIDE = 800  # pixels of a picture of the synthetic scenes


class NeRF(nn.Module):
    """NeRF's network: 8 layers on a point's 60 waves, which come in again at the fifth; density; colour by 24 of the direction.

    point: (N, 60), direction: (N, 24) → density (N, 1), colour (N, 3).  Source: Mildenhall et al. 2020, figure 7.
    """

    def __init__(self):
        super().__init__()
        width = 256
        sides = [60, *[width] * 4, width + 60, width, width]
        self.layers = nn.ModuleList(nn.Linear(side, width) for side in sides)
        self.density, self.feature = nn.Linear(width, 1), nn.Linear(width, width)
        self.view, self.colour = nn.Linear(width + 24, width // 2), nn.Linear(width // 2, 3)

    def forward(self, point, direction):
        x = point
        for i, layer in enumerate(self.layers):
            x = layer(torch.cat([x, point], 1) if i == 5 else x).relu()
        return self.density(x), self.colour(self.view(torch.cat([self.feature(x), direction], 1)).relu())


class InstantNGP(nn.Module):
    """Instant-NGP's two networks, behind its tables: 16 levels of 2 numbers each, and 16 of the direction.

    found: (N, 32), direction: (N, 16) → density (N, 1), colour (N, 3).  Source: Müller et al. 2022, section 5.4.
    """

    def __init__(self):
        super().__init__()
        self.density = nn.Sequential(nn.Linear(32, 64, bias=False), nn.ReLU(), nn.Linear(64, 16, bias=False))
        sides = (32, 64, 64)
        hidden = [m for a, b in zip(sides, sides[1:]) for m in (nn.Linear(a, b, bias=False), nn.ReLU())]
        self.colour = nn.Sequential(*hidden, nn.Linear(64, 3, bias=False))

    def forward(self, found, direction):
        x = self.density(found)
        return x[:, :1], self.colour(torch.cat([x, direction], 1))


def counted(make, *shapes):
    """Return (parameters, multiply-adds of one point) of a network that is built on the meta device."""
    with torch.device("meta"):
        network = make()
    return sum(p.numel() for p in network.parameters()), cost_table(network, list(shapes)).total.macs


def show_after():
    """Show what came after NeRF: what the scene is stored as, the multiply-adds of one point, and how long it took, as published."""
    _, nerf = counted(NeRF, (1, 60), (1, 24))
    _, instant = counted(InstantNGP, (1, 32), (1, 16))
    show_table(
        ("", "the scene is", "network, one point", "trained in, as published"),
        [
            ("NeRF, 2020", "a network", f"{nerf:,} MACs", "1 to 2 days, one V100"),
            ("Plenoxels, 2022", "28 numbers at each voxel", "none", "11 minutes, one GPU"),
            (
                "Instant-NGP, 2022",
                "16 hash tables, small networks",
                f"{instant:,} MACs",
                "5 seconds to minutes, one GPU",
            ),
            ("3D Gaussian splatting, 2023", "millions of Gaussians", "none", "6 to 51 minutes, one GPU"),
        ],
    )
