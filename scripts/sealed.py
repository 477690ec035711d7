"""Splits whose test rows are labelled rows of a known task: no tool sees their labels, the benchmark grades them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from mlestar.records.task import Task
from mlestar.scoring.metrics import score_function, score_of
from mlestar.scoring.predictions import predictions
from mlestar.scoring.submission import Form, class_codes, read_submission
from mlestar.scoring.views import sample_submission
from mlestar.tables import read_cells
from mlestar.tasks.bundled import bundled_tasks, write_bundled
from mlestar.tasks.load import find_task, load_task, task_paths

SETS = ("california-housing-prices", "house-prices", "digits", "diabetes", "breast-cancer", "wine")


def sealed_task(
    data: str, seed: int, workspace: Path, *, share: float, rows: int | None = None, folds: int = 0
) -> tuple[Task, pd.DataFrame]:
    """A task whose test rows are this share of the labelled rows, and these rows with their labels, as text.

    `rows`: at most so many labelled rows are used. `folds`: of the validation; 0 for what the task's size asks.
    """
    original = load_task(_source_of(data, workspace))
    table = read_cells(original.folder / "train.csv")
    if rows is not None and len(table) > rows:
        table = table.sample(rows, random_state=seed)
    labels = table[original.target] if original.kind != "regression" else None
    train, test = train_test_split(table, test_size=share, random_state=seed, stratify=labels)
    form, folder = original.submission, workspace / "tasks" / f"{data}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    ids = None if form.id_column is None else list(test[form.id_column])
    tables = {"train": train, "test": test.drop(columns=original.target)}
    tables["sample_submission"] = sample_submission(form, original.metric.needs, ids, len(test), None)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "description.md").write_text(original.description)
    said = {"target": original.target, "metric": original.metric.name}
    if folds:
        said["validation"] = f"{{kind: kfold, folds: {folds}}}"
    (folder / "task.yaml").write_text("".join(f"{key}: {value}\n" for key, value in said.items()))
    return load_task(folder), test


def _source_of(data: str, workspace: Path) -> Path:
    """A folder of MLESTAR_TASKS where there is one, else the bundled task written out."""
    if data in bundled_tasks() and not any((path / data).is_dir() for path in task_paths()):
        return write_bundled(data, workspace / "bundled")
    return find_task(data, task_paths())


def graded(task: Task, truth: pd.DataFrame, folder: Path) -> float:
    """`final/submission.csv` of the folder graded on the sealed labels, by mlestar's own scorer for every tool."""
    form = task.submission
    ids = None if form.id_column is None else tuple(truth[form.id_column])
    cells = read_submission(folder, Form(form, len(truth), ids))
    labels = truth[task.target]
    known = class_codes(labels, form.classes) if form.classes else labels.astype(float).to_numpy()
    return score_of(score_function(task.metric), known, predictions(cells, task.metric, form))
