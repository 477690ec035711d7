"""Watches over one script: reads its output, measures what it uses, and ends all of it when a limit is passed.

One warden process per script, single-threaded and synchronous. The host's only handle on it is a socket: when that
closes, for whatever reason, the script ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time

from mlestar.execution.footprint import MOST_FILES, MOST_LEVELS, deleted_bytes, footprint
from mlestar.execution.output import Capture
from mlestar.execution.processes import (
    descendants,
    end_descendants,
    largest_ended_bytes,
    proportional_bytes,
    returncode_of,
    usage,
)
from mlestar.execution.sandbox import Sandbox
from mlestar.execution.starting import Launch, Started
from mlestar.execution.wire import End, Order, Outcome, Setup

_FIRST_LOOK_SECONDS = 0.02
_LONGEST_LOOK_SECONDS = 0.25
_DISK_LOOK_SECONDS = 0.5


class Warden:
    """Executes one order."""

    def __init__(self, order: Order, setup: Setup, sandbox: Sandbox, link: socket.socket) -> None:
        self._order = order
        self._limits = setup.limits
        self._launch = Launch(order, setup, sandbox)
        self._sandbox = sandbox
        self._link = link
        self._folder = order.folder
        self._output = {"stdout": Capture(setup.keep_bytes), "stderr": Capture(setup.keep_bytes)}
        self._trouble = b""
        self._returncode: int | None = None
        self._peak_bytes = 0
        self._disk_at = self._memory_at = 0.0
        self._verdict: tuple[End, str] | None = None
        self._selector = selectors.DefaultSelector()

    def execute(self) -> Outcome:
        """Start the script, watch it to its end and end what it left behind."""
        self._folder = self._sandbox.enter(self._order.folder, self._order.input)
        self._listen_for_ends()
        started_at, began = time.time(), time.monotonic()
        started = self._launch.start(self._folder)
        self._watch(started, began + self._order.timeout_seconds)
        seconds = time.monotonic() - began
        end_descendants(own_namespace=self._sandbox.root is not None)
        self._drain(started)
        self._measure_disk([])
        end, detail = self._verdict or ("exited", "")
        if self._trouble:
            end, detail = "unavailable", self._trouble.decode(errors="replace")
        return Outcome(
            end=end,
            detail=detail,
            returncode=self._returncode if end == "exited" else -signal.SIGKILL,
            started_at=started_at,
            seconds=seconds,
            peak_memory_bytes=max(self._peak_bytes, largest_ended_bytes()),
            stdout=self._output["stdout"].text(),
            stderr=self._output["stderr"].text(),
        )

    def _listen_for_ends(self) -> None:
        """Have every end of a child wake the selector."""
        woken, wake = os.pipe()
        for fd in (woken, wake):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, "ends")

    def _watch(self, started: Started, until: float) -> None:
        """Read and measure until the script has ended or must be ended."""
        for fd, name in ((started.stdout, "stdout"), (started.stderr, "stderr"), (started.trouble, "trouble")):
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ, name)
        self._selector.register(self._link, selectors.EVENT_READ, "link")
        pause = _FIRST_LOOK_SECONDS
        look_at = time.monotonic() + pause
        while self._verdict is None and self._returncode is None:
            now = time.monotonic()
            if now >= until:
                self._verdict = ("timed_out", f"longer than {self._order.timeout_seconds:g} s")
            elif now >= look_at:
                self._measure()
                pause = min(pause * 1.5, _LONGEST_LOOK_SECONDS)
                look_at = now + pause
            for key, _ in self._selector.select(max(0.0, min(look_at, until) - time.monotonic())):
                self._read(key.data, key.fd)
            self._returncode = returncode_of(started.process)

    def _read(self, name: str, fd: int) -> None:
        if name == "link":
            self._verdict = ("cancelled", "")
            return
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(fd)
        elif name == "trouble":
            self._trouble += chunk
        elif name != "ends":
            self._output[name].add(chunk)
        if sum(capture.total_bytes for capture in self._output.values()) > self._limits.output_bytes:
            self._verdict = ("blocked", f"output: more than {_mebibytes(self._limits.output_bytes)} printed")

    def _measure(self) -> None:
        """Compare processes, memory and disk with their limits."""
        pids = descendants(os.getpid())
        used = usage(pids)
        if used.processes > self._limits.max_processes:
            self._verdict = ("blocked", f"process_count: more than {self._limits.max_processes} processes at once")
        elif used.memory_bytes > self._limits.memory_bytes:
            self._measure_memory(pids)
        else:
            self._peak_bytes = max(self._peak_bytes, used.memory_bytes)
        if self._verdict is None and time.monotonic() >= self._disk_at:
            self._measure_disk(pids)

    def _measure_memory(self, pids: list[int]) -> None:
        """Count shared pages once, which is slow, before memory is called too much."""
        began = time.monotonic()
        if began < self._memory_at:
            return
        memory_bytes = proportional_bytes(pids)
        self._peak_bytes = max(self._peak_bytes, memory_bytes)
        if memory_bytes > self._limits.memory_bytes:
            self._verdict = ("out_of_memory", f"more than {_mebibytes(self._limits.memory_bytes)} used")
        self._memory_at = time.monotonic() + 4 * (time.monotonic() - began)

    def _measure_disk(self, pids: list[int]) -> None:
        began = time.monotonic()
        found = footprint(self._folder)
        disk_bytes = found.disk_bytes + deleted_bytes(pids)
        if disk_bytes > self._limits.disk_bytes:
            self._verdict = ("blocked", f"disk: more than {_mebibytes(self._limits.disk_bytes)} written")
        elif found.files > MOST_FILES or found.levels > MOST_LEVELS:
            self._verdict = ("blocked", f"disk: more than {MOST_FILES} files or {MOST_LEVELS} levels of folders")
        self._disk_at = time.monotonic() + max(_DISK_LOOK_SECONDS, 10 * (time.monotonic() - began))

    def _drain(self, started: Started) -> None:
        """Read what is still in the pipes; everything that could write to them has ended."""
        with contextlib.suppress(BlockingIOError):
            self._trouble += os.read(started.trouble, 65536)
        for fd, name in ((started.stdout, "stdout"), (started.stderr, "stderr")):
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(fd, 65536):
                    self._output[name].add(chunk)


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
