"""The examiner: keeps the held-out labels to itself, and grades what comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlestar.doors import Examiner, Marks
from mlestar.errors import TaskError
from mlestar.records.solution import Execution, View
from mlestar.records.task import Task
from mlestar.scoring.metrics import Score, score_function, score_of, score_of_folds
from mlestar.scoring.predictions import predictions
from mlestar.scoring.reported import ReportedExam, is_suspicious, reported_score
from mlestar.scoring.sheets import Paper, Sheet, write_paper
from mlestar.scoring.submission import Unfit, read_submission

_PARTS = 5
"""Into so many parts the held-out rows of a lone split are cut."""


def examiner_for(task: Task, seed: int, folder: Path) -> Examiner:
    """The examiner of a task; its views are written under `folder`. Raises TaskError."""
    return Exam.prepare(task, seed, folder) if task.scoring == "graded" else ReportedExam.prepare(task, folder)


class Exam:
    """Grades submissions with the task's metric on labels that exist in this process only."""

    def __init__(self, task: Task, function: Score, paper: Paper) -> None:
        self._task = task
        self._function = function
        self._plan = paper.plan
        self._sheets = paper.sheets
        self._audit = paper.audit
        self._final = paper.final

    @classmethod
    def prepare(cls, task: Task, seed: int, folder: Path) -> Exam:
        """Splits the task and writes its views under `folder`; equal for equal task and seed. Raises TaskError."""
        function = score_function(task.metric)
        return cls(task, function, write_paper(task, seed, folder))

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
            fold_scores = tuple(score_of(self._function, *part) for part in _parts(folds))
        except Unfit as fault:
            where = f"{self._sheets[len(folds)].view.name}: " if len(self._sheets) > 1 else ""
            return Marks(reported_score=reported, fault=f"{where}{fault}")
        except TaskError as fault:
            return Marks(reported_score=reported, fault=str(fault))
        if not math.isfinite(score):
            return Marks(reported_score=reported, fault=f"the metric {self._task.metric.name} is not a finite number")
        suspicious = is_suspicious(self._task.metric, reported, score, spread)
        told = fold_scores if all(map(math.isfinite, fold_scores)) else ()
        return Marks(score=score, spread=spread, fold_scores=told, reported_score=reported, suspicious=suspicious)

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


def _parts(folds: list[tuple[NDArray[Any], NDArray[Any]]]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The folds; the only one in parts, so that its scores too show how much they vary."""
    if len(folds) > 1:
        return folds
    truth, prediction = folds[0]
    return [(truth[first::_PARTS], prediction[first::_PARTS]) for first in range(min(_PARTS, len(truth)))]


def _reported(executions: Sequence[Execution]) -> float | None:
    """Mean of what the executions reported of themselves."""
    scores = [score for e in executions if (score := reported_score(e.stdout_tail)) is not None]
    return float(np.mean(scores)) if scores else None
