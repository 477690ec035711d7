"""The notebook of one run: events become metrics, artifacts and spans of its MLflow run."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from mlestar.doors import Ledger
from mlestar.errors import StoreUnavailable
from mlestar.events import Event, Executed, Kept, PhaseEnded, Tried
from mlestar.records.run import Cost, Layer, RunRecord, RunStatus, RunSummary
from mlestar.tracking.backend import MlflowBackend, Point
from mlestar.tracking.final_state import final_state_text
from mlestar.tracking.packing import pack
from mlestar.tracking.report import Story, run_report
from mlestar.tracking.spans import Tracer
from mlestar.tracking.spending import Spending
from mlestar.tracking.summary import summarize
from mlestar.tracking.timeline import Chronicle
from mlestar.tracking.writer import Entry, Mark, Patience, Place, Text, Writer

MLFLOW_STATUS: dict[RunStatus, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}
FINAL_SCRIPT = "ensemble/final_solution.py"
FINAL_SUBMISSION = "ensemble/final/submission.csv"
FINAL_MODEL = "ensemble/final/model.pkl"
FINAL_FILES = {FINAL_SUBMISSION: "final/submission.csv", FINAL_MODEL: "final/model.pkl"}
NOTE = "mlflow.note.content"
TIMELINE = "timeline.json"
REPORT = "report.html"
ABANDON_SECONDS = 3.0


class RunNotebook:
    """Implements `doors.Notebook` for one pipeline run.

    `note` only queues. `check`, `finish` and `flush` raise StoreUnavailable when the store stayed away too long.
    """

    def __init__(
        self,
        backend: MlflowBackend,
        experiment_id: str,
        mlflow_run_id: str,
        *,
        traces: bool,
        engineer: str,
        setting_layers: Mapping[str, Layer],
        patience: Patience,
    ) -> None:
        self.mlflow_run_id = mlflow_run_id
        self._backend = backend
        self._engineer = engineer
        self._setting_layers = dict(setting_layers)
        self._patience = patience
        self._experiment_id = experiment_id
        self._tracer = Tracer(mlflow_run_id)
        self._traces = traces
        place = Place(experiment_id=experiment_id, run_id=mlflow_run_id, trace_id=self._tracer.trace_id)
        self._writer = Writer(backend, place, patience)
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._spending = Spending()
        self._tried = 0
        self._paths: dict[str, str] = {}
        self._chronicle = Chronicle()
        self._first_script = ""
        self._finished = False
        self.story: Story | None = None
        """What the report of the study shows of the run, once it is finished."""

    def note(self, event: Event) -> None:
        """Queue what the event says; quick, from any thread."""
        with self._lock:
            self._ledger.note(event)
            self._spending.note(event)
            self._chronicle.note(event)
            entries = self._entries(event)
            if self._traces:
                entries += self._tracer.spans(event)
        self._writer.put(*entries)

    def check(self) -> None:
        """Raise StoreUnavailable when events could not be written and were given up."""
        self._writer.check()

    def flush(self) -> None:
        """Wait until everything noted so far is in the store."""
        self._writer.flush()

    def finish(self, record: RunRecord, *, texts: Mapping[str, str] = {}, files: Mapping[str, Path] = {}) -> RunSummary:
        """Write the record and its artifacts, close the run with its status, and return its summary.

        `texts` and `files` are further artifacts by artifact path, for example the composed configuration. Waits for
        the store; raises StoreUnavailable when it stays away.
        """
        summary = self._summary(record)
        self._writer.put(*final_points(record, self._spending.metrics(), self._tried))
        if self._spending.models():
            self._writer.put(Mark(key="language_model", value=self._spending.models()))
        self._writer.put(*(Mark(key=k, value=v) for k, v in pack(summary).items()))
        self._writer.put(Mark(key="status", value=record.status), Mark(key=NOTE, value=run_note(summary)))
        self._writer.put(
            *(Text(path=path, text=text) for path, text in {**self._texts(record, summary), **texts}.items())
        )
        self._finish_trace(record)
        self._writer.flush()
        for path, file in {**final_files(record), **files}.items():
            self._patience.call(lambda path=path, file=file: self._backend.log_file(self.mlflow_run_id, path, file))  # type: ignore[misc]
        self._patience.call(lambda: self._backend.close(self.mlflow_run_id, MLFLOW_STATUS[record.status]))
        self._writer.close()
        self._finished = True
        return summary

    def abandon(self, status: RunStatus = "killed") -> None:
        """Close the run at once, whatever is still queued; a store that does not answer is not waited for.

        A run that is finished stays as it is.
        """
        if self._finished:
            return
        self._writer.put(Mark(key="status", value=status))
        self._writer.close(ABANDON_SECONDS)
        try:
            self._backend.close(self.mlflow_run_id, MLFLOW_STATUS[status])
        except StoreUnavailable:
            return  # the next start finds the run stale and closes it

    def _finish_trace(self, record: RunRecord) -> None:
        if not self._traces:
            return
        root = self._tracer.last(record)
        self._writer.put(root)
        self._writer.flush()
        self._patience.call(
            lambda: self._backend.close_trace(self._experiment_id, self.mlflow_run_id, self._tracer.trace_id, root)
        )

    def _texts(self, record: RunRecord, summary: RunSummary) -> dict[str, str]:
        texts = final_texts(record, summary)
        timeline = self._chronicle.timeline
        self.story = Story(
            summary=summary,
            timeline=timeline,
            first_script=self._first_script,
            final_script=texts.get(FINAL_SCRIPT, ""),
        )
        return {**texts, TIMELINE: timeline.model_dump_json(exclude_defaults=True), REPORT: run_report(self.story)}

    def _summary(self, record: RunRecord) -> RunSummary:
        best = record.best
        return summarize(
            record,
            engineer=self._engineer,
            mlflow_run_id=self.mlflow_run_id,
            setting_layers=self._setting_layers,
            best_path=None if best is None else self._paths.get(best.script.digest, FINAL_SCRIPT),
            path_of=lambda script: self._paths.get(script.digest),
        )

    def _entries(self, event: Event) -> list[Entry]:
        if isinstance(event, Tried):
            return self._tried_entries(event)
        if isinstance(event, Kept):
            return [Text(path=event.path, text=event.text)]
        if isinstance(event, PhaseEnded):
            return [Point(key=f"seconds_{event.phase}", value=event.seconds, at=event.at)]
        if isinstance(event, Executed) and event.execution.stderr_tail and event.execution.status != "ok":
            return [Text(path=f"logs/{event.scope.label or event.script_digest}.txt", text=event.execution.stderr_tail)]
        return []

    def _tried_entries(self, event: Tried) -> list[Entry]:
        step = self._tried
        self._tried += 1
        used = {key: value for key, value in cost_metrics(self._ledger.cost).items() if value}
        values = {"score": event.trial.score, "best_score": event.best_score, **used}
        entries: list[Entry] = [
            Point(key=key, value=value, step=step, at=event.at) for key, value in values.items() if value is not None
        ]
        if event.trial.score is not None and not self._first_script:
            self._first_script = event.trial.script.source
        if event.scope.label:
            self._paths.setdefault(event.trial.script.digest, event.scope.label)
            entries.append(Text(path=event.scope.label, text=event.trial.script.source))
        return entries


def cost_metrics(cost: Cost) -> dict[str, float | None]:
    """What a run used, under the names of its metrics."""
    return {
        "executions": cost.executions,
        "failures": cost.failures,
        "execution_seconds": cost.execution_seconds,
        "llm_calls": cost.calls,
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "usd": cost.usd,
    }


def run_note(summary: RunSummary) -> str:
    """The description of a run's page."""
    lines = [f"{summary.status}: {summary.error}"] if summary.error else []
    if summary.score is not None:
        audit = "" if summary.audit_score is None else f", audit {summary.audit_score:.6g}"
        lines.append(f"**{summary.metric.name} {summary.score:.6g}**{audit} by {summary.best_path}")
    if summary.strategy is not None:
        lines.append(f"Enhancer: {summary.strategy.strategic_summary}")
        lines += [f"- {goal.target_agent_phase}: {goal.focus}" for goal in summary.strategy.strategic_goals]
    return "\n\n".join([*lines, "Artifacts: report.html, ensemble/final_solution.py, ensemble/final/submission.csv"])


def final_points(record: RunRecord, spending: Mapping[str, float], step: int) -> list[Point]:
    """The metrics a run ends with."""
    values = {
        "best_score": None if record.best is None else record.best.score,
        "audit_score": record.audit_score,
        "seconds": record.seconds,
        **cost_metrics(record.cost),
        **spending,
    }
    at = time.time()
    return [Point(key=key, value=value, step=step, at=at) for key, value in values.items() if value is not None]


def final_texts(record: RunRecord, summary: RunSummary) -> dict[str, str]:
    """The text artifacts a run ends with."""
    texts = {"final_state.json": final_state_text(record), "run.json": summary.model_dump_json(indent=1)}
    final = record.submission.trial if record.submission is not None else record.best
    if final is not None:
        texts[FINAL_SCRIPT] = final.script.source
    return texts


def final_files(record: RunRecord) -> dict[str, Path]:
    """The file artifacts a run ends with: its submission, and what was fitted for it where the script left that."""
    folder = None if record.submission is None else record.submission.execution.folder
    files = {} if folder is None else {path: folder / name for path, name in FINAL_FILES.items()}
    return {path: file for path, file in files.items() if file.is_file()}
