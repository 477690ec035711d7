"""What the Enhancer decides: goals by phase and overrides of settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mlestar.records.base import Record

Phase = Literal["initialization", "refinement", "ensemble", "submission"]

PHASES: tuple[Phase, ...] = ("initialization", "refinement", "ensemble", "submission")

REFINEMENT_FOCUSES: tuple[str, ...] = (
    "feature_engineering",
    "encoding",
    "target_transform",
    "hyperparameter_tuning",
    "regularization",
    "bagging",
    "model_change",
    "feature_selection",
    "post_processing",
)
ENSEMBLE_FOCUSES: tuple[str, ...] = ("simple_averaging", "weighted_averaging", "stacking")


class Goal(Record):
    """One thing the next run shall do differently."""

    target_agent_phase: Phase
    focus: str
    priority: int = Field(ge=1)
    """1 is the most important; unique within a strategy."""
    rationale: str = ""


class Strategy(Record):
    """The Enhancer's decision for the next run, after validation."""

    strategic_summary: str
    config_overrides: dict[str, int | float | str] = Field(default_factory=dict)
    strategic_goals: tuple[Goal, ...] = ()

    @model_validator(mode="after")
    def _priorities_are_unique(self) -> Strategy:
        priorities = [goal.priority for goal in self.strategic_goals]
        if len(set(priorities)) != len(priorities):
            raise ValueError("the priorities of strategic_goals are not unique")
        return self

    def goals_for(self, phase: Phase) -> tuple[Goal, ...]:
        """The goals of one phase, most important first."""
        mine = (goal for goal in self.strategic_goals if goal.target_agent_phase == phase)
        return tuple(sorted(mine, key=lambda goal: goal.priority))


class Advice(Record):
    """A strategy beside what the Enhancer asked for and each repair that was needed."""

    asked: str
    """The answer as given, JSON text."""
    applied: Strategy
    repairs: tuple[str, ...] = ()
