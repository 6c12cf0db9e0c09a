"""What a helper shows: formatted in a notebook, as text anywhere else."""

import re


def in_notebook():
    """Return whether a Jupyter kernel is running this, so that a display can be replaced in place."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def publish_code(code):
    """Show Python code, highlighted; a fence longer than any in the code keeps all of it code."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    publish({"text/plain": code, "text/markdown": f"{fence}python\n{code}\n{fence}"})


def publish(data, metadata=None):
    """Show one thing in its several forms.

    data:     dict from MIME type to content; "text/plain" must be there, for terminals, tests and screen readers
    metadata: dict from MIME type to dict, or None
    """
    if in_notebook():
        from IPython.display import display

        display(data, metadata=metadata or {}, raw=True)
    else:
        print(data["text/plain"])
