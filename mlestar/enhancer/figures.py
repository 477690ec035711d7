"""Texts and numbers as a digest shows them: bounded, finite, six digits."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mlestar.records.task import Metric

NAME = 80
"""Characters kept of a name."""
TEXT = 240
"""Characters kept of a sentence."""


def cut(text: str | None, characters: int = TEXT) -> str:
    """One line of at most so many characters; what is cut shows as an ellipsis."""
    line = " ".join((text or "").split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def finite(value: float | None) -> float | None:
    """The value to six significant digits; None for NaN and infinities."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def gain_of(metric: Metric, score: float | None, before: float | None) -> float | None:
    """Gain over an earlier score; absent when either is."""
    if finite(score) is None or finite(before) is None:
        return None
    return finite(metric.gain(score or 0.0, before or 0.0))


def mean(values: Iterable[float]) -> float | None:
    held = list(values)
    return finite(sum(held) / len(held)) if held else None


def rate(gain: float | None, seconds: float) -> float | None:
    return None if gain is None else finite(max(gain, 0.0) / max(seconds, 1.0))


def finite_or(value: float | None, otherwise: float) -> float:
    """The finite value or the other, so that orders are total."""
    held = finite(value)
    return otherwise if held is None else held
