"""The command image-models-course and the wheel: they work from another folder, and say what this installation can do."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers import beside
from helpers.course import carry, command, progress
from helpers.course.rooms import NOTEBOOKS, ROOT, rooms

CHAPTER = "01_convolution.ipynb"


@pytest.fixture
def said(capsys):
    def run(*arguments):
        status = command.main([str(each) for each in arguments])
        out = capsys.readouterr()
        return status, out.out + out.err

    return run


def load(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def cell(nb, id):
    return next(c for c in nb["cells"] if c["id"] == id)


def save(nb, path):
    Path(path).write_text(json.dumps(nb, ensure_ascii=False), encoding="utf-8")


# ---- copy and update


def test_copy_leaves_alone_what_is_there(tmp_path, said):
    (tmp_path / CHAPTER).write_text("mine")
    status, words = said("copy-notebooks", tmp_path)
    count = len(list(NOTEBOOKS.glob("*.ipynb")))
    assert status == 0 and f"{count - 1} notebooks copied" in words and "1 were there, and were left alone" in words
    assert (tmp_path / CHAPTER).read_text() == "mine"
    copied = load(tmp_path / "02_seeing_further.ipynb")
    given = load(NOTEBOOKS / "02_seeing_further.ipynb")
    for mine, course in zip(copied["cells"], given["cells"], strict=True):
        assert "".join(mine["source"]) == "".join(course["source"]).replace("](../", "](linked/")
    assert all(c["metadata"][carry.GIVEN] == carry.fingerprint(c["source"]) for c in copied["cells"])
    assert said("copy-notebooks", tmp_path)[1].startswith("All notebooks are in")


def test_what_a_copy_links_to_is_there(tmp_path):
    carry.copy(tmp_path)
    for path in [*tmp_path.glob("*.ipynb"), *(tmp_path / carry.LINKED).rglob("*.md")]:
        cells = load(path)["cells"] if path.suffix == ".ipynb" else [{"source": path.read_text(encoding="utf-8")}]
        for each in cells:
            if each.get("cell_type") != "code":
                for link in re.findall(r"\]\(([\w./]+\.\w+)[)#]", "".join(each["source"])):
                    assert (path.parent / link).exists(), f"{path.name} links to {link}"
    assert (tmp_path / carry.LINKED / "docs/glossary.md").exists()
    assert not (NOTEBOOKS / carry.LINKED).exists()


@pytest.fixture
def versions(tmp_path):
    """A course of one chapter in two versions, and a student's copy of the first."""
    old, new, mine = (tmp_path / name for name in ("old", "new", "mine"))
    for folder in (old, new):
        folder.mkdir()
    nb = load(NOTEBOOKS / CHAPTER)
    save(nb, old / CHAPTER)
    carry.copy(mine, old)
    next_nb = json.loads(json.dumps(nb))
    next_nb["cells"][2]["source"] = "A new sentence."
    gone = next(c["id"] for c in next_nb["cells"][5:] if "nbgrader" not in c["metadata"])
    next_nb["cells"] = [c for c in next_nb["cells"] if c["id"] not in (gone, "x-conv-parameters")]
    save(next_nb, new / CHAPTER)
    return mine / CHAPTER, new, gone


def test_update_carries_answers_and_own_cells(versions):
    path, new, gone = versions
    nb = load(path)
    cell(nb, "x-conv2d-loops")["source"] = "def conv2d_loops(): return 'mine'"
    cell(nb, "x-conv-parameters")["source"] = "def conv_parameters(): return 'mine too'"
    cell(nb, gone)["source"] = "changed and gone"
    touched = nb["cells"][1]["id"]
    nb["cells"][1]["source"] = "I changed this"
    nb["cells"].insert(
        8,
        {
            "cell_type": "code",
            "id": "0a1b",
            "metadata": {},
            "source": "my_own = 1",
            "outputs": [],
            "execution_count": None,
        },
    )
    before = nb["cells"][7]["id"]
    save(nb, path)
    data = path.read_bytes()
    done = carry.update(path, new)
    now = load(path)
    sources = ["".join(c["source"]) for c in now["cells"]]
    assert "".join(cell(now, "x-conv2d-loops")["source"]) == "def conv2d_loops(): return 'mine'"
    assert done.answers == ["conv2d_loops"] and done.cells == 3
    assert "A new sentence." in sources and "my_own = 1" in sources and "changed and gone" in sources
    ids = [c["id"] for c in now["cells"]]
    assert len(set(ids)) == len(ids)
    if before in ids:
        assert ids[ids.index(before) + 1] == "0a1b"
    assert sources[ids.index(touched) + 1] == "I changed this", "below the course's own"
    said = " ".join(done.problems)
    assert f"you had changed the cell {touched!r}" in said and "'conv_parameters' is no longer in the course" in said
    assert path.with_name(done.older).read_bytes() == data, "the old version is kept"


def test_update_twice_is_as_once(versions):
    path, new, _ = versions
    nb = load(path)
    nb["cells"].append({"cell_type": "markdown", "id": "n1", "metadata": {}, "source": "a note"})
    cell(nb, "x-conv2d-loops")["source"] = "def conv2d_loops(): return 'mine'"
    save(nb, path)
    carry.update(path, new)
    once = load(path)
    carry.update(path, new)
    assert load(path) == once and len(list(path.parent.glob("*.older*.ipynb"))) == 2


def test_update_says_what_it_does_not_know(versions):
    path, new, _ = versions
    nb = load(path)
    for each in nb["cells"]:
        each["metadata"].pop(carry.GIVEN)
    nb["cells"][1]["source"] = "changed by somebody"
    save(nb, path)
    said = " ".join(carry.update(path, new).problems)
    assert f"the cell {nb['cells'][1]['id']!r} differs, and it is not known who changed it" in said


def test_update_finds_a_renamed_notebook_and_refuses_others(versions, said, tmp_path):
    path, new, _ = versions
    path = path.rename(path.with_name("convolution (1).ipynb"))
    assert carry.update(path, new).older == "convolution (1).older.ipynb"
    other = tmp_path / "other.ipynb"
    other.write_text('{"cells": []}')
    with pytest.raises(ValueError, match="must be one of the course's"):
        carry.update(other, new)
    status, words = said("update", other, tmp_path / "none.ipynb")
    assert status == 1 and words.count("not updated") == 2 and other.read_text() == '{"cells": []}'


# ---- what is asked wrongly


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["mark", "no such folder"], "must be a folder of submissions"),
        (["mark", ".", "--workers", "0"], "workers (=0) must be 1 or more"),
        (["mark", ".", "--late", "101"], "late (=101) must be from 0 to 100"),
        (["mark", ".", "--due", "soon"], "moment (='soon') must be a day and a time"),
        (["mark", ".", "--extensions", "e.csv"], "extensions need a --due"),
        (["copy-notebooks", __file__], "save into another folder"),
        (["mark", ".", "--gradebook", "none.db"], "must be nbgrader's gradebook.db"),
    ],
)
def test_what_is_asked_wrongly_is_told(said, arguments, words):
    status, text = said(*arguments)
    assert status == 2 and words in text


def test_lab_opens_the_notebooks(monkeypatch, tmp_path, said):
    asked = []
    monkeypatch.setattr(subprocess, "call", lambda words: asked.append(words) or 0)
    said("lab", "--no-browser")
    assert asked[-1][4] == str(NOTEBOOKS / "00_start_here.ipynb") and asked[-1][-1] == "--no-browser"
    monkeypatch.setattr(command, "CLONE", False)
    monkeypatch.chdir(tmp_path)
    said("lab")
    folder = tmp_path / command.OPENED
    assert asked[-1][4] == str(folder / "00_start_here.ipynb") and len(list(folder.glob("*.ipynb"))) == len(rooms())
    with pytest.raises(SystemExit):
        said("test", "--no-browser")
    monkeypatch.chdir(folder)
    said("lab")
    assert asked[-1][4] == str(folder / "00_start_here.ipynb") and not (folder / command.OPENED).exists()


def test_check_says_the_version_and_fails_where_a_test_does(monkeypatch, said):
    from helpers.chapters.ch00_start_here import machine

    monkeypatch.setattr(machine, "training", machine.room)  # which is what takes time
    status, words = said("check")
    assert status == 0 and re.search(r"ok +The course: version \d+\.\d+\.\d+, in a clone", words)
    monkeypatch.setitem(machine.NEEDED, "anywidget", (99, 0))
    status, words = said("check")
    assert status == 1 and "1 of 9 tests failed" in words


# ---- progress


@pytest.fixture
def kept(tmp_path, monkeypatch):
    path = tmp_path / "deep/progress"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


def test_what_was_right_is_kept_once(kept):
    progress.record("conv2d_loops")
    progress.record("max_pool")
    progress.record("conv2d_loops")
    assert list(progress.passed()) == ["conv2d_loops", "max_pool"] and len(kept.read_text().splitlines()) == 2
    assert progress.forget() and not kept.exists() and not progress.forget() and progress.passed() == {}


def test_a_right_check_in_a_notebook_is_kept_and_no_other(kept, monkeypatch):
    from helpers.course.exercises import check, engine

    check("photo_values", 3072)
    assert progress.passed() == {}, "outside a notebook nothing is kept"
    monkeypatch.setattr(engine, "in_notebook", lambda: True)
    check("photo_values", 3071)
    assert progress.passed() == {}
    check("photo_values", 3072)
    assert list(progress.passed()) == ["photo_values"]


def test_what_cannot_be_kept_does_no_harm(kept, monkeypatch):
    kept.parent.write_text("a file where the folder should be")
    progress.record("max_pool")
    assert progress.passed() == {}
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    progress.record("max_pool")
    assert progress.file() is None and progress.passed() == {}


def test_a_damaged_file_counts_as_far_as_it_can_be_read(kept):
    kept.parent.mkdir()
    kept.write_text("max_pool 2026-12-01\n<<<<\n\n7\nrotate")
    assert progress.passed() == {"max_pool": "2026-12-01", "rotate": ""}
    kept.write_bytes(b"\xff\xfe\x00")
    assert progress.passed() == {}


def test_it_is_rebuilt_from_notebooks(kept, tmp_path):
    nb = load(NOTEBOOKS / CHAPTER)
    said = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/plain": ["Right. `conv_parameters` gives what it should."]},
    }
    cell(nb, "t-conv-parameters")["outputs"] = [said]
    save(nb, tmp_path / "mine.ipynb")
    assert (
        progress.rebuild(tmp_path / "mine.ipynb") == ["conv_parameters"]
        and progress.rebuild(tmp_path / "mine.ipynb") == []
    )
    with pytest.raises(ValueError, match="must be the path of a notebook"):
        progress.rebuild(tmp_path / "none.ipynb")


def test_what_is_compared_of_the_map_never_varies(kept, monkeypatch):
    shown = []
    monkeypatch.setattr("helpers.output.publish", lambda bundle, *_: shown.append(bundle))
    progress.show_progress()
    progress.record("conv_parameters")
    progress.show_progress()
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    progress.show_progress()
    assert len({bundle["text/plain"] for bundle in shown}) == 1 and len({bundle["text/html"] for bundle in shown}) == 3
    assert "<b>1 exercises right" in shown[1]["text/html"] and 'conv_parameters: right"' in shown[1]["text/html"]


def test_git_ignores_it():
    assert progress.ROOT == ROOT and "/.progress" in (ROOT / ".gitignore").read_text().splitlines()


# ---- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, without a network, and unpack it as pip does."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-q",
        "-w",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "site")
        return folder / "site", archive.namelist()


def python(wheel, code, cwd):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    environment |= {"PYTHONPATH": str(wheel[0]), "OMP_NUM_THREADS": "1", "HOME": str(cwd)}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_wheel_holds_the_data_and_the_notebooks(wheel):
    names = set(wheel[1])
    shipped = subprocess.run(
        ["git", "ls-files", "data", "notebooks", "helpers"], cwd=ROOT, capture_output=True, text=True
    )
    wanted = [n for n in shipped.stdout.splitlines() if not Path(n).name.startswith(".git") and (ROOT / n).exists()]
    inside = {n if n.startswith("helpers/") else f"helpers/shipped/{n}" for n in wanted}
    assert inside <= names, sorted(inside - names)[:5]
    (entry,) = [n for n in names if n.endswith("entry_points.txt")]
    assert "image-models-course = helpers.course.command:main" in (wheel[0] / entry).read_text()
    assert not [n for n in names if n.startswith(("tests", "notebooks", "data/"))]


def test_the_wheel_works_from_another_folder(wheel, tmp_path):
    code = """
import helpers, sys
from helpers import data
from helpers.course import command, rooms
print(helpers.__file__)
print(len(data.digits()), tuple(data.photograph("cat", 32).shape[-2:]), len(rooms.rooms()), rooms.CLONE)
sys.exit(command.main(["copy-notebooks", "mine"]))
"""
    done = python(wheel, code, tmp_path)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.startswith(str(wheel[0])) and second.endswith(f"{len(rooms())} False") and "notebooks copied" in third
    assert len(list((tmp_path / "mine").glob("*.ipynb"))) == len(rooms())
    assert (tmp_path / "mine/linked/docs/glossary.md").exists(), "the wheel has it"


def test_an_installed_course_names_what_it_can_do(wheel, tmp_path):
    code = """
import sys, tempfile
from helpers.chapters.ch00_start_here import machine
from helpers.course import progress
from helpers.data import files
def refused(**_):
    raise PermissionError(13, "Permission denied")
machine.NEEDED["torch"], sys.version_info, tempfile.NamedTemporaryFile = (99, 0), (3, 10, 1, "final", 0), refused
print(progress.file())
for words in (files.remedy("alice.txt"), machine.python()[1], machine.packages()[1], machine.room()[1]):
    print(words)
"""
    done = python(wheel, code, tmp_path)
    path, *remedies = done.stdout.splitlines()
    assert len(remedies) == 4, done.stderr
    assert str(tmp_path) in path and "site" not in path
    assert all(
        word in words for word, words in zip(["pip install", "pip", "pip install -U torch", "copy-notebooks"], remedies)
    )
    assert not any(re.search(r"\bgit\b|make lab|\.venv", words) for words in remedies), remedies


@pytest.mark.long
def test_an_installed_course_tests_itself(wheel, tmp_path):
    done = python(wheel, "import sys; from helpers.course import command; sys.exit(command.main(['test']))", tmp_path)
    assert done.returncode == 0 and "Everything is as it should be." in done.stdout, done.stdout + done.stderr


def test_files_beside_a_notebook_that_are_named_like_packages(monkeypatch, tmp_path):
    folder, profile = tmp_path / "내 공책", tmp_path / "ipython/profile_default"
    for made in (folder, profile):
        made.mkdir(parents=True)
    for name in ("random", "data", "torch", "own"):
        (folder / f"{name}.py").write_text("mine = True")
    # where the wheel puts it for the whole environment, a user's own folder serves as well
    (profile / "ipython_kernel_config.json").write_bytes((ROOT / "jupyter/kernel.json").read_bytes())
    monkeypatch.setenv("IPYTHONDIR", str(profile.parent))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    lines = [
        "import importlib.util, random, own",
        "from helpers import data",
        "print(random.random, own.mine, len(data.digits()))",
    ]
    lines += ["print(importlib.util.find_spec('torch').origin)"]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(lines)), nbformat.v4.new_code_cell("2")])
    NotebookClient(nb, timeout=120, kernel_name="python3").execute(cwd=str(folder))
    said, names, torch, *more = "".join(out["text"] for out in nb.cells[0].outputs).splitlines()
    assert said.startswith(
        "random.py and torch.py beside this notebook: a package has that name, and `import random` gives"
    )
    assert "True" in names and str(tmp_path) not in torch and not more


def test_a_file_that_python_imports_itself_is_passed_over_by_nothing(monkeypatch, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "conftest.py").write_text("")
    monkeypatch.chdir(here)
    for path, names in (([here, there], []), ([there, here], ["conftest.py"]), ([here], []), ([], [])):
        monkeypatch.setattr(sys, "path", ["", *map(str, path)])
        assert beside.taken() == names
