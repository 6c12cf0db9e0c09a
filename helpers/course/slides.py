"""Write the chapters as slide decks for a browser without a network: the command behind `make slides`.

A deck is one HTML file beside a folder `assets`; both together can be copied anywhere. Pictures are in the page. The code
of a cell that shows a picture or HTML is folded away behind a button. An explorer that is drawn in the browser is live in the
deck; one that needs the kernel shows its still picture.
"""

import argparse
import ast
import html
import json
import re
import shutil
import sys
from functools import cache
from pathlib import Path

from helpers.course.explorers.panel import Panel
from helpers.course.notebooks import find
from helpers.course.rooms import ROOT, rooms

ASSETS = Path(__file__).parent / "slides_assets"
STILL = "A still picture: this explorer computes in Python. Run its cell in the notebook to move it."
FOLD = re.compile(r"<details><summary>.*?</summary>\n\n(.*)\n\n</details>", re.DOTALL)  # around notes, in a notebook
HIDDEN = {"hide-input", "hide_input", "remove-input", "remove_input"}


def explorer_call(source):
    """Return (name, args, kwargs) of the explorer that the last line of a cell shows; None where it shows none.

    args and kwargs are None where they are not all literals.
    """
    try:
        last = ast.parse(source).body[-1]
    except (SyntaxError, IndexError):
        return None
    call = getattr(last, "value", None) if isinstance(last, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.endswith("Explorer")):
        return None
    try:
        args = [ast.literal_eval(arg) for arg in call.args]
        kwargs = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        return call.func.id, None, None
    return (call.func.id, None, None) if None in kwargs else (call.func.id, args, kwargs)


@cache
def drawn_in_the_browser():
    """Return {name: class} of the explorers that need no kernel.

    A cell whose last line calls one of them with literal arguments gets it live: the explorer is made anew here, from those
    arguments. Nothing that a notebook holds is executed.
    """
    return {each.__name__: each for room in rooms() for each in room.explorers if not issubclass(each, Panel)}


def live(name, args, kwargs):
    """Return what deck.js needs to show an explorer, as JSON that can stand in a <script>."""
    explorer = drawn_in_the_browser()[name](*args, **kwargs)
    state = {key: value for key, value in explorer.get_state().items() if not key.startswith("_") and key != "layout"}
    return json.dumps({"code": explorer._esm, "style": explorer._css, "state": state}).replace("<", "\\u003c")


def title(nb):
    """Return the text of the first heading."""
    found = re.search(
        r"^# (.+)", "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown"), re.MULTILINE
    )
    return re.sub(r"[*_`]", "", found.group(1)).strip() if found else "Slides"


def mark(nb):
    """Write into each cell's metadata, in place, what the template does with it (`deck`), and return the notebook."""
    nb.metadata["title"] = title(nb)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = FOLD.sub(r"\1", re.sub(r"\]\(([\w-]+)\.ipynb([)#])", r"](\1.html\2", cell.source))
            continue
        if cell.cell_type != "code":
            continue
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        tags = set(cell.metadata.get("tags", []))
        shown = explorer_call(cell.source)
        deck = {"code": "folded" if kinds & {"image/png", "text/html"} else "shown", "live": "", "caption": ""}
        if tags & HIDDEN:
            deck["code"] = "hidden"
        elif "show-input" in tags:
            deck["code"] = "shown"
        if shown:
            name, args, kwargs = shown
            if name in drawn_in_the_browser() and args is not None:
                deck["live"] = live(name, args, kwargs)
            else:
                deck["caption"] = STILL
        cell.metadata["deck"] = deck
    return nb


def deck(nb):
    """Return the HTML of a notebook's deck."""
    from nbconvert.exporters import SlidesExporter

    exporter = SlidesExporter(template_name="deck", extra_template_basedirs=[str(ASSETS)], exclude_anchor_links=True)
    return exporter.from_notebook_node(mark(nb))[0]


def copy_assets(folder):
    """Write what all decks share into `folder`."""
    from pygments.formatters import HtmlFormatter

    shutil.copytree(ASSETS / "vendor", folder, dirs_exist_ok=True)
    shutil.copy(ASSETS / "deck.js", folder)
    colours = HtmlFormatter(style="default").get_style_defs(".reveal .highlight")
    (folder / "deck.css").write_text(
        (ASSETS / "deck.css").read_text(encoding="utf-8") + "\n" + colours, encoding="utf-8"
    )


def write(paths, out):
    """Write the decks of these notebooks, their assets and a list of them into the folder `out`; return the decks' paths."""
    import nbformat

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    copy_assets(out / "assets")
    written, items = [], []
    for path in paths:
        nb = nbformat.read(path, 4)
        made = out / f"{path.stem}.html"
        made.write_text(deck(nb), encoding="utf-8")
        written.append(made)
    for made in sorted(out.glob("[0-9]*.html")):
        name = re.search(r"<title>(.*?)</title>", made.read_text(encoding="utf-8")).group(1)
        items.append(f'<li><a href="{html.escape(made.name)}">{name}</a></li>')
    (out / "index.html").write_text(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Slides</title><link rel="icon"'
        ' href="data:,"></head>'
        '<body style="font:22px/1.6 system-ui,sans-serif;margin:2em auto;max-width:40em"><h1>Slides</h1>'
        f"<ul>{''.join(items)}</ul><p>Keys: arrows or space move, S opens the speaker view, F fills the screen, O shows"
        " all slides, "
        "? lists the rest.</p></body></html>\n",
        encoding="utf-8",
    )
    return written


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.course.slides", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", nargs="*", help="the start of a name, such as 03; all where none is given")
    parser.add_argument("--out", type=Path, default=ROOT / "slides", help="the folder to write into (default: slides)")
    given = parser.parse_args(arguments)
    try:
        paths = find(given.notebook)
    except ValueError as error:
        parser.error(str(error))
    for made in write(paths, given.out):
        print(f"{made.name}: {made.stat().st_size / 1000:.0f} kB", flush=True)
    print(f"Open {given.out.name}/index.html in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
