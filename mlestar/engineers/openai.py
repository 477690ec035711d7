"""Any service that speaks OpenAI's chat completions: Ollama, vLLM, LiteLLM, OpenRouter, OpenAI itself.

The only place that knows the `openai` package, which is an extra: `pip install mlestar[openai]`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import JsonValue

from mlestar.engineers.budget import Budget
from mlestar.engineers.hiring import Hire, check_prices, hiring, key_from
from mlestar.engineers.model import CallFailed, Completion, Finish, Request
from mlestar.engineers.options import Options
from mlestar.engineers.services import JsonMode, OpenAiConfig
from mlestar.engineers.waiting import retry_after_seconds
from mlestar.errors import BadAnswer, ConfigError
from mlestar.events import Usage

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

FINISHES: dict[str, Finish] = {
    "stop": "complete",
    "length": "truncated",
    "content_filter": "refused",
    "tool_calls": "malformed",
    "function_call": "malformed",
}
PASSING = frozenset({408, 409, 429})
USERS = frozenset({401, 403, 404})
"""Codes that the user has to mend: the key, its permissions, the name of the model."""


@asynccontextmanager
async def open_openai(config: OpenAiConfig, budget: Budget) -> AsyncIterator[Hire]:
    """Engineers over an endpoint; the client is closed at the end. Raises ConfigError when something is missing."""
    try:
        import openai
    except ImportError:
        raise ConfigError("engineer=openai needs the extra: pip install 'mlestar[openai]'") from None
    check_prices(config, budget)
    key = key_from(config.api_key_variable) if config.api_key_variable else "none"
    async with openai.AsyncOpenAI(
        api_key=key, base_url=config.base_url, timeout=config.timeout_seconds, max_retries=0
    ) as client:
        yield hiring(OpenAiModel(client, config), config, budget)


class OpenAiModel:
    """An OpenAI-compatible endpoint behind the `Model` protocol."""

    def __init__(self, client: openai.AsyncOpenAI, config: OpenAiConfig) -> None:
        self._client = client
        self._config = config
        self._json_mode = config.json_mode
        """Falls back to words once the endpoint has refused the configured way."""

    def worst_case(self, request: Request) -> Usage:
        return self._config.worst_case(request)

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises CallFailed, BadAnswer when the request is rejected, ConfigError when it is forbidden."""
        import openai

        options = self._config.options_for(request.question, request.group)
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                response = await self._create(request, options)
        except openai.BadRequestError as error:
            if request.answer_schema is not None and self._json_mode != "text" and "response_format" in str(error):
                self._json_mode = "text"
                return await self.complete(request)
            raise BadAnswer(f"the service rejects the request to {_said(options.model, error)}") from None
        except openai.APIStatusError as error:
            raise failure_of(error, options.model) from None
        except (TimeoutError, openai.APITimeoutError):
            seconds = self._config.timeout_seconds
            raise CallFailed(f"{options.model}: no answer in {seconds:g} s", again=True, maybe_charged=True) from None
        except (openai.APIConnectionError, openai.APIResponseValidationError, ValueError) as error:
            fault = f"{options.model}: the connection failed: {_one_line(str(error.__cause__ or error))}"
            raise CallFailed(fault, again=True, maybe_charged=True) from None
        return self._completion(response, options)

    async def _create(self, request: Request, options: Options) -> ChatCompletion:
        extra: dict[str, JsonValue] = {self._config.limit_field: options.max_output_tokens * request.room}
        if options.temperature is not None:
            extra["temperature"] = options.temperature
        if options.thinking_level is not None:
            extra["reasoning_effort"] = options.thinking_level
        if request.answer_schema is not None and self._json_mode != "text":
            extra["response_format"] = _response_format(request.question, request.answer_schema, self._json_mode)
        return await self._client.chat.completions.create(
            model=options.model, messages=_messages(request), extra_body=extra
        )

    def _completion(self, response: ChatCompletion, options: Options) -> Completion:
        usage = self._config.usage(
            options.model,
            response.usage.prompt_tokens if response.usage else 0,
            response.usage.completion_tokens if response.usage else 0,
        )
        if not response.choices:
            return Completion(finish="empty", detail="no choices", usage=usage)
        choice = response.choices[0]
        if choice.message.refusal:
            return Completion(finish="refused", detail=_one_line(choice.message.refusal), usage=usage)
        text = choice.message.content or ""
        finish = FINISHES.get(choice.finish_reason or "", "complete")
        if finish == "complete" and not text.strip():
            finish = "empty"
        return Completion(text=text, finish=finish, detail=choice.finish_reason or "", usage=usage)


def failure_of(error: openai.APIStatusError, model: str) -> CallFailed | ConfigError:
    """Our name for the service's failure: it passes, the user has to act, or trying again does not help."""
    if error.status_code in USERS:
        return ConfigError(f"the service refuses {_said(model, error)}")
    again = error.status_code in PASSING or error.status_code >= 500
    waits = retry_after_seconds(error.response.headers.get("retry-after"))
    return CallFailed(_said(model, error), again=again, retry_after_seconds=waits)


def _messages(request: Request) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": request.instruction}]
    for turn in request.turns:
        if turn.role == "user":
            messages.append({"role": "user", "content": turn.text})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    return messages


def _response_format(question: str, schema: dict[str, JsonValue], mode: JsonMode) -> JsonValue:
    if mode == "object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": question, "schema": schema}}


def _said(model: str, error: openai.APIStatusError) -> str:
    return f"{model}: {error.status_code}: {_one_line(error.message)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
