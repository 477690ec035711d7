"""The parent of workers: imports the heavy libraries once and forks a clean process for each script.

Runs as `python -m mlestar.execution.workers SETUP`, with an empty environment, in a session of its own, and with
the control socket as stdin. Each message on it is one byte and one socket; that socket brings the order, carries the
outcome and ends the script when it closes. The parent only imports and forks: it never computes, so it has one thread.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import time

from mlestar.execution import guards, processes, system
from mlestar.execution.sandbox import Sandbox
from mlestar.execution.warden import Warden
from mlestar.execution.wire import Order, Outcome, Ready, Setup, from_line, to_line

WARM_MODULES = (
    "numpy",
    "pandas",
    "scipy.stats",
    "scipy.sparse",
    "scipy.optimize",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "lightgbm",
    "optuna",
)


def main() -> None:
    """Serve until the control socket closes, then wait until every warden has ended."""
    began = time.monotonic()
    setup = from_line(Setup, sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    _forget_project()
    sandbox, found = guards.find(setup)
    imported = _import_all(WARM_MODULES) if setup.warm else ()
    system.prctl(system.PR_SET_DUMPABLE, 0)
    ready = Ready(
        process=os.getpid(),
        seconds=time.monotonic() - began,
        memory_bytes=processes.usage([os.getpid()]).memory_bytes,
        imported=imported,
        guards=found,
        input="mount" if sandbox.root else "link" if sandbox.landlock else "copy",
        user=sandbox.user,
    )
    control.sendall(to_line(ready))
    signal.signal(signal.SIGCHLD, _reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        byte, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            break
        _fork_warden(control, socket.socket(fileno=fds[0]), setup, sandbox)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _fork_warden(control: socket.socket, link: socket.socket, setup: Setup, sandbox: Sandbox) -> None:
    if sandbox.fork():
        link.close()
        return
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        _execute(link, setup, sandbox)
    finally:
        os._exit(0)


def _execute(link: socket.socket, setup: Setup, sandbox: Sandbox) -> None:
    """Be the warden of one order."""
    with link.makefile("rb") as lines:
        order = from_line(Order, lines.readline())
    try:
        outcome = Warden(order, setup, sandbox, link).execute()
    except OSError as error:
        processes.end_descendants(own_namespace=sandbox.root is not None)
        outcome = Outcome("unavailable", f"{type(error).__name__}: {error}")
    with contextlib.suppress(OSError):
        link.sendall(to_line(outcome))


def _forget_project() -> None:
    """Scripts import what is installed, never the project this runs from; an installed mlestar is among the former."""
    root = os.environ.pop("PYTHONPATH", "")
    if not root.endswith(("site-packages", "dist-packages")):
        sys.path[:] = [folder for folder in sys.path if folder != root]


def _import_all(names: tuple[str, ...]) -> tuple[str, ...]:
    """Import what is installed of these; the names of those that are."""
    imported = []
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            imported.append(name)
    return tuple(imported)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
