"""What earlier runs did, read through the tracking API and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mlestar.records.run import Cost, History, RunStatus, RunSummary
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.faults import StoreRefused
from mlestar.tracking.packing import unpack

if TYPE_CHECKING:
    from mlflow.entities import Run

STATUS_OF_MLFLOW: dict[str, RunStatus] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}


def quoted(value: str) -> str:
    """A value as text of an MLflow filter."""
    return "'" + value.replace("'", "") + "'"


def history_of(backend: MlflowBackend, task: str | None, study_id: str | None, limit: int | None) -> History:
    """The pipeline runs of a study, or of all studies of a task or of every task, in order of their start."""
    where = "tags.kind = 'pipeline'" + (f" AND tags.task = {quoted(task)}" if task is not None else "")
    if study_id is None:
        experiments = backend.experiments()
    else:
        experiments = [str(backend.run(study_id).info.experiment_id)]
        where += f" AND tags.study = {quoted(study_id)}"
    found = (summary_of(run) for run in backend.runs(experiments, where, limit))
    return History(runs=tuple(_last_of_each(summary for summary in found if summary is not None)))


def summary_of(run: Run) -> RunSummary | None:
    """The summary a run carries, with the status and the score the store has; None when it carries none."""
    summary = unpack(run.data.tags)
    if summary is None:
        return None
    status = STATUS_OF_MLFLOW[run.info.status]
    if status == summary.status:
        return summary
    ended = run.info.end_time
    known = {
        "status": status,
        "score": run.data.metrics.get("best_score", summary.score),
        "cost": cost_of(run.data.metrics),
        "seconds": max(0.0, ended / 1000 - summary.started_at) if ended else summary.seconds,
    }
    return summary.model_copy(update=known)


def cost_of(metrics: Mapping[str, float]) -> Cost:
    """What a run used as far as its metrics tell."""
    return Cost(
        calls=int(metrics.get("llm_calls", 0)),
        tokens_in=int(metrics.get("tokens_in", 0)),
        tokens_out=int(metrics.get("tokens_out", 0)),
        usd=metrics.get("usd", 0.0),
        executions=int(metrics.get("executions", 0)),
        execution_seconds=metrics.get("execution_seconds", 0.0),
        failures=int(metrics.get("failures", 0)),
    )


def latest_study_of(backend: MlflowBackend, task: str) -> str | None:
    """The id of the newest study of a task."""
    where = f"tags.kind = 'study' AND tags.task = {quoted(task)}"
    found = backend.runs(backend.experiments(), where, limit=1)
    return str(found[-1].info.run_id) if found else None


def run_or_none(backend: MlflowBackend, run_id: str) -> Run | None:
    """A run of the store; None when there is none of this id."""
    try:
        return backend.run(run_id)
    except StoreRefused:
        return None


def text_or_none(backend: MlflowBackend, mlflow_run_id: str, path: str) -> str | None:
    """The content of a text artifact; None when there is none."""
    try:
        return backend.text(mlflow_run_id, path)
    except StoreRefused:
        return None


def _last_of_each(summaries: Iterable[RunSummary]) -> list[RunSummary]:
    """Each run once, as it was started last: a resumed study starts its broken run again."""
    return list({(summary.study_id, summary.run_id): summary for summary in summaries}.values())
