"""What befalls a user: each test is a misfortune, and asks that nothing is lost and that the words say what to do.

Elsewhere: data/ missing, cut short or damaged (test_data.py); no network, or a slow one, since nothing is tried
(conftest.py runs every chapter so, test_nbval.py shows that an attempt goes red); a chapter run from the top in JupyterLab
that still shows old outputs (browser/test_chapters.py); a second press of the stop button, and going on from a stop or a
file to exactly the same weights (test_training.py); the kernel killed, and narrow screens (browser/test_misfortunes.py).
"""

import ast
import contextlib
import errno
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import slices
import torch
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook
from offline import attempts, environment
from test_setup import clone  # noqa: F401  a fixture
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.overrides import TorchFunctionMode

from helpers import data, device, training
from helpers.chapters.ch00_start_here import machine
from helpers.costs import cost_table
from helpers.course import notebooks
from helpers.device import preserve_rng, start
from helpers.files import write_whole
from helpers.training import Training, train

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(path.stem for path in slices.FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def digits():
    return data.digits().subset(200)


def linear(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def of(run):
    """Return all that a training has come to, as something to compare."""
    return [p.tolist() for p in run.model.parameters()], run.rows, run.losses


# The stop button. Every training cell of every chapter is run and stopped, but not the chapters around them: only the cells
# that it needs, and in these nothing is trained or measured. It is stopped at the second step of its first network. Were it
# stopped later, more networks would be finished, and the cell would bind the same names.

BY_HAND = {
    "recipe-plateau",
    "recipe-shrink",
    "learn",
    "deform-slide",
}  # a few steps of an optimizer, to show what they do


def trainings():
    chapters = {chapter: slices.code(chapter) for chapter in CHAPTERS}
    return [
        pytest.param(cells, i, id=f"{chapter[:2]}-{cells[i].id}")
        for chapter, cells in chapters.items()
        for i in slices.training_cells(cells)
        if cells[i].id not in BY_HAND
    ]


def at_once(run):
    """Stand in for Training.run: as after one step, with nothing learnt."""
    run.losses, run.norms = [0.0], [0.0]
    return run


class Bench:
    """Run cells in one namespace, and press the stop button at a step. `seen` holds the sum of the weights after each step."""

    def __init__(self):
        self.names, self.seen, self.press_at = {"__name__": "__main__"}, [], None
        self.optimizers = set()

    def after_step(self, optimizer, *_):
        self.optimizers.add(id(optimizer))
        self.seen.append(
            sum(p.detach().double().sum().item() for group in optimizer.param_groups for p in group["params"])
        )
        if len(self.seen) == self.press_at:
            os.kill(os.getpid(), signal.SIGINT)

    def run(self, cell, press_at=None):
        """Run a cell, and return what it printed."""
        self.seen, self.press_at, self.optimizers = [], press_at, set()
        torch.manual_seed(0)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(compile(cell.source, cell.id, "exec"), self.names)
        return said.getvalue()

    def prepare(self, cells, places, monkeypatch):
        """Run the cells at `places` with nothing trained or measured in them."""
        own = {name: network for cell in cells for name, network in slices.own_loops(cell).items()}
        stand_ins = {
            "accuracy": (training, lambda *_: 0.5),
        }
        real = {name: getattr(module, name) for name, (module, _) in stand_ins.items()}
        with monkeypatch.context() as patch:
            patch.setattr(Training, "run", at_once)
            for name, (module, stand_in) in stand_ins.items():
                patch.setattr(module, name, stand_in)
                if name in self.names:
                    self.names[name] = stand_in
            for k in places:
                # what it shows of what was not trained
                with contextlib.suppress(AssertionError, AttributeError, ValueError):
                    self.run(cells[k])
                for name in own.keys() & cells[k].binds:
                    real[name] = self.names[name]
                    self.names[name] = (lambda net, *_, **__: net) if own[name] else (lambda *_, **__: [0.0])
        self.names |= {name: thing for name, thing in real.items() if name in self.names}


@pytest.fixture
def bench():
    made = Bench()
    hook = register_optimizer_step_post_hook(made.after_step)
    yield made
    hook.remove()


def test_every_chapter_that_trains_is_stopped():
    assert {p.id[:2] for p in trainings()} >= {chapter[:2] for chapter in CHAPTERS} - {"00"}


@pytest.mark.long
@pytest.mark.parametrize("cells, i", trainings())
def test_the_stop_button_in_a_training_cell(bench, monkeypatch, cells, i):
    cell = cells[i]
    bench.prepare(cells, slices.needed(cells, i), monkeypatch)
    before = dict(bench.names)
    raised, said = None, ""
    try:
        said = bench.run(cell, press_at=2)
    except KeyboardInterrupt as error:
        raised = error
    first = list(bench.seen)
    assert len(first) == 2, "the training went on after the stop button"
    if raised is None:  # the training of one network, shown while it runs: it stops, and run() goes on
        (run,) = [
            thing
            for name, thing in bench.names.items()
            if isinstance(thing, Training) and before.get(name) is not thing
        ]
        assert "run() goes on" in said and run.stopped == training.STOP_BUTTON and len(run.losses) == 2
        bench.press_at = 3
        run.run()
        assert bench.seen[:2] == first and len(run.losses) == len(bench.seen) == 3
        return
    # The training of many networks: nothing of it may look finished. What the cell makes is not there, and the next cell says so.
    assert any(map(slices.own_loops, cells)) or "run the cell again" in str(raised)
    functions = slices.training_functions(cells)
    assert not [
        node
        for node in cell.tree.body
        if isinstance(node, (ast.For, ast.While)) and (slices.calls(node) & functions or slices.backward(node))
    ], (
        "stopped in a loop, the cell leaves names half filled, and later cells take them for whole: train in a"
        " function, and bind what it returns"
    )
    absent = {name for name in cell.binds if name not in bench.names}
    readers = [k for k in range(i + 1, len(cells)) if cells[k].uses & absent]
    there, trains = {i, *slices.needed(cells, i)}, set(slices.training_cells(cells)) - {i}
    for k in [k for k in readers if not trains.intersection(slices.needed(cells, k))][
        :1
    ]:  # others would refuse the stand-ins first
        bench.prepare(cells, [m for m in slices.needed(cells, k) if m not in there], monkeypatch)
        with pytest.raises(NameError) as caught:
            bench.run(cells[k])
        assert caught.value.name in absent
    later = frozenset().union(*(other.uses for other in cells[i + 1 :]))
    trained = slices.half_trained(cell, functions)
    assert readers or not trained & later, "the cell was stopped, and everything that later cells use is there"
    with pytest.raises(KeyboardInterrupt):
        bench.run(cell, press_at=3)
    turns = len(bench.optimizers)  # where two take turns, a step is whole with both
    assert repr(bench.seen[:2]) == repr(first) and len(bench.seen) == -(-3 // turns) * turns, (  # repr: nan is nan
        "run again, the cell begins differently: something of the first run is left"
    )


def test_one_of_many_trainings_is_not_taken_for_whole(bench, digits):
    bench.press_at = 5
    with pytest.raises(KeyboardInterrupt, match=r"stopped in epoch 2 of 3, after 5 steps\. .* run the cell again"):
        train(linear(), digits, epochs=3, batch_size=50, live=False)
    assert len(bench.seen) == 5 and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    bench.press_at = 9
    with pytest.raises(KeyboardInterrupt, match=r"stopped in epoch 1 of 1, after 4 steps\. .* run the cell again"):
        train(linear(), eight, steps=300, live=False)
    assert len(bench.seen) == 9 and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def eight(dice):
    """A batch of eight, drawn anew at each step."""
    return torch.rand(8, 64, generator=dice), torch.arange(8)


def test_the_stop_button_leaves_the_weights_of_whole_steps(bench):
    def trained(steps, press_at=None):
        bench.seen, bench.press_at, model = [], press_at, linear()
        with contextlib.suppress(KeyboardInterrupt):
            train(model, eight, steps=steps, live=False)
        return [p.tolist() for p in model.parameters()]

    assert trained(30, press_at=4) == trained(4) != trained(30)


def test_the_stop_button_while_the_last_epoch_is_counted(digits, capsys):
    def pressed(*_):
        os.kill(os.getpid(), signal.SIGINT)
        return {"test": 0.5}

    with pytest.raises(
        KeyboardInterrupt, match="stopped in epoch 1 of 1"
    ):  # or the next of many networks would be trained
        train(linear(), digits, test=pressed, epochs=1, live=False)
    run = train(linear(), digits, test=pressed, epochs=1)
    assert run.stopped == training.STOP_BUTTON and len(run.rows) == 1 and "run() goes on" in capsys.readouterr().out
    assert run.run().stopped is None and len(run.losses) == 4


SLOW = """
import time, torch
from helpers import data
from helpers.training import Training, train
digits, asked = data.digits().subset(200), []
def linear():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
def slow(x):
    asked.append(time.sleep(0.02))
    if len(asked) == 3:
        print("press now", flush=True)
    return x
"""
ONE = "run = Training(linear(), digits, epochs=3, batch_size=20, augment=slow)\nrun.run()\nNone"
ON = (
    "run.run()\nwhole = Training(linear(), digits, epochs=3, batch_size=20, live=False).run()\n"
    "print(run.losses == whole.losses, run.rows == whole.rows)"
)
MANY = (
    "asked, draw = [], lambda dice: (slow(torch.rand(8, 64)), torch.arange(8))\n"
    "seen = [train(linear(), draw, steps=300, live=False) for _ in range(3)]"
)


def test_the_stop_button_as_jupyter_presses_it():
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)

    def run(*cells):
        """Put cells into the queue, as Run All does, press the button when one says so; return their replies, and all words."""
        asked, idle, words, replies = [client.execute(cell, stop_on_error=True) for cell in cells], set(), [], {}
        while len(idle) < len(asked):
            message = client.get_iopub_msg(timeout=60)
            words.append(message["content"].get("text", ""))
            if "press now" in words[-1]:
                manager.interrupt_kernel()
            if message["content"].get("execution_state") == "idle":
                idle |= {message["parent_header"]["msg_id"]} & set(asked)
        while not replies.keys() >= set(asked):
            reply = client.get_shell_msg(timeout=60)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]
        return [replies[each] for each in asked], "".join(words)

    try:
        (made,), _ = run(SLOW)
        assert made["status"] == "ok"
        (one, then), said = run(ONE, "print(len(run.losses))")
        assert one["status"] == then["status"] == "ok" and "The model and its history are kept: run() goes on." in said
        assert 3 <= int(said.split()[-1]) < 30
        (on,), said = run(ON)
        assert on["status"] == "ok" and said.endswith("True True\n")
        (many, then), said = run(MANY, "print('the next cell')")
        assert many["ename"] == "KeyboardInterrupt" and "run the cell again" in many["evalue"]
        assert then["status"] == "aborted" and "the next cell" not in said
        (absent,), _ = run("seen")
        assert absent["evalue"] == "name 'seen' is not defined"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_display_twice(digits, capsys):
    run = train(linear(), digits, epochs=2)
    capsys.readouterr()
    before = of(run)
    run.run().run()
    assert of(run) == before and capsys.readouterr().out == ""
    table = cost_table(linear(), (1, 1, 8, 8))
    assert repr(table) == repr(table) and table._repr_html_() == table._repr_html_()


# Machines. A small notebook that uses every room of the course runs on each of them, and must say what it says on a plain one.

SMALL = [
    # where every file is opened with its encoding named, Windows in Korean (cp949) reads the same as Linux
    "import sys, warnings\nwarnings.filterwarnings('error', category=EncodingWarning, module='helpers')",
    (
        "from helpers import costs, data, layers, plots, sequences, shapes, training\nfrom helpers.course import claims"
        " as lecture, source\nfrom helpers.device import start\nfrom helpers.course.exercises import check, hint,"
        " ready, solution\nfrom helpers.models.vgg import vgg11\nimport torch\ndevice = start(seed=0)"
    ),
    (
        "sets = [data.fashion_mnist(), data.digits(), data.shapes(20)]\nprint(sets, [round(each.images.mean().item(),"
        " 4) for each in sets])"
    ),
    "print(len(data.text()), [tuple(data.photograph(name, 64).shape) for name in data.photographs()])",
    (
        "net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\nrun = training.train(net,"
        " sets[1].subset(200), epochs=2, test=data.digits(train=False), title='제목')\nround(run.losses[-1], 3)"
    ),
    (
        "name = 'runs/숫자 1.pt' if sys.getfilesystemencoding() != 'ascii' else 'runs/1.pt'  # in ASCII there are no"
        " such names\nrun.save(name)\nsame = training.Training(net, sets[1].subset(200),"
        " epochs=2).load(name)\nsame.rows == run.rows"
    ),
    "table = costs.cost_table(vgg11(), (1, 3, 224, 224))\ntable.csv('cost table.csv')\ntable",
    "plots.show_images([data.photograph('cat', 64)], ['한글'], alt='the cat')",
    "lecture.settle('A1', net[1].weight.shape == (10, 64), '10 × 64 → weights')\nlecture.summary('A')",
    "source.show_source(shapes.output_size)",
    (
        "def conv_parameters(in_channels, out_channels, kernel_size):\n    return in_channels *"
        " kernel_size**2\ncheck(conv_parameters)"
    ),
    "hint(conv_parameters)",
    "solution(conv_parameters)",
    "from helpers.course.rooms import rooms\n"  # each room reads its files when it is imported
    "explorers = {each.__name__: each for room in rooms() for each in room.explorers}\nlist(explorers)",
    "explorers['ConvolutionExplorer']()",
    "explorers['ReceptiveFieldExplorer']()",
]
ELSEWHERE = (
    "from pathlib import Path\nfrom helpers import data\nassert Path(data.__file__).is_relative_to({!r}) and"
    " data.folder().is_relative_to({!r})"
)
# Nothing may be written but in the folder of the notebook and in the one for temporary files.
WARDEN = """
import os, sys
OPENS = {{"open": 0, "os.mkdir": 0, "os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.link": 1, "os.symlink": 1, "sqlite3.connect": 0}}
def warden(event, args):
    if event not in OPENS or event == "open" and not (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return
    place = args[OPENS[event]]
    if isinstance(place, (str, bytes)) and not os.path.abspath(os.fsdecode(place)).startswith(({allowed!r}, "/dev/")):
        refused.append((event, os.path.abspath(os.fsdecode(place))))
        raise OSError(30, "Read-only file system", place)
refused = []
sys.addaudithook(warden)
"""


def small(folder, cells=(), last=(), again=False, **more):
    """Run the small notebook in a folder, and return the words of each of its outputs; `cells` come after its first one."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [*SMALL[:1], *cells, *SMALL[1:], *last] * (1 + again)
    nb = new_notebook(
        cells=[new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "x"}},
    )
    log = folder / "attempts"
    notebooks.run(nb, folder, {**environment(log), **more})
    assert attempts(log) == []
    return [
        [(output.get("text") or output.data["text/plain"]) for output in cell.outputs if output.get("name") != "stderr"]
        for cell in notebooks.tidy(nb).cells
        if cell.source not in (*cells, *last)
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The words of the small notebook, run twice in a row, in one kernel."""
    return small(tmp_path_factory.mktemp("plain"), again=True)


@pytest.mark.long
def test_run_twice_in_a_row(plain):
    first, second = plain[: len(SMALL)], plain[len(SMALL) :]
    assert all(first[2:])
    assert second == first


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_second_run_begins_as_the_first(chapter):
    # Within a chapter nothing is read before it is bound, or nbval's run in a fresh kernel would have raised. What a second run
    # in the same kernel could still take over are the random states and torch's settings, and start() sets them.
    first = slices.code(chapter)[0]
    starts = [
        node for node in ast.walk(first.tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "start"
    ]
    assert starts, (
        f"{first.id} does not call start(): run twice in a row, the chapter would begin with other random numbers"
    )


@pytest.mark.long
def test_a_path_with_spaces_and_korean_letters_in_korea(plain, tmp_path):
    course = tmp_path / "영상 모델 course"
    for part in ("helpers", "data"):
        shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns("__pycache__", "full"))
    here = str(course)
    path = os.pathsep.join([environment("")["PYTHONPATH"], here])
    said = small(
        course / "notebooks",
        [ELSEWHERE.format(here, here)],
        PYTHONPATH=path,
        LANG="ko_KR.UTF-8",
        LC_ALL="ko_KR.UTF-8",
        TZ="Asia/Seoul",
    )
    assert said == plain[: len(SMALL)]
    assert (course / "notebooks/runs/숫자 1.pt").exists() and (course / "notebooks/cost table.csv").exists()


def korean_locale(folder):
    """Make a locale in which text is EUC-KR, as Korean Windows has it, not UTF-8; return its folder."""
    if not shutil.which("localedef"):
        return None
    done = subprocess.run(["localedef", "-i", "ko_KR", "-f", "EUC-KR", folder / "ko_KR.EUC-KR"], capture_output=True)
    return folder if done.returncode in (0, 1) and (folder / "ko_KR.EUC-KR").exists() else None


OTHER = dict(
    PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONWARNDEFAULTENCODING="1"
)  # or Python would take UTF-8 all the same
REALLY = "import codecs, locale\nassert codecs.lookup(locale.getpreferredencoding(False)).name == {!r}"


@pytest.mark.long
def test_another_locale_and_time_zone(plain, tmp_path):
    if not str(ROOT).isascii():  # Python itself does not start: it cannot write its own path, made of UTF-8, in EUC-KR
        pytest.skip("the course lies in a folder whose name is not ASCII, and a locale other than UTF-8 cannot name it")
    made = korean_locale(tmp_path)
    if made is None:
        pytest.skip("this machine cannot make a Korean locale: localedef, or its sources of ko_KR, are missing")
    locale = dict(LANG="ko_KR.EUC-KR", LC_ALL="ko_KR.EUC-KR", LOCPATH=str(made), TZ="Pacific/Kiritimati")
    assert small(tmp_path / "notebooks", [REALLY.format("euc_kr")], **OTHER, **locale) == plain[: len(SMALL)]


@pytest.mark.long
def test_no_home_no_locale_and_nothing_to_write_to_but_the_notebooks_folder(plain, tmp_path, monkeypatch):
    # root may write anywhere, so an audit hook stands for a read-only system: the course, data/ and all else
    for name in list(os.environ):
        if name.startswith(("XDG_", "JUPYTER", "IPYTHON", "MPL")) or name in ("LANG", "LC_ALL"):
            monkeypatch.delenv(name)
    (tmp_path / "tmp").mkdir()
    nowhere = "/proc/nonexistent"  # which not even root can make
    there = (
        f"assert os.path.expanduser('~') == {nowhere!r}\ntry:\n    open({os.fsencode(ROOT / 'data' / 'x')!r},"
        " 'w')\nexcept OSError:\n    refused.clear()"
    )
    told = f"print(*(place for _, place in refused), sep='\\n', file=open({str(tmp_path / 'refused')!r}, 'w'))"
    # From a folder whose name is not ASCII torch cannot be imported in ASCII, so there Python takes UTF-8, as it does by itself.
    ascii_only, encoding = (OTHER, "ascii") if str(ROOT).isascii() else ({}, "utf-8")
    said = small(
        tmp_path / "notebooks",
        [WARDEN.format(allowed=str(tmp_path)), there, REALLY.format(encoding)],
        [told],
        **ascii_only,
        LC_ALL="C",
        HOME=nowhere,
        TMPDIR=str(tmp_path / "tmp"),
        TEMP="",
        TMP="",
    )
    assert said == plain[: len(SMALL)]
    refused = (tmp_path / "refused").read_text().split("\n")
    assert [
        place
        for place in refused
        if place and not place.startswith(nowhere) and "__pycache__" not in place and "torchinductor" not in place
    ] == []  # caches, which Python and torch can do without


def test_make_lab_without_a_home(clone, monkeypatch):  # noqa: F811
    done, (_, lab) = clone("lab", "LAB_ARGS=--at=$$HOME", pythons={"python3": 0})
    assert lab.endswith(f"--at={os.environ['HOME']}") and "home folder" not in done.stdout
    monkeypatch.setenv("HOME", "/proc/nonexistent")
    done, (lab,) = clone("lab", "LAB_ARGS=--at=$$HOME", pythons={"python3": 0})
    home = clone.folder / ".venv/home"
    assert (
        lab.endswith(f"--at={home}")
        and home.is_dir()
        and "what JupyterLab remembers goes into .venv/home" in done.stdout
    )


# Saving on a disk that is full, or that is not one's own.


@pytest.fixture
def full_disk(monkeypatch):
    """Return a function that makes the disk full for the next file: some file systems say so only when they are to keep it."""
    keep = os.fsync

    def fill():
        def full(file):
            monkeypatch.setattr(os, "fsync", keep)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)

    return fill


def test_a_full_disk_while_a_training_is_saved(digits, tmp_path, full_disk):
    path = tmp_path / "runs" / "my run.pt"
    run = train(linear(), digits, epochs=1, live=False)
    run.save(path)
    before = path.read_bytes()
    run.epochs = 2
    run.run()
    full_disk()
    with pytest.raises(
        OSError,
        match=(
            r"my run\.pt \(0\.0 MiB\) could not be saved: No space left on device; the older file is as it was\. Make"
            r" room"
        ),
    ) as caught:
        run.save(path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    assert len(Training(linear(1), digits, epochs=2, live=False).load(path).rows) == 1
    run.save(path)  # there is room again
    assert of(Training(linear(1), digits, epochs=2, live=False).load(path)) == of(run)
    full_disk()
    with pytest.raises(OSError, match="No space left on device; nothing was written"):
        run.save(path.with_name("new.pt"))


def test_a_full_disk_while_notebooks_and_tables_are_saved(tmp_path, full_disk, monkeypatch, capsys):
    path = tmp_path / "01_small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), path)
    before = path.read_bytes()
    monkeypatch.setattr(notebooks, "find", lambda wanted: [path])
    monkeypatch.setattr(notebooks, "run", lambda nb, folder: nb)
    full_disk()
    with pytest.raises(OSError, match="01_small.ipynb .*No space left on device; the older file is as it was"):
        notebooks.main([])
    assert path.read_bytes() == before
    assert notebooks.main([]) == 0 and nbformat.read(path, 4).cells[0].source == "1 + 1"
    full_disk()
    with pytest.raises(OSError, match="costs.csv .*No space left"):
        cost_table(linear(), (1, 1, 8, 8)).csv(tmp_path / "costs.csv")


def test_a_place_where_nothing_can_be_saved(tmp_path):
    (tmp_path / "a file").write_text("")
    for path, kind in (
        (Path("/proc/nonexistent/run.pt"), OSError),
        (tmp_path / "a file" / "run.pt", FileExistsError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(kind, match="could not be saved: .* save into another folder"):
            write_whole(path, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a file"] and not list(tmp_path.parent.glob(".*.part"))


WRITER = """
import sys
from helpers.files import write_whole
for _ in range(40):
    write_whole(sys.argv[1], sys.argv[2].encode() * int(sys.argv[3]))
"""


def test_two_who_write_at_once_do_not_mix(tmp_path):
    path, sizes = tmp_path / "run.pt", {b"a": 5_000_000, b"b": 3_000_000}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), letter.decode(), str(size)], cwd=ROOT, stderr=subprocess.PIPE
        )
        for letter, size in sizes.items()
    ]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            found = path.read_bytes()
            assert found == found[:1] * sizes[found[:1]], "half of one, or a mixture of both"
    assert [writer.communicate()[1].decode() for writer in writers] == ["", ""]
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_training_that_was_damaged_says_so(digits, tmp_path):
    path, dice = tmp_path / "run.pt", random.Random(0)
    run = train(linear(), digits, epochs=1, live=False)
    run.save(path)
    whole, other, found = path.read_bytes(), Training(linear(), digits, epochs=1, live=False), 0
    words = r"run\.pt is cut short or damaged, \d+ bytes: train anew, and save\(\) over it"
    for share in (0, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=words):
            other.load(path)
    for _ in range(200):
        bit = dice.randrange(8 * len(whole))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            other.load(path)
        except ValueError as error:
            assert re.search(words, str(error))
            found += 1
        else:  # a bit of the padding between the parts
            assert of(other) == of(run)
    assert found > 100
    with pytest.raises(FileNotFoundError):
        other.load(tmp_path / "another.pt")


# Half the memory. (benchmarks/chapters.py measures what each chapter takes.) A step for which there is no memory leaves the
# training as it was before it, and what was saved can be read.

TOO_MUCH = """
import resource, sys, torch
sys.path.insert(0, {tests!r})
from test_misfortunes import data, linear, of, train, Training
digits = data.digits().subset(200)
def greedy(images):
    if len(run.losses) == 6 and limited:
        torch.ones(2**28)
    return images
limited, path = True, {path!r}
run = Training(linear(), digits, epochs=3, batch_size=50, live=False, augment=greedy)
run.epochs = 1
run.run().save(path)
run.epochs = 3
used = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))) * 1024
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, hard))
try:
    run.run()
except (RuntimeError, MemoryError) as error:
    print("memory" in str(error).lower(), len(run.losses))
run.save(path + "2")
limited = False
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
whole = train(linear(), digits, epochs=3, batch_size=50, live=False)
saved, later = (Training(linear(1), digits, epochs=3, batch_size=50, live=False).load(path + end).run() for end in ("", "2"))
print(of(run.run()) == of(whole), of(saved) == of(whole), of(later) == of(whole))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell what a process takes")
def test_no_memory_left_while_training(tmp_path):
    code = TOO_MUCH.format(tests=str(ROOT / "tests"), path=str(tmp_path / "run.pt"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stdout == "True 6\nTrue True True\n", done.stdout + done.stderr


# An accelerator that is there and does not work.


class BrokenAccelerator(TorchFunctionMode):
    """Whatever is to be on the accelerator fails, as with a driver that does not fit."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if "cuda" in str((kwargs or {}).get("device", "")):
            raise RuntimeError(
                "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be ..."
            )
        return function(*args, **(kwargs or {}))


@pytest.fixture
def broken_cuda(monkeypatch):
    def no_driver():
        raise RuntimeError("Unexpected error from cudaGetDeviceCount()")

    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "_lazy_init", no_driver)
    monkeypatch.setattr(device, "broken", "")
    with BrokenAccelerator():
        yield


def test_a_broken_accelerator_is_told_and_the_cpu_goes_on(broken_cuda, digits, capsys):
    with pytest.raises(RuntimeError):  # it is broken for who asks, as torch's own default would
        torch.random.fork_rng().__enter__()
    assert start(seed=0) == torch.device("cpu")
    said = capsys.readouterr()
    assert said.out == ""  # which is compared between machines
    assert (
        said.err
        == "The accelerator of this machine does not work (CUDA error: no kernel image is available for execution on"
        " the device), so the CPU computes. It is enough for this course; look at the driver and at which torch is"
        " installed if you want the accelerator.\n"
    )
    assert machine.processor() == (
        "note",
        (
            "an accelerator is there but a small product on it failed, so the CPU is used: look at its "
            "driver (CUDA error: no kernel image is available for execution on the device)"
        ),
    )
    assert machine.training()[0] in ("ok", "note")
    run = train(linear(), digits, epochs=1, live=False)  # torch's own Adam asks the accelerator at each step
    assert next(run.model.parameters()).device.type == "cpu" and len(run.rows) == 1
    assert torch.cuda.is_available() and torch.accelerator.is_available(), "for others it is what torch says that it is"
    assert torch.accelerator.current_accelerator() == torch.device("cuda")
    assert cost_table(linear(), (1, 1, 8, 8)).total.params == 650
    with pytest.raises(
        ValueError, match=r"(?s)device \(='cuda'\) cannot compute here: CUDA error.*; use pick_device\(\)"
    ):
        train(linear(), digits, device="cuda")


def test_an_accelerator_that_cannot_even_be_asked(monkeypatch, capsys):
    def broken():
        raise RuntimeError("driver too old")

    for name in ("is_available", "current_accelerator"):
        monkeypatch.setattr(torch.accelerator, name, broken)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "broken", "")
    assert start(seed=0) == torch.device("cpu") and "(driver too old)" in capsys.readouterr().err
    monkeypatch.setattr(device, "broken", "")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert start(seed=0) == torch.device("cpu") and capsys.readouterr().err == ""


def test_seeds_within_preserve_rng_change_nothing_outside():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with preserve_rng():
        torch.manual_seed(5)
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)


# A machine without a browser.


def test_without_chromium_the_browser_tests_are_skipped_aloud(tmp_path):
    env = {name: value for name, value in os.environ.items() if name not in ("CHROMIUM", "PYTEST_ADDOPTS")} | {
        "PATH": str(tmp_path)
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "tests/browser/test_misfortunes.py",
        ],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ skipped", done.stdout.splitlines()[-1]) and "no Chromium on this machine" in done.stdout
    assert "BROWSER TESTS SKIPPED" in done.stdout and "apt install chromium" in done.stdout
