"""The hard limits of a study in tokens and usd: the worst case of a call is reserved before it is made.

One budget serves all runs of a study, and calls that are made at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mlestar.engineers.model import CallFailed, Completion, Model, Request
from mlestar.errors import BadAnswer, BudgetExhausted, ConfigError
from mlestar.events import Usage, current_meter


@dataclass
class Reservation:
    """Room for one call; `used` is what it really took, the whole reservation until that is known."""

    used: Usage


class Budget:
    """What a study may still use. Counts only grow, over all its runs and over resumes."""

    def __init__(self, *, max_tokens: int | None = None, max_usd: float | None = None) -> None:
        self.max_tokens = max_tokens
        self.max_usd = max_usd
        self.spent_tokens = 0
        self.spent_usd = 0.0
        self._in_flight: list[Usage] = []
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, worst: Usage) -> AsyncIterator[Reservation]:
        """Hold room for the worst case; waits for calls in flight to give room back.

        Raises BudgetExhausted when the worst case does not fit even with nothing in flight.
        """
        async with self._freed:
            await self._freed.wait_for(lambda: not self._in_flight or self._lack(worst) is None)
            lack = self._lack(worst)
            if lack is not None:
                raise BudgetExhausted(lack)
            self._in_flight.append(worst)
        reservation = Reservation(used=worst)
        try:
            yield reservation
        finally:
            self._in_flight.remove(worst)
            self.count(reservation.used)
            async with self._freed:
                self._freed.notify_all()

    def count(self, used: Usage) -> None:
        """Count what was used, here or before a resume."""
        self.spent_tokens += used.tokens_in + used.tokens_out
        self.spent_usd += used.usd or 0.0

    def _lack(self, worst: Usage) -> str | None:
        """Which limit leaves no room for the worst case beside what is in flight; None when there is room."""
        waiting = [*self._in_flight, worst]
        tokens = sum(usage.tokens_in + usage.tokens_out for usage in waiting)
        if self.max_tokens is not None and self.spent_tokens + tokens > self.max_tokens:
            return f"max_tokens={self.max_tokens}: {self.spent_tokens} used, the next call may use {tokens}"
        usd = sum(usage.usd or 0.0 for usage in waiting)
        if self.max_usd is not None and self.spent_usd + usd > self.max_usd:
            return f"max_usd={self.max_usd:g}: {self.spent_usd:.4f} used, the next call may use {usd:.4f}"
        return None


class BudgetedModel:
    """Makes an attempt only within the budget, and puts what it used on the meter of the question."""

    def __init__(self, inner: Model, budget: Budget) -> None:
        self._inner = inner
        self._budget = budget

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises BudgetExhausted when its worst case does not fit.

        An attempt whose answer got lost may have been charged, so it counts with its worst case.
        """
        async with self._budget.reserved(self.worst_case(request)) as reservation:
            nothing = Usage(model=reservation.used.model)
            _meter(nothing)
            try:
                completion = await self._inner.complete(request)
            except CallFailed as failure:
                if not failure.maybe_charged:
                    reservation.used = nothing
                raise
            except (BadAnswer, ConfigError):
                reservation.used = nothing
                raise
            reservation.used = completion.usage
            _meter(completion.usage, attempts=0)
            return completion

    def worst_case(self, request: Request) -> Usage:
        return self._inner.worst_case(request)


def _meter(usage: Usage, attempts: int = 1) -> None:
    """Add to the meter; a fresh meter counts one attempt before any was made."""
    meter = current_meter()
    so_far = meter.usage
    made = so_far.attempts if so_far.model else 0
    unknown = so_far.usd is None or usage.usd is None
    meter.usage = Usage(
        model=usage.model,
        tokens_in=so_far.tokens_in + usage.tokens_in,
        tokens_out=so_far.tokens_out + usage.tokens_out,
        usd=None if unknown else (so_far.usd or 0.0) + (usage.usd or 0.0),
        attempts=made + attempts,
    )
