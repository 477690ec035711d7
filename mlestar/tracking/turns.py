"""One process of this machine after the other, where MLflow cannot bear two at once."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlestar.records.base import digest_of


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Wait until no other process or thread of this user is inside a block of the same name."""
    path = Path(tempfile.gettempdir()) / f"mlestar-{os.getuid()}-{digest_of(what)}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
