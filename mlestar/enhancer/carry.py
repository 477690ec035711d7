"""Which script of an earlier run the next one starts from, so that no run starts from less than what is known."""

from __future__ import annotations

from mlestar.records.base import Record
from mlestar.records.run import History, RunSummary
from mlestar.records.task import Metric, Task


class Carried(Record):
    """Where the best known script is kept."""

    mlflow_run_id: str
    path: str
    """Artifact path of the script."""
    run_id: str
    study_id: str
    score: float
    time_limit_seconds: float | None = None
    """What the script was told it may take when it got the score."""


def best_known(history: History, earlier: History, *, task: Task) -> Carried | None:
    """The best run on the same data by the same metric that kept its script; None when there is none.

    Of equal scores the earlier run's wins. The script is graded again on the splits of the run it is carried into.
    """
    comparable = [
        run for run in (*earlier.runs, *history.runs) if _comparable(run, task.name, task.metric, task.digest)
    ]
    best = task.metric.best(comparable)
    if best is None or best.score is None or best.best_path is None:
        return None
    return Carried(
        mlflow_run_id=best.mlflow_run_id,
        path=best.best_path,
        run_id=best.run_id,
        study_id=best.study_id,
        score=best.score,
        time_limit_seconds=best.best_time_limit_seconds,
    )


def _comparable(run: RunSummary, task: str, metric: Metric, digest: str) -> bool:
    """Whether the run's score says something about this task and its script can be fetched."""
    same_data = run.traits is None or run.traits.digest == digest
    return run.task == task and run.metric == metric and same_data and bool(run.best_path and run.mlflow_run_id)
