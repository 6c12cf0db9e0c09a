"""What the chapter trains beside its language models: on order in images, on pairs in a series, on recall over blanks."""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.sequences import bits_of_counts, one_hot, recall, write  # noqa: F401  the chapter's `order` has them
from helpers.training import accuracy, train


def bag_of_patches():
    """Sees 7×7 patches side by side, then takes the mean over all places."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 7, stride=7),
        nn.ReLU(),
        nn.Conv2d(64, 64, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def overlapping():
    """Windows on windows: each unit sees 15 pixels; then the mean over all places, too."""
    convs = [
        layer
        for inputs, outputs in ((1, 16), (16, 32), (32, 32))
        for layer in (nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU())
    ]
    return nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def pairs(n, distance, seed, height=4, width=32):
    """n noisy images, a bright and a dark pixel in one row; label 0: the bright one is on the left."""
    dice = torch.Generator().manual_seed(seed)
    labels = torch.randperm(n, generator=dice) % 2
    row, left = (torch.randint(side, (n,), generator=dice) for side in (height, width))
    images, each = 0.1 * torch.randn(n, 1, height, width, generator=dice), torch.arange(n)
    images[each, 0, row, left] += 1.0 - 2 * labels
    images[each, 0, row, (left + distance) % width] -= 1.0 - 2 * labels
    return data.ImageSet(images, labels, ("bright left", "dark left"))


def ring_net(dilations):
    """Four convolutions of width 3 on a ring, then the largest value of each channel over all places."""
    convs = [
        layer
        for i, d in enumerate(dilations)
        for layer in (
            nn.Conv2d(12 if i else 1, 12, (1, 3), padding=(0, d), dilation=(1, d), padding_mode="circular"),
            nn.ReLU(),
        )
    ]
    return nn.Sequential(*convs, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 2))


def block(inputs, outputs):
    """Return a 3×3 convolution with normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class SmallUNet(nn.Module):
    """Shrinks the image to see far, enlarges the result, and joins it with the fine maps: (N, 3, H, W) → (N, H, W)."""

    def __init__(self):
        super().__init__()
        C = 16
        self.fine = block(3, C)
        self.deep = nn.Sequential(
            nn.MaxPool2d(2), block(C, 2 * C), nn.MaxPool2d(2), block(2 * C, 2 * C), nn.Upsample(scale_factor=4)
        )
        self.join = nn.Sequential(block(3 * C, C), nn.Conv2d(C, 1, 1))

    def forward(self, x):
        fine = self.fine(x)
        return self.join(torch.cat([fine, self.deep(fine)], 1))[:, 0]


def one_pixel_net():
    """For comparison: windows of 1×1 only."""
    return nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.Flatten(1, 2))


def scenes(n, seed, noise=0.15):
    """Noisy shapes, 16×16, and which pixels are the shape's: those not as the clean image's corner."""
    clean = data.shapes(n, seed, noise=0, size=16).images
    return data.shapes(n, seed, noise, size=16).images, (clean != clean[:, :, :1, :1]).any(1).float()


def pair_series(n, length, places, dice):
    """Series of four symbols, one-hot (n, length, 4); half of them hold an "ab", at one of the places. With the answers (n,)."""
    x = torch.randint(4, (n, length), generator=dice)
    for t in range(length - 1):  # no pair by accident
        accident = (x[:, t] == 0) & (x[:, t + 1] == 1)
        x[accident, t + 1] = torch.randint(2, 4, (int(accident.sum()),), generator=dice)
    y = torch.rand(n, generator=dice) < 0.5
    start = torch.randint(*places, (n,), generator=dice)[y]
    rows = y.nonzero()[:, 0]
    x[rows, start], x[rows, start + 1] = 0, 1
    return F.one_hot(x, 4).float(), y.float()


# ---- convolutional networks on changed images, on far pixels, and for each pixel


def mlp():
    """For comparison: every pixel has its own weights."""
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10))


def shuffle_patches(images, side):
    """Cut (N, 1, H, W) into patches and join them in another order, the same for all images."""
    parts = F.unfold(images, side, stride=side)
    mixed = torch.randperm(parts.shape[2], generator=torch.Generator().manual_seed(0))
    return F.fold(parts[:, :, mixed], images.shape[2:], side, stride=side)


def changed_clothes():
    """1,000 test images of clothes, as they are and changed in four ways: {how: ImageSet}."""
    test = data.fashion_mnist(train=False).subset(1000)
    images = test.images
    noise = 0.3 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    changed = {
        "as they are": images,
        "patches shuffled": shuffle_patches(images, 7),
        "moved by 1 pixel": data.shift(images, 1, 0),
        "with noise": (images + noise).clamp(0, 1),
        "turned by 90°": images.rot90(1, (2, 3)).contiguous(),
    }
    return {how: replace(test, images=some) for how, some in changed.items()}


def trained_on_clothes(make, seed):
    """A network after 6 epochs on 2,000 images of clothes as they are."""
    torch.manual_seed(seed)
    clothes = data.fashion_mnist().subset(2000)
    options = dict(epochs=6, lr=5e-3, schedule="one-cycle", seed=seed, live=False)
    return train(make(), clothes, **options).model.eval()


def right_on_pairs(apart, dilations, seed):
    """The accuracy in % on 400 new pairs of a ring_net that was trained on 800."""
    torch.manual_seed(seed)
    options = dict(epochs=4, lr=5e-3, schedule="one-cycle", seed=seed, live=False)
    run = train(ring_net(dilations), pairs(800, apart, seed=0), **options)
    return 100 * accuracy(run.model, pairs(400, apart, seed=1))


def trained_segmenter(make, seed):
    """A network that says of each pixel of a scene whether it belongs to the shape, after 180 steps."""
    pictures, masks = scenes(800, seed=0)

    def some(generator):
        chosen = torch.randint(len(pictures), (20,), generator=generator)
        return pictures[chosen], masks[chosen]

    torch.manual_seed(seed)
    options = dict(steps=180, lr=0.01, loss=F.binary_cross_entropy_with_logits, seed=seed, live=False)
    return train(make(), some, **options).model.eval()


def masks_of(net, pictures):
    """What a network takes for the shape: (N, 16, 16) of truth values."""
    with torch.no_grad():
        return net(pictures.to(next(net.parameters()).device)).cpu() > 0


def iou(found, truth):
    """Intersection over union: pixels in both masks, divided by those in at least one, averaged over images."""
    return ((found & truth).sum((1, 2)) / (found | truth).sum((1, 2))).mean().item()


# ---- the pair in a series


class Recurrent(nn.Module):
    """Reads a series step by step and answers from the last state: x (N, T, 4), any T → (N,)."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.RNN(4, 28, batch_first=True), nn.Linear(28, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])[:, 0]


class ByPlace(nn.Module):
    """An MLP with a weight for each symbol at each of 24 places; a shorter series ends with zeros."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(24 * 4, 10), nn.ReLU(), nn.Linear(10, 1))

    def forward(self, x):
        return self.net(F.pad(x.flatten(1), (0, 24 * 4 - 4 * x.shape[1])))[:, 0]


def learnt_pairs(make, seed, kinds):
    """A network after 500 batches of series, the kinds (length, places) in turn."""

    def batches(dice):
        batches.step += 1
        return pair_series(64, *kinds[batches.step % len(kinds)], dice)

    batches.step = -1
    torch.manual_seed(seed)
    net = make()
    options = dict(steps=500, clip=1.0, loss=F.binary_cross_entropy_with_logits, seed=seed, live=False)
    return train(net, batches, optimizer=torch.optim.Adam(net.parameters(), lr=0.01), **options).model.eval()


@torch.no_grad()
def share_right(net, kind):
    """The share of 1,000 series of a kind (length, places) that are answered rightly, in %."""
    x, y = pair_series(1000, *kind, torch.Generator().manual_seed(99))
    return 100 * ((net(x.to(next(net.parameters()).device)).cpu() > 0) == (y > 0)).float().mean().item()


# ---- one symbol, blanks, the symbol again


class NextOfNoise(nn.Module):
    """Gives a number for each of eight letters to come next: x (N, T) → (N, T, 8)."""

    def __init__(self, bidirectional):
        super().__init__()
        self.rnn = nn.RNN(8, 24, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(48 if bidirectional else 24, 8)

    def forward(self, x):
        return self.head(self.rnn(one_hot(x, 8))[0])


def told_of_noise(bidirectional, seed):
    """Train it on random letters for 60 steps; return the share of next letters told inside a series, and at its end."""

    def noise(dice, n=32):
        text = torch.randint(8, (n, 17), generator=dice)
        return text[:, :-1], text[:, 1:]

    torch.manual_seed(seed)
    net = NextOfNoise(bidirectional)
    net = train(net, noise, optimizer=torch.optim.Adam(net.parameters(), 0.01), steps=60, seed=seed, live=False).model
    letters, answers = noise(torch.Generator().manual_seed(99), 1000)
    with torch.no_grad():
        told = net(letters.to(next(net.parameters()).device)).argmax(2).cpu()
    right = (told == answers).float().mean(0)
    return right[:-1].mean().item(), right[-1].item()


class Recaller(nn.Module):
    """Names the first symbol of a sequence from the last state: a W of this spectral radius, None for torch's start."""

    def __init__(self, nonlinearity="tanh", radius=None):
        super().__init__()
        self.rnn, self.head = nn.RNN(9, 32, batch_first=True, nonlinearity=nonlinearity), nn.Linear(32, 8)
        if radius:
            with torch.no_grad():
                self.rnn.weight_hh_l0.copy_(radius * torch.linalg.qr(torch.randn(32, 32)).Q)

    def forward(self, x):
        return self.head(self.rnn(one_hot(x, 9))[0][:, -1])


def run_recall(blanks, seed, clip, lr, steps, **settings):
    """Train a Recaller with plain SGD, the gradient's norm cut to `clip`; math.inf only measures it."""
    torch.manual_seed(seed)
    model = Recaller(**settings)
    options = dict(steps=steps, clip=clip, seed=seed, live=False)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    return train(model, lambda generator: recall(32, blanks, 8, generator), optimizer=optimizer, **options)


def share_of_step_1(blanks, seed):
    """Which share of the gradient's norm, before training, is that of W_ih for the symbol, which is read at step 1 only."""
    model, whole = first_gradient(blanks, seed)
    return (model.rnn.weight_ih_l0.grad[:, :8].norm() / whole.norm()).item()


def first_gradient(blanks, seed, **settings):
    """Return a Recaller with the gradient of one batch, before training, and that gradient as one vector."""
    torch.manual_seed(seed)
    model, (symbols, answers) = Recaller(**settings), recall(32, blanks, 8)
    F.cross_entropy(model(symbols), answers).backward()
    return model, torch.cat([p.grad.flatten() for p in model.parameters()])


@torch.no_grad()
def largest_change(net, before, after):
    """How far any output moves when the images `before` become the images `after`."""
    device = next(net.parameters()).device
    return (net(before.to(device)) - net(after.to(device))).abs().max().item()


# ---- a book


@torch.no_grad()
def bits_on(model, text):
    """Bits per character of a model on a text that it reads from beginning to end: ids (T,)."""
    device = next(model.parameters()).device
    log_p = model(text[None, :-1].to(device))[0][0].log_softmax(1).cpu()
    return -log_p[torch.arange(len(text) - 1), text[1:]].mean().item() / math.log(2)


@torch.no_grad()
def bits_with(model, windows, n):
    """Bits per character for the last letter of each window when only the n letters before it are read, from the state 0."""
    log_p = model(windows[:, -1 - n : -1])[0][:, -1].log_softmax(1)
    return -log_p.gather(1, windows[:, -1:]).mean().item() / math.log(2)


# ---- clipping


def clipped(gradient, clip, limit=1.0):
    """A gradient after torch's `clip`, nn.utils.clip_grad_norm_ or nn.utils.clip_grad_value_."""
    weight = nn.Parameter(torch.zeros(len(gradient)))
    weight.grad = gradient.clone()
    clip([weight], limit)
    return weight.grad


def angle(a, b):
    """The angle between two vectors, in degrees."""
    cosine = F.cosine_similarity(a.double(), b.double(), dim=0).clamp(-1, 1)
    return math.degrees(torch.arccos(cosine).item())
