"""Why does it not learn? diagnose() runs the checklist on your own network and data, and says what it found."""

import copy
import html
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import whole
from helpers.data import ImageSet
from helpers.device import preserve_rng
from helpers.output import in_notebook
from helpers.training.batches import is_labelled
from helpers.training.steps import check_model

MARKS = {"passes": "passes", "look": "look here", "fails": "fails"}
COLOURS = {"passes": "#009E73", "look": "#E69F00", "fails": "#D55E00"}
FACTORS = (0.01, 0.1, 1.0, 10.0)  # of the learning rate, in the search


@dataclass(frozen=True)
class Finding:
    """What one test found: its name, a word of MARKS, a sentence with the numbers."""

    test: str
    mark: str
    says: str


class Diagnosis(list):
    """Findings, in the order of the checklist; what a notebook shows of it is a table.

    Its text form in a notebook holds the marks alone: the numbers differ from machine to machine. print(...) shows all.
    """

    def __getitem__(self, test):
        """Return the finding of a test by its name, or by its place."""
        if not isinstance(test, str):
            return super().__getitem__(test)
        found = next((each for each in self if each.test == test), None)
        if found is None:
            raise KeyError(f"test (={test!r}) must be one of {', '.join(each.test for each in self)}")
        return found

    @property
    def marks(self):
        """{test: "passes", "look" or "fails"}."""
        return {each.test: each.mark for each in self}

    def __str__(self):
        return "\n".join(f"{each.test + ':':18}{MARKS[each.mark]}. {each.says}" for each in self)

    def __repr__(self):
        if not in_notebook():
            return str(self)
        return "\n".join(f"{each.test + ':':18}{MARKS[each.mark]}" for each in self)

    def _repr_html_(self):
        rows = "".join(
            f'<tr><td style="text-align:left;border-left:6px solid {COLOURS[each.mark]}">'
            f"<b>{html.escape(each.test)}</b></td>"
            f'<td style="text-align:left">{MARKS[each.mark]}</td>'
            f'<td style="text-align:left">{html.escape(each.says)}</td></tr>'
            for each in self
        )
        return f"<table>{rows}</table>"


def diagnose(model, data, *, optimizer=None, loss=F.cross_entropy, batch_size=64, steps=100, seed=0):
    """Run the checklist on a classifier and its data, and say in words what is found. The model itself is not changed.

    model:      an nn.Module that maps a batch of inputs to (N, classes) scores, as it is before training
    data:       the training data: an ImageSet, or tensors (x, labels), labels (N,) in int64, counted from 0
    optimizer:  the torch optimizer over the model's parameters with which you train; None for AdamW at 0.001
    loss:       what you train with: maps (outputs, labels) to a scalar
    batch_size: examples in a batch
    steps:      of each short training: on one batch, and in the search for a rate
    returns:    a Diagnosis: a list of findings that print(...) shows, and .marks, {test: "passes", "look" or "fails"}
    raises:     ValueError for what is no model or no labelled data, or for an optimizer that is none of torch's

    It trains copies: on one batch, and at rates from a hundredth of yours to ten times it, 5 · steps steps in all. It
    cannot see what is done outside of the model: your augmentation, your validation data, a forgotten eval().
    Source: Karpathy 2019, A recipe for training neural networks.
    """
    check_model(model)
    if not is_labelled(data):
        raise ValueError(
            f"data (a {type(data).__name__}) must be an ImageSet, or tensors (x, labels), labels (N,) in int64: see "
            "helpers.data"
        )
    whole("batch_size", batch_size, 2, why="one example has no other to be compared with")
    whole("steps", steps, 1)
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer (={optimizer!r:.60}) must be a torch optimizer over the model's parameters")
    x, labels = (data.images, data.labels) if isinstance(data, ImageSet) else data
    if len(x) < 4:
        raise ValueError(f"data ({len(x)} examples) must hold at least 4, to train on some and look at others")
    with preserve_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        return Diagnosis(_findings(model, x, labels, optimizer, loss, min(batch_size, len(x) // 2), steps))


def _findings(model, x, labels, optimizer, loss, batch_size, steps):
    """Yield the findings, up to the first that makes all later tests meaningless."""
    device = next(model.parameters()).device
    order = torch.randperm(len(x)).to(x.device)
    held_out = max(batch_size, min(500, len(x) // 5))
    seen, unseen = order[held_out:], order[:held_out]  # `unseen` is never trained on
    batch = x[seen[:batch_size]].to(device), labels[seen[:batch_size]].to(device)
    outputs = _outputs(model, batch[0])
    classes = outputs.shape[-1]
    if outputs.dim() != 2 or outputs.shape[0] != len(batch[0]):
        says = f"the outputs have shape {tuple(outputs.shape)} for {len(batch[0])} examples: they must be (N, classes)."
        yield Finding("data", "fails", says)
        return
    found = _data(x, labels, classes)
    yield found
    if found.mark == "fails":
        return
    start = loss(outputs, batch[1])
    if not isinstance(start, torch.Tensor) or start.numel() != 1:
        yield Finding("first loss", "fails", "the loss is not one number: take the mean over the batch.")
        return
    yield _first_loss(start.item(), labels, classes, batch_size)
    if not math.isfinite(start.item()):
        return
    yield _scores(model, batch[0], outputs)
    yield _independence(model, batch[0])
    if not start.requires_grad:
        says = "the loss has no gradient: .detach(), .item(), torch.no_grad() or argmax cut it off, or all is frozen."
        yield Finding("gradients", "fails", says)
        return
    yield _gradients(model, loss, batch)
    yield _optimizer(model, optimizer)
    yield _one_batch(model, optimizer, loss, batch, steps)
    yield from _rates(model, optimizer, loss, (x, labels), (seen, unseen), batch_size, steps)


def _outputs(model, x, training=True):
    """Return a copy's outputs; BN's running statistics of the model itself stay as they are."""
    return copy.deepcopy(model).train(training)(x)


def _data(x, labels, classes):
    """Are there numbers of an even size, and labels that fit the outputs?"""
    values, counts = x.detach().float(), torch.bincount(labels.clamp(min=0))
    if not torch.isfinite(values).all():
        return Finding("data", "fails", "the inputs hold nan or inf: look for them with torch.isfinite(x).")
    if labels.min() < 0 or labels.max() >= classes:
        says = (
            f"labels go from {labels.min()} to {labels.max()}, the model has {classes} outputs: they must lie from 0 "
            f"to {classes - 1}."
        )
        return Finding("data", "fails", says)
    mean, deviation = values.mean().item(), values.std().item()
    present = counts[counts > 0]
    says = (
        f"{len(x)} inputs of shape {tuple(x.shape[1:])}, mean {mean:.2f}, deviation {deviation:.2f}; {len(present)} of "
        f"{classes} classes, the most frequent is {100 * present.max() / len(labels):.0f} % of them."
    )
    if deviation == 0:
        return Finding("data", "fails", says + " All inputs are equal.")
    if abs(mean) > 3 or deviation > 3 or deviation < 0.01:
        return Finding("data", "look", says + " Subtract the mean and divide by the deviation (of the training data).")
    if len(present) < classes:
        return Finding("data", "look", says + " Some outputs have no example.")
    return Finding("data", "passes", says)


def _first_loss(value, labels, classes, batch_size):
    """Is it that of a network which knows nothing yet?"""
    guess = math.log(classes)
    says = f"{value:.2f}; equal scores for {classes} classes give log {classes} = {guess:.2f}."
    if not math.isfinite(value):
        return Finding("first loss", "fails", says + " Look for a logarithm of 0, a division by 0, or huge inputs.")
    if abs(value - guess) < 0.15 * guess + 0.05:
        return Finding("first loss", "passes", says)
    for factor, why in ((batch_size, "the sum over the batch is taken, not the mean"), (-1, "the sign is wrong")):
        if abs(value / factor - guess) < 0.15 * guess:
            return Finding("first loss", "fails", says + f" It is {factor} times that: {why}.")
    if abs(value - math.log(batch_size)) < 0.1 and batch_size != classes:
        return Finding(
            "first loss", "fails", says + f" It is log {batch_size}: softmax over the batch, not the classes?"
        )
    if value < 0.5 * guess:
        return Finding(
            "first loss", "look", says + " It knows the answers already: was it trained, or is there a leak?"
        )
    says += " It starts with opinions: make the last layer's weights smaller, or look at the size of the inputs."
    return Finding("first loss", "look", says)


def _scores(model, x, outputs):
    """Are the outputs free to be any number, as cross-entropy wants them?"""
    low, sums = outputs.min().item(), outputs.sum(1)
    if low >= 0 and (sums - 1).abs().max() < 1e-3:
        says = "the outputs sum to 1: cross-entropy has a softmax of its own; take yours out."
        return Finding("outputs", "fails", says)
    if low >= 0:
        says = "no output is below 0: is there a ReLU or a sigmoid at the end? Take it out."
        return Finding("outputs", "fails", says)
    first, second = (_outputs(model, x, training=False) for _ in range(2))
    if not torch.allclose(first, second, atol=1e-4):
        says = (
            "in eval mode the same inputs get other outputs a second time: is there dropout that eval() does not stop?"
        )
        return Finding("outputs", "fails", says)
    return Finding(
        "outputs", "passes", f"from {low:.2g} to {outputs.max().item():.2g}, and the same twice in eval mode."
    )


def _independence(model, x):
    """Does an example's answer depend on the other examples?"""
    if not x.is_floating_point():
        return Finding("independence", "look", "not tested: the inputs are whole numbers, which have no gradient.")
    x = x.detach().clone().requires_grad_()
    first = _outputs(model, x, training=False)[0]
    asked = torch.linspace(1, 2, first.numel(), dtype=first.dtype, device=first.device)  # a softmax always sums to 1
    (gradient,) = torch.autograd.grad((first.flatten() * asked).sum(), x, allow_unused=True)
    if gradient is None or gradient[0].abs().sum() == 0:
        says = "the first example's outputs do not depend on its own input: a weight of 0, or a detach() on the way?"
        return Finding("independence", "fails", says)
    if gradient[1:].abs().sum() > 0:
        says = "in eval mode an example's outputs depend on other examples: a view, a softmax or a norm over the batch?"
        return Finding("independence", "fails", says)
    return Finding("independence", "passes", "in eval mode each example's outputs depend on its own input alone.")


def _gradients(model, loss, batch):
    """Does the loss reach every parameter?"""
    tried = copy.deepcopy(model).train()
    loss(tried(batch[0]), batch[1]).backward()
    frozen = [name for name, p in tried.named_parameters() if not p.requires_grad]
    wanted = {name: p.grad for name, p in tried.named_parameters() if p.requires_grad}
    none = [name for name, gradient in wanted.items() if gradient is None]
    zero = [name for name, gradient in wanted.items() if gradient is not None and gradient.abs().max() == 0]
    wild = [name for name, gradient in wanted.items() if gradient is not None and not torch.isfinite(gradient).all()]
    if wild:
        return Finding("gradients", "fails", f"not finite in {_listed(wild)}.")
    if none or zero:
        reach = f"no gradient in {_listed(none)}" if none else f"a gradient of exactly 0 in {_listed(zero)}"
        return Finding("gradients", "fails", f"{reach}: not used, cut off, or behind weights or units that are all 0.")
    if frozen:
        return Finding("gradients", "look", f"frozen, requires_grad=False: {_listed(frozen)}. As meant?")
    return Finding("gradients", "passes", f"all {len(wanted)} parameters get one.")


def _optimizer(model, optimizer):
    """Does it hold the model's parameters, and all of them?"""
    if optimizer is None:
        return Finding("optimizer", "passes", "AdamW at 0.001, none was given.")
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    missing = [name for name, p in wanted.items() if id(p) not in held]
    if len(missing) == len(wanted):
        says = "it holds none of the model's parameters: was the model built again, or copied, after it was made?"
        return Finding("optimizer", "fails", says)
    if missing:
        return Finding("optimizer", "look", f"it does not hold {_listed(missing)}: these stay as they are. As meant?")
    return Finding("optimizer", "passes", f"{type(optimizer).__name__} holds all {len(wanted)} parameters.")


def _copies(model, optimizer, factor=1.0):
    """Return copies of both, the optimizer over the copied parameters, its learning rates times the factor."""
    device = next(model.parameters()).device
    if optimizer is None:
        tried = copy.deepcopy(model).to(device).train()
        return tried, torch.optim.AdamW([p for p in tried.parameters() if p.requires_grad], 1e-3 * factor)
    tried, stepping = copy.deepcopy((model, optimizer))  # together, so that they go on sharing the parameters
    for group in stepping.param_groups:
        group["lr"] = group["lr"] * factor
    return tried.to(device).train(), stepping


def _one_batch(model, optimizer, loss, batch, steps):
    """Can it learn one batch by heart?"""
    tried, stepping = _copies(model, optimizer)
    for layer in tried.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            layer.p = 0.0
    first = last = None
    for _ in range(steps):
        value = loss(tried(batch[0]), batch[1])
        last = value.item()
        first = last if first is None else first
        if not math.isfinite(last):
            says = "the loss blows up: lower the learning rate."
            return Finding("one batch", "fails", says)
        tried.zero_grad()
        value.backward()
        stepping.step()
    right = (tried(batch[0]).argmax(1) == batch[1]).float().mean().item()
    says = f"{100 * right:.0f} % of {len(batch[0])} examples right after {steps} steps, loss {first:.2f} → {last:.2f}."
    if right > 0.95:
        if last > 0.5 * first:
            return Finding(
                "one batch", "look", says + " But the loss stays high: has it a floor, such as a second softmax?"
            )
        return Finding("one batch", "passes", says + " It can learn; random labels would pass as well.")
    if last > 0.97 * first:
        return Finding(
            "one batch", "fails", says + " The loss hardly moves: a rate too low, no gradient, or no step taken."
        )
    if last > first:
        return Finding("one batch", "fails", says + " The loss rises: lower the learning rate, or look at its sign.")
    return Finding(
        "one batch", "fails", says + " A slow start, a rate that is too low or too high, or a net too small."
    )


def _rates(model, optimizer, loss, data, parts, batch_size, steps):
    """Is another rate better in a short training; and does what is learnt hold for examples not trained on?"""
    (x, labels), (seen, unseen) = data, parts
    device = next(model.parameters()).device
    held = x[unseen].to(device), labels[unseen].to(device)
    ends, right = {}, {}
    for factor in FACTORS:
        tried, stepping = _copies(model, optimizer, factor)
        dice, losses, batches = torch.Generator().manual_seed(0), [], iter(())
        while len(losses) < steps:
            index = next(batches, None)
            if index is None:
                order = seen[torch.randperm(len(seen), generator=dice).to(seen.device)]
                batches = iter(order.split(batch_size)[: max(1, len(order) // batch_size)])
                continue
            value = loss(tried(x[index].to(device)), labels[index].to(device))
            losses.append(value.item())
            if not math.isfinite(losses[-1]):
                break
            tried.zero_grad()
            value.backward()
            stepping.step()
        ends[factor] = sum(losses[-10:]) / len(losses[-10:]) if math.isfinite(losses[-1]) else math.inf
        with torch.no_grad():
            right[factor] = (tried.eval()(held[0]).argmax(1) == held[1]).float().mean().item()
    best = min(ends, key=ends.get)
    table = ", ".join(f"× {factor:g}: {_written(value)}" for factor, value in ends.items())
    says = f"loss after {steps} steps at your rate {table}."
    if not math.isfinite(ends[1.0]):
        yield Finding("learning rate", "fails", says + " At yours it blows up: lower it.")
    elif max(ends.values()) < 1.01 * ends[best]:
        yield Finding("learning rate", "look", says + " No rate moves it: see what the tests above found.")
    elif ends[best] > 0.85 * ends[1.0]:
        yield Finding("learning rate", "passes", says)
    else:
        yield Finding("learning rate", "look", says + f" {best:g} times your rate falls faster.")
    if not math.isfinite(ends[best]):
        yield Finding("unseen examples", "fails", "no rate that was tried gave a finite loss.")
        return
    share = labels.bincount().max().item() / len(labels)
    noise = 2 * math.sqrt(share * (1 - share) / len(unseen))
    says = (
        f"{100 * right[best]:.0f} % of {len(unseen)} examples not trained on are right; always the most frequent class "
        f"would be {100 * share:.0f} %."
    )
    if right[best] > share + noise:
        yield Finding("unseen examples", "passes", says)
    else:
        says += " No better than guessing: do labels and inputs belong together? Or it needs longer."
        yield Finding("unseen examples", "look", says)


def _written(value):
    return f"{value:.3g}" if math.isfinite(value) else "blows up"


def _listed(names):
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
