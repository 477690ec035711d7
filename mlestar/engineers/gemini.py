"""Gemini, by API key or through Vertex AI: the only place that knows google-genai.

Foreign errors and foreign ways to end an answer are mapped to ours here, each as itself.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from google import genai
from google.auth.exceptions import GoogleAuthError
from google.genai import errors, types

from mlestar.engineers.budget import Budget
from mlestar.engineers.hiring import Hire, check_prices, hiring, key_from
from mlestar.engineers.model import CallFailed, Completion, Finish, Request
from mlestar.engineers.options import Options
from mlestar.engineers.services import GeminiConfig, VertexConfig
from mlestar.engineers.waiting import retry_after_seconds
from mlestar.errors import BadAnswer, ConfigError
from mlestar.events import Usage

FINISHES: dict[str, Finish] = {
    "STOP": "complete",
    "MAX_TOKENS": "truncated",
    "SAFETY": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "LANGUAGE": "refused",
    "RECITATION": "recited",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
    "TOO_MANY_TOOL_CALLS": "malformed",
    "MALFORMED_RESPONSE": "malformed",
}
"""Every other reason leaves the text, if there is one, to the reader."""
PASSING = frozenset({408, 409, 429, 499, 500, 502, 503, 504, 529})
USERS = frozenset({401, 403, 404})
"""Codes that the user has to mend: the key, its permissions, the name of the model."""
DELAY = re.compile(r"^([\d.]+)s$")


@asynccontextmanager
async def open_gemini(config: GeminiConfig | VertexConfig, budget: Budget) -> AsyncIterator[Hire]:
    """Engineers over Gemini; the client is closed at the end. Raises ConfigError when key or price is missing."""
    check_prices(config, budget)
    async with httpx2.AsyncClient(timeout=config.timeout_seconds, follow_redirects=True) as transport:
        options = types.HttpOptions(
            api_version=config.api_version, base_url=config.base_url, httpx_async_client=transport
        )
        client = _vertex(config, options) if isinstance(config, VertexConfig) else _by_key(config, options)
        try:
            yield hiring(GeminiModel(client, config), config, budget)
        finally:
            await client.aio.aclose()
            client.close()


def _by_key(config: GeminiConfig, options: types.HttpOptions) -> genai.Client:
    return genai.Client(
        api_key=key_from(config.api_key_variable, "GOOGLE_API_KEY"), vertexai=False, http_options=options
    )


def _vertex(config: VertexConfig, options: types.HttpOptions) -> genai.Client:
    project = config.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise ConfigError("engineer.project: name the Google Cloud project, or set GOOGLE_CLOUD_PROJECT")
    location = config.location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    try:
        return genai.Client(vertexai=True, project=project, location=location, http_options=options)
    except GoogleAuthError as error:
        raise ConfigError(f"engineer=vertex: no application default credentials: {_one_line(str(error))}") from None


class GeminiModel:
    """Gemini behind the `Model` protocol."""

    def __init__(self, client: genai.Client, config: GeminiConfig | VertexConfig) -> None:
        self._client = client
        self._config = config

    def worst_case(self, request: Request) -> Usage:
        return self._config.worst_case(request)

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises CallFailed, BadAnswer when the request is rejected, ConfigError when it is forbidden."""
        options = self._config.options_for(request.question, request.group)
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                response = await self._client.aio.models.generate_content(
                    model=options.model,
                    contents=[_content(turn.role, turn.text) for turn in request.turns],
                    config=self._settings(request, options),
                )
        except errors.APIError as error:
            raise failure_of(error, options.model) from None
        except (TimeoutError, httpx2.TimeoutException):
            seconds = self._config.timeout_seconds
            raise CallFailed(f"{options.model}: no answer in {seconds:g} s", again=True, maybe_charged=True) from None
        except (httpx2.HTTPError, OSError) as error:
            fault = f"{options.model}: the connection failed: {_one_line(str(error)) or type(error).__name__}"
            raise CallFailed(fault, again=True, maybe_charged=not isinstance(error, httpx2.ConnectError)) from None
        except GoogleAuthError as error:
            raise ConfigError(f"{options.model}: the credentials do not work: {_one_line(str(error))}") from None
        except ValueError as error:
            fault = f"{options.model}: the service's reply is not readable: {_one_line(str(error))}"
            raise CallFailed(fault, again=True, maybe_charged=True) from None
        return self._completion(response, options)

    def _settings(self, request: Request, options: Options) -> types.GenerateContentConfig:
        schema = request.answer_schema if not options.search or self._config.schema_with_search else None
        thinks = options.thinking_level is not None or options.thinking_tokens is not None
        level = types.ThinkingLevel(options.thinking_level.upper()) if options.thinking_level else None
        return types.GenerateContentConfig(
            system_instruction=request.instruction,
            temperature=options.temperature,
            max_output_tokens=options.max_output_tokens * request.room,
            response_mime_type="application/json" if schema else None,
            response_schema=types.Schema.model_validate(schema) if schema else None,
            tools=[types.Tool(google_search=types.GoogleSearch())] if options.search else None,
            thinking_config=types.ThinkingConfig(thinking_level=level, thinking_budget=options.thinking_tokens)
            if thinks
            else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )

    def _completion(self, response: types.GenerateContentResponse, options: Options) -> Completion:
        candidates = response.candidates or []
        candidate = candidates[0] if candidates else None
        sources = sources_of(candidate)
        usage = self._usage(response.usage_metadata, options, searches_of(candidate))
        if candidate is None:
            feedback = response.prompt_feedback
            reason = feedback.block_reason.value if feedback and feedback.block_reason else ""
            if reason:
                return Completion(finish="refused", detail=f"the prompt: {reason}", again=False, usage=usage)
            return Completion(finish="empty", detail="no candidates", usage=usage)
        text = text_of(candidate)
        reason = candidate.finish_reason.value if candidate.finish_reason else ""
        finish = FINISHES.get(reason, "complete")
        if finish == "complete" and not text.strip():
            finish = "empty"
        return Completion(text=text, finish=finish, detail=reason, usage=usage, sources=sources)

    def _usage(
        self, metadata: types.GenerateContentResponseUsageMetadata | None, options: Options, searches: int
    ) -> Usage:
        if metadata is None:
            return self._config.usage(options.model, 0, 0)
        tokens_in = (metadata.prompt_token_count or 0) + (metadata.tool_use_prompt_token_count or 0)
        tokens_out = (metadata.candidates_token_count or 0) + (metadata.thoughts_token_count or 0)
        return self._config.usage(options.model, tokens_in, tokens_out, searches)


def text_of(candidate: types.Candidate) -> str:
    """The text parts in order; thoughts and parts of other kinds are no part of the answer."""
    parts = (candidate.content.parts if candidate.content else None) or []
    return "".join(part.text for part in parts if part.text and not part.thought)


def sources_of(candidate: types.Candidate | None) -> tuple[str, ...]:
    """Addresses of the pages a search rested on, without repeats."""
    grounding = candidate.grounding_metadata if candidate else None
    chunks = (grounding.grounding_chunks if grounding else None) or []
    return tuple(dict.fromkeys(chunk.web.uri for chunk in chunks if chunk.web and chunk.web.uri))


def searches_of(candidate: types.Candidate | None) -> int:
    """How many searches were made; each is paid for."""
    grounding = candidate.grounding_metadata if candidate else None
    return len((grounding.web_search_queries if grounding else None) or [])


def failure_of(error: errors.APIError, model: str) -> CallFailed | BadAnswer | ConfigError:
    """Our name for the service's failure: it passes, the user has to act, or the request itself is rejected."""
    said = f"{model}: {error.code} {error.status or ''}: {_one_line(error.message or '')}"
    if error.code in PASSING:
        return CallFailed(said, again=True, retry_after_seconds=_retry_after(error))
    if error.code in USERS or error.status == "FAILED_PRECONDITION" or "api key" in said.lower():
        return ConfigError(f"the service refuses {said}")
    if error.code == 400:
        return BadAnswer(f"the service rejects the request to {said}")
    return CallFailed(said, again=False)


def _retry_after(error: errors.APIError) -> float | None:
    """Seconds from the header or from the RetryInfo of the error's details."""
    headers = getattr(error.response, "headers", None) or {}
    named = retry_after_seconds(headers.get("retry-after"))
    if named is not None:
        return named
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error", body)
    for detail in inner.get("details", []) if isinstance(inner, dict) else []:
        match = DELAY.match(str(detail.get("retryDelay", ""))) if isinstance(detail, dict) else None
        if match:
            return float(match[1])
    return None


def _content(role: str, text: str) -> types.Content:
    return types.Content(role=role, parts=[types.Part(text=text)])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
