"""Starts one script in a process of its own.

What goes wrong before the script's first line is told apart from the script's own failures: it comes through a pipe
that closes just before the script takes over.
"""

from __future__ import annotations

import os
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

    process: int
    stdout: int
    stderr: int
    trouble: int
    """Carries one line when the script cannot be started; closes when it takes over."""


class Launch:
    """Starts the script of one order."""

    def __init__(self, order: Order, setup: Setup, sandbox: Sandbox) -> None:
        self._order = order
        self._setup = setup
        self._sandbox = sandbox
        self._program = "" if setup.warm else Path(running.__file__).read_text()

    def start(self, folder: str) -> Started:
        """Fork the script's process; `folder` is the script's own as the script sees it."""
        reads, writes = zip(os.pipe(), os.pipe(), os.pipe(), strict=True)
        process = os.fork()
        if process == 0:
            self._become_script(folder, *writes)
        for fd in writes:
            os.close(fd)
        return Started(process, *reads)

    def _become_script(self, folder: str, out: int, err: int, trouble: int) -> None:
        """Shed everything that is the host's, then run the script. Never returns."""
        code = _UNSTARTED
        path = f"{folder}/script.py"
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
                os.dup2(source, target)
            _close_above(2, trouble)
            os.chdir(folder)
            environment = script_environment(
                folder, self._order.time_limit_seconds, self._setup.threads, hand_over=self._order.hand_over
            )
            self._sandbox.in_script(folder, self._order.input)
            if self._setup.warm:
                os.close(trouble)
                code = self._run_here(path, environment)
            else:
                program = f"{self._program}\nos._exit(run_script({path!r}, {self._order.seed}))\n"
                os.execve(sys.executable, [sys.executable, "-P", "-c", program], environment)
        except BaseException as error:  # noqa: BLE001
            _report(trouble, error)
        finally:
            os._exit(code)

    def _run_here(self, path: str, environment: dict[str, str]) -> int:
        """Run the script in this forked process, which looks like a fresh interpreter to it."""
        os.environ.clear()
        os.environ.update(environment)
        _forget_own_modules()
        return running.run_script(path, self._order.seed)


def _forget_own_modules() -> None:
    """A script sees the modules a fresh interpreter would have, or libraries, but nothing of the host's program."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlestar"]:
        del sys.modules[name]


def _close_above(last: int, spare: int) -> None:
    """Close every descriptor above `last` except `spare`; an empty range would close everything."""
    if spare > last + 1:
        os.closerange(last + 1, spare)
    os.closerange(spare + 1, os.sysconf("SC_OPEN_MAX"))


def _report(trouble: int, error: BaseException) -> None:
    text = f"{type(error).__name__}: {error}".encode()
    try:
        os.write(trouble, text)
    except OSError:
        os.write(2, text)
