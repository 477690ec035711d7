"""Finds, measures and ends the processes that descend from one; nothing a script starts is left behind.

A parent walk alone misses a daemon that forked twice: its new parent is init. The warden is a subreaper, so
orphans become the warden's own children and stay findable.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What a set of processes uses."""

    processes: int
    memory_bytes: int
    """Resident; pages shared after a fork count in each process."""


def descendants(root: int) -> list[int]:
    """All processes below `root`, as far as /proc tells."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def usage(pids: list[int]) -> Usage:
    """What these processes use now; those that are gone count nothing."""
    return Usage(len(pids), sum(_resident_bytes(pid) for pid in pids))


def proportional_bytes(pids: list[int]) -> int:
    """Memory of these processes where a page shared by several counts once; slower than `usage`."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def returncode_of(child: int) -> int | None:
    """Reap every child that has ended; how this one did, as subprocess counts, or None while it runs."""
    while True:
        try:
            pid, state = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == child:
            return os.waitstatus_to_exitcode(state)
        if pid == 0:
            return None


def largest_ended_bytes() -> int:
    """Resident memory of the largest process below this one that has ended; macOS counts in bytes, Linux in KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def end_descendants(*, own_namespace: bool, patience_seconds: float = 5.0) -> None:
    """End and reap every process below this one, those that keep forking included.

    The first process of a pid namespace ends all others in it at once; elsewhere they are stopped, then killed.
    """
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        if own_namespace and os.getpid() == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            pids = []
        else:
            pids = descendants(os.getpid())
            _signal_all(pids)
        if not _reap_all() and not pids:
            return
        time.sleep(0.001)


def _signal_all(pids: list[int]) -> None:
    for sign in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sign)


def _reap_all() -> bool:
    """Reap what has ended; whether children are left."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0
