"""Mark a folder of submissions: every answer alone, each once, two at a time; then the feedback, the report and the tables."""

import contextlib
import os
import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from helpers.course.exercises import solutions
from helpers.course.marking import answers, judge, kept, late, report, sandbox, seal, similar, submission


@dataclass
class Result:
    """One student's marks in one chapter."""

    student: str
    chapter: str
    marks: dict  # name of an exercise: Mark
    out_of: dict  # name of an exercise: its points
    notes: list = field(default_factory=list)  # sentences for the student
    of_answers: dict = field(default_factory=dict)  # name of an exercise: what was healed
    days_late: int = 0
    left: float = 1.0
    file: Path | None = None  # the notebook

    def points(self, name):
        """Return the points of an exercise, before what being late costs."""
        return round(self.marks[name].share * self.out_of[name], 2)

    @property
    def most(self):
        """The points of all exercises."""
        return sum(self.out_of.values())

    @property
    def total(self):
        """The points, after what being late costs."""
        return round(self.left * self.on_time, 2)

    @property
    def on_time(self):
        """The points, before what being late costs."""
        return sum(self.points(name) for name in self.marks)


@dataclass
class Work:
    """What a student handed in for one chapter, before it is marked."""

    student: str
    chapter: str
    found: dict  # name of an exercise: Answer
    notes: list
    days_late: int
    file: Path


def chapters():
    """Return {stem of a chapter: names of its exercises}."""
    found = {}
    for name, path in solutions.files().items():
        found.setdefault(path.parent.name[2:], []).append(name)
    return found


def gather(folder, due):
    """Return (a list of Work, {student: sentences} on what could not be read) of a folder of submissions.

    raises: ValueError where the folder holds none
    """
    works, unread = [], {}
    for student, handed in submission.find(folder).items():
        complain = unread.setdefault(student, []).append
        if not handed.files:
            complain("no notebook was handed in: ask for it")
        by_chapter = {}
        for path in handed.files:
            try:
                found, problems = answers.find(submission.cells(path))
            except submission.Unreadable as error:
                complain(str(error))
                continue
            if not found:
                complain(f"{path.name} holds no answer to any exercise: is it the right notebook?")
            when, guessed = late.handed_in(path)
            for chapter, mine in of_chapters(found):
                by_chapter.setdefault(chapter, []).append((when, path, mine, problems, guessed))
        for chapter, versions in by_chapter.items():
            when, path, mine, problems, guessed = max(versions, key=lambda each: (_filled(each[2]) > 0, each[0]))
            notes = list(problems)
            if len(versions) > 1:
                notes.append(
                    f"{len(versions)} notebooks of this chapter were handed in: {path.name}, the latest, counts"
                )
            days = due.days_late(student, when)
            if days and guessed:
                complain(f"{chapter} is {days} days late by its file's time, which a copy changes: look when it came")
            works.append(Work(student, chapter, mine, notes, days, path))
    return works, {student: said for student, said in unread.items() if said}


def of_chapters(found):
    """Return [(stem of a chapter, its Answers)] of what was found in one notebook.

    A notebook may use a name of another chapter's exercise for something of its own: what counts are the chapters of which at
    least half of the exercises are there, or else the one of which most are.
    """
    each = [(c, {name: found[name] for name in names if name in found}, len(names)) for c, names in chapters().items()]
    each = [(chapter, mine, count) for chapter, mine, count in each if mine]
    most = max((len(mine) for _, mine, _ in each), default=0)
    return [(c, mine) for c, mine, count in each if len(mine) == most or 2 * len(mine) >= count > 1]


def _filled(found):
    return sum(not answers.is_stub(answer.source, name) for name, answer in found.items())


def mark(folder, out, due=None, by_case=True, workers=None, say=lambda _: None):
    """Mark the submissions in a folder and write marks into another; return the Results.

    folder:  see submission.find
    out:     gets report.md, grades.csv, points.csv, feedback/ as nbgrader lays it out, and kept/, by which a run that was
             cut off goes on where it was
    due:     late.Due, or None where nothing is late
    by_case: whether an answer that is right in some cases gets their share of the points
    workers: answers that run at once; as many as there are processors where it is None
    say:     is called with a sentence now and then
    raises:  ValueError where there is nothing to mark; OSError where `out` cannot be written; RuntimeError where Python cannot
             be started anew
    """
    due, out = due or late.Due(), Path(out)
    works, unread = gather(folder, due)
    store, open_work, done = kept.Kept(out / "kept"), {}, {}
    for work in works:
        for answer in work.found.values():
            key = kept.key(answer, by_case)
            if key in done or key in open_work:
                continue
            if found := store.get(key):
                done[key] = found
            else:
                open_work[key] = answer
    say(
        f"{len(works)} notebooks of {len({w.student for w in works})} students: {len(open_work)} answers to mark, {len(done)} marked before."
    )
    if open_work:
        _mark_all(open_work, done, store, by_case, workers or _processors(), say)
    out_of, results = answers.points(), []
    for work in works:
        names = chapters()[work.chapter]
        marks = {
            name: done[kept.key(work.found[name], by_case)]
            if name in work.found
            else judge.Mark("missing", 0.0, "no cell gives this name a value.")
            for name in names
        }
        healed = {name: answer.notes for name, answer in work.found.items() if answer.notes}
        results.append(
            Result(
                work.student,
                work.chapter,
                marks,
                {name: out_of[name] for name in names},
                work.notes,
                healed,
                work.days_late,
                due.left(work.days_late),
                work.file,
            )
        )
    report.write(out, results, similar.alike(_sources(works)), store.sealed(), unread)
    return results


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sources(works):
    found = {}
    for work in works:
        for name, answer in work.found.items():
            found.setdefault(name, {})[work.student] = answer.source
    return found


def _mark_all(open_work, done, store, by_case, workers, say):
    """Mark the open answers, several at once, and keep each as soon as it is marked."""
    for name in {answer.name for answer in open_work.values()}:
        judge.bench(name)  # not in the threads: it seeds torch
    boxes = queue.SimpleQueue()
    seal.closed_to_debuggers()
    try:
        with contextlib.ExitStack() as stack:
            count = max(1, min(workers, len(open_work)))
            started = [stack.enter_context(sandbox.Box()) for _ in range(count)]
            store.sealed(started[0].sealed)
            for box in started:
                boxes.put(box)

            def one(item):
                key, answer = item
                box = boxes.get()
                try:
                    done[key] = judge.mark(box, answer.name, answer.before, answer.source, by_case)
                finally:
                    boxes.put(box)
                store.put(key, done[key])

            pool = stack.enter_context(ThreadPoolExecutor(count))
            for number, _ in enumerate(pool.map(one, open_work.items()), 1):
                if number % 50 == 0:
                    say(f"{number} of {len(open_work)} answers are marked.")
    finally:
        seal.closed_to_debuggers(False)
