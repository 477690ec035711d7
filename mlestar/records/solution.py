"""What a run produces: scripts, their executions and trials, and how they were refined."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from mlestar.records.base import Record, digest_of

ExecutionStatus = Literal["ok", "failed", "timed_out", "out_of_memory", "blocked", "invalid_output"]


class Script(Record):
    """One self-contained Python program; its identity is the digest of its source."""

    source: str

    @cached_property
    def digest(self) -> str:
        return digest_of(self.source)


class View(Record):
    """The files a script sees as `./input/`, and their identity."""

    name: str
    folder: Path
    digest: str


class Execution(Record):
    """What happened when a script was executed on a view."""

    status: ExecutionStatus
    seconds: float
    fault: str | None = None
    """One line that says what went wrong; None when the status is ok."""
    returncode: int | None = None
    stdout_tail: str = ""
    stderr_tail: str = ""
    folder: Path | None = None
    """Where the files that the script left are kept."""
    files: tuple[str, ...] = ()
    """Their paths relative to `folder`, `final/submission.csv` among them."""
    peak_memory_bytes: int | None = None
    guards: tuple[str, ...] = ()
    """Names of the guards that were on."""
    started_at: float = 0.0
    """Seconds since the epoch."""


class Trial(Record):
    """A script and the score it got."""

    script: Script
    executions: tuple[Execution, ...] = ()
    score: float | None = None
    spread: float | None = None
    """Standard deviation of the score over the folds."""
    fold_scores: tuple[float, ...] = ()
    """The score of each fold, or of five parts of the rows of a lone split; empty where it is undefined in one."""
    reported_score: float | None = None
    """What the script printed of itself; only shown where scoring is graded."""
    fault: str | None = None
    """Why there is no score."""
    suspicious: bool = False
    """The reported score is far better than the graded one."""
    time_limit_seconds: float | None = None
    """What the script was told it may take on each view."""
    threads: int | None = None
    """How many threads it was told it may use."""

    @property
    def seconds(self) -> float:
        """Total execution time."""
        return sum(execution.seconds for execution in self.executions)


CARRIED = "carried over"
"""Name of the candidate that is the best script of an earlier run."""


class ModelIdea(Record):
    """A model worth trying, as an engineer retrieved it."""

    name: str
    description: str = ""
    example_code: str = ""
    sources: tuple[str, ...] = ()
    """Addresses the idea was found at."""


class Candidate(Record):
    """A first script for one model idea."""

    idea: ModelIdea
    trial: Trial

    @property
    def score(self) -> float | None:
        return self.trial.score


class Plan(Record):
    """What to do next and which kind of change it is."""

    focus: str
    """A word of `strategy.REFINEMENT_FOCUSES` or `ENSEMBLE_FOCUSES` where one fits."""
    description: str


class Attempt(Record):
    """A plan that was carried out, and what it gave."""

    plan: Plan
    block: str = ""
    """The code block that was rewritten; empty for ensembles."""
    trial: Trial
    gain: float | None = None
    """Improvement over the script it started from, in units of the metric; negative when worse."""

    @property
    def score(self) -> float | None:
        return self.trial.score


class Variant(Record):
    """A script with one component changed or disabled."""

    component: str
    change: str
    trial: Trial
    gain: float | None = None
    """Improvement over the baseline; strongly negative means the component matters."""


class Ablation(Record):
    """Which components of a script matter (paper, section 3.2)."""

    baseline: Trial
    variants: tuple[Variant, ...] = ()
    summary: str = ""


class Refinement(Record):
    """One cycle of the outer loop."""

    ablation: Ablation
    attempts: tuple[Attempt, ...] = ()


class Solution(Record):
    """One line of development: candidates, their merge and its refinements."""

    number: int
    """Counts from 1, as in the artifact folders."""
    candidates: tuple[Candidate, ...] = ()
    initial: Trial | None = None
    """The best candidate after merging."""
    merges: tuple[Trial, ...] = ()
    refinements: tuple[Refinement, ...] = ()
    best: Trial | None = None

    @property
    def score(self) -> float | None:
        return None if self.best is None else self.best.score


class Submission(Record):
    """The final file and the script that made it."""

    trial: Trial
    """The graded trial of that very script."""
    execution: Execution
    """Its execution on all of train and the real test."""
    rank: int = 1
    """1 when the best script made it, 2 when the next best had to take its place …"""
    audit_score: float | None = None
    """Score of the same script on the sealed audit rows; None when there are none."""
