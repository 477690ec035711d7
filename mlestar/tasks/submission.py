"""The columns that a submission must have, from the sample submission where there is one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.task import Metric, SubmissionFormat


def submission_format(
    sample: pd.DataFrame | None, target: str, id_column: str | None, classes: Sequence[str], metric: Metric
) -> SubmissionFormat:
    """The format for a task; raises TaskError when the sample submission does not suit the metric."""
    columns = None if sample is None else tuple(str(name) for name in sample.columns if name != id_column)
    if metric.needs != "probabilities":
        return SubmissionFormat(id_column=id_column, columns=_single(columns, target, metric), classes=tuple(classes))
    if columns is None:
        columns = (target,) if len(classes) == 2 else tuple(classes)
    if len(columns) == 1 and len(classes) == 2:
        return SubmissionFormat(id_column=id_column, columns=columns, classes=tuple(classes))
    if len(columns) != len(classes):
        raise TaskError(
            f"sample_submission.csv: the metric {metric.name} needs a probability for each of the {len(classes)} "
            f"classes ({_few(classes)}), but there are {len(columns)} prediction columns ({_few(columns)})"
        )
    return SubmissionFormat(id_column=id_column, columns=columns, classes=_classes_of(columns, classes))


def _single(columns: tuple[str, ...] | None, target: str, metric: Metric) -> tuple[str, ...]:
    if columns is None:
        return (target,)
    if len(columns) != 1:
        raise TaskError(
            f"sample_submission.csv: the metric {metric.name} needs one prediction column, but there are "
            f"{len(columns)} ({_few(columns)}); write `id_column:` or `metric:` in task.yaml"
        )
    return columns


def _classes_of(columns: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """The class of each column, by name once what all names share is taken off, else by position."""
    low, high = min(columns), max(columns)
    start = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    for names in (columns, [column[start:] for column in columns], _suffixes(columns, classes)):
        by_name = {name.casefold(): name for name in classes}
        if len(by_name) == len(classes) and {name.casefold() for name in names} == set(by_name):
            return tuple(by_name[name.casefold()] for name in names)
    return tuple(classes)


def _suffixes(columns: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Each column cut down to the longest class name that it ends with."""
    ordered = sorted(classes, key=len, reverse=True)
    return [
        next((name for name in ordered if column.casefold().endswith(name.casefold())), column) for column in columns
    ]


def _few(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
