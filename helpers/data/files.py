"""The files in data/: read, and compared with checksums.txt each time.

The environment variable COURSE_DATA names another folder.
"""

import gzip
import hashlib
import os
from pathlib import Path

import torch


def _helpers():
    return Path(__file__).resolve().parents[1]


def folder():
    """Return the folder of the data: COURSE_DATA, or data/ beside helpers/, or, where the course was installed, inside it."""
    return Path(
        os.environ.get("COURSE_DATA") or (_helpers() / "shipped/data" if installed() else _helpers().parent / "data")
    )


def installed():
    """Return whether the course was installed from a wheel, which has no clone around it."""
    return (_helpers() / "shipped/data").is_dir()


def read(name):
    """Return the bytes of a file in data/, once they are found to be exactly those listed in checksums.txt.

    raises: FileNotFoundError, ValueError, which name the file, what is wrong with it and what to do
    """
    size, checksum = expected(name)
    data = file_bytes(name)
    if len(data) < size:
        raise ValueError(f"{folder() / name} is cut short: it holds {len(data)} bytes of {size}. {remedy(name)}")
    if len(data) > size or hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(
            f"{folder() / name} is damaged: its {len(data)} bytes are not the {size} that checksums.txt "
            f"lists, by their sha256. {remedy(name)}"
        )
    return data


def file_bytes(name):
    """Return the bytes of a file in data/, unverified."""
    path = folder() / name
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing. {remedy(name)}") from None


def expected(name):
    """Return (size in bytes, sha256) of a file, as checksums.txt lists them."""
    lines = [line.split() for line in file_bytes("checksums.txt").decode("ascii", "replace").splitlines()]
    sizes = [words[2] for words in lines if words[:2] == ["#", "size"] and words[3:] == [name]]
    sums = [words[0] for words in lines if words[1:] == [name]]
    if len(sizes) != 1 or len(sums) != 1 or not sizes[0].isdecimal():
        raise ValueError(
            f"{folder() / 'checksums.txt'} is damaged: it must list the size and the sha256 of {name} once. "
            f"{remedy('checksums.txt')}"
        )
    return int(sizes[0]), sums[0]


def remedy(name):
    """Return what to do about a missing or damaged file."""
    script = _helpers() / "shipped/data/make_data.py" if installed() else "data/make_data.py"
    if name.startswith("full/"):
        return (
            "The whole Fashion-MNIST is not shipped: use the subset with full=False, or delete what is left of this"
            f" file and fetch it, with `python {script} --full --out {folder()}`, or with torchvision's"
            f" FashionMNIST({str(folder() / 'full')!r}, download=True)"
        )
    if installed():
        words = "Install the course again: `pip install --force-reinstall --no-deps image-models-course`"
    else:
        words = f"Restore it with `git checkout -- data/{name}`, or rebuild it with `python {script}`"
    if os.environ.get("COURSE_DATA"):
        words += "; or unset COURSE_DATA, which points there, to use the course's own data/"
    return words


def unzipped(name):
    """Return the content of a gzip file in data/."""
    return gzip.decompress(read(name))


def idx(name):
    """Return a gzipped file in the idx format (two zero bytes, type 8 for bytes, axes, their sizes, values) as uint8."""
    data = unzipped(name)
    axes = data[3]
    shape = [int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * axes).reshape(shape)
