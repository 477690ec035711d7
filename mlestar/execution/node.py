"""What runs on a node of a cluster: a local executor, and files on their way to and from it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlestar.doors import Job
from mlestar.execution.factory import GuardedExecutor, LocalExecutorConfig, open_executor

Files = dict[str, bytes]
"""Contents by relative path."""


@dataclass(frozen=True)
class Packed:
    """An execution and the files it left, as they travel back."""

    execution: str
    """JSON of the Execution."""
    files: Files


class NodeExecutor:
    """The local executor of one node; an actor, so all of its methods are called from elsewhere."""

    def __init__(self, config: str, slots: int) -> None:
        self._config = LocalExecutorConfig.model_validate_json(config).model_copy(update={"slots": slots})
        self._stack = AsyncExitStack()
        self._executor: GuardedExecutor | None = None
        self._folder = Path()
        self._views: dict[str, asyncio.Task[Path]] = {}

    async def open(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Start the executor; its guards and its report of them."""
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        executor = await self._stack.enter_async_context(open_executor(self._config, self._folder))
        self._executor = executor
        return executor.guards, executor.guard_report()

    async def execute(self, job: str, view: list[Any]) -> Packed:
        """Execute a job, given as JSON; `view` holds one reference to the files of its view."""
        assert self._executor is not None, "open it first"
        wanted = Job.model_validate_json(job)
        key = str(wanted.view.folder)
        if key not in self._views:
            self._views[key] = asyncio.create_task(self._unpack(view[0], f"view-{len(self._views)}"))
        folder = await asyncio.shield(self._views[key])
        here = wanted.model_copy(update={"view": wanted.view.model_copy(update={"folder": folder})})
        execution = await self._executor.execute(here)
        left = execution.folder
        files = {} if left is None else {name: (left / name).read_bytes() for name in execution.files}
        return Packed(execution.model_dump_json(), files)

    async def close(self) -> None:
        """End every script and remove everything."""
        await self._stack.aclose()

    async def _unpack(self, reference: Any, name: str) -> Path:
        files: Files = await reference
        return await asyncio.to_thread(write_files, files, self._folder / name)


def read_files(folder: Path) -> Files:
    """Every file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_files(files: Files, folder: Path) -> Path:
    """Write files below a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
