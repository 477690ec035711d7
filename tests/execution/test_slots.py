"""Slots are given out in order, one or several at a time."""

from __future__ import annotations

import asyncio

from mlestar.execution.slots import Slots


async def test_who_takes_all_slots_is_alone() -> None:
    slots, held, most = Slots(2), 0, 0

    async def work(wanted: int) -> None:
        nonlocal held, most
        async with slots.taken(wanted):
            held += min(wanted, 2)
            most = max(most, held)
            await asyncio.sleep(0.001)
            held -= min(wanted, 2)

    await asyncio.gather(*(work(wanted) for wanted in (1, 2, 1, 5, 1, 1, 2)))
    assert most == 2
    assert held == 0


async def test_who_gives_up_waiting_leaves_the_slots_to_others() -> None:
    slots = Slots(2)
    async with slots.taken(1):
        waiting = asyncio.create_task(slots.taken(2).__aenter__())
        await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1), slots.taken(1):
            pass
