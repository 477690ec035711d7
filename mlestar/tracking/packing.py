"""Run summaries as tags: one search brings back the history of hundreds of runs, without a file for each.

The tags start with `mlflow.`, which keeps them out of sight in the MLflow UI; `run.json` is the copy for people.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

from pydantic import ValidationError

from mlestar.records.run import RunSummary

PREFIX = "mlflow.mlestar.summary."
PART_CHARACTERS = 5000
MOST_BYTES = 10_000_000


def pack(summary: RunSummary) -> dict[str, str]:
    """The summary as tags, each short enough for every store; `0` says how many there are."""
    text = base64.b64encode(zlib.compress(summary.model_dump_json(exclude_defaults=True).encode(), 6)).decode()
    parts = [text[start : start + PART_CHARACTERS] for start in range(0, len(text), PART_CHARACTERS)]
    numbered = {f"{PREFIX}{number}": part for number, part in enumerate(parts, start=1)}
    return {f"{PREFIX}0": str(len(parts)), **numbered}


def unpack(tags: Mapping[str, str]) -> RunSummary | None:
    """The summary kept in tags; None when there is none or it was damaged."""
    count = tags.get(f"{PREFIX}0", "0")
    parts = [tags.get(f"{PREFIX}{number}", "") for number in range(1, int(count) + 1 if count.isdigit() else 1)]
    if not parts or not all(parts):
        return None
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode("".join(parts), validate=True), MOST_BYTES)
        return RunSummary.model_validate_json(raw)
    except (ValueError, zlib.error, ValidationError):
        return None
