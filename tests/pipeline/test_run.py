"""The four phases, with every setting's exact meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mlestar.doors import Marks
from mlestar.errors import BudgetExhausted, EngineerUnavailable
from mlestar.pipeline.run import run_pipeline
from mlestar.questions import ensemble, initialization, refinement, review
from mlestar.questions.answers import Code, DataUse, Leakage, Models, Target
from mlestar.records.settings import Settings
from mlestar.records.solution import Execution, ModelIdea
from mlestar.records.strategy import Goal, Strategy
from tests.doubles import R2, ToyClock, ToyExaminer, ToyExecutor, ToyNotebook, scored, toy_brief, toy_lab, toy_task
from tests.pipeline.toys import engineer


async def test_a_run_goes_through_all_phases_and_submits_the_best_script() -> None:
    record = await run_pipeline(toy_brief(Settings()), toy_lab(engineer()))
    assert record.status == "finished"
    assert [len(solution.candidates) for solution in record.solutions] == [2, 2]
    assert [solution.initial.score for solution in record.solutions if solution.initial] == [4.0, 6.0]
    assert record.best is not None
    assert record.best.score == 2.0
    assert record.submission is not None
    assert record.submission.trial.script == record.best.script


async def test_the_second_solution_is_told_what_the_first_took() -> None:
    asked = engineer()
    await run_pipeline(toy_brief(Settings()), toy_lab(asked))
    retrievals = asked.questions(initialization.RetrieveModels)
    assert [question.taken for question in retrievals] == [(), ("A", "B")]


async def test_merging_goes_best_first_and_stops_at_the_first_merge_that_does_not_help() -> None:
    asked = engineer()
    settings = Settings(num_solutions=1, num_model_candidates=4, outer_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked))
    merges = asked.questions(initialization.MergeScripts)
    assert [(merge.base, merge.addition) for merge in merges] == [(scored(4.0, name="B"), scored(5.0, name="A"))]
    assert record.solutions[0].initial is not None
    assert record.solutions[0].initial.score == 4.0


async def test_a_merge_that_helps_is_the_base_of_the_next() -> None:
    better = {1: 3.0, 2: 2.5, 3: 9.0}
    count = 0

    def merge(question: initialization.MergeScripts) -> Code:
        nonlocal count
        count += 1
        return Code(source=scored(better[count], name=f"merge {count}"))

    settings = Settings(num_solutions=1, num_model_candidates=4, outer_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(engineer(MergeScripts=merge)))
    assert record.solutions[0].initial is not None
    assert record.solutions[0].initial.score == 2.5
    assert len(record.solutions[0].merges) == 3


@pytest.mark.parametrize("attempts", [1, 3])
async def test_exactly_k_attempts_are_executed_and_all_are_compared(attempts: int) -> None:
    def block(question: refinement.WriteBlock) -> Code:
        return Code(source=f'SCORE = "{3 - int(question.plan[-1])}"')

    settings = Settings(num_solutions=1, inner_loop_round=attempts, ensemble_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(engineer(WriteBlock=block)))
    made = record.solutions[0].refinements[0].attempts
    assert len(made) == attempts
    assert record.best is not None
    assert record.best.script == made[-1].trial.script, "the last attempt, here the best, is compared too"


async def test_a_planner_sees_the_best_plans_with_gain_and_all_that_was_tried() -> None:
    asked = engineer()
    settings = Settings(num_solutions=1, inner_loop_round=4, num_top_plans=2)
    await run_pipeline(toy_brief(settings), toy_lab(asked))
    last = asked.questions(refinement.PlanBlock)[-1]
    assert [outcome.score for outcome in last.earlier] == [3.0, 3.1]
    assert [outcome.gain for outcome in last.earlier] == pytest.approx([1.0, 0.9])
    assert len(last.tried) == 3


async def test_a_component_studied_in_an_earlier_cycle_is_not_studied_again() -> None:
    asked = engineer()
    settings = Settings(num_solutions=1, outer_loop_round=2)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked))
    second = asked.questions(refinement.ProposeVariations)[1]
    assert [part.component for part in second.studied] == ["part 0"]
    components = [v.component for r in record.solutions[0].refinements for v in r.ablation.variants]
    assert components == ["part 0", "part 1"]


async def test_a_block_that_is_not_in_the_script_is_asked_for_again_and_then_given_up() -> None:
    asked = engineer(ChooseTarget=lambda q: Target(block="not there", focus="bagging", plan="p"))
    settings = Settings(num_solutions=1, max_retry=3)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked))
    assert len(asked.questions(refinement.ChooseTarget)) == 3
    assert record.status == "finished"
    assert record.solutions[0].refinements[0].attempts == ()


async def test_each_repair_sees_the_newest_error() -> None:
    errors = ["fail: second error", "fail: third error", "5.0"]

    def repair(question: review.RepairScript) -> Code:
        return Code(source=scored(errors.pop(0)))

    asked = engineer(WriteCandidate=lambda q: Code(source=scored("fail: first error")), RepairScript=repair)
    settings = Settings(num_solutions=1, num_model_candidates=1, outer_loop_round=0, ensemble_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked))
    shown = [question.error for question in asked.questions(review.RepairScript)]
    assert [next(word for word in ("first", "second", "third") if word in error) for error in shown] == [
        "first",
        "second",
        "third",
    ]
    assert record.best is not None
    assert record.best.score == 5.0


async def test_an_unfixable_script_is_executed_a_bounded_number_of_times_and_dropped() -> None:
    count = 0

    def fail(question: object) -> Code:
        nonlocal count
        count += 1
        return Code(source=scored(f"fail: {count}"))

    executor = ToyExecutor()
    asked = engineer(
        WriteCandidate=lambda q: fail(q) if q.idea.name == "A" else Code(source=scored(4.0)), RepairScript=fail
    )
    settings = Settings(
        num_solutions=1, outer_loop_round=0, ensemble_loop_round=0, max_debug_round=3, max_rollback_round=2
    )
    record = await run_pipeline(toy_brief(settings), toy_lab(asked, executor=executor))
    failing = [job for job in executor.jobs if "fail" in job.script.source]
    assert len(failing) == 2 * (1 + 3)
    assert record.status == "finished"


async def test_a_run_without_any_score_fails_and_says_why() -> None:
    asked = engineer(
        WriteCandidate=lambda q: Code(source=scored("fail: no module named magic")),
        RepairScript=lambda q: Code(source=q.script),
    )
    record = await run_pipeline(toy_brief(Settings()), toy_lab(asked))
    assert record.status == "failed"
    assert record.error is not None
    assert "no module named magic" in record.error


async def test_an_engineer_that_is_gone_ends_the_run_resumably() -> None:
    def gone(question: object) -> Code:
        raise EngineerUnavailable("no answer from the model")

    with pytest.raises(EngineerUnavailable):
        await run_pipeline(toy_brief(Settings()), toy_lab(engineer(WriteCandidate=gone)))


async def test_what_is_scored_is_submitted_when_the_engineers_budget_is_used_up() -> None:
    def spent(question: object) -> Code:
        raise BudgetExhausted("max_tokens is used up")

    record = await run_pipeline(toy_brief(Settings()), toy_lab(engineer(WriteBlock=spent)))
    assert record.status == "finished"
    assert record.best is not None
    assert record.best.score == 4.0


async def test_nothing_is_started_that_leaves_no_room_for_the_submission() -> None:
    clock = ToyClock(seconds=3600)
    executor = ToyExecutor()

    def slow_start(question: initialization.WriteCandidate) -> Code:
        clock.seconds = 100.0  # less than the share kept back for the submission
        return Code(source=scored(4.0, name=question.idea.name))

    lab = toy_lab(engineer(WriteCandidate=slow_start), executor=executor, clock=clock)
    record = await run_pipeline(toy_brief(Settings()), lab)
    assert record.status == "finished"
    assert {job.view.name for job in executor.jobs[4:]} == {"final"}


@pytest.mark.parametrize("count", [2, 3, 5])
async def test_an_ensemble_takes_any_number_of_solutions_in_their_latest_form(count: int) -> None:
    def candidate(question: initialization.WriteCandidate) -> Code:
        return Code(source=scored(4.0, name=question.idea.name))

    def models(question: initialization.RetrieveModels) -> Models:
        return Models(models=(ModelIdea(name=f"model {len(question.taken)}"),))

    asked = engineer(RetrieveModels=models, WriteCandidate=candidate)
    settings = Settings(num_solutions=count, num_model_candidates=1, ensemble_loop_round=2)
    await run_pipeline(toy_brief(settings), toy_lab(asked))
    plans = asked.questions(ensemble.PlanEnsemble)
    assert len(plans) == 2
    for plan in plans:
        assert [script.score for script in plan.scripts] == [3.0] * count
    assert [outcome.score for outcome in plans[1].earlier] == [2.0]


async def test_what_was_fitted_is_wanted_of_the_submission_alone() -> None:
    lab = toy_lab(engineer())
    await run_pipeline(toy_brief(Settings()), lab)
    assert isinstance(lab.executor, ToyExecutor)
    assert {job.view.name for job in lab.executor.jobs if job.hand_over} == {lab.examiner.final_view.name}
    assert not any(job.hand_over for job in lab.executor.jobs if job.view != lab.examiner.final_view)


async def test_the_next_best_takes_the_place_of_a_script_whose_submission_is_invalid() -> None:
    asked = engineer(WriteEnsemble=lambda q: Code(source=scored(-1.0)))
    lab = toy_lab(asked)
    record = await run_pipeline(toy_brief(Settings()), lab)
    assert record.submission is not None
    assert record.submission.rank == 2
    assert record.submission.trial.score == 3.0
    assert isinstance(lab.notebook, ToyNotebook)
    assert "3 rows are missing" in lab.notebook.words()


@pytest.mark.parametrize(("score", "kept"), [(1.0, True), (2.0, True), (2.5, False)])
async def test_a_submission_goal_is_kept_only_when_it_is_not_worse(score: float, kept: bool) -> None:
    goal = Goal(target_agent_phase="submission", focus="post_processing", priority=1)
    strategy = Strategy(strategic_summary="", strategic_goals=(goal,))
    asked = engineer(ApplySubmissionGoal=lambda q: Code(source=scored(score, name="goal")))
    record = await run_pipeline(toy_brief(Settings(), strategy=strategy), toy_lab(asked))
    assert record.submission is not None
    assert (record.submission.trial.script.source == scored(score, name="goal")) is kept


async def test_goals_reach_their_phase_and_no_other() -> None:
    goals = tuple(
        Goal(target_agent_phase=phase, focus=f"{phase} {number}", priority=priority)
        for priority, (phase, number) in enumerate(
            [("refinement", 2), ("ensemble", 1), ("refinement", 1), ("initialization", 1)], start=1
        )
    )
    asked = engineer()
    brief = toy_brief(Settings(inner_loop_round=2), strategy=Strategy(strategic_summary="", strategic_goals=goals))
    await run_pipeline(brief, toy_lab(asked))
    for question in asked.asked:
        if isinstance(question, refinement.ChooseTarget | refinement.PlanBlock):
            assert [goal.focus for goal in question.goals] == ["refinement 2", "refinement 1"]
        if isinstance(question, ensemble.PlanEnsemble):
            assert question.goal is not None
            assert question.goal.focus == "ensemble 1"
        if isinstance(question, initialization.RetrieveModels):
            assert [goal.focus for goal in question.goals] == ["initialization 1"]


async def test_the_carried_script_takes_part_so_that_no_run_starts_from_less() -> None:
    brief = toy_brief(Settings(), carried=scored(0.5, name="carried"))
    executor = ToyExecutor()
    asked = engineer(MergeScripts=lambda q: Code(source=scored(8.0)))
    record = await run_pipeline(brief, toy_lab(asked, executor=executor))
    assert record.best is not None
    assert record.best.score is not None
    assert record.best.score <= 0.5
    limits = {
        job.time_limit_seconds
        for job in executor.jobs
        if job.script.source == scored(0.5, name="carried") and job.view.name != "final"
    }
    assert limits == {7.5}, "it is graded in the time it had when it got its score"


async def test_what_is_compared_with_a_carried_script_gets_the_time_it_had() -> None:
    brief = toy_brief(Settings(), carried=scored(0.5, name="carried"))
    executor = ToyExecutor()
    await run_pipeline(brief, toy_lab(engineer(MergeScripts=lambda q: Code(source=scored(8.0))), executor=executor))
    changed = [
        job for job in executor.jobs if "carried" in job.script.source and 'SCORE = "0.5"' not in job.script.source
    ]
    assert any('SCORE = "9.0"' in job.script.source for job in changed), "a variant of the ablation study"
    assert any('SCORE = "3.0"' in job.script.source for job in changed), "an attempt"
    assert {job.time_limit_seconds for job in changed if job.view.name != "final"} == {7.5}


async def test_a_crash_never_beats_a_bad_score_of_a_metric_to_maximize() -> None:
    asked = engineer(
        WriteCandidate=lambda q: Code(source=scored(-0.3 if q.idea.name == "A" else "fail: crash")),
        RepairScript=lambda q: Code(source=q.script),
        MergeScripts=lambda q: Code(source=scored("nan")),
    )
    settings = Settings(num_solutions=1, outer_loop_round=0, ensemble_loop_round=0)
    executor = ToyExecutor()
    record = await run_pipeline(toy_brief(settings, task=toy_task(R2)), toy_lab(asked, executor=executor))
    assert record.best is not None
    assert record.best.score == -0.3


async def test_a_leak_is_mended_where_the_script_reports_its_own_score() -> None:
    def leak(question: review.FindLeakage) -> Leakage:
        line = next(line for line in question.script.splitlines() if line.startswith("SCORE"))
        return Leakage(leaks="6.5" not in line, block=line, reason="the scaler is fitted on all rows")

    settings = Settings(num_solutions=1, num_model_candidates=1, outer_loop_round=0, ensemble_loop_round=0)
    brief = toy_brief(settings, task=toy_task(scoring="reported"))
    record = await run_pipeline(brief, toy_lab(engineer(FindLeakage=leak)))
    assert record.solutions[0].best is not None
    assert record.solutions[0].best.score == 6.5


@pytest.mark.parametrize("answer", [Leakage(leaks=False), Leakage(leaks=True), Leakage(leaks=True, block="absent")])
async def test_the_leakage_checker_survives_every_kind_of_answer(answer: Leakage) -> None:
    settings = Settings(use_data_leakage_checker="on")
    record = await run_pipeline(toy_brief(settings), toy_lab(engineer(FindLeakage=lambda q: answer)))
    assert record.status == "finished"


async def test_the_data_use_checker_asks_and_keeps_an_extension_that_is_better() -> None:
    asked = engineer(CheckDataUse=lambda q: DataUse(complete=False, unused="column z"))
    settings = Settings(use_data_usage_checker="on", outer_loop_round=0, ensemble_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked))
    assert record.best is not None
    assert record.best.score == 1.5
    assert [q.unused for q in asked.questions(review.UseMoreData)] == [
        "column z",
        "column z",
    ]


async def test_independent_scripts_really_run_at_the_same_time() -> None:
    executor = ToyExecutor(slots=4)
    asked = engineer(WriteCandidate=lambda q: Code(source=scored(4.0, name=q.idea.name, seconds=0.05)))
    await run_pipeline(toy_brief(Settings()), toy_lab(asked, executor=executor))
    assert executor.most_at_once == 4


async def test_a_failing_fold_ends_the_other_folds() -> None:
    asked = engineer(
        WriteCandidate=lambda q: Code(source=scored("fail: always", name=q.idea.name)),
        RepairScript=lambda q: Code(source=q.script),
    )
    executor = ToyExecutor(slots=1)
    settings = Settings(num_solutions=1, num_model_candidates=1, max_rollback_round=1)
    await run_pipeline(toy_brief(settings), toy_lab(asked, executor=executor, views=5))
    assert len(executor.jobs) < 5


class Varied(ToyExaminer):
    """Two folds; those of an ensemble vary the other way round by so much."""

    def __init__(self, by: float) -> None:
        super().__init__(2)
        self.by = by

    def mark(self, executions: Sequence[Execution]) -> Marks:
        marks = super().mark(executions)
        if marks.score is None:
            return marks
        by = self.by if marks.score == 3.2 else -self.by
        return marks.model_copy(update={"fold_scores": (marks.score - by, marks.score + by)})


@pytest.mark.parametrize(("by", "submitted"), [(1.0, 3.2), (0.01, 3.0)])
async def test_an_ensemble_is_submitted_where_its_lag_is_noise(by: float, submitted: float) -> None:
    asked = engineer(WriteEnsemble=lambda q: Code(source=scored(3.2, name=q.plan)))
    lab = replace(toy_lab(asked), examiner=Varied(by))
    record = await run_pipeline(toy_brief(Settings()), lab)
    assert record.best is not None
    assert record.best.score == submitted
