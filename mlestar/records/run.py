"""A run from its brief to its record, and the short form of it that history is made of."""

from __future__ import annotations

from typing import Literal

from mlestar.records.base import Record
from mlestar.records.settings import Settings
from mlestar.records.solution import Attempt, Script, Solution, Submission, Trial
from mlestar.records.strategy import Phase, Strategy
from mlestar.records.task import Assignment, Metric, Task, TaskTraits

RunStatus = Literal["running", "finished", "failed", "killed"]
Layer = Literal["defaults", "user", "enhancer"]


class CarriedScript(Record):
    """A script of an earlier run, with the time it had when it got its score."""

    script: Script
    time_limit_seconds: float | None = None
    """What it was told it may take on each view; None when that is not known."""


class Brief(Record):
    """All that a run is told before it starts."""

    run_id: str
    """`run_0`, `run_1` …"""
    study_id: str
    task: Task
    assignment: Assignment
    settings: Settings
    strategy: Strategy | None = None
    carried: CarriedScript | None = None
    """The best script known before this run; it takes part as a starting solution."""


class Cost(Record):
    """What a run used."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    """None when a model was used whose price is unknown."""
    executions: int = 0
    execution_seconds: float = 0.0
    failures: int = 0
    """Executions that did not end in a valid output."""


class RunRecord(Record):
    """Everything a run did; the source of its artifacts."""

    brief: Brief
    status: RunStatus
    solutions: tuple[Solution, ...] = ()
    ensembles: tuple[Attempt, ...] = ()
    submission: Submission | None = None
    best: Trial | None = None
    audit_score: float | None = None
    cost: Cost = Cost()
    seconds: float = 0.0
    started_at: float = 0.0
    """Seconds since the epoch."""
    phase_seconds: dict[Phase, float] = {}
    error: str | None = None


class CandidateSummary(Record):
    solution: int
    model: str
    score: float | None
    seconds: float
    fault: str | None = None


class ComponentSummary(Record):
    """What one ablation variant showed."""

    solution: int
    step: int
    component: str
    change: str
    gain: float | None


class AttemptSummary(Record):
    """What one plan brought, in refinement or ensemble."""

    phase: Phase
    solution: int
    """0 for ensembles."""
    step: int
    focus: str
    plan: str
    score: float | None
    gain: float | None
    seconds: float
    fault: str | None = None


class PhaseSummary(Record):
    phase: Phase
    best_score: float | None
    """Best score known at the end of the phase."""
    seconds: float
    executions: int
    failures: int


class KnownScript(Record):
    """The best-graded script of a run; the one that was submitted may lag behind it within the noise."""

    path: str
    """Its artifact path."""
    score: float
    time_limit_seconds: float | None = None
    """What it was told it may take on each view."""


class RunSummary(Record):
    """The short form of a run: `run.json`, what the Enhancer and the history table read back from MLflow."""

    run_id: str
    study_id: str
    task: str
    engineer: str = ""
    mlflow_run_id: str = ""
    status: RunStatus
    metric: Metric
    traits: TaskTraits | None = None
    started_at: float
    seconds: float
    score: float | None = None
    audit_score: float | None = None
    settings: Settings
    setting_layers: dict[str, Layer] = {}
    """The layer each setting came from."""
    strategy: Strategy | None = None
    phases: tuple[PhaseSummary, ...] = ()
    candidates: tuple[CandidateSummary, ...] = ()
    components: tuple[ComponentSummary, ...] = ()
    attempts: tuple[AttemptSummary, ...] = ()
    errors: tuple[str, ...] = ()
    """Distinct faults, each one line, most frequent first."""
    cost: Cost = Cost()
    best_path: str | None = None
    """Artifact path of the script that was submitted, or else of the best."""
    known: KnownScript | None = None
    submission_seconds: float = 0.0
    """How long the script of the submission took on all of train."""
    error: str | None = None

    @property
    def known_score(self) -> float | None:
        """The best score of any script of the run."""
        return self.score if self.known is None else self.known.score


class History(Record):
    """Runs of one task in order of their start."""

    runs: tuple[RunSummary, ...] = ()

    def best(self) -> RunSummary | None:
        """The finished run with the best score, of equals the one whose submission took longest; None without scores.

        Runs that carry the same script have the same score; the one that trained it longest knows most.
        """
        if not self.runs:
            return None
        finished = [run for run in self.runs if run.status == "finished"]
        longest_first = sorted(finished or self.runs, key=lambda run: -run.submission_seconds)
        return self.runs[-1].metric.best(longest_first)

    def best_known(self) -> RunSummary | None:
        """The run with the best script, submitted or not, the first of equals; None when none has a score."""
        winner: RunSummary | None = None
        for run in self.runs:
            if run.metric.better(run.known_score, None if winner is None else winner.known_score):
                winner = run
        return winner
