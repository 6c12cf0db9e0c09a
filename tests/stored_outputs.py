"""How computed outputs are compared with stored ones: strict on words and whole numbers, tolerant of the last digits of floats.

Compared: text/plain, text/markdown, text/latex, JSON and printed text. Never compared: pictures and HTML (figures are
tested on their data, and their alternative text is their text/plain), widget views, and stderr.
"""

import difflib

import nbformat
from close_text import RELATIVE, CloseText
from nbval.plugin import IPyNbFile, coalesce_streams

NOT_COMPARED = ("stderr", "image/svg+xml", "text/html", "application/vnd.jupyter.widget-view+json")


# nbval has no options for what follows, so each notebook and each cell is told after it is collected.


def prepare(file):
    """Tell a notebook that nbval collected what is not compared."""
    file.skip_compare += NOT_COMPARED


def prepare_cell(item):
    """Tell a cell that nbval collected which text is close enough, and how to say what differs."""
    sanitize = item.sanitize
    item.sanitize = lambda text: CloseText(sanitize(text)) if isinstance(text, str) else text

    def explain(key, stored, now):
        lines = difflib.unified_diff(
            str(stored).splitlines(), str(now).splitlines(), "stored in the notebook", "computed now", lineterm=""
        )
        item.comparison_traceback += [f"{key} differs (floats may, by {RELATIVE}):", *lines]

    item.format_output_compare = explain


def differences(session, path, computed):
    """Return how the outputs that another program computed differ from those stored, {id of a cell: what was said}.

    session:  pytest's
    path:     of the notebook
    computed: {id of a code cell: its outputs, as in a notebook file}

    nbval itself compares, by the marks and tags that it reads in the cells.
    """
    file = IPyNbFile.from_parent(session, path=path)
    prepare(file)
    found = {}
    for item in file.collect():
        prepare_cell(item)
        if item.options["skip"] or not item.options["check"]:
            continue
        now = [nbformat.from_dict(output) for output in computed[item.cell.id]]
        if item.cell.source.strip() and item.cell.execution_count is None:
            found[item.cell.id] = "was never run, so there is nothing to compare with: make notebooks"
        elif not item.compare_outputs(coalesce_streams(now), coalesce_streams(item.cell.outputs)):
            found[item.cell.id] = "\n".join(item.comparison_traceback)
    return found
