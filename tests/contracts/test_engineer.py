"""What every engineer keeps to: the answer fits its question, equal questions get equal answers, calls do not mix."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from mlestar.doors import Engineer, Question
from mlestar.errors import BadAnswer
from mlestar.events import metered
from mlestar.playbook.book import Playbook
from mlestar.questions import enhancement, ensemble, initialization, refinement, review, submission
from mlestar.questions.answers import Code
from mlestar.records.base import Record
from mlestar.records.strategy import Goal
from mlestar.tape.tape import Tape
from mlestar.tape.taped import ReplayEngineer, TapedEngineer
from tests.engineers.wires import KEY, gemini_engineer, openai_engineer
from tests.prompts import specimens
from tests.wire.server import FakeService

METRIC = specimens.METRIC.model_copy(update={"name": "rmse", "function_path": None})
ASSIGNMENT = specimens.ASSIGNMENT.model_copy(
    update={
        "metric": METRIC,
        "submission": specimens.ASSIGNMENT.submission.model_copy(update={"classes": ()}),
        "profile": specimens.ASSIGNMENT.profile.model_copy(update={"class_shares": ()}),
    }
)
GOAL = Goal(target_agent_phase="submission", focus="post_processing", priority=1, rationale="Predictions are too wide.")


async def questions() -> tuple[Question[Any], ...]:
    """One question of every type, in the order of a run, each resting on the answers before."""
    book = Playbook()
    task = initialization.SummarizeTask(assignment=ASSIGNMENT)
    retrieve = initialization.RetrieveModels(assignment=ASSIGNMENT, summary=(await book.ask(task)).text, count=2)
    ideas = (await book.ask(retrieve)).models
    write = [
        initialization.WriteCandidate(assignment=ASSIGNMENT, summary=retrieve.summary, idea=idea) for idea in ideas
    ]
    first, second = [(await book.ask(question)).source for question in write]
    vary = refinement.ProposeVariations(assignment=ASSIGNMENT, script=first)
    varied = (await book.ask(vary)).variations
    components = tuple(
        refinement.StudiedComponent(component=v.component, change=v.change, gain=-0.5 - n) for n, v in enumerate(varied)
    )
    study: dict[str, Any] = {"assignment": ASSIGNMENT, "script": first}
    choose = refinement.ChooseTarget(score=9.0, ablation_summary="All matter.", components=components, **study)
    target = await book.ask(choose)
    scripts = tuple(ensemble.ScoredScript(source=source, score=9.0, seconds=3) for source in (first, second))
    combine = ensemble.PlanEnsemble(assignment=ASSIGNMENT, scripts=scripts)
    plan = await book.ask(combine)
    return (
        task,
        retrieve,
        *write,
        initialization.MergeScripts(assignment=ASSIGNMENT, base=first, addition=second),
        vary,
        refinement.SummarizeAblation(baseline_score=9.0, components=components, **study),
        choose,
        refinement.PlanBlock(block=target.block, score=9.0, **study),
        refinement.WriteBlock(block=target.block, focus=target.focus, plan=target.plan, **study),
        combine,
        ensemble.WriteEnsemble(assignment=ASSIGNMENT, scripts=scripts, focus=plan.focus, plan=plan.plan),
        review.RepairScript(error="MemoryError", **study),
        review.FindLeakage(**study),
        review.CheckDataUse(**study),
        review.UseMoreData(unused="streets.csv", **study),
        submission.ApplySubmissionGoal(goal=GOAL, **study),
        enhancement.AdviseNextRun(digest='{"runs": []}', metric=METRIC, adjustable=(), run_number=1, runs_left=1),
    )


@asynccontextmanager
async def playbook(folder: Path) -> AsyncIterator[Engineer]:
    yield Playbook()


@asynccontextmanager
async def gemini(folder: Path) -> AsyncIterator[Engineer]:
    with FakeService(Playbook(), key=KEY) as fake:
        async with gemini_engineer(fake.url, timeout_seconds=20) as engineer:
            yield engineer


@asynccontextmanager
async def openai(folder: Path) -> AsyncIterator[Engineer]:
    with FakeService(Playbook(), key=KEY) as fake:
        async with openai_engineer(fake.url, timeout_seconds=20) as engineer:
            yield engineer


@asynccontextmanager
async def replay(folder: Path) -> AsyncIterator[Engineer]:
    tape = Tape(folder / "tape.jsonl")
    taped = TapedEngineer(Playbook(), tape)
    for question in await questions():
        with metered():
            await answer_or_none(taped, question)
    yield ReplayEngineer(tape)
    tape.close()


async def answer_or_none(engineer: Engineer, question: Question[Any]) -> Record | None:
    """The answer; None where the playbook has nothing to say, which is a BadAnswer."""
    try:
        return cast("Record", await engineer.ask(question))
    except BadAnswer:
        return None


Opening = Callable[[Path], AbstractAsyncContextManager[Engineer]]


@pytest.fixture(params=[playbook, gemini, openai, replay], ids=lambda opening: opening.__name__)
def opening(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Opening:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return cast("Opening", request.param)


async def test_every_answer_has_its_type_and_fits_its_question(opening: Opening, tmp_path: Path) -> None:
    asked = await questions()
    async with opening(tmp_path) as engineer:
        answers = [await answer_or_none(engineer, question) for question in asked]
    given = [(question, answer) for question, answer in zip(asked, answers, strict=True) if answer is not None]
    assert len(given) >= len(asked) - 2
    for question, answer in given:
        assert type(answer) is question.answer_type()
        assert question.misfit(answer) is None


async def test_equal_questions_get_equal_answers(opening: Opening, tmp_path: Path) -> None:
    asked = (await questions())[:6]
    async with opening(tmp_path) as engineer:
        once = [await answer_or_none(engineer, question) for question in asked]
        again = [await answer_or_none(engineer, question.model_copy()) for question in asked]
    assert once == again


async def test_questions_asked_together_get_their_own_answers(opening: Opening, tmp_path: Path) -> None:
    asked = (await questions())[:6]
    async with opening(tmp_path) as engineer:
        apart = [await answer_or_none(engineer, question) for question in asked]
        together = await asyncio.gather(*(answer_or_none(engineer, question) for question in asked))
    assert list(together) == apart


async def test_the_meter_says_who_answered_and_what(opening: Opening, tmp_path: Path) -> None:
    question = (await questions())[2]
    async with opening(tmp_path) as engineer:
        with metered() as meter:
            answer = await engineer.ask(question)
    assert isinstance(answer, Code)
    assert meter.usage.model
    assert meter.usage.attempts == 1
    assert answer.source.splitlines()[-1] in meter.answer.replace("\\n", "\n").replace('\\"', '"')
