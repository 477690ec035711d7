"""Turns how a script ended into a status and one exact line, which is what a repair starts from."""

from __future__ import annotations

import errno
import re
import signal

from mlestar.execution.wire import Outcome
from mlestar.records.solution import ExecutionStatus

_GUARD_OF_ERRNO = {
    errno.EPERM: "system_calls",
    errno.EACCES: "files",
    errno.EROFS: "files",
    errno.EFBIG: "disk",
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.ENETDOWN: "network",
    errno.ENETUNREACH: "network",
    errno.EAFNOSUPPORT: "network",
}
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NO_NETWORK = re.compile(r"\b(gaierror|NameResolutionError|URLError|ConnectionError|NewConnectionError)\b")
_NO_PROCESS = re.compile(r"^BlockingIOError: \[Errno 11\]|can't start new thread")
_MEMORY = re.compile(r"^(\S*\.)?(MemoryError|_ArrayMemoryError)\b|std::bad_alloc|Cannot allocate memory")


def judge(outcome: Outcome) -> tuple[ExecutionStatus, str | None]:
    """The status and the fault, None when the script ended well."""
    if outcome.end == "timed_out":
        return "timed_out", f"timed out: {outcome.detail}"
    if outcome.end == "out_of_memory":
        return "out_of_memory", f"out of memory: {outcome.detail}"
    if outcome.end == "blocked":
        return "blocked", f"blocked by {outcome.detail}"
    if outcome.returncode == 0:
        return "ok", None
    line = last_line(outcome.stderr)
    if _MEMORY.search(line):
        return "out_of_memory", line
    guard = _guard_met(line)
    if guard:
        return "blocked", f"blocked by {guard}: {line}"
    return "failed", _failure(outcome, line)


def last_line(stderr: str) -> str:
    """The line of a traceback that names the exception, or the last line there is.

    An exception's text may have several lines; the first of them follows the last indented line of the traceback.
    """
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    start = max((i for i, line in enumerate(lines) if line.startswith("Traceback (most recent")), default=None)
    if start is not None:
        for line in lines[start + 1 :]:
            if not line.startswith(" "):
                return line[:1000]
    return lines[-1][:1000]


def _guard_met(line: str) -> str | None:
    """The guard that this exception comes from, as far as its text tells."""
    if _NO_NETWORK.search(line):
        return "network"
    if _NO_PROCESS.search(line):
        return "process_count"
    number = _ERRNO.search(line)
    guard = _GUARD_OF_ERRNO.get(int(number[1])) if number else None
    return "files" if guard == "system_calls" and "'" in line else guard


def _failure(outcome: Outcome, line: str) -> str:
    code = outcome.returncode
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"ended by {name}" + (f": {line}" if line else "")
    return line or f"exit code {code} and nothing on stderr"
