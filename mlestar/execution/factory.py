"""Which executors there are, how they are configured, and how one is opened."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field

from mlestar.doors import Executor
from mlestar.errors import ConfigError
from mlestar.execution.local import LocalExecutor
from mlestar.execution.wire import GuardName, Limits, Means, Setup
from mlestar.execution.workspace import Workspace
from mlestar.records.base import Record

if TYPE_CHECKING:
    from mlestar.execution.ray import RayExecutor


class _Conditions(Record):
    """What scripts are executed under, wherever they are."""

    warm: bool = True
    """Fork scripts from a parent that has imported the heavy libraries; false starts a fresh interpreter each."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of each script; measured: more scripts with one thread each beat fewer with more."""
    memory_gib: Annotated[float, Field(gt=0)] | None = None
    """Memory of one script with all it starts; by default its share of four fifths of the machine's."""
    disk_gib: Annotated[float, Field(gt=0)] = 4
    """What one script may leave in its folder."""
    output_mib: Annotated[float, Field(gt=0)] = 64
    """What one script may print; more ends it. The first and last 32 KiB are kept."""
    max_processes: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Processes of one script at the same time."""
    require: tuple[GuardName, ...] = ()
    """Names of guards without which nothing is executed."""
    without: tuple[Means, ...] = ()
    """Means left out even where they work, for machines on which one misbehaves."""


class LocalExecutorConfig(_Conditions):
    """Scripts are executed on this machine."""

    kind: Literal["local"] = "local"
    slots: Annotated[int, Field(ge=1, le=256)] | None = None
    """Scripts at the same time; by default the usable cores divided by `threads`."""


class RayExecutorConfig(_Conditions):
    """Scripts are executed on the nodes of a Ray cluster, as many on each as its CPUs divided by `threads`."""

    kind: Literal["ray"] = "ray"
    address: str | None = None
    """Of the cluster, or `auto` for the one this machine belongs to; by default Ray is started here."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a script is executed again elsewhere when its node is lost."""

    def on_node(self) -> LocalExecutorConfig:
        """What each node does; which guards are required is judged over all of them."""
        shared = {name: getattr(self, name) for name in _Conditions.model_fields if name != "require"}
        return LocalExecutorConfig(**shared)


ExecutorConfig = Annotated[LocalExecutorConfig | RayExecutorConfig, Field(discriminator="kind")]


class GuardedExecutor(Executor, Protocol):
    """An executor that can say how it keeps scripts in."""

    def guard_report(self) -> tuple[str, ...]:
        """One line for each guard: on, weak or off, and by what or why; for people."""
        ...


@asynccontextmanager
async def open_executor(config: ExecutorConfig, workspace: Path) -> AsyncIterator[GuardedExecutor]:
    """An executor that keeps its folders under `workspace/executions`; closing it ends everything it started.

    Raises ExecutorUnavailable when no script can be executed, or a required guard is missing.
    """
    folders = Workspace(workspace)
    with TemporaryDirectory(dir=folders.folder, prefix=".parent-", ignore_cleanup_errors=True) as scratch:
        executor = (
            _on_ray(config, folders) if config.kind == "ray" else LocalExecutor(setup_of(config, scratch), folders)
        )
        try:
            await executor.open(config.require)
            yield executor
        finally:
            await executor.close()


def _on_ray(config: RayExecutorConfig, folders: Workspace) -> RayExecutor:
    try:
        from mlestar.execution.ray import RayExecutor
    except ImportError as error:
        raise ConfigError(f"executor=ray: {error}; install it with: pip install 'mlestar[ray]'") from error
    return RayExecutor(config.address, config.threads, config.retries, config.on_node().model_dump_json(), folders)


def setup_of(config: LocalExecutorConfig, scratch: str) -> Setup:
    """What the parent of the workers is told."""
    gib = 2**30
    slots = config.slots or max(1, usable_cores() // config.threads)
    memory_bytes = int(config.memory_gib * gib) if config.memory_gib else max(gib, _machine_memory() * 4 // 5 // slots)
    limits = Limits(
        memory_bytes=memory_bytes,
        disk_bytes=int(config.disk_gib * gib),
        output_bytes=int(config.output_mib * 2**20),
        max_processes=config.max_processes,
    )
    return Setup(
        warm=config.warm,
        threads=config.threads,
        slots=slots,
        limits=limits,
        scratch=scratch,
        without=config.without,
    )


def usable_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
