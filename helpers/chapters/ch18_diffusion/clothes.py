"""Fashion-MNIST in latents and in pixels: an autoencoder, and the chapter's U-net in both; weights stored for the notebook."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch18_diffusion.diffusion import Diffusion, learning
from helpers.chapters.ch18_diffusion.nets import UNet
from helpers.checks import check_choice
from helpers.training import train

HERE = Path(__file__).parent
WIDTH = 32
NAMES = ("autoencoder", "latents", "pixels")


class Autoencoder(nn.Module):
    """Pictures (N, 1, 32, 32) from −1 to 1 ↔ latents (N, 4, 8, 8): a quarter of the numbers, a sixteenth of the places.

    scale: what the encoder's answers are divided by, so that latents have a variance of 1
    Trained on the squared error of the way there and back with a little noise on the latents, and a small KL term, as a VAE
    (Kingma & Welling 2013; the weight is that of Rombach et al. 2021 in spirit: tiny).
    """

    def __init__(self, width=16):
        super().__init__()
        a, b = width, 2 * width
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, a, 4, 2, 1), nn.SiLU(), nn.Conv2d(a, b, 4, 2, 1), nn.SiLU()),
            *(nn.Conv2d(b, b, 3, padding=1), nn.SiLU(), nn.Conv2d(b, 8, 1)),
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(4, b, 3, padding=1), nn.SiLU(), nn.Conv2d(b, b, 3, padding=1), nn.SiLU()),
            *(nn.ConvTranspose2d(b, a, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(a, 1, 4, 2, 1)),
        )
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def encode(self, x):
        return torch.cat([self.encoder(part)[:, :4] for part in x.split(500)]) / self.scale

    @torch.no_grad()
    def decode(self, z):
        return torch.cat([self.decoder(part) for part in (z * self.scale).split(500)])


def there_and_back(net, x, kl=1e-4):
    """The autoencoder's loss on pictures x."""
    mean, log = net.encoder(x).chunk(2, 1)
    log = log.clamp(-12, 4)
    made = net.decoder(mean + (log / 2).exp() * torch.randn_like(mean))
    return F.mse_loss(made, x) + kl * (mean**2 + log.exp() - 1 - log).mean() / 2


def pictures(train=True):
    """Return (pictures (N, 1, 32, 32) from −1 to 1, labels (N,)) of the shipped Fashion-MNIST, padded by two pixels."""
    images = data.fashion_mnist(train)
    return F.pad(images.images, (2, 2, 2, 2)) * 2 - 1, images.labels


def train_autoencoder(x, epochs=3, seed=0):
    """Return an Autoencoder trained on pictures x, its scale set."""
    torch.manual_seed(seed)
    net = Autoencoder().to(memory_format=torch.channels_last)
    best = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=0.0, fused=True)
    settings = dict(batch_size=32, schedule="one-cycle", seed=seed, live=False)
    train(net, x, step=there_and_back, optimizer=best, epochs=epochs, **settings)
    net.eval().requires_grad_(False)
    net.scale.fill_(net.encode(x).std())
    return net


def drawn(x, labels, batch):
    """Return a function from a torch.Generator to a batch (x, labels), for helpers.training.train."""

    def draw(dice):
        i = torch.randint(len(x), (batch,), generator=dice)
        return x[i].contiguous(memory_format=torch.channels_last), labels[i]

    return draw


def train_unet(x, labels, steps, width=WIDTH, diffusion=None, seed=0, lr=4e-3, batch=64, device="cpu", average=0.995):
    """Return the running average of a UNet trained on x (N, C, S, S) with labels (N,)."""
    torch.manual_seed(seed)
    net = UNet(x.shape[1], width).to(device, memory_format=torch.channels_last)
    best = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.0, fused=True)
    step = learning(diffusion or Diffusion("cosine", 1000, "v"))
    settings = dict(schedule="one-cycle", average=average, seed=seed, live=False)
    run = train(net, drawn(x, labels, batch), step=step, optimizer=best, steps=steps, **settings)
    return run.averaged.module.eval().requires_grad_(False)


def new(name):
    """Return a network of that name with its first weights."""
    check_choice("name", name, NAMES)
    return Autoencoder() if name == "autoencoder" else UNet(4 if name == "latents" else 1, WIDTH)


def stored(name):
    """Return the network of that name with the weights in clothes.npz, which experiments.py wrote: 8 bits a number, a scale a row.

    name:   "autoencoder", "latents" or "pixels": the U-net that works there
    raises: ValueError for another
    """
    net = new(name)
    with np.load(HERE / "clothes.npz", allow_pickle=False) as file:
        state = {}
        for key, like in net.state_dict().items():
            value, scale = file[f"{name}/{key}"], f"{name}/{key}/scale"
            value = torch.tensor(np.float32(value) * (np.float32(file[scale]) if scale in file else 1))
            state[key] = value.reshape(like.shape)
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


def store(nets, path=HERE / "clothes.npz"):
    """Write {name: network} for stored(): matrices in 8 bits with a scale for each row, all else in half precision."""
    found = {}
    for name, net in nets.items():
        for key, value in net.state_dict().items():
            value = value.detach().cpu().float()
            if value.dim() > 1:
                rows = value.flatten(1)
                scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
                found[f"{name}/{key}"] = (rows / scale).round().to(torch.int8).numpy()
                found[f"{name}/{key}/scale"] = scale.half().numpy()
            else:
                found[f"{name}/{key}"] = value.half().numpy() if "rates" not in key else value.numpy()
    np.savez_compressed(path, **found)
