"""The set-up: two commands on a fresh machine, the same packages by pip and by conda, a light `import helpers`."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# where conda-forge's name is not the registry's
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "playwright": "playwright-python"}


def split(requirement):
    """Return (name, bounds) of "torch>=2.11"."""
    name, bounds = re.fullmatch(r"([\w-]+)\s*(.*)", requirement).groups()
    return name, bounds


def test_conda_has_the_same_packages():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = dict(split(line) for line in listed if isinstance(line, str))
    (by_pip,) = [line["pip"] for line in listed if not isinstance(line, str)]
    assert by_pip[-1] == "-e ."
    conda |= dict(map(split, by_pip[:-1]))  # what conda-forge does not have
    assert conda.pop("python") == PROJECT["project"]["requires-python"]
    assert conda.pop("pip") == ""
    wanted = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["test"]
    assert conda == {CONDA.get(name, name): bounds for name, bounds in map(split, wanted)}


def test_jupyterlab_asks_nothing():
    shared, kernel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"].items()
    assert shared == ("jupyter/course.json", "share/jupyter/lab/settings/overrides.d/image-models-course.json")
    assert kernel == ("jupyter/kernel.json", "etc/ipython/ipython_kernel_config.json")  # its test is in test_command.py
    shipped = (ROOT / "jupyter/course.json").read_text()
    news = json.loads(shipped)["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}
    installed = Path(sys.prefix, shared[1])
    assert installed.exists() and installed.read_text() == shipped, (
        f"{installed} is missing or old: make lab installs it"
    )


@pytest.mark.parametrize("modules", ["helpers", "helpers.shapes"])
def test_imports_nothing_heavy(modules):
    heavy = ["torch", "matplotlib", "torchvision", "ipywidgets", "anywidget", "PIL", "IPython", "numpy"]
    code = f"import sys, {modules}; print(sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stdout + done.stderr


FAKE = """#!/bin/sh
# stands for a Python: makes a .venv in which it stands itself, and writes down what else it is asked to run
case "$*" in
    *sys.version_info*) exit {exit} ;;
    "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && touch .venv/bin/pip ;;
    -c*) ;;
    --version) echo Python ;;
    *) echo "$*" >> asked ;;
esac
"""


@pytest.fixture
def clone(tmp_path):
    """Return a function that runs make in a copy of the build files, in a folder with a space and Korean letters in its name."""
    folder = tmp_path / "영상 모델 course"
    programs = tmp_path / "bin"
    for made in (folder / "jupyter", programs):
        made.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "jupyter/course.json", "jupyter/kernel.json"):
        (folder / name).write_bytes((ROOT / name).read_bytes())

    def make(*arguments, pythons):
        for name, status in pythons.items():
            (programs / name).write_text(FAKE.format(exit=status))
            (programs / name).chmod(0o755)
        for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
            if name not in pythons:  # hides this machine's own
                (programs / name).write_text("#!/bin/sh\nexit 1\n")
                (programs / name).chmod(0o755)
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "MAKEFLAGS": "", "MAKELEVEL": ""}
        for name in ("WORKERS", "TEST_ARGS"):  # which the Makefile would take for its own
            environment.pop(name, None)
        (folder / "asked").write_text("")
        done = subprocess.run(
            ["make", *arguments], cwd=folder, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )
        return done, (folder / "asked").read_text().splitlines()

    make.folder = folder
    return make


def test_lab_builds_the_environment_once_and_opens_the_first_notebook(clone):
    done, asked = clone("lab", "LAB_ARGS=--no-browser", pythons={"python3.12": 0})
    assert done.returncode == 0, done.stderr
    install, lab = asked
    assert install == "-m pip install -e ."
    assert lab.startswith("-m jupyterlab notebooks/00_start_here.ipynb ") and lab.endswith(" --no-browser")
    assert clone("lab", pythons={"python3.12": 0})[1] == [lab.removesuffix(" --no-browser")]


def test_test_installs_what_the_tests_need(clone):
    done, asked = clone("test", "TEST_ARGS=-k pooling", pythons={"python3": 0})
    assert done.returncode == 0, done.stderr
    assert asked == ["-m pip install -e .[test]", "-m pytest -n 2 --max-worker-restart=0 -m not long -k pooling"]
    assert clone("test-all", pythons={"python3": 0})[1] == [
        "-m pytest -n 2 --max-worker-restart=0 -m not long",
        "-m pytest -n 2 --max-worker-restart=0 -m long",
    ]


@pytest.mark.parametrize(
    "command, asked",
    [
        ("pages", "-m helpers.course.pages"),
        ("chapter NAME=group_norm", "-m helpers.course.new_chapter group_norm"),
        ("experiments NB=05", "-m helpers.course.experiments 05"),
        ("notebooks NB=05", "-m helpers.course.notebooks 05"),
    ],
)
def test_a_commands_argument_is_passed_on(clone, command, asked):
    assert clone(*command.split(), pythons={"python3": 0})[1] == ["-m pip install -e .[test]", asked]


@pytest.mark.parametrize("there", [True, False])
def test_bench_goes_on_without_the_other_counters(clone, there):
    clone("lab", pythons={"python3": 0})
    python = clone.folder / ".venv/bin/python"
    python.write_text(
        python.read_text().replace(
            "--version)", f'*bench]*) echo "$*" >> asked; exit {0 if there else 1} ;;\n    --version)'
        )
    )
    done, asked = clone("bench", "BENCH_ARGS=--quick", pythons={"python3": 0})
    assert done.returncode == 0, done.stderr
    assert asked == ["-m pip install -e .[test]", "-m pip install -e .[bench]", "-m benchmarks --quick"]
    assert ("could not be installed" in done.stderr) is not there
    _, asked = clone("measured", pythons={"python3": 0})
    assert asked == ["-m pip install -e .[bench]"] * (not there) + ["-m benchmarks --write"]


def test_a_changed_project_or_place_is_installed_again(clone):
    clone("lab", pythons={"python3": 0})
    os.utime(clone.folder / "pyproject.toml", (2**32, 2**32))
    assert "-m pip install -e ." in clone("lab", pythons={"python3": 0})[1]
    os.utime(clone.folder / "pyproject.toml", (0, 0))
    assert "-m pip install -e ." not in clone("lab", pythons={"python3": 0})[1]
    (clone.folder / ".venv/where").write_text("/another/place\n")
    assert "-m pip install -e ." in clone("lab", pythons={"python3": 0})[1]


def test_without_a_fitting_python_it_says_so(clone):
    done, asked = clone("lab", pythons={"python3": 1})
    assert done.returncode != 0 and asked == []
    assert "Python 3.11, 3.12 or 3.13" in done.stderr and "make lab PYTHON=" in done.stderr


def test_a_named_python_comes_first(clone):
    done, _ = clone("lab", "PYTHON=mine", pythons={"mine": 0, "python3": 1})
    assert done.returncode == 0, done.stderr


def test_make_alone_lists_every_command(clone):
    done, _ = clone(pythons={})
    declared = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()
    assert [line.split()[1] for line in done.stdout.splitlines()] == declared
    assert not (clone.folder / ".venv").exists()


def test_clean_keeps_work(clone):
    keep = [
        "runs/mine.pt",
        "notebooks/01_convolution.ipynb",
        "data/digits.npz",
        ".venv/bin/python",
        "helpers/shapes.py",
    ]
    go = ["slides/01.html", "shots/x.png", ".solved/x", "helpers/__pycache__/x.pyc", ".pytest_cache/x"]
    for name in keep + go:
        (clone.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.folder / name).write_text("")
    clone("clean", pythons={"python3": 0})
    assert [name for name in keep if not (clone.folder / name).exists()] == []
    assert [name for name in go if (clone.folder / name).exists()] == []


def test_python_range_is_the_same_everywhere():
    low, high = re.search(
        r"\((3, \d+)\) <= sys\.version_info\[:2\] <= \((3, \d+)\)", (ROOT / "Makefile").read_text()
    ).groups()
    next_one = high.split(", ")[0] + f".{int(high.split(', ')[1]) + 1}"
    assert PROJECT["project"]["requires-python"] == f">={low.replace(', ', '.')},<{next_one}"


@pytest.mark.parametrize(
    "commit, share",
    [("631fd68", 5), ("631fd69", 6), ("631fd6a", 1), ("631fd6b", 2), ("631fd6c", 3), ("631fd6d", 4), ("", 1)],
)
def test_ci_runs_all_tests_and_of_the_long_ones_a_share_that_the_commit_decides(tmp_path, commit, share):
    said = {"chromium": "", "git": f"echo {commit}" if commit else "exit 128", "make": 'printf "%s\n" "$@"'}
    for name, does in said.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / ".ci/run"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["test-all", f"TEST_ARGS=--share={share}/6"]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_code_is_formatted_and_clean(command):
    ruff = shutil.which("ruff", path=Path(sys.executable).parent) or "ruff"
    done = subprocess.run([ruff, *command, "--no-cache", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nTo mend most of it: ruff check --fix . && ruff format ."


def test_licences_are_there():
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    assert (ROOT / "LICENSE-TEXT").read_text().startswith("Attribution 4.0 International")
    assert PROJECT["project"]["license-files"] == ["LICENSE", "LICENSE-TEXT"]
