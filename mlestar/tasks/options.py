"""What `task.yaml` may say of a task; everything it leaves out is inferred."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError, field_validator

from mlestar.errors import TaskError
from mlestar.records.base import Record
from mlestar.records.task import Direction, TaskKind, Validation

OPTIONS_FILE = "task.yaml"


class TaskOptions(Record):
    """The keys of `task.yaml`, all optional."""

    target: str | None = None
    id_column: str | None = None
    metric: str | None = None
    """A known name, or `file.py:function` relative to the task folder."""
    direction: Direction | None = None
    needs: Literal["values", "labels", "probabilities"] | None = None
    """What a user's own metric function is given as its second argument."""
    task_type: TaskKind | None = None
    validation: Validation | None = None
    """A word (`kfold`) or a mapping with the fields of `Validation`."""
    scoring: Literal["graded", "reported"] | None = None

    @field_validator("target", "id_column", mode="before")
    @classmethod
    def _names_are_text(cls, value: object) -> object:
        """YAML reads a column named 0 as a number."""
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("validation", mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    def over(self, lower: TaskOptions) -> TaskOptions:
        """These options, with those of `lower` where nothing is said here."""
        said = {key: value for key, value in self if value is not None}
        return lower.model_copy(update=said)


def read_options(folder: Path) -> TaskOptions:
    """The options in the folder's `task.yaml`; none when there is no such file.

    Raises TaskError that names the file, the key and what is allowed.
    """
    path = folder / OPTIONS_FILE
    if not path.is_file():
        return TaskOptions()
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return TaskOptions()
    if not isinstance(content, dict):
        raise TaskError(f"{path}: must be a mapping of keys; allowed keys: {_allowed()}")
    try:
        return TaskOptions.model_validate(content)
    except ValidationError as error:
        raise TaskError(f"{path}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    """The first fault of a validation as one line."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        allowed = _allowed() if len(first["loc"]) == 1 else ", ".join(Validation.model_fields)
        return f"unknown key `{key}`; allowed keys: {allowed}"
    return f"{key}: {first['msg']} (found {first['input']!r})"


def _allowed() -> str:
    return ", ".join(TaskOptions.model_fields)
