"""A class is marked: whatever a notebook went through, each student gets the points of the answers, or a sentence on what to do."""

import copy
import csv
import io
import json
import os
import re
from datetime import UTC, datetime, timedelta

import nbformat
import pytest

from helpers.course.exercises import solve
from helpers.course.marking import answers, judge, late, marking, report, similar, submission
from helpers.course.rooms import NOTEBOOKS

CHAPTER = "01_convolution"
SOLVED = json.loads(nbformat.writes(solve.solve(nbformat.read(NOTEBOOKS / f"{CHAPTER}.ipynb", 4))))
FULL = 15.0


def place(nb, name, kind="solution"):
    """Return where the cell of an exercise stands, or that of its check."""
    name = name if kind == "solution" else f"test_{name}"
    return next(i for i, c in enumerate(nb["cells"]) if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def text(cell, new=None):
    if new is not None:
        cell["source"] = new
    return "".join(cell["source"])


def code(source):
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, "id": "own"}


# what was done to the notebook: a function that changes it in place, and the points that are due


def nothing(nb):
    pass


def a_loop_of_their_own(nb):
    nb["cells"].append(code("while True: pass"))


def prints(nb):
    nb["cells"].insert(0, code("print('x' * 10_000_000)"))


def deleted_check(nb):
    del nb["cells"][place(nb, "conv_parameters", "check")]


def deleted_checks(nb):
    nb["cells"] = [c for c in nb["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]


def copied_answer(nb):
    nb["cells"].insert(0, copy.deepcopy(nb["cells"][place(nb, "conv2d_loops")]))


def copied_stub_below(nb):
    i = place(nb, "conv_parameters")
    given = next(
        c
        for c in json.loads((NOTEBOOKS / f"{CHAPTER}.ipynb").read_text("utf-8"))["cells"]
        if c["id"] == nb["cells"][i]["id"]
    )
    nb["cells"].insert(i + 1, given)


def copied_check(nb):
    i = place(nb, "conv2d_loops", "check")
    nb["cells"].insert(i, copy.deepcopy(nb["cells"][i]))


def split_in_a_function(nb):
    i = place(nb, "shared_gradient")
    lines = text(nb["cells"][i]).splitlines(keepends=True)
    nb["cells"][i]["source"] = lines[:3]
    nb["cells"].insert(i + 1, code("".join(lines[3:])))


def split_in_a_loop(nb):
    i = place(nb, "conv2d_loops")
    lines = text(nb["cells"][i]).splitlines(keepends=True)
    at = next(j for j, line in enumerate(lines) if "for j" in line)
    nb["cells"][i]["source"] = lines[:at]
    nb["cells"].insert(i + 1, {"cell_type": "markdown", "metadata": {}, "source": "here", "id": "m"})
    nb["cells"].insert(i + 2, code("".join(lines[at:])))


def merged(nb):
    i = place(nb, "conv_parameters")
    text(nb["cells"][i], text(nb["cells"][i]) + "\n\n" + text(nb["cells"].pop(i + 1)))


def merged_all(nb):
    cells = [c for c in nb["cells"] if "nbgrader" in c["metadata"]]
    nb["cells"] = [c for c in nb["cells"] if "nbgrader" not in c["metadata"]]
    nb["cells"].append(code("\n".join(text(c) for c in cells)))


def no_metadata(nb):
    nb["metadata"] = {}
    for cell in nb["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)


def no_imports(nb):
    nb["cells"] = [c for c in nb["cells"] if "import" not in text(c) or "nbgrader" in c["metadata"]]


def moved_up(nb):
    nb["cells"].insert(0, nb["cells"].pop(place(nb, "conv_parameters")))


def older_format(nb):
    cells = [{**c, "input": c["source"], "language": "python"} for c in nb["cells"]]
    for cell in cells:
        del cell["source"]
    nb["worksheets"] = [{"cells": cells, "metadata": {}}]
    del nb["cells"]
    nb["nbformat"] = 3


def magics(nb):
    i = place(nb, "conv_parameters")
    text(nb["cells"][i], "%%time\n%matplotlib inline\n!ls\nconv_parameters?\n" + text(nb["cells"][i]))


def windows_lines(nb):
    for cell in nb["cells"]:
        text(cell, text(cell).replace("\n", "\r\n"))


def helper_cell(nb):
    i = place(nb, "conv_parameters")
    body = "return out_channels * halved(TWO * (in_channels * kernel_size**2 + 1), TWO)"
    text(nb["cells"][i], f"def conv_parameters(in_channels, out_channels, kernel_size):\n    {body}")
    nb["cells"].insert(3, code("TWO = 2\nnever_needed = missing_name\ndef halved(n, by):\n    return n // by"))


def shadowed_check(nb):
    nb["cells"].insert(
        0, code("def check(*_, **__): print('Right.')\nimport sys, helpers.course.exercises as e\ne.check = check")
    )


def endless(nb):
    text(
        nb["cells"][place(nb, "conv_parameters")],
        "def conv_parameters(in_channels, out_channels, kernel_size):\n    while True: pass",
    )


def wrong_syntax(nb):
    text(
        nb["cells"][place(nb, "conv_parameters")],
        "def conv_parameters(in_channels, out_channels, kernel_size):\n    return (3",
    )


def renamed(nb):
    i = place(nb, "conv_parameters")
    text(nb["cells"][i], text(nb["cells"][i]).replace("def conv_parameters", "def parameters"))


def ends_python(nb):
    text(
        nb["cells"][place(nb, "conv_parameters")],
        "import os\nos._exit(0)\ndef conv_parameters(in_channels, out_channels, kernel_size):\n    os._exit(0)",
    )


def deleted_answer(nb):
    del nb["cells"][place(nb, "conv_parameters")]


def stubs(nb):
    given = json.loads((NOTEBOOKS / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    nb["cells"] = given["cells"]


def stubs_and_replaced_check(nb):
    stubs(nb)
    shadowed_check(nb)
    nb["cells"].insert(0, code("import helpers.course.exercises.engine as engine\nengine.diagnose = lambda *_: True"))


def stubs_and_the_courses_own(nb):
    stubs(nb)
    nb["cells"].append(code("\n".join(f'{name} = ready("{name}", None)' for name in marking.chapters()[CHAPTER])))


DONE = {
    FULL: [nothing, a_loop_of_their_own, prints, deleted_check, deleted_checks, copied_answer, copied_stub_below, copied_check,
           split_in_a_function, split_in_a_loop, merged, merged_all, no_metadata, no_imports, moved_up, older_format, magics,
           windows_lines, helper_cell, shadowed_check],
    FULL - 1: [endless, wrong_syntax, renamed, ends_python, deleted_answer],
    0.0: [stubs, stubs_and_replaced_check, stubs_and_the_courses_own],
}  # fmt: skip
DUE = {done.__name__: points for points, all_of in DONE.items() for done in all_of}
AS_TEXT = {  # what was done to the file: what its bytes become, and the name that it then has
    "byte_order_mark": lambda data: b"\xef\xbb\xbf" + data,
    "utf_16": lambda data: data.decode().encode("utf-16"),
    "renamed_file": lambda data: data,
}
UNREAD = {
    "empty": (b"", "is empty: ask for it again"),
    "cut_short": (b'{"cells": [{"cell_type": "co', "cut short and cannot be opened"),
    "damaged": (b'{"cells": [,]}', "damaged in line 1"),
    "web_page": (b"<!DOCTYPE html><html></html>", "is a web page"),
    "merge": (b'{"cells": [\n<<<<<<< HEAD\n', "a merge that git did not finish"),
    "zipped": (b"PK\x03\x04....", "is a zip archive"),
    "no_cells": (b'{"a": 1}', "it has no cells"),
    "another_notebook": (b'{"cells": []}', "holds no answer to any exercise"),
}
FUNCTIONS = {done.__name__: done for all_of in DONE.values() for done in all_of}


def hand_in(folder, student, data, name=f"{CHAPTER}.ipynb"):
    path = folder / student / CHAPTER / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode())
    return path


@pytest.fixture(scope="module")
def a_class(tmp_path_factory):
    """Mark a class in which each student did one odd thing; return (folder of the submissions, of the marks, {student: Result})."""
    folder, out = tmp_path_factory.mktemp("submitted"), tmp_path_factory.mktemp("marks")
    for student, do in FUNCTIONS.items():
        nb = copy.deepcopy(SOLVED)
        do(nb)
        hand_in(folder, student, nb)
    for student, change in AS_TEXT.items():
        name = "short (1).ipynb" if student == "renamed_file" else f"{CHAPTER}.ipynb"
        hand_in(folder, student, change(json.dumps(SOLVED).encode()), name)
    for student, (data, _) in UNREAD.items():
        hand_in(folder, student, data)
    (folder / "nobody").mkdir()
    (folder / "nothing" / CHAPTER / "submission_secret.txt").write_text("nbgrader's")
    said = []
    results = marking.mark(folder, out, say=said.append)
    return folder, out, {result.student: result for result in results}, said


@pytest.mark.parametrize("student", DUE)
def test_points(a_class, student):
    result = a_class[2][student]
    assert (result.total, result.most) == (DUE[student], FULL), {
        n: (m.status, m.sentence) for n, m in result.marks.items()
    }


@pytest.mark.parametrize("student", AS_TEXT)
def test_points_of_a_file_that_was_changed(a_class, student):
    assert a_class[2][student].total == FULL


@pytest.mark.parametrize("student", [*UNREAD, "nobody"])
def test_who_cannot_be_marked_gets_a_sentence(a_class, student):
    words = "no notebook was handed in" if student == "nobody" else UNREAD[student][1]
    assert student not in a_class[2]
    (line,) = [
        line
        for line in (a_class[1] / "report.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"- {student}:")
    ]
    assert words in line


@pytest.mark.parametrize(
    "student, status, words",
    [
        ("endless", "wrong", "there is no answer after 10 seconds"),
        ("wrong_syntax", "wrong", "SyntaxError"),
        ("renamed", "missing", "no cell gives this name a value"),
        ("ends_python", "wrong", "ended Python"),
        ("deleted_answer", "missing", "no cell gives this name a value"),
        ("stubs", "todo", "not filled in yet"),
    ],
)
def test_what_is_said(a_class, student, status, words):
    mark = a_class[2][student].marks["conv_parameters"]
    assert mark.status == status and words in mark.sentence
    page = (a_class[1] / "feedback" / student / CHAPTER / f"{CHAPTER}.html").read_text(encoding="utf-8")
    assert f'<section class="{status}">' in page and page.count("<section") == 7


def test_what_was_healed_is_told(a_class):
    assert a_class[2]["split_in_a_function"].of_answers == {
        "shared_gradient": ["its cell was split, and was joined again"]
    }


def test_each_is_marked_once(a_class):
    folder, out, results, said = a_class
    assert re.search(r"\b0 marked before", said[0])
    kept = {path: path.stat().st_mtime_ns for path in (out / "kept").iterdir()}
    again = []
    assert {r.student: r.total for r in marking.mark(folder, out, say=again.append)} == {
        s: r.total for s, r in results.items()
    }
    assert re.search(r": 0 answers to mark", again[0])
    assert kept == {path: path.stat().st_mtime_ns for path in (out / "kept").iterdir()}
    assert len(kept) < 7 * len(results) / 2, "the same answer of two students is one"


def test_tables(a_class):
    _, out, results, _ = a_class
    rows = list(csv.DictReader(io.StringIO((out / "grades.csv").read_text(encoding="utf-8-sig"))))
    assert {row["student"]: float(row["total"]) for row in rows} == {s: r.total for s, r in results.items()}
    points = list(csv.DictReader(io.StringIO((out / "points.csv").read_text(encoding="utf-8-sig"))))
    assert len(points) == 7 * len(results) and {row["status"] for row in points} == {
        "right",
        "wrong",
        "todo",
        "missing",
    }


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    hand_in(tmp_path / "in", "ann", SOLVED)
    marked, real = [], judge.mark

    def cut_off(box, name, *rest):
        if len(marked) == 2:
            raise KeyboardInterrupt
        marked.append(name)
        return real(box, name, *rest)

    monkeypatch.setattr(judge, "mark", cut_off)
    with pytest.raises(KeyboardInterrupt):
        marking.mark(tmp_path / "in", tmp_path / "out", workers=1)
    assert len(list((tmp_path / "out/kept").glob("*.json"))) == 2
    monkeypatch.setattr(judge, "mark", real)
    said = []
    (result,) = marking.mark(tmp_path / "in", tmp_path / "out", workers=1, say=said.append)
    assert "5 answers to mark, 2 marked before" in said[0] and result.total == FULL


def test_that_it_was_not_sealed_is_not_forgotten(tmp_path):
    from helpers.course.marking import kept

    store = kept.Kept(tmp_path)
    assert store.sealed() == {}
    store.sealed({"files": False, "network": True})
    assert store.sealed({"files": True, "network": True}) == store.sealed() == {"files": False, "network": True}


def test_a_damaged_kept_mark_is_made_anew(tmp_path):
    from helpers.course.marking import kept

    store = kept.Kept(tmp_path)
    store.put("a", judge.Mark("right", 1.0, "한국", 3))
    assert store.get("a").sentence == "한국"
    (tmp_path / "a.json").write_text('{"status": "right"')
    assert store.get("a") is None and store.get("b") is None


# ---- finding answers without running them


def found(*sources):
    return answers.find([submission.Cell(i, s) for i, s in enumerate(sources, 1)])


def test_the_last_filled_cell_counts_and_that_is_told():
    one, two = "def weights_saved(kernel_size):\n    return 1", "def weights_saved(kernel_size):\n    return 2"
    answer = found(one, two)[0]["weights_saved"]
    assert answer.source == two and answer.notes == ["answered in 2 cells: the last one counts"]
    stub = "def weights_saved(kernel_size):\n    pass  # your code here"
    assert found(one, stub)[0]["weights_saved"].source == one


def test_only_what_is_needed_comes_along():
    cells = [
        "x = [1]",
        "x = [2]",
        "x.append(3)",
        "while True: pass",
        "y = x",
        "def f(n):\n    x = n\n    return x",
        "import os",
    ]
    answer = found(*cells, "stem_field = f(y[0]) + len(y)")[0]["stem_field"]
    assert answer.before == ["x = [2]", "x.append(3)", "y = x", "def f(n):\n    x = n\n    return x"]


def test_what_stands_below_is_taken_where_nothing_stands_above():
    assert found("stem_field = half(54)", "def half(n):\n    return n // 2")[0]["stem_field"].before == [
        "def half(n):\n    return n // 2"
    ]


def test_a_deleted_import_is_the_courses():
    assert found("stem_field = int(torch.tensor(27))")[0]["stem_field"].before == ["import torch"]


@pytest.mark.parametrize(
    "source", ["import stem_field", "print(stem_field)", "def f():\n    stem_field = 3", "x = [stem_field]"]
)
def test_what_does_not_give_the_name_a_value_is_no_answer(source):
    assert found(source)[0] == {}


def test_a_cell_that_is_no_python_does_not_harm_the_others():
    answers_found, problems = found("stem_field = 27", "this is a note", "fc6_parameters = 3")
    assert set(answers_found) == {"stem_field", "fc6_parameters"} and problems == [
        "cell 2 is no Python, and was left out"
    ]


def test_a_name_of_another_chapter_makes_no_second_mark():
    every = found("rotate = 3", *(f"def {name}(): pass" for name in marking.chapters()[CHAPTER]))[0]
    assert [chapter for chapter, _ in marking.of_chapters(every)] == [CHAPTER]


def test_points_are_the_notebooks():
    points = answers.points()
    assert points["conv2d_loops"] == 3 and set(points) == {n for names in marking.chapters().values() for n in names}


@pytest.mark.parametrize("layout", ["{student}/a.ipynb", "{student}/ch/a.ipynb", "{student}.ipynb"])
def test_layouts(tmp_path, layout):
    for student in ("ann", "김민수"):
        path = tmp_path / layout.format(student=student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"cells": []}')
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints/b.ipynb").write_text("")
    handed = submission.find(tmp_path)
    assert set(handed) == {"ann", "김민수"} and all(len(each.files) == 1 for each in handed.values())


def test_no_submissions(tmp_path):
    with pytest.raises(ValueError, match="must be a folder of submissions"):
        submission.find(tmp_path / "none")
    with pytest.raises(ValueError, match="must hold notebooks"):
        submission.find(tmp_path)


# ---- late work

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "hours, days, left", [(-1, 0, 1.0), (0, 0, 1.0), (0.1, 1, 0.9), (24, 1, 0.9), (24.1, 2, 0.8), (2400, 100, 0.0)]
)
def test_days_late(hours, days, left):
    due = late.Due(NOON)
    found = due.days_late("ann", NOON + timedelta(hours=hours))
    assert found == days and due.left(found) == pytest.approx(left)


def test_extensions(tmp_path):
    path = tmp_path / "extensions.csv"
    path.write_text("\ufeffStudent,Due\nann,2026-12-03 12:00+00:00\n\n", encoding="utf-8")
    due = late.Due(NOON, late.extensions(path))
    two = NOON + timedelta(days=2)
    assert due.days_late("ann", two) == 0 and due.days_late("bob", two) == 2
    path.write_text("student,due\nann,soon\n")
    with pytest.raises(ValueError, match=r"extensions.csv, line 2: moment .='soon'. must be a day and a time"):
        late.extensions(path)
    path.write_text("name;date\n")
    with pytest.raises(ValueError, match="must begin with the line student,due"):
        late.extensions(path)


@pytest.mark.parametrize(
    "words", ["2026-12-01 12:00:00.000000 UTC", "2026-12-01T12:00+00:00", "2026-12-01 21:00:00 Asia/Seoul"]
)
def test_a_moment(words):
    assert late.moment(words) == NOON


def test_when_it_was_handed_in(tmp_path):
    path = hand_in(tmp_path, "ann", SOLVED)
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    assert late.handed_in(path) == (NOON, True)
    path.with_name("timestamp.txt").write_text("2026-12-02 12:00:00 UTC\n")
    assert late.handed_in(path) == (NOON + timedelta(days=1), False)
    works, _ = marking.gather(tmp_path, late.Due(NOON))
    assert [work.days_late for work in works] == [1]


def test_being_late_costs_of_the_points():
    mark = judge.Mark("partly", 0.5, "almost.")
    result = marking.Result("ann", CHAPTER, {"a": mark}, {"a": 4.0}, days_late=2, left=0.8)
    assert (result.points("a"), result.total) == (2.0, 1.6) and "2 days late: 80 %" in report.feedback(result)


# ---- alike

LONG = """
def heads_from_state(x, memory, state, num_heads):
    total = 0
    for i, row in enumerate(x):  # {0}
        for j, value in enumerate(memory):
            {1} = row * value + state["w"][i] * state["b"][j]
            total = total + {1} / num_heads
            if total > 3 and j % 2 == 0:
                total = total - max(row, value)
    print({2!r})
    return total
"""


def test_alike_but_for_names_and_comments():
    one, two = LONG.format("mine", "part", "a"), LONG.format("another comment", "product", "a")
    other = "def heads_from_state(x, memory, state, num_heads):\n" + "".join(
        f"    a{i} = [x, {i}] if memory else state[{i}]\n" for i in range(20)
    )
    groups = similar.alike({"heads_from_state": {"ann": one, "bob": two, "cy": other}})
    assert [(name, students) for name, students, _ in groups] == [("heads_from_state", ["ann", "bob"])]


def test_short_answers_and_the_courses_own_are_not_listed():
    from helpers.course.exercises import solutions

    for name in ("conv_parameters", "conv2d_loops"):
        assert similar.alike({name: {"ann": solutions.source(name), "bob": solutions.source(name)}}) == []


# ---- what is written


def test_a_name_is_no_path_and_no_formula():
    assert report.safe("../../x") == "_.._x" and report.safe("..") == "_" and "/" not in report.safe("a/b")
    assert report.table([["=1+1", "ann", -3]]) == "'=1+1,ann,'-3\n" or report.table([["=1+1", "ann"]]) == "'=1+1,ann\n"


def test_feedback_shows_words_as_words():
    mark = judge.Mark("wrong", 0.0, "`<script>` is **not** <b>right</b>")
    page = report.feedback(marking.Result("<i>", CHAPTER, {"a": mark}, {"a": 1.0}))
    assert (
        "<script>" not in page and "<i>" not in page and "<code>&lt;script&gt;</code> is <b>not</b> &lt;b&gt;" in page
    )


def test_the_report_counts_misconceptions():
    marks = [judge.Mark("wrong", 0.0, "x", 3, 0), judge.Mark("wrong", 0.0, "x", 3, 0), judge.Mark("right", 1.0, "x", 3)]
    results = [
        marking.Result(f"s{i}", CHAPTER, {"conv_parameters": m}, {"conv_parameters": 1.0}) for i, m in enumerate(marks)
    ]
    text = report.instructor(
        results, [("conv2d_loops", ["a", "b"], 0.95)], {"files": False, "network": True}, {"z": ["gone"]}
    )
    assert "| `conv_parameters` | 1 | 0 | 2 | 0 | 0 | s0, s1 |" in text
    assert re.search(r"\| 2 \| `conv_parameters` \| the \*\*bias\*\* is not counted", text)
    assert "- `conv2d_loops`: a, b (95 % or more in common)" in text and "- z: gone." in text
    assert "could not keep students' code from what would read" in text and "reach the network" not in text


def test_files_are_where_nbgrader_looks_for_feedback(a_class):
    pages = a_class[1] / "feedback"
    assert {path.name for path in (pages / "nothing" / CHAPTER).iterdir()} == {
        f"{CHAPTER}.html",
        "submission_secret.txt",
    }
    assert (pages / "renamed_file" / CHAPTER / "short (1).html").exists()
