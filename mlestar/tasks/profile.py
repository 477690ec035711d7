"""Describes the columns of a task's tables, bounded in size, for prompts and rules."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from mlestar.records.task import ColumnKind, ColumnProfile, TableProfile
from mlestar.tables import NOT_DATA, as_scripts_read, some_rows

_MOST_COLUMNS = 200
_MOST_FILES = 50
_EXAMPLES = 5
_EXAMPLE_CHARACTERS = 40
_SAMPLE_ROWS = 5
_SAMPLE_CHARACTERS = 4000
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}.*|[A-Za-z]{3,9} \d{1,2},? \d{4}.*"
)
_ID_NAME = re.compile(r"(?i:id|.*[_\s-]id|index|unnamed: 0|row[_\s-]?(?:id|number))|.*[a-z]I[dD]")


def profile_tables(
    train: pd.DataFrame,
    test_rows: int,
    target: str,
    class_shares: tuple[float, ...],
    other_files: tuple[str, ...],
) -> TableProfile:
    """The profile of a task from the cells of train, rows that lack the target left out.

    Columns are described as scripts read them; those of a large table by a fixed sample of its rows.
    """
    names = [column for column in train.columns if column != target]
    looked_at = as_scripts_read(some_rows(train)[[*names[:_MOST_COLUMNS], target]])
    profiles = tuple(profile_column(looked_at[name]) for name in names[:_MOST_COLUMNS])
    return TableProfile(
        train_rows=len(train),
        test_rows=test_rows,
        columns=profiles,
        target=profile_column(as_scripts_read(train[[target]])[target]),
        class_shares=class_shares,
        sample_rows=_clipped(str(train.head(_SAMPLE_ROWS).to_csv(index=False)), _SAMPLE_CHARACTERS),
        other_files=other_files,
        columns_left_out=max(0, len(names) - _MOST_COLUMNS),
    )


def profile_column(column: pd.Series) -> ColumnProfile:
    """What is known of one column."""
    filled = column.dropna()
    examples = tuple(_clipped(str(value), _EXAMPLE_CHARACTERS) for value in filled.unique()[:_EXAMPLES])
    kind = column_kind(column)
    numbers = _numbers(filled) if pd.api.types.is_numeric_dtype(column) else {}
    words = float(filled.astype(str).str.count(r"\S+").mean()) if kind == "text" else None
    return ColumnProfile(
        name=str(column.name),
        kind=kind,
        missing_share=float(column.isna().mean()) if len(column) else 0.0,
        unique_count=int(filled.nunique()),
        examples=examples,
        mean_words=words,
        **numbers,
    )


def column_kind(column: pd.Series) -> ColumnKind:
    """The kind of a column by its type, name and values."""
    filled = column.dropna()
    distinct = filled.nunique()
    if distinct <= 1:
        return "constant"
    if pd.api.types.is_bool_dtype(column) or set(filled.unique()[:3]) <= {True, False}:
        return "boolean"
    all_differ = distinct == len(column)
    if pd.api.types.is_numeric_dtype(column):
        whole = pd.api.types.is_integer_dtype(column)
        return "identifier" if all_differ and whole and _ID_NAME.fullmatch(str(column.name)) else "numeric"
    return _text_kind(filled, distinct, len(column))


def _text_kind(filled: pd.Series, distinct: int, rows: int) -> ColumnKind:
    """The kind of a column of text cells."""
    texts = filled.astype(str)
    if texts.str.fullmatch(_DATE).mean() > 0.95 and _parses_as_dates(texts.head(200)):
        return "date"
    words = texts.str.count(r"\S+").mean()
    if words < 2 and distinct > 0.95 * rows:
        return "identifier"
    # Names and titles have fewer words than sentences, and repeat less.
    differing = distinct / len(filled)
    return "text" if (words >= 4 and differing > 0.2) or (words >= 2 and differing > 0.5) else "categorical"


def _parses_as_dates(texts: pd.Series) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return bool(pd.to_datetime(texts, errors="coerce", format="mixed", utc=True).notna().mean() > 0.9)


def _numbers(filled: pd.Series) -> dict[str, float | None]:
    """Moments of a numeric column; absent where they are not finite."""
    values = filled.astype(float)
    if values.empty:
        return {}
    with np.errstate(all="ignore"):
        found = {
            "minimum": float(values.min()),
            "maximum": float(values.max()),
            "mean": float(values.mean()),
            "skewness": float(values.astype(float).skew()),  # type: ignore[arg-type]
        }
    return {key: value if math.isfinite(value) else None for key, value in found.items()}


def files_beside(folder: Path, tables: frozenset[str]) -> tuple[str, ...]:
    """Other files and folders of a task, by name; folders end with a slash. Hidden ones are left out."""
    names = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and path.name not in tables | NOT_DATA
    ]
    if len(names) <= _MOST_FILES:
        return tuple(names)
    return (*names[:_MOST_FILES], f"... and {len(names) - _MOST_FILES} more")


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
