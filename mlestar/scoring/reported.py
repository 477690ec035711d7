"""Reads the score that a script prints of itself; it decides only where nothing can be graded."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlestar.doors import Marks
from mlestar.records.solution import Execution, View
from mlestar.records.task import Metric, SubmissionFormat, Task
from mlestar.scoring.submission import Form, Unfit, read_submission
from mlestar.tables import find_sample, read_cells

_LINE = re.compile(
    r"Final\s+Validation\s+(?:Performance|Score)\b[^:=\r\n]{0,40}[:=]\s*(?P<rest>[^\r\n]*)", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+|\.\d+|\d+\.?)(?:e[+-]?\d+)?)(?![\w-])\s*(?P<percent>%)?"
    r"|(?P<none>[+-]?(?:nan|inf(?:inity)?)\b)",
    re.IGNORECASE,
)


def reported_score(output: str) -> float | None:
    """The number of the last `Final Validation Performance: <number>` line; None when absent or not finite.

    Reads "0.91 (AUC)", "91%", "1,234.5", "**0.9**" and "AUC = 0.9" as people mean them.
    """
    lines = list(_LINE.finditer(output))
    if not lines:
        return None
    rest = lines[-1]["rest"].replace("\N{MINUS SIGN}", "-")
    found = _NUMBER.search(rest)
    if found is None or found["none"]:
        return None
    text = found["number"]
    thousands = re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?(e[+-]?\d+)?", text, re.IGNORECASE)
    value = float(text.replace(",", "" if thousands else "."))
    value = value / 100 if found["percent"] else value
    return value if math.isfinite(value) else None


def is_suspicious(metric: Metric, reported: float | None, graded: float | None, spread: float | None) -> bool:
    """Whether a script reports a score so much better than the graded one that it must have measured wrongly.

    Its error, what is missing to a perfect score, is less than half the graded one, and more than three spreads away.
    """
    if reported is None or graded is None or not metric.better(reported, graded):
        return False
    perfect = 0.0 if metric.direction == "minimize" else 1.0
    error_reported, error_graded = abs(perfect - reported), abs(perfect - graded)
    beyond_perfect = metric.direction == "minimize" and reported < 0 <= graded
    beyond_perfect = beyond_perfect or (metric.direction == "maximize" and graded <= 1 < reported)
    far = metric.gain(reported, graded) > 3 * (spread or 0.0)
    return far and (beyond_perfect or error_reported < error_graded / 2)


class ReportedExam:
    """Believes the score that a script prints; for tasks that cannot be split."""

    def __init__(self, task: Task, view: View, form: Form | None) -> None:
        self._task = task
        self._view = view
        self._form = form

    @classmethod
    def prepare(cls, task: Task, folder: Path) -> ReportedExam:
        """The single view is the task folder as it is."""
        sample = find_sample(task.folder)
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


def _form_of(form: SubmissionFormat, sample: pd.DataFrame) -> Form:
    ids = tuple(sample[form.id_column]) if form.id_column in sample.columns else None
    return Form(form, len(sample), ids)
