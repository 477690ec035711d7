"""Who is writing a run: enough to tell later whether that process is still alive."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

STARTED = "mlflow.mlestar.pid_started"
"""The prefix keeps the tag out of sight."""


def process_tags() -> dict[str, str]:
    """Host, process id and start time of this process, as tags."""
    return {"host": socket.gethostname(), "pid": str(os.getpid()), STARTED: _started(os.getpid())}


def is_dead(tags: Mapping[str, str]) -> bool:
    """Whether the process that wrote these tags ran on this host and has ended."""
    pid = tags.get("pid", "")
    if tags.get("host") != socket.gethostname() or not pid.isdigit():
        return False
    if not _exists(int(pid)):
        return True
    return tags.get(STARTED, "") != _started(int(pid))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
