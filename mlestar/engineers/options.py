"""How a language model is asked: which one, how warm, how long, how patiently; for each question if need be."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlestar.doors import Question
from mlestar.engineers.model import Request
from mlestar.engineers.prices import Price, price_of
from mlestar.events import Usage
from mlestar.questions import enhancement, ensemble, initialization, refinement, review, submission
from mlestar.records.base import Record

ThinkingLevel = Literal["minimal", "low", "medium", "high"]
Temperature = Annotated[float, Field(ge=0, le=2)]
OutputTokens = Annotated[int, Field(ge=256, le=1_000_000)]
ThinkingTokens = Annotated[int, Field(ge=-1, le=1_000_000)]

_MODULES = (initialization, refinement, ensemble, submission, review, enhancement)
GROUPS: tuple[str, ...] = tuple(module.__name__.rpartition(".")[2] for module in _MODULES)
SEARCH_TOKENS = 50_000
"""Allowance for what searches put into the prompt."""
MOST_SEARCHES = 8
"""Allowance for the searches of one answer."""


class Tuning(Record):
    """What differs for one question or one group of questions; None means as elsewhere."""

    model: str | None = None
    temperature: Temperature | None = None
    max_output_tokens: OutputTokens | None = None
    thinking_level: ThinkingLevel | None = None
    thinking_tokens: ThinkingTokens | None = None
    search: bool | None = None


class Options(Record):
    """How one question is asked."""

    model: str
    temperature: Temperature | None
    max_output_tokens: OutputTokens
    thinking_level: ThinkingLevel | None
    thinking_tokens: ThinkingTokens | None
    search: bool


class LlmConfig(Record):
    """What every service has in common. Keys of `tuning` are names of questions or of their groups."""

    model: str = Field(min_length=1)
    temperature: Temperature | None = None
    """None leaves it to the service."""
    max_output_tokens: OutputTokens = 32_768
    """Of one answer, thinking included."""
    thinking_level: ThinkingLevel | None = None
    thinking_tokens: ThinkingTokens | None = None
    """For models that take a number instead of a level; 0 is none, -1 is the model's own choice."""
    search: bool = False
    tuning: dict[str, Tuning] = {}
    prices: dict[str, Price] = {}
    """By model; `*` for all others."""
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = 8
    """Calls at the same time."""
    timeout_seconds: Annotated[float, Field(ge=1, le=3600)] = 300
    """Of one attempt."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 6
    """Attempts of one call when the service fails."""
    pause_seconds: Annotated[float, Field(ge=0.01, le=60)] = 2
    """The first pause is random below this; it doubles with every failure, up to a minute."""
    max_wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 900
    """After this long no further attempt is made."""

    @field_validator("tuning")
    @classmethod
    def _names_questions(cls, tuning: dict[str, Tuning]) -> dict[str, Tuning]:
        known = (*GROUPS, *question_names())
        unknown = sorted(set(tuning) - set(known))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no question; allowed are {', '.join(known)}")
        return tuning

    def options_for(self, question: str, group: str) -> Options:
        """The question's own tuning over its group's over what holds for all."""
        chosen: dict[str, object] = {name: getattr(self, name) for name in Options.model_fields}
        for key in (group, question):
            own = self.tuning.get(key)
            if own is not None:
                chosen.update(own.model_dump(exclude_none=True))
        return Options.model_validate(chosen)

    def models(self) -> tuple[str, ...]:
        """Every model that may be asked."""
        own = (tuning.model for tuning in self.tuning.values() if tuning.model is not None)
        return tuple(dict.fromkeys((self.model, *own)))

    def usage(self, model: str, tokens_in: int, tokens_out: int, searches: int = 0) -> Usage:
        """What a call used, with its price when that is known."""
        price = price_of(self.prices, model)
        usd = None if price is None else price.of(tokens_in, tokens_out, searches)
        return Usage(model=model, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)

    def worst_case(self, request: Request) -> Usage:
        """The most that one attempt can use: every byte a token, the whole output limit, a search if allowed."""
        options = self.options_for(request.question, request.group)
        found, searches = (SEARCH_TOKENS, MOST_SEARCHES) if options.search else (0, 0)
        tokens_out = options.max_output_tokens * request.room
        return self.usage(options.model, request.size_bytes + found, tokens_out, searches)


def question_names() -> tuple[str, ...]:
    """Names of all questions."""
    return tuple(name for module in _MODULES for name, value in vars(module).items() if _is_question_of(module, value))


def _is_question_of(module: ModuleType, value: object) -> bool:
    """Whether the module defines this question; pydantic leaves classes like `Question[Code]` there as well."""
    if not isinstance(value, type) or not issubclass(value, Question):
        return False
    return value.__module__ == module.__name__ and "[" not in value.__name__
