"""Takes down every question: what was asked, what came back, what it cost, where in the run it belongs.

The outermost wrapper of an engineer, so that the notebook hears of replayed answers and of failures too.
"""

from __future__ import annotations

import asyncio
import time

from mlestar.doors import A, Engineer, Notebook, Question
from mlestar.errors import MleStarError
from mlestar.events import Answered, Meter, current_scope, metered
from mlestar.records.base import Record


class NotedEngineer:
    """An engineer whose every answer, and every failure to answer, becomes one `Answered` event."""

    def __init__(self, inner: Engineer, notebook: Notebook) -> None:
        self._inner = inner
        self._notebook = notebook

    async def ask(self, question: Question[A]) -> A:
        """Ask the inner engineer; raises what it raises, after it was noted."""
        started_at, start = time.time(), time.perf_counter()
        with metered() as meter:
            fault: str | None = "ended by an unexpected error"
            answer: Record | None = None
            try:
                reply = await self._inner.ask(question)
                answer, fault = reply, None
                return reply
            except MleStarError as error:
                fault = f"{type(error).__name__}: {error}"
                raise
            except asyncio.CancelledError:
                fault = "cancelled before an answer came"
                raise
            finally:
                seconds = time.perf_counter() - start
                self._notebook.note(_answered(question, answer, meter, fault, started_at, seconds))


def _answered(
    question: Question[A], answer: Record | None, meter: Meter, fault: str | None, started_at: float, seconds: float
) -> Answered:
    return Answered(
        question=type(question).__name__,
        scope=current_scope(),
        prompt=meter.prompt or question.model_dump_json(exclude={"assignment"}),
        answer=meter.answer or (answer.model_dump_json() if answer is not None else ""),
        sources=meter.sources,
        fault=fault,
        usage=meter.usage,
        started_at=started_at,
        seconds=seconds,
        replayed=meter.replayed,
    )
