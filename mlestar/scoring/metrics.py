"""Computes every known metric through scikit-learn, and a user's own function by path.

What a metric is given, by `Metric.needs`: `values` two arrays of floats; `labels` two arrays of class numbers;
`probabilities` the class numbers and, for two classes, the probability of the second, else one column for each class.
Class numbers count `SubmissionFormat.classes` from 0.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from mlestar.errors import TaskError
from mlestar.records.task import Metric

Numbers = NDArray[Any]
Score = Callable[[Numbers, Numbers], float]

_MEAN_OF_FOLDS = frozenset({"roc_auc", "pr_auc", "gini", "spearman", "pearson"})
"""Metrics of ranks and correlations: predictions of different fits are not on one scale, so folds are averaged."""

NOT_NEGATIVE = frozenset({"rmsle", "msle"})
POSITIVE = frozenset({"poisson_deviance", "gamma_deviance"})
PROPER = frozenset({"log_loss", "brier"})
"""Metrics that read probabilities as such, not as ranks."""


def score_function(metric: Metric) -> Score:
    """The function that computes a metric; raises TaskError when a user's own cannot be loaded."""
    if metric.function_path is not None:
        return _own_function(metric.function_path)
    return _FUNCTIONS[metric.name]


def score_of(function: Score, truth: Numbers, prediction: Numbers) -> float:
    """The score, NaN where it is undefined; what scikit-learn would warn of is in the score already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(truth, prediction))


def score_of_folds(
    metric: Metric, function: Score, folds: Sequence[tuple[Numbers, Numbers]]
) -> tuple[float, float | None]:
    """Score over all held-out rows and its standard deviation over the folds, None for one fold.

    Rows of all folds are scored together; metrics of ranks are averaged over the folds instead, weighted by rows,
    folds where they are undefined left out.
    """
    scores = [score_of(function, truth, prediction) for truth, prediction in folds]
    if len(folds) == 1:
        return scores[0], None
    finite = [(score, len(truth)) for score, (truth, _) in zip(scores, folds, strict=True) if math.isfinite(score)]
    spread = float(np.std([score for score, _ in finite], ddof=1)) if len(finite) > 1 else None
    if metric.name in _MEAN_OF_FOLDS and metric.function_path is None:
        weights = [rows for _, rows in finite]
        return (float(np.average([s for s, _ in finite], weights=weights)) if finite else math.nan), spread
    truth, prediction = (np.concatenate(arrays) for arrays in zip(*folds, strict=True))
    return score_of(function, truth, prediction), spread


def _own_function(path: str) -> Score:
    """The function at `file.py:name`."""
    file, _, name = path.rpartition(":")
    spec = importlib.util.spec_from_file_location(f"mlestar_metric_{Path(file).stem}", file)
    if spec is None or spec.loader is None or not Path(file).is_file():
        raise TaskError(f"metric: no such file {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - the user's own code may raise anything
        raise TaskError(f"metric: {file} cannot be loaded: {type(error).__name__}: {error}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise TaskError(f"metric: {file} has no function {name!r}")
    return partial(_called, function, path)


def _called(function: Callable[[Numbers, Numbers], object], path: str, truth: Numbers, prediction: Numbers) -> float:
    try:
        return float(function(truth, prediction))  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - the user's own code may raise anything
        raise TaskError(f"metric {path} failed: {type(error).__name__}: {error}") from None


def _one_against_rest(score: Score, truth: Numbers, prediction: Numbers) -> float:
    """The score for two classes; for several the mean over the classes that occur, each against the rest."""
    if prediction.ndim == 1:
        return float(score(truth == 1, prediction)) if len(np.unique(truth)) == 2 else math.nan
    occurring = [number for number in range(prediction.shape[1]) if 0 < np.mean(truth == number) < 1]
    scores = [float(score(truth == number, prediction[:, number])) for number in occurring]
    return float(np.mean(scores)) if scores else math.nan


def _log_loss(truth: Numbers, prediction: Numbers) -> float:
    return float(sk.log_loss(truth, prediction, labels=_numbers_of(prediction)))


def _brier(truth: Numbers, prediction: Numbers) -> float:
    return float(sk.brier_score_loss(truth, prediction, labels=_numbers_of(prediction)))


def _numbers_of(prediction: Numbers) -> list[int]:
    return list(range(2 if prediction.ndim == 1 else prediction.shape[1]))


def _gini(truth: Numbers, prediction: Numbers) -> float:
    return 2 * _one_against_rest(sk.roc_auc_score, truth, prediction) - 1


def _smape(truth: Numbers, prediction: Numbers) -> float:
    """Mean of |difference| over the mean of both sizes, 0 where both are 0; from 0 to 2."""
    size = (np.abs(truth) + np.abs(prediction)) / 2
    return float(np.mean(np.divide(np.abs(truth - prediction), size, out=np.zeros_like(size), where=size > 0)))


def _spearman(truth: Numbers, prediction: Numbers) -> float:
    return _or_zero(float(stats.spearmanr(truth, prediction).statistic), truth)


def _pearson(truth: Numbers, prediction: Numbers) -> float:
    return _or_zero(float(stats.pearsonr(truth, prediction).statistic), truth)


def _or_zero(correlation: float, truth: Numbers) -> float:
    """A constant prediction correlates with nothing; a constant truth leaves the metric undefined."""
    constant_truth = bool(np.ptp(truth) == 0)
    return 0.0 if math.isnan(correlation) and not constant_truth else correlation


_FUNCTIONS: dict[str, Score] = {
    "rmse": sk.root_mean_squared_error,
    "rmsle": sk.root_mean_squared_log_error,
    "mse": sk.mean_squared_error,
    "msle": sk.mean_squared_log_error,
    "mae": sk.mean_absolute_error,
    "medae": sk.median_absolute_error,
    "mape": sk.mean_absolute_percentage_error,
    "smape": _smape,
    "max_error": sk.max_error,
    "poisson_deviance": sk.mean_poisson_deviance,
    "gamma_deviance": sk.mean_gamma_deviance,
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
    "spearman": _spearman,
    "pearson": _pearson,
    "log_loss": _log_loss,
    "roc_auc": partial(_one_against_rest, sk.roc_auc_score),
    "pr_auc": partial(_one_against_rest, sk.average_precision_score),
    "brier": _brier,
    "gini": _gini,
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1_binary": partial(sk.f1_score, average="binary", pos_label=1, zero_division=0),
    "f1_macro": partial(sk.f1_score, average="macro", zero_division=0),
    "f1_micro": partial(sk.f1_score, average="micro", zero_division=0),
    "f1_weighted": partial(sk.f1_score, average="weighted", zero_division=0),
    "precision_binary": partial(sk.precision_score, average="binary", pos_label=1, zero_division=0),
    "recall_binary": partial(sk.recall_score, average="binary", pos_label=1, zero_division=0),
    "mcc": sk.matthews_corrcoef,
    "quadratic_kappa": partial(sk.cohen_kappa_score, weights="quadratic"),
    "kappa": sk.cohen_kappa_score,
}
