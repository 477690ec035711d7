"""The metrics that mlestar knows by name: direction, what a script must predict, and the words people use for them.

How each is computed is in `mlestar.scoring.metrics`; here are only names, so that reading a task loads no library.
"""

from __future__ import annotations

import difflib
from typing import Literal

from mlestar.errors import TaskError
from mlestar.records.base import Record
from mlestar.records.task import Direction, Metric, TaskKind

Needs = Literal["values", "labels", "probabilities"]


class MetricName(Record):
    """One known metric."""

    name: str
    direction: Direction
    needs: Needs
    aliases: tuple[str, ...] = ()
    """Other names accepted in `task.yaml`, compared without case, spaces, hyphens and underscores."""
    kind: TaskKind | None = None
    """The only kind of task it is for; None when several."""

    @property
    def metric(self) -> Metric:
        return Metric(name=self.name, direction=self.direction, needs=self.needs)


def _values(name: str, direction: Direction, *aliases: str) -> MetricName:
    return MetricName(name=name, direction=direction, needs="values", aliases=aliases, kind="regression")


def _labels(name: str, *aliases: str, kind: TaskKind | None = None) -> MetricName:
    return MetricName(name=name, direction="maximize", needs="labels", aliases=aliases, kind=kind)


METRICS: tuple[MetricName, ...] = (
    _values("rmse", "minimize", "root mean squared error", "neg_root_mean_squared_error"),
    _values("rmsle", "minimize", "root mean squared log error", "neg_root_mean_squared_log_error"),
    _values("mse", "minimize", "mean squared error", "neg_mean_squared_error"),
    _values("msle", "minimize", "mean squared log error", "neg_mean_squared_log_error"),
    _values("mae", "minimize", "mean absolute error", "neg_mean_absolute_error"),
    _values("medae", "minimize", "median absolute error", "neg_median_absolute_error"),
    _values("mape", "minimize", "mean absolute percentage error", "neg_mean_absolute_percentage_error"),
    _values("smape", "minimize", "symmetric mean absolute percentage error"),
    _values("max_error", "minimize", "neg_max_error"),
    _values("poisson_deviance", "minimize", "mean poisson deviance", "neg_mean_poisson_deviance"),
    _values("gamma_deviance", "minimize", "mean gamma deviance", "neg_mean_gamma_deviance"),
    _values("r2", "maximize", "r squared", "r^2", "r²", "coefficient of determination"),
    _values("explained_variance", "maximize"),
    _values("spearman", "maximize", "spearman correlation", "spearmanr", "spearman rank correlation"),
    _values("pearson", "maximize", "pearson correlation", "pearsonr"),
    MetricName(
        name="log_loss",
        direction="minimize",
        needs="probabilities",
        aliases=("logloss", "neg_log_loss", "cross entropy", "multi class log loss", "mlogloss", "binary log loss"),
    ),
    MetricName(
        name="roc_auc",
        direction="maximize",
        needs="probabilities",
        aliases=("auc", "auroc", "roc auc score", "area under the roc curve", "roc_auc_ovr"),
    ),
    MetricName(
        name="pr_auc",
        direction="maximize",
        needs="probabilities",
        aliases=("average precision", "auprc", "aucpr"),
    ),
    MetricName(
        name="brier",
        direction="minimize",
        needs="probabilities",
        aliases=("brier score", "brier_score_loss", "neg_brier_score"),
    ),
    MetricName(name="gini", direction="maximize", needs="probabilities", aliases=("normalized gini",), kind="binary"),
    _labels("accuracy", "accuracy score", "acc", "categorization accuracy"),
    _labels("balanced_accuracy", "balanced accuracy score"),
    _labels("f1_binary", kind="binary"),
    _labels("f1_macro", "macro f1", "macro averaged f1"),
    _labels("f1_micro", "micro f1", "micro averaged f1"),
    _labels("f1_weighted", "weighted f1"),
    _labels("precision_binary", "precision", kind="binary"),
    _labels("recall_binary", "recall", kind="binary"),
    _labels("mcc", "matthews correlation coefficient", "matthews corrcoef"),
    _labels("quadratic_kappa", "qwk", "quadratic weighted kappa", "cohen kappa quadratic"),
    _labels("kappa", "cohen kappa", "cohens kappa"),
)
"""Every metric known by name."""

CUSTOM_HINT = "or give your own as `metric: metric.py:function` with `direction: minimize` or `maximize`"


def metric_known_as(text: str) -> MetricName | None:
    """The metric of this name or alias; None when there is none."""
    wanted = _plain(text)
    return next((m for m in METRICS if wanted in {_plain(name) for name in (m.name, *m.aliases)}), None)


def metric_named(name: str, direction: Direction | None = None, needs: Needs | None = None) -> Metric:
    """The metric of this name, or the user's own function given as `file.py:function`.

    Raises TaskError that names close matches, or says which key a user's own function lacks.
    """
    if ".py:" in name:
        if direction is None:
            raise TaskError(
                f"metric {name}: write `direction: minimize` or `direction: maximize` beside it in task.yaml"
            )
        return Metric(name=name.rpartition(":")[2], direction=direction, needs=needs or "values", function_path=name)
    known = metric_known_as(name)
    if known is None:
        raise TaskError(f"unknown metric {name!r}: {_closest(name)}; {CUSTOM_HINT}")
    if direction is not None and direction != known.direction:
        raise TaskError(
            f"direction: {direction} contradicts the metric {known.name}, which mlestar will {known.direction}"
        )
    if needs is not None and needs != known.needs:
        raise TaskError(f"needs: {needs} contradicts the metric {known.name}, which needs {known.needs}")
    return known.metric


def _closest(name: str) -> str:
    """Close matches among names and aliases, else every name."""
    spelled = {_plain(alias): m.name for m in METRICS for alias in (m.name, *m.aliases)}
    close = [spelled[match] for match in difflib.get_close_matches(_plain(name), spelled, n=3, cutoff=0.6)]
    if close:
        return f"did you mean {' or '.join(dict.fromkeys(close))}?"
    return f"known are {', '.join(m.name for m in METRICS)}"


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum() or c in "^²")
