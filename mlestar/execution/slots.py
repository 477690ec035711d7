"""The slots of an executor: most scripts take one, a script that may use more threads takes several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """A counted number of slots, given out in the order they were asked for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, wanted: int) -> AsyncIterator[None]:
        """Hold this many slots, all of them at most; who waits for several is not overtaken."""
        held = 0
        try:
            async with self._turn:
                for _ in range(max(1, min(wanted, self._count))):
                    await self._free.acquire()
                    held += 1
            yield
        finally:
            for _ in range(held):
                self._free.release()
