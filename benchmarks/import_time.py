"""How long importing `helpers` takes on top of `import torch`, module by module; the goal is less than 0.3 s in all.

Own: the module's own statements, which are the helpers' doing. All: with what it is the first to import, such as matplotlib
or the widget libraries, which a notebook would import anyway. From Python's own `-X importtime`; the fastest of three runs.
"""

import pkgutil
import re
import subprocess
import sys

import helpers
from benchmarks.tables import Table, command_line

LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(helpers[\w.]*)$", re.MULTILINE)


def imports(names):
    """Return {module: (own, all)} in seconds, for the modules imported in this order after torch, in a fresh process."""
    code = "import torch\n" + "\n".join(f"import {name}" for name in names)
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    return {name: (int(own) / 1e6, int(cumulative) / 1e6) for own, cumulative, name in LINE.findall(done.stderr)}


def measure(options):
    names = ["helpers", *(module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers."))]
    runs = [imports(names) for _ in range(1 if options.quick else 3)]
    # A module that another loads with importlib counts as part of that one.
    best = {name: tuple(min(run[name][i] for run in runs) for i in (0, 1)) for name in names if name in runs[0]}
    yield Table(
        "Importing every module of helpers, after torch",
        ["module", "own/s", "all/s"],
        [
            ["together", f"{sum(own for own, _ in best.values()):.3f}", ""],
            *([name, f"{own:.3f}", f"{everything:.3f}"] for name, (own, everything) in best.items()),
        ],
        ["The goal: less than 0.3 s of their own, together."],
        fold=True,
    )


if __name__ == "__main__":
    command_line(measure, __doc__)
