"""Checks that the tables of a task belong together, and which rows of train can be used."""

from __future__ import annotations

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.task import Inference
from mlestar.tables import as_scripts_read, some_rows, usable_targets
from mlestar.tasks.infer import Tables
from mlestar.tasks.options import TaskOptions

_FEWEST_ROWS = 4


def check_fit(tables: Tables, target: str, options: TaskOptions) -> None:
    """Raises TaskError when train and test do not belong together."""
    train, test = tables.train, tables.test
    features = [column for column in train.columns if column != target]
    shared = [column for column in features if column in set(test.columns)]
    if not shared:
        raise TaskError(f"{tables.folder}: train.csv and test.csv have no column in common besides the target {target}")
    asked_id = options.id_column or (str(tables.sample.columns[0]) if tables.sample is not None else None)
    extra = [column for column in test.columns if column not in set(train.columns) and column != asked_id]
    if extra:
        raise TaskError(
            f"{tables.folder}: test.csv has columns that train.csv lacks: {', '.join(extra[:12])}; "
            "every column of test.csv but the id must be in train.csv"
        )
    if tables.sample is not None and asked_id in test.columns and asked_id in tables.sample:
        strange = set(tables.sample[asked_id]) - set(test[asked_id])
        if strange:
            raise TaskError(
                f"{tables.folder}: {len(strange)} values of {asked_id} in sample_submission.csv are not in test.csv, "
                f"for example {min(strange)!r}"
            )


def usable_rows(tables: Tables, target: str) -> tuple[pd.DataFrame, Inference | None]:
    """The rows of train that have a target."""
    usable = usable_targets(tables.train[target])
    kept = tables.train if usable.all() else tables.train[usable]
    if len(kept) < _FEWEST_ROWS:
        raise TaskError(
            f"{tables.folder}: train.csv has {len(kept)} rows with a usable {target}, "
            f"at least {_FEWEST_ROWS} are needed"
        )
    left_out = len(usable) - len(kept)
    if not left_out:
        return kept, None
    example = tables.train[target][~usable].iloc[0]
    reason = f"{target} is missing there or not finite (cells like {example!r})"
    return kept, Inference(key="rows", value=f"{left_out} rows of train left out", reason=reason)


def kinds_that_differ(train: pd.DataFrame, test: pd.DataFrame) -> Inference | None:
    """Columns that scripts read as numbers in one table and as text in the other; graded views cannot show that.

    Looks at a sample of the rows of large tables.
    """
    train, test = some_rows(train), some_rows(test)
    shared = [column for column in test.columns if column in set(train.columns)]
    numeric = [
        {name for name in shared if pd.api.types.is_numeric_dtype(typed[name])}
        for typed in (as_scripts_read(train[shared]), as_scripts_read(test[shared]))
    ]
    filled = {name for name in shared if train[name].ne("").any() and test[name].ne("").any()}
    differing = sorted((numeric[0] ^ numeric[1]) & filled)
    if not differing:
        return None
    column = differing[0]
    where, cells = ("test.csv", test[column]) if column in numeric[0] else ("train.csv", train[column])
    strange = cells[pd.to_numeric(cells, errors="coerce").isna() & cells.ne("")]
    return Inference(
        key="columns",
        value=f"of other kinds in train.csv and test.csv: {', '.join(differing[:10])}",
        reason=f"{column} in {where} holds text such as {next(iter(strange), '')!r}; scripts may fail on the real test",
    )
