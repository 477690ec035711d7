"""The study: N runs in a row, each advised by the ones before, resumable at any moment.

Everything a study decided is on disk before it is used: the advice for a run in its folder, every answer and
execution on its tape. Resuming skips the runs that MLflow holds as over and goes on with the tape of the next.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlestar.doors import Engineer, Examiner, Executor, Notebook
from mlestar.engineers.budget import Budget
from mlestar.engineers.noted import NotedEngineer
from mlestar.enhancer.advise import advice_of, enhancer_yaml
from mlestar.enhancer.carry import best_known
from mlestar.enhancer.situation import Enhancer, Situation
from mlestar.errors import MleStarError
from mlestar.recorder import (
    CARRIED_SCRIPT,
    COMPOSED_YAML,
    STRATEGY,
    Heard,
    OpenedRun,
    RunConfiguration,
    RunDoors,
    Watcher,
    record_run,
)
from mlestar.records.run import Brief, CarriedScript, History, RunStatus
from mlestar.records.settings import Settings
from mlestar.records.solution import Script
from mlestar.records.strategy import Advice
from mlestar.records.task import Assignment, Task, TaskTraits
from mlestar.tape.tape import ExecutionLine, Tape
from mlestar.tape.taped import TapedClock, TapedEngineer, TapedExecutor
from mlestar.tracking.faults import StoreRefused
from mlestar.tracking.links import Look
from mlestar.tracking.store import Store
from mlestar.tracking.study import Study
from mlestar.tracking.sweep import SweepPoint

SHORTEST_RUN_SECONDS = 10.0
"""A study with less time than this left, or than half of what it was given, starts no further run."""

LARGE_CELLS = 5_000_000
"""Views of a table with more cells take so long to write that it is said."""


@dataclass(frozen=True)
class StudyParts:
    """Everything a study is made of, put together by the application."""

    task: Task
    assignment: Assignment
    runs: int
    engineer_name: str
    hire: Callable[[Settings], Engineer]
    """The engineer of one run; the tape and the notebook are put round it."""
    budget: Budget
    """The limits of the study in tokens and usd; the engineer keeps them."""
    executor: Executor
    store: Store
    enhancer: Callable[[Engineer], Enhancer]
    configure: Callable[[str], RunConfiguration]
    """Composes the three layers, given the text of the Enhancer's file."""
    prepare: Callable[[Path], Examiner]
    """Makes the views of the task in a folder; the same for equal settings."""
    watcher: Watcher
    workspace: Path
    earlier: Callable[[Study], History]
    """Runs of earlier studies the Enhancer may learn from."""
    carry_best: bool
    resume_command: Callable[[str], str]
    project_run_id: str | None = None
    sweep: SweepPoint | None = None
    resume: str | None = None


async def run_study(parts: StudyParts) -> History:
    """All runs that are still to do; the history as the store holds it.

    Raises WorldError when the engineer, the executor or the store is gone for good. However it ends, MLflow runs get
    their true status, and the watcher is told the command that resumes what is not finished.
    """
    base = parts.configure("")
    study = await asyncio.to_thread(
        parts.store.start_study,
        parts.task,
        base.settings,
        engineer=parts.engineer_name,
        runs=parts.runs,
        resume=parts.resume,
        project_run_id=parts.project_run_id,
        sweep=parts.sweep,
    )
    try:
        history = await _Runs(parts, study, base.settings).all()
        history = await asyncio.to_thread(study.finish, study_status(history))
        parts.watcher.say(where_to_look(study.look()))
        return history
    except (asyncio.CancelledError, KeyboardInterrupt, MleStarError):
        await _abandon(study, parts)
        raise


def where_to_look(look: Look) -> str:
    """What to start and which pages to open in the MLflow UI."""
    start = "" if look.command is None else f"\n  {look.command}"
    return f"\nIn the MLflow UI:{start}\n  study  {look.study}\n  runs   {look.runs}"


async def _abandon(study: Study, parts: StudyParts) -> None:
    """Close what is open as killed: the run did not fail, it was cut off, and resuming goes on with it."""
    await asyncio.to_thread(study.abandon, "killed")
    parts.watcher.say(f"\nNothing that was done is lost. To go on: {parts.resume_command(study.study_id)}")


def study_status(history: History) -> RunStatus:
    """A study that has one finished run is finished."""
    return "finished" if any(run.status == "finished" for run in history.runs) else "failed"


class _Runs:
    """The runs of one study in order."""

    def __init__(self, parts: StudyParts, study: Study, user: Settings) -> None:
        self._parts = parts
        self._study = study
        self._user = user
        self._folder = parts.workspace / study.study_id
        self._examiner: Examiner | None = None
        self._executed: dict[str, ExecutionLine] = {}
        self._began = time.monotonic()
        self._before_seconds = 0.0
        """Worked on this study before it was resumed."""

    async def all(self) -> History:
        history = await asyncio.to_thread(self._study.history)
        self._read_tapes()
        over = {run.run_id for run in history.runs if run.status in ("finished", "failed")}
        for number in range(self._parts.runs):
            if f"run_{number}" in over:
                continue
            if self._seconds_left() < min(SHORTEST_RUN_SECONDS, (self._user.max_seconds or math.inf) / 2):
                self._parts.watcher.say(f"max_seconds is used up: the study ends before run_{number}")
                break
            await self._one(number, history)
            history = await asyncio.to_thread(self._study.history)
        return history

    def _read_tapes(self) -> None:
        """Take in what a resumed study used of its limits, and what it executed."""
        for path in sorted(self._folder.glob("run_*/tape.jsonl")):
            tape = Tape(path)
            tape.close()
            self._executed |= tape.executions
            self._before_seconds += tape.recorded_seconds
            for line in tape.answers.values():
                self._parts.budget.count(line.usage)

    def _seconds_left(self) -> float:
        """Seconds of the study's own limit; infinite when it has none."""
        if self._user.max_seconds is None:
            return float("inf")
        return self._user.max_seconds - self._before_seconds - (time.monotonic() - self._began)

    async def _one(self, number: int, history: History) -> None:
        """Advise, brief, run and record one run."""
        run_id = f"run_{number}"
        folder = self._folder / run_id
        tape = Tape(folder / "tape.jsonl")
        try:
            heard = Heard()
            earlier = await asyncio.to_thread(self._parts.earlier, self._study)
            advice = await self._advice(number, history, earlier, tape, folder, heard)
            brief, configuration, texts = await self._brief(run_id, folder, advice, history, earlier)
            brief = self._within_limit(brief, tape)
            self._parts.watcher.run_started(brief, self._parts.runs)
            if advice is not None:
                self._parts.watcher.advice(run_id, advice)
            bench = RunDoors(
                engineer=TapedEngineer(self._parts.hire(brief.settings), tape),
                executor=TapedExecutor(self._parts.executor, tape, earlier=self._executed),
                examiner=await self._prepared(),
                clock=TapedClock(tape, brief.settings.computational_budget),
                watcher=self._parts.watcher,
            )
            opened = OpenedRun(brief, configuration, texts, tape.path, tuple(heard.events))
            await record_run(self._study, opened, bench)
        finally:
            tape.close()
            self._executed |= tape.executions

    def _within_limit(self, brief: Brief, tape: Tape) -> Brief:
        """The brief with no more time than the study has left when the run begins, which stands when it is resumed."""
        asked = brief.settings.computational_budget
        seconds = TapedClock(tape, asked).decide(
            "computational_budget", lambda: round(min(asked, self._seconds_left()), 1)
        )
        return brief.model_copy(
            update={"settings": brief.settings.model_copy(update={"computational_budget": seconds})}
        )

    async def _prepared(self) -> Examiner:
        """The views of the task, made when the first run needs them."""
        if self._examiner is None:
            cells = self._parts.task.profile.train_rows * len(self._parts.task.profile.columns)
            if cells >= LARGE_CELLS:
                self._parts.watcher.say(f"  [dim]writing what scripts see of {cells:,} cells ...[/dim]")
            self._examiner = await asyncio.to_thread(self._parts.prepare, self._folder / "views")
            self._parts.watcher.say(f"  [dim]{self._examiner.explanation}[/dim]")
        return self._examiner

    async def _advice(
        self, number: int, history: History, earlier: History, tape: Tape, folder: Path, heard: Notebook
    ) -> Advice | None:
        """What the Enhancer says about this run, asked for once; None for a first run that nothing is known of."""
        kept = folder / "advice.json"
        if kept.exists():
            return Advice.model_validate_json(kept.read_bytes())
        if number == 0 and not earlier.runs:
            return None
        engineer = NotedEngineer(TapedEngineer(self._parts.hire(self._user), tape), heard)
        situation = Situation(
            history=history,
            earlier=earlier,
            metric=self._parts.task.metric,
            task=self._parts.task.name,
            traits=TaskTraits.of(self._parts.task),
            settings=self._user,
            run_number=number,
            runs_left=self._parts.runs - number - 1,
        )
        advice = await advice_of(self._parts.enhancer(engineer), situation)
        _write(kept, advice.model_dump_json(indent=1))
        return advice

    async def _brief(
        self, run_id: str, folder: Path, advice: Advice | None, history: History, earlier: History
    ) -> tuple[Brief, RunConfiguration, dict[str, str]]:
        """The brief of a run and the texts that show how it was configured."""
        layer = "" if advice is None else enhancer_yaml(advice)
        configuration = self._parts.configure(layer)
        texts = {COMPOSED_YAML: configuration.composed_yaml}
        if advice is not None:
            texts["config/enhancer.yaml"] = layer
            texts[STRATEGY] = advice.model_dump_json(indent=1)
            _write(folder / "enhancer.yaml", layer)
        carried = await self._carried(folder, history, earlier)
        if carried is not None:
            texts[CARRIED_SCRIPT] = carried.model_dump_json(indent=1)
        brief = Brief(
            run_id=run_id,
            study_id=self._study.study_id,
            task=self._parts.task,
            assignment=self._parts.assignment,
            settings=configuration.settings,
            strategy=None if advice is None else advice.applied,
            carried=carried,
        )
        return brief, configuration, texts

    async def _carried(self, folder: Path, history: History, earlier: History) -> CarriedScript | None:
        """The best script known before this run, fetched from MLflow once."""
        kept = folder / "carried.json"
        if not (self._parts.carry_best and self._user.allow_config_override):
            return None
        if not kept.exists():
            best = best_known(history, earlier, task=self._parts.task)
            if best is None:
                return None
            try:
                source = await asyncio.to_thread(self._parts.store.artifact_text, best.mlflow_run_id, best.path)
            except StoreRefused as refusal:
                self._parts.watcher.say(f"  the best script of {best.run_id} is not carried: {refusal}")
                return None
            carried = CarriedScript(script=Script(source=source), time_limit_seconds=best.time_limit_seconds)
            _write(kept, carried.model_dump_json())
        return CarriedScript.model_validate_json(kept.read_bytes())


def _write(path: Path, text: str) -> None:
    """Write a file that is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(path.suffix + ".part")
    whole.write_text(text)
    whole.replace(path)
