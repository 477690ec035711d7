"""Questions of the second phase: what matters in a script, and better blocks (paper, section 3.2)."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code, Idea, Target, Text, Variations
from mlestar.questions.blocks import block_fault, replacement_fault, statements_fault
from mlestar.records.base import Record
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


class StudiedComponent(Record):
    """A component that an ablation changed, and by how much the score moved."""

    component: str
    change: str
    gain: float | None
    """Improvement in units of the metric; negative means the component matters; None when the variant failed."""


class PlanOutcome(Record):
    """An earlier plan and what it brought."""

    focus: str
    plan: str
    score: float | None
    gain: float | None
    seconds: float
    fault: str | None = None


class ProposeVariations(Question[Variations]):
    """Name components of the script and how to change or disable each, one at a time."""

    assignment: Assignment
    script: str
    studied: tuple[StudiedComponent, ...] = ()
    """Already studied: do not repeat."""
    count: int = 3

    def misfit(self, answer: Variations) -> str | None:
        """The first variation whose block is not in the script exactly once, or that breaks the script."""
        for variation in answer.variations:
            fault = block_fault(self.script, variation.block) or replacement_fault(
                self.script, variation.block, variation.replacement
            )
            if fault is not None:
                return f"variation '{variation.component}': {fault}"
        return None


class SummarizeAblation(Question[Text]):
    """Say what the ablation study showed: which component contributes most to the score."""

    assignment: Assignment
    script: str
    baseline_score: float
    components: tuple[StudiedComponent, ...]


class ChooseTarget(Question[Target]):
    """Choose the block whose improvement promises most, and plan the improvement."""

    assignment: Assignment
    script: str
    score: float
    ablation_summary: str
    components: tuple[StudiedComponent, ...]
    goals: tuple[Goal, ...] = ()
    earlier: tuple[PlanOutcome, ...] = ()
    """Plans of earlier cycles on this solution; do not repeat what failed."""

    def misfit(self, answer: Target) -> str | None:
        """The block has to be whole statements that stand in the script exactly once."""
        return statements_fault(self.script, answer.block)


class PlanBlock(Question[Idea]):
    """Plan another improvement of the same block, knowing what the earlier plans gave."""

    assignment: Assignment
    script: str
    block: str
    score: float
    goals: tuple[Goal, ...] = ()
    earlier: tuple[PlanOutcome, ...] = ()
    """The best earlier plans for this block (`num_top_plans`), best first."""
    tried: tuple[str, ...] = ()
    """All plans already tried on this block, `focus: plan`; do not repeat one."""


class WriteBlock(Question[Code]):
    """Rewrite the block so that it carries out the plan; everything else of the script stays."""

    assignment: Assignment
    script: str
    block: str
    focus: str
    plan: str

    def misfit(self, answer: Code) -> str | None:
        """The script has to compile with the new block in place."""
        return replacement_fault(self.script, self.block, answer.source)
