"""Where a student's code runs: a process that serves calls, and knows no reference, no mistake and no solution.

    python -P worker.py COURSE SOCKET

Started by sandbox.py from a copy of the course without its exercises and solutions. It loads torch once, gives up files and
network (seal.py), and then forks for each answer: a warden, which keeps the time, and under it the process of the answer. That
one runs the student's cells as Python runs files, hears calls over a socket and tells what came out. Whatever the student's code
does to it, all that leaves it are values, which are compared elsewhere: nothing that it can say means "right".
"""

import contextlib
import io
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

LOADING = 10  # processor seconds for what comes before the first call
KILLED_LATE, ENDED = 1, 0


class Counted(io.TextIOBase):
    """A stdout that keeps nothing, and knows whether anything was written."""

    count = 0

    def write(self, text):
        self.count += len(text)
        return len(text)

    def writable(self):
        return True


def main():
    course, control = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    sys.path[:] = [course] + [p for p in sys.path if p and not Path(p, "helpers").exists()]
    from helpers.course.marking import seal, wire

    seal.end_with_parent()
    alone = seal.no_network()  # before torch, which may start threads
    # What students' cells import is loaded once, here.
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot  # noqa: F401
    import numpy  # noqa: F401
    import torch

    import helpers.data
    import helpers.layers
    import helpers.plots
    import helpers.shapes  # noqa: F401
    from helpers.course.exercises import check, reading, run  # noqa: F401

    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)  # with the first one torch loads a part of itself
    start = wire.receive(control)
    readable = [*start["readable"], "/dev/null", "/dev/urandom"]
    files = seal.confine(readable, [start["scratch"], "/dev/null"], start["listable"])
    wire.send(control, {"files": files, "network": alone})
    while True:
        try:
            data, (descriptor,), _, _ = socket.recv_fds(control, 65536, 1)
        except (OSError, ValueError):
            return
        job = wire.json.loads(data)
        pid = os.fork()
        if pid == 0:
            control.close()
            os._exit(warden(socket.socket(fileno=descriptor), job))
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        wire.send(control, {"ended": os.waitstatus_to_exitcode(status)})


def warden(connection, job):
    """Fork the process of an answer, wait until it ends or its time is up; return how it ended."""
    from helpers.course.marking import seal

    seal.end_with_parent()
    seal.own_processes()
    pid, end = os.fork(), time.monotonic() + job["wall"]
    if pid == 0:
        with contextlib.suppress(BaseException):
            serve(connection, job)
        os._exit(0)
    connection.close()
    while time.monotonic() < end:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            killed = os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, -signal.SIGXCPU)
            return KILLED_LATE if killed and used.ru_utime + used.ru_stime >= job["seconds"] else ENDED
        time.sleep(0.01)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return KILLED_LATE


def serve(connection, job):
    """Run the student's cells, then answer calls until the other side hangs up."""
    from helpers.course.exercises import run
    from helpers.course.marking import seal, wire

    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    sys.stdout, sys.stderr, sys.stdin = Counted(), Counted(), open(os.devnull)
    folder = Path(job["folder"])
    os.chdir(folder)
    seal.limits(LOADING + job["seconds"])
    seal.no_privileges()
    seal.confine(["/"], [folder, "/dev/null"])  # what is readable was settled before: this takes away writing elsewhere
    module, problem = load(folder)
    answer = vars(module).get(job["name"], Ellipsis) if module else Ellipsis
    wire.send(connection, {"loaded": facts(job, module, answer), "problem": problem})
    _processor_seconds(job["seconds"])
    printed = sys.stdout
    while True:
        call = wire.receive(connection)
        before = getattr(printed, "count", 0)
        case = wire.unpacked(call["call"], lambda number: _remote(connection, number))
        outcome = run.call(answer, case, call["grad"])
        told = {
            "value": wire.packed(outcome.value),
            "grads": None if outcome.grads is None else {k: wire.packed(g) for k, g in outcome.grads.items()},
            "error": outcome.error and _error(outcome.error, answer),
            "changed": outcome.changed,
            "printed": getattr(printed, "count", 0) != before,
        }
        try:
            wire.send(connection, {"outcome": told})
        except wire.Broken:
            shape = f"its result is larger than {wire.LARGEST // 2**20} MiB"
            told |= {"value": None, "grads": None, "error": {"type": "MemoryError", "said": f"{shape}."}}
            wire.send(connection, {"outcome": told})


def _processor_seconds(more):
    """Let the kernel end this process after so many more seconds of a processor.

    The hard limit, since the first process of its own world is not ended by the signal of the soft one.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    last = min(hard, int(used.ru_utime + used.ru_stime + more) + 1)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (last, last))


def load(folder):
    """Run the files of a folder, NNN.py in order and then answer.py, in one module, as Python runs a file.

    returns: the module, and a sentence on what of the answer itself failed, or ""

    This is the one place of the course at which code is run that is not the repository's own: sandbox.py saw to where.
    """
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    module = module_from_spec(spec_from_file_location("__main__", folder / "answer.py"))
    sys.modules["__main__"], problem = module, ""
    sys.dont_write_bytecode = True
    for path in sorted(folder.glob("[0-9]*.py")):
        try:
            SourceFileLoader("__main__", str(path)).exec_module(module)
        except BaseException as error:  # what the answer needs of it will be missed there
            problem = problem or f"Before it, {_sentence(error, path)}"
    try:
        SourceFileLoader("__main__", str(folder / "answer.py")).exec_module(module)
    except BaseException as error:
        return module, f"{_sentence(error, folder / 'answer.py')} {problem}".strip()
    return module, problem and f"({problem})"


def _sentence(error, path):
    import traceback

    from helpers.course.exercises.compare import plain

    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f" in line {lines[-1]}" if lines and path.stem == "answer" else ""
    try:
        message = plain(str(error), 200)
    except BaseException:
        message = ""
    return f"the cell raises **{type(error).__name__}**{where}" + (f": {message}" if message else "") + "."


def facts(job, module, answer):
    """Return what there is to say of an answer without calling it; only for the words of the feedback."""
    import inspect

    from helpers.course.exercises import compare, reading
    from helpers.course.marking import wire

    told = {"missing": answer is Ellipsis, "callable": callable(answer)}
    with contextlib.suppress(Exception):
        told["borrowed"] = str(answer.__module__).startswith("helpers.")
    with contextlib.suppress(Exception):
        told["blank"], told["idle"] = bool(reading.blank(answer)), bool(reading.idle(answer))
    if not job["function"]:
        try:
            told["value"] = wire.packed(compare.bare(answer))
        except Exception as error:
            told["value"] = {"other": type(error).__name__}
        return told
    with contextlib.suppress(Exception):
        told["parameters"] = [
            [p.name, int(p.kind), None if p.default is p.empty else repr(p.default)[:100]]
            for p in inspect.signature(answer).parameters.values()
        ]
    with contextlib.suppress(Exception):
        told["read"] = reading.notebook_values(answer, set(job["parameters"]))
    return told


def _error(error, answer):
    from helpers.course.exercises import reading

    kind = next((base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"), "Exception")
    said = "your code raises an exception that cannot be shown."
    with contextlib.suppress(BaseException):
        said = reading.said_of(error, answer)
    message = ""
    with contextlib.suppress(BaseException):
        message = str(error)[:300]
    return {"type": kind, "message": message, "said": said}


def _remote(connection, number):
    """Return a function that is called on the other side."""
    from helpers.course.marking import wire

    def called(*args, **kwargs):
        wire.send(connection, {"function": number, "args": wire.packed(list(args)), "kwargs": wire.packed(kwargs)})
        told = wire.receive(connection)
        if "raised" in told:
            raise RuntimeError(told["raised"])
        return wire.unpacked(told["value"])

    return called


if __name__ == "__main__":
    main()
