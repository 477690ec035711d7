"""The runs of a task, read from MLflow.

python -m mlestar.history task=diabetes
python -m mlestar.history task=diabetes --json | jq '.[].best_score'
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import TextIO

from pydantic import PositiveInt, ValidationError
from rich.console import Console

from mlestar.command_line import exit_with
from mlestar.config import compose_store
from mlestar.errors import ConfigError, MleStarError
from mlestar.records.base import Record
from mlestar.tracking.history import history_table, history_text
from mlestar.tracking.store import StoreConfig, open_store

USAGE = "history takes task=NAME, study=ID (or latest), limit=N, store=NAME, store.KEY=VALUE and --json"


class Wanted(Record):
    """What is asked for."""

    task: str
    study: str | None = None
    limit: PositiveInt | None = None
    json_text: bool = False
    store: StoreConfig = StoreConfig()


def main() -> None:
    """The entry point; exits with 2 for the user's errors and 1 for the world's."""
    try:
        show(wanted_of(sys.argv[1:]), sys.stdout, os.environ.get("MLFLOW_RUN_ID"))
    except MleStarError as error:
        exit_with(error)


def wanted_of(arguments: Sequence[str]) -> Wanted:
    """The arguments, checked; raises ConfigError. `overrides=…` is one word that holds several."""
    words = [part for word in arguments for part in _parts(word)]
    given: dict[str, str | bool | StoreConfig] = {}
    places: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if word == "--json":
            given["json_text"] = True
        elif equals and (key == "store" or key.startswith("store.")):
            places.append(word)
        elif equals and key in ("task", "study", "limit"):
            given[key] = value
        else:
            raise ConfigError(f"{word}: {USAGE}")
    if not given.get("task"):
        raise ConfigError(f"task= is missing: {USAGE}")
    given["task"] = PurePath(str(given["task"])).name
    try:
        return Wanted.model_validate({**given, "store": compose_store(places)})
    except ValidationError as error:
        raise ConfigError(f"limit={given['limit']}: not a whole number above 0") from error


def show(wanted: Wanted, out: TextIO, project_run_id: str | None = None) -> None:
    """Print the history as a table, or as JSON text; the run that `mlflow run` made for it says what it is."""
    store = open_store(wanted.store)
    study = store.latest_study(wanted.task) if wanted.study == "latest" else wanted.study
    history = store.history(wanted.task, study_id=study, limit=wanted.limit)
    if wanted.json_text:
        out.write(history_text(history) + "\n")
    elif history.runs:
        Console(file=out, width=None if out.isatty() else 160).print(history_table(history, wanted.task))
    else:
        out.write(f"no run of the task {wanted.task} in {store.uri}\n")
    if project_run_id is not None:
        store.mark_look(project_run_id, wanted.task)


def _parts(word: str) -> list[str]:
    if not word.startswith("overrides="):
        return [word]
    try:
        return shlex.split(word.removeprefix("overrides="))
    except ValueError as error:
        raise ConfigError(f"{word}: {error}") from error


if __name__ == "__main__":
    main()
