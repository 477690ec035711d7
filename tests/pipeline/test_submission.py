"""The submission is made by the best script that can make one in the time that is left."""

from __future__ import annotations

from dataclasses import replace

from mlestar.doors import Job
from mlestar.events import scope
from mlestar.pipeline.pace import Pace
from mlestar.pipeline.submission import submit
from mlestar.pipeline.workbench import Workbench
from mlestar.records.settings import Settings
from mlestar.records.solution import Execution, Script
from tests.doubles import ToyClock, ToyEngineer, ToyExecutor, scored, toy_brief, toy_lab

BUDGET_SECONDS = 60.0


class Hanging(ToyExecutor):
    """Time passes on the clock alone; a script named `hangs` never ends its submission."""

    def __init__(self, clock: ToyClock) -> None:
        super().__init__()
        self.clock = clock

    async def execute(self, job: Job) -> Execution:
        self.jobs.append(job)
        if job.view.name == "final" and "hangs" in job.script.source:
            self.clock.seconds -= job.timeout_seconds
            return Execution(status="timed_out", seconds=job.timeout_seconds, fault="timed out")
        seconds, score = (line.partition(" = ")[2].strip('"') for line in job.script.source.splitlines()[1:3])
        self.clock.seconds -= float(seconds)
        return Execution(status="ok", seconds=float(seconds), stdout_tail=score)


async def test_after_a_script_that_hangs_the_best_is_submitted_for_which_time_was_kept() -> None:
    clock = ToyClock(seconds=BUDGET_SECONDS)
    executor = Hanging(clock)
    lab = replace(toy_lab(ToyEngineer({}), clock=clock), executor=executor)
    bench = Workbench(toy_brief(Settings(computational_budget=BUDGET_SECONDS)), lab)
    for source in (
        scored(1.0, name="hangs", seconds=9),
        scored(2.0, name="slow", seconds=20),
        scored(3.0, name="good", seconds=2.5),
        scored(9.0, name="quick", seconds=0.1),
    ):
        await bench.evaluate(Script(source=source), bench.assignment)
    left = clock.seconds
    with scope(phase="submission"):
        submission = await submit(bench)
    assert submission is not None
    assert (submission.trial.score, submission.rank) == (3.0, 3)
    hung = next(job for job in executor.jobs if job.view.name == "final")
    assert hung.time_limit_seconds <= hung.timeout_seconds == left - 1.5 * 2.5
    assert clock.seconds >= 0


def test_no_time_is_kept_for_a_script_that_needs_much_of_it() -> None:
    def kept(*others: float) -> float:
        return Pace(ToyClock(seconds=20), Settings(), 3).fallback_seconds(1, others)

    assert kept() == 0
    assert kept(10, 2, 1) == 3, "the first that takes at most a third of the time"
    assert kept(10, 12) == 0
