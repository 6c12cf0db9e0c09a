"""Many small networks trained side by side, as one batched product: a hundred settings in the time of a few."""

import torch


def train_many(data, validation, rates, seeds, epochs, hidden=(64,), decays=0.0, momenta=0.9, gains=1.0, batch_size=64):
    """Train R fully connected networks with ReLU, each at its own rate, decay and momentum, from He's start.

    data, validation: (x, y), x (N, ...) of floats, y (N,) in int64, ten classes
    rates, seeds:     (R,) each; a seed draws the start and the order of one network
    decays, momenta, gains: a number for all, or (R,); gains multiply the start
    returns:          losses (steps, R) and validation accuracies (epochs, R), in percent
    """
    (x, y), count = (data[0].flatten(1), data[1]), len(seeds)
    rates, decays, momenta, gains = (
        torch.as_tensor(each, dtype=torch.float32, device=x.device).expand(count)[:, None, None]
        for each in (rates, decays, momenta, gains)
    )
    sizes = (x.shape[1], *hidden, 10)
    dice = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    weights = [
        torch.stack([torch.randn(a, b, generator=one) for one in dice]).to(x.device) * (2 / a) ** 0.5 * gains
        for a, b in zip(sizes, sizes[1:])
    ]
    biases = [torch.zeros(count, 1, size, device=x.device) for size in sizes[1:]]
    parameters = [each.requires_grad_() for each in (*weights, *biases)]
    velocities = [torch.zeros_like(each) for each in parameters]

    def outputs(z):
        for i, (weight, bias) in enumerate(zip(weights, biases)):
            z = torch.baddbmm(bias, z, weight)  # (R, N, width): every network its own product
            z = z.relu() if i < len(weights) - 1 else z
        return z

    losses, scores = [], []
    for _ in range(epochs):
        order = torch.stack([torch.randperm(len(x), generator=one) for one in dice])
        for index in order.split(batch_size, 1):
            log_p = outputs(x[index]).log_softmax(2)
            loss = -log_p.gather(2, y[index][:, :, None]).mean((1, 2))
            gradients = torch.autograd.grad(loss.sum(), parameters)
            with torch.no_grad():
                for each, gradient, velocity in zip(parameters, gradients, velocities):
                    velocity.mul_(momenta).add_(gradient + decays * each)
                    each -= rates * velocity
            losses.append(loss.detach())
        with torch.no_grad():
            images = validation[0].flatten(1)[None].expand(count, -1, -1)
            scores.append(100 * (outputs(images).argmax(2) == validation[1]).float().mean(1))
    return torch.stack(losses).cpu(), torch.stack(scores).cpu()


def places(values):
    """Return the place of each value in their order, from 0; equal values share the mean of their places."""
    below = (values[:, None] > values[None]).double().sum(1)
    equal = (values[:, None] == values[None]).double().sum(1)
    return below + (equal - 1) / 2


def rank_correlation(a, b):
    """Return how far two lists of scores agree in their order: 1 the same, 0 not at all, -1 reversed.

    a, b: (R,)
    Source: Spearman 1904: the correlation of the places.
    """
    a, b = (places(each) - places(each).mean() for each in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))


def random_settings(data, validation, repetition, count=40, epochs=20):
    """Return the validation scores (epochs, count) of random settings, trained side by side.

    Rate 0.001 to 1, decay 1e-5 to 0.03, start 0.1 to 3 times He's, evenly on a logarithmic scale; momentum 0, 0.5 or 0.9.
    """
    dice = torch.Generator().manual_seed(repetition)

    def between(low, high):
        return low * (high / low) ** torch.rand(count, generator=dice)

    rates, decays, gains = between(0.001, 1), between(1e-5, 0.03), between(0.1, 3)
    momenta = torch.tensor([0.0, 0.5, 0.9])[torch.randint(3, (count,), generator=dice)]
    seeds = range(count * repetition, count * repetition + count)
    return train_many(data, validation, rates, seeds, epochs, (32,), decays, momenta, gains)[1]


def best_of_nine(surface, dice, draws=2000):
    """Return the best score of nine trials, on a 3×3 grid and at random, and how often the random ones win.

    surface: (rates, others), a score for each pair; the rates at multiples of 3
    returns: mean of the best on the grid, which is laid down at random, mean of the best at random, share of draws
    """
    third = len(surface) // 3
    lattice = torch.randint(third, (draws, 1), generator=dice) + third * torch.arange(3)
    anywhere = torch.randint(surface.numel(), (draws, 9), generator=dice)
    on_grid, at_random = surface[lattice].amax((1, 2)), surface.flatten()[anywhere].amax(1)
    return on_grid.mean().item(), at_random.mean().item(), (at_random > on_grid).float().mean().item()


def halved(scores, cuts=((1, 13), (3, 4), (9, 2))):
    """Return the final score of what successive halving keeps, and the epochs that it trains.

    scores: (epochs, settings); cuts: after that epoch only the best so many go on
    """
    epochs, count = scores.shape
    alive, spent, before = torch.arange(count), 0, 0
    for epoch, keep in cuts:
        spent, before = spent + len(alive) * (epoch - before), epoch
        alive = alive[scores[epoch - 1, alive].topk(keep).indices]
    return scores[-1, alive].max().item(), spent + len(alive) * (epochs - before)


def steps_flat(losses, below=2.2):
    """Return the steps until the mean loss of ten steps is below a number, 2.2 where guessing is 2.3."""
    return next((i for i in range(len(losses) - 10) if sum(losses[i : i + 10]) < 10 * below), len(losses))
