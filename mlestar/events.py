"""What happens in a run, as values: who was asked, what was executed and tried, and where in the run it belongs.

Everything a notebook takes down is one of these; the terminal, MLflow and the report are readings of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from mlestar.records.base import Record
from mlestar.records.solution import Execution, Trial
from mlestar.records.strategy import Phase


class Usage(Record):
    """What one answer cost."""

    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """Thinking tokens included."""
    usd: float | None = 0.0
    """None when the price of the model is unknown."""
    attempts: int = 1
    """Times the model was called, corrections and retries included."""


@dataclass
class Meter:
    """What it took to answer the question that is being asked; filled by whoever answers it."""

    usage: Usage = field(default_factory=Usage)
    prompt: str = ""
    answer: str = ""
    """The model's last reply as text."""
    sources: tuple[str, ...] = ()
    """Addresses the answer rests on, where a search was made."""
    replayed: bool = False
    """The answer was taken from a tape."""


_meter: ContextVar[Meter | None] = ContextVar("mlestar_meter", default=None)


def current_meter() -> Meter:
    """The meter of the question being asked; a throw-away one when nobody reads it."""
    return _meter.get() or Meter()


@contextmanager
def metered() -> Iterator[Meter]:
    """A fresh meter for one question; whoever answers inside the with block fills it."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


class Scope(Record):
    """Where in a run something happened."""

    phase: Phase | None = None
    solution: int = 0
    """0 when it concerns no single solution."""
    label: str = ""
    """Artifact path of the script concerned, for example `1/train0_improve0.py`."""


_scope: ContextVar[Scope | None] = ContextVar("mlestar_scope", default=None)


def current_scope() -> Scope:
    """The scope of the running task."""
    return _scope.get() or Scope()


@contextmanager
def scope(*, phase: Phase | None = None, solution: int | None = None, label: str | None = None) -> Iterator[Scope]:
    """Narrow the scope inside a with block; tasks started inside inherit it."""
    given = {"phase": phase, "solution": solution, "label": label}
    inner = current_scope().model_copy(update={k: v for k, v in given.items() if v is not None})
    token = _scope.set(inner)
    try:
        yield inner
    finally:
        _scope.reset(token)


class PhaseStarted(Record):
    kind: Literal["phase_started"] = "phase_started"
    phase: Phase
    at: float = Field(default_factory=time.time)


class PhaseEnded(Record):
    kind: Literal["phase_ended"] = "phase_ended"
    phase: Phase
    seconds: float
    best_score: float | None
    at: float = Field(default_factory=time.time)


class Answered(Record):
    """An engineer answered, or failed to."""

    kind: Literal["answered"] = "answered"
    question: str
    """Class name of the question."""
    scope: Scope
    prompt: str = ""
    answer: str = ""
    sources: tuple[str, ...] = ()
    """Addresses the answer rests on, where a search was made."""
    fault: str | None = None
    usage: Usage = Usage()
    started_at: float
    seconds: float
    replayed: bool = False


class ExecutionStarted(Record):
    kind: Literal["execution_started"] = "execution_started"
    scope: Scope
    view: str
    at: float = Field(default_factory=time.time)


class Executed(Record):
    """One execution of one script on one view is over."""

    kind: Literal["executed"] = "executed"
    scope: Scope
    view: str
    script_digest: str
    execution: Execution
    replayed: bool = False


class Tried(Record):
    """A script was graded, or failed."""

    kind: Literal["tried"] = "tried"
    scope: Scope
    """`scope.label` is the artifact path the script is kept under."""
    trial: Trial
    best_score: float | None
    """Best score of the run so far, this trial included."""
    at: float = Field(default_factory=time.time)


class Remark(Record):
    """Something a person should see: a repair, something dropped, something skipped for lack of time."""

    kind: Literal["remark"] = "remark"
    scope: Scope
    level: Literal["info", "warning"] = "info"
    text: str
    at: float = Field(default_factory=time.time)


class Kept(Record):
    """A text that belongs to the run's artifacts."""

    kind: Literal["kept"] = "kept"
    path: str
    """Artifact path."""
    text: str


Event = PhaseStarted | PhaseEnded | Answered | ExecutionStarted | Executed | Tried | Remark | Kept
