"""How much a script has put on disk: files in its folder, and deleted files that it still holds open."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

MOST_FILES = 20_000
MOST_LEVELS = 40
_BLOCK_BYTES = 512


@dataclass(frozen=True)
class Footprint:
    """What is below a folder; counting stops when there is too much of it."""

    disk_bytes: int
    files: int
    levels: int


def footprint(folder: str) -> Footprint:
    """Walk a folder without following links; what other users mount in it is passed over."""
    disk_bytes = files = deepest = 0
    device = _device(folder)
    waiting = [(folder, 0)]
    while waiting and files <= MOST_FILES and deepest <= MOST_LEVELS:
        path, level = waiting.pop()
        deepest = max(deepest, level)
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                files += 1
                disk_bytes += status.st_blocks * _BLOCK_BYTES
                if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
                    waiting.append((entry.path, level + 1))
    return Footprint(disk_bytes, files, deepest)


def deleted_bytes(pids: list[int]) -> int:
    """Disk space of deleted files that these processes hold open."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
                status = _status(f"/proc/{pid}/fd/{name}")
                if status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                    found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK_BYTES
    return sum(found.values())


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except OSError:
        return None


def _device(folder: str) -> int:
    return os.stat(folder).st_dev  # noqa: PTH116
