"""The exercises of chapter 14: what a loss should be, one batch, a loop with three bugs, patients, halving."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict


def _entropy(labels, log=torch.log, total=False, shares=None):
    counts = torch.bincount(labels).double()
    p = counts[counts > 0] / len(labels) if shares is None else shares(counts)
    value = -(p * log(p)).sum()
    return float(value * len(labels) if total else value)


Exercise(
    "loss_of_guessing",
    reference=lambda labels: _entropy(labels),
    cases=lambda: [
        dict(labels=torch.tensor(each))
        for each in ([0, 0, 0, 1], [2, 2, 2, 2, 2, 0, 1, 1], [0, 1, 2, 3, 4, 4, 4, 4, 4, 4], [3, 3, 3, 3, 3, 0])
    ],
    mistakes=[
        (
            lambda labels: math.log(int(labels.max()) + 1),
            "that is the loss of **equal** scores, log C: who knows the shares of the classes does better.",
        ),
        (
            lambda labels: math.log(len(labels.unique())),
            "that is log of the number of classes **that occur**: they are not equally frequent.",
        ),
        (
            lambda labels: _entropy(labels, torch.log2),
            "that is in **bits**: cross-entropy takes the natural logarithm.",
        ),
        (lambda labels: _entropy(labels, total=True), "that is the **sum** over the examples: the loss is their mean."),
        (lambda labels: -_entropy(labels), "the **sign**: the logarithm of a share is negative, the loss is positive."),
        (
            lambda labels: float(-(torch.bincount(labels).max() / len(labels)).log()),
            "only the **most frequent** class is counted: the others occur too, and cost more.",
        ),
        (
            lambda labels: float(1 - torch.bincount(labels).max() / len(labels)),
            "that is the **error** of guessing, a share of wrong answers: the loss is a mean of logarithms.",
        ),
    ],
    hints=[
        "The best answer that does not look at the image gives every class its share p among the labels.",
        "An image of a class with share p then costs −log p, and a share p of all images costs that.",
        "The sum of −p · log p over the classes that occur; a share of 0 has no logarithm: leave it out.",
    ],
)


Exercise(
    "two_softmaxes",
    reference=lambda classes: math.log(1 + (classes - 1) / math.e),
    cases=lambda: [dict(classes=classes) for classes in (2, 10, 100, 1000)],
    mistakes=[
        (lambda classes: 0.0, "that is the floor of **one** softmax: the second gets numbers from 0 to 1 only."),
        (
            lambda classes: math.log(classes),
            "that is the loss of **guessing**: here the right class has a 1, all others a 0.",
        ),
        (
            lambda classes: math.log(1 + classes / math.e),
            "one class too many: **C − 1** others have a 0, the right one a 1.",
        ),
        (
            lambda classes: math.log(math.e + classes - 1),
            "that is the logarithm of the **sum** e + C − 1: the right class's own output, 1, is to be taken off.",
        ),
        (
            lambda classes: -math.log(1 / (1 + (classes - 1) * math.e)),
            "the two are **exchanged**: the right class has output 1, so e stands with it.",
        ),
        (lambda classes: math.log2(1 + (classes - 1) / math.e), "that is in **bits**: take the natural logarithm."),
        (
            lambda classes: math.e / (math.e + classes - 1),
            "no logarithm was taken: the loss is **−log** of the right class's share.",
        ),
    ],
    hints=[
        "What leaves the first softmax at best? A 1 for the right class, a 0 for each other.",
        "The second makes e¹ / (e¹ + (C − 1) · e⁰) of that.",
        "−log(e / (e + C − 1)) = log(1 + (C − 1) / e)",
    ],
)


# --------------------------------------------------------------------------------------------------------------- build


def _small(dropout=0.0, seed=0):
    """Return a function that makes the same small network every time."""

    def make():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            float32 = {"dtype": torch.float32}  # whatever the default is
            return nn.Sequential(nn.Linear(6, 8, **float32), nn.ReLU(), nn.Linear(8, 3, **float32))

    return make


def _batches():
    # With the first optimizer torch loads a part of itself that replaces functions of torch: not while checking
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    for seed, n, rate, steps in ((0, 12, 0.5, 30), (1, 9, 0.1, 12), (2, 15, 0.3, 20)):
        dice = torch.Generator().manual_seed(seed)
        yield dict(
            make=_small(seed=seed),
            x=torch.randn(n, 6, generator=dice),
            y=torch.randint(3, (n,), generator=dice),
            rate=rate,
            steps=steps,
        )


def _overfit(keep=False, first=False, before=False, late=False, momentum=0.0, ascend=False, percent=False):
    def learn(make, x, y, rate, steps):
        net = make()
        optimizer = torch.optim.SGD(net.parameters(), rate, momentum=momentum, maximize=ascend)
        kept = None
        for _ in range(steps):
            loss = F.cross_entropy(net(x), y)
            if late:
                loss.backward()
                optimizer.zero_grad()
            else:
                if not keep:
                    optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            kept = loss.item() if kept is None or not first else kept
        with torch.no_grad():
            outputs = net(x)
        share = (outputs.argmax(1) == y).float().mean().item()
        return (100 * share if percent else share), (kept if before or first else F.cross_entropy(outputs, y).item())

    return learn


Exercise(
    "learn_by_heart",
    reference=_overfit(),
    cases=lambda: list(_batches()),
    mistakes=[
        (_overfit(keep=True), "the gradients **add up** from step to step: clear them before each `backward()`."),
        (
            _overfit(late=True),
            (
                "nothing is learnt: the gradients are cleared **between** `backward()` and `step()`, so no step leads"
                " anywhere."
            ),
        ),
        (
            _overfit(before=True),
            "the loss is that **before the last step**: compute the outputs once more after the loop.",
        ),
        (_overfit(first=True), "that is the **first** loss: return the one after all steps."),
        (_overfit(ascend=True), "the loss **rises**: follow the gradient down, `optimizer.step()` of SGD does it."),
        (_overfit(momentum=0.9), "there is **momentum**: take plain SGD, so that the numbers can be compared."),
        (_overfit(percent=True), "the first number must be a **share**, from 0 to 1, not percent."),
        (
            lambda make, x, y, rate, steps: _overfit()(make, x, y, rate, steps)[::-1],
            "the two are in the wrong **order**: first the share of right answers, then the loss.",
        ),
    ],
    hints=[
        "Make the network with `make()`, and an optimizer `torch.optim.SGD(net.parameters(), rate)`.",
        "`steps` times: the loss of all of x, `zero_grad()`, `backward()`, `step()`.",
        "After the loop `outputs = net(x)`; the share is `(outputs.argmax(1) == y).float().mean().item()`.",
    ],
    tol=1e-3,
    seconds=20,
)


# --------------------------------------------------------------------------------------------------------------- debug


def _loop(apart=False, twice=False, late=False, flat=False):
    def train(make, x, y, rate, epochs):
        net = make()
        optimizer = torch.optim.SGD(net.parameters(), rate)
        dice = torch.Generator().manual_seed(0)
        for _ in range(epochs):
            order = torch.randperm(len(x), generator=dice)
            labels = y if apart else y[order]
            for xb, yb in zip(x[order].split(4), labels.split(4)):
                outputs = net(xb)
                loss = F.cross_entropy(outputs.softmax(1) if twice else outputs, yb)
                if late:
                    loss.backward()
                    optimizer.zero_grad()
                else:
                    optimizer.zero_grad()
                    loss.backward()
                optimizer.step()
        with torch.no_grad():
            return net(x)

    return train


Exercise(
    "train_mended",
    reference=_loop(),
    cases=lambda: [{name: v for name, v in each.items() if name != "steps"} | {"epochs": 4} for each in _batches()],
    mistakes=[
        (
            _loop(late=True),
            (
                "nothing **moves** yet: the gradients are cleared after `backward()`, so no step leads anywhere."
                " Whether the other two are mended shows only then."
            ),
        ),
        (_loop(apart=True), "one is left: the images are shuffled, and their **labels** are not."),
        (_loop(twice=True), "one is left: `F.cross_entropy` has a **softmax** of its own."),
        (
            _loop(apart=True, twice=True),
            "it moves now. Two are left: look at what is **shuffled**, and at what the **loss** is given.",
        ),
        (
            lambda make, x, y, rate, epochs: _loop()(make, x, y, rate, epochs).softmax(1),
            "the outputs are returned **after** a softmax: return what the network gives.",
        ),
        (
            lambda make, x, y, rate, epochs: _loop()(make, x, y, rate, epochs).argmax(1).float(),
            "return the **outputs**, (N, classes), not the answers.",
        ),
    ],
    hints=[
        "Nothing moves at all: what is the gradient when `step()` is called?",
        "It moves now, and the loss stays near that of guessing: which labels does a batch get after `x[order]`?",
        "Then the loss does not fall below 1.46 = log(1 + 9/e), for ten classes: what does that remind you of?",
    ],
    tol=1e-3,
    seconds=20,
)


Exercise(
    "culprits",
    reference={"A": "eval() forgotten", "B": "optimizer of another network", "C": "labels shuffled"},
    mistakes=[
        (
            {"A": "eval() forgotten", "B": "learning rate / 1000", "C": "labels shuffled"},
            "A and C are right. B: a rate that is too low moves the weights **a little**; here they move by exactly 0.",
        ),
        (
            {"A": "eval() forgotten", "B": "all weights start at 0", "C": "labels shuffled"},
            "A and C are right. B: the first layer **has** a gradient; it is not used.",
        ),
        (
            {"A": "eval() forgotten", "B": "optimizer of another network", "C": "learning rate × 100"},
            "A and B are right. C: too high a rate throws the weights **far**; here they move as usual.",
        ),
        (
            {"A": "eval() forgotten", "B": "optimizer of another network", "C": "batches sorted by class"},
            "A and B are right. C: its batch holds images of **ten** classes.",
        ),
        (
            {"A": "validation prepared differently", "B": "optimizer of another network", "C": "labels shuffled"},
            "B and C are right. A: a validation prepared differently gives the **same** answers each time.",
        ),
        (
            {"A": "upside-down augmentation", "B": "optimizer of another network", "C": "labels shuffled"},
            "B and C are right. A: an augmentation is not used when **predicting**, and the second look differs.",
        ),
    ],
    hints=[
        "Take one finding that is odd, and ask which of the bugs could make it; then the next.",
        "A: what is random while predicting? B: who moves the weights? C: what can be learnt by heart alone?",
    ],
)


# ---------------------------------------------------------------------------------------------------------- experiment


def _halve(cuts, of=lambda scores, epoch: scores[epoch - 1], largest=True, cumulative=False, last=True):
    def halve(scores, cuts_):
        alive, spent, before = torch.arange(scores.shape[1]), 0, 0
        for epoch, keep in cuts_:
            spent += len(alive) * (epoch if cumulative else epoch - before)
            alive = alive[of(scores, epoch)[alive].topk(keep, largest=largest).indices]
            before = epoch
        if last:
            spent += len(alive) * (len(scores) - (0 if cumulative else before))
        return int(alive[scores[-1][alive].argmax()]), spent

    return halve


def _tables():
    for seed, epochs, count, cuts in (
        (0, 9, 12, ((1, 6), (3, 2))),
        (1, 12, 20, ((2, 5),)),
        (2, 16, 27, ((1, 9), (4, 3))),
    ):
        dice = torch.Generator().manual_seed(seed)
        scores = torch.rand(epochs, count, generator=dice).sort(0).values  # rising, and early says little of late
        yield dict(scores=scores, cuts=[list(cut) for cut in cuts])


def _fit(**options):
    inner = _halve(None, **options)
    return lambda scores, cuts: inner(scores, cuts)


Exercise(
    "halving",
    reference=_fit(),
    cases=lambda: list(_tables()),
    mistakes=[
        (
            _fit(of=lambda scores, epoch: scores[-1]),
            (
                "that is the best of **all** settings at the end: at a cut only the scores up to that epoch are known,"
                " and only who survived can win."
            ),
        ),
        (_fit(largest=False), "the **worst** are kept: scores are accuracies, larger is better."),
        (
            _fit(cumulative=True),
            "epochs are counted **twice**: who survives a cut goes on from there and does not begin anew.",
        ),
        (_fit(last=False), "the epochs **after the last cut** are missing: the survivors are trained to the end."),
        (
            lambda scores, cuts: (_fit()(scores, cuts)[0], scores.numel()),
            "those are the epochs of training **everything** to the end: count only what was trained.",
        ),
        (
            lambda scores, cuts: _fit()(scores, cuts)[::-1],
            "the two are in the wrong **order**: first the setting's number, then the epochs spent.",
        ),
    ],
    hints=[
        "Keep `alive = torch.arange(scores.shape[1])`, the numbers of the settings still in training.",
        (
            "At a cut after `epoch`, `scores[epoch - 1][alive].topk(keep).indices` says which of `alive` stay; before"
            " it, len(alive) settings were trained from the cut before to this epoch."
        ),
        "At the end add `len(alive) * (len(scores) - last_cut)`; the winner is `alive[scores[-1][alive].argmax()]`.",
    ],
)
