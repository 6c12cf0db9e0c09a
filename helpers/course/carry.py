"""Copy the notebooks to work on, and carry a student's cells over into the new version of a notebook."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from helpers.course.rooms import NOTEBOOKS, ROOT, SHIPPED
from helpers.files import write_whole

GIVEN = "course"  # the key of a cell's metadata that tells how the cell was when it was handed out
LINK = re.compile(r"\]\(\.\./([^)#\s]+)")
LINKED = "linked"  # beside the copies: a folder with the pages to which they link, such as the glossary


def fingerprint(source):
    """Return what a cell's text is known by."""
    return hashlib.sha256("".join(source).strip().encode("utf-8", "surrogatepass")).hexdigest()[:16]


def copy(folder, notebooks=NOTEBOOKS):
    """Copy all notebooks into a folder; return (the names of those copied, of those that were there and were left alone).

    Each cell remembers how it was handed out, so that update() knows later what the student wrote.
    raises: OSError where the folder cannot be written to
    """
    copied, left = [], []
    for path in sorted(Path(notebooks).glob("*.ipynb")):
        target = Path(folder) / path.name
        if target.exists():
            left.append(path.name)
            continue
        _save(_handed_out(path, Path(folder)), target)
        copied.append(path.name)
    return copied, left


def _handed_out(path, folder):
    """Return a notebook of the course as it lies in a student's folder, into which the pages are copied to which it links."""
    nb, moved = json.loads(path.read_text(encoding="utf-8")), folder.resolve() != path.parent.resolve()
    for cell in nb["cells"]:
        for page in LINK.findall("".join(cell["source"])) if moved and cell["cell_type"] == "markdown" else []:
            cell["source"] = _relinked(cell["source"])
            for at in (SHIPPED / page, ROOT / page):
                if at.is_file():
                    words = at.read_text(encoding="utf-8").replace("](../notebooks/", "](../../")
                    write_whole(folder / LINKED / page, words.encode("utf-8"))
        cell["metadata"][GIVEN] = fingerprint(cell["source"])
    return nb


def _relinked(source):
    return LINK.sub(rf"]({LINKED}/\1", "".join(source))


def _save(nb, path):
    write_whole(path, (json.dumps(nb, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


@dataclass
class Carried:
    """What update() did: names of answers, numbers of own cells, and sentences on what it could not do."""

    answers: list = field(default_factory=list)
    cells: int = 0
    problems: list = field(default_factory=list)
    older: str = ""  # the name under which the old version was kept


def update(path, notebooks=NOTEBOOKS):
    """Replace a student's notebook by the course's present version, with the student's answers and own cells in it.

    path:    of the student's notebook; the old one is kept beside it, as NAME.older.ipynb
    returns: Carried
    raises:  ValueError where it is no notebook, or none of the course's; OSError where it cannot be written
    """
    path = Path(path)
    old = _read(path)
    new = _handed_out(_newest(path, old, Path(notebooks)), path.parent)
    carried, at = Carried(), {cell["id"]: cell for cell in new["cells"]}
    answers = {_exercise(cell): cell for cell in new["cells"] if _exercise(cell)}
    place, insert = None, {}
    for cell in old["cells"]:
        name, id = _exercise(cell), cell.get("id")
        given = cell.get("metadata", {}).get(GIVEN)
        changed = given is not None and given != fingerprint(cell["source"])
        if name in answers:
            if _filled(cell, answers[name]):
                answers[name]["source"] = cell["source"]
                answers[name]["outputs"], answers[name]["execution_count"] = [], None
                carried.answers.append(name)
            place = answers[name]["id"]
        elif id in at:
            place = id
            if changed:
                own = {**cell, "id": f"{id}-own"[:64], "metadata": {"own": True}}
                insert.setdefault(place, []).append(own)
                carried.cells += 1
                carried.problems.append(
                    f"you had changed the cell {id!r}: yours stands below the course's, to choose from"
                )
            elif given is None and fingerprint(_relinked(at[id]["source"])) != fingerprint(_relinked(cell["source"])):
                carried.problems.append(
                    f"the cell {id!r} differs, and it is not known who changed it: yours is in the older file"
                )
        elif name:
            carried.problems.append(
                f"the exercise {name!r} is no longer in the course: your answer is in the older file"
            )
        elif given is None or cell.get("metadata", {}).get("own"):
            own = {**cell, "metadata": {**cell.get("metadata", {}), "own": True}}
            insert.setdefault(place, []).append(own)
            carried.cells += 1
        elif changed:
            insert.setdefault(place, []).append({**cell, "metadata": {"own": True}})
            carried.cells += 1
            carried.problems.append(f"the cell {id!r}, which you had changed, is no longer in the course: it was kept")
    cells, used = [*insert.get(None, [])], set(at)
    for cell in new["cells"]:
        cells += [cell, *insert.get(cell["id"], [])]
    for number, cell in enumerate(cells):  # no two may have one id
        if cell.get("metadata", {}).get("own"):
            id = cell.get("id") or f"own-{number}"
            while id in used:
                id = f"own-{number}-{len(used)}"
            cell["id"] = id
            used.add(id)
    new["cells"] = cells
    older = _free(path)
    write_whole(older, path.read_bytes())
    _save(new, path)
    carried.older = older.name
    return carried


def _read(path):
    try:
        nb = json.loads(path.read_text(encoding="utf-8-sig"))
        if all(isinstance(cell["source"], (str, list)) for cell in nb["cells"]):
            return nb
        raise KeyError("source")
    except FileNotFoundError:
        raise ValueError(f"notebook (={str(path)!r}) must be the path of a notebook: there is none") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"notebook (={str(path)!r}) must be a notebook that JupyterLab can open: {error}") from None


def _newest(path, old, notebooks):
    """Return the course's notebook of which an older version this is: by its name, else by the exercises in it."""
    if (notebooks / path.name).exists():
        return notebooks / path.name
    mine = {cell.get("id") for cell in old["cells"]}
    shared = {
        each: len(mine & {cell["id"] for cell in json.loads(each.read_text(encoding="utf-8"))["cells"]})
        for each in sorted(notebooks.glob("*.ipynb"))
    }
    best = max(shared, key=shared.get, default=None)
    if best is None or shared[best] < 5:
        raise ValueError(f"notebook (={str(path)!r}) must be one of the course's: {', '.join(p.stem for p in shared)}")
    return best


def _exercise(cell):
    graded = cell.get("metadata", {}).get("nbgrader") or {}
    return graded.get("grade_id") if graded.get("solution") else None


def _filled(cell, fresh):
    given = cell.get("metadata", {}).get(GIVEN)
    return fingerprint(cell["source"]) not in {given, fingerprint(fresh["source"])}


def _free(path):
    for number in range(1, 1000):
        older = path.with_name(f"{path.stem}.older{'' if number == 1 else f'-{number}'}.ipynb")
        if not older.exists():
            return older
    raise ValueError(f"notebook (={str(path)!r}) has a thousand older versions beside it: delete some")
