"""The course does no harm: it reads weights and data as data, runs nothing that it read, shows words as words, serves its owner alone."""

import ast
import gzip
import os
import pickletools
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import guards
import mistune
import nbformat
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from torch import nn

from helpers import costs, data, output
from helpers.chapters.ch00_start_here import machine
from helpers.chapters.ch07_rnn.explorer import HelloExplorer
from helpers.course import claims as lecture
from helpers.course import slides
from helpers.course.exercises import check, solution
from helpers.course.exercises.engine import EXERCISES, Exercise
from helpers.course.explorers import ground, panel
from helpers.course.source import show_source
from helpers.training import Training

ROOT = Path(__file__).parent.parent
NOTEBOOKS = {path: nbformat.read(path, 4) for path in sorted((ROOT / "notebooks").glob("**/*.ipynb"))}
OWN = [path for folder in ("helpers", "benchmarks", "data") for path in sorted((ROOT / folder).glob("**/*.py"))]
SCRIPTS = sorted(path for path in (ROOT / "helpers").glob("**/*.js") if "vendor" not in path.parts)

# ---- what the code may not do

UNPICKLING = {"pickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "runpy", "code", "codeop"}
NEVER = {
    name: "runs text as code" for name in ("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec")
} | {
    "os.system": "is a shell",
    "os.popen": "is a shell",
    "subprocess.getoutput": "is a shell",
    "torch.jit.load": "runs what it reads",
    "subprocess.getstatusoutput": "is a shell",
    "torch.hub.load": "runs what it fetches",
    "torch.package.PackageImporter": "runs what it reads",
    "yaml.load": "may make any object",
    "yaml.unsafe_load": "makes any object",
    "pandas.read_pickle": "unpickles",
}


def dangers(source):
    """Return what in a Python source could run what it reads, as sentences: by the names of calls, whatever they were imported as."""
    tree, names, found = ast.parse(source), {"np": "numpy", "pd": "pandas"}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found += [
        f"{name} is imported, which can run what it reads"
        for name in names.values()
        if name.split(".")[0] in UNPICKLING
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        start, dot, rest = ast.unparse(node.func).partition(".")
        called = names.get(start, start) + dot + rest
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in NEVER:
            found.append(f"line {node.lineno}: {called} {NEVER[called]}")
        if called in ("torch.load", "torch.serialization.load") and keywords.get("weights_only") != "True":
            found.append(f"line {node.lineno}: torch.load without weights_only=True unpickles")
        if keywords.get("allow_pickle", "False") != "False":
            found.append(f"line {node.lineno}: allow_pickle unpickles")
        if keywords.get("shell", "False") != "False":
            found.append(f"line {node.lineno}: shell runs text as a command")
        if called.startswith("get_ipython()."):
            found.append(f"line {node.lineno}: {called} runs text")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "import torch as t\nt.load(path, weights_only=False)",
        "from torch import load\nload(path, weights_only=flag)",
        "import pickle",
        "from pickle import loads as read",
        "import numpy as n\nn.load(p, allow_pickle=True)",
        "np.load(p, allow_pickle=flag)",
        "eval(text)",
        "exec(cell.source)",
        "def f():\n    compile(text, 'x', 'exec')",
        "import os\nos.system(f'ls {x}')",
        "from os import popen\npopen(x)",
        "subprocess.run(text, shell=True)",
        "torch.hub.load('a', 'b')",
        "import yaml\nyaml.load(text)",
        "get_ipython().run_cell(text)",
        "get_ipython().system(x)",
    ],
)
def test_a_danger_is_found(source):
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "ast.literal_eval(text)",
        "torch.load(path, weights_only=True)",
        "numpy.load(path)",
        "re.compile(text)",
        "subprocess.run([a, b])",
        "torch.compile(model)",
        "data.load()",
    ],
)
def test_what_is_no_danger(source):
    assert dangers(source) == []


# Room.run runs cells of a chapter, which are as much the repository's own as its modules are.
OF_THE_REPOSITORY = {"helpers/course/rooms.py": ("exec runs text as code", "compile runs text as code")}


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_runs_nothing_that_it_reads(path):
    allowed = OF_THE_REPOSITORY.get(path.relative_to(ROOT).as_posix(), ())
    assert [said for said in dangers(path.read_text(encoding="utf-8")) if not said.endswith(allowed)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_nothing_that_it_reads(path):
    cells = {
        cell.id: dangers(TransformerManager().transform_cell(cell.source))
        for cell in guards.code_cells(NOTEBOOKS[path])
    }
    assert {id: found for id, found in cells.items() if found} == {}


def test_weights_are_read_somewhere():
    """Else the searches above would be of nothing."""
    assert any("torch.load(" in path.read_text(encoding="utf-8") for path in OWN)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    """A saved training that is no such thing, but a pickle that runs a command when it is read."""

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harmed"),)

    torch.save({"model": Harm()}, tmp_path / "run.pt")
    images = data.digits().subset(20)
    run = Training(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), images, epochs=1, batch_size=20, live=False)
    with pytest.raises(Exception) as raised:
        run.load(tmp_path / "run.pt")
    assert not (tmp_path / "harmed").exists(), raised.value
    torch.load(tmp_path / "run.pt", weights_only=False)
    assert (tmp_path / "harmed").exists(), "so the file would have run it"


def content(path):
    packed = path.read_bytes()
    return gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed


def is_pickle(bytes_):
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in pickletools.genops(bytes_))
    except Exception:
        return False


def test_data_hold_pictures_numbers_and_text():
    files = [
        path
        for path in (ROOT / "data").glob("**/*")
        if path.is_file() and "full" not in path.parts and path.suffix not in (".py", ".pyc")
    ]
    assert len(files) >= 12
    for path in files:
        if path.suffix == ".pt":
            torch.load(path, weights_only=True)  # which refuses whatever would run
            continue
        inside = content(path)
        assert not is_pickle(inside) and not inside.startswith((b"PK\3\4", b"\x80", b"\x7fELF", b"#!")), path
        if path.suffix in (".png", ".jpg"):
            Image.open(path).verify()
        elif ".idx" in path.suffixes:
            assert inside[:3] == b"\0\0\x08", "bytes, as the IDX format says"
        else:
            inside.decode("utf-8")
    assert is_pickle(b"\x80\x04N.") and not is_pickle(b"no")


def test_nothing_makes_a_notebook_trusted():
    """Trust is given by running the cells, or by the user's own `jupyter trust`."""
    signing = re.compile(
        r"jupyter[ -]trust|NotebookNotary|nbformat\.sign|mark_(?:cells|notebook)_trusted|['\"]trusted['\"]"
    )
    files = [*OWN, ROOT / "Makefile", ROOT / ".ci/run", ROOT / "pyproject.toml", *(ROOT / "jupyter").glob("*")]
    assert [path.name for path in files if signing.search(path.read_text(encoding="utf-8"))] == []
    for path, nb in NOTEBOOKS.items():
        assert "signature" not in nb.metadata and [cell.id for cell in nb.cells if "trusted" in cell.metadata] == [], (
            path.stem
        )


def test_scripts_run_no_text_and_set_html_in_known_places():
    assert len(SCRIPTS) >= 4
    known = {
        ("ch09_attention/explorer.js", "PAGE"),
        ("ch01_convolution/explorer.js", "PAGE"),
        ("explorers/panel.js", "html"),
        ("ch01_convolution/explorer.js", 'result.problem ? "" : sizeWords(s, K, height, width)'),
    }  # numbers only
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"\beval\(|new Function|document\.write|insertAdjacentHTML|outerHTML\s*=|setTimeout\(\s*[\"'`]", text
        ), path.name
        assert {
            (f"{path.parent.name}/{path.name}", found) for found in re.findall(r"innerHTML\s*\+?=\s*([^;]+);", text)
        } <= known


# ---- words that would be HTML

PLANTED = """<script>harm()</script><img src="data:," onerror="harm()">"'><b onmouseover='harm()'>"""
INNOCENT = "words"


class Parts(HTMLParser):
    """The tags of an HTML text, each with the names of its attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag != "span" or len(attributes) > 1:  # of which the colours of code are made
            self.found.append((tag, sorted(name for name, _ in attributes)))


@pytest.fixture
def shown(monkeypatch):
    """Return the list of the bundles that are displayed, as in a notebook."""
    found = []

    class Handle:
        def update(self, bundle, **more):
            found.append(bundle)

    def display(bundle, **more):
        found.append(bundle)
        return Handle()

    monkeypatch.setattr("helpers.output.in_notebook", lambda: True)
    monkeypatch.setattr("helpers.training.live.in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    return found


def answered(text, answer, reference=lambda x: 1):
    exercise = Exercise("tried", reference, cases=lambda: [{"x": text}])
    try:
        check("tried", answer)
    finally:
        del EXERCISES[exercise.name]


def raising(text):
    def tried(x):
        raise ValueError(text)

    answered(text, tried)


def failing(text):
    """A test of the machine that fails."""
    raise RuntimeError(text)


def machine_says(text):
    before, machine.room = machine.room, lambda: failing(text)
    machine.room.__doc__ = "Room."
    try:
        machine.check_machine()
    finally:
        machine.room = before


def table(text):
    net = type(text, (nn.Sequential,), {})()
    net.add_module(text.replace(".", ""), nn.Linear(4, 2))
    output.publish({"text/html": costs.cost_table(net, (1, 4))._repr_html_(), "text/plain": ""})


def trained(text):
    Training(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data.digits().subset(20), epochs=1, batch_size=20, title=text
    ).run()


def html(text):
    output.publish({"text/html": text, "text/plain": ""})


def deck(text):
    cells = [
        new_code_cell(
            f"print({text!r})  # {text}",
            execution_count=1,
            outputs=[
                new_output("stream", name="stdout", text=text),
                new_output("execute_result", {"text/plain": text}, execution_count=1),
            ],
            metadata={"slideshow": {"slide_type": "slide"}},
        )
    ]
    html(slides.deck(new_notebook(cells=cells)))


SHOWN = {
    "settle": lambda text: lecture.settle("A1", True, text),
    "an answer's value": lambda text: answered(text, lambda x: text),
    "an answer's key": lambda text: answered(text, lambda x: {text: 1}, lambda x: {"a": 1}),
    "an answer's error": raising,
    "an answer's type": lambda text: answered(text, type(text, (), {})()),
    "no such exercise": lambda text: check(text, 1),
    "the machine": machine_says,
    "the cost table": table,
    "a title": trained,
    "an image's words": lambda text: html(ground.html_image(b"png", text)),
    "a problem": lambda text: html(ground.problem(text)),
    "a number's label": lambda text: html(panel.number(text, text, 0, 1, text)),
    "a slider's label": lambda text: html(panel.slider(text, text, 0, 1)),
    "a choice's options": lambda text: html(panel.choice(text, text, [text, text])),
    "a button's label": lambda text: html(panel.button(text, text, "+", text, text)),
    "a deck": deck,
}


@pytest.mark.parametrize("what", SHOWN)
def test_words_stay_words(shown, what):
    """The HTML has the same tags with the same attributes, whether the words are innocent or would be HTML themselves."""
    SHOWN[what](INNOCENT)
    innocent = [Parts(bundle.get("text/html", "")).found for bundle in shown]
    count = len(shown)
    assert any(innocent) and any("words" in bundle.get("text/html", "") for bundle in shown)
    SHOWN[what](PLANTED)
    planted = [Parts(bundle.get("text/html", "")).found for bundle in shown[count:]]
    assert planted == innocent
    assert any("&lt;" in bundle.get("text/html", "") for bundle in shown[count:]), "the words are there"


def test_letters_stay_letters(shown):
    word = "<b>&\"'"
    assert [
        (tag, names)
        for tag, names in Parts("".join(HelloExplorer(word=word).parts.values())).found
        if tag == "b" and names
    ] == []
    assert "&lt;" in "".join(HelloExplorer(word=word).parts.values())


def hostile():
    """```

    <img src="data:," onerror="harm()">
    """


@pytest.mark.parametrize("show", [lambda: show_source(hostile), lambda: solution("conv2d_loops")])
def test_code_stays_code(shown, show):
    show()
    (bundle,) = shown
    tags = [tag for tag, _ in Parts(mistune.html(bundle["text/markdown"])).found]
    assert tags == ["pre", "code"]


# ---- who is served


@pytest.mark.parametrize("arguments", [["lab"], ["present"]], ids=" ".join)
def test_jupyterlab_is_opened_to_nobody_else(arguments):
    """By default it listens on this machine only and asks for a token made anew; so the course must not say otherwise."""
    told = subprocess.run(
        ["make", "-n", "--always-make", *arguments, "PY=python", "LAB_ARGS="],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""},
    ).stdout
    (recipe,) = re.findall(r"python -m jupyterlab (.*)", told)
    opened = re.findall(r"--[\w.-]+", recipe)
    assert recipe.startswith("notebooks/00_start_here.ipynb ") and set(opened) == {
        "--ServerApp.root_dir",
        "--allow-root",
    }
    for path in (ROOT / "jupyter").iterdir():
        assert not re.search(r"ServerApp|IdentityProvider|\bip\b|token|password|allow_", path.read_text()), path.name
