"""Which script of an earlier run the next one starts from, so that no run starts from less than what is known."""

from __future__ import annotations

from mlestar.enhancer.situation import comparable
from mlestar.records.base import Record
from mlestar.records.run import History
from mlestar.records.task import Task


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
    """The best-graded script of the runs on the same data by the same metric; None when none was kept.

    Of equal scores the earlier run's wins. The script is graded again on the splits of the run it is carried into.
    """
    runs = (*earlier.runs, *history.runs)
    known = [
        Carried(
            mlflow_run_id=run.mlflow_run_id,
            path=run.known.path,
            run_id=run.run_id,
            study_id=run.study_id,
            score=run.known.score,
            time_limit_seconds=run.known.time_limit_seconds,
        )
        for run in runs
        if run.known is not None and run.mlflow_run_id and comparable(run, task.name, task.metric, task.digest)
    ]
    return task.metric.best(known)
