from __future__ import annotations

import pytest

from mlestar.records.metrics import metric_named
from mlestar.scoring.reported import is_suspicious, reported_score


@pytest.mark.parametrize(
    ("written", "score"),
    [
        ("0.91", 0.91),
        ("0.91 (AUC)", 0.91),
        ("91%", 0.91),
        ("91.5 %", 0.915),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("**0.9**", 0.9),
        ("`0.9`", 0.9),
        ("0,91", 0.91),
        ("0,912", 0.912),
        ("1.5e-3", 0.0015),
        ("-0.3", -0.3),
        ("\N{MINUS SIGN}0.3", -0.3),
        (".5", 0.5),
        ("5.", 5.0),
        ("AUC = 0.9", 0.9),
        ("RMSE: 46,000", 46000.0),
        ("0.85 +/- 0.02", 0.85),
        ("np.float64(0.85)", 0.85),
        ("F1 = 0.85", 0.85),
        ("0.85.", 0.85),
        ("mean of 15-fold CV 0.85", 0.85),
    ],
)
def test_a_number_is_read_as_people_mean_it(written: str, score: float) -> None:
    assert reported_score(f"start\nFinal Validation Performance: {written}\ndone\n") == pytest.approx(score)


@pytest.mark.parametrize("written", ["nan", "inf", "-inf", "NaN", "", "none", "1e999", "n/a"])
def test_what_is_no_finite_number_is_absent(written: str) -> None:
    assert reported_score(f"Final Validation Performance: {written}\n") is None


@pytest.mark.parametrize(
    "line",
    [
        "Final Validation Performance: 0.9",
        "final validation performance: 0.9",
        "**Final Validation Performance:** 0.9",
        "**Final Validation Performance**: 0.9",
        "Final Validation Performance = 0.9",
        "Final Validation Performance (RMSE): 0.9",
        "[INFO] Final  Validation Performance: 0.9",
    ],
)
def test_the_line_may_be_decorated(line: str) -> None:
    assert reported_score(line) == 0.9


def test_the_last_line_wins() -> None:
    assert reported_score("Final Validation Performance: 0.1\nFinal Validation Performance: 0.2\n") == 0.2
    assert reported_score("Final Validation Performance: 0.1\nFinal Validation Performance: nan\n") is None


def test_no_line_no_score() -> None:
    assert reported_score("Validation: 0.5\n0.7\n") is None
    assert reported_score("") is None


@pytest.mark.parametrize(
    ("metric", "reported", "graded", "spread", "flagged"),
    [
        ("rmse", 0.0, 50.0, None, True),
        ("rmse", 48.0, 50.0, None, False),
        ("rmse", 60.0, 50.0, None, False),
        ("rmse", 20.0, 50.0, 15.0, False),
        ("rmse", -5.0, 50.0, None, True),
        ("accuracy", 0.99, 0.8, 0.01, True),
        ("accuracy", 0.85, 0.8, 0.01, False),
        ("accuracy", 85.0, 0.8, None, True),
        ("r2", 0.9, -0.3, None, True),
        ("rmse", None, 50.0, None, False),
        ("rmse", 0.0, None, None, False),
    ],
)
def test_only_a_far_better_report_is_suspicious(
    metric: str, reported: float | None, graded: float | None, spread: float | None, flagged: bool
) -> None:
    assert is_suspicious(metric_named(metric), reported, graded, spread) is flagged
