"""Learn on eight classes of clothes, use it for the two others: the four ways that chapter 04 compares."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.training import accuracy, train

SIZES = (10, 50)  # labelled pictures of each class


def only(images, keep):
    """Return the images of these classes, numbered anew from 0: an ImageSet."""
    chosen = images.chosen(torch.isin(images.labels, torch.tensor(keep)))
    labels = torch.tensor([keep.index(label) for label in chosen.labels.tolist()])
    return data.ImageSet(chosen.images, labels, [images.classes[c] for c in keep])


def nearest(images, kinds):
    """Return the two of these kinds (names of classes) whose mean pictures are nearest to each other, as numbers of classes."""
    mean = {c: images.images[images.labels == c].mean(0) for c in map(images.classes.index, kinds)}
    return min(
        ((i, j) for i in mean for j in mean if i < j), key=lambda pair: (mean[pair[0]] - mean[pair[1]]).norm().item()
    )


def fresh(make, classes, seed, features=None):
    """Return a new network, make(classes); with the weights of `features` below its new last layer."""
    torch.manual_seed(seed)
    net = make(classes)
    if features is not None:
        net[:-1].load_state_dict(features.state_dict())
    return net


def linear_on(features, few, rest, device):
    """Return the accuracy in percent on `rest` of a new linear layer, trained on frozen features of `few`."""
    with torch.no_grad():
        near, far = (features.to(device).eval()(images.images.to(device)) for images in (few, rest))
    middle, spread = near.mean(0), near.std(0) + 1e-3
    head, labels = nn.Linear(near.shape[1], 2).to(device), few.labels.to(device)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(head((near - middle) / spread), labels).backward()
        optimizer.step()
    return 100 * (head((far - middle) / spread).argmax(1) == rest.labels.to(device)).float().mean().item()


def transfer(make, clothes, pair, seed, device):
    """Return {(way, labels): accuracy in percent} on a pair of classes, for each way to learn it and each of SIZES."""
    eight = only(clothes, [c for c in range(10) if c not in pair]).subset(3000, seed=seed)
    base, found = fresh(make, 8, seed), {}
    train(base, eight, epochs=2, lr=3e-3, schedule="one-cycle", seed=seed, live=False)
    pool, rest = only(clothes, pair).split(1200)  # to learn from; never seen meanwhile
    for size in SIZES:
        few = pool.subset(2 * size, seed=seed)
        for way, net in (("from scratch", fresh(make, 2, seed)), ("fine-tuned", fresh(make, 2, seed, base[:-1]))):
            train(net, few, epochs=400 // size, batch_size=20, lr=3e-3, seed=seed, live=False)
            found[way, size] = 100 * accuracy(net, rest)
        for way, frozen in (("frozen + linear", base[:-1]), ("pixels + linear", nn.Flatten())):
            torch.manual_seed(seed)
            found[way, size] = linear_on(frozen, few, rest, device)
    return found
