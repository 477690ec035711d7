"""One study in the store: its own run, and a nested run for each pass of the pipeline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from mlestar.errors import StoreUnavailable
from mlestar.records.base import Record
from mlestar.records.run import Brief, History, Layer, RunRecord, RunStatus
from mlestar.records.settings import Settings
from mlestar.records.task import Task
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.datasets import dataset_inputs
from mlestar.tracking.links import Look, look_at
from mlestar.tracking.model import publish
from mlestar.tracking.notebook import (
    FINAL_SCRIPT,
    FINAL_SUBMISSION,
    MLFLOW_STATUS,
    NOTE,
    REPORT,
    RunNotebook,
)
from mlestar.tracking.packing import pack
from mlestar.tracking.past import history_of, text_or_none
from mlestar.tracking.processes import process_tags
from mlestar.tracking.report import study_report
from mlestar.tracking.stories import stories_of
from mlestar.tracking.study_page import study_note, study_points
from mlestar.tracking.summary import summarize
from mlestar.tracking.sweep import SweepPoint, update_sweep
from mlestar.tracking.writer import Patience

REPRODUCES = "reproduces"
"""Tag of a study that executes the scripts of an earlier run anew: the id of that run."""
WINNER = {"best/solution.py": FINAL_SCRIPT, "best/submission.csv": FINAL_SUBMISSION}


class StudyPlan(Record):
    """What a study is opened with."""

    task: Task
    settings: Settings
    engineer: str
    runs: int
    resume: str | None
    project_run_id: str | None
    sweep: SweepPoint | None
    tags: dict[str, str]
    experiment: str
    traces: bool
    register_model: bool


class Study:
    """An open study; `study_id` is the id of its MLflow run."""

    def __init__(
        self,
        plan: StudyPlan,
        backend: MlflowBackend,
        study_id: str,
        experiment_id: str,
        wait: Patience,
        sweep_run_id: str | None = None,
    ) -> None:
        self.study_id = study_id
        self.experiment_id = experiment_id
        self.plan = plan
        self._backend = backend
        self._patience = wait
        self._runs: list[RunNotebook] = []
        self._sweep_run_id = sweep_run_id

    def history(self) -> History:
        """The study's runs so far, read from the store."""
        return self._patience.call(lambda: history_of(self._backend, self.plan.task.name, self.study_id, None))

    def look(self) -> Look:
        """Where a person sees the study."""
        return look_at(self._backend.uri, self.experiment_id, self.study_id, self.plan.task.metric.direction)

    def start_run(
        self, brief: Brief, setting_layers: Mapping[str, Layer] = {}, *, texts: Mapping[str, str] = {}
    ) -> RunNotebook:
        """Open a nested run for one pass of the pipeline; `texts` are artifacts known already, by path.

        The study's description tells from now on what the runs before came to.
        Raises StoreUnavailable when the store stays away.
        """
        started_at = time.time()
        tags = {**origin_tags(), **process_tags(), **self._run_tags(brief)}
        run_id = self._patience.call(
            lambda: self._backend.create_run(self.experiment_id, brief.run_id, tags, started_at)
        )
        record = RunRecord(brief=brief, status="running", started_at=started_at)
        summary = summarize(record, engineer=self.plan.engineer, mlflow_run_id=run_id, setting_layers=setting_layers)
        params = run_params(brief, setting_layers, self.plan.engineer)
        self._patience.call(lambda: self._backend.log(run_id, params=params, tags=pack(summary)))
        self._patience.call(lambda: self._backend.log_inputs(run_id, dataset_inputs(brief.task)))
        if texts:
            self._patience.call(lambda: self._backend.log_texts(run_id, texts))
        note = self._note(self.history())
        self._patience.call(lambda: self._backend.log(self.study_id, tags=note))
        run = RunNotebook(
            self._backend,
            self.experiment_id,
            run_id,
            traces=self.plan.traces,
            engineer=self.plan.engineer,
            setting_layers=setting_layers,
            patience=self._patience,
        )
        self._runs.append(run)
        return run

    def finish(
        self,
        status: RunStatus = "finished",
        *,
        texts: Mapping[str, str] = {},
        files: Mapping[str, Path] = {},
    ) -> History:
        """Write what the study came to, close it with its status, and return its history as the store has it."""
        history = self.history()
        points = study_points(history)
        tags = {**self._note(history), "status": status}
        self._patience.call(lambda: self._backend.log(self.study_id, points=points, tags=tags))
        known = [run.story for run in self._runs if run.story is not None]
        stories = self._patience.call(lambda: stories_of(self._backend, history, known))
        pages = {REPORT: study_report(stories, history), **self._patience.call(lambda: self._winner(history)), **texts}
        self._patience.call(lambda: self._backend.log_texts(self.study_id, pages))
        for path, file in files.items():
            self._patience.call(lambda path=path, file=file: self._backend.log_file(self.study_id, path, file))  # type: ignore[misc]
        self._publish(history)
        self._patience.call(lambda: self._backend.close(self.study_id, MLFLOW_STATUS[status]))
        self._patience.call(self._tell_sweep)
        return history

    def _note(self, history: History) -> dict[str, str]:
        """The description of the study's page, as the tag that MLflow shows."""
        direction = self.plan.task.metric.direction
        return {NOTE: study_note(history, self.experiment_id, direction, self.study_id)}

    def _tell_sweep(self) -> None:
        if self._sweep_run_id is not None:
            update_sweep(self._backend, self._sweep_run_id, self.experiment_id, self.plan.task.metric)

    def _publish(self, history: History) -> None:
        """Keep the best run's script as a model; a store without a model registry is no reason to fail a study."""
        best = history.best()
        script = None if best is None else text_or_none(self._backend, best.mlflow_run_id, FINAL_SCRIPT)
        if best is None or script is None or not self.plan.register_model:
            return
        try:
            said = publish(self._backend, self.plan.task, best, script).said
        except StoreUnavailable as error:
            said = f"not registered: {error}"
        self._patience.call(lambda: self._backend.log(self.study_id, tags={"registered_model": said}))

    def _winner(self, history: History) -> dict[str, str]:
        """The best run's script and submission, so that the study's page has them too."""
        best = history.best()
        if best is None:
            return {}
        found = {name: text_or_none(self._backend, best.mlflow_run_id, path) for name, path in WINNER.items()}
        return {name: text for name, text in found.items() if text is not None}

    def abandon(self, status: RunStatus = "killed") -> None:
        """Close the study and its open run at once; a store that does not answer is not waited for."""
        for run in self._runs:
            run.abandon(status)
        try:
            self._backend.log(self.study_id, tags={"status": status})
            self._backend.close(self.study_id, MLFLOW_STATUS[status])
            self._tell_sweep()
        except StoreUnavailable:
            return  # the next start finds the study stale and closes it

    def _run_tags(self, brief: Brief) -> dict[str, str]:
        task = self.plan.task
        return {
            **self.plan.tags,
            "kind": "pipeline",
            "study": self.study_id,
            "run": brief.run_id,
            "task": task.name,
            "task_digest": task.digest,
            "engineer": self.plan.engineer,
            "metric": task.metric.name,
            "direction": task.metric.direction,
            "status": "running",
            "mlflow.parentRunId": self.study_id,
        }


def run_params(brief: Brief, layers: Mapping[str, Layer], engineer: str) -> dict[str, str]:
    """The effective settings under dotted keys, and which of them the user and the Enhancer set."""
    params = {f"settings.{key}": word(value) for key, value in brief.settings.model_dump().items()}
    for layer in ("user", "enhancer"):
        params[f"layer.{layer}"] = ", ".join(key for key, from_layer in layers.items() if from_layer == layer) or "-"
    return {**params, "engineer": engineer, "validation": brief.task.validation.kind}


def origin_tags() -> dict[str, str]:
    """User, source and git commit, as MLflow finds them."""
    from mlflow.tracking.context.registry import resolve_tags

    return {str(key): str(value) for key, value in resolve_tags().items()}


def word(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
