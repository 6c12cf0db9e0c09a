"""The zoo: one sound training program, twenty copies with one bug each, and the tests that tell them apart.

A bug is a subclass of Program that does one thing differently, so its source is the bug. examine() runs a program and
buys every test of the checklist; symptoms() returns what was found for all of them at five seeds, from symptoms.json.
`make experiments NB=14` computes that file anew.
"""

import json
import math
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.device import pick_device, preserve_rng

HERE = Path(__file__).parent
SEEDS = 5
TRAINING, VALIDATION, EPOCHS, BATCH = 1500, 500, 4, 50


@cache
def pictures():
    """Return Fashion-MNIST averaged to 14×14: training images and labels, then validation images and labels."""
    clothes = data.fashion_mnist().subset(TRAINING + VALIDATION)
    images, labels = F.avg_pool2d(clothes.images, 2), clothes.labels
    return images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:]


def convolutions(normalised=True):
    """Return two convolutions and a last layer that starts small: (N, 1, 14, 14) → (N, 10)."""
    layers, channels = [], 1
    for width in (12, 24):
        layers += [
            nn.Conv2d(channels, width, 3, 2, 1),
            nn.BatchNorm2d(width) if normalised else nn.Identity(),
            nn.ReLU(),
        ]
        channels = width
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * channels, 10))
    for layer in net:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    with torch.no_grad():
        net[-1].weight *= 0.1
    return net


class Program:
    """Nothing is wrong with this one."""

    name = "nothing: the program is sound"
    rate = 0.03

    def network(self):
        return convolutions()

    def images(self, images, part):
        """What the network is given; part is "training" or "validation"."""
        mean, deviation = pictures()[0].mean(), pictures()[0].std()
        return (images - mean) / deviation

    def labels(self, labels, part):
        return labels

    def order(self, labels, dice):
        return torch.randperm(len(labels), generator=dice)

    def augment(self, x):
        return x

    def optimizer(self, net):
        return torch.optim.SGD(net.parameters(), self.rate, momentum=0.9)

    def clear(self, net):
        net.zero_grad()

    def loss(self, outputs, labels):
        return F.cross_entropy(outputs, labels)

    def predict(self, net, x):
        net.eval()
        with torch.no_grad():
            outputs = net(x)
        net.train()
        return outputs

    def accuracy(self, outputs, labels):
        return (outputs.argmax(1) == labels).float().mean().item()


class ShuffledLabels(Program):
    """The training labels were shuffled apart from their images, as when one of two lists is sorted."""

    name = "labels shuffled"

    def labels(self, labels, part):
        dice = torch.Generator().manual_seed(0)
        return labels[torch.randperm(len(labels), generator=dice)] if part == "training" else labels


class GradientsKept(Program):
    """The gradients are never cleared: each step follows the sum of all gradients so far."""

    name = "zero_grad() forgotten"

    def clear(self, net):
        pass


class EvalForgotten(Program):
    """It predicts in training mode: dropout still drops, and BN normalises with the batch at hand."""

    name = "eval() forgotten"

    def predict(self, net, x):
        with torch.no_grad():
            return net(x)


class SoftmaxOverBatch(Program):
    """Softmax over axis 0: the 50 images of a batch compete for each class, not the classes for each image."""

    name = "softmax over the batch"

    def loss(self, outputs, labels):
        return F.nll_loss(outputs.log_softmax(0), labels)


class SoftmaxTwice(Program):
    """The network ends in a softmax, and the cross-entropy takes another one of that."""

    name = "softmax twice"

    def network(self):
        return convolutions().append(nn.Softmax(1))


class Leak(Program):
    """The label stands in the first row of each picture, as a scanner's stamp or a watermark may."""

    name = "the label leaks into the picture"

    def images(self, images, part):
        x = super().images(images, part)
        labels = self.labels(pictures()[1 if part == "training" else 3], part)
        x[:, 0, 0, :10] = 3.0 * F.one_hot(labels, 10)
        return x


class LabelsLeftBehind(Program):
    """The augmentation permutes half of the images of a batch among themselves, and not their labels."""

    name = "augmentation leaves labels behind"

    def augment(self, x):
        half = len(x) // 2
        return torch.cat([x[:half][torch.randperm(half)], x[half:]])


class UpsideDown(Program):
    """The augmentation turns half of the pictures upside down, which no picture to come will be."""

    name = "upside-down augmentation"

    def augment(self, x):
        return torch.where(torch.rand(len(x), 1, 1, 1).to(x.device) < 0.5, x.flip(2), x)


class RateTooHigh(Program):
    """The learning rate is 3 in place of 0.03."""

    name = "learning rate × 100"
    rate = 3.0


class RateTooLow(Program):
    """The learning rate is 0.00003 in place of 0.03."""

    name = "learning rate / 1000"
    rate = 0.00003


class BodyFrozen(Program):
    """The optimizer holds the last layer alone, a rest of fine-tuning."""

    name = "only the last layer is trained"

    def optimizer(self, net):
        return torch.optim.SGD(net[-1].parameters(), self.rate, momentum=0.9)


class OtherNetwork(Program):
    """The optimizer was made for a network that was built again afterwards."""

    name = "optimizer of another network"

    def optimizer(self, net):
        return torch.optim.SGD(convolutions().parameters(), self.rate, momentum=0.9)


class ReluAtTheEnd(Program):
    """There is a ReLU after the last layer: no output can fall below 0."""

    name = "ReLU at the output"

    def network(self):
        return convolutions().append(nn.ReLU())


class NotScaled(Program):
    """The pixels go in as 0 to 255. (Without BN, which would hide it.)"""

    name = "pixels from 0 to 255"

    def network(self):
        return convolutions(normalised=False)

    def images(self, images, part):
        return images * 255


class SortedByClass(Program):
    """The images come sorted by class, so that a batch holds one class only."""

    name = "batches sorted by class"

    def order(self, labels, dice):
        return labels.argsort(stable=True)


class SumForMean(Program):
    """The loss is the sum over the batch, so every step is 50 times as long."""

    name = "sum in place of mean"

    def loss(self, outputs, labels):
        return F.cross_entropy(outputs, labels, reduction="sum")


class WrongAxis(Program):
    """The accuracy takes argmax over the images, not over the classes; the training is sound."""

    name = "accuracy over the wrong axis"

    def accuracy(self, outputs, labels):
        answers = outputs.argmax(0)
        return (answers[torch.arange(len(labels)) % 10] == labels).float().mean().item()


class OtherPreparation(Program):
    """The validation images are not standardised, the training images are."""

    name = "validation prepared differently"

    def images(self, images, part):
        return super().images(images, part) if part == "training" else images


class OffByOne(Program):
    """The validation labels are counted from 1, the training labels from 0."""

    name = "validation labels off by one"

    def labels(self, labels, part):
        return labels if part == "training" else (labels + 1) % 10


class ZeroStart(Program):
    """All weights start at 0. (Without BN.)"""

    name = "all weights start at 0"

    def network(self):
        net = convolutions(normalised=False)
        for parameter in net.parameters():
            nn.init.zeros_(parameter)
        return net


BUGS = {kind.name: kind for kind in Program.__subclasses__()}
PROGRAMS = {Program.name: Program} | BUGS


# ------------------------------------------------------------------------------------------------------------ the tests

TESTS = {  # in the order of the checklist: what is asked, and what it costs to ask
    "batch": ("Look at one batch", 1),
    "first loss": ("The first loss", 1),
    "gradient": ("The first gradient", 1),
    "one batch": ("80 steps on one batch of 32", 2),
    "training": ("Train 4 epochs: loss and training accuracy", 4),
    "movement": ("How far did the weights move?", 2),
    "late gradient": ("The gradient at the end", 1),
    "outputs": ("What do the outputs look like?", 1),
    "second look": ("Predict the same images twice", 1),
    "validation": ("The validation accuracy", 2),
    "classes": ("Which classes are answered?", 1),
}


def step(program, net, optimizer, x, y):
    """Take one step as the program does; return its loss."""
    value = program.loss(net(program.augment(x)), y)
    program.clear(net)
    value.backward()
    optimizer.step()
    return value.item()


def one_batch(program, steps=80):
    """Return (accuracy, loss) on a batch of 32 after these steps on it; dropout off, BN with the batch's statistics."""
    net, device = program.network().to(pick_device()), pick_device()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    optimizer = program.optimizer(net)
    images, labels = pictures()[:2]
    x, y = (each[:32].to(device) for each in (program.images(images, "training"), program.labels(labels, "training")))
    for _ in range(steps):
        if not math.isfinite(step(program, net, optimizer, x, y)):
            return 0.0, math.inf
    with torch.no_grad():
        outputs = net(x)
        return program.accuracy(outputs, y), program.loss(outputs, y).item()


def size(parameters):
    """Return the norm of the gradients of all these parameters together."""
    return math.sqrt(sum(p.grad.square().sum().item() for p in parameters if p.grad is not None))


def examine(name, seed=0):
    """Run a program of the zoo, about a second, and buy every test.

    name:    one of PROGRAMS
    returns: {test: (word, sentence)} for each of TESTS, and under "losses" the loss of each step
    """
    program = PROGRAMS[name]()
    with preserve_rng():
        torch.manual_seed(seed)
        return _examine(program, seed)


def _examine(program, seed):
    device = pick_device()
    net = program.network().to(device)
    optimizer = program.optimizer(net)
    images, labels, validation, wanted = pictures()
    x, y = program.images(images, "training").to(device), program.labels(labels, "training").to(device)
    xv, yv = program.images(validation, "validation").to(device), program.labels(wanted, "validation").to(device)
    before = [p.detach().clone() for p in net.parameters()]
    dice, losses, found = torch.Generator().manual_seed(seed), [], {}
    for _ in range(EPOCHS):
        for index in program.order(y, dice).split(BATCH):
            losses.append(step(program, net, optimizer, x[index], y[index]))
            if len(losses) == 1:
                found["batch"] = said_of_batch(x[index], y[index])
                found["first loss"] = said_of_first_loss(losses[0])
                first, lowest = size(net.parameters()), size(net[:1].parameters())
                found["gradient"] = said_of_gradient(first, lowest)
    last = size(net.parameters())
    steps = len(x) // BATCH
    at_end = sum(losses[-steps:]) / steps
    train = program.accuracy(program.predict(net, x), y)
    outputs = program.predict(net, xv)
    validated, answers = program.accuracy(outputs, yv), outputs.argmax(1)
    changed = (answers != program.predict(net, xv).argmax(1)).float().mean().item()
    moved = [
        ((p.detach() - b).norm() / b.norm().clamp(min=1e-9)).item()
        for p, b in zip(net.parameters(), before)
        if p.dim() > 1
    ]
    found |= {
        "one batch": said_of_one_batch(*one_batch(program)),
        "training": said_of_training(train, at_end),
        "movement": said_of_movement(moved[0], moved[-1]),
        "late gradient": said_of_late_gradient(first, last),
        "outputs": said_of_outputs(outputs),
        "second look": said_of_second_look(changed),
        "validation": said_of_validation(train, validated),
        "classes": said_of_classes(answers),
    }
    return {test: found[test] for test in TESTS} | {"losses": losses}


# Each returns (word, sentence): the word is what is compared, the sentence holds the numbers.


def said_of_batch(x, y):
    classes, mean, deviation = len(y.unique()), x.mean().item(), x.std().item()
    word = "one class" if classes == 1 else "far from 0 and 1" if abs(mean) > 0.5 else "looks right"
    return (
        word,
        f"{len(y)} images of {classes} class{'es' * (classes > 1)}; mean {mean:.2f}, deviation {deviation:.2f}.",
    )


def said_of_first_loss(loss):
    word = "log 10" if 2.1 < loss < 2.55 else "log 50" if 3.7 < loss < 4.2 else "far off"
    return word, f"{loss:.2f}; guessing among 10 classes is log 10 = 2.30."


def said_of_gradient(first, lowest):
    word = "none below the last layer" if lowest == 0 else "reaches the first layer"
    return word, f"Norm {first:.2g} over all weights, {lowest:.2g} in the first layer."


def said_of_one_batch(share, loss):
    learnt = loss < 0.35
    word = "learnt" if learnt and share > 0.95 else "loss yes, accuracy no" if learnt else "not learnt"
    return word, f"{100 * share:.0f} % right, loss {loss:.2f}."


def said_of_training(share, loss):
    word = (
        ("fails" if loss > 1.5 else "the loss falls, the accuracy does not")
        if share < 0.5
        else "works, but the loss stays high"
        if loss > 1.5
        else "works"
    )
    return word, f"{100 * share:.0f} % of the training images right; mean loss of the last epoch {loss:.2f}."


def said_of_movement(first, last):
    word = (
        "nothing moves"
        if last == 0
        else (
            "only the last layer moves"
            if first == 0
            else "hardly"
            if first < 0.005
            else "thrown far"
            if first > 1
            else "moves"
        )
    )
    return word, f"First layer by {shown(first)} its norm, last layer by {shown(last)} its norm."


def said_of_late_gradient(first, last):
    return (
        "grows on and on" if last > 10 * first else "as large as before",
        f"Norm {first:.2g} at first, {last:.2g} at the end.",
    )


def said_of_outputs(outputs):
    if (outputs.sum(1) - 1).abs().max() < 1e-4 and outputs.min() >= 0:
        return "sum to 1", "Each image's ten outputs are positive and sum to 1."
    low, high = outputs.min().item(), outputs.max().item()
    return "never negative" if low >= 0 else "of both signs", f"From {low:.3g} to {high:.3g}."


def said_of_second_look(changed):
    return "answers change" if changed > 0.02 else "answers stay", f"{100 * changed:.0f} % of the answers differ."


def said_of_validation(train, validated):
    word = (
        "below guessing"
        if validated < 0.05 and train > 0.5
        else "too good"
        if validated > 0.95
        else "far below training"
        if train - validated > 0.3
        else "near training"
    )
    return word, f"{100 * validated:.0f} % of the validation images right, {100 * train:.0f} % of the training images."


def said_of_classes(answers):
    never = 10 - len(answers.unique())
    word = "all" if never == 0 else "one for all" if never == 9 else "some never"
    return word, f"{10 - never} of 10 classes are ever answered."


def shown(number):
    """Return how large a change is, beside a norm: "0 times", "0.14 times", "497 times"."""
    return f"{number:.0f} times" if number == 0 or number > 10 else f"{number:.2g} times"


# ------------------------------------------------------------------------------------------------------ the stored table


@cache
def symptoms():
    """Return {name: [findings of each seed]}, as examine() returns them, from symptoms.json."""
    return json.loads((HERE / "symptoms.json").read_text(encoding="utf-8"))


def words(name, test):
    """Return the words that a program's test showed, over the stored seeds: a set."""
    return {found[test][0] for found in symptoms()[name]}


def suspects(findings):
    """Return the names of the programs that can show all of these: findings {test: word}."""
    return [name for name in PROGRAMS if all(word in words(name, test) for test, word in findings.items())]


CASES = {"A": 2, "B": 11, "C": 0}  # of an exercise: which of BUGS


def case(letter):
    """Return {test: word} of one of three patients of an exercise, "A", "B" or "C"."""
    found = symptoms()[list(BUGS)[CASES[letter]]][0]
    return {test: found[test][0] for test in TESTS}
