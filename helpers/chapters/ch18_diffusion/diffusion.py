"""DDPM and its relatives: schedules, noise added in one step, three things to predict, one sampler for DDPM and DDIM."""

import math

import torch
import torch.nn.functional as F

from helpers.checks import check_choice, check_number, check_tensor, whole

SCHEDULES = ("linear", "cosine")
PREDICTS = ("noise", "x0", "v")
NO_LABEL = 10  # the label that says "none"


def alpha_bars(kind="linear", T=1000):
    """Return ᾱ at each of T times: the share of the data's variance that is left.

    kind:    "linear": β from 1e-4 to 0.02 over 1,000 times, scaled to T (Ho, Jain & Abbeel 2020, section 4);
             "cosine": Nichol & Dhariwal 2021, equation 17, β cut at 0.999
    T:       how many times, at least 20
    returns: (T,) float32, falling from nearly 1 to nearly 0
    raises:  ValueError for another kind, or fewer times
    """
    check_choice("kind", kind, SCHEDULES)
    whole("T", T, 20, why="with fewer a linear schedule's β would exceed 1")
    if kind == "linear":
        beta = torch.linspace(1e-4, 0.02, T, dtype=torch.float64) * 1000 / T
    else:
        wave = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = (1 - wave[1:] / wave[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, 0).float()


def over(values, like):
    """Return values (N,) as (N, 1, 1, ...), to be multiplied with `like` (N, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


class Diffusion:
    """A schedule, and what a network learns to predict with it.

    kind:    "linear" or "cosine", see alpha_bars
    T:       number of times
    predict: "noise" (ε), "x0", or "v" = √ᾱ ε − √(1 − ᾱ) x0  (Salimans & Ho 2022, section 4)
    raises:  ValueError for others

    A network maps (x (N, ...), t / T (N,), labels (N,) or None) to the shape of x.
    """

    def __init__(self, kind="linear", T=1000, predict="noise"):
        self.alpha_bar, self.T, self.kind = alpha_bars(kind, T), T, kind
        self.predict = check_choice("predict", predict, PREDICTS)

    def scales(self, t, like):
        """Return (√ᾱ, √(1 − ᾱ)) at times t (N,), each (N, 1, ...)."""
        a = over(self.alpha_bar.to(like.device)[t], like)
        return a.sqrt(), (1 - a).sqrt()

    def noised(self, x0, t, noise):
        """Return x at times t (N,), in one step: √ᾱ x0 + √(1 − ᾱ) noise, (N, ...)."""
        a, s = self.scales(t, x0)
        return a * x0 + s * noise

    def target(self, x0, t, noise):
        """Return what the network is to predict, (N, ...)."""
        a, s = self.scales(t, x0)
        return {"noise": noise, "x0": x0, "v": a * noise - s * x0}[self.predict]

    def both(self, out, x, t):
        """Return the network's output for x at times t (N,) as (x0, noise), whichever it predicts."""
        a, s = self.scales(t, x)
        if self.predict == "noise":
            return (x - s * out) / a, out
        if self.predict == "x0":
            return out, (x - a * out) / s
        return a * x - s * out, s * x + a * out

    def loss(self, net, x0, labels=None, drop=0.1):
        """Return the mean squared error at random times; a share `drop` of the labels is replaced by NO_LABEL."""
        t = torch.randint(self.T, (len(x0),), device=x0.device)
        noise = torch.randn_like(x0)
        if labels is not None:
            labels = torch.where(torch.rand(len(x0), device=x0.device) < drop, NO_LABEL, labels)
        return F.mse_loss(net(self.noised(x0, t, noise), t / self.T, labels), self.target(x0, t, noise))

    @torch.no_grad()
    def predicted(self, net, x, t, labels=None, guidance=1.0):
        """Return (x0, noise) as the network has them for x (N, ...), all at one time t, an int.

        guidance: 1 for the network's own answer to the labels; w: free + w · (with labels − free)
        """
        times = torch.full((len(x),), t, device=x.device)
        out = net(x, times / self.T, labels)
        if labels is not None and guidance != 1:
            free = net(x, times / self.T, torch.full_like(labels, NO_LABEL))
            out = free + guidance * (out - free)
        return self.both(out, x, times)

    def times(self, steps):
        """Return the times that a sampler of so many steps visits, from T − 1 down to 0: a list of ints."""
        whole("steps", steps, 1, self.T, "there are no more times than T")
        return torch.linspace(self.T - 1, 0, steps).round().long().tolist()

    @torch.no_grad()
    def sample(self, net, start, steps=20, eta=0.0, labels=None, guidance=1.0, clip=None, seed=0, path=None):
        """Return samples: from noise down to x0 in so many steps.

        start:    (N, ...) standard normal noise
        eta:      1: as much noise is added at each step as in DDPM; 0: none, DDIM  (Song, Meng & Ermon 2020, equation 12)
        labels:   (N,) int64, or None; guidance: see predicted
        clip:     None, or the largest value that x0 may have on the way
        seed:     of the noise that is added
        path:     None, or a list, to which (t, x, x0) is appended at each step
        returns:  (N, ...)
        raises:   ValueError for a number of steps that the schedule has not, or an eta beyond 0 to 1
        """
        check_tensor("start", start, floats=True)
        check_number("eta", eta, 0, 1)
        dice, x, times = torch.Generator().manual_seed(seed), start, self.times(steps)
        for t, after in zip(times, [*times[1:], None], strict=True):
            x0, noise = self.predicted(net, x, t, labels, guidance)
            now = self.alpha_bar[t]
            if clip is not None:
                x0 = x0.clamp(-clip, clip)
                noise = (x - now.sqrt().item() * x0) / (1 - now).sqrt().item()
            if path is not None:
                path.append((t, x, x0))
            if after is None:
                return x0
            then = self.alpha_bar[after]
            sigma = eta * ((1 - then) / (1 - now) * (1 - now / then)).sqrt().item()
            x = then.sqrt().item() * x0 + max(0.0, 1 - then.item() - sigma**2) ** 0.5 * noise
            if sigma:
                x = x + sigma * torch.randn(x.shape, generator=dice).to(x.device)


def learning(diffusion, drop=0.1):
    """Return a step for helpers.training.train: batches are x0, or (x0, labels)."""

    def step(net, batch):
        x0, labels = batch if isinstance(batch, (tuple, list)) else (batch, None)
        return diffusion.loss(net, x0, labels, drop)

    return step
