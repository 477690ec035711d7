"""The examiner: splits the task, keeps the held-out labels to itself, and grades what comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlestar.doors import Examiner, Marks
from mlestar.errors import TaskError
from mlestar.records.solution import Execution, View
from mlestar.records.task import SubmissionFormat, Task
from mlestar.scoring.metrics import NOT_NEGATIVE, POSITIVE, Score, score_function, score_of, score_of_folds
from mlestar.scoring.predictions import predictions
from mlestar.scoring.reported import is_suspicious, reported_score
from mlestar.scoring.splits import Rows, SplitPlan, Traits, group_numbers, plan_split, seal, split, times_of
from mlestar.scoring.submission import Form, Unfit, class_codes, read_submission
from mlestar.scoring.views import ViewWriter, sample_submission
from mlestar.tables import as_scripts_read, find_table, read_cells, usable_targets


def examiner_for(task: Task, seed: int, folder: Path) -> Examiner:
    """The examiner of a task; its views are written under `folder`. Raises TaskError."""
    return Exam.prepare(task, seed, folder) if task.scoring == "graded" else ReportedExam.prepare(task, folder)


@dataclass(frozen=True)
class Sheet:
    """A view with held-out rows, and their truth."""

    view: View
    form: Form = field(repr=False)
    truth: NDArray[Any] = field(repr=False)


class Exam:
    """Grades submissions with the task's metric on labels that exist in this process only."""

    def __init__(self, task: Task, plan: SplitPlan, sheets: Sequence[Sheet], audit: Sheet | None, final: Sheet) -> None:
        self._task = task
        self._function: Score = score_function(task.metric)
        self._plan = plan
        self._sheets = tuple(sheets)
        self._audit = audit
        self._final = final

    @classmethod
    def prepare(cls, task: Task, seed: int, folder: Path) -> Exam:
        """Splits the task and writes its views under `folder`; equal for equal task and seed. Raises TaskError."""
        return _Preparation(task, seed, folder).exam()

    @property
    def explanation(self) -> str:
        """How the rows are split and why, as one line."""
        held_out = [len(sheet.truth) for sheet in self._sheets]
        counts = f"{held_out[0]}" if len(set(held_out)) == 1 else f"{min(held_out)} to {max(held_out)}"
        sealed = f"; {len(self._audit.truth)} audit rows sealed" if self._audit else ""
        each = " in each fold" if len(held_out) > 1 else ""
        return f"{self._plan.kind}: {self._plan.reason}; {counts} rows graded{each}{sealed}"

    @property
    def views(self) -> tuple[View, ...]:
        return tuple(sheet.view for sheet in self._sheets)

    @property
    def final_view(self) -> View:
        return self._final.view

    @property
    def audit_view(self) -> View | None:
        """All of train but the sealed rows, and the sealed rows as the test; None when there are none."""
        return None if self._audit is None else self._audit.view

    def mark(self, executions: Sequence[Execution]) -> Marks:
        """Grades the executions of one script, one for each view, in order; a fault gives no score."""
        reported = _reported(executions)
        folds: list[tuple[NDArray[Any], NDArray[Any]]] = []
        try:
            for sheet, execution in zip(self._sheets, executions, strict=True):
                folds.append((sheet.truth, self._predictions(sheet, execution)))
            score, spread = score_of_folds(self._task.metric, self._function, folds)
        except Unfit as fault:
            where = f"{self._sheets[len(folds)].view.name}: " if len(self._sheets) > 1 else ""
            return Marks(reported_score=reported, fault=f"{where}{fault}")
        except TaskError as fault:
            return Marks(reported_score=reported, fault=str(fault))
        if not math.isfinite(score):
            return Marks(reported_score=reported, fault=f"the metric {self._task.metric.name} is not a finite number")
        suspicious = is_suspicious(self._task.metric, reported, score, spread)
        return Marks(score=score, spread=spread, reported_score=reported, suspicious=suspicious)

    def check_submission(self, execution: Execution) -> str | None:
        """What is wrong with the file made on `final_view`; None when it is valid."""
        try:
            self._predictions(self._final, execution)
        except Unfit as fault:
            return str(fault)
        return None

    def audit(self, execution: Execution) -> float | None:
        """Score of an execution on `audit_view`; None when there is none or its submission is not valid."""
        if self._audit is None:
            return None
        try:
            score = score_of(self._function, self._audit.truth, self._predictions(self._audit, execution))
        except (Unfit, TaskError):
            return None
        return score if math.isfinite(score) else None

    def _predictions(self, sheet: Sheet, execution: Execution) -> NDArray[Any]:
        if execution.status != "ok":
            raise Unfit(execution.fault or execution.status.replace("_", " "))
        cells = read_submission(execution.folder, sheet.form)
        return predictions(cells, self._task.metric, self._task.submission)


class ReportedExam:
    """Believes the score that a script prints; for tasks that cannot be split."""

    def __init__(self, task: Task, view: View, form: Form | None) -> None:
        self._task = task
        self._view = view
        self._form = form

    @classmethod
    def prepare(cls, task: Task, folder: Path) -> ReportedExam:
        """The single view is the task folder as it is."""
        sample = find_table(task.folder, "sample_submission")
        form = None if sample is None else _form_of(task.submission, read_cells(sample))
        return cls(task, View(name="whole", folder=task.folder, digest=task.digest), form)

    @property
    def explanation(self) -> str:
        """How scripts are scored, as one line."""
        return "reported: every script validates itself and prints its score"

    @property
    def views(self) -> tuple[View, ...]:
        return (self._view,)

    @property
    def final_view(self) -> View:
        return self._view

    @property
    def audit_view(self) -> View | None:
        return None

    def mark(self, executions: Sequence[Execution]) -> Marks:
        """The score that the script printed last."""
        (execution,) = executions
        if execution.status != "ok":
            return Marks(fault=execution.fault or execution.status.replace("_", " "))
        score = reported_score(execution.stdout_tail)
        if score is None:
            return Marks(fault="no line `Final Validation Performance: <number>` with a finite number was printed")
        return Marks(score=score, reported_score=score)

    def check_submission(self, execution: Execution) -> str | None:
        """Columns, ids and row count against the sample submission; without one, only that the file is there."""
        try:
            if execution.status != "ok":
                raise Unfit(execution.fault or execution.status.replace("_", " "))
            if self._form is not None:
                read_submission(execution.folder, self._form)
            elif execution.folder is None or not (execution.folder / "final" / "submission.csv").is_file():
                raise Unfit("final/submission.csv was not written")
        except Unfit as fault:
            return str(fault)
        return None

    def audit(self, execution: Execution) -> float | None:
        return None


class _Preparation:
    """Reads a task's tables once and cuts views out of them."""

    def __init__(self, task: Task, seed: int, folder: Path) -> None:
        self._task = task
        train = _cells(task.folder, "train")
        self._train = train[usable_targets(train[task.target])].reset_index(drop=True)
        sample = find_table(task.folder, "sample_submission")
        self._sample = None if sample is None else read_cells(sample)
        self._test = self._with_id(_cells(task.folder, "test").drop(columns=[task.target], errors="ignore"))
        self._truth = _truth_of(task, self._train[task.target])
        # The digest covers the labels, so a script that knows the seed still cannot work the split out.
        self._random = np.random.default_rng([seed, int(task.digest, 16)])
        self._writer = ViewWriter(task, folder)

    def exam(self) -> Exam:
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
        return Exam(task, plan, sheets, audit, self._final())

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


def _form_of(form: SubmissionFormat, sample: pd.DataFrame) -> Form:
    ids = tuple(sample[form.id_column]) if form.id_column in sample.columns else None
    return Form(form, len(sample), ids)


def _cells(folder: Path, stem: str) -> pd.DataFrame:
    path = find_table(folder, stem)
    if path is None:
        raise TaskError(f"{folder}: {stem}.csv is missing")
    return read_cells(path)


def _reported(executions: Sequence[Execution]) -> float | None:
    """Mean of what the executions reported of themselves."""
    scores = [score for e in executions if (score := reported_score(e.stdout_tail)) is not None]
    return float(np.mean(scores)) if scores else None
