"""Which engineer: the union of their configurations and the one place that opens one.

A new engineer is one file with its configuration, one entry here and one YAML.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mlestar.doors import Engineer
from mlestar.engineers.budget import Budget
from mlestar.engineers.services import GeminiConfig, OpenAiConfig, VertexConfig
from mlestar.errors import ConfigError
from mlestar.playbook.book import Playbook, PlaybookConfig
from mlestar.records.base import Record
from mlestar.records.settings import Settings
from mlestar.tape.tape import Tape
from mlestar.tape.taped import ReplayEngineer


class ReplayConfig(Record):
    """`engineer=replay`: the answers come from the tape of an earlier run, the scripts are executed anew."""

    kind: Literal["replay"] = "replay"
    tape: Path
    """`tape.jsonl` of the run."""


EngineerConfig = Annotated[
    PlaybookConfig | GeminiConfig | VertexConfig | OpenAiConfig | ReplayConfig, Field(discriminator="kind")
]
Hire = Callable[[Settings], Engineer]
"""The engineer of one run, given its settings; what lies behind it is shared by the study."""


@asynccontextmanager
async def open_engineer(config: EngineerConfig, budget: Budget) -> AsyncIterator[Hire]:
    """The engineer a configuration names, within the budget of the study; closing it closes its connections.

    Raises ConfigError when it cannot be used as configured, before anything is started.
    """
    match config:
        case PlaybookConfig():
            yield lambda settings: Playbook()
        case GeminiConfig() | VertexConfig():
            from mlestar.engineers.gemini import open_gemini

            async with open_gemini(config, budget) as hire:
                yield hire
        case OpenAiConfig():
            from mlestar.engineers.openai import open_openai

            async with open_openai(config, budget) as hire:
                yield hire
        case ReplayConfig():
            if not config.tape.is_file():
                raise ConfigError(f"engineer.tape={config.tape}: there is no such file")
            tape = Tape(config.tape)
            try:
                yield lambda settings: ReplayEngineer(tape)
            finally:
                tape.close()
