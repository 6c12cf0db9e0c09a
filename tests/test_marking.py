"""Marks that hold: whatever a student's code does to its own process, right is only what returns the right values."""

import json
import os
import socket
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers.course.exercises import solutions
from helpers.course.exercises.engine import EXERCISES, Exercise, diagnose
from helpers.course.marking import judge, marking, sandbox, seal, wire
from helpers.course.rooms import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the processes for students' code are POSIX's")
NAME = "conv_parameters"  # in_channels, out_channels, kernel_size
HEAD = f"def {NAME}(in_channels, out_channels, kernel_size):"
RIGHT = f"{HEAD}\n    return out_channels * (in_channels * kernel_size**2 + 1)\n"


@pytest.fixture(scope="module")
def box():
    with sandbox.Box() as box:
        yield box


def body(text):
    return f"{HEAD}\n{textwrap.indent(textwrap.dedent(text).strip(), '    ')}\n"


def marked(box, source, before=(), name=NAME):
    return judge.mark(box, name, list(before), textwrap.dedent(source))


@pytest.fixture
def invent():
    made = []

    def make(reference, cases, **options):
        made.append("invented")
        exercise = Exercise("invented", reference, cases=lambda: cases, **options)
        judge.bench.cache_clear()
        return exercise

    yield make
    for name in made:
        del EXERCISES[name]
    judge.bench.cache_clear()


# ---- what is right, and what is not


@pytest.mark.parametrize("name", list(EXERCISES))
def test_every_solution_is_right_and_every_stub_is_open(box, name):
    before = [solutions.files()[name].read_text(encoding="utf-8").split("# %%")[0]]
    right = judge.mark(box, name, before, solutions.source(name))
    assert (right.status, right.share) == ("right", 1.0), right
    stub = judge.mark(box, name, before, solutions.stub(name))
    assert (stub.status, stub.share) == ("todo", 0.0), stub


@pytest.mark.parametrize(
    "name, source",
    [
        (NAME, f"{HEAD}\n    return out_channels * in_channels * kernel_size**2"),
        ("blur_pool", "def blur_pool(x):\n    return x[::2, ::2]"),
        ("fc6_parameters", "fc6_parameters = 256 * 6 * 6 * 4096"),
        ("rotate", "def rotate(x):\n    return x"),
        ("residual_block", "def residual_block(x, weight1, weight2):\n    return x.detach()"),
        (NAME, body("return out_channels / 0")),
        (NAME, body("return print(3)")),
        (NAME, f"def {NAME}(a, b):\n    return 3"),
        (NAME, f"{NAME} = 3"),
    ],
)
def test_the_sentence_is_the_notebooks(box, name, source):
    """The student is told by the mark what check() tells in the notebook, line numbers and all."""
    namespace = {"__name__": "__main__"}
    exec(compile(source, "cell", "exec"), namespace)
    told, mark = diagnose(name, namespace[name]), marked(box, source, name=name)
    assert mark.status in ("wrong", "partly")
    words = mark.sentence.replace(
        f", `{source.splitlines()[-1].strip()}`", ""
    )  # in a notebook with the cell's text, too
    assert words.startswith(told.message.split(", and is")[0].rstrip(".")), (told.message, mark.sentence)


def test_some_cases_are_some_points(box):
    thirds = "def weights_saved(kernel_size):\n    return 1 - 9 * (kernel_size // 3) / kernel_size**2"
    mark = marked(box, thirds, name="weights_saved")
    assert (mark.status, mark.share, mark.cases) == ("partly", 1 / 5, 5) and "is not K/3" in mark.sentence
    whole = judge.mark(box, "weights_saved", [], thirds, by_case=False)
    assert (whole.status, whole.share, whole.mistake) == ("wrong", 0.0, mark.mistake)


# ---- forging: a wrong answer, and what might make it right

FORGED = {
    "prints that it is right": "print('Right. passed 1.0 ok'); return 0",
    "leaves": "import sys; sys.exit(0)",
    "ends Python": "import os; os._exit(0)",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "kills its group": "import os, signal; os.kill(0, signal.SIGKILL)",
    "kills its parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL); return 0",
    "kills everything": "import os, signal; os.getpid() == 1 and os.kill(-1, signal.SIGKILL); return 0",
    "replaces the comparison": """
        import helpers.course.exercises.compare as compare, helpers.course.exercises.run as run
        compare.difference = compare._difference = lambda *_, **__: None
        run._unchanged = lambda *_: True
        return 0
        """,
    "replaces the check": """
        import helpers.course.exercises as e
        e.check = e.ready = lambda *_, **__: True
        return 0
        """,
    "replaces the judge in sys.modules": """
        import sys, types
        for name in list(sys.modules):
            if name.startswith("helpers"):
                sys.modules[name] = types.SimpleNamespace(judge=lambda *_: ("right", 1.0), mark=lambda *_: 1.0)
        return 0
        """,
    "imports the judge": "from helpers.course.marking import judge; judge.judge = judge.weighed = lambda *_: 1.0; return 0",
    "edits builtins": """
        import builtins
        builtins.all = builtins.isinstance = lambda *_: True
        builtins.any = lambda *_: False
        builtins.len = lambda *_: 3
        return 0
        """,
    "equals everything": """
        class Yes(int):
            __eq__ = __ge__ = __le__ = lambda *_: True
            __hash__ = int.__hash__
        return Yes(0)
        """,
    "edits the classes of results": """
        import helpers.course.exercises.run as run
        run.Outcome.__eq__ = lambda *_: True
        run.Outcome.value = property(lambda self: "right", lambda self, value: None)
        return 0
        """,
    "borrows by garbage collection": """
        import gc, types
        for each in gc.get_objects():
            if isinstance(each, types.FunctionType) and "exercises.py" in each.__code__.co_filename:
                return each(in_channels, out_channels, kernel_size)
            if type(each).__name__ == "Exercise" and hasattr(each, "reference"):
                return each.reference(in_channels, out_channels, kernel_size)
        return 0
        """,
    "borrows from the frames above": """
        import sys
        frame = sys._getframe()
        while frame:
            for value in list(frame.f_locals.values()):
                if hasattr(value, "reference"):
                    return value.reference(in_channels, out_channels, kernel_size)
            frame = frame.f_back
        return 0
        """,
    "imports the exercises": """
        from helpers.chapters.ch01_convolution import exercises
        return exercises._parameters(in_channels, out_channels, kernel_size)
        """,
    "imports the solutions": """
        from helpers.chapters.ch01_convolution.solutions import conv_parameters
        return conv_parameters(in_channels, out_channels, kernel_size)
        """,
    "asks for the solution": """
        from helpers.course.exercises import solutions
        names = {}
        exec(solutions.source("conv_parameters"), names)
        return names["conv_parameters"](in_channels, out_channels, kernel_size)
        """,
    "reads the solutions where the course lies": f"""
        import glob
        for path in glob.glob({str(sandbox.HELPERS)!r} + "/chapters/*/solutions.py"):
            names = {{}}
            exec(open(path).read(), names)
            if "conv_parameters" in names:
                return names["conv_parameters"](in_channels, out_channels, kernel_size)
        return 0
        """,
    "puts the course on the path": f"""
        import sys
        for name in [n for n in sys.modules if n.startswith("helpers")]:
            del sys.modules[name]
        sys.path.insert(0, {str(sandbox.HELPERS.parent)!r})
        from helpers.chapters.ch01_convolution.solutions import conv_parameters
        return conv_parameters(in_channels, out_channels, kernel_size)
        """,
    "reads the marker's memory": """
        import os
        memory = open(f"/proc/{os.getppid()}/mem", "rb")
        return 0
        """,
    "writes verdicts to the socket": """
        import json, os, struct
        text = json.dumps({"verdict": "right", "status": "right", "share": 1.0, "outcome": {"right": True, "value": "right"}}).encode()
        for fd in range(3, 64):
            try:
                os.write(fd, struct.pack("!I", len(text)) + text)
            except OSError:
                pass
        return 0
        """,
    "writes nonsense to the socket": """
        import os
        for fd in range(3, 64):
            try:
                os.write(fd, b"\\xff" * 99)
            except OSError:
                pass
        return 0
        """,
    "claims a function of the marker": """
        import json, os, struct
        text = json.dumps({"function": 0, "args": {"list": []}, "kwargs": {"dict": []}}).encode()
        for fd in range(3, 64):
            try:
                os.write(fd, struct.pack("!I", len(text)) + text)
            except OSError:
                pass
        return 0
        """,
    "has too much to say": "return 'right' * 10**7",
    "takes all memory": "import torch; return torch.ones(10**10)",
    "is nested without end": """
        value = []
        for _ in range(100_000):
            value = [value]
        return value
        """,
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_answer_is_worth_nothing(box, how):
    mark = marked(box, body(FORGED[how]))
    assert mark.status == "wrong" and mark.share == 0 and mark.sentence, mark
    assert marked(box, RIGHT).status == "right", "the next answer is not harmed"


def test_what_is_forged_outside_the_function_is_worth_nothing(box):
    """The same, done as the cell is run, before anything is asked."""
    for text in (FORGED["kills its parent"], FORGED["writes verdicts to the socket"], FORGED["edits builtins"]):
        early = textwrap.indent(textwrap.dedent(text).replace("return 0", "pass"), "    ")
        mark = marked(box, f"def early():\n{early}\nearly()\n{body('return 0')}")
        assert mark.share == 0 and mark.status == "wrong", mark
    assert marked(box, RIGHT).status == "right"


def test_the_checks_above_would_find_a_right_answer(box):
    assert marked(box, body("return out_channels * (in_channels * kernel_size**2 + 1)")).share == 1.0


# ---- what it may do, and what not


def values(box, invent, expression, *expected):
    """Return the mark of a function that tells what an expression comes to."""
    invent(lambda x: expected[0], [{"x": 1}], seconds=3)
    return marked(box, f"def invented(x):\n    {expression}", name="invented")


linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux keeps it from this; the report tells where nothing does"
)


@linux
def test_it_reaches_no_network(box, invent):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        invent(lambda x: "refused", [{"x": 1}])
        mark = marked(
            box,
            f"""
            import socket
            def invented(x):
                try:
                    socket.create_connection(("127.0.0.1", {port}), 5)
                except OSError:
                    return "refused"
                return "connected"
            """,
            name="invented",
        )
    assert box.sealed["network"] and mark.status == "right", mark


@linux
@pytest.mark.skipif(not seal.version(), reason="this kernel has no Landlock; the report tells so")
def test_it_reads_and_writes_no_file_of_ours(box, invent, tmp_path):
    theirs = tmp_path / "other.ipynb"
    theirs.write_text("secret")
    targets = [
        theirs,
        ROOT / "pyproject.toml",
        sandbox.HELPERS / "chapters/ch01_convolution/solutions.py",
        Path("/proc/1/environ"),
    ]
    invent(lambda path, how: "no", [{"path": str(p), "how": how} for p in targets for how in "ra"] + [
        {"path": str(box.course / "helpers/__init__.py"), "how": "a"},
        {"path": str(box.scratch / "left.py"), "how": "w"},
    ])  # fmt: skip
    mark = marked(
        box,
        """
        def invented(path, how):
            try:
                with open(path, how) as file:
                    file.read() if how == "r" else file.write("x")
            except OSError:
                return "no"
            return "yes"
        """,
        name="invented",
    )
    assert box.sealed["files"] and mark.status == "right", mark
    assert theirs.read_text() == "secret"


def test_it_reads_the_data_and_uses_the_course(box, invent):
    invent(lambda n: [3, 32, 32], [{"n": 32}])
    source = "from helpers import data\ndef invented(n):\n    return list(data.photograph('cat', n).shape)[-3:]"
    assert marked(box, source, name="invented").status == "right"


def test_nothing_that_it_started_goes_on(box, invent):
    invent(lambda x: 1, [{"x": 1}])
    marker = f"marking-test-{os.getpid()}"
    source = f"""
    import subprocess, sys
    def invented(x):
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", {marker!r}], start_new_session=True)
        return 1
    """
    assert marked(box, source, name="invented").status == "right"
    for _ in range(50):
        running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if marker.encode() in _read(p)]
        if not running:
            break
        time.sleep(0.1)
    assert running == []


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="Linux does not limit root's processes")
def test_it_cannot_fork_without_end(box, invent):
    invent(lambda x: "stopped", [{"x": 1}])
    source = """
    import os, time
    def invented(x):
        for _ in range(500):
            try:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
            except OSError:
                return "stopped"
        return "forked"
    """
    assert marked(box, source, name="invented").status == "right"


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "import time; time.sleep(10**6)",
        "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    ],
)
def test_an_endless_answer_is_ended(box, invent, loop):
    invent(lambda x: x, [{"x": 1}, {"x": 2}, {"x": 3}], seconds=0.5)
    started = time.monotonic()
    mark = marked(box, f"def invented(x):\n    if x < 3: return x\n    {loop}", name="invented")
    assert mark.share == 2 / 3 and "no answer after 0.5 seconds" in mark.sentence, mark
    assert time.monotonic() - started < 90


def test_prints_without_end_do_no_harm(box):
    assert (
        marked(
            box,
            body("for _ in range(1000): print('x' * 10_000)\nreturn out_channels * (in_channels * kernel_size**2 + 1)"),
        ).share
        == 1
    )


def test_a_cell_that_fails_says_where(box):
    mark = marked(box, f"x = 1\nraise ValueError('by hand')\n{RIGHT}")
    assert mark.sentence == "the cell raises **ValueError** in line 2: by hand." and mark.share == 0
    mark = marked(box, body("return helper(3)"), before=["def helper(x): return undefined_here"])
    assert "NameError" in mark.sentence
    mark = marked(box, RIGHT, before=["raise RuntimeError", "import math"])
    assert mark.share == 1, "what is not needed may fail"


def test_a_larger_result_than_is_sent_is_told(box, invent):
    invent(lambda n: torch.zeros(3), [{"n": 3}])
    mark = marked(box, "import torch\ndef invented(n):\n    return torch.zeros(4_000_000)", name="invented")
    assert mark.share == 0 and "shape (4000000,)" in mark.sentence


@pytest.fixture(scope="module")
def unsealed():
    """A Box on a machine whose kernel can neither hide files nor the network, nor give a process a world of its own."""
    nothing = "\n\ndef refuse(*_, **__):\n    return False\n\n\nconfine = no_network = own_processes = refuse\n"

    class Open(sandbox.Box):
        def _start(self):
            path = self.course / "helpers/course/marking/seal.py"
            if "def refuse" not in path.read_text(encoding="utf-8"):
                path.write_text(path.read_text(encoding="utf-8") + nothing, encoding="utf-8")
            super()._start()

    with Open() as box:
        yield box


WITHIN = ["prints that it is right", "leaves", "ends Python", "kills its parent", "replaces the comparison", "edits builtins",
          "borrows by garbage collection", "imports the solutions", "imports the exercises", "writes verdicts to the socket"]  # fmt: skip


@pytest.mark.parametrize("how", WITHIN)
def test_without_the_kernels_help_the_comparison_still_holds(unsealed, how):
    """What is in the process is worth nothing there either; what lies in files is within reach, and that is told."""
    assert unsealed.sealed == {"files": False, "network": False}
    assert marked(unsealed, body(FORGED[how])).share == 0
    assert marked(unsealed, RIGHT).status == "right"


# ---- values as text

VALUES = [
    None, True, 0, -(2**70), 3.5, float("inf"), 1 + 2j, "한국", "\ud800", ..., [1, (2, [3])], {"a": 1, 2: (3,)},
    torch.tensor(3.5), torch.randn(2, 3), torch.zeros(0, 4), torch.tensor([True]), torch.arange(3), torch.randn(2, 3).T,
    torch.randn(2).bfloat16(), torch.randn(2, dtype=torch.complex64), torch.eye(2).numpy(),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back(value):
    back = wire.unpacked(json.loads(json.dumps(wire.packed(value))))
    assert type(back) is type(value)
    if isinstance(value, torch.Tensor):
        assert back.dtype == value.dtype and back.shape == value.shape and torch.equal(back, value)
    elif hasattr(value, "dtype"):
        assert (back == value).all() and back.dtype == value.dtype
    else:
        assert back == value


def test_not_a_number_comes_back():
    assert wire.unpacked(wire.packed(float("nan"))) != wire.unpacked(wire.packed(float("nan")))


def test_a_network_comes_back_as_torchs_own_layers():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, bias=False),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.Sequential(nn.Flatten(), nn.Linear(18, 3)),
    )
    net.eval()
    back, x = wire.unpacked(wire.packed(net)), torch.randn(4, 1, 3, 3)
    assert torch.equal(back(x), net(x)) and [type(m) for m in back.modules()] == [type(m) for m in net.modules()]

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 3)

        def forward(self, x):
            raise RuntimeError("never run elsewhere")

    bag = wire.unpacked(wire.packed(Own()))
    assert isinstance(bag, wire.Bag) and [p.shape for p in bag.parameters()] == [(3, 2), (3,)]


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(3, 4, 2, batch_first=True),
        nn.LSTM(3, 4, bias=False, bidirectional=True, proj_size=2),
        nn.GRU(3, 4, 2, dropout=0.5),
        nn.RNN(3, 4, nonlinearity="relu", bias=False),
        nn.RNN(3, 4, num_layers=2),
    ],
    ids=repr,
)
def test_a_recurrent_layer_comes_back_with_its_gradients(layer):
    layer.eval()
    back, x = wire.unpacked(wire.packed(layer)), torch.randn(2, 5, 3)
    grads = [torch.autograd.grad(each(x)[0].square().sum(), [*each.parameters()]) for each in (layer, back)]
    assert torch.equal(back(x)[0], layer(x)[0]) and repr(back) == repr(layer)
    assert all(torch.equal(*pair) for pair in zip(*grads, strict=True))


@pytest.mark.parametrize(
    "told",
    [
        {}, {"pickle": "x"}, {"int": "zz"}, {"float": 3}, {"tensor": "!!", "shape": [1], "dtype": "float32"},
        {"tensor": "AAAA", "shape": [10**9], "dtype": "float32"}, {"tensor": "", "shape": [-1], "dtype": "float32"},
        {"tensor": "AAAAAA==", "shape": [1], "dtype": "qint8"}, {"layer": "Module", "made": {}, "state": []},
        {"layer": "Linear", "made": {"in_features": 10**12, "out_features": 10**12}, "state": [], "training": True},
        {"layer": "os.system", "made": {}, "state": [], "training": True}, {"function": 0}, {"constant": "exit"}, [1], 1.5,
        {"dict": [[{"list": []}, 1]]}, {"list": 3},
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(told):
    with pytest.raises(wire.Broken):
        wire.unpacked(told)


@pytest.mark.parametrize("data", [b"", b"\0\0", struct.pack("!I", 5) + b"[1,2]", struct.pack("!I", 2**31), struct.pack("!I", 4) + b"\xff" * 4,
                                  struct.pack("!I", 50_000) + b"[" * 50_000])  # fmt: skip
def test_what_is_no_message_is_refused(data):
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(data)
        theirs.close()
        with pytest.raises(wire.Broken):
            wire.receive(ours)


def test_the_copy_of_a_read_only_installation_can_be_written_to(monkeypatch, tmp_path):
    shared = tmp_path / "shared/helpers/course/exercises"
    shared.mkdir(parents=True)
    (shared / "__init__.py").write_text("secret")
    (shared / "run.py").write_text("")
    for path in [*shared.iterdir(), shared]:
        path.chmod(path.stat().st_mode & ~0o222)
    monkeypatch.setattr(sandbox, "HELPERS", shared.parents[1])
    (tmp_path / "copy").mkdir()
    made = sandbox.copy_course(tmp_path / "copy")
    shared.chmod(0o700)
    assert all(path.stat().st_mode & 0o200 for path in made.rglob("*"))
    assert "secret" not in (made / "helpers/course/exercises/__init__.py").read_text()


def test_no_module_but_the_worker_runs_files(box):
    """What runs a student's cells is one function, in the process that was sealed."""
    running = [p.name for p in sandbox.HELPERS.rglob("*.py") if "SourceFileLoader" in p.read_text(encoding="utf-8")]
    assert running == ["worker.py"]
    inside = {p.relative_to(box.course).as_posix() for p in box.course.rglob("*.py")}
    assert not [path for path in inside if path.endswith(("/exercises.py", "/solutions.py", "/engine.py"))]
    assert {p.name for p in (box.course / "helpers/course/marking").iterdir()} == sandbox.SAFE["marking"]


def test_it_needs_no_network_and_no_rights_to_start(box):
    """The process for students' code runs as this user; where the kernel cannot seal it, that is told, and nothing is claimed."""
    assert set(box.sealed) == {"files", "network"} and all(type(each) is bool for each in box.sealed.values())
    done = subprocess.run(
        [sys.executable, "-c", "import helpers.course.marking"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and marking.chapters()["01_convolution"][0] == "conv2d_loops"
