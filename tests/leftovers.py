"""What an explorer leaves behind: a module that it may not import, memory that nobody needs any more."""

import gc
import subprocess
import sys
import tracemalloc


def imports_pyplot(module, name, setting, value):
    """Return whether making an explorer, moving one control and showing it, in a fresh Python, imports matplotlib.pyplot."""
    code = f"""
import sys
from {module} import {name}
explorer = {name}()
explorer.wanted = [[1, {setting!r}, {value!r}]]
explorer._repr_mimebundle_()
print("matplotlib.pyplot" in sys.modules)"""
    return (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()[-1]
        != "False"
    )


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
