"""What is to be solved: the metric, the task and what an engineer is told of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from pydantic import Field

from mlestar.records.base import Record

Direction = Literal["minimize", "maximize"]
TaskKind = Literal["regression", "binary", "multiclass", "other"]
ColumnKind = Literal["numeric", "categorical", "date", "text", "boolean", "identifier", "constant"]
ValidationKind = Literal["auto", "holdout", "kfold", "group", "time"]


class Scored(Protocol):
    """Anything that may have a score."""

    @property
    def score(self) -> float | None: ...


S = TypeVar("S", bound=Scored)


class Metric(Record):
    """A metric and its direction; the only place that knows which of two scores is better."""

    name: str
    direction: Direction
    needs: Literal["values", "labels", "probabilities"]
    function_path: str | None = None
    """`file.py:function` of a user's own metric, called with (truth, prediction)."""

    def better(self, challenger: float | None, holder: float | None) -> bool:
        """Whether the challenger is strictly better; an absent or non-finite score never is."""
        if challenger is None or not math.isfinite(challenger):
            return False
        if holder is None or not math.isfinite(holder):
            return True
        return self.gain(challenger, holder) > 0

    def gain(self, challenger: float, holder: float) -> float:
        """By how much the challenger is better, in units of the metric; negative when worse."""
        return holder - challenger if self.direction == "minimize" else challenger - holder

    def best(self, candidates: Iterable[S]) -> S | None:
        """The candidate with the best score, the first of equals; None when none has a score."""
        winner: S | None = None
        for candidate in candidates:
            if self.better(candidate.score, None if winner is None else winner.score):
                winner = candidate
        return winner

    def ranked(self, candidates: Iterable[S]) -> list[S]:
        """The candidates that have a finite score, best first; equals keep their order."""
        scored = [c for c in candidates if c.score is not None and math.isfinite(c.score)]
        return sorted(scored, key=lambda c: self.gain(0.0, c.score or 0.0))


class Validation(Record):
    """How train is split into fit rows and held-out rows."""

    kind: ValidationKind = "auto"
    fraction: float = Field(default=0.2, gt=0, lt=1)
    """Held-out share of `holdout` and `time`."""
    folds: int = Field(default=5, ge=2, le=20)
    column: str | None = None
    """The column of `group` and `time`."""
    audit_fraction: float = Field(default=0.0, ge=0, lt=0.9)
    """Share of train that is sealed: reported at the end, never used to choose."""


class SubmissionFormat(Record):
    """The columns of a submission, in order."""

    id_column: str | None
    columns: tuple[str, ...]
    """The prediction columns: the target, or one column for each class."""
    classes: tuple[str, ...] = ()
    """Class labels as text in the order of their columns; empty for regression."""


class ColumnProfile(Record):
    """What is known of one column of train."""

    name: str
    kind: ColumnKind
    missing_share: float
    unique_count: int
    examples: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    skewness: float | None = None
    mean_words: float | None = None
    """Mean number of words of a text column."""


class TableProfile(Record):
    """What is known of the data, bounded in size; columns exclude the target."""

    train_rows: int
    test_rows: int
    columns: tuple[ColumnProfile, ...]
    target: ColumnProfile
    class_shares: tuple[float, ...] = ()
    """Share of each class, in the order of `SubmissionFormat.classes`."""
    sample_rows: str = ""
    """The first rows of train as CSV text."""
    other_files: tuple[str, ...] = ()
    """Files and folders beside the tables, handed to scripts untouched."""
    columns_left_out: int = 0


class Inference(Record):
    """Something `task.yaml` did not say and how it was inferred."""

    key: str
    value: str
    reason: str


class Task(Record):
    """A task as loaded from its folder."""

    name: str
    description: str
    kind: TaskKind
    target: str
    metric: Metric
    validation: Validation
    submission: SubmissionFormat
    folder: Path
    """Holds train.csv, test.csv and whatever else scripts may read."""
    profile: TableProfile
    digest: str
    """Identity of the data: of train, test and the sample submission."""
    scoring: Literal["graded", "reported"] = "graded"
    inferences: tuple[Inference, ...] = ()
    withheld: tuple[str, ...] = ()
    """Paths below `folder` that scripts do not get, because they repeat labels of train."""


class Assignment(Record):
    """What every question tells the engineer: the task and the conditions scripts are executed under."""

    description: str
    kind: TaskKind
    target: str
    metric: Metric
    submission: SubmissionFormat
    profile: TableProfile
    scoring: Literal["graded", "reported"]
    script_seconds: float
    """Seconds a script may take on the graded data."""
    final_seconds: float | None = None
    """Seconds the same script may take, about, when it makes the submission; None: not told."""
    threads: int
    """Threads a script may use."""
    libraries: tuple[str, ...]
    """Names of the importable libraries with versions."""
    seed: int


class TaskTraits(Record):
    """What makes lessons of one task apply to another, and scores of two runs comparable."""

    kind: TaskKind
    rows: int
    numeric_columns: int = 0
    categorical_columns: int = 0
    text_columns: int = 0
    date_columns: int = 0
    classes: int = 0
    digest: str = ""
    """Identity of the data."""

    @classmethod
    def of(cls, task: Task) -> TaskTraits:
        kinds = [column.kind for column in task.profile.columns]
        return cls(
            kind=task.kind,
            rows=task.profile.train_rows,
            numeric_columns=kinds.count("numeric"),
            categorical_columns=kinds.count("categorical") + kinds.count("boolean"),
            text_columns=kinds.count("text"),
            date_columns=kinds.count("date"),
            classes=len(task.submission.classes),
            digest=task.digest,
        )
