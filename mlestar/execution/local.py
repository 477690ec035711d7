"""Executes scripts on this machine through a parent of workers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from mlestar.doors import Job
from mlestar.errors import ConfigError, ExecutorUnavailable
from mlestar.execution.faults import judge
from mlestar.execution.parent import Parent
from mlestar.execution.slots import Slots
from mlestar.execution.wire import GuardName, Order, Outcome, Ready, Setup
from mlestar.execution.workspace import Workspace
from mlestar.records.solution import Execution


class LocalExecutor:
    """At most `slots` scripts at a time, each in a folder of its own."""

    def __init__(self, setup: Setup, workspace: Workspace) -> None:
        self._setup = setup
        self._slots = Slots(setup.slots)
        self._workspace = workspace
        self._parents = {setup.threads: Parent(setup, workspace.folder / "workers.log")}

    @property
    def slots(self) -> int:
        return self._setup.slots

    @property
    def threads(self) -> int:
        return self._setup.threads

    @property
    def guards(self) -> tuple[str, ...]:
        return tuple(guard.name for guard in self.ready.guards if guard.state == "on")

    @property
    def ready(self) -> Ready:
        """What the parent of workers said when it had started."""
        return self._parents[self.threads].ready

    def guard_report(self) -> tuple[str, ...]:
        """One line for each guard: on, weak or off, and by what or why."""
        return tuple(f"{guard.name:<14}{guard.state:<6}{guard.by}" for guard in self.ready.guards)

    async def open(self, require: tuple[GuardName, ...] = ()) -> None:
        """Start the parent of workers; ExecutorUnavailable when a required guard is not fully on."""
        await self._parents[self.threads].open()
        for guard in self.ready.guards:
            if guard.name in require and guard.state != "on":
                raise ExecutorUnavailable(f"executor.require: the guard {guard.name} is {guard.state} here: {guard.by}")

    async def close(self) -> None:
        """End every script and all parents."""
        for parent in self._parents.values():
            await parent.close()

    async def execute(self, job: Job) -> Execution:
        """Execute and wait; cancelling ends the whole process tree before the cancellation goes on."""
        slots = min(-(-job.threads // self.threads), self.slots)
        async with self._slots.taken(slots):
            folder, given = await asyncio.to_thread(self._prepare, job)
            outcome = await self._parent_for(slots).execute(
                Order(
                    folder=str(folder),
                    input=str(given),
                    timeout_seconds=job.timeout_seconds,
                    time_limit_seconds=job.time_limit_seconds,
                    seed=job.seed,
                    hand_over=job.hand_over,
                )
            )
            if outcome.end == "unavailable":
                raise ExecutorUnavailable(f"no script can be started: {outcome.detail}")
            files, removed = await asyncio.to_thread(self._workspace.collect, folder)
            return self._execution(outcome, folder, files, removed)

    def _parent_for(self, slots: int) -> Parent:
        """The parent of scripts that take so many slots: thread limits are frozen when it imports OpenMP."""
        threads = slots * self.threads
        if threads not in self._parents:
            limits = replace(self._setup.limits, memory_bytes=slots * self._setup.limits.memory_bytes)
            scratch = Path(self._setup.scratch, f"threads-{threads}")
            scratch.mkdir()
            setup = replace(self._setup, threads=threads, limits=limits, scratch=str(scratch))
            self._parents[threads] = Parent(setup, self._workspace.folder / "workers.log")
        return self._parents[threads]

    def _prepare(self, job: Job) -> tuple[Path, Path]:
        ready = self.ready
        given = job.view.folder.absolute()
        if self._workspace.folder.is_relative_to(given):
            raise ConfigError(
                f"the workspace {self._workspace.folder} lies inside the folder that scripts read, {given}"
            )
        if ready.user is not None:
            given = self._workspace.open_to_others(given)
        return self._workspace.prepare(job, ready.input), given

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
