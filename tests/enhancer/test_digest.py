"""The digest: bounded however long the history, honest about what it leaves out."""

from __future__ import annotations

import pytest

from mlestar.enhancer.digest import LEAST_BYTES, digest
from mlestar.enhancer.kinds import kind_of
from mlestar.records.digest import HistoryDigest
from mlestar.records.run import CandidateSummary, History, KnownScript, PhaseSummary
from mlestar.records.settings import Settings
from mlestar.records.solution import CARRIED
from mlestar.records.strategy import Goal, Strategy
from mlestar.records.task import TaskTraits
from tests.enhancer.histories import AUC, RMSE, attempt, long_history, run

NASTY = 'Ein "sehr" langer Text \x00\x07 \\ mit ünïcode 🦉 und\nZeilen ' * 40


@pytest.mark.parametrize("runs", [5, 500])
def test_the_text_is_bounded_with_long_texts(runs: int) -> None:
    text = digest(long_history(runs, NASTY)).text
    assert len(text.encode()) <= 30_000


@pytest.mark.parametrize("text", ["\x07" * 5000, "🦉" * 5000, '"' * 5000])
def test_the_least_limit_holds_for_the_worst_texts(text: str) -> None:
    assert len(digest(long_history(30, text), limit_bytes=LEAST_BYTES).text.encode()) <= LEAST_BYTES


def test_what_was_left_out_is_said() -> None:
    told = digest(long_history(500, NASTY))
    assert any(line.startswith("runs: ") and "of 500 left out" in line for line in told.left_out)


def test_nothing_is_left_out_of_a_small_history() -> None:
    assert digest(History(runs=(run(0, 0.5), run(1, 0.4)))).left_out == ()


def test_the_text_reads_back_as_the_same_digest() -> None:
    told = digest(long_history(7, "short"))
    assert HistoryDigest.model_validate_json(told.text) == told


def test_an_empty_history_has_a_digest() -> None:
    assert digest(History()).runs_done == 0


def test_the_best_follows_the_direction_of_the_metric() -> None:
    history = History(runs=(run(0, 0.8, metric=AUC), run(1, 0.9, metric=AUC), run(2, 0.7, metric=AUC)))
    best = digest(history).best
    assert best is not None
    assert best.run == "run_1"
    assert digest(history).runs_since_best == 1


def test_a_failed_run_is_told_and_is_never_the_best() -> None:
    told = digest(History(runs=(run(0, None, status="failed", errors=("timed out: train.py",)), run(1, 0.5))))
    assert told.runs_failed == 1
    assert told.best is not None
    assert told.best.run == "run_1"
    assert told.faults[0].kind == "timed out"


def test_the_view_a_fault_was_found_on_is_no_kind_of_fault() -> None:
    told = digest(History(runs=(run(0, 0.5, errors=("fold_1: 3 rows missing: a, b", "fold_2: 3 rows missing: c")),)))
    assert [(line.kind, line.count) for line in told.faults] == [("3 rows missing", 2)]


def test_a_run_still_going_is_not_told() -> None:
    assert digest(History(runs=(run(0, 0.5), run(1, None, status="running")))).runs_done == 1


def test_a_score_that_is_not_finite_counts_as_absent() -> None:
    told = digest(History(runs=(run(0, float("nan")), run(1, float("inf")))))
    assert told.runs_failed == 2
    assert told.best is None


def test_foci_are_added_up_over_runs() -> None:
    history = History(
        runs=(
            run(0, 0.5, attempts=(attempt("encoding", 0.01), attempt("encoding", -0.02))),
            run(1, 0.4, attempts=(attempt("encoding", None), attempt("bagging", 0.5))),
        )
    )
    told = {line.focus: line for line in digest(history).foci}
    assert (told["encoding"].tried, told["encoding"].paid, told["encoding"].failed) == (3, 1, 1)
    assert told["encoding"].best_gain == 0.01
    assert digest(history).foci[0].focus == "bagging"


def test_each_phase_is_told_with_its_gain_and_its_rate() -> None:
    told = {line.phase: line for line in digest(History(runs=(run(0, 0.5),))).phases}
    assert told["initialization"].gain is None
    assert told["refinement"].gain == pytest.approx(0.1)
    assert told["refinement"].gain_per_second == pytest.approx(0.1 / 50)


def test_what_the_carried_script_scores_is_no_gain_of_the_first_phase() -> None:
    carried = CandidateSummary(solution=1, model=CARRIED, score=0.45, seconds=1)
    phases = (PhaseSummary(phase="initialization", best_score=0.45, seconds=3, executions=1, failures=0),)
    told = digest(History(runs=(run(0, 0.5), run(1, 0.45, phases=phases, candidates=(carried,)))))
    assert told.runs[0].phases[0].gain == 0
    assert told.models == ()


def test_rounds_asked_for_and_carried_out_are_told() -> None:
    ran = run(0, 0.5, settings=Settings(num_solutions=2, outer_loop_round=3), attempts=(attempt("encoding", 0.1),))
    told = {line.phase: line for line in digest(History(runs=(ran,))).runs[0].phases}
    assert (told["refinement"].rounds_asked, told["refinement"].rounds_done) == (6, 1)
    assert (told["ensemble"].rounds_asked, told["ensemble"].rounds_done) == (1, 0)


def test_a_model_asked_for_counts_as_tried_when_a_first_script_is_of_it() -> None:
    goal = Goal(target_agent_phase="initialization", focus="Extra trees", priority=1)
    candidate = CandidateSummary(solution=1, model="extra trees", score=0.5, seconds=1)
    strategy = Strategy(strategic_summary="", strategic_goals=(goal,))
    told = digest(History(runs=(run(0, 0.5, strategy=strategy, candidates=(candidate,)),)))
    assert told.strategies[0].goals[0].tried == 1


def test_a_phase_that_never_ran_is_not_told() -> None:
    only = (PhaseSummary(phase="initialization", best_score=0.6, seconds=3, executions=1, failures=0),)
    assert [line.phase for line in digest(History(runs=(run(0, 0.6, phases=only),))).phases] == ["initialization"]


def test_a_strategy_is_told_with_what_followed_its_goals_and_overrides() -> None:
    goal = Goal(target_agent_phase="refinement", focus="encoding", priority=1)
    strategy = Strategy(strategic_summary="why", config_overrides={"inner_loop_round": 3}, strategic_goals=(goal,))
    history = History(runs=(run(0, 0.5), run(1, 0.4, strategy=strategy, attempts=(attempt("encoding", 0.05),))))
    line = digest(history).strategies[0]
    assert line.paid is True
    assert line.gain == pytest.approx(0.1)
    assert (line.overrides[0].name, line.overrides[0].before, line.overrides[0].after) == ("inner_loop_round", 1, 3)
    assert (line.goals[0].tried, line.goals[0].best_gain) == (1, 0.05)


def test_a_strategy_that_made_things_worse_did_not_pay() -> None:
    history = History(runs=(run(0, 0.5), run(1, 0.6, strategy=Strategy(strategic_summary="why"))))
    assert digest(history).strategies[0].paid is False


def test_earlier_studies_of_the_task_are_told_best_first() -> None:
    earlier = History(runs=(run(0, 0.5, study="a"), run(0, 0.3, study="b"), run(1, 0.4, study="a")))
    told = digest(History(runs=(run(0, 0.45),)), earlier, task="california")
    assert [line.study for line in told.earlier_studies] == ["b", "a"]
    assert told.best is not None
    assert told.best.study == "b"


def test_runs_of_other_tasks_become_lessons_only() -> None:
    earlier = History(runs=(run(0, 0.001, task="wine", study="w", attempts=(attempt("encoding", 0.01),)),))
    told = digest(History(runs=(run(0, 0.45),)), earlier, task="california")
    assert told.best is not None
    assert told.best.run == "run_0"
    assert told.best.study == ""
    assert [(line.name, line.paid) for line in told.lessons] == [("encoding", 1)]


def test_lessons_of_tasks_of_the_same_kind_come_first() -> None:
    small = TaskTraits(kind="regression", rows=100, numeric_columns=3)
    large = TaskTraits(kind="binary", rows=10**6, numeric_columns=3)
    often = (attempt("bagging", 0.1), attempt("bagging", 0.1), attempt("bagging", 0.1))
    earlier = (
        run(0, 0.5, task="big", study="b", traits=large, attempts=often),
        run(0, 0.5, task="wine", study="w", traits=small, attempts=(attempt("encoding", 0.1),)),
    )
    kind = kind_of(small)
    assert kind == "regression, small, numeric"
    told = digest(History(), History(runs=earlier), task="new", kind=kind)
    assert [line.name for line in told.lessons] == ["encoding", "bagging"]
    assert told.task_kind == kind


def test_runs_with_another_metric_are_not_compared() -> None:
    earlier = History(runs=(run(0, 0.99, study="a", metric=AUC),))
    told = digest(History(runs=(run(0, 0.45),)), earlier, task="california")
    assert told.best is not None
    assert told.best.score == 0.45


def test_runs_on_other_data_are_neither_compared_nor_carried() -> None:
    traits = TaskTraits(kind="regression", rows=9, digest="yesterday's")
    earlier = History(runs=(run(0, 0.01, study="a", traits=traits),))
    told = digest(History(), earlier, task="california", metric=RMSE, data="today's", carries_best=True)
    assert (told.best, told.carries_best) == (None, False)
    known = digest(History(), earlier, task="california", metric=RMSE, data="yesterday's", carries_best=True)
    assert known.best is not None
    assert known.carries_best


def test_a_first_run_compares_with_runs_by_its_metric_only() -> None:
    earlier = History(runs=(run(0, 0.99, study="a", metric=AUC),))
    assert digest(History(), earlier, task="california", metric=RMSE).best is None


def test_gains_are_over_the_best_graded_script_submitted_or_not() -> None:
    known = KnownScript(path="1/train1.py", score=0.4)
    first = run(0, 0.45).model_copy(update={"known": known})
    told = digest(History(runs=(first, run(1, 0.42))))
    assert told.best is not None
    assert (told.best.run, told.best.score) == ("run_0", 0.4)
    assert told.runs[0].gain == pytest.approx(-0.02)


def test_scores_on_sealed_audit_rows_are_not_told() -> None:
    audited = run(0, 0.5).model_copy(update={"audit_score": 0.6173})
    assert "0.6173" not in digest(History(runs=(audited,))).text


def test_the_gain_of_a_model_asked_for_is_over_the_best_before() -> None:
    goal = Goal(target_agent_phase="initialization", focus="LightGBM", priority=1)
    strategy = Strategy(strategic_summary="", strategic_goals=(goal,))
    candidate = CandidateSummary(solution=1, model="A LightGBM of small trees", score=0.47, seconds=1)
    told = digest(History(runs=(run(0, 0.5), run(1, 0.45, strategy=strategy, candidates=(candidate,)))))
    assert told.strategies[0].goals[0].best_gain == pytest.approx(0.03)


def test_a_limit_that_no_digest_can_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="limit_bytes"):
        digest(History(), limit_bytes=100)
