"""What the playbook knows when it advises a run, and what it has decided so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mlestar.records.digest import HistoryDigest, PhaseLine, RunLine
from mlestar.records.strategy import Phase

SUBMISSION_SHARE = 0.15
"""Share of a run's budget that its submission needs."""


@dataclass
class Case:
    """What is known, and the decisions so far."""

    digest: HistoryDigest
    now: dict[str, int | float | str]
    """Adjustable settings and their values."""
    runs_left: int
    overrides: dict[str, int | float | str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why each of them was changed."""
    concluding: bool = False
    """Whether the next run makes the most of what is known in place of searching on."""

    def number(self, name: str, otherwise: float) -> float:
        """A setting as decided so far; also one that may not be changed, from the digest's settings."""
        known = {line.name: line.value for line in self.digest.settings}
        value = self.overrides.get(name, self.now.get(name, known.get(name, otherwise)))
        return float(value) if isinstance(value, int | float) else otherwise

    def set(self, name: str, value: int | float, reason: str) -> bool:
        """Decide a setting; False when it may not be changed or stays the same."""
        if name not in self.now or value == self.number(name, -1):
            return False
        self.overrides[name] = value
        self.reasons[name] = f"{name} {self.now[name]} -> {value}: {reason}"
        return True

    def withdraw(self, name: str) -> None:
        """Take back the decision about this setting."""
        self.overrides.pop(name)
        self.reasons.pop(name)

    @property
    def budget_seconds(self) -> float:
        """What the next run may take: the last one had less than the setting when the study's time ran out."""
        had = next((line.value for line in self.digest.settings if line.name == "computational_budget"), math.inf)
        return min(self.number("computational_budget", 3600), float(had))

    @property
    def needed_seconds(self) -> float:
        """What the last run needed; the script of a submission is told to use up whatever is left."""
        last = self.last
        if last is None:
            return 0.0
        submitting = sum(line.seconds for line in last.phases if line.phase == "submission")
        return last.seconds - max(0.0, submitting - SUBMISSION_SHARE * self.budget_seconds)

    def phase(self, phase: Phase) -> PhaseLine:
        """What a phase brought over all runs."""
        lines = (line for line in self.digest.phases if line.phase == phase)
        return next(lines, PhaseLine(phase=phase))

    @property
    def last(self) -> RunLine | None:
        return self.digest.runs[0] if self.digest.runs else None
