"""The configuration of each service; apart from the clients, because importing those takes a second."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from mlestar.engineers.options import LlmConfig

JsonMode = Literal["schema", "object", "text"]


class GeminiConfig(LlmConfig):
    """Gemini by API key."""

    kind: Literal["gemini"] = "gemini"
    api_key_variable: str = "GEMINI_API_KEY"
    """The environment variable that holds the key; GOOGLE_API_KEY is looked at next."""
    base_url: str | None = None
    """None: GOOGLE_GEMINI_BASE_URL, or the service itself."""
    api_version: str = "v1beta"
    schema_with_search: bool = False
    """Whether the model takes a response schema together with a search."""


class VertexConfig(LlmConfig):
    """Gemini through Vertex AI, with the application default credentials of the environment."""

    kind: Literal["vertex"] = "vertex"
    project: str | None = None
    """None: GOOGLE_CLOUD_PROJECT."""
    location: str | None = None
    """None: GOOGLE_CLOUD_LOCATION, or global."""
    base_url: str | None = None
    api_version: str = "v1"
    schema_with_search: bool = False


class OpenAiConfig(LlmConfig):
    """An endpoint with OpenAI's chat completions."""

    kind: Literal["openai"] = "openai"
    base_url: str | None = None
    """None: OPENAI_BASE_URL, or OpenAI itself."""
    api_key_variable: str | None = "OPENAI_API_KEY"
    """The environment variable that holds the key; None for an endpoint that wants none."""
    json_mode: JsonMode = "schema"
    """How JSON is asked for: by schema, as an object, or in words only."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """The name the endpoint gives to the output limit; older ones say max_tokens."""

    @model_validator(mode="after")
    def _cannot_search(self) -> OpenAiConfig:
        asked = [key for key, tuning in self.tuning.items() if tuning.search]
        if self.search or asked:
            raise ValueError("search is not part of chat completions; leave it off for engineer=openai")
        return self
