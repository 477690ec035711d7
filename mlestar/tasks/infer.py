"""Infers what `task.yaml` does not say, each with the reason that the user is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.metrics import CUSTOM_HINT, METRICS, metric_known_as, metric_named
from mlestar.records.task import Inference, Metric, TaskKind
from mlestar.tasks.options import TaskOptions
from mlestar.tasks.words import metrics_mentioned

_MOST_CLASSES_OF_NUMBERS = 20
_MOST_CLASSES = 1000
_ID_NAME = re.compile(r"(?i:id|.*[_\s-]id|index|row[_\s-]?(?:id|number))|.*[a-z]I[dD]")


@dataclass(frozen=True)
class Tables:
    """The tables of a task folder as text, and where they came from."""

    folder: Path
    description: str
    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame | None


def infer_target(tables: Tables, options: TaskOptions) -> tuple[str, Inference | None]:
    """The target column. Raises TaskError that says which key to write."""
    train, test = list(tables.train.columns), set(tables.test.columns)
    if options.target is not None:
        found = [column for column in train if column.strip() == options.target.strip()]
        if len(found) != 1:
            raise TaskError(f"target: train.csv has no column {options.target!r}; its columns: {_few(train)}")
        return found[0], None
    lacking = [column for column in train if column not in test]
    if len(lacking) == 1:
        return _inferred("target", lacking[0], "the only column of train.csv that test.csv lacks")
    if tables.sample is not None:
        asked = [column for column in tables.sample.columns if column in lacking]
        if len(asked) == 1:
            return _inferred("target", asked[0], "the column of sample_submission.csv that test.csv lacks")
    named = [column for column in lacking if re.search(rf"[`'\"*]{re.escape(column)}[`'\"*]", tables.description)]
    if len(named) == 1:
        return _inferred("target", named[0], "the only column that test.csv lacks and the description names")
    if not lacking:
        raise TaskError(
            f"{tables.folder}: the target cannot be inferred, test.csv has every column of train.csv; "
            f"write `target: COLUMN` in task.yaml (columns: {_few(train)})"
        )
    raise TaskError(
        f"{tables.folder}: the target cannot be inferred, test.csv lacks {len(lacking)} columns of train.csv; "
        f"write `target: COLUMN` in task.yaml (candidates: {_few(lacking)})"
    )


def infer_id_column(tables: Tables, target: str, options: TaskOptions) -> tuple[str | None, Inference | None]:
    """The id column of the submission; None when it has none."""
    test, sample = list(tables.test.columns), tables.sample
    if options.id_column is not None:
        where = test if sample is None else [*sample.columns]
        if options.id_column not in where:
            source = "test.csv" if sample is None else "sample_submission.csv"
            raise TaskError(f"id_column: {source} has no column {options.id_column!r}; its columns: {_few(where)}")
        return options.id_column, None
    if sample is not None:
        first = str(sample.columns[0])
        if len(sample.columns) == 1:
            return None, Inference(key="id_column", value="none", reason="sample_submission.csv has one column")
        if first in test:
            return _inferred("id_column", first, "first column of sample_submission.csv, and in test.csv")
        if first != target and len(sample.columns) == 2:
            return _inferred("id_column", first, "first column of sample_submission.csv")
        return None, Inference(key="id_column", value="none", reason="no id in sample_submission.csv and test.csv")
    first = test[0]
    if _ID_NAME.fullmatch(first) and tables.test[first].is_unique:
        return _inferred("id_column", first, "first column of test.csv, named like an id, all values differ")
    return None, Inference(key="id_column", value="none", reason="no sample_submission.csv and no id in test.csv")


def infer_metric(
    tables: Tables, options: TaskOptions, class_count: int | None
) -> tuple[Metric, TaskKind | None, Inference | None]:
    """The metric, the only kind of task it is for, and how it was found; `class_count` is None for many values.

    Raises TaskError that says which key to write.
    """
    if options.metric is not None:
        name = _which_f1(options.metric, class_count)
        metric = metric_named(_beside(tables.folder, name), options.direction, options.needs)
        return metric, _kind_of(metric), None
    mentions = metrics_mentioned(tables.description)
    if not mentions:
        known = ", ".join(m.name for m in METRICS)
        raise TaskError(
            f"{tables.folder}: the description names no known metric; write `metric: NAME` in task.yaml "
            f"(known: {known})"
        )
    first = mentions[0]
    if first.variant:
        raise TaskError(
            f"{tables.folder}: the description says {first.words!r}, which is no known metric; write `metric: NAME` "
            f"in task.yaml, {CUSTOM_HINT}"
        )
    metric = metric_named(_which_f1(first.name, class_count), options.direction, options.needs)
    reason = f"the description says {first.words!r}"
    if len(mentions) > 1:
        reason += f" first (and later {', '.join(m.name for m in mentions[1:4])})"
    return metric, _kind_of(metric), Inference(key="metric", value=metric.name, reason=reason)


def infer_kind(
    target: pd.Series, name: str, metric: Metric, metric_kind: TaskKind | None, options: TaskOptions
) -> tuple[TaskKind, Inference | None]:
    """Regression, binary or multiclass, by the metric and the target as scripts read it."""
    distinct = target.nunique()
    by_count: TaskKind = "binary" if distinct == 2 else "multiclass"
    if options.task_type is not None:
        kind, inference = options.task_type, None
    elif metric_kind == "regression":
        kind, inference = _kind("regression", f"the metric {metric.name} compares numbers")
    elif metric.needs != "values":
        kind, inference = _kind(by_count, f"the metric {metric.name} compares classes; {name} has {distinct}")
    elif looks_like_classes(target):
        kind, inference = _kind(by_count, f"{name} has {distinct} distinct values")
    else:
        kind, inference = _kind("regression", f"{name} is numeric with {distinct} distinct values")
    _check_kind(kind, target, name, metric)
    return kind, inference


def looks_like_classes(target: pd.Series) -> bool:
    """Whether a target is text, boolean or a few whole numbers."""
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        return True
    whole = bool((target.dropna() % 1 == 0).all())
    return whole and target.nunique() <= min(_MOST_CLASSES_OF_NUMBERS, max(2, len(target) // 20))


def class_labels(target: pd.Series) -> tuple[str, ...]:
    """The distinct labels of a target as scripts read it, sorted, as the text that `str` makes of them."""
    return tuple(str(label) for label in sorted(target.dropna().unique()))


def _check_kind(kind: TaskKind, target: pd.Series, name: str, metric: Metric) -> None:
    """Raises TaskError when the target cannot be what the kind and the metric need."""
    distinct = target.nunique()
    if distinct < 2:
        raise TaskError(f"target: {name} has the same value in every row of train.csv; there is nothing to predict")
    if kind == "regression":
        if not pd.api.types.is_numeric_dtype(target):
            text = pd.to_numeric(target, errors="coerce").isna()
            raise TaskError(
                f"target: {name} must be numeric for the metric {metric.name}, but holds {target[text].iloc[0]!r}; "
                "write `metric:` or `task_type:` in task.yaml"
            )
    elif kind == "binary" and distinct != 2:
        raise TaskError(f"task_type: binary needs two classes, but {name} has {distinct} distinct values")
    elif distinct > _MOST_CLASSES:
        raise TaskError(f"target: {name} has {distinct} distinct values, at most {_MOST_CLASSES} classes are possible")
    elif metric.name.endswith("_binary") and distinct != 2:
        raise TaskError(f"metric: {metric.name} needs two classes, but {name} has {distinct}; f1_macro is for several")


def _which_f1(name: str, class_count: int | None) -> str:
    """Plain F1 is the binary one for two classes, else the macro average."""
    if name.casefold().replace("_", "").replace("-", "").replace(" ", "") not in (
        "f1",
        "f1score",
        "fscore",
        "fmeasure",
    ):
        return name
    return "f1_binary" if class_count == 2 else "f1_macro"


def _beside(folder: Path, name: str) -> str:
    """A user's own function with the full path of its file; other names as they are."""
    path, colon, function = name.rpartition(":")
    return f"{folder / path}:{function}" if colon and path.endswith(".py") else name


def _kind_of(metric: Metric) -> TaskKind | None:
    known = metric_known_as(metric.name) if metric.function_path is None else None
    return known.kind if known else None


def _kind(kind: TaskKind, reason: str) -> tuple[TaskKind, Inference]:
    return kind, Inference(key="task_type", value=kind, reason=reason)


def _inferred(key: str, value: str, reason: str) -> tuple[str, Inference]:
    return value, Inference(key=key, value=value, reason=reason)


def _few(names: list[str], most: int = 12) -> str:
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
