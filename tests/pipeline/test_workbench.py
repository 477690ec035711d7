"""The bench keeps the time of the run."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from mlestar.doors import Job
from mlestar.errors import BadAnswer
from mlestar.events import Executed
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.answers import Text
from mlestar.questions.initialization import SummarizeTask
from mlestar.records.settings import Settings
from mlestar.records.solution import Execution, Script
from tests.doubles import ToyClock, ToyEngineer, ToyExecutor, ToyNotebook, scored, toy_brief, toy_lab


async def test_an_engineer_who_does_not_answer_cannot_outlast_the_run() -> None:
    mute = ToyEngineer({SummarizeTask: lambda _: Text(text="at last")}, seconds=60)
    bench = Workbench(toy_brief(Settings()), toy_lab(mute, clock=ToyClock(seconds=0)))
    with pytest.raises(BadAnswer, match="SummarizeTask: no answer before the time for it was over"):
        await bench.ask(SummarizeTask(assignment=bench.assignment))


async def test_a_quick_answer_is_taken_however_late_it_is() -> None:
    quick = ToyEngineer({SummarizeTask: lambda _: Text(text="here")})
    bench = Workbench(toy_brief(Settings()), toy_lab(quick, clock=ToyClock(seconds=0)))
    assert (await bench.ask(SummarizeTask(assignment=bench.assignment))).text == "here"


class Rememberer(ToyExecutor):
    """Says of every execution that it began so many seconds ago."""

    def __init__(self, seconds_ago: float) -> None:
        super().__init__()
        self.seconds_ago = seconds_ago

    async def execute(self, job: Job) -> Execution:
        execution = await super().execute(job)
        return execution.model_copy(update={"started_at": time.time() - self.seconds_ago})


@pytest.mark.parametrize(("seconds_ago", "replayed"), [(90.0, True), (0.0, False)])
async def test_an_execution_that_was_taken_again_is_told_apart(seconds_ago: float, replayed: bool) -> None:
    notebook = ToyNotebook()
    lab = toy_lab(ToyEngineer({}), executor=Rememberer(seconds_ago))
    bench = Workbench(toy_brief(Settings()), replace(lab, notebook=notebook))
    await bench.evaluate(Script(source=scored(4.0)), bench.assignment)
    executed = [event for event in notebook.events if isinstance(event, Executed)]
    assert executed
    assert {event.replayed for event in executed} == {replayed}
