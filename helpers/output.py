"""What a helper shows: formatted in a notebook, as text anywhere else."""

import re
from html import escape


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


def show_table(head, rows):
    """Show a table: HTML in a notebook, columns of text anywhere else. The first column is left-aligned, the others right.

    head: a word for each column, "" for none
    rows: lists as long as `head`, of texts or numbers as they are to be read
    raises: ValueError where a row has another length
    """
    lines = [[str(cell) for cell in line] for line in (head, *rows)]
    if wrong := [line for line in lines if len(line) != len(head)]:
        raise ValueError(f"rows hold {wrong[0]}: each must have {len(head)} cells, one for each word of head")
    widths = [max(map(len, column)) for column in zip(*lines)]
    plain = "\n".join(
        "  ".join(cell.ljust(n) if i == 0 else cell.rjust(n) for i, (cell, n) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    )
    html = ""
    for tag, line in zip(["th", *["td"] * len(rows)], lines):
        sides = ["left", *["right"] * (len(line) - 1)]
        html += "".join(
            f'<{tag} style="text-align:{side}">{escape(cell, False)}</{tag}>' for side, cell in zip(sides, line)
        )
        html += "</tr><tr>"
    publish(
        {"text/plain": plain, "text/html": f'<table style="font-size:110%"><tr>{html.removesuffix("<tr>")}</table>'}
    )
