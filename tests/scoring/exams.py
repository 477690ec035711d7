"""Exams over small made-up tasks, and the submissions that scripts would hand in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mlestar.records.solution import Execution, View
from mlestar.records.task import Task
from mlestar.scoring.evaluate import Exam
from mlestar.tasks.load import load_task
from mlestar.tasks.options import TaskOptions

Table = pd.DataFrame
Predict = Callable[[Table, Table], Table]
"""From train and test of a view, as a script reads them, to the prediction columns."""


def numbers(rows: int = 40, ids: bool = False) -> Table:
    """A table whose target `y` is exactly 3 a + b."""
    random = np.random.default_rng(5)
    table = pd.DataFrame({"a": random.integers(0, 50, rows), "b": random.random(rows).round(3)})
    table["y"] = 3 * table["a"] + table["b"]
    if ids:
        table.insert(0, "Id", [f"{1000 + 7 * n}" for n in range(rows)])
    return table


def kinds(rows: int = 60, names: tuple[str, ...] = ("ash", "elm", "oak")) -> Table:
    """A table whose class `kind` is told by the column `a`, with ids."""
    table = pd.DataFrame({"id": range(rows), "a": [n % len(names) for n in range(rows)]})
    return table.assign(b=np.arange(rows) * 1.5, kind=[names[n] for n in table["a"]])


def task_of(folder: Path, table: Table, target: str, options: TaskOptions, test_rows: int = 6, /, **files: str) -> Task:
    """A task folder of the table: the last rows are the real test."""
    folder.mkdir(parents=True, exist_ok=True)
    table.iloc[:-test_rows].to_csv(folder / "train.csv", index=False)
    table.iloc[-test_rows:].drop(columns=target).to_csv(folder / "test.csv", index=False)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return load_task(folder, options)


def exam_of(folder: Path, table: Table, target: str, options: TaskOptions, seed: int = 1, **files: str) -> Exam:
    return Exam.prepare(task_of(folder / "task", table, target, options, 6, **files), seed, folder / "views")


def tables_in(view: View) -> tuple[Table, Table, Table]:
    """Train, test and sample submission, as a script reads them."""
    train, test, sample = (pd.read_csv(view.folder / f"{s}.csv") for s in ("train", "test", "sample_submission"))
    return train, test, sample


def handed_in(folder: Path, content: str | bytes, stdout: str = "") -> Execution:
    """An execution that left this file."""
    (folder / "final").mkdir(parents=True, exist_ok=True)
    (folder / "final" / "submission.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return Execution(status="ok", seconds=1.0, folder=folder, stdout_tail=stdout)


def executed(view: View, folder: Path, predict: Predict, stdout: str = "") -> Execution:
    """What a script that predicts like this leaves: its predictions beside the ids of the sample."""
    train, test, sample = tables_in(view)
    predicted = predict(train, test)
    ids = [name for name in sample.columns if name not in predicted]
    submission = pd.concat([sample[ids], predicted.reset_index(drop=True)], axis=1)
    return handed_in(folder / view.name, submission.to_csv(index=False), stdout)


def executed_all(exam: Exam, folder: Path, predict: Predict, stdout: str = "") -> list[Execution]:
    return [executed(view, folder, predict, stdout) for view in exam.views]


def rule(train: Table, test: Table) -> Table:
    """The exact rule of `numbers`."""
    return pd.DataFrame({"y": 3 * test["a"] + test["b"]})


def mean(train: Table, test: Table) -> Table:
    return pd.DataFrame({"y": [train["y"].mean()] * len(test)})
