"""Marks into nbgrader's gradebook, where `nbgrader export` and its formgrader find them."""

import warnings
from datetime import UTC
from pathlib import Path

from helpers.course.exercises.solve import COURSE
from helpers.course.marking import late


def write(path, results):
    """Write the marks of these Results into a gradebook; return sentences on what it has no place for.

    path:   of nbgrader's gradebook.db, in which `nbgrader generate_assignment` has entered the chapters
    raises: ValueError where there is no gradebook, or no nbgrader

    A score that a person gave in the formgrader stays, and is shown as one to look at again, as after nbgrader's own autograding.
    """
    path, missing = Path(path), {}
    if not path.is_file():
        raise ValueError(f"gradebook (={str(path)!r}) must be nbgrader's gradebook.db: generate_assignment makes it")
    try:
        from nbgrader.api import Gradebook, MissingEntry
        from sqlalchemy.exc import SAWarning
    except ImportError:
        raise ValueError("a gradebook needs nbgrader: pip install nbgrader") from None
    with (
        warnings.catch_warnings(action="ignore", category=SAWarning),
        Gradebook(f"sqlite:///{path.resolve()}", COURSE) as book,
    ):
        for result in results:
            try:
                book.find_notebook(result.chapter, result.chapter)
            except MissingEntry:
                missing[f"{path} does not know {result.chapter}: nbgrader generate_assignment enters it"] = None
                continue
            book.update_or_create_student(result.student)
            when = late.handed_in(result.file)[0].astimezone(UTC).replace(tzinfo=None)
            book.update_or_create_submission(result.chapter, result.student, timestamp=when)
            of_student = (result.chapter, result.chapter, result.student)
            book.find_submission_notebook(*of_student).late_submission_penalty = round(result.on_time - result.total, 2)
            for name, mark in result.marks.items():
                grade = book.find_grade(f"test_{name}", *of_student)
                grade.auto_score, grade.needs_manual_grade = result.points(name), grade.manual_score is not None
                book.find_comment(name, *of_student).auto_comment = mark.sentence
        book.db.commit()
    return list(missing)
