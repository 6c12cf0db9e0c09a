"""A masked auto-encoder for the digits: the encoder sees a quarter of the patches, a small decoder draws the rest."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import whole
from helpers.models.vit import EncoderBlock


class MaskedAutoEncoder(nn.Module):
    """Patches of 4×4 of a picture (N, 1, 16, 16); its features, with all patches seen, are the mean token: (N, D).

    Source: He et al. 2022, Masked autoencoders are scalable vision learners, section 3.
    """

    def __init__(self, width=48, layers=2):
        super().__init__()
        self.into, self.places = nn.Linear(16, whole("width", width, 4)), nn.Parameter(0.2 * torch.randn(1, 16, width))
        blocks = [EncoderBlock(4, width, 2 * width) for _ in range(layers)]
        self.encoder = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.missing, self.places_out = (
            nn.Parameter(torch.zeros(1, 1, width)),
            nn.Parameter(0.2 * torch.randn(1, 16, width)),
        )
        self.decoder = nn.Sequential(EncoderBlock(4, width, 2 * width), nn.LayerNorm(width), nn.Linear(width, 16))

    def patches(self, x):
        return F.unfold(x, 4, stride=4).transpose(1, 2)

    def forward(self, x):
        return self.encoder(self.into(self.patches(x)) + self.places).mean(1)

    def drawn(self, x, seen=4):
        """Return (patches as drawn, the true ones, the order): (N, 16, 16) twice, the first `seen` of the order were seen."""
        patches = self.patches(x)
        order = torch.rand(len(x), 16, device=x.device).argsort(1)

        def at(tokens):
            tokens = tokens.expand(len(x), -1, -1)
            return tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[2]))

        tokens = at(self.into(patches) + self.places)
        visible = self.encoder(tokens[:, :seen])
        filled = torch.cat([visible, self.missing.expand(len(x), 16 - seen, -1)], 1)
        return self.decoder(filled + at(self.places_out)), at(patches), order


def masked_loss(model, x, seen=4):
    """Return the mean squared error on the patches that were not seen."""
    drawn, true, _ = model.drawn(x, seen)
    return F.mse_loss(drawn[:, seen:], true[:, seen:])
