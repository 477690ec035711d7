"""The question between two runs."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import StrategyProposal
from mlestar.records.base import Record
from mlestar.records.task import Metric


class Adjustable(Record):
    """A setting the Enhancer may change."""

    name: str
    current: int | float | str
    allowed: str
    """The range or the values, in words: `1-8`, `auto, on, off`."""


class AdviseNextRun(Question[StrategyProposal]):
    """Read what happened so far and decide what the next run shall do differently."""

    digest: str
    """The bounded digest of the history, as JSON text."""
    metric: Metric
    adjustable: tuple[Adjustable, ...]
    """Empty when no setting may be changed."""
    run_number: int
    """Number of the run to advise; 0 when only earlier studies are known."""
    runs_left: int
    """Runs that may follow it."""
