"""Files that lie beside a notebook and have a package's name, such as torch.py: the package is meant, and that is said once.

IPython loads this with every kernel of the environment in which the course is installed (jupyter/kernel.json).
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path


def load_ipython_extension(shell):
    """Let Python look beside the notebook last, and say before the first cell which files are passed over by that.

    shell: IPython's, which calls this
    """
    if "" in sys.path:
        sys.path.remove("")
        sys.path.append("")
    if names := taken():
        one = names[0].removesuffix(".py")

        def say(*_):
            shell.events.unregister("pre_run_cell", say)
            print(
                f"{' and '.join(names)} beside this notebook: a package has that name, and `import {one}` gives the package; "
                "to import a file of yours, give it another name."
            )

        shell.events.register("pre_run_cell", say)


def taken():
    """Return the names of the files of this folder in whose place Python would import another module of that name."""
    found = []
    for path in sorted(Path.cwd().glob("*.py")):
        spec = PathFinder.find_spec(path.stem, [place for place in sys.path if place])
        other = spec and spec.loader and Path(spec.origin).resolve() != path.resolve()
        if other or path.stem in sys.builtin_module_names:
            found.append(path.name)
    return found
