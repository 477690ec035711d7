"""The settings of a run, their bounds, and which of them the Enhancer may override."""

from __future__ import annotations

import typing
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlestar.records.base import Record

Switch = Literal["auto", "on", "off"]

OVERRIDABLE: tuple[str, ...] = (
    "num_solutions",
    "num_model_candidates",
    "outer_loop_round",
    "inner_loop_round",
    "ensemble_loop_round",
    "num_top_plans",
    "max_retry",
    "max_debug_round",
    "max_rollback_round",
    "exec_timeout",
    "computational_budget",
    "use_data_leakage_checker",
    "use_data_usage_checker",
)
"""Settings an Enhancer may change; the others are the user's alone."""


class Settings(Record):
    """Everything a run can be told; names and defaults follow the paper's reduced configuration."""

    num_solutions: Annotated[int, Field(ge=1, le=8)] = 2
    num_model_candidates: Annotated[int, Field(ge=1, le=8)] = 2
    outer_loop_round: Annotated[int, Field(ge=0, le=8)] = 1
    inner_loop_round: Annotated[int, Field(ge=1, le=8)] = 1
    ensemble_loop_round: Annotated[int, Field(ge=0, le=8)] = 1
    num_top_plans: Annotated[int, Field(ge=1, le=8)] = 2
    max_retry: Annotated[int, Field(ge=1, le=10)] = 3
    max_debug_round: Annotated[int, Field(ge=0, le=10)] = 3
    max_rollback_round: Annotated[int, Field(ge=1, le=5)] = 2
    exec_timeout: Annotated[float, Field(ge=1, le=86_400)] = 600
    """Seconds of one script execution."""
    computational_budget: Annotated[float, Field(ge=10)] = 3600
    """Seconds of wall clock of one run."""
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """Seconds of wall clock of a study."""
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_usd: Annotated[float, Field(gt=0)] | None = None
    use_data_leakage_checker: Switch = "auto"
    use_data_usage_checker: Switch = "off"
    allow_config_override: bool = True
    locked: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42

    @field_validator("use_data_leakage_checker", "use_data_usage_checker", mode="before")
    @classmethod
    def _switch_from_yaml(cls, value: object) -> object:
        """YAML reads a bare `on` or `off` as a boolean."""
        return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value

    @field_validator("locked")
    @classmethod
    def _locks_name_settings(cls, locked: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(locked) - set(cls.model_fields))
        if unknown:
            raise ValueError(f"locked names no setting: {', '.join(unknown)}; lockable are {', '.join(OVERRIDABLE)}")
        return locked


class Bounds(Record):
    """What values one setting may take."""

    whole: bool = False
    """Only whole numbers."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    """The allowed words; empty for numbers."""

    def in_words(self) -> str:
        """`1-8`, `at least 10` or `auto, on, off`."""
        if self.choices:
            return ", ".join(self.choices)
        if self.high is None:
            return f"at least {self.low:g}" if self.low is not None else "any number"
        return f"{self.low or 0:g}-{self.high:g}"


def bounds_of(name: str) -> Bounds:
    """The bounds of one overridable setting, read off `Settings`; KeyError for other names."""
    if name not in OVERRIDABLE:
        raise KeyError(name)
    field = Settings.model_fields[name]
    if typing.get_origin(field.annotation) is Literal:
        return Bounds(choices=typing.get_args(field.annotation))
    low = next((getattr(mark, "ge") for mark in field.metadata if hasattr(mark, "ge")), None)  # noqa: B009
    high = next((getattr(mark, "le") for mark in field.metadata if hasattr(mark, "le")), None)  # noqa: B009
    return Bounds(whole=field.annotation is int, low=low, high=high)
