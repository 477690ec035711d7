"""How a script ended is said in one exact line."""

from __future__ import annotations

import pytest

from mlestar.execution.faults import judge, last_line
from mlestar.execution.wire import End, Outcome


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("", ""),
        ("a warning\n\n", "a warning"),
        ("Traceback (most recent call last):\n  File 's', line 1\nKeyError: 'x'\n", "KeyError: 'x'"),
        ("Traceback (most recent call last):\n  File 's'\nValueError: many\nlines\n of text\n", "ValueError: many"),
        (
            "Traceback (most recent call last):\n  a\nKeyError: 1\n\nDuring handling of the above exception, another "
            "exception occurred:\n\nTraceback (most recent call last):\n  b\nTypeError: 2\n[W] noise\n",
            "TypeError: 2",
        ),
        ("  File 's', line 2\n    if x\n        ^\nSyntaxError: expected ':'\n", "SyntaxError: expected ':'"),
    ],
)
def test_the_line_that_names_the_exception_is_found(stderr: str, line: str) -> None:
    assert last_line(stderr) == line


@pytest.mark.parametrize(
    ("last", "status", "fault"),
    [
        ("MemoryError", "out_of_memory", "MemoryError"),
        (
            "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB",
            "out_of_memory",
            "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB",
        ),
        ("ValueError: MemoryError is a word", "failed", "ValueError: MemoryError is a word"),
        (
            "PermissionError: [Errno 13] Permission denied: '/root'",
            "blocked",
            "blocked by files: PermissionError: [Errno 13] Permission denied: '/root'",
        ),
        (
            "OSError: [Errno 30] Read-only file system: 'input/x'",
            "blocked",
            "blocked by files: OSError: [Errno 30] Read-only file system: 'input/x'",
        ),
        (
            "PermissionError: [Errno 1] Operation not permitted",
            "blocked",
            "blocked by system_calls: PermissionError: [Errno 1] Operation not permitted",
        ),
        (
            "socket.gaierror: [Errno -3] Temporary failure in name resolution",
            "blocked",
            "blocked by network: socket.gaierror: [Errno -3] Temporary failure in name resolution",
        ),
        (
            "OSError: [Errno 27] File too large",
            "blocked",
            "blocked by disk: OSError: [Errno 27] File too large",
        ),
        (
            "RuntimeError: can't start new thread",
            "blocked",
            "blocked by process_count: RuntimeError: can't start new thread",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'input/x.csv'",
            "failed",
            "FileNotFoundError: [Errno 2] No such file or directory: 'input/x.csv'",
        ),
    ],
)
def test_an_exception_is_told_by_its_kind(last: str, status: str, fault: str) -> None:
    stderr = f"Traceback (most recent call last):\n  File 'script.py'\n{last}\n"
    assert judge(Outcome("exited", returncode=1, stderr=stderr)) == (status, fault)


@pytest.mark.parametrize(
    ("end", "status"),
    [("timed_out", "timed_out"), ("out_of_memory", "out_of_memory"), ("blocked", "blocked")],
)
def test_what_the_warden_ended_is_told_by_its_verdict(end: End, status: str) -> None:
    assert judge(Outcome(end, detail="why", returncode=-9))[0] == status


def test_an_ending_by_a_signal_names_it() -> None:
    assert judge(Outcome("exited", returncode=-11)) == ("failed", "ended by SIGSEGV")


def test_a_script_that_ended_well_has_no_fault_whatever_it_printed() -> None:
    assert judge(Outcome("exited", returncode=0, stderr="MemoryError\n")) == ("ok", None)
