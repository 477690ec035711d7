"""What only Gemini's wire has: searches, schemas, thinking, reasons to wait."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import errors

from mlestar.engineers.budget import Budget
from mlestar.engineers.gemini import failure_of, open_gemini
from mlestar.engineers.model import CallFailed
from mlestar.engineers.services import VertexConfig
from mlestar.errors import BadAnswer, ConfigError, EngineerUnavailable
from mlestar.events import metered
from mlestar.questions.initialization import RetrieveModels, SummarizeTask
from mlestar.questions.refinement import PlanBlock
from mlestar.records.settings import Settings
from tests.engineers.wires import KEY, gemini_config, gemini_engineer, service
from tests.prompts.specimens import ASSIGNMENT, BLOCK, SCRIPT
from tests.wire.replies import SOURCE

SUMMARIZE = SummarizeTask(assignment=ASSIGNMENT)
RETRIEVE = RetrieveModels(assignment=ASSIGNMENT, summary="Flats.", count=2)
PLAN = PlanBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, score=1.0)


async def test_a_search_leaves_its_addresses_on_the_models_and_on_the_meter() -> None:
    with service() as fake, metered() as meter:
        async with gemini_engineer(fake.url) as engineer:
            answer = await engineer.ask(RETRIEVE)
    assert meter.sources == (SOURCE,)
    assert {idea.sources for idea in answer.models} == {(SOURCE,)}
    [seen] = fake.seen
    assert seen.body["tools"] == [{"googleSearch": {}}]
    assert "responseSchema" not in seen.body["generationConfig"]


async def test_a_search_is_paid_for() -> None:
    with service() as fake, metered() as meter:
        async with gemini_engineer(fake.url) as engineer:
            await engineer.ask(RETRIEVE)
    tokens = meter.usage.tokens_in + meter.usage.tokens_out * 10
    assert meter.usage.usd == pytest.approx(tokens / 1e6 + 0.01)


async def test_a_model_that_takes_both_gets_the_schema_with_the_search() -> None:
    with service() as fake:
        async with gemini_engineer(fake.url, schema_with_search=True) as engineer:
            await engineer.ask(RETRIEVE)
    assert fake.seen[0].body["generationConfig"]["responseMimeType"] == "application/json"


async def test_a_json_answer_is_asked_for_by_schema_and_without_a_search() -> None:
    with service() as fake:
        async with gemini_engineer(fake.url) as engineer:
            await engineer.ask(PLAN)
    body = fake.seen[0].body
    assert body["generationConfig"]["responseSchema"]["required"] == ["focus", "plan"]
    assert "tools" not in body


async def test_tuning_reaches_the_wire() -> None:
    tuning = {"refinement": {"model": "other", "temperature": 0.25, "thinking_level": "low", "max_output_tokens": 999}}
    with service() as fake:
        async with gemini_engineer(fake.url, tuning=tuning) as engineer:
            await engineer.ask(PLAN)
    [seen] = fake.seen
    settings = seen.body["generationConfig"]
    assert "/models/other:generateContent" in seen.path
    assert (settings["temperature"], settings["maxOutputTokens"]) == (0.25, 999)
    assert list(settings["thinkingConfig"].values()) == ["LOW"]


async def test_thinking_counts_as_output() -> None:
    with service() as fake, metered() as meter:
        async with gemini_engineer(fake.url) as engineer:
            await engineer.ask(SUMMARIZE)
    assert meter.usage.tokens_out == 100 + len("It is about flats.") // 4


async def test_a_blocked_prompt_is_not_asked_again() -> None:
    with service() as fake:
        fake.faults.append("prompt_blocked")
        async with gemini_engineer(fake.url) as engineer:
            with pytest.raises(BadAnswer, match="PROHIBITED_CONTENT"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1


async def test_the_pause_in_the_error_body_is_read() -> None:
    with service() as fake:
        fake.faults.append("429_retry_info")
        async with gemini_engineer(fake.url, max_wait_seconds=5) as engineer:
            with pytest.raises(EngineerUnavailable, match="429"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1  # 7 s are asked for, patience is 5 s


@pytest.mark.parametrize(
    ("code", "status", "message", "kind"),
    [
        (429, "RESOURCE_EXHAUSTED", "slow down", CallFailed),
        (400, "INVALID_ARGUMENT", "the input is too long", BadAnswer),
        (400, "INVALID_ARGUMENT", "API key not valid", ConfigError),
        (400, "FAILED_PRECONDITION", "not in this country", ConfigError),
        (403, "PERMISSION_DENIED", "forbidden", ConfigError),
        (404, "NOT_FOUND", "no such model", ConfigError),
        (418, "TEAPOT", "a teapot", CallFailed),
    ],
)
def test_each_refusal_is_named_by_who_has_to_act(code: int, status: str, message: str, kind: type[Exception]) -> None:
    body: dict[str, Any] = {"error": {"code": code, "message": message, "status": status, "details": ["odd"]}}
    assert isinstance(failure_of(errors.ClientError(code, body), "tiny"), kind)


async def test_a_missing_key_is_said_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    with pytest.raises(ConfigError, match="set the environment variable GEMINI_API_KEY or GOOGLE_API_KEY"):
        await open_gemini(gemini_config("http://127.0.0.1:1"), Budget()).__aenter__()


async def test_the_other_variable_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    with service() as fake:
        async with gemini_engineer(fake.url) as engineer:
            await engineer.ask(SUMMARIZE)
    assert fake.seen[0].key == KEY


async def test_the_address_of_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as fake:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", fake.url)
        async with gemini_engineer("", base_url=None) as engineer:
            await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1


async def test_vertex_without_a_project_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(ConfigError, match=r"engineer\.project"):
        await open_gemini(VertexConfig(model="tiny"), Budget()).__aenter__()


async def test_a_limit_in_usd_without_a_price_is_said_at_the_start() -> None:
    with pytest.raises(ConfigError, match="the price of tiny is unknown"):
        await open_gemini(gemini_config("http://127.0.0.1:1", prices={}), Budget(max_usd=1)).__aenter__()


async def test_retries_follow_the_settings_of_the_run() -> None:
    with service(chaos=("empty_text",), chaos_share=1.0) as fake:
        async with open_gemini(gemini_config(fake.url), Budget()) as hire:
            with pytest.raises(BadAnswer):
                await hire(Settings(max_retry=1)).ask(SUMMARIZE)
    assert len(fake.seen) == 2
