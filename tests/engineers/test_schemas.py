"""Schemas keep to the dialect that services take, and say what the reader demands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types
from pydantic import JsonValue

from mlestar.doors import Question
from mlestar.engineers.reading import wants_of
from mlestar.engineers.schemas import KEPT, schema_of
from mlestar.questions.enhancement import Adjustable, AdviseNextRun
from mlestar.questions.initialization import RetrieveModels
from tests.prompts.specimens import ASSIGNMENT, METRIC, SPECIMENS

JSON_QUESTIONS = [question for question in SPECIMENS if wants_of(question) == "json"]


def nodes(schema: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Every schema inside the schema."""
    if not isinstance(schema, dict):
        return
    yield schema
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for inner in properties.values():
            yield from nodes(inner)
    yield from nodes(schema.get("items"))


@pytest.mark.parametrize("question", JSON_QUESTIONS, ids=lambda question: type(question).__name__)
def test_a_schema_is_plain(question: Question[Any]) -> None:
    schema = schema_of(question)
    for node in nodes(schema):
        assert set(node) <= {*KEPT, "properties", "items"}
        assert isinstance(node["type"], str)
        assert node["type"] != "object" or node["properties"]
    types.Schema.model_validate(schema)


@pytest.mark.parametrize("question", JSON_QUESTIONS[:-1], ids=lambda question: type(question).__name__)
def test_a_schema_requires_what_the_answer_requires(question: Question[Any]) -> None:
    fields = question.answer_type().model_fields
    required = schema_of(question).get("required")
    assert isinstance(required, list)
    assert set(required) == {name for name, field in fields.items() if field.is_required()}


def test_addresses_are_not_asked_from_memory() -> None:
    assert "sources" not in str(schema_of(RetrieveModels(assignment=ASSIGNMENT, summary="", count=1)))


def test_only_settings_that_may_be_changed_are_asked_for() -> None:
    settings = (
        Adjustable(name="inner_loop_round", current=2, allowed="1-8"),
        Adjustable(name="exec_timeout", current=60.0, allowed="1-86400"),
        Adjustable(name="use_data_usage_checker", current="off", allowed="auto, on, off"),
    )
    advise = AdviseNextRun(digest="{}", metric=METRIC, adjustable=settings, run_number=1, runs_left=1)
    properties = schema_of(advise)["properties"]
    assert isinstance(properties, dict)
    [_, _, overrides] = properties.values()
    assert isinstance(overrides, dict)
    assert isinstance(overrides["properties"], dict)
    kinds = {name: node["type"] for name, node in overrides["properties"].items() if isinstance(node, dict)}
    assert kinds == {"inner_loop_round": "integer", "exec_timeout": "number", "use_data_usage_checker": "string"}


def test_without_such_settings_no_overrides_are_asked_for() -> None:
    advise = AdviseNextRun(digest="{}", metric=METRIC, adjustable=(), run_number=1, runs_left=1)
    assert "config_overrides" not in str(schema_of(advise))
