"""What is due when, for whom later, and what being late costs."""

import csv
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass
class Due:
    """When work is due.

    at:    a datetime, or None where nothing is ever late
    later: {student: datetime}, the extensions
    a_day: the share of the points that each begun day of being late costs
    """

    at: datetime | None = None
    later: dict = field(default_factory=dict)
    a_day: float = 0.1

    def days_late(self, student, handed_in):
        """Return how many days, begun ones counted, a student's work was late."""
        due = self.later.get(student, self.at)
        if due is None or handed_in is None or handed_in <= due:
            return 0
        seconds = (handed_in - due).total_seconds()
        return int(-(-seconds // 86400))

    def left(self, days):
        """Return the share of the points that is left after so many days."""
        return max(0.0, 1 - self.a_day * days)


def moment(text):
    """Return the datetime of a text such as 2026-12-01T18:00, 2026-12-01 18:00+09:00 or 2026-12-01 (then its end).

    Without a zone it is this machine's. Also what nbgrader writes: 2026-12-01 18:00:00.000000 UTC.
    raises: ValueError
    """
    words = str(text).strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", words):
        words += "T23:59:59"
    body, _, zone = words.rpartition(" ")
    if re.fullmatch(r"[A-Za-z_]+(/[A-Za-z_]+)*", zone):
        from zoneinfo import ZoneInfo

        try:
            return datetime.fromisoformat(body).replace(tzinfo=UTC if zone in ("UTC", "GMT") else ZoneInfo(zone))
        except (ValueError, KeyError):
            raise ValueError(_no_moment(text)) from None
    try:
        return datetime.fromisoformat(words).astimezone()
    except ValueError:
        raise ValueError(_no_moment(text)) from None


def _no_moment(text):
    return f"moment (={text!r}) must be a day and a time such as 2026-12-01T18:00"


def extensions(path):
    """Return {student: datetime} of a CSV file with the columns student and due.

    raises: ValueError, which names the line; OSError where it cannot be read
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        head = [str(word).strip().lower() for word in rows.fieldnames or []]
        if not {"student", "due"} <= set(head):
            raise ValueError(
                f"{Path(path).name} must begin with the line student,due, and begins with {','.join(head)!r}"
            )
        rows.fieldnames = head
        found = {}
        for row in rows:
            student = (row["student"] or "").strip()
            if not student:
                continue
            try:
                found[student] = moment(row["due"])
            except ValueError as error:
                raise ValueError(f"{Path(path).name}, line {rows.line_num}: {error}") from None
    return found


def handed_in(path):
    """Return (when a notebook was handed in, whether that is only its file's own time).

    nbgrader writes it into timestamp.txt beside the notebook; else the file's time stands for it, which a copy changes.
    """
    written = path.with_name("timestamp.txt")
    try:
        return moment(written.read_text(encoding="utf-8-sig")), False
    except (OSError, ValueError):
        return datetime.fromtimestamp(path.stat().st_mtime).astimezone(), True
