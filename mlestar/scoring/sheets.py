"""Cuts a task into views, and the truth that each is graded with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlestar.errors import TaskError
from mlestar.records.solution import View
from mlestar.records.task import Task
from mlestar.scoring.metrics import NOT_NEGATIVE, POSITIVE
from mlestar.scoring.splits import Rows, SplitPlan, Traits, group_numbers, plan_split, seal, split, times_of
from mlestar.scoring.submission import Form, class_codes
from mlestar.scoring.views import ViewWriter, sample_submission
from mlestar.tables import as_scripts_read, find_sample, find_table, read_cells, usable_targets


@dataclass(frozen=True)
class Sheet:
    """A view with held-out rows, and their truth."""

    view: View
    form: Form = field(repr=False)
    truth: NDArray[Any] = field(repr=False)


@dataclass(frozen=True)
class Paper:
    """Everything an exam is held with."""

    plan: SplitPlan
    sheets: tuple[Sheet, ...]
    audit: Sheet | None
    final: Sheet


def write_paper(task: Task, seed: int, folder: Path) -> Paper:
    """Splits a task and writes its views under `folder`; equal for equal task and seed. Raises TaskError."""
    return _Cutter(task, seed, folder).paper()


class _Cutter:
    """Reads a task's tables once and cuts views out of them."""

    def __init__(self, task: Task, seed: int, folder: Path) -> None:
        self._task = task
        train = _cells(task.folder, "train")
        usable = usable_targets(train[task.target])
        self._train = train if usable.all() else train[usable].reset_index(drop=True)
        sample = find_sample(task.folder)
        self._sample = None if sample is None else read_cells(sample)
        self._test = self._with_id(_cells(task.folder, "test").drop(columns=[task.target], errors="ignore"))
        self._truth = _truth_of(task, self._train[task.target])
        # The digest covers the labels, so a script that knows the seed still cannot work the split out.
        self._random = np.random.default_rng([seed, int(task.digest, 16)])
        self._writer = ViewWriter(task, folder)

    def paper(self) -> Paper:
        task = self._task
        traits = self._traits()
        working, sealed = seal(task.validation, traits, self._random)
        plan = plan_split(task.validation, len(working))
        folds = split(plan, traits.of(working), self._random)
        names = [plan.kind if len(folds) == 1 else f"fold_{number}" for number in range(1, len(folds) + 1)]
        sheets = [
            self._sheet(name, working[fold.fit], working[fold.held_out])
            for name, fold in zip(names, folds, strict=True)
        ]
        audit = self._sheet("audit", working, sealed) if len(sealed) else None
        return Paper(plan, tuple(sheets), audit, self._final())

    def _with_id(self, test: pd.DataFrame) -> pd.DataFrame:
        """The test table with the ids of the sample submission where only that has them."""
        id_column = self._task.submission.id_column
        if id_column is None or id_column in test or self._sample is None:
            return test
        if len(self._sample) != len(test):
            raise TaskError(
                f"{self._task.folder}: sample_submission.csv has {len(self._sample)} rows, but test.csv has {len(test)}"
            )
        return test.assign(**{id_column: self._sample[id_column]})[[id_column, *test.columns]]

    def _traits(self) -> Traits:
        task, column = self._task, self._task.validation.column
        rows = len(self._train)
        classes = self._truth if task.submission.classes else None
        if task.validation.kind not in ("group", "time"):
            return Traits(rows=rows, classes=classes)
        if column is None or column not in self._train:
            raise TaskError(
                f"validation.column: `{task.validation.kind}` needs a column of train.csv, "
                f"{column!r} is none; its columns: {', '.join(map(str, self._train.columns[:12]))}"
            )
        if task.validation.kind == "group":
            return Traits(rows=rows, classes=classes, groups=group_numbers(self._train[column]))
        typed = as_scripts_read(self._train[[column]])[column]
        return Traits(rows=rows, times=times_of(self._train[column], typed))

    def _sheet(self, name: str, fit: Rows, held_out: Rows) -> Sheet:
        """A view in which `fit` is train and `held_out` is test; shuffled, so that order tells nothing."""
        if self._task.validation.kind != "time":
            fit, held_out = self._random.permutation(fit), self._random.permutation(held_out)
        test = self._train.iloc[held_out].reset_index(drop=True)
        id_column = self._task.submission.id_column
        if id_column is not None and id_column not in test:
            test[id_column] = [str(number) for number in range(len(test))]
        test = test[list(self._test.columns)]
        return self._write(name, self._train.iloc[fit], test, self._truth[held_out])

    def _final(self) -> Sheet:
        order = np.arange(len(self._train))
        if self._task.validation.kind != "time":
            order = self._random.permutation(order)
        return self._write("final", self._train.iloc[order], self._test, np.empty(0))

    def _write(self, name: str, train: pd.DataFrame, test: pd.DataFrame, truth: NDArray[Any]) -> Sheet:
        form, needs = self._task.submission, self._task.metric.needs
        ids = None if form.id_column is None else tuple(test[form.id_column])
        sample = sample_submission(form, needs, ids, len(test), self._sample)
        view = self._writer.write(name, {"train": train, "test": test, "sample_submission": sample})
        return Sheet(view, Form(form, len(test), ids), truth)


def _truth_of(task: Task, column: pd.Series) -> NDArray[Any]:
    """What predictions are compared with. Raises TaskError when the metric is not defined for it."""
    values = as_scripts_read(column.to_frame())[column.name]
    if task.submission.classes:
        codes = class_codes(values.astype(str), task.submission.classes)
        if (codes < 0).any():
            raise TaskError(
                f"target: {task.target} has labels that are none of the task's classes; was train.csv changed?"
            )
        return codes
    truth = np.asarray(values, dtype=np.float64)
    low = truth <= 0 if task.metric.name == "gamma_deviance" else truth < 0
    if task.metric.name in NOT_NEGATIVE | POSITIVE and low.any():
        raise TaskError(f"metric: {task.metric.name} is not defined for {task.target} = {truth[low][0]:g}")
    return truth


def _cells(folder: Path, stem: str) -> pd.DataFrame:
    path = find_table(folder, stem)
    if path is None:
        raise TaskError(f"{folder}: {stem}.csv is missing")
    return read_cells(path)
