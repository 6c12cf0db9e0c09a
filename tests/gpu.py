"""Everything that only a machine with a GPU can show, in one command: make test-gpu, or python tests/gpu.py [03 05 …].

Where a Python has torch and what the tests need, nothing is installed and no network is asked for. Each notebook is run by
nbval on the GPU: the outputs must be those that are stored, and whatever is trained must be on the GPU (offline/devices.py).
Then the tests that need a GPU; then, where no chapter was chosen, the benchmarks fill the GPU columns of docs/measured.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers.course.notebooks import find  # noqa: E402
from helpers.device import pick_device  # noqa: E402  found by the line above

OF_THE_GPU = [
    "tests/test_gpu.py",
    "tests/test_device.py",
    "tests/test_data.py",
    "tests/test_costs.py",
    "-k",
    "gpu or cuda or accelerator or device",
]


def pytest(*arguments, **environment):
    """Run pytest and return its exit status."""
    # What runs here must not be what was collected for the browser: each notebook is named, so nbval runs it.
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COURSE_EXPECT_DEVICE": "cuda", **environment},
    ).returncode


def notebook(path, folder):
    """Run one notebook; return (seconds, what is wrong or "")."""
    log, began = Path(folder, f"{path.stem}.log"), time.monotonic()
    status = pytest(str(path), COURSE_DEVICE_LOG=str(log))
    trained = log.read_text().split() if log.exists() else []
    wrong = f"pytest ended with {status}" if status else "nothing was trained on the GPU" if trained != ["cuda"] else ""
    return time.monotonic() - began, wrong


def main(chosen):
    if pick_device().type != "cuda":
        print(
            "There is no CUDA device here, or none that works: look at the driver and at which torch is installed.",
            file=sys.stderr,
        )
        return 1
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in find(chosen):
            rows.append((path.stem, *notebook(path, folder)))
    rows.append(("tests of the GPU", 0.0, "failed" if pytest(*OF_THE_GPU) else ""))
    if not chosen:
        rows.append(
            (
                "benchmarks",
                0.0,
                (
                    "failed"
                    if subprocess.run([sys.executable, "-m", "benchmarks", "--write"], cwd=ROOT).returncode
                    else ""
                ),
            )
        )
    for name, seconds, wrong in rows:
        print(f"{name:20}{f'{seconds:.0f} s' if seconds else '':>8}  {wrong or 'ok'}")
    return 1 if any(wrong for _, _, wrong in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
