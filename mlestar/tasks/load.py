"""From a task folder to a Task: reads the tables, infers what is not said, and checks that everything fits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.base import digest_of
from mlestar.records.metrics import metric_named
from mlestar.records.task import (
    ColumnProfile,
    Inference,
    Metric,
    SubmissionFormat,
    TableProfile,
    Task,
    TaskKind,
    Validation,
)
from mlestar.tables import as_scripts_read, find_table, read_cells, usable_targets
from mlestar.tasks.copies import label_copies
from mlestar.tasks.infer import (
    Tables,
    class_labels,
    infer_id_column,
    infer_kind,
    infer_metric,
    infer_target,
    looks_like_classes,
)
from mlestar.tasks.options import OPTIONS_FILE, TaskOptions, read_options
from mlestar.tasks.profile import files_beside, profile_tables
from mlestar.tasks.submission import submission_format

TASK_PATH_VARIABLE = "MLESTAR_TASKS"
DESCRIPTION_FILES = ("description.md", "task_description.txt", "task_description.md", "description.txt", "README.md")
_FEWEST_ROWS = 4
_DESCRIPTION_CHARACTERS = 100_000


def task_paths() -> tuple[Path, ...]:
    """The folders of MLESTAR_TASKS, a path list."""
    return tuple(Path(part) for part in os.environ.get(TASK_PATH_VARIABLE, "").split(os.pathsep) if part)


def find_task(name_or_path: str, paths: Sequence[Path]) -> Path:
    """The folder of a task: NAME under one of `paths`, else a path. Raises TaskError that says where was looked."""
    for parent in paths:
        if (parent / name_or_path).is_dir():
            return parent / name_or_path
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise TaskError(f"task={name_or_path}: is a file; a task is a folder with train.csv and test.csv")
    looked = ", ".join(str(path) for path in paths) or f"nowhere else ({TASK_PATH_VARIABLE} is not set)"
    raise TaskError(f"task={name_or_path}: no such task; looked for the folder itself and in: {looked}")


def load_task(folder: Path, options: TaskOptions | None = None, name: str | None = None) -> Task:
    """The task in a folder; `options` win over its `task.yaml`. Raises TaskError with one line fit for the user."""
    if not folder.is_dir():
        raise TaskError(f"{folder}: no such task folder")
    folder = folder.resolve()
    said = (options or TaskOptions()).over(read_options(folder))
    has_tables = all(find_table(folder, stem) for stem in ("train", "test"))
    if said.scoring == "reported" and not has_tables:
        return _reported_task(folder, said, name or folder.name)
    task = _graded_task(_read_tables(folder), said, name or folder.name)
    return task.model_copy(update={"scoring": said.scoring or "graded"})


def _graded_task(tables: Tables, options: TaskOptions, name: str) -> Task:
    """A task whose train table is split and graded."""
    target, target_inference = infer_target(tables, options)
    _check_fit(tables, target, options)
    usable, rows_inference = _usable_rows(tables, target)
    id_column, id_inference = infer_id_column(tables, target, options)
    values = as_scripts_read(usable[[target]])[target]
    class_count = int(values.nunique()) if looks_like_classes(values) else None
    metric, metric_kind, metric_inference = infer_metric(tables, options, class_count)
    kind, kind_inference = infer_kind(values, target, metric, metric_kind, options)
    metric = _suited(metric, kind, options)
    classes = () if kind == "regression" else class_labels(values)
    submission = submission_format(tables.sample, target, id_column, classes, metric)
    shares = tuple(float(values.astype(str).eq(label).mean()) for label in submission.classes)
    withheld = label_copies(tables.folder, tables.train, target, id_column)
    inferences = (
        target_inference,
        id_inference,
        metric_inference,
        kind_inference,
        rows_inference,
        _kept_back(withheld),
    )
    return Task(
        name=name,
        description=tables.description,
        kind=kind,
        target=target,
        metric=metric,
        validation=options.validation or Validation(),
        submission=submission,
        folder=tables.folder,
        profile=profile_tables(usable, len(tables.test), target, shares, _beside(tables.folder, withheld)),
        digest=_digest(tables.folder),
        inferences=tuple(inference for inference in inferences if inference is not None),
        withheld=withheld,
    )


def _read_tables(folder: Path) -> Tables:
    """Reads the tables; raises TaskError when train or test is missing or has no rows."""
    tables = {stem: _table(folder, stem) for stem in ("train", "test")}
    sample = find_table(folder, "sample_submission")
    return Tables(
        folder=folder,
        description=_description(folder),
        train=tables["train"],
        test=tables["test"],
        sample=None if sample is None else read_cells(sample),
    )


def _table(folder: Path, stem: str) -> pd.DataFrame:
    path = find_table(folder, stem)
    if path is None:
        raise TaskError(
            f"{folder}: {stem}.csv is missing; a task folder holds train.csv and test.csv, "
            f"or says `scoring: reported` in {OPTIONS_FILE}"
        )
    cells = read_cells(path)
    if cells.empty:
        raise TaskError(f"{path}: has no rows")
    return cells


def _description(folder: Path) -> str:
    path = next((folder / name for name in DESCRIPTION_FILES if (folder / name).is_file()), None)
    return "" if path is None else path.read_text("utf-8", "replace").strip()[:_DESCRIPTION_CHARACTERS]


def _check_fit(tables: Tables, target: str, options: TaskOptions) -> None:
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


def _usable_rows(tables: Tables, target: str) -> tuple[pd.DataFrame, Inference | None]:
    """The rows of train that have a target."""
    usable = usable_targets(tables.train[target])
    kept = tables.train[usable]
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


def _suited(metric: Metric, kind: TaskKind, options: TaskOptions) -> Metric:
    """A user's own function compares labels in tasks with classes, unless they say otherwise."""
    if metric.function_path is None or options.needs is not None or kind == "regression":
        return metric
    return metric.model_copy(update={"needs": "labels"})


def _kept_back(withheld: tuple[str, ...]) -> Inference | None:
    if not withheld:
        return None
    reason = "they repeat labels of train.csv, which scripts must not see of held-out rows"
    return Inference(key="files", value=f"withheld from scripts: {', '.join(withheld[:10])}", reason=reason)


def _beside(folder: Path, withheld: tuple[str, ...]) -> tuple[str, ...]:
    tables = {path.name for stem in ("train", "test", "sample_submission") if (path := find_table(folder, stem))}
    return files_beside(folder, frozenset({*tables, *withheld, *DESCRIPTION_FILES}))


def _digest(folder: Path) -> str:
    """Identity of the bytes of the tables."""
    tables = (find_table(folder, stem) for stem in ("train", "test", "sample_submission"))
    return digest_of(*("" if path is None else _sha256(path) for path in tables))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reported_task(folder: Path, options: TaskOptions, name: str) -> Task:
    """A task that is not split: scripts report a score of their own."""
    if options.metric is None:
        raise TaskError(f"{folder / OPTIONS_FILE}: `scoring: reported` needs `metric:`")
    metric = metric_named(options.metric, options.direction, options.needs)
    sample = find_table(folder, "sample_submission")
    cells = None if sample is None else read_cells(sample)
    columns = ("prediction",) if cells is None else tuple(str(column) for column in cells.columns)
    id_column = options.id_column or (columns[0] if len(columns) > 1 else None)
    target = options.target or next(column for column in columns if column != id_column)
    return Task(
        name=name,
        description=_description(folder),
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
            other_files=files_beside(folder, frozenset(DESCRIPTION_FILES)),
        ),
        digest=digest_of(str(folder), _digest(folder)),
        scoring="reported",
    )
