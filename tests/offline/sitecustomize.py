"""Refuse, and write down, every attempt of this Python process to reach another machine; make deprecations in our own code errors;
see that what is trained was moved to the device (devices.py)."""

import importlib
import importlib.machinery
import importlib.util
import ipaddress
import os
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
# event → where its host stands; the audit events are listed in Python's documentation of socket, http and urllib
ADDRESS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getnameinfo": 0}
HOST = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0, "http.client.connect": 1}


def is_here(host):
    """Return whether a host is this machine: a loopback or unspecified address, its name, or none at all."""
    host = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
    if host is None or host in ("", "localhost", os.uname().nodename):
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event, args):
    if event in ADDRESS:
        address = args[ADDRESS[event]]
        # A string is a socket in the file system; a tuple that starts with a number is one of the kernel's own families.
        if not isinstance(address, tuple) or not isinstance(address[0], (str, bytes)):
            return
        host = address[0]
    elif event in HOST:
        host = args[HOST[event]]
    else:
        return
    if not is_here(host):
        with open(os.environ["OFFLINE_LOG"], "a") as log:
            log.write(f"{event} {host}\n")
        raise OSError(f"the network is off while notebooks are tested: {event} {host}")


if "OFFLINE_LOG" in os.environ:
    sys.addaudithook(refuse)
    for kind in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("error", category=kind, module=r"(__main__|helpers)\b")
    # Where no option was given, IPython lets the deprecations of cells pass, before all other filters.
    sys.warnoptions.append("error::DeprecationWarning:__main__")
    importlib.import_module("devices").watch()

# This file hides another sitecustomize on the path, such as a distribution's: run that one too.
others = [folder for folder in sys.path if os.path.abspath(folder) != HERE]
spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
if spec and spec.loader:
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
