"""The host's end of the parent of workers: starts it, gives it orders, and ends it with everything below it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from mlestar.errors import ExecutorUnavailable
from mlestar.execution.environment import base_environment
from mlestar.execution.wire import Order, Outcome, Ready, Setup, from_line, to_line

_START_SECONDS = 120.0
_END_SECONDS = 15.0
_LINE_BYTES = 16 * 2**20


class Parent:
    """A process that forks workers; restarted when it dies, which no script should be able to cause."""

    def __init__(self, setup: Setup, log: Path) -> None:
        self._setup = setup
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._opening = asyncio.Lock()
        self._ready: Ready | None = None

    @property
    def ready(self) -> Ready:
        """What the process said when it had started."""
        assert self._ready is not None, "open it first"
        return self._ready

    async def open(self) -> None:
        """Start the process unless it runs; ExecutorUnavailable when it cannot take orders."""
        async with self._opening:
            if self._process is None or self._process.returncode is not None:
                await self._start()

    async def close(self) -> None:
        """End it; scripts that still run end first."""
        process, self._process = self._process, None
        if self._control is not None:
            self._control.close()
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            try:
                await asyncio.wait_for(process.wait(), _END_SECONDS)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    async def execute(self, order: Order) -> Outcome:
        """Have one script executed; when the parent itself has died, once more by a new one."""
        for _ in range(2):
            await self.open()
            process = self._process
            outcome = await self._try(order)
            if outcome is not None:
                return outcome
            await asyncio.sleep(0.05)
            if process is not None and process.returncode is None:
                return Outcome("exited", "its warden was killed", returncode=-signal.SIGKILL)
        return Outcome("unavailable", f"the parent of the workers died twice; see {self._log}")

    async def _start(self) -> None:
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "mlestar.execution.workers",
                to_line(self._setup).decode().strip(),
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                env=base_environment(self._setup.threads) | {"PYTHONPATH": str(Path(__file__).parents[2])},
                start_new_session=True,
            )
        ours.setblocking(False)
        line = await self._first_line(ours)
        if not line:
            ours.close()
            raise ExecutorUnavailable(f"the parent of the workers does not start; see {self._log}")
        self._ready = from_line(Ready, line)
        self._control = ours

    async def _first_line(self, control: socket.socket) -> bytes:
        line = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while not line.endswith(b"\n"):
                    chunk = await asyncio.get_running_loop().sock_recv(control, 65536)
                    if not chunk:
                        return b""
                    line += chunk
        return line

    async def _try(self, order: Order) -> Outcome | None:
        """One attempt; None when the socket closed without an outcome."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                assert self._control is not None
                socket.send_fds(self._control, [b"o"], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LINE_BYTES)
        try:
            writer.write(to_line(order))
            line = await reader.readline()
            return from_line(Outcome, line) if line.endswith(b"\n") else None
        except OSError:
            return None
        except asyncio.CancelledError:
            await _let_go(reader, writer)
            raise
        finally:
            writer.close()


async def _let_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tell the warden that nobody waits any longer, and wait until it has ended everything."""
    with contextlib.suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(_END_SECONDS):
            while await reader.read(65536):
                pass
