"""What the terminal shows while a study runs: phases, scripts, the best score, decisions, a final table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlestar.events import Answered, Event, Executed, ExecutionStarted, PhaseEnded, PhaseStarted, Remark, Tried
from mlestar.records.run import Brief, RunRecord
from mlestar.records.strategy import Advice
from mlestar.records.task import Task


def score_text(score: float | None) -> str:
    """A score as people read it: five significant digits, or a dash."""
    return "-" if score is None else f"{score:.5g}"


class Terminal:
    """Shows a study; it is the notebook that a person watches."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._status = _Status()

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep one moving status line under the printed lines while a study runs; nothing moves without a terminal."""
        if not self.console.is_terminal:
            yield
            return
        with Live(self._status, console=self.console, refresh_per_second=4, transient=True):
            yield

    def say(self, text: str) -> None:
        """Print a line, however long, so that a command in it can be copied; rich markup is honoured."""
        self.console.print(text, soft_wrap=True)

    def task(self, task: Task, guards: Iterable[str]) -> None:
        """What will be solved, and what was inferred to know it."""
        profile = task.profile
        self.say(
            f"[bold]{escape(task.name)}[/bold]: predict [bold]{escape(task.target)}[/bold] ({task.kind}), "
            f"{task.metric.direction} {escape(task.metric.name)}; {profile.train_rows:,} train rows, "
            f"{profile.test_rows:,} test rows, {len(profile.columns) + profile.columns_left_out} columns"
        )
        for inference in task.inferences:
            self.say(f"  [dim]{escape(inference.key)} = {escape(inference.value)}: {escape(inference.reason)}[/dim]")
        names = ", ".join(guards)
        self.say(f"  [dim]scripts are executed behind: {escape(names) or 'no guards'}[/dim]")

    def run_started(self, brief: Brief, runs: int) -> None:
        self._status.start(brief)
        last = f"run_{runs - 1}"
        self.say(f"\n[bold]{brief.run_id}[/bold]" + (f" of run_0 to {last}" if runs > 1 else ""))

    def advice(self, run_id: str, advice: Advice) -> None:
        """The Enhancer's decision in plain words."""
        strategy = advice.applied
        self.say(f"  [cyan]Enhancer for {run_id}:[/cyan] {escape(strategy.strategic_summary)}")
        for name, value in strategy.config_overrides.items():
            self.say(f"    [cyan]{escape(name)} = {escape(str(value))}[/cyan]")
        for goal in sorted(strategy.strategic_goals, key=lambda goal: goal.priority):
            words = f"{goal.target_agent_phase}: {goal.focus}" + (f", {goal.rationale}" if goal.rationale else "")
            self.say(f"    [cyan]{goal.priority}. {escape(words)}[/cyan]")
        for repair in advice.repairs:
            self.say(f"    [yellow]{escape(repair)}[/yellow]")

    def run_ended(self, record: RunRecord) -> None:
        score = None if record.best is None else record.best.score
        audit = "" if record.audit_score is None else f", audit {score_text(record.audit_score)}"
        if record.status == "finished":
            self.say(f"  [green]{record.status}[/green] in {record.seconds:.0f} s: score {score_text(score)}{audit}")
        else:
            self.say(f"  [red]{record.status}[/red] after {record.seconds:.0f} s: {escape(record.error or '')}")

    def show(self, table: Table) -> None:
        """Print a table."""
        self.console.print(table)

    def note(self, event: Event) -> None:
        self._status.note(event)
        line = _line(event)
        if line:
            self.say(line)


def _line(event: Event) -> str:
    """The line printed for an event; empty for those that only move the status line."""
    if isinstance(event, PhaseEnded):
        return f"  {event.phase:<15} {event.seconds:6.1f} s   best {score_text(event.best_score)}"
    if isinstance(event, Tried):
        if event.trial.score is None:
            return (
                f"    [dim]{escape(event.scope.label):<34}[/dim] [red]{escape((event.trial.fault or '')[:110])}[/red]"
            )
        star = " [green]best[/green]" if event.trial.score == event.best_score else ""
        return f"    [dim]{escape(event.scope.label):<34}[/dim] {score_text(event.trial.score):>10}{star}"
    if isinstance(event, Remark):
        return f"    [{'yellow' if event.level == 'warning' else 'dim'}]{escape(event.text)}[/]"
    return ""


class _Status:
    """The moving line: phase, what is being executed or asked, best score, time."""

    def __init__(self) -> None:
        self._phase = ""
        self._running: list[str] = []
        self._answers = 0
        self._best: float | None = None
        self._started = time.monotonic()
        self._run = ""

    def start(self, brief: Brief) -> None:
        self._run, self._phase, self._running, self._best = brief.run_id, "", [], None
        self._answers, self._started = 0, time.monotonic()

    def note(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._phase = event.phase
        elif isinstance(event, ExecutionStarted):
            self._running.append(event.scope.label)
        elif isinstance(event, Executed) and event.scope.label in self._running:
            self._running.remove(event.scope.label)
        elif isinstance(event, Answered):
            self._answers += 1
        elif isinstance(event, Tried):
            self._best = event.best_score

    def __rich__(self) -> Text:
        running = ", ".join(sorted(set(self._running))[:4])
        seconds = time.monotonic() - self._started
        return Text(
            f"  {self._run} {self._phase} {seconds:.0f} s | best {score_text(self._best)} | "
            f"{self._answers} answers | executing: {running or 'nothing'}",
            style="bold blue",
            overflow="ellipsis",
            no_wrap=True,
        )
