"""The tests on every Python and every torch that the course supports, each in an environment of its own.

    make test-versions                                        Python 3.11, 3.12, 3.13, those that exist here
    make test-versions NOX_ARGS="-s newest-3.13 -- -k vgg"    one of them; what follows -- goes to pytest, a path too
    make test-versions NOX_ARGS="-s canary"                   pre-releases, to see early what will break (-- tests/browser too)

`newest` has the newest packages that the registry offers, `oldest` the oldest torch and torchvision that pyproject.toml admits.
Each runs all tests but the long ones and those in the browser, and nbval on every chapter: about ten minutes on two cores. An
environment takes some gigabytes, so it is removed after its session; KEEP=1 keeps it.
"""

import os
import re
import shutil
import tomllib
from pathlib import Path

import nox

PROJECT = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8"))["project"]
LOW, BEYOND = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups())
PYTHONS = [f"3.{minor}" for minor in range(LOW, BEYOND)]
# A torch that is old may lack a build for a Python that is new, so the first Python that is here.
FIRST = next((version for version in PYTHONS if shutil.which(f"python{version}")), PYTHONS[0])
WHOLE = ["tests", "notebooks", "--ignore=tests/browser", "-m", "not long"]

nox.options.sessions = ["newest", "oldest"]
nox.options.error_on_missing_interpreters = False  # it says which it skips
nox.options.download_python = "never"
nox.options.default_venv_backend = "uv|venv"


def oldest(requirements=PROJECT["dependencies"]):
    """Return what to install so that torch and torchvision are the oldest admitted: "torch==2.11.*" of "torch>=2.11"."""
    return [re.sub(r">=([\d.]+).*", r"==\1.*", line) for line in requirements if re.match(r"torch(vision)?\b", line)]


def arguments(given):
    """Return pytest's: those that were given, and all tests where no path is among them."""
    return [*([] if any(Path(word.split("::")[0]).exists() for word in given) else WHOLE), *given]


def run(session, *packages):
    try:
        session.install("-e", ".[test]", *packages)
        session.run(
            "python",
            "-c",
            "import sys, torch, torchvision; print('Python', sys.version.split()[0], 'torch', torch.__version__, "
            "'torchvision', torchvision.__version__)",
        )
        session.run(
            "python",
            "-m",
            "pytest",
            "-n",
            os.environ.get("WORKERS", "2"),
            *arguments(session.posargs),
            env={"OMP_NUM_THREADS": "1"},
        )
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(session.virtualenv.location, ignore_errors=True)


@nox.session(python=PYTHONS)
def newest(session):
    """The newest packages."""
    run(session, "--upgrade")


@nox.session(name="oldest", python=FIRST)
def oldest_torch(session):
    """The oldest torch and torchvision that the course supports."""
    run(session, *oldest())


@nox.session(python=PYTHONS[-1])
def canary(session):
    """Pre-releases of everything that the registry has."""
    run(session, "--upgrade", "--pre")
