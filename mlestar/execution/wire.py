"""What the host and its workers tell each other, as lines of JSON over a socket.

Kept apart and free of third parties, because the workers hold nothing but what scripts need.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

End = Literal["exited", "timed_out", "out_of_memory", "blocked", "cancelled", "unavailable"]
GuardName = Literal[
    "network",
    "files",
    "environment",
    "processes",
    "user",
    "system_calls",
    "time",
    "memory",
    "disk",
    "process_count",
    "output",
]
Means = Literal["namespaces", "landlock", "seccomp"]
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What one script, with everything it starts, may use."""

    memory_bytes: int
    disk_bytes: int
    output_bytes: int
    """Of stdout and stderr together; more ends the script."""
    max_processes: int
    user_threads: int = 0
    """Threads the user that scripts run as may have altogether; 0 until the parent of workers has counted."""


@dataclass(frozen=True)
class Guard:
    """One thing that scripts are kept from."""

    name: GuardName
    state: Literal["on", "weak", "off"]
    by: str
    """The means, or the reason why it is weak or off."""


@dataclass(frozen=True)
class Setup:
    """What a parent of workers is told once."""

    warm: bool
    """Import the heavy libraries before the first script."""
    threads: int
    slots: int
    limits: Limits
    scratch: str
    """An empty folder of the parent's own."""
    without: tuple[Means, ...] = ()
    """Means that are not used even where they work."""
    keep_bytes: int = 32 * 1024
    """Kept of the beginning and of the end of each stream."""


@dataclass(frozen=True)
class Order:
    """One script to execute."""

    folder: str
    """The script's own folder; holds `script.py`."""
    input: str
    """The folder the script sees as `./input/`."""
    timeout_seconds: float
    time_limit_seconds: float
    seed: int
    hand_over: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    end: End
    detail: str = ""
    """One line: which limit was hit, or why nothing could be started."""
    returncode: int | None = None
    """As of subprocess: negative is a signal."""
    started_at: float = 0.0
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class Ready:
    """What a parent of workers says when it can take orders."""

    process: int
    seconds: float
    memory_bytes: int
    imported: tuple[str, ...]
    guards: tuple[Guard, ...]
    input: Literal["mount", "link", "copy"]
    """How a script's input gets into its folder: the parent mounts it, or the host links or copies it."""
    user: int | None
    """The user that scripts run as, when it is not the host's."""


def to_line(message: Any) -> bytes:
    """One message as one line."""
    return json.dumps(dataclasses.asdict(message)).encode() + b"\n"


def from_line(kind: type[T], line: bytes | str) -> T:
    """The message that a line holds; ValueError or TypeError when it is none."""
    fields = json.loads(line)
    if "limits" in fields:
        fields["limits"] = Limits(**fields["limits"])
    if "guards" in fields:
        fields["guards"] = tuple(Guard(**guard) for guard in fields["guards"])
        fields["imported"] = tuple(fields["imported"])
    if "without" in fields:
        fields["without"] = tuple(fields["without"])
    return kind(**fields)
