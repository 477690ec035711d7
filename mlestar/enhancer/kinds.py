"""Kinds of tasks, coarse enough that lessons of one apply to another."""

from __future__ import annotations

from mlestar.records.task import TaskTraits

SMALL_ROWS = 3_000
MEDIUM_ROWS = 30_000


def kind_of(traits: TaskTraits | None) -> str:
    """A task's kind in words: target type, size, text or wide categories where they dominate."""
    if traits is None:
        return "unknown"
    size = "small" if traits.rows < SMALL_ROWS else "medium" if traits.rows < MEDIUM_ROWS else "large"
    columns = "text" if traits.text_columns else "mixed" if traits.categorical_columns else "numeric"
    return f"{traits.kind}, {size}, {columns}"
