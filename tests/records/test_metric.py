"""The direction of a metric lives in `Metric` alone; an absent score is never the best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from mlestar.records.metrics import metric_named

LOWER, HIGHER = metric_named("rmse"), metric_named("r2")


@dataclass(frozen=True)
class Result:
    score: float | None


def results(*scores: float | None) -> list[Result]:
    return [Result(score) for score in scores]


def test_the_best_follows_the_direction() -> None:
    assert LOWER.best(results(3.0, 1.0, 2.0)) == Result(1.0)
    assert HIGHER.best(results(0.1, -0.3, 0.9)) == Result(0.9)


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
def test_a_crash_never_beats_a_poor_score(bad: float | None) -> None:
    for metric in (LOWER, HIGHER):
        assert metric.best(results(bad, -0.3, bad)) == Result(-0.3)
        assert not metric.better(bad, -0.3)
        assert metric.better(-0.3, bad)
        assert metric.ranked(results(bad, -0.3)) == [Result(-0.3)]


def test_nothing_scored_has_no_best() -> None:
    assert LOWER.best(results(None, math.nan)) is None
    assert LOWER.best([]) is None


def test_of_equals_the_first_wins() -> None:
    first, second = Result(1.0), Result(1.0)
    assert LOWER.best([first, second]) is first
    assert not LOWER.better(1.0, 1.0)


def test_ranking_is_best_first() -> None:
    assert [r.score for r in LOWER.ranked(results(3.0, 1.0, 2.0))] == [1.0, 2.0, 3.0]
    assert [r.score for r in HIGHER.ranked(results(3.0, 1.0, 2.0))] == [3.0, 2.0, 1.0]


def test_a_gain_is_positive_when_better() -> None:
    assert LOWER.gain(2.0, 3.0) == 1.0
    assert HIGHER.gain(2.0, 3.0) == -1.0
