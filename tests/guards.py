"""What must be true of every notebook as it is stored. Each guard takes a notebook and returns its problems, as sentences."""

import ast
import re
import statistics
from collections import Counter

from IPython.core.inputtransformer2 import TransformerManager

WIDGET = "application/vnd.jupyter.widget-view+json"
NOT_COMPARED = re.compile(r"^# not compared: \w.+", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
SLIDES = {"slide", "subslide", "fragment", "skip", "notes"}

# In stored outputs and in sources: what is true of one machine, or of one run.
MACHINE = {
    "a path of one machine": r"/(?:home|Users|root|tmp|work)/[\w.]|[A-Z]:\\Users\\",
    "the address of an object": r"\b0x[0-9a-fA-F]{8,}",
    "the host of a package registry": r"pypi\.org|pythonhosted\.org|anaconda\.org|npmjs\.(?:org|com)",
}
# In code cells.
FORBIDDEN = {
    "a shell command": r"^\s*!|^\s*[%]{1,2}(?:bash|sh|system|sx)\b|get_ipython\(\)\.system",
    "an installation": r"\b(?:pip3?|conda|mamba) install\b|^\s*%(?:pip|conda|mamba)\b",
    "a download": (
        r"download\s*=\s*True|\burlopen\b|\burlretrieve\b|\brequests\.|hub\.load\b|load_state_dict_from_url|from_pretrained"
    ),
}


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]


def name(cell):
    return f"cell {cell.get('id', '?')}"


def text(output):
    """Return all that a reader could read in an output, without the bytes of pictures."""
    parts = [output.get("text", "")]
    parts += [
        words for mime, words in output.get("data", {}).items() if mime.startswith("text/") and isinstance(words, str)
    ]
    return re.sub(r"data:[\w/+-]+;base64,[A-Za-z0-9+/=]+", "data:", "\n".join(parts))


def grading(cell):
    return cell.metadata.get("nbgrader", {})


def ids(nb):
    found = Counter(cell.get("id") for cell in nb.cells)
    return [f"the id {id!r} stands on {n} cells" for id, n in found.items() if n > 1 or not id]


def kernel(nb):
    problems = []
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("the kernel in the metadata is not python3")
    if dict(nb.metadata.get("language_info", {})) != {"name": "python"}:
        problems.append("the metadata hold more than the language's name: save with `make notebooks`")
    if "widgets" in nb.metadata:
        problems.append("the metadata hold the state of widgets: save with `make notebooks`")
    return problems


def runs(nb):
    """Every code cell was run, from top to bottom, in a fresh kernel, without an error."""
    counts = [cell.execution_count for cell in code_cells(nb)]
    problems = [f"{name(cell)} was never run" for cell in code_cells(nb) if cell.execution_count is None]
    if not problems and counts != list(range(1, len(counts) + 1)):
        problems.append(f"cells were not run once each from top to bottom: {counts}")
    problems += [
        f"{name(cell)} stores the error {output.ename}"
        for cell in code_cells(nb)
        for output in cell.outputs
        if output.output_type == "error"
    ]
    return problems


def outputs(nb):
    """Every output has words, and every picture has alternative text, which is its words."""
    problems = []
    for cell in code_cells(nb):
        for output in cell.outputs:
            if "data" not in output:
                continue
            words = output.data.get("text/plain", "")
            if not words.strip():
                problems.append(f"{name(cell)} has an output without text/plain")
            if WIDGET in output.data:
                problems.append(
                    f"{name(cell)} stores a widget view, which is nothing without its kernel: save with `make"
                    " notebooks`"
                )
            if "image/svg+xml" in output.data:
                problems.append(f"{name(cell)} stores a figure as SVG: use helpers.plots.show")
            if "image/png" in output.data:
                alt = output.metadata.get("image/png", {}).get("alt", "")
                if not alt.strip():
                    problems.append(f"{name(cell)} has a picture without alternative text")
                elif alt != words:
                    problems.append(f"{name(cell)} has a picture whose text/plain is not its alternative text")
            if re.search(r"""<(?:script|img|link|iframe)\b[^>]*(?:src|href)=["']?https?:""", text(output)):
                problems.append(f"{name(cell)} has an output that loads from the network")
            for tag in re.findall(r"<img\b[^>]*>", text(output)):
                if not re.search(r"""\balt=["']?[^"'\s>]""", tag):
                    problems.append(f"{name(cell)} has an image in HTML without alternative text")
    return problems


def portable(nb):
    """Nothing stored is true of one machine only, and nothing is installed or fetched."""
    problems = []
    for cell in nb.cells:
        for what, pattern in MACHINE.items():
            for where, words in [
                ("source", cell.source),
                *(("output", text(output)) for output in cell.get("outputs", [])),
            ]:
                if found := re.search(pattern, words):
                    problems.append(f"{name(cell)} has {what} in its {where}: {found.group()}")
    for cell in code_cells(nb):
        problems += [
            f"{name(cell)} holds {what}"
            for what, pattern in FORBIDDEN.items()
            if re.search(pattern, cell.source, re.MULTILINE)
        ]
    return problems


def comparison(nb):
    """A cell that is left out of the comparison says why, in words the reader sees; none is left out of running."""
    problems = []
    for cell in code_cells(nb):
        tags = {tag.lower() for tag in cell.metadata.get("tags", [])}
        tags |= {
            mark.lower().replace("_", "-")
            for mark in re.findall(r"^\s*#\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)\s*$", cell.source, re.MULTILINE)
        }
        for tag in tags & {"nbval-skip", "raises-exception", "nbval-raises-exception", "pytest-validate-ignore-output"}:
            problems.append(f"{name(cell)} carries {tag}: every cell runs, and none may raise")
        if "nbval-ignore-output" in tags and not NOT_COMPARED.search(cell.source):
            problems.append(f"{name(cell)} is not compared and does not say why: add a line `# not compared: ...`")
        if "nbval-ignore-output" not in tags and NOT_COMPARED.search(cell.source):
            problems.append(
                f"{name(cell)} says that it is not compared, but it is: drop the line, or tag it nbval-ignore-output"
            )
    return problems


def layout(nb):
    """One title, in the first cell; short code cells; alternative text and a file for every image in the text."""
    problems = []
    prose = [cell for cell in nb.cells if cell.cell_type == "markdown"]
    if not nb.cells or nb.cells[0].cell_type != "markdown" or not nb.cells[0].source.startswith("# "):
        problems.append("the first cell is not the title: `# ...`")
    titles = sum(
        len(re.findall(r"^# ", re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL), re.MULTILINE))
        for cell in prose
    )
    if titles != 1:
        problems.append(f"there are {titles} titles (`# ...`), not one")
    lengths = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code_cells(nb)]
    if lengths and statistics.median(lengths) > 5:
        problems.append(f"the median code cell has {statistics.median(lengths)} lines, more than 5")
    if sum(length >= 20 for length in lengths) > 0.2 * len(lengths):
        problems.append(f"more than a fifth of the code cells have 20 lines or more: {sorted(lengths)}")
    for cell in prose:
        if re.search(r"!\[\s*\]\(", cell.source):
            problems.append(f"{name(cell)} has an image without alternative text")
        if re.search(r"""!\[[^\]]*\]\(\s*https?:|<(?:img|script|iframe)\b[^>]*src=["']?https?:""", cell.source):
            problems.append(f"{name(cell)} loads an image from the network")
    return problems


def slides(nb):
    """Every cell that starts a section says what it is on a slide; no cell says what no tool knows."""
    problems = []
    for cell in nb.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if cell.cell_type == "markdown" and HEADING.match(cell.source) and kind is None:
            problems.append(f"{name(cell)} is a heading without a slide_type")
        if kind is not None and kind not in SLIDES:
            problems.append(f"{name(cell)} has the slide_type {kind!r}, not one of {sorted(SLIDES)}")
    return problems


def exercises(nb, least=3):
    """At least `least` exercises, each an open cell followed by its locked check."""
    problems = []
    code = code_cells(nb)
    stubs = [cell for cell in code if grading(cell).get("solution")]
    if len(stubs) < least:
        problems.append(f"there are {len(stubs)} exercises, fewer than {least}")
    for cell, following in zip(code, [*code[1:], None], strict=True):
        if not grading(cell).get("solution"):
            continue
        graded = grading(following) if following else {}
        exercise = grading(cell)["grade_id"]
        if not (
            graded.get("grade")
            and graded.get("locked")
            and graded.get("points")
            and re.search(r"\bcheck\(", following.source)
            and graded["grade_id"] == f"test_{exercise}"
        ):
            problems.append(
                f"{name(cell)}: the exercise {exercise} is not followed by its locked check, test_{exercise}"
            )
    graded = Counter(grading(cell)["grade_id"] for cell in code if grading(cell))
    return problems + [f"the grade_id {id} stands on {n} cells" for id, n in graded.items() if n > 1]


def settled(cell):
    """Return the ids that a code cell settles: the first arguments of its calls of claim, or settle."""
    tree = ast.parse(TransformerManager().transform_cell(cell.source))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", None)) in ("settle", "claim")
    ]
    return [
        call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ast.unparse(call)
        for call in calls
    ]


def ledger(nb, expected):
    """Every claim of the chapter is settled once, in a cell whose stored output shows its id."""
    problems = []
    found = Counter()
    for cell in code_cells(nb):
        shown = "\n".join(text(output) for output in cell.outputs)
        for id in settled(cell):
            found[id] += 1
            if not re.search(rf"\b{re.escape(str(id))}\b", shown):
                problems.append(f"{name(cell)} settles {id}, but its stored output does not show the id")
    problems += [f"{id} is never settled" for id in expected if found[id] == 0]
    problems += [f"{id} is settled {n} times" for id, n in found.items() if n > 1]
    problems += [f"{id} is settled here, and is not this chapter's" for id in found if id not in expected]
    return problems


EVERY_NOTEBOOK = (ids, kernel, runs, outputs, portable, comparison, layout, slides)
