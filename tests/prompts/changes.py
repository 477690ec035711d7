"""Every way to change one leaf of a record, so that a test can ask whether it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

from mlestar.records.base import Record

R = TypeVar("R", bound=Record)


def changed(record: R) -> Iterator[tuple[str, R]]:
    """The path of each leaf, and the record with that leaf changed."""
    for name, field in type(record).model_fields.items():
        for path, value in _changes(getattr(record, name), field.annotation):
            yield f"{name}{path}", record.model_copy(update={name: value})


def _changes(value: object, annotation: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Record):
        yield from ((f".{path}", inner) for path, inner in changed(value))
    elif isinstance(value, tuple):
        yield from _tuple_changes(value)
    elif get_origin(annotation) is Literal:
        yield "", next(choice for choice in get_args(annotation) if choice != value)
    elif value is not None:
        yield "", _other(value)


def _tuple_changes(value: tuple[Any, ...]) -> Iterator[tuple[str, object]]:
    if value:
        yield "[-1] left out", value[:-1]
    for place, item in enumerate(value):
        for path, inner in _changes(item, type(item)):
            yield f"[{place}]{path}", (*value[:place], inner, *value[place + 1 :])


def _other(value: object) -> object:
    if isinstance(value, str):
        return f"{value}-changed"
    assert isinstance(value, int | float)
    return value + 1
