"""How notebooks are run and compared, tried on small notebooks in a pytest of their own: what passes, what goes red."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from close_text import CloseText
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent


def stored(source, *outputs, **more):
    return new_code_cell(source, execution_count=1, outputs=list(outputs), **more)


def printed(words):
    return new_output("stream", name="stdout", text=words)


def shown(**data):
    return new_output("display_data", {mime.replace("_", "/"): value for mime, value in data.items()})


SWALLOWED = "try:\n    {}\nexcept OSError:\n    pass"
ATTEMPTS = {
    # 192.0.2.1, 2001:db8:: and .invalid are reserved for examples: nobody has them (RFC 5737, RFC 3849, RFC 6761)
    "urllib": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    "name": "import socket; socket.getaddrinfo('example.invalid', 80)",
    "socket": "import socket; socket.socket().connect_ex(('192.0.2.1', 80))",
    "datagram": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "version 6": "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))",
    "child": (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "\"import socket; socket.create_connection(('192.0.2.1', 80), 1)\"], stderr=subprocess.DEVNULL)"
    ),
}
OLD = "exec(\"import warnings; warnings.warn('old', {})\", {{'__name__': '{}'}})"
TRAINED = (
    "import torch; from helpers.device import start; from torch import nn, optim; device = start(); net = nn.Linear(64,"
    " 10){}\nnet(torch.ones(1, 64, device=net.weight.device)).sum().backward(); optim.SGD(net.parameters(), 0.1).step()"
)
SMALL = {
    "same": {
        "close float": stored("print(12345, 2.00001)", printed("12345 2.0\n")),
        "stderr": stored(
            "import sys; print('now', file=sys.stderr)", new_output("stream", name="stderr", text="then\n")
        ),
        "replaced display": stored(
            "from IPython.display import display\n"
            "one = display({'text/plain': 'words', 'text/html': '<p>'}, raw=True, display_id=True)\n"
            "one.update({'text/plain': 'words', 'image/png': 'AAAA'}, raw=True)",
            shown(text_plain="words", image_png="BBBB"),
        ),
        "semicolon": stored("5;"),
        "another's deprecation": stored(OLD.format("DeprecationWarning", "numpy.planted")),
        "trained on the device": stored(TRAINED.format(".to(device)")),
        "left out": stored("import random; random.random()", metadata={"tags": ["nbval-ignore-output"]}),
        "this machine": stored(
            "import http.server, threading, urllib.request\n"
            "server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
            "threading.Thread(target=server.handle_request, daemon=True).start()\n"
            "print(urllib.request.urlopen(f'http://localhost:{server.server_port}/').status)",
            printed("200\n"),
        ),
    },
    "changed": {
        "number": stored("print('one')\nprint('rows', 34944)", printed("one\nrows 34943\n")),
        "float": stored("print(1.01)", printed("1.0\n")),
        "kind": stored("1", printed("1\n")),
        "words": stored("display({'text/plain': 'new'}, raw=True)", shown(text_plain="old")),
        "markdown": stored(
            "display({'text/plain': 'words', 'text/markdown': 'new'}, raw=True)",
            shown(text_plain="words", text_markdown="old"),
        ),
        "more": stored("print('more')"),
        "fewer": stored("pass", printed("fewer\n")),
    },
    # first, third, second: so the second saw what the third had set
    "order": {"first": stored("x = 1"), "second": stored("print(x)", printed("2\n")), "third": stored("x = 2")},
    "network": {attempt: stored(SWALLOWED.format(code)) for attempt, code in ATTEMPTS.items()},
    "error": {"raises": stored("1 / 0"), "after": stored("x = 1")},
    "deprecated cell": {"own": stored("import warnings; warnings.warn('old', DeprecationWarning)")},
    "deprecated helper": {"own": stored(OLD.format("DeprecationWarning", "helpers.planted"))},
    "deprecated torch": {"own": stored(OLD.format("FutureWarning", "helpers"))},
    "stays": {"on the CPU": stored(TRAINED.format(""))},
    "unrun": {"never": new_code_cell("x = 1")},
}
ALL = [(notebook, cell) for notebook, cells in SMALL.items() for cell in cells]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Run the small notebooks once, under the project's own configuration: (notebook, cell) → (verdict, what was said)."""
    folder = tmp_path_factory.mktemp("small")
    for notebook, cells in SMALL.items():
        nbformat.write(new_notebook(cells=list(cells.values())), folder / f"{notebook}.ipynb")
    environment = {word: value for word, value in os.environ.items() if not word.startswith("PYTEST_")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "conftest",
            "-p",
            "no:cacheprovider",
            "-c",
            str(ROOT / "pyproject.toml"),
            "--rootdir",
            str(folder),
            "--color=no",
            "--junit-xml=verdicts.xml",
            ".",
        ],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        cwd=folder,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(folder / "verdicts.xml").iter("testcase"):
        notebook, number = case.get("classname").split(".")[0], int(case.get("name").split()[-1])
        said = [child for child in case if child.tag in ("failure", "error", "skipped")]
        found[notebook, list(SMALL[notebook])[number]] = (
            said[0].tag if said else "passed",
            "".join(f"{child.get('message')}\n{child.text}" for child in said),
        )
    assert sorted(found) == sorted(ALL), done.stdout
    return found


@pytest.mark.parametrize("cell", SMALL["same"])
def test_what_need_not_be_the_same(verdicts, cell):
    assert verdicts["same", cell] == ("passed", "")


@pytest.mark.parametrize("cell", SMALL["changed"])
def test_a_changed_output_fails(verdicts, cell):
    verdict, said = verdicts["changed", cell]
    assert verdict == "failure" and "Cell outputs differ" in said


def test_the_difference_is_shown(verdicts):
    _, said = verdicts["changed", "number"]
    assert "\n-rows 34943\n+rows 34944\n" in said


def test_cells_that_were_run_in_another_order_fail(verdicts):
    assert verdicts["order", "second"][0] == "failure"


def test_a_cell_that_was_never_run_fails(verdicts):
    verdict, said = verdicts["unrun", "never"]
    assert verdict in ("failure", "error") and "was never run" in said


def test_after_an_error_the_rest_is_skipped(verdicts):
    verdict, said = verdicts["error", "raises"]
    assert verdict == "failure" and "ZeroDivisionError" in said
    verdict, said = verdicts["error", "after"]
    assert verdict == "skipped" and "cell 0 raised an error" in said


@pytest.mark.parametrize(
    "notebook, kind",
    [("deprecated cell", "Deprecation"), ("deprecated helper", "Deprecation"), ("deprecated torch", "Future")],
)
def test_a_deprecation_in_our_own_code_is_an_error(verdicts, notebook, kind):
    verdict, said = verdicts[notebook, "own"]
    assert verdict == "failure" and f"{kind}Warning: old" in re.sub(r"(?:\x1b|#x1B)\[[\d;]*m", "", said)


def test_a_network_that_is_trained_where_it_was_made_fails(verdicts):
    verdict, said = verdicts["stays", "on the CPU"]
    assert verdict == "failure" and "never moved to the device" in said


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_to_reach_the_network_fails_even_if_the_notebook_hides_it(verdicts, attempt):
    verdict, said = verdicts["network", attempt]
    assert verdict == "failure" and "tried to reach the network" in said


def test_another_sitecustomize_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.the_other_one_ran = True")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests/offline"), str(tmp_path)]),
        "OFFLINE_LOG": str(tmp_path / "log"),
    }
    done = subprocess.run(
        [sys.executable, "-c", "print(the_other_one_ran)"], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize(
    "now, then, same",
    [
        ("0.5000 and 10", "0.5004 and 10", True),
        ("0.500", "0.501", False),
        ("1000", "1001", False),
        ("takes 1000.", "takes 1001.", False),
        ("1.2e-15", "1.2001e-15", True),
        ("1e-15", "1e-8", False),
        ("torch 2.11.0", "torch 2.11.1", False),
        ("[1.00, -2.00]", "[1.00, 2.00]", False),
        ("0.5 0.5", "0.5", False),
        ("(227, 227) 0.25", "(227, 224) 0.25", False),
        ("nan", "nan", True),
        ("85.5 % ± 1.5", "84.0 % ± 1.5", True),
        ("85.5 % ± 1.5", "83.9 % ± 1.5", False),
        ("85.5 % ± 1.5", "85.5 % ± 2.5", False),
        ("0.31 ± 0.05 and 1,234 ± 20", "0.34 ± 0.05 and 1,250 ± 20", True),
        ("0.31 ± 0.05", "0.31 points ± 0.05", False),
        ("3 ± 1", "5 ± 1", False),
        ("12 of 85.5 ± 1", "13 of 85.5 ± 1", False),
    ],
)
def test_which_text_is_close(now, then, same):
    assert (CloseText(now) == CloseText(then)) is same
    assert (CloseText(now) != CloseText(then)) is not same
