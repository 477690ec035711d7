"""How scripts compute the task's metric from predictions on the scale they learn."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlestar.playbook.recipe import MetricPart

_UNITS = ("to_units(truth)", "to_units(prediction)")


@dataclass(frozen=True)
class WrittenMetric:
    """The body of the script's `score` function and the imports it needs."""

    title: str
    imports: tuple[str, ...]
    lines: tuple[str, ...]
    of_ranks: bool = False
    """Whether it looks at the order of probabilities only."""


def _of_values(title: str, function: str) -> WrittenMetric:
    return WrittenMetric(
        title, (f"from sklearn.metrics import {function}",), (f"return {function}({', '.join(_UNITS)})",)
    )


def _positive(title: str, function: str) -> WrittenMetric:
    return WrittenMetric(
        title,
        (f"from sklearn.metrics import {function}",),
        (f"return {function}(to_units(truth), np.maximum(to_units(prediction), 1e-9))",),
    )


def _of_labels(title: str, function: str, **options: str) -> WrittenMetric:
    extra = "".join(f", {name}={value}" for name, value in options.items())
    return WrittenMetric(
        title,
        (f"from sklearn.metrics import {function}",),
        (f"return {function}(truth, prediction.argmax(axis=1){extra})",),
    )


_RMSLE = WrittenMetric(
    "Root mean squared error of logarithms",
    (),
    (
        "truth, prediction = (np.log1p(np.maximum(to_units(side), 0)) for side in (truth, prediction))",
        "return np.sqrt(np.mean((prediction - truth) ** 2))",
    ),
)
_SPEARMAN = WrittenMetric(
    "Spearman's rank correlation",
    ("from scipy.stats import spearmanr",),
    (f"return np.nan_to_num(spearmanr({', '.join(_UNITS)}).statistic)",),
)
_LOG_LOSS = WrittenMetric(
    "Log-loss",
    (),
    ("return -np.mean(np.log(np.clip(prediction[np.arange(len(truth)), truth], 1e-15, 1)))",),
)
_AUC = WrittenMetric(
    "Area under the ROC curve, the mean over the classes that occur",
    ("from sklearn.metrics import roc_auc_score",),
    (
        "occurring = [k for k in range(len(classes)) if 0 < np.mean(truth == k) < 1]",
        "return np.mean([roc_auc_score(truth == k, prediction[:, k]) for k in occurring] or 0.5)",
    ),
    of_ranks=True,
)
_AVERAGE_PRECISION = WrittenMetric(
    "Average precision",
    ("from sklearn.metrics import average_precision_score",),
    (
        "if len(classes) == 2:",
        "    return average_precision_score(truth, prediction[:, 1])",
        "return average_precision_score(np.eye(len(classes))[truth], prediction)",
    ),
    of_ranks=True,
)
_GINI = WrittenMetric(
    "Gini coefficient",
    ("from sklearn.metrics import roc_auc_score",),
    ("return 2 * roc_auc_score(truth, prediction[:, 1]) - 1 if 0 < np.mean(truth) < 1 else 0",),
    of_ranks=True,
)
_BRIER = WrittenMetric("Brier score", (), ("return np.mean((prediction - np.eye(len(classes))[truth]) ** 2)",))

_QUADRATIC_KAPPA = _of_labels(
    "Quadratic weighted kappa", "cohen_kappa_score", weights='"quadratic"', replace_undefined_by="0"
)

_METRICS: dict[str, WrittenMetric] = {
    "rmse": WrittenMetric(
        "Root mean squared error",
        (),
        ("return np.sqrt(np.mean((to_units(prediction) - to_units(truth)) ** 2))",),
    ),
    "mse": _of_values("Mean squared error", "mean_squared_error"),
    "mae": _of_values("Mean absolute error", "mean_absolute_error"),
    "medae": _of_values("Median absolute error", "median_absolute_error"),
    "mape": _of_values("Mean absolute percentage error", "mean_absolute_percentage_error"),
    "smape": WrittenMetric(
        "Symmetric mean absolute percentage error",
        (),
        (
            "truth, prediction = to_units(truth), to_units(prediction)",
            "size = np.maximum((np.abs(truth) + np.abs(prediction)) / 2, 1e-12)",
            "return 100 * np.mean(np.abs(prediction - truth) / size)",
        ),
    ),
    "maxerror": _of_values("Largest error", "max_error"),
    "poissondeviance": _positive("Mean Poisson deviance", "mean_poisson_deviance"),
    "gammadeviance": _positive("Mean gamma deviance", "mean_gamma_deviance"),
    "explainedvariance": _of_values("Explained variance", "explained_variance_score"),
    "pearson": WrittenMetric(
        "Pearson's correlation", (), (f"return np.nan_to_num(np.corrcoef({', '.join(_UNITS)})[0, 1])",)
    ),
    "r2": _of_values("Coefficient of determination", "r2_score"),
    "rmsle": _RMSLE,
    "msle": _RMSLE,
    "spearman": _SPEARMAN,
    "logloss": _LOG_LOSS,
    "crossentropy": _LOG_LOSS,
    "brier": _BRIER,
    "auc": _AUC,
    "rocauc": _AUC,
    "prauc": _AVERAGE_PRECISION,
    "averageprecision": _AVERAGE_PRECISION,
    "gini": _GINI,
    "precisionbinary": _of_labels("Precision", "precision_score", zero_division="0"),
    "recallbinary": _of_labels("Recall", "recall_score", zero_division="0"),
    "accuracy": _of_labels("Accuracy", "accuracy_score"),
    "balancedaccuracy": _of_labels("Balanced accuracy", "balanced_accuracy_score"),
    "f1": _of_labels("F1 of the second class", "f1_score"),
    "f1binary": _of_labels("F1 of the second class", "f1_score"),
    "f1macro": _of_labels("Macro-averaged F1", "f1_score", average='"macro"'),
    "f1micro": _of_labels("Micro-averaged F1", "f1_score", average='"micro"'),
    "f1weighted": _of_labels("Weighted F1", "f1_score", average='"weighted"'),
    "mcc": _of_labels("Matthews correlation", "matthews_corrcoef"),
    "matthewscorrcoef": _of_labels("Matthews correlation", "matthews_corrcoef"),
    "kappa": _of_labels("Cohen's kappa", "cohen_kappa_score", replace_undefined_by="0"),
    "quadratickappa": _QUADRATIC_KAPPA,
    "quadraticweightedkappa": _QUADRATIC_KAPPA,
    "qwk": _QUADRATIC_KAPPA,
}


def metric_key(name: str) -> str:
    """A metric's name without case, spaces and punctuation: `ROC-AUC` is `rocauc`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def known_metric(part: MetricPart) -> bool:
    """Whether scripts can compute this very metric; otherwise they use the usual one of its kind."""
    return metric_key(part.name) in _METRICS


def written(part: MetricPart) -> WrittenMetric:
    """The metric, or the usual one of its kind when the playbook does not know it."""
    usual = {"values": "rmse", "labels": "accuracy", "probabilities": "logloss"}[part.needs]
    return _METRICS.get(metric_key(part.name), _METRICS[usual])
