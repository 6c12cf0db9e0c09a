"""What an explorer leaves behind: a module that it may not import, memory that nobody needs any more."""

import gc
import subprocess
import sys
import tracemalloc


def those_that_import_pyplot(explorers):
    """Return the names of those explorers that import matplotlib.pyplot when they are made, moved and shown, in a fresh Python.

    explorers: (module, name, control or None, value) of each
    """
    code = f"""
import importlib, sys
for module, name, control, value in {explorers!r}:
    explorer = getattr(importlib.import_module(module), name)()
    if control is not None:
        explorer.wanted = [[1, control, value]]
    explorer._repr_mimebundle_()
    if sys.modules.pop("matplotlib.pyplot", None):
        print(name)"""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def bytes_kept(move, before, times):
    """Return how many bytes more are held after move(times), once move(before) has made what is made once."""
    move(before)
    gc.collect()
    tracemalloc.start()
    move(times)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return grown
