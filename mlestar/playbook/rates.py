"""What the settings that spend time brought, and how long the next run would take by them."""

from __future__ import annotations

import math

from mlestar.playbook.case import SUBMISSION_SHARE, Case
from mlestar.playbook.families import FAMILIES, family_like
from mlestar.playbook.family import Family
from mlestar.records.digest import HistoryDigest, PhaseLine
from mlestar.records.strategy import Phase

ROUNDS: dict[str, Phase] = {
    "outer_loop_round": "refinement",
    "inner_loop_round": "refinement",
    "ensemble_loop_round": "ensemble",
    "num_model_candidates": "initialization",
}
"""The settings that spend time, and the phase they spend it in."""


def by_rate(case: Case, *, reverse: bool = False) -> list[str]:
    """The settings of `ROUNDS`, the phase with the highest gain per second first."""
    known = [line.gain_per_second for line in case.digest.phases if line.gain_per_second is not None]
    hope = max(known, default=0.0) / 2
    rates = {name: _rate(case.phase(phase), hope) for name, phase in ROUNDS.items()}
    return sorted(ROUNDS, key=lambda name: rates[name] if reverse else -rates[name])


def _rate(line: PhaseLine, hope: float) -> float:
    """Gain per second of a phase; what is hoped for when it had hardly any time."""
    unknown = line.gain_per_second is None or line.seconds < 1
    return hope if unknown else line.gain_per_second or 0.0


def why_more(case: Case, name: str) -> str:
    """What the phase of a setting brought, as a reason for more of it."""
    line = case.phase(ROUNDS[name])
    if line.gain is None:
        return f"what {line.phase} brings is not known yet"
    return f"{line.phase} brought {line.gain:.4g} in {line.seconds:.0f} s"


def never_paid(case: Case, phase: Phase) -> bool:
    """Whether a phase brought nothing in two runs or more, although it had time."""
    line = case.phase(phase)
    return case.digest.runs_done > 1 and line.seconds >= 1 and line.gain is not None and line.gain <= 0


def models_are_known(digest: HistoryDigest) -> bool:
    """Whether every family was tried and the best script is carried."""
    return digest.carries_best and not untried_families(digest)


def untried_families(digest: HistoryDigest) -> list[Family]:
    """Model families that no run has tried; one that was asked for in vain does not suit the task."""
    asked = (goal.focus for line in digest.strategies for goal in line.goals if goal.phase == "initialization")
    tried = {
        family.name for words in (*(line.model for line in digest.models), *asked) if (family := family_like(words))
    }
    return [family for family in FAMILIES.values() if family.name not in tried]


def predicted_seconds(case: Case) -> float:
    """How long the next run takes: the last run's phases, scaled by the rounds decided so far.

    A submission takes whatever time is left, of which it needs a part only.
    """
    if case.last is None:
        return 0.0
    known = {line.name: line.value for line in case.digest.settings}

    def ratio(name: str, fixed: float) -> float:
        """Growth of a count of which `fixed` rounds' worth is spent anyway."""
        before = known.get(name, 1)
        return (case.number(name, 1) + fixed) / (max(float(before), 0) + fixed) if isinstance(before, int) else 1.0

    factors: dict[Phase, float] = {
        "initialization": ratio("num_solutions", 0.001) * ratio("num_model_candidates", 1),
        "refinement": ratio("num_solutions", 0.001) * ratio("outer_loop_round", 0.001) * ratio("inner_loop_round", 2),
        "ensemble": ratio("ensemble_loop_round", 0.001),
    }
    most = {"submission": SUBMISSION_SHARE * case.budget_seconds}
    return sum(
        min(line.seconds * factors.get(line.phase, 1.0), most.get(line.phase, math.inf)) for line in case.last.phases
    )
