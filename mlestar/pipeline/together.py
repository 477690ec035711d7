"""Structured concurrency: what is independent runs together, and the first deliberate error comes out bare."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from mlestar.errors import MleStarError

T = TypeVar("T")


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order; one error cancels the others and is raised itself when it is a MleStarError."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise bare(errors) from errors
    return [task.result() for task in tasks]


def bare(error: BaseException) -> BaseException:
    """The first deliberate error inside a group of errors, or the group itself when any other is in it."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [bare(one) for one in error.exceptions]
    if all(isinstance(one, MleStarError) for one in inner):
        return inner[0]
    return error
