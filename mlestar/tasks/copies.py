"""Finds files beside the tables that repeat the labels of train: a script could read held-out labels there.

Text tables are compared with train by content. Files that start with `train` in other table formats are taken for
copies by name, because reading them would need a library for each format.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError
from mlestar.tables import NOT_DATA, TABLE_SUFFIXES, read_cells

_TEXT_TABLES = (*TABLE_SUFFIXES, ".tsv", ".tsv.gz", ".txt")
_NAMED_COPIES = re.compile(
    r"train.*\.(?:parquet|feather|arrow|pkl|pickle|jsonl?|ndjson|xlsx?|h5|hdf5?|db|sqlite3?|dta)", re.IGNORECASE
)
_MOST_FILES = 200
_MOST_BYTES = 200_000_000
_SHARED_ROWS = 0.5
_EQUAL_CELLS = 0.95
_FEWEST_SHARED = 3


def label_copies(folder: Path, train: pd.DataFrame, target: str, id_column: str | None) -> tuple[str, ...]:
    """Paths below `folder`, other than the train tables themselves, of files that repeat the labels of train."""
    return tuple(
        path.relative_to(folder).as_posix()
        for path in _candidates(folder)
        if _NAMED_COPIES.fullmatch(path.name) or (_is_text_table(path) and _repeats(path, train, target, id_column))
    )


def _candidates(folder: Path) -> Iterator[Path]:
    """Files beside the tables, those in folders included; a bounded number, the least deep first."""
    tables = {f"{stem}{suffix}" for stem in ("train", "test", "sample_submission") for suffix in TABLE_SUFFIXES}
    inside = ((path, path.relative_to(folder)) for path in folder.rglob("*"))
    data = [path for path, place in inside if place.parts[0] not in NOT_DATA | tables and path.is_file()]
    likely = (path for path in data if _is_text_table(path) or _NAMED_COPIES.fullmatch(path.name))
    return itertools.islice(sorted(likely, key=lambda path: (len(path.parts), path)), _MOST_FILES)


def _is_text_table(path: Path) -> bool:
    return path.name.lower().endswith(_TEXT_TABLES) and path.stat().st_size <= _MOST_BYTES


def _repeats(path: Path, train: pd.DataFrame, target: str, id_column: str | None) -> bool:
    """Whether a text table holds the labels of at least half of the rows of train."""
    try:
        table = read_cells(path)
    except TaskError:
        return False
    if id_column is not None and id_column in table and id_column in train:
        return _repeats_by_id(table, train, target, id_column)
    shared = [column for column in table.columns if column in set(train.columns) and column != target]
    if target not in table or (len(shared) < _FEWEST_SHARED and len(shared) < len(train.columns) - 1):
        return False
    return _share_found(train[[*shared, target]], table[[*shared, target]]) >= _SHARED_ROWS


def _repeats_by_id(table: pd.DataFrame, train: pd.DataFrame, target: str, id_column: str) -> bool:
    """Whether any column of the table is the target, once rows are put together by the id."""
    unique = table.drop_duplicates(id_column).set_index(id_column)
    known = train[train[id_column].isin(unique.index)]
    if len(known) < _SHARED_ROWS * len(train):
        return False
    beside = unique.loc[known[id_column]]
    labels = known[target].to_numpy()
    return any((beside[column].to_numpy() == labels).mean() >= _EQUAL_CELLS for column in beside.columns)


def _share_found(rows: pd.DataFrame, table: pd.DataFrame) -> float:
    """Share of the rows that the table has too."""
    known = set(table.itertuples(index=False, name=None))
    return sum(row in known for row in rows.itertuples(index=False, name=None)) / max(len(rows), 1)
