"""What happened when in a run: small enough to keep as an artifact, enough to draw the report from."""

from __future__ import annotations

from typing import Literal

from mlestar.events import Answered, Event, Executed, PhaseEnded, PhaseStarted, Remark, Scope, Tried
from mlestar.records.base import Record
from mlestar.records.strategy import Phase

MOST_REMARKS = 300


class Activity(Record):
    """An engineer was asked, or a script was executed."""

    kind: Literal["asked", "executed"]
    name: str
    """The question, or the view."""
    scope: Scope
    started_at: float
    seconds: float
    fault: str | None = None
    replayed: bool = False

    @property
    def ended_at(self) -> float:
        return self.started_at + self.seconds


class Step(Record):
    """A script was tried."""

    scope: Scope
    at: float
    score: float | None
    best_score: float | None
    seconds: float
    fault: str | None = None


class PhaseTime(Record):
    phase: Phase
    started_at: float
    seconds: float


class Timeline(Record):
    """The activities, scores and remarks of a run in order."""

    phases: tuple[PhaseTime, ...] = ()
    activities: tuple[Activity, ...] = ()
    steps: tuple[Step, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """The first few hundred."""


class Chronicle:
    """A notebook that keeps the timeline of a run."""

    def __init__(self) -> None:
        self._phases: list[PhaseTime] = []
        self._activities: list[Activity] = []
        self._steps: list[Step] = []
        self._remarks: list[Remark] = []
        self._started: dict[Phase, float] = {}

    @property
    def timeline(self) -> Timeline:
        """What happened so far."""
        return Timeline(
            phases=tuple(self._phases),
            activities=tuple(self._activities),
            steps=tuple(self._steps),
            remarks=tuple(self._remarks),
        )

    def note(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._started[event.phase] = event.at
        elif isinstance(event, PhaseEnded):
            started = self._started.get(event.phase, event.at - event.seconds)
            self._phases.append(PhaseTime(phase=event.phase, started_at=started, seconds=event.seconds))
        elif isinstance(event, Remark) and len(self._remarks) < MOST_REMARKS:
            self._remarks.append(event)
        elif isinstance(event, Answered | Executed):
            self._activities.append(_activity(event))
        elif isinstance(event, Tried):
            self._steps.append(_step(event))


def _activity(event: Answered | Executed) -> Activity:
    if isinstance(event, Answered):
        return Activity(
            kind="asked",
            name=event.question,
            scope=event.scope,
            started_at=event.started_at,
            seconds=event.seconds,
            fault=event.fault,
            replayed=event.replayed,
        )
    execution = event.execution
    return Activity(
        kind="executed",
        name=event.view,
        scope=event.scope,
        started_at=execution.started_at,
        seconds=execution.seconds,
        fault=execution.fault,
        replayed=event.replayed,
    )


def _step(event: Tried) -> Step:
    trial = event.trial
    return Step(
        scope=event.scope,
        at=event.at,
        score=trial.score,
        best_score=event.best_score,
        seconds=trial.seconds,
        fault=trial.fault,
    )
