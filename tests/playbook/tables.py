"""Small generated tasks for the playbook's tests, and their scripts executed for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mlestar.records.settings import Settings
from mlestar.records.task import (
    Assignment,
    ColumnKind,
    ColumnProfile,
    Metric,
    SubmissionFormat,
    TableProfile,
    TaskKind,
)
from mlestar.tasks.assignment import assignment_for
from mlestar.tasks.load import load_task
from mlestar.tasks.options import TaskOptions

Needs = Literal["values", "labels", "probabilities"]


def table(rows: int = 90, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps and a long tail, categories, dates, words; the targets of three kinds."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "Id": np.arange(rows) + 1000,
            "size [m2]": random.lognormal(3, 1, rows),
            "age": np.where(random.random(rows) < 0.2, np.nan, random.integers(0, 50, rows)),
            "colour": pd.Series(["red", "green", "blue", None])
            .sample(rows, replace=True, random_state=seed)
            .to_numpy(),
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, rows), unit="D"),
            "note": random.choice(["a bright room", "dark and small", "large quiet garden flat"], rows),
        }
    )
    signal = frame["size [m2]"] * 2 + frame["age"].fillna(25) + 20 * (frame["colour"] == "red")
    frame["price"] = signal + random.normal(0, 1, rows) + 10
    frame["dear"] = np.where(frame["price"] > frame["price"].median(), "yes", "no")
    frame["grade"] = pd.qcut(frame["price"], 3, labels=["c", "a", "b"]).astype(str)
    return frame


KINDS: dict[str, ColumnKind] = {
    "Id": "identifier",
    "size [m2]": "numeric",
    "age": "numeric",
    "colour": "categorical",
    "sold": "date",
    "note": "text",
}


def assignment(
    kind: TaskKind = "regression",
    metric: Metric | None = None,
    *,
    rows: int = 90,
    columns_per_class: bool = False,
    seconds: float = 60.0,
) -> Assignment:
    """What an engineer would be told of `table`."""
    target = {"regression": "price", "binary": "dear", "multiclass": "grade"}[kind]
    needs: Needs = "values" if kind == "regression" else "probabilities"
    metric = metric or Metric(name="rmse" if kind == "regression" else "log_loss", direction="minimize", needs=needs)
    frame = table(rows)
    classes = tuple(sorted(frame[target].unique())) if kind != "regression" else ()
    spread = metric.needs == "probabilities" and (columns_per_class or kind == "multiclass")
    profiles = tuple(_profile(frame[name], column_kind) for name, column_kind in KINDS.items())
    return Assignment(
        description="A small generated task.",
        kind=kind,
        target=target,
        metric=metric,
        submission=SubmissionFormat(id_column="Id", columns=classes if spread else (target,), classes=classes),
        profile=TableProfile(
            train_rows=rows,
            test_rows=12,
            columns=profiles,
            target=_profile(frame[target], "numeric" if kind == "regression" else "categorical"),
        ),
        scoring="graded",
        script_seconds=seconds,
        threads=1,
        libraries=(),
        seed=7,
    )


def told_of(train: pd.DataFrame, test: pd.DataFrame, metric: str, folder: Path, seconds: float = 8.0) -> Assignment:
    """What an engineer is told of these tables; the target is the column that only train has."""
    (folder / "task").mkdir()
    train.to_csv(folder / "task/train.csv", index=False)
    test.to_csv(folder / "task/test.csv", index=False)
    task = load_task(folder / "task", TaskOptions(metric=metric))
    return assignment_for(task, Settings(), threads=1, script_seconds=seconds)


def _profile(column: pd.Series, kind: ColumnKind) -> ColumnProfile:
    number = column.astype("float64") if kind == "numeric" else None
    return ColumnProfile(
        name=str(column.name),
        kind=kind,
        missing_share=float(column.isna().mean()),
        unique_count=int(column.nunique()),
        minimum=None if number is None else float(number.min()),
        maximum=None if number is None else float(number.max()),
        mean=None if number is None else float(number.mean()),
        skewness=None if number is None else float(number.skew()),  # type: ignore[arg-type]
    )


def execute(
    source: str, given: Assignment, folder: Path, seconds: float = 60.0, test_rows: int = 12, model_file: str = ""
) -> pd.DataFrame:
    """The submission a script writes beside a fresh input folder; fails with the script's own traceback."""
    targets = ["price", "dear", "grade"]
    train = table(given.profile.train_rows).drop(columns=[name for name in targets if name != given.target])
    test = table(test_rows, seed=1).drop(columns=targets)
    return execute_on(train, test, source, folder, seconds, model_file)


def execute_on(
    train: pd.DataFrame, test: pd.DataFrame, source: str, folder: Path, seconds: float = 60.0, model_file: str = ""
) -> pd.DataFrame:
    """The same beside these tables."""
    (folder / "input").mkdir(parents=True)
    train.to_csv(folder / "input/train.csv", index=False)
    test.to_csv(folder / "input/test.csv", index=False)
    (folder / "solution.py").write_text(source)
    return execute_again(folder, seconds, model_file)


def execute_again(folder: Path, seconds: float = 60.0, model_file: str = "") -> pd.DataFrame:
    """The submission of the script in a folder with its input."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1")
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "solution.py"],
        cwd=folder,
        env={**os.environ, **limits, "MLESTAR_TIME_LIMIT_SECONDS": str(seconds), "MLESTAR_MODEL_FILE": model_file},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return pd.read_csv(folder / "final/submission.csv")
