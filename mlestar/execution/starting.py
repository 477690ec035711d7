"""Starts one script in a process of its own, behind a keeper that reports how it ended.

warden → keeper → script. The keeper is what a pid namespace needs as its first process; the script is an ordinary
process in every other respect. What goes wrong before the script's first line is told apart from the script's own
failures: the status pipe is closed just before the script takes over.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from mlestar.execution import running
from mlestar.execution.environment import script_environment
from mlestar.execution.sandbox import Sandbox
from mlestar.execution.wire import Order, Setup

_UNSTARTED = 70


@dataclass(frozen=True)
class Started:
    """A script that has been started, seen from its warden."""

    keeper: int
    stdout: int
    stderr: int
    status: int
    """Carries one line of JSON before it closes, or none when the keeper was killed."""


class Launch:
    """Starts the script of one order."""

    def __init__(self, order: Order, setup: Setup, sandbox: Sandbox) -> None:
        self._order = order
        self._setup = setup
        self._sandbox = sandbox
        self._program = "" if setup.warm else Path(running.__file__).read_text()

    def start(self) -> Started:
        """Fork the keeper and, from it, the script."""
        reads, writes = zip(os.pipe(), os.pipe(), os.pipe(), strict=True)
        self._sandbox.before_keeper()
        keeper = os.fork()
        if keeper == 0:
            _close(*reads)
            self._keep(*writes)
        _close(*writes)
        return Started(keeper, *reads)

    def _keep(self, out: int, err: int, status: int) -> None:
        """Be the keeper: start the script, reap whatever ends, report the script's end. Never returns."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            folder = self._sandbox.in_keeper(self._order.folder, self._order.input)
            script = os.fork()
            if script == 0:
                self._become_script(folder, out, err, status)
            _close(out, err)
            report = {"returncode": _wait_for(script), "peak_bytes": _peak_bytes_of_children()}
            os.write(status, json.dumps(report).encode() + b"\n")
        except BaseException as error:  # noqa: BLE001  a forked process must not run its parent's code
            _report(status, error)
        finally:
            os._exit(0)

    def _become_script(self, folder: str, out: int, err: int, status: int) -> None:
        """Shed everything that is the host's, then run the script. Never returns."""
        code = _UNSTARTED
        path = f"{folder}/script.py"
        try:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
                os.dup2(source, target)
            _close_above(2, status)
            os.chdir(folder)
            environment = script_environment(folder, self._order.time_limit_seconds, self._setup.threads)
            self._sandbox.in_script(folder, self._order.input)
            if self._setup.warm:
                os.close(status)
                code = self._run_here(path, environment)
            else:
                program = f"{self._program}\nos._exit(run_script({path!r}, {self._order.seed}))\n"
                os.execve(sys.executable, [sys.executable, "-P", "-c", program], environment)
        except BaseException as error:  # noqa: BLE001
            _report(status, error)
        finally:
            os._exit(code)

    def _run_here(self, path: str, environment: dict[str, str]) -> int:
        """Run the script in this forked process, which looks like a fresh interpreter to it."""
        os.environ.clear()
        os.environ.update(environment)
        _forget_own_modules()
        return running.run_script(path, self._order.seed)


def _wait_for(script: int) -> int:
    while True:
        pid, state = os.waitpid(-1, 0)
        if pid == script:
            return os.waitstatus_to_exitcode(state)


def _peak_bytes_of_children() -> int:
    """Resident memory of the largest process that has ended; macOS counts in bytes, Linux in KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _forget_own_modules() -> None:
    """A script sees the modules a fresh interpreter would have, or libraries, but nothing of the host's program."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlestar"]:
        del sys.modules[name]


def _close_above(last: int, spare: int) -> None:
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
