"""Tokens and usd are told by phase and by model."""

from __future__ import annotations

from mlestar.events import Answered, Scope, Usage
from mlestar.records.strategy import Phase
from mlestar.tracking.spending import Spending


def answered(phase: Phase | None, model: str, tokens: int, usd: float | None) -> Answered:
    usage = Usage(model=model, tokens_in=tokens, tokens_out=2 * tokens, usd=usd)
    return Answered(question="Ask", scope=Scope(phase=phase), usage=usage, started_at=0.0, seconds=1.0)


def test_answers_add_up_by_phase_and_model() -> None:
    spending = Spending()
    for event in (
        answered("refinement", "flash", 10, 0.5),
        answered("refinement", "flash", 5, 0.25),
        answered("refinement", "pro", 1, None),
        answered(None, "pro", 7, 2.0),
        answered("ensemble", "playbook", 0, 0.0),
    ):
        spending.note(event)
    assert spending.models() == "flash, pro"
    assert spending.metrics() == {
        "llm/refinement/flash/tokens_in": 15,
        "llm/refinement/flash/tokens_out": 30,
        "llm/refinement/flash/calls": 2,
        "llm/refinement/flash/usd": 0.75,
        "llm/refinement/pro/tokens_in": 1,
        "llm/refinement/pro/tokens_out": 2,
        "llm/refinement/pro/calls": 1,
        "llm/advice/pro/tokens_in": 7,
        "llm/advice/pro/tokens_out": 14,
        "llm/advice/pro/calls": 1,
        "llm/advice/pro/usd": 2.0,
    }


def test_the_name_of_a_model_is_made_fit_for_a_metric() -> None:
    spending = Spending()
    spending.note(answered("ensemble", "org/big+fast@001:free", 1, None))
    assert "llm/ensemble/org/big_fast_001:free/calls" in spending.metrics()
