"""One run in progress: its brief, its lab and the trials so far; evaluates a script on every graded view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TypeVar

from mlestar.doors import Job, Lab, Marks, Question
from mlestar.errors import BadAnswer
from mlestar.events import Executed, ExecutionStarted, Kept, Remark, Tried, current_scope
from mlestar.pipeline.pace import Pace, script_seconds
from mlestar.records.base import Record
from mlestar.records.run import Brief
from mlestar.records.solution import Execution, Script, Trial, View
from mlestar.records.task import Assignment, Metric

A = TypeVar("A", bound=Record)

_CLOCK_SLACK_SECONDS = 1.0
"""An execution that began this long before it was asked for is an earlier one that was taken again."""
_SHORTEST_ANSWER_SECONDS = 1.0
"""What is on the tape, and what a rule book knows, is answered however late it is."""


class Workbench:
    """What the phases of one run share."""

    def __init__(self, brief: Brief, lab: Lab) -> None:
        self.brief = brief
        self.lab = lab
        self.settings = brief.settings
        self.trials: list[Trial] = []
        views, slots, threads = len(lab.examiner.views), lab.executor.slots, lab.executor.threads
        self.pace = Pace(lab.clock, brief.settings, views)
        seconds = script_seconds(brief.settings, views, slots)
        self.assignment = brief.assignment.model_copy(update={"script_seconds": seconds, "threads": threads})

    def whole_machine(self, script_seconds: float, final_seconds: float | None = None) -> Assignment:
        """What a script is told that has the machine to itself."""
        threads = self.lab.executor.slots * self.lab.executor.threads
        return self.assignment.model_copy(
            update={"script_seconds": script_seconds, "final_seconds": final_seconds, "threads": threads}
        )

    @property
    def metric(self) -> Metric:
        return self.brief.task.metric

    @property
    def best(self) -> Trial | None:
        """The best trial so far."""
        return self.metric.best(self.trials)

    async def ask(self, question: Question[A]) -> A:
        """Ask the engineer; raises BadAnswer when the time of the run, less what later phases need, is over first."""
        left = self.lab.clock.seconds_left() - self._reserve_seconds()
        try:
            async with asyncio.timeout(max(_SHORTEST_ANSWER_SECONDS, left)):
                return await self.lab.engineer.ask(question)
        except TimeoutError:
            raise BadAnswer(f"{type(question).__name__}: no answer before the time for it was over") from None

    def remark(self, text: str, *, warn: bool = False) -> None:
        """Tell the notebook something a person should see."""
        self.lab.notebook.note(Remark(scope=current_scope(), level="warning" if warn else "info", text=text))

    def keep(self, path: str, text: str) -> None:
        """Keep a text as an artifact of the run."""
        self.lab.notebook.note(Kept(path=path, text=text))

    def affords(self, name: str, seconds: float) -> bool:
        """Whether a step that takes about this long may start; says so when it may not."""
        affordable = self.pace.affords(name, seconds, self._reserve_seconds())
        if not affordable:
            self.remark(f"{name}: left out, the computational budget is nearly used")
        return affordable

    def conditions_of(self, trial: Trial) -> Assignment:
        """What a script is told that is to be compared with this one: as much time, as many threads."""
        if trial.time_limit_seconds is None or trial.threads is None:
            return self.assignment
        told = {"script_seconds": trial.time_limit_seconds, "threads": trial.threads}
        return self.assignment.model_copy(update=told)

    def seconds_like(self, trial: Trial | None, scripts: int = 1) -> float:
        """How long it takes, about, to evaluate so many scripts like this one."""
        if trial is None:
            return 0.0
        executor = self.lab.executor
        at_once = max(1, executor.slots * executor.threads // (trial.threads or executor.threads))
        return -(-scripts * len(self.lab.examiner.views) // at_once) * longest_seconds(trial)

    async def evaluate(self, script: Script, assignment: Assignment) -> Trial:
        """Execute the script on every graded view and have it marked; a script that fails is a value.

        The assignment says how long it may take and with how many threads. The first failure ends the executions on
        the other views.
        """
        views = self.lab.examiner.views
        executions, failed = await self._execute_all(script, views, assignment)
        if failed is not None:
            marks = Marks(fault=failed.fault or failed.status)
        else:
            marks = await asyncio.to_thread(self.lab.examiner.mark, executions)
        told = {"time_limit_seconds": assignment.script_seconds, "threads": assignment.threads}
        trial = Trial(script=script, executions=executions, **told, **marks.model_dump())
        self.trials.append(trial)
        best = self.best
        self.lab.notebook.note(
            Tried(scope=current_scope(), trial=trial, best_score=None if best is None else best.score)
        )
        return trial

    async def _execute_all(
        self, script: Script, views: Sequence[View], assignment: Assignment
    ) -> tuple[tuple[Execution, ...], Execution | None]:
        """The executions that are over, in the order of the views, and the one whose failure ended the others."""
        tasks = [asyncio.ensure_future(self.execute(script, view, assignment)) for view in views]
        failed = None
        try:
            for next_over in asyncio.as_completed(tasks):
                execution = await next_over
                if execution.status != "ok":
                    failed = execution
                    break
            return tuple(task.result() for task in tasks if task.done()), failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _reserve_seconds(self) -> float:
        best = self.best
        return self.pace.reserve_seconds(None if best is None else longest_seconds(best), current_scope().phase)

    async def execute(
        self, script: Script, view: View, assignment: Assignment, *, kept_seconds: float = 0.0, hand_over: bool = False
    ) -> Execution:
        """Execute the script on one view, ended in time for the phases to come and `kept_seconds` more."""
        reserve_seconds = self._reserve_seconds() + kept_seconds
        scope, notebook = current_scope(), self.lab.notebook
        notebook.note(ExecutionStarted(scope=scope, view=view.name))
        job = Job(
            script=script,
            view=view,
            timeout_seconds=self.pace.timeout_seconds(assignment.script_seconds, reserve_seconds),
            time_limit_seconds=assignment.script_seconds,
            seed=self.settings.seed,
            threads=assignment.threads,
            hand_over=hand_over,
        )
        asked_at = time.time()
        execution = await self.lab.executor.execute(job)
        notebook.note(
            Executed(
                scope=scope,
                view=view.name,
                script_digest=script.digest,
                execution=execution,
                replayed=0 < execution.started_at < asked_at - _CLOCK_SLACK_SECONDS,
            )
        )
        return execution


def longest_seconds(trial: Trial | None) -> float:
    """Seconds of the trial's longest execution."""
    return 0.0 if trial is None else max((execution.seconds for execution in trial.executions), default=0.0)
