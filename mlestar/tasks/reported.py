"""A task that is not split: scripts see its folder as it is and report a score of their own."""

from __future__ import annotations

from pathlib import Path

from mlestar.errors import TaskError
from mlestar.records.base import digest_of
from mlestar.records.metrics import metric_named
from mlestar.records.task import ColumnProfile, SubmissionFormat, TableProfile, Task, Validation
from mlestar.tables import find_sample, read_cells
from mlestar.tasks.options import OPTIONS_FILE, TaskOptions
from mlestar.tasks.profile import files_beside


def reported_task(folder: Path, options: TaskOptions, name: str, description: str) -> Task:
    """A task that is not split: scripts report a score of their own."""
    if options.metric is None:
        raise TaskError(f"{folder / OPTIONS_FILE}: `scoring: reported` needs `metric:`")
    metric = metric_named(options.metric, options.direction, options.needs)
    sample = find_sample(folder)
    cells = None if sample is None else read_cells(sample)
    columns = ("prediction",) if cells is None else tuple(str(column) for column in cells.columns)
    id_column = options.id_column or (columns[0] if len(columns) > 1 else None)
    target = options.target or next(column for column in columns if column != id_column)
    return Task(
        name=name,
        description=description,
        kind=options.task_type or "other",
        target=target,
        metric=metric,
        validation=options.validation or Validation(),
        submission=SubmissionFormat(
            id_column=id_column, columns=tuple(column for column in columns if column != id_column)
        ),
        folder=folder,
        profile=TableProfile(
            train_rows=0,
            test_rows=0 if cells is None else len(cells),
            columns=(),
            target=ColumnProfile(name=target, kind="constant", missing_share=0.0, unique_count=0),
            other_files=files_beside(folder, frozenset()),
        ),
        digest=_listing_digest(folder),
        scoring="reported",
    )


def _listing_digest(folder: Path) -> str:
    """Identity of the folder's files by name, size and time of change; they may be too many to read."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return digest_of(*(f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files))
