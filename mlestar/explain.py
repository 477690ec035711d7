"""Says what is wrong with a configuration in one line: the key, the layer it came from, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mlestar.records.settings import Settings

Tree = Mapping[str, object]
"""A configuration as plain mappings."""

SAME_KEY = {"settings.seed": "seed"}
"""Keys of conf/ that take the value of another."""
_KINDS = {"bundled", "folder", "playbook", "gemini", "vertex", "openai", "replay", "engineer", "bayes", "off"}


@dataclass(frozen=True)
class Layers:
    """The layers a configuration was composed of."""

    defaults: Tree
    composed: Tree
    enhancer: Tree
    overrides: Sequence[str]
    """The user's command line."""

    def source(self, key: str) -> str:
        """The layer that a key came from, in words."""
        if value_at(self.enhancer, key) is not None:
            return "the Enhancer's file"
        named = [word.lstrip("+").partition("=")[0] for word in self.overrides]
        if any(SAME_KEY.get(name, name) == key or name.startswith(f"{key}.") for name in named):
            return "command line"
        if value_at(self.defaults, key) == value_at(self.composed, key) is not None:
            return "defaults"
        return next((word for word in self.overrides if word.startswith("user=")), "a user file")


def value_at(tree: Tree, key: str) -> object:
    """The value under a dotted key; None when there is none."""
    found: object = tree
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def invalid_line(invalid: ValidationError, layers: Layers, model: type[BaseModel]) -> str:
    """`settings.num_solutions=9 (command line): Input should be less than or equal to 8; allowed: 1-8`."""
    return "; ".join(dict.fromkeys(_line(error, layers, model) for error in invalid.errors()))


def _line(error: ErrorDetails, layers: Layers, model: type[BaseModel]) -> str:
    path = [part for part in error["loc"] if isinstance(part, str)]
    key = ".".join(part for place, part in enumerate(path) if not (place == 1 and part in _KINDS | {"local", "ray"}))
    key = SAME_KEY.get(key, key)
    source = layers.source(key)
    if error["type"] == "extra_forbidden":
        return f"{key} ({source}): there is no such key{_hint(key, layers.defaults)}"
    allowed = _allowed(path, model)
    value = "" if isinstance(error["input"], dict) else f"={error['input']}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}{value} ({source}): {message}{f'; allowed: {allowed}' if allowed else ''}"


def _hint(key: str, defaults: Tree) -> str:
    if key == "user":
        return "; the first line of a user file is `# @package _global_`"
    return did_you_mean(key, defaults)


def did_you_mean(key: str, defaults: Tree) -> str:
    """The keys that look like this one, those beside it first; empty when none does."""
    parent, _, leaf = key.rpartition(".")
    beside = value_at(defaults, parent) if parent else defaults
    near = difflib.get_close_matches(leaf, beside if isinstance(beside, Mapping) else (), n=2)
    close = [f"{parent}.{name}" if parent else name for name in near]
    if not close:
        leaves = {known.rpartition(".")[2]: known for known in keys_of(defaults)}
        close = [leaves[name] for name in difflib.get_close_matches(leaf, leaves, n=2, cutoff=0.75)]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def keys_of(tree: Tree, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a configuration."""
    for name, value in tree.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from keys_of(value, f"{prefix}{name}.")


def _allowed(path: Sequence[str], model: type[BaseModel]) -> str:
    """The range of a setting, or of a number at the top."""
    if path[0] == "settings" and len(path) > 1:
        field = Settings.model_fields.get(path[1])
    else:
        field = model.model_fields.get(path[0]) if path[0] in ("runs", "seed") else None
    return "" if field is None else range_in_words(field)


def range_in_words(field: FieldInfo) -> str:
    """What a field may hold: `1-8`, `above 0 or null`, `auto, on, off`."""
    return _words(TypeAdapter(Annotated[field.annotation, field]).json_schema())  # type: ignore[arg-type]


def _words(schema: Mapping[str, object]) -> str:
    anyof = schema.get("anyOf")
    if isinstance(anyof, list):
        return " or ".join(_words(one) for one in anyof)
    choices = schema.get("enum")
    if isinstance(choices, list):
        return ", ".join(map(str, choices))
    low, high, above = (schema.get(name) for name in ("minimum", "maximum", "exclusiveMinimum"))
    if low is not None:
        return f"at least {low}" if high is None else f"{low}-{high}"
    if above is not None:
        return f"above {above}"
    return {"array": "a list [NAME,NAME]", "boolean": "true, false"}.get(str(schema.get("type")), f"{schema['type']}")


def hydra_line(message: str, defaults: Tree) -> str:
    """A message of Hydra, or of the reader of YAML, as one line that names the key and what is allowed."""
    text = message.strip()
    missing = re.search(r"Could not find '([^']+)'(?:.*?Available options in '[^']+':(.*))?", text, re.DOTALL)
    if missing is not None:
        group, _, name = missing[1].rpartition("/")
        options: Iterable[str] = sorted(re.findall(r"^\s+(\S+)$", missing[2] or "", re.MULTILINE))
        return f"{group}={name}: there is no such choice; allowed: {', '.join(options) or 'none'}"
    unknown = re.search(r"Could not (?:override|delete from config\.) ?'([^']+)'", text)
    if unknown is not None:
        return f"{unknown[1]} (command line): there is no such key{did_you_mean(unknown[1], defaults)}"
    absent = re.search(r"Missing mandatory value.*full_key: (\S+)", text, re.DOTALL)
    if absent is not None:
        return f"{absent[1]}: give a value, {absent[1]}=VALUE"
    return re.sub(r" See https://hydra\.cc\S*( for details)?", "", " ".join(text.split()))
