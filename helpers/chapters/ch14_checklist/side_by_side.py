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
        torch.as_tensor(each, dtype=torch.float32).expand(count)[:, None, None]
        for each in (rates, decays, momenta, gains)
    )
    sizes = (x.shape[1], *hidden, 10)
    dice = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    weights = [
        torch.stack([torch.randn(a, b, generator=one) for one in dice]) * (2 / a) ** 0.5 * gains
        for a, b in zip(sizes, sizes[1:])
    ]
    biases = [torch.zeros(count, 1, size) for size in sizes[1:]]
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
    return torch.stack(losses), torch.stack(scores)


def places(values):
    """Return the place of each value in their order, from 0; equal values share the mean of their places."""
    below = (values[:, None] > values[None]).double().sum(1)
    equal = (values[:, None] == values[None]).double().sum(1)
    return below + (equal - 1) / 2


def rank_correlation(a, b):
    """Return how far two lists of scores agree in their order: 1 the same, 0 nothing to do with each other, -1 reversed.

    a, b: (R,)
    Source: Spearman 1904: the correlation of the places.
    """
    a, b = (places(each) - places(each).mean() for each in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))
