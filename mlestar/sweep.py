"""A sweep from the outside: every point runs whatever becomes of the others, and the exit code says so.

Hydra's launcher decides where the points run; each of them adds a line to one file that is read at the end.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlestar.command_line import EXIT_FAILED, CommandLine
from mlestar.config import AppConfig, points_of
from mlestar.errors import ConfigError
from mlestar.progress import score_text
from mlestar.records.base import Record
from mlestar.records.run import RunStatus

REPORTS_VARIABLE = "MLESTAR_SWEEP_REPORTS"
"""Tells the processes of a sweep where to report."""
END_SECONDS = 20.0
"""How long the points of a sweep that is told to end may take to close their runs."""


class PointReport(Record):
    """What one point came to."""

    point: str
    status: RunStatus
    score: float | None = None
    error: str = ""


def run_sweep(application: Callable[[], object], configs: Sequence[AppConfig], line: CommandLine) -> int:
    """Run every point and show the table; the exit code: 0 when every study finished. Raises ConfigError."""
    if any(config.resume for config in configs):
        raise ConfigError("resume: the studies of a sweep are resumed one by one, without -m")
    file = configs[0].workspace.resolve() / "sweeps" / f"{uuid4().hex}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    os.environ[REPORTS_VARIABLE] = str(file)
    signal.signal(signal.SIGTERM, lambda number, frame: _interrupt(number, file))
    try:
        application()
    finally:
        del os.environ[REPORTS_VARIABLE]
    reports = _read(file)
    missing = 0 if _foreign_sweeper(line) else max(0, points_of(line.overrides) - len(reports))
    show(reports, missing)
    return EXIT_FAILED if missing or any(report.status != "finished" for report in reports) else 0


def report_point(report: PointReport) -> None:
    """Add what a point came to, from whatever process it ran in."""
    with Path(os.environ[REPORTS_VARIABLE]).open("a") as file:
        file.write(report.model_dump_json() + "\n")


def _read(file: Path) -> list[PointReport]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [PointReport.model_validate_json(line) for line in lines]


def _foreign_sweeper(line: CommandLine) -> bool:
    """Whether the number of points is the sweeper's secret."""
    return any(word.startswith("hydra/sweeper=") for word in line.overrides)


@contextmanager
def point_at_work() -> Iterator[None]:
    """Say which process works on a point, so that it hears when the sweep is told to end."""
    mark = Path(f"{os.environ[REPORTS_VARIABLE]}.{socket.gethostname()}.{os.getpid()}")
    mark.touch()
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def end_points(file: Path, seconds: float = END_SECONDS) -> None:
    """Tell the points that other processes of this machine work on to end, and wait until they have closed their runs.

    Launchers kill their processes otherwise, which leaves runs open until the next start.
    """
    marks = [mark for mark in file.parent.glob(f"{file.name}.{socket.gethostname()}.*") if _other(mark) != os.getpid()]
    told = [mark for mark in marks if _told_to_end(_other(mark))]
    deadline = time.monotonic() + seconds
    while any(mark.exists() for mark in told) and time.monotonic() < deadline:
        time.sleep(0.1)


def _told_to_end(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _other(mark: Path) -> int:
    return int(mark.suffix.removeprefix("."))


def _interrupt(number: int, file: Path) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_points(file)
    raise SystemExit(128 + number)


def show(reports: Sequence[PointReport], missing: int) -> None:
    """The points side by side, without the words they have in common."""
    table = Table(title="Points of the sweep", title_justify="left")
    for heading in ("point", "status", "score"):
        table.add_column(heading, justify="right" if heading == "score" else "left")
    same = set.intersection(*(set(report.point.split()) for report in reports)) if len(reports) > 1 else set()
    for report in reports:
        words = " ".join(word for word in report.point.split() if word not in same)
        table.add_row(escape(words), f"{report.status} {escape(report.error)}".strip(), score_text(report.score))
    console = Console(highlight=False)
    console.print(table)
    if missing:
        console.print(f"[red]{missing} points ended without a word[/red]")
