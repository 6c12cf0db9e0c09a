"""The exercises of chapter 12: sizes through layers, He's weights, standardising, the edge of the rate, a start with three bugs."""

import torch
from torch import nn

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "size_after",
    reference=lambda size, gain, layers: size * (gain / 2) ** (layers / 2),
    cases=lambda: [
        dict(size=size, gain=gain, layers=layers)
        for size, gain, layers in ((1.0, 2.0, 50), (3.0, 1.0, 4), (0.5, 3.0, 7), (2.0, 0.5, 3))
    ],
    mistakes=[
        (
            lambda size, gain, layers: size * (gain / 2) ** layers,
            "that is the factor of the mean **square**: the size is its root.",
        ),
        (
            lambda size, gain, layers: size * gain ** (layers / 2),
            "the **ReLU** is missing: it discards half of the mean square at every layer.",
        ),
        (
            lambda size, gain, layers: size * (gain / 2) ** 0.5 * layers,
            "each layer **multiplies**: n layers are a power, not n times one.",
        ),
        (
            lambda size, gain, layers: size * (gain / 2) ** 0.5,
            "that is after **one** layer.",
        ),
        (
            lambda size, gain, layers: (gain / 2) ** (layers / 2),
            "that is the **factor**: the size at the beginning is missing.",
        ),
    ],
    hints=[
        "What does one layer do to the mean square? The weights multiply it by `gain`, the ReLU halves it.",
        "After n layers the mean square has the factor (gain / 2)ⁿ; the size is the root of the mean square.",
    ],
)


def _matrix(n, d, seed, scale=1.0):
    dice = torch.Generator().manual_seed(seed)
    return scale * (torch.randn(n, d, generator=dice) @ torch.randn(d, d, generator=dice) + 0.5)


def _eigenvalues(x):
    return torch.linalg.eigvalsh(x.double().T @ x.double() / len(x))


Exercise(
    "largest_rate",
    reference=lambda x: float(2 / _eigenvalues(x)[-1]),
    cases=lambda: [
        dict(x=_matrix(n, d, seed, scale)) for n, d, seed, scale in ((40, 5, 0, 1.0), (30, 3, 1, 0.1), (60, 8, 2, 4.0))
    ],
    mistakes=[
        (
            lambda x: float(1 / _eigenvalues(x)[-1]),
            "that is **half** of it: a step of 1/λ lands in the minimum, 2/λ swings for ever.",
        ),
        (
            lambda x: float(2 / _eigenvalues(x)[0]),
            "that is the edge of the **flattest** direction: the steepest one breaks long before.",
        ),
        (
            lambda x: float(2 / _eigenvalues(x).sum()),
            "that is the **sum** of the eigenvalues: the largest alone decides.",
        ),
        (
            lambda x: float(2 / _eigenvalues(x).mean()),
            "that is the **mean** of the eigenvalues: the largest alone decides.",
        ),
        (
            lambda x: float(2 / (_eigenvalues(x)[-1] * len(x))),
            "the matrix is not divided by the number of **examples**: the loss is a mean.",
        ),
        (lambda x: float(2 / _eigenvalues(x)[-1].sqrt()), "that is a **singular value**: the curvature is its square."),
    ],
    hints=[
        "The curvature matrix of ½ · mean (x·w − t)² is H = xᵀx / N. It does not depend on the targets.",
        "`torch.linalg.eigvalsh(H)` gives the eigenvalues from the smallest to the largest.",
        "The edge is 2 over the largest; return `float(...)` of it.",
    ],
    tol=1e-3,
)

# --------------------------------------------------------------------------------------------------------------- build


def _normals():
    for seed, shape in enumerate(((5, 3), (8, 200), (6, 4, 3, 3), (2, 7, 5, 1))):
        yield dict(normals=torch.randn(shape, generator=torch.Generator().manual_seed(seed)))


Exercise(
    "he_weights",
    reference=lambda normals: normals * (2 / normals[0].numel()) ** 0.5,
    cases=lambda: list(_normals()),
    mistakes=[
        (
            lambda normals: normals * (2 / normals.shape[1]) ** 0.5,
            "right for a linear layer; a convolution's output sums over the **kernel's pixels** too.",
        ),
        (
            lambda normals: normals * (2 / len(normals)) ** 0.5,
            "that counts the **outputs**: count what one output sums over.",
        ),
        (
            lambda normals: normals * (2 / (normals.numel() // normals.shape[1])) ** 0.5,
            "that is the **fan-out**: here the inputs of one output count.",
        ),
        (
            lambda normals: normals * 2 / normals[0].numel(),
            "that multiplies by the **variance**: multiply by the deviation, its root.",
        ),
        (
            lambda normals: normals * (1 / normals[0].numel()) ** 0.5,
            "that is the start for tanh, 1/√D: for **ReLU** the variance is twice that.",
        ),
        (
            lambda normals: normals * (2 * normals[0].numel()) ** 0.5,
            "that has the variance 2 **times** the inputs: divide by them.",
        ),
        (
            lambda normals: normals * (2 / (normals[0].numel() + normals[:, 0].numel())) ** 0.5,
            "that is **Glorot's**: the mean of inputs and outputs, and no factor for ReLU.",
        ),
    ],
    hints=[
        "A number of variance 1, multiplied by s, has variance s².",
        "How many inputs does one output sum over? `normals[0].numel()`, for both kinds of layer.",
        "Multiply by `(2 / inputs) ** 0.5`.",
    ],
)


def _images():
    for seed, n, m, channels, side in ((0, 6, 4, 3, 5), (1, 5, 3, 2, 4), (2, 8, 7, 4, 3)):
        dice = torch.Generator().manual_seed(seed)
        scale = torch.arange(1, channels + 1).view(1, -1, 1, 1)
        yield dict(
            train=scale * torch.rand(n, channels, side, side + 1, generator=dice) + scale,
            test=scale * torch.rand(m, channels, side, side + 1, generator=dice) + 0.5,
        )


def _standard(axes=(0, 2, 3), own=False, square=False, center=True, divide=True, both=False):
    def standardized(train, test):
        def numbers(x):
            deviation = x.std(axes, keepdim=True)
            return x.mean(axes, keepdim=True) * center, (deviation**2 if square else deviation) if divide else 1

        source = torch.cat([train, test]) if both else train
        mean, deviation = numbers(source)
        mean2, deviation2 = numbers(test) if own else (mean, deviation)
        return (train - mean) / deviation, (test - mean2) / deviation2

    return standardized


Exercise(
    "standardized",
    reference=_standard(),
    cases=lambda: list(_images()),
    mistakes=[
        (
            _standard(own=True),
            "the test images have their **own** mean and deviation: the network must get both sets by the same rule, so use the training set's.",
        ),
        (_standard(both=True), "the statistics were taken over **both** sets: the test set must not be looked at."),
        (_standard(axes=(0, 1, 2, 3)), "that is one mean for **all channels**: take one for each."),
        (_standard(axes=0), "that is one mean for each **pixel**: take the mean over the height and width too."),
        (_standard(axes=(0, 2)), "the **width** was left out: take the mean over images, height and width."),
        (_standard(square=True), "that divides by the **variance**: divide by its root, the deviation."),
        (_standard(divide=False), "the means are taken off; the division by the **deviation** is missing."),
        (_standard(center=False), "that divides by the deviation; the **mean** is not taken off."),
    ],
    hints=[
        "The axes are (N, C, H, W): for one number per channel take the mean over axes 0, 2 and 3.",
        "`train.mean((0, 2, 3), keepdim=True)` has the shape (1, C, 1, 1) and broadcasts; the same with `std`.",
        "Use the training set's two on both, and return the pair.",
    ],
)


def _layers():
    for seed, n, inputs, units in ((0, 9, 4, 12), (1, 6, 3, 20), (2, 12, 5, 16)):
        dice = torch.Generator().manual_seed(seed)
        values = torch.randn(n, inputs, generator=dice) @ torch.randn(inputs, units, generator=dice)
        values[:, ::3] -= 6 * values[:, ::3].abs().amax(0) * (torch.arange(0, units, 3) % 2)
        values[:, 1] = 0
        values[0] = 0
        yield dict(values=values.relu())


Exercise(
    "dead_share",
    reference=lambda values: (values == 0).all(0).float().mean().item(),
    cases=lambda: list(_layers()),
    mistakes=[
        (
            lambda values: (values == 0).float().mean().item(),
            "that is the share of **zeros**: a unit is dead only if it gives 0 for every image.",
        ),
        (
            lambda values: (values == 0).any(0).float().mean().item(),
            "a unit that gives 0 for **some** image is not dead: for all of them.",
        ),
        (
            lambda values: (values == 0).all(1).float().mean().item(),
            "the wrong **axis**: images are rows, units are columns.",
        ),
        (
            lambda values: (values == 0).all(0).sum().item(),
            "that is the **number** of dead units: divide by how many there are.",
        ),
        (lambda values: (values > 0).any(0).float().mean().item(), "that is the share of those **alive**."),
        (
            lambda values: (values < 0).all(0).float().mean().item(),
            "nothing is **below** 0 after a ReLU: a dead unit gives exactly 0.",
        ),
    ],
    hints=[
        "`values == 0` is a table of truths: images down, units across.",
        "`.all(0)` asks for each unit whether it holds for all images; the mean of these is the share.",
    ],
)

# --------------------------------------------------------------------------------------------------------------- debug


def _nested(*sizes):
    def make():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            a, b, c, d = sizes
            return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Sequential(nn.Linear(b, c), nn.ReLU()), nn.Linear(c, d))

    return make


def _begin(top=False, out=False, variance=False):
    def begin(make):
        net = make()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for layer in net if top else net.modules():
                if isinstance(layer, nn.Linear):
                    inputs = layer.weight.shape[0 if out else 1]
                    nn.init.normal_(layer.weight, 0, 2 / inputs if variance else (2 / inputs) ** 0.5)
                    nn.init.zeros_(layer.bias)
        return net

    return begin


def _two(text):
    return f"one is mended. Two are left: {text}."


Exercise(
    "started",
    reference=_begin(),
    cases=lambda: [dict(make=_nested(*sizes)) for sizes in ((8, 40, 12, 3), (5, 7, 30, 4))],
    view=lambda net: torch.cat([p.detach().flatten() for p in net.parameters()]),
    mistakes=[
        (
            _begin(top=True, out=True, variance=True),
            "that is the start **as it was**: for each of the three layers find the rule that gives its deviation.",
        ),
        (_begin(top=True, out=True), _two("which layers are **reached**, and of what `shape[0]` is the number")),
        (
            _begin(top=True, variance=True),
            _two("which layers are **reached**, and what `normal_` takes as its third argument"),
        ),
        (
            _begin(out=True, variance=True),
            _two("of what `shape[0]` is the number, and what `normal_` takes as its third argument"),
        ),
        (_begin(top=True), "one is left: the layers **inside** the inner `nn.Sequential` still have torch's start."),
        (_begin(out=True), "one is left: `weight.shape` is (outputs, inputs), and He counts the **inputs**."),
        (_begin(variance=True), "one is left: `normal_(weight, mean, std)` takes the **deviation**, not the variance."),
    ],
    hints=[
        "Two of the three deviations above are 2 over a number: over which? The middle one is that of torch's own start: why "
        "was it left?",
        "`for layer in net` sees the outermost layers only; `net.modules()` sees all.",
        "`layer.weight.shape` is (outputs, inputs); `nn.init.normal_(tensor, mean, std)`.",
    ],
)
