"""What happens to a run whose time is over, or nearly."""

from __future__ import annotations

from mlestar.pipeline.pace import Pace
from mlestar.pipeline.run import run_pipeline
from mlestar.questions.answers import Code
from mlestar.records.settings import Settings
from tests.doubles import ToyClock, ToyExecutor, scored, toy_brief, toy_lab
from tests.pipeline.toys import engineer

BROKEN = {"WriteCandidate": lambda q: Code(source=scored("fail: broken", name=f"{q.idea.name} {q.sample}"))}


async def test_nothing_is_repaired_or_started_afresh_when_the_time_is_over() -> None:
    asked = engineer(**BROKEN, RepairScript=lambda q: Code(source=q.script + "#"))
    executor = ToyExecutor()
    record = await run_pipeline(toy_brief(Settings()), toy_lab(asked, executor=executor, clock=ToyClock(0.0)))
    assert record.status == "failed"
    assert len(executor.jobs) == 4  # each of the four candidates once


async def test_with_time_every_repair_and_fresh_start_is_made() -> None:
    asked = engineer(**BROKEN, RepairScript=lambda q: Code(source=q.script + "#"))
    executor = ToyExecutor()
    settings = Settings(max_debug_round=2, max_rollback_round=2, num_solutions=1, num_model_candidates=1)
    await run_pipeline(toy_brief(settings), toy_lab(asked, executor=executor))
    assert len(executor.jobs) == 2 * (1 + 2)


def test_while_nothing_is_scored_a_script_may_use_what_its_submission_leaves() -> None:
    settings = Settings(computational_budget=100, ensemble_loop_round=1)
    late = Pace(ToyClock(30.0), settings)
    assert late.reserve_seconds(None, "initialization") == 18.0
    assert late.reserve_seconds(2.0, "initialization") == 50.0
    assert late.reserve_seconds(2.0, "submission") == 0.0
