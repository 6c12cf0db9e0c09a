"""Write a new chapter, notebook and room, that is green at once: the command behind `make chapter NAME=example`.

The new one has a claim, an exercise with two mistakes, and a small explorer: each a pattern to write over.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.course import experiments, pages
from helpers.course.notebooks import run, save
from helpers.course.rooms import CHAPTERS, NOTEBOOKS, rooms
from helpers.files import write_whole

TEMPLATE = Path(__file__).parent / "template"


def values(number, name):
    """Return what stands for {{NN}}, {{NAME}} and the like in the template."""
    return {
        "N": str(number),
        "NN": f"{number:02}",
        "NAME": name,
        "NAME-": name.replace("_", "-"),
        "Name": "".join(part.title() for part in name.split("_")),
    }


def filled(path, words):
    """Return a file of the template with {{NN}} and the like filled in."""
    return re.sub(r"\{\{([\w-]+)\}\}", lambda found: words[found[1]], path.read_text(encoding="utf-8"))


def notebook(words):
    """Return the notebook of a new chapter, from template/chapter.md, in which `%% id kind slide` begins each cell."""
    parts = re.split(r"^%% (\S+) (\w+) ?(\S*)$", filled(TEMPLATE / "chapter.md", words), flags=re.MULTILINE)
    cells = []
    for id, kind, slide, source in zip(parts[1::4], parts[2::4], parts[3::4], parts[4::4]):
        metadata = {"slideshow": {"slide_type": slide}} if slide else {}
        if kind in ("stub", "check"):
            metadata["nbgrader"] = grading(id[2:].replace("-", "_"), kind)
        make = new_markdown_cell if kind == "text" else new_code_cell
        cells.append(make(source.strip("\n"), id=id, metadata=metadata))
    return new_notebook(cells=cells)


def grading(exercise, kind):
    """Return nbgrader's metadata of a cell to fill in ("stub"), or of the cell that checks it ("check")."""
    graded = kind == "check"
    name = f"test_{exercise}" if graded else exercise
    found = dict(grade=graded, grade_id=name, locked=graded, schema_version=3, solution=not graded, task=False)
    return found | ({"points": 1} if graded else {})


def create(name):
    """Write the notebook and the room of a new chapter after the last one, run the notebook, and return its Room.

    name:   such as "example": small letters, digits and _
    raises: ValueError for another name, or one that a chapter has
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f'name (={name!r}) must be small letters, digits and _, such as "group_norm"')
    if taken := [room.stem for room in rooms() if room.stem.partition("_")[2] == name]:
        raise ValueError(f"name (={name!r}) is that of {taken[0]}: choose another")
    number = rooms()[-1].number + 1
    folder = CHAPTERS / f"ch{number:02}_{name}"
    words = values(number, name)
    for path in sorted(TEMPLATE.glob("*.py.txt")):
        write_whole(folder / path.name.removesuffix(".txt"), filled(path, words).encode("utf-8"))
    room = rooms()[-1]
    save(notebook(words), room.notebook)
    return room


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="make chapter NAME=...", description=__doc__.splitlines()[0])
    parser.add_argument("name", help='such as "example": small letters, digits and _')
    try:
        room = create(parser.parse_args(arguments).name)
    except ValueError as error:
        parser.error(str(error))
    experiments.main([room.stem])
    for path in (room.notebook, rooms()[0].notebook):  # the first holds the map of all
        save(run(nbformat.read(path, 4), NOTEBOOKS), path)
    pages.main()
    print(
        f"{room.notebook.name} and helpers/chapters/{room.folder.name}/ are made: write over them. Then: make"
        " notebooks, make test."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
