"""Run what is too long for a chapter, and keep what it printed: the command behind `make experiments NB=05`.

In a chapter's room, experiments.py holds functions without arguments, each with a docstring that says what is asked. Each
returns a table as rows, all dictionaries with the same keys; helpers.course.tolerance writes numbers with their spread. What a
function returned is kept in the room as experiments/NAME.md, with the time that it took, for the notebook to link.
"""

import argparse
import inspect
import sys
import time

from helpers.course.rooms import ROOT, rooms
from helpers.files import write_whole


def experiments(room):
    """Return {name: function} of a room's experiments, in the order in which they stand there."""
    module = room.load("experiments")
    found = {name: each for name, each in vars(module).items() if inspect.isfunction(each)} if module else {}
    return {n: each for n, each in found.items() if each.__module__ == module.__name__ and not n.startswith("_")}


def page(number, function, rows, seconds):
    """Return the page that keeps a table: what was asked, the table in Markdown, how long it took.

    number: the chapter's
    rows:   list of dictionaries with the same keys
    raises: ValueError where they are no table
    """
    if not rows or any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
        raise ValueError(
            f"rows (of {function.__name__}) must be dictionaries with the same keys, at least one: {rows!r:.100}"
        )
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    return (
        f"# {function.__name__}\n\n{inspect.getdoc(function)}\n\n{table}\n\n"
        f"`make experiments NB={number:02}` computes it anew, in about {spoken(seconds)} of one core.\n"
    )


def spoken(seconds):
    """Return a time in words, as exact as one can expect of another machine."""
    if seconds < 90:
        return f"{max(1, round(seconds, -1 if seconds >= 20 else None)):g} seconds".replace("1 seconds", "a second")
    return f"{round(seconds / 60)} minutes"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.course.experiments", description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="*", help="the start of its name, such as 05; all where none is given")
    parser.add_argument("--only", metavar="NAME", help="one of the functions")
    given = parser.parse_args(arguments)
    chosen = [room for room in rooms() if not given.chapter or room.stem.startswith(tuple(given.chapter))]
    found = {(room, name): each for room in chosen for name, each in experiments(room).items()}
    found = {key: each for key, each in found.items() if given.only in (None, key[1])}
    if not found:
        parser.error(f"there is no experiment in {' '.join(given.chapter) or 'any chapter'} {given.only or ''}".strip())
    for (room, name), function in found.items():
        print(f"{room.stem}: {name}", flush=True)
        begun = time.process_time()
        rows = function()
        path = room.folder / "experiments" / f"{name}.md"
        write_whole(path, page(room.number, function, rows, time.process_time() - begun).encode("utf-8"))
        print(f"{path.relative_to(ROOT)}\n{path.read_text(encoding='utf-8')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
