"""The history command: what it takes, and what it shows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mlestar.config import Composition, compose_layers
from mlestar.errors import ConfigError
from mlestar.history import show, wanted_of


def test_the_words_of_mlflow_run_are_understood() -> None:
    wanted = wanted_of(
        ["task=../tasks/houses", "overrides=study=latest limit=3 --json store.tracking_uri=sqlite:///x.db"]
    )
    assert (wanted.task, wanted.study, wanted.limit, wanted.json_text) == ("houses", "latest", 3, True)
    assert wanted.store.tracking_uri == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "task= is missing"),
        (["task=x", "colour=red"], r"colour=red: history takes task=NAME"),
        (["task=x", "limit=0"], r"limit=0: not a whole number above 0"),
        (["task=x", "limit=many"], r"limit=many: not a whole number"),
        (["task=x", "overrides='"], "overrides='"),
        (["task=x", "store=attic"], r"store=attic: there is no such choice; allowed: .*default"),
        (["task=x", "store.open_seconds=-1"], r"store\.open_seconds=-1: Input should be greater than 0"),
    ],
)
def test_a_wrong_word_is_one_clear_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        wanted_of(words)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_task_without_runs_has_an_empty_history(tmp_path: Path) -> None:
    place = f"store.tracking_uri=sqlite:///{tmp_path}/mlflow.db"
    for flag, expected in (("", "no run of the task houses in sqlite"), ("--json", "[]")):
        out = io.StringIO()
        show(wanted_of(["task=houses", place, f"overrides={flag}"]), out)
        assert out.getvalue().startswith(expected)
    assert json.loads(out.getvalue()) == []


def test_the_password_of_a_store_is_not_recorded_with_a_run() -> None:
    words = ("store.tracking_uri=postgresql+psycopg://me:secret@db/x",)
    configuration = Composition(compose_layers(words), words).for_run("")
    assert "secret" not in configuration.composed_yaml
    assert "me:***@db/x" in configuration.composed_yaml
