"""The data is what its README says, whole, balanced, and comes in the same order everywhere."""

import csv
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from helpers import data as course
from helpers.data import ImageSet, digits, fashion_mnist, photograph, photographs, shapes, shift, text
from helpers.device import pick_device
from helpers.models import efficientnet_lite0

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
few = settings(max_examples=25, deadline=None)


def listed():
    """(sha256, name) of every line of checksums.txt, read without helpers."""
    lines = (DATA / "checksums.txt").read_text().splitlines()
    return [line.split("  ") for line in lines if not line.startswith("#")]


SHIPPED = [name for _, name in listed() if not name.startswith("full/")]


def numbered(n, classes=10):
    """n images whose only value is their own number, labels in turn."""
    images = torch.arange(n, dtype=torch.float32)[:, None, None, None] / max(n, 1)
    return ImageSet(images, torch.arange(n) % classes, tuple(map(str, range(classes))), "numbers", "given")


def digest(*tensors):
    return hashlib.sha256(b"".join(t.contiguous().numpy().tobytes() for t in tensors)).hexdigest()


@pytest.fixture(scope="module")
def test_set():
    return fashion_mnist(train=False)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of data/ that a test may damage."""
    shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("full", "__pycache__"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


# The files


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_has_its_checksum(name):
    assert [hashlib.sha256((DATA / name).read_bytes()).hexdigest(), name] in listed()


def test_every_data_file_is_listed_named_in_the_readme_and_small():
    own = {"README.md", "LICENSE-APACHE-2.0", "make_data.py", "checksums.txt", ".gitattributes", ".gitignore"}
    files = [p for p in DATA.rglob("*") if p.is_file() and not {"full", "__pycache__"} & set(p.relative_to(DATA).parts)]
    found = {p.relative_to(DATA).as_posix() for p in files}
    assert found == own | set(SHIPPED)
    readme = (DATA / "README.md").read_text()
    assert all(Path(name).name in readme for name in SHIPPED)
    assert sum((DATA / name).stat().st_size for name in SHIPPED if name.startswith("fashion")) <= 6_000_000
    assert sum(p.stat().st_size for p in files) <= 19_000_000


# Fashion-MNIST and the digits


@pytest.mark.parametrize("train, count", [(True, 10_000), (False, 2_000)])
def test_fashion_mnist_equals_an_independent_reading(train, count):
    part, data = "train" if train else "test", fashion_mnist(train)
    with gzip.open(DATA / f"fashion_mnist/{part}-images.idx.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(DATA / f"fashion_mnist/{part}-labels.idx.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    assert data.images.shape == (count, 1, 28, 28) and data.images.dtype == torch.float32
    assert np.array_equal((data.images * 255).round().numpy()[:, 0], pixels)
    assert np.array_equal(data.labels.numpy(), labels)
    assert torch.bincount(data.labels).tolist() == [count // 10] * 10
    assert 0 <= data.images.min() and data.images.max() == 1
    assert repr(data) == f"Fashion-MNIST, shipped subset, {part}: {count} images 1×28×28, 10 classes"


def test_fashion_mnist_is_torchvisions():
    """Against published facts: the class names, the first ten labels, the mean brightness."""
    from torchvision.datasets import FashionMNIST

    data = fashion_mnist()
    assert list(data.classes) == FashionMNIST.classes
    assert data.labels[:10].tolist() == [
        9,
        0,
        0,
        3,
        0,
        2,
        7,
        2,
        5,
        5,
    ]  # the original's first ten, all within the subset
    assert abs(data.images.mean().item() - 0.286) < 0.003  # the whole set's mean, as published: 0.2860


def test_training_and_test_images_are_different_pictures(test_set):
    train = {digest(image) for image in fashion_mnist().images}
    assert len(train) == 10_000
    assert not train & {digest(image) for image in test_set.images}


def test_digits_equal_an_independent_reading():
    train, test = digits(), digits(train=False)
    with gzip.open(DATA / "digits.csv.gz", "rt") as file:
        rows = [[int(float(x)) for x in row] for row in csv.reader(file)]
    assert len(rows) == 1797 == len(train) + len(test)
    assert (len(train), len(test)) == (1352, 445)
    read = sorted(
        tuple((image.flatten() * 16).int().tolist()) + (int(label),)
        for data in (train, test)
        for image, label in zip(data.images, data.labels, strict=True)
    )
    assert read == sorted(map(tuple, rows))
    assert torch.bincount(test.labels).tolist() == [
        rows_of // 4 for rows_of in (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
    ]
    assert repr(test) == "Digits, test: 445 images 1×8×8, 10 classes"
    assert train.images.max() == 1 and train.images.min() == 0


def test_equal_in_a_fresh_process():
    code = (
        "import hashlib, sys, torch; from helpers.data import *\n"
        "assert not {'torchvision', 'PIL', 'matplotlib'} & set(sys.modules)  # the import is light\n"
        "def d(*t): print(hashlib.sha256(b''.join(x.contiguous().numpy().tobytes() for x in t)).hexdigest())\n"
        "f = fashion_mnist(False); d(*next(f.batches(64, seed=3))); d(f.subset(100, seed=1).images)\n"
        "d(shapes(50, seed=2).labels); d(digits(False).images)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    torch.manual_seed(123)  # must not matter
    data = fashion_mnist(False)
    assert out == [
        digest(*next(data.batches(64, seed=3))),
        digest(data.subset(100, seed=1).images),
        digest(shapes(50, seed=2).labels),
        digest(digits(False).images),
    ]
    assert digest(*next(data.batches(64, seed=3))) != digest(*next(data.batches(64, seed=4)))


# Damage


def load(name):
    """Load what `name` belongs to."""
    if name.endswith(".pt"):
        return efficientnet_lite0()
    if name.startswith("fashion"):
        return fashion_mnist(train="train" in name)
    if name.startswith("photographs"):
        return photograph(Path(name).stem)
    return digits() if name.startswith("digits") else text()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_missing_file_is_named(copy, name):
    load(name)
    (copy / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=f"{name} is missing.*git checkout -- data/{name}.*make_data.py.*COURSE_DATA"
    ):
        load(name)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_cut_file_is_named(copy, name, share):
    data = (copy / name).read_bytes()
    kept = int(len(data) * share)
    (copy / name).write_bytes(data[:kept])
    with pytest.raises(
        ValueError, match=f"{name} is cut short: it holds {kept} bytes of {len(data)}.*git checkout -- data/{name}"
    ):
        load(name)


@few
@given(st.sampled_from(SHIPPED), st.floats(0, 0.999999), st.integers(0, 7))
def test_one_flipped_bit_is_found(tmp_path_factory, name, place, bit):
    folder = tmp_path_factory.mktemp("flipped")
    (folder / name).parent.mkdir(exist_ok=True)
    if name.startswith("fashion"):  # its other half is read too
        shutil.copytree(DATA / "fashion_mnist", folder / "fashion_mnist", dirs_exist_ok=True)
    shutil.copy(DATA / "checksums.txt", folder)
    data = bytearray((DATA / name).read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    (folder / name).write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(folder))
        with pytest.raises(ValueError, match=f"{name} is damaged.*sha256.*git checkout"):
            load(name)
    shutil.rmtree(folder)


def test_bytes_added_are_found(copy):
    (copy / "alice.txt").write_bytes((copy / "alice.txt").read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(ValueError, match="alice.txt is damaged"):
        text()


@pytest.mark.parametrize("content", [b"", b"\xff\x00 nonsense", b"# size x alice.txt\nabc  alice.txt\n"])
def test_a_damaged_list_is_named(copy, content):
    (copy / "checksums.txt").write_bytes(content)
    with pytest.raises(ValueError, match="checksums.txt is damaged.*alice.txt.*git checkout -- data/checksums.txt"):
        text()
    (copy / "checksums.txt").unlink()
    with pytest.raises(FileNotFoundError, match="checksums.txt is missing"):
        text()


def test_the_error_is_short_without_course_data(copy, monkeypatch):
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setattr(course.files, "__file__", str(copy.parent / "helpers" / "data" / "files.py"))
    assert len(text()) == 148_476  # found beside the package
    (copy / "alice.txt").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        text()
    assert "COURSE_DATA" not in str(caught.value)


# The whole Fashion-MNIST


def test_full_set_absent(copy, capsys):
    with pytest.raises(FileNotFoundError, match="full/.*is missing.*full=False.*make_data.py --full.*FashionMNIST"):
        fashion_mnist(full=True)
    assert len(fashion_mnist(full="auto")) == 10_000
    assert capsys.readouterr().out == "Fashion-MNIST, shipped subset, train: 10000 images 1×28×28, 10 classes\n"


@pytest.fixture
def full(copy):
    """A stand-in for the whole set in torchvision's layout: five training and three test images."""
    raw = copy / "full" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    lines = [line for line in (copy / "checksums.txt").read_text().splitlines() if "full/" not in line]
    for part, count in (("train", 5), ("t10k", 3)):
        images = (
            bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28)) + bytes(range(count)) * 784
        )
        labels = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(range(count))
        for kind, data in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{part}-{kind}-ubyte"
            (raw / name).write_bytes(data)
            lines += [
                f"# size {len(data)} full/FashionMNIST/raw/{name}",
                f"{hashlib.sha256(data).hexdigest()}  full/FashionMNIST/raw/{name}",
            ]
    (copy / "checksums.txt").write_text("\n".join(lines) + "\n")
    return raw


def test_full_set_present(full, capsys):
    data = fashion_mnist(full=True)
    assert (len(data), data.labels.tolist(), data.origin) == (5, [0, 1, 2, 3, 4], "full set, train")
    assert data.images[0, 0, 0, :6].mul(255).round().tolist() == [0, 1, 2, 3, 4, 0]
    assert capsys.readouterr().out == ""
    assert len(fashion_mnist(train=False, full="auto")) == 3
    assert capsys.readouterr().out == "Fashion-MNIST, full set, test: 3 images 1×28×28, 10 classes\n"
    assert len(fashion_mnist()) == 10_000  # the default does not depend on what lies there


def test_full_set_damaged(full):
    (full / "t10k-labels-idx1-ubyte").write_bytes(b"\x00\x00\x08\x01")
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte is cut short.*delete what is left"):
        fashion_mnist(full=True)


def test_the_subset_is_the_first_of_each_class_in_the_real_full_set():
    if not all((DATA / name).exists() for name in course.sets.FULL_FASHION):
        pytest.skip("data/full/ does not hold the whole Fashion-MNIST here")
    for train, per_class in ((True, 1000), (False, 200)):
        whole, ours = fashion_mnist(train, full=True), fashion_mnist(train)
        first = torch.cat([(whole.labels == label).nonzero()[:per_class, 0] for label in range(10)]).sort().values
        assert torch.equal(whole.images[first], ours.images) and torch.equal(whole.labels[first], ours.labels)


# ImageSet


@few
@given(st.integers(0, 60), st.integers(1, 70), st.integers(0, 5))
def test_an_epoch_gives_every_image_once(n, batch_size, seed):
    data = numbered(n)
    batches = list(data.batches(batch_size, seed=seed))
    assert [len(images) for images, _ in batches] == [min(batch_size, n - i) for i in range(0, n, batch_size)]
    given_ = [round(x * n) for images, _ in batches for x in images.flatten().tolist()]
    assert sorted(given_) == list(range(n))
    assert [i % 10 for i in given_] == [
        int(y) for _, labels in batches for y in labels
    ]  # labels stay with their images


def test_unshuffled_batches_equal_a_dataloader(test_set):
    pairs = list(zip(test_set.batches(300, shuffle=False), DataLoader(test_set, 300), strict=True))
    assert len(pairs) == 7
    for (images, labels), (theirs, their_labels) in pairs:
        assert torch.equal(images, theirs) and torch.equal(labels, their_labels)


def test_order_depends_on_the_seed_alone():
    data, expected = numbered(100), torch.randperm(100, generator=torch.Generator().manual_seed(7))
    for state in (0, 1):
        torch.manual_seed(state)
        order = torch.cat([images for images, _ in data.batches(9, seed=7)]).flatten() * 100
        assert torch.equal(order.round().long(), expected)
    before = torch.get_rng_state()
    list(data.batches(9, seed=7))
    assert torch.equal(before, torch.get_rng_state())


def test_the_same_order_on_the_accelerator(test_set):
    device = pick_device()
    if device.type == "cpu":
        pytest.skip("no accelerator here")
    there = test_set.to(device)
    for (images, labels), (theirs, their_labels) in zip(test_set.batches(128), there.batches(128), strict=True):
        assert theirs.device.type == device.type
        assert torch.equal(images, theirs.cpu()) and torch.equal(labels, their_labels.cpu())
    assert torch.equal(test_set.subset(50).images, there.subset(50).images.cpu())
    assert torch.equal(shift(test_set, 3, -2).images, shift(there, 3, -2).images.cpu())


@few
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 5))
def test_subsets_are_balanced_and_nested(a, b, seed):
    data, (small, large) = numbered(200), sorted((a, b))
    first, second = data.subset(small, seed), data.subset(large, seed)
    counts = torch.bincount(first.labels, minlength=10)
    assert len(first) == small and counts.max() - counts.min() <= 1
    assert first.images.unique().numel() == small
    assert set(first.images.flatten().tolist()) <= set(second.images.flatten().tolist())
    places = (first.images.flatten() * 200).round().long()
    assert torch.equal(places, places.sort().values) and torch.equal(places % 10, first.labels)


def test_split():
    first, rest = numbered(10).split(3)
    assert (first.images.flatten() * 10).round().tolist() == [0, 1, 2]
    assert rest.labels.tolist() == list(range(3, 10))
    assert first.classes == rest.classes


def test_to_keeps_the_rest():
    data = numbered(4)
    moved = data.to("cpu")
    assert (moved.name, moved.origin, moved.classes, repr(moved)) == (data.name, data.origin, data.classes, repr(data))
    assert torch.equal(moved.images, data.images) and torch.equal(moved.labels, data.labels)


IMAGES, LABELS = torch.zeros(6, 1, 4, 4), torch.zeros(6, dtype=torch.long)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: ImageSet(IMAGES[:, 0], LABELS, ("a",)), r"images \(shape \(6, 4, 4\).*must be \(N, C, H, W\)"),
        (lambda: ImageSet(IMAGES.byte(), LABELS, ("a",)), r"torch.uint8\) must be .*float32.*/ 255"),
        (lambda: ImageSet(IMAGES, LABELS[:5], ("a",)), r"labels \(shape \(5,\).*must be \(6,\) in int64"),
        (lambda: ImageSet(IMAGES, LABELS.float(), ("a",)), r"float32\) must be \(6,\) in int64.*\.long\(\)"),
        (
            lambda: ImageSet(IMAGES, LABELS + 1, ("a",)),
            r"labels \(from 1 to 1\) must lie from 0 to 0: there are 1 classes",
        ),
        (lambda: numbered(9).batches(0), r"batch_size \(=0\) must be a whole number of at least 1: .*such as 64"),
        (lambda: numbered(9).batches(2.0), r"batch_size \(=2.0\) must be a whole number"),
        (lambda: numbered(9).batches(2, seed=None), r"seed \(=None\) must be a whole number from 0"),
        (lambda: numbered(9).subset(0), r"n \(=0\) must be a whole number of at least 1"),
        (lambda: numbered(25).subset(30), r"n \(=30\) needs 3 images of class '5', which has 2: ask for at most 20"),
        (lambda: numbered(5).split(5), r"n \(=5\) must be a whole number from 1 to 4"),
        (lambda: fashion_mnist("test"), r"train \(='test'\) must be True or False"),
        (lambda: fashion_mnist(full=1), r'full \(=1\) must be False, True or "auto"'),
        (lambda: digits(0), r"train \(=0\) must be True or False"),
        (lambda: shapes(0), r"n \(=0\) must be a whole number of at least 1"),
        (lambda: shapes(5, size=4), r"size \(=4\) must be a whole number of at least 8: in fewer pixels"),
        (lambda: shapes(5, noise=2), r"noise \(=2\) must be a finite number from 0 to 1"),
        (lambda: shapes(5, seed=-1), r"seed \(=-1\) must be a whole number from 0"),
        (lambda: photograph("dog"), r"picture \(='dog'\) must be one of astronaut, camera, cat, coffee, rocket"),
        (lambda: photograph("cat", 0), r"size \(=0\) must be a whole number from 1"),
        (lambda: text("bible"), r"name \(='bible'\) must be one of alice"),
        (
            lambda: shift(IMAGES, 4, 0),
            r"dx \(=4\) must be a whole number from -3 to 3: the picture, 4 wide, would leave",
        ),
        (lambda: shift(IMAGES, 0, -4), r"dy \(=-4\) must be a whole number from -3 to 3: the picture, 4 high"),
        (lambda: shift(IMAGES, 0.5, 0), r"dx \(=0.5\) must be a whole number"),
        (lambda: shift(IMAGES, 1, 0, "mean"), r"fill \(='mean'\) must be a number or \"edge\""),
    ],
)
def test_a_wrong_argument_is_named_with_its_rule(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# Shapes


def test_shapes_are_balanced_and_decided_by_the_seed():
    data, again, other = shapes(205, seed=4), shapes(205, seed=4), shapes(205, seed=5)
    counts = torch.bincount(data.labels, minlength=10)
    assert counts.max() - counts.min() <= 1 and counts.sum() == 205
    assert data.images.shape == (205, 3, 32, 32) and len(set(data.classes)) == 10
    assert torch.equal(data.images, again.images) and torch.equal(data.labels, again.labels)
    assert not torch.equal(data.images, other.images)
    assert data.images.min() >= 0 and data.images.max() <= 1
    assert repr(data) == "Shapes, drawn with seed 4 and noise 0.15: 205 images 3×32×32, 10 classes"


def test_shapes_without_noise_have_two_colours_well_apart():
    for image in shapes(100, noise=0).images:
        colours = image.flatten(1).unique(dim=1)
        assert colours.shape[1] == 2
        assert (colours[:, 0] - colours[:, 1]).abs().max() >= 0.349


# Areas by school geometry, in units of the radius squared; the crescent by the lens of two circles.
LENS = (
    0.6 * np.arccos((0.45**2 + 0.6 - 1) / (2 * 0.45 * 0.6**0.5))
    + np.arccos((0.45**2 + 1 - 0.6) / 0.9)
    - 0.5 * np.sqrt((-0.45 + 0.6**0.5 + 1) * (0.45 + 0.6**0.5 - 1) * (0.45 - 0.6**0.5 + 1) * (0.45 + 0.6**0.5 + 1))
)
AREAS = {
    "disk": np.pi,
    "ring": np.pi * (1 - 0.55**2),
    "square": 1.7**2,
    "frame": 1.8**2 - 1,
    "triangle": 1.7 * 1.7 / 2,
    "plus": 2 * 2 * 0.56 - 0.56**2,
    "cross": 2 * 2 * 0.56 - 0.56**2,
    "diamond": 2 * 1.05**2,
    "bars": 2 * 0.5 * 1.8,
    "crescent": np.pi - LENS,
}


@pytest.mark.parametrize("label, name", list(enumerate(course.SHAPES)))
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_shape_has_its_area_where_it_was_asked_for(label, name, tilt):
    one, size, radius = torch.ones(1), 400, 0.4
    mask = course.procedural.draw_shapes(torch.tensor([label]), 0.3 * one, -0.2 * one, radius * one, tilt * one, size)[
        0
    ]
    assert mask.sum().item() * (2 / size) ** 2 / radius**2 == pytest.approx(AREAS[name], rel=0.02)
    down, across = (mask.nonzero().float().mean(0) + 0.5) / size * 2 - 1
    slack = 0.2 if name in ("triangle", "crescent") else 0.01  # the others are symmetric about their centre
    assert abs(across - 0.3) < slack and abs(down + 0.2) < slack


def test_place_and_colour_do_not_tell_the_class():
    data = shapes(4000, noise=0)
    means = torch.stack([data.images[data.labels == label].mean((0, 2, 3)) for label in range(10)])
    assert (means - 0.5).abs().max() < 0.06  # five standard errors of a mean over 400 colours


# Photographs and the text


@pytest.mark.parametrize(
    "name, height, width",
    [("astronaut", 512, 512), ("camera", 512, 512), ("cat", 300, 451), ("coffee", 400, 600), ("rocket", 427, 640)],
)
def test_photographs(name, height, width):
    from matplotlib.image import imread

    assert name in photographs() and len(photographs()) == 5
    image = photograph(name)
    assert image.shape == (3, height, width) and image.dtype == torch.float32
    theirs = torch.tensor(
        np.array(imread(next((DATA / "photographs").glob(f"{name}.*"))))
    )  # PNG as 0 ... 1, JPEG as bytes
    theirs = theirs / 255 if theirs.dtype == torch.uint8 else theirs
    theirs = theirs.permute(2, 0, 1) if theirs.ndim == 3 else theirs.expand(3, -1, -1)
    assert torch.allclose(image, theirs, atol=1e-6)
    small = photograph(name, 64)
    assert small.shape == (3, 64, 64) and 0 <= small.min() and small.max() <= 1
    assert photograph(name, 700).shape == (3, 700, 700)


def test_a_photograph_shrinks_by_averaging_its_middle():
    image = photograph("cat", 3)  # 300×451 → 3×5 (4.51 rounded), the middle three columns
    assert image.shape == (3, 3, 3)
    middle = photograph("cat")[:, :, 90:361].mean((1, 2))
    assert torch.allclose(image.mean((1, 2)), middle, atol=0.03)


def test_the_text_is_alice():
    alice = text()
    assert len(alice) == 148_476 and alice.isascii() and "\r" not in alice and max(map(len, alice.splitlines())) == 72
    assert alice.lstrip().startswith("ALICE'S ADVENTURES IN WONDERLAND") and alice.rstrip().endswith("THE END")
    assert [alice.count(f"CHAPTER {n}\n") for n in ("I", "XII")] == [1, 1]
    assert "Down the Rabbit-Hole" in alice and "curiouser" in alice


# shift


@few
@given(st.integers(-5, 5), st.integers(-6, 6), st.floats(-1, 1, width=32))
def test_shift_is_a_roll_with_the_wrapped_pixels_replaced(dx, dy, fill):
    images = torch.rand(2, 3, 7, 6, generator=torch.Generator().manual_seed(0)) + 2
    expected = torch.roll(images, (dy, dx), (2, 3))
    expected[:, :, : max(0, dy)] = fill
    expected[:, :, 7 + dy if dy < 0 else 7 :] = fill
    expected[..., : max(0, dx)] = fill
    expected[..., 6 + dx if dx < 0 else 6 :] = fill
    assert torch.equal(shift(images, dx, dy, fill), expected)
    padded = torch.nn.functional.pad(images, (6, 6, 7, 7), mode="replicate")
    assert torch.equal(shift(images, dx, dy, "edge"), padded[..., 7 - dy : 14 - dy, 6 - dx : 12 - dx])


def test_shift_by_hand():
    image = torch.tensor([[1, 2], [3, 4]])
    assert shift(image, 1, 0).tolist() == [[0, 1], [0, 3]]
    assert shift(image, 0, -1).tolist() == [[3, 4], [0, 0]]
    assert image.tolist() == [[1, 2], [3, 4]]


def test_shift_of_a_set_says_so(test_set):
    moved = shift(test_set, 2, -1)
    assert torch.equal(moved.images, shift(test_set.images, 2, -1)) and torch.equal(moved.labels, test_set.labels)
    assert repr(moved) == "Fashion-MNIST, shipped subset, test, moved by (2, -1): 2000 images 1×28×28, 10 classes"


# The script


def test_make_data_rebuilds_the_same_bytes():
    packages = Path(os.environ.get("COURSE_PACKAGES", ROOT / "build" / "packages"))
    if len(list(packages.glob("*.whl")) + list(packages.glob("*.deb")) + list(packages.glob("snappy*"))) < 4:
        pytest.skip("the packages are not here: data/make_data.py fetches them")
    sys.path.insert(0, str(DATA))
    try:
        import make_data
    finally:
        sys.path.remove(str(DATA))
    files, full = make_data.build(packages)
    assert {name: hashlib.sha256(data).hexdigest() for name, data in (files | full).items()} == {
        n: s for s, n in listed()
    }
    assert make_data.checksums(files | full) == (DATA / "checksums.txt").read_text()
