"""mlestar: an AI machine-learning engineer that keeps a laboratory notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlestar.records.run import History

__all__ = ["study"]


def study(task: str, runs: int = 3, overrides: Sequence[str] = ()) -> History:
    """Run a study, exactly as `python -m mlestar task=… runs=… …` does, and return its history."""
    from mlestar.__main__ import study as run

    return run(task, runs, overrides)
