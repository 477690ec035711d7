"""Advice: whatever the engineer answers, what is applied is valid and each repair is said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from omegaconf import OmegaConf
from pydantic import JsonValue

from mlestar.doors import A, Question
from mlestar.enhancer.advise import (
    EngineerEnhancer,
    EngineerEnhancerConfig,
    advice_of,
    enhancer_yaml,
    question_about,
)
from mlestar.enhancer.choice import build_enhancer
from mlestar.enhancer.off import OffEnhancer, OffEnhancerConfig
from mlestar.enhancer.situation import Situation
from mlestar.errors import BadAnswer, BudgetExhausted, EngineerUnavailable, MleStarError
from mlestar.questions.answers import StrategyProposal
from mlestar.records.run import History
from mlestar.records.settings import OVERRIDABLE, Settings
from mlestar.records.strategy import Advice, Strategy
from tests.enhancer.histories import RMSE, run


class Says:
    """An engineer that gives one answer, or fails in one way."""

    def __init__(self, answer: StrategyProposal | MleStarError) -> None:
        self._answer = answer

    async def ask(self, question: Question[A]) -> A:
        if isinstance(self._answer, MleStarError):
            raise self._answer
        return self._answer  # type: ignore[return-value]


def situation(*, settings: Settings | None = None, held: dict[str, Any] | None = None) -> Situation:
    """After run_0, which an earlier strategy advised when overrides are held."""
    strategy = None if held is None else Strategy(strategic_summary="before", config_overrides=held)
    history = History(runs=(run(0, 0.5, strategy=strategy),))
    return Situation(history=history, metric=RMSE, task="california", settings=settings or Settings(), run_number=1)


async def advised(
    overrides: dict[str, JsonValue] | None = None, goals: tuple[JsonValue, ...] = (), *, at: Situation | None = None
) -> Advice:
    proposal = StrategyProposal(strategic_summary="why", config_overrides=overrides or {}, strategic_goals=goals)
    return await EngineerEnhancer(EngineerEnhancerConfig(), Says(proposal)).advise(at or situation())


def goal(priority: JsonValue, focus: JsonValue = "encoding", phase: JsonValue = "refinement") -> JsonValue:
    return {"target_agent_phase": phase, "focus": focus, "priority": priority, "rationale": "because"}


class Broken:
    """An Enhancer with a fault of its own, or an engineer that must not be asked."""

    async def advise(self, situation: Situation) -> Advice:
        raise ValueError("no such line")

    async def ask(self, question: Question[A]) -> A:
        raise AssertionError("asked")


async def test_a_fault_of_an_enhancer_is_the_safe_default() -> None:
    advice = await advice_of(Broken(), situation(held={"num_solutions": 3}))
    assert advice.applied.config_overrides == {"num_solutions": 3}
    assert advice.repairs == ("safe default: the Enhancer failed (ValueError: no such line)",)


async def test_with_the_switch_off_the_engineer_is_not_asked() -> None:
    off = situation(settings=Settings(allow_config_override=False))
    advice = await EngineerEnhancer(EngineerEnhancerConfig(), Broken()).advise(off)
    assert advice.applied.strategic_goals == ()


async def test_what_is_cut_or_dropped_of_a_goal_is_said() -> None:
    item: JsonValue = {"target_agent_phase": "ensemble", "focus": "f" * 99, "priority": 1, "rationale": 7}
    advice = await advised(goals=(item,))
    assert advice.repairs == ("strategic_goals[1]: rationale is dropped: it is no text; focus is cut",)


async def test_a_valid_proposal_is_applied_without_repairs() -> None:
    advice = await advised({"inner_loop_round": 3}, (goal(1), goal(2, "weighted_averaging", "ensemble")))
    assert advice.repairs == ()
    assert advice.applied.config_overrides == {"inner_loop_round": 3}
    assert [g.focus for g in advice.applied.goals_for("ensemble")] == ["weighted_averaging"]


@pytest.mark.parametrize(
    ("name", "wanted", "applied"),
    [
        ("inner_loop_round", 99, 8),
        ("inner_loop_round", -5, None),  # clamped to 1, which it is already
        ("outer_loop_round", -5, 0),
        ("exec_timeout", 1e9, 86_400),
        ("computational_budget", 1, 10),
        ("computational_budget", 1e5, 1e5),
        ("num_solutions", 3.0, 3),
        ("num_solutions", "4", 4),
        ("use_data_usage_checker", "ON", "on"),
        ("use_data_usage_checker", True, "on"),
    ],
)
async def test_values_are_clamped_to_their_bounds(name: str, wanted: JsonValue, applied: JsonValue) -> None:
    advice = await advised({name: wanted})
    assert advice.applied.config_overrides.get(name) == applied
    assert Settings.model_validate(advice.applied.config_overrides)


async def test_clamping_is_said_with_the_range() -> None:
    assert (
        "inner_loop_round is clamped from 99 to 8 (allowed: 1-8)"
        in (await advised({"inner_loop_round": 99})).repairs[0]
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("inner_loop_round", 2.5),
        ("inner_loop_round", "many"),
        ("inner_loop_round", None),
        ("inner_loop_round", True),
        ("inner_loop_round", [3]),
        ("inner_loop_round", {"value": 3}),
        ("exec_timeout", float("nan")),
        ("exec_timeout", float("inf")),
        ("use_data_usage_checker", "maybe"),
    ],
)
async def test_a_value_of_the_wrong_type_is_dropped_and_the_others_stay(name: str, wanted: JsonValue) -> None:
    advice = await advised({name: wanted, "num_solutions": 3})
    assert advice.applied.config_overrides == {"num_solutions": 3}
    assert len(advice.repairs) == 1
    assert name in advice.repairs[0]


@pytest.mark.parametrize("name", [*sorted(set(Settings.model_fields) - set(OVERRIDABLE)), "data_dir", "model", ""])
async def test_other_keys_are_dropped(name: str) -> None:
    advice = await advised({name: 3})
    assert advice.applied.config_overrides == {}
    assert len(advice.repairs) == 1


async def test_a_locked_setting_is_not_touched_nor_offered() -> None:
    at = situation(settings=Settings(locked=("inner_loop_round",)), held={"inner_loop_round": 5})
    advice = await advised({"inner_loop_round": 3}, at=at)
    assert advice.applied.config_overrides == {}
    assert advice.repairs == ("config_overrides.inner_loop_round is dropped: the user locked it",)
    assert "inner_loop_round" not in {one.name for one in question_about(at).adjustable}


async def test_with_the_switch_off_neither_overrides_nor_goals_are_applied() -> None:
    at = situation(settings=Settings(allow_config_override=False), held={"num_solutions": 3})
    advice = await advised({"inner_loop_round": 3}, (goal(1),), at=at)
    assert advice.applied.config_overrides == {}
    assert advice.applied.strategic_goals == ()
    assert "allow_config_override is off" in advice.repairs[0]
    assert question_about(at).adjustable == ()


async def test_overrides_are_cumulative_over_the_users_configuration() -> None:
    user = Settings(outer_loop_round=2, num_solutions=4)
    at = situation(settings=user, held={"inner_loop_round": 3, "outer_loop_round": 1})
    advice = await advised({"outer_loop_round": 3}, at=at)
    assert advice.applied.config_overrides == {"inner_loop_round": 3, "outer_loop_round": 3}
    current = {one.name: one.current for one in question_about(at).adjustable}
    assert (current["inner_loop_round"], current["outer_loop_round"], current["num_solutions"]) == (3, 1, 4)


async def test_overrides_outlast_a_run_that_had_no_strategy() -> None:
    strategy = Strategy(strategic_summary="before", config_overrides={"inner_loop_round": 3})
    history = History(runs=(run(0, 0.5), run(1, 0.4, strategy=strategy), run(2, None, status="failed")))
    at = Situation(history=history, metric=RMSE, settings=Settings(), run_number=3)
    assert (await advised({}, at=at)).applied.config_overrides == {"inner_loop_round": 3}


@pytest.mark.parametrize(
    ("given", "order"),
    [((1, 2, 3), "abc"), ((3, 1, 2), "bca"), ((1, 1, 2), "abc"), ((10, 5, 7), "bca"), ((None, 2, 1), "cba")],
)
async def test_priorities_become_unique_by_rank(given: tuple[JsonValue, ...], order: str) -> None:
    advice = await advised({}, tuple(goal(p, focus) for p, focus in zip(given, "abc", strict=True)))
    assert [(g.focus, g.priority) for g in advice.applied.strategic_goals] == list(zip(order, (1, 2, 3), strict=True))
    assert bool(advice.repairs) == (sorted(p for p in given if isinstance(p, int)) != [1, 2, 3])


@pytest.mark.parametrize(
    "wrong", ["do better", 3, None, goal(1, phase="deployment"), goal(1, phase=7), goal(1, focus=""), goal(1, focus=3)]
)
async def test_a_goal_that_is_wrong_is_dropped_and_the_others_stay(wrong: JsonValue) -> None:
    advice = await advised({}, (wrong, goal(2, "bagging")))
    assert [g.focus for g in advice.applied.strategic_goals] == ["bagging"]
    assert advice.repairs[0].startswith("strategic_goals[1] is dropped")


async def test_a_focus_of_the_vocabulary_is_spelled_as_there_and_another_is_kept() -> None:
    advice = await advised({}, (goal(1, "Hyperparameter Tuning"), goal(2, "Fourier features")))
    assert [g.focus for g in advice.applied.strategic_goals] == ["hyperparameter_tuning", "Fourier features"]


@pytest.mark.parametrize("fault", [BadAnswer("no JSON"), EngineerUnavailable("503"), BudgetExhausted("usd")])
async def test_an_engineer_that_fails_means_the_safe_default(fault: MleStarError) -> None:
    advice = await EngineerEnhancer(EngineerEnhancerConfig(), Says(fault)).advise(situation())
    assert advice.applied.config_overrides == {}
    assert advice.applied.strategic_goals == ()
    assert str(fault) in advice.applied.strategic_summary
    assert advice.repairs


async def test_the_safe_default_keeps_the_overrides_in_effect() -> None:
    advice = await EngineerEnhancer(EngineerEnhancerConfig(), Says(BadAnswer("no JSON"))).advise(
        situation(held={"num_solutions": 3})
    )
    assert advice.applied.config_overrides == {"num_solutions": 3}


async def test_what_was_asked_stands_beside_what_is_applied() -> None:
    advice = await advised({"inner_loop_round": 99})
    assert '"inner_loop_round":99' in advice.asked.replace(" ", "")
    assert advice.applied.config_overrides == {"inner_loop_round": 8}


async def test_off_advises_nothing_and_never_asks() -> None:
    enhancer = build_enhancer(OffEnhancerConfig(), Says(BadAnswer("must not be asked")))
    assert isinstance(enhancer, OffEnhancer)
    advice = await enhancer.advise(situation(held={"num_solutions": 3}))
    assert advice.applied.config_overrides == {}
    assert advice.applied.strategic_goals == ()


async def test_an_engineer_that_hangs_does_not_hold_the_study_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs:
        async def ask(self, question: Question[A]) -> A:
            await asyncio.sleep(3600)
            raise AssertionError

    monkeypatch.setattr("mlestar.enhancer.advise.ADVICE_SECONDS", 0.05)
    advice = await EngineerEnhancer(EngineerEnhancerConfig(), Hangs()).advise(situation())
    assert advice.applied.config_overrides == {}
    assert "within 0.05 s" in advice.applied.strategic_summary


def test_the_engineer_kind_builds_the_enhancer_that_asks() -> None:
    assert isinstance(build_enhancer(EngineerEnhancerConfig(), Says(BadAnswer(""))), EngineerEnhancer)


async def test_the_generated_layer_holds_settings_only_and_composes_to_the_same_values() -> None:
    wanted: dict[str, JsonValue] = {"inner_loop_round": 3, "exec_timeout": 120.5, "use_data_usage_checker": "on"}
    text = enhancer_yaml(await advised(wanted, (goal(1),)))
    assert OmegaConf.to_container(OmegaConf.create(text)) == {"settings": wanted}


def test_no_overrides_are_an_empty_layer() -> None:
    advice = Advice(asked="", applied=Strategy(strategic_summary="none"))
    assert OmegaConf.to_container(OmegaConf.create(enhancer_yaml(advice))) == {"settings": {}}


def test_equal_situations_give_equal_questions() -> None:
    assert question_about(situation()).key == question_about(situation()).key
