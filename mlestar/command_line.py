"""What the entry points have in common: the words `mlflow run` passes, and how an error leaves the process."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from mlestar.errors import ConfigError, MleStarError, UserError

EXIT_USER_ERROR = 2
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def exit_with(error: MleStarError) -> NoReturn:
    """Print the error as one line and exit with its code."""
    report(error)
    sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_FAILED)


def report(error: MleStarError) -> None:
    """Print the error as one line."""
    print(f"mlestar: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201 - the one line a person sees


VALUE_OPTIONS = (
    *("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
    *("--package", "-p", "--cfg", "-c", "--experimental-rerun"),
)
"""Options of Hydra that take a value."""
SHOWING_OPTIONS = ("--help", "-h", "--hydra-help", "--version", "--info", "-i", "--shell-completion", "-sc")
"""Options of Hydra that only show something."""
FLAGS = (*SHOWING_OPTIONS, "--multirun", "-m", "--run", "-r", "--resolve")


@dataclass(frozen=True)
class CommandLine:
    """What the user typed."""

    words: tuple[str, ...]
    """Everything as Hydra takes it: it wants all overrides in one place, after the options."""
    overrides: tuple[str, ...]
    config_dir: Path | None
    sweeps: bool
    only_shows: bool

    @classmethod
    def read(cls, arguments: Sequence[str]) -> CommandLine:
        """Sort the words of a command line; raises ConfigError for one that is neither KEY=VALUE nor an option."""
        words = translated(arguments)
        overrides: list[str] = []
        options: list[str] = []
        config_dir: Path | None = None
        remaining = iter(words)
        for word in remaining:
            name, equals, value = word.partition("=")
            if name in VALUE_OPTIONS:
                value = value if equals else next(remaining, "")
                if not value:
                    raise ConfigError(f"{name}: a value is missing; see --help")
                options += [name, value]
                config_dir = Path(value) if name in ("--config-dir", "-cd") else config_dir
            elif word.startswith("-") and name not in FLAGS:
                raise ConfigError(f"{word}: there is no such option; see --help")
            else:
                (options if word.startswith("-") else overrides).append(word)
        return cls(
            words=(*options, *overrides),
            overrides=tuple(overrides),
            config_dir=config_dir,
            sweeps="-m" in words or "--multirun" in words,
            only_shows=any(word.partition("=")[0] in SHOWING_OPTIONS for word in words),
        )


def translated(arguments: Sequence[str]) -> list[str]:
    """Arguments as `mlflow run` passes them, as Hydra wants them; raises ConfigError.

    `overrides=…` is one word that holds several; `--settings.seed 1`, an undeclared -P, is `settings.seed=1`.
    """
    words: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument in VALUE_OPTIONS:
            words += [argument, *islice(remaining, 1)]
        elif argument.startswith("--") and argument.partition("=")[0] not in (*FLAGS, *VALUE_OPTIONS):
            words.append(_undeclared(argument, remaining))
        elif argument.startswith("overrides="):
            words += _split(argument)
        else:
            words.append(argument)
    return words


def _undeclared(argument: str, remaining: Iterator[str]) -> str:
    name, equals, value = argument.removeprefix("--").partition("=")
    given = value if equals else next(remaining, None)
    if given is None:
        raise ConfigError(f"{argument}: there is no such option; see --help")
    return f"{name}={given}"


def _split(argument: str) -> list[str]:
    try:
        return shlex.split(argument.removeprefix("overrides="))
    except ValueError as error:
        raise ConfigError(f"{argument}: a quotation is not closed") from error
