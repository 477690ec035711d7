"""The playbook as research lead: each rule shows in what it proposes."""

from __future__ import annotations

from typing import Any

from mlestar.playbook.enhancement import advise_next_run
from mlestar.playbook.families import FAMILIES, family_like
from mlestar.playbook.moves import MOVES
from mlestar.questions.answers import StrategyProposal
from mlestar.questions.enhancement import Adjustable, AdviseNextRun
from mlestar.records.digest import (
    BestLine,
    FaultLine,
    FocusLine,
    GoalOutcome,
    HistoryDigest,
    LessonLine,
    ModelLine,
    PhaseLine,
    RunLine,
    SettingLine,
    StrategyLine,
    StudyLine,
)
from mlestar.records.settings import OVERRIDABLE, Settings, bounds_of
from mlestar.records.strategy import Phase, Strategy
from mlestar.records.task import Metric

RMSE = Metric(name="rmse", direction="minimize", needs="values")


def phase(name: Phase, gain: float | None, seconds: float) -> PhaseLine:
    rate = None if gain is None else max(gain, 0.0) / seconds
    return PhaseLine(phase=name, gain=gain, seconds=seconds, executions=4, gain_per_second=rate)


USUAL = (
    phase("initialization", None, 30),
    phase("refinement", 0.05, 50),
    phase("ensemble", 0.001, 20),
    phase("submission", None, 5),
)


def told(**more: Any) -> HistoryDigest:
    """After one run of 105 s, unless told otherwise."""
    phases = more.get("phases", USUAL)
    last = RunLine(run="run_0", status="finished", score=0.5, seconds=105, executions=14, phases=phases)
    usual: dict[str, Any] = {
        "metric": "rmse",
        "runs_done": 1,
        "best": BestLine(run="run_0", score=0.5),
        "phases": phases,
        "runs": (last,),
        "settings": tuple(SettingLine(name=n, value=getattr(Settings(), n)) for n in OVERRIDABLE),
    }
    return HistoryDigest(**{**usual, **more})


def advised(digest: HistoryDigest, *, settings: Settings | None = None, runs_left: int = 2) -> StrategyProposal:
    current = settings or Settings()
    adjustable = tuple(
        Adjustable(name=name, current=getattr(current, name), allowed=bounds_of(name).in_words())
        for name in OVERRIDABLE
        if name not in current.locked
    )
    return advise_next_run(
        AdviseNextRun(
            digest=digest.text, metric=RMSE, adjustable=adjustable, run_number=digest.runs_done, runs_left=runs_left
        )
    )


def goals_of(proposal: StrategyProposal, wanted: Phase) -> list[str]:
    """The foci of one phase's goals; the proposal must read as a valid strategy."""
    strategy = Strategy.model_validate(proposal.model_dump())
    return [goal.focus for goal in strategy.goals_for(wanted)]


def focus(name: str, tried: int, paid: int, gain: float, where: Phase = "refinement") -> FocusLine:
    return FocusLine(
        phase=where, focus=name, tried=tried, paid=paid, best_gain=gain, mean_gain=gain, seconds=10 * tried
    )


def test_rounds_go_where_the_gain_per_second_was_highest() -> None:
    refinement = advised(told()).config_overrides
    assert "outer_loop_round" in refinement or "inner_loop_round" in refinement
    phases = (phase("initialization", None, 30), phase("refinement", 0.0, 50), phase("ensemble", 0.05, 10))
    assert advised(told(phases=phases)).config_overrides["ensemble_loop_round"] == 2


def test_a_phase_that_brought_nothing_twice_gets_no_more_rounds() -> None:
    phases = (phase("initialization", 0.1, 30), phase("refinement", 0.0, 50), phase("ensemble", 0.01, 20))
    overrides = advised(told(phases=phases, runs_done=2)).config_overrides
    assert "outer_loop_round" not in overrides
    assert overrides["num_model_candidates"] == 3


def test_the_next_run_is_planned_to_fit_its_budget() -> None:
    tight = Settings(computational_budget=110, outer_loop_round=3)
    settings = tuple(SettingLine(name=n, value=getattr(tight, n)) for n in OVERRIDABLE)
    assert advised(told(settings=settings), settings=tight).config_overrides.get("outer_loop_round", 3) in (2, 3)
    small = Settings(computational_budget=60, outer_loop_round=3)
    settings = tuple(SettingLine(name=n, value=getattr(small, n)) for n in OVERRIDABLE)
    overrides = advised(told(settings=settings), settings=small).config_overrides
    assert any(overrides.get(name, 9) < getattr(small, name) for name in ("outer_loop_round", "num_model_candidates"))


def test_the_budget_itself_is_never_raised() -> None:
    assert "computational_budget" not in advised(told()).config_overrides


def test_when_time_ran_out_less_is_asked_for_where_it_brought_least() -> None:
    refinement = phase("refinement", 0.05, 10).model_copy(update={"rounds_asked": 2, "rounds_done": 0})
    phases = (phase("initialization", 0.0, 40), refinement)
    last = RunLine(run="run_0", status="finished", score=0.5, seconds=50, executions=14, phases=phases)
    short = Settings(computational_budget=80)
    settings = tuple(SettingLine(name=n, value=getattr(short, n)) for n in OVERRIDABLE)
    proposal = advised(told(runs=(last,), phases=phases, settings=settings), settings=short)
    assert proposal.config_overrides == {"num_model_candidates": 1}
    assert "0 of 2 refinement rounds" in proposal.strategic_summary


def test_when_time_is_short_it_goes_to_the_script_that_is_carried() -> None:
    phases = (*USUAL[:1], phase("refinement", 0.0, 50), *USUAL[2:])
    short = Settings(computational_budget=120)
    proposal = advised(told(phases=phases, carries_best=True), settings=short)
    assert proposal.config_overrides == {"num_solutions": 1}
    assert "num_solutions" not in advised(told(phases=phases), settings=short).config_overrides, "nothing is carried"
    paid = advised(told(carries_best=True), settings=short).config_overrides
    assert "num_solutions" not in paid, "refinement paid"


def test_the_last_run_makes_one_ensemble_of_what_is_known_when_time_is_short() -> None:
    concluding = {"num_solutions": 1, "num_model_candidates": 1, "outer_loop_round": 0}
    short, ample = Settings(computational_budget=120), Settings(computational_budget=1000)
    proposal = advised(told(carries_best=True), settings=short, runs_left=0)
    assert proposal.config_overrides == concluding
    assert proposal.strategic_goals == (), "how to combine is left to whoever knows the time"
    assert advised(told(carries_best=True), settings=short, runs_left=1).config_overrides != concluding
    assert advised(told(), settings=short, runs_left=0).config_overrides != concluding, "nothing is carried"
    assert advised(told(carries_best=True), settings=ample, runs_left=0).config_overrides != concluding


def test_a_last_run_does_not_conclude_by_ensembles_that_never_paid_or_are_turned_off() -> None:
    phases = (*USUAL[:2], phase("ensemble", 0.0, 20), USUAL[3])
    short = Settings(computational_budget=120)
    never = advised(told(phases=phases, carries_best=True, runs_done=2), settings=short, runs_left=0)
    assert never.config_overrides.get("outer_loop_round") != 0
    off = Settings(computational_budget=120, ensemble_loop_round=0)
    assert advised(told(carries_best=True), settings=off, runs_left=0).config_overrides.get("num_solutions") != 1


def test_a_concluding_run_combines_as_it_paid_most_and_tries_no_new_model() -> None:
    foci = (focus("weighted_averaging", 1, 1, 0.01, "ensemble"),)
    models = (ModelLine(model="LightGBM", tried=1, best_score=0.6),)
    digest = told(carries_best=True, foci=foci, models=models, runs_since_best=1)
    goals = advised(digest, settings=Settings(computational_budget=120), runs_left=0).strategic_goals
    assert [goal["focus"] for goal in goals if isinstance(goal, dict)] == ["weighted_averaging"]


def test_time_that_the_submission_takes_because_it_is_left_is_no_want_of_time() -> None:
    phases = (*USUAL[:3], phase("submission", None, 400))
    last = RunLine(run="run_0", status="finished", score=0.5, seconds=500, executions=14, phases=phases)
    proposal = advised(
        told(runs=(last,), phases=phases, carries_best=True), settings=Settings(computational_budget=600)
    )
    assert "outer_loop_round" in proposal.config_overrides, "there is time for more"
    assert "num_solutions" not in proposal.config_overrides


def test_a_run_that_had_less_than_its_budget_is_measured_by_what_it_had() -> None:
    had = tuple(SettingLine(name=n, value=getattr(Settings(computational_budget=110), n)) for n in OVERRIDABLE)
    assert "outer_loop_round" not in advised(told(settings=had)).config_overrides
    assert "outer_loop_round" in advised(told()).config_overrides


def test_nothing_grows_while_no_script_has_a_score() -> None:
    last = RunLine(run="run_0", status="failed", seconds=50, executions=10, failures=10)
    overrides = advised(told(best=None, runs=(last,), phases=())).config_overrides
    assert set(overrides) == {"max_debug_round"}


def test_the_users_own_large_number_of_repairs_is_not_lowered() -> None:
    last = RunLine(run="run_0", status="finished", score=0.5, seconds=105, executions=10, failures=4, phases=USUAL)
    assert "max_debug_round" not in advised(told(runs=(last,)), settings=Settings(max_debug_round=8)).config_overrides


def test_loops_that_are_turned_off_stay_so() -> None:
    off = Settings(outer_loop_round=0, ensemble_loop_round=0)
    assert not {"outer_loop_round", "ensemble_loop_round"} & set(advised(told(), settings=off).config_overrides)


def test_refinement_that_had_no_time_is_not_judged() -> None:
    phases = (USUAL[0], phase("refinement", 0.0, 0.1), *USUAL[2:])
    proposal = advised(told(phases=phases, runs_done=2), settings=Settings(inner_loop_round=3))
    assert proposal.config_overrides.get("inner_loop_round") != 2


def test_no_ensemble_is_asked_for_by_name_before_one_was_made_unless_others_taught_it() -> None:
    assert goals_of(advised(told()), "ensemble") == []
    lesson = LessonLine(task_kind="k", topic="ensemble", name="stacking", tasks=3, tried=9, paid=9)
    assert goals_of(advised(told(lessons=(lesson,))), "ensemble") == ["stacking"]


def test_each_setting_is_explained_once() -> None:
    many = Settings(computational_budget=30, outer_loop_round=8)
    settings = tuple(SettingLine(name=n, value=getattr(many, n)) for n in OVERRIDABLE)
    summary = advised(told(settings=settings), settings=many).strategic_summary
    assert summary.count("outer_loop_round") == 1


def test_errors_with_time_in_their_name_are_no_want_of_time() -> None:
    last = RunLine(run="run_0", status="failed", seconds=105, executions=10, failures=10)
    faults = (FaultLine(kind="RuntimeError", count=10),)
    assert "exec_timeout" not in advised(told(best=None, runs=(last,), faults=faults)).config_overrides


def test_repairs_are_raised_when_failures_cost_candidates() -> None:
    last = RunLine(run="run_0", status="finished", score=0.5, seconds=105, executions=10, failures=4, phases=USUAL)
    proposal = advised(told(runs=(last,)))
    assert proposal.config_overrides["max_debug_round"] == 4
    assert "4 of 10 executions of run_0 failed" in proposal.strategic_summary


def test_scripts_get_more_time_when_the_run_died_of_time() -> None:
    last = RunLine(run="run_0", status="failed", seconds=105, executions=10, failures=10)
    proposal = advised(told(best=None, runs=(last,), faults=(FaultLine(kind="timed out", count=10),)))
    assert proposal.config_overrides["exec_timeout"] == 1200


def test_what_paid_is_asked_for_again_and_what_failed_often_is_not() -> None:
    foci = (focus("bagging", 1, 1, 0.05), focus("encoding", 3, 0, -0.01), focus("regularization", 2, 0, -0.02))
    goals = goals_of(advised(told(foci=foci)), "refinement")
    assert goals[0] == "bagging"
    assert "encoding" not in goals
    assert "regularization" not in goals


def test_of_what_was_never_tried_the_usual_moves_come_first() -> None:
    assert goals_of(advised(told()), "refinement")[0] == MOVES[0].focus


def test_the_focus_moves_when_returns_diminish() -> None:
    foci = (focus("bagging", 8, 2, 0.0001),)
    goals = goals_of(advised(told(foci=foci)), "refinement")
    assert goals[0] != "bagging"


def test_stronger_ensembles_follow_when_averaging_fell_short() -> None:
    short = (focus("simple_averaging", 1, 0, -0.01, "ensemble"),)
    assert goals_of(advised(told(foci=short)), "ensemble") == ["stacking"]


def test_the_ensemble_that_paid_is_kept_while_the_best_is_new() -> None:
    paid = (focus("weighted_averaging", 1, 1, 0.01, "ensemble"), focus("stacking", 1, 0, -0.1, "ensemble"))
    assert goals_of(advised(told(foci=paid)), "ensemble") == ["weighted_averaging"]


def test_ensembles_that_never_pay_are_cut() -> None:
    never = tuple(focus(name, 2, 0, -0.01, "ensemble") for name in ("simple_averaging", "stacking"))
    proposal = advised(told(foci=never, runs_done=3))
    assert proposal.config_overrides["ensemble_loop_round"] == 0
    assert goals_of(proposal, "ensemble") == []


def test_model_families_never_tried_are_asked_for() -> None:
    models = tuple(ModelLine(model=FAMILIES[name].title, tried=1, best_score=0.6) for name in ("lightgbm", "linear"))
    goals = goals_of(advised(told(models=models)), "initialization")
    assert goals
    asked = [family.name for wanted in goals if (family := family_like(wanted)) is not None]
    assert len(asked) == len(goals)
    assert not {"lightgbm", "linear"} & set(asked)


def test_first_scripts_are_cut_when_all_models_are_known_and_the_best_is_carried() -> None:
    models = tuple(ModelLine(model=family.title, tried=1, best_score=0.6) for family in FAMILIES.values())
    carried = advised(told(models=models, carries_best=True))
    assert carried.config_overrides["num_model_candidates"] == 1
    assert goals_of(carried, "initialization") == []
    alone = advised(told(models=models, carries_best=False))
    assert alone.config_overrides.get("num_model_candidates") != 1


def test_first_scripts_stay_cut_in_the_runs_that_follow() -> None:
    models = tuple(ModelLine(model=family.title, tried=1, best_score=0.6) for family in FAMILIES.values())
    once = Settings(num_model_candidates=1)
    settings = tuple(SettingLine(name=n, value=getattr(once, n)) for n in OVERRIDABLE)
    proposal = advised(told(models=models, carries_best=True, settings=settings), settings=once)
    assert "num_model_candidates" not in proposal.config_overrides


def test_a_focus_asked_for_in_vain_gives_way() -> None:
    tried = GoalOutcome(phase="refinement", focus="bagging", priority=2, tried=1, best_gain=-0.1)
    idle = GoalOutcome(phase="refinement", focus="feature_engineering", priority=1)
    earlier = tuple(StrategyLine(run=f"run_{k}", goals=(idle, tried)) for k in (2, 1))
    goals = goals_of(advised(told(strategies=earlier, foci=(focus("bagging", 2, 0, -0.1),))), "refinement")
    assert "feature_engineering" not in goals


def test_a_locked_setting_is_left_alone() -> None:
    proposal = advised(told(), settings=Settings(locked=OVERRIDABLE))
    assert proposal.config_overrides == {}
    assert "The settings stay." in proposal.strategic_summary


def test_a_new_study_starts_from_the_best_earlier_one() -> None:
    earlier = (StudyLine(study="a", runs=3, best_score=0.4, best_settings={"inner_loop_round": 4}),)
    digest = HistoryDigest(metric="rmse", earlier_studies=earlier, foci=(focus("bagging", 1, 1, 0.05),))
    proposal = advised(digest)
    assert proposal.config_overrides == {"inner_loop_round": 4}
    assert goals_of(proposal, "refinement")[0] == "bagging"


def test_a_new_study_overrides_neither_what_the_user_says_nor_the_time() -> None:
    best = {"inner_loop_round": 4, "num_solutions": 1, "exec_timeout": 60.0, "computational_budget": 99.0}
    digest = HistoryDigest(metric="rmse", earlier_studies=(StudyLine(study="a", runs=3, best_settings=best),))
    assert advised(digest, settings=Settings(num_solutions=3)).config_overrides == {"inner_loop_round": 4}


def test_lessons_of_other_tasks_decide_between_foci_never_tried() -> None:
    lessons = (
        LessonLine(task_kind="k", topic="refinement", name="feature_selection", tasks=3, tried=9, paid=8),
        LessonLine(task_kind="k", topic="refinement", name="feature_engineering", tasks=3, tried=9, paid=0),
    )
    goals = goals_of(advised(told(lessons=lessons)), "refinement")
    assert goals[0] == "feature_selection"
    assert "feature_engineering" not in goals


def test_lessons_of_the_same_kind_outweigh_all_others() -> None:
    def lesson(kind: str, name: str) -> LessonLine:
        return LessonLine(task_kind=kind, topic="refinement", name=name, tasks=3, tried=9, paid=9)

    lessons = (lesson("large", "feature_selection"), lesson("small", "post_processing"))
    assert goals_of(advised(told(lessons=lessons, task_kind="small")), "refinement")[0] == "post_processing"
    assert goals_of(advised(told(lessons=lessons, task_kind="large")), "refinement")[0] == "feature_selection"


def test_a_first_run_asks_for_the_models_that_did_best_on_other_tasks() -> None:
    gains = {"Extra trees": 0.2, "LightGBM": 0.3, "Linear model": 0.1}
    lessons = tuple(
        LessonLine(task_kind="k", topic="model", name=name, tasks=2, tried=2, paid=2, mean_relative_gain=gain)
        for name, gain in gains.items()
    )
    assert goals_of(advised(HistoryDigest(lessons=lessons)), "initialization") == ["LightGBM", "Extra trees"]


def test_with_nothing_known_there_is_still_a_valid_proposal() -> None:
    proposal = advised(HistoryDigest())
    assert Strategy.model_validate(proposal.model_dump()).strategic_summary


def test_the_summary_says_the_numbers() -> None:
    summary = advised(told()).strategic_summary
    assert "best rmse 0.5 (run_0)" in summary
    assert "refinement brought 0.05 in 50 s" in summary


def test_equal_questions_get_equal_answers() -> None:
    assert advised(told()) == advised(told())
