"""From the text of a submission to what the metric compares, with the bounds that the metric sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlestar.records.task import Metric, SubmissionFormat
from mlestar.scoring.metrics import NOT_NEGATIVE, POSITIVE, PROPER
from mlestar.scoring.submission import SUBMISSION, Unfit, class_numbers, numbers

_SUM_TOLERANCE = 0.02
_BOUND_TOLERANCE = 1e-6


def predictions(cells: pd.DataFrame, metric: Metric, form: SubmissionFormat) -> NDArray[Any]:
    """What the metric is given; see `scoring.metrics`. Raises Unfit."""
    first = cells[form.columns[0]]
    if metric.needs == "labels":
        return class_numbers(first, form.classes) if form.classes else numbers(first)
    if metric.needs == "values":
        return _values(first, metric)
    columns = [numbers(cells[name]) for name in form.columns]
    if len(columns) == 1:
        return _bounded(columns[0][:, None], metric, form)[:, 0]
    return _levelled(_bounded(np.column_stack(columns), metric, form), metric, form)


def _values(column: pd.Series, metric: Metric) -> NDArray[np.float64]:
    values = numbers(column)
    low = values <= 0 if metric.name in POSITIVE else values < 0
    if metric.name in NOT_NEGATIVE | POSITIVE and low.any():
        bound = "above 0" if metric.name in POSITIVE else "0 or more"
        raise Unfit(
            f"column {column.name} of {SUBMISSION}: {int(low.sum())} predictions are negative or 0, "
            f"for example {values[low][0]:g} in row {int(low.argmax()) + 1}; {metric.name} needs {bound}"
        )
    return values


def _bounded(table: NDArray[np.float64], metric: Metric, form: SubmissionFormat) -> NDArray[np.float64]:
    """Probabilities between 0 and 1; where only ranks count, any number for two classes."""
    if metric.name not in PROPER and metric.function_path is None and table.shape[1] == 1:
        return table
    outside = (table < -_BOUND_TOLERANCE) | (table > 1 + _BOUND_TOLERANCE)
    if outside.any():
        row, column = (int(where[0]) for where in np.nonzero(outside))
        raise Unfit(
            f"column {form.columns[column]} of {SUBMISSION}: {table[row, column]:g} in row {row + 1} "
            "is no probability between 0 and 1"
        )
    return table.clip(0, 1)


def _levelled(table: NDArray[np.float64], metric: Metric, form: SubmissionFormat) -> NDArray[np.float64]:
    """Rows that sum to 1, rounding corrected; two columns become the probability of the second class."""
    sums = table.sum(axis=1)
    off = np.abs(sums - 1) > _SUM_TOLERANCE
    if off.any() and (metric.name in PROPER or metric.function_path is not None):
        row = int(off.argmax())
        raise Unfit(
            f"{SUBMISSION}: the probabilities of row {row + 1} sum to {sums[row]:g}, not to 1 "
            f"(columns {', '.join(form.columns[:10])})"
        )
    level = table / np.where(sums > 0, sums, 1)[:, None] if not off.any() else table
    return level[:, 1] if level.shape[1] == 2 else level
