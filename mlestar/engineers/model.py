"""What a language model has to supply: one method. Everything above it is the same for every service.

A `Model` makes a single attempt. Metering, limits, patience and correction are wrapped around it.
"""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import JsonValue

from mlestar.errors import EngineerUnavailable
from mlestar.events import Usage
from mlestar.records.base import Record

Wants = Literal["code", "json", "text"]
Finish = Literal["complete", "truncated", "refused", "recited", "empty", "malformed"]


class Turn(Record):
    """One message of a conversation."""

    role: Literal["user", "model"]
    text: str


class Request(Record):
    """One call of a model."""

    question: str
    """Class name of the question; it picks model, temperature and limits."""
    group: str
    """Module name of the question, for example `refinement`; it picks them where the question's name does not."""
    instruction: str
    turns: tuple[Turn, ...]
    wants: Wants
    answer_schema: dict[str, JsonValue] | None = None
    """JSON schema of a JSON answer."""
    room: int = 1
    """The output limit is multiplied by this; it doubles after an answer was cut off."""

    @property
    def size_bytes(self) -> int:
        """Size of all texts: an upper bound of their tokens, as a token is at least one byte."""
        texts = (self.instruction, str(self.answer_schema or ""), *(turn.text for turn in self.turns))
        return sum(len(text.encode("utf-8", "replace")) for text in texts)


class Completion(Record):
    """What came back from one call that the service answered."""

    text: str = ""
    finish: Finish = "complete"
    detail: str = ""
    """The service's own word for the way it ended."""
    again: bool = True
    """Whether asking again can help."""
    usage: Usage = Usage()
    sources: tuple[str, ...] = ()


class CallFailed(EngineerUnavailable):
    """One attempt failed."""

    def __init__(
        self, text: str, *, again: bool, retry_after_seconds: float | None = None, maybe_charged: bool = False
    ) -> None:
        super().__init__(text)
        self.again = again
        """Whether trying again later can help."""
        self.retry_after_seconds = retry_after_seconds
        """What the service asks to wait."""
        self.maybe_charged = maybe_charged
        """The request was sent and its answer was lost, so it may have been paid for."""


class Model(Protocol):
    """A language model behind a service."""

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises CallFailed, or BadAnswer when the service rejects the request itself."""
        ...

    def worst_case(self, request: Request) -> Usage:
        """The most that one attempt can use."""
        ...
