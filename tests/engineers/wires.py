"""Both wires of the loopback service behind the real clients, for tests that hold for either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from mlestar.doors import A, Question
from mlestar.engineers.budget import Budget
from mlestar.engineers.gemini import open_gemini
from mlestar.engineers.llm import LlmEngineer
from mlestar.engineers.openai import open_openai
from mlestar.engineers.options import Tuning
from mlestar.engineers.prices import Price
from mlestar.engineers.services import GeminiConfig, OpenAiConfig
from mlestar.questions.answers import Code, Idea, Leakage, Models, Target, Text, Variation, Variations
from mlestar.records.base import Record
from mlestar.records.settings import Settings
from mlestar.records.solution import ModelIdea
from tests.prompts.specimens import BLOCK, SCRIPT
from tests.wire.server import FakeService

KEY = "planted-key-7f3a"
PRICES = {"tiny": Price(input_usd=1, output_usd=10, search_usd=0.01)}
QUICK = {"model": "tiny", "prices": PRICES, "timeout_seconds": 1, "pause_seconds": 0.05}
ANSWERS: dict[type[Record], Record] = {
    Code: Code(source='value = train["price"].median()\n'),
    Text: Text(text="It is about flats."),
    Idea: Idea(focus="encoding", plan="Count districts."),
    Target: Target(block=BLOCK, focus="encoding", plan="Count districts."),
    Models: Models(models=(ModelIdea(name="LightGBM", description="Trees."), ModelIdea(name="Ridge"))),
    Leakage: Leakage(leaks=True, block=BLOCK, reason="It sees all rows."),
    Variations: Variations(
        variations=(Variation(component="value", change="zero", block=BLOCK, replacement="value = 0"),)
    ),
}


class Prepared:
    """Gives the prepared answer of each type; remembers how many were asked at the same time."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.now = 0
        self.most = 0

    async def ask(self, question: Question[A]) -> A:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        self.now -= 1
        return question.answer_type().model_validate(ANSWERS[question.answer_type()].model_dump())


def service(**settings: Any) -> FakeService:
    return FakeService(settings.pop("engineer", Prepared()), key=KEY, **settings)


def gemini_config(url: str, **changes: Any) -> GeminiConfig:
    own = {"RetrieveModels": Tuning(search=True)}
    return GeminiConfig.model_validate(
        {
            "model": "tiny",
            "base_url": url,
            "prices": PRICES,
            "timeout_seconds": 1,
            "pause_seconds": 0.05,
            "tuning": own,
            **changes,
        }
    )


def openai_config(url: str, **changes: Any) -> OpenAiConfig:
    return OpenAiConfig.model_validate(
        {
            "model": "tiny",
            "base_url": f"{url}/v1",
            "prices": PRICES,
            "timeout_seconds": 1,
            "pause_seconds": 0.05,
            **changes,
        }
    )


@asynccontextmanager
async def gemini_engineer(url: str, budget: Budget | None = None, **changes: Any) -> AsyncIterator[LlmEngineer]:
    async with open_gemini(gemini_config(url, **changes), budget or Budget()) as hire:
        yield hire(Settings(max_retry=2))


@asynccontextmanager
async def openai_engineer(url: str, budget: Budget | None = None, **changes: Any) -> AsyncIterator[LlmEngineer]:
    async with open_openai(openai_config(url, **changes), budget or Budget()) as hire:
        yield hire(Settings(max_retry=2))


Opening = Callable[..., AbstractAsyncContextManager[LlmEngineer]]
WIRES: dict[str, Opening] = {"gemini": gemini_engineer, "openai": openai_engineer}
__all__ = ["ANSWERS", "KEY", "SCRIPT", "WIRES", "Prepared", "gemini_config", "openai_config", "service"]
