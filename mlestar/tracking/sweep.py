"""A sweep: the run that the studies of a sweep hang under, and its table of comparison.

The points of a sweep may run in several processes or on several machines: whoever comes first makes the sweep's run,
whoever ends a study writes the table anew.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mlestar.records.base import Record
from mlestar.records.run import RunStatus
from mlestar.records.task import Metric, Task
from mlestar.tracking.backend import MlflowBackend, Point
from mlestar.tracking.links import WORKFLOW
from mlestar.tracking.past import quoted
from mlestar.tracking.turns import one_at_a_time

if TYPE_CHECKING:
    from mlflow.entities import Run

TABLE = "comparison.csv"
NAME_CHARACTERS = 100
SETTLE_SECONDS = 0.5
"""After so long the run that another machine makes for the same sweep at the same moment shows in a search."""


class SweepPoint(Record):
    """Which sweep a study belongs to, and which point of it it is."""

    sweep: str
    """The same for all points of a sweep, different for different sweeps."""
    point: str
    """The overrides of the point, for people."""


class PointResult(Record):
    """A study of a sweep and what it came to."""

    study_id: str
    point: str
    status: str
    score: float | None
    improvement_percent: float | None
    audit_score: float | None
    seconds: float | None

    @property
    def name(self) -> str:
        """The point as the name of its study."""
        return self.point[:NAME_CHARACTERS]


def sweep_run(backend: MlflowBackend, experiment_id: str, task: str, sweep: str) -> str:
    """The id of the sweep's run, made when nobody has made it yet.

    Where points on several machines make one each at the same moment, all of them keep the oldest.
    """
    with one_at_a_time(f"{backend.uri} {experiment_id} {task} {sweep}"):
        found = _sweeps(backend, experiment_id, task, sweep)
        if found:
            return found[0]
        tags = {"kind": "sweep", "sweep": sweep, "task": task, "status": "running"}
        own = backend.create_run(experiment_id, f"sweep of {task}", tags, time.time())
        time.sleep(SETTLE_SECONDS)
        oldest = _sweeps(backend, experiment_id, task, sweep)[0]
        if oldest != own:
            backend.discard(own)
        return oldest


def reopen_sweep(backend: MlflowBackend, sweep_run_id: str, tags: Mapping[str, str] = {}) -> None:
    """Set a sweep to running: a study of it is about to start."""
    backend.log(sweep_run_id, tags={**tags, "status": "running"})
    backend.reopen(sweep_run_id)


def close_stale_sweeps(backend: MlflowBackend, experiment_id: str, task: Task) -> None:
    """Bring the open sweeps of a task up to date, which closes those whose studies are all over."""
    where = f"attributes.status = 'RUNNING' AND tags.kind = 'sweep' AND tags.task = {quoted(task.name)}"
    for run in backend.runs([experiment_id], where):
        update_sweep(backend, run.info.run_id, experiment_id, task.metric)


def update_sweep(backend: MlflowBackend, sweep_run_id: str, experiment_id: str, metric: Metric) -> None:
    """Write the table of comparison of the studies so far; the sweep is over when none of them is running."""
    with one_at_a_time(f"{backend.uri} {sweep_run_id}"):  # the last to write is the last to have read
        _update_sweep(backend, sweep_run_id, experiment_id, metric)


def _update_sweep(backend: MlflowBackend, sweep_run_id: str, experiment_id: str, metric: Metric) -> None:
    where = f"tags.kind = 'study' AND tags.`mlflow.parentRunId` = {quoted(sweep_run_id)}"
    studies = backend.runs([experiment_id], where)
    named = told_apart(map(_result, studies))
    for study, result in zip(studies, named, strict=True):
        if study.info.run_name != result.name:
            backend.rename(result.study_id, result.name)
    results = ranked(named, metric)
    best = results[0].score if results else None
    points = [Point(key="studies", value=len(results), at=time.time())]
    if best is not None:
        points.append(Point(key="best_score", value=best, at=time.time()))
    status = sweep_status(results)
    note = {"mlflow.note.content": sweep_note(results, metric, experiment_id)}
    backend.log(sweep_run_id, points=points, tags={**note, "status": status})
    backend.log_texts(sweep_run_id, {TABLE: sweep_table(results)})
    if status == "running":
        backend.reopen(sweep_run_id)
    else:
        backend.close(sweep_run_id, status.upper())


def sweep_status(results: Sequence[PointResult]) -> RunStatus:
    """Running while a study is; killed when one was, or when none was ever started."""
    found = {result.status for result in results}
    if "running" in found:
        return "running"
    return "killed" if "killed" in found or not found else "finished"


def told_apart(results: Iterable[PointResult]) -> list[PointResult]:
    """The results with only those words of their points that are not the same for all."""
    everything = list(results)
    words = [result.point.split() for result in everything]
    shared = set(words[0]).intersection(*words) if len(words) > 1 else set()
    return [
        result.model_copy(update={"point": " ".join(word for word in mine if word not in shared) or result.point})
        for result, mine in zip(everything, words, strict=True)
    ]


def ranked(results: Iterable[PointResult], metric: Metric) -> list[PointResult]:
    """Best first, those without a score last."""
    everything = list(results)
    scored = metric.ranked(everything)
    return scored + [result for result in everything if result not in scored]


def sweep_note(results: Iterable[PointResult], metric: Metric, experiment_id: str) -> str:
    """The description of the sweep's page."""
    lines = [f"Studies by {metric.name}, best first:", ""]
    for result in results:
        score = "no score" if result.score is None else f"{result.score:.6g}"
        address = f"#/experiments/{experiment_id}/runs/{result.study_id}?workflowType={WORKFLOW}"
        lines.append(f"1. **{score}** [{result.point}]({address}), {result.status}")
    return "\n".join(lines)


def sweep_table(results: Iterable[PointResult]) -> str:
    """The comparison as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(PointResult.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(result.model_dump() for result in results)
    return text.getvalue()


def _sweeps(backend: MlflowBackend, experiment_id: str, task: str, sweep: str) -> list[str]:
    where = f"tags.kind = 'sweep' AND tags.sweep = {quoted(sweep)} AND tags.task = {quoted(task)}"
    runs = backend.runs([experiment_id], where)
    return [run.info.run_id for run in sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))]


def _result(run: Run) -> PointResult:
    metrics = run.data.metrics
    return PointResult(
        study_id=run.info.run_id,
        point=run.data.tags.get("point", ""),
        status=run.data.tags.get("status", ""),
        score=metrics.get("best_score"),
        improvement_percent=metrics.get("improvement_percent"),
        audit_score=metrics.get("audit_score"),
        seconds=metrics.get("seconds"),
    )
