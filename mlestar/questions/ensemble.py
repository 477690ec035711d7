"""Questions of the third phase: one script out of several (paper, section 3.3)."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code, Idea
from mlestar.questions.refinement import PlanOutcome
from mlestar.records.base import Record
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


class ScoredScript(Record):
    """A solution's script, its score and how long it takes."""

    source: str
    score: float
    seconds: float


class PlanEnsemble(Question[Idea]):
    """Plan how to combine the solutions."""

    assignment: Assignment
    scripts: tuple[ScoredScript, ...]
    goal: Goal | None = None
    earlier: tuple[PlanOutcome, ...] = ()


class WriteEnsemble(Question[Code]):
    """Write one self-contained script that combines the solutions as planned."""

    assignment: Assignment
    scripts: tuple[ScoredScript, ...]
    focus: str
    plan: str
