"""Where the chapters are: a notebook notebooks/NN_name.ipynb, and a room helpers/chapters/chNN_name/ of the same name.

A room holds what only its chapter needs. Every file may be missing, and none knows another room:
    claims.py       CLAIMS: what of the lecture the chapter settles
    exercises.py    the exercises, registered as they are imported;  solutions.py: their solutions
    explorer.py     the chapter's interactive figures (and .html, .js, .css);  bench.py: what their speed is measured beside
    experiments.py  what was tried to choose a setting;  experiments/: what it printed
Everything else finds chapters here, so that none is in a list anywhere.
"""

import importlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "helpers/shipped"  # what a wheel holds; a clone has it beside helpers/
CLONE = (ROOT / "notebooks").is_dir() and (ROOT / "pyproject.toml").exists()
NOTEBOOKS = ROOT / "notebooks" if CLONE else SHIPPED / "notebooks"
CHAPTERS = Path(__file__).parents[1] / "chapters"
CODE_LINES, WORDS = 10, 200  # read in a minute


@dataclass(frozen=True)
class Room:
    """A chapter: where it is, and what its notebook says of itself."""

    folder: Path

    @property
    def stem(self):
        """The notebook's name without its ending: "05_resnet"."""
        return self.folder.name.removeprefix("ch")

    @property
    def number(self):
        """The chapter's number: 5."""
        return int(self.stem.partition("_")[0])

    @property
    def notebook(self):
        """The notebook's path."""
        return NOTEBOOKS / f"{self.stem}.ipynb"

    def load(self, name):
        """Return the room's module of that name, such as "claims", or None where it has none."""
        if not (self.folder / f"{name}.py").exists():
            return None
        return importlib.import_module(f"helpers.chapters.{self.folder.name}.{name}")

    @property
    def draft(self):
        """Whether its __init__.py says so: such a chapter may have fewer exercises."""
        return getattr(importlib.import_module(f"helpers.chapters.{self.folder.name}"), "DRAFT", False)

    @property
    def explorers(self):
        """The classes of the chapter's explorers."""
        module = self.load("explorer")
        classes = [each for each in vars(module).values() if isinstance(each, type)] if module else []
        return [each for each in classes if each.__name__.endswith("Explorer") and each.__module__ == module.__name__]

    @cached_property
    def cells(self):
        """The notebook's cells, as the file has them, each `source` as one text."""
        cells = json.loads(self.notebook.read_text(encoding="utf-8"))["cells"]
        return [cell | {"source": "".join(cell["source"])} for cell in cells]

    def run(self, *ids, **names):
        """Run these cells of the notebook on `names`, and return all names that are then known.

        For experiments and tests: what the notebook shows a student is what they use.
        """
        sources = {cell["id"]: cell["source"] for cell in self.cells}
        for id in ids:
            exec(compile(sources[id], f"{self.stem}, cell {id}", "exec"), names)
        return names

    @property
    def title(self):
        """The first heading, without its number and its Korean term: "ResNet"."""
        heading = re.match(r"# (.+)", self.cells[0]["source"])[1]
        return re.sub(r"^\d+\. | \([^()]*[가-힣][^()]*\)", "", heading)

    @property
    def question(self):
        """The question that the chapter answers."""
        return re.search(r"^\*\*(.+\?)\*\*$", self.cells[0]["source"], re.MULTILINE)[1]

    @property
    def minutes(self):
        """Minutes to read: a minute for 200 words of text, and one for 10 lines of code; without notes and the cells of exercises."""
        words = lines = 0
        for cell in self.cells:
            kind = cell["metadata"].get("slideshow", {}).get("slide_type")
            if kind == "notes" or "nbgrader" in cell["metadata"]:
                continue
            if cell["cell_type"] == "code":
                lines += sum(bool(line.strip()) for line in cell["source"].splitlines())
            else:
                words += len(cell["source"].split())
        return max(1, round(words / WORDS + lines / CODE_LINES))

    @property
    def timings(self):
        """The plan for a class: (section, minutes of 90, minutes of 50 or None, what to do, what to ask), one a section.

        From the speaker's notes, whose first line is "Timing: 5 min." or "Timing: 5 min (3 of 50).", followed, where there is
        something to say, by lines that begin with "Do:" and "Ask:".
        """
        found, heading = [], "Opening"
        for cell in self.cells:
            if title := re.search(r"^## (.+)", cell["source"], re.MULTILINE):
                heading = title[1]
            if timing := re.search(r"Timing: (\d+) min(?: \((\d+|–) of 50\))?", cell["source"]):
                short = int(timing[2]) if timing[2] and timing[2] != "–" else None
                do, ask = (
                    (re.search(rf"^{word}: (.+)$", cell["source"], re.MULTILINE) or ("", ""))[1]
                    for word in ("Do", "Ask")
                )
                found.append((heading, int(timing[1]), short, do, ask))
        return found


def rooms():
    """Return every chapter's Room, in order."""
    return [Room(folder) for folder in sorted(CHAPTERS.glob("ch[0-9][0-9]_*")) if folder.is_dir()]


def room(number):
    """Return the Room of the chapter with that number.

    raises: ValueError where there is none
    """
    found = {each.number: each for each in rooms()}
    if isinstance(number, bool) or not isinstance(number, int) or number not in found:
        raise ValueError(f"chapter (={number!r}) must be the number of one, from {min(found)} to {max(found)}")
    return found[number]
