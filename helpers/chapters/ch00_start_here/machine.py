"""Does this machine have what the course needs? check_machine() answers in words."""

import importlib.metadata
import platform
import shutil
import sys
import tempfile
import time
import tomllib
from html import escape
from pathlib import Path

from helpers.course.rooms import CLONE, ROOT
from helpers.output import publish

NEEDED = {
    "torch": (2, 11),
    "torchvision": (0, 26),
    "matplotlib": (3, 9),
    "jupyterlab": (4, 4),
    "ipywidgets": (8, 1),
    "anywidget": (0, 9),
}


def check_machine():
    """Run every test and show a table: what was tested, ok or what to do. Never raises; returns None."""
    count_wrong()


def count_wrong():
    """Do what check_machine() does, and return how many tests failed."""
    tests = (course, python, packages, torch_pair, processor, course_data, training, room, explorers)
    rows = [_run(test) for test in tests]
    wrong = sum(state == "wrong" for _, state, _ in rows)
    verdict = (
        "Everything is in place." if not wrong else f"{wrong} of {len(rows)} tests failed: the table says what to do."
    )
    colour = {"ok": "#009E73", "note": "#E69F00", "wrong": "#D55E00"}
    html = "".join(
        f'<tr><td style="border-left:6px solid {colour[s]};text-align:left"><b>{n}</b></td><td>{s}</td>'
        f'<td style="text-align:left">{escape(w, False)}</td></tr>'
        for n, s, w in rows
    )
    publish(
        {
            "text/plain": "\n".join([*(f"{s:6}{n}: {w}" for n, s, w in rows), verdict]),
            "text/html": f'<table style="font-size:110%">{html}</table><p><b>{verdict}</b></p>',
        }
    )
    return wrong


def _run(test):
    try:
        state, words = test()
    except Exception as error:  # the table must come whatever is broken
        state, words = "wrong", f"{type(error).__name__}: {error}"
    return test.__doc__.rstrip("."), state, words


def course():
    """The course."""
    if CLONE:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        return "ok", f"version {version}, in a clone"
    return "ok", f"version {importlib.metadata.version('image-models-course')}, installed by pip"


def python():
    """Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return "ok", f"{version} on {platform.system()}"
    return (
        "wrong",
        (
            f"{version}: the course is tested with 3.11 to 3.13; install one, then "
            + ("delete the folder .venv and run make lab" if CLONE else "the course with its pip, in a new environment")
        ),
    )


def packages():
    """Packages."""
    found = {name: importlib.metadata.version(name) for name in NEEDED}
    old = [
        f"{name} {found[name]} (needs {'.'.join(map(str, least))})"
        for name, least in NEEDED.items()
        if tuple(int(part) for part in found[name].split("+")[0].split(".")[:2]) < least
    ]
    if old:
        again = "make lab again, or pip install -U with these names" if CLONE else f"pip install -U {' '.join(NEEDED)}"
        return "wrong", f"too old: {', '.join(old)}; run {again}"
    return "ok", ", ".join(f"{name} {version}" for name, version in found.items())


def torch_pair():
    """torch and torchvision fit each other."""
    import torch
    from torchvision.ops import nms

    try:
        nms(torch.tensor([[0.0, 0, 1, 1]]), torch.ones(1), 0.5)
    except RuntimeError as error:
        return (
            "wrong",
            (
                f"they come from different builds ({str(error).splitlines()[0]}); install both together: pip install -U"
                " torch torchvision"
            ),
        )
    return "ok", "they work together"


def processor():
    """Processor."""
    import torch

    from helpers.device import try_accelerator

    device, problem = try_accelerator()
    if device is not None:
        return "ok", f"a working accelerator ({device.type}) is used"
    if problem:
        return (
            "note",
            (
                "an accelerator is there but a small product on it failed, so the CPU is used: look at its driver"
                f" ({problem})"
            ),
        )
    return "ok", f"CPU, {torch.get_num_threads()} thread for the small networks; no accelerator, none needed"


def course_data():
    """Data."""
    from helpers import data

    sets = data.fashion_mnist(), data.fashion_mnist(train=False), data.digits()
    return "ok", f"{sum(map(len, sets)):,} images and {len(data.photographs())} photographs, checksums right"


def training():
    """A little training."""
    import torch

    from helpers import data
    from helpers.device import preserve_rng
    from helpers.training import accuracy, train

    began = time.monotonic()
    with preserve_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        right = accuracy(train(net, data.digits(), epochs=5, lr=0.01, live=False).model, data.digits(train=False))
    took = time.monotonic() - began
    if right < 0.8:
        return (
            "wrong",
            f"a linear classifier reached {right:.0%} on the digits instead of over 80 %: this torch computes wrongly",
        )
    if took > 10:
        return (
            "note",
            (
                f"{right:.0%} on the digits, but it took {took:.0f} s instead of about 1: close other programs, or be"
                " patient"
            ),
        )
    return "ok", f"{right:.0%} on the handwritten digits in {took:.1f} s"


def room():
    """Room to save."""
    here = Path.cwd()
    try:
        with tempfile.NamedTemporaryFile(dir=here):
            pass
    except OSError as error:
        copy = "copy the course to one where you may save"
        if not CLONE:
            copy = "run image-models-course copy-notebooks FOLDER, with one where you may save"
        return "note", f"this folder cannot be written to ({error.strerror}): {copy}"
    free = shutil.disk_usage(here).free / 2**30
    if free < 1:
        return "note", f"{free:.1f} GiB free: make room before you save trained models"
    return "ok", f"{free:.0f} GiB free"


def explorers():
    """Explorers."""
    import anywidget  # noqa: F401  its presence is the test
    import ipywidgets  # noqa: F401

    return "ok", "ready; if a slider does not appear, reload the page in the browser"
