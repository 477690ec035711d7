"""What only the wire of chat completions has: ways to ask for JSON, endpoints without a key."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlestar.engineers.budget import Budget
from mlestar.engineers.openai import open_openai
from mlestar.errors import BadAnswer, ConfigError
from mlestar.questions.initialization import SummarizeTask
from mlestar.questions.refinement import PlanBlock
from tests.engineers.wires import openai_config, openai_engineer, service
from tests.prompts.specimens import ASSIGNMENT, BLOCK, SCRIPT

SUMMARIZE = SummarizeTask(assignment=ASSIGNMENT)
PLAN = PlanBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, score=1.0)


async def test_a_json_answer_is_asked_for_by_schema() -> None:
    with service() as fake:
        async with openai_engineer(fake.url) as engineer:
            await engineer.ask(PLAN)
    schema = fake.seen[0].body["response_format"]["json_schema"]
    assert schema["name"] == "PlanBlock"
    assert schema["schema"]["required"] == ["focus", "plan"]


async def test_an_endpoint_may_know_json_objects_only() -> None:
    with service() as fake:
        async with openai_engineer(fake.url, json_mode="object") as engineer:
            await engineer.ask(PLAN)
    assert fake.seen[0].body["response_format"] == {"type": "json_object"}


async def test_an_endpoint_without_json_mode_is_asked_in_words_from_then_on() -> None:
    with service() as fake:
        fake.faults.append("no_json_mode")
        async with openai_engineer(fake.url) as engineer:
            first = await engineer.ask(PLAN)
            second = await engineer.ask(PLAN)
    assert first == second
    assert ["response_format" in seen.body for seen in fake.seen] == [True, False, False]


async def test_text_is_asked_for_without_any_format() -> None:
    with service() as fake:
        async with openai_engineer(fake.url) as engineer:
            await engineer.ask(SUMMARIZE)
    assert "response_format" not in fake.seen[0].body


async def test_a_blocked_answer_without_choices_is_asked_again_and_then_bad() -> None:
    with service(chaos=("no_candidates",), chaos_share=1.0) as fake:
        async with openai_engineer(fake.url) as engineer:
            with pytest.raises(BadAnswer, match="no choices"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 3


async def test_tuning_reaches_the_wire() -> None:
    tuning = {"PlanBlock": {"model": "other", "temperature": 0.25, "thinking_level": "high", "max_output_tokens": 999}}
    with service() as fake:
        async with openai_engineer(fake.url, tuning=tuning, limit_field="max_tokens") as engineer:
            await engineer.ask(PLAN)
    body = fake.seen[0].body
    sent = (body["model"], body["temperature"], body["reasoning_effort"], body["max_tokens"])
    assert sent == ("other", 0.25, "high", 999)


async def test_a_local_endpoint_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with service() as fake:
        fake.key = ""
        async with openai_engineer(fake.url, api_key_variable=None) as engineer:
            assert (await engineer.ask(SUMMARIZE)).text


async def test_a_missing_key_is_said_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set the environment variable OPENAI_API_KEY"):
        await open_openai(openai_config("http://127.0.0.1:1"), Budget()).__aenter__()


def test_a_search_cannot_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="search is not part of chat completions"):
        openai_config("http://127.0.0.1:1", tuning={"RetrieveModels": {"search": True}})
