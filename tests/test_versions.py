"""`make test-versions`: what noxfile.py installs and runs, seen by a nox that only writes it down; and deprecations, which are errors."""

import importlib.util
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_setup import PROJECT

ROOT = Path(__file__).parent.parent


@pytest.fixture
def file(monkeypatch):
    """noxfile.py, imported with a stand-in for nox, which is not among the tests' packages."""
    sessions = {}

    def session(function=None, name=None, **settings):
        def keep(function):
            sessions[name or function.__name__] = (function, settings)
            return function

        return keep(function) if function else keep

    monkeypatch.setitem(sys.modules, "nox", SimpleNamespace(session=session, options=SimpleNamespace()))
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.found = sessions
    return module


class Written:
    """Stands for a session: writes down what it is asked to install and to run, and fails where it is told to."""

    def __init__(self, folder, *posargs, fails=False):
        self.posargs, self.fails = list(posargs), fails
        self.virtualenv = SimpleNamespace(location=str(folder))
        self.installed, self.ran = [], []
        folder.mkdir(exist_ok=True)

    def install(self, *packages):
        self.installed += packages

    def run(self, *command, env=None):
        self.ran.append((command, env))
        if self.fails and "pytest" in command:
            raise RuntimeError


def test_every_python_is_tried(file):
    assert file.PYTHONS == ["3.11", "3.12", "3.13"]
    assert file.found["newest"][1] == {"python": file.PYTHONS} and file.found["oldest"][1]["python"] in file.PYTHONS
    assert file.nox.options.sessions == ["newest", "oldest"] and file.nox.options.error_on_missing_interpreters is False
    assert file.nox.options.download_python == "never", "those that are here"


def test_the_oldest_are_those_of_the_project(file):
    assert file.oldest() == ["torch==2.11.*", "torchvision==0.26.*"]
    assert file.oldest(["torch>=3.0,<4", "torchaudio>=1", "torchvision >=1.2"]) == [
        "torch==3.0.*",
        "torchvision ==1.2.*",
    ]
    assert {"torch>=2.11", "torchvision>=0.26"} <= set(PROJECT["project"]["dependencies"])


@pytest.mark.parametrize(
    "name, packages",
    [
        ("newest", ["--upgrade"]),
        ("oldest", ["torch==2.11.*", "torchvision==0.26.*"]),
        ("canary", ["--upgrade", "--pre"]),
    ],
)
def test_a_session_installs_tests_and_cleans_up(file, tmp_path, monkeypatch, name, packages):
    monkeypatch.delenv("KEEP", raising=False)
    session = Written(tmp_path / "made")
    file.found[name][0](session)
    assert session.installed == ["-e", ".[test]", *packages]
    command, env = session.ran[-1]
    assert command[:4] == ("python", "-m", "pytest", "-n") and command[5:] == (
        "tests",
        "notebooks",
        "--ignore=tests/browser",
        "-m",
        "not long",
    )
    assert env == {"OMP_NUM_THREADS": "1"} and not (tmp_path / "made").exists()


def test_it_cleans_up_after_a_failure_too_unless_it_is_to_keep(file, tmp_path, monkeypatch):
    monkeypatch.delenv("KEEP", raising=False)
    with pytest.raises(RuntimeError):
        file.newest(Written(tmp_path / "made", fails=True))
    assert not (tmp_path / "made").exists()
    monkeypatch.setenv("KEEP", "1")
    file.newest(Written(tmp_path / "kept"))
    assert (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "given, wanted",
    [
        (["-k", "vgg"], ["tests", "notebooks", "--ignore=tests/browser", "-m", "not long", "-k", "vgg"]),
        (["notebooks/04_vgg.ipynb"], ["notebooks/04_vgg.ipynb"]),
        (["tests/test_shapes.py::test_x", "-x"], ["tests/test_shapes.py::test_x", "-x"]),
    ],
)
def test_what_pytest_is_given(file, monkeypatch, given, wanted):
    monkeypatch.chdir(ROOT)
    assert file.arguments(given) == wanted


# ---- deprecations. That they are errors in notebooks too, test_nbval.py tests.

OWN = [
    path.relative_to(ROOT).with_suffix("")
    for folder in ("helpers", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
]
MODULES = sorted(
    {".".join(path.parts[path.parts[0] == "tests" :]).removesuffix(".__init__") for path in OWN} | {"conftest"}
)


@pytest.mark.parametrize("kind", [DeprecationWarning, FutureWarning])
def test_a_deprecation_in_our_own_code_is_an_error(kind):
    assert {"helpers.layers.conv", "test_versions", "browser.test_chapters", "benchmarks.layers"} <= set(MODULES)
    calm = []
    for module in MODULES:
        try:
            exec("import warnings; warnings.warn('old', kind)", {"__name__": module, "kind": kind})
            calm.append(module)
        except kind:
            pass
    assert calm == []


def test_a_deprecation_in_others_code_is_not():
    with warnings.catch_warnings(record=True) as seen:
        for module in ("numpy.core", "torch", "myhelpers", "__main__x", "testing"):
            exec("import warnings; warnings.warn('old', DeprecationWarning)", {"__name__": module})
    assert len(seen) == 5
