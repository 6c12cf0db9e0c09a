"""What is written after marking: feedback for each student, the instructor's report, tables for a learning platform."""

import csv
import html
import io
import re

from helpers.course.exercises.engine import EXERCISES, WORDS, _formatted
from helpers.files import write_whole

SAID = {**WORDS, "partly": "Partly.", "missing": "Not found."}
GIVEN = ("timestamp.txt", "submission_secret.txt")  # nbgrader's own: by them it knows whose page it is
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:18px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}}
section{{border-left:6px solid #767676;padding:.2em 1em;margin:1em 0}}.right{{border-color:#009E73}}
.partly{{border-color:#0072B2}}.wrong{{border-color:#D55E00}}pre{{overflow-x:auto;background:#f4f4f4;padding:.5em}}</style>
<h1>{title}</h1>
{body}
</html>
"""


def number(value):
    """Return points as they are read: 2, 1.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def feedback(result):
    """Return one student's page in HTML.

    result: a marking.Result
    """
    parts = [f"<p>{html.escape(note)}</p>" for note in result.notes]
    for name, mark in result.marks.items():
        points = f"{number(result.points(name))} of {number(result.out_of[name])}"
        words = _formatted(mark.sentence[:1].upper() + mark.sentence[1:])[1]
        seen = "".join(f"<p>{html.escape(note)}.</p>" for note in result.of_answers.get(name, []))
        parts.append(
            f'<section class="{mark.status}"><h2><code>{name}</code>: {points}</h2>'
            f"<p><b>{SAID[mark.status]}</b> {words}</p>{seen}</section>"
        )
    if result.days_late:
        parts.append(f"<p>{result.days_late} days late: {number(100 * result.left)} % of the points count.</p>")
    parts.append(f"<p><b>{number(result.total)} of {number(result.most)} points.</b></p>")
    return PAGE.format(title=html.escape(f"{result.chapter}: {result.student}"), body="\n".join(parts))


def safe(name):
    """Return a student's name as the name of a folder."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).strip(". ") or "_"


def plain_cell(text):
    """Return a text that a spreadsheet takes for a text: one that begins like a formula gets a mark in front."""
    return f"'{text}" if str(text).startswith(("=", "+", "-", "@", "\t", "\r")) else text


def table(rows):
    """Return rows as the text of a CSV file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[plain_cell(cell) for cell in row] for row in rows])
    return out.getvalue()


def grades(results):
    """Return the table for a learning platform: a line for each student, a column for each chapter, and the sum."""
    chapters = sorted({result.chapter for result in results if result.chapter})
    students = sorted({result.student for result in results})
    by_both = {(result.student, result.chapter): result for result in results}
    most = {result.chapter: result.most for result in results if result.chapter}
    rows = [["student", *(f"{c} (of {number(most[c])})" for c in chapters), "total"]]
    for student in students:
        got = [by_both.get((student, chapter)) for chapter in chapters]
        known = [round(each.total, 2) for each in got if each]
        rows.append(
            [student, *("" if not each else number(each.total) for each in got), number(sum(known)) if known else ""]
        )
    return table(rows)


def points(results):
    """Return the table of all answers: student, chapter, exercise, points, of how many, status, the sentence, days late."""
    rows = [["student", "chapter", "exercise", "points", "of", "status", "sentence", "days late"]]
    for result in results:
        for name, mark in result.marks.items():
            got = number(result.points(name))
            words = _formatted(mark.sentence)[0]
            rows.append([result.student, result.chapter, name, got, number(result.out_of[name]), mark.status, words])
            rows[-1].append(result.days_late)
    return table(rows)


def instructor(results, groups, sealed, unread):
    """Return the instructor's report in Markdown: who needs a look, who is stuck where, which misconception how often, what is alike.

    results: all Results
    groups:  what similar.alike() found
    sealed:  {"files": bool, "network": bool}: what students' code was kept from
    unread:  {student: sentences} on what could not be marked
    """
    lines = [
        "# Marks",
        "",
        f"{len({r.student for r in results} | set(unread))} students, {len(results)} notebooks.",
        "",
    ]
    for what, words in (
        ("files", "read this course's solutions, your files and other submissions"),
        ("network", "reach the network"),
    ):
        if not sealed.get(what, True):
            lines += [
                f"**This machine could not keep students' code from what would {words}:** mark in a container.",
                "",
            ]
    if unread:
        lines += ["## To look at", ""]
        lines += [f"- {student}: {sentence}." for student, all_of in sorted(unread.items()) for sentence in all_of]
        lines += [""]
    lines += _where(results)
    lines += _misconceptions(results)
    if groups:
        lines += [
            "## Alike",
            "",
            "Alike is no verdict: read them. Names, comments and layout are left out of account.",
            "",
        ]
        lines += [
            f"- `{name}`: {', '.join(students)} ({100 * share:.0f} % or more in common)"
            for name, students, share in groups
        ]
        lines += [""]
    return "\n".join(lines)


def _where(results):
    lines = ["## Who is stuck where", "", "| exercise | right | partly | wrong | not filled in | not found | stuck |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    for name in EXERCISES:
        marks = {result.student: result.marks[name] for result in results if name in result.marks}
        if not marks:
            continue
        counts = [
            sum(m.status == word for m in marks.values()) for word in ("right", "partly", "wrong", "todo", "missing")
        ]
        stuck = sorted(student for student, mark in marks.items() if mark.status in ("partly", "wrong"))
        shown = ", ".join(stuck[:12]) + (f" and {len(stuck) - 12} more" if len(stuck) > 12 else "")
        lines.append(f"| `{name}` | {' | '.join(map(str, counts))} | {shown or '–'} |")
    return [*lines, ""]


def _misconceptions(results):
    counted = {}
    for result in results:
        for name, mark in result.marks.items():
            if mark.mistake is not None:
                counted[name, mark.mistake] = counted.get((name, mark.mistake), 0) + 1
    if not counted:
        return []
    lines = ["## Misconceptions", "", "| how often | exercise | what they are told |", "| --- | --- | --- |"]
    for (name, which), count in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
        sentence = EXERCISES[name].mistakes[which][1].replace("|", "\\|")
        lines.append(f"| {count} | `{name}` | {sentence} |")
    return [*lines, ""]


def write(folder, results, groups, sealed, unread):
    """Write feedback/, report.md, grades.csv and points.csv into a folder.

    raises: OSError where that cannot be written
    """
    for result in results:
        pages = folder / "feedback" / safe(result.student) / result.chapter
        names = {result.chapter, result.file.stem if result.file else result.chapter}
        for name in names:  # nbgrader gives back to each notebook the page of its name
            write_whole(pages / f"{name}.html", feedback(result).encode("utf-8", "replace"))
        for name in GIVEN:
            if result.file and (given := result.file.with_name(name)).is_file():
                write_whole(pages / name, given.read_bytes())
    for name, text in (
        ("report.md", instructor(results, groups, sealed, unread)),
        ("grades.csv", grades(results)),
        ("points.csv", points(results)),
    ):
        write_whole(folder / name, text.encode("utf-8-sig" if name.endswith("csv") else "utf-8", "replace"))
