"""How good are pictures that a network made? A classifier that looks, a distance with its floor, nearest training pictures."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import check_tensor, whole
from helpers.data import ImageSet
from helpers.training import train


class Judge(nn.Module):
    """A small convolutional classifier, pictures (N, 1, S, S) from 0 to 1; features (N, 32) are what its last layer sees."""

    def __init__(self, side=8, width=32, dims=32):
        super().__init__()
        layers = []
        for before, after in ((1, width), (width, 2 * width)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * (side // 4) ** 2, dims))
        self.head = nn.Linear(dims, 10)

    def features(self, x):
        return torch.cat([self.body(part) for part in x.split(500)])

    def forward(self, x):
        return self.head(self.features(x).relu())


def train_judge(images, device="cpu", epochs=12, width=32, seed=100):
    """Return a Judge trained on an ImageSet, which no longer learns; ValueError for anything else."""
    if not isinstance(images, ImageSet):
        raise ValueError(f"images (a {type(images).__name__}) must be an ImageSet, such as data.digits()")
    whole("epochs", epochs, 1)
    whole("width", width, 1)
    whole("seed", seed, 0)
    torch.manual_seed(seed)
    net = Judge(images.images.shape[-1], width).to(device)
    train(net, images, epochs=epochs, lr=3e-3, schedule="one-cycle", seed=seed, live=False)
    return net.eval().requires_grad_(False)


def frechet(a, b):
    """Return the Fréchet distance of two sets of features (N, D), (M, D), each taken for a Gaussian.

    |μa − μb|² + tr(Ca + Cb − 2 (Ca Cb)^½)   (Dowson & Landau 1982; for pictures Heusel et al. 2017, the FID)
    """
    check_tensor("a", a, floats=True)
    check_tensor("b", b, floats=True)
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(ca)
    half = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(half @ cb @ half).clamp(min=0).sqrt().sum()
    return (((a.mean(0) - b.mean(0)) ** 2).sum() + ca.trace() + cb.trace() - 2 * cross).item()


def nearest(x, library):
    """Return (distances, indices): how far each of x (N, ...) is from the nearest of the library (M, ...), and which it is."""
    found = torch.cdist(x.cpu().flatten(1), library.cpu().flatten(1)).min(1)
    return found.values, found.indices


def spread(x, labels):
    """Return the variance within a class, summed over pixels, the mean of the ten classes."""
    return torch.stack([x[labels == k].var(0).sum() for k in range(10)]).mean().item()


class Marks:
    """Marks for made pictures against true ones.

    judge: a trained Judge; train, test: ImageSets; marks(x, labels) → a dict:

    right:    share that the judge takes for the class that was asked for
    distance: Fréchet distance to the test pictures, in the judge's features
    spread:   variance within a class, over that of the test pictures
    near:     median distance to the nearest training picture, over that of the test pictures
    copies:   share that is nearer to a training picture than 99 % of the test pictures are
    """

    def __init__(self, judge, train, test):
        self.judge, self.train, self.test = judge, train, test
        self.device = next(judge.parameters()).device
        self.features = judge.features(test.images.to(self.device))
        self.near = nearest(test.images, train.images)[0]
        self.spread = spread(test.images, test.labels)

    def __call__(self, x, labels):
        x, labels = x.to(self.device), labels.to(self.device)
        found = self.judge.features(x)
        near = nearest(x, self.train.images)[0]
        return {
            "right": (self.judge.head(F.relu(found)).argmax(1) == labels).float().mean().item(),
            "distance": frechet(found, self.features),
            "spread": spread(x, labels) / self.spread,
            "near": (near.median() / self.near.median()).item(),
            "copies": (near < self.near.quantile(0.01)).float().mean().item(),
        }


def shown(x, levels=None):
    """Return pictures from −1..1 as 0..1, cut there and rounded to so many levels where that is given."""
    check_tensor("x", x, "(N, C, H, W)", "pictures from −1 to 1", floats=True)
    x = ((x + 1) / 2).clamp(0, 1)
    return x if levels is None else (x * levels).round() / levels
