"""What happens to a run whose time is over, or nearly."""

from __future__ import annotations

from collections.abc import Callable

from mlestar.pipeline.pace import Pace
from mlestar.pipeline.run import run_pipeline
from mlestar.questions.answers import Code, Models
from mlestar.records.settings import Settings
from mlestar.records.solution import ModelIdea
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
    late = Pace(ToyClock(30.0), settings, 1)
    assert late.reserve_seconds(None, "initialization") == 18.0
    assert late.reserve_seconds(2.0, "initialization") == 50.0
    assert late.reserve_seconds(2.0, "submission") == 0.0


class Draining(ToyClock):
    """A clock that is at its end as soon as the best script has failed to submit."""

    def decide(self, name: str, value: Callable[[], float]) -> float:
        if name == "final seconds":
            self.seconds, kept = 0.0, value()
            return kept
        return super().decide(name, value)


async def test_when_the_best_cannot_submit_and_the_time_is_over_the_quickest_script_does() -> None:
    """Scores below 0 make an invalid submission in the toy world: the ensemble and the attempts have them."""
    scripts = {"A": scored(5.0, name="A", seconds=0.2), "B": scored(6.0, name="B", seconds=0.05)}
    asked = engineer(
        RetrieveModels=lambda q: Models(models=(ModelIdea(name="A"), ModelIdea(name="B"))),
        WriteCandidate=lambda q: Code(source=scripts[q.idea.name]),
        MergeScripts=lambda q: Code(source=scored(-1.0, name="merged")),
    )
    settings = Settings(num_solutions=1, outer_loop_round=0, ensemble_loop_round=0)
    record = await run_pipeline(toy_brief(settings), toy_lab(asked, clock=Draining()))
    assert record.submission is not None
    assert (record.submission.trial.script.source, record.submission.rank) == (scripts["B"], 3)


async def test_a_resumed_run_remembers_how_long_its_phases_took() -> None:
    clock, settings = ToyClock(), Settings(num_solutions=1, num_model_candidates=1)
    asked = engineer(WriteCandidate=lambda q: Code(source=scored(5.0, name="A", seconds=0.2)))
    first = await run_pipeline(toy_brief(settings), toy_lab(asked, clock=clock))
    again = await run_pipeline(toy_brief(settings), toy_lab(engineer(), clock=clock))
    assert first.phase_seconds["initialization"] >= 0.2
    assert (again.phase_seconds, again.seconds) == (first.phase_seconds, first.seconds)
