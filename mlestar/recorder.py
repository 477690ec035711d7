"""One briefed run from its MLflow run's start to its end: what an advised run and a reproduced one have in common."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlestar.doors import Clock, Engineer, Examiner, Executor, Lab, Ledger, Notebook, Notebooks
from mlestar.engineers.noted import NotedEngineer
from mlestar.events import Event
from mlestar.pipeline.run import run_pipeline
from mlestar.records.run import Brief, Layer, RunRecord
from mlestar.records.settings import Settings
from mlestar.records.strategy import Advice
from mlestar.tracking.study import Study

COMPOSED_YAML = "config/composed.yaml"
CARRIED_SCRIPT = "config/carried.json"
STRATEGY = "strategy.json"
TAPE = "tape.jsonl"


@dataclass(frozen=True)
class RunConfiguration:
    """What the three layers compose to for one run."""

    settings: Settings
    layers: dict[str, Layer]
    composed_yaml: str


class Watcher(Notebook, Protocol):
    """Somebody who watches a study, the terminal for example."""

    def run_started(self, brief: Brief, runs: int) -> None: ...
    def advice(self, run_id: str, advice: Advice) -> None: ...
    def run_ended(self, record: RunRecord) -> None: ...
    def say(self, text: str) -> None: ...


class Heard:
    """A notebook for what happens before there is a run to note it in."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def note(self, event: Event) -> None:
        self.events.append(event)


@dataclass(frozen=True)
class OpenedRun:
    """A run that is about to start: its brief, how it was configured, and what was heard on the way to it."""

    brief: Brief
    configuration: RunConfiguration
    texts: dict[str, str]
    """Artifacts known already, by path."""
    tape: Path
    heard: tuple[Event, ...] = ()


@dataclass(frozen=True)
class RunDoors:
    """The doors of one run, taped already; the notebook is made here."""

    engineer: Engineer
    executor: Executor
    examiner: Examiner
    clock: Clock
    watcher: Watcher


async def record_run(study: Study, run: OpenedRun, doors: RunDoors) -> RunRecord:
    """Run the pipeline in a nested MLflow run that ends with its true status and all its artifacts.

    Raises WorldError when the engineer, the executor or the store is gone for good.
    """
    notebook = await asyncio.to_thread(study.start_run, run.brief, run.configuration.layers, texts=run.texts)
    ledger = Ledger()
    for event in run.heard:
        Notebooks(ledger, notebook).note(event)
    told = Notebooks(ledger, notebook, doors.watcher)
    lab = Lab(
        engineer=NotedEngineer(doors.engineer, told),
        executor=doors.executor,
        notebook=told,
        examiner=doors.examiner,
        clock=doors.clock,
    )
    record = (await run_pipeline(run.brief, lab)).model_copy(update={"cost": ledger.cost})
    await asyncio.to_thread(notebook.finish, record, files={TAPE: run.tape})
    doors.watcher.run_ended(record)
    return record
