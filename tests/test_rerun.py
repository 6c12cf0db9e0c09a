"""`make notebooks`: what it runs, what it saves, and that it saves the same again."""

import nbformat
import pytest
from guards import WIDGET, kernel, runs
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.course import notebooks


def write(folder, name, *sources):
    cells = [new_markdown_cell("# A title", id="title")]
    cells += [new_code_cell(source, id=f"c{i}", execution_count=9) for i, source in enumerate(sources)]
    path = folder / name
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "x"}}), path)
    return path


def test_saves_what_a_cold_run_gives_and_the_same_again(tmp_path, monkeypatch, capsys):
    path = write(
        tmp_path,
        "01_small.ipynb",
        "print('one')\nimport sys\nsys.stdout.flush()\nprint('two')",
        "from ipywidgets import IntSlider\nIntSlider()",
        "import os\nos.environ['OMP_NUM_THREADS']",
        "7;",
    )
    monkeypatch.setattr(notebooks, "find", lambda wanted: [path])
    assert notebooks.main([]) == 0
    assert capsys.readouterr().out.startswith("01_small.ipynb: ")
    first = path.read_bytes()
    nb = nbformat.read(path, 4)
    assert runs(nb) == [] and kernel(nb) == []
    printed, slider, threads, silent = (cell.outputs for cell in nb.cells[1:])
    assert [(o.name, o.text) for o in printed] == [("stdout", "one\ntwo\n")]
    assert WIDGET not in slider[0].data and slider[0].data["text/plain"].startswith("IntSlider")
    assert threads[0].data["text/plain"] == "'1'" and silent == []
    assert notebooks.main([]) == 0
    assert path.read_bytes() == first


def test_a_notebook_that_fails_is_left_alone(tmp_path, monkeypatch, capsys):
    broken = write(tmp_path, "01_broken.ipynb", "1 / 0")
    sound = write(tmp_path, "02_sound.ipynb", "1")
    before = broken.read_bytes()
    monkeypatch.setattr(notebooks, "find", lambda wanted: [broken, sound])
    assert notebooks.main([]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert broken.read_bytes() == before
    assert nbformat.read(sound, 4).cells[1].execution_count == 1


def test_pieces_of_one_stream_are_joined_and_no_others():
    def printed(name, text):
        return new_output("stream", name=name, text=text)

    shown = new_output("display_data", {"text/plain": "x", WIDGET: {}})
    cell = new_code_cell(
        "x",
        outputs=[printed("stdout", "a"), printed("stdout", "b"), printed("stderr", "c"), shown, printed("stderr", "d")],
        metadata={"execution": {"iopub.status.busy": "then"}, "tags": ["kept"]},
    )
    notebooks.tidy(new_notebook(cells=[cell]))
    assert [o.get("text") for o in cell.outputs] == ["ab", "c", None, "d"]
    assert cell.metadata == {"tags": ["kept"]}


def test_which_are_found(tmp_path):
    for name in ("03_c.ipynb", "01_a.ipynb", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [p.name for p in notebooks.find((), tmp_path)] == ["01_a.ipynb", "03_c.ipynb"]
    assert [p.name for p in notebooks.find(["03"], tmp_path)] == ["03_c.ipynb"]
    with pytest.raises(ValueError, match=r"notebook \(='07'\) must be the start of one of \['01_a', '03_c'\]"):
        notebooks.find(["07"], tmp_path)
