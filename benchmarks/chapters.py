"""Every chapter from a cold kernel: seconds on the wall and of the processor, and the most memory held; then the whole course.

Each chapter runs in a fresh process with a fresh kernel and one torch thread, one chapter after the other. Beside some of them:
the same chapter run and compared by pytest and nbval, each whole command against whole command, start-up included.
"""

import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks.tables import NOT_HERE, ROOT, Table, command_line, gpu_name
from helpers.course import notebooks

CPU_SECONDS, MEMORY = 60, 1536  # seconds, MiB: what a chapter may take
# nbval runs these too (--nbval all: every chapter), and --quick runs no others
FIRST = [path.stem for path in notebooks.find()[:2]]


class Took(NamedTuple):
    """What a command took: seconds on the wall; seconds of the processor, with all its children; whether it succeeded."""

    wall: float
    cpu: float
    good: bool
    printed: str


def took(command):
    """Run a command in the project's folder and return a Took."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Took(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, process.returncode == 0, printed)


def run_one(path):
    """Run a chapter here, and print what its kernel took, as JSON."""
    import resource

    import nbformat

    nb, begin = nbformat.read(path, 4), time.perf_counter()
    notebooks.run(nb, ROOT / "notebooks")
    wall, kernel = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "wall": wall,
                "cpu": kernel.ru_utime + kernel.ru_stime,
                "memory": kernel.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
            }
        )
    )


def plain(path):
    """Return ({"wall", "cpu", "memory"} of the kernel or None where a cell raises, Took of the whole command)."""
    whole = took([sys.executable, "-m", "benchmarks.chapters", "--run", str(path)])
    return (json.loads(whole.printed.strip().splitlines()[-1]) if whole.good else None), whole


def limits(cpu, memory):
    """Say which limits a chapter keeps: "kept", or what is above."""
    over = [
        text
        for text, above in (
            (f"{cpu:.0f} s above {CPU_SECONDS}", cpu > CPU_SECONDS),
            (f"{memory:.0f} MiB above {MEMORY}", memory > MEMORY),
        )
        if above
    ]
    return "OVER: " + ", ".join(over) if over else "kept"


def chapter_rows(found):
    """Return a row for each chapter and one for the whole course; found: {name: what its kernel took, or None}."""
    rows, ran = [], [kernel for kernel in found.values() if kernel]
    for name, kernel in found.items():
        cells = [NOT_HERE] * 3 + ["a cell raised an error"]
        if kernel:
            cells = [
                f"{kernel['wall']:.1f}",
                f"{kernel['cpu']:.1f}",
                f"{kernel['memory']:.0f}",
                limits(kernel["cpu"], kernel["memory"]),
            ]
        rows.append([name, *cells])
    if len(ran) > 1:
        rows.append(
            [
                f"all {len(ran)} together",
                *(f"{sum(kernel[key] for kernel in ran):.1f}" for key in ("wall", "cpu")),
                f"{max(kernel['memory'] for kernel in ran):.0f}",
                "",
            ]
        )
    return rows


def measure(options):
    if not hasattr(os, "wait4"):
        return print("Not measured: this system does not tell what a finished process took.")
    paths = notebooks.find(options.only or (FIRST if options.quick else ()))
    compared = options.nbval or ([] if options.quick or gpu_name() else FIRST)
    found, rows = {}, []
    for path in paths:
        found[path.stem], whole = plain(path)
        print(f"{path.stem}: {whole.wall:.0f} s", file=sys.stderr, flush=True)
        if "all" in compared or path.name.startswith(tuple(compared) or "-"):
            again = took([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)])
            rows.append(
                [
                    path.stem,
                    f"{whole.wall:.1f}",
                    f"{again.wall:.1f}",
                    f"{again.wall / whole.wall:.2f}",
                    f"{whole.cpu:.1f}",
                    f"{again.cpu:.1f}",
                    f"{again.cpu / whole.cpu:.2f}",
                    "as stored" if again.good else "differ",
                ]
            )
    yield Table(
        "Every chapter from a cold kernel",
        ["chapter", "wall/s", "CPU/s", "memory/MiB", "limits"],
        chapter_rows(found),
        [
            f"Limits: {CPU_SECONDS} seconds of the processor and {MEMORY / 1024:g} GiB, so that Binder's machine will"
            " do. Memory: the most that the kernel held; in the last row the largest of them. One run each."
        ],
        ("wall/s", "CPU/s"),
    )
    if rows:
        yield Table(
            "The same by pytest and nbval, which compares every output",
            ["chapter", "run: wall/s", "nbval: wall/s", "ratio", "run: CPU/s", "nbval: CPU/s", "CPU ratio", "outputs"],
            rows,
            ["Whole commands, with their start-up: pytest and its plugins take some seconds to load."],
        )


def more(parser):
    parser.add_argument("--only", nargs="+", metavar="NB", help="the starts of names, such as 03 07")
    parser.add_argument(
        "--nbval", nargs="+", metavar="NB", help=f"chapters that nbval runs too, or all (default {' '.join(FIRST)})"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run_one(sys.argv[2])
    else:
        command_line(measure, __doc__, more)
