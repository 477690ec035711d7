"""Carrying the best known script into the next run."""

from __future__ import annotations

from pathlib import Path

from mlestar.enhancer.carry import best_known
from mlestar.records.run import History, KnownScript
from mlestar.records.task import (
    ColumnProfile,
    Metric,
    SubmissionFormat,
    TableProfile,
    Task,
    TaskTraits,
    Validation,
)
from tests.enhancer.histories import AUC, RMSE, run

NOTHING = History()


def task(metric: Metric = RMSE) -> Task:
    column = ColumnProfile(name="y", kind="numeric", missing_share=0, unique_count=9)
    return Task(
        name="california",
        description="",
        kind="regression",
        target="y",
        metric=metric,
        validation=Validation(),
        submission=SubmissionFormat(id_column=None, columns=("y",)),
        folder=Path("somewhere"),
        profile=TableProfile(train_rows=9, test_rows=9, columns=(), target=column),
        digest="data",
    )


def test_the_best_of_study_and_earlier_studies_is_carried() -> None:
    earlier = History(runs=(run(0, 0.3, study="old"), run(1, 0.35, study="old")))
    carried = best_known(History(runs=(run(0, 0.5),)), earlier, task=task())
    assert carried is not None
    assert (carried.mlflow_run_id, carried.path, carried.score) == ("old-0", "ensemble/final_solution.py", 0.3)


def test_the_direction_of_the_metric_decides() -> None:
    history = History(runs=(run(0, 0.8, metric=AUC), run(1, 0.9, metric=AUC), run(2, None, metric=AUC)))
    carried = best_known(history, NOTHING, task=task(AUC))
    assert carried is not None
    assert carried.run_id == "run_1"


def test_nothing_is_carried_from_other_tasks_metrics_or_data() -> None:
    other_data = TaskTraits(kind="regression", rows=9, digest="other")
    strangers = (run(0, 0.1, task="wine"), run(1, 0.1, metric=AUC), run(2, 0.1, traits=other_data))
    assert best_known(NOTHING, History(runs=strangers), task=task()) is None


def test_a_run_that_kept_no_script_is_passed_over() -> None:
    lost = run(1, 0.1).model_copy(update={"known": None})
    carried = best_known(History(runs=(run(0, 0.5), lost)), NOTHING, task=task())
    assert carried is not None
    assert carried.run_id == "run_0"


def test_the_best_graded_script_is_carried_even_where_another_was_submitted() -> None:
    known = KnownScript(path="2/train1.py", score=0.3, time_limit_seconds=9)
    submitted = run(0, 0.4).model_copy(update={"known": known})
    carried = best_known(History(runs=(submitted, run(1, 0.35))), NOTHING, task=task())
    assert carried is not None
    assert (carried.run_id, carried.path, carried.time_limit_seconds) == ("run_0", "2/train1.py", 9)


def test_nothing_scored_means_nothing_carried() -> None:
    assert best_known(History(runs=(run(0, None),)), NOTHING, task=task()) is None
