"""Eight Gaussians on a ring: their exact noise, the distance of samples from them, and a GAN for the same points."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import check_number, check_tensor, whole

MODES, RADIUS, SPREAD = 8, 1.4, 0.15
ANGLES = torch.arange(MODES) / MODES * 2 * math.pi
MEANS = RADIUS * torch.stack([ANGLES.cos(), ANGLES.sin()], 1)


def ring(n, seed=0):
    """Return n points (n, 2), each of one of eight Gaussians at random; seed: an int, or a torch.Generator."""
    whole("n", n, 1)
    dice = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(whole("seed", seed, 0))
    which = torch.randint(MODES, (n,), generator=dice)
    return MEANS[which] + SPREAD * torch.randn(n, 2, generator=dice)


def exact_noise(x, alpha_bar):
    """Return E[ε | x], the best answer that any network can give, (N, 2).

    x:         (N, 2), noised with alpha_bar, a number from 0 to 1

    Each Gaussian stays one, with mean √ᾱ μ and variance v = ᾱ σ² + 1 − ᾱ. So, with w the probabilities of the eight given x,
    E[ε | x] = √(1 − ᾱ) Σ w (x − √ᾱ μ) / v = −√(1 − ᾱ) ∇ log p(x).
    """
    check_tensor("x", x, floats=True)
    a = float(alpha_bar)
    check_number("alpha_bar", a, 0, 1)
    variance = a * SPREAD**2 + 1 - a
    away = x[:, None] - a**0.5 * MEANS.to(x.device)  # (N, 8, 2)
    weights = (-(away**2).sum(-1) / (2 * variance)).softmax(1)
    return (1 - a) ** 0.5 * (weights[..., None] * away).sum(1) / variance


class Exact(nn.Module):
    """A "network" that answers with the exact noise of the ring, or with the x0 or v that belong to it."""

    def __init__(self, diffusion):
        super().__init__()
        self.diffusion = diffusion

    def forward(self, x, t, labels=None):
        at = (t * self.diffusion.T).round().long()
        noise = exact_noise(x, self.diffusion.alpha_bar[at[0].item()])
        a, s = self.diffusion.scales(at, x)
        return {"noise": noise, "x0": (x - s * noise) / a, "v": (noise - s * x) / a}[self.diffusion.predict]


def floor(diffusion, n=4000, seed=0):
    """Return the loss on the noise that no network can beat: the part of ε that x does not tell, the mean over all times."""
    x0, dice = ring(n, seed), torch.Generator().manual_seed(seed + 1)
    found = []
    for t in range(diffusion.T):
        noise = torch.randn(n, 2, generator=dice)
        x = diffusion.noised(x0, torch.full((n,), t), noise)
        found.append(F.mse_loss(exact_noise(x, diffusion.alpha_bar[t]), noise))
    return torch.stack(found).mean().item()


def sliced(a, b, directions=64, seed=0):
    """Return the sliced Wasserstein-1 distance of two sets of points (N, D), (N, D): the mean over directions of
    how far the sorted projections lie apart."""
    check_tensor("a", a, floats=True)
    check_tensor("b", b, floats=True)
    u = F.normalize(torch.randn(a.shape[1], directions, generator=torch.Generator().manual_seed(seed)), dim=0)
    a, b = a.cpu(), b.cpu()
    return ((a @ u).sort(0).values - (b @ u).sort(0).values).abs().mean().item()


def near_modes(x):
    """Return (share of points within 3 spreads of a mode, how many modes hold at least a fifth of their due); x: (N, 2)."""
    check_tensor("x", x, "(N, D)", "two numbers for each point", floats=True)
    away, mode = torch.cdist(x.cpu(), MEANS).min(1)
    inside = away < 3 * SPREAD
    held = torch.bincount(mode[inside], minlength=MODES) / len(x)
    return inside.float().mean().item(), (held > 0.2 / MODES).sum().item()


# ---- a GAN for the same points


class GAN(nn.Module):
    """A generator, noise (N, 2) → points (N, 2), and a discriminator, points (N, 2) → a score (N, 1): true or made?"""

    def __init__(self, width=128):
        whole("width", width, 1)
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1)
        )


def tell_apart(gan, points):
    """The discriminator's loss on a batch of true points and as many made ones."""
    made = gan.generator(torch.randn_like(points)).detach()
    return F.softplus(-gan.discriminator(points)).mean() + F.softplus(gan.discriminator(made)).mean()


def deceive(gan, points):
    """The generator's loss: its points shall be taken for true ones (Goodfellow et al. 2014, the non-saturating form)."""
    return F.softplus(-gan.discriminator(gan.generator(torch.randn_like(points)))).mean()
