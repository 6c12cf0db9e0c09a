"""The command image-models-course: open the course, check the machine, copy and update notebooks, mark submissions."""

import argparse
import subprocess
import sys
from pathlib import Path

from helpers.course.rooms import CLONE, NOTEBOOKS, ROOT

OPENED = "image-models-course"  # the folder into which an installed course copies its notebooks


def main(arguments=None):
    """Run the command with these arguments (sys.argv's where None); return its exit status: 0, 1 what failed, 2 what was asked wrongly."""
    made = parser()
    options, more = made.parse_known_args(arguments)
    if more and options.run is not lab:
        made.error(f"{' '.join(more)} is not known: image-models-course COMMAND --help lists what is")
    options.more = more
    try:
        return options.run(options) or 0
    except (ValueError, OSError, RuntimeError) as error:
        print(f"image-models-course: {error}", file=sys.stderr)
        return 2


def parser():
    """Return the parser of the command's arguments."""
    whole = argparse.ArgumentParser(prog="image-models-course", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(run, name, words):
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(run=run)
        return made

    command(
        lab, "lab", "open the notebooks in JupyterLab; what else is given, such as --no-browser, is passed on to it"
    )
    command(check, "check", "check this machine: Python, packages, data, memory, explorers")
    made = command(copy_notebooks, "copy-notebooks", "copy the notebooks into a folder, to work on")
    made.add_argument("folder", type=Path)
    made = command(test, "test", "verify the data, and every exercise by its solution and its stub")
    made = command(update, "update", "carry your answers and cells over into the new version of a notebook")
    made.add_argument("notebook", type=Path, nargs="+")
    made = command(mark, "mark", "mark a folder of submissions, FOLDER/STUDENT/CHAPTER/*.ipynb")
    made.add_argument("submissions", type=Path, metavar="SUBMISSIONS_FOLDER")
    made.add_argument("--out", type=Path, default=Path("marks"), help="where the marks go (default: marks)")
    made.add_argument("--due", help="when it was due, such as 2026-12-01T18:00; later costs")
    made.add_argument("--extensions", type=Path, metavar="CSV", help="with the columns student,due")
    made.add_argument(
        "--late", type=float, default=10, metavar="PERCENT", help="what each begun day costs (default: 10)"
    )
    made.add_argument("--whole", action="store_true", help="no points for an answer that is right in some cases only")
    made.add_argument("--gradebook", type=Path, metavar="DB", help="nbgrader's gradebook.db, which gets the marks too")
    made.add_argument("--workers", type=int, help="answers that are marked at once (default: one a processor)")
    return whole


def lab(options):
    """Open JupyterLab: on the clone's notebooks, or on those of this folder, into which an installed course copies them."""
    if CLONE:
        folder = NOTEBOOKS
    else:
        folder = Path.cwd() if (Path.cwd() / "00_start_here.ipynb").exists() else Path.cwd() / OPENED
        if not folder.exists():
            copied(folder)
    first = folder / "00_start_here.ipynb"
    command = [
        sys.executable,
        "-P",
        "-m",
        "jupyterlab",
        str(first),
        f"--ServerApp.root_dir={ROOT if CLONE else folder}",
    ]
    return subprocess.call([*command, *options.more])


def check(options):
    """Check the machine, as chapter 00 does; return 1 where a test failed."""
    from helpers.chapters.ch00_start_here.machine import count_wrong

    return bool(count_wrong())


def copy_notebooks(options):
    """Copy the notebooks, and leave alone those that are there."""
    copied(options.folder)


def copied(folder):
    """Copy the notebooks into a folder and say so."""
    from helpers.course import carry

    new, left = carry.copy(folder)
    print(f"{len(new)} notebooks copied into {folder}." if new else f"All notebooks are in {folder} already.")
    if new and left:
        print(f"{len(left)} were there, and were left alone: `image-models-course update` brings them up to date.")


def test(options):
    """Verify the data by their checksums, and every exercise by its solution and its stub; return 1 where something fails."""
    from helpers.course import exercises  # noqa: F401  registers them
    from helpers.course.exercises import solutions
    from helpers.course.exercises.engine import EXERCISES
    from helpers.course.marking import judge, sandbox
    from helpers.data import files

    failed = []
    lines = [line.split() for line in files.file_bytes("checksums.txt").decode().splitlines()]
    names = [words[1] for words in lines if len(words) == 2 and not words[0].startswith("#")]
    for name in names:
        try:
            files.read(name)
        except (OSError, ValueError) as error:
            if not name.startswith("full/"):
                failed.append(str(error))
    print(f"data: {len(names)} files in {files.folder()}", flush=True)
    with sandbox.Box() as box:
        for name, path in solutions.files().items():
            before = [path.read_text(encoding="utf-8").partition("# %%")[0]]
            for text, wanted in ((solutions.source(name), "right"), (solutions.stub(name), "todo")):
                found = judge.mark(box, name, before, text)
                if found.status != wanted:
                    failed.append(f"{name} is {found.status} and should be {wanted}: {found.sentence}")
        kept = [what for what, yes in box.sealed.items() if yes]
    print(f"exercises: {len(EXERCISES)}; students' code is kept from: {', '.join(kept) or 'nothing on this machine'}")
    for sentence in failed:
        print(sentence, file=sys.stderr)
    print("Everything is as it should be." if not failed else f"{len(failed)} failed.")
    if CLONE:
        print("`make test` also runs every notebook.")
    return bool(failed)


def update(options):
    """Update notebooks one after the other; return 1 where one could not be."""
    from helpers.course import carry

    failed = 0
    for path in options.notebook:
        try:
            done = carry.update(path)
        except ValueError as error:
            failed = 1
            print(f"{path}: not updated: {error}", file=sys.stderr)
            continue
        print(
            f"{path}: {len(done.answers)} answers and {done.cells} cells of yours carried over; the old one is {done.older}."
        )
        for sentence in done.problems:
            print(f"    {sentence}")
    return failed


def mark(options):
    """Mark a folder of submissions and say where the marks are."""
    from helpers.course import exercises  # noqa: F401  registers them
    from helpers.course.marking import gradebook, late, marking

    if options.workers is not None and options.workers < 1:
        raise ValueError(f"workers (={options.workers}) must be 1 or more")
    if not 0 <= options.late <= 100:
        raise ValueError(f"late (={options.late:g}) must be from 0 to 100 percent")
    if options.extensions and not options.due:
        raise ValueError("extensions need a --due, from which they are counted for all others")
    due = late.Due(
        late.moment(options.due) if options.due else None,
        late.extensions(options.extensions) if options.extensions else {},
        options.late / 100,
    )
    if options.gradebook:
        gradebook.write(options.gradebook, [])  # what is wrong with it is told before the marking
    results = marking.mark(
        options.submissions,
        options.out,
        due,
        not options.whole,
        options.workers,
        lambda words: print(words, flush=True),
    )
    print(
        f"{len(results)} notebooks are marked: {options.out / 'report.md'}, grades.csv, points.csv and feedback/ beside it."
    )
    for sentence in gradebook.write(options.gradebook, results) if options.gradebook else []:
        print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
