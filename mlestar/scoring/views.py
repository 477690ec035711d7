"""Writes the folders that scripts see as `./input/`; nothing in them tells a held-out label.

Held-out rows come without the target and without any other column that `test.csv` lacks, in shuffled order; the sample
submission holds the same constants in every row; all files have one fixed time of change.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.base import digest_of
from mlestar.records.solution import View
from mlestar.records.task import SubmissionFormat, Task
from mlestar.tables import NOT_DATA, TABLE_SUFFIXES, csv_text

_TIME_OF_CHANGE = 946_684_800
"""2000-01-01, in seconds since the epoch."""
_TABLES = frozenset(f"{stem}{suffix}" for stem in ("train", "test", "sample_submission") for suffix in TABLE_SUFFIXES)


class ViewWriter:
    """Writes the views of one task under one folder; other files of the task are copied once and linked from there."""

    def __init__(self, task: Task, folder: Path) -> None:
        self._folder = folder.resolve()
        self._shared = self._folder / "shared"
        self._others = _copy_others(task, self._shared)

    def write(self, name: str, tables: dict[str, pd.DataFrame]) -> View:
        """One view with these tables; replaces an earlier one of the name."""
        texts = {f"{stem}.csv": csv_text(table) for stem, table in tables.items()}
        fresh, folder = self._folder / f".{name}.new", self._folder / name
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for file_name, text in texts.items():
            (fresh / file_name).write_bytes(text.encode())
            os.utime(fresh / file_name, (_TIME_OF_CHANGE, _TIME_OF_CHANGE))
        for path in sorted(self._shared.rglob("*")):
            _link(path, fresh / path.relative_to(self._shared))
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
        parts = [part for item in sorted(texts.items()) for part in item]
        return View(name=name, folder=folder, digest=digest_of(*parts, self._others))


def sample_submission(
    form: SubmissionFormat, needs: str, ids: Sequence[str] | None, rows: int, example: pd.DataFrame | None
) -> pd.DataFrame:
    """A submission with the same predictions in every row: those of the first row of the user's own sample, if any."""
    columns: dict[str, object] = {}
    if form.id_column is not None:
        columns[form.id_column] = list(ids or ())
    for name in form.columns:
        given = None if example is None or example.empty or name not in example else str(example[name].iloc[0])
        columns[name] = [given or _placeholder(form, needs)] * rows
    return pd.DataFrame(columns, index=range(rows), dtype=str)


def _placeholder(form: SubmissionFormat, needs: str) -> str:
    if needs == "probabilities" and form.classes:
        return f"{1 / len(form.classes):.6g}"
    return form.classes[0] if form.classes else "0"


def _copy_others(task: Task, shared: Path) -> str:
    """Copies what is beside the tables; returns the digest of it all. The user's own files are never linked."""
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    for path in sorted(task.folder.iterdir()):
        if path.name in _TABLES | NOT_DATA or path.name.startswith(".") or path.resolve() in shared.parents:
            continue
        try:
            if path.is_dir():
                shutil.copytree(path, shared / path.name, ignore=shutil.ignore_patterns(".*"))
            elif path.is_file():
                shutil.copyfile(path, shared / path.name)
        except OSError as error:
            raise TaskError(f"{path}: cannot be copied for the scripts: {str(error)[:200]}") from None
    for name in task.withheld:
        (shared / name).unlink(missing_ok=True)
    return _sealed_digest(shared)


def _sealed_digest(shared: Path) -> str:
    """The digest of all names and contents; every file gets the fixed time of change."""
    whole = hashlib.sha256()
    for path in sorted(shared.rglob("*")):
        whole.update(str(path.relative_to(shared)).encode() + b"\x00")
        if path.is_file():
            os.utime(path, (_TIME_OF_CHANGE, _TIME_OF_CHANGE))
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _link(path: Path, target: Path) -> None:
    """A folder as a folder, a file as a hard link, or as a copy where links are not possible."""
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)
