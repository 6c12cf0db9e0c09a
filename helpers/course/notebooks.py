"""Run the notebooks from the first cell to the last, and save what came out: the command behind `make notebooks`."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat

from helpers.course.rooms import NOTEBOOKS
from helpers.files import write_whole

WIDGET = "application/vnd.jupyter.widget-view+json"


def find(wanted=(), folder=NOTEBOOKS):
    """Return the paths of the notebooks whose name starts with one of `wanted` (such as "03"), or of all.

    raises: ValueError where a wanted one does not exist
    """
    paths = sorted(Path(folder).glob("*.ipynb"))
    for start in wanted:
        if not any(path.name.startswith(start) for path in paths):
            raise ValueError(f"notebook (={start!r}) must be the start of one of {[path.stem for path in paths]}")
    return [path for path in paths if not wanted or path.name.startswith(tuple(wanted))]


def tidy(nb):
    """Take out of a notebook, in place, what differs from run to run and from machine to machine; return it."""
    nb.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in nb.cells:
        for passing in ("execution", "collapsed", "scrolled", "ExecuteTime"):
            cell.metadata.pop(passing, None)
        outputs = cell.get("outputs", [])
        for output in outputs:
            # A view is nothing without its kernel, and its id is new in every run; the still picture beside it stays.
            if "data" in output:
                output.data.pop(WIDGET, None)
        # What the kernel prints in pieces, at the whim of its buffer, is one piece here.
        for i in reversed(range(1, len(outputs))):
            first, second = outputs[i - 1], outputs[i]
            if first.output_type == second.output_type == "stream" and first.name == second.name:
                first.text += second.text
                del outputs[i]
    return nb


def run(nb, folder, env=None):
    """Execute a notebook, in place, in a fresh kernel in `folder` with one thread, and return it.

    env:    what to add to the kernel's environment
    raises: nbclient's CellExecutionError where a cell raises
    """
    from nbclient import NotebookClient

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(nb, timeout=900, kernel_name="python3", store_widget_state=False, record_timing=False)
    # What a cell writes to stderr comes back as its output; what is silenced here is the kernel's own log.
    client.execute(
        cwd=str(folder),
        env={**os.environ, "OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off", **(env or {})},
        stderr=subprocess.DEVNULL,
    )
    return nb


def save(nb, path):
    """Write a notebook, tidied, to its file."""
    write_whole(path, (nbformat.writes(tidy(nb)).rstrip("\n") + "\n").encode("utf-8"))


def main(arguments=None):
    from nbclient.exceptions import CellExecutionError

    parser = argparse.ArgumentParser(prog="python -m helpers.course.notebooks", description=__doc__)
    parser.add_argument("notebook", nargs="*", help="the start of a name, such as 03; all where none is given")
    try:
        paths = find(parser.parse_args(arguments).notebook)
    except ValueError as error:
        parser.error(str(error))
    failed = 0
    for path in paths:
        nb, begun = nbformat.read(path, 4), time.perf_counter()
        try:
            run(nb, path.parent)
        except CellExecutionError as error:
            failed += 1
            print(f"{path.name}: not saved, since a cell raised an error\n{error}", file=sys.stderr)
            continue
        save(nb, path)
        print(f"{path.name}: {time.perf_counter() - begun:.0f} s, {path.stat().st_size / 1000:.0f} kB", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
