"""What a process gives up before a student's code runs in it: files, the network, other processes, memory, time.

On Linux the kernel holds it to that: Landlock for files (from 5.13 on), namespaces for network and processes, limits for the
rest. Elsewhere only the limits remain, and sealed() says what is missing. Nothing here can be taken back by the process itself.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x20000000, 0x40000000, 0x08000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every processor
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MEMORY = 2 * 2**30  # bytes beyond what is there when the student's code begins
FILES = 16 * 2**20  # bytes of the longest file

LINUX = sys.platform.startswith("linux")
libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version():
    """Return which Landlock the kernel has, 0 for none."""
    if not LINUX:
        return 0
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def confine(readable, writable=(), listable=()):
    """Let this process and all that it starts read only in some files and folders, and write only in others.

    readable: paths; what lies beneath a folder belongs to it
    writable: paths that are read and written
    listable: folders of which the names of what is in them are seen, and no more
    returns:  whether the kernel could do it; also signals to others and, where it can, connections are then refused

    Where it is called again, what both calls allow remains.
    """
    abi = version()
    if not abi:
        return False
    every = (1 << (13 if abi < 2 else 14 if abi < 3 else 15 if abi < 5 else 16)) - 1
    rules = _Ruleset(every, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    of_a_file = EXECUTE | WRITE_FILE | READ_FILE | (every & (1 << 14 | 1 << 15))
    rules = [(path, EXECUTE | READ_FILE | READ_DIR) for path in readable] + [(path, every) for path in writable]
    for path, access in [*rules, *((path, READ_DIR) for path in listable)]:
        with contextlib.suppress(OSError):  # what is not there need not be allowed
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & of_a_file
            rule = _Beneath(allowed, opened)
            libc.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0))
            os.close(opened)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    done = libc.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    os.close(ruleset)
    return done


def without(folder, hidden):
    """Return paths that together hold all of a folder but what is hidden: its entries, and of those on the way theirs.

    folder, hidden: Path; where hidden is not in the folder, this is the folder itself
    """
    if hidden == folder:
        return []
    if folder not in hidden.parents:
        return [folder]
    return [path for entry in sorted(folder.iterdir()) for path in without(entry, hidden)]


def no_network():
    """Move this process to where there is no network; return whether the kernel could do it."""
    return LINUX and _unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC)


def own_processes():
    """Let the next child of this process be the first of its own world: it sees nobody else, and with it all of its children end."""
    return LINUX and _unshare(CLONE_NEWPID)


def _unshare(flags):
    return libc.unshare(ctypes.c_int(flags)) == 0


def end_with_parent():
    """Let the kernel end this process when its parent ends."""
    if LINUX:
        libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def closed_to_debuggers(closed=True):
    """Keep processes of the same user from reading this one's memory."""
    if LINUX:
        libc.prctl(PR_SET_DUMPABLE, int(not closed), 0, 0, 0)


def no_privileges():
    """Give up for good whatever else than a plain user's rights this process has."""
    if not LINUX:
        return
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def limits(seconds, memory=MEMORY):
    """Limit processor seconds, memory beyond what is in use, the length of files, and how much may be open or running at once.

    Linux does not limit how many processes root has: then only their end, with the first of them, is certain.
    """
    if resource is None:
        return
    used = 0
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        used = 1024 * int(next(line for line in lines if line.startswith("VmData")).split()[1])
    used_cpu = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used_cpu.ru_utime + used_cpu.ru_stime + seconds) + 1
    for what, most in (
        ("RLIMIT_CPU", cpu),
        ("RLIMIT_DATA", used + memory),
        ("RLIMIT_FSIZE", FILES),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_NPROC", 32),
    ):
        if hasattr(resource, what):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, what), (most, most))
