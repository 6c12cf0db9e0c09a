"""Many small networks trained side by side as one batched product, each with its own seed, labels and recipe."""

import torch
import torch.nn.functional as F

from helpers import data
from helpers.training.schedules import SHAPES


def step_shape(t):
    """A tenth at half of the budget, and a tenth of that at three quarters."""
    return 0.1 ** ((t >= 0.5) + (t >= 0.75))


def one_cycle(t):
    """Up in a line for three tenths of the budget, then down along a cosine."""
    return t / 0.3 if t < 0.3 else SHAPES["cosine"]((t - 0.3) / 0.7)


SCHEDULES = {
    "constant": lambda t: 1.0,
    "step": step_shape,
    "linear": lambda t: 1 - t,
    "cosine": SHAPES["cosine"],
    "one-cycle": one_cycle,
}


def clothes(count, seed=0):
    """Images (count, 196) at 14×14 less the training images' mean, over their deviation, labels; validation likewise."""
    chosen, held_out = data.fashion_mnist().split(8000)
    small = F.avg_pool2d(chosen.images, 2)
    mean, deviation = small.mean(), small.std()
    ready = lambda some: ((F.avg_pool2d(some.images, 2) - mean) / deviation).flatten(1)  # noqa: E731
    subset = chosen.subset(count, seed)
    return ready(subset), subset.labels, (ready(held_out), held_out.labels)


def wrong_labels(labels, share, seed):
    """Replace this share of the labels by others, all wrong."""
    dice = torch.Generator().manual_seed(1000 + seed)
    hit = torch.rand(len(labels), generator=dice) < share
    return torch.where(hit, (labels + torch.randint(1, 10, labels.shape, generator=dice)) % 10, labels)


def train_many(sizes, x, labels, test, epochs, runs, batch_size=64, mean_of=0.98, each=True, training=False):
    """Train one network per run by SGD with momentum 0.9, all at once, and score it.

    sizes:   units of each layer, such as (196, 64, 64, 10); ReLU between them, He's start
    x:       (N, D); labels: (runs, N), each run's own; test: (images (M, D), labels (M,))
    runs:    list of dicts: seed, schedule (a name in SCHEDULES), peak, decay (L2, default 0), dropout (default 0)
    mean_of: factor of the running mean of the weights
    each:    score after each epoch, or only after the last
    training: score the training images too, by each run's own labels, without dropout
    returns: (epochs, or 1, runs, 2): test accuracy in %, of the weights and of their running mean;
             with `training` (..., 3): training accuracy of the weights as well
    """
    count = len(runs)
    column = lambda key: torch.tensor([float(run.get(key, 0)) for run in runs])[:, None, None]  # noqa: E731
    peak, decay, dropout = column("peak"), column("decay"), column("dropout")
    dice = [torch.Generator().manual_seed(run["seed"]) for run in runs]
    weights = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        drawn = torch.stack([torch.randn(inputs, outputs, generator=each) for each in dice])
        weights += [drawn * (2 / inputs) ** 0.5, torch.zeros(count, 1, outputs)]
    weights = [weight.requires_grad_() for weight in weights]
    velocity = [torch.zeros_like(weight) for weight in weights]
    slow = [weight.detach().clone() for weight in weights]
    noise = torch.Generator().manual_seed(runs[0]["seed"])
    per, step, scores = len(x) // batch_size, 0, []
    for epoch in range(epochs):
        order = torch.stack([torch.randperm(len(x), generator=each) for each in dice])
        for index in order[:, : per * batch_size].split(batch_size, 1):
            factor = torch.tensor([SCHEDULES[run["schedule"]](step / (epochs * per)) for run in runs])[:, None, None]
            logs = _forward(weights, x[index], dropout if dropout.any() else None, noise).log_softmax(2)
            loss = -logs.gather(2, labels.gather(1, index)[:, :, None]).mean((1, 2)).sum()
            gradients = torch.autograd.grad(loss, weights)
            step += 1
            with torch.no_grad():
                for weight, gradient, speed, mean in zip(weights, gradients, velocity, slow):
                    speed.mul_(0.9).add_(gradient + decay * weight)
                    weight -= peak * factor * speed
                    mean.lerp_(weight, max(1 - mean_of, 1 / (step + 1)))
        if not each and epoch < epochs - 1:
            continue
        with torch.no_grad():
            right = [_right(weights, *test), _right(slow, *test)]
            right += [_right(weights, x, labels)] if training else []
            scores.append(torch.stack(right, 1))
    return torch.stack(scores)


def _forward(weights, z, dropout=None, noise=None):
    for i in range(0, len(weights), 2):
        z = torch.baddbmm(weights[i + 1], z, weights[i])
        if i < len(weights) - 2:
            z = z.relu()
            if dropout is not None:
                z = z * (torch.rand(z.shape, generator=noise) >= dropout) / (1 - dropout)
    return z


def _right(weights, images, labels):
    outputs = _forward(weights, images[None].expand(len(weights[0]), -1, -1))
    return 100 * (outputs.argmax(2) == labels).float().mean(1)
