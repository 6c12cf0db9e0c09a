"""Show a helper's source in a notebook: what is read is what runs."""

import inspect

from helpers.output import publish_code


def show_source(*things):
    """Display the source of functions, classes or methods, one after the other, highlighted.

    raises: TypeError where Python keeps no source for a thing
    """
    for thing in things:
        try:
            code = inspect.cleandoc("\n" + inspect.getsource(thing)).rstrip()
        except (OSError, TypeError):
            raise TypeError(
                f"things (={thing!r}) must be Python functions, classes or methods: it has no source to show"
            ) from None
        publish_code(code)
