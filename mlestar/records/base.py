"""The base of every record: an immutable, strictly checked value."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value; unknown fields are errors, equality is by content."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


def digest_of(*texts: str) -> str:
    """A short stable identity of texts: 16 hexadecimal digits of their SHA-256."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text.encode("utf-8", "surrogatepass"))
        whole.update(b"\x00")
    return whole.hexdigest()[:16]
