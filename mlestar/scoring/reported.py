"""Reads the score that a script prints of itself; it decides only where nothing can be graded."""

from __future__ import annotations

import math
import re

from mlestar.records.task import Metric

_LINE = re.compile(
    r"Final\s+Validation\s+(?:Performance|Score)\b[^:=\r\n]{0,40}[:=]\s*(?P<rest>[^\r\n]*)", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+|\.\d+|\d+\.?)(?:e[+-]?\d+)?)(?![\w-])\s*(?P<percent>%)?"
    r"|(?P<none>[+-]?(?:nan|inf(?:inity)?)\b)",
    re.IGNORECASE,
)


def reported_score(output: str) -> float | None:
    """The number of the last `Final Validation Performance: <number>` line; None when absent or not finite.

    Reads "0.91 (AUC)", "91%", "1,234.5", "**0.9**" and "AUC = 0.9" as people mean them.
    """
    lines = list(_LINE.finditer(output))
    if not lines:
        return None
    rest = lines[-1]["rest"].replace("\N{MINUS SIGN}", "-")
    found = _NUMBER.search(rest)
    if found is None or found["none"]:
        return None
    text = found["number"]
    thousands = re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?(e[+-]?\d+)?", text, re.IGNORECASE)
    value = float(text.replace(",", "" if thousands else "."))
    value = value / 100 if found["percent"] else value
    return value if math.isfinite(value) else None


def is_suspicious(metric: Metric, reported: float | None, graded: float | None, spread: float | None) -> bool:
    """Whether a script reports a score so much better than the graded one that it must have measured wrongly.

    Its error, what is missing to a perfect score, is less than half the graded one, and more than three spreads away.
    """
    if reported is None or graded is None or not metric.better(reported, graded):
        return False
    perfect = 0.0 if metric.direction == "minimize" else 1.0
    error_reported, error_graded = abs(perfect - reported), abs(perfect - graded)
    beyond_perfect = metric.direction == "minimize" and reported < 0 <= graded
    beyond_perfect = beyond_perfect or (metric.direction == "maximize" and graded <= 1 < reported)
    far = metric.gain(reported, graded) > 3 * (spread or 0.0)
    return far and (beyond_perfect or error_reported < error_graded / 2)
