"""What was tried for chapter 04, or takes longer than a chapter may: `make experiments NB=04`."""

import torch
import torch.nn.functional as F

from helpers import data
from helpers.chapters.ch04_vgg.cuts import cuts, features, pixels, probe, small_cnn
from helpers.models import efficientnet_lite0
from helpers.training import train

DEPTHS = {"block 2": 2, "block 6": 6, "block 12": 12, "block 15": 15, "the end": 17}


def _percent(found, labels):
    return 100 * (found == labels).float().mean().item()


def _written(values):
    """Return values as their mean and, in brackets, each of them."""
    return f"{sum(values) / len(values):.0f} ({', '.join(f'{each:.0f}' for each in sorted(values))})"


def _from_scratch(images, labels, new, classes, seed, epochs):
    """Return what a small CNN says of new images that was trained on these: (M,)."""
    torch.manual_seed(seed)
    net = small_cnn(images.shape[1], classes)
    images = data.ImageSet(images - 0.5, labels, [str(c) for c in range(classes)])
    options = dict(batch_size=min(32, len(labels)), lr=5e-3, schedule="one-cycle", seed=seed, live=False)
    net = train(net, images, epochs=epochs, **options).model.eval().cpu()
    with torch.no_grad():
        return torch.cat([net(part - 0.5).argmax(1) for part in new.split(100)])


def clothes():
    """Do features of the real network beat a small CNN from scratch on Fashion-MNIST?

    EfficientNet-Lite0 on pictures enlarged to 64 pixels, a linear probe on the mean of each map after some of its blocks,
    against a CNN of three convolutions trained on the same pictures at 28. Test accuracy in percent on 1,000 pictures: the
    mean of 3 seeds, which choose the labelled pictures, and each of them.
    """
    net, train_set, test_set = efficientnet_lite0(), data.fashion_mnist(), data.fashion_mnist(train=False).subset(1000)
    known = train_set.subset(1000)

    def of(images):
        large = F.interpolate(images.expand(-1, 3, -1, -1), (64, 64), mode="bilinear", antialias=True)
        parts = [features(net, part) for part in large.split(100)]
        return [torch.cat([part[depth] for part in parts]) for depth in DEPTHS.values()]

    near, far = of(known.images), of(test_set.images)
    rows = []
    for each in (1, 10, 50):
        found = {name: [] for name in ("small CNN", "pixels", *DEPTHS)}
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(known.labels), generator=generator)
            pick = torch.cat([order[known.labels[order] == c][:each] for c in range(10)])
            images, labels = known.images[pick], known.labels[pick]
            scratch = _from_scratch(images, labels, test_set.images, 10, seed, max(20, 400 // each))
            found["small CNN"].append(_percent(scratch, test_set.labels))
            flat = probe(images.flatten(1), labels, test_set.images.flatten(1))
            found["pixels"].append(_percent(flat, test_set.labels))
            for name, a, b in zip(DEPTHS, near, far):
                found[name].append(_percent(probe(a[pick], labels, b), test_set.labels))
        rows.append({"labels a class": each} | {name: _written(values) for name, values in found.items()})
    return rows


def forty_spots():
    """Do they where the pictures are photographs, and few?

    Forty spots of the five photographs, `cuts` of each to learn from, 200 new cuts to recognise; as in the chapter, with a
    small CNN from scratch beside the probes. Accuracy in percent, 2.5 by guessing; the mean of 3 seeds, and each of them.
    """
    net, (new, answers), rows = efficientnet_lite0(), cuts(5, seed=999), []
    far = features(net, new)
    for each in (1, 4):
        found = {name: [] for name in ("small CNN", "pixels", *DEPTHS)}
        for seed in range(3):
            images, labels = cuts(each, seed)
            near = features(net, images)
            found["small CNN"].append(_percent(_from_scratch(images, labels, new, 40, seed, 120 // each), answers))
            found["pixels"].append(_percent(probe(pixels(images), labels, pixels(new)), answers))
            for name, depth in DEPTHS.items():
                found[name].append(_percent(probe(near[depth], labels, far[depth]), answers))
        rows.append({"cuts of each spot": each} | {name: _written(values) for name, values in found.items()})
    return rows
