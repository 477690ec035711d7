"""From a task folder to a Task: reads the tables, infers what is not said, and checks that everything fits."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError
from mlestar.records.base import digest_of
from mlestar.records.task import (
    Inference,
    Metric,
    SubmissionFormat,
    Task,
    TaskKind,
    Validation,
)
from mlestar.tables import as_scripts_read, find_sample, find_table, read_cells
from mlestar.tasks.bundled import bundled_tasks
from mlestar.tasks.copies import label_copies
from mlestar.tasks.fit import check_fit, kinds_that_differ, usable_rows
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
from mlestar.tasks.reported import reported_task
from mlestar.tasks.submission import submission_format

TASK_PATH_VARIABLE = "MLESTAR_TASKS"
DESCRIPTION_FILES = ("description.md", "task_description.txt", "task_description.md", "description.txt", "README.md")
_DESCRIPTION_CHARACTERS = 100_000
_LARGE_BYTES = 50_000_000

Say = Callable[[str], None]


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
    found = [
        folder.name for parent in paths if parent.is_dir() for folder in sorted(parent.iterdir()) if folder.is_dir()
    ]
    known = [*bundled_tasks(), *found]
    close = difflib.get_close_matches(name_or_path, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    looked = ", ".join(str(path) for path in paths) or f"nowhere else ({TASK_PATH_VARIABLE} is not set)"
    raise TaskError(
        f"task={name_or_path}: no such task; {hint}known are {', '.join(dict.fromkeys(known))}; "
        f"looked for the folder itself and in: {looked}"
    )


def load_task(
    folder: Path, options: TaskOptions | None = None, name: str | None = None, say: Say | None = None
) -> Task:
    """The task in a folder; `options` win over its `task.yaml`. Raises TaskError with one line fit for the user.

    `say` is told when tables are so large that reading them takes a while.
    """
    if not folder.is_dir():
        raise TaskError(f"{folder}: no such task folder")
    folder = folder.resolve()
    said = (options or TaskOptions()).over(read_options(folder))
    has_tables = all(find_table(folder, stem) for stem in ("train", "test"))
    if said.scoring == "reported" and not has_tables:
        return reported_task(folder, said, name or folder.name, _description(folder))
    _announce(folder, say)
    task = _graded_task(_read_tables(folder), said, name or folder.name)
    return task.model_copy(update={"scoring": said.scoring or "graded"})


def _announce(folder: Path, say: Say | None) -> None:
    size = sum(path.stat().st_size for path in _table_files(folder) if path is not None)
    if say is not None and size >= _LARGE_BYTES:
        say(f"reading {size / 1e6:,.0f} MB of tables ...")


def _graded_task(tables: Tables, options: TaskOptions, name: str) -> Task:
    """A task whose train table is split and graded."""
    target, target_inference = infer_target(tables, options)
    check_fit(tables, target, options)
    usable, rows_inference = usable_rows(tables, target)
    id_column, id_inference = infer_id_column(tables, target, options)
    values = as_scripts_read(usable[[target]])[target]
    class_count = int(values.nunique()) if looks_like_classes(values) else None
    metric, metric_kind, metric_inference = infer_metric(tables, options, class_count)
    kind, kind_inference = infer_kind(values, target, metric, metric_kind, options)
    metric = _suited(metric, kind, options)
    classes = () if kind == "regression" else class_labels(values)
    submission = submission_format(tables.sample, target, id_column, classes, metric)
    counts = Counter(values.astype(str)) if classes else Counter[str]()
    shares = tuple(counts[label] / len(values) for label in submission.classes)
    withheld = label_copies(tables.folder, tables.train, target, id_column)
    inferences = (
        target_inference,
        id_inference,
        metric_inference,
        kind_inference,
        _second_class(submission, metric),
        rows_inference,
        kinds_that_differ(usable, tables.test),
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
    sample = find_sample(folder)
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


def _suited(metric: Metric, kind: TaskKind, options: TaskOptions) -> Metric:
    """A user's own function compares labels in tasks with classes, unless they say otherwise."""
    if metric.function_path is None or options.needs is not None or kind == "regression":
        return metric
    return metric.model_copy(update={"needs": "labels"})


def _second_class(form: SubmissionFormat, metric: Metric) -> Inference | None:
    """Which of two classes a single column of probabilities, or a metric of one class, is about."""
    one_column = metric.needs == "probabilities" and len(form.columns) == 1
    if len(form.classes) != 2 or not (one_column or metric.name.endswith("_binary")):
        return None
    what = f"{form.columns[0]} is its probability" if one_column else f"{metric.name} is about it"
    return Inference(key="positive class", value=form.classes[1], reason=f"the second class in sorted order; {what}")


def _kept_back(withheld: tuple[str, ...]) -> Inference | None:
    if not withheld:
        return None
    reason = "they repeat labels of train.csv, which scripts must not see of held-out rows"
    return Inference(key="files", value=f"withheld from scripts: {', '.join(withheld[:10])}", reason=reason)


def _beside(folder: Path, withheld: tuple[str, ...]) -> tuple[str, ...]:
    tables = {path.name for path in _table_files(folder) if path is not None}
    return files_beside(folder, frozenset({*tables, *withheld, *DESCRIPTION_FILES}))


def _digest(folder: Path) -> str:
    """Identity of the bytes of the tables."""
    return digest_of(*("" if path is None else _sha256(path) for path in _table_files(folder)))


def _table_files(folder: Path) -> tuple[Path | None, ...]:
    return find_table(folder, "train"), find_table(folder, "test"), find_sample(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
