"""Executes scripts on this machine through a parent of workers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mlestar.doors import Job
from mlestar.errors import ExecutorUnavailable
from mlestar.execution.environment import script_environment
from mlestar.execution.faults import judge
from mlestar.execution.parent import Parent
from mlestar.execution.wire import Order, Outcome, Setup
from mlestar.execution.workspace import Workspace
from mlestar.records.solution import Execution


class LocalExecutor:
    """At most `slots` scripts at a time, each in a folder of its own."""

    def __init__(self, setup: Setup, slots: int, workspace: Path) -> None:
        self._setup = setup
        self._slots = slots
        self._free = asyncio.Semaphore(slots)
        self._workspace = Workspace(workspace)
        self._parent = Parent(setup, workspace)

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def threads(self) -> int:
        return self._setup.threads

    @property
    def guards(self) -> tuple[str, ...]:
        return ()

    async def open(self) -> None:
        """Start the parent of workers."""
        await self._parent.open()

    async def close(self) -> None:
        """End every script and the parent."""
        await self._parent.close()

    async def execute(self, job: Job) -> Execution:
        """Execute and wait; cancelling ends the whole process tree before the cancellation goes on."""
        async with self._free:
            folder = await asyncio.to_thread(self._workspace.prepare, job)
            outcome = await self._parent.execute(self._order(job, folder))
            if outcome.end == "unavailable":
                raise ExecutorUnavailable(f"no script can be started: {outcome.detail}")
            files, removed = await asyncio.to_thread(self._workspace.collect, folder)
            return self._execution(outcome, folder, files, removed)

    def _order(self, job: Job, folder: Path) -> Order:
        return Order(
            folder=str(folder),
            input=str(job.view.folder.absolute()),
            timeout_seconds=job.timeout_seconds,
            seed=job.seed,
            environment=script_environment(folder, job.time_limit_seconds, self.threads),
        )

    def _execution(self, outcome: Outcome, folder: Path, files: tuple[str, ...], removed: tuple[str, ...]) -> Execution:
        status, fault = judge(outcome)
        notes = "".join(f"\n[removed {name}: not a regular file]" for name in removed[:20])
        return Execution(
            status=status,
            seconds=outcome.seconds,
            fault=fault,
            returncode=outcome.returncode,
            stdout_tail=outcome.stdout,
            stderr_tail=outcome.stderr + notes,
            folder=folder,
            files=files,
            peak_memory_bytes=outcome.peak_memory_bytes,
            guards=self.guards,
            started_at=outcome.started_at,
        )
