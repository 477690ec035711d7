"""Bayes: the runs kept in MLflow are the trials; equal histories give equal proposals."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlestar.enhancer.bayes import BayesEnhancer, BayesEnhancerConfig, comparable_runs
from mlestar.enhancer.situation import Situation
from mlestar.records.run import History, RunStatus, RunSummary
from mlestar.records.settings import Settings
from tests.enhancer.histories import AUC, RMSE, run


def situation(*runs: RunSummary, earlier: tuple[RunSummary, ...] = (), settings: Settings | None = None) -> Situation:
    return Situation(
        history=History(runs=runs),
        earlier=History(runs=earlier),
        metric=RMSE,
        task="california",
        settings=settings or Settings(),
        run_number=len(runs),
    )


def tried(number: int, inner: int, score: float | None, study: str = "now") -> RunSummary:
    status: RunStatus = "finished" if score is not None else "failed"
    return run(number, score, study=study, status=status, settings=Settings(inner_loop_round=inner))


async def test_it_proposes_valid_settings_and_no_goals() -> None:
    advice = await BayesEnhancer(BayesEnhancerConfig()).advise(situation(run(0, 0.5)))
    assert advice.repairs == ()
    assert advice.applied.config_overrides
    assert Settings.model_validate(advice.applied.config_overrides)
    assert advice.applied.strategic_goals == ()


async def test_equal_situations_give_equal_advice_and_another_seed_another() -> None:
    enhancer = BayesEnhancer(BayesEnhancerConfig())
    first = await enhancer.advise(situation(run(0, 0.5)))
    assert await enhancer.advise(situation(run(0, 0.5))) == first
    assert await enhancer.advise(situation(run(0, 0.5), settings=Settings(seed=7))) != first


async def test_the_next_run_is_not_the_same_draw_again() -> None:
    enhancer = BayesEnhancer(BayesEnhancerConfig())
    first = await enhancer.advise(situation(run(0, 0.5)))
    assert await enhancer.advise(situation(run(0, 0.5), run(1, 0.5))) != first


async def test_it_learns_which_settings_score_well() -> None:
    """Eight rounds scored best in an earlier study, one round worst; a failed run counts as worst."""
    config = BayesEnhancerConfig(settings=("inner_loop_round",), startup_runs=3)
    earlier = tuple(tried(k, 1 + k % 8, None if k % 8 == 0 else 1.0 - 0.1 * (k % 8), "a") for k in range(24))
    proposed = []
    for seed in range(8):
        advice = await BayesEnhancer(config).advise(situation(earlier=earlier, settings=Settings(seed=seed)))
        proposed.append(advice.applied.config_overrides.get("inner_loop_round", 1))
    assert sum(int(value) >= 6 for value in proposed) >= 6


async def test_a_locked_setting_is_not_searched() -> None:
    at = situation(run(0, 0.5), settings=Settings(locked=("inner_loop_round",)))
    for seed in range(5):
        at = at.model_copy(update={"settings": Settings(locked=("inner_loop_round",), seed=seed)})
        advice = await BayesEnhancer(BayesEnhancerConfig()).advise(at)
        assert "inner_loop_round" not in advice.applied.config_overrides


async def test_with_the_switch_off_it_proposes_nothing() -> None:
    at = situation(run(0, 0.5), settings=Settings(allow_config_override=False))
    advice = await BayesEnhancer(BayesEnhancerConfig()).advise(at)
    assert advice.applied.config_overrides == {}


async def test_without_a_run_it_proposes_nothing() -> None:
    assert (await BayesEnhancer(BayesEnhancerConfig()).advise(situation())).applied.config_overrides == {}


async def test_a_timeout_is_never_proposed_beyond_the_users_budget() -> None:
    config = BayesEnhancerConfig(settings=("exec_timeout", "computational_budget"))
    for seed in range(10):
        settings = Settings(seed=seed, computational_budget=120, exec_timeout=60)
        ran = run(0, 0.5, settings=settings)
        applied = (await BayesEnhancer(config).advise(situation(ran, settings=settings))).applied.config_overrides
        assert all(float(value) <= 120 for value in applied.values())


async def test_a_timeout_above_the_budget_counts_as_the_budget() -> None:
    settings = Settings(computational_budget=100, exec_timeout=600)
    at = situation(run(0, 0.5, settings=settings), settings=settings)
    advice = await BayesEnhancer(BayesEnhancerConfig(settings=("exec_timeout",))).advise(at)
    assert "after 1 runs" in advice.applied.strategic_summary


def test_runs_of_other_tasks_and_metrics_are_no_trials() -> None:
    others = (run(0, 0.1, task="wine", study="w"), run(0, 0.9, metric=AUC, study="a"), run(1, None, status="running"))
    assert [found.run_id for found in comparable_runs(situation(run(0, 0.5), earlier=others))] == ["run_0"]


def test_a_setting_that_is_no_number_cannot_be_searched() -> None:
    with pytest.raises(ValidationError, match="use_data_usage_checker: not a numeric setting"):
        BayesEnhancerConfig(settings=("use_data_usage_checker",))
