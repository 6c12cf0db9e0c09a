"""Which exercises were right: kept in a small file on this machine, which check() writes and anyone may delete.

The file is .progress in the course's folder, or, where the course was installed from a wheel, in the user's data folder. It
holds the names of exercises and the day on which each was right first, and nothing of an answer. COURSE_PROGRESS names another
file; COURSE_PROGRESS=off keeps nothing.
"""

import json
import os
import sys
from datetime import date
from pathlib import Path

from helpers.course.rooms import CLONE, ROOT, rooms


def file():
    """Return the Path of the file, or None where nothing is to be kept."""
    named = os.environ.get("COURSE_PROGRESS")
    if named is not None:
        return None if named.strip().lower() in ("", "off") else Path(named)
    if CLONE:
        return ROOT / ".progress"
    home = Path.home()
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local")
    elif sys.platform == "darwin":
        base = home / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return base / "image-models-course/progress"


def passed():
    """Return {name of an exercise: the day on which it was right first}. Lines that cannot be read count for nothing."""
    path, found = file(), {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path else []
    except (OSError, UnicodeDecodeError):
        return {}
    for line in lines:
        name, _, day = line.partition(" ")
        if name.isidentifier() and name not in found:
            found[name] = day.strip()
    return found


def record(name):
    """Keep that an exercise was right. Never raises: where it cannot be kept, a check must still answer."""
    path = file()
    if path is None or name in passed():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8") as out:  # a line at once, so that two notebooks do not mix
            out.write(f"{name} {date.today().isoformat()}\n")
    except OSError:
        pass


def forget():
    """Delete the file; return whether there was one.

    raises: OSError where it may not be deleted
    """
    path = file()
    if path is None or not path.exists():
        return False
    path.unlink()
    return True


def rebuild(*notebooks):
    """Keep what notebooks say: an exercise whose check stands there with "Right." below it. Return the names that were added.

    notebooks: paths; nothing in them is run
    raises:    ValueError where one is no notebook
    """
    before, known = set(passed()), exercises()
    names = {name for all_of in known.values() for name in all_of}
    for path in notebooks:
        try:
            cells = json.loads(Path(path).read_text(encoding="utf-8-sig"))["cells"]
            texts = ["".join(o.get("data", {}).get("text/plain", "")) for c in cells for o in c.get("outputs", [])]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"notebook (={str(path)!r}) must be the path of a notebook: {error}") from None
        for text in texts:
            name = text.removeprefix("Right. `").partition("`")[0]
            if text.startswith("Right. `") and name in names:
                record(name)
    return sorted(set(passed()) - before)


def exercises():
    """Return {stem of a chapter: names of its exercises}, as the notebooks have them."""
    found = {}
    for room in rooms():
        graded = [cell["metadata"].get("nbgrader", {}) for cell in room.cells]
        if names := [each["grade_id"] for each in graded if each.get("solution")]:
            found[room.stem] = names
    return found


def show_progress():
    """Show which exercises of each chapter were right so far, in a notebook. What is compared of it is the same for everyone."""
    from helpers.output import publish

    done, rows, total = passed(), "", 0
    for room in rooms():
        names = exercises().get(room.stem, [])
        right = [name for name in names if name in done]
        total += len(right)
        if names:
            boxes = " ".join(
                f'<span title="{name}" aria-label="{name}: {"right" if name in done else "open"}" '
                f'style="color:{"#009E73" if name in done else "#767676"}">{"■" if name in done else "□"}</span>'
                for name in names
            )
            rows += (
                f'<tr><td style="text-align:left"><a href="{room.stem}.ipynb">{room.number:02} {room.title}</a></td>'
                f"<td>{len(right)} of {len(names)}</td><td>{boxes}</td></tr>"
            )
    kept = "Kept on this machine only." if file() else ""
    head = f"<p><b>{total} exercises right so far.</b> {kept}</p>"
    publish(
        {
            "text/plain": "Your exercises: each check that says Right counts, and is shown here.",
            "text/html": f'{head}<table style="font-size:110%">{rows}</table>',
        }
    )
