"""A new chapter from the template is green at once, with nothing else touched: tried in a copy of the course."""

import os
import subprocess
import sys

import pytest

from helpers.course import experiments, new_chapter
from helpers.course.rooms import ROOT, rooms

FINDS_CHAPTERS = ["claims", "rooms", "notebooks", "exercises", "slides", "explorers", "experiments", "style"]


def python(folder, *arguments):
    """Run Python on the course in that folder; return what came out."""
    environment = {word: value for word, value in os.environ.items() if not word.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def copy(folder):
    """Write what git would commit of the course into a folder, as a repository of its own, and return it."""
    git = ["git", "-C", str(ROOT)]
    listed = subprocess.run([*git, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.mark.long
def test_a_new_chapter_is_green_at_once(tmp_path):
    course = copy(tmp_path)
    made = python(course, "-m", "helpers.course.new_chapter", "group_norm")
    assert made.returncode == 0, made.stderr
    stem = f"{len(rooms()):02}_group_norm"
    changed = subprocess.run(["git", "diff", "--name-only"], cwd=course, capture_output=True, text=True).stdout.split()
    assert changed == ["README.md", "docs/instructors.md", "notebooks/00_start_here.ipynb"]  # made from the chapters
    tests = [f"tests/test_{name}.py" for name in FINDS_CHAPTERS if (course / f"tests/test_{name}.py").exists()]
    done = python(course, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, f"notebooks/{stem}.ipynb")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "group_norm" in python(course, "-m", "pytest", "--collect-only", "-q", *tests).stdout
    again = python(course, "-m", "helpers.course.new_chapter", "group_norm")
    assert again.returncode == 2 and f"name (='group_norm') is that of {stem}: choose another" in again.stderr


RUN_TEMPLATE = """
from helpers.course import new_chapter
words, made = new_chapter.values(21, "group_norm"), {"__name__": "helpers.chapters.ch21_group_norm"}
for path in new_chapter.TEMPLATE.glob("*.py.txt"):
    exec(compile(new_chapter.filled(path, words), path.name, "exec"), made)
print(made["GroupNormExplorer"](5).parts["words"])
"""


def test_what_the_template_asks_of_the_course_is_there():
    done = python(ROOT, "-c", RUN_TEMPLATE)  # in a process of its own: an exercise that is made is known from then on
    assert "5 × 5 = 25 cells." in done.stdout, done.stderr


@pytest.mark.parametrize("name", ["", "Group", "../x", "5", "a b"])
def test_a_name_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(ValueError, match=r"name \(='.*'\) must be small letters, digits and _"):
        new_chapter.create(name)


# ---- experiments

WITH_EXPERIMENTS = [(room, name) for room in rooms() for name in experiments.experiments(room)]


@pytest.mark.parametrize(("room", "name"), WITH_EXPERIMENTS, ids=lambda part: getattr(part, "stem", part))
def test_every_experiment_has_its_table_and_the_notebook_links_it(room, name):
    page = (room.folder / "experiments" / f"{name}.md").read_text(encoding="utf-8")
    asked = experiments.experiments(room)[name].__doc__.strip().splitlines()[0]
    assert page.startswith(f"# {name}\n\n{asked}"), "run: make experiments"
    link = f"(../helpers/chapters/{room.folder.name}/experiments/{name}.md)"
    assert any(link in cell["source"] for cell in room.cells if cell["cell_type"] == "markdown"), link


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.stem)
def test_every_table_is_that_of_an_experiment(room):
    stored = {path.stem for path in (room.folder / "experiments").glob("*.md")}
    assert stored == set(experiments.experiments(room))


def asked(rows):
    def sides():
        """How long is a side?"""

    return experiments.page(5, sides, rows, 31)


def test_a_table_keeps_what_was_asked_what_came_out_and_how_long_it_took():
    text = asked([dict(side=1, cells=1), dict(side=2, cells="4 ± 1")])
    assert "# sides\n\nHow long is a side?\n\n| side | cells |\n| --- | --- |\n| 1 | 1 |\n| 2 | 4 ± 1 |\n" in text
    assert "in about 30 seconds of one core" in text


@pytest.mark.parametrize("rows", [[], [1], [dict(a=1), dict(b=2)]])
def test_what_is_no_table_is_refused(rows):
    with pytest.raises(ValueError, match="must be dictionaries with the same keys"):
        asked(rows)


def test_an_unknown_experiment_is_refused(capsys):
    with pytest.raises(SystemExit):
        experiments.main(["99"])
    assert "there is no experiment in 99" in capsys.readouterr().err
