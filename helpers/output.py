"""What a helper shows: formatted in a notebook, as text anywhere else."""


def in_notebook():
    """Return whether a Jupyter kernel is running this, so that a display can be replaced in place."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


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
