"""Patience with a service: a bounded number of calls at a time, and back-off with jitter when it fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_random_exponential,
)

from mlestar.engineers.model import CallFailed, Completion, Model, Request
from mlestar.errors import EngineerUnavailable
from mlestar.events import Usage

LONGEST_PAUSE_SECONDS = 60

Sleep = Callable[[float], Awaitable[None]]


class LimitedModel:
    """At most so many calls in flight; the others wait for their turn."""

    def __init__(self, inner: Model, max_in_flight: int) -> None:
        self._inner = inner
        self._turns = asyncio.Semaphore(max_in_flight)

    async def complete(self, request: Request) -> Completion:
        async with self._turns:
            return await self._inner.complete(request)

    def worst_case(self, request: Request) -> Usage:
        return self._inner.worst_case(request)


class PatientModel:
    """Tries again after a failure that may pass, as long as the service asks, or longer each time."""

    def __init__(
        self,
        inner: Model,
        *,
        max_attempts: int,
        pause_seconds: float,
        max_wait_seconds: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._max_attempts = max_attempts
        self._longer_each_time = wait_random_exponential(multiplier=pause_seconds, max=LONGEST_PAUSE_SECONDS)
        self._max_wait_seconds = max_wait_seconds
        self._sleep = sleep

    async def complete(self, request: Request) -> Completion:
        """Complete; raises EngineerUnavailable with the last failure when patience ends."""
        trying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, CallFailed) and error.again),
            wait=self._pause_seconds,
            stop=stop_any(stop_after_attempt(self._max_attempts), stop_before_delay(self._max_wait_seconds)),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await trying(self._inner.complete, request)
        except CallFailed as failure:
            attempts = trying.statistics.get("attempt_number", 1)
            tried = f" (after {attempts} attempts)" if attempts > 1 else ""
            raise EngineerUnavailable(f"{failure}{tried}") from failure

    def worst_case(self, request: Request) -> Usage:
        return self._inner.worst_case(request)

    def _pause_seconds(self, state: RetryCallState) -> float:
        """What the service asks for and a little more, or a random time that may be longer after each failure."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, CallFailed) and error.retry_after_seconds is not None:
            return error.retry_after_seconds + random.random()
        return self._longer_each_time(state)
