"""Which run of a history is the best."""

from __future__ import annotations

from mlestar.records.metrics import metric_named
from mlestar.records.run import History, RunSummary
from mlestar.records.settings import Settings


def run(number: int, score: float | None, submission_seconds: float = 0.0) -> RunSummary:
    return RunSummary(
        run_id=f"run_{number}",
        study_id="study",
        task="t",
        status="finished",
        metric=metric_named("rmse"),
        started_at=0.0,
        seconds=1.0,
        score=score,
        settings=Settings(),
        submission_seconds=submission_seconds,
    )


def test_the_best_score_wins_however_short_its_submission_took() -> None:
    best = History(runs=(run(0, 0.5, 9.0), run(1, 0.4, 1.0), run(2, None, 99.0))).best()
    assert best is not None
    assert best.run_id == "run_1"


def test_of_equal_scores_the_submission_that_was_trained_longest_wins() -> None:
    best = History(runs=(run(0, 0.5, 2.0), run(1, 0.5, 9.0), run(2, 0.5, 3.0))).best()
    assert best is not None
    assert best.run_id == "run_1"


def test_a_history_without_a_score_has_no_best_run() -> None:
    assert History(runs=(run(0, None),)).best() is None
    assert History().best() is None
