from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import get_scorer_names

from mlestar.errors import TaskError
from mlestar.records.metrics import METRICS, metric_known_as, metric_named
from mlestar.records.task import Metric
from mlestar.scoring.metrics import score_function, score_of, score_of_folds

TRUTH = np.array([1.0, 2.0, 4.0, 8.0])
CLOSE = np.array([1.0, 3.0, 4.0, 6.0])
CLASSES = np.array([0, 1, 1, 2, 2, 2])
GUESSED = np.array([0, 1, 2, 2, 2, 0])
TWO = np.array([0, 0, 1, 1])
LIKELY = np.array([0.1, 0.6, 0.4, 0.9])


def grade(name: str, truth: object, prediction: object) -> float:
    return score_of(score_function(metric_named(name)), np.asarray(truth), np.asarray(prediction))


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("rmse", math.sqrt(5 / 4)),
        ("mse", 5 / 4),
        ("mae", 3 / 4),
        ("medae", 0.5),
        ("mape", (1 / 2 + 2 / 8) / 4),
        ("smape", (1 / 2.5 + 2 / 7) / 4),
        ("max_error", 2.0),
        ("rmsle", math.sqrt((math.log(3 / 4) ** 2 + math.log(9 / 7) ** 2) / 4)),
        ("r2", 1 - 5 / 28.75),
        ("spearman", 1.0),
    ],
)
def test_values(name: str, score: float) -> None:
    assert grade(name, TRUTH, CLOSE) == pytest.approx(score)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("accuracy", 4 / 6),
        ("balanced_accuracy", (1 + 1 / 2 + 2 / 3) / 3),
        ("f1_macro", (2 / 3 + 2 / 3 + 2 / 3) / 3),
        ("f1_micro", 4 / 6),
        (
            "quadratic_kappa",
            1 - (1 + 4) / ((2 * 0 + 1 * 1 + 3 * 4 + 2 * 2 * 1 + 0 + 2 * 3 * 1 + 2 * 4 + 1 * 3 * 0) / 6),
        ),
    ],
)
def test_labels(name: str, score: float) -> None:
    if name == "quadratic_kappa":
        expected = sum((t - g) ** 2 for t in CLASSES for g in GUESSED) / 6
        score = 1 - sum((CLASSES - GUESSED) ** 2) / expected
    assert grade(name, CLASSES, GUESSED) == pytest.approx(score)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("roc_auc", 3 / 4),
        ("gini", 1 / 2),
        ("log_loss", -np.mean(np.log([0.9, 0.4, 0.4, 0.9]))),
        ("brier", np.mean([0.01, 0.36, 0.36, 0.01])),
        ("pr_auc", 0.5 * 1 + 0.5 * 2 / 3),
    ],
)
def test_probabilities_of_two_classes(name: str, score: float) -> None:
    assert grade(name, TWO, LIKELY) == pytest.approx(score)


def test_probabilities_of_several_classes() -> None:
    table = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    assert grade("log_loss", [0, 1, 2], table) == pytest.approx(-np.mean(np.log([0.8, 0.8, 0.6])))
    assert grade("roc_auc", [0, 1, 2], table) == 1.0
    assert grade("brier", [0, 0, 0], table) == pytest.approx(np.mean([0.06, 1.46, 1.04]))


def test_a_class_without_held_out_rows_is_no_fault() -> None:
    table = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert grade("roc_auc", [0, 1], table) == 1.0
    assert math.isfinite(grade("log_loss", [0, 1], table))
    assert grade("f1_macro", [0, 1], [0, 2]) == pytest.approx(1 / 3)


def test_a_sure_and_wrong_probability_is_bad_but_finite() -> None:
    assert 10 < grade("log_loss", TWO, [1.0, 0.0, 1.0, 0.0]) < 40


def test_constant_predictions_correlate_with_nothing() -> None:
    assert grade("spearman", TRUTH, np.ones(4)) == 0.0
    assert math.isnan(grade("spearman", np.ones(4), TRUTH))


def test_ranks_of_one_class_are_undefined() -> None:
    assert math.isnan(grade("roc_auc", [1, 1], [0.2, 0.3]))


def test_every_known_metric_can_be_computed_and_prefers_the_truth() -> None:
    for known in METRICS:
        if known.needs == "values":
            good, bad = grade(known.name, TRUTH, TRUTH), grade(known.name, TRUTH, TRUTH[::-1])
        elif known.needs == "labels":
            good, bad = grade(known.name, TWO, TWO), grade(known.name, TWO, 1 - TWO)
        else:
            good, bad = grade(known.name, TWO, TWO * 1.0), grade(known.name, TWO, 1.0 - TWO)
        assert known.metric.better(good, bad), known.name


def test_folds_are_scored_together() -> None:
    metric = metric_named("rmse")
    folds = [(TRUTH[:1], CLOSE[:1]), (TRUTH[1:], CLOSE[1:])]
    score, spread = score_of_folds(metric, score_function(metric), folds)
    assert score == pytest.approx(math.sqrt(5 / 4))
    assert spread == pytest.approx(math.sqrt(5 / 3) / math.sqrt(2))


def test_metrics_of_ranks_are_averaged_over_the_folds_by_rows() -> None:
    metric = metric_named("roc_auc")
    folds = [(TWO, LIKELY), (np.array([0, 1]), np.array([0.95, 0.99])), (np.array([1]), np.array([0.5]))]
    score, _ = score_of_folds(metric, score_function(metric), folds)
    assert score == pytest.approx((4 * 0.75 + 2 * 1.0) / 6)


def test_a_single_fold_has_no_spread() -> None:
    metric = metric_named("mae")
    assert score_of_folds(metric, score_function(metric), [(TRUTH, CLOSE)]) == (0.75, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("RMSE", "rmse"),
        ("neg_root_mean_squared_error", "rmse"),
        ("ROC-AUC", "roc_auc"),
        ("auc", "roc_auc"),
        ("LogLoss", "log_loss"),
        ("log-loss", "log_loss"),
        ("R²", "r2"),
        ("R^2", "r2"),
        ("QWK", "quadratic_kappa"),
        ("Quadratic Weighted Kappa", "quadratic_kappa"),
        ("average_precision", "pr_auc"),
        ("Macro F1", "f1_macro"),
        ("matthews_corrcoef", "mcc"),
    ],
)
def test_metrics_have_the_names_people_use(text: str, name: str) -> None:
    assert metric_named(text).name == name


def test_names_and_aliases_are_not_ambiguous() -> None:
    for known in METRICS:
        for name in (known.name, *known.aliases):
            found = metric_known_as(name)
            assert found is not None
            assert found.name == known.name


SCIKIT_LEARN = ["accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "f1_weighted", "neg_brier_score"]
SCIKIT_LEARN += ["neg_log_loss", "neg_mean_absolute_error", "neg_mean_absolute_percentage_error", "r2", "roc_auc"]
SCIKIT_LEARN += ["neg_mean_squared_error", "neg_median_absolute_error", "neg_root_mean_squared_log_error"]


@pytest.mark.parametrize("name", SCIKIT_LEARN)
def test_scorers_of_scikit_learn_are_known_by_their_names(name: str) -> None:
    assert name in get_scorer_names()
    found = metric_known_as(name)
    assert found is not None
    assert found.direction == ("minimize" if name.startswith("neg_") else "maximize")


def test_an_unknown_metric_lists_close_ones() -> None:
    with pytest.raises(TaskError, match=r"unknown metric 'acuracy': did you mean accuracy"):
        metric_named("acuracy")


def test_an_own_metric_without_a_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"metric: no such file .*none\.py"):
        score_function(Metric(name="f", direction="minimize", needs="values", function_path=f"{tmp_path}/none.py:f"))
