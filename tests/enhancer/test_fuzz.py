"""Whatever JSON an engineer answers, validation gives a strategy that composes to valid settings."""

from __future__ import annotations

import random

import pytest
from pydantic import JsonValue

from mlestar.enhancer.situation import Situation
from mlestar.enhancer.validate import validated
from mlestar.questions.answers import StrategyProposal
from mlestar.records.run import History
from mlestar.records.settings import OVERRIDABLE, Settings
from mlestar.records.strategy import PHASES
from tests.enhancer.histories import RMSE, run

KEYS = (*OVERRIDABLE, "seed", "locked", "nonsense", "target_agent_phase", "focus", "priority", "rationale")
ATOMS: tuple[JsonValue, ...] = (
    *(None, True, False, 0, -1, 3, 10**400, -(10**400), 2.5, 1e308, float("nan"), float("-inf")),
    *("", "on", "3", "1e5", "Infinity", "x" * 9_000, "\x00", "🦉", *PHASES, "encoding"),
)


def anything(source: random.Random, depth: int = 0) -> JsonValue:
    """A JSON value, nested at most twice."""
    kind = source.random()
    if depth < 2 and kind < 0.2:
        return [anything(source, depth + 1) for _ in range(source.randrange(3))]
    if depth < 2 and kind < 0.5:
        return {source.choice(KEYS): anything(source, depth + 1) for _ in range(source.randrange(5))}
    return source.choice(ATOMS)


@pytest.mark.parametrize("seed", range(10))
def test_every_answer_becomes_a_valid_strategy(seed: int) -> None:
    source = random.Random(seed)
    settings = Settings(locked=("num_solutions",))
    at = Situation(history=History(runs=(run(0, 0.5),)), metric=RMSE, settings=settings, run_number=1)
    for _ in range(60):
        proposal = StrategyProposal(
            strategic_summary=str(source.choice(ATOMS)),
            config_overrides={source.choice(KEYS): anything(source) for _ in range(source.randrange(6))},
            strategic_goals=tuple(anything(source) for _ in range(source.randrange(20))),
        )
        applied = validated(proposal, at).applied
        Settings.model_validate({**settings.model_dump(), **applied.config_overrides})
        assert "num_solutions" not in applied.config_overrides
        assert [goal.priority for goal in applied.strategic_goals] == list(range(1, len(applied.strategic_goals) + 1))
