"""What the benchmarks share: tables, turns, the words for a machine, and the command line."""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
NOT_HERE = "–"


class Table(NamedTuple):
    """A table, its cells already written as text.

    columns: names, with their units;  rows: lists of as many texts
    gpu:     the columns that a run on a GPU adds; none where nothing depends on it
    keys:    how many columns name a row
    fold:    whether it is long, and folded away on a page
    """

    title: str
    columns: list
    rows: list
    notes: tuple = ()
    gpu: tuple = ()
    keys: int = 1
    fold: bool = False


# ---- time ---------------------------------------------------------------------------------------------------------


def in_turn(functions, repeats, clock=time.process_time, warm_up=True):
    """Return the seconds of each run of each function: they run in turn, so that a busy machine slows all of them.

    functions: without arguments;  repeats: runs of each that count, after one to warm up
    returns:   a list for each function, of `repeats` seconds
    """
    times = [[] for _ in functions]
    for repeat in range(-1 if warm_up else 0, repeats):
        for taken, function in zip(times, functions):
            begin = clock()
            function()
            if repeat >= 0:
                taken.append(clock() - begin)
    return times


def median(times):
    return statistics.median(times)


# ---- text ---------------------------------------------------------------------------------------------------------


def as_text(table):
    lines = [table.columns, *table.rows]
    width = [max(len(str(line[i])) for line in lines) for i in range(len(table.columns))]
    numeric = [i >= table.keys and all(looks_numeric(row[i]) for row in table.rows) for i in range(len(table.columns))]

    def written(line):
        return "  ".join(
            f"{cell:>{w}}" if right else f"{cell:<{w}}" for cell, w, right in zip(line, width, numeric)
        ).rstrip()

    return (
        "\n".join(
            [
                table.title,
                "",
                written(lines[0]),
                "-" * len(written(["-" * w for w in width])),
                *map(written, lines[1:]),
                "",
                *table.notes,
            ]
        ).rstrip()
        + "\n"
    )


def looks_numeric(cell):
    return cell in ("", NOT_HERE) or cell.lstrip("+-×<")[:1].isdigit()


def as_markdown(table, gpu=None):
    """Write a table as Markdown.

    gpu: the same table from a run on a GPU, whose columns `table.gpu` are put at the end; None for empty ones
    """
    columns, rows = list(table.columns), [list(row) for row in table.rows]
    there = {tuple(row[: table.keys]): dict(zip(gpu.columns, row)) for row in gpu.rows} if gpu else {}
    for column in table.gpu:
        columns.append(f"GPU: {column}")
        for row in rows:
            row.append(there.get(tuple(row[: table.keys]), {}).get(column, ""))
    numeric = [i >= table.keys and all(looks_numeric(row[i]) for row in rows) for i in range(len(columns))]
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in [columns, *rows]]
    lines.insert(1, "|" + "|".join(" ---: " if right else " --- " for right in numeric) + "|")
    body = "\n".join(lines)
    if table.fold:
        body = f"<details><summary>{len(rows)} rows</summary>\n\n{body}\n\n</details>"
    return "\n\n".join([f"### {table.title}", body, *table.notes]) + "\n"


# ---- the machine --------------------------------------------------------------------------------------------------


def processor():
    """Return what kind of processor this is, such as "Intel(R) Xeon(R) Processor @ 2.60GHz"."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine():
    """Return what a table's numbers depend on, and nothing that tells whose machine it is."""
    import torch
    import torchvision

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "cores": cores,
        "system": platform.system(),
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }
    if hasattr(os, "getloadavg"):
        found["running programs at the start"] = round(os.getloadavg()[0], 1)
    if gpu_name():
        found["GPU"] = gpu_name()
    return found


def gpu_name():
    """Return the GPU's kind, "" without one that works."""
    import torch

    from helpers.device import pick_device

    device = pick_device()
    if device.type == "cpu":
        return ""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


# ---- the command line ---------------------------------------------------------------------------------------------


def command_line(measure, description, more=lambda parser: None):
    """Run measure(options), which yields tables, and print each as it comes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, for a first look")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--json", metavar="FILE", help="keep the tables in a file too")
    more(parser)
    options = parser.parse_args()
    tables = []
    for table in measure(options):
        tables.append(table)
        print(as_markdown(table) if options.markdown else as_text(table), flush=True)
    if options.json:
        Path(options.json).write_text(
            json.dumps([table._asdict() for table in tables], ensure_ascii=False), encoding="utf-8"
        )
