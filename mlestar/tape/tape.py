"""The tape of a run: an append-only file of answers, executions and decisions, each there the moment it is known.

A line is one JSON object. A process that is killed loses at most the line it was writing: a torn last line is
dropped when the tape is opened again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from mlestar.events import Usage
from mlestar.records.base import Record
from mlestar.records.solution import Execution


class AnswerLine(Record):
    """An engineer's answer, or the fault after every retry."""

    kind: Literal["answer"] = "answer"
    key: str
    place: str
    """Where it was asked, for replays whose questions differ in a measured number."""
    answer: str | None
    """JSON text of the answer; None when the engineer gave none."""
    fault: str | None = None
    usage: Usage = Usage()
    prompt: str = ""
    elapsed_seconds: float = 0.0


class ExecutionLine(Record):
    """What a script did on a view."""

    kind: Literal["execution"] = "execution"
    key: str
    execution: Execution
    elapsed_seconds: float = 0.0


class DecisionLine(Record):
    """A value that the time of day decided."""

    kind: Literal["decision"] = "decision"
    key: str
    value: float
    elapsed_seconds: float = 0.0


Line = AnswerLine | ExecutionLine | DecisionLine
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


class Tape:
    """Reads what is there and appends what comes; one writer, any number of readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[str, AnswerLine] = {}
        self.executions: dict[str, ExecutionLine] = {}
        self.decisions: dict[str, DecisionLine] = {}
        self._elapsed_before = 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        keep = self._read()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(self._file, keep)
        os.lseek(self._file, keep, os.SEEK_SET)
        self._opened_at = time.monotonic()

    def _read(self) -> int:
        """Take in the whole lines; returns the length in bytes that is kept."""
        if not self.path.exists():
            return 0
        keep = 0
        for raw in self.path.read_bytes().splitlines(keepends=True):
            if not raw.endswith(b"\n"):
                break
            try:
                self._take(_LINE.validate_json(raw))
            except ValidationError:
                break
            keep += len(raw)
        return keep

    def _take(self, line: Line) -> None:
        self._elapsed_before = max(self._elapsed_before, line.elapsed_seconds)
        if isinstance(line, AnswerLine):
            self.answers[line.key] = line
        elif isinstance(line, ExecutionLine):
            self.executions[line.key] = line
        else:
            self.decisions[line.key] = line

    @property
    def elapsed_seconds(self) -> float:
        """Seconds worked on this tape, earlier openings included."""
        return self._elapsed_before + time.monotonic() - self._opened_at

    @property
    def recorded_seconds(self) -> float:
        """Seconds worked before this opening, as far as the lines tell."""
        return self._elapsed_before

    def append(self, line: Line) -> None:
        """Put a line on the tape; it survives the end of the process from here on."""
        line = line.model_copy(update={"elapsed_seconds": self.elapsed_seconds})
        before = self._elapsed_before
        self._take(line)
        self._elapsed_before = before
        os.write(self._file, line.model_dump_json().encode() + b"\n")

    def __iter__(self) -> Iterator[Line]:
        yield from self.answers.values()
        yield from self.executions.values()
        yield from self.decisions.values()

    def close(self) -> None:
        os.close(self._file)
