"""Read what a student handed in, whatever it went through: a mail program, an editor, another notebook program, a zip."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 64 * 2**20  # bytes of a notebook


class Unreadable(ValueError):
    """A file is no notebook that could be read; the message says what to do, for the student's line in the report."""


@dataclass
class Handed:
    """What one student handed in."""

    student: str
    files: list = field(default_factory=list)  # Paths of notebooks, in order of their names


@dataclass(frozen=True)
class Cell:
    """A code cell: where it stood, and its text without what only IPython understands."""

    place: int  # among all cells, from 1
    source: str


def find(folder):
    """Return {student: Handed} of all notebooks under a folder.

    folder: submitted/STUDENT/CHAPTER/*.ipynb as nbgrader collects, STUDENT/*.ipynb, or *.ipynb with a student's name each
    raises: ValueError where there is no such folder, or no notebook in it
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"folder (={str(folder)!r}) must be a folder of submissions: collect them there first")
    found = {}
    for path in sorted(folder.rglob("*.ipynb")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or not path.is_file():  # .ipynb_checkpoints, .git
            continue
        student = inside.parts[0] if len(inside.parts) > 1 else path.stem
        found.setdefault(student, Handed(student)).files.append(path)
    for entry in sorted(folder.iterdir()):  # who handed in a folder without a notebook is told so, and not left out
        if entry.is_dir() and not entry.name.startswith("."):
            found.setdefault(entry.name, Handed(entry.name))
    if not any(handed.files for handed in found.values()):
        raise ValueError(f"folder (={str(folder)!r}) must hold notebooks, as FOLDER/STUDENT/CHAPTER/CHAPTER.ipynb")
    return dict(sorted(found.items()))


def cells(path):
    """Return the code Cells of a notebook file.

    raises: Unreadable
    """
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(
                f"{path.name} has {path.stat().st_size / 2**20:.0f} MiB: ask for it with its outputs cleared"
            )
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read ({error.strerror}): look at its permissions") from None
    return of_text(decoded(data, path.name), path.name)


def decoded(data, name="the file"):
    """Return the text of a file in whichever Unicode it was saved, without its byte-order mark.

    raises: Unreadable
    """
    if not data.strip():
        raise Unreadable(f"{name} is empty: ask for it again")
    if data.startswith(b"PK\3\4"):
        raise Unreadable(f"{name} is a zip archive: unpack it, and put the notebook in its place")
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{name} is no text: ask for the notebook, saved from JupyterLab")


def of_text(text, name="the file"):
    """Return the code Cells of a notebook's text: of any notebook format, with or without metadata.

    raises: Unreadable
    """
    try:
        whole = json.loads(text)
    except RecursionError:
        raise Unreadable(f"{name} is nested without end: ask for the notebook, saved from JupyterLab") from None
    except ValueError as error:
        if re.match(r"\s*<", text):
            what = "is a web page"
        elif "<<<<<<<" in text:
            what = "holds the marks of a merge that git did not finish"
        elif isinstance(error, json.JSONDecodeError):
            what = f"is damaged in line {error.lineno}" if text.rstrip().endswith("}") else "is cut short"
        else:
            what = "is damaged"
        raise Unreadable(
            f"{name} {what} and cannot be opened: ask for the notebook, saved again from JupyterLab"
        ) from None
    if isinstance(whole, dict) and isinstance(whole.get("worksheets"), list):  # notebook format 3, and before
        listed = [cell for sheet in whole["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    else:
        listed = whole.get("cells") if isinstance(whole, dict) else None
    if not isinstance(listed, list):
        raise Unreadable(f"{name} is no notebook (it has no cells): ask for the notebook, saved from JupyterLab")
    found = []
    for place, cell in enumerate(listed, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        source = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
        found.append(Cell(place, plain_python(source)))
    return found


def plain_python(source):
    """Return a cell's text without IPython's own: lines that begin with % or !, or ask with ?, become empty, and keep their place."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("\0", "")
    first = source.lstrip().partition("\n")[0]
    if first.startswith("%%") and not re.match(r"%%(time|timeit|capture|prun)\b", first):
        return ""  # another language
    lines = []
    for line in source.split("\n"):
        bare = line.strip()
        magic = bare.startswith(("%", "!")) or re.fullmatch(r"\?{1,2}[\w.]+|[\w.]+\?{1,2}", bare)
        assigned = re.match(r"(\s*)[\w, ]+=\s*[%!]", line)
        indent = line[: len(line) - len(line.lstrip())]
        lines.append(f"{indent}pass" if assigned or (magic and indent) else "" if magic else line)
    return "\n".join(lines)
