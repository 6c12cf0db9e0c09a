"""The marker's side of worker.py: start it in a copy of the course that knows no answers, and put one answer after the other to it."""

import builtins
import contextlib
import inspect
import json
import os
import shutil
import site
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

from helpers.course.exercises import run
from helpers.course.marking import seal, wire
from helpers.data import files

HELPERS = Path(__file__).resolve().parents[2]
# In the copy check() and the others are there, so that cells that import them run, and do nothing.
QUIET = '''"""Stands in for the exercises while marking."""


def check(*_, **__):
    """Say nothing."""


hint = solution = check


def ready(name, answer=None):
    """Return the answer itself."""
    return name if answer is None else answer
'''
SAFE = {
    "exercises": {"run.py", "compare.py", "reading.py"},
    "marking": {"__init__.py", "wire.py", "seal.py", "worker.py"},
}
AT_ONCE = threading.Lock()  # random states and the trusted functions are the process's own


@dataclass
class Told:
    """What came back of an answer. All of it is the other process's word, and only `got` decides anything."""

    facts: dict = field(default_factory=dict)
    problem: str = ""  # why its cell did not run, or what before it did not
    got: list = field(default_factory=list)  # an Outcome for each case
    printed: bool = False
    ended: str = ""  # "" where it answered to the last case, else "late" or "gone"


def copy_course(folder):
    """Copy helpers into a folder, without the exercises, their solutions, and what marks them; return the folder."""

    def left_out(where, names):
        where = Path(where)
        if safe := SAFE.get(where.name if where.parent.name == "course" else ""):
            return [name for name in names if name not in safe]
        secret = {"exercises.py", "solutions.py"}
        hidden = secret if where.parent.name == "chapters" else {"slides_assets", "template", "shipped"}
        return [name for name in names if name in hidden or name == "__pycache__"]

    shutil.copytree(HELPERS, folder / "helpers", ignore=left_out, copy_function=shutil.copyfile)
    for made in (folder / "helpers").rglob("*"):  # a shared installation is read-only, its copy is not
        if made.is_dir():
            made.chmod(0o700)
    (folder / "helpers/course/exercises/__init__.py").write_text(QUIET, encoding="utf-8")
    return folder


class Box:
    """A worker, for use in a `with`; answer() puts one answer to it.

    sealed: after the start, {"files": bool, "network": bool}: what the kernel keeps the student's code from
    """

    def __init__(self):
        self.sealed, self.process, self.control = {}, None, None

    def __enter__(self):
        if not hasattr(socket, "send_fds"):
            raise RuntimeError("marking needs Linux or macOS: on Windows, run it in WSL or in the course's container")
        self.folder = tempfile.TemporaryDirectory(prefix="marking-", ignore_cleanup_errors=True)
        root = Path(self.folder.name).resolve()
        self.course, self.scratch = root / "course", root / "scratch"
        self.course.mkdir()
        self.scratch.mkdir()
        copy_course(self.course)
        for cache in Path(matplotlib.get_cachedir()).glob(
            "fontlist*.json"
        ):  # else it looks for fonts for half a minute
            shutil.copy(cache, self.scratch)
        self._start()
        return self

    def __exit__(self, *_):
        self._stop()
        self.folder.cleanup()

    def _visible(self):
        """Return what the student's code may read, and list: Python, its packages but this course, the system's, the data."""
        places = [sys.prefix, sys.base_prefix, *site.getsitepackages(), "/usr", "/lib", "/lib64", "/etc"]
        places += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
        places += [
            place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")
        ]  # of .pth files
        places = {Path(place).resolve() for place in places if Path(place).is_dir()}
        found = {path for place in places for path in seal.without(place, HELPERS)}
        found |= {Path(p) for p in ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")}
        found |= {self.course, files.folder().resolve()}
        return {
            "readable": sorted(map(str, found)),
            "listable": sorted(str(place) for place in HELPERS.parents if places & {place, *place.parents}),
        }

    def _start(self):
        self.control, theirs = socket.socketpair()
        environment = {
            name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ
        }
        environment |= {"HOME": str(self.scratch), "TMPDIR": str(self.scratch), "MPLCONFIGDIR": str(self.scratch)}
        environment |= {"COURSE_DATA": str(files.folder().resolve()), "CUDA_VISIBLE_DEVICES": ""}
        environment |= {"PYTHONUSERBASE": site.getuserbase()}  # HOME is another one there
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        worker = self.course / "helpers/course/marking/worker.py"
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-B", str(worker), str(self.course), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=self.scratch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self.control.settimeout(300)
        wire.send(self.control, {**self._visible(), "scratch": str(self.scratch)})
        try:
            self.sealed = wire.receive(self.control)
        except wire.Broken:
            raise RuntimeError(
                f"the process for students' code does not start: try {sys.executable} -c 'import torch'"
            ) from None

    def _stop(self):
        with contextlib.suppress(OSError):
            self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self.process.kill()
        self.process.wait()

    def answer(self, exercise, cases, before, source):
        """Run an answer's cell in a process of its own, call what it defines with every case, and return Told.

        exercise: an Exercise
        cases:    its cases
        before:   texts of Python that the cell needs, each run by itself; those that fail are left out
        source:   the cell
        raises:   RuntimeError where no process for it can be started
        """
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            for number, text in enumerate(before):
                (folder / f"{number:03}.py").write_text(text, encoding="utf-8", errors="replace")
            (folder / "answer.py").write_text(source, encoding="utf-8", errors="replace")
            return self._answer(exercise, cases, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _answer(self, exercise, cases, folder):
        function, seconds = callable(exercise.reference), exercise.seconds
        wall = 6 * seconds + 15
        job = {"folder": str(folder), "name": exercise.name, "function": function, "seconds": seconds, "wall": wall}
        job["parameters"] = list(inspect.signature(exercise.reference).parameters) if function else []
        ours, theirs = socket.socketpair()
        told = Told()
        with ours:
            with theirs:
                try:
                    socket.send_fds(self.control, [json.dumps(job).encode()], [theirs.fileno()])
                except OSError:  # an earlier answer has ended it
                    self._stop()
                    self._start()
                    socket.send_fds(self.control, [json.dumps(job).encode()], [theirs.fileno()])
            ours.settimeout(wall + 10)
            try:
                _converse(ours, exercise, cases, told)
            except (wire.Broken, TimeoutError):
                told.ended = "gone"
        try:
            ended = wire.receive(self.control).get("ended")
        except (wire.Broken, TimeoutError):
            self._stop()
            self._start()
            ended = None
        if told.ended and ended == 1:
            told.ended = "late"
        if not told.ended and len(told.got) < len(cases) and not told.problem:
            told.ended = "gone"
        return told


def _converse(connection, exercise, cases, told):
    """Hear what was loaded, then put case after case, and gather what comes back in `told`."""
    loaded = wire.receive(connection)
    told.facts = loaded["loaded"] if isinstance(loaded.get("loaded"), dict) else {}
    told.problem = str(loaded.get("problem") or "")[:600]
    if not callable(exercise.reference):
        told.got = [run.Outcome(wire.unpacked(told.facts.get("value")))]
        return
    if told.facts.get("missing") or told.facts.get("blank") or not told.facts.get("callable"):
        return
    for case in cases:
        functions = {}
        wire.send(connection, {"call": wire.packed(case, functions), "grad": exercise.grad})
        while "function" in (reply := wire.receive(connection)):
            wire.send(connection, _called(functions, reply))
        told.got.append(_outcome(reply.get("outcome"), exercise))
        told.printed |= bool(reply["outcome"].get("printed"))


def _called(functions, reply):
    """Call one of the case's own functions for the other side."""
    function = functions.get(reply["function"]) if type(reply["function"]) is int else None
    if function is None:
        raise wire.Broken("there is no such function")
    try:
        args, kwargs = wire.unpacked(reply.get("args")), wire.unpacked(reply.get("kwargs"))
        with AT_ONCE:
            return {"value": wire.packed(function(*args, **kwargs))}
    except wire.Broken:
        raise
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}"[:300]}


def _outcome(told, exercise):
    if not isinstance(told, dict):
        raise wire.Broken("no outcome")
    outcome = run.Outcome(changed=str(told.get("changed") or "")[:60])
    if told.get("error"):
        outcome.error = _error(told["error"])
        return outcome
    outcome.value = wire.unpacked(told.get("value"))
    if exercise.view is not None and outcome.value is not None:
        try:
            outcome.value = exercise.view(outcome.value)
        except Exception as error:
            outcome.error = error
    if isinstance(told.get("grads"), dict):
        outcome.grads = {name: wire.unpacked(value) for name, value in told["grads"].items()}
    return outcome


def _error(told):
    """Return an exception of Python's own type of that name, with the sentence that was said of it in `.said`."""
    kind = getattr(builtins, str(told.get("type")), None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = Exception
    try:
        error = kind(str(told.get("message"))[:300])
    except TypeError:  # UnicodeDecodeError wants five arguments
        error = Exception(str(told.get("message"))[:300])
    error.said = str(told.get("said") or "your code raises an exception.")[:600]
    return error
