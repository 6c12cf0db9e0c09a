"""What was marked is kept: an answer is marked once, however often the command is run, cut off, or the same answer comes again."""

import functools
import hashlib
import json
from pathlib import Path

from helpers.course.exercises import solutions
from helpers.course.marking.judge import Mark
from helpers.files import write_whole

EDITION = 1  # of the marking: a higher number marks everything anew


@functools.cache
def of_exercise(name):
    """Return a hash of the file that holds an exercise, so that a changed exercise is marked anew."""
    path = solutions.files()[name].with_name("exercises.py")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def key(answer, by_case):
    """Return the name under which an answers.Answer's mark is kept: the same for the same cells and the same exercise."""
    told = [EDITION, answer.name, of_exercise(answer.name), answer.before, answer.source, by_case]
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Kept:
    """Marks in a folder, a small file each."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def get(self, key):
        """Return the Mark kept under a key, or None where there is none that can be read."""
        try:
            return Mark(**json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def sealed(self, now=None):
        """Return what students' code was kept from in every run so far, and, where it is given, in this one, {"files": bool, ...}."""
        try:
            before = json.loads((self.folder / "sealed").read_text(encoding="ascii"))
        except (OSError, ValueError):
            before = {}
        if now is not None:
            before = {what: bool(yes and before.get(what, True)) for what, yes in now.items()}
            write_whole(self.folder / "sealed", json.dumps(before).encode("ascii"))
        return before

    def put(self, key, mark):
        """Keep a Mark.

        raises: OSError where the folder cannot be written to
        """
        write_whole(self.folder / f"{key}.json", json.dumps(mark.kept(), ensure_ascii=True).encode("ascii"))
