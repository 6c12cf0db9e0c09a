"""The solutions, a file in each chapter's room, and the three forms in which they are needed.

Each solution stands under `# %% name`, and in it `### BEGIN SOLUTION` and `### END SOLUTION`, nbgrader's marks, around what a
student has to write.
"""

import re

from helpers.course.rooms import rooms

STUB = "pass  # your code here"
SECTION = re.compile(r"^# %% (\w+)\n(.*?)(?=^# %% |\Z)", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION(?:\n|\Z)", re.MULTILINE)
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION$", re.MULTILINE | re.DOTALL)


def files():
    """Return {name of an exercise: the file with its solution}."""
    paths = [path for room in rooms() if (path := room.folder / "solutions.py").exists()]
    return {name: path for path in paths for name, _ in SECTION.findall(path.read_text(encoding="utf-8"))}


def marked(name):
    """Return a solution with its marks, as nbgrader wants it."""
    try:
        path = files()[name]
    except KeyError:
        raise ValueError(f"name (={name!r}) has no solution; there are {', '.join(sorted(files()))}") from None
    return dict(SECTION.findall(path.read_text(encoding="utf-8")))[name].strip("\n")


def source(name):
    """Return a solution as one reads it."""
    return MARK.sub("", marked(name)).rstrip("\n")


def stub(name):
    """Return what the student gets: the solution with the marked region replaced, as nbgrader's ClearSolutions does it."""
    return REGION.sub(lambda region: region[1] + STUB, marked(name))
