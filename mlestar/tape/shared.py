"""Work that several tasks may want at once and that is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Runs one task for each key; whoever asks meanwhile waits for it.

    The work is cancelled when everybody who waits for it is.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[T]] = {}
        self._waiting: dict[str, int] = {}

    async def once(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """The result of the work under this key, started now unless it is under way."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._running[key] = task
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if self._waiting[key] == 0:
                await self._forget(key, task)

    async def _forget(self, key: str, task: asyncio.Task[T]) -> None:
        del self._waiting[key]
        if self._running.get(key) is task:
            del self._running[key]
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
