"""Every question leaves exactly one event."""

from __future__ import annotations

import asyncio

import pytest

from mlestar.doors import A, Question
from mlestar.engineers.noted import NotedEngineer
from mlestar.errors import BadAnswer
from mlestar.events import Answered, Event, Usage, current_meter, scope
from mlestar.questions.answers import Text
from mlestar.records.base import Record


class Greet(Question[Text]):
    name: str


class Pages:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def note(self, event: Event) -> None:
        self.events.append(event)

    @property
    def only(self) -> Answered:
        [event] = self.events
        assert isinstance(event, Answered)
        return event


class Talker:
    """Answers with the question's name, having filled its meter."""

    async def ask(self, question: Question[A]) -> A:
        meter = current_meter()
        meter.prompt, meter.answer, meter.sources = "say hello", "hello", ("https://example.org",)
        meter.usage = Usage(model="m", tokens_in=3, tokens_out=4, usd=0.5, attempts=2)
        return question.answer_type().model_validate({"text": "hello"})


class Mute:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def ask(self, question: Question[A]) -> A:
        current_meter().usage = Usage(model="m", tokens_in=3, attempts=4)
        raise self.error


class Plain:
    async def ask(self, question: Question[A]) -> A:
        answer: Record = Text(text="hi")
        return question.answer_type().model_validate(answer.model_dump())


async def test_an_answer_is_noted_with_prompt_usage_sources_and_scope() -> None:
    pages = Pages()
    with scope(phase="refinement", solution=2, label="2/train1.py"):
        await NotedEngineer(Talker(), pages).ask(Greet(name="Ada"))
    event = pages.only
    assert (event.question, event.prompt, event.answer) == ("Greet", "say hello", "hello")
    assert (event.sources, event.usage.attempts, event.usage.usd) == (("https://example.org",), 2, 0.5)
    assert (event.scope.phase, event.scope.solution, event.scope.label) == ("refinement", 2, "2/train1.py")
    assert event.fault is None
    assert event.seconds >= 0


async def test_a_failure_is_noted_with_what_it_cost_and_raised() -> None:
    pages = Pages()
    with pytest.raises(BadAnswer):
        await NotedEngineer(Mute(BadAnswer("two fences")), pages).ask(Greet(name="Ada"))
    assert pages.only.fault == "BadAnswer: two fences"
    assert pages.only.usage.attempts == 4


async def test_a_cancelled_question_is_noted() -> None:
    pages = Pages()
    with pytest.raises(asyncio.CancelledError):
        await NotedEngineer(Mute(asyncio.CancelledError()), pages).ask(Greet(name="Ada"))
    assert pages.only.fault == "cancelled before an answer came"


async def test_a_bug_of_the_engineer_is_noted_and_surfaces() -> None:
    pages = Pages()
    with pytest.raises(ZeroDivisionError):
        await NotedEngineer(Mute(ZeroDivisionError()), pages).ask(Greet(name="Ada"))
    assert pages.only.fault == "ended by an unexpected error"


async def test_an_engineer_without_prompts_is_noted_with_question_and_answer() -> None:
    pages = Pages()
    await NotedEngineer(Plain(), pages).ask(Greet(name="Ada"))
    assert '"name":"Ada"' in pages.only.prompt
    assert '"hi"' in pages.only.answer


async def test_two_questions_at_once_do_not_share_a_meter() -> None:
    pages = Pages()
    await asyncio.gather(
        NotedEngineer(Talker(), pages).ask(Greet(name="Ada")), NotedEngineer(Plain(), pages).ask(Greet(name="Bo"))
    )
    assert sorted(event.usage.tokens_in for event in pages.events if isinstance(event, Answered)) == [0, 3]
