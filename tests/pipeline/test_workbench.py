"""The bench keeps the time of the run."""

from __future__ import annotations

import pytest

from mlestar.errors import BadAnswer
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.answers import Text
from mlestar.questions.initialization import SummarizeTask
from mlestar.records.settings import Settings
from tests.doubles import ToyClock, ToyEngineer, toy_brief, toy_lab


async def test_an_engineer_who_does_not_answer_cannot_outlast_the_run() -> None:
    mute = ToyEngineer({SummarizeTask: lambda _: Text(text="at last")}, seconds=60)
    bench = Workbench(toy_brief(Settings()), toy_lab(mute, clock=ToyClock(seconds=0)))
    with pytest.raises(BadAnswer, match="SummarizeTask: no answer before the time for it was over"):
        await bench.ask(SummarizeTask(assignment=bench.assignment))


async def test_a_quick_answer_is_taken_however_late_it_is() -> None:
    quick = ToyEngineer({SummarizeTask: lambda _: Text(text="here")})
    bench = Workbench(toy_brief(Settings()), toy_lab(quick, clock=ToyClock(seconds=0)))
    assert (await bench.ask(SummarizeTask(assignment=bench.assignment))).text == "here"
