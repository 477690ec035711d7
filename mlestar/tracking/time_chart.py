"""The chart of a run's time, as places in percent: who did what when, and when nobody did anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlestar.records.base import Record
from mlestar.tracking.charts import Band
from mlestar.tracking.timeline import Activity, Timeline

MOST_BARS = 1500
SHORTEST_PERCENT = 0.15


class Block(Record):
    """An activity in a lane of the time chart."""

    left: float
    width: float
    phase: str
    kind: str
    title: str


class TimeChart(Record):
    """Who did what when: lanes of engineer calls, then lanes of executions."""

    asked: tuple[tuple[Block, ...], ...]
    executed: tuple[tuple[Block, ...], ...]
    phases: tuple[Band, ...]
    seconds: float
    asked_seconds: float
    executed_seconds: float
    idle_seconds: float
    """Seconds in which nobody was asked and nothing was executed."""


def time_chart(timeline: Timeline) -> TimeChart | None:
    """The lanes of a run; None when nothing happened."""
    live = [activity for activity in timeline.activities if not activity.replayed]
    if not live:
        return None
    begin = min([activity.started_at for activity in live] + [phase.started_at for phase in timeline.phases])
    end = max([each.ended_at for each in live] + [each.started_at + each.seconds for each in timeline.phases])
    seconds = max(end - begin, 1e-6)
    asked = [activity for activity in live if activity.kind == "asked"]
    executed = [activity for activity in live if activity.kind == "executed"]
    return TimeChart(
        asked=_lanes(asked, begin, seconds),
        executed=_lanes(executed, begin, seconds),
        phases=tuple(
            Band(left=100 * (each.started_at - begin) / seconds, width=100 * each.seconds / seconds, name=each.phase)
            for each in timeline.phases
        ),
        seconds=seconds,
        asked_seconds=sum(activity.seconds for activity in asked),
        executed_seconds=sum(activity.seconds for activity in executed),
        idle_seconds=seconds - _covered(live),
    )


def _lanes(activities: Sequence[Activity], begin: float, seconds: float) -> tuple[tuple[Block, ...], ...]:
    """Each activity in the first lane that is free; what ran together lies one below the other."""
    ends: list[float] = []
    lanes: list[list[Block]] = []
    for activity in sorted(activities, key=lambda each: each.started_at)[:MOST_BARS]:
        free = next((lane for lane, end in enumerate(ends) if end <= activity.started_at + 1e-3), len(ends))
        if free == len(ends):
            ends.append(0.0)
            lanes.append([])
        ends[free] = activity.ended_at
        lanes[free].append(_block(activity, begin, seconds))
    return tuple(tuple(lane) for lane in lanes)


def _block(activity: Activity, begin: float, seconds: float) -> Block:
    words = [activity.scope.label, activity.name, f"{activity.seconds:.2f} s", activity.fault or ""]
    return Block(
        left=100 * (activity.started_at - begin) / seconds,
        width=max(100 * activity.seconds / seconds, SHORTEST_PERCENT),
        phase=activity.scope.phase or "",
        kind="failed" if activity.fault else activity.kind,
        title=" · ".join(word for word in words if word),
    )


def _covered(activities: Sequence[Activity]) -> float:
    """Seconds in which at least one of them went on."""
    covered, until = 0.0, -math.inf
    for activity in sorted(activities, key=lambda each: each.started_at):
        covered += max(0.0, activity.ended_at - max(until, activity.started_at))
        until = max(until, activity.ended_at)
    return covered
