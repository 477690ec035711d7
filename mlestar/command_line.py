"""What the entry points have in common: the words `mlflow run` passes, and how an error leaves the process."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from mlestar.errors import MleStarError, UserError

EXIT_USER_ERROR = 2
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def exit_with(error: MleStarError) -> NoReturn:
    """Print the error as one line and exit with its code."""
    print(f"mlestar: {error}", file=sys.stderr)  # noqa: T201 - the one line a person sees
    sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_FAILED)


def translated(arguments: Sequence[str]) -> list[str]:
    """Arguments as `mlflow run` passes them, as Hydra wants them.

    `overrides=…` is one word that holds several; `--settings.seed 1`, an undeclared -P, is `settings.seed=1`.
    """
    words: list[str] = []
    waiting = ""
    for argument in arguments:
        if waiting:
            words.append(f"{waiting}={argument}")
            waiting = ""
        elif argument.startswith("--") and "." in argument and "=" not in argument:
            waiting = argument.removeprefix("--")
        elif argument.startswith("overrides="):
            words += shlex.split(argument.removeprefix("overrides="))
        else:
            words.append(argument)
    return words
