"""Run notebook kernels with the network off, and know when one tried to reach it.

A kernel started with environment(log) imports sitecustomize.py of this folder before anything else. That refuses every
address but this machine's own, and writes the attempt into the log, so that a notebook cannot hide it by catching the error.
"""

import os
from pathlib import Path

HERE = Path(__file__).parent


def environment(log):
    """Return what to add to os.environ for a kernel whose attempts are to be written to the file `log`."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    # A proxy on this machine would carry a request out through an allowed address.
    proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    return {**proxies, "PYTHONPATH": path, "OFFLINE_LOG": str(log), "OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off"}


def attempts(log):
    """Return the attempts written so far, one string each."""
    return Path(log).read_text().splitlines() if Path(log).exists() else []
