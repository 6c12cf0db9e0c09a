"""Run the benchmarks: python -m benchmarks [--quick] [--write] [costs layers …]

Each runs in a process of its own with one torch thread. With --write what they found is kept in docs/measured.json, and
docs/measured.md is written anew from it: that page is never typed. On a machine with a GPU --write runs only what depends on
it, and fills the page's GPU columns; the rest stays as it was.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import ROOT, Table, as_markdown, gpu_name, machine

TITLES = {
    "costs": "Counting",
    "models": "Models that people bring",
    "layers": "Layers",
    "threads": "Threads",
    "import_time": "Importing",
    "chapters": "Chapters",
    "explorers": "Explorers",
}
ON_GPU = ("layers", "chapters")
KEPT, PAGE = ROOT / "docs/measured.json", ROOT / "docs/measured.md"

HEAD = """# Measured

What the course says of its own speed, measured. `make measured` writes this page: nothing on it is typed, and
[measured.json](measured.json) holds the same tables. `make bench` only prints them. Times depend on the machine, and on what
else it does; what is compared ran in turn, in one run, so the ratios are what to trust. The GPU columns are filled by the same
command on a machine with a GPU (without make: `python -m benchmarks --write`); where they are empty, nobody has done so yet.
"""


def run(name, quick, kept):
    """Run one benchmark, which prints its tables; return its exit status. kept: where it keeps them, or None."""
    command = [
        sys.executable,
        "-m",
        f"benchmarks.{name}",
        *["--quick"] * quick,
        *(["--json", str(kept)] if kept else []),
    ]
    print(f"== {name}\n", flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode


def add(kept, kind, name, tables, conditions):
    """Put what a benchmark found into what is kept, in place: kind is "cpu" or "gpu"; tables as from Table._asdict()."""
    kept.setdefault(name, {})[kind] = {"machine": conditions, "tables": tables}


def as_json(kept):
    """Write what is kept with a row of a table on a line, so that a change can be read."""
    text = json.dumps(kept, ensure_ascii=False, indent=1)
    return (
        re.sub(
            r'\[\s+("(?:[^"\\]|\\.)*"(?:,\s+"(?:[^"\\]|\\.)*")*)\s+\]',
            lambda found: "[" + re.sub(r"\n\s+", " ", found[1]) + "]",
            text,
        )
        + "\n"
    )


def conditions_in_words(conditions):
    return ", ".join(f"{key} {value}" for key, value in conditions.items())


def render(kept):
    """Write the whole page: kept is {benchmark: {"cpu" and perhaps "gpu": {"machine": dict, "tables": list of dicts}}}."""
    parts = [HEAD]
    for name, title in TITLES.items():
        if "cpu" not in kept.get(name, {}):
            continue
        found, on_gpu = kept[name]["cpu"], kept[name].get("gpu")
        parts.append(f"## {title}\n\n`python -m benchmarks.{name}`. CPU: {conditions_in_words(found['machine'])}.")
        if on_gpu:
            parts[-1] += f" GPU: {conditions_in_words(on_gpu['machine'])}."
        there = {table["title"]: Table(**table) for table in on_gpu["tables"]} if on_gpu else {}
        parts += [as_markdown(Table(**table), there.get(table["title"])).rstrip() for table in found["tables"]]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"of {', '.join(TITLES)}; all where none is given")
    parser.add_argument("--quick", action="store_true", help="less of everything, for a first look; never written")
    parser.add_argument("--write", action="store_true", help="write docs/measured.md")
    options = parser.parse_args()
    for name in options.name:
        if name not in TITLES:
            parser.error(f"NAME (={name!r}) must be one of {', '.join(TITLES)}")
    if options.quick and options.write:
        parser.error("--quick measures too little to be written: leave one out")
    kind = "gpu" if options.write and gpu_name() else "cpu"
    names = [name for name in TITLES if name in (options.name or TITLES) and not (kind == "gpu" and name not in ON_GPU)]
    kept, failed = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}, []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            conditions, begin, file = machine(), time.perf_counter(), Path(folder, "tables.json")
            if run(name, options.quick, file if options.write else None):
                failed.append(name)
            elif options.write and (
                found := json.loads(file.read_text(encoding="utf-8"))
            ):  # none: what it needs is not here
                add(kept, kind, name, found, conditions)
                KEPT.write_text(as_json(kept), encoding="utf-8")
                PAGE.write_text(render(kept), encoding="utf-8")
            print(f"-- {name}: {time.perf_counter() - begin:.0f} s\n", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
