"""Starts one script in a process of its own, behind a keeper that reports how it ended.

warden → keeper → script. The keeper is what a pid namespace needs as its first process; the script is an ordinary
process in every other respect. What goes wrong before the script's first line is told apart from the script's own
failures: the status pipe is closed just before the script takes over.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from mlestar.execution import running
from mlestar.execution.wire import Order, Setup

_UNSTARTED = 70


@dataclass(frozen=True)
class Started:
    """A script that has been started, seen from its warden."""

    keeper: int
    stdout: int
    stderr: int
    status: int
    """Ends with one line of JSON, `Ended`, or with none when the keeper was killed."""


def start(order: Order, setup: Setup) -> Started:
    """Fork the keeper and, from it, the script."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    status_read, status_write = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        for fd in (out_read, err_read, status_read):
            os.close(fd)
        _keep(order, setup, out_write, err_write, status_write)
    for fd in (out_write, err_write, status_write):
        os.close(fd)
    return Started(keeper, out_read, err_read, status_read)


def _keep(order: Order, setup: Setup, out: int, err: int, status: int) -> None:
    """Be the keeper: start the script, reap whatever ends, report the script's end. Never returns."""
    try:
        script = os.fork()
        if script == 0:
            _become_script(order, setup, out, err, status)
        for fd in (out, err):
            os.close(fd)
        os.write(status, json.dumps({"returncode": _wait_for(script)}).encode() + b"\n")
    except BaseException as error:  # noqa: BLE001  a forked process must not run its parent's code
        _report(status, error)
    finally:
        os._exit(0)


def _wait_for(script: int) -> int:
    while True:
        pid, state = os.waitpid(-1, 0)
        if pid == script:
            return os.waitstatus_to_exitcode(state)


def _become_script(order: Order, setup: Setup, out: int, err: int, status: int) -> None:
    """Shed everything that is the host's, then run the script. Never returns."""
    code = _UNSTARTED
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        _close_all_but(2, status)
        path = str(Path(order.folder) / "script.py")
        if setup.warm:
            os.close(status)
            _forget_own_modules()
            code = running.run_script(path, order.seed)
        else:
            os.set_inheritable(status, False)
            _execute_fresh(path, order)
    except BaseException as error:  # noqa: BLE001
        _report(status, error)
    finally:
        os._exit(code)


def _execute_fresh(path: str, order: Order) -> None:
    """Become a fresh interpreter that runs the script in the same way as a forked worker does."""
    program = Path(running.__file__).read_text() + f"\nos._exit(run_script({path!r}, {order.seed}))\n"
    os.execve(sys.executable, [sys.executable, "-P", "-c", program], order.environment)


def _forget_own_modules() -> None:
    """A script sees the modules a fresh interpreter would have, or libraries, but nothing of the host's program."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlestar"]:
        del sys.modules[name]


def _close_all_but(last: int, spare: int) -> None:
    """Close every descriptor above `last` except `spare`; an empty range would close everything."""
    if spare > last + 1:
        os.closerange(last + 1, spare)
    os.closerange(spare + 1, os.sysconf("SC_OPEN_MAX"))


def _report(status: int, error: BaseException) -> None:
    text = f"{type(error).__name__}: {error}"
    try:
        os.write(status, json.dumps({"unavailable": text}).encode() + b"\n")
    except OSError:
        os.write(2, text.encode())
