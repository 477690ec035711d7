"""Which engineer: the union of their configurations and the one place that opens one.

A new engineer is one file with its configuration, one entry here and one YAML.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mlestar.doors import Engineer
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


EngineerConfig = Annotated[PlaybookConfig | ReplayConfig, Field(discriminator="kind")]


@asynccontextmanager
async def open_engineer(config: EngineerConfig, settings: Settings) -> AsyncIterator[Engineer]:
    """The engineer a configuration names; closing it closes its connections.

    Raises ConfigError when it cannot be used as configured, before anything is started.
    """
    match config:
        case PlaybookConfig():
            yield Playbook()
        case ReplayConfig():
            if not config.tape.is_file():
                raise ConfigError(f"engineer.tape={config.tape}: there is no such file")
            tape = Tape(config.tape)
            try:
                yield ReplayEngineer(tape)
            finally:
                tape.close()
