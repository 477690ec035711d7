"""What the columns of a table tell: which are left out, which hold dates, words, or numbers in words."""

from __future__ import annotations

import re

from mlestar.errors import BadAnswer
from mlestar.playbook.large import is_large
from mlestar.playbook.recipe import DataPart, FeaturesPart
from mlestar.records.task import Assignment, ColumnKind, ColumnProfile


def first_data(given: Assignment) -> DataPart:
    """The columns that tell something; a large table is read fast."""
    if given.kind == "other":
        raise BadAnswer("the playbook writes scripts for tables only: regression, binary or multiclass")
    return DataPart(kind=given.kind, target=given.target, drop=_untold(given), fast=is_large(given))


def first_features(given: Assignment) -> FeaturesPart:
    """The columns that follow from the kinds of those that are given."""
    untold = _untold(given)
    columns = [column for column in given.profile.columns if column.name not in untold]
    measures = tuple(column.name for column in columns if _is_measure(column))
    return FeaturesPart(
        dates=tuple(column.name for column in columns if column.kind == "date"),
        text=tuple(column.name for column in columns if column.kind == "text" and column.name not in measures),
        measures=measures,
    )


def count_of(given: Assignment, kind: ColumnKind) -> int:
    """How many columns are of a kind."""
    return sum(column.kind == kind for column in given.profile.columns)


_MEASURE = re.compile(r"[^\w\s]?\s?-?\d[\d,]*\.?\d*\s?[A-Za-z%°/]{0,8}")


def _is_measure(column: ColumnProfile) -> bool:
    """Whether a column of words is in the order of the numbers that it holds.

    Where cells hardly repeat, they must be such numbers, with a unit at most.
    """
    if column.minimum is not None or not column.examples:
        return False
    if column.kind in ("identifier", "text"):
        return all(_MEASURE.fullmatch(example) for example in column.examples)
    return column.kind == "categorical" and all(re.search(r"\d", example) for example in column.examples)


def _untold(given: Assignment) -> tuple[str, ...]:
    """Columns that say nothing of other rows; none where there are no others."""
    columns, id_column = given.profile.columns, given.submission.id_column
    silent = [column.name for column in columns if _is_silent(column) or column.name == id_column]
    if len(silent) == len(columns):
        return ()
    return tuple(silent) if id_column is None or id_column in silent else (*silent, id_column)


def _is_silent(column: ColumnProfile) -> bool:
    return column.kind == "constant" or (column.kind == "identifier" and not _is_measure(column))
