"""Volume rendering: samples along each ray, and the sum that makes a colour of densities and colours."""

import math
from typing import NamedTuple

import torch

from helpers.chapters.ch20_nerf.scene import HALF


class Rendered(NamedTuple):
    """Of each ray: colour (N, 3), mean distance (N,), opacity (N,), and of its samples: distances t and weights, (N, n)."""

    colour: torch.Tensor
    distance: torch.Tensor
    opacity: torch.Tensor
    t: torch.Tensor
    weights: torch.Tensor


def crossing(origins, directions):
    """Return at which distances (N, 1) rays enter and leave the cube that holds the scene; both alike where they miss it."""
    low, high = ((side - origins) / directions for side in (-HALF, HALF))
    near = torch.minimum(low, high).amax(-1, keepdim=True).clamp(min=0)
    return near, torch.maximum(torch.maximum(low, high).amin(-1, keepdim=True), near)


def stratified(near, far, n, jitter=True):
    """Cut each ray into n equal parts, and return a place in each: distances (N, n), by chance, or the middles."""
    places = torch.rand(len(near), n, device=near.device) if jitter else 0.5
    return near + (far - near) * (torch.arange(n, device=near.device) + places) / n


def finer(t, weights, n, jitter=True):
    """Return n more distances (N, n), where the weights are: the inverse of their running sum (Mildenhall et al. 2020, 5.2)."""
    edges = (t[:, 1:] + t[:, :-1]) / 2
    share = weights[:, 1:-1] + 1e-3  # none is left out altogether
    sums = torch.cumsum(share / share.sum(1, keepdim=True), 1)
    sums = torch.cat([torch.zeros_like(sums[:, :1]), sums], 1)
    places = torch.rand(len(t), n, device=t.device) if jitter else 0.5
    wanted = ((torch.arange(n, device=t.device) + places) / n).expand(len(t), n).contiguous()
    above = torch.searchsorted(sums, wanted, right=True).clamp(1, sums.shape[1] - 1)
    a, b = sums.gather(1, above - 1), sums.gather(1, above)
    x, y = edges.gather(1, above - 1), edges.gather(1, above)
    return x + (wanted - a) / (b - a).clamp(min=1e-5) * (y - x)


def weights_of(density, delta):
    """Return each sample's share in its ray's colour, w = T (1 - exp(-density · delta)), T what those before it let through.

    density, delta: (..., n)
    """
    opaque = 1 - torch.exp(-density * delta)
    through = torch.cumprod(1 - opaque + 1e-10, -1)
    return opaque * torch.cat([torch.ones_like(through[..., :1]), through[..., :-1]], -1)


def render(field, origins, directions, n=32, fine=0, jitter=True, endless=False):
    """Return what a field shows to each ray, on a white ground, as Rendered.

    field:   maps points (..., 3) and directions (..., 3) to density (...) and colour (..., 3)
    n, fine: samples spread evenly, and samples more where these find something
    endless: as many codes have it, give the last sample a step of 1e10 instead of what is left of the ray in the cube
    """
    near, far = crossing(origins, directions)
    t = stratified(near, far, n, jitter)
    if fine:
        with torch.no_grad():
            first = shown(field, origins, directions, t, far, endless)
        t = torch.cat([t, finer(t, first.weights, fine, jitter)], 1).sort(1).values
    return shown(field, origins, directions, t, far, endless)


def shown(field, origins, directions, t, far, endless=False):
    """Return what a field shows by samples at the distances t (N, n)."""
    points = origins[:, None] + t[..., None] * directions[:, None]
    density, colour = field(points, directions[:, None].expand_as(points))
    last = torch.full_like(far, 1e10) if endless else far - t[:, -1:]
    weights = weights_of(density, torch.cat([t[:, 1:] - t[:, :-1], last], 1))
    opacity = weights.sum(1)
    colour = (weights[..., None] * colour).sum(1) + (1 - opacity)[:, None]
    return Rendered(colour, (weights * t).sum(1) / opacity.clamp(min=1e-3), opacity, t, weights)


@torch.no_grad()
def pictures(field, shots, n=48, fine=0, endless=False):
    """Return what a field shows to the cameras of some Shots: colours (views, pixels, 3), distances and opacities (views, pixels)."""
    device = next(field.parameters()).device
    parts = [
        render(field, o.to(device), d.to(device), n, fine, False, endless)[:3]
        for o, d in zip(
            shots.origins.flatten(0, 1).split(2304), shots.directions.flatten(0, 1).split(2304), strict=True
        )
    ]
    found = [torch.cat(each).cpu() for each in zip(*parts, strict=True)]
    return [each.view(*shots.distances.shape, *each.shape[1:]) for each in found]


def psnr(a, b):
    """Return the peak signal-to-noise ratio of two pictures with values from 0 to 1, in dB: -10 log10 of the mean squared error."""
    return -10 * math.log10((a - b).square().mean().item())


def judged(field, shots, n=48, fine=0, endless=False):
    """Return {"psnr": dB, "depth": median error where something stands, "outline": share of pixels opaque that should not be, or not}."""
    colours, distances, opacities = pictures(field, shots, n, fine, endless)
    hit = shots.distances.isfinite()
    return {
        "psnr": psnr(colours, shots.colours),
        "depth": (distances - shots.distances)[hit].abs().median().item(),
        "outline": ((opacities > 0.5) != hit).float().mean().item(),
    }
