"""Old names of modules, in students' copies of notebooks, go on working: each is found where it lies today."""

import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from pathlib import Path

MOVED = {
    "helpers.exercises": "helpers.course.exercises",
    "helpers.explorers": "helpers.course.explorers",
    "helpers.lecture": "helpers.course.claims",
    "helpers.live": "helpers.training.live",
    "helpers.notebooks": "helpers.course.notebooks",
    "helpers.slides": "helpers.course.slides",
    "helpers.source": "helpers.course.source",
}
GONE = {
    "helpers.sequences.fit": (
        "`from helpers.training import train`, and train(model, make_batch, steps=..., lr=3e-3, live=False) for"
        " fit(model, make_batch, steps): it returns a Training with .losses, and .norms where clip is given"
    )
}
ROOMS = Path(__file__).parent / "chapters"


def where(name):
    """Return today's name of a module, or None where the name is not an old one.

    A room says in its __init__.py what a module of its own was called: `"helpers.explorers.depth": "explorer"`.
    """
    if not name.startswith("helpers."):
        return None
    for old, new in MOVED.items():
        if name == old:
            return new
    for room in ROOMS.glob("ch*/__init__.py"):
        if found := re.search(rf'"{re.escape(name)}": "(\w+)"', room.read_text(encoding="utf-8")):
            return f"helpers.chapters.{room.parent.name}.{found[1]}"
    return None


def gone(module, name):
    """Raise for a name that a module does not have; of one that it had once, say what to write instead.

    A module that lost a name calls it in its own __getattr__(name).
    """
    if instead := GONE.get(f"{module}.{name}"):
        raise ImportError(f"{module}.{name} is no more: write {instead}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Python asks it last, for modules that it found nowhere."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if where(name) else None

    def exec_module(self, module):
        # the module itself, not a copy: what it keeps, such as the exercises, is there once
        sys.modules[module.__name__] = importlib.import_module(where(module.__name__))


def install():
    """Let Python look here, once."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
