"""The JSON schema of an answer, in the small dialect that every service understands.

References are written out, titles and defaults are left out, every property is required unless it has a default.
"""

from __future__ import annotations

from pydantic import JsonValue

from mlestar.doors import A, Question
from mlestar.questions.answers import Models
from mlestar.questions.enhancement import Adjustable, AdviseNextRun
from mlestar.records.strategy import PHASES

Schema = dict[str, JsonValue]

KEPT = ("type", "description", "enum", "minimum", "maximum", "required", "minItems", "maxItems")
FROM_SEARCH = ("sources",)
"""Addresses come from the search itself, never from the model's memory."""


def schema_of(question: Question[A]) -> Schema:
    """The schema the answer has to follow."""
    if isinstance(question, AdviseNextRun):
        return _strategy_schema(question.adjustable)
    kind = question.answer_type()
    whole = kind.model_json_schema()
    schema = _plain(whole, whole.get("$defs", {}))
    if issubclass(kind, Models):
        _without(schema, FROM_SEARCH)
    return schema


def _plain(node: Schema, definitions: Schema) -> Schema:
    """A schema node without references and annotations."""
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.rsplit("/", 1)[-1]]
        return _plain(target, definitions) if isinstance(target, dict) else {}
    plain: Schema = {key: value for key, value in node.items() if key in KEPT}
    properties, items = node.get("properties"), node.get("items")
    if isinstance(properties, dict):
        plain["properties"] = {
            name: _plain(inner, definitions) for name, inner in properties.items() if isinstance(inner, dict)
        }
    if isinstance(items, dict):
        plain["items"] = _plain(items, definitions)
    return plain


def _without(schema: JsonValue, names: tuple[str, ...]) -> None:
    """Take the named properties out, wherever they stand."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name in names:
            properties.pop(name, None)
        for inner in properties.values():
            _without(inner, names)
    _without(schema.get("items"), names)


def _strategy_schema(adjustable: tuple[Adjustable, ...]) -> Schema:
    """Services refuse an object without properties, so overrides are only asked for when there is one to make."""
    overrides: Schema = {
        setting.name: {"type": _type_of(setting.current), "description": f"allowed: {setting.allowed}"}
        for setting in adjustable
    }
    goal: Schema = {
        "type": "object",
        "properties": {
            "target_agent_phase": {"type": "string", "enum": list(PHASES)},
            "focus": {"type": "string"},
            "priority": {"type": "integer", "minimum": 1},
            "rationale": {"type": "string"},
        },
        "required": ["target_agent_phase", "focus", "priority", "rationale"],
    }
    asked: Schema = {"strategic_summary": {"type": "string"}, "strategic_goals": {"type": "array", "items": goal}}
    if overrides:
        asked["config_overrides"] = {"type": "object", "properties": overrides}
    return {"type": "object", "properties": asked, "required": list(asked)}


def _type_of(value: int | float | str) -> str:
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"
