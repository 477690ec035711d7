"""The types of answers, and what makes one malformed."""

from __future__ import annotations

from pydantic import Field, JsonValue, field_validator

from mlestar.questions.blocks import syntax_fault
from mlestar.records.base import Record
from mlestar.records.solution import ModelIdea


class Text(Record):
    """Plain words."""

    text: str = Field(min_length=1)


class Code(Record):
    """Python source that compiles; what stood around the fenced block is not part of it."""

    source: str

    @field_validator("source")
    @classmethod
    def _is_python(cls, source: str) -> str:
        if not source.strip():
            raise ValueError("the code block is empty")
        fault = syntax_fault(source)
        if fault is not None:
            raise ValueError(fault)
        return source


class Models(Record):
    """Models worth trying, most promising first."""

    models: tuple[ModelIdea, ...] = Field(min_length=1)


class Variation(Record):
    """One component of a script changed or disabled by replacing one block."""

    component: str
    change: str
    block: str
    """Stands in the script exactly once, to the letter."""
    replacement: str


class Variations(Record):
    """The variants of an ablation study; empty when nothing is left to study."""

    variations: tuple[Variation, ...]


class Target(Record):
    """The block to improve and how."""

    block: str
    """Stands in the script exactly once, to the letter."""
    focus: str
    plan: str


class Idea(Record):
    """A plan and which kind of change it is."""

    focus: str
    plan: str


class Leakage(Record):
    """Whether the preparation of data lets held-out or test rows influence training."""

    leaks: bool
    block: str = ""
    """The block that leaks, to the letter; empty when none does."""
    reason: str = ""


class DataUse(Record):
    """Whether the script leaves given information unused."""

    complete: bool
    unused: str = ""
    """What is not used and should be."""


class StrategyProposal(Record):
    """The Enhancer's answer before validation: anything may be wrong inside."""

    strategic_summary: str = ""
    config_overrides: dict[str, JsonValue] = Field(default_factory=dict)
    strategic_goals: tuple[JsonValue, ...] = ()
